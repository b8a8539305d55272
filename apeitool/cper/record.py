"""The CPER record: header, section descriptors, and the body they point into."""

import enum
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from apeitool.cper.dialect import Choice, Topic, by_creator, reading
from apeitool.cper.flags import (
    RecordFlags,
    SectionFlags,
    flags_testimony,
    record_flags,
    section_flags,
)
from apeitool.cper.guids import NOTIFICATION_TYPES
from apeitool.cper.persistence import PersistenceInformation
from apeitool.cper.section import (
    Content,
    Gap,
    OpaqueSection,
    Section,
    read_section,
    section_type,
)
from apeitool.cper.severity import SEVERITY, Severity
from apeitool.cper.timestamp import Timestamp
from apeitool.wire.labels import Bits, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.shapes import HIDDEN, IDENTIFIER, NUMBER, Json, Members, Moment, Pair
from apeitool.wire.types import (
    AUTO,
    GUID,
    NIL,
    U8,
    U16,
    U32,
    U64,
    Bytes,
    Derived,
    Engine,
    Hex,
    Many,
    Named,
    Part,
    Rest,
    Text,
    Unit,
    When,
    u32,
)

SIGNATURE = "CPER"
SIGNATURE_END = 0xFFFFFFFF
_START = SIGNATURE.encode()
HEADER_LENGTH = 128


class RecordValid(enum.IntFlag):
    """Which header fields are facts."""

    PLATFORM_ID = 1
    TIMESTAMP = 2
    PARTITION_ID = 4


class DescriptorValid(enum.IntFlag):
    """Which descriptor fields are facts."""

    FRU_ID = 1
    FRU_TEXT = 2


class Revision(Word):
    """Revision of a record or of a section."""

    minor = Bits(0, 8)
    major = Bits(8, 8)


_REVISION = Json(shape=Members(Revision))
_SEVERITY = Json("severity", SEVERITY)


def _section_name(guid: UUID) -> str | None:
    kind = section_type(guid)
    return None if kind is None else kind.json_type


def _notification_name(guid: UUID) -> str | None:
    return NOTIFICATION_TYPES.get(str(guid))


_FLAG_NAMES = {
    RecordFlags.RECOVERED: "HW_ERROR_FLAGS_RECOVERED",
    RecordFlags.PREVIOUS_ERROR: "HW_ERROR_FLAGS_PREVERR",
    RecordFlags.SIMULATED: "HW_ERROR_FLAGS_SIMULATED",
}


class SectionDescriptor(Structure):
    """Section descriptor: where a section of the record is, and what it is about.

    Shape:   72 bytes, little-endian.
    Units:   offset and length in bytes, the offset from the start of the record.
    Source:  UEFI 2.10 N.2.2
    """

    section_offset: Annotated[U32, Unit("bytes")] = 0
    section_length: Annotated[U32, Unit("bytes")] = 0
    revision: Annotated[U16, Hex, _REVISION] = 0x0100
    validation_bits: Annotated[U8, DescriptorValid] = 0
    reserved: Annotated[U8, Hex] = 0
    flags: Annotated[U32, SectionFlags, Named(section_flags), Json(shape=Members(SectionFlags))] = 0
    section_type: Annotated[
        GUID, Json(shape=Pair("data", "type", _section_name, unknown="Unknown", of=IDENTIFIER))
    ] = NIL
    fru_id: Annotated[GUID, When(DescriptorValid.FRU_ID)] = NIL
    section_severity: Annotated[Severity, u32, _SEVERITY] = Severity.RECOVERABLE
    fru_text: Annotated[str, Text(20), When(DescriptorValid.FRU_TEXT)] = ""

    def testimony(self) -> Iterator[Choice]:
        return flags_testimony(self.flags)


_WITH_DESCRIPTOR = UUID("5e4706c1-5356-48c6-930b-52f2120a4458")
"""FRU memory poison: Linux, which keeps it, has the section begin with its descriptor."""


