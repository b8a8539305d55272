"""decode: from where, as what, to which form; its exit statuses; data and talk apart."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import captured
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import damaged

import apeitool as apei
from apeitool.cli.example import example

HEST = captured.hests()["qemu-11-virt-ras"]
FIRST, SECOND = captured.records().values()
PENDING = captured.FIXTURES / "qemu-11-virt-ras/hardware_errors-pending.bin"
KIND = {apei.Hest: "hest", apei.StatusBlock: "block", apei.Record: "record"}
JUNK = bytes(range(255, 100, -1))


@pytest.fixture
def folder(tmp_path):
    """Two good files and a bad one."""
    for name, data in (("a.bin", HEST), ("b.bin", JUNK), ("c/d.bin", FIRST)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def lines(data: bytes) -> list[dict]:
    return [json.loads(row) for row in data.splitlines()]


# ---- there and back


EVERYTHING = captured.everything()
every_captured = pytest.mark.parametrize(
    ("cls", "name", "data"), EVERYTHING, ids=[name for _, name, _ in EVERYTHING]
)


@every_captured
@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_there_and_back(apeitool, cls, name, data, form) -> None:
    found = apeitool("decode", "-", "--to", form, stdin=data)
    assert (found.status, found.err) == (0, "")
    again = apeitool("encode", "-", stdin=found.out)
    assert (again.status, again.out, again.err) == (0, data, "")


@every_captured
@given(choice=st.data())
@settings(max_examples=25)
def test_damaged_there_and_back(apeitool, cls, name, data, choice) -> None:
    changed = choice.draw(damaged(st.just(data), edits=6))
    found = apeitool("decode", "--as", KIND[cls], "--to", "json", stdin=changed)
    pieces = json.loads(found.out)["items"]
    if found.status == 0:
        again = apeitool("encode", "-", stdin=found.out)
        assert (again.status, again.out) == (0, changed)
        problems = [p for piece in pieces for p in apei.loads(json.dumps(piece)).problems]
        assert len(found.err.splitlines()) == len(problems)
    else:
        assert found.status == 1
        assert found.err
        assert len(changed) < cls.shortest or len(pieces) > 0


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
@settings(max_examples=150)
def test_any_input_has_an_answer(apeitool, data) -> None:
    for form in ("text", "json"):
        found = apeitool("decode", "-", "--to", form, stdin=data)
        assert found.status in (0, 1)
        assert found.status == 0 or found.err
        assert "Traceback" not in found.err
        assert all(line.isprintable() for line in found.err.split("\n"))


# ---- where from


def test_a_file_standard_input_and_hex_say_the_same(apeitool, folder) -> None:
    by_name = apeitool("decode", folder / "a.bin")
    assert by_name.text.splitlines()[0] == str(folder / "a.bin")
    body = by_name.text.split("\n", 1)[1]
    for arguments, data in (
        ((), HEST), (("-",), HEST), ((), HEST.hex().encode()), ((), HEST.hex("\n").encode())
    ):  # fmt: skip
        assert apeitool("decode", *arguments, stdin=data) == (0, body.encode(), "")


def test_a_folder_is_read_whole_and_one_bad_file_does_not_stop_it(apeitool, folder) -> None:
    found = apeitool("decode", folder, "--to", "jsonl")
    assert found.status == 1
    assert [item["kind"] for item in lines(found.out)] == ["Hest", "Record"]
    first, last = found.err.splitlines()
    assert first.startswith(f"{folder / 'b.bin'}: ")
    assert last == "1 of 3 objects could not be decoded"


def test_several_arguments_in_their_order(apeitool, folder) -> None:
    names = [folder / "c/d.bin", folder / "a.bin", folder / "c/d.bin"]
    found = apeitool("decode", "--to", "jsonl", *names)
    assert [item["kind"] for item in lines(found.out)] == ["Record", "Hest", "Record"]
    text = apeitool("decode", *names).text
    assert [row for row in text.splitlines() if row.startswith(str(folder))] == list(
        map(str, names)
    )


def test_several_objects_in_one_file(apeitool, tmp_path) -> None:
    path = tmp_path / "all"
    path.write_bytes(FIRST + HEST + SECOND)
    found = apeitool("decode", path)
    heads = [row for row in found.text.splitlines() if row.startswith(str(path))]
    assert heads == [f"{path}@{at:#x}" for at in (0, len(FIRST), len(FIRST + HEST))]
    again = apeitool("encode", "-", stdin=apeitool("decode", path, "--to", "json").out)
    assert again.out == FIRST + HEST + SECOND


@pytest.mark.parametrize("offset", ["0x420", "1056", "0X420"])
def test_a_part_of_a_file(apeitool, offset) -> None:
    found = apeitool("decode", PENDING, "--offset", offset, "--length", "172", "--strict")
    assert found.status == 0
    assert found.text.splitlines()[2].startswith("CORRECTED: single bit ECC memory error")
    whole = apeitool("decode", PENDING)
    heads = [row for row in whole.text.splitlines() if row.startswith(str(PENDING))]
    assert heads == [f"{PENDING}:block 0, acknowledged", f"{PENDING}:block 1, not acknowledged"]


@contextmanager
def written_to(pipe: Path, data: bytes = b"") -> Iterator[None]:
    """Somebody writes to the pipe as soon as it is read from; if nobody reads, nobody waits."""
    over = threading.Event()

    def write() -> None:
        while not over.wait(0.01):
            with suppress(OSError):  # there is no reader yet
                descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
                os.write(descriptor, data)
                os.close(descriptor)
                return

    os.mkfifo(pipe)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def test_a_pipe_by_name(apeitool, tmp_path) -> None:
    """As a shell's ``<(...)`` gives it."""
    with written_to(tmp_path / "pipe", HEST):
        found = apeitool("decode", tmp_path / "pipe", "--to", "jsonl")
    assert (found.status, len(lines(found.out))) == (0, 1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no bytes"),
        (b"\n", "0a"),
        (JUNK, "ff fe fd"),
        (b"hello world", "no hex"),
        (b"CPER", "Record"),
        (b"HEST" + bytes(10), "Hest"),
        (b"HEST" + bytes(40), ""),
        (HEST[:39], "40"),
        (b"43504", "5"),
    ],
    ids=lambda x: ascii(x[:12]),
)
def test_what_cannot_be_decoded(apeitool, data, said) -> None:
    found = apeitool("decode", "--strict", stdin=data)
    assert found.status == 1
    assert found.out == b""
    assert found.err.startswith("-:")
    assert said in found.err
    assert len(found.err.splitlines()) == 1


