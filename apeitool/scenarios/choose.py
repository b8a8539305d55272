"""Which notification a VMM should use for a signal: each is tried on the modelled guest.

The best is the one that says no more than the signal does and after which the guest has lost least;
among those, with which the guest ran into the page least often.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from apeitool.acpi.status import StatusBlock
from apeitool.host.kvm import Slot, Thread
from apeitool.host.vmm import NOTIFICATIONS, POLICIES, RULE, Telling, Vmm, may_tell, record
from apeitool.ospm.outcome import SignalCode
from apeitool.scenarios.touched_poison import (
    PAGE_SIZES,
    SLOT,
    End,
    HardwareException,
    HostTelling,
    Setting,
    Story,
    run,
)

_ORDER = tuple(End)


@dataclass(frozen=True, slots=True)
class Trial:
    """A notification, whether it says no more than the signal, and what came of it."""

    telling: Telling
    is_sound: bool
    story: Story

    @property
    def rank(self) -> tuple[bool, int, int, int]:
        """The smaller the better."""
        story = self.story
        return (not self.is_sound, _ORDER.index(story.end), story.faults, story.refused)


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do: the notification, why, the block to write, and what else was tried.

    ``meaning`` is what the signal says about the guest.
    """

    best: Trial
    meaning: str
    block: StatusBlock
    others: tuple[Trial, ...]


def choose(code: SignalCode, thread: Thread, like: Setting, *, block_length: int = 1024) -> Choice:
    """The notification for a signal that a thread got.

    ``like`` has the guest's kernel, the page and the size of the host's pages; ``block_length`` is how
    many bytes the guest's source has room for.
    """
    is_required = code is SignalCode.BUS_MCEERR_AR and thread is Thread.VCPU
    kind = SignalCode.BUS_MCEERR_AR if is_required else SignalCode.BUS_MCEERR_AO
    trials = [_tried(telling, kind, like) for telling in (*NOTIFICATIONS, Telling.NOTHING)]
    best, *others = sorted(trials, key=lambda trial: trial.rank)
    slot = Slot(*SLOT, PAGE_SIZES[like.page])
    pages = Vmm.room_for(slot, like.address, block_length)
    return Choice(best, _MEANINGS[code, thread], record(pages), tuple(others))


def _tried(telling: Telling, kind: SignalCode, like: Setting) -> Trial:
    base = replace(POLICIES["discussion"], name=f"choice: {telling.value}", source=RULE)
    if kind is SignalCode.BUS_MCEERR_AR:
        policy = replace(base, required=telling, optional=Telling.NOTHING)
        setting = replace(
            like, exception=HardwareException.SEA, host=HostTelling.SEA, policy=policy
        )
    else:
        # The guest is elsewhere, and comes to the page later.
        policy = replace(base, optional=telling)
        setting = replace(like, host=HostTelling.INTERRUPT, policy=policy, is_quick=False)
    return Trial(telling, may_tell(kind, telling), run(setting))


_MEANINGS = {
    (SignalCode.BUS_MCEERR_AR, Thread.VCPU):
        "action required: the guest was touching the page, and must not go on",
    (SignalCode.BUS_MCEERR_AR, Thread.MAIN):
        "the VMM itself touched the page, for its guest or to copy it: to the guest, which is not "
        "touching it, that is action optional",
    (SignalCode.BUS_MCEERR_AO, Thread.VCPU):
        "action optional, whatever the thread: nobody has touched the page yet",
    (SignalCode.BUS_MCEERR_AO, Thread.MAIN):
        "action optional: nobody has touched the page yet",
}  # fmt: skip
