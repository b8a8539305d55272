"""Files as objects to make columns of, a chunk at a time.

A dump of records is read where it lies, however long it is; of what another carrier holds, the
captures are put together.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import numpy as np

from apeitool.capture.capture import Capture
from apeitool.capture.container import files, load, read, told_by_path
from apeitool.capture.kind import kind_type, section_guid, sniff, unknown_table
from apeitool.columns.boundaries import Found, walk
from apeitool.columns.tables import Flaw, Objects, decode, kept
from apeitool.cper.record import SIGNATURE, Record
from apeitool.cper.section import section_type
from apeitool.errors import ApeiError, CaptureError, DecodeError, MissingError
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure

CHUNK = 8 << 20
"""So many bytes are decoded at once; memory is a small multiple of it."""

_NONE = np.empty(0, np.int64)
_RECORDS = "record"


def batches(
    path: str, kind: str | None = None, *, start: int = 0, end: int | None = None
) -> Iterator[dict[str, Any]]:
    """The tables of a file, of the files below a folder, or of an object store, a chunk at a time.

    ``start`` and ``end`` are where in a dump of records the first begins and the last ends.

    Raises:  CaptureError when it cannot be read; MissingError when fsspec, or what it needs for such
             an address, is not installed.
    """
    if "://" in path:
        yield from _remote(path, kind, start, end)
        return
    if not Path(path).is_dir():
        yield from _local(Path(path), kind, start, end)
        return
    for file in files(Path(path)):
        yield from _local(file, kind, is_found=True)


def is_dump(data: bytes, kind: str | None) -> bool:
    """Whether a file that begins so is records back to back."""
    return kind == _RECORDS or (kind is None and data.startswith(SIGNATURE.encode()))


def _local(
    path: Path, kind: str | None, start: int = 0, end: int | None = None, *, is_found: bool = False
) -> Iterator[dict[str, Any]]:
    """The tables of a file; of one that was only found in a folder none, if it is a table of others."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
            if path.is_file() and head and is_dump(head, kind):
                # Not closed by hand: who looks at our frames (a profiler) may hold views of it.
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                yield from _mapped(mapped, str(path), start, end)
                return
    except (OSError, ValueError) as wrong:
        reason = getattr(wrong, "strerror", None) or str(wrong)
        raise CaptureError(reason, origin=str(path)) from wrong
    data = load(path)
    if is_found and not kind and unknown_table(data):
        return
    yield from of_bytes(data, str(path), kind or told_by_path(path, data))


def _mapped(
    mapped: mmap.mmap, source: str, start: int, end: int | None
) -> Iterator[dict[str, Any]]:
    """A dump that lies in memory as far as it is looked at."""
    begin = start
    for tables, position in _walked(memoryview(mapped)[:end], source, start):
        if tables:
            yield tables
        # What was decoded is copied: the pages need stay no longer.
        first = begin // mmap.PAGESIZE * mmap.PAGESIZE
        mapped.madvise(mmap.MADV_DONTNEED, first, position - first)
        begin = position


