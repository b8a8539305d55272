"""Structures from CPER-JSON objects, by the rules of `apeitool.render.members`."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from apeitool.errors import EncodeError
from apeitool.render.members import ALL, Naming, Range, Row, camel, ranges, rows
from apeitool.render.plain import listed, what
from apeitool.wire.labels import Word
from apeitool.wire.record import Field, Structure
from apeitool.wire.shapes import (
    BASE64,
    BOOLEAN,
    Dump,
    Extent,
    First,
    Inline,
    Item,
    Keyed,
    Members,
    Moment,
    Pair,
    Plain,
    Several,
    Slices,
)
from apeitool.wire.types import AUTO, Array, Many, Nested, One, Strided


class Reading:
    """Reads structures from their members; keeps the paths of those that it does not know."""

    def __init__(self) -> None:
        self.unread: list[str] = []

    def structure(
        self,
        kind: type[Structure],
        plain: Any,
        path: str,
        naming: Naming = camel,
        given: Mapping[str, Any] | None = None,
    ) -> Structure:
        """A structure of these members, and of the fields that are given by name.

        What is missing has its default, or is derived.

        Raises:  EncodeError with the path of the member that is wrong.
        """
        plain = _object(plain, path)
        values = dict(given or {})
        valid: dict[Any, int] = {}
        known: set[tuple[str, ...]] = set()
        extents: dict[str, tuple[bytes, str | None]] = {}
        for row in rows(kind, naming):
            known |= set(_places(row)) | {(name,) for name in row.fact.also}
            if not _has(plain, row):
                if isinstance(row.field.kind, One) and isinstance(
                    row.shape, Extent | Inline | Keyed | Plain
                ):
                    values[row.field.name] = _of_bytes(kind, row.field.kind, b"", values)
                continue
            found = self._value(kind, row, plain, path, values, valid)
            if isinstance(row.shape, Extent):
                extents[row.field.name] = found, row.shape.until
            else:
                values[row.field.name] = found
            if row.fact.marks and not row.is_marked_inside:
                _mark(valid, row.field.when)
        for field in kind.fields:
            for bits, low in _governors(field.view, valid):
                values[field.name] = int(values.get(field.name, 0)) | bits << low
        self._note(plain, known, path)
        try:
            made = kind(**values)
            return _filled(made, extents) if extents else made
        except EncodeError as wrong:
            raise EncodeError(wrong.message, path=_shortened(wrong.path, path)) from wrong

    def _value(
        self,
        kind: type[Structure],
        row: Row,
        plain: dict[str, Any],
        path: str,
        values: dict[str, Any],
        valid: dict[Any, int],
    ) -> Any:
        found = plain
        for name in row.path:
            found = found[name]
            path = f"{path}.{name}"
        field, shape = row.field, row.shape
        match shape:
            case Members():
                parts = row.ranges_in(kind(**values)) if field.named else row.ranges
                return self._word(parts, found, path, valid, noting=not shape.inline)
            case Keyed():
                made = self._keyed(row, shape, found, path, valid)
                if isinstance(field.kind, One):
                    _, length = _so_far(kind, field.kind, values)
                    return _padded(made, min(length, shape.room))
                return made
            case Slices() as shape:
                return self._packed(field, self._slices(shape, found, path), path)
            case Extent():
                return _read(BASE64, found, path)
            case Moment():
                return _timestamp(found, path)
            case Plain() if isinstance(field.kind, One):
                return _of_bytes(kind, field.kind, _read(shape, found, path), values)
            case Plain():
                return self._plain(field, shape, found, path)
        return self._inside(kind, row, found, path, values)

    def _inside(
        self, kind: type[Structure], row: Row, found: Any, path: str, values: dict[str, Any]
    ) -> Any:
        """Structures of what is shown of them."""
        match row.shape:
            case Item():
                return self._item(kind, row, found, path, values)
            case First():
                return (self._around(row, _only(row), found, path),)
            case Inline():
                return self._around(row, _chosen(kind, row.field.kind, values), found, path)
            case Several() as shape:
                return tuple(self._several(row, shape, found, path))
            case Dump():
                return self._dump(row.field, found, path)
        raise TypeError(f"{row.field.name}: {row.shape!r} is not known")

    def _item(
        self, kind: type[Structure], row: Row, found: Any, path: str, values: dict[str, Any]
    ) -> Any:
        part = row.field.kind
        if isinstance(part, Nested):
            return self.structure(part.type, found, path, row.naming)
        if isinstance(part, One):
            return self.structure(_chosen(kind, part, values), found, path, row.naming)
        items = _own(kind, row, [*enumerate(listed(found, path))], values)
        return tuple(
            self.structure(
                _type(row, item, f"{path}[{index}]"), item, f"{path}[{index}]", row.naming
            )
            for index, item in items
        )

    def _around(
        self, row: Row, kind: type[Structure], plain: dict[str, Any], path: str
    ) -> Structure:
        """A structure whose members are among those of the object around."""
        own = {place[0] for place in _places(row)}
        return self.structure(kind, {n: v for n, v in plain.items() if n in own}, path, row.naming)

    def _several(self, row: Row, shape: Several, found: Any, path: str) -> Iterator[Structure]:
        name = next(name for name in shape.types if name in found)
        kind, path = shape.types[name], f"{path}.{name}"
        if not isinstance(kind, list):
            yield self.structure(kind, found[name], path, row.naming)
            return
        for index, item in enumerate(listed(found[name], path)):
            if item is None:
                # One that was cut off.
                self.unread.append(f"{path}[{index}]")
            else:
                yield self.structure(kind[0], item, f"{path}[{index}]", row.naming)

    def _dump(self, field: Field, found: Any, path: str) -> Structure:
        plain = _object(found, path)
        kind = field.type
        data = _read(BASE64, plain.get("data"), f"{path}.data")
        if len(data) > kind.fixed_size:
            message = f"{len(data)} bytes given, there is room for {kind.fixed_size}"
            raise EncodeError(message, path=f"{path}.data")
        structure: Structure = kind.from_bytes(data.ljust(kind.fixed_size, b"\0"))
        return structure

    def _keyed(self, row: Row, shape: Keyed, found: Any, path: str, valid: dict[Any, int]) -> Any:
        plain = _object(found, path)
        name = next(name for name in plain if name in shape.types)
        kind, path = shape.types[name], f"{path}.{name}"
        if name in shape.forms:
            return kind.from_bytes(_read(shape.forms[name], plain[name], path))
        if issubclass(kind, Structure):
            return self.structure(kind, plain[name], path, row.naming)
        return self._word(ranges(kind, ALL, row.naming), plain[name], path, valid)

    def _word(
        self,
        parts: tuple[Range, ...],
        found: Any,
        path: str,
        valid: dict[Any, int],
        *,
        noting: bool = True,
    ) -> int:
        plain = _object(found, path)
        word = 0
        for part in parts:
            if part.name not in plain:
                continue
            value = self._read(part.shape, plain[part.name], f"{path}.{part.name}")
            word |= _fitting(value, part.width, f"{path}.{part.name}") << part.low
            if part.own is None:
                _mark(valid, part.when)
            else:
                word |= _first(part.when or 0) << part.own
        if noting:
            self._note(plain, {(part.name,) for part in parts}, path)
        return word

    def _slices(self, shape: Slices, found: Any, path: str) -> int:
        plain = _object(found, path)
        number = 0
        for name, part in shape.every.items():
            if name in plain:
                value = self._read(part.form, plain[name], f"{path}.{name}")
                number |= _fitting(value, part.width, f"{path}.{name}") << part.low
        return number

    def _plain(self, field: Field, shape: Plain, found: Any, path: str) -> Any:
        if isinstance(field.kind, Array):
            return tuple(self._read(shape, item, path) for item in listed(found, path))
        return self._packed(field, self._read(shape, found, path), path)

    def _packed(self, field: Field, value: Any, path: str) -> Any:
        """What a field has that is shown as a number, or as bytes."""
        if field.type is bytes and isinstance(value, int):
            return _packed(value, field.kind.size, path)  # type: ignore[attr-defined]
        if field.type is bytes and isinstance(value, str):
            return value.encode("ascii")
        if isinstance(field.kind, Nested):
            size = field.kind.size
            data = _packed(value, size, path) if isinstance(value, int) else value
            if len(data) > size:
                raise EncodeError(f"{len(data)} bytes given, there is room for {size}", path=path)
            return field.kind.type.from_bytes(data.ljust(size, b"\0"))
        return value

    def _read(self, shape: Plain, plain: Any, path: str) -> Any:
        if isinstance(shape, Pair) and isinstance(plain, dict):
            self._note(plain, {(name or "",) for name in (shape.key, shape.name, shape.text)}, path)
        return _read(shape, plain, path)

    def _note(self, plain: dict[str, Any], known: set[tuple[str, ...]], path: str) -> None:
        """Keep the paths of the members that nothing has read."""
        for name, value in plain.items():
            # The same number once more, in hex.
            same = name.removesuffix("Hex").removesuffix("_")
            if (name,) in known or (same,) in known:
                continue
            inner = {place[1:] for place in known if place[0] == name}
            if inner and isinstance(value, dict):
                self._note(value, inner, f"{path}.{name}")
            else:
                self.unread.append(f"{path}.{name}")


def _filled(made: Structure, extents: dict[str, tuple[bytes, str | None]]) -> Structure:
    """A structure with the bytes of extents, the last first, each where it has its place."""
    data = made.to_bytes()
    for name, (extent, until) in reversed(extents.items()):
        behind = data[made.offset_of(until) :] if until else b""
        data = data[: made.offset_of(name)] + extent + behind
    return type(made).from_bytes(data)


def _padded(made: Structure, length: int) -> Structure:
    """A structure with zeros behind it, as many as it lacks."""
    data = made.to_bytes()
    return type(made).from_bytes(data.ljust(length, b"\0")) if len(data) < length else made


def _mark(valid: dict[Any, int], bits: enum.IntFlag | None) -> None:
    """A field, or a range, that these bits govern is a fact."""
    if bits is not None:
        valid[type(bits)] = valid.get(type(bits), 0) | _first(bits)


def _governors(view: Any, valid: Mapping[Any, int]) -> Iterator[tuple[int, int]]:
    """Of a field the validation bits that are set, and where they begin."""
    if view in valid:
        yield valid[view], 0
    elif isinstance(view, type) and issubclass(view, Word):
        yield from ((valid[r.type], r.low) for r in view.ranges.values() if r.type in valid)


def _first(bits: int) -> int:
    """Of several validation bits the lowest, which is the field's own."""
    return bits & -bits


