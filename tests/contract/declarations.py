"""What holds for every declaration: what it says of itself, and that its fields are where it says.

Each rule is a function that fails when it does not hold; see `rules`.
"""

import enum
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rules import Kind, decoded
from strategies import is_finished, item_of

from apeitool.cper.section import Section
from apeitool.errors import EncodeError
from apeitool.wire.record import Field, Structure
from apeitool.wire.types import AUTO, Aside, Many, Part, Raw, Scalar


def it_says_what_it_is(cls: Kind) -> None:
    lines = docstring(cls).splitlines()
    assert lines[0].endswith("."), "the first line is a sentence"
    sources = [facts(docstring(base)).get("Source") for base in cls.__mro__[:-2]]
    source = next(filter(None, sources), "")
    assert source or not is_finished(cls), "who says so?"
    assert facts(docstring(cls)).get("Source", source) == source
    assert cls.source == source, "the attribute says what the docstring says"


def docstring(cls: type) -> str:
    """The docstring of this very class."""
    text = cls.__dict__.get("__doc__")
    assert text, f"{cls.__name__} has no docstring"
    return str(text)


def facts(text: str) -> dict[str, str]:
    """``Shape: Units: Raises: Source:`` of a docstring."""
    found = re.findall(r"^ *(Shape|Units|Raises|Source): +(.*(?:\n {10,}.*)*)", text, re.MULTILINE)
    return {name: " ".join(value.split()) for name, value in found}


def its_shape_is_true(cls: Kind) -> None:
    said = facts(docstring(cls))
    shape = re.match(r"(\d+) bytes(?! each)", said.get("Shape", ""))
    if shape:
        assert int(shape[1]) == cls.fixed_size
    least = re.search(r"fewer than (\d+) bytes", said.get("Raises", ""))
    if least:
        assert int(least[1]) == cls.shortest


def its_names_are_free(cls: Kind) -> None:
    taken = set(dir(Structure)) | set(dir(dict))  # Construct's context is a dict with attributes
    assert not taken & {f.name for f in cls.fields}


def what_is_derived_is_left_out(cls: Kind) -> None:
    for field in cls.fields:
        assert (field.derived is not None) == (field.default is AUTO), field
    if is_finished(cls):
        assert len(cls().to_bytes()) >= cls.shortest


def validity_has_a_governor(cls: Kind) -> None:
    for field in cls.fields:
        if field.when is not None:
            assert sum(governs(f, type(field.when)) for f in cls.fields) == 1, field


def governs(field: Field, valid: type) -> bool:
    """Whether the bits of this class are the field's, or those of a range of it."""
    ranges = getattr(field.view, "ranges", {}).values()
    return field.view is valid or any(bits.type is valid for bits in ranges)


def names_fit_their_numbers(cls: Kind) -> None:
    for field in cls.fields:
        if not isinstance(field.kind, Scalar):
            assert field.view is None or hasattr(field.kind, "item"), field
            continue
        room = 8 * field.kind.size
        if field.is_enum:
            assert all(0 <= member < 1 << room for member in field.type)
        if field.view is not None and issubclass(field.view, enum.IntFlag):
            assert all(member < 1 << room for member in field.view)
        elif field.view is not None:
            taken = 0
            for bits in field.view.ranges.values():
                assert not taken & bits.mask, f"{field}: {bits.name} overlaps another"
                taken |= bits.mask
            assert taken < 1 << room, field


def lists_come_to_an_end(cls: Kind) -> None:
    for field in cls.parts:
        if isinstance(field.kind, Many) and field.kind.only is not None:
            assert field.kind.only.shortest, f"{field}: items may take no bytes"


def a_section_takes_the_rest(cls: Kind) -> None:
    if issubclass(cls, Section) and is_finished(cls):
        last = cls.fields[-1]
        assert type(last.kind) is Raw
        assert last.kind.length is None
        assert last.kind.until is None


def a_field_owns_its_bytes(cls: Kind) -> None:
    zeros = bytes(cls.fixed_size)
    empty = decoded(cls, zeros)
    for field in cls.fields:
        if isinstance(field.kind, Part | Aside):
            continue
        size = field.kind.size
        marked = bytearray(zeros)
        marked[field.offset : field.offset + size] = b"\xff" * size
        item = decoded(cls, bytes(marked))
        fixed = [f.name for f in cls.fields if not isinstance(f.kind, Part)]
        assert [n for n in fixed if getattr(item, n) != getattr(empty, n)] == [field.name]
        value = getattr(item, field.name)
        assert empty.replace(**{field.name: value}).to_bytes() == bytes(marked)
        if field.is_enum:
            assert value == (1 << 8 * size) - 1
            assert value.is_known == (value in list(field.type))


def what_does_not_fit_is_refused(cls: Kind) -> None:
    empty = decoded(cls, bytes(cls.fixed_size))
    for field in cls.fields:
        if isinstance(field.kind, Aside):
            continue
        for value in (*misfits(field), *foreigners(cls, field)):
            with pytest.raises(EncodeError) as caught:
                empty.replace(**{field.name: value}).to_bytes()
            path = re.sub(r"\[\d+\]$", "", caught.value.path)
            assert path == f"{cls.__name__}.{field.name}", value
    with pytest.raises(EncodeError):
        empty.replace(unheard_of=1)


def misfits(field: Field) -> Iterator[Any]:
    """Values that a field has no room for, or that are of another type."""
    yield from (None, 1.5, object())
    size = getattr(field.kind, "size", 0)
    match type(field.kind).__name__:
        case "Scalar":
            yield from (1 << 8 * size, -1, "1", b"1")
        case "Guid":
            yield from (1, str(field.default), bytes(16))
        case "Text":
            yield from ("x" * (size + 1), "\u20ac", b"x")
        case "Bytes":
            yield from (bytes(size + 1), bytes(size - 1), "x" * size)
        case "Array":
            yield from ((), (0,) * (field.kind.count + 1), ("0",) * field.kind.count,
                        (-1,) * field.kind.count,
                        (1 << 8 * field.kind.item.size,) * field.kind.count)  # fmt: skip
        case "Nested":
            yield 1
        case _ if field.type is tuple:
            yield from ((1,), (b"1",), (None,))
        case _ if field.type is bytes:
            yield from ("x", 1, (1,))


class Foreign(Structure):
    """A structure that no other one holds."""


def foreigners(cls: Kind, field: Field) -> Iterator[Any]:
    """Structures of another type than a part is declared to hold."""
    if isinstance(field.kind, Part) and field.type is tuple:
        if item_of(cls, field) is not Structure:
            yield (Foreign(),)
    elif isinstance(field.kind, Part) and field.type is not bytes:
        yield Foreign()


DECLARING: tuple[Callable[[Kind], None], ...] = (
    it_says_what_it_is,
    its_shape_is_true,
    its_names_are_free,
    what_is_derived_is_left_out,
    validity_has_a_governor,
    names_fit_their_numbers,
    lists_come_to_an_end,
    a_section_takes_the_rest,
    a_field_owns_its_bytes,
    what_does_not_fit_is_refused,
)
