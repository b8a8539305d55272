"""Structures: classes whose annotations are the layout.

A declaration is read once, when its class is made, into `Field` rows (name, kind, offset, facts).
Everything else comes from those rows: the flat decoder and encoder (`compiled`), the Construct
codec (`codec`), text, JSON, tests.  Instances are immutable, compare by value and take one slot a
field; only the generated code, which is first run when first needed, fills them.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self, dataclass_transform, get_args, get_origin
from uuid import UUID

from apeitool.errors import EncodeError
from apeitool.wire.labels import Word, validity
from apeitool.wire.problem import Problem
from apeitool.wire.shapes import Json
from apeitool.wire.types import (
    AUTO,
    Absent,
    Derived,
    Kind,
    Named,
    Nested,
    Part,
    Style,
    Unit,
    Usual,
    When,
)


class Field:
    """One row of a structure's field table.

    ``item`` is the type of each value of a sequence; None where there is no sequence.

    ``offset`` is in bytes from the start of the structure; None behind a part, where it depends on
    the bytes.  ``view`` names the bits of the value: an ``IntFlag`` or a `Word`.
    """

    __slots__ = (
        "default", "derived", "doc", "hexadecimal", "item", "json", "kind", "name", "named",
        "offset", "type", "unit", "usual", "view", "when",
    )  # fmt: skip

    def __init__(self, name: str, annotation: Any, default: Any, offset: int | None) -> None:
        self.name = name
        self.default = default
        self.offset = offset
        self.type, self.item, facts = _split(annotation)
        kinds = [f for f in facts if isinstance(f, Kind)]
        if len(kinds) > 1:
            raise TypeError(f"{name}: more than one wire kind")
        if kinds:
            self.kind = kinds[0]
        elif isinstance(self.type, StructureMeta):
            self.kind = Nested(self.type)  # type: ignore[arg-type]
        else:
            raise TypeError(f"{name}: no wire kind in {annotation!r}")
        self.doc = " ".join(f for f in facts if isinstance(f, str))
        self.unit: str | None = None
        self.usual: tuple[Any, ...] = ()
        self.when: enum.IntFlag | None = None
        self.derived: Derived | None = None
        self.named: Named | None = None
        self.hexadecimal = False
        self.json: Json | None = None
        self.view: type[enum.IntFlag | Word] | None = None
        for fact in facts:
            self._learn(fact)

    def _learn(self, fact: Any) -> None:
        match fact:
            case Unit():
                self.unit = fact.text
            case Usual():
                self.usual = fact.values
            case When():
                self.when = fact.bit
            case Derived():
                self.derived = fact
            case Named():
                self.named = fact
            case Style():
                self.hexadecimal = fact.hexadecimal
            case Json():
                self.json = fact
            case type() if issubclass(fact, enum.IntFlag | Word):
                self.view = fact
            case str() | Kind():
                pass
            case _:
                raise TypeError(f"{self.name}: {fact!r} is no fact about a field")

    @property
    def is_enum(self) -> bool:
        """Whether the value is a member of an enumeration."""
        return isinstance(self.type, type) and issubclass(self.type, enum.IntEnum)

    def __repr__(self) -> str:
        return f"<Field {self.name} at {self.offset}>"


def _split(annotation: Any) -> tuple[Any, Any, tuple[Any, ...]]:
    """The type of a field, that of its items, and the facts about it."""
    facts: tuple[Any, ...] = getattr(annotation, "__metadata__", ())
    if facts:
        annotation = annotation.__origin__
    # Declared as a sequence, so that a constructor takes lists; held as a tuple.
    if get_origin(annotation) in (Sequence, tuple):
        return tuple, get_args(annotation)[0], facts
    return annotation, None, facts


@dataclass_transform(kw_only_default=True, frozen_default=True)
class StructureMeta(type):
    """Reads a declaration and gives its class slots instead of class attributes."""

    fields: tuple[Field, ...]
    parts: tuple[Field, ...]
    fixed_size: int
    shortest: int

    def __new__(mcls, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> StructureMeta:
        table: dict[str, Field] = {}
        for base in bases:
            table |= {f.name: f for f in getattr(base, "fields", ())}
        own = {
            n: a
            for n, a in space.get("__annotations__", {}).items()
            if bases and get_origin(a) is not ClassVar
        }
        offset = _end_of_fixed(table)
        inherited = set(table)
        for field_name, annotation in own.items():
            if field_name in _TAKEN:
                raise TypeError(f"{name}.{field_name}: the name means something else already")
            if field_name in table:
                table[field_name] = _refined(name, table[field_name], annotation, space)
                continue
            default = space.pop(field_name, _REQUIRED)
            field = Field(field_name, annotation, default, offset)
            if default is _REQUIRED:
                raise TypeError(f"{name}.{field_name}: a field needs a default")
            if isinstance(field.kind, Part):
                offset = None
            elif field.kind.size and offset is None:  # type: ignore[attr-defined]
                raise TypeError(f"{name}.{field_name}: fixed fields come before parts")
            elif offset is not None:
                offset += field.kind.size  # type: ignore[attr-defined]
            table[field_name] = field
        space["__slots__"] = tuple(n for n in own if n not in inherited)
        space |= _source(space.get("__doc__"))
        space |= _FIRST
        cls = super().__new__(mcls, name, bases, space)
        _NAMED.setdefault(name, cls)
        cls.fields = tuple(table.values())
        cls.parts = tuple(f for f in cls.fields if isinstance(f.kind, Part))
        fixed = [f for f in cls.fields if not isinstance(f.kind, Part)]
        cls.fixed_size = sum(f.kind.size for f in fixed)  # type: ignore[attr-defined]
        absent = [f.kind.shortest for f in fixed if isinstance(f.kind, Absent)]
        cls.shortest = absent[0] if absent else cls.fixed_size
        return cls


_REQUIRED: Any = object()
_TAKEN: set[str] = set()
"""Names that no field can have: those of the base class, and of Construct's containers."""
_NAMED: dict[str, StructureMeta] = {}
_FIRST: dict[str, Any] = {}
"""Each class has its own pair of methods, which the generated ones replace at the first call."""


