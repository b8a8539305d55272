"""The Error Record Serialization Table."""

import enum
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from apeitool.acpi.action import (
    HEADER_SIZE,
    Entries,
    InstructionEntry,
    check_entries,
    entries_start,
)
from apeitool.acpi.header import Table
from apeitool.wire.labels import Label
from apeitool.wire.problem import Problem
from apeitool.wire.types import AUTO, U32, Derived, Hex, Raw, Rest, Unit, u8


class ErstAction(Label):
    """Serialization actions."""

    BEGIN_WRITE_OPERATION = 0
    BEGIN_READ_OPERATION = 1
    BEGIN_CLEAR_OPERATION = 2
    END_OPERATION = 3
    SET_RECORD_OFFSET = 4
    EXECUTE_OPERATION = 5
    CHECK_BUSY_STATUS = 6
    GET_COMMAND_STATUS = 7
    GET_RECORD_IDENTIFIER = 8
    SET_RECORD_IDENTIFIER = 9
    GET_RECORD_COUNT = 10
    BEGIN_DUMMY_WRITE_OPERATION = 11
    GET_ERROR_LOG_ADDRESS_RANGE = 13
    GET_ERROR_LOG_ADDRESS_RANGE_LENGTH = 14
    GET_ERROR_LOG_ADDRESS_RANGE_ATTRIBUTES = 15
    GET_EXECUTE_OPERATION_TIMINGS = 16


class CommandStatus(Label):
    """What GET_COMMAND_STATUS gives."""

    SUCCESS = 0
    NOT_ENOUGH_SPACE = 1
    HARDWARE_NOT_AVAILABLE = 2
    FAILED = 3
    RECORD_STORE_EMPTY = 4
    RECORD_NOT_FOUND = 5


class RangeAttributes(enum.IntFlag):
    """Attributes of the error log address range."""

    RESERVED = 1
    NON_VOLATILE = 2
    SLOW = 4


NO_RECORD = 0xFFFF_FFFF_FFFF_FFFF
"""The record identifier that says that there is none."""


class ErstInstructionEntry(InstructionEntry):
    """Serialization instruction entry.

    Shape:   32 bytes, little-endian.
    Source:  ACPI 6.5 18.5.1.2
    """

    action: Annotated[ErstAction, u8] = ErstAction.BEGIN_WRITE_OPERATION


class Erst(Table):
    """Error Record Serialization Table.

    Shape:   48 bytes, little-endian, then 32 for each instruction entry.
    Raises:  Truncated when fewer than 48 bytes are given.
    Source:  ACPI 6.5 18.5
    """

    spells: ClassVar[str] = "ERST"

    serialization_header_size: Annotated[U32, Unit("bytes")] = HEADER_SIZE
    reserved: Annotated[U32, Hex] = 0
    instruction_entry_count: Annotated[U32, Derived(lambda t: len(t.entries))] = AUTO
    header_rest: Annotated[
        bytes,
        Raw(until=entries_start("instruction_entry_count", "serialization_header_size")),
        "of a header that is longer",
    ] = b""
    entries: Annotated[
        Sequence[ErstInstructionEntry],
        Entries(ErstInstructionEntry, count="instruction_entry_count", until="length"),
    ] = ()
    unparsed: Annotated[bytes, Raw(until="length"), "no entry, but in the table"] = b""
    trailing: Annotated[Rest, "behind the table"] = b""

    def check(self) -> Iterator[Problem]:
        yield from super().check()
        yield from check_entries(self, "instruction_entry_count", "serialization_header_size")
