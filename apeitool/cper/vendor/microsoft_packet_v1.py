"""Microsoft hardware error packet, version 1: of Windows Vista and Server 2008."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

from apeitool.cper.section import OpaqueSection, Section, section_type
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
from apeitool.wire.labels import Label
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, U32, U64, Derived, Hex, One, Rest, Unit, u32

if TYPE_CHECKING:
    from apeitool.cper.place import Place

ERROR_LENGTH = 208
"""Bytes of the error, whatever kind it is of."""

_SECTIONS: dict[int, str] = {
    PacketErrorType.PROCESSOR: "9876ccad-47b4-4bdb-b65e-16f193c4f3db",
    PacketErrorType.MEMORY: "a5bc1114-6f64-4ede-b863-3e83ed7c83b1",
    PacketErrorType.PCIE: "d995e954-bbc1-430f-ad91-b44dcb3c6f35",
    PacketErrorType.NMI: "e71254e7-c1b9-4940-ab76-909703a4320f",
    PacketErrorType.PCIX_BUS: "c5753963-3b84-4095-bf78-eddad3f9c9dd",
    PacketErrorType.PCIX_DEVICE: "eb5e4685-ca66-4769-b6a2-26068b001326",
    PacketErrorType.PERSISTENT_MEMORY: "81687003-dbfd-4728-9ffd-f0904f97597d",
}
"""The section type whose layout the error of each kind has."""


class RawDataFormat(Label):
    """Format of the raw data in a packet of version 1."""

    IPF_SAL_RECORD = 0
    IA32_MCA = 1
    INTEL64_MCA = 2
    AMD64_MCA = 3
    MEMORY = 4
    PCIE = 5
    NMI_PORT = 6
    PCIX_BUS = 7
    PCIX_DEVICE = 8
    GENERIC = 9


_FORMATS: dict[int, type[PacketData]] = {
    RawDataFormat.IA32_MCA: McaException,
    RawDataFormat.INTEL64_MCA: McaException,
    RawDataFormat.AMD64_MCA: McaException,
    RawDataFormat.PCIE: AerCapability,
}


def _raw_type(raw: Any, length: int) -> type[PacketData]:
    return packet_data(_FORMATS.get(raw.raw_data_format), length)


class RawDataBase(Structure):
    """What a packet of version 1 ends in.

    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_ERROR_PACKET_V1
    """


class RawData(RawDataBase):
    """Raw data, and behind it what a plug-in of the platform's vendor added.

    Shape:   8 bytes, little-endian, and the data.
    Units:   offset in bytes, from the start of the data.
    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_ERROR_PACKET_V1
    """

    raw_data_format: Annotated[RawDataFormat, u32] = RawDataFormat.MEMORY
    raw_data_offset: Annotated[
        U32, Unit("bytes"), "of the plug-in's data", Derived(lambda r: r.raw_data.size)
    ] = AUTO
    raw_data: Annotated[PacketData, One(_raw_type, length="raw_data_offset")] = OtherPacketData()
    pshed_data: Rest = b""

    def check(self) -> Iterator[Problem]:
        if self.raw_data.size < self.raw_data_offset:
            rule = f"{self.raw_data_offset} bytes said, {self.raw_data.size} are there"
            yield self.trouble("raw-data-truncated", "raw_data_offset", rule)


class NoRawData(RawDataBase):
    """Fewer bytes than the raw data's format and offset need.

    Shape:   fewer than 8 bytes.
    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_ERROR_PACKET_V1
    """

    rest: Rest = b""


def _error_type(packet: Any, length: int) -> type[Section]:
    guid = _SECTIONS.get(packet.error_type)
    kind = section_type(UUID(guid)) if guid else None
    return kind if kind is not None and length >= kind.shortest else OpaqueSection


def _raw_data_type(packet: Any, length: int) -> type[RawDataBase]:
    return RawData if length >= RawData.fixed_size else NoRawData


class ErrorPacketV1(ErrorPacket):
    """WHEA_ERROR_PACKET_V1, without its signature.

    Shape:   60 bytes, little-endian; 208 of the error; the raw data.
    Units:   size in bytes, with the signature.
    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_ERROR_PACKET_V1
    """

    flags: Annotated[U32, PacketFlags] = 0
    packet_size: Annotated[U32, Unit("bytes"), Derived(lambda p: SIGNATURE_LENGTH + p.size)] = AUTO
    raw_data_length: Annotated[
        U32, Unit("bytes"), Derived(lambda p: max(0, p.raw_data.size - RawData.fixed_size))
    ] = AUTO
    reserved: Annotated[U64, Hex] = 0
    context: Annotated[U64, Hex] = 0
    error_type: Annotated[PacketErrorType, u32] = PacketErrorType.GENERIC
    error_severity: Annotated[Severity, u32] = Severity.RECOVERABLE
    error_source_id: U32 = 0
    error_source_type: Annotated[WindowsSourceType, u32] = WindowsSourceType.MCE
    reserved_2: Annotated[U32, Hex] = 0
    version: U32 = 2
    cpu: U64 = 0
    error: Annotated[Section, One(_error_type, length=lambda p: ERROR_LENGTH)] = OpaqueSection(
        data=bytes(ERROR_LENGTH)
    )
    raw_data: Annotated[RawDataBase, One(_raw_data_type)] = RawData()

    @property
    def what(self) -> str:
        known = not isinstance(self.error, OpaqueSection)
        return self.error.what if known else f"{self.error_type.text} error"

    @property
    def component(self) -> str:
        return self.error.component

    def at(self, place: "Place") -> Self:
        return self.replace(error=self.error.at(place))

    def sentence(self) -> str:
        """What the packet says happened."""
        if isinstance(self.error, OpaqueSection):
            return f"{self.error_type.text} error"
        return self.error.sentence()

    def check(self) -> Iterator[Problem]:
        there = SIGNATURE_LENGTH + self.size
        if self.packet_size != there:
            rule = f"{self.packet_size} bytes said, {there} are there"
            yield self.trouble("packet-length", "packet_size", rule)
        there = max(0, self.raw_data.size - RawData.fixed_size)
        if self.raw_data_length != there:
            rule = f"{self.raw_data_length} bytes said, {there} are there"
            yield self.trouble("raw-data-length", "raw_data_length", rule)
