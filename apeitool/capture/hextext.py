"""Hex text: what people paste.

Either bare digits, wrapped anywhere, even inside a byte, quoted with ``>``, with or without ``0x``
and separators; or a dump with offsets, as xxd, hexdump -C and od -tx1 write it, where ``*`` stands
for rows that repeat.

A dump is told by the first word of its lines: an offset, which is not as long as the groups behind it,
or marked by a colon or by the column of characters.  Each offset must follow from the row before:
rows that are missing are not made up.  Dumps of machine words are refused, since their bytes are
swapped.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from apeitool.capture.capture import SAMPLE
from apeitool.errors import CaptureError

LARGEST = 1 << 28
"""So many bytes may ``*`` stand for, in all."""

_TEXT = frozenset(b"\t\r\n" + bytes(range(32, 127)))
_QUOTE = re.compile(r"^[\s>]+")
_NOISE = re.compile(r"\\x|0[xX]|[\s,;:{}\[\]\"']")
_CUT = re.compile(r"(\\x?|0[xX]?)$")
_COLUMN = re.compile(r"\s*\|.*$|\s\s>.*<$")
_OFFSET = re.compile(r"^(?:0[xX])?([0-9a-fA-F]{4,16})(:?)(?:\s+(.*))?$")
_GROUP = re.compile(r"^[0-9a-fA-F]+$")


class _Row(NamedTuple):
    """A row of a dump: its line, its offset as written, its groups of digits; None for ``*``."""

    line: int
    offset: str
    groups: list[str] | None
    is_marked: bool


def is_printed(data: bytes) -> bool:
    """Whether the bytes can be written down: printable ASCII and white space."""
    return bool(data) and _TEXT.issuperset(data)


def is_text(data: bytes) -> bool:
    """Whether the bytes are text at all, as far as their beginning tells."""
    sample = data[:SAMPLE]
    return bool(sample.strip()) and is_printed(sample)


def sniff(data: bytes) -> bool:
    """Whether the bytes are text that spells bytes, as far as their beginning tells."""
    sample = data[:SAMPLE]
    whole = len(data) <= SAMPLE
    if not is_text(data):
        return False
    lines = _lines(sample)
    if not whole and lines:
        number, last = lines.pop()
        if not lines:
            lines = [(number, _CUT.sub("", last))]
    try:
        return bool(_read(lines, whole=whole))
    except CaptureError:
        return False


def complaint(data: bytes) -> str | None:
    """Why text is no hex, as far as its beginning tells; None for what is no text, or is hex."""
    if not is_text(data):
        return None
    try:
        _read(_lines(data[:SAMPLE]), whole=True)
    except CaptureError as wrong:
        return f"line {wrong.line}: {wrong.message}"
    return None


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
    for number, row in enumerate(data.decode("latin-1").split("\n"), 1):
        text = _QUOTE.sub("", row).rstrip()
        if text and not text.startswith("#"):
            found.append((number, text))
    return found


def _read(lines: list[tuple[int, str]], *, whole: bool) -> bytes:
    rows = _rows(lines)
    return _bare(lines, whole=whole) if rows is None else _dump(rows, whole=whole)


def _bare(lines: list[tuple[int, str]], *, whole: bool) -> bytes:
    digits = []
    for number, text in lines:
        row = _NOISE.sub("", text)
        if not re.fullmatch("[0-9a-fA-F]*", row):
            raise CaptureError(f"this is text, but no hex: {text[:40]!a}", line=number)
        digits.append(row)
    joined = "".join(digits)
    if len(joined) % 2:
        if whole:
            raise CaptureError(f"{len(joined)} hex digits make no whole bytes", line=lines[-1][0])
        joined = joined[:-1]
    return bytes.fromhex(joined)


def _rows(lines: list[tuple[int, str]]) -> list[_Row] | None:
    """The rows of a dump; None where the lines are none."""
    rows = []
    for number, text in lines:
        if text == "*":
            rows.append(_Row(number, "", None, is_marked=False))
            continue
        match = _OFFSET.match(text)
        if match is None:
            return None
        body = _COLUMN.sub("", match[3] or "")
        is_marked = bool(match[2]) or body != (match[3] or "")
        if match[2]:
            body = body.split("  ")[0]
        groups = body.split()
        if not all(map(_GROUP.match, groups)):
            return None
        if groups and not is_marked and len(groups[0]) == len(match[1]):
            return None
        rows.append(_Row(number, match[1], groups, is_marked))
    if not rows or not rows[0].groups:
        return None
    alone = len(rows) == 1 and not rows[0].is_marked
    return None if alone and any(len(group) != 2 for group in rows[0].groups) else rows


def _dump(rows: list[_Row], *, whole: bool) -> bytes:
    """The bytes of a dump.

    Raises:  CaptureError when an offset does not follow, or the groups are machine words.
    """
    first = rows[0]
    if not first.is_marked and any(len(group) != 2 for group in first.groups or ()):
        raise CaptureError("a dump of machine words: their bytes are swapped", line=first.line)
    # od writes seven digits, in octal unless told otherwise.
    bases = (8, 10) if len(first.offset) == 7 and not first.is_marked else (16,)
    trouble = None
    for base in bases:
        try:
            return _join(rows, base, whole=whole)
        except CaptureError as wrong:
            trouble = trouble or wrong
    raise trouble or CaptureError("no dump")


def _join(rows: list[_Row], base: int, *, whole: bool) -> bytes:
    data, last, repeat, start, added = bytearray(), b"", False, 0, 0
    for index, row in enumerate(rows):
        if row.groups is None:
            repeat = True
            continue
        try:
            offset = int(row.offset, base)
            start = offset if index == 0 else start
            missing = offset - start - len(data)
            if repeat and last and missing > 0:
                added += missing
                if added > LARGEST:
                    raise CaptureError("* stands for too many rows", line=row.line)
                data += (last * (missing // len(last) + 1))[:missing]
            elif missing or repeat:
                raise CaptureError(f"offset {row.offset} does not follow", line=row.line)
            last, repeat = bytes.fromhex("".join(row.groups)), False
        except ValueError as wrong:
            raise CaptureError(f"no row of a dump: {wrong}", line=row.line) from wrong
        data += last
    if repeat and whole:
        raise CaptureError("no offset behind the last *", line=rows[-1].line)
    return bytes(data)
