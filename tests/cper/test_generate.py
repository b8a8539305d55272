"""Records of errors that never happened: sound, plausible, and broken by name."""

from itertools import islice
from random import Random

import pytest
from discovery import kinds_of, structures
from strategies import is_finished

import apeitool as apei
from apeitool.cper.dialect import PRODUCERS
from apeitool.cper.generate import DEFECTS, broken, records
from apeitool.cper.index import SECTIONS
from apeitool.cper.sample import sample
from apeitool.cper.section import Section

TYPES = [kind for kind in kinds_of(Section) if str(kind.guid) in SECTIONS]


def some(count: int, seed: int = 1, **more) -> list[apei.Record]:
    return list(islice(records(TYPES, seed, **more), count))


@pytest.mark.parametrize("cls", [*filter(is_finished, structures())], ids=lambda c: c.__name__)
def test_a_sample_of_any_structure_is_whole(cls) -> None:
    random = Random(cls.__name__)
    for _ in range(5):
        made = sample(cls, random)
        if made != cls():  # what nothing sound was found for
            assert cls.from_bytes(made.to_bytes()) == made
            assert made.problems == ()


@pytest.mark.parametrize("cls", TYPES, ids=lambda c: c.__name__)
def test_samples_of_a_section_differ(cls) -> None:
    random = Random(7)
    assert len({sample(cls, random).to_bytes() for _ in range(30)}) > 20


def test_the_same_seed_gives_the_same_records() -> None:
    assert some(20) == some(20)
    assert some(20) != some(20, seed=2)


@pytest.mark.parametrize("producer", PRODUCERS)
def test_they_are_sound_in_every_dialect(producer) -> None:
    moments = []
    for record in some(60, producer=producer):
        data = record.to_bytes()
        assert apei.Record.from_bytes(data) == record
        assert record.problems == ()
        with apei.using(apei.forced(producer)):
            assert record.moment is not None
            moments.append(record.moment)
    assert moments == sorted(moments)


def test_a_record_of_a_known_creator_is_read_as_it_was_written() -> None:
    for producer in ("windows", "linux-pstore", "amdgpu"):
        (record,) = some(1, producer=producer)
        assert record.moment is not None
        assert record.moment.year == 2026
        assert apei.dialect_of(record)[apei.Topic.TIMESTAMP].weight == 2


def test_the_named_dimm_holds_the_address() -> None:
    found: dict[str, set[tuple[int, int]]] = {}
    for record in islice(records([apei.MemoryErrorSection], 3), 300):
        for descriptor, section in zip(record.section_descriptors, record.sections, strict=True):
            if isinstance(section, apei.MemoryErrorSection) and section.is_valid("card"):
                assert descriptor.fru_text.startswith("P")
                spot = (section.card, section.module) if section.is_valid("module") else ()
                found.setdefault(descriptor.fru_text, set()).add(spot)
    assert len(found) > 3
    for name, spots in found.items():
        assert len(spots - {()}) <= 1, name


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_seen_and_loses_nothing(defect) -> None:
    random = Random(defect)
    seen = 0
    for record in some(40):
        data = broken(record, defect, random)
        assert data != record.to_bytes() or defect in ("section-overlap", "record-length")
        found = apei.decode(data, as_="record")
        assert found.to_bytes() == data
        shown = apei.text(found)
        assert shown.replace("\n", "").isprintable()
        seen += bool(found.problems)
    # What a person reads is no rule of the record, and is made harmless.
    assert seen > 10 or defect in ("fru-escapes", "timestamp", "severity")