def _type(row: Row, plain: Any, path: str) -> type[Structure]:
    """The type of an item of a list."""
    head = row.shape.head if isinstance(row.shape, Item) else None
    if head is None:
        return _only(row)
    data = Reading().structure(head, plain, path, row.naming).to_bytes()
    kind: type[Structure] = row.field.kind.choose(data, 0, _ANY_LENGTH)  # type: ignore[attr-defined]
    return kind


def _only(row: Row) -> type[Structure]:
    part = row.field.kind
    only = part.only if isinstance(part, Many | Strided) else None
    if only is None:
        raise TypeError(f"{row.field.name}: nothing tells the type of its items")
    return only


def _own(kind: type[Structure], row: Row, items: list[Any], values: dict[str, Any]) -> list[Any]:
    """Of a list that several fields share the items of one: as many as its count says.

    Without one all that the others leave; and the last has the rest.
    """
    sharing = [other for other in rows(kind, row.naming) if other.path == row.path]
    place = sharing.index(row)
    items = items[sum(len(values[other.field.name]) for other in sharing[:place]) :]
    if row is sharing[-1]:
        return items
    counts = [values.get(getattr(other.field.kind, "count_field", "")) for other in sharing]
    own = counts[place]
    return items[: max(0, len(items) - sum(c or 0 for c in counts)) if own is None else own]


