"""What ``acpiview`` prints in a UEFI shell: for each table a heading, then rows of hex in two halves.

--------------- HEST Table ---------------

Address  : 0xF97DE818
Length   : 224

00000000 : 48 45 53 54 E0 00 00 00 - 01 6B 41 52 4D 4C 54 44   HEST.....kARMLTD
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from apeitool.capture.acpidump import dumps, has_rows, known
from apeitool.capture.capture import Capture

_HEADER = re.compile(
    rb"^[ \t>]{0,40}-{5,40} ([!-~]{4}|RSD PTR) Table -{5,40}[ \t\r]{0,40}$", re.MULTILINE
)


def sniff(data: bytes) -> bool:
    """Whether this is text with such a heading, and a row somewhere behind it."""
    return has_rows(data, _HEADER)


def read(data: bytes, origin: str = "", only: str = "") -> Iterator[Capture]:
    """The tables that we know, each with where it was, ``origin:SIG@line``; others are skipped.

    ``only`` names the one that is wanted.

    Raises:  CaptureError, once all are given, where rows of one are missing or none is known.
    """
    named = ((found.says[1].decode("ascii"), found) for found in dumps(data, _HEADER))
    return known(named, origin, only)
