"""Listings of ``iasl -d``: what a table says, and behind it, as rows of hex, the table.

Raw Table Data: Length 48 (0x30)

    0000: 42 45 52 54 30 00 00 00 01 45 41 50 45 49 54 4C  // BERT0....EAPEITL
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from apeitool.capture.acpidump import Dump, dumps, has_rows, known
from apeitool.capture.capture import Capture

_HEADER = re.compile(
    rb"^[ \t>]{0,40}Raw Table Data: Length (\d{1,10}) \(0x[0-9a-fA-F]{1,8}\)", re.MULTILINE
)


def sniff(data: bytes) -> bool:
    """Whether this is text with a table's raw data in it."""
    return has_rows(data, _HEADER)


def read(data: bytes, origin: str = "", only: str = "") -> Iterator[Capture]:
    """The tables that we know, each with where it was, ``origin:SIG@line``; others are skipped.

    ``only`` names the one that is wanted.

    Raises:  CaptureError, once all are given, where rows of one are missing or none is known.
    """
    return known((_named(found) for found in dumps(data, _HEADER)), origin, only)


def _named(found: Dump) -> tuple[str, Dump]:
    """The signature in a table's own bytes, and the table."""
    length = int(found.says[1])
    if len(found.data) != length:
        found.stop(found.line, f"{length} bytes said, {len(found.data)} are there")
    return found.data[:4].decode("latin-1"), found
