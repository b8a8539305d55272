"""Captures: from files, folders and standard input, each with its bytes and where they were."""

import io
import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import captured
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import apeitool as apei
from apeitool.capture import container
from apeitool.capture.capture import Capture
from apeitool.capture.container import decode, read
from apeitool.cli import options
from apeitool.cli.example import example
from apeitool.errors import ApeiError, CaptureError, DecodeError, Truncated

FIRST, SECOND = captured.records().values()
HEST = captured.hests()["qemu-11-virt-ras"]
PENDING = (captured.FIXTURES / "qemu-11-virt-ras/hardware_errors-pending.bin").read_bytes()


def found(path, **how) -> list[Capture]:
    return list(apei.open(path, **how))


# ---- bytes


def test_one_object_is_one_capture() -> None:
    assert list(read(HEST, "file")) == [Capture(HEST, None, "file")]
    (capture,) = read(HEST)
    assert bytes(capture) == capture.data == HEST
    assert decode(capture) == decode(HEST) == apei.decode(bytearray(HEST))
    assert apei.decode(memoryview(HEST)).to_bytes() == HEST


def test_several_say_where_each_began() -> None:
    captures = list(read(FIRST + HEST + SECOND, "file"))
    assert [c.data for c in captures] == [FIRST, HEST, SECOND]
    second = len(FIRST)
    assert [c.origin for c in captures] == [
        "file@0x0", f"file@{second:#x}", f"file@{second + len(HEST):#x}",
    ]  # fmt: skip
    later = list(read(FIRST + HEST + SECOND, "file", offset=second))
    assert [c.origin for c in later] == [c.origin for c in captures[1:]]


def test_hex_text_is_the_bytes_it_spells() -> None:
    for text in (HEST.hex(), HEST.hex(" "), "\n".join(f"> {b:02x}" for b in HEST)):
        (capture,) = read(text.encode(), "mail")
        assert capture == Capture(HEST, None, "mail")
    both = (FIRST + SECOND).hex().encode()
    assert [c.data for c in read(both)] == [FIRST, SECOND]
    assert [c.data for c in read(both, offset=len(FIRST))] == [SECOND]
    assert [c.data for c in read(both, length=len(FIRST))] == [FIRST]
    with pytest.raises(CaptureError, match=r"mail:2: .*zz"):
        list(read(b"00 11 " * 1000 + b"\nzz\n", "mail"))


@pytest.mark.parametrize("offset", [0, 1, 0x420, len(PENDING) - 1])
@pytest.mark.parametrize("length", [None, 1, 172, 5000])
def test_a_part_of_the_bytes(offset, length) -> None:
    data = PENDING + b"\0"  # no carrier of its own
    (capture,) = read(data, "blob", kind="block", offset=offset, length=length)
    assert capture.data == data[offset : None if length is None else offset + length]
    assert capture.kind == "block"


def test_the_block_that_qemu_wrote() -> None:
    (capture,) = read(PENDING, offset=0x420, length=172)
    block = decode(capture)
    assert [s.physical_addresses for s in block.sections] == [(0x40200040,)]
    assert block.problems == ()


def test_an_offset_behind_the_end() -> None:
    with pytest.raises(CaptureError, match="0xffff"):
        list(read(HEST, "file", offset=0xFFFF))
    for nothing in ({"offset": len(HEST)}, {"length": 0}):
        (capture,) = read(HEST, "file", **nothing)
        assert capture.data == b""
        with pytest.raises(Truncated):
            decode(capture)


def test_a_kind_that_is_known_beforehand() -> None:
    capture = Capture(example("memory").to_bytes(), "memory", "x")
    assert isinstance(decode(capture), apei.MemoryErrorSection)
    assert isinstance(decode(capture, as_="block"), apei.StatusBlock)
    with pytest.raises(DecodeError, match="nosuch"):
        decode(Capture(HEST, "nosuch", "x"))


@given(st.binary(max_size=500))
@settings(max_examples=150)
def test_any_bytes_have_an_answer(data) -> None:
    try:
        objects = [decode(capture) for capture in read(data, "x")]
    except ApeiError as wrong:
        said = str(wrong)
    else:
        said = ""
        assert objects
    assert said.isprintable() or not said


