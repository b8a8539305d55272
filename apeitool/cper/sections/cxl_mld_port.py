"""CXL MLD port event section."""

from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.cxl_event import CxlEventSection
from apeitool.registers.tlp import tlp_sentence
from apeitool.wire.labels import Label
from apeitool.wire.types import U8, U16, Absent, Bytes, Hex, Rest, Unit, Usual, u8


class MldPortEventType(Label):
    """Which message a port received."""

    ERROR_CORRECTABLE_MESSAGE_RECEIVED = 0
    ERROR_NON_FATAL_MESSAGE_RECEIVED = 1
    ERROR_FATAL_MESSAGE_RECEIVED = 2


class CxlMldPortEventSection(CxlEventSection):
    """CXL MLD port event section.

    Shape:   144 bytes, little-endian; at least the header, 32.
    Raises:  Truncated when fewer than 32 bytes are given.
    Source:  UEFI 2.10 N.2.14; CXL 3.1 7.6.8.3
    """

    guid: ClassVar[UUID] = UUID("8dc44363-0c96-4710-b7bf-04bb99534c3f")
    title: ClassVar[str] = "CXL MLD port event"
    json_key: ClassVar[str] = "CxlComponent"
    json_type: ClassVar[str] = "CXL MLD Port Component Error"

    type: Annotated[MldPortEventType, u8] = MldPortEventType.ERROR_CORRECTABLE_MESSAGE_RECEIVED
    port_id: U8 = 0
    reserved: Annotated[U16, Hex] = 0
    error_message: Annotated[
        bytes,
        Bytes(8),
        "begin of the PCIe message",
        Usual(bytes.fromhex("3000000001000030"), bytes.fromhex("3000000001000031")),
    ] = bytes(8)
    reserved_2: Annotated[bytes, Bytes(68)] = bytes(68)
    absent: Annotated[int, Absent(32), Unit("bytes")] = 0
    trailing: Rest = b""

    def shown(self, name: str) -> str | None:
        if name != "error_message":
            return None
        words = (int.from_bytes(self.error_message[at : at + 4], "big") for at in (0, 4))
        said = tlp_sentence([*words, 0, 0])
        is_message = said.startswith("message")
        return f"{self.error_message.hex()} ({said})" if is_message else None

    def told(self) -> str:
        if not self.is_valid("error_message"):
            return ""
        return f"{self.type.text} at port {self.port_id}: {self.error_message.hex(' ')}"
