"""How much of each section stays bytes: ``python tests/contract/opaque_bytes.py`` prints it.

A field that holds bytes is named by its declaration alone.  That is enough where the reference, too,
has one name for all of it, and all there is where nobody says what is in it; every other such field is
one whose bytes the reference names and we do not.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from apeitool.cper.index import SECTIONS
from apeitool.cper.sample import sample
from apeitool.cper.section import Section, section_type
from apeitool.wire.record import Field, Structure, finished
from apeitool.wire.types import Aside, Bytes, Many, Nested, One, Part, Raw, Strided

ONE_NAME = {
    "CxlDynamicCapacityEventSection.extent_tag": "tag of an extent, as the host gave it",
    "CxlMldPortEventSection.error_message": "begin of a message",
    "X64StateContext.gdtr": "register of 10 bytes",
    "X64StateContext.idtr": "register of 10 bytes",
    "X64StateContextWithoutCr8.gdtr": "register of 10 bytes",
    "X64StateContextWithoutCr8.idtr": "register of 10 bytes",
    **{f"FxsaveContext.st{number}": "register of 80 bits" for number in range(8)},
    **{f"FxsaveContext.xmm{number}": "register of 128 bits" for number in range(16)},
}
"""Fields for whose bytes the reference has one name, too."""

NO_NAME = {
    "AltraShortPayload": "a payload too short for its type",
    "AmpereOneRest": "a payload of unknown type",
    **{f"Cxl{kind}EventSection.component_identifier": "the vendor's own, if it is not PLDM's"
       for kind in ("Dram", "GeneralMedia", "MemoryModule", "MemorySparing")},
    "ArmProcessorErrorSection.vendor_specific_information": "the vendor's own",
    "FirmwareErrorRecordReferenceSection.record": "the firmware's own",
    "FxsaveContext.available": "reserved, or software's own",
    "MicrosoftExtendedRasSection.section_data": "the platform vendor's own",
    "MicrosoftMsrDumpSection.msr_dump_data": "no format is published",
    "MicrosoftNmiSection.data": "the platform's port; no format is published",
    "MicrosoftPmemSection.location_info": "the platform's own",
    "NoIdentifier": "revision 1 has none",
    "NoRawData": "a packet too short for raw data",
    "OpaqueData": "format 0 is opaque",
    "OpaqueSection": "of unknown type",
    "OtherPacketData": "formats without a fixed shape",
    "RawData.pshed_data": "the plug-in's own",
    "ErrorPacketV2.pshed_data": "the plug-in's own",
    "UnclassifiedContext.data": "type 0 is unclassified",
    "UnknownCrashData": "of unknown type",
    "UnknownDvsecBody": "of unknown id",
    "UnknownEventInfo": "of unknown device",
    "UnknownExtraBanks": "of a damaged section",
    "UnknownPacket": "of unknown signature",
    "UnknownPerDetail": "of unknown type",
    "UnknownRegisters": "of unknown type",
    "YitianUnknownPayload": "of unknown type",
    **{f"{kind}PerDetail.vendor_data": "the vendor's own"
       for kind in ("Memory", "Cache", "Atc", "Port", "Link", "Agent")},
}  # fmt: skip
"""Fields, and structures that are nothing but bytes, of which nobody says what is in them."""

_LEFT = ("rest", "trailing", "padding", "gap", "dvsec_rest", "pshed_gap")
"""What takes the bytes that a structure has more than it knows; a sound one has none there."""
_DRAWN = 40
_PACKAGE = Structure.__module__.partition(".")[0] + "."
"""Before the names of its modules; the structures of tests are none of its own."""


def section_types() -> list[type[Section]]:
    """The types of all sections, by name."""
    found = {section_type(UUID(guid)) for guid in SECTIONS}
    return sorted((kind for kind in found if kind), key=lambda kind: kind.__name__)


def inside(field: Field) -> list[type[Structure]]:
    """The structures that a field can hold."""
    kind: Any = field.kind
    if isinstance(kind, Nested):
        return [kind.type]
    if isinstance(kind, Many | Strided | One):
        found = finished(getattr(kind, "only", None) or field.item or field.type)
        return [one for one in found if one.__module__.startswith(_PACKAGE)]
    return []


def all_inside(kind: type[Structure]) -> set[type[Structure]]:
    """A structure and those that can be in it, at any depth."""
    found, left = {kind}, [kind]
    while left:
        new = {one for field in left.pop().fields for one in inside(field)} - found
        found |= new
        left += new
    return found


class Standing(NamedTuple):
    """What can be said of a field's bytes: it is ``named``, or ``nobody`` names it, or it is opaque."""

    named: bool
    nobody: bool

    @property
    def is_opaque(self) -> bool:
        return not self.named and not self.nobody


