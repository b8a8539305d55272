"""A process of a real arm64 guest takes genuine synchronous external aborts, beside the modelled one.

Both are given the same blocks; what the kernel says, what the process is sent, and what is left in
the block and in Read Ack are compared.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

import apeitool as apei
from apeitool.cper.flags import SectionFlags
from apeitool.errors import MissingError
from apeitool.firmware.platform import State
from apeitool.lab import images
from apeitool.lab.beside import Beside
from apeitool.lab.machines import ARM64
from apeitool.lab.session import Session
from apeitool.lab.toucher import Touch, Toucher
from apeitool.ospm.outcome import Signal, SignalCode
from apeitool.ospm.sea import Abort

pytestmark = pytest.mark.guest

POLLED, SEA, OTHER, SEI = 1, 2, 4, 3
NOWHERE = 0x30_0000_0000
CORRECTED, RECOVERABLE = apei.Severity.CORRECTED, apei.Severity.RECOVERABLE
FATAL, INFORMATIONAL = apei.Severity.FATAL, apei.Severity.INFORMATIONAL
RAM = ARM64.banks(ARM64.usual)[0]


def hest() -> apei.Hest:
    kinds = {
        POLLED: apei.Notification(type=apei.NotificationType.POLLED, poll_interval=1000),
        SEA: apei.Notification(type=apei.NotificationType.SEA),
        SEI: apei.Notification(type=apei.NotificationType.SEI),
        OTHER: apei.Notification(type=apei.NotificationType.SEA),
    }
    return apei.Hest(sources=[source(number, notified) for number, notified in kinds.items()])


def source(number: int, notification: apei.Notification) -> apei.GhesV2:
    place = ARM64.reserved.start + 64 * number
    return apei.GhesV2(
        source_id=number,
        notification=notification,
        error_status_address=apei.GenericAddress.memory(place),
        error_status_block_length=0x1000,
        read_ack_register=apei.GenericAddress.memory(place + 8),
        read_ack_preserve=0xFFFF_FFFF_FFFF_FFFE,
        read_ack_write=1,
    )


class Both(Beside):
    """A real guest and the modelled one, each with its firmware and its process."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.process = session.toucher

    def abort(self, *blocks: bytes, source_id: int = SEA) -> Touch:
        """Errors are recorded, of the second and later ones in other sources; a process runs into them."""
        for number, block in zip((source_id, OTHER), blocks, strict=False):
            self.firmware.publish(number, block)
        for block in blocks[1:]:
            self.session.firmware.publish(OTHER, block)
        expected = self.modelled(source_id)
        if blocks:
            report = self.session.inject(blocks[0], source_id=source_id)
            assert report.touch is not None
            # Of a panic the rest is where it happened.
            lines = report.lines[: len(expected.lines) if expected.is_over else None]
            assert lines == expected.lines
            touch = report.touch
        else:
            touch = self.process.touch()
        assert touch.signal == expected.signal
        assert self.session.guest.exited == expected.is_over
        if not expected.is_over:
            self.same_memory()
        return touch

    def poll(self, block: bytes) -> None:
        """An error is recorded for the source that is polled, and found."""
        self.firmware.publish(POLLED, block)
        reply = self.linux.notified(apei.NotificationType.POLLED)
        report = self.session.inject(block, source_id=POLLED)
        # What a page of nobody known was used for, the model does not say.
        lines = [line for line in report.lines if not line.startswith("Memory failure: ")]
        assert lines == [line for did in reply.did for line in did.lines]
        self.same_memory()

    def same_memory(self) -> None:
        for number in (POLLED, SEA, OTHER):
            for firmware in (self.firmware, self.session.firmware):
                firmware.poll_ack(number)
            assert self.firmware.state(number) is self.session.firmware.state(number)
            address = self.firmware.block_address(number)
            assert self.session.guest.memory.read(address, 4) == self.memory.read(address, 4)

    def touch(self) -> Touch:
        """The process touches its own page."""
        reply = self.linux.touch(self.task())
        touch = self.process.touch(own=True)
        outcome = None if reply is None else reply.outcome
        signal = None if outcome is None else outcome.signal
        assert touch.signal == signal
        assert touch.is_read == (signal is None)
        return touch


NEWER = [pytest.param(release, marks=pytest.mark.drifting) for release in ("6.12", "7.2")]


@pytest.fixture(params=["6.1", *NEWER])
def both(request: pytest.FixtureRequest) -> Iterator[Both]:
    try:
        found = images.find(machine=ARM64, release=request.param)
    except MissingError as missing:
        pytest.skip(str(missing))
    with Session(found, hest(), limit=120) as session:
        yield Both(session)


def memory_error(
    address: int, severity: apei.Severity = RECOVERABLE, *, flags: int = 0
) -> bytes:  # fmt: skip
    section = apei.MemoryErrorSection(validation_bits=2, physical_address=address)
    entry = apei.GenericErrorDataEntryV3(error_severity=severity, section=section, flags=flags)
    return apei.StatusBlock(error_severity=severity, entries=[entry]).to_bytes()


