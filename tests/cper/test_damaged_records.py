"""Damaged and edited records: which rule is broken, and where; what sealing puts right."""

import array
from collections import Counter
from uuid import UUID

import pytest

from apeitool.cper.arm_context import AArch32GeneralRegisters, UnknownRegisters
from apeitool.cper.record import Gap, Record
from apeitool.cper.section import OpaqueSection
from apeitool.cper.sections.arm_processor import (
    ArmProcessorErrorSection,
    ContextInformation,
    ErrorInformation,
)
from apeitool.cper.sections.memory import MemoryErrorSection
from apeitool.cper.sections.pcie import PcieErrorSection
from apeitool.errors import ApeiError, EncodeError

MEMORY, PCIE = MemoryErrorSection(physical_address=0x1000), PcieErrorSection()
RECORD = Record(body=[MEMORY, PCIE]).to_bytes()
FIRST, SECOND = 128, 200
"""Where the descriptors are; the sections are at 272 and 352, the record ends at 560."""


def put(data: bytes, offset: int, number: int, size: int = 4) -> bytes:
    """The bytes with another number in them."""
    return data[:offset] + number.to_bytes(size, "little") + data[offset + size :]


def found(item) -> list[tuple[str, int, str]]:
    return [(p.id, p.offset, p.path.partition(".")[2]) for p in item.problems]


