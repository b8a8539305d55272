"""Backing storage of QEMU's ``acpi-erst`` device: the records that an operating system left."""

from __future__ import annotations

from collections.abc import Iterator

from apeitool.capture.capture import Capture
from apeitool.errors import CaptureError
from apeitool.qemu.erst_file import MAGIC, ErstStorage


def sniff(data: bytes) -> bool:
    """Whether this is such a file."""
    return data.startswith(MAGIC.encode())


def read(data: bytes, origin: str = "") -> Iterator[Capture]:
    """The records in use, each with where it was, ``origin:record 0xID``; deleted ones are skipped.

    Raises:  CaptureError when the file ends within its header.
    """
    if len(data) < ErstStorage.shortest:
        said = f"{len(data)} bytes are there, its header alone has {ErstStorage.shortest}"
        raise CaptureError(f"a record store is cut off: {said}", origin=origin)
    for _, record_id, slot in ErstStorage.from_bytes(data).used():
        if slot is not None:
            yield Capture(slot.record, "record", f"{origin}:record {record_id:#x}")
