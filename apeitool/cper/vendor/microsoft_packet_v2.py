"""Microsoft hardware error packet, version 2: since Windows 7."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Self

from apeitool.cper.severity import Severity
from apeitool.cper.vendor.microsoft_packet_data import (
    SIGNATURE_LENGTH,
    AerCapability,
    ErrorPacket,
    McaException,
    OtherPacketData,
    PacketData,
    PacketErrorType,
    PacketFlags,
    WindowsSourceType,
    packet_data,
)
from apeitool.registers import pcie
from apeitool.wire.labels import Label, flag_names
from apeitool.wire.problem import Problem
from apeitool.wire.types import AUTO, GUID, NIL, U32, U64, Derived, Hex, One, Raw, Rest, Unit, u32

if TYPE_CHECKING:
    from apeitool.cper.place import Place

HEADER_LENGTH = 80
"""Bytes before the data, with the signature."""


class PacketDataFormat(Label):
    """Format of the data in a packet of version 2."""

    IPF_SAL_RECORD = 0
    XPF_MCA = 1
    MEMORY = 2
    PCIE = 3
    NMI_PORT = 4
    PCIX_BUS = 5
    PCIX_DEVICE = 6
    GENERIC = 7


_FORMATS: dict[int, type[PacketData]] = {
    PacketDataFormat.XPF_MCA: McaException,
    PacketDataFormat.PCIE: AerCapability,
}


def _data_type(packet: Any, length: int) -> type[PacketData]:
    return packet_data(_FORMATS.get(packet.data_format), length)


def _data_offset(packet: Any) -> int:
    return HEADER_LENGTH + len(packet.gap)


def _pshed_data_offset(packet: Any) -> int:
    return _data_offset(packet) + int(packet.data.size) + len(packet.pshed_gap)


class ErrorPacketV2(ErrorPacket):
    """WHEA_ERROR_PACKET_V2, without its signature.

    Shape:   76 bytes, little-endian; the data; what a plug-in of the platform's vendor added.
    Units:   offsets and lengths in bytes, with the signature.
    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_ERROR_PACKET_V2
    """

    version: U32 = 3
    length: Annotated[U32, Unit("bytes"), Derived(lambda p: SIGNATURE_LENGTH + p.size)] = AUTO
    flags: Annotated[U32, PacketFlags] = 0
    error_type: Annotated[PacketErrorType, u32] = PacketErrorType.GENERIC
    error_severity: Annotated[Severity, u32] = Severity.RECOVERABLE
    error_source_id: U32 = 0
    error_source_type: Annotated[WindowsSourceType, u32] = WindowsSourceType.MCE
    notify_type: GUID = NIL
    context: Annotated[U64, Hex] = 0
    data_format: Annotated[PacketDataFormat, u32] = PacketDataFormat.MEMORY
    reserved: Annotated[U32, Hex] = 0
    data_offset: Annotated[U32, Unit("bytes"), Derived(_data_offset)] = AUTO
    data_length: Annotated[U32, Unit("bytes"), Derived(lambda p: p.data.size)] = AUTO
    pshed_data_offset: Annotated[U32, Unit("bytes"), Derived(_pshed_data_offset)] = AUTO
    pshed_data_length: Annotated[U32, Unit("bytes"), Derived(lambda p: len(p.pshed_data))] = AUTO
    gap: Annotated[
        bytes, Raw(until=lambda p: p.data_offset - SIGNATURE_LENGTH), "before the data"
    ] = b""
    data: Annotated[PacketData, One(_data_type, length="data_length")] = OtherPacketData()
    pshed_gap: Annotated[
        bytes, Raw(until=lambda p: p.pshed_data_offset - SIGNATURE_LENGTH), "behind the data"
    ] = b""
    pshed_data: Annotated[bytes, Raw(length="pshed_data_length")] = b""
    rest: Rest = b""

    @property
    def what(self) -> str:
        if isinstance(self.data, McaException):
            return f"{self.error_type.text} error: {self.data.what}"
        return f"{self.error_type.text} error"

    @property
    def component(self) -> str:
        data = self.data
        return f"CPU {data.processor_number}" if isinstance(data, McaException) else ""

    def at(self, place: "Place") -> Self:
        if not isinstance(self.data, McaException):
            return self
        return self.replace(data=self.data.replace(processor_number=place.processor.number))

    def sentence(self) -> str:
        """What the packet says happened."""
        what = f"{self.error_type.text} error"
        if isinstance(self.data, McaException):
            return f"{what}: {self.data.sentence()}"
        if isinstance(self.data, AerCapability):
            errors = flag_names(pcie.UncorrectableError, self.data.uncorrectable_error_status)
            errors += flag_names(pcie.CorrectableError, self.data.correctable_error_status)
            return f"{what}: {', '.join(errors) or 'no AER error'}"
        return what

    def check(self) -> Iterator[Problem]:
        if self.length != SIGNATURE_LENGTH + self.size:
            rule = f"{self.length} bytes said, {SIGNATURE_LENGTH + self.size} are there"
            yield self.trouble("packet-length", "length", rule)
        for name, offset, length in (
            ("data", _data_offset(self), self.data.size),
            ("pshed_data", _pshed_data_offset(self), len(self.pshed_data)),
        ):
            said = getattr(self, f"{name}_length")
            if said != length:
                rule = f"{said} bytes said, {length} are there"
                yield self.trouble("packet-data-length", f"{name}_length", rule)
            place = getattr(self, f"{name}_offset")
            if said and place != offset:
                rule = f"{place} is no place for it: it lies at {offset}"
                yield self.trouble("packet-data-place", f"{name}_offset", rule)