def _span(descriptor: SectionDescriptor, index: int) -> tuple[int, int]:
    """Where a section begins, and its length."""
    begin, length = descriptor.section_offset, descriptor.section_length
    more = SectionDescriptor.fixed_size
    if begin == HEADER_LENGTH + more * index and descriptor.section_type == _WITH_DESCRIPTOR:
        return begin + more, max(0, length - more)
    return begin, length


def _place(
    descriptors: Sequence[SectionDescriptor], first: int, end: int
) -> list[tuple[int, int, int]]:
    """(index of the descriptor, start, stop) of each section that has bytes of its own.

    In the order of the wire.  A section that begins in the header, in an earlier section or behind
    the end owns nothing: its descriptor describes it.
    """
    spans: list[tuple[int, int, int]] = []
    order = sorted(range(len(descriptors)), key=lambda i: descriptors[i].section_offset)
    for index in order:
        begin, length = _span(descriptors[index], index)
        if first <= begin and (begin < end or (begin == end and not length)):
            first = min(begin + length, end)
            spans.append((index, begin, first))
    return spans


class _Body(Part):
    """The sections where their descriptors put them, with what lies between and behind them."""

    def take(
        self, engine: Engine, values: Any, buffer: bytes, start: int, position: int, end: int
    ) -> tuple[tuple[Content, ...], int]:
        first = position
        nodes: list[Content] = []
        for descriptor in values.section_descriptors:
            stop = position + descriptor.section_length
            if start + descriptor.section_offset != position or stop > end:
                break
            nodes.append(read_section(engine, descriptor.section_type, buffer, position, stop))
            position = stop
        else:
            if position == start + values.record_length:
                return tuple(nodes), position
        return self._scattered(engine, values, buffer, start, first, end)

    def _scattered(
        self, engine: Engine, values: Any, buffer: bytes, start: int, position: int, end: int
    ) -> tuple[tuple[Content, ...], int]:
        """As `take`, for sections that do not lie one behind the other to the record's end."""
        descriptors = values.section_descriptors
        nodes: list[Content] = []
        limit = _limit(values, buffer, start, position, end)
        for index, begin, stop in _place(descriptors, position - start, limit - start):
            if start + begin > position:
                nodes.append(Gap(data=buffer[position : start + begin]))
            position = start + stop
            guid = descriptors[index].section_type
            nodes.append(read_section(engine, guid, buffer, start + begin, position))
        if position < limit:
            nodes.append(Gap(data=buffer[position:limit]))
        return tuple(nodes), limit


def _limit(values: Any, buffer: bytes, start: int, position: int, end: int) -> int:
    """Where the record ends: where it says, unless that would cut a section that is there."""
    said = min(end, start + int(values.record_length))
    furthest = position
    for descriptor in values.section_descriptors:
        stop = start + descriptor.section_offset + descriptor.section_length
        furthest = max(furthest, stop)
    next_begins = said >= position and buffer[said : min(said + 4, end)] == _START
    if furthest <= said or next_begins:
        return said
    return min(end, furthest)


def _describe(record: Any) -> tuple[SectionDescriptor, ...]:
    """A descriptor for each section of a body."""
    return _descriptors(record.body, (), record.error_severity)


