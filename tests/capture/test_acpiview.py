"""What acpiview prints, as logs of UEFI shells have it: the tables, whatever stands between them."""

from contextlib import suppress

import captured
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apeitool.acpi.einj import Einj, EinjAction, EinjInstructionEntry
from apeitool.capture import acpiview
from apeitool.capture.container import decode, read
from apeitool.errors import ApeiError, CaptureError

HEST = captured.hests()["qemu-11-virt-ras"]
EINJ = Einj(entries=[EinjInstructionEntry(action=EinjAction.TRIGGER_ERROR)] * 3).to_bytes()
ODD = Einj(unparsed=b"ABCDEFG").to_bytes()

FIELDS = """Table Checksum : OK

HEST                                 :
  Signature                          : HEST
  Length                             : 224
  OEM Table ID                       : BXPC
"""


def printed(table: bytes, name: str | None = None) -> str:
    """A table as acpiview prints it."""
    signature = name or table[:4].decode()
    lines = [f" --------------- {signature} Table --------------- ", "", "Address  : 0xF97DE818",
             f"Length   : {len(table)}", "  "]  # fmt: skip
    for start in range(0, len(table), 16):
        row = table[start : start + 16]
        halves = [row[:8].hex(" "), row[8:].hex(" ")]
        digits = " - ".join(half for half in halves if half).upper()
        characters = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        lines.append(f"{start:08X} : {digits:<49}   {characters}")
    return "\n".join(lines) + "\n\n" + FIELDS


def tables(text: str | bytes) -> list[bytes]:
    data = text.encode() if isinstance(text, str) else text
    return [capture.data for capture in read(data, "log")]


DSDT = printed(b"DSDT" + bytes(60))


@pytest.mark.parametrize("table", [HEST, EINJ, ODD], ids=["hest", "einj", "odd"])
def test_a_table(table) -> None:
    (capture,) = read(printed(table).encode(), "log")
    assert capture.data == table
    assert capture.origin == f"log:{table[:4].decode()}@1"
    assert decode(capture).to_bytes() == table


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_log_of_many(encoding, end) -> None:
    """The UEFI shell writes UTF-16 into files."""
    text = "FS0:\\> acpiview\n" + DSDT + printed(HEST) + DSDT + printed(EINJ) + "FS0:\\> "
    assert tables(text.replace("\n", end).encode(encoding)) == [HEST, EINJ]


def test_rows_that_are_missing_are_not_made_up() -> None:
    rows = printed(HEST).splitlines()
    found: list[bytes] = []
    with pytest.raises(CaptureError, match="offset 0020 does not follow"):
        found.extend(c.data for c in read("\n".join([*rows[:6], *rows[7:]]).encode(), "log"))
    assert found == [HEST[:16]]


@pytest.mark.parametrize("text", ["", DSDT[:40], printed(HEST).replace("Table ---", "---"), FIELDS])
def test_what_is_no_such_text(text) -> None:
    assert not acpiview.sniff(text.encode())


def test_no_table_that_we_know() -> None:
    with pytest.raises(CaptureError, match="none of the tables 'DSDT'"):
        tables(DSDT)


@given(st.lists(st.sampled_from([*printed(HEST).split("\n"), *DSDT.split("\n")]), max_size=40))
@settings(max_examples=200)
def test_any_lines_have_an_answer(lines) -> None:
    with suppress(ApeiError):
        for capture in read("\n".join(lines).encode(), "x"):
            assert decode(capture).to_bytes() == capture.data
