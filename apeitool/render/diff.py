"""The difference of two objects, field by field; what is not ``==`` differs, nothing else does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from apeitool.acpi.hest.source import ErrorSource, HestContent
from apeitool.render.explain import ROW, chunks
from apeitool.render.text import Paint, headline, plain
from apeitool.render.value import characters, formatted, ranges, shown
from apeitool.wire.record import Field, Structure
from apeitool.wire.types import Array, Part


class Difference(NamedTuple):
    """A field that differs: its path and what each side has there, None for nothing.

    Of bytes without inner structure each row that differs is one; ``offset`` is then that of its
    first differing byte, from the start of the field.
    """

    path: str
    left: str | None
    right: str | None
    offset: int | None = None


def differences(left: Structure, right: Structure, path: str = "") -> Iterator[Difference]:
    """What differs between two structures, in the order of the wire; nothing if they are equal.

    Two of different types differ in their ``kind``, and in the fields that they do not share.
    Items of a list are compared by index; error sources by their ids, where these are unique.
    """
    if type(left) is not type(right):
        yield Difference(_join(path, "kind"), type(left).__name__, type(right).__name__)
    mine, theirs = ({f.name: _Side(thing, f) for f in thing.fields} for thing in (left, right))
    for name in mine | theirs:
        yield from _field(mine.get(name), theirs.get(name), _join(path, name))


class _Side:
    """A field in one of the two structures."""

    def __init__(self, thing: Structure, field: Field) -> None:
        self.thing = thing
        self.field = field
        self.value: Any = getattr(thing, field.name)

    @property
    def is_list(self) -> bool:
        """Whether it holds structures, any number of them."""
        return isinstance(self.value, tuple) and isinstance(self.field.kind, Part)

    @property
    def is_data(self) -> bool:
        """Whether it is bytes that are shown in rows."""
        if not isinstance(self.value, bytes):
            return False
        return isinstance(self.field.kind, Part) or len(self.value) > ROW

    def shown(self) -> str:
        """The value as text."""
        if isinstance(self.value, Structure):
            return _said(self.value)
        if self.is_list or self.is_data:
            return f"{len(self.value)} {'items' if self.is_list else 'bytes'}"
        return shown(self.thing, self.field, self.value)

    def ranges(self) -> dict[str, str]:
        """What the bits of the value mean, where they have names."""
        return {name: text for name, _, text in ranges(self.thing, self.field, self.value)}


def _field(left: _Side | None, right: _Side | None, path: str) -> Iterator[Difference]:
    """What differs in one field; None where a side has no such field."""
    present = [side for side in (left, right) if side is not None]
    mine, theirs = (side.value if side is not None else None for side in (left, right))
    if len(present) == 2 and mine == theirs:
        return
    if isinstance(mine, Structure) and isinstance(theirs, Structure):
        yield from differences(mine, theirs, path)
    elif all(side.is_list for side in present):
        yield from _items(mine or (), theirs or (), path)
    elif all(side.is_data for side in present):
        yield from _data(mine or b"", theirs or b"", path)
    elif left is None or right is None:
        said, other = (None if side is None else side.shown() for side in (left, right))
        yield Difference(path, said, other)
    elif isinstance(left.field.kind, Array) and isinstance(right.field.kind, Array):
        yield from _array(left, right, path)
    else:
        yield Difference(path, *_texts(left, right))


def _texts(left: _Side, right: _Side) -> tuple[str, str]:
    """Both values as text that tells them apart."""
    said = left.shown(), right.shown()
    if said[0] == said[1]:
        return _exact(left.value), _exact(right.value)
    are_numbers = all(isinstance(s.value, int) and not s.field.is_enum for s in (left, right))
    if not are_numbers:
        return said
    mine, theirs = left.ranges(), right.ranges()
    return _with(said[0], mine, theirs), _with(said[1], theirs, mine)


def _with(said: str, meanings: dict[str, str], others: dict[str, str]) -> str:
    """A value of flags or of a register, with what its bits mean here and not on the other side."""
    notes = [f"{name} {text}" for name, text in meanings.items() if others.get(name) != text]
    return f"{said} ({', '.join(notes)})" if notes else said


def _exact(value: Any) -> str:
    """A value with nothing left out: what a person does not look at may be what differs."""
    return f"{value:#x}" if isinstance(value, int) else ascii(value)


def _array(left: _Side, right: _Side, path: str) -> Iterator[Difference]:
    for index, (mine, theirs) in enumerate(zip_longest(left.value, right.value)):
        if mine != theirs:
            said = None if mine is None else formatted(left.field, (mine,))
            other = None if theirs is None else formatted(right.field, (theirs,))
            yield Difference(f"{path}[{index}]", said, other)


def _items(
    left: Sequence[Structure], right: Sequence[Structure], path: str
) -> Iterator[Difference]:
    """What differs in two lists: order, then items that both have, then those that one has."""
    pairs = _pairs(left, right)
    both = [(i, j) for i, j in pairs if i is not None and j is not None]
    if both != sorted(both, key=lambda pair: pair[1]):
        yield Difference(path, _order(left), _order(right))
    for i, j in both:
        if left[i] != right[j]:
            place = f"{path}[{i}]" if i == j else f"{path}[{i}->{j}]"
            yield from differences(left[i], right[j], place)
    for old, new in pairs:
        if new is None and old is not None:
            yield Difference(f"{path}[{old}]", _said(left[old]), None)
        elif old is None and new is not None:
            yield Difference(f"{path}[{new}]", None, _said(right[new]))


def _pairs(
    left: Sequence[Structure], right: Sequence[Structure]
) -> list[tuple[int | None, int | None]]:
    """Which items of two lists belong together, by index; those that only one has come last."""
    mine, theirs = _ids(left), _ids(right)
    if mine is None or theirs is None:
        return list(zip_longest(range(len(left)), range(len(right))))
    places = {id: j for j, id in enumerate(theirs) if id is not None}
    found = {i: places[id] for i, id in enumerate(mine) if id in places}
    free = set(range(len(right))) - set(found.values())
    # A source whose id itself was changed is still the one in its place.
    found |= {i: i for i in range(len(left)) if i not in found and i in free}
    pairs: list[tuple[int | None, int | None]] = [*sorted(found.items())]
    pairs += [(i, None) for i in range(len(left)) if i not in found]
    pairs += [(None, j) for j in sorted(free - set(found.values()))]
    return pairs


def _ids(items: Sequence[Structure]) -> list[int | None] | None:
    """The ids of error sources, None for what has none; None where they do not tell items apart."""
    ids = [item.source_id if isinstance(item, ErrorSource) else None for item in items]
    known = [id for id in ids if id is not None]
    is_hest = all(isinstance(item, HestContent) for item in items)
    return ids if is_hest and len(set(known)) == len(known) else None


def _order(sources: Sequence[Structure]) -> str:
    ids = (id for id in _ids(sources) or () if id is not None)
    return f"source ids {', '.join(map(str, ids))}"


def _said(thing: Structure) -> str:
    """A structure on one line."""
    name = type(thing).__name__
    if isinstance(thing, ErrorSource):
        return f"{name}, source id {thing.source_id}"
    more = thing.brief or headline(thing)[0]
    return name if more == name else f"{name}: {more}"


def _data(left: bytes, right: bytes, path: str) -> Iterator[Difference]:
    """The rows of bytes that differ, then those that only one side has."""
    common = min(len(left), len(right))
    for start in range(0, common, ROW):
        mine, theirs = (side[start : min(start + ROW, common)] for side in (left, right))
        if mine != theirs:
            first = next(i for i, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b)
            yield Difference(path, _row(mine), _row(theirs), start + first)
    for start, piece in chunks(left[common:]):
        yield Difference(path, _row(piece), None, common + start)
    for start, piece in chunks(right[common:]):
        yield Difference(path, None, _row(piece), common + start)


def _row(data: bytes) -> str:
    if any(data) or len(data) <= ROW:
        return f"{data.hex(' ')}  {characters(data)}"
    return f"{len(data)} zero bytes"


def text(left: Structure, right: Structure, *, paint: Paint = plain) -> str:
    """The differences as lines: each path, and below it what was and what is there."""
    lines = (line for found in differences(left, right) for line in _lines(found, paint))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _lines(found: Difference, paint: Paint) -> Iterator[str]:
    note = "" if found.offset is None else f", from byte {found.offset:#x}"
    if found.left is None or found.right is None:
        note += ": only on the right" if found.left is None else ": only on the left"
    yield paint(found.path, "name") + paint(note, "note")
    if found.left is not None:
        yield f"  - {found.left}"
    if found.right is not None:
        yield f"  + {found.right}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
