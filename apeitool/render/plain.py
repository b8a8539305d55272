"""Structures as plain dictionaries, and back: what JSON and TOML both hold.

A field is a member of the same name.  Enumerations go by name where they have one, integers that a
JSON reader could not hold exactly as hex text, GUIDs as text, bytes as hex.  A structure whose type
its field does not tell says it in ``kind``.  Nothing is left out on the way there; on the way back a
member that is missing has its default, or is derived.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from typing import Any, TypeVar, overload
from uuid import UUID

from apeitool import store_file
from apeitool.acpi import bert, einj, erst
from apeitool.acpi.hest import table
from apeitool.cper import described, record
from apeitool.cper.index import SECTIONS
from apeitool.cper.section import section_named, section_type
from apeitool.errors import EncodeError
from apeitool.qemu import erst_file, loader
from apeitool.wire.record import Field, Structure, named
from apeitool.wire.types import Array, Nested, Part

S = TypeVar("S", bound=Structure)

EXACT = 1 << 53
"""Above it a reader that takes numbers for floating point would lose digits."""

DEEPEST = 32
"""More structures than this inside one another are refused."""

_LIKENESS = 0.5
"""How like, from 0 to 1, a name must be to be taken for a slip of the pen."""

ROOTS: tuple[type[Structure], ...] = (
    bert.BootErrorRegion,
    described.DescribedSection,
    einj.Einj,
    erst.Erst,
    erst_file.ErstStorage,
    loader.TableLoader,
    record.Record,
    store_file.StoreHeader,
    table.Hest,
)
"""Importing them makes every kind known but those of sections, which their index finds."""


def to_plain(thing: Structure, *, limit: int = EXACT, kind: bool = True) -> dict[str, Any]:
    """The structure as a dictionary; integers above ``limit`` become hex text."""
    plain: dict[str, Any] = {"kind": type(thing).__name__} if kind else {}
    for field in thing.fields:
        plain[field.name] = _member(field, getattr(thing, field.name), limit)
    return plain


def _member(field: Field, value: Any, limit: int) -> Any:
    if isinstance(value, Structure):
        return to_plain(value, limit=limit, kind=not isinstance(field.kind, Nested))
    if isinstance(value, tuple):
        return [_member(field, item, limit) for item in value]
    if isinstance(value, enum.IntEnum):
        return value.name if value in type(value).__members__.values() else int(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int):
        return hex(value) if value > limit else int(value)
    return value


def kind_named(name: Any, path: str) -> type[Structure]:
    """The class that ``kind`` names.

    Raises:  EncodeError when there is none.
    """
    if name is None:
        raise EncodeError("kind is missing: which structure is it?", path=path)
    found = None
    if isinstance(name, str):
        found = section_named(name) or named(name) or _named_in_a_section(name)
    if found is None:
        raise EncodeError(f"no structure is called {_short(name)}", path=path)
    return found


def _named_in_a_section(name: str) -> type[Structure] | None:
    """A structure that only some section is made of: they are loaded for it."""
    for guid in SECTIONS:
        section_type(UUID(guid))
    return named(name)


@overload
def from_plain(plain: Any, kind: None = None, path: str = "") -> Structure: ...
@overload
def from_plain(plain: Any, kind: type[S], path: str = "") -> S: ...
def from_plain(plain: Any, kind: type[Structure] | None = None, path: str = "") -> Structure:
    """The structure that a dictionary describes; ``kind`` is its type where it does not say so.

    A member that is a structure already stays as it is.

    Raises:  EncodeError with the path of the member that is wrong.
    """
    if isinstance(plain, Structure):
        return plain
    if path.count(".") > DEEPEST:
        raise EncodeError("structures are not nested so deeply", path=f"{path[:80]}...")
    if not isinstance(plain, dict):
        raise EncodeError(f"{what(plain)} given, a table of fields needed", path=path)
    kind = _kind_of(plain, kind, path)
    path = path or kind.__name__
    table = {f.name: f for f in kind.fields}
    values = {}
    for name, value in plain.items():
        if name == "kind":
            continue
        if name not in table:
            said = f"{kind.__name__} has no field of this name{nearest(name, table)}"
            raise EncodeError(said, path=f"{path}.{name}")
        values[name] = _value(table[name], value, f"{path}.{name}")
    try:
        return kind(**values)
    except EncodeError as wrong:
        inner = wrong.path.partition(".")[2]
        raise EncodeError(wrong.message, path=f"{path}.{inner}" if inner else path) from wrong


def _kind_of(plain: dict[str, Any], expected: type[Structure] | None, path: str) -> type[Structure]:
    """The class that a dictionary names, or else the one that is expected."""
    if expected is not None and "kind" not in plain:
        return expected
    kind = kind_named(plain.get("kind"), path)
    if expected is not None and not issubclass(kind, expected):
        raise EncodeError(f"a {kind.__name__} given, a {expected.__name__} needed", path=path)
    return kind


def nearest(name: str, names: Iterable[str]) -> str:
    """The question whether another name was meant; nothing where none is like it."""
    known = {other.casefold(): other for other in names}
    found = get_close_matches(name.casefold(), known, 1, _LIKENESS)
    return f"; did you mean {known[found[0]]}?" if found else ""


def _value(field: Field, value: Any, path: str) -> Any:
    kind = field.kind
    if isinstance(kind, Nested):
        return from_plain(value, kind.type, path)
    if isinstance(kind, Array):
        return tuple(integer(item, path) for item in listed(value, path))
    if field.type is tuple:
        only = getattr(kind, "only", None)
        items = enumerate(listed(value, path))
        return tuple(from_plain(item, only, f"{path}[{i}]") for i, item in items)
    if field.type is bytes:
        return _bytes(value, path)
    if isinstance(kind, Part):
        return from_plain(value, None, path)
    if field.is_enum:
        return _enumerated(field.type, value, path)
    if field.type is UUID:
        return _guid(value, path)
    if field.type is int:
        return integer(value, path)
    if isinstance(value, str):
        return value
    raise EncodeError(f"{what(value)} given, text needed", path=path)


def listed(value: Any, path: str) -> list[Any]:
    """A value that is a list.

    Raises:  EncodeError when it is none.
    """
    if isinstance(value, list):
        return value
    raise EncodeError(f"{what(value)} given, a list needed", path=path)


def integer(value: Any, path: str) -> int:
    """An integer, or text that spells one.

    Raises:  EncodeError when it is something else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        with suppress(ValueError):
            return int(value, 0)
    raise EncodeError(f"{what(value)} given, an integer needed", path=path)


def _bytes(value: Any, path: str) -> bytes:
    if isinstance(value, str):
        with suppress(ValueError):
            return bytes.fromhex(value)
    raise EncodeError(f"{what(value)} given, bytes in hex needed", path=path)


def _guid(value: Any, path: str) -> UUID:
    if isinstance(value, str):
        with suppress(ValueError):
            return UUID(value)
    raise EncodeError(f"{what(value)} given, a GUID needed", path=path)


def _enumerated(kind: Any, value: Any, path: str) -> Any:
    if isinstance(value, str):
        name = value.strip().upper().replace("-", "_").replace(" ", "_")
        if name in kind.__members__:
            return kind[name]
        if not value[:1].isdigit():
            names = ", ".join(kind.__members__)
            raise EncodeError(f"{_short(value)} is none of {names}", path=path)
    # Whether it fits is the structure's to say, before it becomes a member.
    return integer(value, path)


def what(value: Any) -> str:
    """What was given, in few words."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a number of {value.bit_length()} bits"
    return _short(value)


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) < 40 else f"{shown[:37]}..."
