"""Where the records of a dump begin and end.

They lie back to back, and each says how long it is: that is followed, in one step where many are
of one length.  Where no record begins, the next bytes that look like the header of one are searched
for; what is passed over is told.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from apeitool.columns.rows import Array
from apeitool.cper.record import SIGNATURE, SIGNATURE_END, Record

LONGEST = 64 << 20
"""Of what says that it is longer, in bytes, it is not believed that it is a record."""

_START = SIGNATURE.encode()
_NAMES = [f.name for f in Record.fields]
_FIELDS = Record.fields[: _NAMES.index("record_length") + 1]
_HEADER = struct.Struct(
    "<" + "".join(getattr(f.kind, "format", "") or f"{f.kind.size}s" for f in _FIELDS)  # type: ignore[attr-defined]
)
"""The fields of a record from its signature to its length."""
_END, _COUNT = _NAMES.index("signature_end"), _NAMES.index("section_count")
_LENGTH_AT = _FIELDS[-1].offset or 0
_LIKELY = 8
"""After so many records of one length in a row the next are looked at together."""


class Found(NamedTuple):
    """Records, and spans that hold none: (start, end) in the buffer; where the search goes on."""

    starts: Array
    ends: Array
    gaps: list[tuple[int, int]]
    position: int


def walk(buffer: memoryview, position: int, limit: int, *, is_end: bool) -> Found:
    """The records that begin in ``buffer[position:limit]``.

    One that the buffer does not hold whole is given as far as it goes if ``is_end``; else the walk
    ends before it.
    """
    steps = _Steps(buffer, limit)
    gaps: list[tuple[int, int]] = []
    while position < limit:
        length = _length(buffer, position)
        if not length:
            if not is_end and len(buffer) - position < _HEADER.size:
                break
            behind = _next(buffer, position + 1, limit)
            gaps.append((position, behind))
            position = behind
            continue
        if position + length > len(buffer) and not is_end:
            break
        position = steps.take(position, length)
    return Found(*steps.arrays(), gaps, position)


def _length(buffer: memoryview, position: int) -> int:
    """The length of the record at a position; 0 if none is there."""
    if len(buffer) - position < _HEADER.size:
        return 0
    signature, *_, length = _HEADER.unpack_from(buffer, position)
    is_record = signature == _START and Record.fixed_size <= length <= LONGEST
    return length if is_record else 0


def _next(buffer: memoryview, position: int, limit: int) -> int:
    """Where the next record begins, by its header; the limit if none does."""
    window = bytes(buffer[position : limit + _HEADER.size])
    at = window.find(_START)
    while at >= 0 and position + at < limit:
        if _length(buffer, position + at):
            header = _HEADER.unpack_from(buffer, position + at)
            if header[_END] == SIGNATURE_END and header[_COUNT]:
                return position + at
        at = window.find(_START, at + 1)
    return limit


class _Steps:
    """Records as they are found: single ones, and runs of one length."""

    def __init__(self, buffer: memoryview, limit: int) -> None:
        self._buffer = buffer
        self._limit = limit
        self._single: list[int] = []
        self._pieces: list[tuple[Array, Array]] = []
        self._ends: list[int] = []
        self._same = 0
        self._last = 0

    def take(self, position: int, length: int) -> int:
        """Take the record at a position, and those of its length behind it; where they end."""
        self._same = self._same + 1 if length == self._last else 0
        self._last = length
        if self._same >= _LIKELY:
            self._same = 0
            count = self._run(position, length)
            if count > 1:
                self._flush()
                starts = position + length * np.arange(count, dtype=np.int64)
                self._pieces.append((starts, starts + length))
                return position + length * count
        end = min(position + length, len(self._buffer))
        self._single.append(position)
        self._ends.append(end)
        return end

    def _run(self, position: int, length: int) -> int:
        """How many records of one length lie there, one behind the other."""
        last = min(len(self._buffer) - length, self._limit - 1)
        count = (last - position) // length + 1
        if count < 1:
            return 0
        shape, steps = (count,), (length,)
        begin = np.ndarray(shape, "<u4", self._buffer, position, steps)
        said = np.ndarray(shape, "<u4", self._buffer, position + _LENGTH_AT, steps)
        fits = (begin == int.from_bytes(_START, "little")) & (said == length)
        return count if bool(fits.all()) else int(fits.argmin())

    def _flush(self) -> None:
        if self._single:
            single = (np.array(self._single, np.int64), np.array(self._ends, np.int64))
            self._pieces.append(single)
            self._single, self._ends = [], []

    def arrays(self) -> tuple[Array, Array]:
        """Where all begin, and where they end."""
        self._flush()
        none = np.empty(0, np.int64)
        if len(self._pieces) == 1:
            return self._pieces[0]
        starts = [none, *(piece[0] for piece in self._pieces)]
        ends = [none, *(piece[1] for piece in self._pieces)]
        return np.concatenate(starts), np.concatenate(ends)
