"""The story of a touched page: its order, its ends, and the matrix that all parties compute."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from apeitool.acpi.status import StatusBlock
from apeitool.cper.severity import Severity
from apeitool.host.kvm import Thread
from apeitool.host.vmm import POLICIES, Telling, may_tell
from apeitool.linux.features import KERNELS, kernel
from apeitool.ospm.outcome import SignalCode
from apeitool.registers.arm_syndrome import AsynchronousErrorType
from apeitool.scenarios.choose import choose
from apeitool.scenarios.matrix import cells
from apeitool.scenarios.touched_poison import (
    AETS,
    MEANINGS,
    SEVERITIES,
    Actor,
    End,
    HardwareException,
    HostTelling,
    Setting,
    run,
)

DISCUSSION = POLICIES["discussion"]
POLLED = POLICIES["discussion-polled"]
NO_RECORD = (HostTelling.SEI, HostTelling.NOTHING)
"""The host reads none then."""
MATRIX = [*cells(Setting())]


def told(story) -> list[tuple[Actor, Actor, str]]:
    return [(s.actor, s.to, s.what) for s in story.steps if s.to is not None]


def test_the_story_of_the_discussion() -> None:
    """SError to firmware, APEI to the host, AO, stage-2 fault, AR, SEA."""
    story = run(Setting(policy=POLLED))
    assert [(actor.value, to.value) for actor, to, _ in told(story)] == [
        ("hardware", "firmware"), ("firmware", "host"), ("host", "vmm"), ("host", "vmm"),
        ("vmm", "guest"),
    ]  # fmt: skip
    whats = [step.what for step in story.steps]
    order = ["SError", "unmaps page", "BUS_MCEERR_AO", "in source 4 (polled)", "stage-2 fault",
             "BUS_MCEERR_AR", "makes the vCPU take an SEA", "action required", "BUS_MCEERR_AR"]  # fmt: skip
    places = []
    for part in order:
        start = places[-1] + 1 if places else 0
        places.append(next(i for i in range(start, len(whats)) if part in whats[i]))
    assert all(a < b for a, b in pairwise(places))
    assert (story.end, story.objections, story.faults) == (End.SIGBUS, (), 2)
    assert all(a.time <= b.time for a, b in pairwise(story.steps))


def test_sei_where_the_truth_was_sea_kills_a_mainline_guest_and_no_other() -> None:
    wrong = Setting(policy=POLICIES["required-by-sei"])
    assert run(wrong).end is End.GUEST_PANICS
    assert run(replace(wrong, has_sei=True)).end is End.SIGBUS
    assert run(replace(wrong, policy=POLLED)).end is End.SIGBUS
    assert any("SEI" in objection for objection in run(wrong).objections)


def test_a_record_that_was_told_before_is_dropped_but_the_page_is_out_of_use() -> None:
    """The cache of what was printed does not ask which source it was."""
    story = run(Setting(policy=DISCUSSION))
    assert any("drops the record of source 1" in step.what for step in story.steps)
    assert story.end is End.SIGBUS


def test_a_task_that_is_slower_than_its_kernel_never_touches_it_twice() -> None:
    quick, slow = (run(Setting(policy=DISCUSSION, is_quick=q)) for q in (True, False))
    assert (quick.faults, slow.faults) == (2, 1)
    assert quick.end is slow.end is End.SIGBUS


def test_an_interrupt_for_what_requires_action_has_the_task_run_into_it_again() -> None:
    story = run(Setting(host=HostTelling.SEA, policy=POLICIES["required-by-interrupt"]))
    # 6.1 has told it early, so that what requires action cannot be told.
    assert (story.end, story.faults) == (End.SIGBUS, 2)
    assert story.refused == 1
    impatient = replace(POLICIES["required-by-interrupt"], aborts=True)
    assert run(Setting(host=HostTelling.SEA, policy=impatient)).end is End.VMM_ENDS


@pytest.mark.parametrize(("page", "lost"), [("4K", 1), ("64K", 16), ("2M", 512)])
def test_pages_of_the_host_that_are_larger_than_the_guest_s(page, lost) -> None:
    one = run(Setting(host=HostTelling.SEA, policy=POLICIES["qemu"], page=page))
    whole = run(Setting(host=HostTelling.SEA, policy=DISCUSSION, page=page))
    assert one.end is whole.end is End.SIGBUS
    assert one.untold == lost - 1
    assert whole.untold == max(lost - 26, 0), "26 entries of 152 bytes fit into 4096"


@pytest.mark.parametrize("severity", SEVERITIES)
def test_an_abort_that_the_host_does_not_claim(severity) -> None:
    """As it was, an SError of the guest; with KVM_CAP_ARM_SEA_TO_USER the VMM gets it."""
    straight = Setting(exception=HardwareException.SEA, host=HostTelling.NOTHING, severity=severity)
    as_it_was = run(replace(straight, policy=POLICIES["qemu"]))
    assert as_it_was.end is End.GUEST_PANICS
    assert any("virtual SError" in step.what for step in as_it_was.steps)
    handed = run(replace(straight, policy=DISCUSSION))
    assert handed.end is End.SIGBUS
    assert any("KVM_EXIT_ARM_SEA" in step.what for step in handed.steps)


@pytest.mark.parametrize("host", HostTelling)
def test_releases_come_to_the_same_ends(host) -> None:
    ends = {
        run(Setting(host=host, host_features=kernel(a), guest_features=kernel(b))).end
        for a in KERNELS
        for b in KERNELS
    }
    assert len(ends) == 1


@pytest.mark.parametrize("aet", AsynchronousErrorType)
def test_what_an_serror_of_the_guest_comes_to(aet) -> None:
    """UEO lets the host go on, and the load runs into it again and again."""
    expected = {"CE": End.LOST, "UEO": End.LOST, "UER": End.GUEST_PANICS, "UEU": End.GUEST_PANICS}
    story = run(Setting(host=HostTelling.SEI, aet=aet))
    assert story.end is expected.get(aet.name, End.HOST_PANICS)


# ---- the matrix


def test_every_cell_has_an_end_a_reason_and_a_source() -> None:
    axes = len(HardwareException) * len(SEVERITIES) * len(HostTelling) * len(POLICIES) * 2
    assert len(MATRIX) == axes
    for story in MATRIX:
        assert story.end in MEANINGS
        assert story.reason
        assert story.source


def test_every_end_is_come_to() -> None:
    ends = Counter(story.end for story in MATRIX)
    assert set(ends) == set(End) - {End.TASK_KILLED}


def test_no_sound_telling_of_a_recoverable_error_costs_a_guest() -> None:
    """The claim of the discussion: SEA for AR, interrupt or polling for AO."""
    for story in MATRIX:
        setting = story.setting
        if setting.policy.is_sound and setting.policy.required is Telling.SEA:
            if setting.severity != Severity.RECOVERABLE or setting.host in NO_RECORD:
                continue
            assert story.end is End.SIGBUS, setting


def test_mainline_survives_no_sei() -> None:
    for story in MATRIX:
        by_sei = any(" SEI " in f"{each} " for each in story.objections)
        if by_sei and story.setting.severity == Severity.RECOVERABLE:
            survived = story.end not in (End.GUEST_PANICS, End.HOST_PANICS)
            assert survived == (story.setting.has_sei and story.setting.host not in NO_RECORD)


def test_the_severity_that_goes_with_a_state() -> None:
    assert set(SEVERITIES) <= set(AETS)


# ---- choosing


@pytest.mark.parametrize("release", sorted(KERNELS))
@pytest.mark.parametrize("has_sei", [False, True])
def test_the_conclusion_of_the_discussion_is_what_comes_out(release, has_sei) -> None:
    like = Setting(guest_features=kernel(release), has_sei=has_sei)
    required = choose(SignalCode.BUS_MCEERR_AR, Thread.VCPU, like)
    assert required.best.telling is Telling.SEA
    assert required.best.story.end is End.SIGBUS
    for thread in Thread:
        optional = choose(SignalCode.BUS_MCEERR_AO, thread, like)
        assert optional.best.telling is Telling.INTERRUPT
    own = choose(SignalCode.BUS_MCEERR_AR, Thread.MAIN, like)
    assert own.best.telling is Telling.INTERRUPT
    assert {t.telling for t in (required.best, *required.others)} == set(Telling) - {Telling.ENDS}


def test_the_block_to_write_names_the_page_first_and_fits() -> None:
    like = Setting(page="64K", address=0x5BF6_4010)
    choice = choose(SignalCode.BUS_MCEERR_AR, Thread.VCPU, like)
    data = choice.block.to_bytes()
    sections = StatusBlock.from_bytes(data).sections
    assert sections[0].physical_address == 0x5BF6_4000
    pages = {section.physical_address for section in sections}
    assert len(data) <= 1024
    assert len(pages) == len(sections) == 6
    assert all(0x5BF6_0000 <= page < 0x5BF7_0000 for page in pages)


def test_a_notification_may_say_no_more_than_the_signal() -> None:
    assert may_tell(SignalCode.BUS_MCEERR_AR, Telling.SEA)
    assert may_tell(SignalCode.BUS_MCEERR_AO, Telling.POLLED)
    assert not may_tell(SignalCode.BUS_MCEERR_AO, Telling.SEA)
    assert not any(may_tell(code, Telling.SEI) for code in (SignalCode.BUS_MCEERR_AR, SignalCode.BUS_MCEERR_AO))  # fmt: skip
