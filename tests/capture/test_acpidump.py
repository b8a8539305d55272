"""The text of acpidump: read as the programs of ACPICA write it, written as they read it."""

import re
import shutil
import subprocess
import tracemalloc
from contextlib import suppress

import captured
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import apeitool as apei
from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.acpi.einj import Einj, EinjAction, EinjInstructionEntry
from apeitool.acpi.erst import Erst, ErstInstructionEntry
from apeitool.capture import acpidump
from apeitool.capture.container import decode, read
from apeitool.cli import main
from apeitool.cli.example import example
from apeitool.errors import ApeiError, CaptureError, EncodeError

HEST = captured.hests()["qemu-11-virt-ras"]
BERT = Bert(boot_error_region_length=4096, boot_error_region=0x1000).to_bytes()
EINJ = Einj(entries=[EinjInstructionEntry(action=EinjAction.TRIGGER_ERROR)] * 3).to_bytes()
LARGE = Erst(entries=[ErstInstructionEntry()] * 2100).to_bytes()
"""Its offsets have five digits."""

TABLES = {
    "hest": HEST,
    "bert": BERT,
    "einj": EINJ,
    "large": LARGE,
    "odd": Einj(unparsed=b"ABCDEFG").to_bytes(),
    "lying": Bert().replace(length=4096).to_bytes(),
}
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)

DSDT = """DSDT @ 0x00000000BFFE0040
    0000: 44 53 44 54 14 00 00 00 02 77 42 4F 43 48 53 20  DSDT.....wBOCHS
    0010: 42 58 50 43                                      BXPC
"""


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here: apt-get install acpica-tools")
    return found


def run(*command: object, cwd: object = None) -> bytes:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, timeout=60, check=True
    )
    return done.stdout


def tables(text: str | bytes, origin: str = "d") -> list[bytes]:
    data = text.encode() if isinstance(text, str) else text
    return [capture.data for capture in read(data, origin)]


def broken(text: str | bytes) -> tuple[list[bytes], CaptureError]:
    """What a text gives before it turns out to be broken."""
    captures = read(text.encode() if isinstance(text, str) else text, "dump")
    found: list[bytes] = []
    with pytest.raises(CaptureError) as caught:
        found.extend(capture.data for capture in captures)
    return found, caught.value


def printed(*found: bytes) -> str:
    return b"".join(map(acpidump.dump, found)).decode()


# ---- beside ACPICA


@pytest.mark.oracle
@every_table
def test_acpixtract_reads_what_we_write(tmp_path, table) -> None:
    (tmp_path / "dump").write_bytes(acpidump.dump(table))
    run(program("acpixtract"), "-a", "dump", cwd=tmp_path)
    (extracted,) = tmp_path.glob("*.dat")
    assert extracted.name == f"{table[:4].decode().lower()}.dat"
    assert extracted.read_bytes() == table


@pytest.mark.oracle
def test_acpixtract_reads_several(tmp_path) -> None:
    (tmp_path / "dump").write_text(printed(HEST, BERT, EINJ, LARGE))
    run(program("acpixtract"), "-a", "dump", cwd=tmp_path)
    found = {path.stem: path.read_bytes() for path in tmp_path.glob("*.dat")}
    assert found == {"hest": HEST, "bert": BERT, "einj": EINJ, "erst": LARGE}


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["hest", "bert", "einj", "large"])
def test_we_read_and_write_what_acpidump_writes(tmp_path, name) -> None:
    """It prints the tables of a file too, with the address 0, and nothing else."""
    (tmp_path / "table").write_bytes(TABLES[name])
    text = run(program("acpidump"), "-f", "table", cwd=tmp_path)
    assert tables(text) == [TABLES[name]]
    assert acpidump.dump(TABLES[name]).rstrip() == text.rstrip()


# ---- by the command line


def command(capsysbinary, *arguments: object) -> tuple[int, bytes, bytes]:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0), *capsysbinary.readouterr()


def test_decode_and_encode_there_and_back(tmp_path, capsysbinary) -> None:
    (tmp_path / "dump").write_text(DSDT + printed(HEST, BERT))
    status, items, err = command(capsysbinary, "decode", tmp_path / "dump", "--to", "json")
    assert (status, err) == (0, b"")
    (tmp_path / "json").write_bytes(items)
    again = command(capsysbinary, "encode", tmp_path / "json", "--to", "acpidump")
    assert again == (0, printed(HEST, BERT).encode(), b"")


def test_encode_refuses_what_is_no_table(tmp_path, capsysbinary) -> None:
    (tmp_path / "json").write_text(apei.dumps(example("block")))
    status, out, err = command(capsysbinary, "encode", tmp_path / "json", "--to", "acpidump")
    assert (status, out) == (1, b"")
    assert b"HEST" in err


