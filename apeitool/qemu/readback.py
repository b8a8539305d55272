"""What a running guest has in its memory, read through QEMU's monitor: its HEST, and what that leads to.

QEMU writes guest memory into a file of this machine (pmemsave), so both must be on one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from apeitool.acpi.header import HEADER_LENGTH
from apeitool.acpi.hest.table import Hest
from apeitool.errors import DecodeError, QemuError
from apeitool.qemu.arguments import VIRT_RAM
from apeitool.qemu.inject import Monitored

_SIGNATURE = b"HEST"
_LENGTH = slice(4, 8)
_LONGEST = 1 << 20
"""No HEST is longer."""
_STEP = 64 << 20
_BASES = {"aarch64": VIRT_RAM}
"""Where RAM starts, where that is not at 0."""
_LOW = 0x8000_0000
"""So much of it is in one piece on every machine."""


@dataclass(frozen=True)
class Found:
    """A HEST, and where it is; ``data`` has all of its bytes."""

    address: int
    data: bytes


class GuestMemory:
    """Guest-physical memory, read through a monitor.

    Units:   addresses and lengths in bytes.
    Raises:  QemuError when QEMU refuses, or is on another machine.
    """

    def __init__(self, monitor: Monitored) -> None:
        self._monitor = monitor

    def read(self, address: int, length: int) -> bytes:
        """The bytes at an address."""
        with tempfile.TemporaryDirectory(prefix="apeitool-") as folder:
            path = Path(folder) / "memory"
            self._monitor.execute("pmemsave", val=address, size=length, filename=str(path))
            try:
                data = path.read_bytes()
            except OSError as error:
                raise QemuError(f"QEMU wrote guest memory elsewhere: {error.strerror}") from error
        if len(data) != length:
            raise QemuError(f"QEMU wrote {len(data)} bytes of guest memory, not {length}")
        return data

    def ram(self) -> range:
        """The first piece of RAM."""
        target = self._monitor.execute("query-target")["arch"]
        length = self._monitor.execute("query-memory-size-summary")["base-memory"]
        base = _BASES.get(target, 0)
        return range(base, base + min(length, _LOW))

    def hests(self) -> Iterator[Found]:
        """Every valid HEST in it, those that the firmware has put elsewhere since among them."""
        ram = self.ram()
        for start in range(ram.start, ram.stop, _STEP):
            # One may begin in a piece and end in the next.
            length = min(_STEP + _LONGEST, ram.stop - start)
            data = self.read(start, length)
            place = data.find(_SIGNATURE)
            while 0 <= place < _STEP:
                found = _valid(data[place : place + _LONGEST])
                if found:
                    yield Found(start + place, found)
                place = data.find(_SIGNATURE, place + 1)


def _valid(data: bytes) -> bytes:
    """The table that bytes begin with, if they do."""
    length = int.from_bytes(data[_LENGTH], "little")
    if not HEADER_LENGTH < length <= len(data) or sum(data[:length]) % 256:
        return b""
    try:
        Hest.from_bytes(data[:length])
    except DecodeError:
        return b""
    return data[:length]
