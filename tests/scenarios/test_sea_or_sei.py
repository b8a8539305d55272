"""One error told as an SEA and as an SEI: the parties, stepped together."""

import subprocess
import sys

import pytest
from plain_bytes import RECOVERABLE, about, block

from apeitool.cper.severity import Severity
from apeitool.errors import FirmwareFault
from apeitool.firmware.platform import State
from apeitool.linux.features import KERNELS, kernel
from apeitool.machine import Actor, Machine
from apeitool.ospm.outcome import Fate, SignalCode
from apeitool.registers.arm_syndrome import AsynchronousErrorType
from apeitool.scenarios.sea_or_sei import (
    ADDRESS,
    FIRMWARE_MEMORY,
    RAM,
    SEA_SOURCE,
    SEI_SOURCE,
    TELLINGS,
    Setting,
    Story,
    hest,
    record,
    run,
)

RELEASES = sorted(KERNELS)
REFUSED = "[Firmware Warn]: GHES: Unknown notification type: 9 for generic hardware error source: 2"


def told(name: str, severity: Severity = Severity.RECOVERABLE, **choices: object) -> Story:
    return run(name, record(severity, ADDRESS), setting=Setting(**choices))  # type: ignore[arg-type]


def ending(story: Story) -> tuple[Fate, int | None]:
    signal = story.outcome.signal
    return story.outcome.fate, None if signal is None else int(signal.code)


@pytest.mark.parametrize("release", RELEASES)
def test_told_as_sea_the_guest_survives_and_the_record_is_acknowledged(release: str) -> None:
    story = told("sea", features=kernel(release))
    assert story.outcome.is_survived
    assert ending(story) == (Fate.SIGNAL, SignalCode.BUS_MCEERR_AR)
    assert (story.is_read, story.is_acknowledged) == (True, True)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("aet", list(AsynchronousErrorType))
@pytest.mark.parametrize("has_ras", [True, False])
def test_told_as_sei_the_syndrome_alone_decides_and_the_record_is_never_read(
    severity: Severity, aet: AsynchronousErrorType, has_ras: bool, release: str
) -> None:
    story = told("sei", severity, aet=aet, has_ras=has_ras, features=kernel(release))
    survived = has_ras and aet.name in ("UEO", "CE")
    assert ending(story) == (Fate.GOES_ON if survived else Fate.PANIC, None)
    assert (story.is_read, story.is_acknowledged) == (False, False)
    assert REFUSED in [line for step in story.steps for line in step.lines]


@pytest.mark.parametrize(
    ("severity", "choices", "expected"),
    [
        (Severity.FATAL, {}, (Fate.PANIC, None)),
        (Severity.CORRECTED, {}, (Fate.SIGNAL, 128)),
        (Severity.INFORMATIONAL, {}, (Fate.SIGNAL, 128)),
        (Severity.RECOVERABLE, {"is_real_time": True}, (Fate.SIGNAL, 4)),
        (Severity.RECOVERABLE, {"in_kernel": True}, (Fate.OOPS, None)),
        (Severity.FATAL, {"in_kernel": True}, (Fate.OOPS, None)),
    ],
)
@pytest.mark.parametrize("release", RELEASES)
def test_how_an_sea_ends(
    severity: Severity, choices: dict[str, bool], expected: tuple[Fate, int | None], release: str
) -> None:
    story = told("sea", severity, features=kernel(release), **choices)
    assert ending(story) == expected
    read = expected[0] is not Fate.OOPS
    assert (story.is_read, story.is_acknowledged) == (read, read)


@pytest.mark.parametrize("name", TELLINGS)
def test_every_step_has_somebody_who_does_it_and_time_does_not_go_back(name: str) -> None:
    story = told(name)
    times = [step.time for step in story.steps]
    assert times == sorted(times)
    assert {step.actor for step in story.steps} == set(Actor)
    assert all(step.what for step in story.steps)
    assert all(step.source for step in story.steps if step.actor is Actor.LINUX)
    assert story.outcome.reason
    assert story.outcome.source


def test_the_tellings_differ_in_the_source_and_the_exception_alone() -> None:
    sea, sei = (told(name) for name in ("sea", "sei"))
    booted = 6
    assert sea.steps[: booted + 1] == sei.steps[: booted + 1]
    fills = [story.steps[booted + 1].what for story in (sea, sei)]
    assert fills[0].replace("source 1", "source 2") == fills[1]


def test_a_record_about_another_page_leaves_the_task_on_its_own() -> None:
    story = run("sea", record(Severity.RECOVERABLE, ADDRESS), address=ADDRESS + 0x10000)
    assert ending(story) == (Fate.SIGNAL, SignalCode.BUS_OBJERR)
    assert story.outcome.is_survived


def test_the_callers_own_block_is_published_as_it_is() -> None:
    malformed = block(RECOVERABLE, data_length=8192)
    story = run("sea", malformed)
    assert ending(story) == (Fate.SIGNAL, SignalCode.BUS_OBJERR)
    assert (story.is_read, story.is_acknowledged) == (True, True)
    printed = [line for step in story.steps for line in step.lines]
    assert "[Firmware Warn]: GHES: Invalid error status block length!" in printed
    with pytest.raises(FirmwareFault):
        run("sea", bytes(20))
    with pytest.raises(FirmwareFault):
        run("sei", about(ADDRESS).ljust(0x1001, b"\0"))


def test_the_default_record_is_what_it_says() -> None:
    made = record(Severity.FATAL, 0x1000)
    assert made.problems == ()
    assert made.to_bytes()[16:20] == b"\1\0\0\0"
    assert made.sections[0].physical_addresses == (0x1000,)
    assert hest().problems == ()


def machine(release: str = "6.1") -> Machine:
    made = Machine(
        hest(), firmware_memory=FIRMWARE_MEMORY, ram=(RAM,), features=kernel(release), patience=2
    )
    made.power_on({SEA_SOURCE: 0x8000_1000, SEI_SOURCE: 0x8000_2000})
    return made


def test_after_an_acknowledgement_the_source_is_free_again() -> None:
    from apeitool.ospm.pages import Task

    made = machine()
    for number in range(1, 4):
        page = ADDRESS + number * 0x1000
        made.publish(SEA_SOURCE, record(Severity.RECOVERABLE, page))
        made.abort(Task(page, 0x1000))
        assert made.wait_for_ack(SEA_SOURCE)
    assert made.now == 0


def test_an_unread_record_keeps_its_source_busy() -> None:
    made = machine()
    made.publish(SEI_SOURCE, record(Severity.RECOVERABLE, ADDRESS))
    assert not made.wait_for_ack(SEI_SOURCE)
    assert made.now == 2
    assert made.firmware.state(SEI_SOURCE) is State.OVERDUE
    assert made.publish(SEA_SOURCE, record(Severity.RECOVERABLE, ADDRESS))


@pytest.mark.parametrize(
    ("one", "other"),
    [("apeitool.firmware.platform", "ospm"), ("apeitool.ospm.linux", "firmware")],
)
def test_firmware_and_operating_system_do_not_know_each_other(one: str, other: str) -> None:
    code = f"import sys, {one}; print([m for m in sys.modules if m.startswith('apeitool.{other}')])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