# ---- as it comes


@every_table
def test_there_and_back(table) -> None:
    (capture,) = read(acpidump.dump(table), "dump")
    assert (capture.data, capture.kind) == (table, None)
    assert capture.origin == f"dump:{table[:4].decode()}@1"
    assert decode(capture).to_bytes() == table


def test_many_tables_with_what_other_programs_said() -> None:
    noise = "Could not open /dev/mem\nsudo: unable to resolve host\n\nfault @ 0xdead\n\n"
    rows = printed(HEST).splitlines()
    text = "\n".join([
        "$ sudo acpidump", noise, DSDT, *rows[:4], noise, *rows[4:], DSDT, printed(BERT), "logout"
    ])  # fmt: skip
    captures = list(read(text.encode(), "dump"))
    assert [c.data for c in captures] == [HEST, BERT]
    lines = text.split("\n")
    for capture, name in zip(captures, ("HEST", "BERT"), strict=True):
        at = next(n for n, line in enumerate(lines, 1) if line.startswith(f"{name} @"))
        assert capture.origin == f"dump:{name}@{at}"


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("\n", "\r\n"),
        lambda t: "".join(f"> {line}\n" for line in t.splitlines()),
        lambda t: "".join(f">> >{line}\r\n" for line in t.splitlines()),
        lambda t: t.replace("    0", "  0"),
        lambda t: t.replace("    0", "\t0"),
        str.lower,
        lambda t: "\n".join(line.rstrip() for line in t.split("\n")),
        lambda t: "\n".join(line[:57] for line in t.split("\n")),
        lambda t: t.rstrip(),
        lambda t: "\u201enichts\u201c\n\n" + t,
        lambda t: t.replace("0x0000000000000000", "0xBF7A0000"),
    ],
)
def test_wrapped_otherwise(change) -> None:
    text = change(printed(HEST, BERT)).replace("hest @", "HEST @").replace("bert @", "BERT @")
    assert tables(text) == [HEST, BERT]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "remark",
    ["  <<<<  DON'T KNOW WHY.", " (rev 1)", "\t// 0x68 bytes", " \u201eja\u201c", " 00 11"],
)
def test_who_pastes_a_dump_remarks_on_a_header(remark, end) -> None:
    lines = (DSDT + printed(HEST, BERT)).splitlines()
    text = end.join(line + remark if "@" in line else line for line in lines)
    assert tables(text) == [HEST, BERT]


def test_a_sentence_about_a_table_is_no_header() -> None:
    text = f"HEST @ 0xBF7A0000 is broken, I think.\n\n{printed(HEST)}\nBERT @ 0x10 too?\n"
    assert tables(text) == [HEST]
    found, wrong = broken("HEST @ 0x10 is broken, I think.\n" + DSDT)
    assert found == []
    assert "none of the tables" in str(wrong)


def test_characters_that_look_like_bytes_are_none() -> None:
    """The last row has room before its column of characters."""
    for tail in (b"", b"41", b"41 42 43"):
        for length in range(1, 17):
            table = Einj(unparsed=(tail + b"BEEF 00 11 22 33")[:length]).to_bytes()
            assert tables(acpidump.dump(table)) == [table]


def test_characters_behind_a_single_space() -> None:
    """Where spaces were run together."""
    table = Einj(unparsed=b"ADDS").to_bytes()
    assert tables(re.sub(" +", " ", printed(table))) == [table]


def test_a_part_of_each_table() -> None:
    text = printed(HEST, BERT).encode()
    assert [c.data for c in read(text, offset=8, length=4)] == [HEST[8:12], BERT[8:12]]
    assert {c.kind for c in read(text, kind="memory")} == {"memory"}
    with pytest.raises(CaptureError, match="0x31"):
        list(read(text, offset=0x31))


def test_the_tables_of_one_name() -> None:
    text = printed(HEST, EINJ, BERT, HEST).encode()
    assert [c.data for c in read(text, kind="hest")] == [HEST, HEST]
    assert [(c.data, c.kind) for c in read(text, kind="bert")] == [(BERT, "bert")]
    assert len(list(read(text, kind="table"))) == 4
    with pytest.raises(CaptureError, match=r"none of the tables 'HEST', .* is ERST$"):
        list(read(text, kind="erst"))


def test_a_region_behind_its_table_is_one_here_too() -> None:
    block = example("block").to_bytes()
    bert = Bert(boot_error_region_length=len(block)).to_bytes()
    table, region = map(decode, read(acpidump.dump(bert + block), "dump"))
    assert (type(table), type(region)) == (Bert, BootErrorRegion)
    assert region.to_bytes() == block


