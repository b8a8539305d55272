"""Cells of the matrix, repeated by two real arm64 Linuxes: one is the host's kernel, one the guest's.

KVM and the VMM between them are the model's: QEMU's own emulation has none.  So is what they make of
a signal; but every signal that the story speaks of, the process that stands for the VMM was sent.
"""

from collections.abc import Callable
from contextlib import ExitStack
from itertools import product
from typing import NamedTuple

import pytest
from real_linux import RealLinux

from apeitool.cper.severity import Severity
from apeitool.host.kvm import Slot
from apeitool.host.vmm import POLICIES, Telling
from apeitool.lab.images import Images
from apeitool.lab.session import Session
from apeitool.ospm.outcome import SignalCode
from apeitool.scenarios.touched_poison import (
    GUEST_HEST,
    HOST_HEST,
    Actor,
    HardwareException,
    HostTelling,
    Kernels,
    Setting,
    Story,
    run,
)

pytestmark = pytest.mark.guest

OUT_OF_REACH = ("SError", "raises the interrupt")
"""What real kernels cannot be told of here."""


class Cell(NamedTuple):
    severity: Severity
    host: HostTelling
    policy: str

    @property
    def setting(self) -> Setting:
        return Setting(
            exception=HardwareException.SEA,
            host=self.host,
            policy=POLICIES[self.policy],
            severity=self.severity,
        )


HOSTS = (HostTelling.SEA, HostTelling.POLLED, HostTelling.NOTHING)
EVERY = [
    *(Cell(Severity.RECOVERABLE, host, name) for host, name in product(HOSTS, POLICIES)),
    *(
        Cell(severity, host, name)
        for severity, host in product((Severity.CORRECTED, Severity.FATAL), HOSTS)
        for name in ("qemu", "discussion-polled")
    ),
]


def is_in_reach(story: Story) -> bool:
    return not any(words in step.what for step in story.steps for words in OUT_OF_REACH)


CELLS = [cell for cell in EVERY if is_in_reach(run(cell.setting))]


def test_there_are_enough() -> None:
    assert len(CELLS) >= 20


@pytest.mark.parametrize("cell", CELLS, ids=lambda c: f"{c.severity.name}-{c.host.name}-{c.policy}")
def test_real_kernels_come_to_the_same_end(arm64_images: Images, cell: Cell) -> None:
    expected = run(cell.setting)
    with ExitStack() as running:
        sessions = [
            running.enter_context(Session(arm64_images, hest, limit=120))
            for hest in (HOST_HEST, GUEST_HEST)
        ]
        host = RealLinux(sessions[0], is_early=cell.setting.policy.early_kill)
        guest = RealLinux(sessions[1])
        own, bad = host.process, guest.process
        slot = Slot(bad.physical, own.virtual, own.physical, 0x1000)

        def real(setting: Setting, clock: Callable[[], float]) -> Kernels:
            memories = [session.guest.memory for session in sessions]
            return Kernels(host, memories[0], guest, memories[1], slot)

        setting = cell.setting
        found = run(Setting(**{f: getattr(setting, f) for f in FIELDS}, address=bad.physical), real)
        assert found.end is expected.end
        the_host_was_sent(host, found)
        if Telling.POLLED not in (cell.setting.policy.required, cell.setting.policy.optional):
            # A guest that polls does so by a clock of its own: between two steps, or after both.
            assert counted(found) == counted(expected)


def counted(story: Story) -> tuple[tuple[str, ...], int, int, int]:
    return story.objections, story.faults, story.refused, story.untold


FIELDS = ("exception", "host", "policy", "severity")


def the_host_was_sent(host: RealLinux, story: Story) -> None:
    """The signals that the story says the VMM got."""
    said = [step.what for step in story.steps if step.actor is Actor.HOST and step.to is Actor.VMM]
    if any("BUS_MCEERR_AR" in what for what in said):
        # A fault of stage 2 is a touch of the page by the process that owns it.
        touched = host.process.touch(own=True)
        assert touched.signal is not None
        assert touched.signal.code is SignalCode.BUS_MCEERR_AR
        assert (touched.signal.address, touched.signal.lsb) == (host.process.virtual, 12)
    codes = [signal.code for signal in host.signals]
    told = [code for code in codes if code is not SignalCode.BUS_OBJERR]
    assert [f"({code.name})" in what for code, what in zip(told, said, strict=False)] == [
        True
    ] * len(told)