def _refined(owner: str, old: Field, annotation: Any, space: dict[str, Any]) -> Field:
    """A field that a subclass declares again: same place and kind, other names or default."""
    new = Field(old.name, annotation, space.pop(old.name, old.default), old.offset)
    same = type(new.kind) is type(old.kind) and not isinstance(new.kind, Part)
    if not same or new.kind.size != old.kind.size:  # type: ignore[attr-defined]
        raise TypeError(f"{owner}.{old.name}: declared by a base, as another kind")
    return new


def _source(doc: str | None) -> dict[str, str]:
    """The class attribute ``source``, as the docstring has it."""
    found = re.search(r"^ *Source: +(.*)$", doc or "", re.MULTILINE)
    return {"source": found[1]} if found else {}


def _end_of_fixed(table: dict[str, Field]) -> int | None:
    if any(isinstance(f.kind, Part) for f in table.values()):
        return None
    return sum(f.kind.size for f in table.values())  # type: ignore[attr-defined]


class Structure(metaclass=StructureMeta):
    """Base of every structure; see `apeitool.wire.types` for how to declare one."""

    fields: ClassVar[tuple[Field, ...]]
    parts: ClassVar[tuple[Field, ...]]
    fixed_size: ClassVar[int]
    shortest: ClassVar[int]
    source: ClassVar[str] = ""

    def __init__(self, **values: Any) -> None:
        from apeitool.wire import compiled

        compiled.initialise(self, values)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode a structure that begins where ``data`` begins.

        Raises:  Truncated when there are fewer bytes than its shortest legal form has; BadLength
                 when bytes are left that the structure has no place for.
        """
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        item, end = cls.decode_at(data, 0, len(data))
        if end != len(data):
            from apeitool.errors import BadLength

            raise BadLength(
                f"{len(data) - end} bytes are left behind the {end} of {cls.__name__}",
                offset=end, path=cls.__name__, spec=cls.source,
            )  # fmt: skip
        return item

    @classmethod
    def decode_at(cls, buffer: bytes, start: int, end: int) -> tuple[Self, int]:
        """Decode from ``buffer[start:end]``: the structure, and the offset behind it."""
        # Who took hold of this method before the first call comes here again.
        if isinstance(vars(cls)["decode_at"], classmethod):
            from apeitool.wire import compiled

            cls.decode_at = compiled.decoder(cls)  # type: ignore[method-assign]
        return cls.decode_at(buffer, start, end)

    def to_bytes(self) -> bytes:
        """The bytes of all fields, one after the other.

        Raises:  EncodeError when a value does not fit its field.
        """
        from apeitool.wire import compiled

        cls: Any = type(self)
        cls.to_bytes = compiled.encoder(cls)
        return self.to_bytes()

    @property
    def size(self) -> int:
        """How many bytes it takes on the wire."""
        total = self.fixed_size
        for field in self.fields:
            if isinstance(field.kind, Absent):
                total -= int(getattr(self, field.name))
            elif isinstance(field.kind, Part):
                total += _size(getattr(self, field.name))
        return total

    def children(self) -> Iterator[tuple[str, int, Structure]]:
        """The structures inside this one: (name, offset from the start of this one, structure).

        Not those that the bytes were too short for.
        """
        offset = 0
        for field in self.fields:
            value = getattr(self, field.name)
            if isinstance(value, Structure):
                if not self.is_absent(field):
                    yield field.name, offset, value
                offset += value.size
            elif isinstance(field.kind, Part) and isinstance(value, tuple):
                for index, item in enumerate(value):
                    yield f"{field.name}[{index}]", offset, item
                    offset += item.size
            elif isinstance(field.kind, Part):
                offset += len(value)
            elif isinstance(field.kind, Absent):
                offset -= value
            else:
                offset += field.kind.size  # type: ignore[attr-defined]

    def is_valid(self, name: str) -> bool:
        """Whether the record's validation bits say that the field ``name`` is a fact.

        A field that no bit governs is valid; one that the bytes were too short for is not.
        """
        field = next((f for f in self.fields if f.name == name), None)
        if field is None:
            raise AttributeError(f"{type(self).__name__} has no field {name}")
        if self.is_absent(field):
            return False
        return field.when is None or self.has_valid(field.when)

    def has_valid(self, bit: enum.IntFlag) -> bool:
        """Whether one of these bits is set, in the field or the range of one that has such bits."""
        for field in self.fields:
            view = field.view
            if view is type(bit):
                return bool(getattr(self, field.name) & bit)
            if view is not None and issubclass(view, Word):
                own = validity(view, getattr(self, field.name), bit)
                if own is not None:
                    return own
        raise LookupError(f"{type(self).__name__} has no {type(bit).__name__}")

    def is_absent(self, field: Field) -> bool:
        """Whether the bytes ended before the field did."""
        if self.shortest == self.fixed_size:
            return False
        width = getattr(field.kind, "size", 0)
        for other in self.fields:
            if isinstance(other.kind, Absent) and field.offset is not None and width:
                return field.offset + width > self.fixed_size - int(getattr(self, other.name))
        return False

    def replace(self, **changes: Any) -> Self:
        """A copy with other values; nothing is derived anew (see `sealed`)."""
        values = {f.name: getattr(self, f.name) for f in self.fields}
        unknown = changes.keys() - values.keys()
        if unknown:
            raise EncodeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        return type(self)(**(values | changes))

    def sealed(self) -> Self:
        """A copy whose counts, lengths and checksums follow from what is in it, inside out."""
        values: dict[str, Any] = {}
        for field in self.fields:
            value = getattr(self, field.name)
            if isinstance(value, Structure):
                value = value.sealed()
            elif isinstance(value, tuple) and isinstance(field.kind, Part):
                value = tuple(item.sealed() for item in value)
            derived = field.derived is not None and not self.is_absent(field)
            values[field.name] = AUTO if derived else value
        return self._made(values)

    def _made(self, values: dict[str, Any]) -> Self:
        """An instance of these values; what cannot be derived is as it is here."""
        from apeitool.wire import compiled

        made = object.__new__(type(self))
        compiled.initialise(made, values, known=self)
        return made

    @property
    def brief(self) -> str | None:
        """The whole of it on one line, where that says more than its fields; else None."""
        return None

    def shown(self, name: str) -> str | None:
        """How a person reads the value of a field, where its declaration alone cannot tell."""
        return None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the bytes of this structure and of all inside it, in wire order."""
        return tuple(self.walk_problems(0, type(self).__name__))

    def walk_problems(self, offset: int, path: str) -> Iterator[Problem]:
        """As `problems`, for a structure that lies at ``offset`` and is called ``path``."""
        for problem in self.check():
            yield problem.moved(offset, path)
        for name, inner, child in self.children():
            yield from child.walk_problems(offset + inner, f"{path}.{name}")

    def check(self) -> Iterator[Problem]:
        """The problems of this structure alone; offsets and paths are relative to it."""
        return iter(())

    def trouble(self, id: str, field: str, rule: str) -> Problem:
        """A `Problem` of this structure at one of its fields."""
        offset = self.offset_of(field)
        return Problem(id=id, offset=offset, path=field, rule=rule, source=self.source)

    def offset_of(self, name: str) -> int:
        """Where a field begins, in bytes from the start of the structure."""
        row = next(f for f in self.fields if f.name == name)
        if row.offset is not None:
            return row.offset
        # A part: it and those behind it are what is left.
        behind = self.parts[[f.name for f in self.parts].index(name) :]
        return self.size - sum(_size(getattr(self, f.name)) for f in behind)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; use replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, f.name) == getattr(other, f.name) for f in self.fields)

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, f.name) for f in self.fields)))

    def __repr__(self) -> str:
        shown = (
            f"{f.name}={_show(f, getattr(self, f.name))}"
            for f in self.fields
            if getattr(self, f.name) != f.default
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), {f.name: getattr(self, f.name) for f in self.fields})