# ---- damaged


def test_rows_that_are_missing_are_not_made_up() -> None:
    """What stands before them is given, as are the other tables; then it is an error."""
    rows = printed(HEST).splitlines()
    found, wrong = broken("\n".join([*rows[:5], *rows[6:], printed(BERT)]))
    assert found == [HEST[:0x40], BERT]
    assert str(wrong) == "dump:6: HEST: offset 0050 does not follow, 0040 does"
    assert apei.decode(found[0], as_="hest").problems


def test_first_rows_that_are_missing() -> None:
    rows = printed(BERT).splitlines()
    found, wrong = broken("\n".join([rows[0], *rows[2:], printed(HEST)]))
    assert found == [HEST]
    assert str(wrong) == "dump:2: BERT: offset 0010 does not follow, 0000 does"


def test_a_header_without_rows() -> None:
    with pytest.raises(CaptureError, match=r"dump:1: HEST: no rows"):
        list(read(f"HEST @ 0x0\nCould not map it\n{DSDT}".encode(), "dump"))


def test_rows_that_begin_anew_without_a_header() -> None:
    rows = printed(BERT).splitlines()
    with pytest.raises(CaptureError, match="offset 0000 does not follow"):
        list(read("\n".join([*rows, *rows[1:]]).encode(), "dump"))


def test_no_table_that_we_know() -> None:
    found, wrong = broken(DSDT + DSDT + DSDT.replace("DSDT", "FACP"))
    assert found == []
    assert str(wrong) == "dump: none of the tables 'DSDT', 'FACP' is HEST, BERT, EINJ, ERST"
    many = "".join(DSDT.replace("DSDT", f"S{n:03}") for n in range(500))
    assert len(str(broken(many)[1])) < 300


@pytest.mark.parametrize("data", [b"", b"CPER" + bytes(200), b"\x7fELF" + bytes(60), b"\0" + HEST])
def test_what_acpidump_cannot_print(data) -> None:
    with pytest.raises(EncodeError, match="HEST"):
        acpidump.dump(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HEST @ 0x0\n",
        b"    0000: 48 45 53 54\n",
        b"    0000: 48 45 53 54\nHEST @ 0x0\n",
        HEST,
        HEST + acpidump.dump(HEST),
        b"no table @ home\n    0000: 00\n",
        HEST.hex(" ").encode(),
        "HEST @ 0x0\n    0000: 48\n".encode("utf-16"),
    ],
)
def test_what_is_no_such_text(data) -> None:
    assert not acpidump.sniff(data)


LINES = st.sampled_from([
    *printed(HEST, BERT).split("\n"), *DSDT.split("\n"), "HEST @ 0x0", "x @ 0x1", "0000: 41",
    "> 0000: 48 45 53 54 ff", "FFFFFFFF: 00", "", "Raw Table Data: Length 4 (0x4)", "> > >",
])  # fmt: skip


@given(st.lists(LINES | st.text(max_size=60), max_size=40), st.sampled_from(["\n", "\r\n", "\r"]))
@settings(max_examples=400)
def test_any_text_has_an_answer(lines, end) -> None:
    data = end.join(lines).encode("utf-8", "surrogatepass")
    with suppress(ApeiError):
        for capture in read(data, "x"):
            assert decode(capture).to_bytes() == capture.data


@given(st.sets(st.integers(0, 30)))
@settings(max_examples=150)
def test_whatever_rows_are_missing_no_table_has_bytes_of_another(missing) -> None:
    lines = enumerate(printed(HEST, EINJ, BERT).splitlines())
    text = "\n".join(line for n, line in lines if n not in missing or "@" in line).encode()
    found: list[bytes] = []
    with suppress(CaptureError):
        found.extend(capture.data for capture in read(text, "x"))
    whole = {data[:4]: data for data in (HEST, EINJ, BERT)}
    assert all(whole[data[:4]].startswith(data) for data in found)


@pytest.mark.parametrize(
    "text",
    [
        acpidump.dump(LARGE) * 8,
        DSDT.encode() * 12000,
        b"HEST @ 0x0\n    0000: 48\n" + b"> " * 1_000_000,
        b"HEST @ 0x0\n    0000: 48\n" + b"x" * 2_000_000 + b" @ 0x",
        b"HEST @ 0x0\n" * 150_000,
        b">" * 1_000_000 + b" " * 1_000_000,
    ],
    ids=["tables", "unknown", "quotes", "a line", "headers", "marks"],
)
def test_memory_grows_as_the_text_does(text) -> None:
    tracemalloc.start()
    try:
        with suppress(ApeiError):
            for _ in read(text, "x"):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * len(text)
