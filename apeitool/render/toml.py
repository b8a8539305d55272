"""Commented TOML to edit: a structure's fields with what they mean, and back."""

from __future__ import annotations

import enum
import textwrap
import tomllib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from apeitool.errors import EncodeError
from apeitool.render.plain import from_plain, to_plain
from apeitool.wire.record import Field, Structure
from apeitool.wire.types import Absent, Part

LARGEST = (1 << 63) - 1
"""Above it TOML has no integer."""

_WIDTH = 100


def read(text: str) -> dict[str, Any]:
    """The dictionary that TOML text spells.

    Raises:  EncodeError with the line of what is wrong.
    """
    try:
        return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    except (ValueError, RecursionError) as wrong:
        raise EncodeError(f"this is no TOML: {wrong}") from wrong


def load(text: str) -> Structure:
    """The object that TOML text describes; what it leaves out has its default, or is derived.

    Raises:  EncodeError with the line or the path of what is wrong.
    """
    return from_plain(read(text))


def items(document: dict[str, Any]) -> Iterator[Structure]:
    """The objects of a document: the one that it is, or those of its list of ``items``.

    Raises:  EncodeError with the path of what is wrong.
    """
    listed = document.get("items")
    if "kind" in document or not isinstance(listed, list):
        yield from_plain(document)
    else:
        yield from (from_plain(one, path=f"items[{i}]") for i, one in enumerate(listed))


def template(thing: Structure) -> str:
    """TOML from which `load` makes the thing again, each field with its meaning."""
    return "\n".join(_document(thing, "")) + "\n"


def templates(things: Iterable[Structure]) -> Iterator[str]:
    """TOML of several objects, a piece for each; of one it is its `template`."""
    found = iter(things)
    first, second = next(found, None), next(found, None)
    if first is not None and second is None:
        yield template(first)
    elif first is not None and second is not None:
        for thing in chain([first, second], found):
            yield "\n".join(["[[items]]", *_document(thing, "items"), "", ""])


def _document(thing: Structure, path: str) -> Iterator[str]:
    head, _, _ = (type(thing).__doc__ or "").partition("\n")
    yield f"# {head}"
    yield f'kind = "{type(thing).__name__}"'
    yield from _table(thing, path)


def _table(thing: Structure, path: str) -> Iterator[str]:
    """The lines of one table: its own values first, then the tables in it."""
    plain = to_plain(thing, limit=LARGEST)
    computed = [f.name for f in thing.fields if f.derived and _is_derived(thing, f)]
    if computed:
        yield f"# computed when left out: {', '.join(computed)}"
    tables: list[tuple[Field, Any]] = []
    for field in thing.fields:
        value = getattr(thing, field.name)
        if field.name in computed or _is_void(field, value):
            continue
        if isinstance(value, Structure) or (
            field.type is tuple and value and field.item is not int
        ):
            tables.append((field, value))
        else:
            shown = literal(plain[field.name], hexadecimal=field.hexadecimal or bool(field.view))
            yield from commented(f"{field.name} = {shown}", _comment(field))
    for field, value in tables:
        name = f"{path}.{field.name}" if path else field.name
        for item, brackets in _items(field, value, name):
            yield ""
            yield from commented(brackets, _comment(field))
            if isinstance(field.kind, Part):
                yield f'kind = "{type(item).__name__}"'
            yield from _table(item, name)


def _items(field: Field, value: Any, name: str) -> Iterator[tuple[Structure, str]]:
    if isinstance(value, Structure):
        yield value, f"[{name}]"
    else:
        for item in value:
            yield item, f"[[{name}]]"


def _is_derived(thing: Structure, field: Field) -> bool:
    """Whether the field holds what would be computed for it."""
    return field.derived is not None and field.derived.compute(thing) == getattr(thing, field.name)


def _is_void(field: Field, value: Any) -> bool:
    """Whether leaving the field out says the same, and showing it would say nothing."""
    if isinstance(field.kind, Part | Absent) and not value:
        return field.derived is None
    return field.name.startswith(("reserved", "rest", "trailing")) and value == field.default


def literal(value: Any, *, hexadecimal: bool = False) -> str:
    """A value as TOML spells it."""
    if isinstance(value, list):
        return f"[{', '.join(literal(item, hexadecimal=hexadecimal) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        safe = (c if c.isprintable() else f"\\u{ord(c):04X}" for c in escaped)
        return f'"{"".join(safe)}"'
    if value > LARGEST:
        return f'"{value:#x}"'
    return hex(value) if hexadecimal else str(value)


def commented(assignment: str, comment: str) -> Iterator[str]:
    """A line with its comment behind it, or above it where that would be too long."""
    line = f"{assignment}  # {comment}" if comment and assignment else assignment
    if comment and (not assignment or len(line) > _WIDTH):
        yield from textwrap.wrap(
            comment, _WIDTH, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False
        )
        line = assignment
    if line:
        yield line


def _comment(field: Field) -> str:
    notes = [field.doc] if field.doc else []
    if field.unit and field.unit != "address":
        notes.append(f"in {field.unit}")
    if field.is_enum:
        notes.append("one of " + ", ".join(field.type.__members__))
    if field.view is not None and issubclass(field.view, enum.IntFlag):
        notes.append("bits: " + ", ".join(f"{m.value:#x} {m.name}" for m in field.view))
    elif field.view is not None:
        notes.append("bits: " + ", ".join(f"{b.span} {n}" for n, b in field.view.ranges.items()))
    if field.when is not None:
        notes.append(f"valid with {field.when.value:#x}")
    return "; ".join(notes)