CUT = ("truncated", 20, "record_length")
COUNT = ("section-count", 10, "section_count")
PLACES = [
    ("section-place", 128 + 72 * index, f"section_descriptors[{index}].section_offset")
    for index in range(7)
]
NAMED = {
    "nothing": (RECORD, []),
    "a record behind": (RECORD + RECORD, []),
    "bytes behind": (RECORD + b"behind", []),
    "signature": (b"cper" + RECORD[4:], [("record-signature", 0, "signature_start")]),
    "end of signature": (put(RECORD, 6, 0), [("record-signature", 6, "signature_end")]),
    "length too large": (put(RECORD, 20, 600), [CUT]),
    "length too small": (put(RECORD, 20, 500), [("record-length", 20, "record_length")]),
    "a section at the start": (put(RECORD, SECOND, 0), [PLACES[1]]),
    "a section at another": (put(RECORD, SECOND, 272), [PLACES[1]]),
    "a section in another": (put(RECORD, SECOND, 300), [PLACES[1]]),
    "a section nowhere": (put(RECORD, SECOND, 0xFFFFFFFF), [PLACES[1]]),
    "a section too long": (
        put(RECORD, SECOND + 4, 209), [("section-truncated", *PLACES[1][1:])],
    ),
    "a section without end": (
        put(RECORD, FIRST + 4, 0xFFFFFFFF), [("section-truncated", *PLACES[0][1:]), PLACES[1]],
    ),
    "a byte short": (
        RECORD[:-1],
        [CUT, ("section-truncated", *PLACES[1][1:]), ("section-too-short", 352, "body[1]")],
    ),
    "a section short": (RECORD[:352], [CUT, PLACES[1]]),
    "a descriptor short": (RECORD[:200], [CUT, COUNT, PLACES[0]]),
    "a header alone": (RECORD[:128], [CUT, COUNT]),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_record(name) -> None:
    data, problems = NAMED[name]
    record = Record.from_bytes(data)
    assert record.to_bytes() == data
    assert sorted(found(record)) == sorted(problems)


def test_more_descriptors_than_there_are() -> None:
    """What stands where they should be is read as such: sections, of which none has a place."""
    record = Record.from_bytes(put(RECORD, 10, 7, 2))
    assert record.to_bytes() == put(RECORD, 10, 7, 2)
    assert COUNT in found(record)
    assert PLACES[2] in found(record)


def test_records_back_to_back_stay_apart() -> None:
    record = Record.from_bytes(RECORD * 2)
    assert record.trailing == RECORD
    assert record.problems == ()
    assert record.sealed() == record


def test_a_record_with_bytes_behind_it_is_built_as_it_is_read() -> None:
    record = Record(body=[MEMORY], trailing=b"behind")
    assert record.problems == ()
    assert Record.from_bytes(record.to_bytes()) == record


def test_an_empty_section_has_its_place() -> None:
    record = Record(body=[OpaqueSection(guid=UUID(int=5)), MEMORY, OpaqueSection(guid=UUID(int=6))])
    assert record.problems == ()
    assert Record.from_bytes(record.to_bytes()) == record


# ---- edits, sealed


@pytest.mark.parametrize(
    "body",
    [
        [MEMORY, MEMORY],
        [MEMORY, Gap(data=b"gap"), MEMORY],
        [MEMORY],
        [PCIE, MEMORY],
        [MEMORY, PCIE, MEMORY],
        [OpaqueSection(guid=UUID(int=7), data=bytes(1000)), MEMORY],
        [Gap(data=bytes(9)), OpaqueSection(guid=UUID(int=7), data=b"1")],
    ],
)
@pytest.mark.parametrize(
    "before",
    [[MEMORY, PCIE], [OpaqueSection(data=bytes(1000)), MEMORY], [MEMORY], [MEMORY, MEMORY, PCIE]],
)
def test_another_body_sealed(before, body) -> None:
    """Descriptors, counts and lengths follow from the body, whatever was there before."""
    record = Record(body=before).replace(body=body).sealed()
    assert record.problems == ()
    again = Record.from_bytes(record.to_bytes())
    assert again == record
    assert list(again.body) == body
    assert Counter(again.sections) == Counter(s for s in body if not isinstance(s, Gap))


def test_what_a_descriptor_says_stays_with_its_section() -> None:
    record = Record(body=[MEMORY, PCIE])
    second = record.section_descriptors[1].replace(fru_text="slot 3", validation_bits=2)
    edited = record.replace(section_descriptors=[record.section_descriptors[0], second])
    grown = edited.replace(body=[MEMORY.replace(trailing=b"more"), PCIE]).sealed()
    assert grown.problems == ()
    assert grown.section_descriptors[1].fru_text == "slot 3"
    assert grown.section_descriptors[1].section_offset == 356


def test_the_order_of_descriptors_is_kept() -> None:
    record = Record(body=[MEMORY, PCIE])
    swapped = record.replace(section_descriptors=record.section_descriptors[::-1])
    assert [s.title for s in swapped.sections] == [PCIE.title, MEMORY.title]
    assert swapped.sealed() == swapped
    assert Record.from_bytes(swapped.to_bytes()) == swapped


@pytest.mark.parametrize("wrong", [1, None, "x", b"x", UUID(int=0)])
def test_a_body_of_something_else_is_refused(wrong) -> None:
    with pytest.raises(EncodeError):
        Record(body=[wrong]).to_bytes()
    with pytest.raises(EncodeError):
        Record(body=[MEMORY]).replace(body=[wrong]).to_bytes()


def test_what_does_not_fit_is_named_from_the_outside() -> None:
    record = Record(body=[MEMORY, MEMORY])
    first, second = record.section_descriptors
    second = second.replace(fru_text="x" * 21)
    with pytest.raises(EncodeError) as caught:
        record.replace(section_descriptors=[first, second]).to_bytes()
    assert caught.value.path == "Record.section_descriptors[1].fru_text"
    with pytest.raises(EncodeError) as caught:
        MEMORY.replace(node=70000)
    assert caught.value.path == "MemoryErrorSection.node"


def test_a_number_is_no_buffer() -> None:
    """Python makes so many zeros of it, and zeros are a valid block."""
    with pytest.raises((TypeError, ApeiError)):
        MemoryErrorSection.from_bytes(80)


# ---- sections


def test_a_short_memory_section_has_nothing_behind_it() -> None:
    """Bytes that are absent and bytes behind them contradict each other; none may get lost."""
    section = MemoryErrorSection(absent=3, trailing=b"\0\0")
    with pytest.raises(EncodeError):
        section.to_bytes()


@pytest.mark.parametrize("length", range(73, 81))
def test_memory_sections_of_any_length(length) -> None:
    data = bytes(range(1, 81))[:length]
    section = MemoryErrorSection.from_bytes(data)
    assert section.absent == 80 - length
    assert section.to_bytes() == data
    assert section.is_valid("module_handle") == (length == 80 and bool(data[2] & 2))


def test_an_unknown_context_keeps_its_type() -> None:
    data = b"\0\0\x09\0\4\0\0\0abcd"
    context = ContextInformation.from_bytes(data)
    assert isinstance(context.registers, UnknownRegisters)
    assert context.sealed().to_bytes() == data


def test_vendor_bytes_are_not_the_padding_of_a_context() -> None:
    """Linux 6.1 and QEMU do not pad: bytes that the section marks as its vendor's are that."""
    section = ArmProcessorErrorSection(
        validation_bits=8,
        context_information=[ContextInformation(registers=AArch32GeneralRegisters())],
        vendor_specific_information=b"vendor's",
    )
    again = ArmProcessorErrorSection.from_bytes(section.to_bytes())
    assert again.vendor_specific_information == b"vendor's"
    assert again == section


def test_padded_contexts() -> None:
    """What newer Linux reads: each context padded to 16 bytes."""
    context = ContextInformation(registers=AArch32GeneralRegisters(r0=1), padding=bytes(8))
    section = ArmProcessorErrorSection(context_information=[context, context])
    again = ArmProcessorErrorSection.from_bytes(section.to_bytes())
    assert again == section
    assert again.problems == ()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"error_information_count": 5},
         ("error-information-count", 4, "error_information_count")),
        ({"context_information_count": 5},
         ("context-information-count", 6, "context_information_count")),
        ({"section_length": 5}, ("section-length", 8, "section_length")),
    ],
)  # fmt: skip
def test_arm_section(changes, problem) -> None:
    section = ArmProcessorErrorSection(error_information=[ErrorInformation()]).replace(**changes)
    again = ArmProcessorErrorSection.from_bytes(section.to_bytes())
    assert found(again) == [problem]
    assert again.sealed().problems == ()


def test_arm_information_with_a_longer_form() -> None:
    section = ArmProcessorErrorSection(
        error_information=[ErrorInformation(rest=b"12345678"), ErrorInformation()]
    )
    again = ArmProcessorErrorSection.from_bytes(section.to_bytes())
    assert again == section
    assert again.error_information[0].length == 40


def test_bytes_are_counted_as_bytes() -> None:
    """A buffer of wider items is as long as its bytes are, not as its items are many."""
    assert OpaqueSection.from_bytes(array.array("I", [1, 2, 3])).size == 12
    assert OpaqueSection.from_bytes(memoryview(bytes(8)).cast("H")).size == 8


def test_a_field_that_is_not_there_is_named() -> None:
    with pytest.raises((KeyError, AttributeError, EncodeError)):
        MEMORY.is_valid("unheard_of")
