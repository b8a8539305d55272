"""Arm RAS node section."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.arm_ras import (
    AuxiliaryData,
    ComponentType,
    ErrorSyndrome,
    IpInstanceFormat,
    IpTypeFormat,
    fitting,
)
from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.registers import arm_ras
from apeitool.registers.arm import Midr, Mpidr
from apeitool.registers.arm_ras import ErrStatus
from apeitool.wire.labels import Bits, Word
from apeitool.wire.problem import Problem
from apeitool.wire.shapes import HIDDEN, Json, Pair, Several, Slice, Slices
from apeitool.wire.types import (
    AUTO,
    U16,
    U32,
    U64,
    Bytes,
    Derived,
    Hex,
    Many,
    Named,
    Raw,
    Rest,
    Text,
    Unit,
    u8,
)

HEADER_LENGTH = 80
REVISION = 1
_TOLD = 4
"""So many error records does a sentence tell of."""


if TYPE_CHECKING:
    from apeitool.cper.place import Place


_FIRST_NODE, _NODE = 0x2A40_0000, 0x1_0000
"""Where the registers of made up nodes are."""


class BaseAddress(Word):
    """An address that says which instance it is."""

    address = Bits(0, 64, address=True)


_INSTANCES: dict[int, tuple[type[Word] | None, type[Word] | None]] = {
    IpInstanceFormat.PE: (Mpidr, None),
    IpInstanceFormat.SYSTEM_PHYSICAL_ADDRESS: (BaseAddress, None),
    IpInstanceFormat.LOCAL_ADDRESS_IDENTIFIER: (None, BaseAddress),
}
_TYPES: dict[int, type[Word]] = {
    IpTypeFormat.PE: Midr,
    IpTypeFormat.SMMU_IIDR: arm_ras.SmmuIidr,
    IpTypeFormat.GIC_IIDR: arm_ras.GicIidr,
    IpTypeFormat.PIDR: arm_ras.Pidr,
}


def _instance(number: int) -> Named:
    return Named(lambda s: _INSTANCES.get(s.ip_instance_format, (None, None))[number])


_NAMED = Json(shape=Pair("raw", "value", unknown=None))
_WHOLE = Slice(0, 64)
_INSTANCE_SLICES: tuple[dict[int, dict[str, Slice]], ...] = (
    {
        IpInstanceFormat.PE: {"mpidrEl1": _WHOLE},
        IpInstanceFormat.SYSTEM_PHYSICAL_ADDRESS: {"systemPhysicalAddress": _WHOLE},
        IpInstanceFormat.LOCAL_ADDRESS_IDENTIFIER: {"localAddressIdentifier": _WHOLE},
    },
    {IpInstanceFormat.LOCAL_ADDRESS_IDENTIFIER: {"baseAddress": _WHOLE}},
)
_IIDR = {"iidr": Slice(0, 32), "aidr": Slice(32, 32)}
_TYPE_SLICES: dict[int, dict[str, Slice]] = {
    IpTypeFormat.PE: {"midrEl1": _WHOLE},
    IpTypeFormat.SMMU_IIDR: _IIDR,
    IpTypeFormat.GIC_IIDR: _IIDR,
    IpTypeFormat.PIDR: {
        f"pidr{number}": Slice(8 * place, 8)
        for place, number in enumerate((3, 2, 1, 0, 7, 6, 5, 4))
    },
}


def _instance_json(number: int) -> Json:
    return Json("ipInstance", Slices("ip_instance_format", _INSTANCE_SLICES[number]))


def _of_pe(name: str) -> Json:
    return Json("ipType", Slices("ip_type_format", {IpTypeFormat.PE: {name: _WHOLE}}))


def _syndromes_place(section: Any) -> int:
    """Where the error records must begin."""
    return HEADER_LENGTH + len(section.gap)


def _auxiliary_place(section: Any) -> int:
    """Where the auxiliary data must begin."""
    syndromes: int = sum(s.size for s in section.error_syndromes)
    return _syndromes_place(section) + syndromes + len(section.gap_2)


def _syndromes(section: Any) -> int:
    """How many error records there are; none where they cannot begin."""
    count: int = section.error_syndrome_count
    return count if section.error_syndrome_offset == _syndromes_place(section) else 0


class ArmRasNodeSection(Section):
    """Arm RAS node section.

    Shape:   80 bytes, little-endian; 72 for each error record; the auxiliary data.
    Units:   offsets in bytes, from the start of the section.
    Raises:  Truncated when fewer than 80 bytes are given.
    Source:  Arm DEN0085 table 20
    """

    part: ClassVar[str] = "processor"
    guid: ClassVar[UUID] = UUID("bf32d4d5-b427-4025-8495-8a9e5d4030e4")
    title: ClassVar[str] = "Arm RAS node"
    json_key: ClassVar[str] = "ArmRas"
    json_type: ClassVar[str] = "ARM RAS"

    revision: U32 = REVISION
    component_type: Annotated[ComponentType, u8, _NAMED] = ComponentType.PROCESSOR
    reserved: Annotated[bytes, Bytes(3)] = bytes(3)
    error_syndrome_count: Annotated[
        U32, Derived(lambda s: len(s.error_syndromes)), Json("errorSyndromeArrayNumEntries")
    ] = AUTO
    error_syndrome_offset: Annotated[U16, Unit("bytes"), Derived(_syndromes_place), HIDDEN] = AUTO
    auxiliary_data_offset: Annotated[
        U16,
        Unit("bytes"),
        "0 if there is none",
        Derived(lambda s: _auxiliary_place(s) if s.auxiliary_data else 0),
        HIDDEN,
    ] = AUTO
    ip_instance_format: Annotated[IpInstanceFormat, u8, _NAMED] = IpInstanceFormat.PE
    ip_type_format: Annotated[IpTypeFormat, u8, _NAMED] = IpTypeFormat.PE
    reserved_2: Annotated[bytes, Bytes(6)] = bytes(6)
    ip_instance: Annotated[U64, Hex, _instance(0), _instance_json(0)] = 0
    ip_instance_2: Annotated[U64, Hex, _instance(1), _instance_json(1)] = 0
    ip_type: Annotated[
        U64,
        Hex,
        Named(lambda s: _TYPES.get(s.ip_type_format)),
        "of a PE: MIDR_EL1",
        Json("ipType", Slices("ip_type_format", _TYPE_SLICES)),
    ] = 0
    ip_type_2: Annotated[U64, Hex, "of a PE: REVIDR_EL1", _of_pe("revidrEl1")] = 0
    ip_type_3: Annotated[U64, Hex, "of a PE: AIDR_EL1", _of_pe("aidrEl1")] = 0
    user_data: Annotated[str, Text(16)] = ""
    gap: Annotated[bytes, Raw(until="error_syndrome_offset")] = b""
    error_syndromes: Annotated[Sequence[ErrorSyndrome], Many(ErrorSyndrome, count=_syndromes)] = ()
    gap_2: Annotated[bytes, Raw(until="auxiliary_data_offset")] = b""
    auxiliary_data: Annotated[
        Sequence[AuxiliaryData],
        Many(AuxiliaryData, count=lambda s: int(s.auxiliary_data_offset == _auxiliary_place(s))),
        "one or none",
        Json(shape=Several(auxData=AuxiliaryData)),
    ] = ()
    trailing: Rest = b""

    def sealed(self) -> Self:
        # Without its offset, what was before the auxiliary data is behind the error records.
        return type(self).from_bytes(super().sealed().to_bytes())

    def is_valid(self, name: str) -> bool:
        is_told = self.ip_type_format is not IpTypeFormat.INVALID or not name.startswith("ip_type")
        return super().is_valid(name) and (is_told or name == "ip_type_format")

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        count, offset = int.from_bytes(data[8:12], "little"), int.from_bytes(data[12:14], "little")
        room = (len(data) - HEADER_LENGTH) // ErrorSyndrome.fixed_size
        known = ComponentType(data[4]).is_known and IpInstanceFormat(data[16]).is_known
        starts = data[:4] == REVISION.to_bytes(4, "little") and not any(data[5:8])
        return starts and known and offset == HEADER_LENGTH and 0 < count <= room

    @property
    def physical_addresses(self) -> tuple[int, ...]:
        addresses = (s.physical_address for s in self.error_syndromes)
        return tuple(address for address in addresses if address is not None)

    @property
    def what(self) -> str:
        kinds = {syndrome.what: None for syndrome in self.error_syndromes}
        return f"Arm RAS {self.component_type.text} error: {', '.join(kinds) or 'no error record'}"

    @property
    def component(self) -> str:
        if self.ip_instance_format is IpInstanceFormat.PE:
            return f"CPU {Mpidr(self.ip_instance).affinity}"
        return f"{self.component_type.text} node {self.ip_instance:#x}"

    @property
    def severities(self) -> tuple[Severity, ...]:
        found = [fit for s in self.error_syndromes for fit in fitting(ErrStatus(s.err_status))]
        return tuple(sorted({*found}, key=found.index)) or super().severities

    def at(self, place: "Place") -> Self:
        is_pe = self.ip_instance_format is IpInstanceFormat.PE
        is_midr = self.ip_type_format is IpTypeFormat.PE
        node = _FIRST_NODE + place.processor.number * _NODE
        return self.replace(
            ip_instance=place.processor.mpidr if is_pe else node,
            ip_type=place.processor.midr if is_midr else self.ip_type,
            error_syndromes=tuple(syndrome.at(place.address) for syndrome in self.error_syndromes),
        )

    def sentence(self) -> str:
        who = f"Arm RAS {self.component_type.text} node"
        if self.ip_instance_format is IpInstanceFormat.PE:
            who += f" on CPU {Mpidr(self.ip_instance).affinity}"
        if self.ip_instance_format is IpInstanceFormat.SYSTEM_PHYSICAL_ADDRESS:
            who += f" with registers at {self.ip_instance:#x}"
        if self.revision != REVISION:
            who += f", of revision {self.revision}"
        what = "; ".join(s.sentence() for s in self.error_syndromes[:_TOLD])
        if len(self.error_syndromes) > _TOLD:
            what += f"; and {len(self.error_syndromes) - _TOLD} more"
        return f"{who}: {what or 'no error record'}"

    def check(self) -> Iterator[Problem]:
        auxiliary = _auxiliary_place(self) if self.auxiliary_data else 0
        for id, name, there in (
            ("error-syndrome-count", "error_syndrome_count", len(self.error_syndromes)),
            ("error-syndrome-offset", "error_syndrome_offset", _syndromes_place(self)),
            ("auxiliary-data-offset", "auxiliary_data_offset", auxiliary),
        ):
            said = getattr(self, name)
            if said != there:
                yield self.trouble(id, name, f"{said} said, {there} found")