def code(touch: Touch) -> int | None:
    return None if touch.signal is None else int(touch.signal.code)


def test_it_boots_as_it_is_said_to(both: Both) -> None:
    said = [line for did in both.booted.did for line in did.lines]
    heard = [line for line in both.session.boot_lines if not line.startswith("ACPI: ")]
    assert heard == said


def test_without_a_record_the_abort_stands_for_itself(both: Both) -> None:
    assert code(both.abort()) == 3


def test_a_malformed_block_claims_nothing(both: Both) -> None:
    block = bytearray(memory_error(both.process.physical))
    block[12] = 80
    touch = both.abort(bytes(block))
    assert code(touch) == 3


@pytest.mark.parametrize("severity", [CORRECTED, INFORMATIONAL])
def test_a_record_that_leaves_nothing_to_do_ends_the_task(both: Both, severity) -> None:
    assert code(both.abort(memory_error(both.process.physical, severity))) == 128
    assert both.touch().is_read


def test_the_tasks_own_page(both: Both) -> None:
    # Its own page is taken out of use; what it ran into has no record the second time.  Newer kernels
    # do not have it try again.
    at_once = both.linux.features.fails_memory_in_task
    assert code(both.abort(memory_error(both.process.physical))) == (4 if at_once else 3)
    assert code(both.touch()) == 4


def test_the_own_page_of_a_real_time_task(both: Both) -> None:
    both.process.come_first()
    both.is_real_time = True
    assert code(both.abort(memory_error(both.process.physical))) == 4


def test_the_same_record_again(both: Both) -> None:
    block = memory_error(NOWHERE)
    both.abort(block)
    assert code(both.abort(block)) == 3


def test_an_address_that_is_no_ram(both: Both) -> None:
    assert code(both.abort(memory_error(NOWHERE))) == 128


def test_two_sources_are_both_drained(both: Both) -> None:
    own = both.process.physical
    assert code(both.abort(memory_error(own), memory_error(own, CORRECTED))) == 128


def test_a_fatal_record_is_a_panic(both: Both) -> None:
    both.abort(memory_error(both.process.physical, FATAL))
    assert both.session.guest.exited


def test_an_abort_in_the_kernel_asks_no_source(both: Both) -> None:
    session = both.session
    session.firmware.publish(SEA, memory_error(both.process.physical))
    both.process.have_kernel_touch()
    expected = both.linux.synchronous_external_abort(
        Abort.of_load(both.process.nowhere, in_kernel=True), both.task()
    )
    (line,) = (line for did in expected.did for line in did.lines)
    session.guest.console.wait_for(re.escape(line[:60]))
    assert both.process.told() == Touch(status=139)
    assert not session.firmware.poll_ack(SEA)
    assert session.firmware.state(SEA) is State.PUBLISHED


def test_a_page_that_was_polled_is_out_of_use(both: Both) -> None:
    both.poll(memory_error(both.process.physical))
    assert code(both.touch()) == 4


def test_who_wants_to_know_early_is_told(both: Both) -> None:
    early = Toucher(both.session.guest, number=1, is_early=True)
    both.poll(memory_error(early.physical))
    told = early.told()
    assert told is not None
    assert code(told) == 5
    assert told.signal == Signal("SIGBUS", SignalCode.BUS_MCEERR_AO, early.virtual, 12)


def test_who_wants_to_know_early_is_told_of_what_it_ran_into_too(both: Both) -> None:
    """In 6.1 a worker takes the page out of use, so that nobody is found to stand on it."""
    both.process = early = Toucher(both.session.guest, number=1, is_early=True)
    block = memory_error(early.physical)
    both.firmware.publish(SEA, block)
    expected = both.linux.claim(replace(both.task(), told_early=str(both.task())))
    start = len(both.session.guest.console.lines)
    both.session.firmware.publish(SEA, block)
    if both.linux.features.fails_memory_in_task:
        # The thread itself takes it out of use, and is told of what it ran into.
        assert code(early.touch()) == 4
    else:
        assert [code(early.touch()), code(early.told() or Touch())] == [5, 3]
    assert expected is not None
    for line in (line for did in expected.did for line in did.lines):
        both.session.guest.console.wait_for(re.escape(line), start=start)
    assert code(early.touch(own=True)) == 4


def test_a_page_whose_errors_pass_a_threshold_is_moved(both: Both) -> None:
    exceeded = SectionFlags.ERROR_THRESHOLD_EXCEEDED
    both.poll(memory_error(both.process.physical, CORRECTED, flags=exceeded))
    assert both.touch().is_read


def test_an_sei_source_is_never_read(both: Both) -> None:
    both.session.firmware.publish(SEI, memory_error(both.process.physical))
    assert code(both.abort()) == 3
    assert not both.session.firmware.poll_ack(SEI)
