"""What holds for every structure: rules on the bytes that it meets, and on what is built.

Each is a function that fails when its rule does not hold; `test_structures` runs them on all
structures, `test_broken` on declarations made to break them.
"""

import contextlib
import copy
import pickle
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from strategies import is_finished

from apeitool.cper.section import Section
from apeitool.errors import ApeiError, BadLength, Truncated
from apeitool.render.text import text
from apeitool.wire import codec
from apeitool.wire.labels import Label, Word, flag_names, word_lines
from apeitool.wire.problem import Problem
from apeitool.wire.record import Field, Structure
from apeitool.wire.types import Aside, Scalar

Kind = type[Structure]

BEYOND_SEALING = {
    "source-type": "a reserved type stays one",
    "source-id": "which of two sources keeps the number is not for us to say",
    "table-signature": "a base of tables spells none",
    "table-rest": "bytes that are no source stay what they are",
    "entry-rest": "bytes that are no entry stay what they are",
    "record-signature": "what is no record does not become one",
    "section-place": "a descriptor that owns no bytes is not dropped",
    "region-length": "how much room there is in memory, the table alone does not know",
    "header-size": "two sizes are in use, and neither is computed",
    "extension-absent": "a flag is a statement, and nothing invents an extension",
    "no-section": "nothing invents a section",
    "section-too-short": "bytes that are not there stay away",
    "valid-but-absent": "validation bits are statements, not lengths",
}
"""Problems that ``sealed()`` leaves, and why; all others are of counts, lengths and checksums."""

INHERENT = {"source-type": "no specification names the type of a reserved source"}
"""Problems that a structure has however well it is built."""


def decoded(cls: Kind, data: bytes) -> Structure:
    """The structure that begins where the bytes begin."""
    item: Structure = cls.decode_at(data, 0, len(data))[0]
    return item


# ---- bytes that parse


def what_is_read_is_written(cls: Kind, data: bytes) -> None:
    item, end = cls.decode_at(data, 0, len(data))
    assert item.to_bytes() == data[:end]
    assert item.size == end
    if end == len(data):
        assert cls.from_bytes(data) == item
    else:
        with pytest.raises(BadLength) as caught:
            cls.from_bytes(data)
        assert caught.value.offset == end


def the_fast_path_is_construct(cls: Kind, data: bytes) -> None:
    item, end = cls.decode_at(data, 0, len(data))
    slow, slow_end = codec.decode(cls, data, 0, len(data))
    assert (slow, slow_end, type(slow)) == (item, end, type(item))
    assert codec.encode(item) == item.to_bytes() == codec.encode(slow)


def what_lies_around_is_not_seen(cls: Kind, data: bytes) -> None:
    item, end = cls.decode_at(data, 0, len(data))
    for before, behind in ((b"CPER", b"CPER"), (b"\xff" * 7, b"\xff" * 300), (b"\0" * 9, b"")):
        start, around = len(before), before + data + behind
        again = cls.decode_at(around, start, start + len(data))
        assert again == (item, start + end)


def every_byte_has_one_owner(cls: Kind, data: bytes) -> None:
    item, end = cls.decode_at(data, 0, len(data))
    for offset, node in nodes(item):
        assert node.to_bytes() == data[offset : offset + node.size]
        spans = [(at, at + child.size) for _, at, child in node.children()]
        assert all(stop <= begin for (_, stop), (begin, _) in pairwise(spans))
        assert not spans or spans[-1][1] <= node.size
    assert sum(len(owned) for owned in leaves(item)) == end


def nodes(item: Structure, offset: int = 0) -> Iterator[tuple[int, Structure]]:
    """A structure and all inside it, with their offsets."""
    yield offset, item
    for _, inner, child in item.children():
        yield from nodes(child, offset + inner)


def leaves(item: Structure) -> Iterator[bytes]:
    """The bytes that belong to no structure inside this one."""
    position, whole = 0, item.to_bytes()
    for _, offset, child in item.children():
        yield whole[position:offset]
        yield from leaves(child)
        position = offset + child.size
    yield whole[position:]


def problems_point_inside(cls: Kind, data: bytes) -> None:
    item, end = cls.decode_at(data, 0, len(data))
    for problem in item.problems:
        assert isinstance(problem, Problem)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", problem.id)
        assert problem.rule
        assert problem.source, f"nobody says so: {problem}"
        assert 0 <= problem.offset <= end
        root, _, path = problem.path.partition(".")
        assert root == cls.__name__
        assert problem.offset == place(item, path), problem


def place(item: Structure, path: str) -> int:
    """The offset of what a path names."""
    step, _, rest = path.partition(".")
    if not step:
        return 0
    for name, offset, child in item.children():
        if name == step:
            return offset + place(child, rest)
    assert not rest, f"{type(item).__name__} has no {step}"
    return offset_of(item, step)


