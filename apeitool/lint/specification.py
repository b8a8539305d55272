"""What the specification says of values: each rule about one structure alone.

What a declaration checks by itself is not repeated here, only judged: `judged`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator

from apeitool.acpi.bert import Bert
from apeitool.acpi.einj import Einj, EinjAction, Einjv2Extension
from apeitool.acpi.erst import Erst
from apeitool.acpi.header import Table
from apeitool.acpi.hest.generic import Ghes
from apeitool.acpi.hest.machine_check import ErrorBank, MachineCheckSource
from apeitool.acpi.hest.pcie_aer import AerSource
from apeitool.acpi.hest.source import (
    ErrorSource,
    ErrorSourceStructure,
    FutureSource,
    ReservedSource,
    SourceFlags,
    SourceType,
)
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntry, StatusBlock
from apeitool.cper.guids import LINUX_PSTORE
from apeitool.cper.record import Record
from apeitool.cper.severity import Severity
from apeitool.cper.timestamp import Timestamp
from apeitool.lint.finding import Level
from apeitool.lint.rule import Faults, Place, rule
from apeitool.registers.address import AddressSpace
from apeitool.wire.labels import Label, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Field, Structure

_MILD = {
    (Structure, "table-rest"),
    (Structure, "notification-length"),
    (StatusBlock, "entry-count"),
    (Structure, "valid-but-absent"),
}
"""Problems that consumers read over: real firmware has them."""

_ADVICE = (
    (r"truncated|short|absent", "take the whole of it, or correct the length"),
    (r"signature$", "it may be of another kind; say which with --as"),
    (r"source-id$", "give each source an id of its own"),
    (r"source-type$", "use a type that is defined: others have no length to walk past them"),
    (r"(rest|place)$", "correct the count, the length or the offset that leaves these bytes out"),
    (r"", "correct the field"),
)


def judged(structure: Structure, problem: Problem) -> tuple[Level, str]:
    """How much a problem of a structure matters, and what to do about it."""
    mild = any(isinstance(structure, kind) and problem.id == id for kind, id in _MILD)
    advice = next(text for fits, text in _ADVICE if re.search(fits, problem.id))
    if any(f.name == problem.path and f.derived for f in structure.fields):
        advice += ", or let encode --sealed compute it"
    return Level.WARNING if mild else Level.ERROR, advice


@rule("reserved-not-zero", Structure, Level.WARNING, "write 0: a later revision may use it")
def reserved_not_zero(structure: Structure, place: Place) -> Faults:
    """Reserved fields are zero."""
    for field in structure.fields:
        if field.name.startswith("reserved") or field.doc == "reserved":
            value = getattr(structure, field.name)
            if any(value) if isinstance(value, bytes) else value:
                said = value.hex() if isinstance(value, bytes) else f"{value:#x}"
                yield field.name, f"reserved, but {said}"


@rule("undefined-bits", Structure, Level.WARNING, "clear them: a later revision may use them")
def undefined_bits(structure: Structure, place: Place) -> Faults:
    """Bits that no flag and no range names are clear."""
    for field, value in _facts(structure):
        kind = field.view if field.named is None else field.named.choose(structure)
        if kind is not None and value & ~_defined(kind):
            yield field.name, f"bits {value & ~_defined(kind):#x} are not defined"


def _facts(structure: Structure) -> Iterator[tuple[Field, int]]:
    """The integers of a structure that are facts, in the form that the specification has."""
    # Linux's own store puts seconds since 1970 where others put BCD.
    is_linux = isinstance(structure, Record) and str(structure.creator_id) == LINUX_PSTORE
    for field in structure.fields:
        value = getattr(structure, field.name)
        is_fact = structure.is_valid(field.name) and not (is_linux and field.view is Timestamp)
        if isinstance(value, int) and is_fact:
            yield field, value


def _defined(kind: type[enum.IntFlag | Word]) -> int:
    if issubclass(kind, Word):
        return sum(bits.mask for bits in kind.ranges.values())
    return sum(int(member) for member in kind)


@rule("unknown-value", Structure, Level.WARNING, "use a value that the specification names")
def unknown_value(structure: Structure, place: Place) -> Faults:
    """Enumerations have one of their values; severities and source types have rules of their own."""
    if isinstance(structure, ReservedSource | FutureSource):
        return
    for field, value in _facts(structure):
        if isinstance(value, Label) and not isinstance(value, Severity) and not value.is_known:
            if isinstance(value, AddressSpace) and value >= FIRST_OEM_SPACE:
                continue
            yield field.name, f"{int(value)} is no {field.type.__name__} that is defined"


FIRST_OEM_SPACE = 0xC0
"""Address spaces from here on belong to the OEM."""


@rule("severity-unknown", Structure, Level.ERROR, "use 0 recoverable, 1 fatal, 2 corrected, 3 none")
def severity_unknown(structure: Structure, place: Place) -> Faults:
    """A severity is 0 to 3."""
    for field, value in _facts(structure):
        if isinstance(value, Severity) and not value.is_known:
            yield field.name, f"{int(value)}, but severities are 0 to 3"


REVISIONS: dict[type[Table], tuple[int, ...]] = {
    Hest: (1, 2),
    Bert: (1,),
    Einj: (1, 2),
    Erst: (1,),
}
"""Revisions of the tables, up to ACPI 6.6."""


@rule("table-revision", Table, Level.WARNING, "write the revision of the table that was built")
def table_revision(table: Table, place: Place) -> Faults:
    """A table has a revision that exists."""
    known = REVISIONS.get(type(table), (table.revision,))
    if table.revision not in known:
        yield "revision", f"{table.revision}, but it is {' or '.join(map(str, known))}"


@rule(
    "einjv2-revision", Einj, Level.WARNING, "write revision 2, or leave the action out",
    "ACPI 6.6 18.6.1",
)  # fmt: skip
def einjv2_revision(table: Einj, place: Place) -> Faults:
    """The actions of EINJv2 are of revision 2."""
    for index, entry in enumerate(table.entries):
        if table.revision < 2 and entry.action in EINJV2_ACTIONS:
            said = f"{entry.action.name}, but the table has revision {table.revision}"
            yield f"entries[{index}].action", said


EINJV2_ACTIONS = (EinjAction.EINJV2_SET_ERROR_TYPE, EinjAction.EINJV2_GET_ERROR_TYPE)


ENTRY_REVISIONS = (0x0201, 0x0300)


@rule("entry-revision", GenericErrorDataEntry, Level.NOTE, "write 0x0300, with a timestamp field")
def entry_revision(entry: GenericErrorDataEntry, place: Place) -> Faults:
    """A data entry has revision 0x0201, or 0x0300 since ACPI 6.1."""
    if entry.revision not in ENTRY_REVISIONS:
        yield "revision", f"{entry.revision:#06x}, but it is 0x0201 or 0x0300"


@rule("extension-revision", Einjv2Extension, Level.WARNING, "write 1")
def extension_revision(extension: Einjv2Extension, place: Place) -> Faults:
    """The EINJv2 extension has revision 1."""
    if extension.revision != 1:
        yield "revision", f"{extension.revision}, but it is 1"


@rule(
    "ghes-assist-firmware-first", MachineCheckSource, Level.ERROR,
    "clear one of them: firmware handles the error first, or it assists",
)  # fmt: skip
def ghes_assist_firmware_first(source: MachineCheckSource, place: Place) -> Faults:
    """GHES_ASSIST is reserved where FIRMWARE_FIRST is set."""
    both = SourceFlags.GHES_ASSIST | SourceFlags.FIRMWARE_FIRST
    flags = getattr(source, "flags", 0)
    if flags & both == both:
        yield "flags", f"{flags:#x} has both GHES_ASSIST and FIRMWARE_FIRST"


@rule("source-flag-misplaced", ErrorSource, Level.WARNING, "clear it")
def source_flag_misplaced(source: ErrorSource, place: Place) -> Faults:
    """GLOBAL is a flag of AER sources only, GHES_ASSIST of machine check sources only."""
    flags = getattr(source, "flags", 0)
    if isinstance(source, MachineCheckSource) and flags & SourceFlags.GLOBAL:
        yield "flags", "GLOBAL is a flag of AER sources"
    elif isinstance(source, AerSource) and flags & SourceFlags.GHES_ASSIST:
        yield "flags", "GHES_ASSIST is a flag of machine check sources"


SINGLE = (
    SourceType.IA32_MACHINE_CHECK,
    SourceType.IA32_CORRECTED_MACHINE_CHECK,
    SourceType.IA32_NMI,
)


@rule(
    "source-single", Hest, Level.ERROR, "describe all processors in one source of the type",
    "ACPI 6.5 18.3.2.1 to 18.3.2.3",
)  # fmt: skip
def source_single(hest: Hest, place: Place) -> Faults:
    """A table has one source at most of each of the types 0, 1 and 2."""
    seen: set[int] = set()
    for index, source in enumerate(hest.sources):
        if not isinstance(source, ErrorSourceStructure):
            continue
        if source.type in SINGLE and source.type in seen:
            yield f"sources[{index}].type", f"there is one of type {int(source.type)} before"
        seen.add(source.type)


@rule("records-to-preallocate", ErrorSource, Level.WARNING, "write 1 or more")
def records_to_preallocate(source: ErrorSource, place: Place) -> Faults:
    """A source has room for one record at least."""
    if getattr(source, "number_of_records_to_preallocate", 1) == 0:
        yield "number_of_records_to_preallocate", "0, but it is 1 or more"


@rule("sections-per-record", ErrorSource, Level.WARNING, "write 1 or more")
def sections_per_record(source: ErrorSource, place: Place) -> Faults:
    """A record of a source has room for one section at least."""
    if getattr(source, "max_sections_per_record", 1) == 0:
        yield "max_sections_per_record", "0, but it is 1 or more"


@rule("enabled-value", ErrorSource, Level.WARNING, "write 0 or 1")
def enabled_value(source: ErrorSource, place: Place) -> Faults:
    """Enabled is 0 or 1."""
    enabled = getattr(source, "enabled", 0)
    if enabled > 1:
        yield "enabled", f"{enabled}, but it is 0 or 1"


@rule("clear-status-value", ErrorBank, Level.WARNING, "write 0 to clear it, 1 to leave it")
def clear_status_value(bank: ErrorBank, place: Place) -> Faults:
    """Clear Status On Initialization is 0 or 1."""
    if bank.clear_status_on_initialization > 1:
        said = f"{bank.clear_status_on_initialization}, but it is 0 or 1"
        yield "clear_status_on_initialization", said


@rule("block-length-header", Ghes, Level.ERROR, "reserve what the largest block takes")
def block_length_header(source: Ghes, place: Place) -> Faults:
    """A source's block has room for the header of a status block."""
    if source.error_status_block_length < StatusBlock.fixed_size:
        said = f"{source.error_status_block_length} bytes, but a header takes 20"
        yield "error_status_block_length", said


@rule(
    "status-address-register", Ghes, Level.WARNING,
    "use a quadword in memory that holds the block's address",
)  # fmt: skip
def status_address_register(source: Ghes, place: Place) -> Faults:
    """The error status address is a register of eight bytes in memory."""
    register = source.error_status_address
    if register.address_space_id != AddressSpace.SYSTEM_MEMORY:
        space = register.address_space_id.text
        yield "error_status_address.address_space_id", f"{space}, but it is system memory"
    elif register.register_bit_width != 64:
        said = f"{register.register_bit_width} bits, but they are 64"
        yield "error_status_address.register_bit_width", said


@rule("region-address", Bert, Level.ERROR, "write the address of the region")
def region_address(table: Bert, place: Place) -> Faults:
    """A boot error region has an address."""
    if not table.boot_error_region and table.boot_error_region_length:
        said = f"0, but the region has {table.boot_error_region_length} bytes"
        yield "boot_error_region", said
