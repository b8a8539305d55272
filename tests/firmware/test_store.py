"""Record stores: what they hold, what is left of a file that was cut or damaged, and whose they are."""

import struct
import subprocess
import sys
from itertools import pairwise

import crcmod
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apeitool.errors import StoreError, StoreFull
from apeitool.firmware import store as store_module
from apeitool.firmware.qemu_store import QemuStore
from apeitool.firmware.store import MemoryStore, RecordStore
from apeitool.store_file import contents, is_unmade

CRC = crcmod.mkCrcFun(0x11EDC6F41, initCrc=0, rev=True, xorOut=0xFFFFFFFF)
"""CRC-32C by its polynomial."""
MARK = 0x1122334455667788


def header(mark: int = MARK, version: int = 1) -> bytes:
    """The header of a store, by hand."""
    head = struct.pack("<8sHHIQ", b"APEISTOR", version, 0, 0, mark)
    return head[:12] + struct.pack("<I", CRC(head)) + head[16:]


def frame(number: int, identifier: int, data: bytes | None, mark: int = MARK) -> bytes:
    """A frame that writes a record, or clears it, by hand."""
    record = data or b""
    fields = (mark, number, identifier, 2 if data is None else 1, 0, len(record), CRC(record))
    head = struct.pack("<QQQHHII", *fields)
    return head + struct.pack("<I", CRC(head + bytes(4))) + record


OPERATIONS = [
    (1, b"one"),
    (2, b"two" * 9),
    (1, b"another one"),
    (3, bytes(70)),
    (2, None),
    (4, b""),
]
FRAMES = [frame(i, identifier, data) for i, (identifier, data) in enumerate(OPERATIONS)]
FILE = header() + b"".join(FRAMES)
ENDS = [24 + sum(map(len, FRAMES[:i])) for i in range(len(FRAMES) + 1)]


def after(operations) -> dict[int, bytes]:
    held: dict[int, bytes] = {}
    for identifier, data in operations:
        held.pop(identifier, None)
        if data is not None:
            held[identifier] = data
    return held


