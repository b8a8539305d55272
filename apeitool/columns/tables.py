"""Objects as tables: bytes in, Arrow record batches out, a table for each kind of structure.

The batches depend on the bytes alone: any engine can decode any piece anywhere, as often as it likes.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pyarrow as pa

from apeitool.columns import schema
from apeitool.columns.arrays import Table, plain
from apeitool.columns.rows import Array, Rows, alike, gathered, padded
from apeitool.columns.shape import Node, Shape, opaque, shape_of, single
from apeitool.cper.dialect import Topic, reading
from apeitool.cper.record import (
    HEADER_LENGTH,
    SIGNATURE,
    SIGNATURE_END,
    Record,
    SectionDescriptor,
)
from apeitool.cper.section import section_type
from apeitool.errors import DecodeError
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import Absent, Aside

_KEPT_BYTES = 1 << 16
"""Bytes that are no object are kept if they are no more than so many."""


def kept(data: bytes | memoryview) -> bytes | None:
    """Bytes that are no object, as a problem has them: None of many."""
    return bytes(data) if len(data) <= _KEPT_BYTES else None


class Objects(NamedTuple):
    """Objects of one kind in a buffer: where each starts and ends, and how it is called.

    ``sources`` are names, ``source`` says which is whose; ``offsets`` are those in the source.
    """

    buffer: Array
    kind: type[Structure]
    starts: Array
    ends: Array
    sources: Sequence[str]
    source: Array
    offsets: Array


class Flaw(NamedTuple):
    """A problem of an object, or of bytes that are none."""

    source: str
    object_offset: int
    size: int
    problem: Problem
    data: bytes | None = None


class _Piece(NamedTuple):
    """A node that occurs in several objects."""

    node: Node
    objects: Array
    starts: Array


class _Shapes:
    """Shapes by the kind and the length of their objects; the latest used are kept."""

    _KEPT = 512

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Any, ...], list[Shape]] = OrderedDict()
        self._answers: dict[type[Structure], tuple[int, int, int]] = {}
        self._lock = Lock()

    def of(self, key: tuple[Any, ...]) -> list[Shape]:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return [*self._known.get(key, ())]

    def is_worth(self, kind: type[Structure]) -> bool:
        """Whether to ask one more structure of a kind: so far, others were like those asked.

        Where they were not, one of many is asked all the same: the next may be others.
        """
        asked, answered, since = self._answers.get(kind, (0, 0, 0))
        if asked < _ASKED or answered >= _WORTH * asked or since >= _ASKED:
            return True
        self._answers[kind] = asked, answered, since + 1
        return False

    def answered(self, kind: type[Structure], count: int) -> None:
        """A question to one was answered for so many."""
        asked, answered, _ = self._answers.get(kind, (0, 0, 0))
        self._answers[kind] = asked + 1, answered + count, 0

    def add(self, key: tuple[Any, ...], shape: Shape) -> None:
        with self._lock:
            self._known.setdefault(key, []).append(shape)
            self._known.move_to_end(key)
            while sum(map(len, self._known.values())) > self._KEPT:
                first = next(iter(self._known))
                self._known[first].pop(0)
                if not self._known[first]:
                    del self._known[first]


_shapes = _Shapes()


class _Tables:
    """The pieces of all tables of some objects, and what is wrong with these."""

    def __init__(self, objects: Objects, flaws: Iterable[Flaw]) -> None:
        self.objects = objects
        self.flaws = [*flaws]
        self.pieces: dict[type[Structure], list[_Piece]] = defaultdict(list)

    def add(self, node: Node, which: Array, starts: Array) -> None:
        """A node that is in each of the objects ``which``, at ``starts``."""
        self.pieces[node.kind].append(_Piece(node, which, starts))

    def decode(self, which: Array) -> None:
        """Add all nodes of some of the objects."""
        objects = self.objects
        starts, ends = _chosen(objects.starts, which), _chosen(objects.ends, which)
        for chosen, shape in self.shaped(objects.kind, which, starts, ends):
            begin = _chosen(starts, chosen)
            for node in shape.nodes:
                self.add(node, _chosen(which, chosen), begin + node.offset)
            for problem in shape.problems:
                self.flaws += [_flaw(objects, int(which[i]), problem) for i in chosen]

    def sections(self, place: int, guids: tuple[Array, Array], which: Array, starts: Array,
                 ends: Array) -> None:  # fmt: skip
        """Add the sections that are at one place in records, by their types and lengths."""
        lengths = ends - starts
        left = np.arange(len(which))
        while len(left):
            first = int(left[0])
            raw = b"".join(int(half[first]).to_bytes(8, "little") for half in guids)
            size = int(lengths[first])
            same = lengths[left] == size
            for half in guids:
                same &= half[left] == half[first]
            chosen, left = (left, left[:0]) if same.all() else (left[same], left[~same])
            one = (_chosen(x, chosen) for x in (which, starts, ends))
            self._section(place, UUID(bytes_le=raw), size, *one)

    def _section(
        self, place: int, guid: UUID, size: int, which: Array, starts: Array, ends: Array
    ) -> None:
        kind = section_type(guid)
        if kind is None or size < kind.shortest:
            shapes = [(np.arange(len(which)), opaque(guid, size))]
        else:
            shapes = self.shaped(kind, which, starts, ends, is_part=True)
        for chosen, shape in shapes:
            begin, whose = _chosen(starts, chosen), _chosen(which, chosen)
            for node in shape.nodes:
                self.add(_moved(node, place), whose, begin + node.offset)

    def shaped(
        self, kind: type[Structure], which: Array, starts: Array, ends: Array, *,
        is_part: bool = False,
    ) -> list[tuple[Array, Shape]]:  # fmt: skip
        """Structures by their shapes: (indices, shape)."""
        found: list[tuple[Array, Shape]] = []
        buffer, lengths = self.objects.buffer, ends - starts
        for length in _distinct(lengths):
            left = np.flatnonzero(lengths == length)
            key = (kind, length, is_part, reading(Topic.CONTEXT_PADDING))
            for shape in _shapes.of(key):
                if len(left):
                    left = _take(buffer, starts, shape, left, found)
            while len(left):
                first = int(left[0])
                data = buffer[starts[first] : ends[first]].tobytes()
                is_alone = not _shapes.is_worth(kind)
                try:
                    shape = (single if is_alone else shape_of)(kind, data, is_part=is_part)
                except DecodeError as wrong:
                    self.flaws.append(_undecodable(self.objects, int(which[first]), wrong, data))
                    left = left[1:]
                    continue
                if is_alone:
                    found.append((left[:1], shape))
                    left = left[1:]
                    continue
                _shapes.add(key, shape)
                before = len(left)
                left = _take(buffer, starts, shape, left, found)
                _shapes.answered(kind, before - len(left))
        return found

    def batches(self) -> dict[str, pa.RecordBatch]:
        """A batch for each table that has rows."""
        pieces = self.pieces
        found = {kind.__name__: _batch(kind, self.objects, pieces[kind]) for kind in pieces}
        if self.flaws:
            found[schema.PROBLEM_TABLE] = problems(self.flaws)
        return found


_ASKED, _WORTH = 32, 8
"""After so many questions, each answer must be that of so many structures, to ask on."""


def decode(objects: Objects, flaws: Iterable[Flaw] = ()) -> dict[str, pa.RecordBatch]:
    """The tables of objects, and of ``flaws`` that are known already.

    An object that cannot be decoded is a row of the table of problems.
    """
    tables = _Tables(objects, flaws)
    left = np.arange(len(objects.starts))
    if objects.kind is Record and len(left):
        left = left[~_plain_records(tables)]
    if len(left):
        tables.decode(left)
    return tables.batches()


_MOST_SECTIONS = 8
"""Records of more sections are taken as any other object is."""
_HEADER = Node(Record, 0, "", None, None, None, (), ((0, 0),))
_AT = {f.name: f.offset or 0 for f in (*Record.fields, *SectionDescriptor.fields)}


def _plain_records(tables: _Tables) -> Array:
    """Add the records whose sections follow one another to the record's end; which they are.

    The rule is that of the record's own decoder.
    """
    objects = tables.objects
    starts, sizes = objects.starts, objects.ends - objects.starts
    done = np.zeros(len(starts), np.bool_)
    most = np.flatnonzero(sizes > HEADER_LENGTH + SectionDescriptor.fixed_size)
    if not len(most):
        return done
    begin = _chosen(starts, most)
    header = Rows(objects.buffer, begin, HEADER_LENGTH)
    counts = header.at(_AT["section_count"], "<u2").astype(np.int64)
    sound = header.at(_AT["signature_start"], "<u4") == int.from_bytes(SIGNATURE.encode(), "little")
    sound &= header.at(_AT["signature_end"], "<u4") == SIGNATURE_END
    sound &= header.at(_AT["record_length"], "<u4") == _chosen(sizes, most)
    first = HEADER_LENGTH + SectionDescriptor.fixed_size * counts
    sound &= (counts >= 1) & (counts <= _MOST_SECTIONS) & (first <= _chosen(sizes, most))
    for count in _distinct(counts[sound]):
        chosen = sound & (counts == count)
        which = most if bool(chosen.all()) else most[chosen]
        done[_in_order(tables, which, int(count))] = True
    return done


def _in_order(tables: _Tables, which: Array, count: int) -> Array:
    """Add those of the records, of so many sections, whose sections lie in order; which they are."""
    objects = tables.objects
    starts = _chosen(objects.starts, which)
    size, ends = SectionDescriptor.fixed_size, _chosen(objects.ends, which)
    position = starts + (HEADER_LENGTH + size * count)
    good = np.ones(len(which), np.bool_)
    spans, types = [], []
    for place in range(count):
        rows = Rows(objects.buffer, starts + (HEADER_LENGTH + size * place), size)
        begin = starts + rows.at(_AT["section_offset"], "<u4")
        behind = begin + rows.at(_AT["section_length"], "<u4")
        good &= begin == position
        spans.append((begin, behind))
        types.append(rows.pairs(_AT["section_type"]))
        position = behind
    good &= position == ends
    chosen = np.flatnonzero(good)

    def kept(values: Array) -> Array:
        return _chosen(values, chosen)

    found = kept(which)
    if not len(found):
        return found
    tables.add(_HEADER, found, kept(starts))
    for place in range(count):
        offset = HEADER_LENGTH + size * place
        path = f"section_descriptors[{place}]"
        node = Node(SectionDescriptor, offset, path, "", place, None, (), ())
        tables.add(node, found, kept(starts) + offset)
        guids = kept(types[place][0]), kept(types[place][1])
        begin, behind = spans[place]
        tables.sections(place, guids, found, kept(begin), kept(behind))
    return found


def _moved(node: Node, place: int) -> Node:
    """The node of a section as one of the record that has the section at a place."""
    head = f"body[{place}]"
    if node.parent is None:
        return node._replace(path=head, parent="", item=place, section=place)
    parent = f"{head}.{node.parent}" if node.parent else head
    return node._replace(path=f"{head}.{node.path}", parent=parent, section=place)


def _flaw(objects: Objects, index: int, problem: Problem, data: bytes | None = None) -> Flaw:
    size = int(objects.ends[index] - objects.starts[index])
    source = objects.sources[int(objects.source[index])]
    return Flaw(source, int(objects.offsets[index]), size, problem, data)


def _distinct(lengths: Array) -> Iterable[int]:
    if not len(lengths):
        return ()
    if bool((lengths == lengths[0]).all()):
        return (int(lengths[0]),)
    return [int(n) for n in np.unique(lengths)]


def _take(
    buffer: Array, starts: Array, shape: Shape, left: Array, found: list[tuple[Array, Shape]]
) -> Array:
    """Take those that are left whose deciding bytes are the shape's; the others."""
    same = alike(buffer, _chosen(starts, left), shape.deciding)
    if bool(same.all()):
        found.append((left, shape))
        return left[:0]
    if same.any():
        found.append((left[same], shape))
    rest: Array = left[~same]
    return rest


