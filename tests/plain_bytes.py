"""Tables and blocks packed by hand, apart from the package that is tested with them."""

import struct
from uuid import UUID

RECOVERABLE, FATAL, CORRECTED, INFORMATIONAL = range(4)

MEMORY = UUID("a5bc1114-6f64-4ede-b863-3e83ed7c83b1")
ARM = UUID("e19e3d16-bc11-11e4-9caa-c2051d5d46b0")
PCIE = UUID("d995e954-bbc1-430f-ad91-b44dcb3c6f35")
UNKNOWN = UUID("01234567-89ab-cdef-0123-456789abcdef")

KEEP = 0xFFFFFFFFFFFFFFFE


def gas(
    address: int, *, space: int = 0, width: int = 64, offset: int = 0, access: int = 4
) -> bytes:
    return struct.pack("<BBBBQ", space, width, offset, access, address)


def source(
    number: int,
    status: int | bytes,
    notification: int = 0,
    *,
    ack: int | bytes | None = None,
    room: int = 4096,
    poll: int = 1000,
    vector: int = 0,
    enabled: int = 1,
    related: int = 0xFFFF,
    preserve: int = KEEP,
    write: int = 1,
    type: int | None = None,
) -> bytes:
    """A GHES, or a GHESv2 if it has a read ack register."""
    kind = type if type is not None else 9 if ack is None else 10
    data = struct.pack("<HHHBBIII", kind, number, related, 0, enabled, 1, 1, 4096)
    data += status if isinstance(status, bytes) else gas(status)
    data += struct.pack("<BBHIIIIII", notification, 28, 0, poll, vector, 0, 0, 0, 0)
    data += struct.pack("<I", room)
    if ack is not None:
        data += ack if isinstance(ack, bytes) else gas(ack)
        data += struct.pack("<QQ", preserve, write)
    return data


def machine_check(number: int, *, flags: int = 0, banks: int = 0) -> bytes:
    head = struct.pack("<HHHBBIIQQB7x", 0, number, 0, flags, 1, 1, 1, 0, 0, banks)
    return head + bytes(28 * banks)


def table(signature: bytes, body: bytes, *, revision: int = 1) -> bytes:
    """An ACPI table with a right length and checksum."""
    head = struct.pack(
        "<4sIBB6s8sI4sI", signature, 36 + len(body), revision, 0, b"T", b"T", 1, b"T", 1
    )
    data = bytearray(head + body)
    data[9] = -sum(data) & 0xFF
    return bytes(data)


def hest(*sources: bytes, count: int | None = None) -> bytes:
    number = len(sources) if count is None else count
    return table(b"HEST", struct.pack("<I", number) + b"".join(sources))


def entry(
    guid: UUID,
    payload: bytes,
    severity: int,
    *,
    flags: int = 0,
    revision: int = 0x300,
    length: int | None = None,
) -> bytes:
    size = len(payload) if length is None else length
    head = guid.bytes_le + struct.pack("<IHBBI", severity, revision, 0, flags, size) + bytes(36)
    return head + (bytes(8) if revision >= 0x300 else b"") + payload


def block(
    severity: int,
    *entries: bytes,
    status: int | None = None,
    data_length: int | None = None,
    raw: bytes = b"",
    raw_offset: int | None = None,
    raw_length: int | None = None,
) -> bytes:
    data = b"".join(entries)
    if status is None:
        status = (1 if severity in (RECOVERABLE, FATAL) else 2) | len(entries) << 4
    if raw_offset is None:
        raw_offset = 20 + len(data) if raw else 0
    head = struct.pack(
        "<IIIII",
        status,
        raw_offset,
        len(raw) if raw_length is None else raw_length,
        len(data) if data_length is None else data_length,
        severity,
    )
    return head + data + raw


def memory(address: int | None = None, *, kind: int = 3) -> bytes:
    """A memory error section of 80 bytes."""
    valid = 0x4000 | (0 if address is None else 2)
    return struct.pack("<QQQ", valid, 0, address or 0).ljust(72, b"\0") + bytes([kind]) + bytes(7)


def about(address: int | None, severity: int = RECOVERABLE, **extra: int) -> bytes:
    """A block with one memory section, both of one severity."""
    return block(severity, entry(MEMORY, memory(address), severity, **extra))


def arm_information(
    type: int, address: int | None = None, *, length: int = 32, version: int = 0
) -> bytes:
    valid = 7 | (0 if address is None else 16)
    return struct.pack(
        "<BBHBHBQQQ", version, length, valid, type, 0, 0, 0x188D007F, 0, address or 0
    )


def arm(*information: bytes, count: int | None = None, length: int | None = None) -> bytes:
    body = b"".join(information)
    number = len(information) if count is None else count
    said = 40 + len(body) if length is None else length
    return struct.pack("<IHHI4xQQII", 1, number, 0, said, 0x80000000, 0x410FD0C0, 1, 0) + body


def pcie(*, aer: bool = True, device: int = 3, bus: int = 5) -> bytes:
    valid = 0xF | (0x80 if aer else 0)
    head = struct.pack("<QI4xHH4x", valid, 4, 0x506, 0x10)
    identity = struct.pack("<HH3sBBHBBHB", 0x1B36, 8, b"\0\0\x06", 1, device, 0, bus, 0, 0, 0)
    return (head + identity).ljust(208, b"\0")