def _descriptors(
    body: Sequence[Content], known: Sequence[SectionDescriptor], severity: Severity
) -> tuple[SectionDescriptor, ...]:
    """Descriptors that follow a body.

    Each section takes, in the order of the wire, the first known descriptor of its type that is
    still free, and else a new one.  Known ones keep their order, new ones come behind them.
    """
    wire = sorted(range(len(known)), key=lambda i: (known[i].section_offset, i))
    sections = sum(isinstance(node, Section) for node in body)
    offset = HEADER_LENGTH + SectionDescriptor.fixed_size * sections
    made: list[tuple[int, SectionDescriptor]] = []
    for node in body:
        if isinstance(node, Section):
            names = (node.guid, *node.aliases)
            index = next((i for i in wire if known[i].section_type in names), -1)
            if index >= 0:
                wire.remove(index)
                descriptor = known[index]
            else:
                index = len(known)
                flags = 0 if known or made else SectionFlags.PRIMARY
                descriptor = SectionDescriptor(
                    section_type=node.guid, section_severity=severity, flags=flags
                )
            placed = descriptor.replace(section_offset=offset, section_length=node.size)
            made.append((index, placed))
        offset += node.size
    return tuple(descriptor for _, descriptor in sorted(made, key=lambda pair: pair[0]))