def standing(kind: type[Structure], field: Field, thing: Any = None) -> Standing:
    """That of a field, of this structure if one is given."""
    if not isinstance(field.kind, Raw | Bytes) or field.name.startswith("reserved"):
        return Standing(named=True, nobody=False)
    place = f"{kind.__name__}.{field.name}"
    own = [f for f in kind.fields if not isinstance(f.kind, Aside)]
    if kind.__name__ in NO_NAME and all(isinstance(f.kind, Raw) for f in own):
        return Standing(named=False, nobody=True)
    is_left = isinstance(field.kind, Raw) and field.name.startswith(_LEFT) and len(own) > 1
    is_read = place in ONE_NAME or is_left or _is_told(kind() if thing is None else thing, field)
    return Standing(named=is_read, nobody=place in NO_NAME and not is_read)


def _is_told(thing: Structure, field: Field) -> bool:
    """Whether its meaning is shown in place of the bytes, for some value at least."""
    size = field.kind.size if isinstance(field.kind, Bytes) else 0
    tries = [thing, *(thing.replace(**{field.name: bytes([n]) * size}) for n in (1, 2) if size)]
    return any(one.shown(field.name) is not None for one in tries)


def opaque_fields() -> set[str]:
    """Fields whose bytes the reference names and we do not."""
    return {
        f"{kind.__name__}.{field.name}"
        for section in section_types()
        for kind in all_inside(section)
        for field in kind.fields
        if standing(kind, field).is_opaque
    }


class Share(NamedTuple):
    """Bytes of sampled sections: all of them, those that nobody names, and those left opaque."""

    bytes: int
    nobody: int
    opaque: int


def share(kind: type[Section], random: Random) -> Share:
    """Of sections of that type, drawn at random."""
    total = nobody = opaque = 0
    for _ in range(_DRAWN):
        for owner, field, size in _leaves(sample(kind, random)):
            found = standing(type(owner), field, thing=owner)
            total += size
            nobody += size * found.nobody
            opaque += size * found.is_opaque
    return Share(total, nobody, opaque)


def _leaves(thing: Structure) -> Iterator[tuple[Structure, Field, int]]:
    """The fields that hold no structures: (whose, which, bytes)."""
    for field in thing.fields:
        value = getattr(thing, field.name)
        if isinstance(value, Structure):
            yield from _leaves(value)
        elif isinstance(field.kind, Part) and isinstance(value, tuple):
            for item in value:
                yield from _leaves(item)
        elif not isinstance(field.kind, Aside):
            yield thing, field, len(value) if isinstance(field.kind, Part) else field.kind.size  # type: ignore[attr-defined]


def report(random: Random) -> list[str]:
    """A line for each section type: its bytes, the share that nobody names, the share left opaque."""
    lines = [f"{'section':<40} {'bytes':>8} {'no name':>8} {'opaque':>7}"]
    for kind in section_types():
        found = share(kind, random)
        whole = found.bytes or 1
        lines.append(
            f"{kind.__name__:<40} {found.bytes:>8} {found.nobody / whole:>8.1%} {found.opaque / whole:>7.1%}"
        )
    return lines


if __name__ == "__main__":
    print("\n".join(report(Random())))
