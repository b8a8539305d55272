"""Structures as CPER-JSON objects; `apeitool.render.read_members` is the way back.

The rules: a field is a member of its name in camel case, and so is each named range of a word or
flag; a label is an object of value and name.  Validation fields are not shown: a member is there if
it is a fact, and is a fact if it is there.  Reserved fields and raw rests are not shown.  What
departs from them a declaration says with `apeitool.wire.shapes.Json`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from apeitool.render.value import view_of
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.record import Field, Structure
from apeitool.wire.shapes import (
    BASE64,
    BOOLEAN,
    HIDDEN,
    IDENTIFIER,
    ITEM,
    NUMBER,
    TEXT,
    Dump,
    Extent,
    First,
    Hidden,
    Inline,
    Item,
    Json,
    Keyed,
    Members,
    Moment,
    Pair,
    Plain,
    Several,
    Shape,
    Slices,
)
from apeitool.wire.types import (
    Array,
    Aside,
    Bytes,
    Guid,
    Nested,
    Part,
    Raw,
    Text,
)

Naming = Callable[[str], str]

_LETTERS = frozenset(["id", "ip", "pc"])
"""Words that are written in capitals."""


def camel(name: str) -> str:
    """``error_status`` -> ``errorStatus``, ``record_id`` -> ``recordID``."""
    first, *rest = name.lower().split("_")
    return first + "".join(w.upper() if w in _LETTERS else w.capitalize() for w in rest)


def as_written(name: str) -> str:
    """``link_status_2`` -> ``link_status2``; all else stays as it is."""
    return re.sub(r"_(\d)$", r"\1", name.lower())


class Range(NamedTuple):
    """How one range, or flag, of a word is shown.

    ``when`` is its validation bit, and ``own`` the first bit of the range of the same word that has
    it; None where the structure's validation field does.
    """

    name: str
    low: int
    width: int
    type: Any
    shape: Plain
    when: enum.IntFlag | None = None
    own: int | None = None
    is_required: bool = False

    @property
    def mask(self) -> int:
        """Its bits, in place."""
        return ((1 << self.width) - 1) << self.low

    def is_fact(self, thing: Structure, word: int) -> bool:
        """Whether it is one in this word of a structure."""
        if self.when is None:
            return True
        if self.own is None:
            return thing.has_valid(self.when)
        return bool(word >> self.own & self.when)


class Row(NamedTuple):
    """How one field of a structure is shown."""

    field: Field
    path: tuple[str, ...]
    shape: Shape
    naming: Naming
    fact: Json

    @property
    def is_inline(self) -> bool:
        """Whether its members are those of the object around."""
        shape = self.shape
        return isinstance(shape, First | Inline | Moment | Several) or (
            isinstance(shape, Members | Slices) and shape.inline
        )

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The ranges that are its members, if it is shown by them."""
        return self._ranges(self.field.view)

    def ranges_in(self, thing: Structure) -> tuple[Range, ...]:
        """As `ranges`, where other fields tell how its bits are named."""
        return self._ranges(self.view_in(thing)) if self.field.named else self.ranges

    def view_in(self, thing: Structure) -> Any:
        """What names the bits that it has in a structure; None if nothing does."""
        by = self.shape.by if isinstance(self.shape, Members) else None
        return by(thing) if by is not None else view_of(thing, self.field)

    def _ranges(self, view: Any) -> tuple[Range, ...]:
        if not isinstance(self.shape, Members):
            return ()
        views = self.shape.words or (view,)
        return sum((ranges(v, self.shape, self.naming) for v in views if v is not None), ())

    @property
    def is_marked_inside(self) -> bool:
        """Whether its ranges have each a bit in the structure's validation field."""
        return any(part.when is not None and part.own is None for part in self.ranges)


@cache
def rows(kind: type[Structure], naming: Naming) -> tuple[Row, ...]:
    """The fields of a structure that are shown, in the order of the wire."""
    found = []
    governors = {type(bit) for field in kind.fields for bit in _governing(field)}
    around: Extent | None = None
    for field in kind.fields:
        if around is not None and field.name != around.until:
            continue
        fact = field.json or _usual(field, governors)
        shape = fact.shape or _shape(field)
        around = shape if isinstance(shape, Extent) else None
        if isinstance(shape, Hidden):
            continue
        inner = as_written if fact.as_written else naming
        path = _path(fact, naming(field.name))
        is_inline = Row(field, path, shape, inner, fact).is_inline
        found.append(Row(field, () if is_inline else path, shape, inner, fact))
    return tuple(found)