def _chosen(values: Array, indices: Array) -> Array:
    """The values at indices, which rise."""
    return values if len(values) == len(indices) else values[indices]


def _undecodable(objects: Objects, index: int, wrong: DecodeError, data: bytes) -> Flaw:
    problem = Problem("undecodable", wrong.offset or 0, wrong.path, wrong.message, wrong.spec)
    return _flaw(objects, index, problem, kept(data))


class _Order:
    """How the rows of several pieces are ordered: by their objects, then as they lie in these."""

    def __init__(self, pieces: list[_Piece]) -> None:
        self._counts = np.array([len(p.objects) for p in pieces])
        self.objects = _joined([p.objects for p in pieces])
        self._order: Array | None = None
        if len(pieces) > 1:
            self._order = np.argsort(self.objects, kind="stable")
            self.objects = self.objects[self._order]

    def spread(self, values: Array) -> Array:
        """A value of each piece as one of each of its rows."""
        column = np.repeat(values, self._counts)
        return column if self._order is None else column[self._order]

    def joined(self, arrays: list[Array]) -> Array:
        """Values of the rows of each piece as those of all rows."""
        column = _joined(arrays)
        return column if self._order is None else column[self._order]


def _batch(kind: type[Structure], objects: Objects, pieces: list[_Piece]) -> pa.RecordBatch:
    order = _Order(pieces)
    starts = order.joined([p.starts for p in pieces])
    asides, lengths = _asides(kind, pieces, order)
    rows = (
        Rows(objects.buffer, starts, kind.fixed_size)
        if lengths is None
        else padded(objects.buffer, starts, lengths, kind.fixed_size)
    )
    parts = [_part(objects, pieces, order, i) for i in range(len(pieces[0].node.parts))]
    arrays = Table(kind, rows, asides, parts).arrays()
    keys = _keys(objects, pieces, order)
    return pa.RecordBatch.from_arrays([*keys, *arrays], schema=schema.schema(kind))


