"""Firmware with many sources, beside a modelled Linux that it meets in memory only."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from modelled_guest import BASE, GPIO, MEMORY, POLLED, RAM, SCI, SDEI, ack_at, block_at, described
from plain_bytes import about, hest

import apeitool as apei
from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import BlockStatus
from apeitool.errors import AccessError, FirmwareFault
from apeitool.firmware.firmware import (
    ANSWERS,
    Acknowledged,
    Answer,
    Firmware,
    Overdue,
    Policy,
    Published,
    block_of,
)
from apeitool.firmware.platform import Notify, State
from apeitool.memory import Regions
from apeitool.ospm.linux import Linux

EVENT = 804
TABLE = hest(
    described(1, SCI, v2=False),
    described(2, GPIO),
    described(3, SDEI, vector=EVENT),
    described(4, POLLED, v2=False, poll=1000),
)
NUMBERS = (1, 2, 3, 4)
BLOCKS = {number: block_at(number) for number in NUMBERS}


class Ends:
    """Firmware with a bell of every kind that the table needs, and what rang."""

    def __init__(self, policy=Policy.QUEUE, *, room=2, patience=10.0, reminders=0) -> None:
        self.now = 0.0
        self.memory = Regions(MEMORY)
        self.rung: list[Notify] = []
        kinds = (NotificationType.SCI, NotificationType.GPIO_SIGNAL, NotificationType.SDEI)
        self.firmware = Firmware(
            self.memory,
            Hest.from_bytes(TABLE),
            reserved=[MEMORY],
            clock=lambda: self.now,
            bells=dict.fromkeys(kinds, self.rung.append),
            policy=policy, room=room, patience=patience, reminders=reminders,
        )  # fmt: skip
        self.firmware.power_on(BLOCKS)

    def give_back(self, number: int) -> None:
        """What a guest writes."""
        self.memory.write(block_at(number), bytes(4))
        self.memory.write(ack_at(number), (1).to_bytes(8, "little"))


def test_every_policy_answers_in_every_state() -> None:
    assert set(ANSWERS) == set(Policy)
    assert all(set(row) == set(State) - {State.UNPREPARED} for row in ANSWERS.values())


def test_a_block_that_is_the_guest_s_is_refused_as_qemu_does() -> None:
    ends = Ends(Policy.REFUSE)
    assert ends.firmware.publish(2, about(0x1000)) is Answer.PUBLISHED
    assert ends.firmware.publish(2, about(0x2000)) is Answer.REFUSED
    assert ends.firmware.publish(1, about(0x3000)) is Answer.PUBLISHED
    assert ends.memory.read(block_at(2), len(about(0x1000))) == about(0x1000)
    ends.give_back(2)
    assert ends.firmware.publish(2, about(0x2000)) is Answer.PUBLISHED
    assert [(n.source_id, n.type) for n in ends.rung] == [(2, GPIO), (1, SCI), (2, GPIO)]


def test_errors_wait_in_line_while_there_is_room() -> None:
    ends = Ends(room=2)
    answers = [ends.firmware.publish(3, about(0x1000 * n)) for n in range(1, 5)]
    assert answers == [Answer.PUBLISHED, Answer.WAITS, Answer.WAITS, Answer.REFUSED]
    ends.firmware.poll()
    for number in (2, 3):
        ends.now += 1
        ends.give_back(3)
        happened = ends.firmware.poll()
        assert happened == (Acknowledged(3), Published(3, about(0x1000 * number), ends.now))
        assert ends.memory.read(block_at(3), len(about(0))) == about(0x1000 * number)
    ends.give_back(3)
    assert ends.firmware.poll() == (Acknowledged(3),)
    assert [(n.type, n.vector) for n in ends.rung] == [(SDEI, EVENT)] * 3


def test_a_guest_that_is_late_is_reminded_and_nothing_is_written_over() -> None:
    ends = Ends(patience=5, reminders=2)
    ends.firmware.publish(2, about(0x1000))
    ends.firmware.publish(2, about(0x2000))
    ends.firmware.poll()
    late = []
    for ends.now in (4.9, 5.0, 9.9, 10.0, 15.0, 20.0, 1000.0):
        late += [(ends.now, event) for event in ends.firmware.poll()]
    assert late == [(5.0, Overdue(2, 0)), (10.0, Overdue(2, 1)), (15.0, Overdue(2, 2))]
    assert len(ends.rung) == 3
    assert ends.memory.read(block_at(2), len(about(0x1000))) == about(0x1000)
    ends.give_back(2)
    assert ends.firmware.poll() == (Acknowledged(2), Published(2, about(0x2000), 1000.0))


def test_many_errors_in_one_block_with_raw_data() -> None:
    ends = Ends()
    corrected = apei.GenericErrorDataEntryV3(
        section=apei.MemoryErrorSection(), error_severity=apei.Severity.CORRECTED
    )
    record = apei.Record(body=[apei.MemoryErrorSection(), apei.PcieErrorSection()])
    assert ends.firmware.report(2, corrected, record, raw_data=b"oem") is Answer.PUBLISHED
    (published,) = ends.firmware.poll()
    block = apei.decode(published.block, strict=True)
    assert isinstance(block, apei.StatusBlock)
    status = BlockStatus(block.block_status)
    assert (len(block.entries), block.raw_data) == (3, b"oem")
    assert status.error_data_entry_count == 3
    assert status.multiple_uncorrectable_errors
    assert not status.multiple_correctable_errors
    assert block.error_severity == apei.Severity.RECOVERABLE
    assert ends.memory.read(block_at(2), len(published.block)) == published.block
    assert block_of([corrected]).error_severity == apei.Severity.CORRECTED


def test_firmware_touches_only_what_is_reserved() -> None:
    memory = Regions(MEMORY)
    firmware = Firmware(
        memory, Hest.from_bytes(TABLE), reserved=[range(BASE, BASE + 0x2000)],
        clock=lambda: 0.0, bells={},
    )  # fmt: skip
    with pytest.raises(AccessError, match="not reserved"):
        firmware.power_on(BLOCKS)
    firmware.power_on({2: BASE + 0x1800})
    with pytest.raises(FirmwareFault, match="no bell for GPIO"):
        firmware.publish(2, about(0x1000))
    assert not any(memory.read(BASE + 0x1800, 4))
    with pytest.raises(FirmwareFault, match="where the block"):
        firmware.publish(3, about(0x1000))


class Dialogue(RuleBasedStateMachine):
    """Firmware is told of errors, each in a page of its own; Linux comes to them when it comes to them."""

    @initialize(policy=st.sampled_from(Policy), reminders=st.integers(0, 2))
    def power_on(self, policy, reminders) -> None:
        self.ends = Ends(policy, reminders=reminders)
        self.firmware = self.ends.firmware
        self.linux = Linux(
            self.ends.memory, TABLE, ram=(RAM,), sdei_events=frozenset({EVENT})
        )  # fmt: skip
        self.linux.boot()
        assert len(self.linux.sources) == len(NUMBERS)
        self.accepted: dict[int, list[int]] = {number: [] for number in NUMBERS}
        self.taken: dict[int, list[int]] = {number: [] for number in NUMBERS}
        self.acknowledged = dict.fromkeys(NUMBERS, 0)
        self.page = RAM.start

    @rule(number=st.sampled_from(NUMBERS))
    def an_error(self, number) -> None:
        self.page += 0x1000
        waiting, is_free = self.firmware.waiting(number), self.is_free(number)
        answer = self.firmware.publish(number, about(self.page))
        if answer is Answer.REFUSED:
            assert not is_free
        else:
            assert is_free or answer is Answer.WAITS or waiting
            self.accepted[number].append(self.page)

    def is_free(self, number: int) -> bool:
        """Whether the guest has given the block back."""
        if number in (1, 4):
            return not any(self.ends.memory.read(block_at(number), 4))
        return self.ends.memory.read(ack_at(number), 1) == b"\1"

    @rule()
    def linux_hears_the_oldest_bell(self) -> None:
        if self.ends.rung:
            notify = self.ends.rung.pop(0)
            self.hear(notify.type, notify.vector)

    @rule()
    def linux_polls(self) -> None:
        self.hear(NotificationType.POLLED)

    def hear(self, kind, vector=0) -> None:
        for did in self.linux.notified(kind, vector=vector).did:
            assert "already" not in did.what, "an error was handled twice"

    @rule(time=st.sampled_from([0.5, 6, 30]))
    def firmware_polls(self, time) -> None:
        self.ends.now += time
        for event in self.firmware.poll():
            match event:
                case Published():
                    address = int.from_bytes(event.block[-80 + 16 :][:8], "little")
                    self.taken[event.source_id].append(address)
                case Acknowledged():
                    self.acknowledged[event.source_id] += 1

    @invariant()
    def a_block_of_the_guest_is_as_it_was_published(self) -> None:
        for number in NUMBERS:
            published = self.taken_with_the_latest(number)
            if published and not self.is_free(number):
                data = about(published[-1])
                assert self.ends.memory.read(block_at(number) + 4, len(data) - 4) == data[4:]

    def taken_with_the_latest(self, number: int) -> list[int]:
        """What was published: all that was accepted but does not wait."""
        accepted = self.accepted[number]
        return accepted[: len(accepted) - self.firmware.waiting(number)]

    @invariant()
    def what_was_given_back_was_handled_and_nothing_else(self) -> None:
        for number in NUMBERS:
            published = self.taken_with_the_latest(number)
            count = len(published) - (not self.is_free(number))
            for index, page in enumerate(self.accepted[number]):
                assert self.linux.pages.is_poisoned(page) == (index < count)
            assert self.acknowledged[number] <= count
            assert self.taken[number] == self.accepted[number][: len(self.taken[number])]

    def teardown(self) -> None:
        """Once both have looked often enough, every error that was accepted has been handled."""
        if not hasattr(self, "ends"):
            return
        for _ in range(5):
            self.firmware_polls(0)
            while self.ends.rung:
                self.linux_hears_the_oldest_bell()
            self.linux_polls()
        self.firmware_polls(0)
        for number in NUMBERS:
            assert self.taken[number] == self.accepted[number]
            assert self.acknowledged[number] == len(self.accepted[number])
            assert all(map(self.linux.pages.is_poisoned, self.accepted[number]))


TestDialogue = Dialogue.TestCase
TestDialogue.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
