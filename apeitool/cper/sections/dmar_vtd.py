"""Intel VT-d DMAr error section."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.sections.dmar_generic import REFUSED
from apeitool.cper.severity import Severity
from apeitool.registers import vtd
from apeitool.registers.pcie import RequesterId
from apeitool.wire.labels import Word
from apeitool.wire.record import Structure
from apeitool.wire.shapes import BASE64, NUMBER, PACKED, Json, Members
from apeitool.wire.types import U8, U32, U64, Bytes, Hex, Named, Rest, Text

if TYPE_CHECKING:
    from apeitool.cper.place import Place


def _fault_word(record: Any) -> type[Word]:
    reason = vtd.FaultRecordHigh(record.high).fault_reason
    of_interrupt = vtd.FaultReason(reason).is_of_interrupt
    return vtd.InterruptFaultRecordLow if of_interrupt else vtd.FaultRecordLow


class VtdFaultRecord(Structure):
    """Fault recording register.

    Shape:   16 bytes, little-endian.
    Source:  VT-d (D51397) 11.4.14
    """

    low: Annotated[
        U64,
        Hex,
        Named(_fault_word),
        "bits 63:0",
        Json(shape=Members(vtd.FaultRecordLow, inline=True)),
    ] = 0
    high: Annotated[
        U64,
        Hex,
        vtd.FaultRecordHigh,
        "bits 127:64",
        Json(shape=Members(inline=True)),
    ] = 0

    @property
    def reason(self) -> vtd.FaultReason:
        """Why it was refused."""
        return vtd.FaultReason(vtd.FaultRecordHigh(self.high).fault_reason)

    @property
    def device(self) -> str:
        """To whom it was refused."""
        return RequesterId(vtd.FaultRecordHigh(self.high).source_id).text

    def sentence(self) -> str:
        """What was refused to whom."""
        high, reason = vtd.FaultRecordHigh(self.high), self.reason
        what = "DMA read" if high.read else "DMA write"
        where = f"page {vtd.FaultRecordLow(self.low).fault_information << 12:#x}"
        if reason.is_of_interrupt:
            what = "interrupt"
            where = f"index {vtd.InterruptFaultRecordLow(self.low).interrupt_index}"
        by = self.device
        by += f" (PASID {high.pasid_value})" if high.pasid_present else ""
        return f"{reason.text}, {what} by {by} at {where}"


class VtdRootEntry(Structure):
    """Root entry of the device.

    Shape:   16 bytes, little-endian.
    Source:  VT-d (D51397) 9.1
    """

    low: Annotated[U64, Hex, vtd.RootEntryLow, "bits 63:0"] = 0
    high: Annotated[U64, Hex, vtd.RootEntryHigh, "bits 127:64"] = 0


class VtdContextEntry(Structure):
    """Context entry of the device.

    Shape:   16 bytes, little-endian.
    Source:  VT-d (D51397) 9.3
    """

    low: Annotated[U64, Hex, vtd.ContextEntryLow, "bits 63:0"] = 0
    high: Annotated[U64, Hex, vtd.ContextEntryHigh, "bits 127:64"] = 0


class VtdErrorSection(Section):
    """Intel VT for Directed I/O specific DMAr error section.

    Shape:   144 bytes, little-endian.
    Raises:  Truncated when fewer than 144 bytes are given.
    Source:  UEFI 2.10 N.2.11.2
    """

    part: ClassVar[str] = "device"
    guid: ClassVar[UUID] = UUID("71761d37-32b2-45cd-a7d0-b0fedd93e8cf")
    title: ClassVar[str] = "VT-d DMAr error"
    json_key: ClassVar[str] = "VtdDmar"
    json_type: ClassVar[str] = "Intel VT for Directed I/O Specific DMAr"
    since: ClassVar[str] = "UEFI 2.2"

    version: Annotated[U8, Hex, vtd.Version, "of the hardware", Json(shape=NUMBER)] = 0
    revision: Annotated[U8, "of the DMAR table"] = 0
    oem_id: Annotated[str, Text(6), "of the DMAR table", Json("oemID", PACKED)] = ""
    capability: Annotated[U64, Hex, vtd.Capability, Json("capabilityRegister", NUMBER)] = 0
    extended_capability: Annotated[
        U64, Hex, vtd.ExtendedCapability, Json("extendedCapabilityRegister", NUMBER)
    ] = 0
    global_command: Annotated[
        U32, Hex, vtd.GlobalCommand, Json("globalCommandRegister", NUMBER)
    ] = 0
    global_status: Annotated[U32, Hex, vtd.GlobalStatus, Json("globalStatusRegister", NUMBER)] = 0
    fault_status: Annotated[U32, Hex, vtd.FaultStatus, Json("faultStatusRegister", NUMBER)] = 0
    reserved: Annotated[bytes, Bytes(12)] = bytes(12)
    fault_record: VtdFaultRecord = VtdFaultRecord()
    root_entry: Annotated[VtdRootEntry, Json(shape=BASE64)] = VtdRootEntry()
    context_entry: Annotated[VtdContextEntry, Json(shape=BASE64)] = VtdContextEntry()
    page_table_entry_level_6: Annotated[
        U64, Hex, vtd.SecondLevelEntry, Json("pageTableEntry_Level6", NUMBER)
    ] = 0
    page_table_entry_level_5: Annotated[
        U64, Hex, vtd.SecondLevelEntry, Json("pageTableEntry_Level5", NUMBER)
    ] = 0
    page_table_entry_level_4: Annotated[
        U64, Hex, vtd.SecondLevelEntry, Json("pageTableEntry_Level4", NUMBER)
    ] = 0
    page_table_entry_level_3: Annotated[
        U64, Hex, vtd.SecondLevelEntry, Json("pageTableEntry_Level3", NUMBER)
    ] = 0
    page_table_entry_level_2: Annotated[
        U64, Hex, vtd.SecondLevelEntry, Json("pageTableEntry_Level2", NUMBER)
    ] = 0
    page_table_entry_level_1: Annotated[
        U64, Hex, vtd.SecondLevelEntry, Json("pageTableEntry_Level1", NUMBER)
    ] = 0
    trailing: Rest = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        oem = data[2:8].rstrip(b"\0")
        return (
            len(data) == cls.fixed_size
            and data[0] >> 4 > 0
            and oem.isascii()
            and oem.decode("latin-1").isprintable()
            and not any(data[36:48])
        )

    @property
    def what(self) -> str:
        return f"VT-d DMA remapping fault: {self.fault_record.reason.text}"

    @property
    def component(self) -> str:
        return f"PCIe {self.fault_record.device}" if self._has_fault else ""

    @property
    def severities(self) -> tuple[Severity, ...]:
        return REFUSED

    def at(self, place: "Place") -> Self:
        source = vtd.FaultRecordHigh.source_id
        high = self.fault_record.high & ~source.mask | place.device.requester_id << source.low
        record = self.fault_record.replace(high=high)
        return self.replace(fault_record=record) if self._has_fault else self

    @property
    def _has_fault(self) -> bool:
        return bool(self.fault_record.low or self.fault_record.high)

    def sentence(self) -> str:
        if not self._has_fault:
            return "VT-d DMA remapping error, no fault recorded"
        return f"VT-d DMA remapping fault: {self.fault_record.sentence()}"
