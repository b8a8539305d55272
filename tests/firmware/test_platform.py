"""Firmware's side of the protocol, against guests that keep it and guests that do not."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from plain_bytes import about, gas, hest, source

from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import StatusBlock
from apeitool.errors import ApeiError, FirmwareFault, GuestFault
from apeitool.firmware.platform import TRANSITIONS, Event, Notify, Platform, State
from apeitool.lab.window import GuestMemory
from apeitool.memory import Memory, Regions

BASE = 0x5000
V1, V2 = 1, 2
POINTER = {V1: BASE + 8, V2: BASE + 16}
ACK = BASE + 24
BLOCK = {V1: BASE + 0x1000, V2: BASE + 0x2000}
ROOM = 0x400
RECORD = about(0x1000)

TABLE = hest(
    source(V1, POINTER[V1], NotificationType.SCI, room=ROOM),
    source(V2, POINTER[V2], NotificationType.SDEI, ack=ACK, room=ROOM, vector=804),
)


@pytest.fixture(params=["model", "window"])
def memory(request: pytest.FixtureRequest) -> Iterator[Memory]:
    """The model's memory, and the kind of memory that a real guest has."""
    if request.param == "model":
        yield Regions(range(BASE, BASE + 0x3000))
        return
    window = GuestMemory(range(BASE + 0x3000))
    yield window
    window.close()


def platform(memory: Memory, table: bytes = TABLE, patience: float = 10) -> Platform:
    made = Platform(memory, Hest.from_bytes(table), patience=patience)
    made.prepare(BLOCK)
    return made


def word(memory: Memory, address: int, length: int = 8) -> int:
    return int.from_bytes(memory.read(address, length), "little")


def clear(memory: Memory, number: int) -> None:
    memory.write(BLOCK[number], bytes(4))


def acknowledge(memory: Memory) -> None:
    """What a guest writes: what is there, and bit 0."""
    memory.write(ACK, (word(memory, ACK) | 1).to_bytes(8, "little"))


def test_every_state_and_every_event_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)
    reached = {State.UNPREPARED}
    for _ in State:
        reached |= {after for state in reached for after in TRANSITIONS[state].values()}
    assert reached == set(State)


def test_prepared_memory_says_where_blocks_are_and_that_nothing_is_pending(memory: Memory) -> None:
    memory.write(ACK, (0xABCD0000).to_bytes(8, "little"))
    memory.write(BLOCK[V2], b"\xff" * 4)
    platform(memory)
    assert {n: word(memory, at) for n, at in POINTER.items()} == BLOCK
    assert [word(memory, at, 4) for at in BLOCK.values()] == [0, 0]
    assert word(memory, ACK) == 0xABCD0001


def test_publishing_fills_the_block_and_takes_the_acknowledgement_back(memory: Memory) -> None:
    firmware = platform(memory)
    assert firmware.publish(V2, RECORD) == Notify(V2, NotificationType.SDEI, 804)
    assert memory.read(BLOCK[V2], len(RECORD)) == RECORD
    assert word(memory, ACK) == 0
    assert firmware.publish(V1, StatusBlock.from_bytes(RECORD)) == Notify(V1, NotificationType.SCI)
    assert memory.read(BLOCK[V1], len(RECORD)) == RECORD


class Recording:
    """Memory that keeps what was written, in order."""

    def __init__(self, inner: Memory) -> None:
        self.inner = inner
        self.written: list[tuple[int, bytes]] = []

    def read(self, address: int, length: int) -> bytes:
        return self.inner.read(address, length)

    def write(self, address: int, data: bytes) -> None:
        self.written.append((address, data))
        self.inner.write(address, data)


@pytest.mark.parametrize("number", [V1, V2])
def test_block_status_is_written_last_of_all(memory: Memory, number: int) -> None:
    recorded = Recording(memory)
    firmware = platform(recorded)
    recorded.written.clear()
    firmware.publish(number, RECORD)
    body = [(BLOCK[number] + 4, RECORD[4:]), (BLOCK[number], RECORD[:4])]
    assert recorded.written == ([] if number == V1 else [(ACK, bytes(8))]) + body


