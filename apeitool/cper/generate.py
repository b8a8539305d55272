"""Records of errors that never happened: plausible ones, and ones with a named defect.

The same seed gives the same records, for the same release of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any
from uuid import UUID

from apeitool.cper.dialect import PRODUCERS, Topic, creator, forced, using
from apeitool.cper.place import Installation, Place
from apeitool.cper.record import (
    HEADER_LENGTH,
    DescriptorValid,
    Record,
    RecordValid,
    SectionDescriptor,
    notification_guid,
)
from apeitool.cper.sample import sample
from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.cper.timestamp import Timestamp
from apeitool.wire.record import Structure

_MOST_SECTIONS = 3
_ONE = 0.8
"""How many records have a single section."""
_REDRAWN = 6
_NOTIFICATIONS = {Severity.FATAL: "MCE", Severity.RECOVERABLE: "CPE", Severity.CORRECTED: "CMC"}


def records(
    sections: Sequence[type[Section]], seed: int, producer: str = "uefi"
) -> Iterator[Record]:
    """Sound records without end, with sections of these types, of one machine as time goes by.

    ``producer`` is one of `PRODUCERS`: they are written as it writes them.
    """
    random = Random(seed)  # noqa: S311 - nothing is secret
    machine = Installation(random)
    while True:
        count = 1 if random.random() < _ONE else random.randint(2, _MOST_SECTIONS)
        kinds = [random.choice(sections) for _ in range(count)]
        yield _record(kinds, machine.place(), random, producer)


def _record(kinds: Sequence[type[Section]], place: Place, random: Random, producer: str) -> Record:
    with using(forced(producer)):
        body = [_section(kind, random).at(place) for kind in kinds]
    severities = [_severity(section, random) for section in body]
    worst = min(severities, key=_WORST_FIRST.index)
    how = PRODUCERS[producer].get(Topic.TIMESTAMP, "bcd")
    record = Record(
        body=body,
        revision=_REVISIONS.get(producer, 0x0101),
        error_severity=worst,
        validation_bits=int(RecordValid.PLATFORM_ID | RecordValid.TIMESTAMP),
        timestamp=int(Timestamp.of(place.moment, how=how)),
        platform_id=_PLATFORM,
        creator_id=creator(producer),
        notification_type=notification_guid(_NOTIFICATIONS.get(worst, "CPE")),
        record_id=random.getrandbits(63),
    )
    described = (
        descriptor.replace(section_severity=severity, **_fru(section, place))
        for descriptor, section, severity in zip(
            record.section_descriptors, body, severities, strict=True
        )
    )
    return record.replace(section_descriptors=tuple(described))


def _section(kind: type[Section], random: Random) -> Section:
    """A section of that type; most errors are corrected, where its type can be."""
    for _ in range(_REDRAWN):
        section = sample(kind, random)
        if Severity.CORRECTED in section.severities or random.random() > _ONE:
            break
    return section


_WORST_FIRST = (Severity.FATAL, Severity.RECOVERABLE, Severity.CORRECTED, Severity.INFORMATIONAL)


def _severity(section: Section, random: Random) -> Severity:
    """A severity that fits, the likeliest in most cases."""
    fitting = section.severities
    return fitting[min(int(random.expovariate(1.5)), len(fitting) - 1)]


def _fru(section: Section, place: Place) -> dict[str, Any]:
    name = place.fru(section.part)
    return {"validation_bits": int(DescriptorValid.FRU_TEXT), "fru_text": name} if name else {}


_REVISIONS = {"windows": 0x0210, "amdgpu": 0x0100, "linux-pstore": 0x0100}
_PLATFORM = UUID("61706569-746f-4f6c-8000-000000000001")


Defect = Callable[[bytearray, Random], None]
"""Changes the bytes of a sound record so that one rule is broken."""


def broken(record: Record, defect: str, random: Random) -> bytes:
    """The bytes of a record with a defect, one of `DEFECTS`."""
    data = bytearray(record.to_bytes())
    DEFECTS[defect](data, random)
    return bytes(data)


def _set(data: bytearray, cls: type[Structure], name: str, value: int, start: int = 0) -> None:
    """Overwrite an integer field of a structure that begins at ``start``."""
    field = next(f for f in cls.fields if f.name == name)
    at, size = start + (field.offset or 0), field.kind.size  # type: ignore[attr-defined]
    data[at : at + size] = value.to_bytes(size, "little")


def _get(data: bytearray, cls: type[Structure], name: str, start: int = 0) -> int:
    field = next(f for f in cls.fields if f.name == name)
    at = start + (field.offset or 0)
    return int.from_bytes(data[at : at + field.kind.size], "little")  # type: ignore[attr-defined]


def _in_header(name: str, *values: int) -> Defect:
    return lambda data, random: _set(data, Record, name, random.choice(values))


def _in_descriptor(name: str, *values: int) -> Defect:
    return lambda data, random: _set(
        data, SectionDescriptor, name, random.choice(values), HEADER_LENGTH
    )


def _cut(data: bytearray, random: Random) -> None:
    del data[random.randrange(HEADER_LENGTH, len(data)) :]


def _overlap(data: bytearray, random: Random) -> None:
    """The first section begins a few bytes before its place, in the descriptors."""
    place = _get(data, SectionDescriptor, "section_offset", HEADER_LENGTH)
    _set(data, SectionDescriptor, "section_offset", place - random.randint(1, 64), HEADER_LENGTH)


def _short_section(data: bytearray, random: Random) -> None:
    length = _get(data, SectionDescriptor, "section_length", HEADER_LENGTH)
    value = random.randrange(min(length, 16) or 1)
    _set(data, SectionDescriptor, "section_length", value, HEADER_LENGTH)


def _first_section_counts(data: bytearray, random: Random) -> None:
    """The first bytes of the section, validation bits and counts in most types, are all ones."""
    place = _get(data, SectionDescriptor, "section_offset", HEADER_LENGTH)
    data[place : place + 12] = b"\xff" * len(data[place : place + 12])


def _escape(data: bytearray, random: Random) -> None:
    """The FRU text gives orders to a terminal."""
    field = next(f for f in SectionDescriptor.fields if f.name == "fru_text")
    at = HEADER_LENGTH + (field.offset or 0)
    data[at : at + 20] = b"\x1b]0;\x07\x1b[2J\x9b31m\r\n\xff\x00more"
    valid = _get(data, SectionDescriptor, "validation_bits", HEADER_LENGTH)
    fru = valid | int(DescriptorValid.FRU_TEXT)
    _set(data, SectionDescriptor, "validation_bits", fru, HEADER_LENGTH)


_MOST = 0xFFFF_FFFF

DEFECTS: dict[str, Defect] = {
    "truncated": _cut,
    "signature": _in_header("signature_end", 0, 0xFFFF, 0xFFFF_FFFE),
    "section-count": _in_header("section_count", 0, 9, 0xFFFF),
    "record-length": _in_header("record_length", 0, 1, HEADER_LENGTH, 1 << 20, _MOST),
    "severity": _in_header("error_severity", 4, 0x100, _MOST),
    "timestamp": _in_header("timestamp", 0, 0x2026_1399_0188_7799, (1 << 64) - 1),
    "section-offset": _in_descriptor("section_offset", 0, 1, HEADER_LENGTH, 1 << 20, _MOST),
    "section-length": _in_descriptor("section_length", 1 << 16, 1 << 31, _MOST),
    "section-short": _short_section,
    "section-overlap": _overlap,
    "section-counts": _first_section_counts,
    "fru-escapes": _escape,
}
"""Defects by name, one broken rule each."""
