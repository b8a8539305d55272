"""PCIe errors that Linux hands on to its AER driver, and what that finds of their devices.

They wait in a ring of 16 until a worker looks at them; what comes while it is full is lost.  What the
driver does with a device that is there is its own affair, and not modelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from apeitool.cper.sections.pcie import PcieDeviceId
from apeitool.linux import dmesg
from apeitool.linux.features import Features
from apeitool.ospm.outcome import Did
from apeitool.registers.pci import bus_address

SOURCE = "Linux aer_recover_queue(), drivers/pci/pcie/aer.c, seen on 6.1.176 and 7.2.13"

RING = 16


class Recovery(NamedTuple):
    """A PCIe error to recover from; ``address`` is as Linux writes it."""

    address: str
    severity: str


@dataclass(slots=True)
class Recoveries:
    """Those that wait; ``devices`` has the addresses of the PCI functions that there are."""

    features: Features
    devices: frozenset[str] = frozenset()
    _waiting: list[Recovery] = field(default_factory=list)

    def queue(self, who: str, recovery: Recovery) -> Did:
        """Let one wait, if there is room."""
        if len(self._waiting) == RING:
            line = dmesg.aer_overflow(recovery.address, self.features)
            return Did(f"{who}: is lost, {RING} wait for the AER driver already", (line,), SOURCE)
        self._waiting.append(recovery)
        address, severity = recovery
        return Did(f"{who}: hands {address} to the AER driver as {severity}", (), SOURCE)

    def carry_out(self) -> Iterator[Did]:
        """The driver looks at those that wait."""
        waiting, self._waiting = self._waiting, []
        for address, _ in waiting:
            if address in self.devices:
                yield Did(f"the AER driver looks after {address}", (), SOURCE)
            else:
                lines = (dmesg.no_device(address, self.features),)
                yield Did(f"the AER driver finds no device {address}", lines, SOURCE)


def address_of(device: PcieDeviceId) -> str:
    """The address that Linux makes of what a section says: numbers that are too big lose bits."""
    return bus_address(
        device.segment_number, device.bus_number, device.device_number & 31,
        device.function_number & 7,
    )  # fmt: skip