class Record(Structure):
    """Common Platform Error Record.

    Shape:   128 bytes, 72 for each section descriptor, then sections in any order, with gaps.
    Units:   lengths in bytes.
    Raises:  Truncated when fewer than 128 bytes are given.
    Source:  UEFI 2.10 N.2.1
    """

    signature_start: Annotated[str, Text(4), Derived(lambda r: SIGNATURE), HIDDEN] = AUTO
    revision: Annotated[U16, Hex, _REVISION] = 0x0101
    signature_end: Annotated[U32, Hex, Derived(lambda r: SIGNATURE_END), HIDDEN] = AUTO
    section_count: Annotated[U16, Derived(lambda r: len(r.section_descriptors), last=True)] = AUTO
    error_severity: Annotated[Severity, u32, _SEVERITY] = Severity.RECOVERABLE
    validation_bits: Annotated[U32, RecordValid] = 0
    record_length: Annotated[
        U32, Unit("bytes"), Derived(lambda r: r.size - len(r.trailing), last=True)
    ] = AUTO
    timestamp: Annotated[U64, Hex, Timestamp, When(RecordValid.TIMESTAMP), Json(shape=Moment())] = 0
    platform_id: Annotated[GUID, When(RecordValid.PLATFORM_ID)] = NIL
    partition_id: Annotated[GUID, When(RecordValid.PARTITION_ID)] = NIL
    creator_id: GUID = NIL
    notification_type: Annotated[
        GUID, Json(shape=Pair("guid", "type", _notification_name, unknown="Unknown", of=IDENTIFIER))
    ] = NIL
    record_id: Annotated[U64, Hex] = 0
    flags: Annotated[
        U32,
        RecordFlags,
        Named(record_flags),
        Json(shape=Pair(names=_FLAG_NAMES, unknown="Unknown")),
    ] = 0
    persistence_information: Annotated[
        U64,
        Hex,
        PersistenceInformation,
        "belongs to ERST",
        Json("persistenceInfo", NUMBER),
    ] = 0
    reserved: Annotated[bytes, Bytes(12)] = bytes(12)
    section_descriptors: Annotated[
        Sequence[SectionDescriptor],
        Many(SectionDescriptor, count="section_count"),
        Derived(_describe),
        HIDDEN,
    ] = AUTO
    body: Annotated[Sequence[Content], _Body(), "sections and gaps in wire order", HIDDEN] = ()
    trailing: Annotated[Rest, "bytes behind the record"] = b""

    @property
    def moment(self) -> datetime | None:
        """When the record was made, on its producer's own clock; None if it does not say."""
        if not self.is_valid("timestamp"):
            return None
        stamp, made_by = Timestamp(self.timestamp), by_creator(self.creator_id)
        if reading(Topic.TIMESTAMP) is None and Topic.TIMESTAMP in made_by:
            return stamp.read(made_by[Topic.TIMESTAMP].reading)
        return stamp.moment

    def testimony(self) -> Iterator[Choice]:
        if self.is_valid("timestamp"):
            yield Timestamp(self.timestamp).testimony()
        for index, section in self.placed():
            descriptor = self.section_descriptors[index]
            if descriptor.section_type != section.guid:
                yield Choice("section-type", "byte-swapped GUID", f"of {section.title}")
            if _span(descriptor, index)[0] != descriptor.section_offset:
                how = "Linux begins this section with it"
                yield Choice("section-place", "behind its own descriptor", how)

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections in the order of their descriptors.

        One that has no bytes of its own (its descriptor points into another, or outside) is an
        empty `OpaqueSection`.
        """
        found: list[Section] = [
            OpaqueSection(guid=d.section_type) for d in self.section_descriptors
        ]
        for index, section in self.placed():
            found[index] = section
        return tuple(found)

    def placed(self) -> Iterator[tuple[int, Section]]:
        """The sections that have bytes of their own, in wire order: (index of descriptor, section)."""
        first = HEADER_LENGTH + SectionDescriptor.fixed_size * len(self.section_descriptors)
        spans = _place(self.section_descriptors, first, self.size - len(self.trailing))
        sections = (node for node in self.body if isinstance(node, Section))
        for (index, _, _), section in zip(spans, sections, strict=False):
            yield index, section

    def sealed(self) -> Self:
        """A copy whose descriptors, counts and lengths follow from its body.

        Descriptors that own no section of it are left out.
        """
        body = tuple(node.sealed() for node in self.body)
        known = self.section_descriptors
        return self.replace(
            signature_start=AUTO,
            signature_end=AUTO,
            section_descriptors=_descriptors(body, known, self.error_severity),
            body=body,
            section_count=AUTO,
            record_length=AUTO,
        )

    def check(self) -> Iterator[Problem]:
        if self.signature_start != SIGNATURE:
            rule = f"{self.signature_start!r} is not {SIGNATURE!r}"
            yield self.trouble("record-signature", "signature_start", rule)
        if self.signature_end != SIGNATURE_END:
            rule = f"{self.signature_end:#x} is not {SIGNATURE_END:#x}"
            yield self.trouble("record-signature", "signature_end", rule)
        if self.section_count != len(self.section_descriptors):
            there = len(self.section_descriptors)
            yield self.trouble(
                "section-count", "section_count", f"{self.section_count} said, room for {there}"
            )
        if not self.section_count:
            yield self.trouble("no-section", "section_count", "a record has at least one section")
        size = self.size - len(self.trailing)
        if self.record_length > size:
            rule = f"{self.record_length} bytes said, {size} are there"
            yield self.trouble("truncated", "record_length", rule)
        elif self.record_length < size:
            rule = f"{self.record_length} bytes said, the sections end at {size}"
            yield self.trouble("record-length", "record_length", rule)
        yield from self._check_sections(size)

    def _check_sections(self, size: int) -> Iterator[Problem]:
        first = HEADER_LENGTH + SectionDescriptor.fixed_size * len(self.section_descriptors)
        owned = {index for index, _, _ in _place(self.section_descriptors, first, size)}
        for index, descriptor in enumerate(self.section_descriptors):
            begin, length = descriptor.section_offset, descriptor.section_length
            if index not in owned:
                rule = f"bytes {begin:#x} to {begin + length:#x} overlap others, or are not there"
                id = "section-place"
            elif begin + length > size:
                rule = f"{length} bytes said, {size - begin} are there"
                id = "section-truncated"
            else:
                continue
            at = HEADER_LENGTH + SectionDescriptor.fixed_size * index
            yield Problem(id, at, f"section_descriptors[{index}].section_offset", rule, self.source)

    @property
    def notification(self) -> str:
        """The name of the notification type, or its GUID."""
        return NOTIFICATION_TYPES.get(str(self.notification_type), str(self.notification_type))


def notification_guid(name: str) -> UUID:
    """The notification type GUID of that name (``MCE``, ``SEA``).

    Raises:  KeyError when there is none.
    """
    return UUID(next(g for g, n in NOTIFICATION_TYPES.items() if n == name))
