"""Columns say what objects say, field by field: of sound bytes and of damaged ones."""

from random import Random
from uuid import UUID

import captured
import object_rows
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import damaged, encodings

from apeitool.acpi.bert import BootErrorRegion
from apeitool.acpi.status import StatusBlock
from apeitool.cper import index
from apeitool.cper.dialect import PRODUCERS, creators, forced, using
from apeitool.cper.generate import DEFECTS, broken, records
from apeitool.cper.record import Record
from apeitool.cper.section import section_type
from apeitool.cper.sections.ia32_x64_processor import Ia32X64ProcessorErrorSection
from apeitool.cper.x86_context import MemoryMappedContext, MemoryMappedRegister
from apeitool.wire.record import Structure

SECTIONS = [section_type(UUID(guid)) for guid in index.SECTIONS]


def check(kind: type[Structure], data: list[bytes]) -> None:
    ours, theirs = object_rows.of_columns(kind, data), object_rows.of_objects(kind, data)
    assert ours.keys() == theirs.keys()
    for name, rows in theirs.items():
        assert ours[name] == rows, name


@pytest.mark.parametrize("kind", SECTIONS, ids=lambda k: k.__name__)
def test_every_section_type(kind) -> None:
    made = records([kind], seed=5)
    check(Record, [next(made).to_bytes() for _ in range(12)])


def test_many_of_all_types() -> None:
    made = records(SECTIONS, seed=Random().getrandbits(32))
    check(Record, [next(made).to_bytes() for _ in range(600)])


@pytest.mark.parametrize("producer", PRODUCERS)
def test_every_producer(producer) -> None:
    made = records(SECTIONS, 3, producer)
    data = [next(made).to_bytes() for _ in range(60)]
    check(Record, data)
    with using(forced(producer)):
        check(Record, data)


@pytest.mark.parametrize("guid", creators(), ids=str)
def test_every_creator(guid) -> None:
    made = records(SECTIONS, 3, "windows")
    either = {"creator_id": guid, "timestamp": 0x1410_0101_0001_0203}  # BCD, and binary too
    check(Record, [next(made).replace(**either).to_bytes() for _ in range(30)])


@pytest.mark.parametrize("address", [0x10, 1 << 40, (1 << 64) - 0x10])
def test_numbers_that_follow_from_their_place(address) -> None:
    registers = [MemoryMappedRegister(address=address + 8 * i, value=i) for i in range(4)]
    section = Ia32X64ProcessorErrorSection(
        context_information=[MemoryMappedContext(registers=registers)]
    )
    check(Record, [Record(body=[section]).to_bytes()])


@pytest.mark.parametrize("defect", DEFECTS)
def test_every_defect(defect) -> None:
    random = Random(7)
    made = records(SECTIONS, seed=11)
    check(Record, [broken(next(made), defect, random) for _ in range(80)])


@pytest.mark.parametrize("kind", [Record, StatusBlock, BootErrorRegion])
@given(data=st.data())
def test_any_bytes(kind, data) -> None:
    whole = encodings(kind)
    some = data.draw(st.lists(st.one_of(whole, damaged(whole)), min_size=1, max_size=4))
    check(kind, [one for one in some if len(one) >= kind.shortest])


@given(st.sampled_from(SECTIONS).flatmap(lambda k: st.tuples(st.just(k), damaged(encodings(k)))))
def test_a_damaged_section(drawn) -> None:
    kind, data = drawn
    if len(data) >= kind.shortest:
        check(kind, [data])


@pytest.mark.parametrize("kind", dict.fromkeys(kind for kind, _, _ in captured.everything()))
def test_what_was_captured(kind) -> None:
    check(kind, [data for of, _, data in captured.everything() if of is kind])