def _places(row: Row) -> Iterator[tuple[str, ...]]:
    """The paths of the members that a field is shown as."""
    match row.shape:
        case Members(inline=True):
            yield from ((part.name,) for part in row.ranges)
        case First() | Inline() as shape:
            for kind in shape.types if isinstance(shape, Inline) else [_only(row)]:
                for inner in rows(kind, row.naming):
                    yield from _places(inner)
        case Several() as shape:
            yield from ((name,) for name in shape.types)
        case Keyed() as shape:
            yield from ((*row.path, name) for name in shape.types)
        case Slices() as shape:
            yield from ((*row.path, name) for name in shape.every)
        case Moment():
            yield from (("timestamp",), ("timestampIsPrecise",))
        case _:
            yield row.path


def _has(plain: dict[str, Any], row: Row) -> bool:
    """Whether one of a field's members is there."""
    return any(_is_there(plain, place) for place in _places(row))


def _is_there(plain: Any, place: tuple[str, ...]) -> bool:
    for name in place:
        if not isinstance(plain, dict) or name not in plain:
            return False
        plain = plain[name]
    return True


def _so_far(kind: type[Structure], part: One, values: dict[str, Any]) -> tuple[Any, int]:
    """What the type of a part is chosen by: the fields before it, and how many bytes it may have."""
    fields = {f.name: 0 if f.default is AUTO else f.default for f in kind.fields} | values
    before = SimpleNamespace(**fields)
    return before, part.length(before) if part.length is not None else _ANY_LENGTH


