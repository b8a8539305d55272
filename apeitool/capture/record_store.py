"""A record store of our own firmware: the records that an operating system left."""

from __future__ import annotations

from collections.abc import Iterator

from apeitool.capture.capture import Capture
from apeitool.errors import CaptureError, StoreError
from apeitool.store_file import contents, is_store


def sniff(data: bytes) -> bool:
    """Whether this is such a file."""
    return is_store(data)


def read(data: bytes, origin: str = "") -> Iterator[Capture]:
    """The records that hold, each with its id, ``origin:record 0xID``, then damaged ones.

    Raises:  CaptureError when nothing can be read; once all are given, where the file is damaged.
    """
    try:
        found = contents(data)
    except StoreError as wrong:
        raise CaptureError(str(wrong), origin=origin) from wrong
    for record_id, record in found.records.items():
        yield Capture(record, "record", f"{origin}:record {record_id:#x}")
    for damage in found.damage:
        if damage.record:
            yield Capture(damage.record, "record", f"{origin}@{damage.offset:#x}, damaged")
    if found.damage:
        raise CaptureError("; ".join(map(str, found.damage)), origin=origin)
