"""Annotated bytes: every byte in one row, in order, with a name; harmless; no longer than it must."""

import re

import captured
import pytest
from discovery import structures
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import encodings

import apeitool as apei
from apeitool.cli.example import example
from apeitool.cli.new import KINDS
from apeitool.render.explain import ROW, Row, chunks, rows, text
from apeitool.wire.record import Structure

EVERYTHING = captured.everything()
HOSTILE = ["a\x1b[31mb", "\x1b]0;t\x07", "\x9b31m", "one\ntwo\rthree", "\xa0\xad\x85"]


def check(thing: Structure, data: bytes) -> list[Row]:
    """The rows of a thing, once it is sure that they are its bytes."""
    found = list(rows(thing))
    assert b"".join(row.data for row in found) == data
    position = 0
    for row in found:
        assert row.offset == position
        position = row.end
    assert position == len(data)
    return found


def is_harmless(shown: str) -> bool:
    return all(c == "\n" or 32 <= ord(c) < 127 for c in shown)


def listed(shown: str) -> bytes:
    """The bytes that the text shows, read from its columns; each line's offset is right."""
    data = b""
    for line in shown.splitlines():
        zeros = re.match(r"([0-9a-f]{4,})  00 x (\d+) ", line + " ")
        hexed = re.match(r"([0-9a-f]{4,})  ((?:[0-9a-f]{2} )+)", line + " ")
        if found := zeros or hexed:
            assert int(found[1], 16) == len(data)
            data += bytes(int(found[2])) if zeros else bytes.fromhex(found[2])
    return data


@pytest.mark.parametrize("cls", structures(), ids=lambda cls: cls.__name__)
@given(data=st.data())
@settings(max_examples=25)
def test_every_byte_once(cls, data) -> None:
    raw = data.draw(encodings(cls))
    thing, end = cls.decode_at(raw, 0, len(raw))
    found = check(thing, raw[:end])
    for row in found:
        assert row.source == thing.source or row.path
        assert bool(row.data) <= bool(row.path and row.value), "bytes without a name"
        assert len(row.data) <= ROW or not any(row.data) or row.role == "field"
    shown = text(thing)
    assert is_harmless(shown)
    assert listed(shown) == raw[:end]
    assert not any(line != line.rstrip() for line in shown.splitlines())


@pytest.mark.parametrize(
    ("cls", "name", "data"), EVERYTHING, ids=[name for _, name, _ in EVERYTHING]
)
def test_of_what_was_captured(cls, name, data) -> None:
    found = check(cls.from_bytes(data), data)
    assert all(row.source for row in found)


@pytest.mark.parametrize("kind", KINDS)
def test_of_what_new_makes(kind) -> None:
    thing = example(kind)
    check(thing, thing.to_bytes())


def test_a_path_names_the_value_there() -> None:
    """Followed from the object down, a path leads to the value whose bytes stand beside it."""
    thing = example("hest")
    whole = thing.to_bytes()
    for row in check(thing, whole):
        if row.role != "field":
            continue
        value: object = thing
        for step, index in re.findall(r"(\w+)(?:\[(\d+)\])?", row.path):
            value = getattr(value, step)
            value = value[int(index)] if index else value  # type: ignore[index]
        if isinstance(value, int):
            assert int.from_bytes(row.data, "little") == value
        else:
            assert row.data.decode().rstrip("\0") == value


def row_of(thing: Structure, path: str) -> Row:
    (found,) = [row for row in rows(thing) if row.path == path and row.role != "data"]
    return found


def test_value_meaning_and_source() -> None:
    hest = apei.Hest.from_bytes(captured.hests()["qemu-11-virt-ras"])
    told = row_of(hest, "sources[0].notification.type")
    assert (told.offset, told.data, told.value) == (0x48, b"\x08", "SEA (8)")
    assert "Notification" in told.meaning
    assert told.source.startswith("ACPI")
    assert row_of(hest, "sources[0]").value == "GhesV2"
    assert row_of(hest, "sources[0].error_status_address.register_bit_width").value == "64 bits"


def test_bits_stand_below_their_field() -> None:
    block = apei.StatusBlock(block_status=0x12)
    below = [row for row in rows(block) if row.path.startswith("block_status.")]
    assert [(row.path, row.value, row.meaning) for row in below] == [
        ("block_status.correctable_error_valid", "yes", "bit 1"),
        ("block_status.error_data_entry_count", "1", "bits 13:4"),
    ]
    assert all(row.data == b"" and row.offset == 4 and row.role == "bits" for row in below)
    section = apei.MemoryErrorSection(validation_bits=1 << 1 | 1 << 63)
    below = [row for row in rows(section) if row.path.startswith("validation_bits.")]
    assert [(row.path.partition(".")[2], row.value, row.meaning) for row in below] == [
        ("physical_address", "yes", "bit 1"),
        ("reserved", f"{1 << 63:#x}", ""),
    ]


def test_what_is_no_fact_says_so() -> None:
    section = apei.MemoryErrorSection(validation_bits=2, physical_address=0x1000, rank_number=7)
    assert "not marked valid" in row_of(section, "rank_number").meaning
    assert "not marked valid" not in row_of(section, "physical_address").meaning
    short = apei.MemoryErrorSection.from_bytes(section.to_bytes()[:75])
    check(short, section.to_bytes()[:75])
    cut = row_of(short, "card_handle")
    assert len(cut.data) < 2
    assert "the bytes end" in cut.meaning


def test_long_data_is_in_rows_and_zeros_are_counted() -> None:
    data = b"\xab" * 40 + bytes(4096) + b"end"
    thing = apei.OpaqueSection(data=data)
    found = [row for row in check(thing, data) if row.role == "data"]
    assert max(len(row.data) for row in found if any(row.data)) == ROW
    assert len(found) < 8
    assert "zero bytes" in text(thing)
    assert len(text(thing)) < 1500


@given(st.lists(st.just(bytes(16)) | st.binary(max_size=40)).map(b"".join))
def test_chunks_are_the_bytes(data) -> None:
    found = list(chunks(data))
    assert b"".join(piece for _, piece in found) == data
    position = 0
    for start, piece in found:
        assert start == position
        assert piece
        position += len(piece)


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_characters_of_a_record_reach_no_terminal(hostile) -> None:
    data = hostile.encode("latin-1")
    for thing in (
        apei.Hest(oem_id=hostile[:6], oem_table_id=hostile[:8], trailing=data),
        apei.GenericErrorDataEntryV3(
            section=apei.MemoryErrorSection(), validation_bits=2, fru_text=hostile
        ),
        apei.OpaqueSection(data=data),
    ):
        assert is_harmless(text(thing))
        assert (
            text(thing, paint=lambda shown, role: f"\x1b[1m{shown}\x1b[0m").count("\x1b") % 2 == 0
        )


@given(st.binary(max_size=8))
def test_paint_changes_no_character(data) -> None:
    thing = apei.Hest(trailing=data)
    painted = text(thing, paint=lambda shown, role: f"\x1b[1m{shown}\x1b[0m" if shown else "")
    plain = re.sub("\x1b\\[[0-9]+m", "", painted)
    assert [line.rstrip() for line in plain.splitlines()] == text(thing).splitlines()


def test_work_is_linear() -> None:
    """Counted in lines, not in seconds."""
    small, great = (
        len(text(apei.OpaqueSection(data=b"\xff" * n)).splitlines()) for n in (512, 2048)
    )
    assert great <= 4 * small