_ANY_LENGTH = 1 << 32


def _chosen(kind: type[Structure], part: Any, values: dict[str, Any]) -> type[Structure]:
    """The type of a part of which there is one."""
    chosen: type[Structure] = part.choose(*_so_far(kind, part, values))
    return chosen


def _of_bytes(kind: type[Structure], part: One, data: bytes, values: dict[str, Any]) -> Structure:
    """The part that is shown as its bytes."""
    return _chosen(kind, part, values).from_bytes(data)


def _fitting(value: int, width: int, path: str) -> int:
    if value >> width:
        raise EncodeError(f"{value} given, there are {width} bits", path=path)
    return value


def _packed(value: int, size: int, path: str) -> bytes:
    try:
        return value.to_bytes(size, "little")
    except OverflowError:
        raise EncodeError(f"{value} given, there are {8 * size} bits", path=path) from None


def _read(shape: Plain, plain: Any, path: str) -> Any:
    try:
        return shape.read(plain)
    except ValueError as needed:
        raise EncodeError(f"{what(plain)} given, {needed} needed", path=path) from None


_MOMENT = re.compile(r"(\d\d)(\d\d)-(\d\d?)-(\d\d?)[T ](\d\d?):(\d\d?):(\d\d?)(?:\+00:00|Z)?")


def _timestamp(plain: dict[str, Any], path: str) -> int:
    """The eight bytes of a moment, in BCD."""
    text = plain.get("timestamp")
    match = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        message = f"{what(text)} given, a moment like 2026-01-31T12:00:00+00:00 needed"
        raise EncodeError(message, path=f"{path}.timestamp")
    century, year, month, day, hour, minute, second = (f"{int(d):02}" for d in match.groups())
    precise = _read(BOOLEAN, plain.get("timestampIsPrecise", False), f"{path}.timestampIsPrecise")
    return int(f"{century}{year}{month}{day}{precise:02}{hour}{minute}{second}", 16)


def _object(plain: Any, path: str) -> dict[str, Any]:
    if isinstance(plain, dict):
        return plain
    raise EncodeError(f"{what(plain)} given, an object needed", path=path)


def _shortened(path: str, start: str) -> str:
    """The path of an error inside a structure that lies at ``start``."""
    inner = path.partition(".")[2]
    return f"{start}.{inner}" if inner else start