def test_text_that_begins_like_a_table_is_no_table() -> None:
    """acpidump's first line is ``HEST @ 0x...``: four letters are not enough to be a table."""
    text = b"HEST @ 0x0000000000000000\n    0000: 48 45 53 54 28 00 00 00 01 8B  HEST(.....\n"
    try:
        (thing,) = [decode(capture) for capture in read(text * 20)]
    except ApeiError:
        return
    assert thing.to_bytes() != text * 20


# ---- files and folders


def test_a_file(tmp_path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(FIRST + SECOND)
    assert [c.data for c in found(path)] == [FIRST, SECOND]
    assert [c.data for c in found(str(path))] == [FIRST, SECOND]
    assert found(path, kind="record")[0].kind == "record"
    assert found(path, offset=len(FIRST))[0].data == SECOND
    assert found(path)[1].origin == f"{path}@{len(FIRST):#x}"


def test_a_folder_in_the_order_of_names(tmp_path) -> None:
    for name in ("b/2", "b/10", "a/x", "c", "a.bin"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(HEST)
    names = [c.origin.removeprefix(f"{tmp_path}/") for c in found(tmp_path)]
    assert names == ["a.bin", "c", "a/x", "b/10", "b/2"]
    assert found(tmp_path / "a") == [Capture(HEST, None, str(tmp_path / "a/x"))]


def test_an_empty_folder_has_nothing(tmp_path) -> None:
    assert found(tmp_path) == []


def test_links_are_followed_to_files_and_never_in_circles(tmp_path) -> None:
    (tmp_path / "file").write_bytes(HEST)
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "circle").symlink_to(".")
    assert [Path(c.origin).name for c in found(tmp_path)] == ["file", "link"]


def test_what_is_no_file_in_a_folder_is_passed_over(tmp_path) -> None:
    """A pipe in it would be waited for, for ever."""
    (tmp_path / "file").write_bytes(HEST)
    os.mkfifo(tmp_path / "pipe")
    assert [Path(p).name for p in container.files(tmp_path)] == ["file"]


def test_what_cannot_be_read(tmp_path) -> None:
    (tmp_path / "link").symlink_to("nosuch")
    for path in (tmp_path / "nosuch", tmp_path / "nosuch/x", tmp_path / "link", "\0", "x" * 5000):
        with pytest.raises(CaptureError) as caught:
            found(path)
        assert str(path) in caught.value.origin


def test_standard_input(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(HEST.hex().encode())))
    assert found("-", kind="hest") == [Capture(HEST, "hest", "-")]


# ---- much


LIMIT = 450 << 20
RUN = "import sys; from apeitool.cli import main; main(sys.argv[1:])"


def limited(arguments: list[str], data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """The command line, in a process that may not have more memory than so much."""
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        input=data,
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)),
    )


def test_a_hundred_megabytes_of_zeros_are_an_empty_block(tmp_path) -> None:
    """In little more than twice its size: once as read, once as what follows the block."""
    path = tmp_path / "zeros"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    done = limited(["decode", str(path)])
    assert done.stderr == b""
    assert done.returncode == 0
    assert b"No error is recorded." in done.stdout
    assert len(done.stdout) < 2000


def test_a_few_stars_do_not_ask_for_all_memory() -> None:
    """``*`` is short for rows that repeat; 120 bytes of text may not spell gigabytes."""
    rows = "".join(f"{n << 30:08x}  {'00 ' * 16}\n*\n" for n in range(3))
    done = limited(["decode", "-"], (rows + f"{3 << 30:08x}\n").encode())
    assert b"Traceback" not in done.stderr
    assert done.returncode == 1


def test_what_does_not_end_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(container, "_LARGEST", 1 << 20)
    with pytest.raises(CaptureError, match="/dev/zero: does not end within 1 MiB"):
        container.load(Path("/dev/zero"))
    with pytest.raises(CaptureError, match="does not end"):
        container.whole(io.BytesIO(bytes((1 << 20) + 1)), "-")
    assert container.whole(io.BytesIO(HEST), "-") == HEST


def test_ten_thousand_files_and_a_bad_one(tmp_path) -> None:
    for number in range(10_000):
        (tmp_path / f"{number:05}.cper").write_bytes(FIRST if number % 1000 else FIRST[:100])
    reader = options.Reader(None)
    origins = [origin for origin, _ in reader.objects((str(tmp_path),))]
    assert (len(origins), reader.count, reader.failures) == (9990, 10_000, 10)
    assert origins == sorted(origins)
    assert len(reader.reasons) == 1
