"""QEMU's record stores: the records that the map lists, and nothing of deleted ones.

The records are those that a real Linux wrote.  That whole stores are as they are built here is what
tests/oracle/test_real_erst.py asks QEMU.
"""

import struct

import captured
import pytest
from hypothesis import given
from hypothesis import strategies as st

import apeitool as apei
from apeitool.capture import erst_file
from apeitool.capture.container import decode, read
from apeitool.cper.record import Record
from apeitool.errors import ApeiError, CaptureError
from apeitool.qemu.erst_file import ErstStorage

SLOT = 0x2000
RECORDS = sorted(captured.records().items())
FIRST, SECOND = (data for _, data in RECORDS)
IDS = [struct.unpack_from("<Q", data, 96)[0] for data in (FIRST, SECOND)]


def store(ids: list[int], slots: list[bytes], *, count: int | None = None) -> bytes:
    """A store as QEMU writes it, with these ids behind the header's own and these slots."""
    used = sum(map(bool, ids)) if count is None else count
    head = struct.pack("<8sIIHHI", b"ERSTSTOR", SLOT, SLOT, 0x0100, 0, used)
    head += struct.pack(f"<{1 + len(ids)}Q", 0, *ids)
    return head.ljust(SLOT, b"\0") + b"".join(slot.ljust(SLOT, b"\xff") for slot in slots)


BOTH = store([*IDS, 0], [FIRST, SECOND, b""])


def problems(data: bytes) -> list[tuple[str, str]]:
    return [(p.id, p.path) for p in ErstStorage.from_bytes(data).problems]


def test_the_records_of_the_map() -> None:
    found = list(read(BOTH, "file"))
    assert [c.data for c in found] == [FIRST, SECOND]
    assert [c.kind for c in found] == ["record", "record"]
    assert [c.origin for c in found] == [f"file:record {number:#x}" for number in IDS]
    assert all(isinstance(decode(c), Record) for c in found)
    whole = ErstStorage.from_bytes(BOTH)
    assert whole.records == dict(zip(IDS, (FIRST, SECOND), strict=True))
    assert len(whole.map) == 4
    assert not whole.problems


def test_a_deleted_record_is_not_shown() -> None:
    data = store([0, IDS[1]], [FIRST, SECOND])
    assert [c.data for c in read(data)] == [SECOND]
    assert ErstStorage.from_bytes(data).slots[0].data.startswith(FIRST)
    assert not problems(data)


def test_an_empty_store_has_none() -> None:
    assert not list(read(store([0, 0], [FIRST, b""])))


def test_a_header_longer_than_a_slot() -> None:
    """The map of a large store needs room; its entries count from the start of the file."""
    data = bytearray(store([0, IDS[0]], [b"", FIRST]))
    struct.pack_into("<I", data, 12, 2 * SLOT)
    assert [c.data for c in read(bytes(data))] == [FIRST]
    assert ErstStorage.from_bytes(bytes(data)).slots[0].data.startswith(FIRST)


def test_from_a_file(tmp_path) -> None:
    path = tmp_path / "store"
    path.write_bytes(BOTH)
    shown = [apei.text(apei.decode(c)) for c in apei.open(path)]
    assert len(shown) == 2
    assert [c.origin for c in apei.open(tmp_path)] == [f"{path}:record {n:#x}" for n in IDS]


def test_a_record_in_a_record_is_not_another() -> None:
    """Where a record ends the slot tells, whatever its payload looks like."""
    first = Record.from_bytes(FIRST).replace(trailing=SECOND)
    data = store([IDS[0]], [first.replace(record_length=first.size).to_bytes()])
    assert len(list(read(data))) == 1


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (store(IDS, [FIRST, SECOND], count=5), [("record-count", "ErstStorage.record_count")]),
        (store([IDS[0], 7], [FIRST, SECOND]), [("record-id", "ErstStorage.map[2].record_id")]),
        (store([7], [b"no record"]), [("record-signature", "ErstStorage.map[1].record_id")]),
        (store([*IDS, 7], [FIRST, SECOND]),
         [("record-count", "ErstStorage.record_count"), ("entry-rest", "ErstStorage.gap")]),
        (b"X" + BOTH[1:], [("store-signature", "ErstStorage.magic")]),
        (BOTH[:24] + b"\x07" + BOTH[25:],
         [("record-count", "ErstStorage.record_count"),
          ("record-signature", "ErstStorage.map[0].record_id")]),
    ],
    ids=["count", "id", "no record", "no slot", "signature", "the header's own slot"],
)  # fmt: skip
def test_what_is_wrong_with_a_store(data, found) -> None:
    assert problems(data) == found
    assert ErstStorage.from_bytes(data).to_bytes() == data


def test_sealing_believes_the_records_and_brings_none_back() -> None:
    store_of_lies = store([0, 7], [FIRST, SECOND], count=5)
    sealed = ErstStorage.from_bytes(store_of_lies).sealed()
    assert sealed.to_bytes() == store([0, IDS[1]], [FIRST, SECOND])
    assert not sealed.problems


@pytest.mark.parametrize("length", [0, 127, SLOT + 1, 0xFFFFFFFF])
def test_a_record_that_lies_about_its_length(length) -> None:
    """It is cut at its slot, and its own problems say what is wrong with it."""
    data = bytearray(BOTH)
    struct.pack_into("<I", data, SLOT + 20, length)
    found = list(read(bytes(data)))
    assert found[0].data == data[SLOT : 2 * SLOT]
    assert found[1].data == SECOND
    assert decode(found[0]).problems


@pytest.mark.parametrize("length", [0, 1, 16, 127, 0x1FFF, 0x4000, 0xFFFFFFFF])
@pytest.mark.parametrize("at", [8, 12])
def test_lengths_that_lie(at, length) -> None:
    data = bytearray(BOTH)
    struct.pack_into("<I", data, at, length)
    assert ErstStorage.from_bytes(bytes(data)).to_bytes() == data
    assert sum(len(c.data) for c in read(bytes(data))) <= len(data)


@given(st.data())
def test_damaged_files(draw) -> None:
    """Records, or an error of ours; never more than the file has."""
    data = bytearray(BOTH)
    for _ in range(draw.draw(st.integers(1, 6))):
        at = draw.draw(st.integers(8, 64) | st.integers(8, len(data) - 1))
        data[at] = draw.draw(st.integers(0, 255))
    cut = bytes(data[: draw.draw(st.integers(8, len(data)))])
    try:
        found = list(read(cut, "x"))
    except ApeiError:
        assert len(cut) < ErstStorage.shortest
        return
    assert sum(len(c.data) for c in found) <= len(cut)
    assert ErstStorage.from_bytes(cut).to_bytes() == cut


def test_a_file_that_ends_in_its_header() -> None:
    assert erst_file.sniff(BOTH[:8])
    with pytest.raises(CaptureError, match="header") as caught:
        list(read(BOTH[:23], "file"))
    assert caught.value.origin == "file"


def test_the_caller_names_the_kind() -> None:
    assert {c.kind for c in read(BOTH, kind="memory")} == {"memory"}
