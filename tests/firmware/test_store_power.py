"""The record store on a disk whose power fails, whenever it likes: what was acknowledged is there."""

import errno

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from simulated_disk import FOLDER, PowerFailure, SimulatedDisk

from apeitool.errors import StoreError, StoreFull
from apeitool.firmware import durable
from apeitool.firmware.qemu_store import QemuStore
from apeitool.firmware.store import FileStore, RecordStore

PATH = FOLDER / "records"
CAPACITY = 400


@pytest.fixture
def disk(monkeypatch) -> SimulatedDisk:
    return mounted(monkeypatch)


def mounted(monkeypatch) -> SimulatedDisk:
    disk = SimulatedDisk()
    monkeypatch.setattr(durable, "os", disk)
    monkeypatch.setattr(durable, "fcntl", disk)
    return disk


class Power(RuleBasedStateMachine):
    """Records are written and cleared, and the power fails: ``may_be`` are the states it can leave."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.disk = mounted(self.patch)
        self.may_be: list[dict[int, bytes]] = [{}]
        self.store: FileStore | None = None

    def teardown(self) -> None:
        self.patch.undo()

    def open(self) -> FileStore:
        return RecordStore(PATH, capacity=CAPACITY)

    @initialize(calls=st.none() | st.integers(0, 12), data=st.data())
    def power_on(self, calls, data) -> None:
        self.disk.calls_left = calls
        self.opened(data)

    def opened(self, data) -> None:
        """Open the store, however often the power fails meanwhile."""
        self.store = None
        while self.store is None:
            try:
                self.store = self.open()
            except PowerFailure:
                self.lose_power(data)
        self.disk.calls_left = None
        held = dict(self.store)
        assert held in self.may_be
        # A write that left zeros looks like a record that was damaged.
        assert self.disk.left_zeros or not getattr(self.store, "damage", ())
        self.may_be = [held]

    def lose_power(self, data) -> None:
        self.disk.lose_power(lambda n: data.draw(st.integers(0, n - 1)))
        self.disk.calls_left = data.draw(st.none() | st.integers(0, 8))

    @rule(
        number=st.integers(1, 4), length=st.integers(0, 150), fill=st.binary(min_size=1, max_size=3)
    )
    def write(self, number, length, fill) -> None:
        record = self.record(number, length, fill)
        after = {**self.may_be[0], number: record}
        try:
            self.store[number] = record
        except StoreFull:
            assert not self.fits(after)
        else:
            assert self.fits(after)
            self.may_be = [after]

    def record(self, number: int, length: int, fill: bytes) -> bytes:
        return (fill * 150)[:length]

    def fits(self, records: dict[int, bytes]) -> bool:
        return sum(40 + len(record) for record in records.values()) <= CAPACITY

    @rule(number=st.integers(1, 4))
    def clear(self, number) -> None:
        if number in self.may_be[0]:
            del self.store[number]
            self.may_be = [{n: r for n, r in self.may_be[0].items() if n != number}]
        else:
            with pytest.raises(KeyError):
                del self.store[number]

    @rule(data=st.data())
    def power_fails(self, data) -> None:
        self.lose_power(data)
        self.opened(data)

    @rule(
        number=st.integers(1, 4),
        length=st.integers(0, 150),
        calls=st.integers(0, 9),
        data=st.data(),
    )
    def power_fails_while_writing(self, number, length, calls, data) -> None:
        before = self.may_be[0]
        record = self.record(number, length, b"new")
        self.may_be = [before, {**before, number: record}]
        self.fail(data, calls, lambda: self.store.__setitem__(number, record))

    @rule(number=st.integers(1, 4), calls=st.integers(0, 9), data=st.data())
    def power_fails_while_clearing(self, number, calls, data) -> None:
        before = self.may_be[0]
        if number in before:
            self.may_be = [before, {n: r for n, r in before.items() if n != number}]
            self.fail(data, calls, lambda: self.store.__delitem__(number))

    def fail(self, data, calls, operate) -> None:
        """What returned before the power fails is done."""
        self.disk.calls_left = calls
        try:
            operate()
        except PowerFailure:
            pass
        except StoreFull:
            self.may_be = self.may_be[:1]
        else:
            self.may_be = self.may_be[1:]
        self.lose_power(data)
        self.opened(data)

    @invariant()
    def the_store_says_what_it_holds(self) -> None:
        if self.store is not None:
            assert dict(self.store) == self.may_be[0]


class QemuPower(Power):
    """The same, of QEMU's file: six records of a slot each."""

    def open(self) -> FileStore:
        return QemuStore(PATH, size=0x8000)

    def record(self, number: int, length: int, fill: bytes) -> bytes:
        head = b"CPER" + bytes(16) + (128 + length).to_bytes(4, "little")
        return (
            head.ljust(96, b"\0") + number.to_bytes(8, "little") + bytes(24) + (fill * 150)[:length]
        )

    def fits(self, records: dict[int, bytes]) -> bool:
        return len(records) <= 3


TestPower = Power.TestCase
TestPower.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestQemuPower = QemuPower.TestCase
TestQemuPower.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


def test_a_full_disk_leaves_the_store_as_it_was(disk) -> None:
    store = RecordStore(PATH)
    store[1] = b"one"
    disk.fails["pwrite"] = errno.ENOSPC
    for change in (
        lambda: store.__setitem__(2, b"two"),
        lambda: store.__delitem__(1),
        store.compact,
    ):
        with pytest.raises(StoreFull, match="No space"):
            change()
    disk.fails.clear()
    assert dict(store) == {1: b"one"}
    store[3] = b"three"
    disk.lose_power(lambda n: n - 1)
    with RecordStore(PATH) as again:
        assert (dict(again), again.damage, again.torn) == ({1: b"one", 3: b"three"}, (), 0)


@pytest.mark.parametrize("call", ["fsync", "fsync folder"])
def test_after_a_failed_sync_nothing_is_taken(disk, call) -> None:
    store = RecordStore(PATH)
    store[1] = b"one"
    disk.fails[call] = errno.EIO
    with pytest.raises(StoreError, match="Input/output"):
        store.compact() if call == "fsync folder" else store.__setitem__(2, b"two")
    disk.fails.clear()
    with pytest.raises(StoreError, match="synced"):
        store[3] = b"three"
    store.close()
    with RecordStore(PATH) as again:
        assert again[1] == b"one"
        again[3] = b"three"


def test_what_cannot_be_taken_back_is_the_end(disk) -> None:
    store = RecordStore(PATH)
    disk.fails |= {"pwrite": errno.ENOSPC, "ftruncate": errno.EIO}
    with pytest.raises(StoreError):
        store[1] = b"one"
    disk.fails.clear()
    with pytest.raises(StoreError, match="cut"):
        store[1] = b"one"


def test_a_file_that_cannot_be_replaced_is_kept(disk) -> None:
    store = RecordStore(PATH)
    store[1] = b"one"
    disk.fails["replace"] = errno.EACCES
    with pytest.raises(StoreError):
        store.compact()
    disk.fails.clear()
    assert list(disk.names) == [PATH.name]
    store[2] = b"two"
    assert dict(store) == {1: b"one", 2: b"two"}
