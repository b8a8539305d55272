"""Differences: none of equal things, one of one changed field, by the path that explain gives it."""

import enum
import re

import pytest
from discovery import structures
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import encodings, instances, is_finished

import apeitool as apei
from apeitool.cli.example import example
from apeitool.cli.new import KINDS
from apeitool.render.diff import Difference, differences, text
from apeitool.render.explain import rows
from apeitool.wire.record import Structure
from apeitool.wire.types import Array, Aside, Part

FINISHED = [cls for cls in structures() if is_finished(cls)]


def is_harmless(shown: str) -> bool:
    return all(c == "\n" or 32 <= ord(c) < 127 for c in shown)


def paths(left: Structure, right: Structure) -> set[str]:
    return {found.path for found in differences(left, right)}


@pytest.mark.parametrize("cls", structures(), ids=lambda cls: cls.__name__)
@given(data=st.data())
@settings(max_examples=25)
def test_equal_or_different(cls, data) -> None:
    """There is a difference if and only if the two are not equal; both sides of it differ."""
    first, second = (data.draw(encodings(cls)) for _ in range(2))
    left, right = (cls.decode_at(raw, 0, len(raw))[0] for raw in (first, second))
    found = list(differences(left, right))
    assert bool(found) == (left != right)
    assert all(difference.left != difference.right for difference in found)
    assert is_harmless(text(left, right))
    assert list(differences(left, cls.decode_at(first, 0, len(first))[0])) == []
    assert text(left, left) == ""
    mirrored = {(d.path, d.left, d.right) for d in differences(right, left) if "->" not in d.path}
    assert mirrored == {(d.path, d.right, d.left) for d in found if "->" not in d.path}


@pytest.mark.parametrize("one", FINISHED, ids=lambda cls: cls.__name__)
@given(data=st.data())
@settings(max_examples=10)
def test_of_different_types(one, data) -> None:
    """Their kinds differ, whatever else does; no two types make it stumble."""
    other = data.draw(st.sampled_from(FINISHED).filter(lambda cls: cls is not one))
    left, right = data.draw(instances(one)), data.draw(instances(other))
    found = list(differences(left, right))
    assert found[0] == Difference("kind", one.__name__, other.__name__)
    assert is_harmless(text(left, right))


def leaves(thing: Structure, path: str = "") -> list[tuple[str, Structure]]:
    """(path, the thing with that field changed and nothing else) of each field, deep inside too."""
    found = []
    for field in thing.fields:
        value = getattr(thing, field.name)
        name = f"{path}.{field.name}" if path else field.name
        if isinstance(value, Structure):
            inner = leaves(value, name)
            found += [(p, thing.replace(**{field.name: new})) for p, new in inner]
        elif isinstance(field.kind, Part) and isinstance(value, tuple):
            for index, item in enumerate(value):
                for p, new in leaves(item, f"{name}[{index}]"):
                    items = (*value[:index], new, *value[index + 1 :])
                    found.append((p, thing.replace(**{field.name: items})))
        elif isinstance(field.kind, Array):
            items = (*value[:-1], value[-1] ^ 1)
            found.append((f"{name}[{len(value) - 1}]", thing.replace(**{field.name: items})))
        elif not isinstance(field.kind, Aside):
            found.append((name, thing.replace(**{field.name: other(value)})))
    return found


def other(value):
    """Another value that fits the field."""
    match value:
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:] if value else b"more"
        case str():
            return ("x" if value[:1] != "x" else "y") + value[1:]
        case enum.IntEnum():
            return type(value)(int(value) ^ 1)
        case int():
            return value ^ 1
        case _:
            return type(value)(int=value.int ^ 1)


@pytest.mark.parametrize("kind", KINDS)
def test_one_changed_field_is_one_path(kind) -> None:
    thing = example(kind)
    known = {re.sub(r"\[\d+\]$", "", row.path) for row in rows(thing)}
    changed = leaves(thing)
    assert len(changed) > 10
    for path, new in changed:
        assert paths(thing, new) == {path}
        if new.size == thing.size:
            assert re.sub(r"\[\d+\]$", "", path) in known, "explain calls it so too"


@pytest.mark.parametrize("cls", [c for c in FINISHED if c.fields], ids=lambda cls: cls.__name__)
@given(data=st.data())
@settings(max_examples=10)
def test_of_any_structure_too(cls, data) -> None:
    thing = data.draw(instances(cls))
    changed = leaves(thing)
    assume(changed)
    path, new = data.draw(st.sampled_from(changed))
    assert paths(thing, new) == {path}
    assert paths(new, thing) == {path}


# ---- lists


