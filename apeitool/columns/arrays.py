"""Rows of one structure as Arrow arrays, field by field.

What the structure itself marks as no fact is null, as `Structure.is_valid` says; so is what the
bytes were too short for.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa

from apeitool.columns import schema
from apeitool.columns.moments import moments
from apeitool.columns.rows import Array, Deciding, Rows, alike
from apeitool.columns.watch import Watch, fixed_decoder, merged
from apeitool.cper.dialect import Topic, by_creator, creators, reading
from apeitool.wire import types
from apeitool.wire.labels import Word
from apeitool.wire.record import Field, Structure

_GROUPS = 64
"""So many different answers are looked for before each row is asked."""


class Table:
    """The rows of one structure: its fixed bytes, and what no bytes of its own tell.

    ``asides`` are the values of the fields that take no bytes, ``parts`` of those that are bytes:
    (bytes one behind the other, where each begins).
    """

    def __init__(
        self,
        kind: type[Structure],
        rows: Rows,
        asides: Sequence[Array],
        parts: Sequence[tuple[Array, Array]],
    ) -> None:
        self.kind = kind
        self.rows = rows
        self.absent: Array | None = None
        named = [f for f in kind.fields if isinstance(f.kind, types.Aside)]
        self._asides = dict(zip((f.name for f in named), asides, strict=True))
        for field in named:
            if isinstance(field.kind, types.Absent) and self._asides[field.name].any():
                self.absent = self._asides[field.name]
        self._parts = dict(
            zip((f.name for f in kind.parts if f.type is bytes), parts, strict=False)
        )

    def arrays(self) -> list[Any]:
        """An array for each column that is not a key."""
        return _Group(self.kind, self.rows, 0, self).arrays()

    def aside(self, field: Field) -> Any:
        """The array of a field that takes no bytes."""
        values = self._asides[field.name]
        if issubclass(field.type, UUID):
            both = np.frombuffer(b"".join(v.bytes_le for v in values), "<u8").reshape(-1, 2)
            return _guids(both[:, 0], both[:, 1], None)
        # They are computed: one may be too large for any register.
        return pa.array([v if v < 1 << 64 else None for v in values.tolist()], pa.uint64())

    def part(self, field: Field, missing: Array | None) -> Any:
        """The array of a field that is bytes."""
        data, bounds = self._parts[field.name]
        return _binary(pa.binary(), data, bounds, missing)


class _Group:
    """The fields of a structure that lies at one offset in all rows."""

    def __init__(self, kind: type[Structure], rows: Rows, offset: int, table: Table) -> None:
        self.kind = kind
        self.rows = rows
        self.offset = offset
        self.table = table
        self._bits: dict[type[enum.IntFlag], tuple[Array, int, int]] = {}
        own = kind.is_valid is not Structure.is_valid or kind.has_valid is not Structure.has_valid
        self._told = self._asked() if own and rows.count else None

    def arrays(self) -> list[Any]:
        found: list[Any] = []
        for field in schema.columns(self.kind):
            found += self._arrays(field)
        return found

    def _arrays(self, field: Field) -> list[Any]:
        missing = self._missing(field)
        if isinstance(field.kind, types.Aside):
            return [self.table.aside(field)]
        if isinstance(field.kind, types.Part):
            return [self.table.part(field, missing)]
        if schema.is_moment(field):
            return self._moment(field, missing)
        return [self._fixed(field, missing)]

    def _fixed(self, field: Field, missing: Array | None) -> Any:
        kind, rows = field.kind, self.rows
        at = self.offset + (field.offset or 0)
        match kind:
            case types.Scalar():
                numbers = _integers(rows, at, kind.size)
                if field.is_enum:
                    return names(field.type, numbers, missing)
                return plain(schema.SCALARS[kind.size], numbers, missing)
            case types.Array():
                return self._list(field, kind, at, missing)
            case types.Guid():
                return _guids(*rows.pairs(at), missing)
            case types.Text():
                return _texts(rows.bytes_at(at, kind.size), missing)
            case types.Bytes():
                data = rows.bytes_at(at, kind.size)
                return plain(pa.binary(kind.size), data, missing, rows.count)
            case types.Nested():
                inner = _Group(kind.type, rows, at, self.table).arrays()
                of = schema.struct_of(kind.type)
                bits, count = _validity(missing)
                return pa.Array.from_buffers(of, rows.count, [bits], count, children=inner)
        raise TypeError(f"{field.name}: no column for {kind!r}")

    def _list(self, field: Field, kind: types.Array, at: int, missing: Array | None) -> Any:
        size = kind.item.size
        raw = self.rows.bytes_at(at, kind.size).reshape(-1)
        items = raw.view(f"<u{size}") if size != 3 else _three(raw.reshape(-1, 3))
        values = plain(schema.SCALARS[size], items, None)
        bits, count = _validity(missing)
        of = schema.type_of(field)
        return pa.Array.from_buffers(of, self.rows.count, [bits], count, children=[values])

    def _moment(self, field: Field, missing: Array | None) -> list[Any]:
        words = self.rows.numbers(self.offset + (field.offset or 0), 8)
        forced = reading(Topic.TIMESTAMP)
        seconds, there = moments(words, forced)
        if forced is None:
            for how, chosen in self._made_by():
                seconds[chosen], there[chosen] = moments(words[chosen], how)
        none: Array | None = None if bool(there.all()) else ~there
        if missing is not None:
            none = missing if none is None else none | missing
        return [plain(schema.MOMENT, seconds, none), plain(pa.uint64(), words, missing)]

    def _made_by(self) -> list[tuple[str, Array]]:
        """How producers who are known write a timestamp, and which rows are theirs."""
        field = next((f for f in self.kind.fields if f.name == "creator_id"), None)
        if field is None or not self.rows.count:
            return []
        first, second = self.rows.pairs(self.offset + (field.offset or 0))
        found = []
        for guid in creators():
            choice = by_creator(guid).get(Topic.TIMESTAMP)
            low, high = np.frombuffer(guid.bytes_le, "<u8")
            chosen = (first == low) & (second == high)
            if choice is not None and chosen.any():
                found.append((choice.reading, chosen))
        return found

    def _missing(self, field: Field) -> Array | None:
        """Where a field is no fact; None where it is one everywhere."""
        if isinstance(field.kind, types.Aside):
            return None
        if self._told is not None:
            column = self._told[:, [f.name for f in self.kind.fields].index(field.name)]
            return None if bool(column.all()) else ~column
        missing = None if field.when is None else self._unmarked(field.when)
        if self.table.absent is not None and self.offset == 0 and field.offset is not None:
            width = getattr(field.kind, "size", 0)
            if width:
                cut = field.offset + width > self.kind.fixed_size - self.table.absent
                if cut.any():
                    missing = cut if missing is None else missing | cut
        return missing

    def _unmarked(self, bit: enum.IntFlag) -> Array | None:
        """Where none of these bits is set; None where one is set everywhere."""
        if type(bit) not in self._bits:
            flags = self._flags(type(bit))
            both = int(np.bitwise_and.reduce(flags)) if len(flags) else ~0
            self._bits[type(bit)] = flags, both, int(flags.dtype.itemsize)
        flags, both, size = self._bits[type(bit)]
        if both & int(bit):
            return None
        clear: Array = (flags & np.array(int(bit) & (1 << 8 * size) - 1, flags.dtype)) == 0
        return clear if bool(clear.any()) else None

    def _flags(self, kind: type[enum.IntFlag]) -> Array:
        """The validation bits of a kind in each row."""
        for field in self.kind.fields:
            view, at = field.view, self.offset + (field.offset or 0)
            if view is kind:
                return _integers(self.rows, at, field.kind.size)  # type: ignore[attr-defined]
            if view is not None and issubclass(view, Word):
                for bits in view.ranges.values():
                    if bits.type is kind:
                        word = _integers(self.rows, at, field.kind.size)  # type: ignore[attr-defined]
                        inside: Array = word & np.array(bits.mask, word.dtype)
                        inside >>= np.array(bits.low, word.dtype)
                        return inside
        raise LookupError(f"{self.kind.__name__} has no {kind.__name__}")

    def _asked(self) -> Array:
        """Whether each field of each row is a fact, where the structure has a rule of its own.

        One row is asked, and all that look the same in what decides get its answer.
        """
        kind, size, absent = self.kind, self.kind.fixed_size, self.table.absent
        data = self.rows.bytes_at(self.offset, size).reshape(-1)
        told = np.empty((self.rows.count, len(kind.fields)), np.bool_)
        left = np.arange(self.rows.count)
        for asked in range(_GROUPS):
            if asked > _GROUPS // 8 and len(left) > self.rows.count // 2:
                break
            first = int(left[0])
            answer, deciding = _ask(
                kind, data[first * size :][:size].tobytes(), self._absent(first)
            )
            same = alike(data, left * size, deciding)
            if absent is not None:
                same &= absent[left] == absent[first]
            told[left[same]] = answer
            left = left[~same]
            if not len(left):
                return told
        for index in map(int, left):
            one = data[index * size :][:size].tobytes()
            made = fixed_decoder(kind)(one, 0, size - self._absent(index))[0]
            told[index] = [made.is_valid(field.name) for field in kind.fields]
        return told

    def _absent(self, index: int) -> int:
        absent = self.table.absent
        return int(absent[index]) if absent is not None and self.offset == 0 else 0


def _ask(kind: type[Structure], data: bytes, absent: int) -> tuple[list[bool], Deciding]:
    """Whether each field of one structure is a fact, and the bytes that decide it."""
    data = data[: len(data) - absent]
    watch = Watch(data)
    with watch.noting():
        made, _ = watch.fixed(kind, 0, len(data))
        answer = [made.is_valid(field.name) for field in kind.fields]
    return answer, tuple((a, data[a:b]) for a, b in merged(watch.looked, []))


def _integers(rows: Rows, at: int, size: int) -> Array:
    return _three(rows.bytes_at(at, 3)) if size == 3 else rows.numbers(at, size)


def _three(data: Array) -> Array:
    """Integers of 24 bits, of a row of three bytes each."""
    wide = np.zeros((len(data), 4), np.uint8)
    wide[:, :3] = data
    return wide.view("<u4").reshape(-1)


def _validity(missing: Array | None) -> tuple[Any, int]:
    if missing is None:
        return None, 0
    bits = np.packbits(~missing, bitorder="little")
    return pa.py_buffer(bits), int(np.count_nonzero(missing))


def plain(of: Any, values: Array, missing: Array | None = None, length: int | None = None) -> Any:
    """An array of values of one width."""
    bits, count = _validity(missing)
    length = len(values) if length is None else length
    return pa.Array.from_buffers(of, length, [bits, pa.py_buffer(values)], count)


def _binary(of: Any, data: Array, bounds: Array, missing: Array | None) -> Any:
    bits, count = _validity(missing)
    offsets = pa.py_buffer(bounds.astype(np.int32))
    return pa.Array.from_buffers(of, len(bounds) - 1, [bits, offsets, pa.py_buffer(data)], count)


def _guids(first: Array, second: Array, missing: Array | None) -> Any:
    """GUIDs in the order in which they are printed, of the two words that they are on the wire."""
    made = np.empty((len(first), 2), "<u8")
    turned = first.byteswap()
    made[:, 0] = turned >> np.uint64(32)
    made[:, 0] |= (turned & np.uint64(0xFFFF0000)) << np.uint64(16)
    made[:, 0] |= turned << np.uint64(48)
    made[:, 1] = second
    storage = plain(pa.binary(16), made, missing, len(first))
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def _texts(matrix: Array, missing: Array | None) -> Any:
    """Texts of NUL-padded bytes, of a row each."""
    count, size = matrix.shape
    lengths = np.strings.str_len(matrix.view(f"S{size}").reshape(-1)).astype(np.int64)
    bounds = np.zeros(count + 1, np.int64)
    np.cumsum(lengths, out=bounds[1:])
    total = int(bounds[-1])
    if total == count * size:
        data = matrix.reshape(-1)
    elif total == np.count_nonzero(matrix):
        data = np.frombuffer(matrix.tobytes().translate(None, b"\0"), np.uint8)
    else:
        data = matrix[np.arange(size) < lengths[:, None]]
    if len(data) and data.max() > 127:  # one byte is one character: those above take two in UTF-8
        wide = data > 127
        before = np.zeros(len(data) + 1, np.int64)
        np.cumsum(wide, out=before[1:])
        spread = np.arange(len(data)) + before[:-1]
        more = np.zeros(len(data) + int(before[-1]), np.uint8)
        more[spread] = np.where(wide, 0xC0 | data >> 6, data)
        more[spread[wide] + 1] = 0x80 | data[wide] & 0x3F
        data, bounds = more, bounds + before[bounds]
    return _binary(pa.string(), data, bounds, missing)


@cache
def _places(kind: type[enum.IntEnum]) -> Array:
    """For each value its place among the names; -1 where it has none."""
    values = sorted(int(m) for m in kind)
    table = np.full(min(values[-1], 0xFFFF) + 2, -1, np.int32)
    for place, value in enumerate(values):
        if value < len(table) - 1:
            table[value] = place
    return table


def names(kind: type[enum.IntEnum], values: Array, missing: Array | None) -> Any:
    """The names of values of an enumeration, those without one as ``UNKNOWN_<value>``."""
    table, known = _places(kind), schema.names_of(kind)
    last = len(table) - 1
    if last < 1 << 8 * values.dtype.itemsize:
        values_in = np.minimum(values, np.array(last, values.dtype))
    else:
        values_in = values
    places = table.take(values_in)
    if len(places) and int(places.min()) < 0:
        odd = places < 0
        others, which = np.unique(values[odd], return_inverse=True)
        names_ = [kind(int(v)).name for v in others]
        order = {name: i for i, name in enumerate(known.to_pylist())}
        for name in names_:
            order.setdefault(name, len(order))
        places[odd] = np.array([order[n] for n in names_], np.int32)[which]
        known = pa.array(list(order), pa.string())
    indices = plain(pa.int32(), places, missing)
    return pa.DictionaryArray.from_arrays(indices, known, safe=False)
