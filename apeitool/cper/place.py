"""A machine that errors can happen in: its DIMMs, devices and processors.

What is generated is placed in one, so that the numbers of a record agree with each other and the same
DIMM fails again.  Sections name the numbers that they hold by their path in a `Place`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple, TypeVar

_Part = TypeVar("_Part")
GIB = 1 << 30
_LINE = 64


class Dimm(NamedTuple):
    """A memory module, and the addresses that it holds.

    Units:   start and length in bytes; handles are SMBIOS's.
    """

    node: int
    card: int
    module: int
    name: str
    start: int
    length: int
    card_handle: int
    module_handle: int


class Device(NamedTuple):
    """A PCIe function, by the names that sections have for its numbers.

    ``slot_number`` is as a section holds it, three reserved bits below it.
    """

    segment_number: int
    bus_number: int
    device_number: int
    function_number: int
    vendor_id: int
    device_id: int
    class_code: bytes
    slot_number: int
    port_type: int

    @property
    def requester_id(self) -> int:
        """Bus, device and function in 16 bits."""
        return self.bus_number << 8 | self.device_number << 3 | self.function_number

    @property
    def slot(self) -> int:
        """Number of the slot."""
        return self.slot_number >> 3


class Processor(NamedTuple):
    """A logical processor; ``midr`` and ``signature`` (CPUID leaf 1 EAX) say of which make."""

    number: int
    mpidr: int
    midr: int
    apic_id: int
    signature: int

    @property
    def socket(self) -> int:
        """The package that it is in."""
        return self.number // _CORES_OF_SOCKET

    @property
    def core(self) -> int:
        """Its number in the package."""
        return self.number % _CORES_OF_SOCKET


class Place(NamedTuple):
    """Where and when something failed.

    ``address`` lies in the DIMM; ``expander`` is a device that has memory.
    """

    moment: datetime
    dimm: Dimm
    device: Device
    processor: Processor
    expander: Device
    address: int

    def fru(self, part: str) -> str:
        """The text by which people know the part of that name; "" for another."""
        names = {
            "dimm": self.dimm.name,
            "device": f"SLOT{self.device.slot}",
            "expander": f"CXL{self.expander.slot}",
            "processor": f"CPU{self.processor.socket}",
        }
        return names.get(part, "")

    @property
    def offset(self) -> int:
        """The address, from the start of the memory that has it."""
        return self.address - self.dimm.start

    @property
    def row(self) -> int:
        """Row of the memory."""
        return self.offset >> 17 & 0xFFFF

    @property
    def column(self) -> int:
        """Column of the memory."""
        return self.offset >> 6 & 0x3FF

    @property
    def chip(self) -> int:
        """Chip of the rank."""
        return self.offset >> 6 & 15

    @property
    def bit(self) -> int:
        """Bit of the word."""
        return self.offset >> 6 & 63

    @property
    def bank(self) -> int:
        """Bank of the chip, in its group."""
        return self.offset >> 13 & 3

    @property
    def bank_group(self) -> int:
        """Group that the bank is in."""
        return self.offset >> 15 & 3

    @property
    def rank(self) -> int:
        """Rank of the module."""
        return self.offset >> 16 & 1


_CORES = 16
_CORES_OF_SOCKET = 8
_SLOTS = "ABCDEFGH"
_DEVICES = (
    (0x8086, 0x0D58, "000002", 0),
    (0x15B3, 0x101D, "000002", 0),
    (0x144D, 0xA80A, "020801", 0),
    (0x10DE, 0x2330, "000203", 0),
    (0x1022, 0x14AB, "000406", 4),
    (0x8086, 0x352A, "000406", 4),
)
"""Vendor, device, class code as it lies in memory, port type."""
_EXPANDER = (0x8086, 0x0D93, "100205", 0)
_MIDRS = (0x410FD0C1, 0x410FD401, 0x480FD010)
_SIGNATURES = (0x000806F8, 0x00A10F11)
_FIRST = datetime(2026, 1, 1)  # noqa: DTZ001 - records have no zone
_STEP = timedelta(minutes=7)


class Installation:
    """The parts of one machine, drawn once; some of them are worse than others."""

    def __init__(self, random: Random) -> None:
        self._random = random
        midr, signature = random.choice(_MIDRS), random.choice(_SIGNATURES)
        length = random.choice([16, 32, 64]) * GIB
        self.dimms = [
            Dimm(
                node, slot // 2, slot % 2, f"P{node}_DIMM_{_SLOTS[slot // 2]}{slot % 2 + 1}",
                4 * GIB + (16 * node + slot) * length, length, 0x1000 + node, 0x1100 + 16 * node + slot,
            )
            for node in range(2) for slot in range(16)
        ]  # fmt: skip
        self.devices = [_device(number, *kind) for number, kind in enumerate(_DEVICES)]
        self.expanders = [_device(len(_DEVICES) + number, *_EXPANDER) for number in range(2)]
        self.processors = [
            Processor(
                core,
                0x8100_0000 | (core // _CORES_OF_SOCKET) << 16 | (core % _CORES_OF_SOCKET) << 8,
                midr, 2 * core, signature,
            )
            for core in range(_CORES)
        ]  # fmt: skip
        self._moment = _FIRST

    def place(self) -> Place:
        """Where the next error happens; time goes on, and the first parts of each kind fail most."""
        self._moment += _STEP * self._random.random()
        dimm = self._worse(self.dimms)
        return Place(
            self._moment.replace(microsecond=0), dimm, self._worse(self.devices),
            self._worse(self.processors), self._worse(self.expanders),
            dimm.start + self._random.randrange(dimm.length) // _LINE * _LINE,
        )  # fmt: skip

    def _worse(self, parts: list[_Part]) -> _Part:
        return parts[min(int(self._random.expovariate(0.7)), len(parts) - 1)]


def _device(number: int, vendor: int, device: int, class_code: str, port: int) -> Device:
    slot = number + 1
    code = bytes.fromhex(class_code)
    return Device(number // 4, slot << 4, number % 2, 0, vendor, device, code, slot << 3, port)
