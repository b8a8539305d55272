"""Which status blocks Linux reads, and what it says of the others.

The tables transcribe what Debian's Linux 6.1.176 printed (x86 and arm64); 6.12.95 and 7.2.13 said the same.
"""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_bytes import CORRECTED, MEMORY, RECOVERABLE, block, entry, memory
from strategies import instances

from apeitool.acpi.status import StatusBlock
from apeitool.errors import ApeiError
from apeitool.linux.accept import BlockVerdict, at, check_entries, check_header, entries

ROOM = 4096
TRUNCATED = "[Firmware Warn]: GHES: Truncated error status block!"
LENGTH = "[Firmware Warn]: GHES: Invalid error status block length!"
HEADER = "[Firmware Warn]: GHES: Invalid CPER header!"
ENTRIES = "[Firmware Warn]: GHES: Failed to read error status block!"

ONE = entry(MEMORY, memory(0x777000, kind=2), CORRECTED, revision=0x201)


def cut(length: int) -> bytes:
    """An entry that says another length than its section has."""
    return entry(MEMORY, memory(kind=2), CORRECTED, revision=0x201, length=length)


def said(data: bytes, room: int = ROOM) -> str:
    return verdict_on(data, room).message


def verdict_on(data: bytes, room: int = ROOM) -> BlockVerdict:
    """Header first, then as much as it asks for, as Linux reads."""
    verdict = check_header(data, room)
    return check_entries(at(data, 0, verdict.length)) if verdict.accepted else verdict


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (block(CORRECTED, ONE, data_length=0x2000), LENGTH),
        (block(CORRECTED, ONE, data_length=0x1000 - 20 + 1), LENGTH),
        (block(CORRECTED, ONE, data_length=0xFFFFFFFF), TRUNCATED),
        (block(CORRECTED, ONE, data_length=0xFFFFFFEC), TRUNCATED),
        (block(CORRECTED, ONE, data_length=63), HEADER),
        (block(CORRECTED, ONE, data_length=64), ENTRIES),
        (block(CORRECTED, ONE, data_length=64 + 79), ENTRIES),
        (block(CORRECTED, ONE, data_length=64 + 81), ENTRIES),
        (block(CORRECTED, ONE, data_length=64 + 80 + 64), ""),
        (block(CORRECTED, cut(0xFFFFFFFF)), ENTRIES),
        (block(CORRECTED, cut(0x7FFFFFFF)), ENTRIES),
        (block(CORRECTED, cut(79)), ENTRIES),
        (block(CORRECTED, ONE[:20] + b"\0\3" + ONE[22:]), ENTRIES),
        (block(CORRECTED, ONE, raw=b"x" * 8, raw_offset=40), HEADER),
        (block(CORRECTED, ONE, raw=b"x" * 8, raw_offset=0), TRUNCATED),
        (block(CORRECTED, ONE, raw=b"x" * 8, raw_offset=164, raw_length=0x2000), LENGTH),
        (block(CORRECTED, ONE, raw=b"x" * 8, raw_offset=0xFFFFFFF0, raw_length=0x20), TRUNCATED),
        (block(CORRECTED, ONE, status=0x80000000), ""),
        (block(CORRECTED, ONE, status=0x52), ""),
        (block(CORRECTED, ONE, status=0x11), ""),
        (struct.pack("<IIIII", 0x11, 0, 0, 0xFFFFFFF8, 0), TRUNCATED),
        (struct.pack("<IIIII", 0x11, 0, 0, 8192, 0), LENGTH),
        (struct.pack("<IIIII", 0x11, 0, 0, 8, 0) + bytes(8), HEADER),
        (struct.pack("<IIIII", 0x11, 10, 16, 0, 0) + bytes(16), HEADER),
        # The end of the data is a sum of 64 bits: it does not wrap round.
        (struct.pack("<IIIII", 0x11, 0x100, 0x100, 0xFFFFFFF0, 0) + bytes(0x200), HEADER),
        (block(RECOVERABLE, entry(MEMORY, memory(), RECOVERABLE, length=500)), ENTRIES),
        (block(RECOVERABLE, entry(MEMORY, bytes(40), RECOVERABLE)), ""),
        (block(RECOVERABLE, entry(MEMORY, memory(), RECOVERABLE, revision=0x201),
               raw=b"RAWRAWRAWRAW"), ""),
        (block(CORRECTED), ""),
    ],
)  # fmt: skip
def test_what_is_said_of_a_block(data: bytes, message: str) -> None:
    assert said(data) == message


def test_a_block_as_long_as_the_room_is_read_and_65536_bytes_at_most() -> None:
    data = block(CORRECTED, entry(MEMORY, memory().ljust(4096 - 20 - 72, b"\0"), CORRECTED))
    assert (len(data), said(data), said(data, 4095)) == (4096, "", LENGTH)
    large = block(CORRECTED, entry(MEMORY, memory().ljust(65536 - 20 - 72, b"\0"), CORRECTED))
    assert (said(large, 65536), said(large, 1 << 20)) == ("", "")
    larger = block(CORRECTED, entry(MEMORY, memory().ljust(65537 - 20 - 72, b"\0"), CORRECTED))
    assert said(larger, 1 << 20) == LENGTH


def test_the_length_that_is_read_counts_raw_data() -> None:
    data = block(CORRECTED, ONE, raw=b"x" * 8)
    assert check_header(data, ROOM).length == len(data)
    assert check_header(block(CORRECTED, ONE), ROOM).length == 20 + 64 + 80
    gap = block(CORRECTED, ONE, raw=b"x" * 8, raw_offset=200)
    assert check_header(gap, ROOM).length == 208


def test_an_entry_that_takes_no_bytes_is_looked_at_for_ever() -> None:
    data = block(CORRECTED, cut(0x100000000 - 64))
    verdict = verdict_on(data)
    assert (verdict.accepted, verdict.is_endless, verdict.message) == (False, True, "")
    assert len(list(entries(data))) == 1


def test_entries_are_where_their_lengths_lead() -> None:
    data = block(CORRECTED, ONE, entry(MEMORY, memory(), CORRECTED), ONE)
    assert [(e.offset, e.payload, e.length) for e in entries(data)] == [
        (20, 84, 144), (164, 236, 152), (316, 380, 144),
    ]  # fmt: skip


@given(st.binary(max_size=19))
def test_less_than_a_header_is_no_block(data: bytes) -> None:
    with pytest.raises(ApeiError):
        check_header(data, ROOM)


@settings(max_examples=30)
@given(instances(StatusBlock))
def test_a_block_without_a_problem_is_read(made: StatusBlock) -> None:
    made = made.replace(unparsed=b"", gap=b"", trailing=b"").sealed()
    if not made.problems:
        assert said(made.to_bytes(), 1 << 20) == ""


@given(
    st.integers(0, 200), st.integers(0, 200), st.integers(0, 400),
    st.binary(max_size=300) | st.builds(lambda n: ONE * n, st.integers(0, 3)),
)  # fmt: skip
def test_any_block_gets_a_verdict(raw_offset: int, raw_length: int, data: int, rest: bytes) -> None:
    header = struct.pack("<IIIII", 1, raw_offset, raw_length, data, 0)
    verdict = verdict_on(header + rest)
    assert verdict.accepted == (not verdict.messages and not verdict.is_endless)
