"""What Linux reads of BERT and its region: transcribed from bert.c; seen in `test_real_tables`."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_bytes import CORRECTED, UNKNOWN, block, entry, table

from apeitool.acpi.bert import Bert
from apeitool.linux.bert import Stop, check_table, walk_region

INTRODUCED = "BERT: Error records from previous boot:"
TOTAL = "BERT: Total records found: {}"
SKIPPED = "BERT: [Hardware Error]: Skipped {} error records"
INVALID = "BERT: [Firmware Bug]: Invalid error record."
TRUNCATED = "BERT: [Firmware Bug]: Truncated status block (length: {})."


def record(length: int = 16) -> bytes:
    """A record of 92 bytes and more: header, one entry, its section."""
    return block(CORRECTED, entry(UNKNOWN, bytes(length), CORRECTED))


def header(status=1, raw_offset=0, raw_length=0, data_length=0) -> bytes:
    return struct.pack("<IIIII", status, raw_offset, raw_length, data_length, CORRECTED)


@pytest.mark.parametrize(
    ("region", "messages", "printed", "stop"),
    [
        (b"", (), [], Stop.END),
        (bytes(19), (), [], Stop.END),
        (bytes(200), (), [], Stop.EMPTY),
        (record(), (INTRODUCED, TOTAL.format(1)), [True], Stop.END),
        (record() + bytes(20), (INTRODUCED, TOTAL.format(1)), [True], Stop.EMPTY),
        (record() * 6, (INTRODUCED, SKIPPED.format(1), TOTAL.format(6)),
         [True] * 5 + [False], Stop.END),
        (record(1023 - 92), (INTRODUCED, TOTAL.format(1)), [True], Stop.END),
        (record(1024 - 92), (SKIPPED.format(1), TOTAL.format(1)), [False], Stop.END),
        (record() + header(data_length=0x1000),
         (INTRODUCED, TRUNCATED.format(0x1014), TOTAL.format(1)), [True], Stop.TRUNCATED),
        # The length is looked at before the status.
        (header(status=0, data_length=0x1000), (TRUNCATED.format(0x1014),), [], Stop.TRUNCATED),
        (header(data_length=63) + bytes(63), (INVALID,), [], Stop.INVALID),
        (header(raw_offset=19, raw_length=9), (TRUNCATED.format(28),), [], Stop.TRUNCATED),
        (header(raw_offset=19, raw_length=9) + bytes(8), (INVALID,), [], Stop.INVALID),
        (record()[:-1], (TRUNCATED.format(len(record())),), [], Stop.TRUNCATED),
        (header(), (INTRODUCED, TOTAL.format(1)), [True], Stop.END),
        (header(raw_offset=20, raw_length=0xFFFFFFF0) + bytes(40), (), [], Stop.WRAPPED),
    ],
)  # fmt: skip
def test_a_region_is_walked_as_in_the_source(region, messages, printed, stop) -> None:
    verdict = walk_region(region)
    assert verdict.messages == messages
    assert [r.is_printed for r in verdict.records] == printed
    assert verdict.stop is stop
    assert verdict.accepted == (stop in (Stop.END, Stop.EMPTY))


def test_records_are_told_by_place() -> None:
    verdict = walk_region(record() + record(20) + header(data_length=999))
    assert [r[:2] for r in verdict.records] == [(0, 108), (108, 112)]
    assert verdict.stopped_at == 220


@pytest.mark.parametrize(
    ("length", "accepted"), [(20, True), (19, False), (0, False), (0xFFFFFFFF, True)]
)
def test_a_table_needs_room_for_a_block(length, accepted) -> None:
    verdict = check_table(Bert.from_bytes(table(b"BERT", struct.pack("<IQ", length, 0x1000))))
    assert verdict.accepted is accepted
    assert verdict.message == ("" if accepted else "BERT: [Firmware Bug]: table invalid.")


def test_a_table_that_is_cut_is_refused() -> None:
    data = table(b"BERT", struct.pack("<IQ", 20, 0x1000))
    assert not check_table(Bert.from_bytes(data[:4] + b"\x2f" + data[5:])).accepted


@given(st.binary(max_size=600))
def test_any_bytes_come_to_an_end(region) -> None:
    verdict = walk_region(region)
    assert 0 <= verdict.stopped_at <= len(region)
    assert sum(r.length for r in verdict.records) == verdict.stopped_at
