"""CXL dynamic capacity event section."""

import enum
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.cxl_event import CxlEventSection
from apeitool.wire.labels import Label
from apeitool.wire.types import U8, U16, U32, U64, Absent, Bytes, Hex, Rest, Unit, Usual, When, u8


class CapacityEventType(Label):
    """What becomes of capacity."""

    ADD_CAPACITY = 0
    RELEASE_CAPACITY = 1
    FORCED_CAPACITY_RELEASE = 2
    REGION_CONFIGURATION_UPDATED = 3
    ADD_CAPACITY_RESPONSE = 4
    CAPACITY_RELEASED = 5


class CapacityValid(enum.IntFlag):
    """Which fields of the event are facts."""

    AVAILABLE = 1 << 0


class CapacityFlags(enum.IntFlag):
    """What belongs to the event."""

    MORE = 1 << 0


class CxlDynamicCapacityEventSection(CxlEventSection):
    """CXL dynamic capacity event section.

    Shape:   144 bytes, little-endian; at least the header, 32.
    Units:   extents in bytes of the device's own memory.
    Raises:  Truncated when fewer than 32 bytes are given.
    Source:  UEFI 2.10 N.2.14; CXL 3.2 8.2.10.2.1.6
    """

    guid: ClassVar[UUID] = UUID("ca95afa7-f183-4018-8c2f-95268e101a2a")
    aliases: ClassVar[tuple[UUID, ...]] = (UUID("a7af95ca-83f1-1840-8c2f-95268e101a2a"),)
    title: ClassVar[str] = "CXL dynamic capacity event"
    since: ClassVar[str] = "CXL 3.0"

    type: Annotated[CapacityEventType, u8] = CapacityEventType.ADD_CAPACITY
    validity_flags: Annotated[U8, CapacityValid] = 0
    host_id: U16 = 0
    updated_region_index: U8 = 0
    flags: Annotated[U8, CapacityFlags, "more: the next event belongs to it"] = 0
    reserved: Annotated[U16, Hex] = 0
    extent_start: Annotated[U64, Hex, "in the device", Usual(0, 1 << 34, 3 << 34)] = 0
    extent_length: Annotated[U64, Hex, Unit("bytes"), Usual(1 << 28, 1 << 30, 1 << 34)] = 0
    extent_tag: Annotated[bytes, Bytes(16)] = bytes(16)
    shared_extent_sequence: U16 = 0
    reserved_2: Annotated[bytes, Bytes(6)] = bytes(6)
    reserved_3: Annotated[bytes, Bytes(24)] = bytes(24)
    available_extents: Annotated[U32, When(CapacityValid.AVAILABLE)] = 0
    available_tags: Annotated[U32, When(CapacityValid.AVAILABLE)] = 0
    absent: Annotated[int, Absent(32), Unit("bytes")] = 0
    trailing: Rest = b""

    def told(self) -> str:
        if not self.is_valid("extent_length"):
            return ""
        if self.type == CapacityEventType.REGION_CONFIGURATION_UPDATED:
            return f"{self.type.text}, region {self.updated_region_index}"
        extent = f"{self.extent_length:#x} bytes at device address {self.extent_start:#x}"
        return f"{self.type.text} for host {self.host_id}: {extent}"
