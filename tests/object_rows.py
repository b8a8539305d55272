"""The rows that objects make, field by field: what columns must say too."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC
from enum import IntEnum
from typing import Any

import numpy as np

from apeitool.columns import tables
from apeitool.cper.record import Record
from apeitool.cper.section import Section
from apeitool.cper.timestamp import Timestamp
from apeitool.wire.record import Field, Structure
from apeitool.wire.types import Nested, Part

Rows = dict[str, list[dict[str, Any]]]


def of_columns(kind: type[Structure], data: list[bytes]) -> Rows:
    """The rows of each table, sorted by where they are."""
    sizes = np.array([len(one) for one in data], np.int64)
    ends = np.cumsum(sizes)
    objects = tables.Objects(
        np.frombuffer(b"".join(data), np.uint8), kind, ends - sizes, ends, ["here"],
        np.zeros(len(data), np.int32), np.arange(len(data), dtype=np.int64),
    )  # fmt: skip
    found = tables.decode(objects)
    for batch in found.values():
        batch.validate(full=True)
    return {name: sorted(batch.to_pylist(), key=_order) for name, batch in found.items()}


def of_objects(kind: type[Structure], data: list[bytes]) -> Rows:
    """As `of_columns`, of objects that are decoded one by one."""
    found: Rows = defaultdict(list)
    for number, one in enumerate(data):
        root = kind.from_bytes(one)
        sections: dict[int, int] = {}
        if isinstance(root, Record):
            sections = {id(section): index for index, section in root.placed()}
        for thing, path, parent, item, section in _walk(root, "", None, None, None, sections):
            keys = {
                "source": "here", "object_offset": number, "section": section, "path": path,
                "parent": parent, "item": item,
            }  # fmt: skip
            found[type(thing).__name__].append(keys | _values(thing, root))
        for problem in root.check():
            found["Problem"].append(_problem(problem.moved(0, kind.__name__), number, len(one)))
    return {name: sorted(rows, key=_order) for name, rows in found.items()}


def _problem(problem: Any, number: int, size: int) -> dict[str, Any]:
    said = {
        "id": problem.id, "offset": problem.offset, "path": problem.path, "rule": problem.rule,
        "spec": problem.source,
    }  # fmt: skip
    return {"source": "here", "object_offset": number, "size": size, **said, "data": None}


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["object_offset"], row["path"], row.get("id", ""), row.get("rule", ""))


def _walk(
    thing: Structure, path: str, parent: str | None, item: int | None, section: int | None,
    sections: dict[int, int],
) -> Iterator[tuple[Structure, str, str | None, int | None, int | None]]:  # fmt: skip
    if section is None and isinstance(thing, Section):
        section = sections.setdefault(id(thing), len(sections))
    yield thing, path, parent, item, section
    for name, _, child in thing.children():
        head, _, index = name.partition("[")
        if not isinstance(_field(thing, head).kind, Nested):
            below = f"{path}.{name}" if path else name
            place = int(index[:-1]) if index else None
            yield from _walk(child, below, path, place, section, sections)


def _field(thing: Structure, name: str) -> Field:
    return next(f for f in thing.fields if f.name == name)


def _values(thing: Structure, root: Structure) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in thing.fields:
        value = getattr(thing, field.name)
        if isinstance(field.kind, Part) and not isinstance(value, bytes):
            continue
        is_fact = thing.is_valid(field.name)
        if field.view is Timestamp:
            found[field.name] = _moment(thing, field, is_fact)
            found[f"{field.name}_word"] = value if is_fact else None
        else:
            found[field.name] = _plain(value, root) if is_fact else None
    return found


def _moment(thing: Structure, field: Field, is_fact: bool) -> Any:
    if isinstance(thing, Record):
        moment = thing.moment
    else:
        moment = Timestamp(getattr(thing, field.name)).moment if is_fact else None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment and moment.tzinfo else moment


def _plain(value: Any, root: Structure) -> Any:
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, Structure):
        return _values(value, root)
    if isinstance(value, int) and value >> 64:
        return None  # no register has room for it
    return list(value) if isinstance(value, tuple) else value
