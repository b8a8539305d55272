"""The same errors in another carrier: section, status block, record.

Each has fields that another has no place for.  What is lost on the way is said, never dropped in
silence; what a carrier needs and the source does not tell has its default.

Source:  ACPI 6.5 18.3.2.7.1 and UEFI 2.10 N.2 (fields that mean the same have the same names)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import singledispatch
from typing import Any, NamedTuple

from apeitool.acpi.bert import BootErrorRegion
from apeitool.acpi.status import (
    EntryValid,
    GenericErrorDataEntry,
    GenericErrorDataEntryV2,
    GenericErrorDataEntryV3,
    StatusBlock,
)
from apeitool.cper.described import DescribedSection
from apeitool.cper.dialect import dialect_of, using
from apeitool.cper.record import (
    DescriptorValid,
    Record,
    RecordValid,
    SectionDescriptor,
    notification_guid,
)
from apeitool.cper.section import Gap, Section
from apeitool.cper.severity import Severity
from apeitool.cper.timestamp import Timestamp
from apeitool.errors import EncodeError
from apeitool.wire.record import Structure


class Converted(NamedTuple):
    """Objects of another kind that say the same, and what they have no place for."""

    things: tuple[Structure, ...]
    lost: tuple[str, ...] = ()


class Reported(NamedTuple):
    """One error: a section with what is said around it, wherever that stands."""

    section: Section
    severity: Severity
    said: dict[str, Any]
    """Fields that an entry and a descriptor both have: flags, FRU."""
    timestamp: int | None = None


_SAME = ("flags", "fru_id", "fru_text")
_FRU = int(DescriptorValid.FRU_ID | DescriptorValid.FRU_TEXT)


@singledispatch
def reports(thing: Structure) -> Iterator[Reported]:
    """The errors that an object reports.

    Raises:  EncodeError when it is of a kind that reports none.
    """
    raise EncodeError(f"{type(thing).__name__} holds no error", path=type(thing).__name__)


@reports.register
def _section(section: Section) -> Iterator[Reported]:
    yield Reported(section, Severity.RECOVERABLE, {})


@reports.register
def _entry(entry: GenericErrorDataEntry) -> Iterator[Reported]:
    stamp = None
    if isinstance(entry, GenericErrorDataEntryV3) and entry.is_valid("timestamp"):
        stamp = entry.timestamp
    if isinstance(entry, GenericErrorDataEntryV2 | GenericErrorDataEntryV3):
        yield Reported(entry.section, entry.error_severity, _around(entry), stamp)


@reports.register
def _block(block: StatusBlock) -> Iterator[Reported]:
    for entry in block.entries:
        yield from reports(entry)


@reports.register
def _region(region: BootErrorRegion) -> Iterator[Reported]:
    for block in region.blocks:
        yield from reports(block)


@reports.register
def _record(record: Record) -> Iterator[Reported]:
    stamp = _bcd(record)
    for descriptor, section in zip(record.section_descriptors, record.sections, strict=True):
        yield Reported(section, descriptor.section_severity, _around(descriptor), stamp)


@reports.register
def _behind(described: DescribedSection) -> Iterator[Reported]:
    descriptor = described.descriptor
    yield Reported(described.section, descriptor.section_severity, _around(descriptor))


def _around(thing: SectionDescriptor | GenericErrorDataEntry) -> dict[str, Any]:
    said = {name: getattr(thing, name) for name in _SAME}
    return {**said, "validation_bits": thing.validation_bits & _FRU}


def _bcd(record: Record) -> int | None:
    """The timestamp of a record in BCD, however its producer wrote it; None if it has none."""
    moment = record.moment
    if moment is None:
        return None
    precise = Timestamp(record.timestamp).precise if not moment.tzinfo else False
    return int(Timestamp.of(moment, precise=bool(precise)))


def to_sections(thing: Structure) -> Converted:
    """The bare sections of an object.

    Raises:  EncodeError when the object is of a kind that reports no errors.
    """
    found = [*reports(thing)]
    lost = [*_lost_around(thing)]
    if not isinstance(thing, Section):
        lost += ["severities, flags, FRU and timestamps of the sections"]
    return Converted(tuple(one.section for one in found), tuple(lost))


def to_described(thing: Structure) -> Converted:
    """The sections of an object, each behind a descriptor of its own.

    Raises:  EncodeError when the object is of a kind that reports no errors.
    """
    if isinstance(thing, DescribedSection):
        return Converted((thing,))
    found = [*reports(thing)]
    lost = [*_lost_around(thing)]
    if any(one.timestamp is not None for one in found):
        lost.append("the time of the errors")
    made = (DescribedSection(section=one.section) for one in found)
    things = (
        described.replace(
            descriptor=described.descriptor.replace(section_severity=one.severity, **one.said)
        )
        for described, one in zip(made, found, strict=True)
    )
    return Converted(tuple(things), tuple(lost))


def to_blocks(thing: Structure, severity: Severity | None = None) -> Converted:
    """The status block that reports the same errors; of a region each of its blocks.

    ``severity`` is that of a bare section, which has none of its own.

    Raises:  EncodeError when the object is of a kind that reports no errors.
    """
    if isinstance(thing, StatusBlock):
        return Converted((thing,))
    if isinstance(thing, BootErrorRegion):
        return Converted(tuple(thing.blocks), _left(thing.room, "behind the last block"))
    found = [*reports(thing)]
    entries = [
        GenericErrorDataEntryV3(
            section=one.section, error_severity=_severity(thing, one, severity), **_in_entry(one)
        )
        for one in found
    ]
    block = StatusBlock(entries=entries, error_severity=_whole(thing, entries, severity))
    lost = [*_lost_around(thing)]
    if any(one.said.get("flags", 0) > _ENTRY_FLAGS for one in found):
        lost.append("section flags above bit 7: an entry has a byte of them")
    return Converted((block,), tuple(lost))


_ENTRY_FLAGS = 0xFF


def _in_entry(one: Reported) -> dict[str, Any]:
    said = {**one.said, "flags": one.said.get("flags", 0) & _ENTRY_FLAGS}
    if one.timestamp is not None:
        said["timestamp"] = one.timestamp
        said["validation_bits"] |= int(EntryValid.TIMESTAMP)
    return said


def to_records(thing: Structure, severity: Severity | None = None) -> Converted:
    """A record that reports the same errors; of a region a record for each of its blocks.

    ``severity`` is that of a bare section, which has none of its own.

    Raises:  EncodeError when the object is of a kind that reports no errors.
    """
    if isinstance(thing, Record):
        return Converted((thing,))
    if isinstance(thing, BootErrorRegion):
        parts = [to_records(block, severity) for block in thing.blocks]
        lost = [said for part in parts for said in part.lost]
        return Converted(
            tuple(record for part in parts for record in part.things),
            (*lost, *_left(thing.room, "behind the last block")),
        )
    found = [*reports(thing)]
    stamps = {one.timestamp for one in found} - {None}
    header: dict[str, Any] = {}
    if len(stamps) == 1:
        (stamp,) = stamps
        header = {"timestamp": stamp, "validation_bits": int(RecordValid.TIMESTAMP)}
    record = Record(
        body=tuple(one.section for one in found),
        error_severity=_whole(thing, found, severity),
        notification_type=notification_guid("CPE"),
        **header,
    )
    described = (
        descriptor.replace(**one.said, section_severity=_severity(thing, one, severity))
        for descriptor, one in zip(record.section_descriptors, found, strict=True)
    )
    record = record.replace(section_descriptors=tuple(described))
    lost = [*_lost_around(thing)]
    if len(stamps) > 1:
        lost.append("timestamps of the entries, which differ: a record has one")
    return Converted((record,), tuple(lost))


def _severity(thing: Structure, one: Reported, given: Severity | None) -> Severity:
    """What is given is for a bare section, which does not say how bad it was."""
    return given if given is not None and isinstance(thing, Section) else one.severity


_WORST = (Severity.FATAL, Severity.RECOVERABLE, Severity.CORRECTED, Severity.INFORMATIONAL)


def _whole(thing: Structure, parts: Iterable[Any], given: Severity | None) -> Severity:
    """The severity that the object says, the given one, or the worst of its parts."""
    if isinstance(thing, Record | StatusBlock):
        return thing.error_severity
    if given is not None:
        return given
    return worst(getattr(part, "error_severity", getattr(part, "severity", None)) for part in parts)


def worst(severities: Iterable[Severity | None]) -> Severity:
    """The worst of them; recoverable where none is known."""
    said = set(severities)
    return next((severity for severity in _WORST if severity in said), Severity.RECOVERABLE)


@singledispatch
def _lost_around(thing: Structure) -> Iterator[str]:
    """What stands around the sections of an object, and has no place elsewhere."""
    return iter(())


_NAMED = ("platform_id", "partition_id", "creator_id", "notification_type", "record_id", "flags")


@_lost_around.register
def _of_record(record: Record) -> Iterator[str]:
    fresh = Record()
    kept = [
        name
        for name in (*_NAMED, "persistence_information")
        if getattr(record, name) != getattr(fresh, name)
    ]
    if kept:
        yield f"of the header: {', '.join(kept)}"
    gaps = sum(len(node.data) for node in record.body if isinstance(node, Gap))
    yield from _left(bytes(gaps), "between the sections")
    yield from _left(record.trailing, "behind the record")
    with using(dialect_of(record)):
        if record.is_valid("timestamp") and record.moment is None:
            yield "the timestamp, which is no date"


@_lost_around.register
def _of_block(block: StatusBlock) -> Iterator[str]:
    yield from _left(block.raw_data, "of raw data")
    yield from _left(block.unparsed, "of error data that is no entry")
    yield from _left(block.gap, "before the raw data")
    yield from _left(block.trailing, "behind the block")


def _left(data: bytes, where: str) -> tuple[str, ...]:
    return (f"{len(data)} bytes {where}",) if data else ()