def offset_of(item: Structure, name: str) -> int:
    """Where a field begins."""
    fields = {f.name: f for f in item.fields}
    assert name in fields, f"{type(item).__name__} has no {name}"
    field = fields[name]
    if field.offset is not None:
        return field.offset
    behind = item.parts[item.parts.index(field) :]
    return item.size - sum(len(part_bytes(item, f)) for f in behind)


def part_bytes(item: Structure, field: Field) -> bytes:
    """The bytes of one part."""
    value: Any = getattr(item, field.name)
    if isinstance(value, bytes):
        return value
    return b"".join(i.to_bytes() for i in (value if isinstance(value, tuple) else (value,)))


def it_is_a_value(cls: Kind, data: bytes) -> None:
    item, twin = decoded(cls, data), decoded(cls, data)
    same = (twin, item.replace(), copy.copy(item), copy.deepcopy(item),
            pickle.loads(pickle.dumps(item)))  # fmt: skip
    for other in same:
        assert other == item
        assert hash(other) == hash(item)
        assert type(other) is cls
        assert other.to_bytes() == item.to_bytes()
    assert item != object()
    for field in cls.fields:
        if isinstance(field.kind, Scalar):
            assert item.replace(**{field.name: getattr(item, field.name) ^ 1}) != item
    for _, node in nodes(item):
        for name in (*(f.name for f in node.fields), "unheard_of"):
            with pytest.raises(AttributeError):
                setattr(node, name, 0)
            with pytest.raises(AttributeError):
                delattr(node, name)


def looking_is_harmless(cls: Kind, data: bytes) -> None:
    item = decoded(cls, data)
    assert cls.__name__ in repr(item)
    assert not is_finished(cls) or cls.__name__ in text(item)
    for name in dir(cls):
        if isinstance(getattr(cls, name), property):
            getattr(item, name)
    if isinstance(item, Section):
        assert item.sentence()
    for field in cls.fields:
        assert item.is_valid(field.name) in (True, False)
        assert item.shown(field.name) != ""
        look(item, field)


def look(item: Structure, field: Field) -> None:
    """Read a field as a person sees it."""
    value = getattr(item, field.name)
    if isinstance(value, Label):
        assert value.text
    view = field.named.choose(item) if field.named else field.view
    if view is not None and issubclass(view, Word):
        assert all(text for _, text in word_lines(view, value))
    elif view is not None:
        assert all(flag_names(view, value))


def sealing_settles(cls: Kind, data: bytes) -> None:
    if not is_finished(cls):
        return
    sealed = decoded(cls, data).sealed()
    assert sealed.sealed() == sealed
    assert {p.id for p in sealed.problems} <= set(BEYOND_SEALING), sealed.problems
    assert read_back(sealed) == sealed


def read_back(item: Structure) -> Structure:
    """What its bytes say; what is not in them is taken over."""
    beside = {f.name: getattr(item, f.name) for f in item.fields if type(f.kind) is Aside}
    return type(item).from_bytes(item.to_bytes()).replace(**beside)


def every_cut_has_an_answer(cls: Kind, data: bytes) -> None:
    step = 1 + len(data) // 128
    for length in {*range(0, len(data), step), len(data), max(cls.shortest - 1, 0)}:
        cut = data[:length]
        if length >= cls.shortest:
            item, end = cls.decode_at(cut, 0, length)
            assert item.to_bytes() == cut[:end]
            continue
        for decode in (cls.decode_at, lambda *span: codec.decode(cls, *span)):
            with pytest.raises(Truncated) as caught:
                decode(cut, 0, length)
            wrong = caught.value
            assert wrong.offset == length
            assert wrong.path.partition(".")[0] == cls.__name__
            assert wrong.spec == cls.source


READING: tuple[Callable[[Kind, bytes], None], ...] = (
    what_is_read_is_written,
    the_fast_path_is_construct,
    what_lies_around_is_not_seen,
    every_byte_has_one_owner,
    problems_point_inside,
    it_is_a_value,
    looking_is_harmless,
    sealing_settles,
)


ON_DAMAGE = READING[:5]
"""What must hold first of all when bytes are hostile."""


# ---- instances as a caller builds them


def it_reads_back(item: Structure) -> None:
    assert read_back(item) == item
    assert codec.encode(item) == item.to_bytes()
    assert item.size == len(item.to_bytes())


def it_has_no_problem(item: Structure) -> None:
    assert {p.id for p in item.problems} <= set(INHERENT), item.problems


def it_is_sealed(item: Structure) -> None:
    assert item.sealed() == item


BUILDING: tuple[Callable[[Structure], None], ...] = (it_reads_back, it_has_no_problem, it_is_sealed)


def answers(decode: Callable[[], Structure]) -> Structure | None:
    """What comes out; None where an error of ours says why nothing does."""
    with contextlib.suppress(ApeiError):
        return decode()
    return None
