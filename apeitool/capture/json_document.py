"""JSON that carries bytes in base64: Redfish log entries, commands for QEMU's monitor.

Redfish:  {"DiagnosticDataType": "CPER", "DiagnosticData": "Q1BFUg...", "CPER": {"SectionType": ...}}
QMP:      {"execute": "inject-ghes-v2-error", "arguments": {"cper": "AQAAAA..."}}

They may stand anywhere in a document: in a collection, in the body of an event.  A log of monitor
traffic has one document a line.

Source:  DMTF DSP2046 LogEntry; QEMU qapi/acpi-hest.json
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from apeitool.capture.capture import Capture
from apeitool.cper.record import SIGNATURE
from apeitool.errors import CaptureError
from apeitool.qemu.command import INJECT

_MEMBER = re.compile(rb'"DiagnosticData"\s*:|"' + INJECT.encode() + rb'"')

_RECORD = SIGNATURE.encode()


def sniff(data: bytes) -> bool:
    """Whether this is JSON with such a member."""
    return data.lstrip()[:1] in (b"{", b"[") and bool(_MEMBER.search(data))


def read(data: bytes, origin: str = "") -> Iterator[Capture]:
    """The bytes of every entry and command, each with its place, ``origin:$.Members[3]``.

    The type that Redfish gives is not reliable: of a section the GUID is taken, unless the bytes are
    a record; all else the bytes must tell.

    Raises:  CaptureError where the JSON breaks off; once all are given, where bytes are no base64.
    """
    trouble: CaptureError | None = None
    for line, document in _documents(data, origin):
        for path, node in _nodes(document, "$"):
            text, kind = _payload(node)
            if text is None:
                continue
            where = f"{origin}:{line}:{path}" if line else f"{origin}:{path}"
            try:
                data = _decoded(text)
                yield Capture(data, None if data.startswith(_RECORD) else kind, where)
            except (ValueError, binascii.Error) as wrong:
                trouble = trouble or CaptureError(f"this is no base64: {wrong}", origin=where)
    if trouble:
        raise trouble


def _documents(data: bytes, origin: str) -> Iterator[tuple[int, Any]]:
    """(line, document) of each line; or the whole as one document, at line 0."""
    text = data.decode("utf-8", "replace")
    try:
        yield 0, json.loads(text)
    except (ValueError, RecursionError) as wrong:
        rows = [(number, row) for number, row in enumerate(text.splitlines(), 1) if row.strip()]
        if len(rows) < 2:
            raise CaptureError(f"this is no JSON: {wrong}", origin=origin) from wrong
        for number, row in rows:
            try:
                yield number, json.loads(row)
            except (ValueError, RecursionError) as broken:
                said = f"this is no JSON: {broken}"
                raise CaptureError(said, origin=origin, line=number) from broken


def _nodes(document: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a document, outermost first."""
    waiting = [(path, document)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, dict):
            yield path, node
            waiting += [(f"{path}.{name}", node[name]) for name in reversed(node)]
        elif isinstance(node, list):
            waiting += [(f"{path}[{i}]", node[i]) for i in reversed(range(len(node)))]


def _payload(node: dict[str, Any]) -> tuple[str | None, str | None]:
    """The base64 that an object carries, and the kind that it says; None where it has none."""
    arguments = node.get("arguments")
    if node.get("execute") == INJECT and isinstance(arguments, dict):
        text = arguments.get("cper")
        return (text, "block") if isinstance(text, str) else (None, None)
    text = node.get("DiagnosticData")
    if not isinstance(text, str):
        return None, None
    about = node.get("CPER")
    guid = about.get("SectionType") if isinstance(about, dict) else None
    return text, _section(guid) if node.get("DiagnosticDataType") == "CPERSection" else None


def _section(guid: Any) -> str | None:
    try:
        return str(UUID(guid))
    except (ValueError, TypeError, AttributeError):
        return None


def _decoded(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)
