"""Objects as tables: bytes in, Arrow record batches out, a table for each kind of structure.

The batches depend on the bytes alone: any engine can decode any piece anywhere, as often as it likes.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pyarrow as pa

from apeitool.columns import schema
from apeitool.columns.arrays import Table, plain
from apeitool.columns.rows import Array, Rows, alike, gathered, padded
from apeitool.columns.shape import Node, Shape, shape_of
from apeitool.cper.dialect import Topic, reading
from apeitool.errors import DecodeError
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import Absent, Aside

Batches = Mapping[str, pa.RecordBatch]
"""A batch for each table that has rows."""

KEPT_BYTES = 1 << 16
"""Bytes that are no object are kept if they are no more than so many."""


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
        self._lock = Lock()

    def of(self, key: tuple[Any, ...]) -> list[Shape]:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return [*self._known.get(key, ())]

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


def decode(objects: Objects, flaws: Iterable[Flaw] = ()) -> dict[str, pa.RecordBatch]:
    """The tables of objects, and of ``flaws`` that are known already.

    An object that cannot be decoded is a row of the table of problems.
    """
    found = [*flaws]
    pieces: dict[type[Structure], list[_Piece]] = defaultdict(list)
    for chosen, shape in _shaped(objects, found):
        starts = _chosen(objects.starts, chosen)
        for node in shape.nodes:
            pieces[node.kind].append(_Piece(node, chosen, starts + node.offset))
        for problem in shape.problems:
            found += [_flaw(objects, int(index), problem) for index in chosen]
    batches = {kind.__name__: _batch(kind, objects, pieces[kind]) for kind in pieces}
    if found:
        batches[schema.PROBLEM_TABLE] = problems(found)
    return batches


def _flaw(objects: Objects, index: int, problem: Problem, data: bytes | None = None) -> Flaw:
    size = int(objects.ends[index] - objects.starts[index])
    source = objects.sources[int(objects.source[index])]
    return Flaw(source, int(objects.offsets[index]), size, problem, data)


def _shaped(objects: Objects, flaws: list[Flaw]) -> list[tuple[Array, Shape]]:
    """The objects by their shapes: (indices, shape), in the order of the first of each."""
    found: list[tuple[Array, Shape]] = []
    lengths = objects.ends - objects.starts
    padding = reading(Topic.CONTEXT_PADDING)
    for length in _distinct(lengths):
        left = np.flatnonzero(lengths == length)
        key = (objects.kind, int(length), padding)
        for shape in _shapes.of(key):
            if len(left):
                left = _take(objects, shape, left, found)
        while len(left):
            first = int(left[0])
            data = objects.buffer[objects.starts[first] : objects.ends[first]].tobytes()
            try:
                shape = shape_of(objects.kind, data)
            except DecodeError as wrong:
                flaws.append(_undecodable(objects, first, wrong, data))
                left = left[1:]
                continue
            _shapes.add(key, shape)
            left = _take(objects, shape, left, found)
    return sorted(found, key=lambda pair: int(pair[0][0]))


def _distinct(lengths: Array) -> Iterable[int]:
    if len(lengths) and bool((lengths == lengths[0]).all()):
        return (int(lengths[0]),)
    return [int(n) for n in np.unique(lengths)]


def _take(objects: Objects, shape: Shape, left: Array, found: list[tuple[Array, Shape]]) -> Array:
    """Take those of the objects that are left whose deciding bytes are the shape's; the others."""
    same = alike(objects.buffer, _chosen(objects.starts, left), shape.deciding)
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
    return _flaw(objects, index, problem, data if len(data) <= KEPT_BYTES else None)


