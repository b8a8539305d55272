"""Text for a person: the sentence first, facts only, harmless, and no longer than its input."""

import re
import sys
from uuid import UUID

import captured
import pytest
from discovery import structures
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import encodings, instances, is_finished

import apeitool as apei
from apeitool.acpi.einj import SetErrorTypeWithAddress
from apeitool.cli.example import example
from apeitool.cli.new import KINDS
from apeitool.cper.record import SectionDescriptor
from apeitool.render.text import harmless, text
from apeitool.wire.record import Structure
from apeitool.wire.types import Absent

FINISHED = [cls for cls in structures() if is_finished(cls)]
HAS_VALIDATION = [cls for cls in FINISHED if any(f.when for f in cls.fields)]
HOSTILE = [
    "a\x1b[31mb",
    "\x1b]0;title\x07",
    "\x9b31m",
    "one\ntwo\rthree",
    "\x08\x08\x7f",
    "\xa0\xad\x85",
    "\xe2\x80\xae",  # a bidi override, as its bytes in UTF-8
    "%s%n{0}",
]


# ---- harmless


def is_harmless(shown: str) -> bool:
    return all(c == "\n" or 32 <= ord(c) < 127 for c in shown)


@pytest.mark.parametrize("cls", FINISHED, ids=lambda cls: cls.__name__)
@given(data=st.data())
@settings(max_examples=25)
def test_of_every_structure(cls, data) -> None:
    raw = data.draw(encodings(cls))
    shown = text(cls.decode_at(raw, 0, len(raw))[0])
    assert is_harmless(shown)
    lines = shown.splitlines()
    assert lines[0].strip()
    assert "" in lines, "the sentence stands apart"
    assert not any(line != line.rstrip() for line in lines)


def block_of(entry) -> apei.StatusBlock:
    return apei.StatusBlock(entries=(entry,), error_severity=apei.Severity.FATAL)


def record_of(**facts) -> apei.Record:
    section = apei.MemoryErrorSection(validation_bits=2, physical_address=0x1000)
    row = SectionDescriptor(section_offset=200, section_length=80, section_type=section.guid)
    return apei.Record(section_descriptors=(row.replace(**facts),), body=(section,))


@pytest.mark.parametrize("fru_text", HOSTILE, ids=ascii)
def test_characters_of_a_record_reach_no_terminal(fru_text) -> None:
    section = apei.MemoryErrorSection(validation_bits=2, physical_address=0x1000)
    facts = {"validation_bits": 2, "fru_text": fru_text}
    for thing in (
        block_of(apei.GenericErrorDataEntryV2(section=section, **facts)),
        block_of(apei.GenericErrorDataEntryV3(section=section, **facts)),
        record_of(**facts),
        apei.Hest(oem_id=fru_text[:6], oem_table_id=fru_text[:8], creator_id=fru_text[:4]),
        apei.Hest(signature=fru_text[:4]),
    ):
        again = type(thing).from_bytes(thing.to_bytes())
        for found in (thing, again):
            shown = text(found, paint=painted)
            assert is_harmless(re.sub("\x1b\\[[0-9]+m", "", shown))
            assert all(str(problem).isprintable() for problem in found.problems)
            assert shown.count("\x1b") == text(found, paint=marked).count("<"), "only our own"


def painted(shown: str, role: str) -> str:
    return f"\x1b[1m{shown}\x1b[0m" if shown else ""


def marked(shown: str, role: str) -> str:
    """As `painted`, with signs that no field of these tests holds."""
    return f"<{shown}<" if shown else ""


def test_characters_behind_a_nul_are_not_text() -> None:
    assert harmless("DIMM\0\x1b[2J") == "DIMM"
    shown = text(record_of(validation_bits=2, fru_text="DIMM_7\0secret"))
    assert "DIMM_7" in shown
    assert "secret" not in shown


def test_an_empty_fru_text_is_not_a_place() -> None:
    """Flagged valid, but nothing is in it: Windows does so."""
    for empty in ("", "   ", "\0\0"):
        first = text(record_of(validation_bits=2, fru_text=empty)).splitlines()[1]
        assert first.endswith("0x1000")
    guid = UUID(int=7)
    assert str(guid) in text(record_of(validation_bits=3, fru_id=guid)).splitlines()[1]


# ---- the sentence first


