"""Events of Windows: the XML that its event viewer shows, and the files of its event log.

    <Event xmlns="..."><System>...<EventRecordID>7</EventRecordID></System>
    <EventData>...<Data Name="RawData">435045521002FFFF...</Data></EventData></Event>

Events of WHEA-Logger and Kernel-WHEA have a record in ``RawData``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

from apeitool.capture.capture import SAMPLE, Capture
from apeitool.errors import CaptureError, MissingError

_LOG = b"ElfFile\0"
_EVENT = re.compile(r"<Event[\s>].*?</Event>", re.DOTALL)
_START = re.compile(r"<Event[\s>]")
_PACKET = b"WhLg"
_LARGEST = 4 << 20
"""So many characters has an event at most."""


def sniff(data: bytes) -> bool:
    """Whether this is XML with an event in it, or a file of the event log."""
    if data.startswith(_LOG):
        return True
    text = data[:SAMPLE].decode("utf-8", "replace")
    return text.lstrip().startswith("<") and bool(_START.search(text))


def read(data: bytes, origin: str = "") -> Iterator[Capture]:
    """The records of the events, each with its number, ``origin:event 7``; other events are skipped.

    Raises:  MissingError when it is an event log, and the library that reads one is not there;
             CaptureError, once all are given, where an event is broken or has no record in it.
    """
    events = _logged(data, origin) if data.startswith(_LOG) else _shown(data)
    trouble: CaptureError | None = None
    for number, event in events:
        try:
            yield from _captures(event, number, origin)
        except CaptureError as wrong:
            trouble = trouble or wrong
    if trouble:
        raise trouble


def _shown(data: bytes) -> Iterator[tuple[int, str]]:
    found = _EVENT.finditer(data.decode("utf-8", "replace"))
    yield from ((number, match[0]) for number, match in enumerate(found, 1))


def _logged(data: bytes, origin: str) -> Iterator[tuple[int, str]]:
    try:
        from evtx import PyEvtxParser
    except ImportError as missing:
        remedy = "pip install 'apeitool[capture]'"
        raise MissingError("event logs are read by the package evtx", remedy=remedy) from missing
    try:
        records: Any = PyEvtxParser(io.BytesIO(data)).records()
        number = 0
        for number, record in enumerate(records, 1):
            yield number, record["data"].partition("?>")[2] or record["data"]
    except (RuntimeError, OSError, ValueError) as wrong:
        raise CaptureError(f"the event log is damaged: {wrong}", origin=origin) from wrong
    if not number:
        raise CaptureError("the event log has no event that can be read", origin=origin)


def _captures(event: str, number: int, origin: str) -> Iterator[Capture]:
    """The record of one event, if it has one."""
    where = f"{origin}:event {number}"
    if len(event) > _LARGEST:
        raise CaptureError("the event is too long", origin=where)
    try:
        root = ET.fromstring(event)  # noqa: S314 - without a DTD it declares no entities
    except ET.ParseError as wrong:
        raise CaptureError(f"this is no XML: {wrong}", origin=where) from wrong
    for node in root.iter():
        name = node.tag.rpartition("}")[2]
        if name == "EventRecordID" and node.text:
            where = f"{origin}:event {node.text.strip()}"
        is_raw = name == "RawData" or (name == "Data" and node.get("Name") == "RawData")
        if is_raw and (node.text or "").strip():
            yield Capture(_bytes(node.text or "", where), None, where)


def _bytes(text: str, where: str) -> bytes:
    try:
        data = bytes.fromhex("".join(text.split()))
    except ValueError as wrong:
        raise CaptureError(f"RawData is no hex: {wrong}", origin=where) from wrong
    if data.startswith(_PACKET):
        raise CaptureError("a packet of WHEA's own log (WhLg), not a record", origin=where)
    return data
