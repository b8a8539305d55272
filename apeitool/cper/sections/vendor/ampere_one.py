"""AmpereOne error section: error types, and payloads of seven formats."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.cper.vendor.ampere_one_payload import (
    AmpereOnePayload,
    AmpereOneRest,
    payload_type,
)
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.shapes import HIDDEN, NUMBER, Json
from apeitool.wire.types import U16, U32, Hex, One, Rest

if TYPE_CHECKING:
    from apeitool.cper.place import Place


class AmpereOneErrorType(Label):
    """Which block of the chip reports."""

    PE = 0
    MCU = 1
    CMN = 2
    TWO_SOCKET_LINK_AER = 3
    TWO_SOCKET_LINK_ALI = 4
    GIC = 5
    SMMU = 6
    PCIE_AER = 7
    PCIE_HOST_BRIDGE = 8
    PCIE_RASDP = 9
    OCM = 10
    MPRO = 11
    SECPRO = 12
    INTERNAL_SOC = 13
    MPRO_FIRMWARE = 14
    SECPRO_FIRMWARE = 15
    BERT = 31

    @property
    def text(self) -> str:
        return self.name.replace("_", " ") if self.is_known else super().text


def _named(*names: str) -> dict[int, str]:
    return {number: name for number, name in enumerate(names) if name}


def _errors(count: int) -> dict[int, str]:
    return _named(*(f"ERR{number}" for number in range(count)))


_SUB_TYPES: dict[int, dict[int, str]] = {
    AmpereOneErrorType.PE: _named(
        "L2C (CE/DE)",
        "L2C (UER/UC)",
        "MMU DTLB (CE)",
        "MMU DTLB (UER)",
        "MMU ITLB (CE)",
        "MMU ITLB (UER)",
        "LSU (CE)",
        "LSU (UC)",
        "ICF (CE)",
        "ICF (UC)",
        "",
        "IXU (UC)",
        "",
        "FSU (UC)",
    ),
    AmpereOneErrorType.MCU: _named(
        "ECC (CE)",
        "ECC read-modify-write (CE)",
        "ECC (UE)",
        "ECC read-modify-write (UE)",
        "CHI request error",
        "CHI unauthorized error",
        "CHI write data error",
        "CHI write data corrupted error",
        "CHI write data parity error",
        "parity error",
        "scrub ECC (CE)",
        "CHI out of range error",
        "SRAM error",
    ),
    AmpereOneErrorType.CMN: _named(
        "cross point", "home node (I/O)", "home node (memory)", "CCIX node"
    ),
    AmpereOneErrorType.TWO_SOCKET_LINK_AER: _errors(1),
    AmpereOneErrorType.TWO_SOCKET_LINK_ALI: _errors(4),
    AmpereOneErrorType.GIC: _errors(35),
    AmpereOneErrorType.SMMU: _named("TCU", "TBU0 read", "TBU1 write"),
    AmpereOneErrorType.PCIE_AER: _named("root port", "device"),
    AmpereOneErrorType.PCIE_HOST_BRIDGE: _errors(1),
    AmpereOneErrorType.PCIE_RASDP: _errors(1),
    AmpereOneErrorType.OCM: _errors(3),
    AmpereOneErrorType.MPRO: _errors(6),
    AmpereOneErrorType.SECPRO: _errors(4),
}


class AmpereOneType(Word):
    """Which block reports, and in which format."""

    error_type = Bits(0, 11, AmpereOneErrorType)
    bert = Bits(11)
    payload_type = Bits(12, 4)


class AmpereOneInstance(Word):
    """Which of the blocks of this type it is."""

    number = Bits(0, 15)
    socket = Bits(29)
    severity = Bits(30, 2)


def _payload(section: Any, length: int) -> type[AmpereOnePayload]:
    return payload_type(AmpereOneType(section.type_id).payload_type, length)


class AmpereOneErrorSection(Section):
    """AmpereOne error section.

    Shape:   8 bytes, little-endian, and the payload.
    Raises:  Truncated when fewer than 8 bytes are given.
    Source:  libcper EFI_AMPERE_ERROR_DATA; rasdaemon (Ampere's branch) non-standard-ampereone.c
    """

    part: ClassVar[str] = "processor"
    guid: ClassVar[UUID] = UUID("2826cc9f-448c-4c2b-86b6-a95394b7ef33")
    title: ClassVar[str] = "AmpereOne error"
    json_key: ClassVar[str] = "Ampere"
    json_type: ClassVar[str] = "Ampere"

    type_id: Annotated[U16, Hex, AmpereOneType, Json("typeId", NUMBER)] = 0
    subtype_id: Annotated[U16, Json("subTypeId")] = 0
    instance_id: Annotated[U32, Hex, AmpereOneInstance, Json("instanceId", NUMBER)] = 0
    payload: Annotated[AmpereOnePayload, One(_payload), HIDDEN] = AmpereOneRest()
    trailing: Rest = b""

    @property
    def subtype_name(self) -> str | None:
        """What the subtype means for this type; None if nobody says."""
        return _SUB_TYPES.get(AmpereOneType(self.type_id).error_type, {}).get(self.subtype_id)

    def shown(self, name: str) -> str | None:
        known = self.subtype_name if name == "subtype_id" else None
        return f"{known} ({self.subtype_id})" if known else None

    @property
    def what(self) -> str:
        return f"AmpereOne {self._block} error: {self._details()}"

    @property
    def component(self) -> str:
        instance = AmpereOneInstance(self.instance_id)
        return f"socket {instance.socket} {self._block} {instance.number}"

    @property
    def severities(self) -> tuple[Severity, ...]:
        return self.payload.severities or super().severities

    def at(self, place: "Place") -> Self:
        cpu, severity = place.processor, AmpereOneInstance(self.instance_id).severity
        instance = AmpereOneInstance.compose(
            number=cpu.core, socket=cpu.socket, severity=int(severity)
        )
        return self.replace(instance_id=instance)

    @property
    def _block(self) -> str:
        return str(AmpereOneErrorType(AmpereOneType(self.type_id).error_type).text)

    def _details(self) -> str:
        details = [self.subtype_name or f"subtype {self.subtype_id}", self.payload.sentence()]
        return ", ".join(filter(None, details))

    def sentence(self) -> str:
        instance = AmpereOneInstance(self.instance_id)
        where = f"socket {instance.socket}, instance {instance.number}"
        return f"AmpereOne {self._block} error on {where}: {self._details()}"
