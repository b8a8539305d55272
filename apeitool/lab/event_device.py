"""The device that tells Linux of an error by an interrupt: ACPI's error device, behind a generic event device.

Sources that notify by SCI, GPIO or GSIV all wait for the error device (PNP0C33) to be notified.  Whose
interrupt leads to that is for ACPI to say: here it is a generic event device's, which any machine can
have, since QEMU's own has no event for errors.

A genuine SCI is the interrupt of the general-purpose events of the FADT.  QEMU's machine has one block of
them, all of which mean something; a second block can be anywhere, in memory too.

Source:  ACPI 6.5, 5.2.9 (FADT), 5.6.4 (events), 5.6.9 (event device), 6.1.5 and 6.4.3.6 (resources),
         18.3.2.7 (error device), 20.2 (AML)
"""

from __future__ import annotations

import struct

from apeitool.acpi.header import CHECKSUM_OFFSET, HEADER_LENGTH, Table, checksum_of
from apeitool.errors import LabError
from apeitool.registers.address import GenericAddress

_SCOPE, _NAME, _METHOD, _BUFFER, _NOTIFY = b"\x10", b"\x08", b"\x14", b"\x11", b"\x86"
_DEVICE = b"\x5b\x82"
_BYTE, _DWORD, _STRING = b"\x0a", b"\x0c", b"\x0d"
_SERIALIZED_WITH_ONE_ARGUMENT = b"\x09"
_SERIALIZED_WITHOUT_ARGUMENT = b"\x08"
_PNP0C33 = bytes.fromhex("41d00c33")
_HARDWARE_ERROR = 0x80
_PRESENT = 0x0F
_EDGE_CONSUMED = 0b0011
_END_TAG = b"\x79\0"


_FIRST_EVENT = 0x40
_OEM_REVISION = slice(24, 28)
_GPE1_BLOCK, _GPE1_LENGTH, _GPE1_BASE, _X_GPE1_BLOCK = slice(84, 88), 93, 94, slice(232, 244)
_FADT_LENGTH = 244


def with_events(fadt: bytes, address: int) -> bytes:
    """A FADT with a second block of general-purpose events, of a status and an enable byte at an address.

    It has a later revision, without which Linux does not take it for the one that it replaces.

    Raises:  LabError for one of an ACPI before 2.0.
    """
    if len(fadt) < _FADT_LENGTH:
        raise LabError(f"a FADT of {len(fadt)} bytes has no place for such registers")
    made = bytearray(fadt)
    revision = int.from_bytes(made[_OEM_REVISION], "little") + 1
    made[_OEM_REVISION] = revision.to_bytes(4, "little")
    made[_GPE1_BLOCK] = (address & 0xFFFF_FFFF).to_bytes(4, "little")
    made[_GPE1_LENGTH], made[_GPE1_BASE] = 2, _FIRST_EVENT
    made[_X_GPE1_BLOCK] = GenericAddress.memory(address, bits=16).to_bytes()
    made[CHECKSUM_OFFSET] = checksum_of(bytes(made))
    return bytes(made)


def event_device(interrupt: int, *, has_event: bool = False) -> bytes:
    """An SSDT with both devices, which notifies at an edge of ``interrupt`` (a GSI).

    With ``has_event`` it does at the first event of :func:`with_events` too.
    """
    error_device = _device(
        b"HED0", _named(b"_HID", _DWORD + _PNP0C33), _named(b"_STA", _BYTE + bytes([_PRESENT]))
    )
    notify = _NOTIFY + b"\\\x2e_SB_HED0" + _BYTE + bytes([_HARDWARE_ERROR])
    descriptor = struct.pack("<BHBBI", 0x89, 6, _EDGE_CONSUMED, 1, interrupt) + _END_TAG
    generic = _device(
        b"GED0",
        _named(b"_HID", _STRING + b"ACPI0013\0"),
        _named(b"_UID", _STRING + b"APEI\0"),
        _named(b"_CRS", _package(_BUFFER, _BYTE + bytes([len(descriptor)]) + descriptor)),
        _package(_METHOD, b"_EVT" + _SERIALIZED_WITH_ONE_ARGUMENT + notify),
    )
    body = _package(_SCOPE, b"\\_SB_" + error_device + generic)
    if has_event:
        level = b"_L%02X" % _FIRST_EVENT
        body += _package(
            _SCOPE, b"\\_GPE" + _package(_METHOD, level + _SERIALIZED_WITHOUT_ARGUMENT + notify)
        )
    length = HEADER_LENGTH + len(body)
    header = Table(signature="SSDT", length=length, revision=2, checksum=0, oem_table_id="EVENTS")
    table = bytearray(header.to_bytes() + body)
    table[CHECKSUM_OFFSET] = checksum_of(bytes(table))
    return bytes(table)


def _named(name: bytes, value: bytes) -> bytes:
    return _NAME + name + value


def _device(name: bytes, *members: bytes) -> bytes:
    return _package(_DEVICE, name + b"".join(members))


def _package(operation: bytes, content: bytes) -> bytes:
    """An operation with its content, before which is the length of both that and the content."""
    one, two = len(content) + 1, len(content) + 2
    if one < 64:
        return operation + bytes([one]) + content
    return operation + bytes([0x40 | two & 15, two >> 4]) + content
