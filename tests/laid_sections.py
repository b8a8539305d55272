"""Sections from bytes laid by hand: what they say, field by field."""

from operator import attrgetter
from uuid import UUID

from apeitool.cper.record import Record
from apeitool.cper.section import section_type
from apeitool.render.text import text


def read(guid: str, data: bytes):
    """The section that the bytes are."""
    kind = section_type(UUID(guid))
    assert kind is not None
    return kind.from_bytes(data)


def at(thing, path: str):
    """What a path names: ``data[1].value``."""
    for step in path.replace("]", "").replace("[", ".").split("."):
        thing = thing[int(step)] if step.isdecimal() else attrgetter(step)(thing)
    return thing


def says(guid: str, data: bytes, sentence: str, values: dict) -> None:
    """That sound bytes say this sentence and these values, and are the same when written again."""
    section = read(guid, data)
    assert section.sentence() == sentence
    assert {path: at(section, path) for path in values} == values
    assert section.to_bytes() == data
    assert not section.problems
    assert not section.trailing
    assert sentence in text(Record(body=[section]))


def lies(guid: str, data: bytes, problems: list[str]) -> None:
    """That bytes have these problems, none of which survives sealing, and lose nothing."""
    section = read(guid, data)
    assert [problem.id for problem in section.problems] == problems
    assert section.to_bytes() == data
    assert section.sealed().problems == ()