def _joined(arrays: list[Array]) -> Array:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _asides(
    kind: type[Structure], pieces: list[_Piece], order: _Order
) -> tuple[list[Array], Array | None]:
    """The values of the fields that take no bytes; and the lengths, where not all are whole."""
    found, lengths = [], None
    fields = [f for f in kind.fields if isinstance(f.kind, Aside)]
    for place, field in enumerate(fields):
        values = [p.node.asides[place] for p in pieces]
        several = np.empty(len(values), np.int64 if isinstance(field.kind, Absent) else object)
        several[:] = values
        column = order.spread(several)
        found.append(column)
        if isinstance(field.kind, Absent) and column.any():
            lengths = kind.fixed_size - column
    return found, lengths


def _part(objects: Objects, pieces: list[_Piece], order: _Order, place: int) -> tuple[Array, Array]:
    """The bytes of a part of every row, and where each begins."""
    spans = [p.node.parts[place] for p in pieces]
    sizes = order.spread(np.array([b - a for a, b in spans], np.int64))
    begins = [p.starts + (a - p.node.offset) for p, (a, _) in zip(pieces, spans, strict=True)]
    return gathered(objects.buffer, order.joined(begins), sizes)


def _keys(objects: Objects, pieces: list[_Piece], order: _Order) -> list[Any]:
    nodes = [p.node for p in pieces]
    # The objects of one piece rise; where they are as many as there are, they are all of them.
    chosen = _chosen if len(pieces) == 1 else np.ndarray.__getitem__
    return [
        _dictionary(chosen(objects.source, order.objects), objects.sources),
        plain(pa.int64(), chosen(objects.offsets, order.objects)),
        _numbers([n.section for n in nodes], order),
        _words([n.path for n in nodes], order.spread),
        _words([n.parent for n in nodes], order.spread),
        _numbers([n.item for n in nodes], order),
    ]


