"""JSON that describes objects instead of carrying their bytes: our own lossless JSON, and CPER-JSON.

The first has every field, so its bytes are those that were; CPER-JSON has not, and what it does not
tell is put together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from apeitool.capture.capture import Capture
from apeitool.capture.kind import kind_of
from apeitool.errors import CaptureError, EncodeError
from apeitool.render import cper_json
from apeitool.render.json import items
from apeitool.render.plain import from_plain
from apeitool.wire.record import Structure

_OURS = re.compile(rb'\s*(?:\{\s*"schema"\s*:\s*"apeitool/|\[?\s*\{\s*"kind"\s*:\s*")')
_CPER_JSON = re.compile(rb'"sectionDescriptors?"\s*:')

RECONSTRUCTED = "CPER-JSON"


def sniff(data: bytes) -> bool:
    """Whether this is JSON that describes objects."""
    return data.lstrip()[:1] in (b"{", b"[") and bool(_OURS.match(data) or _CPER_JSON.search(data))


def read(data: bytes, origin: str = "") -> Iterator[Capture]:
    """The object of every item, each with its place, ``origin:items[3]``.

    Raises:  CaptureError where it is no such JSON, and where an object comes to no bytes.
    """
    try:
        for path, plain in items(data.decode("utf-8", "replace")):
            yield _capture(plain, path, f"{origin}:{path}" if path else origin)
    except EncodeError as wrong:
        raise CaptureError(str(wrong), origin=origin) from wrong


def _capture(plain: Any, path: str, where: str) -> Capture:
    if cper_json.is_cper_json(plain):
        found, _ = cper_json.read(plain, path)
        return Capture(found.to_bytes(), kind_of(found), where, RECONSTRUCTED)
    described: Structure = from_plain(plain, path=path)
    kind = kind_of(described)
    if kind is None:
        what = type(described).__name__
        raise CaptureError(f"{what} is nothing that is decoded by itself", origin=where)
    return Capture(described.to_bytes(), kind, where)
