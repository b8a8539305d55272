"""Where everything lies in an object: the same for all objects whose deciding bytes are the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from apeitool.columns.watch import Span, Watch, merged
from apeitool.cper.record import Record
from apeitool.cper.section import Gap, OpaqueSection, Section
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import Absent, Aside


class Node(NamedTuple):
    """A structure that is a row of its own.

    ``offset`` is in bytes from the start of the object; ``path`` and ``parent`` are as in a
    `Problem`, without the object's own name; ``item`` is its place in the list that it is in,
    ``section`` that of the section that it is or lies in.  ``asides`` are the values of fields that
    take no bytes, ``parts`` the extents of those that are bytes.
    """

    kind: type[Structure]
    offset: int
    path: str
    parent: str | None
    item: int | None
    section: int | None
    asides: tuple[Any, ...]
    parts: tuple[Span, ...]


class Shape(NamedTuple):
    """The nodes of an object, what is wrong with it, and the bytes that decide both.

    ``deciding`` has (offset, bytes); offsets are from the start of the object.
    """

    nodes: tuple[Node, ...]
    problems: tuple[Problem, ...]
    deciding: tuple[tuple[int, bytes], ...]


def shape_of(kind: type[Structure], data: bytes, *, is_part: bool = False) -> Shape:
    """The shape of the object, or the part of one, whose bytes are given.

    What is wrong with a part is not told.

    Raises:  Truncated when they are fewer than the kind has.
    """
    watch = Watch(data)
    with watch.noting():
        root, _ = watch.decode(kind, watch.data, 0, len(data))
        problems = () if is_part else _problems(root, kind)
    nodes = tuple(_nodes(root))
    taken = [span for node in nodes if node.kind in (OpaqueSection, Gap) for span in node.parts]
    spans = merged(watch.looked, taken)
    return Shape(nodes, problems, tuple((a, data[a:b]) for a, b in spans))


def single(kind: type[Structure], data: bytes, *, is_part: bool = False) -> Shape:
    """As `shape_of`, without the bytes that decide: of an object that few others are like."""
    root, _ = kind.decode_at(data, 0, len(data))
    return Shape(tuple(_nodes(root)), () if is_part else _problems(root, kind), ())


def opaque(guid: UUID, size: int) -> Shape:
    """The shape of a section that is bytes."""
    return Shape((Node(OpaqueSection, 0, "", None, None, 0, (guid,), ((0, size),)),), (), ())


def _problems(root: Structure, kind: type[Structure]) -> tuple[Problem, ...]:
    return tuple(p.moved(0, kind.__name__) for p in root.check())


def plain_kind(thing: Structure) -> type[Structure]:
    """The declared class of a structure that may be watched."""
    kind = type(thing)
    return kind if "fields" in vars(kind) else kind.__base__  # type: ignore[return-value]


def _nodes(root: Structure) -> Iterator[Node]:
    if isinstance(root, Record):
        sections = {id(section): index for index, section in root.placed()}
    else:
        sections = {}
    yield from _walk(root, 0, "", None, None, None, sections)


def _walk(
    thing: Structure, offset: int, path: str, parent: str | None, item: int | None,
    section: int | None, sections: dict[int, int],
) -> Iterator[Node]:  # fmt: skip
    kind = plain_kind(thing)
    if section is None and isinstance(thing, Section):
        section = sections.setdefault(id(thing), len(sections))
    position = offset + kind.fixed_size
    asides, parts = [], []
    inner: list[tuple[Structure, int, str, int | None]] = []
    for field in kind.fields:
        value = getattr(thing, field.name)
        if isinstance(field.kind, Aside):
            asides.append(value)
            if isinstance(field.kind, Absent):
                position -= value
    for field in kind.parts:
        value = getattr(thing, field.name)
        if isinstance(value, bytes):
            parts.append((position, position + len(value)))
            position += len(value)
            continue
        several = isinstance(value, tuple)
        for index, child in enumerate(value if several else (value,)):
            name = f"{field.name}[{index}]" if several else field.name
            inner.append((child, position, name, index if several else None))
            position += child.size
    yield Node(kind, offset, path, parent, item, section, tuple(asides), tuple(parts))
    for child, start, name, place in inner:
        below = f"{path}.{name}" if path else name
        yield from _walk(child, start, below, path, place, section, sections)
