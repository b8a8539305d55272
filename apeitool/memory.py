"""Guest-physical memory, where firmware and operating system meet, and the registers in it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise
from typing import Protocol

from apeitool.errors import AccessError
from apeitool.registers.address import AddressSpace, GenericAddress


class Memory(Protocol):
    """What can be read and written at guest-physical addresses: a model, or a real guest's RAM.

    Units:   addresses and lengths in bytes.
    Raises:  AccessError where there is no memory.
    """

    def read(self, address: int, length: int) -> bytes:
        """The bytes at an address."""
        ...

    def write(self, address: int, data: bytes) -> None:
        """Store bytes at an address."""
        ...


class Regions:
    """Memory that lies only in some ranges of addresses, zero at first.

    Raises:  AccessError when ranges overlap, and for an access that no single range contains.
    """

    def __init__(self, *ranges: range) -> None:
        ordered = sorted(ranges, key=lambda extent: extent.start)
        for lower, upper in pairwise(ordered):
            if lower.stop > upper.start:
                raise AccessError(f"two regions of memory overlap at {upper.start:#x}")
        self._starts = [extent.start for extent in ordered]
        self._regions = tuple((extent, bytearray(len(extent))) for extent in ordered)

    def read(self, address: int, length: int) -> bytes:
        """The bytes at an address."""
        data, offset = self._find(address, length)
        return bytes(data[offset : offset + length])

    def write(self, address: int, data: bytes) -> None:
        """Store bytes at an address."""
        held, offset = self._find(address, len(data))
        held[offset : offset + len(data)] = data

    def _find(self, address: int, length: int) -> tuple[bytearray, int]:
        index = bisect_right(self._starts, address) - 1
        if index >= 0:
            extent, data = self._regions[index]
            if address + length <= extent.stop:
                return data, address - extent.start
        raise AccessError(f"{length} bytes at {address:#x} are not in memory")


class Reserved:
    """The ranges of a memory that are firmware's own; the rest is the operating system's.

    Raises:  AccessError for an access that no single range contains.
    """

    def __init__(self, memory: Memory, ranges: Iterable[range]) -> None:
        self._memory = memory
        self._ranges = tuple(ranges)

    def read(self, address: int, length: int) -> bytes:
        """The bytes at an address."""
        self._check(address, length)
        return self._memory.read(address, length)

    def write(self, address: int, data: bytes) -> None:
        """Store bytes at an address."""
        self._check(address, len(data))
        self._memory.write(address, data)

    def _check(self, address: int, length: int) -> None:
        if not any(r.start <= address and address + length <= r.stop for r in self._ranges):
            raise AccessError(f"{length} bytes at {address:#x} are not reserved for firmware")


def read_register(memory: Memory, register: GenericAddress) -> int:
    """The value of a register: so many bits from its bit offset on.

    Raises:  AccessError when it is not in system memory, or has no bits.
    Source:  ACPI 6.5 5.2.3.2
    """
    word = int.from_bytes(memory.read(register.address, _access_length(register)), "little")
    return word >> register.register_bit_offset & register_mask(register)


def write_register(memory: Memory, register: GenericAddress, value: int) -> None:
    """Set a register; the bits around it keep what they held.

    Raises:  AccessError when it is not in system memory, or the value is too wide for it.
    Source:  ACPI 6.5 5.2.3.2
    """
    mask = register_mask(register)
    length = _access_length(register)
    if value & ~mask:
        raise AccessError(
            f"{value:#x} does not fit a register of {register.register_bit_width} bits"
        )
    offset = register.register_bit_offset
    around = 0
    if offset or register.register_bit_width < 8 * length:
        around = int.from_bytes(memory.read(register.address, length), "little") & ~(mask << offset)
    memory.write(register.address, (around | value << offset).to_bytes(length, "little"))


def register_mask(register: GenericAddress) -> int:
    """The bits that a register's value can have."""
    return (1 << register.register_bit_width) - 1


def _access_length(register: GenericAddress) -> int:
    """Bytes that hold the register: whole accesses, of one byte where their size is undefined."""
    if register.address_space_id != AddressSpace.SYSTEM_MEMORY:
        raise AccessError(
            f"the register at {register.address:#x} is in {register.address_space_id.text} space, "
            "not in memory"
        )
    if not register.register_bit_width:
        raise AccessError(f"the register at {register.address:#x} has no bits")
    step = register.access_size.length or 1
    bits = register.register_bit_offset + register.register_bit_width
    return -(-bits // (8 * step)) * step
