"""What an SEA comes to for a task and for the modelled Linux.

The tables transcribe what happened on Debian's Linux 6.1.176, 6.12.95 and 7.2.13 on arm64 under QEMU,
where a process took genuine aborts.
"""

import struct

import pytest
from modelled_guest import (
    NO_RAM,
    PAGE,
    POLLED,
    SCI,
    SEA,
    VIRTUAL,
    Guest,
    described,
    lines,
    whats,
)
from plain_bytes import (
    ARM,
    CORRECTED,
    FATAL,
    INFORMATIONAL,
    MEMORY,
    RECOVERABLE,
    UNKNOWN,
    about,
    arm,
    arm_information,
    block,
    entry,
    memory,
)

from apeitool.acpi.hest.notification import NotificationType
from apeitool.linux.features import KERNELS
from apeitool.ospm.outcome import Fate, Outcome, Reply, Signal, SignalCode
from apeitool.ospm.pages import Task
from apeitool.ospm.sea import Abort
from apeitool.registers.arm_syndrome import DataAbortSyndrome

RELEASES = sorted(KERNELS)
OBJERR, AR, KERNEL = SignalCode.BUS_OBJERR, SignalCode.BUS_MCEERR_AR, SignalCode.SI_KERNEL
RETRY = None

RECOVERED = "Memory failure: 0x5bf61: recovery action for dirty LRU page: Recovered"
SENDING = "Memory failure: 0x5bf61: Sending SIGBUS to tool:91 due to hardware memory corruption"
MALFORMED = struct.pack("<IIIII", 0x11, 0, 0, 8192, 0)


def cache_error(address: int | None, *, type: int = 2, severity: int = RECOVERABLE) -> bytes:
    return block(severity, entry(ARM, arm(arm_information(type, address)), severity))


def unrecoverable(release: str, number: int = 0) -> str:
    prefix = "" if release == "6.1" else f"GHES GHES.{number}: [Hardware Error]: "
    return f"{prefix}GHES: tool:91: synchronous unrecoverable error (SIGBUS)"


def code_of(outcome: Outcome | None) -> SignalCode | None:
    assert outcome is not None
    assert (outcome.reason, outcome.source) != ("", "")
    if outcome.fate is Fate.RETRIES:
        return RETRY
    assert outcome.fate is Fate.SIGNAL
    assert outcome.signal is not None
    assert outcome.signal.name == "SIGBUS"
    return outcome.signal.code


def taken(data: bytes, release: str, *, real_time: bool = False) -> tuple[Guest, Reply]:
    guest = Guest(described(0, SEA), described(1, SEA, v2=False), described(2, POLLED),
                  release=release)  # fmt: skip
    guest.put(0, data)
    return guest, guest.abort(real_time=real_time)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("data", "printed"),
    [
        (bytes(20), []),
        (MALFORMED, ["[Firmware Warn]: GHES: Invalid error status block length!"]),
    ],
)
def test_without_a_sound_record_the_abort_stands_for_itself(
    data: bytes, printed: list[str], release: str
) -> None:
    guest, reply = taken(data, release)
    assert reply.outcome is not None
    assert reply.outcome.signal == Signal("SIGBUS", OBJERR, VIRTUAL)
    assert lines(reply) == printed
    assert (guest.status(0), guest.ack(0)) == (0, int(bool(printed)))


def test_without_any_source_the_abort_stands_for_itself() -> None:
    assert code_of(Guest().abort().outcome) == OBJERR


HOPELESS = {
    "corrected": about(PAGE, CORRECTED),
    "informational": about(None, INFORMATIONAL),
    "recoverable, no address": about(None),
    "ARM, type bit of old": cache_error(PAGE, type=1),
    "ARM, TLB": cache_error(None, type=4),
    "unknown section": block(RECOVERABLE, entry(UNKNOWN, bytes(16), RECOVERABLE)),
    "no section": block(RECOVERABLE),
    "corrected block, recoverable section": block(
        CORRECTED, entry(MEMORY, memory(PAGE), RECOVERABLE)
    ),
}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("real_time", [False, True])
@pytest.mark.parametrize("name", HOPELESS)
def test_a_record_that_leaves_nothing_to_do_is_claimed_and_ends_the_task(
    name: str, real_time: bool, release: str
) -> None:
    guest, reply = taken(HOPELESS[name], release, real_time=real_time)
    assert reply.outcome is not None
    assert reply.outcome.signal == Signal("SIGBUS", KERNEL)
    assert unrecoverable(release) in lines(reply)
    assert (guest.status(0), guest.ack(0)) == (0, 1)
    assert not guest.linux.pages.is_poisoned(PAGE)