def test_what_broke_where_and_how_bad() -> None:
    (pending,) = [
        d for d in captured.blocks().values() if not apei.StatusBlock.from_bytes(d).is_empty
    ]
    head = text(apei.decode(pending)).split("\n\n")[0].splitlines()
    assert head[0].startswith("Corrected")
    for word in ("CORRECTED", "single bit ECC", "memory error", "0x40200040", "DIMM_A1"):
        assert word in head[1]
    for data in captured.records().values():
        head = text(apei.decode(data)).split("\n\n")[0].splitlines()
        assert head[0].startswith("Fatal")
        assert "2024-02-29 12:34:57" in head[0]
        assert "Linux kernel log" in head[1]
    for data in captured.hests().values():
        hest = apei.decode(data)
        head = text(hest).split("\n\n")[0].splitlines()
        assert f"{len(hest.sources)} source" in head[0]
        assert all(f"{s.error_status_address.address:#x}" in text(hest) for s in hest.sources)
        assert "SEA" in head[1]
    assert text(apei.decode(bytes(20))).startswith("No error is recorded.\n\n")


def test_an_error_that_was_taken_is_still_told() -> None:
    """Linux clears the first word only."""
    block = example("block").replace(block_status=0)
    head = text(block).split("\n\n")[0]
    assert "clear" in head
    assert "0x12345000" in head


def test_sentences_of_what_new_makes() -> None:
    said = {
        "memory": ("Single bit ECC", "0x12345000", "rank 1", "row 5"),
        "arm_processor": ("cache", "data write", "level 2", "0.0.0.1", "0x12345000"),
        "pcie": ("receiver error", "0000:00:01.0", "root port"),
    }
    assert said.keys() < set(KINDS)
    for kind, words in said.items():
        first = text(example(kind)).splitlines()[0]
        assert first[0].isupper()
        assert all(word in first for word in words), first


# ---- facts only


def other(value):
    """Another value of the same size."""
    if isinstance(value, Structure):
        fields = [f for f in value.fields if not isinstance(f.kind, Absent)]
        return value.replace(**{f.name: other(getattr(value, f.name)) for f in fields})
    if isinstance(value, UUID):
        return UUID(int=value.int ^ 1)
    if isinstance(value, bytes):
        return bytes(b ^ 0xA5 for b in value)
    if isinstance(value, tuple):
        return tuple(map(other, value))
    if isinstance(value, str):
        return "not a fact"
    return type(value)(value ^ 1)


def changed(thing):
    """The thing with other values wherever it marks them invalid, deep inside too."""
    new = {}
    for field in thing.fields:
        value = getattr(thing, field.name)
        if not thing.is_valid(field.name):
            new[field.name] = value if thing.is_absent(field) else other(value)
        elif isinstance(value, Structure):
            new[field.name] = changed(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], Structure):
            new[field.name] = tuple(map(changed, value))
    return thing.replace(**new)


def summed(thing):
    """The thing with right checksums: they are over what is not valid too."""
    new = {}
    for field in thing.fields:
        value = getattr(thing, field.name)
        if isinstance(value, Structure):
            new[field.name] = summed(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], Structure):
            new[field.name] = tuple(map(summed, value))
    made = thing.replace(**new)
    sums = [f for f in made.fields if f.name == "checksum" and f.derived]
    return made.replace(**{f.name: f.derived.compute(made) for f in sums})


@pytest.mark.parametrize("cls", HAS_VALIDATION, ids=lambda cls: cls.__name__)
@given(data=st.data())
@settings(max_examples=25)
def test_what_is_not_valid_changes_nothing(cls, data) -> None:
    thing = summed(data.draw(instances(cls)))
    rumour = summed(changed(thing))
    assert rumour.size == thing.size
    assert text(rumour) == text(thing)


@given(data=st.data())
@settings(max_examples=40)
def test_nor_does_it_deep_in_a_container(data) -> None:
    thing = data.draw(instances(apei.StatusBlock) | instances(apei.Record))
    assert text(summed(changed(thing))) == text(summed(thing))


def test_there_are_some() -> None:
    assert len(HAS_VALIDATION) >= 6
    thing = apei.MemoryErrorSection(physical_address=0x1000)
    assert changed(thing) != thing


def test_a_field_that_the_bytes_end_before_is_no_fact() -> None:
    short = apei.MemoryErrorSection(validation_bits=(1 << 22) - 1).to_bytes()[:73]
    shown = text(apei.MemoryErrorSection.from_bytes(short))
    assert not re.search(
        r"^ +(rank_number|card_handle|module_handle|extended) ", shown, re.MULTILINE
    )
    assert "rank" not in shown.splitlines()[0]