def _path(fact: Json, name: str) -> tuple[str, ...]:
    around = fact.within.split(".") if fact.within else []
    return (*around, *(fact.name or name).split("."))


def _governing(field: Field) -> Iterator[enum.IntFlag]:
    """The validation bits that tell of a field."""
    if field.when is not None:
        yield field.when
    if isinstance(field.view, type) and issubclass(field.view, Word):
        yield from (bits.when for bits in field.view.ranges.values() if bits.when is not None)


def _usual(field: Field, governors: set[Any]) -> Json:
    """What is known of a field of which nothing is said."""
    is_raw = isinstance(field.kind, Raw | Aside) or field.name.startswith("reserved")
    return HIDDEN if is_raw or field.view in governors else _NOTHING


_NOTHING = Json()


def _shape(field: Field) -> Shape:
    kind = field.kind
    if isinstance(kind, Array):
        return NUMBER
    if isinstance(kind, Nested | Part) and not isinstance(kind, Raw):
        return ITEM
    if isinstance(kind, Text | Guid):
        return TEXT if isinstance(kind, Text) else IDENTIFIER
    if isinstance(kind, Bytes | Raw):
        return BASE64
    if field.is_enum:
        return Pair()
    return Members() if field.view is not None else NUMBER


def members(thing: Structure, naming: Naming = camel) -> dict[str, Any]:
    """The members that a structure has, which are its facts."""
    plain: dict[str, Any] = {}
    for row in rows(type(thing), naming):
        if not row.fact.required and not _is_there(thing, row):
            continue
        value = getattr(thing, row.field.name)
        shown = _shown(thing, row, value)
        if shown is None:
            continue
        if row.is_inline:
            plain |= shown
        else:
            place = plain
            for name in row.path[:-1]:
                place = place.setdefault(name, {})
            place[row.path[-1]] = _joined(place.get(row.path[-1]), shown)
        plain |= {name: show(value) for name, show in row.fact.also.items()}
    return plain


def _joined(before: Any, shown: Any) -> Any:
    """What fields that have one name are shown as."""
    if isinstance(before, list):
        return [*before, *shown]
    return before | shown if isinstance(before, dict) else shown


def _is_there(thing: Structure, row: Row) -> bool:
    """Whether a field is a fact; of the bytes from it on, whether that is said of them."""
    if isinstance(row.shape, Extent) and row.field.when is not None:
        return thing.has_valid(row.field.when)
    return thing.is_valid(row.field.name)


def _shown(thing: Structure, row: Row, value: Any) -> Any:
    match row.shape:
        case Members() if row.field.named and row.view_in(thing) is None:
            return None
        case Members():
            plain = _bits(row.ranges_in(thing), thing, value)
            return plain if plain or not row.is_marked_inside else None
        case Keyed() as shape:
            return _keyed(thing, row, shape, value)
        case Extent() as shape:
            end = None if shape.until is None else thing.offset_of(shape.until)
            data = thing.to_bytes()[thing.offset_of(row.field.name) : end]
            return BASE64.show(data) if data else None
        case Slices() as shape:
            parts = shape.of(shape.by and getattr(thing, shape.by)).items()
            return {name: part.of(_scalar(value, NUMBER)) for name, part in parts}
        case Several() as shape:
            return _several(thing, row, shape, value)
        case Moment():
            return _moment(thing, value)
        case Plain() as shape:
            if isinstance(value, tuple):
                return [shape.show(item) for item in value]
            return shape.show(_scalar(value, shape))
    return _inside(row, value)


def _inside(row: Row, value: Any) -> Any:
    """What is shown of structures."""
    match row.shape:
        case Item():
            if isinstance(value, tuple):
                return [members(item, row.naming) for item in value]
            return members(value, row.naming)
        case First():
            return members(value[0], row.naming) if value else None
        case Inline():
            return members(value, row.naming)
        case Dump():
            return {"data": BASE64.show(value.to_bytes())} | members(value, row.naming)
    raise TypeError(f"{row.field.name}: {row.shape!r} is not known")