def test_files_that_cannot_be_read(apeitool, tmp_path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "dangling").symlink_to("nosuch")
    for name, said in (
        (tmp_path / "nosuch", "No such file"),
        (tmp_path / "nosuch/deeper", "No such file"),
        (tmp_path / "empty/deeper", "Not a directory"),
        (tmp_path / "dangling", "No such file"),
        (tmp_path / "empty", "no bytes"),
        ("/dev/null", "no bytes"),
    ):
        found = apeitool("decode", name)
        assert (found.status, found.out) == (1, b"")
        assert found.err.startswith(f"{name}: ")
        assert said in found.err
        assert found.err.count("\n") == 1


def test_files_without_permission(process, without_privileges, folder) -> None:
    """Each is said, none stops the others, and an answer that lacks them is not status 0."""
    (folder / "b.bin").write_bytes(HEST)
    (folder / "b.bin").chmod(0)
    (folder / "c").chmod(0)
    try:
        for name, found in (
            (folder, 1),
            (folder / "b.bin", 0),
            (folder / "c", 0),
            (folder / "c/d.bin", 0),
        ):
            done = process("decode", "--to", "jsonl", name, before=without_privileges,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
            out, err = done.communicate()
            assert b"Traceback" not in err
            assert len(lines(out)) == found
            assert done.returncode == 1
            assert b"Permission denied" in err
            assert name != folder or err.count(b": Permission denied") == 2
    finally:
        (folder / "c").chmod(0o700)


def test_a_folder_that_can_be_listed_but_not_entered(process, without_privileges, folder) -> None:
    """Its files are named, none can be looked at; what stands beside it is decoded."""
    inner = folder / "c"
    inner.chmod(0o444)
    try:
        done = process("decode", "--to", "jsonl", folder, before=without_privileges,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        out, err = done.communicate()
    finally:
        inner.chmod(0o700)
    assert (done.returncode, len(lines(out))) == (1, 1)
    assert f"{inner / 'd.bin'}: Permission denied".encode() in err


def test_a_folder_with_a_pipe_in_it_is_no_trap(apeitool, folder) -> None:
    (folder / "b.bin").unlink()
    with written_to(folder / "pipe"):
        found = apeitool("decode", folder, "--to", "jsonl")
    assert len(lines(found.out)) == 2
    assert (found.status, found.err) == (0, "")


# ---- as what


def test_the_kind_by_name(apeitool) -> None:
    data = apei.MemoryErrorSection(validation_bits=8, node=1).to_bytes()
    doubt = apeitool("decode", stdin=data)
    assert doubt.status == 1
    assert all(word in doubt.err for word in ("more than one", "block", "memory"))
    for name, kind in (("memory", "MemoryErrorSection"), ("block", "StatusBlock")):
        found = apeitool("decode", "--as", name, "--to", "jsonl", stdin=data)
        assert (found.status, lines(found.out)[0]["kind"]) == (0, kind)


def test_the_first_words_say_what_broke(apeitool) -> None:
    for kind in ("memory", "pcie", "arm_processor", "block", "record"):
        found = apeitool("decode", stdin=example(kind).to_bytes())
        first = found.text.split("\n\n")[0]
        assert "rror" in first
        assert not first.startswith(" ")


# ---- problems


BROKEN = apei.decode(HEST).replace(checksum=0).to_bytes()


def test_problems_are_talk_and_no_failure(apeitool) -> None:
    found = apeitool("decode", "--to", "jsonl", stdin=BROKEN)
    assert found.status == 0
    assert apei.loads(found.out).to_bytes() == BROKEN
    (row,) = found.err.splitlines()
    assert all(
        word in row for word in ("-: ", "table-checksum", "0x9", "Hest.checksum", "ACPI 6.5")
    )


def test_strict_makes_them_one(apeitool) -> None:
    found = apeitool("decode", "--strict", stdin=BROKEN)
    assert (found.status, found.out) == (1, b"")
    assert "table-checksum" in found.err
    assert apeitool("decode", "--strict", stdin=HEST).status == 0


def test_characters_of_a_record_are_harmless_in_talk_too(apeitool) -> None:
    hostile = "\x1b[2J"
    for data in (
        apei.Hest(signature=hostile[:4]).to_bytes(),
        apei.decode(FIRST).replace(signature_start="\x1b]0;").to_bytes(),
    ):
        for kind in ("hest", "record", "table"):
            found = apeitool("decode", "--as", kind, stdin=data, terminal=True)
            assert "\x1b" not in found.err
            assert "\x1b]" not in found.text
            assert "\x1b[2" not in found.text


def test_names_of_files_are_harmless_too(apeitool, tmp_path) -> None:
    """Whoever sends an archive names its files."""
    for name, data in (("a\x1b[2J\x07.bin", BROKEN), ("b\x1b]0;\x07.bin", JUNK)):
        (tmp_path / name).write_bytes(data)
    found = apeitool("decode", tmp_path, terminal=True)
    for shown in (found.text, found.err):
        assert "\x07" not in shown
        assert "\x1b[2J" not in shown
        assert "\x1b]" not in shown


# ---- wrong usage


@pytest.mark.parametrize(
    "arguments",
    [
        ("--as", "nosuch"),
        ("--as", ""),
        ("--to", "nosuch"),
        ("--offset", "-1"),
        ("--offset", "x"),
        ("--length", "-1"),
        ("--length", "0x"),
        ("--nosuch",),
        ("--as",),
    ],
    ids=" ".join,
)
def test_wrong_usage(apeitool, arguments) -> None:
    found = apeitool("decode", *arguments, stdin=HEST)
    assert (found.status, found.out) == (2, b"")
    assert "Error: " in found.err


def test_nothing_to_read_from_a_terminal(apeitool) -> None:
    found = apeitool("decode", terminal=True)
    assert found.status == 2
    assert "terminal" in found.err
