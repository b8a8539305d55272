"""A few bytes before a record: a variable of UEFI in Linux's efivarfs, an event of PLDM.

efivarfs:  attributes (4 bytes), then the variable ``HwErrRec####``: a record
PLDM:      format version, format type (0 record, 1 section), length (2 bytes), then the data

Source:  Linux Documentation/filesystems/efivarfs.rst, UEFI 2.10 8.2.4; DMTF DSP0248 16.17
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from apeitool.capture.capture import Capture
from apeitool.cper.record import HEADER_LENGTH, SIGNATURE

_START = SIGNATURE.encode()
_LENGTH = 4
_ATTRIBUTES = 0x7F
"""Attributes that a variable can have; hardware error record is 8."""
_HARDWARE_ERROR_RECORD = 8


def sniff(data: bytes) -> bool:
    """Whether a record lies behind such an envelope, or a section in one of PLDM."""
    return bool(_kind(data))


def _kind(data: bytes) -> str:
    """``efivar``, ``record`` or ``section``: what lies behind the envelope; "" where there is none."""
    if len(data) <= _LENGTH:
        return ""
    version, form, length = struct.unpack_from("<BBH", data)
    is_pldm = version in (0, 1) and form in (0, 1) and length == len(data) - _LENGTH
    if data[_LENGTH : _LENGTH + len(_START)] == _START and len(data) >= _LENGTH + HEADER_LENGTH:
        if is_pldm:
            return "record"
        attributes = int.from_bytes(data[:_LENGTH], "little")
        is_known = not attributes & ~_ATTRIBUTES and attributes & _HARDWARE_ERROR_RECORD
        return "efivar" if is_known else ""
    return "section" if is_pldm and version == 1 and form == 1 else ""


def read(data: bytes, origin: str = "") -> Iterator[Capture]:
    """What lies behind the envelope; the bytes of a section must tell of which type it is."""
    kind = _kind(data)
    yield Capture(data[_LENGTH:], None if kind == "section" else "record", origin)
