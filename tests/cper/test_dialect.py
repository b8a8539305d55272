"""Whose record it is decides how it is read, never what its bytes are."""

# ruff: noqa: DTZ001 - records have no zone

import struct
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import apeitool as apei
from apeitool.cper.arm_error import ArmErrorType, ErrorWordValid, failed
from apeitool.cper.dialect import PRODUCERS, READINGS, dialect_names
from apeitool.cper.guids import AMDGPU, LINUX_PSTORE, WINDOWS

WINDOWS_STAMP = bytes.fromhex("21370900090b1814")
"""Of a record that Windows wrote at 2024-11-09 09:55:33."""


def header(creator: UUID, stamp: bytes, flags: int = 0) -> apei.Record:
    """A record with one empty section, laid out by hand (UEFI 2.10 N.2.1, N.2.2)."""
    data = struct.pack("<4sHIHIII", b"CPER", 0x0210, 0xFFFFFFFF, 1, 1, 2, 200)
    data += stamp + bytes(32) + creator.bytes_le + bytes(16) + bytes(8 + 4 + 8 + 12)
    data += struct.pack("<IIHBBI", 200, 0, 0x0300, 0, 0, flags) + bytes(72 - 16)
    record = apei.decode(data)
    assert isinstance(record, apei.Record)
    assert record.to_bytes() == data
    return record


@pytest.mark.parametrize(
    ("creator", "stamp", "moment", "reading"),
    [
        (WINDOWS, WINDOWS_STAMP, datetime(2024, 11, 9, 9, 55, 33), "binary"),
        # All its bytes could be decimal digits: only the creator tells.
        (WINDOWS, bytes.fromhex("1009080007061514"), datetime(2021, 6, 7, 8, 9, 16), "binary"),
        (str(apei.OpaqueSection().guid), WINDOWS_STAMP, datetime(2024, 11, 9, 9, 55, 33), "binary"),
        (str(apei.OpaqueSection().guid), bytes.fromhex("1009080007061520"), datetime(2015, 6, 7, 8, 9, 10), "bcd"),
        (LINUX_PSTORE, struct.pack("<Q", 1795000000), datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC), "unix-seconds"),
        (AMDGPU, bytes.fromhex("21370900090b1914"), datetime(2025, 11, 9, 9, 55, 33), "amdgpu"),
        (AMDGPU, bytes.fromhex("21370900090b1915"), datetime(2025, 11, 9, 9, 55, 33), "amdgpu"),
    ],
)  # fmt: skip
def test_a_timestamp_is_read_as_its_producer_writes_it(creator, stamp, moment, reading) -> None:
    record = header(UUID(creator), stamp)
    assert record.moment == moment
    choice = apei.dialect_of(record)[apei.Topic.TIMESTAMP]
    assert choice.reading == reading
    assert f"{moment:%Y-%m-%d %H:%M:%S}" in apei.text(record)
    assert f"Read as timestamp: {reading} ({choice.reason})" in apei.text(record)


def test_the_caller_wins_over_the_producer() -> None:
    record = header(UUID(WINDOWS), bytes.fromhex("1009080007061520"))
    with apei.using(apei.forced("timestamp=bcd")):
        assert record.moment == datetime(2015, 6, 7, 8, 9, 10)
        assert "timestamp: bcd (as the caller says)" in apei.text(record)
    assert record.moment != datetime(2015, 6, 7, 8, 9, 10)


def test_amdgpu_is_the_name_in_the_creator_id() -> None:
    assert UUID(AMDGPU).bytes_le == b"amdgpu".ljust(16, b"\0")


@pytest.mark.parametrize(
    ("creator", "flags", "said"),
    [
        (WINDOWS, 0x80, "FRU text by plugin"),
        (AMDGPU, 0x10, "latent error"),
        (str(apei.OpaqueSection().guid), 0x90, "resource not accessible, overflow"),
    ],
)
def test_section_flags_are_named_by_their_producer(creator, flags, said) -> None:
    shown = apei.text(header(UUID(creator), bytes(8), flags))
    assert f"{flags:#x}: {said}" in shown


