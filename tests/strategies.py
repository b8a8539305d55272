"""Hypothesis strategies that follow from the declarations alone.

`instances` builds a structure as a caller would: fields that are derived are left out.  `encodings`
gives bytes that a structure may meet: its own, damaged ones, and noise.
"""

from collections.abc import Callable, Iterable
from functools import cache
from inspect import get_annotations
from typing import Any, get_args
from uuid import UUID

from discovery import kinds_of
from hypothesis import strategies as st

from apeitool.acpi.hest.layout import SOURCE_TYPES
from apeitool.acpi.hest.source import ErrorSource, FutureSource
from apeitool.cper.arm_ras import AuxiliaryData
from apeitool.cper.record import Gap, Record
from apeitool.cper.section import OpaqueSection, Section
from apeitool.qemu.erst_file import ErstMapEntry, ErstSlot, ErstStorage
from apeitool.wire.record import Field, Structure
from apeitool.wire.types import Absent, Array, Aside, Bytes, Guid, Many, Nested, Part, Scalar, Text

LENGTH = 40
"""How many bytes an unbounded part gets at most, and how many items a list (a tenth of it)."""

NOISE = 1024
"""Bytes beyond which noise repeats."""

Strategy = st.SearchStrategy[Any]

UNFINISHED = {
    "ErrorSource": "has no type of its own: its subclasses say which they write",
    "AerSource": "has no type of its own: its subclasses say which they write",
    "GenericErrorDataEntry": "its subclasses add the section that its GUID and length follow from",
    "RecordIdentifier": "its subclasses say which",
    "Registers": "what a context holds: its subclasses say what",
    "CxlEventSection": "its subclasses add the event",
    "CxlMediaEventSection": "likewise",
    "DvsecBody": "what a DVSEC holds: its subclasses say what",
    "PerDetail": "what a CCIX log holds: its subclasses say what",
    "IpfCheck": "its subclasses say of what",
    "LoaderCommand": "its subclasses say what it has firmware do",
    "Section": "its subclasses add the fields",
    "MemorySection": "likewise",
    "X64General": "its subclasses add the rest of the state",
    "X86Context": "its subclasses add the registers",
    "JaguarErrorSection": "its subclasses add the registers of their type",
}
"""Bases that are decoded in their own right, but that nobody builds."""


def is_finished(cls: type[Structure]) -> bool:
    """Whether one builds this structure, not only what extends it."""
    is_bare = not cls.fields and len(kinds_of(cls)) > 1
    return cls.__name__ not in UNFINISHED and not is_bare


TOLD: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "NvidiaErrorSection": ("its signature", (b"", b"CMET-INFO", b"FWERROR")),
    "AmpereAltraErrorSection": ("two bits of its type", (b"",)),
    "AmpereOneErrorSection": ("four bits of its type", (b"", b"\0\x10", b"\0\x60")),
    "YitianErrorSection": ("its type", (b"\x50", b"")),
    "MicrosoftErrorPacketSection": ("its signature", (b"WHEA".ljust(80), b"ErPt".ljust(64), b"")),
    "ErrorPacketV1": ("its error type", (b"",)),
    "ErrorPacketV2": ("its data format", (b"",)),
    "RawData": ("its format", (b"",)),
}
"""Structures in which a field says what a part is: (which, bytes to begin with).  They are built
from bytes, since a constructor's caller says both."""


def _read(cls: type[Structure]) -> Strategy:
    noise = st.binary(min_size=cls.shortest, max_size=cls.fixed_size + 6 * LENGTH)
    starts = st.sampled_from(TOLD[cls.__name__][1])
    data = st.tuples(starts, noise).map(lambda both: both[0] + both[1][len(both[0]) :])
    return data.map(cls.from_bytes).map(lambda item: item.sealed())


@cache
def instances(cls: type[Structure]) -> Strategy:
    """Instances as a caller builds them: what is derived, is."""
    if cls.__name__ in TOLD:
        return _read(cls)
    given = _overrides(cls)
    for field in cls.fields:
        if field.derived is None and field.name not in given:
            given[field.name] = values(cls, field)
    return st.builds(cls, **given)


