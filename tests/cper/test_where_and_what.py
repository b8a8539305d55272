"""Every section type says what happened, where and how bad, and can be put in a place."""

from random import Random

import pytest
from discovery import kinds_of

from apeitool.cper.index import SECTIONS
from apeitool.cper.place import Installation, Place
from apeitool.cper.sample import sample
from apeitool.cper.section import Section
from apeitool.cper.severity import Severity

TYPES = [kind for kind in kinds_of(Section) if str(kind.guid) in SECTIONS]
SAMPLES = 60

WITHOUT_PLACE = {
    "AmdGpuCrashDumpSection": "names a unit of the GPU; which GPU says the FRU text",
    "AmdGpuNonstandardErrorSection": "names a unit of the GPU; which GPU says the FRU text",
    "FirmwareErrorRecordReferenceSection": "refers to a record that is elsewhere",
    "MicrosoftMsrDumpSection": "is a dump of registers",
    "MicrosoftNmiSection": "holds what ports of the platform said",
    "MicrosoftPciRecoverySection": "says what was done about the device of another section",
    "MicrosoftRecoveryInfoSection": "says what was done about the error of another section",
    "MicrosoftSeaSection": "has no processor in it",
    "MicrosoftSeiSection": "has no processor in it",
}
"""Section types that name no part of a machine, and why."""

NOT_IN_PLACE = {
    "MuTelemetrySection": "its component is a module of firmware",
}
"""Those whose part is none of a `Place`."""


def drawn(kind: type[Section]) -> list[Section]:
    random = Random(kind.__name__)
    return [sample(kind, random) for _ in range(SAMPLES)]


def two_places() -> tuple[Place, Place]:
    """Two places of one machine that have no part in common."""
    machine = Installation(Random(1))
    place = machine.place()
    parts = {
        "dimm": machine.dimms,
        "device": machine.devices,
        "processor": machine.processors,
        "expander": machine.expanders,
    }
    there = place._replace(**{name: all_[-1] for name, all_ in parts.items()})
    here = place._replace(**{name: all_[0] for name, all_ in parts.items()})
    return here._replace(address=here.dimm.start + 0x40), there._replace(
        address=there.dimm.start + 0x5A5A_5A40
    )


def test_the_exceptions_are_of_types_that_there_are() -> None:
    names = {kind.__name__ for kind in TYPES}
    assert {*WITHOUT_PLACE, *NOT_IN_PLACE} <= names
    assert len(TYPES) > 55


@pytest.mark.parametrize("kind", TYPES, ids=lambda c: c.__name__)
def test_it_says_what_happened(kind) -> None:
    sections = drawn(kind)
    assert len({section.sentence() for section in sections}) > 1
    for section in sections:
        for said in (section.sentence(), section.what, section.component):
            assert said == " ".join(said.split()) or not said.isprintable()
        assert section.what
        assert section.sentence()


@pytest.mark.parametrize("kind", TYPES, ids=lambda c: c.__name__)
def test_it_names_a_part_and_the_kind_of_error_does_not(kind) -> None:
    sections = drawn(kind)
    named = [section for section in sections if section.component]
    assert bool(named) is (kind.__name__ not in WITHOUT_PLACE), WITHOUT_PLACE.get(kind.__name__)
    for section in named:
        assert section.component not in section.what
    is_placed = kind.__name__ not in WITHOUT_PLACE | NOT_IN_PLACE
    assert bool(kind.part) or not is_placed


@pytest.mark.parametrize("kind", TYPES, ids=lambda c: c.__name__)
def test_put_in_a_place_it_says_that_place(kind) -> None:
    here, there = two_places()
    assert here.fru(kind.part) != there.fru(kind.part) or not kind.part
    moved = 0
    for section in drawn(kind):
        placed = section.at(there)
        assert section.at(here).at(there) == placed
        assert type(section).from_bytes(placed.to_bytes()) == placed
        assert placed.problems == ()
        moved += placed.component != section.at(here).component
    is_placed = kind.__name__ not in WITHOUT_PLACE | NOT_IN_PLACE
    assert bool(moved) is is_placed


@pytest.mark.parametrize("kind", TYPES, ids=lambda c: c.__name__)
def test_it_says_how_bad_it_can_be(kind) -> None:
    for section in drawn(kind):
        assert section.severities
        assert len({*section.severities}) == len(section.severities)
        assert all(isinstance(s, Severity) and s.is_known for s in section.severities)
        said = section.fact("error_severity")
        if said is not None and Severity(int(said)).is_known:
            assert section.severities == (Severity(int(said)),)
