"""Where the answer goes: into a file, onto a terminal, apart from the talk."""

import json
import stat
from itertools import pairwise

import captured
import pytest

HEST = captured.hests()["qemu-11-virt-ras"]
FIRST, SECOND = captured.records().values()
JUNK = bytes(range(255, 100, -1))

# ---- into a file


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_into_a_file(apeitool, tmp_path, form) -> None:
    target = tmp_path / "out"
    shown = apeitool("decode", "--to", form, stdin=HEST)
    written = apeitool("decode", "--to", form, "-o", target, stdin=HEST)
    assert (written.status, written.out) == (0, b"")
    assert target.read_bytes() == shown.out


def test_into_the_file_that_is_read(apeitool, tmp_path) -> None:
    """Whatever the answer: the only copy of a crash is not gone."""
    path = tmp_path / "crash.bin"
    path.write_bytes(HEST)
    found = apeitool("decode", "--to", "json", path, "-o", path)
    if found.status == 0:
        assert apeitool("encode", path).out == HEST
    else:
        assert path.read_bytes() == HEST


def test_what_cannot_be_decoded_is_not_written_over(apeitool, tmp_path) -> None:
    """The wrong --as, the wrong offset: nobody loses the bytes for that."""
    path = tmp_path / "crash.bin"
    for arguments, data in (
        ((), JUNK),
        (("--strict", "--as", "record"), HEST),
        (("--offset", "224"), HEST),
    ):
        path.write_bytes(data)
        assert apeitool("decode", path, "-o", path, *arguments).status == 1
        assert path.read_bytes() == data


def test_one_of_several_is_written_over_when_all_are_read(apeitool, tmp_path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(HEST)
    second.write_bytes(FIRST)
    found = apeitool("decode", first, second, second, "--to", "jsonl", "-o", second)
    assert (found.status, found.err) == (0, "")
    kinds = [json.loads(row)["kind"] for row in second.read_bytes().splitlines()]
    assert kinds == ["Hest", "Record", "Record"]


def test_into_the_folder_that_is_read(apeitool, tmp_path) -> None:
    """What is being written is not among what is read."""
    (tmp_path / "a.bin").write_bytes(HEST)
    found = apeitool("decode", tmp_path, "-o", tmp_path / "out.txt")
    assert (found.status, found.err) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "out.txt"]


def test_a_file_stays_what_it_is(apeitool, tmp_path) -> None:
    """Written through a link, which stays one (/dev/stdout is); as secret as it was."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.touch(mode=0o600)
    link.symlink_to(real)
    expected = apeitool("decode", stdin=HEST).out
    assert apeitool("decode", "-", "-o", link, stdin=HEST).status == 0
    assert link.is_symlink()
    assert real.read_bytes() == expected
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    long = tmp_path / ("x" * 250)
    assert apeitool("decode", "-", "-o", long, stdin=HEST).status == 0
    assert long.read_bytes() == expected


@pytest.mark.parametrize("name", ["nosuch/out", "."])
def test_into_what_cannot_be_written(apeitool, tmp_path, name) -> None:
    found = apeitool("decode", "-o", tmp_path / name, stdin=HEST)
    assert found.status == 1
    assert found.err.startswith("apeitool: ")
    assert found.err.count("\n") == 1


def test_json_of_nothing_is_still_json(apeitool, tmp_path) -> None:
    assert json.loads(apeitool("decode", "--to", "json", tmp_path).out)["items"] == []
    bad = apeitool("decode", "--to", "json", stdin=JUNK)
    assert bad.status == 1
    assert json.loads(bad.out)["items"] == []
    assert apeitool("decode", "--to", "jsonl", stdin=JUNK).out == b""


def test_colour_for_a_terminal_alone(apeitool, tmp_path) -> None:
    path = tmp_path / "x"
    path.write_bytes(FIRST)
    shown = apeitool("decode", path, terminal=True)
    assert b"\x1b[" in shown.out
    assert b"\x1b" not in apeitool("decode", path).out
    for form in ("json", "jsonl"):
        assert b"\x1b" not in apeitool("decode", path, "--to", form, terminal=True).out
    target = tmp_path / "out"
    apeitool("decode", path, "-o", target, terminal=True)
    assert b"\x1b" not in target.read_bytes()


def test_objects_stand_apart_in_text(apeitool, tmp_path) -> None:
    path = tmp_path / "all"
    path.write_bytes(FIRST + SECOND)
    rows = apeitool("decode", path).text.splitlines()
    starts = [i for i, row in enumerate(rows) if row.startswith(str(path))]
    assert len(starts) == 2
    assert all(rows[after - 1] == "" for _, after in pairwise(starts))
