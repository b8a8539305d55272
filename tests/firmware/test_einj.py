"""Both ends of an injection, over memory: each keeps the protocol, or is told that it does not."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_bytes import gas

from apeitool.acpi.einj import (
    CommandStatus,
    Einj,
    EinjAction,
    EinjInstructionEntry,
    ErrorTypes,
    InjectionFlags,
    SetErrorTypeWithAddress,
    TriggerActionTable,
)
from apeitool.errors import AccessError, ApeiError, FirmwareFault, GuestFault
from apeitool.firmware.action import execute
from apeitool.firmware.einj import (
    TRANSITIONS,
    Event,
    Injector,
    Request,
    State,
    Triggered,
    inject,
    read_trigger,
)
from apeitool.lab.window import RESERVED_BASE as BASE
from apeitool.memory import Regions
from apeitool.plan.build import build

READ, COMPARE, WRITE, WRITE_VALUE = range(4)
FULL = 0xFFFFFFFFFFFFFFFF
TRIGGER = BASE + 0x1000
SUPPORTED = ErrorTypes.MEMORY_CORRECTABLE | ErrorTypes.MEMORY_UNCORRECTABLE_NON_FATAL
CORRECTABLE = ErrorTypes.MEMORY_CORRECTABLE
PLACED = SetErrorTypeWithAddress(
    error_type=ErrorTypes.MEMORY_UNCORRECTABLE_NON_FATAL,
    flags=InjectionFlags.MEMORY_ADDRESS,
    memory_address=0x12345000,
    memory_address_range=0xFFFFFFFFFFFFF000,
)


def packed(action: int, instruction: int, offset: int, value: int = 0, mask: int = FULL) -> bytes:
    head = struct.pack("<BBBB", action, instruction, 1, 0)
    return head + gas(BASE + offset) + struct.pack("<QQ", value, mask)


def shared_table() -> Einj:
    """Executing itself raises busy, in the register that the status is part of."""
    entries = [
        packed(EinjAction.BEGIN_INJECTION_OPERATION, WRITE_VALUE, 0, 1, 0xF),
        packed(EinjAction.END_OPERATION, WRITE_VALUE, 0, 2, 0xF),
        packed(EinjAction.EXECUTE_OPERATION, WRITE_VALUE, 8, 1, 1),
        packed(EinjAction.CHECK_BUSY_STATUS, COMPARE, 8, 1, 1),
        packed(EinjAction.GET_COMMAND_STATUS, READ, 16, 0, 0xFF),
        packed(EinjAction.GET_ERROR_TYPE, READ, 24),
        packed(EinjAction.SET_ERROR_TYPE, WRITE, 32),
        packed(EinjAction.GET_TRIGGER_ERROR_ACTION_TABLE, READ, 40),
        packed(EinjAction.SET_ERROR_TYPE_WITH_ADDRESS, WRITE, 48, 0, 0xFFFFFFFF),
    ]
    return Einj(entries=[EinjInstructionEntry.from_bytes(entry) for entry in entries])


@pytest.fixture(
    params=[lambda: build({"plan": "einj", "memory": BASE}).table, shared_table],
    ids=["planned", "shared"],
)
def table(request):
    return request.param()


class Ends:
    """Firmware and the memory it shares with the guest."""

    def __init__(self, table: Einj) -> None:
        self.table = table
        self.memory = Regions(range(BASE, BASE + 0x2000))
        self.injector = Injector(table, self.memory, supported=SUPPORTED, trigger_table=TRIGGER)
        self.seen: list[Request | Triggered] = []

    def turn(self) -> None:
        self.seen += self.injector.poll()

    def inject(self, error=CORRECTABLE, **how):
        return inject(self.table, self.memory, error, turn=self.turn, **how)

    def run(self, action: int, operand: int = 0) -> int:
        return execute(self.table.entries, action, self.memory, operand=operand).value


@pytest.fixture
def ends(table) -> Ends:
    return Ends(table)


def test_every_state_meets_every_event() -> None:
    assert set(TRANSITIONS) == set(State)
    assert all(set(row) == set(Event) for row in TRANSITIONS.values())
    assert {after for row in TRANSITIONS.values() for after in row.values()} == set(State)


def test_an_error_is_asked_for_and_provoked(ends) -> None:
    outcome = ends.inject()
    assert outcome.status == CommandStatus.SUCCESS
    assert outcome.trigger is not None
    asked = Request(CORRECTABLE, None, CommandStatus.SUCCESS)
    assert ends.seen == [asked]
    assert ends.injector.state is State.PREPARED
    ends.turn()
    assert ends.seen == [asked, Triggered(asked)]
    assert ends.injector.state is State.IDLE


def test_an_error_is_placed(ends) -> None:
    ends.inject(PLACED)
    ends.turn()
    (request, _) = ends.seen
    assert isinstance(request, Request)
    assert request.placed == PLACED
    assert request.error_types == PLACED.error_type


def test_requests_follow_each_other_and_leave_nothing_behind(ends) -> None:
    for error in (PLACED, CORRECTABLE, PLACED, CORRECTABLE):
        assert ends.inject(error).status == CommandStatus.SUCCESS
        ends.turn()
    requests = [event for event in ends.seen if isinstance(event, Request)]
    assert [request.placed for request in requests] == [PLACED, None, PLACED, None]
    assert len(ends.seen) == 8


def test_a_table_that_says_busy_itself_needs_no_pause() -> None:
    ends = Ends(shared_table())
    for error in (PLACED, CORRECTABLE, PLACED):
        assert ends.inject(error).status == CommandStatus.SUCCESS
    ends.turn()
    assert [type(event) for event in ends.seen] == [Request, Triggered] * 3


def test_what_nobody_triggers_does_not_happen(ends) -> None:
    assert ends.inject(trigger=False).trigger is None
    ends.turn()
    assert [type(event) for event in ends.seen] == [Request]
    assert ends.injector.state is State.IDLE
    execute(read_trigger(ends.memory, TRIGGER).entries, EinjAction.TRIGGER_ERROR, ends.memory)
    ends.turn()
    assert len(ends.seen) == 1


def test_a_trigger_works_once(ends) -> None:
    ends.run(EinjAction.SET_ERROR_TYPE, CORRECTABLE)
    ends.run(EinjAction.EXECUTE_OPERATION)
    ends.turn()
    for _ in range(2):
        execute(read_trigger(ends.memory, TRIGGER).entries, EinjAction.TRIGGER_ERROR, ends.memory)
        ends.turn()
    assert [type(event) for event in ends.seen] == [Request, Triggered]
    assert ends.injector.state is State.DONE


def test_the_guest_is_told_busy_until_firmware_has_looked(ends) -> None:
    for _ in range(3):
        ends.run(EinjAction.BEGIN_INJECTION_OPERATION)
        ends.run(EinjAction.SET_ERROR_TYPE, CORRECTABLE)
        ends.run(EinjAction.EXECUTE_OPERATION)
        assert ends.run(EinjAction.CHECK_BUSY_STATUS) == 1
        ends.turn()
        assert ends.run(EinjAction.CHECK_BUSY_STATUS) == 0
        ends.turn()
        assert ends.run(EinjAction.CHECK_BUSY_STATUS) == 0
        ends.run(EinjAction.END_OPERATION)
        ends.turn()
    assert len(ends.seen) == 3


@pytest.mark.parametrize("kind", [0, 1, 1 << 31, SUPPORTED | 1])
def test_what_is_not_supported_is_an_invalid_access(ends, kind) -> None:
    ends.run(EinjAction.SET_ERROR_TYPE, kind)
    ends.run(EinjAction.EXECUTE_OPERATION)
    ends.turn()
    assert ends.run(EinjAction.GET_COMMAND_STATUS) == CommandStatus.INVALID_ACCESS
    assert ends.injector.state is State.DONE
    assert ends.inject().status == CommandStatus.SUCCESS


def test_the_system_does_not_ask_for_what_is_not_offered(ends) -> None:
    with pytest.raises(GuestFault, match="offers"):
        ends.inject(ErrorTypes.PCIE_CORRECTABLE)
    with pytest.raises(GuestFault):
        ends.inject(ErrorTypes(0))
    assert ends.seen == []


def test_the_system_stops_where_firmware_says_no(ends) -> None:
    """Offered, but refused: no trigger is run."""

    def refuse() -> None:
        ends.turn()
        ends.injector._registers.answer(EinjAction.GET_COMMAND_STATUS, 1)

    outcome = inject(ends.table, ends.memory, CORRECTABLE, turn=refuse)
    assert outcome.status == CommandStatus.UNKNOWN_FAILURE
    ends.turn()
    assert [type(event) for event in ends.seen] == [Request]


def test_firmware_that_never_looks_is_at_fault(ends) -> None:
    with pytest.raises(FirmwareFault, match="busy"):
        inject(ends.table, ends.memory, CORRECTABLE, turn=lambda: None)


def test_a_table_that_cannot_place_an_error() -> None:
    whole = shared_table()
    without = Einj(entries=whole.entries[:-1])
    with pytest.raises(FirmwareFault, match="with an address"):
        Ends(without).inject(PLACED)
    assert Ends(without).inject().status == CommandStatus.SUCCESS


@pytest.mark.parametrize("missing", [2, 3, 4, 5, 7])
def test_a_table_without_what_the_protocol_needs_is_refused(missing) -> None:
    entries = list(shared_table().entries)
    del entries[missing]
    if missing != 2:
        with pytest.raises(FirmwareFault):
            Ends(Einj(entries=entries))
        return
    with pytest.raises(FirmwareFault, match="0x5"):
        Ends(Einj(entries=entries)).inject()


def test_begin_and_end_may_be_left_out() -> None:
    assert Ends(Einj(entries=shared_table().entries[2:])).inject().trigger is not None


@pytest.mark.parametrize(
    "header",
    [(12, 0, 48, 1), (16, 0, 15, 0), (16, 0, 4097, 127), (16, 0, 48, 2), (16, 0, 16, 1)],
)
def test_a_trigger_table_that_contradicts_itself_is_not_run(header) -> None:
    memory = Regions(range(BASE, BASE + 0x2000))
    memory.write(BASE, struct.pack("<IIII", *header))
    with pytest.raises(FirmwareFault, match="trigger"):
        read_trigger(memory, BASE)


def test_a_trigger_table_may_be_empty() -> None:
    memory = Regions(range(BASE, BASE + 16))
    memory.write(BASE, struct.pack("<IIII", 16, 0, 16, 0))
    assert read_trigger(memory, BASE) == TriggerActionTable.from_bytes(memory.read(BASE, 16))
    with pytest.raises(AccessError):
        read_trigger(memory, BASE + 16)


@given(st.lists(st.tuples(st.integers(0, 0x1040), st.binary(max_size=16)), max_size=8))
def test_a_guest_may_write_anything(writes) -> None:
    ends = Ends(build({"plan": "einj", "memory": BASE}).table)
    for offset, data in writes:
        ends.memory.write(BASE + offset, data)
        try:
            ends.turn()
        except ApeiError:
            continue
    assert ends.injector.state in State


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=10))
def test_any_table_works_or_raises_our_errors(entries) -> None:
    table = Einj(entries=[EinjInstructionEntry.from_bytes(entry) for entry in entries])
    with pytest.raises(ApeiError):
        Ends(table).inject()
