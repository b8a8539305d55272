"""CCIX PER log: the header, and behind it what the type of the error says."""

from collections.abc import Iterator
from typing import Annotated, Any

from apeitool.cper.ccix_detail import DETAILS, PerDetail, UnknownPerDetail
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, U8, U16, U32, Absent, Derived, Hex, One, Unit


class PerType(Label):
    """What a PER log is about."""

    MEMORY_ERROR = 0
    CACHE_ERROR = 1
    ATC_ERROR = 2
    PORT_ERROR = 3
    LINK_ERROR = 4
    AGENT_INTERNAL_ERROR = 5


class ComponentType(Label):
    """Which part of a CCIX device reports."""

    REQUEST_AGENT = 0
    HOME_AGENT = 1
    SLAVE_AGENT = 2
    PORT = 3
    LINK = 4


class PerLength(Word):
    """Byte 1 of the log."""

    dwords = Bits(0, 7)
    multiple_errors = Bits(7, doc="others were not logged")


class PerKind(Word):
    """Dword 1 of the log."""

    component_type = Bits(12, 4, ComponentType)
    uncorrected = Bits(16)
    no_communication = Bits(17)
    degraded = Bits(18)
    deferrable = Bits(19)
    per_type = Bits(24, 4, PerType)
    address_valid = Bits(30)
    vendor_defined = Bits(31, doc="what follows the header is the vendor's own")


class PerAddressMask(Word):
    """Dword 4 of the log."""

    lowest_valid_bit = Bits(0, 8, doc="of the physical address")


_KIND_OF_DETAIL = PerKind.compose(per_type=15, vendor_defined=1)
_LONGEST = 127


def _detail(log: Any, length: int) -> type[PerDetail]:
    kind = PerKind(log.classification)
    if kind.vendor_defined or kind.per_type >= len(DETAILS):
        return UnknownPerDetail
    found = DETAILS[kind.per_type]
    return found if length >= found.fixed_size else UnknownPerDetail


def _kind(log: Any) -> int | None:
    found = type(log.detail)
    return PerKind.compose(per_type=DETAILS.index(found)) if found in DETAILS else None


def _length(log: Any) -> int:
    """Dwords of the log, begun ones too; as many as fit the seven bits."""
    size: int = log.size
    return min((size + 3) // 4, _LONGEST)


class CcixPerLog(Structure):
    """CCIX protocol error report log.

    Shape:   32 bytes, little-endian, and what its type says.
    Units:   length in dwords.
    Source:  CCIX Base 1.0 7.3.2, as Linux' patches for it have it
    """

    revision: U8 = 0
    length: Annotated[U8, PerLength, Derived(_length, keep=0x80)] = AUTO
    reserved: Annotated[U16, Hex] = 0
    classification: Annotated[
        U32, Hex, PerKind, Derived(_kind, keep=0xFFFFFFFF & ~_KIND_OF_DETAIL)
    ] = AUTO
    address_high: Annotated[U32, Hex, "of a physical address"] = 0
    address_low: Annotated[U32, Hex] = 0
    address_mask: Annotated[U32, Hex, PerAddressMask] = 0
    dword_5: Annotated[U32, Hex] = 0
    dword_6: Annotated[U32, Hex] = 0
    dword_7: Annotated[U32, Hex] = 0
    absent: Annotated[int, Absent(0), Unit("bytes")] = 0
    detail: Annotated[PerDetail, One(_detail)] = UnknownPerDetail()

    @property
    def physical_address(self) -> int | None:
        """The address, if it is a fact."""
        if not self.is_valid("address_low"):
            return None
        return self.address_high << 32 | self.address_low & ~3

    def is_valid(self, name: str) -> bool:
        said = not name.startswith("address_") or PerKind(self.classification).address_valid
        return super().is_valid(name) and bool(said)

    def sentence(self) -> str:
        """What happened where."""
        what = self.what
        if self.physical_address is not None:
            what += f" at physical address {self.physical_address:#x}"
        where = ", ".join(f"{name} {value}" for name, value in self.detail.location())
        return f"{what} ({where})" if where else what

    @property
    def what(self) -> str:
        """What kind of error it was, and in what kind of component."""
        kind = PerKind(self.classification)
        hows = [name for name in ("degraded", "deferrable") if getattr(kind, name)]
        how = ", ".join(["uncorrected" if kind.uncorrected else "corrected", *hows])
        about, component = PerType(kind.per_type), ComponentType(kind.component_type)
        error = about.text if about.is_known else f"error of unknown type {int(about)}"
        error = "vendor-defined error" if kind.vendor_defined else error
        place = f"a {component.text}" if component.is_known else f"component {int(component)}"
        return f"{how} {error} in {place}"

    def check(self) -> Iterator[Problem]:
        said, there = PerLength(self.length).dwords, _length(self)
        if said != there and self.is_valid("length"):
            rule = f"{said} dwords said, {there} are there"
            yield self.trouble("per-log-length", "length", rule)