def hest(*ids: int, **first: object) -> apei.Hest:
    sources = [apei.GhesV2(source_id=id) for id in ids]
    sources[0] = sources[0].replace(**first)
    return apei.Hest(sources=sources, checksum=0, length=0)


def test_a_source_put_in_shifts_no_other() -> None:
    found = list(differences(hest(1, 2, 3), hest(7, 1, 2, 3)))
    assert [(d.path, d.left) for d in found] == [("error_source_count", "3"), ("sources[0]", None)]
    assert "source id 7" in (found[1].right or "")
    removed = list(differences(hest(1, 2, 3), hest(1, 3)))
    assert [(d.path, d.right) for d in removed] == [
        ("error_source_count", "2"),
        ("sources[1]", None),
    ]
    assert paths(hest(1, 2), hest(7, 1, 2).replace(error_source_count=2)) == {"sources[0]"}


def test_a_source_that_moved_is_compared_with_itself() -> None:
    left, right = hest(1, 2, enabled=1), hest(2, 1)
    right = right.replace(sources=(right.sources[0], right.sources[1].replace(enabled=0)))
    found = list(differences(left, right))
    assert found == [
        Difference("sources", "source ids 1, 2", "source ids 2, 1"),
        Difference("sources[0->1].enabled", "1", "0"),
    ]


def test_order_alone_is_a_difference() -> None:
    assert paths(hest(1, 2, 3), hest(3, 2, 1)) == {"sources"}


def test_an_id_that_changed_is_a_field_that_changed() -> None:
    assert list(differences(hest(1, 2), hest(1, 5))) == [
        Difference("sources[1].source_id", "2", "5")
    ]


def test_ids_that_are_not_unique_align_nothing() -> None:
    found = list(differences(hest(1, 1, 2), hest(2, 1, 1)))
    assert [d.path for d in found] == ["sources[0].source_id", "sources[2].source_id"]


def test_sources_of_another_type() -> None:
    left = hest(1)
    right = left.replace(sources=(apei.Ghes(source_id=1),))
    found = {d.path: d for d in differences(left, right)}
    assert found["sources[0].kind"][1:3] == ("GhesV2", "Ghes")
    assert found["sources[0].read_ack_write"].right is None
    assert "sources[0].source_id" not in found


# ---- bytes and values


def test_bytes_are_compared_in_rows() -> None:
    data = bytes(range(64))
    changed = data[:21] + b"\xff" + data[22:60]
    found = list(differences(apei.OpaqueSection(data=data), apei.OpaqueSection(data=changed)))
    assert [(d.path, d.offset) for d in found] == [("data", 21), ("data", 60)]
    assert found[0].left == f"{data[16:32].hex(' ')}  ................"
    assert (found[1].left, found[1].right) == ("3c 3d 3e 3f  <=>?", None)


def test_many_zeros_on_one_side_are_counted() -> None:
    found = list(differences(apei.OpaqueSection(), apei.OpaqueSection(data=bytes(1 << 16))))
    assert [(d.left, d.right) for d in found] == [(None, "65536 zero bytes")]


def test_the_ranges_of_a_register_that_differ() -> None:
    left, right = (apei.StatusBlock(block_status=word) for word in (0x11, 0x31))
    (found,) = differences(left, right)
    assert "error_data_entry_count 1" in (found.left or "")
    assert "error_data_entry_count 3" in (found.right or "")
    assert "uncorrectable" not in (found.left or ""), "it is the same on both sides"


def test_what_reads_the_same_is_told_apart() -> None:
    """Behind a NUL nothing is read as text; bytes differ there all the same."""
    left, right = (apei.Hest(oem_id=f"A\0{c}", checksum=0) for c in "\x1b\x07")
    (found,) = differences(left, right)
    assert (found.path, found.left, found.right) == ("oem_id", r"'A\x00\x1b'", r"'A\x00\x07'")


@pytest.mark.parametrize(
    "hostile", ["a\x1b[31mb", "\x9b31m", "a\nb", "\0\x1b", "\xa0\xad"], ids=ascii
)
def test_characters_of_a_record_reach_no_terminal(hostile) -> None:
    data = hostile.encode("latin-1")
    left = apei.Hest(oem_id=hostile[:6], oem_table_id=hostile, trailing=data)
    assert is_harmless(text(left, apei.Hest()))
    assert is_harmless(text(left, left.replace(oem_id="\0" + hostile[:5], trailing=b"")))


def test_as_text() -> None:
    left, right = hest(1, 2), hest(1, enabled=0).replace(error_source_count=2)
    assert text(left, right, paint=lambda shown, role: f"<{shown}>" if shown else "") == (
        "<sources[0].enabled>\n  - 1\n  + 0\n"
        "<sources[1]><: only on the left>\n  - GhesV2, source id 2\n"
    )
