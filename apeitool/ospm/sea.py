"""A synchronous external abort, as Linux on arm64 takes it.

The exception means something by itself: whoever ran into it cannot go on.  What firmware recorded
for a source with an SEA notification only adds to that.

1. Taken in the kernel, it is an oops.  The sources are not asked.
2. Taken in user mode, the SEA sources are asked.  Any record that is whole makes the abort claimed;
   nothing recorded, or only what is malformed, leaves it unclaimed.
3. Unclaimed, it is a signal to the task: SIGBUS with BUS_OBJERR, or SIGKILL when the abort hit the
   walk of the page tables.
4. Claimed, what the record asks for is done before the task runs again.  If that was nothing, the
   task gets SIGBUS with SI_KERNEL; unless the same bytes were printed a short while ago: then nothing
   at all is done.
5. A memory failure unmaps the page.  The task itself carries it out where the release does so, or
   where it has a real-time policy and the kernel's worker has to wait for it; then SIGBUS with
   BUS_MCEERR_AR comes at once.  Otherwise the instruction is simply tried again; but a process that
   asked to be told early is sent BUS_MCEERR_AO, as if nobody stood on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from apeitool.linux import dmesg
from apeitool.linux.features import Features
from apeitool.ospm.cache import SOURCE as CACHE_SOURCE
from apeitool.ospm.dispatch import Handling
from apeitool.ospm.outcome import Did, Fate, Outcome, Reply, Signal, SignalCode
from apeitool.ospm.pages import SHIFT, Flag, Pages, PageWork, Task
from apeitool.ospm.pages import SOURCE as PAGES_SOURCE
from apeitool.registers.arm_syndrome import DataAbortSyndrome, ExceptionClass, ExceptionSyndrome

SOURCE = "Linux do_sea(), arch/arm64/mm/fault.c, seen on 6.1.176, 6.12.95 and 7.2.13"
FORCED = "Linux ghes_do_proc(), drivers/acpi/apei/ghes.c, seen on 6.1.176, 6.12.95 and 7.2.13"
FAULT = "Linux do_page_fault(), arch/arm64/mm/fault.c, seen on 6.1.176"

EXTERNAL_ABORT = 0x10
WALK_ABORTS = (0x14, 0x15, 0x16, 0x17, 0x1C, 0x1D, 0x1E, 0x1F)


@dataclass(frozen=True, slots=True)
class Abort:
    """The exception: its syndrome and the virtual address that was touched."""

    esr: int
    far: int

    @classmethod
    def of_load(cls, far: int, *, in_kernel: bool = False) -> Abort:
        """A load that ran into an external abort."""
        same, lower = ExceptionClass.DATA_ABORT_SAME_EL, ExceptionClass.DATA_ABORT_LOWER_EL
        ec = int(same if in_kernel else lower)
        return cls(DataAbortSyndrome.compose(ec=ec, il=1, fsc=EXTERNAL_ABORT), far)

    @property
    def is_from_user(self) -> bool:
        """Whether user mode took it."""
        lower = (ExceptionClass.DATA_ABORT_LOWER_EL, ExceptionClass.INSTRUCTION_ABORT_LOWER_EL)
        return ExceptionSyndrome(self.esr).ec in lower


def in_kernel(abort: Abort) -> Reply:
    """Rule 1."""
    did = Did("takes it in kernel mode: does not ask GHES", (dmesg.oops(abort.esr),), SOURCE)
    reason = (
        "the abort was taken in kernel mode, where GHES is not asked: the thread dies in an oops "
        "(in an interrupt, or with panic_on_oops, the kernel does)"
    )
    return Reply((did,), Outcome(Fate.OOPS, reason, SOURCE))


def unclaimed(abort: Abort) -> Reply:
    """Rule 3."""
    syndrome = DataAbortSyndrome(abort.esr)
    address = 0 if syndrome.fnv else abort.far
    if syndrome.fsc in WALK_ABORTS:
        signal = Signal("SIGKILL", SignalCode.SI_KERNEL, address)
    else:
        signal = Signal("SIGBUS", SignalCode.BUS_OBJERR, address)
    did = Did(f"no source claims the abort: sends {signal}", source=SOURCE)
    reason = "no SEA source had a sound record, so the abort stands for itself"
    return Reply((did,), Outcome(Fate.SIGNAL, reason, SOURCE, signal))


def dropped() -> Reply:
    """Rule 4, where the record is one that was printed a short while ago."""
    reason = (
        "the record claims the abort, but it was printed a short while ago and is dropped: "
        "the instruction is tried again as if nothing had been wrong"
    )
    return Reply((), Outcome(Fate.RETRIES, reason, CACHE_SOURCE))


def forced(source_id: int, task: object, features: Features) -> Reply:
    """Rule 4: nothing could be done about the record."""
    signal = Signal("SIGBUS", SignalCode.SI_KERNEL)
    line = dmesg.unrecoverable(source_id, str(task), features)
    did = Did(f"nothing could be done about the record: sends {signal}", (line,), FORCED)
    reason = (
        "a record claimed the abort, but its last memory or ARM section left nothing to be done"
    )
    return Reply((did,), Outcome(Fate.SIGNAL, reason, FORCED, signal))


def finish(handlings: Sequence[Handling], task: Task, features: Features, pages: Pages) -> Reply:
    """Rule 5: the work that claimed records left, before the task runs again."""
    did: list[Did] = []
    outcome: Outcome | None = None
    at_once = features.fails_memory_in_task or task.is_real_time
    for work in (work for handling in handlings for work in handling.work):
        if work.flag is Flag.SOFT_OFFLINE or not at_once:
            did.append(pages.carry_out(work, task))
        else:
            reply = _fail_in_task(work, task, pages)
            did += reply.did
            outcome = outcome or reply.outcome
    return Reply(tuple(did), outcome or _retries())


def _retries() -> Outcome:
    reason = "the page was dealt with and the instruction is tried again"
    return Outcome(Fate.RETRIES, reason, SOURCE)


def _fail_in_task(work: PageWork, task: Task, pages: Pages) -> Reply:
    frame = work.address >> SHIFT
    done = pages.carry_out(work, replace(task, told_early=""))
    if not pages.is_ram(work.address):
        signal = Signal("SIGBUS", SignalCode.SI_KERNEL)
        line = dmesg.no_page_frame_sigbus(frame, str(task))
        sent = Did(f"sends {signal}", (line,), PAGES_SOURCE)
        reason = f"there is no page at {work.address:#x}, so nothing could be taken out of use"
        return Reply((done, sent), Outcome(Fate.SIGNAL, reason, PAGES_SOURCE, signal))
    if frame != task.physical_address >> SHIFT:
        return Reply((done,))
    signal = Signal("SIGBUS", SignalCode.BUS_MCEERR_AR, task.virtual_address, SHIFT)
    sent = Did(f"sends {signal}", (dmesg.sending_sigbus(frame, str(task)),), PAGES_SOURCE)
    reason = "the task itself carried out the memory failure of the page that it stands on"
    return Reply((sent, done), Outcome(Fate.SIGNAL, reason, PAGES_SOURCE, signal))


def touch(task: Task, pages: Pages) -> Reply | None:
    """The task touches its page (again); None when the page is as it was and hardware decides."""
    if pages.is_moved(task.physical_address):
        did = Did("finds the contents in another page", source=FAULT)
        reason = "what the page held was moved before the task touched it again"
        return Reply((did,), Outcome(Fate.GOES_ON, reason, FAULT))
    if not pages.is_poisoned(task.physical_address):
        return None
    signal = Signal("SIGBUS", SignalCode.BUS_MCEERR_AR, task.virtual_address, SHIFT)
    did = Did(f"finds the page out of use: sends {signal}", source=FAULT)
    reason = "the page is out of use, and what it held is lost: whoever touches it is signalled"
    return Reply((did,), Outcome(Fate.SIGNAL, reason, FAULT, signal))
