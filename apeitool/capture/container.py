"""What a file, a folder or a stream holds: captures, each with its bytes and where they were."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from apeitool.capture import (
    acpidump,
    acpiview,
    description,
    envelope,
    erst_file,
    hardware_errors,
    hextext,
    iasl,
    json_document,
    kernel_log,
    rasdaemon,
    record_store,
    unicode,
    windows_event,
)
from apeitool.capture.capture import Capture
from apeitool.capture.kind import (
    TABLES,
    as_error,
    candidates,
    decode_as,
    extents,
    sniff,
    told_by_place,
    unknown_table,
)
from apeitool.errors import Ambiguous, CaptureError, DecodeError
from apeitool.wire.record import Structure


def decode(data: bytes | Capture, *, as_: str | None = None, strict: bool = False) -> Structure:
    """Decode one object: a table, a status block, a record or a bare section.

    ``as_`` names its kind (see `kind_names`); without it the bytes tell.  What is wrong with the
    object is in its ``problems``; ``strict`` raises the first of them instead.

    Raises:  Truncated when there are too few bytes for the kind; Ambiguous when more than one kind
             fits; DecodeError when none does; with ``strict`` the error of the first problem.
    """
    if isinstance(data, Capture):
        as_ = as_ or data.kind
    data = bytes(data)
    found = decode_as(as_ or _sniffed(data), data)
    if strict:
        for problem in found.problems:
            raise as_error(problem)
    return found


def _sniffed(data: bytes) -> str:
    """The name of the one kind that the bytes fit; of text, why it spells no bytes."""
    try:
        return sniff(data)
    except DecodeError as wrong:
        reason = hextext.complaint(data)
        if reason is None or isinstance(wrong, Ambiguous):
            raise
        raise DecodeError(f"{reason}; TOML is for encode") from wrong


def read(
    data: bytes, origin: str = "", *, kind: str | None = None, offset: int = 0,
    length: int | None = None,
) -> Iterator[Capture]:  # fmt: skip
    """The captures in the bytes of one file; text is read as the bytes that it spells.

    ``offset`` and ``length`` cut the bytes (those that the text spells, of each table of a text with
    many; of other files those of the file itself); ``kind`` says what they are, and which of a text
    that names its tables are wanted.

    Raises:  CaptureError when the offset lies behind the end, or the text breaks off.
    """
    is_cut = bool(offset) or length is not None
    for carried in _carried(data, origin, (kind or "").upper(), is_cut=is_cut):
        piece, said, where = carried.data, carried.kind, carried.origin
        if offset > len(piece):
            raise CaptureError(
                f"offset {offset:#x} lies behind the {len(piece)} bytes", origin=where
            )
        cut = piece[offset : None if length is None else offset + length]
        if said:
            yield carried._replace(data=cut, kind=kind or said)
            continue
        for start, end in extents(cut):
            place = where if (start, end) == (0, len(cut)) else f"{where}@{offset + start:#x}"
            yield Capture(cut[start:end], told_by_place(cut, start) or kind, place)
        if not cut:
            yield Capture(b"", kind, where)


def _carried(data: bytes, origin: str, name: str, *, is_cut: bool) -> Iterator[Capture]:
    """What a file carries; of tables that a text names, those of that ``name`` if it is one's.

    Who cuts bytes out of a file knows where in it they are.
    """
    data = unicode.plain(data)
    for text in _TABLE_TEXTS:
        if text.sniff(data):
            yield from text.read(data, origin, name if name in TABLES else "")
            return
    for carrier in (*_CARRIERS, description, *(() if is_cut else _FRAMES)):
        if carrier.sniff(data):
            yield from carrier.read(data, origin)
            return
    yield Capture(unwrapped(data, origin), None, origin)


_TABLE_TEXTS = (acpidump, iasl, acpiview)
_CARRIERS = (erst_file, record_store, rasdaemon, windows_event, json_document, kernel_log)
"""Carriers that tell themselves by their bytes; no file is of two of them."""

_FRAMES = (envelope, hardware_errors)
"""Likewise; the objects lie in the file as they are."""


def holds_bytes(data: bytes) -> bool:
    """Whether these are bytes to decode, or text that carries some, rather than a description."""
    carriers = (*_TABLE_TEXTS, *_CARRIERS, hextext)
    return bool(candidates(data)) or any(c.sniff(unicode.plain(data)) for c in carriers)


def unwrapped(data: bytes, origin: str = "") -> bytes:
    """The bytes themselves: those that hex text spells, others as they are.

    Raises:  CaptureError when hex text stops being hex.
    """
    if not candidates(data) and hextext.sniff(data):
        return hextext.read(data, origin)
    return data


def open(
    path: str | os.PathLike[str], *, kind: str | None = None, offset: int = 0,
    length: int | None = None,
) -> Iterator[Capture]:  # fmt: skip
    """The captures of a file, of every file below a folder, or of standard input (``-``).

    In a folder, ACPI tables that are none of ours are passed over, unless ``kind`` says otherwise.

    Raises:  CaptureError when it cannot be read.
    """
    name = os.fspath(path)
    if name == "-":
        yield from read(whole(sys.stdin.buffer, "-"), "-", kind=kind, offset=offset, length=length)
        return
    for file in files(Path(name)):
        data = load(file)
        if file == Path(name) or kind or not unknown_table(data):
            said = kind or told_by_path(file, data)
            yield from read(data, str(file), kind=said, offset=offset, length=length)


def told_by_path(path: Path, data: bytes) -> str | None:
    """The kind that a file's place tells: Linux has the boot error region in ``data/BERT``."""
    is_place = path.absolute().parts[-2:] == ("data", "BERT")
    return "region" if is_place and "table" not in candidates(data) else None


def files(path: Path) -> Iterator[Path]:
    """The file itself, or the regular files below a folder in the order of their names.

    A folder that cannot be read is given as if it were a file: to `load` it says why.
    """
    try:
        is_folder = path.is_dir()
    except OSError:
        is_folder = False
    if not is_folder:
        yield path
        return
    closed: list[Path] = []
    for folder, folders, names in os.walk(path, onerror=lambda e: closed.append(Path(e.filename))):
        folders.sort()
        for name in sorted(names):
            if _is_worth_reading(Path(folder) / name):
                yield Path(folder) / name
    yield from closed


def _is_worth_reading(path: Path) -> bool:
    """Whether it is a file, or something that only `load` can say the trouble of."""
    try:
        return path.is_file() or not path.exists()
    except OSError:
        return True


def load(path: Path) -> bytes:
    """The bytes of a file.

    Raises:  CaptureError when it cannot be read.
    """
    try:
        if path.is_dir():
            # What reading a folder raises does not say why it cannot be read.
            next(path.iterdir(), None)
        with path.open("rb") as file:
            return whole(file, str(path))
    except (OSError, ValueError) as wrong:
        reason = getattr(wrong, "strerror", None) or str(wrong)
        raise CaptureError(reason, origin=str(path)) from wrong


_LARGEST, _PIECE = 1 << 30, 1 << 20
"""So many bytes are taken from what has no end of its own (a pipe, a device), and so many at once."""


def whole(file: BinaryIO, origin: str) -> bytes:
    """Everything that a file or a stream holds.

    Raises:  CaptureError when a stream does not end; OSError.
    """
    with suppress(io.UnsupportedOperation):
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file.read()
    data = bytearray()
    while piece := file.read(_PIECE):
        data += piece
        if len(data) > _LARGEST:
            raise CaptureError(f"does not end within {_LARGEST >> 20} MiB", origin=origin)
    return bytes(data)
