"""AMD IOMMU DMAr error section."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.sections.dmar_generic import REFUSED
from apeitool.cper.severity import Severity
from apeitool.registers import amd_iommu
from apeitool.registers.amd_iommu import EventCode
from apeitool.registers.pcie import RequesterId
from apeitool.wire.labels import Word
from apeitool.wire.record import Structure
from apeitool.wire.shapes import BASE64, NUMBER, Json
from apeitool.wire.types import U8, U64, Bytes, Hex, Named, Rest

if TYPE_CHECKING:
    from apeitool.cper.place import Place


def _event_low(event: Any) -> type[Word]:
    return amd_iommu.EVENT_WORDS.get(event.code, amd_iommu.EventLow)


def _event_high(event: Any) -> type[Word]:
    counts = event.code == EventCode.EVENT_COUNTER_ZERO
    return amd_iommu.EventCounter if counts else amd_iommu.EventAddress


class IommuEvent(Structure):
    """Event log entry.

    Shape:   16 bytes, little-endian.
    Source:  AMD 48882 2.5
    """

    low: Annotated[U64, Hex, Named(_event_low), "bits 63:0"] = 0
    high: Annotated[U64, Hex, Named(_event_high), "bits 127:64"] = 0

    @property
    def code(self) -> EventCode:
        """Which event it is."""
        return EventCode(self.low >> 60)

    @property
    def device(self) -> str:
        """Whose access it was; "" where the event does not tell."""
        word = _event_low(self)(self.low)
        return (
            RequesterId(word.device_id).text if isinstance(word, amd_iommu.DeviceEventLow) else ""
        )

    def sentence(self) -> str:
        """What happened, to whom and where, as far as this event tells."""
        word = _event_low(self)(self.low)
        what = self.code.text
        if isinstance(word, amd_iommu.AccessEventLow):
            kind = "interrupt" if word.interrupt else "write" if word.write else "read"
            what += f", {kind}"
        if self.device:
            what += f" by {self.device}"
        if self.code.is_known and self.code is not EventCode.EVENT_COUNTER_ZERO:
            what += f" at address {self.high:#x}"
        return what


class IommuDeviceTableEntry(Structure):
    """Device table entry of the device.

    Shape:   32 bytes, little-endian.
    Source:  AMD 48882 2.2.2
    """

    bits_63_0: Annotated[U64, Hex, amd_iommu.DeviceTableEntry0] = 0
    bits_127_64: Annotated[U64, Hex, amd_iommu.DeviceTableEntry1] = 0
    bits_191_128: Annotated[U64, Hex, amd_iommu.DeviceTableEntry2] = 0
    bits_255_192: Annotated[U64, Hex, amd_iommu.DeviceTableEntry3] = 0


class IommuErrorSection(Section):
    """IOMMU specific DMAr error section.

    Shape:   144 bytes, little-endian.
    Raises:  Truncated when fewer than 144 bytes are given.
    Source:  UEFI 2.10 N.2.11.3
    """

    part: ClassVar[str] = "device"
    guid: ClassVar[UUID] = UUID("036f84e1-7f37-428c-a79e-575fdfaa84ec")
    title: ClassVar[str] = "IOMMU DMAr error"
    json_key: ClassVar[str] = "IommuDmar"
    json_type: ClassVar[str] = "IOMMU Specific DMAr"
    since: ClassVar[str] = "UEFI 2.2"

    revision: Annotated[U8, "of the IOMMU's specification"] = 0
    reserved: Annotated[bytes, Bytes(7)] = bytes(7)
    control: Annotated[U64, Hex, amd_iommu.Control, Json("controlRegister", NUMBER)] = 0
    status: Annotated[U64, Hex, amd_iommu.Status, Json("statusRegister", NUMBER)] = 0
    reserved_2: Annotated[bytes, Bytes(8)] = bytes(8)
    event_log_entry: Annotated[IommuEvent, Json(shape=BASE64)] = IommuEvent()
    reserved_3: Annotated[bytes, Bytes(16)] = bytes(16)
    device_table_entry: Annotated[IommuDeviceTableEntry, Json(shape=BASE64)] = (
        IommuDeviceTableEntry()
    )
    page_table_entry_level_6: Annotated[
        U64, Hex, amd_iommu.PageTableEntry, Json("pageTableEntry_Level6", NUMBER)
    ] = 0
    page_table_entry_level_5: Annotated[
        U64, Hex, amd_iommu.PageTableEntry, Json("pageTableEntry_Level5", NUMBER)
    ] = 0
    page_table_entry_level_4: Annotated[
        U64, Hex, amd_iommu.PageTableEntry, Json("pageTableEntry_Level4", NUMBER)
    ] = 0
    page_table_entry_level_3: Annotated[
        U64, Hex, amd_iommu.PageTableEntry, Json("pageTableEntry_Level3", NUMBER)
    ] = 0
    page_table_entry_level_2: Annotated[
        U64, Hex, amd_iommu.PageTableEntry, Json("pageTableEntry_Level2", NUMBER)
    ] = 0
    page_table_entry_level_1: Annotated[
        U64, Hex, amd_iommu.PageTableEntry, Json("pageTableEntry_Level1", NUMBER)
    ] = 0
    trailing: Rest = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        reserved = data[1:8] + data[24:32] + data[48:64]
        is_event = EventCode(data[39] >> 4).is_known
        return len(data) == cls.fixed_size and is_event and not any(reserved)

    @property
    def what(self) -> str:
        return f"IOMMU error: {self.event_log_entry.code.text}" if self._has_event else self.title

    @property
    def component(self) -> str:
        device = self.event_log_entry.device
        return f"PCIe {device}" if device and self._has_event else ""

    @property
    def severities(self) -> tuple[Severity, ...]:
        return REFUSED

    def at(self, place: "Place") -> Self:
        event = self.event_log_entry
        if not (self._has_event and event.device):
            return self
        device = amd_iommu.DeviceEventLow.device_id
        low = event.low & ~device.mask | place.device.requester_id << device.low
        return self.replace(event_log_entry=event.replace(low=low))

    @property
    def _has_event(self) -> bool:
        return bool(self.event_log_entry.low or self.event_log_entry.high)

    def sentence(self) -> str:
        if not self._has_event:
            return "IOMMU error, no event recorded"
        return f"IOMMU error: {self.event_log_entry.sentence()}"
