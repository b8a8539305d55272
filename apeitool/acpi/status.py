"""The status block that firmware fills, and the data entries in it."""

import enum
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Self

from apeitool.cper.dialect import Choice
from apeitool.cper.flags import SectionFlags, flags_testimony, section_flags
from apeitool.cper.section import OpaqueSection, Section, SectionPart
from apeitool.cper.severity import Severity
from apeitool.cper.timestamp import Timestamp
from apeitool.wire.labels import Bits, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    GUID,
    NIL,
    U8,
    U16,
    U32,
    U64,
    Derived,
    Hex,
    Many,
    Named,
    Raw,
    Rest,
    Text,
    Unit,
    When,
    u32,
)

HEADER_LENGTH = 20


class BlockStatus(Word):
    """Block status; 0 says that no error is recorded."""

    uncorrectable_error_valid = Bits(0)
    correctable_error_valid = Bits(1)
    multiple_uncorrectable_errors = Bits(2)
    multiple_correctable_errors = Bits(3)
    error_data_entry_count = Bits(4, 10)


class EntryValid(enum.IntFlag):
    """Which fields of a data entry are facts; the timestamp exists from revision 0x0300 on."""

    FRU_ID = 1
    FRU_TEXT = 2
    TIMESTAMP = 4


class GenericErrorDataEntry(Structure):
    """What data entries of both revisions begin with.

    Shape:   64 bytes, little-endian; the section follows, behind the timestamp if there is one.
    Units:   error data length in bytes of the section alone.
    Source:  ACPI 6.5 18.3.2.7.1
    """

    section_type: Annotated[GUID, Derived(lambda e: e.section.guid)] = AUTO
    error_severity: Annotated[Severity, u32] = Severity.RECOVERABLE
    revision: Annotated[U16, Hex] = 0x0300
    validation_bits: Annotated[U8, EntryValid] = 0
    flags: Annotated[U8, SectionFlags, Named(section_flags)] = 0
    error_data_length: Annotated[U32, Unit("bytes"), Derived(lambda e: e.section.size)] = AUTO
    fru_id: Annotated[GUID, When(EntryValid.FRU_ID)] = NIL
    fru_text: Annotated[str, Text(20), When(EntryValid.FRU_TEXT)] = ""

    def testimony(self) -> Iterator[Choice]:
        return flags_testimony(self.flags)

    def check(self) -> Iterator[Problem]:
        section: Section = getattr(self, "section", OpaqueSection())
        if section.size < self.error_data_length:
            rule = f"{self.error_data_length} bytes said, {section.size} are there"
            yield self.trouble("section-truncated", "error_data_length", rule)


class GenericErrorDataEntryV2(GenericErrorDataEntry):
    """Generic Error Data Entry before ACPI 6.1: any revision below 0x0300.

    Shape:   64 bytes, then the section.
    Units:   error data length in bytes of the section alone.
    Raises:  Truncated when fewer than 64 bytes are given.
    Source:  ACPI 6.0 18.3.2.7.1
    """

    revision: Annotated[U16, Hex] = 0x0201
    section: Annotated[Section, SectionPart("section_type", length="error_data_length")] = (
        OpaqueSection()
    )


class GenericErrorDataEntryV3(GenericErrorDataEntry):
    """Generic Error Data Entry since ACPI 6.1: revision 0x0300, with a timestamp.

    Shape:   72 bytes, then the section.
    Units:   error data length in bytes of the section alone.
    Raises:  Truncated when fewer than 72 bytes are given.
    Source:  ACPI 6.5 18.3.2.7.1
    """

    timestamp: Annotated[U64, Hex, Timestamp, When(EntryValid.TIMESTAMP)] = 0
    section: Annotated[Section, SectionPart("section_type", length="error_data_length")] = (
        OpaqueSection()
    )

    def testimony(self) -> Iterator[Choice]:
        yield from super().testimony()
        if self.is_valid("timestamp"):
            yield Timestamp(self.timestamp).testimony()


def entry_type(buffer: bytes, position: int) -> type[GenericErrorDataEntry]:
    """Which of the two an entry is: its revision's major number tells, as Linux has it."""
    major = buffer[position + 21] if position + 22 <= len(buffer) else 0
    return GenericErrorDataEntryV3 if major >= 3 else GenericErrorDataEntryV2


MOST_COUNTED = 0x3FF
"""The largest entry count that block status has room for."""