def _walked(view: memoryview, source: str, start: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """The tables of a dump, none in a chunk that has nothing to tell; and where the next begins."""
    position, gap = start, None
    buffer = np.frombuffer(view, np.uint8)
    while position < len(view):
        found = walk(view, position, min(position + CHUNK, len(view)), is_end=True)
        position = found.position
        flaws, gap = _gaps(found, gap, view, source, is_end=position >= len(view))
        yield _decoded(buffer, found, source, 0, flaws), position


def _streamed(file: BinaryIO, source: str) -> Iterator[dict[str, Any]]:
    """A dump that comes piece by piece."""
    kept, base, gap = b"", 0, None
    while True:
        piece = file.read(CHUNK)
        data = kept + piece
        view = memoryview(data)
        found = walk(view, 0, len(view), is_end=not piece)
        flaws, gap = _gaps(found, gap, view, source, base=base, is_end=not piece)
        tables = _decoded(np.frombuffer(data, np.uint8), found, source, base, flaws)
        if tables:
            yield tables
        if not piece:
            return
        base += found.position
        kept = data[found.position :]


def _gaps(
    found: Found, gap: tuple[int, int] | None, view: memoryview, source: str, *,
    base: int = 0, is_end: bool,
) -> tuple[list[Flaw], tuple[int, int] | None]:  # fmt: skip
    """Flaws of the bytes between records; and the gap that may go on behind the chunk."""
    spans = [(base + a, base + b) for a, b in found.gaps]
    if gap is not None:
        if spans and spans[0][0] == gap[1]:
            spans[0] = gap[0], spans[0][1]
        else:
            spans.insert(0, gap)
    left = spans.pop() if spans and not is_end and spans[-1][1] == base + found.position else None
    flaws = []
    for begin, behind in spans:
        size = behind - begin
        problem = Problem("no-record", 0, "", "no record begins here", Record.source)
        # Of a gap that began before these bytes the first are gone.
        data = kept(view[begin - base : behind - base]) if begin >= base else None
        flaws.append(Flaw(source, begin, size, problem, data))
    return flaws, left


def _decoded(
    buffer: Any, found: Found, source: str, base: int, flaws: list[Flaw]
) -> dict[str, Any]:
    whose = np.zeros(len(found.starts), np.int32)
    offsets = found.starts + base if base else found.starts
    return decode(
        Objects(buffer, Record, found.starts, found.ends, [source], whose, offsets), flaws
    )


def of_bytes(data: bytes, source: str, kind: str | None = None) -> Iterator[dict[str, Any]]:
    """The tables of the bytes of a file of any carrier, a chunk at a time."""
    if data and is_dump(data, kind):
        yield from (tables for tables, _ in _walked(memoryview(data), source) if tables)
        return
    gathered = _Gathered()
    for capture in _captures(data, source, kind):
        if isinstance(capture, Flaw):
            gathered.flaws.append(capture)
            continue
        try:
            wanted = _type(capture)
        except ApeiError as wrong:
            gathered.flaws.append(_unread("undecodable", capture.origin, capture.data, wrong))
            continue
        if gathered.kind not in (None, wanted) or gathered.size > CHUNK:
            yield gathered.decode()
            gathered = _Gathered()
        gathered.add(wanted, capture)
    if gathered.captures or gathered.flaws:
        yield gathered.decode()


def _captures(data: bytes, source: str, kind: str | None) -> Iterator[Capture | Flaw]:
    """What a file carries; a flaw is why there is no more."""
    try:
        yield from read(data, source, kind=kind)
    except ApeiError as wrong:
        yield _unread("unreadable", source, data, wrong)


def _type(capture: Capture) -> type[Structure]:
    """The class of what a capture holds.

    Raises:  DecodeError when no class is known.
    """
    kind = capture.kind or sniff(capture.data)
    guid: UUID | None = section_guid(kind)
    if guid is None:
        return kind_type(kind, capture.data)
    found = section_type(guid)
    if found is None:
        raise DecodeError(f"section of unknown type {guid}")
    return found


def _unread(id: str, source: str, data: bytes, wrong: ApeiError) -> Flaw:
    problem = Problem(id, 0, "", getattr(wrong, "message", str(wrong)), "")
    return Flaw(source, 0, len(data), problem, kept(data))


class _Gathered:
    """Captures of one kind, put together."""

    def __init__(self) -> None:
        self.kind: type[Structure] | None = None
        self.captures: list[Capture] = []
        self.flaws: list[Flaw] = []
        self.size = 0

    def add(self, kind: type[Structure], capture: Capture) -> None:
        self.kind = kind
        self.captures.append(capture)
        self.size += len(capture.data)

    def decode(self) -> dict[str, Any]:
        """The tables of all of them."""
        if self.kind is None:
            return decode(Objects(_BYTES, Record, _NONE, _NONE, [], _NONE, _NONE), self.flaws)
        sizes = np.array([len(c.data) for c in self.captures], np.int64)
        ends = np.cumsum(sizes)
        sources = [*dict.fromkeys(c.origin for c in self.captures)]
        place = {name: index for index, name in enumerate(sources)}
        whose = np.array([place[c.origin] for c in self.captures], np.int32)
        buffer = np.frombuffer(b"".join(c.data for c in self.captures), np.uint8)
        offsets = np.zeros(len(sizes), np.int64)
        objects = Objects(buffer, self.kind, ends - sizes, ends, sources, whose, offsets)
        return decode(objects, self.flaws)


_BYTES = np.empty(0, np.uint8)


def _remote(path: str, kind: str | None, start: int, end: int | None) -> Iterator[dict[str, Any]]:
    """A file of an object store, by what fsspec knows of such addresses."""
    try:
        import fsspec
    except ImportError as wrong:
        raise MissingError(
            "fsspec, which reads object stores, is missing",
            remedy="pip install 'apeitool[fleet]'",
        ) from wrong
    try:
        with fsspec.open(path, "rb") as file:
            head = file.read(4)
            file.seek(0)
            if head and is_dump(head, kind) and not start and end is None:
                yield from _streamed(file, path)
                return
            file.seek(start)
            data = file.read() if end is None else file.read(end - start)
    except (OSError, ValueError, ImportError) as wrong:
        raise CaptureError(str(wrong), origin=path) from wrong
    yield from of_bytes(data, path, kind)


def ranges(path: str, kind: str | None, size: int) -> list[tuple[int, int | None]]:
    """Where a dump can be cut into pieces of about so many bytes: (start, end) of each.

    No record is cut.  A file that is no dump, or is not on this machine, is one piece, whose end is
    None.
    """
    if "://" in path or not Path(path).is_file():
        return [(0, None)]
    with Path(path).open("rb") as file:
        head = file.read(4)
        if not head or not is_dump(head, kind):
            return [(0, None)]
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        cuts, position = [0], 0
        while position < len(view):
            position = walk(view, position, min(position + size, len(view)), is_end=True).position
            cuts.append(position)
    return [*pairwise(cuts)]
