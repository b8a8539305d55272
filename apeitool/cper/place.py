"""A machine that errors can happen in: its DIMMs, devices and processors.

What is generated is placed in one, so that the numbers of a record agree with each other and the same
DIMM fails again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple, TypeVar

_Part = TypeVar("_Part")
GIB = 1 << 30


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
    """A PCIe function."""

    segment: int
    bus: int
    device: int
    function: int
    vendor_id: int
    device_id: int
    class_code: bytes
    port_type: int


class Processor(NamedTuple):
    """A logical processor; ``midr`` and ``signature`` (CPUID leaf 1 EAX) say of which make."""

    number: int
    mpidr: int
    midr: int
    apic_id: int
    signature: int


class Place(NamedTuple):
    """Where and when something failed.

    ``address`` lies in the DIMM.
    """

    moment: datetime
    dimm: Dimm
    device: Device
    processor: Processor
    address: int

    def fru(self, part: str) -> str:
        """The text by which people know the ``dimm``, ``device`` or ``processor``; "" for another."""
        names = {
            "dimm": self.dimm.name,
            "device": f"SLOT{self.device.bus >> 4}",
            "processor": f"CPU{self.processor.number // 8}",
        }
        return names.get(part, "")


_CORES = 16
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
        self.devices = [
            Device(number // 4, 0x10 * (number + 1), number % 2, 0, vendor, device, bytes.fromhex(code), port)
            for number, (vendor, device, code, port) in enumerate(_DEVICES)
        ]  # fmt: skip
        self.processors = [
            Processor(
                core, 0x8100_0000 | (core // 8) << 16 | (core % 8) << 8, midr, 2 * core, signature
            )
            for core in range(_CORES)
        ]
        self._moment = _FIRST

    def place(self) -> Place:
        """Where the next error happens; time goes on, and the first parts of each kind fail most."""
        self._moment += _STEP * self._random.random()
        dimm = self._worse(self.dimms)
        return Place(
            self._moment.replace(microsecond=0), dimm, self._worse(self.devices),
            self._worse(self.processors), dimm.start + self._random.randrange(dimm.length) // 64 * 64,
        )  # fmt: skip

    def _worse(self, parts: list[_Part]) -> _Part:
        return parts[min(int(self._random.expovariate(0.7)), len(parts) - 1)]
