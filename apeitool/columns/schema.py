"""What the table of a structure looks like: a column a field, in the type of its declaration."""

from __future__ import annotations

import enum
from functools import cache
from typing import Any

import pyarrow as pa

from apeitool.cper.timestamp import Timestamp
from apeitool.wire.record import Field, Structure
from apeitool.wire.types import Array, Aside, Bytes, Guid, Nested, Part, Scalar, Text

NAMES = pa.dictionary(pa.int32(), pa.string())
"""Of few different texts."""
MOMENT = pa.timestamp("s")
SCALARS: dict[int, pa.DataType] = {
    1: pa.uint8(), 2: pa.uint16(), 3: pa.uint32(), 4: pa.uint32(), 8: pa.uint64(),
}  # fmt: skip
"""Types of unsigned integers by their bytes on the wire."""

KEYS = pa.schema(
    [
        pa.field("source", NAMES, nullable=False),
        pa.field("object_offset", pa.int64(), nullable=False),
        pa.field("section", pa.int32()),
        pa.field("path", NAMES, nullable=False),
        pa.field("parent", NAMES),
        pa.field("item", pa.int32()),
    ]
)
"""What every table begins with.

``source`` and ``object_offset`` say which object: the file, and the byte in it where it begins.
``section`` is the place of the section in its object.  ``path`` is that of the structure inside the
object, ``parent`` that of the one around it, ``item`` its place in the list that it is in.
"""

PROBLEMS = pa.schema(
    [
        pa.field("source", NAMES, nullable=False),
        pa.field("object_offset", pa.int64(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("id", NAMES, nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("path", NAMES, nullable=False),
        pa.field("rule", NAMES, nullable=False),
        pa.field("spec", NAMES, nullable=False),
        pa.field("data", pa.binary()),
    ]
)
"""What is wrong: with an object, or with bytes that are none (``data``, unless they are many).

``size`` is how many bytes it is about, ``offset`` is from the start of the object.
"""
PROBLEM_TABLE = "Problem"

WORD = "_word"
"""Behind the name of a timestamp: the 64 bits that it is written in."""


def is_moment(field: Field) -> bool:
    """Whether a field says when."""
    return isinstance(field.view, type) and issubclass(field.view, Timestamp)


def columns(kind: type[Structure]) -> list[Field]:
    """The fields that are columns: all but the parts that are rows of other tables."""
    return [f for f in kind.fields if not isinstance(f.kind, Part) or f.type is bytes]


@cache
def schema(kind: type[Structure]) -> pa.Schema:
    """The schema of the table of a structure, which is called as its class is."""
    fields = [f for field in columns(kind) for f in _fields(field)]
    return pa.schema([*KEYS, *fields])


def _fields(field: Field) -> list[pa.Field]:
    if is_moment(field):
        return [pa.field(field.name, MOMENT), pa.field(field.name + WORD, pa.uint64())]
    return [pa.field(field.name, type_of(field))]


def type_of(field: Field) -> Any:
    """The Arrow type of a field."""
    if field.is_enum:
        return NAMES
    match field.kind:
        case Scalar():
            return SCALARS[field.kind.size]
        case Array():
            return pa.list_(SCALARS[field.kind.item.size], field.kind.count)
        case Guid():
            return pa.uuid()
        case Text():
            return pa.string()
        case Bytes():
            return pa.binary(field.kind.size)
        case Nested():
            return struct_of(field.kind.type)
        case Part():
            return pa.binary()
        case Aside():
            return pa.uint64() if issubclass(field.type, int) else pa.uuid()
    raise TypeError(f"{field.name}: no column for {field.kind!r}")


def struct_of(kind: type[Structure]) -> Any:
    """The type of a structure inside another."""
    return pa.struct([f for field in columns(kind) for f in _fields(field)])


@cache
def names_of(kind: type[enum.IntEnum]) -> pa.Array:
    """The names of an enumeration, in the order of its values."""
    return pa.array([m.name for m in sorted(kind)], pa.string())
