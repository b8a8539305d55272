"""The JSON Schema of the lossless JSON, as it follows from the declarations.

``python -m apeitool.render.json_schema`` rewrites ``lossless.schema.json``; a test holds it equal to
what is declared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from apeitool.cper.index import SECTIONS
from apeitool.cper.section import section_type
from apeitool.render.json import SCHEMA
from apeitool.render.plain import EXACT, ROOTS
from apeitool.wire.record import Field, Structure, finished, known
from apeitool.wire.types import Array, Bytes, Nested, Part, Scalar, Text

PATH = Path(__file__).with_name("lossless.schema.json")

_NUMBER = {"type": "string", "pattern": "^(0[xX][0-9a-fA-F]+|[0-9]+)$"}
_COMMON: dict[str, Any] = {
    "bytes": {"type": "string", "pattern": "^([0-9a-fA-F]{2})*$"},
    "guid": {"type": "string", "pattern": "^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"},
    **{
        f"u{bits}": {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": min((1 << bits) - 1, EXACT)},
                _NUMBER,
            ]
        }
        for bits in range(8, 65, 8)
    },
}
"""Values of one kind; a number that not every reader holds exactly is text."""


def schema() -> dict[str, Any]:
    """The schema of a document: an envelope, a list of objects, or one of them.

    A member that is missing has its default, or is derived; ``kind`` is needed where the place of
    an object does not tell its type.
    """
    fields = [field for kind in structures() for field in kind.fields]
    bases: set[type[Structure]] = {Structure}
    bases.update(base for field in fields for base in _bases(field))
    choices = {
        f"Any{base.__name__}": _choice(base)
        for base in sorted(bases, key=lambda base: base.__name__)
        if len(_kinds(base)) > 1
    }
    several = {"type": "array", "items": _any(Structure)}
    envelope = {
        "type": "object",
        "required": ["schema", "items"],
        "properties": {
            "schema": {"const": SCHEMA},
            "tool": {"type": "string"},
            "items": several,
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        "title": "Lossless JSON of apeitool",
        "anyOf": [_ref("envelope"), several, _any(Structure)],
        "$defs": {
            **_COMMON,
            "envelope": envelope,
            **choices,
            **{kind.__name__: _structure(kind) for kind in structures()},
        },
    }


@cache
def structures() -> tuple[type[Structure], ...]:
    """Every structure of the package that bytes can be, by name."""
    assert ROOTS
    for guid in SECTIONS:
        section_type(UUID(guid))
    package = Structure.__module__.partition(".")[0]
    leaves = finished(Structure)
    whole = (kind for kind in known(Structure) if kind.fields or kind in leaves)
    own = (kind for kind in whole if kind.__module__.partition(".")[0] == package)
    return tuple(sorted(own, key=lambda kind: kind.__name__))


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _any(base: type[Structure]) -> dict[str, Any]:
    """A structure of a type or of one that extends it."""
    kinds = _kinds(base)
    return _ref(kinds[0] if len(kinds) == 1 else f"Any{base.__name__}")


def _kinds(base: type[Structure]) -> list[str]:
    return [kind.__name__ for kind in structures() if issubclass(kind, base)]


def _bases(field: Field) -> Iterator[type[Structure]]:
    """The types of which a field holds structures that tell theirs themselves."""
    if isinstance(field.kind, Part) and field.type is not bytes:
        yield field.item if field.type is tuple else field.type


def _choice(base: type[Structure]) -> dict[str, Any]:
    """One of several types, which its ``kind`` tells."""
    names = _kinds(base)
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": names}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": name}}}, "then": _ref(name)} for name in names
        ],
    }


def _structure(kind: type[Structure]) -> dict[str, Any]:
    return {
        "description": (kind.__doc__ or "").partition("\n")[0],
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "kind": {"const": kind.__name__},
            **{field.name: _field(field) for field in kind.fields},
        },
    }


def _field(field: Field) -> dict[str, Any]:
    said = [field.doc] if field.doc else []
    if field.unit and field.unit != "address":
        said.append(f"in {field.unit}")
    return {"description": ", ".join(said), **_value(field)} if said else _value(field)


def _value(field: Field) -> dict[str, Any]:
    kind = field.kind
    if isinstance(kind, Nested):
        return _ref(kind.type.__name__)
    if isinstance(kind, Array):
        item = _integer(kind.item.size)
        return {"type": "array", "items": item, "minItems": kind.count, "maxItems": kind.count}
    for base in _bases(field):
        one = _any(base)
        return {"type": "array", "items": one} if field.type is tuple else one
    if isinstance(kind, Bytes):
        return {**_ref("bytes"), "minLength": 2 * kind.size, "maxLength": 2 * kind.size}
    if field.type is bytes:
        return _ref("bytes")
    if field.type is UUID:
        return _ref("guid")
    if isinstance(kind, Text):
        return {"type": "string", "maxLength": kind.size}
    number = _integer(kind.size if isinstance(kind, Scalar) else 8)
    if field.is_enum:
        return {"anyOf": [{"enum": [member.name for member in field.type]}, number]}
    return number


def _integer(size: int) -> dict[str, Any]:
    return _ref(f"u{8 * size}")


def text() -> str:
    """The text of ``lossless.schema.json``: a field a line."""
    whole = schema()
    parts = whole.pop("$defs")
    head = json.dumps(whole, indent=1).removesuffix("\n}")
    rows = ",\n".join(f"  {json.dumps(name)}: {_rows(part)}" for name, part in parts.items())
    return f'{head},\n "$defs": {{\n{rows}\n }}\n}}\n'


def _rows(part: dict[str, Any]) -> str:
    fields = part.get("properties", {})
    if len(fields) <= 1:
        return json.dumps(part)
    head = json.dumps({name: value for name, value in part.items() if name != "properties"})
    rows = ",\n".join(f"    {json.dumps(name)}: {json.dumps(f)}" for name, f in fields.items())
    return f'{head[:-1]}, "properties": {{\n{rows}\n  }}}}'


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