def values(cls: type[Structure], field: Field) -> Strategy:
    """Values of one field."""
    match kind := field.kind:
        case Scalar():
            numbers = st.integers(0, (1 << 8 * kind.size) - 1)
            return st.sampled_from(list(field.type)) | numbers if field.is_enum else numbers
        case Guid():
            return GUIDS
        case Text():
            return texts(kind.size)
        case Bytes():
            return st.binary(min_size=kind.size, max_size=kind.size)
        case Array():
            number = st.integers(0, (1 << 8 * kind.item.size) - 1)
            return _cycled(st.tuples(*[number] * min(kind.count, LENGTH)), kind.count)
        case Nested():
            return instances(kind.type)
        case Absent():
            return st.just(0)  # `encodings` has the short ones: a built one is written whole
        case Aside():
            return {UUID: GUIDS, int: st.integers(0, (1 << 32) - 1)}[field.type]
        case Part():
            return _part(cls, field)
    raise TypeError(f"{cls.__name__}.{field.name}: no strategy for {kind!r}")


def _cycled(short: Strategy, length: int) -> Strategy:
    """Long values made of short ones, over and over: hypothesis refuses to draw so much."""
    return short.map(lambda drawn: (drawn * -(-length // (len(drawn) or 1)))[:length])


def _part(cls: type[Structure], field: Field) -> Strategy:
    if field.type is bytes:
        return st.binary(max_size=_room(cls, field))
    if field.type is tuple:
        return several(*kinds_of(item_of(cls, field)))
    return st.one_of(*(instances(k) for k in kinds_of(field.type) if is_finished(k)))


def _room(cls: type[Structure], field: Field) -> int:
    """Bytes that a raw part may have: fewer than one more item of an uncounted list before it."""
    before = cls.fields[cls.fields.index(field) - 1]
    if isinstance(before.kind, Many) and before.kind.count is None:
        return min(k.shortest for k in kinds_of(item_of(cls, before))) - 1
    return LENGTH


def item_of(cls: type[Structure], field: Field) -> type[Structure]:
    """What a list is declared to hold."""
    tables = (get_annotations(base) for base in cls.__mro__)
    declared = next(table[field.name] for table in tables if field.name in table)
    item: type[Structure] = get_args(declared.__origin__)[0]
    return item


def several(*kinds: type[Structure]) -> Strategy:
    """Lists of structures of these types."""
    items = st.one_of(*(instances(k) for k in kinds if is_finished(k)))
    return st.lists(items, max_size=LENGTH // 10)


GUIDS = st.just(UUID(int=0)) | st.binary(min_size=16, max_size=16).map(lambda b: UUID(bytes_le=b))


def texts(size: int) -> Strategy:
    """Texts of a field: NULs at their end are padding, not text."""
    raw = st.text(st.characters(max_codepoint=0xFF), max_size=size)
    return raw.map(lambda text: text.rstrip("\0"))


def _body() -> Strategy:
    nodes = st.lists(instances(Gap) | several(*kinds_of(Section)), min_size=1, max_size=5)
    return nodes.map(_without_doubt)


def _without_doubt(drawn: list[Any]) -> list[Structure]:
    """A body that reads back as it is: no empty gap, none beside another, at least one section."""
    body: list[Structure] = []
    for part in drawn:
        for node in [part] if isinstance(part, Structure) else part:
            if not isinstance(node, Gap) or (node.data and body and not isinstance(body[-1], Gap)):
                body.append(node)
    return body or [OpaqueSection()]


def _sources() -> Strategy:
    sources = several(*SOURCE_TYPES.values(), FutureSource)
    return sources.map(_numbered)


def _numbered(sources: Iterable[Structure]) -> list[Structure]:
    return [
        s.replace(source_id=number) if isinstance(s, ErrorSource) else s
        for number, s in enumerate(sources)
    ]


def _default(name: str) -> Callable[[type[Structure]], Strategy]:
    return lambda cls: st.just(next(f.default for f in cls.fields if f.name == name))


_OVERRIDES: dict[str, tuple[str, Callable[[type[Structure]], Strategy]]] = {
    "Record.body": ("any structure by its annotation; gaps merge", lambda cls: _body()),
    "Hest.sources": ("any structure by its annotation; ids are unique", lambda cls: _sources()),
    "Bert.boot_error_region_length": ("room for a block", lambda cls: st.integers(20, (1 << 32) - 1)),
    "BootErrorRegion.blocks": ("a block of nothing but zeros ends it", lambda cls: _filled()),
    "Einj.header_rest": ("a longer header is none that firmware writes", lambda cls: st.just(b"")),
    "Erst.header_rest": ("likewise", lambda cls: st.just(b"")),
    "Einj.injection_header_size": ("it is the table's own", _default("injection_header_size")),
    "Erst.serialization_header_size": ("likewise", _default("serialization_header_size")),
    "TriggerActionTable.header_size": ("likewise", _default("header_size")),
    "SetErrorTypeWithAddress.flags": ("they tell of the extension", lambda cls: st.integers(0, 7)),
    "SetErrorTypeWithAddress.einjv2": ("without its flag", lambda cls: st.just(())),
    "SetErrorTypeWithAddress.gap": ("without an extension behind", lambda cls: st.just(b"")),
    "SetErrorTypeWithAddress.vendor": ("there is one at most", lambda cls: _one_vendor()),
    "GenericErrorDataEntry.revision": ("it tells the two apart", _default("revision")),
    "FutureSource.type": ("12 and above are", lambda cls: st.integers(12, 0xFFFF)),
    "ReservedSource.type": ("only these are", lambda cls: st.sampled_from([3, 4, 5])),
    "Notification.length": ("it is the structure's own", _default("length")),
    "X86Context.register_context_type": ("it tells them apart", _default("register_context_type")),
    "X86Context.padding": ("padding is where all contexts of a section have it", lambda cls: st.just(b"")),
    "X64StateContextWithoutCr8.rest": ("8 bytes more are CR8", lambda cls: _few()),
    "Ia32X64ProcessorErrorSection.trailing": ("it may be as long as padding", lambda cls: st.just(b"")),
    "Ia32X64ProcessorErrorSection.gap": ("what follows tells", lambda cls: st.just(b"")),
    "IpfProcessorErrorSection.cpuid_info": ("one at most", lambda cls: _one("IpfCpuid")),
    "IpfProcessorErrorSection.psi_static_info": ("behind CPUID", lambda cls: st.just(())),
    "IpfProcessorErrorSection.trailing": ("48 bytes would be CPUID", lambda cls: _few()),
    "MsrContext.registers": ("their addresses follow one another", lambda cls: _addressed(cls, 1)),
    "MemoryMappedContext.registers": ("likewise", lambda cls: _addressed(cls, 8)),
    "UnknownRegisters.rest": ("bytes of a known type would be that type", lambda cls: _few()),
    "UnknownPerDetail.rest": ("likewise", lambda cls: _few()),
    "UnknownEventInfo.rest": ("likewise", lambda cls: _few()),
    "UnknownCrashData.rest": ("likewise", lambda cls: _few()),
    "ArmRasNodeSection.auxiliary_data": ("one or none", lambda cls: _at_most_one(AuxiliaryData)),
    "ArmRasNodeSection.gap_2": ("without an offset", lambda cls: st.just(b"")),
    "Hest.unparsed": ("only a damaged table has any", lambda cls: st.just(b"")),
    "Bert.unparsed": ("likewise", lambda cls: st.just(b"")),
    "Einj.unparsed": ("likewise", lambda cls: st.just(b"")),
    "Erst.unparsed": ("likewise", lambda cls: st.just(b"")),
    "BootErrorRegion.room": ("what is not zero could be a block", lambda cls: st.just(b"")),
    "UnknownExtraBanks.rest": ("only a damaged section has any", lambda cls: st.just(b"")),
    "StatusBlock.unparsed": ("only a damaged block has any", lambda cls: st.just(b"")),
    "StatusBlock.gap": ("there is none unless an offset is given", lambda cls: st.just(b"")),
    "ErstStorage.record_size": ("the slots below have it", lambda cls: st.just(STORE_SLOT)),
    "ErstStorage.storage_offset": ("behind the header's slot", lambda cls: st.just(STORE_SLOT)),
    "ErstStorage.map": ("an entry for each slot, free or with its record", lambda cls: _map()),
    "ErstStorage.gap": ("zeros up to the first slot", lambda cls: st.just(bytes(STORE_GAP))),
    "ErstStorage.slots": ("as many as the map has", lambda cls: _slots()),
    "FirmwareErrorRecordReferenceSection.revision": ("it tells the identifier", _default("revision")),
    "FirmwareErrorRecordReferenceSection.identifier": (
        "that of the revision", lambda cls: _identifier(),
    ),
    "ArmProcessorErrorSection.context_information": (
        "padding is where all contexts of a section have it", lambda cls: _tight(),
    ),
    "ArmProcessorErrorSection.vendor_specific_information": (
        "with contexts before it, its length may be that of their padding",
        lambda cls: st.just(b""),
    ),
}  # fmt: skip
"""What a declaration cannot say about its own values: (why, strategy)."""


def _one_vendor() -> Strategy:
    vendor = next(k for k in kinds_of(Structure) if k.__name__ == "VendorErrorTypeExtension")
    return st.lists(instances(vendor), max_size=1)


def _filled() -> Strategy:
    block = next(k for k in kinds_of(Structure) if k.__name__ == "StatusBlock")
    whole = several(block).map(lambda items: [i.replace(trailing=b"") for i in items])
    return whole.map(lambda items: [i for i in items if i.entries])


STORE_SLOT, STORE_SLOTS = 512, 3
STORE_GAP = STORE_SLOT - ErstStorage.fixed_size - ErstMapEntry.fixed_size * (1 + STORE_SLOTS)


def _map() -> Strategy:
    """A free entry for the header, then for each slot the id of its record, or none: deleted."""
    entries = [st.sampled_from([0, number + 1]) for number in range(STORE_SLOTS)]
    ids = st.tuples(st.just(0), *entries)
    return ids.map(lambda drawn: [ErstMapEntry(record_id=number) for number in drawn])


def _slots() -> Strategy:
    """Slots with a record each, whose ids are 1, 2, 3."""
    records = st.tuples(*[instances(Record)] * STORE_SLOTS)
    return records.map(lambda drawn: [_slot(r, number + 1) for number, r in enumerate(drawn)])


def _slot(record: Record, number: int) -> ErstSlot:
    whole = record.replace(record_id=number).to_bytes()
    return ErstSlot(data=whole[:STORE_SLOT].ljust(STORE_SLOT, b"\0"))


def _one(name: str) -> Strategy:
    """A list of one structure."""
    return st.tuples(instances(next(k for k in kinds_of(Structure) if k.__name__ == name)))


def _identifier() -> Strategy:
    return instances(next(k for k in kinds_of(Structure) if k.__name__ == "GuidIdentifier"))


def _addressed(cls: type[Structure], step: int) -> Strategy:
    """Registers from some address on."""
    field = next(f for f in cls.fields if f.name == "registers")
    registers, first = several(item_of(cls, field)), st.integers(0, (1 << 32) - 1)
    return st.tuples(registers, first).map(
        lambda drawn: [r.replace(address=drawn[1] + step * i) for i, r in enumerate(drawn[0])]
    )


def _at_most_one(kind: type[Structure]) -> Strategy:
    return st.lists(instances(kind), max_size=1)


def _few() -> Strategy:
    return st.binary(max_size=7)


def _tight() -> Strategy:
    context = next(k for k in kinds_of(Structure) if k.__name__ == "ContextInformation")
    return several(context).map(lambda items: [i.replace(padding=b"") for i in items])


def _overrides(cls: type[Structure]) -> dict[str, Strategy]:
    """The rows of the table that are about this class or a base of it."""
    rows = ((*key.split("."), make) for key, (_, make) in _OVERRIDES.items())
    lineage = [base.__name__ for base in cls.__mro__]
    return {name: make(cls) for owner, name, make in rows if owner in lineage}


INTERESTING = (
    b"\0", b"\x01", b"\x7f", b"\x80", b"\xff", b"\0\0", b"\xff\xff", b"\0\0\0\0", b"\x01\0\0\0",
    b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"CPER", b"\xff" * 8, b"\0" * 8,
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, whole: Strategy, edits: int = 4) -> bytes:
    """Bytes of ``whole`` with some overwritten, cut out or put in, and perhaps cut short."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.integers(0, edits))):
        at = draw(st.integers(0, len(data)))
        piece = draw(st.sampled_from(INTERESTING) | st.binary(min_size=1, max_size=4))
        width = draw(st.sampled_from([len(piece), len(piece), 0, 1, 8]))
        data[at : at + width] = piece
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@cache
def encodings(cls: type[Structure]) -> Strategy:
    """Bytes to decode: noise, an instance's own, the same damaged; never too few."""
    noise = st.binary(
        min_size=min(cls.shortest, NOISE), max_size=min(cls.fixed_size, NOISE) + LENGTH
    )
    if cls.shortest > NOISE:
        noise = _cycled(noise, cls.shortest)
    kinds = [k for k in kinds_of(cls) if is_finished(k)]
    own = st.one_of(*(instances(k).map(lambda i: i.to_bytes()) for k in kinds))
    enough = damaged(own).map(lambda data: data.ljust(cls.shortest, b"\0"))
    return noise | own | enough if kinds else noise
