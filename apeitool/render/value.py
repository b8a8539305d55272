"""The value of a field as a person reads it; what text, explain and diff all show."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from apeitool.cper.guids import CREATORS, NOTIFICATION_TYPES, SECTION_NAMES
from apeitool.cper.section import section_type
from apeitool.render.harmless import harmless
from apeitool.wire.labels import Word, flag_names, numbered, word_lines
from apeitool.wire.record import Field, Structure

View = type[enum.IntFlag | Word] | None
"""What names the bits of a field; None where they have no names."""


def formatted(field: Field, value: Any, view: View = None) -> str:
    """A value by what its declaration says of it: name, unit, base; its bits have names by a view."""
    if isinstance(value, Structure):
        return value.brief or ""
    if isinstance(value, UUID):
        return f"{value}{_guid_name(value)}"
    if isinstance(value, enum.IntEnum):
        return numbered(getattr(value, "text", value.name), int(value))
    if isinstance(value, str):
        return f'"{harmless(value)}"' if value else "empty"
    if isinstance(value, bytes):
        return value.hex(" ") if any(value) else f"{len(value)} zero bytes"
    if isinstance(value, tuple):
        return _several(field, value)
    shown = _number(field, value, field.kind)
    if view is not None and issubclass(view, Word):
        shown = view(value).text or shown
    if view is not None and issubclass(view, enum.IntFlag):
        shown = f"{value:#x}: {', '.join(flag_names(view, value)) or 'none'}"
    if field.unit and field.unit != "address":
        shown += f" {field.unit}"
    return shown


def _several(field: Field, values: tuple[int, ...]) -> str:
    """Numbers of an array; of a long one those that are not zero, by their place."""
    kind = getattr(field.kind, "item", field.kind)
    if len(values) <= _LISTED:
        return " ".join(_number(field, value, kind) for value in values)
    there = [f"[{i}] {_number(field, v, kind)}" for i, v in enumerate(values) if v]
    if not there:
        return f"{len(values)} zeros"
    more = f", and {len(there) - _LISTED} more" if len(there) > _LISTED else ""
    return ", ".join(there[:_LISTED]) + more


_LISTED = 16


def _number(field: Field, value: int, kind: Any) -> str:
    if field.hexadecimal:
        return f"{value:#0{2 + 2 * kind.size}x}"
    return str(value)


def _guid_name(guid: UUID) -> str:
    key = str(guid)
    kind = section_type(guid)
    name = (
        kind.title
        if kind
        else (SECTION_NAMES.get(key) or NOTIFICATION_TYPES.get(key) or CREATORS.get(key))
    )
    return f" ({name})" if name else ""


def view_of(thing: Structure, field: Field) -> View:
    """What names the bits of a field, in this structure."""
    view: View = field.view
    if field.named is not None:
        view = field.named.choose(thing)
    return view


def ranges(thing: Structure, field: Field, value: int) -> Iterator[tuple[str, str, str]]:
    """The ranges of a field that are facts: (name, its bits, meaning); of flags those that are set.

    Bits that have no name come last, if any is set; their meaning is the mask.
    """
    view = view_of(thing, field)
    if view is None:
        return
    if issubclass(view, Word):
        for name, meaning in word_lines(view, value, thing.has_valid):
            bits = view.ranges.get(name)
            yield name, bits.span if bits is not None else "", meaning
        return
    rest = value
    for flag in view:
        rest &= ~flag.value
        if value & flag:
            yield (flag.name or "").lower(), str(flag.value.bit_length() - 1), "yes"
    if rest:
        yield "reserved", "", f"{rest:#x}"


def shown(thing: Structure, field: Field, value: Any) -> str:
    """A value beside which its `ranges` stand: that of flags is a number, without their names."""
    view = view_of(thing, field)
    if view is not None and issubclass(view, enum.IntFlag):
        return f"{value:#x}"
    if isinstance(value, tuple) and not any(value):
        return f"{len(value)} zeros"
    return told(thing, field, value)


def told(thing: Structure, field: Field, value: Any) -> str:
    """A value as the structure reads it, or its declaration; with what a word says as a whole."""
    whole, view = getattr(thing, field.name), view_of(thing, field)
    said = thing.shown(field.name) if value == whole else None
    said = said or formatted(field, value, view)
    if view is not None and isinstance(value, int) and issubclass(view, Word):
        sentence = view(value).sentence()
        said += f" ({sentence})" if sentence else ""
    return said


def characters(data: bytes) -> str:
    """Bytes as the characters that they may be; a point for what is none."""
    return "".join(chr(b) if 32 <= b < 127 else "." for b in data)
