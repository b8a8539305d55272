"""Listings of iasl: the table behind them is the one that was listed."""

import shutil
import subprocess
from contextlib import suppress

import captured
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import apeitool as apei
from apeitool.acpi.bert import Bert
from apeitool.acpi.einj import Einj, EinjAction, EinjInstructionEntry
from apeitool.acpi.erst import Erst, ErstInstructionEntry
from apeitool.capture import iasl
from apeitool.capture.container import decode, read
from apeitool.errors import ApeiError, CaptureError

HESTS = captured.hests()
TABLES = {
    **HESTS,
    "bert": Bert(boot_error_region_length=4096, boot_error_region=0x1000).to_bytes(),
    "einj": Einj(entries=[EinjInstructionEntry(action=EinjAction.TRIGGER_ERROR)] * 3).to_bytes(),
    "erst": Erst(entries=[ErstInstructionEntry()] * 40).to_bytes(),
    "large": Erst(entries=[ErstInstructionEntry()] * 2100).to_bytes(),
}
BERT = TABLES["bert"]

LISTING = """/*
 * Disassembly of bert.dat
 * ACPI Data Table [BERT]
 */

[000h 0000   4]                    Signature : "BERT"    [Boot Error Record Table]
[004h 0004   4]                 Table Length : 00000030
[009h 0009   1]                     Checksum : 45

Raw Table Data: Length 48 (0x30)

    0000: 42 45 52 54 30 00 00 00 01 45 41 50 45 49 54 4C  // BERT0....EAPEITL
    0010: 41 50 45 49 54 4F 4F 4C 01 00 00 00 41 50 45 49  // APEITOOL....APEI
    0020: 01 00 00 00 00 10 00 00 00 10 00 00 00 00 00 00  // ................
"""


def listed(tmp_path, table: bytes) -> bytes:
    """What iasl says of a table."""
    program = shutil.which("iasl")
    if program is None:
        pytest.skip("iasl is not here: apt-get install acpica-tools")
    (tmp_path / "table.dat").write_bytes(table)
    subprocess.run(
        [program, "-d", "table.dat"], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    return (tmp_path / "table.dsl").read_bytes()


@pytest.mark.oracle
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_iasl_lists(tmp_path, table) -> None:
    (capture,) = read(listed(tmp_path, table), "table.dsl")
    assert capture.data == table
    assert capture.origin.startswith(f"table.dsl:{table[:4].decode()}@")
    assert decode(capture).to_bytes() == table


@pytest.mark.oracle
def test_a_table_with_a_wrong_checksum_is_listed_as_it_is(tmp_path) -> None:
    table = Bert(boot_error_region_length=20).replace(checksum=0).to_bytes()
    (capture,) = read(listed(tmp_path, table), "table.dsl")
    assert capture.data == table
    assert [p.id for p in decode(capture).problems] == ["table-checksum"]


@pytest.mark.parametrize(
    "change",
    [
        str,
        lambda t: t.replace("\n", "\r\n"),
        lambda t: "".join(f"> {line}\n" for line in t.splitlines()),
        lambda t: t[t.index("Raw") :],
        lambda t: t.rstrip(),
        lambda t: t.replace("    00", "warning: see above\n    00"),
        lambda t: "\n".join(line.partition("//")[0] for line in t.split("\n")),
    ],
)
def test_wrapped_otherwise(change) -> None:
    (capture,) = read(change(LISTING).encode(), "x")
    assert capture.data == BERT


def test_several_listings_in_one_file() -> None:
    other = LISTING.replace("42 45 52 54", "44 53 44 54")
    captures = list(read((LISTING + other + LISTING).encode(), "x"))
    assert [c.data for c in captures] == [BERT, BERT]
    assert [c.origin for c in captures] == ["x:BERT@10", "x:BERT@38"]


def test_rows_that_are_missing_are_not_made_up() -> None:
    rows = LISTING.splitlines(keepends=True)
    for text, line in (("".join(rows[:-1]), 10), ("".join([*rows[:-2], rows[-1]]), 13)):
        with pytest.raises(CaptureError, match=f"x:{line}: BERT: "):
            list(read(text.encode(), "x"))


def test_a_table_that_we_do_not_know() -> None:
    with pytest.raises(CaptureError, match=r"DSDT.*HEST"):
        list(read(LISTING.replace("42 45 52 54", "44 53 44 54").encode(), "x"))
    with pytest.raises(CaptureError) as caught:
        list(read(LISTING.replace("42 45 52 54", "1B 5B 32 4A").encode(), "x"))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "data", [b"", BERT, LISTING[: LISTING.index("    0000")].encode(), BERT + LISTING.encode()]
)
def test_what_is_no_such_text(data) -> None:
    assert not iasl.sniff(data)


@given(st.lists(st.sampled_from(LISTING.split("\n")) | st.text(max_size=40), max_size=40))
@settings(max_examples=300)
def test_any_text_has_an_answer(lines) -> None:
    with suppress(ApeiError):
        for capture in read("\n".join(lines).encode("utf-8", "surrogatepass"), "x"):
            assert apei.decode(capture).to_bytes() == capture.data