def _batch(kind: type[Structure], objects: Objects, pieces: list[_Piece]) -> pa.RecordBatch:
    counts = np.array([len(p.objects) for p in pieces])
    starts = _joined([p.starts for p in pieces])
    indices = _joined([p.objects for p in pieces])
    asides, lengths = _asides(kind, pieces, counts)
    rows = (
        Rows(objects.buffer, starts, kind.fixed_size)
        if lengths is None
        else padded(objects.buffer, starts, lengths, kind.fixed_size)
    )
    parts = [_part(objects, pieces, counts, i) for i in range(len(pieces[0].node.parts))]
    arrays = Table(kind, rows, asides, parts).arrays()
    keys = _keys(objects, pieces, counts, indices)
    return pa.RecordBatch.from_arrays([*keys, *arrays], schema=schema.schema(kind))


def _joined(arrays: list[Array]) -> Array:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _asides(
    kind: type[Structure], pieces: list[_Piece], counts: Array
) -> tuple[list[Array], Array | None]:
    """The values of the fields that take no bytes; and the lengths, where not all are whole."""
    found, lengths = [], None
    fields = [f for f in kind.fields if isinstance(f.kind, Aside)]
    for place, field in enumerate(fields):
        values = [p.node.asides[place] for p in pieces]
        is_guid = isinstance(values[0], UUID)
        several = np.empty(len(values), object if is_guid else np.int64)
        several[:] = values
        column = np.repeat(several, counts)
        found.append(column)
        if isinstance(field.kind, Absent) and column.any():
            lengths = kind.fixed_size - column
    return found, lengths


def _part(objects: Objects, pieces: list[_Piece], counts: Array, place: int) -> tuple[Array, Array]:
    """The bytes of a part of every row, and where each begins."""
    spans = [p.node.parts[place] for p in pieces]
    sizes = np.repeat(np.array([b - a for a, b in spans], np.int64), counts)
    begins = [p.starts + (a - p.node.offset) for p, (a, _) in zip(pieces, spans, strict=True)]
    return gathered(objects.buffer, _joined(begins), sizes)


def _keys(objects: Objects, pieces: list[_Piece], counts: Array, indices: Array) -> list[Any]:
    nodes = [p.node for p in pieces]
    # Indices of one piece rise; where they are as many as the objects, they are all of them.
    chosen = _chosen if len(pieces) == 1 else np.ndarray.__getitem__
    return [
        _dictionary(chosen(objects.source, indices), objects.sources),
        plain(pa.int64(), chosen(objects.offsets, indices)),
        _numbers([n.section for n in nodes], counts),
        _words([n.path for n in nodes], counts),
        _words([n.parent for n in nodes], counts),
        _numbers([n.item for n in nodes], counts),
    ]


def _numbers(values: list[int | None], counts: Array) -> Any:
    numbers = np.repeat(np.array([-1 if v is None else v for v in values], np.int32), counts)
    return plain(pa.int32(), numbers, numbers < 0 if None in values else None)


def _words(values: Sequence[str | None], counts: Array) -> Any:
    """A column of few different texts, each so many times."""
    known = {text: at for at, text in enumerate(dict.fromkeys(v for v in values if v is not None))}
    places = np.array([-1 if v is None else known[v] for v in values], np.int32)
    column = np.repeat(places, counts)
    return _dictionary(column, [*known], column < 0 if None in values else None)


def _dictionary(places: Array, texts: Sequence[str], missing: Array | None = None) -> Any:
    indices = plain(pa.int32(), places, missing)
    return pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string()), safe=False)


def problems(flaws: Sequence[Flaw]) -> pa.RecordBatch:
    """The table of problems."""
    ones = np.ones(len(flaws), np.int64)
    columns = [
        _words([f.source for f in flaws], ones),
        pa.array([f.object_offset for f in flaws], pa.int64()),
        pa.array([f.size for f in flaws], pa.int64()),
        _words([f.problem.id for f in flaws], ones),
        pa.array([f.problem.offset for f in flaws], pa.int64()),
        _words([f.problem.path for f in flaws], ones),
        _words([f.problem.rule for f in flaws], ones),
        _words([f.problem.source for f in flaws], ones),
        pa.array([f.data for f in flaws], pa.binary()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema.PROBLEMS)
