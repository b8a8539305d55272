"""DMAr generic error section."""

from collections.abc import Mapping
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.registers.pcie import RequesterId
from apeitool.wire.labels import Label
from apeitool.wire.shapes import NUMBER, Json, Pair
from apeitool.wire.types import U16, Address, Bytes, Hex, Rest, u8

REFUSED = (Severity.RECOVERABLE, Severity.CORRECTED, Severity.FATAL)
"""How bad it is that an access was refused: it did no harm, but its device lacks it."""


class DmarFaultReason(
    Label,
    json={
        0x1: "DMT Entry Missing",
        0x2: "DMT Entry Invalid",
        0x3: "DMT Access Error",
        0x4: "DMT Reserved Bit Invalid",
        0x5: "DMA Address Out of Bounds",
        0x6: "Invalid Read/Write",
        0x7: "Invalid Device Request",
        0x8: "ATT Access Error",
        0x9: "ATT Reserved Bit Invalid",
        0xA: "Illegal Command",
        0xB: "Command Buffer Access Error",
    },
):
    """Why a DMA request was refused, in words that fit any remapping hardware."""

    DOMAIN_MAPPING_ENTRY_NOT_PRESENT = 0x1
    DOMAIN_MAPPING_ENTRY_INVALID = 0x2
    ACCESS_TO_DOMAIN_MAPPING_TABLE_FAILED = 0x3
    RESERVED_BITS_SET_IN_DOMAIN_MAPPING_TABLE = 0x4
    ADDRESS_OUT_OF_ADDRESS_SPACE = 0x5
    INVALID_ACCESS = 0x6
    INVALID_REQUEST_TYPE = 0x7
    ACCESS_TO_TRANSLATION_TABLE_FAILED = 0x8
    RESERVED_BITS_SET_IN_TRANSLATION_TABLE = 0x9
    INVALID_COMMAND = 0xA
    ACCESS_TO_COMMAND_BUFFER_FAILED = 0xB


class AccessType(Label, json={0: "DMA Write", 1: "DMA Read"}):
    """What the device was about to do."""

    DMA_WRITE = 0
    DMA_READ = 1


class DmarAddressType(Label, json={0: "Untranslated Request"}):
    """What the address is."""

    UNTRANSLATED = 0
    TRANSLATION_REQUEST = 1


class Architecture(Label, json={1: "VT-d", 2: "IOMMU"}):
    """Whose remapping hardware it is."""

    VT_D = 1
    IOMMU = 2

    @property
    def text(self) -> str:
        """Its name."""
        return {1: "VT-d", 2: "AMD IOMMU"}.get(int(self)) or super().text


class DmarGenericErrorSection(Section):
    """DMAr generic error section.

    Shape:   32 bytes, little-endian.
    Raises:  Truncated when fewer than 32 bytes are given.
    Source:  UEFI 2.10 N.2.11.1
    """

    part: ClassVar[str] = "device"
    located: ClassVar[Mapping[str, str]] = {
        "requester_id": "device.requester_id",
        "segment_number": "device.segment_number",
        "device_address": "address",
    }
    guid: ClassVar[UUID] = UUID("5b51fef7-c79d-4434-8f1b-aa62de3e2c64")
    title: ClassVar[str] = "DMAr generic error"
    json_key: ClassVar[str] = "GenericDmar"
    json_type: ClassVar[str] = "DMAr Generic"
    since: ClassVar[str] = "UEFI 2.2"

    requester_id: Annotated[U16, Hex, RequesterId, "the device", Json("requesterID", NUMBER)] = 0
    segment_number: Annotated[U16, Hex, "PCI segment of the device"] = 0
    fault_reason: Annotated[DmarFaultReason, u8, Json(shape=Pair(text="description"))] = (
        DmarFaultReason.DOMAIN_MAPPING_ENTRY_NOT_PRESENT
    )
    access_type: Annotated[AccessType, u8] = AccessType.DMA_WRITE
    address_type: Annotated[DmarAddressType, u8] = DmarAddressType.UNTRANSLATED
    architecture: Annotated[Architecture, u8, Json("architectureType")] = Architecture.VT_D
    device_address: Annotated[Address, "in the request, as the device knows it"] = 0
    reserved: Annotated[bytes, Bytes(16)] = bytes(16)
    trailing: Rest = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        reason, access, kind, architecture = data[4:8]
        known = (
            DmarFaultReason(reason).is_known and access < 2 and kind < 2 and 0 < architecture < 3
        )
        return known and len(data) == cls.fixed_size and not any(data[16:])

    @property
    def what(self) -> str:
        return f"DMA remapping error: {self.fault_reason.text}"

    @property
    def component(self) -> str:
        return f"PCIe {self._device()}"

    @property
    def severities(self) -> tuple[Severity, ...]:
        return REFUSED

    def sentence(self) -> str:
        return (
            f"DMA remapping error ({self.architecture.text}): {self.fault_reason.text}, "
            f"{self.access_type.text} by {self._device()} at device address {self.device_address:#x}"
        )

    def _device(self) -> str:
        return f"{self.segment_number:04x}:{RequesterId(self.requester_id).text}"
