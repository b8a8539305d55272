"""Hex text: what people paste.

Either bare digits, wrapped anywhere, even inside a byte, quoted with ``>``, with or without ``0x``
and separators; or a dump with offsets, as xxd, hexdump -C and od -tx1 write it, where ``*`` stands
for rows that repeat.  A dump is told by its offsets, each of which must follow from the row before.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from apeitool.errors import CaptureError

_SAMPLE = 4096
_TEXT = frozenset(b"\t\r\n" + bytes(range(32, 127)))
_QUOTE = re.compile(r"^[\s>]+")
_NOISE = re.compile(r"\\x|0[xX]|[\s,;:{}\[\]\"']")
_COLUMN = re.compile(r"\s*\|[^|]*.*$")
_OFFSET = re.compile(r"^(?:0[xX])?([0-9a-fA-F]{4,16})(:?)(?:\s+(.*))?$")


class _Row(NamedTuple):
    """A row of a dump: the number of its line, its offset as written, its bytes; None for ``*``."""

    line: int
    offset: str
    data: bytes | None


def sniff(data: bytes) -> bool:
    """Whether the bytes are text that spells bytes, as far as their beginning tells."""
    sample = data[:_SAMPLE]
    if not sample.strip() or not _TEXT.issuperset(sample):
        return False
    lines = _lines(sample)
    if len(data) > _SAMPLE and len(lines) > 1:
        lines.pop()
    try:
        _read(lines, whole=len(data) <= _SAMPLE)
    except CaptureError:
        return False
    return bool(lines)


def read(data: bytes, origin: str = "") -> bytes:
    """The bytes that hex text spells.

    Raises:  CaptureError with the line where it stops being hex.
    """
    try:
        return _read(_lines(data), whole=True)
    except CaptureError as wrong:
        raise CaptureError(wrong.message, origin=origin, line=wrong.line) from wrong


def _lines(data: bytes) -> list[tuple[int, str]]:
    """Lines with content, each with its number; quoting marks and comments are taken off."""
    found = []
    for number, row in enumerate(data.decode("latin-1").splitlines(), 1):
        text = _QUOTE.sub("", row).rstrip()
        if text and not text.startswith("#"):
            found.append((number, text))
    return found


def _read(lines: list[tuple[int, str]], *, whole: bool) -> bytes:
    rows = _rows(lines)
    if rows is not None:
        for base in (16, 8):
            data = _join(rows, base)
            if data is not None:
                return data
    return _bare(lines, whole=whole)


def _bare(lines: list[tuple[int, str]], *, whole: bool) -> bytes:
    digits = []
    for number, text in lines:
        row = _NOISE.sub("", text)
        if not re.fullmatch("[0-9a-fA-F]*", row):
            raise CaptureError(f"this is no hex: {text[:40]!r}", line=number)
        digits.append(row)
    joined = "".join(digits)
    if len(joined) % 2:
        if whole:
            last = lines[-1][0] if lines else 0
            raise CaptureError(f"{len(joined)} hex digits make no whole bytes", line=last)
        joined = joined[:-1]
    return bytes.fromhex(joined)


def _rows(lines: list[tuple[int, str]]) -> list[_Row] | None:
    """The rows of a dump; None where a line is none."""
    rows = []
    for number, text in lines:
        if text == "*":
            rows.append(_Row(number, "", None))
            continue
        match = _OFFSET.match(text)
        if match is None:
            return None
        body = _COLUMN.sub("", match[3] or "")
        if match[2]:
            body = body.split("  ")[0]
        try:
            rows.append(_Row(number, match[1], bytes.fromhex(body)))
        except ValueError:
            return None
    return rows if rows and rows[0].data else None


def _join(rows: list[_Row], base: int) -> bytes | None:
    """The bytes of a dump whose offsets are written in ``base``; None if they do not follow."""
    data, repeat, start = bytearray(), False, 0
    for index, row in enumerate(rows):
        if row.data is None:
            repeat = True
            continue
        try:
            offset = int(row.offset, base)
        except ValueError:
            return None
        if index == 0:
            start = offset
        there = offset - start
        if repeat and len(data) >= 16 and len(data) < there <= len(data) + (1 << 30):
            missing = there - len(data)
            data += (bytes(data[-16:]) * (missing // 16 + 1))[:missing]
            repeat = False
        if there != len(data):
            return None
        data += row.data
    return None if repeat else bytes(data)