@pytest.mark.parametrize("data", [about(PAGE), cache_error(PAGE)])
@pytest.mark.parametrize(
    ("release", "real_time", "code", "printed"),
    [
        ("6.1", False, RETRY, [RECOVERED]),
        ("6.1", True, AR, [SENDING, RECOVERED]),
        ("6.12", False, RETRY, [RECOVERED]),
        ("7.2", False, AR, [SENDING, RECOVERED]),
        ("7.2", True, AR, [SENDING, RECOVERED]),
    ],
)
def test_a_recoverable_error_of_the_tasks_own_page(
    data: bytes, release: str, real_time: bool, code: SignalCode | None, printed: list[str]
) -> None:
    guest, reply = taken(data, release, real_time=real_time)
    assert code_of(reply.outcome) == code
    assert lines(reply) == printed
    assert guest.linux.pages.is_poisoned(PAGE)
    assert (guest.status(0), guest.ack(0)) == (0, 1)
    touched = guest.linux.touch(Task(PAGE, VIRTUAL))
    assert touched is not None
    assert touched.outcome is not None
    assert touched.outcome.signal == Signal("SIGBUS", AR, VIRTUAL, 12)


def test_if_the_page_was_another_the_next_abort_finds_no_record() -> None:
    guest, reply = taken(about(PAGE + 0x5000), "6.1")
    assert code_of(reply.outcome) is RETRY
    assert guest.linux.touch(Task(PAGE, VIRTUAL)) is None
    assert code_of(guest.abort().outcome) == OBJERR
    later, reply = taken(about(PAGE + 0x5000), "7.2")
    assert code_of(reply.outcome) is RETRY
    assert code_of(later.abort().outcome) == OBJERR


@pytest.mark.parametrize("data", [about(NO_RAM), cache_error(NO_RAM)])
@pytest.mark.parametrize("release", RELEASES)
def test_an_address_that_is_no_ram(data: bytes, release: str) -> None:
    invalid = "[Firmware Warn]: GHES: Invalid address in generic error data: 0x12345000"
    ignored = [
        "Memory failure: 0x12345: recovery action for non struct page pfn: Ignored",
        "0x12345: Sending SIGBUS to tool:91 due to hardware memory corruption",
    ]
    guest, reply = taken(data, release)
    assert code_of(reply.outcome) == KERNEL
    assert lines(reply) == (ignored if release == "7.2" else [invalid, unrecoverable(release)])
    assert guest.ack(0) == 1


@pytest.mark.parametrize("release", RELEASES)
def test_two_sources_are_both_drained_and_the_first_signal_has_its_way(release: str) -> None:
    guest = Guest(described(0, SEA), described(1, SEA, v2=False), release=release)
    guest.put(1, about(None, CORRECTED))
    guest.put(0, about(PAGE))
    reply = guest.abort()
    assert code_of(reply.outcome) == KERNEL
    assert lines(reply)[0] == unrecoverable(release, 1)
    assert lines(reply)[-1] == RECOVERED
    assert [guest.status(n) for n in (0, 1)] == [0, 0]
    assert [guest.ack(n) for n in (0, 1)] == [1, 0]
    assert guest.linux.pages.is_poisoned(PAGE)


@pytest.mark.parametrize("release", RELEASES)
def test_a_fatal_record_is_acknowledged_before_the_panic(release: str) -> None:
    guest, reply = taken(cache_error(PAGE, severity=FATAL), release)
    assert reply.outcome is not None
    assert reply.outcome.fate is Fate.PANIC
    assert not reply.outcome.is_survived
    assert lines(reply)[-1] == "Kernel panic - not syncing: GHES: Fatal hardware error"
    assert (guest.status(0), guest.ack(0)) == (0, 1)


def test_a_fatal_record_leaves_the_sources_behind_it_unread() -> None:
    guest = Guest(described(0, SEA), described(1, SEA))
    guest.put(1, about(None, FATAL))
    guest.put(0, about(PAGE))
    guest.abort()
    assert [bool(guest.status(n)) for n in (0, 1)] == [True, False]


