"""Both ends of error record serialization, over memory and stores of every kind."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_bytes import gas

from apeitool.acpi.erst import NO_RECORD, CommandStatus, Erst, ErstAction, ErstInstructionEntry
from apeitool.errors import ApeiError, FirmwareFault, GuestFault, StoreError
from apeitool.firmware.action import execute
from apeitool.firmware.erst import Serialization, Serializer
from apeitool.firmware.qemu_store import QemuStore
from apeitool.firmware.store import MemoryStore, RecordStore
from apeitool.lab.window import RESERVED_BASE
from apeitool.memory import Regions
from apeitool.plan.build import build

READ, COMPARE, WRITE, WRITE_VALUE = range(4)
FULL = 0xFFFFFFFFFFFFFFFF
BASE = RESERVED_BASE + 0x2000
"""Where the example of `new erst` has its registers."""
LOG = range(BASE + 0x1000, BASE + 0x1200)


def packed(action: int, instruction: int, offset: int, value: int = 0, mask: int = FULL) -> bytes:
    head = struct.pack("<BBBB", action, instruction, 1, 0)
    return head + gas(BASE + offset) + struct.pack("<QQ", value, mask)


def shared_table() -> Erst:
    """What to do is one register; executing itself raises busy, in a register of its own."""
    begins = {0: 0, 1: 1, 2: 2, 11: 11}
    entries = [packed(action, WRITE_VALUE, 0, value, 0xFF) for action, value in begins.items()]
    entries += [
        packed(ErstAction.END_OPERATION, WRITE_VALUE, 8, 3, 0xFF),
        packed(ErstAction.SET_RECORD_OFFSET, WRITE, 16),
        packed(ErstAction.EXECUTE_OPERATION, WRITE_VALUE, 24, 1, 1),
        packed(ErstAction.CHECK_BUSY_STATUS, COMPARE, 24, 1, 1),
        packed(ErstAction.GET_COMMAND_STATUS, READ, 32, 0, 0xFF),
        packed(ErstAction.GET_RECORD_IDENTIFIER, READ, 40),
        packed(ErstAction.SET_RECORD_IDENTIFIER, WRITE, 48),
        packed(ErstAction.GET_RECORD_COUNT, READ, 56, 0, 0xFFFFFFFF),
        packed(ErstAction.GET_ERROR_LOG_ADDRESS_RANGE, READ, 64),
        packed(ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_LENGTH, READ, 72),
    ]
    return Erst(entries=[ErstInstructionEntry.from_bytes(entry) for entry in entries])


def record(identifier: int, payload: bytes = b"") -> bytes:
    """A record without sections, by hand: length at 20, identifier at 96."""
    data = bytearray(128) + payload
    struct.pack_into("<4sHIHIII", data, 0, b"CPER", 0x101, 0xFFFFFFFF, 0, 2, 0, len(data))
    struct.pack_into("<Q", data, 96, identifier)
    return bytes(data)


@pytest.fixture(
    params=[lambda: build({"plan": "erst", "memory": BASE}).table, shared_table],
    ids=["planned", "shared"],
)
def table(request):
    return request.param()


class Ends:
    """Firmware with its store, and the operating system."""

    def __init__(self, table: Erst, store=None) -> None:
        self.table = table
        self.memory = Regions(range(BASE, BASE + 0x2000))
        self.store = MemoryStore(capacity=3) if store is None else store
        self.firmware = Serializer(table, self.memory, LOG, store=self.store)
        self.system = Serialization(table, self.memory, self.turn)
        self.seen: list = []

    def turn(self) -> None:
        served = self.firmware.poll()
        if served:
            self.seen.append(served)

    def run(self, action: int, operand: int = 0) -> int:
        return execute(self.table.entries, action, self.memory, operand=operand).value

    def after(self, result):
        """Let firmware see the end, as time does."""
        self.turn()
        return result


@pytest.fixture
def ends(table) -> Ends:
    return Ends(table)


def test_a_record_is_written_read_and_cleared(ends) -> None:
    data = record(7, b"payload")
    assert ends.after(ends.system.write(data)) == CommandStatus.SUCCESS
    assert (ends.store, ends.system.count()) == ({7: data}, 1)
    ends.memory.write(LOG.start, bytes(len(LOG)))
    assert ends.after(ends.system.read(7)) == (CommandStatus.SUCCESS, data)
    assert ends.after(ends.system.clear(7)) == CommandStatus.SUCCESS
    assert (ends.store, ends.system.count()) == ({}, 0)
    assert [(served.begun, served.identifier) for served in ends.seen] == [(0, 7), (1, 7), (2, 7)]


def test_a_record_takes_the_place_of_one_with_its_identifier(ends) -> None:
    for payload in (b"one", b"another"):
        assert ends.after(ends.system.write(record(7, payload))) == CommandStatus.SUCCESS
    assert ends.store == {7: record(7, b"another")}


def test_records_lie_at_their_offset(ends) -> None:
    data = record(7, b"payload")
    assert ends.after(ends.system.write(data, offset=0x40)) == CommandStatus.SUCCESS
    assert ends.after(ends.system.read(7, offset=0x80)) == (CommandStatus.SUCCESS, data)
    assert ends.memory.read(LOG.start + 0x80, len(data)) == data


def test_a_dummy_write_stores_nothing(ends) -> None:
    ends.memory.write(LOG.start, record(9))
    assert ends.after(ends.system.dummy_write()) == CommandStatus.SUCCESS
    assert ends.store == {}
    assert ends.seen[0].begun == ErstAction.BEGIN_DUMMY_WRITE_OPERATION


def test_identifiers_go_round(table) -> None:
    ends = Ends(table, {number: record(number) for number in (30, 10, 20)})
    shown = []
    for _ in range(4):
        shown.append(ends.system.identifier())
        assert ends.after(ends.system.read(shown[-1]))[0] == CommandStatus.SUCCESS
    assert shown == [10, 20, 30, 10]
    assert ends.after(ends.system.clear(20)) == CommandStatus.SUCCESS
    assert (ends.system.identifier(), ends.system.count()) == (10, 2)


def test_a_store_without_records_says_so(ends) -> None:
    assert ends.system.identifier() == NO_RECORD
    assert ends.after(ends.system.read(1)) == (CommandStatus.RECORD_STORE_EMPTY, b"")
    assert ends.after(ends.system.clear(1)) == CommandStatus.RECORD_STORE_EMPTY


def test_a_record_that_is_not_there_is_not_found(table) -> None:
    ends = Ends(table, {1: record(1)})
    assert ends.after(ends.system.read(2)) == (CommandStatus.RECORD_NOT_FOUND, b"")
    assert ends.after(ends.system.clear(2)) == CommandStatus.RECORD_NOT_FOUND
    assert ends.store == {1: record(1)}


def test_a_full_store_takes_only_what_it_has(ends) -> None:
    for number in (1, 2, 3):
        assert ends.after(ends.system.write(record(number))) == CommandStatus.SUCCESS
    assert ends.after(ends.system.write(record(4))) == CommandStatus.NOT_ENOUGH_SPACE
    assert ends.after(ends.system.write(record(3, b"new"))) == CommandStatus.SUCCESS
    assert sorted(ends.store) == [1, 2, 3]


@pytest.mark.parametrize(
    "data",
    [
        record(0), record(NO_RECORD), bytes(128), b"REPC" + record(1)[4:],
        record(1)[:20] + struct.pack("<I", 127) + record(1)[24:],
        record(1)[:20] + struct.pack("<I", len(LOG) + 1) + record(1)[24:],
    ],
    ids=["id 0", "id ~0", "zeros", "no signature", "too short", "too long"],
)  # fmt: skip
def test_what_is_no_record_is_not_stored(ends, data) -> None:
    assert ends.after(ends.system.write(data)) == CommandStatus.FAILED
    assert ends.store == {}


def test_an_offset_that_leaves_no_room_fails(table) -> None:
    ends = Ends(table, {1: record(1)})
    assert ends.after(ends.system.read(1, offset=len(LOG) - 127))[0] == CommandStatus.FAILED
    assert ends.after(ends.system.read(1, offset=len(LOG) - 128))[0] == CommandStatus.SUCCESS
    with pytest.raises(GuestFault, match="range"):
        ends.system.write(record(2), offset=len(LOG) - 127)


def test_a_record_that_leaves_the_range_is_not_stored(ends) -> None:
    data = record(1, bytes(16))
    ends.memory.write(LOG.stop - 128, data[:128])
    ends.run(ErstAction.BEGIN_WRITE_OPERATION)
    ends.run(ErstAction.SET_RECORD_OFFSET, len(LOG) - 128)
    ends.run(ErstAction.EXECUTE_OPERATION)
    ends.turn()
    assert ends.run(ErstAction.GET_COMMAND_STATUS) == CommandStatus.FAILED
    assert ends.store == {}


def test_the_guest_is_told_busy_until_firmware_has_looked(ends) -> None:
    for _ in range(2):
        ends.run(ErstAction.BEGIN_CLEAR_OPERATION)
        ends.run(ErstAction.EXECUTE_OPERATION)
        assert ends.run(ErstAction.CHECK_BUSY_STATUS) == 1
        ends.turn()
        ends.turn()
        assert ends.run(ErstAction.CHECK_BUSY_STATUS) == 0
        ends.run(ErstAction.END_OPERATION)
        ends.turn()
    assert len(ends.seen) == 2


def test_executing_what_nobody_began_fails(ends) -> None:
    ends.run(ErstAction.EXECUTE_OPERATION)
    ends.turn()
    assert ends.run(ErstAction.GET_COMMAND_STATUS) == CommandStatus.FAILED
    assert ends.seen[0].begun is None


def test_firmware_that_never_looks_is_at_fault(ends) -> None:
    system = Serialization(ends.table, ends.memory, lambda: None)
    with pytest.raises(FirmwareFault, match="busy"):
        system.clear(1)


def test_a_record_that_was_read_must_be_one(table) -> None:
    ends = Ends(table, {1: b"this is no record"})
    with pytest.raises(FirmwareFault, match="none in the range"):
        ends.system.read(1)


@given(st.lists(st.tuples(st.sampled_from("wrcd"), st.integers(1, 5)), max_size=20))
def test_the_store_is_what_the_operations_say(operations) -> None:
    ends = Ends(shared_table())
    model: dict[int, bytes] = {}
    for step, (operation, number) in enumerate(operations):
        data = record(number, bytes([step]))
        if operation == "w":
            fits = number in model or len(model) < 3
            assert (ends.system.write(data) == CommandStatus.SUCCESS) is fits
            model.update({number: data} if fits else {})
        elif operation == "r":
            assert ends.system.read(number)[1] == model.get(number, b"")
        elif operation == "c":
            assert (ends.system.clear(number) == CommandStatus.SUCCESS) is (number in model)
            model.pop(number, None)
        else:
            assert ends.system.dummy_write() == CommandStatus.SUCCESS
        assert ends.store == model
        assert ends.system.count() == len(model)


@given(st.lists(st.tuples(st.integers(0, 0x1080), st.binary(max_size=24)), max_size=8))
def test_a_guest_may_write_anything(writes) -> None:
    ends = Ends(build({"plan": "erst", "memory": BASE}).table, {1: record(1)})
    for offset, data in writes:
        ends.memory.write(BASE + offset, data)
        try:
            ends.turn()
        except ApeiError:
            continue
    assert all(len(data) >= 128 for data in ends.store.values())


@pytest.mark.parametrize("kind", [RecordStore, QemuStore])
def test_records_are_there_after_a_reset(table, tmp_path, kind) -> None:
    with kind(tmp_path / "store") as store:
        ends = Ends(table, store)
        for number in (3, 1, 2):
            assert ends.after(ends.system.write(record(number, b"x"))) == CommandStatus.SUCCESS
        assert ends.after(ends.system.write(record(1, b"again"))) == CommandStatus.SUCCESS
        assert ends.after(ends.system.clear(2)) == CommandStatus.SUCCESS
    with kind(tmp_path / "store") as store:
        ends = Ends(table, store)
        assert (ends.system.count(), ends.system.identifier()) == (2, 1)
        assert ends.after(ends.system.read(1)) == (CommandStatus.SUCCESS, record(1, b"again"))
        assert ends.system.identifier() == 3
        assert ends.after(ends.system.read(2)) == (CommandStatus.RECORD_NOT_FOUND, b"")


def test_reading_no_identifier_reads_the_first(table) -> None:
    ends = Ends(table, {number: record(number) for number in (30, 10)})
    assert ends.after(ends.system.read(0)) == (CommandStatus.SUCCESS, record(10))
    assert ends.system.identifier() == 30
    assert ends.after(ends.system.clear(0)) == CommandStatus.RECORD_NOT_FOUND


class Failing(dict):
    """A store whose device fails."""

    def __setitem__(self, identifier, data) -> None:
        raise StoreError("the disk is gone")

    def __delitem__(self, identifier) -> None:
        raise StoreError("the disk is gone")


def test_a_store_that_fails_is_hardware_that_is_not_available(table) -> None:
    ends = Ends(table, Failing({1: record(1)}))
    gone = CommandStatus.HARDWARE_NOT_AVAILABLE
    assert ends.after(ends.system.write(record(2))) == gone
    assert ends.after(ends.system.clear(1)) == gone
    assert ends.after(ends.system.read(1)) == (CommandStatus.SUCCESS, record(1))
    assert [served.status for served in ends.seen] == [gone, gone, CommandStatus.SUCCESS]


@pytest.mark.parametrize(
    ("kind", "room"), [(RecordStore, {"capacity": 600}), (QemuStore, {"size": 0x8000})]
)
def test_a_full_file_takes_only_what_it_has(table, tmp_path, kind, room) -> None:
    with kind(tmp_path / "store", **room) as store:
        ends = Ends(table, store)
        for number in (1, 2, 3):
            assert ends.after(ends.system.write(record(number))) == CommandStatus.SUCCESS
        assert ends.after(ends.system.write(record(4))) == CommandStatus.NOT_ENOUGH_SPACE
        assert ends.after(ends.system.write(record(3, b"new"))) == CommandStatus.SUCCESS
        assert ends.after(ends.system.clear(1)) == CommandStatus.SUCCESS
        assert ends.after(ends.system.write(record(4))) == CommandStatus.SUCCESS
        assert sorted(store) == [2, 3, 4]
