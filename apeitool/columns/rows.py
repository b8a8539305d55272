"""Equal structures at many places of a buffer, as numpy sees them."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_FEW = 256
"""Of fewer structures each field is read where it is."""
_CACHE = 1 << 20
"""So many bytes are turned at once: a second cache holds about as many."""


class Rows:
    """Structures of ``size`` bytes at ``starts``, in the order of ``starts``.

    Where the starts are evenly spaced the bytes are read where they lie, else they are gathered
    first; ``starts`` are offsets into ``buffer``, all of whose rows lie inside it.
    """

    __slots__ = ("_first", "_memory", "_size", "_stride", "_words", "count")

    def __init__(self, buffer: Array, starts: Array, size: int) -> None:
        self.count = len(starts)
        self._size = size
        self._words: Array | None = None
        self._memory, self._first, self._stride = buffer, 0, size
        if not self.count or not size:
            return
        self._first = int(starts[0])
        if self.count == 1:
            return
        if stride := spacing(starts):
            self._stride = stride
            return
        every = np.ndarray((len(buffer) - size + 1,), f"V{size}", buffer, 0, (1,))
        self._memory, self._first = every[starts].view(np.uint8), 0

    def at(self, offset: int, dtype: str) -> Array:
        """What lies at an offset of each structure: a copy, contiguous."""
        view: Array = np.ndarray(
            (self.count,), dtype, self._memory, self._first + offset, (self._stride,)
        )
        return view.copy()

    def numbers(self, offset: int, size: int) -> Array:
        """The integers of so many bytes (1, 2, 4 or 8) at an offset; not to be changed."""
        word, place = divmod(offset, 8)
        dtype = f"<u{size}"
        if self.count < _FEW or place % size or word >= self._size // 8:
            return self.at(offset, dtype)
        column = self._column(word).view(dtype)
        return column if size == 8 else column[place // size :: 8 // size].copy()

    def _column(self, word: int) -> Array:
        """One of the words of 8 bytes that the structures are made of."""
        if self._words is None:
            count = self._size // 8
            words: Array = np.ndarray(
                (self.count, count), "<u8", self._memory, self._first, (self._stride, 8)
            )
            self._words = np.empty((count, self.count), "<u8")
            # As much at once as stays in a cache while each word of it is taken in turn.
            step = max(64, _CACHE // max(1, self._stride))
            for start in range(0, self.count, step):
                self._words[:, start : start + step] = words[start : start + step].T
        column: Array = self._words[word]
        return column

    def pairs(self, offset: int) -> tuple[Array, Array]:
        """The 16 bytes at an offset as two integers; not to be changed."""
        word, place = divmod(offset, 8)
        if self.count < _FEW or place or word + 2 > self._size // 8:
            both = self.at(offset, "V16").view("<u8").reshape(-1, 2)
            return both[:, 0], both[:, 1]
        return self._column(word), self._column(word + 1)

    def bytes_at(self, offset: int, size: int) -> Array:
        """So many bytes at an offset of each structure, as a matrix of a row each."""
        if not size or not self.count:
            return np.empty((self.count, size), np.uint8)
        return self.at(offset, f"V{size}").view(np.uint8).reshape(self.count, size)


def spacing(starts: Array) -> int:
    """How far each start is behind the one before, if all are as far; else 0."""
    if len(starts) < 2:
        return 0
    stride = int(starts[1]) - int(starts[0])
    return stride if stride > 0 and bool((starts[1:] - starts[:-1] == stride).all()) else 0


Deciding = tuple[tuple[int, bytes], ...]
"""Offsets from the start of a structure, and the bytes that are there."""


def alike(buffer: Array, starts: Array, deciding: Deciding) -> Array:
    """Which of the structures at ``starts`` have these bytes."""
    same = np.ones(len(starts), np.bool_)
    stride = spacing(starts)
    for offset, data in deciding:
        position = 0
        while position < len(data):
            size = next(s for s in (8, 4, 2, 1) if s <= len(data) - position)
            wanted = int.from_bytes(data[position : position + size], "little")
            at = offset + position
            if stride:
                there: Array = np.ndarray(
                    (len(starts),), f"<u{size}", buffer, int(starts[0]) + at, (stride,)
                )
            else:
                every: Array = np.ndarray((len(buffer) - size + 1,), f"<u{size}", buffer, 0, (1,))
                there = every[starts + at]
            same &= there == wanted
            position += size
    return same


def padded(buffer: Array, starts: Array, lengths: Array, size: int) -> Rows:
    """Structures of which some are shorter than ``size``: zeros stand for what is not there."""
    short = lengths < size
    if not short.any():
        return Rows(buffer, starts, size)
    matrix = np.zeros((len(starts), size), np.uint8)
    for length in np.unique(lengths):
        chosen = lengths == length
        matrix[chosen, :length] = Rows(buffer, starts[chosen], int(length)).bytes_at(0, int(length))
    return Rows(matrix.reshape(-1), np.arange(len(starts), dtype=np.int64) * size, size)


def gathered(buffer: Array, starts: Array, lengths: Array) -> tuple[Array, Array]:
    """The bytes at ``starts``, so many of each, one behind the other; and where each begins.

    The latter has one more: where the last ends.
    """
    bounds = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(lengths, out=bounds[1:])
    total = int(bounds[-1])
    if not total:
        return np.empty(0, np.uint8), bounds
    size = int(lengths[0])
    if bool((lengths == size).all()):
        return Rows(buffer, starts, size).bytes_at(0, size).reshape(-1), bounds
    places = np.repeat(starts - bounds[:-1], lengths)
    places += np.arange(total, dtype=np.int64)
    return buffer[places], bounds
