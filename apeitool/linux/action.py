"""What Linux accepts of EINJ, ERST and a trigger table, at boot and before it triggers an error.

Pure functions over objects, as in `apeitool.linux.accept`.  Read in Debian's sources of 6.1.192, 6.12.95 and
7.2.13, which differ only where a feature says so; ERST was seen on 6.1.192 too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from apeitool.acpi.action import HEADER_SIZE, Instruction, InstructionEntry, actions
from apeitool.acpi.einj import (
    INSTRUCTIONS,
    Einj,
    EinjAction,
    EinjInstructionEntry,
    SetErrorTypeWithAddress,
    TriggerActionTable,
)
from apeitool.acpi.erst import Erst, ErstAction
from apeitool.acpi.header import HEADER_LENGTH
from apeitool.linux.accept import EINVAL, FW_BUG, FW_WARN, Verdict, check_gar
from apeitool.linux.features import Features
from apeitool.registers.address import AddressSpace

ENOENT = -2

CHECK = "Linux einj_check_table() and erst_check_table(), drivers/acpi/apei/{einj-core,erst}.c"
RUN = "Linux apei_exec_for_each_entry(), drivers/acpi/apei/apei-base.c"
TYPES = "Linux einj_probe(), drivers/acpi/apei/einj-core.c"
RANGE = "Linux erst_get_erange(), drivers/acpi/apei/erst.c"
TRIGGER = "Linux einj_check_trigger_header(), drivers/acpi/apei/einj-core.c"
OPERAND = "Linux erst_exec_stall() and its like, drivers/acpi/apei/erst.c"

PAGE = 4096
"""Linux maps no more of a trigger table, where its pages are of this size."""


class Fault(NamedTuple):
    """A field that Linux refuses, and what it has against it."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class ActionVerdict(Verdict):
    """What Linux makes of an action table; ``path`` leads to the field that it refuses."""

    path: str = ""


_READY = {
    Einj: "EINJ: Error INJection is initialized.",
    Erst: "ERST: Error Record Serialization Table (ERST) support is initialized.",
}
_INVALID = {
    Einj: f"EINJ: {FW_BUG}Invalid EINJ table.",
    Erst: f"ERST: {FW_BUG}ERST table is invalid.",
}
_TRIGGER_INVALID = f"EINJ: {FW_BUG}Invalid trigger error action table."


def check_table(table: Einj | Erst, features: Features) -> ActionVerdict:
    """Whether Linux takes an EINJ or ERST table into use, as far as the table alone decides.

    The registers' addresses must be free, and firmware must answer; both are taken for granted.
    """
    for fault in header_faults(table):
        return ActionVerdict(False, EINVAL, (_INVALID[type(table)],), CHECK, fault.path)
    absent = types_fault(table)
    if absent and features.runs_get_error_type:
        return ActionVerdict(False, ENOENT, (), TYPES, absent.path)
    for index, entry in enumerate(table.entries):
        verdict = check_entry(entry)
        if not verdict.accepted:
            said = ("EINJ: Error collecting EINJ resources.",) if isinstance(table, Einj) else ()
            messages = (*verdict.messages, *said)
            return ActionVerdict(False, EINVAL, messages, verdict.source, f"entries[{index}]")
    if absent := range_fault(table):
        failed = "ERST: Failed to get Error Log Address Range."
        return ActionVerdict(False, ENOENT, (failed,), RANGE, absent.path)
    return ActionVerdict(True, 0, (_READY[type(table)],), CHECK)


def header_faults(table: Einj | Erst) -> Iterator[Fault]:
    """What is wrong with the header: any of it refuses the table."""
    name = "injection_header_size" if isinstance(table, Einj) else "serialization_header_size"
    size = getattr(table, name)
    if size not in (HEADER_SIZE, HEADER_SIZE - HEADER_LENGTH):
        yield Fault(name, f"{size}, but it is 48 or 12")
    if table.length < HEADER_SIZE:
        yield Fault("length", f"{table.length} bytes, but the header takes {HEADER_SIZE}")
        return
    name = "injection_entry_count" if isinstance(table, Einj) else "instruction_entry_count"
    room = (table.length - HEADER_SIZE) // InstructionEntry.fixed_size
    if (count := getattr(table, name)) != room:
        yield Fault(name, f"{count}, but the length has room for {room}")


