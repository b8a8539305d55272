"""Dumps of bytes in the kernel's log: 16 bytes a row, as little-endian words of 4 or 8 bytes.

A row that does not fill its words is printed byte by byte.

Source:  Linux lib/hexdump.c
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

ROW = 16


def dump(data: bytes, *, group: int = 4, has_text: bool = False) -> Iterator[str]:
    """The rows of a dump in words of ``group`` bytes, with the characters behind them or not."""
    for start in range(0, len(data), ROW):
        row = data[start : start + ROW]
        size = 1 if len(row) % group else group
        words = (row[i : i + size][::-1].hex() for i in range(0, len(row), size))
        line = f"{start:08x}: {' '.join(words)}"
        if has_text:
            width = len("00000000: ") + 2 * ROW + ROW // size + 1
            text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            line = f"{line:{width}}{text}"
        yield line


class DumpRow(NamedTuple):
    """A row of a dump: where its bytes are, in bytes from the start, and these."""

    offset: int
    data: bytes


_ROW = re.compile(
    r"([0-9a-f]{8}): ((?:[0-9a-f]{16} ?){1,2}|(?:[0-9a-f]{8} ?){1,4}|(?:[0-9a-f]{2} ?){1,16})(?: .*)?"
)


def read_row(text: str) -> DumpRow | None:
    """A row that was read; None if it is none."""
    match = _ROW.fullmatch(text)
    if match is None:
        return None
    words = match[2].split()
    if len({*map(len, words)}) != 1:
        return None
    return DumpRow(int(match[1], 16), b"".join(bytes.fromhex(word)[::-1] for word in words))
