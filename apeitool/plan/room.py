"""Where in memory things are: what a plan says, and places for the rest around it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from apeitool.errors import EncodeError
from apeitool.registers.address import AddressSpace, GenericAddress

END = 1 << 64
"""Behind the last address."""

ALIGNMENT = 8
"""Bytes: every place begins at a multiple, so that the widest register is aligned."""


class Room:
    """Memory that is given away from one address on, around what has its place already.

    ``said`` has the ranges that a plan places itself, each with its path.  Without ``start``,
    everything must be among them.

    Units:   addresses and lengths in bytes.
    Raises:  EncodeError when two of these ranges overlap.
    """

    def __init__(self, start: int | None, said: Sequence[tuple[str, range]], path: str) -> None:
        _check_apart(said)
        self._next = start
        self._path = f"{path}.memory"
        self._said = merged(extent for _, extent in said)
        self._ends = [extent.stop for extent in self._said]
        self._given: list[range] = []

    def take(self, length: int, alignment: int = ALIGNMENT) -> int:
        """The address of so many bytes that nothing else has."""
        if self._next is None:
            raise EncodeError("missing, and nothing to derive it from", path=self._path)
        length = _rounded(length, ALIGNMENT)
        start = _rounded(self._next, alignment)
        index = bisect_right(self._ends, start)
        while index < len(self._said) and self._said[index].start < start + length:
            start = max(start, _rounded(self._said[index].stop, alignment))
            index += 1
        place = range(start, start + length)
        _check_inside(place, self._path)
        self._given.append(place)
        self._next = place.stop
        return start

    @property
    def extents(self) -> tuple[range, ...]:
        """All that has a place."""
        return merged([*self._said, *self._given])


def _rounded(number: int, step: int) -> int:
    return -(-number // step) * step


def _check_apart(said: Sequence[tuple[str, range]]) -> None:
    ordered = sorted((item for item in said if item[1]), key=lambda item: item[1].start)
    for path, extent in ordered:
        _check_inside(extent, path)
    for (one, lower), (other, upper) in pairwise(ordered):
        if lower.stop > upper.start:
            raise EncodeError(f"it lies on {one}, at {upper.start:#x}", path=other)


def _check_inside(extent: range, path: str) -> None:
    if extent.stop > END:
        said = f"it would reach to {extent.stop - 1:#x}, behind the last address"
        raise EncodeError(said, path=path)


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
    length = _rounded(bits, 8 * (register.access_size.length or 1)) // 8
    return range(register.address, register.address + length)