def check_entry(entry: InstructionEntry) -> Verdict:
    """Whether an instruction is known, and its register one that Linux can access."""
    number = int(entry.instruction)
    if not _is_known(entry):
        line = f"{FW_WARN}APEI: Invalid action table, unknown instruction type: {number}"
        return Verdict(False, EINVAL, (line,), RUN)
    return check_gar(entry.register_region) if accesses_register(entry) else Verdict(True)


def _is_known(entry: InstructionEntry) -> bool:
    """Whether the table's interpreter has the instruction."""
    known = INSTRUCTIONS if isinstance(entry, EinjInstructionEntry) else range(len(Instruction))
    return int(entry.instruction) in known


_WITHOUT_REGISTER = frozenset(
    {
        Instruction.NOOP,
        Instruction.ADD,
        Instruction.SUBTRACT,
        Instruction.STALL,
        Instruction.GOTO,
    }
)


def accesses_register(entry: InstructionEntry) -> bool:
    """Whether an instruction has its register checked, mapped and accessed."""
    return _is_known(entry) and entry.instruction not in _WITHOUT_REGISTER


def types_fault(table: Einj | Erst) -> Fault | None:
    """GET_ERROR_TYPE missing from EINJ: newer kernels run it first of all, and fail silently."""
    if isinstance(table, Einj) and EinjAction.GET_ERROR_TYPE not in actions(table.entries):
        return Fault("entries", "there is no GET_ERROR_TYPE")
    return None


_RANGE = (
    ErstAction.GET_ERROR_LOG_ADDRESS_RANGE,
    ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_LENGTH,
    ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_ATTRIBUTES,
)


def range_fault(table: Einj | Erst) -> Fault | None:
    """An action missing from ERST that Linux asks for the error log's address range."""
    there = actions(table.entries)
    for action in _RANGE if isinstance(table, Erst) else ():
        if action not in there:
            return Fault("entries", f"there is no {action.name}")
    return None


_OPERANDS = frozenset(
    {
        Instruction.ADD_VALUE,
        Instruction.SUBTRACT_VALUE,
        Instruction.STALL,
        Instruction.STALL_WHILE_TRUE,
        Instruction.SKIP_NEXT_INSTRUCTION_IF_TRUE,
        Instruction.GOTO,
    }
)


def ignores_value(entry: InstructionEntry) -> bool:
    """Whether Linux takes another operand than the entry's value: what was read or written last."""
    return not isinstance(entry, EinjInstructionEntry) and entry.instruction in _OPERANDS


def check_trigger(table: TriggerActionTable) -> ActionVerdict:
    """Whether Linux executes a trigger table that firmware leads it to; an empty one is fine."""
    if fault := trigger_fault(table):
        return ActionVerdict(False, EINVAL, (_TRIGGER_INVALID,), TRIGGER, fault.path)
    for index, entry in enumerate(table.entries):
        verdict = check_entry(entry)
        if not verdict.accepted:
            return ActionVerdict(
                False, EINVAL, verdict.messages, verdict.source, f"entries[{index}]"
            )
    return ActionVerdict(True, 0, (), TRIGGER)


def trigger_fault(table: TriggerActionTable) -> Fault | None:
    """What is wrong with the header of a trigger table, the first of it."""
    size, head = table.table_size, TriggerActionTable.fixed_size
    room = (size - head) // InstructionEntry.fixed_size
    if table.header_size != head:
        return Fault("header_size", f"{table.header_size}, but it is {head}")
    if not head <= size <= PAGE:
        return Fault("table_size", f"{size}, but it is {head} to {PAGE}")
    if table.entry_count != room:
        return Fault("entry_count", f"{table.entry_count}, but the size has room for {room}")
    return None


def parameter_address(entries: Sequence[InstructionEntry]) -> int | None:
    """Where Linux looks for the SET_ERROR_TYPE_WITH_ADDRESS structure of an EINJ, if anywhere.

    Source:  Linux einj_get_parameter_address(), drivers/acpi/apei/einj-core.c
    """
    found = 0
    for entry in actions(entries).get(EinjAction.SET_ERROR_TYPE_WITH_ADDRESS, ()):
        is_memory = entry.register_region.address_space_id == AddressSpace.SYSTEM_MEMORY
        if is_memory and entry.instruction == Instruction.WRITE_REGISTER:
            found = entry.register_region.address
    return found or None


PARAMETER_LENGTH = SetErrorTypeWithAddress.fixed_size
"""Bytes of that structure without its extensions."""
