"""The file of QEMU's device as a store: the bytes are those that QEMU writes."""

import struct

import captured
import pytest

from apeitool.errors import StoreError, StoreFull
from apeitool.firmware.qemu_store import QemuStore
from apeitool.qemu.erst_file import ErstStorage

SLOT = 0x2000
RECORDS = sorted(captured.records().items())
FIRST, SECOND = (data for _, data in RECORDS)
"""Records of a real Linux, which QEMU kept."""
ONE, TWO = (struct.unpack_from("<Q", data, 96)[0] for data in (FIRST, SECOND))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store"


def laid_out(ids: list[int], slots: list[bytes], size: int) -> bytes:
    """A file as QEMU 7.2 leaves it: what was never written is zeros, behind a record are ones."""
    head = struct.pack("<8sIIHHI", b"ERSTSTOR", SLOT, SLOT, 0x0100, 0, sum(map(bool, ids)))
    head += struct.pack(f"<{1 + len(ids)}Q", 0, *ids)
    written = b"".join(slot.ljust(SLOT, b"\xff") for slot in slots)
    return (head.ljust(SLOT, b"\0") + written).ljust(size, b"\0")


def test_records_are_where_qemu_puts_them(path) -> None:
    with QemuStore(path, size=4 * SLOT) as store:
        assert path.read_bytes() == laid_out([], [], 4 * SLOT)
        store[ONE], store[TWO] = FIRST, SECOND
        assert path.read_bytes() == laid_out([ONE, TWO], [FIRST, SECOND], 4 * SLOT)
        assert dict(store) == {ONE: FIRST, TWO: SECOND}
        del store[ONE]
        assert path.read_bytes() == laid_out([0, TWO], [FIRST, SECOND], 4 * SLOT)
        store[TWO] = FIRST.replace(struct.pack("<Q", ONE), struct.pack("<Q", TWO))
        store[ONE] = SECOND.replace(struct.pack("<Q", TWO), struct.pack("<Q", ONE))
    assert list(QemuStore(path)) == [ONE, TWO]
    assert not ErstStorage.from_bytes(path.read_bytes()).problems


def test_room_is_slots(path) -> None:
    with QemuStore(path, size=4 * SLOT) as store:
        for number in (1, 2, 3):
            store[number] = FIRST
        with pytest.raises(StoreFull, match="3 records"):
            store[4] = FIRST
        with pytest.raises(StoreFull, match="a slot has 8192"):
            store[1] = bytes(SLOT + 1)
        with pytest.raises(KeyError):
            del store[4]
        store[2] = SECOND
        del store[3]
        store[4] = FIRST
        assert list(store) == [1, 2, 4]


def test_a_map_that_needs_room(path) -> None:
    """More than 1021 slots, and the header is longer than one."""
    with QemuStore(path, size=2000 * SLOT) as store:
        store[ONE] = FIRST
    data = path.read_bytes()
    assert data[12:16] == struct.pack("<I", 2 * SLOT)
    assert data[2 * SLOT :].startswith(FIRST)
    assert data[24 + 16 : 24 + 24] == struct.pack("<Q", ONE)


def test_zeros_are_a_new_file(path) -> None:
    path.write_bytes(bytes(8 * SLOT))
    with QemuStore(path) as store:
        store[ONE] = FIRST
    assert path.read_bytes() == laid_out([ONE], [FIRST], 8 * SLOT)


GOOD = laid_out([ONE], [FIRST], 4 * SLOT)


@pytest.mark.parametrize(
    "data",
    [b"X" + GOOD[1:], GOOD[:-1], GOOD[:20], GOOD[:8] + struct.pack("<I", 0x1800) + GOOD[12:],
     GOOD[:8] + struct.pack("<I", 0x800) + GOOD[12:], GOOD[:12] + struct.pack("<I", 5) + GOOD[16:],
     GOOD[:12] + struct.pack("<I", 5 * SLOT) + GOOD[16:], GOOD[:16] + b"\2\2" + GOOD[18:], bytes(SLOT - 1),
     GOOD[:8] + bytes(4) + GOOD[12:]],
)  # fmt: skip
def test_what_qemu_would_not_take_is_left_alone(path, data) -> None:
    path.write_bytes(data)
    with pytest.raises(StoreError):
        QemuStore(path)
    assert path.read_bytes() == data