def _several(thing: Structure, row: Row, shape: Several, value: Any) -> dict[str, Any] | None:
    part: Any = row.field.kind
    kind = type(value[0]) if value else part.only or part.choose(thing, b"", 0, 0)
    name, in_list = shape.place(kind)
    plain = [members(item, row.naming) for item in value]
    if in_list:
        return {name: plain}
    return {name: plain[0]} if plain else None


def _scalar(value: Any, shape: Plain) -> Any:
    """A value as a shape without inner structure takes it."""
    if isinstance(value, Structure):
        value = value.to_bytes()
    if isinstance(value, bytes) and shape is NUMBER:
        return int.from_bytes(value, "little")
    return value


def _keyed(thing: Structure, row: Row, shape: Keyed, value: Any) -> Any:
    """An object of one member, or of none; None for a type that has no name."""
    kind: Any = type(value)
    if not isinstance(value, Structure):
        kind = view_of(thing, row.field)
    name = shape.name(kind)
    if name is None:
        return None
    if name in shape.forms:
        data = value.to_bytes()
        return {name: shape.forms[name].show(data)} if data else {}
    if isinstance(value, Structure):
        return {name: members(value, row.naming)}
    return {name: _bits(ranges(kind, ALL, row.naming), thing, value)}


ALL = Members()


@cache
def ranges(view: Any, shape: Members, naming: Naming) -> tuple[Range, ...]:
    """The ranges of a word that are shown; those that are validation bits are not."""
    if issubclass(view, enum.IntFlag):
        form = shape.of or BOOLEAN
        return tuple(
            Range(_name(naming, flag.name or "", shape), flag.bit_length() - 1, 1, None, form)
            for flag in view
        )
    governors = {type(bits.when) for bits in view.ranges.values()}
    own = {bits.type: bits.low for bits in view.ranges.values() if bits.type in governors}
    found = []
    for bits in view.ranges.values():
        fact = bits.json or _NOTHING
        if bits.type in own or isinstance(fact.shape, Hidden):
            continue
        name = fact.name or _name(naming, bits.name, shape)
        form = shape.of or _form(bits, fact.shape)
        place = name, bits.low, bits.width, bits.type
        found.append(Range(*place, form, bits.when, own.get(type(bits.when)), fact.required))
    return tuple(found)


def _name(naming: Naming, name: str, shape: Members) -> str:
    return shape.names.get(name.lower()) or naming(name) + shape.suffix


def _form(bits: Bits, shape: Shape | None) -> Plain:
    if isinstance(shape, Plain):
        return shape
    if shape is not None:
        raise TypeError(f"{bits.name}: a range has no inner structure")
    if isinstance(bits.type, type) and issubclass(bits.type, Label):
        return Pair()
    return BOOLEAN if bits.width == 1 else NUMBER


def _bits(parts: tuple[Range, ...], thing: Structure, word: int) -> dict[str, Any]:
    """The ranges of a word that are facts; bits that several have in common, once."""
    plain: dict[str, Any] = {}
    seen = 0
    for part in parts:
        if seen & part.mask or not part.is_fact(thing, word):
            continue
        seen |= part.mask
        value = (word & part.mask) >> part.low
        plain[part.name] = part.shape.show(part.type(value) if part.type else value)
    needed = {part.name: part.shape.show(0) for part in parts if part.is_required}
    return needed | plain if plain else plain


def _moment(thing: Any, value: int) -> dict[str, Any] | None:
    """The moment as text; digits in BCD that are none as they are."""
    digits = f"{value:016x}"
    digits = digits[:8] + digits[10:]
    if thing.moment is not None:
        text = thing.moment.replace(tzinfo=None).isoformat(timespec="seconds")
    elif digits.isdecimal():
        text = re.sub(r"(....)(..)(..)(..)(..)(..)", r"\1-\2-\3T\4:\5:\6", digits)
    else:
        return None
    return {"timestamp": f"{text}+00:00", "timestampIsPrecise": bool(value >> 24 & 1)}