def arm(*errors: tuple[int, int | None]) -> apei.ArmProcessorErrorSection:
    """A section with these (type, error information), laid out by hand (UEFI 2.10 N.2.4.4)."""
    length = 40 + 32 * len(errors)
    data = struct.pack("<IHHIB3xQQII", 0, len(errors), 0, length, 0, 0, 0, 0, 0)
    for kind, word in errors:
        valid = 4 if word is not None else 0
        data += struct.pack("<BBHBHBQQQ", 0, 32, valid, kind, 0, 0, word or 0, 0, 0)
    section = apei.decode(data, as_="arm_processor")
    assert isinstance(section, apei.ArmProcessorErrorSection)
    assert section.to_bytes() == data
    return section


OF_A_BUS = int(ErrorWordValid.PARTICIPATION_TYPE)


@pytest.mark.parametrize(
    ("errors", "reading", "sentence"),
    [
        ([(2, None)], "uefi-2.9a", "cache error"),
        ([(16, None)], "uefi-2.9a", "micro architectural error"),
        ([(6, None)], "uefi-2.9a", "cache and TLB error"),
        ([(0, None)], "uefi-2.9", "cache error"),
        ([(0, None), (2, None)], "uefi-2.9", "cache error; bus error"),
        ([(1, None), (8, None)], "libcper", "cache error; micro architectural error"),
        ([(2, OF_A_BUS)], "uefi-2.9", "bus error"),
        ([(4, OF_A_BUS)], "libcper", "bus error"),
        ([(8, OF_A_BUS)], "uefi-2.9a", "bus error"),
        ([(5, None)], "libcper", "cache and bus error"),
    ],
)
def test_the_type_of_an_arm_error_is_read_as_all_of_a_section_allow(
    errors, reading, sentence
) -> None:
    section = arm(*errors)
    assert apei.dialect_of(section)[apei.Topic.ARM_ERROR_TYPE].reading == reading
    assert f"ARM processor: {sentence}" in apei.text(section)


def test_a_type_that_fits_several_readings_says_so_and_can_be_forced() -> None:
    section = arm((2, None))
    said = apei.dialect_of(section)[apei.Topic.ARM_ERROR_TYPE].reason
    assert said == "types 2 would fit uefi-2.9 and libcper too"
    for name, what in (
        ("libcper", "TLB error"),
        ("uefi-2.9", "bus error"),
        ("uefi", "cache error"),
    ):
        with apei.using(apei.forced(name)):
            assert f"ARM processor: {what}" in apei.text(section)


@given(kind=st.integers(0, 255), how=st.sampled_from(sorted(apei.Topic.ARM_ERROR_TYPE.readings)))
def test_any_type_reads_as_known_errors_or_none(kind, how) -> None:
    assert not failed(kind, how) & ~sum(ArmErrorType)


def test_the_padding_of_contexts_can_be_forced_and_changes_no_byte() -> None:
    context = struct.pack("<HHI", 0, 4, 256) + bytes(256)
    data = struct.pack("<IHHIB3xQQII", 0, 0, 2, 40 + 2 * 272, 0, 0, 0, 0, 0)
    data += 2 * (context + bytes(8))
    own = apei.decode(data, as_="arm_processor")
    assert isinstance(own, apei.ArmProcessorErrorSection)
    assert [len(c.padding) for c in own.context_information] == [8, 8]
    assert apei.dialect_of(own)[apei.Topic.CONTEXT_PADDING].reading == "16"
    with apei.using(apei.forced("context-padding=none")):
        tight = apei.decode(data, as_="arm_processor")
    assert isinstance(tight, apei.ArmProcessorErrorSection)
    assert [len(c.padding) for c in tight.context_information] == [0, 0]
    assert tight.to_bytes() == own.to_bytes() == data


@pytest.mark.parametrize(
    "name", ["", "solaris", "timestamp", "timestamp=solar", "=bcd", "layout=x"]
)
def test_what_is_no_dialect_is_refused_with_those_there_are(name) -> None:
    with pytest.raises(apei.DialectError, match="windows"):
        apei.forced(name)


def test_every_dialect_can_be_forced() -> None:
    for name in dialect_names():
        for choice in apei.forced(name).values():
            assert choice.reading in READINGS[apei.Topic(choice.topic)]
    assert {topic for topics in PRODUCERS.values() for topic in topics} == set(apei.Topic)
