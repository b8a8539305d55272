"""Every section type says something about itself that depends on what it holds."""

from random import Random

import pytest

from apeitool.capture.kind import section_kinds
from apeitool.cper.place import Installation
from apeitool.cper.sample import sample
from apeitool.cper.section import section_named

ENOUGH = 30


@pytest.mark.parametrize("name", section_kinds())
def test_sentences_tell_sections_apart(name: str) -> None:
    kind = section_named(section_kinds()[name])
    assert kind is not None
    random = Random(name)
    things = [sample(kind, random).at(Installation(random).place()) for _ in range(ENOUGH)]
    assert len({thing.sentence() for thing in things}) > 1
    assert all(thing.what and thing.severities for thing in things)
