"""Microsoft memory range error section."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.sections.pcie import DeviceSerialNumber, SlotNumber
from apeitool.registers.pci import vendor_text
from apeitool.wire.labels import Label
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    U8,
    U16,
    U32,
    U64,
    Address,
    Bytes,
    Derived,
    Hex,
    Many,
    Rest,
    Unit,
    Usual,
    When,
    u8,
)

_TOLD = 4
"""So many ranges does a sentence tell of."""


if TYPE_CHECKING:
    from apeitool.cper.place import Place


class MemoryRangeValid(enum.IntFlag):
    """Which fields of the section are facts."""

    VERSION = 1 << 0
    DEVICE_INFO = 1 << 1
    DEVICE_TYPE = 1 << 2
    RANGE_COUNT = 1 << 3
    RANGES = 1 << 4


class MemoryDeviceType(Label):
    """What kind of device it is."""

    CXL = 0


class CxlDeviceInfo(Structure):
    """Which CXL device it is.

    Shape:   72 bytes, little-endian.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_DEVICE_INFO
    """

    vendor_id: Annotated[U16, Hex] = 0
    device_id: Annotated[U16, Hex] = 0
    function_number: U8 = 0
    device_number: U8 = 0
    bus_number: Annotated[U8, Hex] = 0
    segment_number: Annotated[U16, Hex] = 0
    slot_number: Annotated[U16, SlotNumber] = 0
    reserved: Annotated[U8, Hex] = 0
    serial_number: DeviceSerialNumber = DeviceSerialNumber()
    reserved_2: Annotated[bytes, Bytes(52)] = bytes(52)

    @property
    def address(self) -> str:
        """Segment, bus, device and function as lspci writes them."""
        return (
            f"{self.segment_number:04x}:{self.bus_number:02x}:"
            f"{self.device_number:02x}.{self.function_number:x}"
        )

    def shown(self, name: str) -> str | None:
        return vendor_text(self.vendor_id) if name == "vendor_id" else None


class MemoryRange(Structure):
    """Range of memory.

    Shape:   16 bytes, little-endian.
    Units:   length in bytes.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_MEMORY_RANGE
    """

    start: Annotated[Address, "system physical address"] = 0
    length: Annotated[U64, Unit("bytes"), Usual(4096, 1 << 16, 1 << 21)] = 0


class MicrosoftMemoryRangeSection(Section):
    """Microsoft memory range error section: memory of a CXL device that is bad.

    Shape:   88 bytes, little-endian, and 16 for each range.
    Raises:  Truncated when fewer than 88 bytes are given.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_MEMORY_RANGE_ERROR_SECTION
    """

    part: ClassVar[str] = "expander"
    located: ClassVar[Mapping[str, str]] = {"device_info": "expander"}
    guid: ClassVar[UUID] = UUID("cc245308-61d5-4356-a707-25172ec2f5ea")
    title: ClassVar[str] = "memory range error"

    validation_bits: Annotated[U64, MemoryRangeValid] = 0
    version: Annotated[U32, When(MemoryRangeValid.VERSION)] = 1
    device_info: Annotated[CxlDeviceInfo, When(MemoryRangeValid.DEVICE_INFO)] = CxlDeviceInfo()
    device_type: Annotated[MemoryDeviceType, u8, When(MemoryRangeValid.DEVICE_TYPE)] = (
        MemoryDeviceType.CXL
    )
    reserved: Annotated[U8, Hex] = 0
    range_count: Annotated[
        U16, Derived(lambda s: len(s.ranges)), When(MemoryRangeValid.RANGE_COUNT)
    ] = AUTO
    ranges: Annotated[
        Sequence[MemoryRange],
        Many(MemoryRange, count="range_count"),
        When(MemoryRangeValid.RANGES),
    ] = ()
    trailing: Rest = b""

    @property
    def physical_addresses(self) -> tuple[int, ...]:
        return tuple(r.start for r in self.ranges) if self.is_valid("ranges") else ()

    @property
    def what(self) -> str:
        return self.title

    @property
    def component(self) -> str:
        return f"CXL {self.device_info.address}" if self.is_valid("device_info") else ""

    def at(self, place: "Place") -> Self:
        there = super().at(place)
        starts = tuple(r.replace(start=place.address) for r in self.ranges[:1])
        return there.replace(ranges=(*starts, *self.ranges[1:]))

    def sentence(self) -> str:
        what = "memory range error"
        if self.is_valid("device_info"):
            is_cxl = self.is_valid("device_type") and self.device_type == MemoryDeviceType.CXL
            what += f" of {'CXL ' * is_cxl}device {self.device_info.address}"
        if not self.physical_addresses:
            return what
        told = "; ".join(f"{r.length} bytes from {r.start:#x}" for r in self.ranges[:_TOLD])
        more = len(self.ranges) - _TOLD
        return f"{what}: {told}{f'; and {more} more ranges' if more > 0 else ''}"

    def check(self) -> Iterator[Problem]:
        if self.is_valid("range_count") and self.range_count != len(self.ranges):
            rule = f"{self.range_count} said, {len(self.ranges)} found"
            yield self.trouble("range-count", "range_count", rule)