def _numbers(values: list[int | None], order: _Order) -> Any:
    numbers = order.spread(np.array([-1 if v is None else v for v in values], np.int32))
    return plain(pa.int32(), numbers, numbers < 0 if None in values else None)


def _words(values: Sequence[str | None], spread: Callable[[Array], Array]) -> Any:
    """A column of few different texts."""
    known = {text: at for at, text in enumerate(dict.fromkeys(v for v in values if v is not None))}
    column = spread(np.array([-1 if v is None else known[v] for v in values], np.int32))
    return _dictionary(column, [*known], column < 0 if None in values else None)


def _dictionary(places: Array, texts: Sequence[str], missing: Array | None = None) -> Any:
    indices = plain(pa.int32(), places, missing)
    return pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string()), safe=False)


def _as_they_are(column: Array) -> Array:
    return column


def problems(flaws: Sequence[Flaw]) -> pa.RecordBatch:
    """The table of problems."""
    flaws = sorted(flaws, key=lambda flaw: (flaw.source, flaw.object_offset))
    columns = [
        _words([f.source for f in flaws], _as_they_are),
        pa.array([f.object_offset for f in flaws], pa.int64()),
        pa.array([f.size for f in flaws], pa.int64()),
        _words([f.problem.id for f in flaws], _as_they_are),
        pa.array([f.problem.offset for f in flaws], pa.int64()),
        _words([f.problem.path for f in flaws], _as_they_are),
        _words([f.problem.rule for f in flaws], _as_they_are),
        _words([f.problem.source for f in flaws], _as_they_are),
        pa.array([f.data for f in flaws], pa.binary()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema.PROBLEMS)