def named(name: str) -> type[Structure] | None:
    """The structure of that name among those declared so far; None if there is none."""
    return _NAMED.get(name)  # type: ignore[return-value]


def known(base: type[Structure]) -> list[type[Structure]]:
    """The structures declared so far that are ``base`` or extend it."""
    return [kind for kind in _NAMED.values() if issubclass(kind, base)]


def finished(base: type[Structure]) -> list[type[Structure]]:
    """Those of them that none extends further."""
    found = known(base)
    bases = {above for kind in found for above in kind.__bases__}
    return [kind for kind in found if kind not in bases]


_TAKEN |= {*vars(Structure), *dir(dict)}
_FIRST |= {name: vars(Structure)[name] for name in ("decode_at", "to_bytes")}


def _restore(cls: type[Structure], values: dict[str, Any]) -> Structure:
    return cls(**values)


def _size(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, Structure):
        return value.size
    return sum(item.size for item in value)


def _show(field: Field, value: Any) -> str:
    if field.hexadecimal or field.view is not None:
        return f"{value:#x}" if isinstance(value, int) else repr(value)
    if isinstance(value, UUID):
        return f"UUID('{value}')"
    if isinstance(value, enum.IntEnum):
        return f"{type(value).__name__}.{value.name}"
    return repr(value)
