"""Events of Windows: the XML that its event viewer shows, and the files of its event log.

    <Event xmlns="..."><System>...<EventRecordID>7</EventRecordID></System>
    <EventData>...<Data Name="RawData">435045521002FFFF...</Data></EventData></Event>

Events of WHEA-Logger and Kernel-WHEA have a record in ``RawData``.  One that is too long for an event
is spread over several, which ``SeqNum`` counts.

Source:  Microsoft's WHEA events documentation; intel/crashlog pull request 103 (SeqNum)
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from apeitool.capture.capture import SAMPLE, Capture
from apeitool.capture.kind import WHEA_PACKET
from apeitool.cper.record import SIGNATURE
from apeitool.errors import CaptureError, MissingError

_LOG = b"ElfFile\0"
_CHUNK = b"ElfChnk\0"
_HEAD = 4096
"""Where the first chunk of a log begins; an empty log has one too."""
_EVENT = re.compile(r"<Event[\s>].*?</Event>", re.DOTALL)
_START = re.compile(r"<Event[\s>]")
_RAW = "RawData"
_RECORD = SIGNATURE.encode()
_LENGTH = slice(20, 24)
"""Where a record says how long it is."""
_LARGEST = 4 << 20
"""So many characters has an event at most."""
_DAMAGES = 100
"""After so many places of a log that cannot be read the rest is given up."""


class _Piece(NamedTuple):
    """Bytes of one event; ``number`` is its ``SeqNum``, None where it has none."""

    data: bytes
    number: int | None
    where: str

    @property
    def lacks(self) -> int:
        """How many bytes are missing of the record that begins here."""
        said = int.from_bytes(self.data[_LENGTH], "little")
        return said - len(self.data) if self.data.startswith(_RECORD) else 0


def sniff(data: bytes) -> bool:
    """Whether this is XML with an event in it, or a file of the event log."""
    if data.startswith(_LOG):
        return True
    text = data[:SAMPLE].decode("utf-8", "replace")
    return text.lstrip().startswith("<") and bool(_START.search(text))


def read(data: bytes, origin: str = "") -> Iterator[Capture]:
    """The records of the events, each with its number, ``origin:event 7``; other events are skipped.

    So are packets of WHEA's own log, unless there is nothing else.

    Raises:  MissingError when it is an event log, and the library that reads one is not there;
             CaptureError, once all are given, where an event is broken, or if none has a record.
    """
    trouble: list[CaptureError] = []
    events = _logged(data, origin, trouble) if data.startswith(_LOG) else _shown(data)
    packets = found = 0
    for piece in _joined(_pieces(events, origin, trouble)):
        if piece.data.startswith(WHEA_PACKET):
            packets += 1
            continue
        found += 1
        yield Capture(piece.data, None, piece.where)
    if trouble:
        raise trouble[0]
    if packets and not found:
        said = f"{packets} packets of WHEA's own log (WhLg), and no record"
        raise CaptureError(said, origin=origin)


def _shown(data: bytes) -> Iterator[tuple[int, str]]:
    found = _EVENT.finditer(data.decode("utf-8", "replace"))
    yield from ((number, match[0]) for number, match in enumerate(found, 1))


def _logged(data: bytes, origin: str, trouble: list[CaptureError]) -> Iterator[tuple[int, str]]:
    """The events of a log as far as they can be read; what cannot is told behind them."""
    try:
        from evtx import PyEvtxParser
    except ImportError as missing:
        remedy = "pip install 'apeitool[capture]'"
        raise MissingError("event logs are read by the package evtx", remedy=remedy) from missing
    number = damages = 0
    try:
        records: Any = iter(PyEvtxParser(io.BytesIO(data)).records())
    except (RuntimeError, OSError, ValueError) as wrong:
        raise CaptureError(f"the event log is damaged: {wrong}", origin=origin) from wrong
    while damages < _DAMAGES:
        try:
            record = next(records)
        except StopIteration:
            break
        except (RuntimeError, OSError, ValueError) as wrong:
            damages += 1
            trouble.append(CaptureError(f"the event log is damaged: {wrong}", origin=origin))
            continue
        number += 1
        yield number, record["data"].partition("?>")[2] or record["data"]
    if not number and not trouble and not data.startswith(_CHUNK, _HEAD):
        trouble.append(CaptureError("the event log has no event that can be read", origin=origin))


def _pieces(
    events: Iterator[tuple[int, str]], origin: str, trouble: list[CaptureError]
) -> Iterator[_Piece]:
    """What the events carry; those that carry nothing are not looked at."""
    for number, event in events:
        if _RAW not in event:
            continue
        try:
            yield from _carried(event, f"{origin}:event {number}", origin)
        except CaptureError as wrong:
            trouble.append(wrong)


def _carried(event: str, where: str, origin: str) -> Iterator[_Piece]:
    """The bytes of one event, if it has some."""
    if len(event) > _LARGEST:
        raise CaptureError("the event is too long", origin=where)
    try:
        root = ET.fromstring(event)  # noqa: S314 - without a DTD it declares no entities
    except ET.ParseError as wrong:
        raise CaptureError(f"this is no XML: {wrong}", origin=where) from wrong
    raw, sequence = [], None
    for node in root.iter():
        tag = node.tag.rpartition("}")[2]
        name, text = node.get("Name") if tag == "Data" else tag, (node.text or "").strip()
        if name == "EventRecordID" and text:
            where = f"{origin}:event {text}"
        elif name == "SeqNum" and text.isdecimal() and len(text) < _DIGITS:
            sequence = int(text)
        elif name == _RAW and text:
            raw.append(text)
    yield from (_Piece(_bytes(text, where), sequence, where) for text in raw)


_DIGITS = 10
"""Fewer digits has the number of a piece."""


def _bytes(text: str, where: str) -> bytes:
    try:
        return bytes.fromhex("".join(text.split()))
    except ValueError as wrong:
        raise CaptureError(f"{_RAW} is no hex: {wrong}", origin=where) from wrong


def _joined(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """The same, with records whole that were spread over events that follow one another."""
    begun: list[_Piece] = []
    lacks = 0
    for piece in pieces:
        if begun and piece.number == (begun[-1].number or 0) + 1 and len(piece.data) <= lacks:
            begun.append(piece)
            lacks -= len(piece.data)
        else:
            if begun:
                yield _whole(begun)
            begun, lacks = [piece], piece.lacks
        if lacks <= 0 or begun[-1].number is None:
            yield _whole(begun)
            begun, lacks = [], 0
    if begun:
        yield _whole(begun)


def _whole(pieces: list[_Piece]) -> _Piece:
    first, last = pieces[0], pieces[-1]
    where = first.where if len(pieces) == 1 else f"{first.where} to {last.where.rpartition(' ')[2]}"
    return _Piece(b"".join(piece.data for piece in pieces), None, where)
