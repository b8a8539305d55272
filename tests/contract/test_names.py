"""Every enumeration, set of flags and register word: unknown values survive, ranges don't overlap."""

import enum
import pickle

import pytest
from discovery import declared, structures, walk
from hypothesis import given
from hypothesis import strategies as st

import apeitool
from apeitool.cper.index import SECTIONS
from apeitool.wire.labels import Bits, Label, Word, flag_names, word_lines

MODULES = walk(apeitool)
LABELS = declared(Label, MODULES)
FLAGS = declared(enum.IntFlag, MODULES)
WORDS = declared(Word, MODULES)


def each(kinds):
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.__qualname__)


def test_there_are_some() -> None:
    assert min(len(LABELS), len(FLAGS), len(WORDS)) > 10


@each(LABELS)
@given(number=st.integers(0, (1 << 32) - 1))
def test_labels_lose_nothing(kind, number) -> None:
    member = kind(number)
    assert member == number
    assert hash(member) == hash(number)
    assert pickle.loads(pickle.dumps(member)) == member
    assert member.text
    assert member.is_known == (number in list(kind))
    if not member.is_known:
        assert str(number) in member.name
        assert member not in list(kind)


@each(LABELS)
def test_labels_have_names(kind) -> None:
    texts = [member.text for member in kind]
    assert all(texts)
    assert len(set(texts)) == len(texts)
    with pytest.raises(ValueError, match="is not a valid"):
        kind("a name")


@each(FLAGS)
@given(number=st.integers(0, (1 << 64) - 1))
def test_flags_name_every_bit(kind, number) -> None:
    assert all(member and not member & (member - 1) for member in kind), "one bit each"
    shown = flag_names(kind, number)
    named = sum(int(member) for member in kind)
    assert len(shown) == (number & named).bit_count() + bool(number & ~named)
    if number & ~named:
        assert shown[-1] == f"reserved {number & ~named:#x}"


@each(WORDS)
def test_ranges_do_not_overlap(kind) -> None:
    taken = 0
    for name, bits in kind.ranges.items():
        assert isinstance(bits, Bits)
        assert bits.name == name
        assert not taken & bits.mask
        taken |= bits.mask
    assert taken


@each(WORDS)
@given(number=st.integers(0, (1 << 64) - 1))
def test_words_are_read_and_composed_alike(kind, number) -> None:
    word = kind(number)
    assert word == number
    read = {name: int(getattr(word, name)) for name in kind.ranges}
    named = sum(bits.mask for bits in kind.ranges.values())
    assert kind.compose(**read) == number & named
    lines = dict(word_lines(kind, number))
    assert all(lines.values())
    assert ("reserved" in lines) == bool(number & ~named)


@each(WORDS)
def test_a_range_is_not_overfilled(kind) -> None:
    for name, bits in kind.ranges.items():
        assert kind.compose(**{name: bits.mask >> bits.low}) == bits.mask
        for wrong in (-1, 1 << bits.width):
            with pytest.raises(ValueError, match=name):
                kind.compose(**{name: wrong})
    with pytest.raises(KeyError):
        kind.compose(unheard_of=1)


def test_no_two_structures_share_a_name() -> None:
    """JSON and TOML say by its name what a structure is."""
    names = [cls.__name__ for cls in structures()]
    assert len(names) == len(set(names))


def test_every_section_type_has_its_name_at_the_door() -> None:
    for place in SECTIONS.values():
        module, name = place.split(":")
        found = getattr(apeitool, name)
        assert found.__module__ == f"apeitool.cper.{module}"
        assert name in dir(apeitool)