SHOWN_WITH = {"transaction_type": 1, "operation": 2, "level": 4, "processor_context_corrupt": 8,
              "corrected": 16, "precise_pc": 32, "restartable_pc": 64}  # fmt: skip


@pytest.mark.parametrize("kind", [2, 4, 8], ids=["cache", "TLB", "bus"])
@pytest.mark.parametrize(("name", "bit"), SHOWN_WITH.items(), ids=SHOWN_WITH)
def test_the_error_information_of_arm_has_validation_bits_too(kind, name, bit) -> None:
    """The word's first 16 bits say which of its ranges are facts."""
    name = "affinity_level" if (name, kind) == ("level", 8) else name
    for valid in (bit, 0x7F & ~bit):
        word = 0xFFF << 32 | 0x1FFF << 16 | valid
        info = apei.ErrorInformation(validation_bits=4, type=kind, error_information=word)
        shown = text(apei.ArmProcessorErrorSection(error_information=(info,)))
        assert bool(re.search(rf"^ +{name} ", shown, re.MULTILINE)) == (valid == bit)


def test_the_extended_byte_holds_two_facts() -> None:
    """Bits 16 and 17 of the row, and the chip: each has a validation bit of its own."""
    for bits, there, missing in (
        (1 << 18, "row_bit_16", "chip_identification"),
        (1 << 21, "chip_identification", "row_bit_16"),
    ):
        shown = text(apei.MemoryErrorSection(validation_bits=bits, extended=0xFF))
        assert re.search(rf"^ +{there} ", shown, re.MULTILINE)
        assert not re.search(rf"^ +{missing} ", shown, re.MULTILINE)


def test_a_processor_that_ran_has_no_psci_state() -> None:
    """The state of the power controller is a fact only of one that did not run."""
    ran = apei.ArmProcessorErrorSection(validation_bits=4, running_state=1, psci_state=0xABCD)
    slept = ran.replace(running_state=0)
    assert "abcd" in text(slept)
    assert "abcd" not in text(ran)


# ---- as long as its input, no longer


def hostile(size: int) -> list[Structure]:
    """Of about ``size`` bytes each: as many small things as fit."""
    row = SectionDescriptor(section_offset=128, section_length=0xFFFFFFFF)
    count = size // row.size
    return [
        apei.Record(section_descriptors=(row,) * count, section_count=count),
        apei.Hest(sources=tuple(apei.GhesV2(source_id=1) for _ in range(size // 92))),
        apei.StatusBlock(
            entries=tuple(apei.GenericErrorDataEntryV2() for _ in range(size // 64)), block_status=1
        ),
        apei.ArmProcessorErrorSection(
            error_information=tuple(apei.ErrorInformation(type=255) for _ in range(size // 32))
        ),
        apei.OpaqueSection(data=b"\xff" * size),
        apei.StatusBlock(trailing=b"\0" * size),
        apei.StatusBlock(trailing=b"\0" * size + b"\x01"),
    ]


def steps(thing: Structure) -> tuple[int, int]:
    """(calls that text takes, characters that it makes)."""
    count = 0

    def seen(frame, event, argument) -> None:
        nonlocal count
        count += 1

    sys.setprofile(seen)
    try:
        shown = text(thing)
    finally:
        sys.setprofile(None)
    return count, len(shown)


def test_size_and_work_are_linear() -> None:
    """Counted in calls, not in seconds."""
    size = 1 << 14
    for small, great in zip(hostile(size), hostile(4 * size), strict=True):
        (little, short), (much, long) = steps(small), steps(great)
        assert much <= 4.2 * little + 200, type(small)
        assert long <= 4.2 * short + 200, type(small)
        assert long <= 40 * 4 * size


def test_long_data_is_cut_and_zeros_are_counted() -> None:
    shown = text(apei.OpaqueSection(data=b"\xab" * 100_000))
    assert "100000 bytes" in shown
    assert len(shown) < 5000
    assert "zero" in text(apei.OpaqueSection(data=bytes(100_000)))


def test_an_error_type_has_the_names_of_its_kind() -> None:
    """The same number means one thing in EINJ, and another in EINJv2, as Linux asked for it."""
    asked = SetErrorTypeWithAddress.from_bytes(captured.injections()["set-error-type-einjv2"])
    assert re.search(r"error_type +0x2: memory\n", text(asked))
    assert re.search(r"error_type +0x2: processor uncorrectable", text(asked.replace(flags=2)))
