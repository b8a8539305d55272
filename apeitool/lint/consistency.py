"""What the sources of a HEST say of each other, and the fields of a source."""

from __future__ import annotations

from collections.abc import Iterator

from apeitool.acpi.hest.generic import NO_RELATED_SOURCE, Ghes, GhesV2
from apeitool.acpi.hest.machine_check import MachineCheckSource
from apeitool.acpi.hest.source import ErrorSource, SourceFlags
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntryV3, StatusBlock
from apeitool.lint.finding import Level
from apeitool.lint.rule import Faults, Place, rule
from apeitool.lint.spans import DIRECT, Span, doubles, overlaps, spans
from apeitool.registers.address import GenericAddress


def _sources(hest: Hest) -> Iterator[tuple[str, ErrorSource]]:
    """The sources of a table that have an id, each with its path."""
    for index, source in enumerate(hest.sources):
        if isinstance(source, ErrorSource):
            yield f"sources[{index}]", source


@rule(
    "related-source-missing", Hest, Level.ERROR,
    "name the source that this one assists, or write 0xffff",
)  # fmt: skip
def related_source_missing(hest: Hest, place: Place) -> Faults:
    """A related source is a source of the table."""
    ids = {NO_RELATED_SOURCE} | {source.source_id for _, source in _sources(hest)}
    for path, source in _sources(hest):
        if isinstance(source, Ghes) and source.related_source_id not in ids:
            said = f"the table has no source {source.related_source_id}"
            yield f"{path}.related_source_id", said


@rule(
    "related-source-no-assist", Hest, Level.WARNING,
    "set GHES_ASSIST in the related source, or write 0xffff",
)  # fmt: skip
def related_source_no_assist(hest: Hest, place: Place) -> Faults:
    """A related source asks for assistance: it is a machine check source with GHES_ASSIST."""
    others = {source.source_id: source for _, source in _sources(hest)}
    for path, source in _sources(hest):
        other = others.get(source.related_source_id) if isinstance(source, Ghes) else None
        if other is not None and not _asks_for_assistance(other):
            said = f"source {other.source_id} does not ask for assistance"
            yield f"{path}.related_source_id", said


@rule(
    "ghes-assist-alone", Hest, Level.WARNING,
    "add a generic source that is related to it, or clear GHES_ASSIST",
)  # fmt: skip
def ghes_assist_alone(hest: Hest, place: Place) -> Faults:
    """A source with GHES_ASSIST has a generic source that assists it."""
    helped = {s.related_source_id for s in hest.sources if isinstance(s, Ghes)}
    for path, source in _sources(hest):
        if _asks_for_assistance(source) and source.source_id not in helped:
            yield f"{path}.flags", f"no generic source is related to source {source.source_id}"


def _asks_for_assistance(source: ErrorSource) -> bool:
    flags = getattr(source, "flags", 0)
    return isinstance(source, MachineCheckSource) and bool(flags & SourceFlags.GHES_ASSIST)


@rule("register-overlap", Hest, Level.ERROR, "place the registers apart")
def register_overlap(hest: Hest, place: Place) -> Faults:
    """Registers of a table that begin at different addresses share no byte."""
    for one, other in overlaps(spans(hest)):
        yield other.path, f"{_owner(one)} takes {one.place}, and reaches into this one"


@rule("register-shared", Hest, Level.WARNING, "give each source registers of its own")
def register_shared(hest: Hest, place: Place) -> Faults:
    """Two registers of a table are not one: neither of two sources, nor address and read ack."""
    for one, other in doubles(spans(hest)):
        yield other.path, f"{_owner(one)} is at {one.start:#x} too"


def _owner(span: Span) -> str:
    return span.path.removesuffix(".address")


@rule("register-unaligned", GenericAddress, Level.WARNING, "align it to its access size")
def register_unaligned(register: GenericAddress, place: Place) -> Faults:
    """A register in memory or I/O space is aligned to its access."""
    length = register.access_size.length
    if length and register.address_space_id in DIRECT and register.address % length:
        yield "address", f"{register.address:#x} is not aligned to the {length} bytes of an access"


@rule(
    "block-length-content", Ghes, Level.WARNING,
    "reserve a longer block, or allow fewer sections or less raw data",
)  # fmt: skip
def block_length_content(source: Ghes, place: Place) -> Faults:
    """A source's block has room for its header, those of all sections, and all raw data at once."""
    sections = max(source.max_sections_per_record, 1)
    headers = StatusBlock.fixed_size + sections * GenericErrorDataEntryV3.fixed_size
    need, room = headers + source.max_raw_data_length, source.error_status_block_length
    if StatusBlock.fixed_size <= room < need:
        said = f"{room} bytes, but headers ({sections} of sections) and raw data take {need}"
        yield "error_status_block_length", said


@rule("read-ack-no-change", GhesV2, Level.ERROR, "keep all bits but one, and set that one")
def read_ack_no_change(source: GhesV2, place: Place) -> Faults:
    """Acknowledging changes the read ack register: else firmware cannot see it."""
    whole = ones(source.read_ack_register.register_bit_width)
    keeps_all = source.read_ack_preserve & whole == whole
    if source.read_ack_register.address and keeps_all and not source.read_ack_write & whole:
        yield "read_ack_write", "every bit is kept and none is set"


@rule("read-ack-write-lost", GhesV2, Level.WARNING, "set bits that the register has")
def read_ack_write_lost(source: GhesV2, place: Place) -> Faults:
    """The bits that acknowledging sets are bits of the read ack register."""
    lost = source.read_ack_write & ~ones(source.read_ack_register.register_bit_width)
    if source.read_ack_register.address and lost:
        width = source.read_ack_register.register_bit_width
        yield "read_ack_write", f"bits {lost:#x} lie outside the {width} bits of the register"


def ones(width: int) -> int:
    """A mask of so many bits."""
    return (1 << width) - 1
