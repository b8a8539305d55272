"""Every structure of the package keeps every rule; a new one is tested without a new test."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pytest
from broken import declare
from declarations import DECLARING
from discovery import STRUCTURES, structures
from hypothesis import given, settings
from hypothesis import strategies as st
from rules import BUILDING, READING, every_cut_has_an_answer
from strategies import encodings, instances, is_finished

from apeitool.cper import discover, index
from apeitool.wire import compiled
from apeitool.wire.types import U8, Many

FINISHED = [cls for cls in structures() if is_finished(cls)]

every_structure = pytest.mark.parametrize("cls", structures(), ids=lambda cls: cls.__name__)
every_finished = pytest.mark.parametrize("cls", FINISHED, ids=lambda cls: cls.__name__)


def by_name(rules):
    return pytest.mark.parametrize("rule", rules, ids=lambda rule: rule.__name__)


def test_none_is_lost() -> None:
    print(f"{len(structures())} structures")
    assert len(structures()) == STRUCTURES
    assert len(set(structures())) == len({cls.__name__ for cls in structures()})


@every_structure
@by_name(DECLARING)
def test_declaration(cls, rule) -> None:
    rule(cls)


@every_structure
@by_name(READING)
@given(data=st.data())
@settings(max_examples=25)
def test_bytes(cls, rule, data) -> None:
    rule(cls, data.draw(encodings(cls)))


@every_structure
@given(data=st.data())
@settings(max_examples=8)
def test_truncation(cls, data) -> None:
    every_cut_has_an_answer(cls, data.draw(encodings(cls)))


@every_finished
@given(data=st.data())
@settings(max_examples=25)
def test_instances(cls, data) -> None:
    item = data.draw(instances(cls))
    for rule in BUILDING:
        rule(item)


def test_a_decoder_is_made_once(monkeypatch) -> None:
    """A list takes hold of the decoder of its items before there is one."""
    item = declare(number=U8)
    whole = declare(several=(Annotated[Sequence[item], Many(item)], ()))
    made = []
    real = compiled.decoder
    monkeypatch.setattr(compiled, "decoder", lambda cls: made.append(cls) or real(cls))
    assert len(whole.from_bytes(b"12345").several) == 5
    assert made == [whole, item]


def test_the_index_is_what_discovery_finds() -> None:
    assert discover.discover() == index.SECTIONS
    assert Path(index.__file__).read_text() == discover.index_text()