def test_a_fatal_record_keeps_what_was_read_before_it_from_being_acted_on() -> None:
    guest = Guest(described(0, SEA), described(1, SEA))
    guest.put(1, about(PAGE))
    guest.put(0, about(None, FATAL))
    reply = guest.abort()
    assert reply.outcome is not None
    assert reply.outcome.fate is Fate.PANIC
    assert [guest.ack(n) for n in (0, 1)] == [1, 1]
    assert not guest.linux.pages.is_poisoned(PAGE)


@pytest.mark.parametrize("release", RELEASES)
def test_the_kernel_does_not_ask_about_an_abort_of_its_own(release: str) -> None:
    guest = Guest(described(0, SEA), release=release)
    guest.put(0, about(None))
    reply = guest.abort(in_kernel=True)
    assert reply.outcome is not None
    assert (reply.outcome.fate, reply.outcome.is_survived) == (Fate.OOPS, True)
    assert lines(reply) == ["Internal error: synchronous external abort: 0000000096000010"]
    assert (guest.status(0), guest.ack(0)) == (0x11, 0)


def test_the_last_memory_or_arm_section_decides_whether_the_task_is_ended() -> None:
    good, bad = entry(MEMORY, memory(PAGE), RECOVERABLE), entry(MEMORY, memory(), RECOVERABLE)
    other = entry(UNKNOWN, bytes(8), RECOVERABLE)
    for sections, code in (
        ((good, bad), KERNEL), ((bad, good), RETRY), ((good, other), RETRY),
    ):  # fmt: skip
        guest, reply = taken(block(RECOVERABLE, *sections), "6.1")
        assert code_of(reply.outcome) == code
        assert guest.linux.pages.is_poisoned(PAGE)


def test_corrected_errors_over_their_threshold_move_the_page() -> None:
    data = block(CORRECTED, entry(MEMORY, memory(PAGE), CORRECTED, flags=8))
    guest, reply = taken(data, "6.1")
    assert code_of(reply.outcome) is RETRY
    touched = guest.linux.touch(Task(PAGE, VIRTUAL))
    assert touched is not None
    assert touched.outcome is not None
    assert touched.outcome.fate is Fate.GOES_ON


def test_other_sources_are_not_asked_about_an_abort() -> None:
    guest = Guest(described(0, POLLED), described(1, SCI))
    for number in (0, 1):
        guest.put(number, about(PAGE))
    assert code_of(guest.abort().outcome) == OBJERR
    assert [bool(guest.status(n)) for n in (0, 1)] == [True, True]


def test_an_asynchronous_report_takes_the_page_and_the_next_touch_is_signalled() -> None:
    guest = Guest(described(1, POLLED))
    guest.put(1, about(PAGE))
    reply = guest.linux.notified(NotificationType.POLLED)
    assert "action optional" in " ".join(whats(reply))
    touched = guest.linux.touch(Task(PAGE, VIRTUAL))
    assert touched is not None
    assert code_of(touched.outcome) == AR
    guest.put(1, about(PAGE))
    again = guest.linux.notified(NotificationType.POLLED)
    assert lines(again) == ["Memory failure: 0x5bf61: already hardware poisoned"]


@pytest.mark.parametrize(
    ("syndrome", "signal"),
    [
        ({"fsc": 0x10}, Signal("SIGBUS", OBJERR, VIRTUAL)),
        ({"fsc": 0x18}, Signal("SIGBUS", OBJERR, VIRTUAL)),
        ({"fsc": 0x10, "fnv": 1}, Signal("SIGBUS", OBJERR, 0)),
        ({"fsc": 0x15}, Signal("SIGKILL", KERNEL, VIRTUAL)),
    ],
)
def test_an_unclaimed_abort_is_told_by_its_syndrome(
    syndrome: dict[str, int], signal: Signal
) -> None:
    for ec in (0x20, 0x24):
        esr = DataAbortSyndrome.compose(ec=ec, il=1, **syndrome)
        task = Task(PAGE, VIRTUAL)
        reply = Guest().linux.synchronous_external_abort(Abort(esr, VIRTUAL), task)
        assert reply.outcome is not None
        assert reply.outcome.signal == signal


def test_the_syndromes_are_those_that_processors_gave() -> None:
    assert Abort.of_load(0).esr == 0x92000010
    assert Abort.of_load(0, in_kernel=True).esr == 0x96000010
