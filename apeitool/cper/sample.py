"""A structure with plausible values, drawn from what its declaration says of each field.

Enumerations get a member, flags and registers bits that have names, reserved bytes zero.  What a
validation bit governs is zero unless the bit is set.  What was drawn is whole: it decodes to itself,
and nothing is wrong with it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from apeitool.errors import ApeiError
from apeitool.wire.labels import Word
from apeitool.wire.record import Field, Structure, finished
from apeitool.wire.types import (
    Absent,
    Array,
    Aside,
    Bytes,
    Guid,
    Many,
    Nested,
    One,
    Part,
    Raw,
    Scalar,
    Strided,
    Text,
)

_S = TypeVar("_S", bound=Structure)
_TRIES = 8
_ITEMS = 3
_BYTES = 24
_OFTEN = 0.8
_LEFT_OUT = ("reserved", "rest", "trailing", "padding", "gap", "unparsed", "absent")
"""What fields are called that hold nothing in a sound structure."""
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


def sample(cls: type[_S], random: Random) -> _S:
    """An instance of a structure, whole and with nothing wrong in it.

    Raises:  TypeError when the declaration has a kind of field that nothing is drawn for.
    """
    for attempt in range(_TRIES):
        made = _drawn(cls, random, parts=attempt < _TRIES // 2)
        if made is not None:
            return made
    return cls()


def _drawn(cls: type[_S], random: Random, *, parts: bool) -> _S | None:
    """An instance with drawn values; None where they do not go together."""
    values: dict[str, Any] = {}
    for field in cls.fields:
        if field.derived is None and not field.name.startswith(_LEFT_OUT):
            value = _value(cls, field, random, parts=parts)
            if value is not None:
                values[field.name] = value
    try:
        if parts:
            values |= _fitting(cls, values, random)
        values |= _counts(cls, values)
        made = cls(**(values | _zeros(cls(**values))))
        is_whole = cls.from_bytes(made.to_bytes()) == made and not made.problems
    except (ApeiError, ValueError):
        return None
    return made if is_whole else None


def _value(cls: type[Structure], field: Field, random: Random, *, parts: bool) -> Any:
    if field.usual and random.random() < _OFTEN:
        return random.choice(field.usual)
    match field.kind:
        case Scalar():
            return _number(field, field.kind.size, random)
        case Guid():
            return UUID(int=random.getrandbits(128), version=4)
        case Text():
            return "".join(
                random.choice(_LETTERS) for _ in range(random.randint(1, field.kind.size))
            )
        case Bytes():
            return random.randbytes(field.kind.size)
        case Array():
            return tuple(
                random.getrandbits(8 * field.kind.item.size) for _ in range(field.kind.count)
            )
        case Nested():
            return _drawn(field.kind.type, random, parts=parts)
        case Absent() | Aside():
            return None
        case Part():
            return _part(field, random) if parts else None
    raise TypeError(f"{cls.__name__}.{field.name}: nothing is drawn for {field.kind!r}")


def _number(field: Field, size: int, random: Random) -> int:
    if field.is_enum:
        return random.choice(list(field.type))  # type: ignore[no-any-return]
    if field.view is not None:
        return bits(field.view, random)
    if field.unit == "address":
        return random.randrange(1 << 40) & ~63
    return random.getrandbits(random.choice([4, 8, 8 * size]) if size > 1 else 8 * size)


def bits(view: type[enum.IntFlag | Word], random: Random) -> int:
    """Bits that have names: of flags most, of a register a value for each range.

    A register that says whether it is valid is valid in most cases.
    """
    if issubclass(view, enum.IntFlag):
        if view.__name__.endswith("Valid"):
            return sum(int(flag) for flag in view if random.random() < _OFTEN)
        some = random.sample(list(view), 1 if random.random() < _OFTEN else min(2, len(view)))
        return sum(map(int, some))
    word = 0
    for name, part in view.ranges.items():
        if name == "valid" and part.width == 1:
            value = int(random.random() < _OFTEN)
        elif part.type is None:
            value = random.getrandbits(part.width)
        elif issubclass(part.type, enum.IntFlag | Word):
            value = bits(part.type, random) & part.mask >> part.low
        else:
            value = int(random.choice([m for m in part.type if m < 1 << part.width] or [0]))
        word |= value << part.low
    return word


def _part(field: Field, random: Random) -> Any:
    kind = field.kind
    if isinstance(kind, Raw):
        return random.randbytes(random.choice([0, _BYTES]))
    if isinstance(kind, Many | Strided):
        one = getattr(kind, "only", None) or getattr(kind, "kind", None) or field.item
        family = finished(one)
        return tuple(
            sample(random.choice(family), random) for _ in range(random.randint(1, _ITEMS))
        )
    return None


def _fitting(cls: type[Structure], values: dict[str, Any], random: Random) -> dict[str, Any]:
    """The parts that are of one of several types: of one that the other fields ask for."""
    found: dict[str, Any] = {}
    for field in cls.parts:
        if not isinstance(field.kind, One):
            continue
        family = finished(field.type)
        for kind in random.sample(family, len(family)):
            found[field.name] = part = sample(kind, random)
            made = cls(**(values | found))
            if field.kind.choose(made, part.size) is kind:
                break
    return found


def _counts(cls: type[Structure], values: dict[str, Any]) -> dict[str, int]:
    """What fields must hold that others are counted or measured by."""
    found = {}
    for field in cls.parts:
        content = values.get(field.name, ())
        if isinstance(field.kind, Many) and field.kind.count_field:
            found[field.kind.count_field] = len(content)
        if isinstance(field.kind, Raw) and field.kind.length_field:
            found[field.kind.length_field] = len(content)
    derived = {field.name for field in cls.fields if field.derived}
    return {name: value for name, value in found.items() if name not in derived}


def _zeros(made: Structure) -> dict[str, Any]:
    """What the structure marks invalid, as zero; so are ranges of a register that its own bits do."""
    found: dict[str, Any] = {}
    for field in made.fields:
        if isinstance(field.kind, Part | Aside):
            continue
        if not made.is_valid(field.name):
            found[field.name] = field.default
        elif field.view is not None and issubclass(field.view, Word):
            value = getattr(made, field.name)
            found[field.name] = value & ~sum(_silent(made, field.view, value))
    return found


def _silent(made: Structure, view: type[Word], value: int) -> Iterator[int]:
    """The masks of the ranges of a register that are no facts."""
    from apeitool.wire.labels import word_lines

    told = {name for name, _ in word_lines(view, value, made.has_valid)}
    for name, part in view.ranges.items():
        if part.when is not None and name not in told:
            yield part.mask
