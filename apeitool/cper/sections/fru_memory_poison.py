"""FRU memory poison section: where the memory of a field-replaceable unit is bad."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.registers.cpuid import CpuidVersion
from apeitool.registers.smca import McaIpid
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    U32,
    U64,
    Derived,
    Hex,
    Many,
    Named,
    Rest,
    Usual,
    When,
    u32,
)

if TYPE_CHECKING:
    from apeitool.cper.place import Place


class FruPoisonValid(enum.IntFlag):
    """Which fields of the section are facts."""

    ARCHITECTURE_TYPE = 1 << 0
    ARCHITECTURE = 1 << 1
    ID_TYPE = 1 << 2
    ID = 1 << 3
    ENTRY_COUNT = 1 << 4
    ENTRIES = 1 << 5


class FruArchitectureType(Label):
    """How the architecture of the unit is written."""

    X86_CPUID_1_EAX = 0

    @property
    def text(self) -> str:
        """The way in words."""
        return "EAX of CPUID leaf 1" if self.is_known else super().text


class FruIdType(Label):
    """How the unit is named."""

    X86_PPIN = 0

    @property
    def text(self) -> str:
        """The way in words."""
        return "PPIN" if self.is_known else super().text


class HardwareIdType(Label):
    """How the hardware that met an error is written."""

    MCA_IPID = 0

    @property
    def text(self) -> str:
        """The way in words."""
        return "MCA_IPID" if self.is_known else super().text


class PoisonAddressType(Label):
    """How the address of an error is written."""

    MCA_ADDR = 0

    @property
    def text(self) -> str:
        """The way in words."""
        return "MCA_ADDR" if self.is_known else super().text


class PosixTime(Word):
    """Seconds since 1970, UTC."""

    seconds = Bits(0, 64)

    @property
    def moment(self) -> datetime | None:
        """The moment; None if it is none."""
        try:
            return datetime.fromtimestamp(int(self), UTC) if self else None
        except (OverflowError, ValueError, OSError):
            return None

    @property
    def text(self) -> str:
        """The moment as text."""
        moment = self.moment
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else f"no date ({int(self):#x})"


class MemoryPoisonDescriptor(Structure):
    """Memory poison descriptor: an error that was met before.

    Shape:   32 bytes, little-endian.
    Units:   the address is that of the memory controller's bank, not one of the system.
    Source:  Linux drivers/ras/amd/fmpm.c cper_fru_poison_desc
    """

    timestamp: Annotated[U64, PosixTime, Usual(1_767_225_600, 1_767_312_000, 1_767_398_400)] = 0
    hardware_id_type: Annotated[HardwareIdType, u32] = HardwareIdType.MCA_IPID
    hardware_id: Annotated[
        U64,
        Hex,
        Named(lambda d: McaIpid if d.hardware_id_type == HardwareIdType.MCA_IPID else None),
        Usual(0x9600050F00, 0x9600150F00, 0x9600350F00),
    ] = 0
    address_type: Annotated[PoisonAddressType, u32] = PoisonAddressType.MCA_ADDR
    address: Annotated[U64, Hex] = 0

    def sentence(self) -> str:
        """What met the error, where and when."""
        unit = ""
        if self.hardware_id_type == HardwareIdType.MCA_IPID:
            ipid = McaIpid(self.hardware_id)
            unit = f"{ipid.unit or 'a unit'}, instance {ipid.instance_id:#x}, "
        moment = PosixTime(self.timestamp).moment
        when = f" on {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""
        return f"{unit}address {self.address:#x}{when}"


def _architecture(section: Any) -> type[Word] | None:
    known = section.fru_architecture_type == FruArchitectureType.X86_CPUID_1_EAX
    return CpuidVersion if known and section.is_valid("fru_architecture_type") else None


def _checksum(section: Any) -> int:
    """What makes the bytes of the section sum to zero."""
    behind: bytes = section.to_bytes()[4:]
    return -sum(behind) & 0xFFFF_FFFF


_TOLD = 4
"""So many errors does a sentence tell of."""
_FIRST_PPIN = 0x02B0_1A2B_3C4D_0000
"""The numbers of made up processors begin there."""


class FruMemoryPoisonSection(Section):
    """FRU memory poison section: where the memory of a field-replaceable unit is bad.

    Linux keeps one for each processor, with room for more entries behind those that count.

    Shape:   40 bytes, little-endian, and 32 for each entry.
    Raises:  Truncated when fewer than 40 bytes are given.
    Source:  Linux drivers/ras/amd/fmpm.c cper_sec_fru_mem_poison
    """

    part: ClassVar[str] = "processor"
    located: ClassVar[Mapping[str, str]] = {"fru_architecture": "processor.signature"}
    guid: ClassVar[UUID] = UUID("5e4706c1-5356-48c6-930b-52f2120a4458")
    title: ClassVar[str] = "FRU memory poison"

    checksum: Annotated[U32, Hex, Derived(_checksum, last=True)] = AUTO
    validation_bits: Annotated[U64, FruPoisonValid] = 0
    fru_architecture_type: Annotated[
        FruArchitectureType, u32, When(FruPoisonValid.ARCHITECTURE_TYPE)
    ] = FruArchitectureType.X86_CPUID_1_EAX
    fru_architecture: Annotated[
        U64, Hex, Named(_architecture), When(FruPoisonValid.ARCHITECTURE)
    ] = 0
    fru_id_type: Annotated[FruIdType, u32, When(FruPoisonValid.ID_TYPE)] = FruIdType.X86_PPIN
    fru_id: Annotated[U64, Hex, When(FruPoisonValid.ID)] = 0
    entry_count: Annotated[
        U32, Derived(lambda s: len(s.entries)), When(FruPoisonValid.ENTRY_COUNT)
    ] = AUTO
    entries: Annotated[
        Sequence[MemoryPoisonDescriptor],
        Many(MemoryPoisonDescriptor, count="entry_count"),
        When(FruPoisonValid.ENTRIES),
    ] = ()
    trailing: Annotated[Rest, "room for more entries"] = b""

    @property
    def component(self) -> str:
        return f"PPIN {self.fru_id:#x}" if self.is_valid("fru_id") else ""

    @property
    def severities(self) -> tuple[Severity, ...]:
        return (Severity.RECOVERABLE,)

    @property
    def moment(self) -> datetime | None:
        found = (PosixTime(entry.timestamp).moment for entry in self._facts)
        return max((moment for moment in found if moment), default=None)

    def at(self, place: "Place") -> Self:
        there = super().at(place)
        if self.is_valid("fru_id"):
            there = there.replace(fru_id=_FIRST_PPIN + place.processor.socket)
        return there.replace(checksum=_checksum(there))

    @property
    def _facts(self) -> Sequence[MemoryPoisonDescriptor]:
        return self.entries if self.is_valid("entries") else ()

    def sentence(self) -> str:
        of = f" of the processor with {self.component}" if self.component else ""
        told = [entry.sentence() for entry in self._facts[:_TOLD]]
        if len(self._facts) > _TOLD:
            told.append(f"and {len(self._facts) - _TOLD} more")
        return f"bad memory{of}: {'; '.join(told) or 'none recorded'}"

    def check(self) -> Iterator[Problem]:
        if self.checksum != _checksum(self):
            rule = f"{self.checksum:#x}, but the bytes make it {_checksum(self):#x}"
            yield self.trouble("section-checksum", "checksum", rule)
        if self.entry_count != len(self.entries):
            rule = f"{self.entry_count} said, {len(self.entries)} found"
            yield self.trouble("entry-count", "entry_count", rule)