def test_a_ghes_is_given_back_by_clearing_its_status(memory: Memory) -> None:
    firmware = platform(memory)
    firmware.publish(V1, RECORD)
    acknowledge(memory)
    assert not firmware.poll_ack(V1)
    clear(memory, V1)
    assert firmware.poll_ack(V1)
    assert firmware.state(V1) is State.FREE


def test_a_ghes_v2_is_given_back_by_its_register_alone(memory: Memory) -> None:
    firmware = platform(memory)
    firmware.publish(V2, RECORD)
    clear(memory, V2)
    assert not firmware.poll_ack(V2)
    acknowledge(memory)
    assert firmware.poll_ack(V2)


@pytest.mark.parametrize("number", [V1, V2])
def test_a_pending_block_is_not_touched(memory: Memory, number: int) -> None:
    firmware = platform(memory)
    firmware.publish(number, RECORD)
    before = memory.read(BASE, 0x3000)
    with pytest.raises(FirmwareFault) as caught:
        firmware.publish(number, about(0x2000))
    assert (caught.value.state, caught.value.event) == ("published", "publish")
    with pytest.raises(FirmwareFault):
        firmware.prepare({number: BLOCK[number] + 0x100})
    assert firmware.notify(number).source_id == number
    assert memory.read(BASE, 0x3000) == before


def test_publishing_looks_for_the_acknowledgement_itself(memory: Memory) -> None:
    firmware = platform(memory)
    firmware.publish(V2, RECORD)
    acknowledge(memory)
    firmware.publish(V2, about(0x2000))
    assert word(memory, ACK) == 0


def test_a_guest_that_takes_too_long_is_at_fault(memory: Memory) -> None:
    firmware = platform(memory, patience=5)
    firmware.publish(V2, RECORD, now=100)
    assert not firmware.poll_ack(V2, now=104.9)
    assert firmware.state(V2) is State.PUBLISHED
    assert not firmware.poll_ack(V2, now=105)
    assert firmware.state(V2) is State.OVERDUE
    with pytest.raises(GuestFault):
        firmware.publish(V2, RECORD, now=106)
    assert firmware.notify(V2)
    acknowledge(memory)
    assert firmware.poll_ack(V2, now=1000)
    firmware.publish(V2, RECORD, now=1001)


def test_a_guest_that_writes_anything_else_to_read_ack_is_at_fault(memory: Memory) -> None:
    firmware = platform(memory)
    firmware.publish(V2, RECORD)
    memory.write(ACK, (0x100).to_bytes(8, "little"))
    for ask in (firmware.poll_ack, lambda number: firmware.publish(number, RECORD)):
        with pytest.raises(GuestFault, match=r"Read Ack is 0x100, neither 0x0 .* nor 0x1"):
            ask(V2)


@pytest.mark.parametrize(
    ("bad", "why"),
    [(b"", "no status block"), (b"\1" * 19, "no status block"), (bytes(20), "block status of 0"),
     (b"\1" * (ROOM + 1), "room is for 1024")],
)  # fmt: skip
@pytest.mark.parametrize("number", [V1, V2])
def test_what_is_no_block_of_the_source_is_not_published(
    memory: Memory, number: int, bad: bytes, why: str
) -> None:
    firmware = platform(memory)
    before = memory.read(BASE, 0x3000)
    with pytest.raises(FirmwareFault, match=why):
        firmware.publish(number, bad)
    assert memory.read(BASE, 0x3000) == before
    assert firmware.publish(number, b"\1" * ROOM)


def test_sources_must_exist_and_be_placed(memory: Memory) -> None:
    firmware = Platform(memory, Hest.from_bytes(TABLE))
    with pytest.raises(FirmwareFault, match="where its block is"):
        firmware.publish(V1, RECORD)
    with pytest.raises(FirmwareFault, match="no generic error source 9"):
        firmware.publish(9, RECORD)


def test_a_block_outside_memory_is_not_placed() -> None:
    memory = Regions(range(BASE, BASE + 0x3000))
    firmware = Platform(memory, Hest.from_bytes(TABLE))
    with pytest.raises(ApeiError):
        firmware.prepare({V1: 0x100})
    assert firmware.state(V1) is State.UNPREPARED


