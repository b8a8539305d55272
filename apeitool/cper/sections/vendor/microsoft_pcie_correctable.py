"""Microsoft PCIe correctable error summary section."""

import enum
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section, first
from apeitool.cper.severity import Severity
from apeitool.registers.pcie import CorrectableError
from apeitool.wire.labels import flag_names
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    U16,
    U32,
    U64,
    Array,
    Derived,
    Hex,
    Many,
    Rest,
    Usual,
    When,
    u32,
)

_TOLD = 4
"""So many devices does a sentence tell of."""


if TYPE_CHECKING:
    from apeitool.cper.place import Place


class PcieCorrectableValid(enum.IntFlag):
    """Which fields of a device's entry are facts."""

    SEGMENT = 1 << 0
    BUS = 1 << 1
    DEVICE = 1 << 2
    FUNCTION = 1 << 3
    MASK = 1 << 4
    CORRECTABLE_ERROR_COUNT = 1 << 5


class PcieCorrectableDevice(Structure):
    """Correctable errors of one device: how many of each bit of its AER status.

    Shape:   156 bytes, little-endian.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_PCIE_CORRECTABLE_ERROR_DEVICES
    """

    validation_bits: Annotated[U64, PcieCorrectableValid] = 0
    segment: Annotated[U32, Hex, When(PcieCorrectableValid.SEGMENT)] = 0
    bus: Annotated[U32, Hex, When(PcieCorrectableValid.BUS)] = 0
    device: Annotated[U32, When(PcieCorrectableValid.DEVICE)] = 0
    function: Annotated[U32, When(PcieCorrectableValid.FUNCTION)] = 0
    mask: Annotated[U32, Hex, CorrectableError, When(PcieCorrectableValid.MASK)] = 0
    correctable_error_count: Annotated[
        Sequence[int],
        Array(u32, 32),
        When(PcieCorrectableValid.CORRECTABLE_ERROR_COUNT),
        Usual((3, *(0,) * 31), (*(0,) * 6, 17, 2, *(0,) * 24), (*(0,) * 12, 1, *(0,) * 19)),
    ] = (0,) * 32

    def at(self, place: "Place") -> Self:
        """The same errors of another device."""
        device = place.device
        said = {
            "segment": device.segment_number,
            "bus": device.bus_number,
            "device": device.device_number,
            "function": device.function_number,
        }
        return self.replace(**{name: n for name, n in said.items() if self.is_valid(name)})

    @property
    def address(self) -> str:
        """The address as lspci writes it; what is not valid is a question mark."""
        parts = (("segment", "04x"), ("bus", "02x"), ("device", "02x"), ("function", "x"))
        segment, bus, device, function = (
            format(getattr(self, name), how) if self.is_valid(name) else "?" for name, how in parts
        )
        return f"{segment}:{bus}:{device}.{function}"

    def counts(self) -> Iterator[str]:
        """Each error that was counted: its name, and how often."""
        for bit, number in enumerate(self.correctable_error_count):
            if number:
                yield f"{flag_names(CorrectableError, 1 << bit)[0]} {number}"

    def shown(self, name: str) -> str | None:
        return ", ".join(self.counts()) or "none" if name == "correctable_error_count" else None

    def sentence(self) -> str:
        """Which errors, and where."""
        known = self.is_valid("correctable_error_count")
        return f"{self.address} ({', '.join(self.counts()) if known else 'not counted'})"


class MicrosoftPcieCorrectableSection(Section):
    """Microsoft PCIe correctable error summary section.

    Shape:   4 bytes, little-endian, and 156 for each device.
    Raises:  Truncated when fewer than 4 bytes are given.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_PCIE_CORRECTABLE_ERROR_SECTION
    """

    part: ClassVar[str] = "device"
    guid: ClassVar[UUID] = UUID("e96eca99-53e2-4f52-9be7-d2dbe9508ed0")
    title: ClassVar[str] = "PCIe correctable error summary"

    version: U16 = 1
    count: Annotated[U16, Derived(lambda s: len(s.devices))] = AUTO
    devices: Annotated[
        Sequence[PcieCorrectableDevice], Many(PcieCorrectableDevice, count="count")
    ] = ()
    trailing: Rest = b""

    @property
    def component(self) -> str:
        return first(f"PCIe {device.address}" for device in self.devices)

    @property
    def severities(self) -> tuple[Severity, ...]:
        return (Severity.CORRECTED,)

    def at(self, place: "Place") -> Self:
        placed = tuple(device.at(place) for device in self.devices[:1])
        return self.replace(devices=(*placed, *self.devices[1:]))

    def sentence(self) -> str:
        what = "; ".join(device.sentence() for device in self.devices[:_TOLD])
        if len(self.devices) > _TOLD:
            what += f"; and {len(self.devices) - _TOLD} more devices"
        return f"correctable PCIe errors: {what or 'none'}"

    def check(self) -> Iterator[Problem]:
        if self.count != len(self.devices):
            rule = f"{self.count} said, {len(self.devices)} found"
            yield self.trouble("entry-count", "count", rule)
