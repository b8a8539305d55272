"""What a plan comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from apeitool.acpi.header import Table
from apeitool.errors import EncodeError
from apeitool.memory import Memory, Regions
from apeitool.registers.address import AddressSpace, GenericAddress

LARGEST = 256 << 20
"""So many bytes of memory are filled at most."""


@dataclass(frozen=True)
class Built:
    """A table, and the memory that it leads to.

    ``prepare`` writes what firmware puts there before the operating system boots; ``extents`` are the
    ranges of addresses that it needs.  Where there are none, the table leads to a device.

    Units:   addresses in bytes.
    """

    table: Table
    extents: tuple[range, ...]
    prepare: Callable[[Memory], object]

    def memory(self) -> tuple[tuple[int, bytes], ...]:
        """The memory at boot, as (address, content) in the order of addresses.

        Raises:  EncodeError when it is too large to be filled.
        """
        if sum(map(len, self.extents)) > LARGEST:
            raise EncodeError(f"the memory of this plan has more than {LARGEST:#x} bytes")
        regions = Regions(*self.extents)
        self.prepare(regions)
        return tuple((e.start, regions.read(e.start, len(e))) for e in self.extents)


class Room:
    """Memory that is given away from one address on.

    Units:   addresses and lengths in bytes.
    """

    def __init__(self, start: int) -> None:
        self._next = start

    def take(self, length: int) -> int:
        """The address of so many bytes."""
        address = self._next
        self._next += length
        return address


def merged(ranges: Iterable[range]) -> tuple[range, ...]:
    """The same addresses as ranges that neither overlap nor touch."""
    found: list[range] = []
    for extent in sorted((r for r in ranges if r), key=lambda r: r.start):
        if found and extent.start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, extent.stop))
        else:
            found.append(extent)
    return tuple(found)


def extent(register: GenericAddress) -> range:
    """Where in memory a register is; nowhere when it is in another space."""
    if register.address_space_id != AddressSpace.SYSTEM_MEMORY:
        return range(0)
    bits = register.register_bit_offset + register.register_bit_width
    step = 8 * (register.access_size.length or 1)
    return range(register.address, register.address + -(-bits // step) * step // 8)