@pytest.mark.parametrize(
    ("preserve", "write", "held", "acknowledged"),
    # What Linux 6.1.176 wrote for such registers, and what is left where all bits are kept.
    [(0xFFFFFFFFFFFFFFFE, 1, 0x0, 0x1), (0xFFFFFFFFFFFFFFFE, 1, 0xABCD0000, 0xABCD0001),
     (0xFF00, 0x42, 0x123456789ABCDEF1, 0xDE42), (0, 0, 0xFFFF, 0), (0, 3, 7, 3)],
)  # fmt: skip
def test_an_acknowledgement_is_told_from_what_was_there(
    preserve: int, write: int, held: int, acknowledged: int
) -> None:
    memory = Regions(range(BASE, BASE + 0x3000))
    table = hest(source(V2, POINTER[V2], 8, ack=ACK, preserve=preserve, write=write))
    memory.write(ACK, held.to_bytes(8, "little"))
    firmware = Platform(memory, Hest.from_bytes(table))
    firmware.prepare({V2: BLOCK[V2]})
    firmware.publish(V2, RECORD)
    assert not firmware.poll_ack(V2)
    now = word(memory, ACK)
    assert now & preserve & ~write == held & preserve & ~write
    memory.write(ACK, (now & preserve | write).to_bytes(8, "little"))
    assert word(memory, ACK) == acknowledged
    assert firmware.poll_ack(V2)


def test_a_register_that_acknowledging_does_not_change_is_refused() -> None:
    memory = Regions(range(BASE, BASE + 0x3000))
    table = hest(source(V2, POINTER[V2], 8, ack=ACK, preserve=(1 << 64) - 1, write=0))
    with pytest.raises(FirmwareFault, match="changes nothing"):
        Platform(memory, Hest.from_bytes(table)).prepare({V2: BLOCK[V2]})


def test_a_register_may_be_a_few_bits_of_a_word() -> None:
    memory = Regions(range(BASE, BASE + 0x3000))
    part = gas(ACK + 1, width=4, offset=3, access=1)
    table = hest(source(V2, POINTER[V2], 8, ack=part, preserve=0xE, write=1))
    memory.write(ACK, b"\xff\xff\xff")
    firmware = Platform(memory, Hest.from_bytes(table))
    firmware.prepare({V2: BLOCK[V2]})
    firmware.publish(V2, RECORD)
    assert memory.read(ACK, 3) == b"\xff\xf7\xff"
    memory.write(ACK + 1, b"\xff")
    assert firmware.poll_ack(V2)


class Dialogue(RuleBasedStateMachine):
    """Firmware and a guest that does what it likes with block status and the register's bit 0."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Regions(range(BASE, BASE + 0x3000))
        self.firmware = platform(self.memory, patience=5)
        self.now = 0.0
        self.pending: dict[int, bytes] = {}
        self.published = 0

    @rule(number=st.sampled_from([V1, V2]), wait=st.sampled_from([0, 1, 6]))
    def publish(self, number: int, wait: int) -> None:
        self.now += wait
        self.published += 1
        record = about(self.published << 12)
        owed = self.is_owed(number)
        try:
            self.firmware.publish(number, record, now=self.now)
        except (FirmwareFault, GuestFault):
            assert owed
        else:
            assert not owed
            self.pending[number] = record

    @rule()
    def the_guest_clears_the_ghes(self) -> None:
        clear(self.memory, V1)

    @rule()
    def the_guest_clears_the_ghes_v2(self) -> None:
        clear(self.memory, V2)

    @rule()
    def the_guest_acknowledges(self) -> None:
        acknowledge(self.memory)

    @rule(number=st.sampled_from([V1, V2]))
    def poll(self, number: int) -> None:
        owed = self.is_owed(number)
        assert self.firmware.poll_ack(number, now=self.now) == (not owed)

    @precondition(lambda self: self.pending)
    @invariant()
    def nothing_is_overwritten(self) -> None:
        """What was published last is there, but for the status word that the guest may clear."""
        for number, record in self.pending.items():
            assert self.memory.read(BLOCK[number] + 4, len(record) - 4) == record[4:]

    def is_owed(self, number: int) -> bool:
        if number not in self.pending:
            return False
        if number == V1:
            return bool(word(self.memory, BLOCK[V1], 4))
        return not word(self.memory, ACK)


TestDialogue = Dialogue.TestCase
TestDialogue.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
