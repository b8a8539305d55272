"""The text of acpidump: for each table a line ``SIG @ 0xADDRESS``, then rows of hex.

    HEST @ 0x00000000BF7A0000
        0000: 48 45 53 54 28 00 00 00 01 8B 41 50 45 49 54 4C  HEST(.....APEITL

Lines of other programs may stand between, the whole may be quoted with ``>``, and who pastes a dump
may have written a remark behind a header.  The offset of each row must follow from the row before:
rows that are missing are not made up.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from apeitool.capture.capture import SAMPLE, Capture
from apeitool.capture.kind import TABLES
from apeitool.errors import CaptureError, EncodeError

_NAMED = 12
"""So many of the tables that we do not know are named."""

# Repeats are bounded, so that a line takes no more time than in proportion to its length.
_QUOTE = rb"^[ \t>]{0,40}"
_HEADER = re.compile(
    _QUOTE + rb"([!-~]{4}|RSD(?: PTR)?) {1,4}@ 0[xX][0-9a-fA-F]{1,16}"
    rb"[ \t\r]{0,40}(?P<remark>[ \t]\S[^\n]*)?$",
    re.MULTILINE,
)  # fmt: skip
_ROW = re.compile(
    _QUOTE + rb"([0-9a-fA-F]{4,8}) ?:((?:[ \t](?:- )?[0-9a-fA-F]{2}){1,16})(?!\S)", re.MULTILINE
)


class Dump:
    """What stands behind one header: its line, what it says, the bytes of its rows.

    ``trouble`` is the line, and what is wrong with it, where the rows stop following.
    """

    def __init__(self, line: int, says: re.Match[bytes]) -> None:
        self.line = line
        self.says = says
        self.data = bytearray()
        self.trouble: tuple[int, str] | None = None

    @property
    def is_prose(self) -> bool:
        """Whether the header may be a sentence about a table: it says more, and no row follows."""
        return not self.data and bool(self.says.groupdict().get("remark"))

    def add(self, line: int, offset: int, row: bytes) -> None:
        if offset == len(self.data) and self.trouble is None:
            self.data += row
        else:
            self.stop(line, f"offset {offset:04X} does not follow, {len(self.data):04X} does")

    def stop(self, line: int, reason: str) -> None:
        self.trouble = self.trouble or (line, reason)


def sniff(data: bytes) -> bool:
    """Whether this is text with a header, and a row somewhere behind it."""
    return has_rows(data, _HEADER)


def read(data: bytes, origin: str = "", only: str = "") -> Iterator[Capture]:
    """The tables that we know, each with where it was, ``origin:SIG@line``; others are skipped.

    ``only`` names the one that is wanted.

    Raises:  CaptureError, once all are given, where rows of one are missing or none is known.
    """
    named = ((dump.says[1].decode("ascii"), dump) for dump in dumps(data, _HEADER))
    return known(named, origin, only)


def dump(data: bytes) -> bytes:
    """A table as acpidump prints it; where it was in memory is not known, and said to be 0.

    Raises:  EncodeError when the bytes do not begin like a table that we know.
    """
    name = data[:4].decode("latin-1")
    if name not in TABLES:
        raise EncodeError(f"acpidump prints tables, {', '.join(TABLES)}; this is none of them")
    rows = [f"{name} @ 0x{0:016X}"]
    for start in range(0, len(data), 16):
        row = data[start : start + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        rows.append(f"{f'{start:04X}':>8}: {row.hex(' ').upper():47}  {shown}")
    return ("\n".join(rows) + "\n\n").encode()


def has_rows(data: bytes, header: re.Pattern[bytes]) -> bool:
    """Whether this is text with a line that is such a ``header``, and a row behind it."""
    if b"\0" in data[:SAMPLE]:
        return False
    start = header.search(data)
    return start is not None and _ROW.search(data, start.end()) is not None


def dumps(data: bytes, header: re.Pattern[bytes]) -> Iterator[Dump]:
    """The headers of a text, each with the rows up to the next; rows before the first are nobody's."""
    current: Dump | None = None
    for line, text in enumerate(io.BytesIO(data), 1):
        if says := header.match(text):
            if current:
                yield current
            current = Dump(line, says)
        elif current and (row := _ROW.match(text)):
            digits = row[2].replace(b"-", b"").decode("ascii")
            current.add(line, int(row[1], 16), bytes.fromhex(digits))
    if current:
        yield current


def known(named: Iterator[tuple[str, Dump]], origin: str, only: str = "") -> Iterator[Capture]:
    """The dumps that are tables that we know; of one whose rows stop following, those before.

    ``only`` names the one that is wanted.

    Raises:  CaptureError, once all are given, where rows of one are missing or none is known.
    """
    wanted = [only] if only else list(TABLES)
    others: dict[str, None] = {}
    trouble: tuple[int, str] | None = None
    is_known = False
    for name, found in named:
        if name not in wanted:
            others[name] = None
            continue
        if found.is_prose:
            continue
        is_known = True
        if not found.data:
            found.stop(found.line, "no rows follow")
        if found.trouble:
            trouble = trouble or (found.trouble[0], f"{name}: {found.trouble[1]}")
        if found.data:
            yield Capture(bytes(found.data), None, f"{origin}:{name}@{found.line}")
    if trouble:
        raise CaptureError(trouble[1], origin=origin, line=trouble[0])
    if not is_known:
        more = ", ..." if len(others) > _NAMED else ""
        names = ", ".join(map(repr, list(others)[:_NAMED])) + more
        raise CaptureError(f"none of the tables {names} is {', '.join(wanted)}", origin=origin)