STATES = [after(OPERATIONS[:i]) for i in range(len(OPERATIONS) + 1)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records"


def test_the_file_is_as_its_page_says(path, monkeypatch) -> None:
    monkeypatch.setattr(store_module.secrets, "randbits", lambda bits: MARK)
    with RecordStore(path) as store:
        for identifier, data in OPERATIONS:
            if data is None:
                del store[identifier]
            else:
                store[identifier] = data
    made = path.read_bytes()
    # A mark is odd, so that it is never zeros.
    assert made.replace(struct.pack("<Q", MARK | 1), struct.pack("<Q", MARK))[24:32] == FILE[24:32]
    assert dict(contents(made).records) == STATES[-1]
    assert [f[8:36] for f in split(made)] == [f[8:36] for f in FRAMES]


def split(data: bytes) -> list[bytes]:
    return [data[start:end] for start, end in pairwise(ENDS)]


def test_a_file_cut_anywhere_holds_what_was_written_before(path) -> None:
    for length in range(len(FILE) + 1):
        data = FILE[:length]
        if is_unmade(data):
            assert length < 24
            continue
        found = contents(data)
        done = sum(end <= length for end in ENDS) - 1
        assert found.records == STATES[done]
        assert (found.end, found.torn, found.damage) == (ENDS[done], length - ENDS[done], [])
        padded = contents(data.ljust(len(FILE) + 8, b"\0"))
        assert {**padded.records, **STATES[done]} == padded.records or padded.damage


@pytest.mark.parametrize("length", [0, 10, 23, 24, 25, 63, 64, 90, len(FILE) - 1])
def test_a_torn_tail_is_cut_off(path, length) -> None:
    path.write_bytes(FILE[:length])
    with RecordStore(path) as store:
        held = dict(store)
        assert not store.damage
        assert store.torn == (length - max(e for e in ENDS if e <= length) if length >= 24 else 0)
        store[9] = b"new"
    with RecordStore(path) as store:
        assert (dict(store), store.torn) == ({**held, 9: b"new"}, 0)


@pytest.mark.parametrize("bits", [0x01, 0x80, 0xFF])
def test_a_byte_changed_anywhere_takes_one_frame(bits) -> None:
    for place in range(len(FILE)):
        data = bytearray(FILE)
        data[place] ^= bits
        found = contents(bytes(data))
        hit = sum(end <= place for end in ENDS) - 1
        (damage,) = found.damage
        if hit < 0:
            assert (damage.offset, damage.length) == (0, 24)
            assert found.records == STATES[-1]
            continue
        assert (damage.offset, damage.length) == (ENDS[hit], len(FRAMES[hit]))
        assert found.records == after(OPERATIONS[:hit] + OPERATIONS[hit + 1 :])
        in_record = place >= ENDS[hit] + 40
        assert (damage.header is not None) == in_record
        if in_record:
            identifier, record = OPERATIONS[hit]
            assert damage.header.record_id == identifier
            assert len(damage.record) == len(record)
        if not in_record and hit < len(FRAMES) - 1:
            assert "1 operations are lost" in str(damage)
        assert not found.torn


def test_frames_that_are_missing_are_missed() -> None:
    for first in range(len(FRAMES) - 1):
        for last in range(first + 1, len(FRAMES)):
            found = contents(FILE[: ENDS[first]] + FILE[ENDS[last] :])
            (damage,) = found.damage
            assert (
                str(damage)
                == f"offset {ENDS[first]:#x}, 0 bytes: {last - first} operations are missing here"
            )
            assert found.records == after(OPERATIONS[:first] + OPERATIONS[last:])


@given(st.data())
def test_whatever_happened_to_a_file(draw) -> None:
    """Records that were written once, or an error of ours; no byte is told twice."""
    data = bytearray(FILE)
    for _ in range(draw.draw(st.integers(1, 5))):
        start = draw.draw(st.integers(0, len(data)))
        stop = min(start + draw.draw(st.integers(0, 60)), len(data))
        data[start:stop] = draw.draw(st.binary(max_size=60) | st.just(FILE[start:stop] * 2))
    try:
        found = contents(bytes(data))
    except StoreError:
        return
    assert all((number, record) in OPERATIONS for number, record in found.records.items())
    places = [(d.offset, d.offset + d.length) for d in found.damage]
    assert all(a[1] <= b[0] for a, b in pairwise(places))
    assert found.end + found.torn == len(data)


def test_a_damaged_store_is_written_anew_and_kept(path) -> None:
    damaged = bytearray(FILE)
    damaged[ENDS[0] + 41] ^= 1
    path.write_bytes(damaged)
    with RecordStore(path) as store:
        assert dict(store) == STATES[-1]
        (damage,) = store.damage
        assert damage.rule == "record 0x1, as it was written here, is damaged"
        kept = store.kept
        store[5] = b"five"
    assert kept is not None
    assert kept.read_bytes() == damaged
    with RecordStore(path) as store:
        assert (store.damage, store.kept) == ((), None)
        assert dict(store) == {**STATES[-1], 5: b"five"}


def test_no_record_is_taken_for_a_frame(path) -> None:
    """A guest that knew the mark could write frames of its own, and damage could bring them up."""
    forged = frame(1, 7, b"forged")
    path.write_bytes(header() + frame(0, 1, b"one"))
    with RecordStore(path) as store:
        store[2] = forged
        store[3] = b"three"
    data = bytearray(path.read_bytes())
    assert data[16:24] != struct.pack("<Q", MARK)
    place = data.index(forged) - 40
    data[place + 9] ^= 1
    found = contents(bytes(data))
    assert len(found.damage) == 1
    assert found.records == {1: b"one", 3: b"three"}


@pytest.mark.parametrize(
    "data",
    [b"x", b"APEISTOX", bytes(25), b"\x7fELF" + bytes(200), header()[:-1] + b"\x99", FILE[1:], FILE[24:],
     b"ERSTSTOR" + bytes(0x2000)],
)  # fmt: skip
def test_what_is_no_store_is_left_alone(path, data) -> None:
    path.write_bytes(data)
    with pytest.raises(StoreError, match="no record store"):
        RecordStore(path)
    assert path.read_bytes() == data


def test_a_store_of_a_later_version_is_left_alone(path) -> None:
    path.write_bytes(header(version=2) + FRAMES[0])
    with pytest.raises(StoreError, match="version 2"):
        RecordStore(path)
    assert path.read_bytes() == header(version=2) + FRAMES[0]


def test_a_store_has_room_for_so_many_bytes(path) -> None:
    with RecordStore(path, capacity=200) as store:
        store[1], store[2] = bytes(60), bytes(60)
        for number, length in ((3, 0), (3, 61), (1, 61)):
            with pytest.raises(StoreFull):
                store[number] = bytes(length)
        store[1] = bytes(59)
        del store[2]
        store[3] = bytes(61)
        assert {n: len(r) for n, r in store.items()} == {1: 59, 3: 61}


def test_a_file_is_never_larger_than_twice_the_capacity(path) -> None:
    with RecordStore(path, capacity=1000) as store:
        marks = set()
        for number in range(200):
            store[number % 5] = bytes([number]) * (number % 150)
            assert path.stat().st_size <= 24 + 2000
            marks.add(path.read_bytes()[16:24])
        held = dict(store)
    assert len(marks) > 1
    with RecordStore(path, capacity=1000) as store:
        assert dict(store) == held
        store.compact()
        assert path.stat().st_size == 24 + sum(40 + len(r) for r in held.values())
    with RecordStore(path) as store:
        assert dict(store) == held
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("kind", [RecordStore, QemuStore])
def test_a_store_is_one_process_s(path, kind) -> None:
    with kind(path) as store:
        store[1] = b"CPER".ljust(128, b"\0")
        with pytest.raises(StoreError, match="another process"):
            kind(path)
        code = f"from {kind.__module__} import {kind.__name__} as S; S({str(path)!r})"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert "another process has it" in done.stderr
    with kind(path) as store:
        assert len(store) == 1
    with pytest.raises(StoreError, match="closed"):
        store[2] = b""


@pytest.mark.parametrize("kind", [RecordStore, QemuStore])
def test_a_file_that_cannot_be_opened(tmp_path, kind) -> None:
    for path in (tmp_path, tmp_path / "no" / "file"):
        with pytest.raises(StoreError, match=str(path)):
            kind(path)


def test_memory_has_room_for_so_many_records() -> None:
    store = MemoryStore({1: b"one"}, capacity=2)
    store[2] = b"two"
    with pytest.raises(StoreFull):
        store[3] = b"three"
    store[2] = b"another"
    assert store == {1: b"one", 2: b"another"}