def _status(block: Any) -> int:
    """Block status that says what the entries are."""
    if not block.entries:
        return 0
    bad = [e for e in block.entries if e.error_severity <= Severity.FATAL]
    good = len(block.entries) - len(bad)
    return BlockStatus.compose(
        uncorrectable_error_valid=bool(bad),
        correctable_error_valid=bool(good),
        multiple_uncorrectable_errors=len(bad) > 1,
        multiple_correctable_errors=good > 1,
        error_data_entry_count=min(len(block.entries), MOST_COUNTED),
    )


def _raw_offset(block: Any) -> int:
    """Where raw data goes: behind the error data and what lies between."""
    return HEADER_LENGTH + block.data_length + len(block.gap) if block.raw_data else 0


def _raw_start(block: Any) -> int:
    """Where the raw data begins if the block has any of its own, else 0."""
    behind = HEADER_LENGTH + block.data_length
    offset = int(block.raw_data_offset)
    return offset if block.raw_data_length and offset >= behind else 0


class StatusBlock(Structure):
    """Generic Error Status Block.

    Shape:   20 bytes, little-endian; data entries; raw data of the OEM.
    Units:   offsets from the start of the block and lengths, in bytes.
    Raises:  Truncated when fewer than 20 bytes are given.
    Source:  ACPI 6.5 18.3.2.7.1
    """

    block_status: Annotated[U32, Hex, BlockStatus, Derived(_status)] = AUTO
    raw_data_offset: Annotated[
        U32, Unit("bytes"), Derived(_raw_offset, last=True)
    ] = AUTO  # fmt: skip
    raw_data_length: Annotated[U32, Unit("bytes"), Derived(lambda b: len(b.raw_data))] = AUTO
    data_length: Annotated[
        U32, Unit("bytes"), Derived(lambda b: sum(e.size for e in b.entries) + len(b.unparsed))
    ] = AUTO
    error_severity: Annotated[Severity, u32] = Severity.RECOVERABLE
    entries: Annotated[
        Sequence[GenericErrorDataEntry],
        Many(
            lambda b, buffer, position, end: entry_type(buffer, position),
            until=lambda b: HEADER_LENGTH + b.data_length,
        ),
    ] = ()
    unparsed: Annotated[
        bytes, Raw(until=lambda b: HEADER_LENGTH + b.data_length), "error data that is no entry"
    ] = b""
    gap: Annotated[bytes, Raw(until=_raw_start), "between error data and raw data"] = b""
    raw_data: Annotated[
        bytes, Raw(length=lambda b: b.raw_data_length if _raw_start(b) else 0), "of the OEM"
    ] = b""
    trailing: Annotated[Rest, "behind the block"] = b""

    def sealed(self) -> Self:
        """A copy whose counts and lengths follow from what is in it."""
        if self.gap and not self.raw_data:
            # Without raw data there is nothing to be between.
            return self.replace(gap=b"", trailing=self.gap + self.trailing).sealed()
        return super().sealed()

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections of the entries."""
        return tuple(e.section for e in self.entries)  # type: ignore[attr-defined]

    @property
    def is_empty(self) -> bool:
        """Whether it says that no error is recorded (data of an earlier one may still be there)."""
        return not self.block_status

    def check(self) -> Iterator[Problem]:
        there = sum(e.size for e in self.entries)
        if there + len(self.unparsed) < self.data_length:
            rule = f"{self.data_length} bytes said, {there + len(self.unparsed)} are there"
            yield self.trouble("truncated", "data_length", rule)
        elif there + len(self.unparsed) > self.data_length:
            rule = f"{self.data_length} bytes said, the entries take {there + len(self.unparsed)}"
            yield self.trouble("data-length", "data_length", rule)
        elif self.unparsed:
            rule = f"{len(self.unparsed)} bytes of error data are no entry"
            yield self.trouble("entry-rest", "unparsed", rule)
        count = BlockStatus(self.block_status).error_data_entry_count
        if self.block_status and count != min(len(self.entries), MOST_COUNTED):
            yield self.trouble(
                "entry-count", "block_status", f"{count} said, {len(self.entries)} found"
            )
        if self.raw_data_length and not _raw_start(self):
            rule = f"raw data at {self.raw_data_offset:#x} lies inside the header or the error data"
            yield self.trouble("raw-data-place", "raw_data_offset", rule)
        elif len(self.raw_data) < self.raw_data_length:
            rule = f"{self.raw_data_length} bytes said, {len(self.raw_data)} are there"
            yield self.trouble("raw-data-truncated", "raw_data_length", rule)
