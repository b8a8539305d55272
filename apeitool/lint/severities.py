"""What the header of a status block or a record says of what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apeitool.acpi.status import BlockStatus, GenericErrorDataEntry, StatusBlock
from apeitool.cper.record import Record
from apeitool.cper.severity import Severity
from apeitool.lint.finding import Level
from apeitool.lint.rule import Faults, Place, rule

_WORST_FIRST = (
    Severity.FATAL,
    Severity.RECOVERABLE,
    Severity.CORRECTED,
    Severity.INFORMATIONAL,
)


def worst(severities: Iterable[Severity]) -> Severity | None:
    """The most severe of the severities that are defined."""
    known = [severity for severity in severities if severity in _WORST_FIRST]
    return min(known, key=_WORST_FIRST.index, default=None)


def _milder(header: Severity, parts: Sequence[Severity]) -> str:
    """What is wrong with a header that is milder than the worst of its parts; else nothing."""
    most = worst(parts)
    if most is None or worst((header, most)) == header or header not in _WORST_FIRST:
        return ""
    return f"{header.text}, but {most.text} is among its parts"


@rule(
    "block-severity", StatusBlock, Level.WARNING, "write the severity of its worst entry",
    "ACPI 6.5 18.3.2.7.1; Linux ghes_proc() panics by the block's severity alone",
)  # fmt: skip
def block_severity(block: StatusBlock, place: Place) -> Faults:
    """A status block is as severe as its most severe entry."""
    if said := _milder(block.error_severity, [e.error_severity for e in block.entries]):
        yield "error_severity", said


@rule("record-severity", Record, Level.WARNING, "write the severity of its worst section")
def record_severity(record: Record, place: Place) -> Faults:
    """A record is as severe as its most severe section."""
    parts = [d.section_severity for d in record.section_descriptors]
    if said := _milder(record.error_severity, parts):
        yield "error_severity", said


@rule("block-status-kind", StatusBlock, Level.WARNING, "set the bit of each kind that is there")
def block_status_kind(block: StatusBlock, place: Place) -> Faults:
    """Block status says uncorrectable or correctable where entries are, and of no kind that is not."""
    if not block.block_status or not block.entries:
        return
    status = BlockStatus(block.block_status)
    said = (bool(status.uncorrectable_error_valid), bool(status.correctable_error_valid))
    bad = [_is_uncorrected(entry) for entry in block.entries]
    if said != (there := (any(bad), not all(bad))):
        yield "block_status", f"it says {_kinds(*said)}, but its entries are {_kinds(*there)}"


def _kinds(uncorrectable: bool, correctable: bool) -> str:
    names = ["uncorrectable"] * uncorrectable + ["correctable"] * correctable
    return " and ".join(names) or "neither"


def _is_uncorrected(entry: GenericErrorDataEntry) -> bool:
    return entry.error_severity <= Severity.FATAL
