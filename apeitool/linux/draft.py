"""Structures that come into being one field at a time, as a text tells of them."""

from __future__ import annotations

import enum
import re
from typing import Any
from uuid import UUID

from apeitool.wire.labels import Bits, Word
from apeitool.wire.record import Field, Structure
from apeitool.wire.types import Array, Bytes, Guid, Nested, Scalar, Text

_PATH = re.compile(r"(?P<path>[\w.]+)(?:\+(?P<more>\d+))?")


class Place:
    """A field of a structure by its path, ``device_id.slot_number.slot_number``: or a range in one.

    The path may end in ``+1``: the text has one more than the field.  Of a name that is no field but a
    property, ``field`` is None: it is only read.
    """

    def __init__(
        self, owner: type[Structure | Word], path: str, view: type[Word] | None = None
    ) -> None:
        match = _PATH.fullmatch(path)
        if match is None:
            raise TypeError(f"{path!r} is no path")
        self.path = match["path"].split(".")
        self.more = int(match["more"] or 0)
        self.field: Field | None = None
        self.bits: Bits | None = None
        self.index: int | None = None
        self.names: list[str] = []
        self.when: enum.IntFlag | None = None
        if issubclass(owner, Word):
            self.bits = owner.ranges[self.path[0]]
            self.when = self.bits.when
            return
        kind: type[Structure] = owner
        for name in self.path:
            if self.field is not None and isinstance(self.field.kind, Nested):
                kind = self.field.kind.type
            elif self.field is not None and name.isdigit():
                self.index = int(name)
                continue
            elif self.field is not None:
                self.bits = (self.field.view or view or Word).ranges[name]  # type: ignore[union-attr]
                self.when = self.bits.when or self.when
                continue
            self.field = next((field for field in kind.fields if field.name == name), None)
            self.names.append(name)
            if self.field is not None:
                self.when = self.field.when or self.when

    def get(self, thing: Any) -> Any:
        """The value, as the text has it."""
        for name in self.names:
            thing = getattr(thing, name)
        if self.index is not None:
            thing = thing[self.index]
        if self.bits is not None:
            thing = (int(thing) & self.bits.mask) >> self.bits.low
        return thing + self.more if self.more else thing

    @property
    def width(self) -> int:
        """How many bits a number has there; 0 where there is none."""
        if self.bits is not None:
            return self.bits.width
        kind = self.field.kind if self.field is not None else None
        if isinstance(kind, Array):
            kind = kind.item
        return 8 * kind.size if isinstance(kind, Scalar) else 0

    @property
    def largest(self) -> int | UUID:
        """The largest number, or GUID."""
        is_guid = self.field is not None and isinstance(self.field.kind, Guid)
        return UUID(int=(1 << 128) - 1) if is_guid else self._limit

    @property
    def _limit(self) -> int:
        return (1 << self.width) - 1

    def fits(self, value: Any) -> bool:
        """Whether a value that was read can be there."""
        if isinstance(value, int) and self.width:
            return self.more <= value <= self._limit + self.more
        if isinstance(value, bytes) and self.field is not None:
            return isinstance(self.field.kind, Bytes) and len(value) == self.field.kind.size
        return value is not None


class Draft:
    """A structure of that kind, as far as it is known."""

    def __init__(self, kind: type[Structure]) -> None:
        self.kind = kind
        self.values: dict[str, Any] = {}

    def put(self, place: Place, value: Any) -> None:
        """Set a field, or a range of its bits."""
        *outer, last = place.names
        kind, values = self.kind, self.values
        for name in outer:
            values = values.setdefault(name, {})
            kind = _field(kind, name).kind.type  # type: ignore[attr-defined]
        field = _field(kind, last)
        number = value - place.more if place.more else value
        if place.bits is not None:
            number = values.get(last, 0) & ~place.bits.mask | number << place.bits.low
        if place.index is not None:
            items = list(values.get(last, field.default))
            items[place.index] = number
            number = items
        if isinstance(field.kind, Text):
            number = number[: field.kind.size]
        values[last] = number

    def mark(self, bit: enum.IntFlag) -> None:
        """Set a validation bit."""
        for field in self.kind.fields:
            shift = _shift(field.view, bit)
            if shift is not None:
                self.values[field.name] = self.values.get(field.name, 0) | int(bit) << shift
                return
        raise TypeError(f"{self.kind.__name__} has no {type(bit).__name__}")

    def made(self, **more: Any) -> Any:
        """The structure."""
        return _made(self.kind, self.values | more)


def _field(kind: type[Structure], name: str) -> Field:
    return next(field for field in kind.fields if field.name == name)


def _shift(view: type[enum.IntFlag | Word] | None, bit: enum.IntFlag) -> int | None:
    """Where in a field its bit 0 is; None if the field has no such bits."""
    if view is type(bit):
        return 0
    if view is not None and issubclass(view, Word):
        return next((r.low for r in view.ranges.values() if r.type is type(bit)), None)
    return None


def _made(kind: type[Structure], values: dict[str, Any]) -> Structure:
    whole = {
        name: _made(_field(kind, name).kind.type, value) if isinstance(value, dict) else value  # type: ignore[attr-defined]
        for name, value in values.items()
    }
    return kind(**whole)
