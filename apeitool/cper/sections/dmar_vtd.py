"""Intel VT-d DMAr error section."""

from typing import Annotated, Any, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.registers import vtd
from apeitool.registers.pcie import RequesterId
from apeitool.wire.labels import Word
from apeitool.wire.record import Structure
from apeitool.wire.types import U8, U32, U64, Bytes, Hex, Named, Rest, Text


def _fault_word(record: Any) -> type[Word]:
    reason = vtd.FaultRecordHigh(record.high).fault_reason
    of_interrupt = vtd.FaultReason(reason).is_of_interrupt
    return vtd.InterruptFaultRecordLow if of_interrupt else vtd.FaultRecordLow


class VtdFaultRecord(Structure):
    """Fault recording register.

    Shape:   16 bytes, little-endian.
    Source:  VT-d (D51397) 11.4.14
    """

    low: Annotated[U64, Hex, Named(_fault_word), "bits 63:0"] = 0
    high: Annotated[U64, Hex, vtd.FaultRecordHigh, "bits 127:64"] = 0

    def sentence(self) -> str:
        """What was refused to whom."""
        high = vtd.FaultRecordHigh(self.high)
        reason = vtd.FaultReason(high.fault_reason)
        what = "DMA read" if high.read else "DMA write"
        where = f"page {vtd.FaultRecordLow(self.low).fault_information << 12:#x}"
        if reason.is_of_interrupt:
            what = "interrupt"
            where = f"index {vtd.InterruptFaultRecordLow(self.low).interrupt_index}"
        by = RequesterId(high.source_id).text
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

    guid: ClassVar[UUID] = UUID("71761d37-32b2-45cd-a7d0-b0fedd93e8cf")
    title: ClassVar[str] = "VT-d DMAr error"
    since: ClassVar[str] = "UEFI 2.2"

    version: Annotated[U8, Hex, vtd.Version, "of the hardware"] = 0
    revision: Annotated[U8, "of the DMAR table"] = 0
    oem_id: Annotated[str, Text(6), "of the DMAR table"] = ""
    capability: Annotated[U64, Hex, vtd.Capability] = 0
    extended_capability: Annotated[U64, Hex, vtd.ExtendedCapability] = 0
    global_command: Annotated[U32, Hex, vtd.GlobalCommand] = 0
    global_status: Annotated[U32, Hex, vtd.GlobalStatus] = 0
    fault_status: Annotated[U32, Hex, vtd.FaultStatus] = 0
    reserved: Annotated[bytes, Bytes(12)] = bytes(12)
    fault_record: VtdFaultRecord = VtdFaultRecord()
    root_entry: VtdRootEntry = VtdRootEntry()
    context_entry: VtdContextEntry = VtdContextEntry()
    page_table_entry_level_6: Annotated[U64, Hex, vtd.SecondLevelEntry] = 0
    page_table_entry_level_5: Annotated[U64, Hex, vtd.SecondLevelEntry] = 0
    page_table_entry_level_4: Annotated[U64, Hex, vtd.SecondLevelEntry] = 0
    page_table_entry_level_3: Annotated[U64, Hex, vtd.SecondLevelEntry] = 0
    page_table_entry_level_2: Annotated[U64, Hex, vtd.SecondLevelEntry] = 0
    page_table_entry_level_1: Annotated[U64, Hex, vtd.SecondLevelEntry] = 0
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

    def sentence(self) -> str:
        record = self.fault_record
        if not record.low and not record.high:
            return "VT-d DMA remapping error, no fault recorded"
        return f"VT-d DMA remapping fault: {record.sentence()}"
