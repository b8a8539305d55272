"""The memory modules of a machine, from its SMBIOS table or from what dmidecode says of it.

Raw:   /sys/firmware/dmi/tables/DMI, or a file of ``dmidecode --dump-bin``
Text:  the output of ``dmidecode``

Source:  DMTF DSP0134 3.6, 6.1 (structure header) and 7.18 (memory device)
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from apeitool.cper.dimm import Dimm
from apeitool.errors import CaptureError

MEMORY_DEVICE = 17
_END = 127
_HEADER = struct.Struct("<BBH")
_STRINGS = {
    "locator": 0x10, "bank_locator": 0x11, "manufacturer": 0x17, "serial_number": 0x18,
    "part_number": 0x1A,
}  # fmt: skip
"""Offsets in a memory device of the numbers of its strings."""
_DUMPED = 0x20
"""Where the table is in a file of dmidecode, behind the entry point."""

_HANDLE = re.compile(r"^Handle 0x([0-9A-Fa-f]{1,4}), DMI type (\d+)", re.MULTILINE)
_LINE = re.compile(r"^\s+([A-Za-z ]+): *(.*?)\s*$", re.MULTILINE)
_LABELS = {name.replace("_", " ").title(): name for name in _STRINGS}
_VOID = frozenset(["", "Not Specified", "Unknown", "NO DIMM", "None", "Not Available"])


class _Structure(NamedTuple):
    kind: int
    handle: int
    formatted: bytes
    strings: list[bytes]


def dimms(data: bytes, origin: str = "") -> dict[int, Dimm]:
    """The memory devices by their handles.

    Raises:  CaptureError when it is neither a table nor dmidecode's text, or has no memory device.
    """
    text = data.decode("utf-8", "replace")
    if _HANDLE.search(text):
        found = dict(_from_text(text))
    else:
        table = data[_DUMPED:] if data.startswith((b"_SM_", b"_SM3_")) else data
        found = dict(_from_table(table))
    if not found:
        raise CaptureError("no memory device of SMBIOS is in here", origin=origin)
    return found


def _from_table(data: bytes) -> Iterator[tuple[int, Dimm]]:
    for structure in _structures(data):
        if structure.kind == MEMORY_DEVICE:
            words = {name: _string(structure, at) for name, at in _STRINGS.items()}
            yield structure.handle, Dimm(**words)


def _structures(data: bytes) -> Iterator[_Structure]:
    """The structures of a table, as far as their lengths hold."""
    position = 0
    while len(data) - position >= _HEADER.size:
        kind, length, handle = _HEADER.unpack_from(data, position)
        end = data.find(b"\0\0", position + length)
        if length < _HEADER.size or end < 0:
            return
        strings = data[position + length : end].split(b"\0")
        yield _Structure(kind, handle, data[position : position + length], strings)
        if kind == _END:
            return
        position = end + 2


def _string(structure: _Structure, at: int) -> str:
    """The string whose number is at an offset; numbers count from 1, 0 is none."""
    number = structure.formatted[at] if at < len(structure.formatted) else 0
    if not 0 < number <= len(structure.strings):
        return ""
    return _said(structure.strings[number - 1].decode("latin-1"))


def _said(text: str) -> str:
    return "" if text.strip() in _VOID else text.strip()


def _from_text(text: str) -> Iterator[tuple[int, Dimm]]:
    starts = [*_HANDLE.finditer(text)]
    for start, behind in zip(starts, [*starts[1:], None], strict=True):
        if int(start[2]) != MEMORY_DEVICE:
            continue
        body = text[start.end() : behind.start() if behind else None]
        lines = {label: value for label, value in _LINE.findall(body) if label in _LABELS}
        words = {name: _said(lines.get(label, "")) for label, name in _LABELS.items()}
        yield int(start[1], 16), Dimm(**words)
