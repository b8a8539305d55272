"""Record stores of our own firmware: those that hold, and what is left where a file is damaged."""

import subprocess
import sys

import captured
import pytest

import apeitool as apei
from apeitool.capture.container import read
from apeitool.errors import CaptureError
from apeitool.firmware.store import RecordStore

RECORDS = dict(enumerate(data for _, data in sorted(captured.records().items())))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "records"
    with RecordStore(path) as store:
        store[9] = RECORDS[0]
        store.update(RECORDS)
        del store[9]
    return path


def test_the_records_that_hold(path) -> None:
    found = list(apei.open(path))
    assert [bytes(capture) for capture in found] == list(RECORDS.values())
    assert [c.origin for c in found] == [f"{path}:record {number:#x}" for number in RECORDS]
    assert all(isinstance(apei.decode(c, strict=True), apei.Record) for c in found)


def test_a_damaged_file_gives_the_rest_and_says_what_is_wrong(path) -> None:
    data = bytearray(path.read_bytes())
    place = data.rindex(RECORDS[1])
    data[place + 200] ^= 1
    path.write_bytes(data)
    with pytest.raises(CaptureError, match=rf"offset {place - 40:#x}, \d+ bytes: record 0x1"):
        list(read(bytes(data), "f"))
    damaged = bytes(data[place : place + len(RECORDS[1])])
    shown = list(_until_error(bytes(data)))
    assert [(c.origin, c.data) for c in shown] == [
        ("f:record 0x0", RECORDS[0]),
        (f"f@{place - 40:#x}, damaged", damaged),
    ]


def _until_error(data: bytes):
    try:
        yield from read(data, "f")
    except CaptureError:
        return


def test_decode_reads_it(path) -> None:
    done = decoded(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{path}:record 0x0" in done.stdout
    data = bytearray(path.read_bytes())
    data[30] ^= 1
    path.write_bytes(data)
    done = decoded(path)
    assert done.returncode == 1
    assert f"{path}: offset 0x18, " in done.stderr
    assert f"{path}:record 0x1" in done.stdout


def decoded(path):
    command = [sys.executable, "-m", "apeitool", "decode", path]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_only_begins_like_a_store() -> None:
    with pytest.raises(CaptureError, match="no record store"):
        list(read(b"APEISTOR" + bytes(60), "f"))
