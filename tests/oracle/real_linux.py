"""A real arm64 Linux as a party of a story: what it does is read from its console and its process.

It can be polled, and run into an SEA; the page that goes bad is that of its process.  The process
stands on another address: where the kernel tries the instruction again, that aborts once more, and
the kernel finds no record.  This is the retry here, and the story goes on with the page itself.
"""

import re
import time
from dataclasses import replace

from apeitool.acpi.hest.notification import NotificationType
from apeitool.errors import LabError
from apeitool.lab.console import without_timestamp
from apeitool.lab.session import Session, generic_sources
from apeitool.lab.toucher import Touch, Toucher
from apeitool.ospm.outcome import Did, Fate, Outcome, Reply, Signal, SignalCode
from apeitool.ospm.pages import Flag, PageWork, Task
from apeitool.ospm.sea import Abort

PATIENCE = 10.0
SOURCE = "a real Linux 6.1 under QEMU"
FAILED = re.compile(r"Memory failure: (0x[0-9a-f]+): recovery action for .*: Recovered")


class RealLinux:
    """A guest that has booted with a HEST, and its process."""

    def __init__(self, session: Session, *, is_early: bool = False) -> None:
        self.session = session
        self.process = Toucher(session.guest, is_early=is_early)
        self.is_early = is_early
        self.end: Outcome | None = None
        self.failures: list[PageWork] = []
        self.signals: list[Signal] = []
        """Those that its process was sent, in order."""
        self._seen = len(session.guest.console.lines)

    def boot(self) -> Reply:
        return Reply(())

    def notified(
        self, kind: NotificationType, *, vector: int = 0, polled: int | None = None
    ) -> Reply:
        if kind is not NotificationType.POLLED:
            raise LabError(f"a real Linux cannot be notified by {kind.text} here")
        end = time.monotonic() + PATIENCE
        while self._has_error(kind) and time.monotonic() < end and not self.session.guest.exited:
            time.sleep(0.01)
        return self._reply(None, Flag.ACTION_OPTIONAL)

    def claim(self, task: Task) -> Reply | None:
        had = self._has_error(NotificationType.SEA)
        touch = self._settled(self.process.touch())
        if not had:
            return None
        retries = touch.signal is not None and touch.signal.code is SignalCode.BUS_OBJERR
        if retries:
            self.signals.pop()
        return self._reply(None if retries else touch.signal, Flag.ACTION_REQUIRED)

    def synchronous_external_abort(self, abort: Abort, task: Task) -> Reply:
        claimed = self.claim(task)
        if claimed is not None:
            return claimed
        return Reply((), Outcome(Fate.SIGNAL, "no source claimed it", SOURCE, self.signals[-1]))

    def serror(self, esr: int) -> Reply:
        raise LabError("a real Linux takes no SError here")

    def touch(self, task: Task) -> Reply | None:
        touch = self._settled(self.process.touch(own=True))
        if touch.is_read:
            return None
        return Reply((), Outcome(Fate.SIGNAL, "its page is out of use", SOURCE, touch.signal))

    def _has_error(self, kind: NotificationType) -> bool:
        firmware, memory = self.session.firmware, self.session.guest.memory
        sources = generic_sources(self.session.hest)
        numbers = [s.source_id for s in sources if s.notification.type == kind]
        return any(any(memory.read(firmware.block_address(n), 4)) for n in numbers)

    def _settled(self, touch: Touch) -> Touch:
        """What came of a touch, after what the process was told beside it."""
        while touch.signal is not None:
            self.signals.append(touch.signal)
            if touch.signal.code is not SignalCode.BUS_MCEERR_AO:
                break
            touch = self.process.told() or Touch()
        return touch

    def _reply(self, signal: Signal | None, flag: Flag) -> Reply:
        """What it has printed since, and how it ended for the one who was interrupted."""
        guest = self.session.guest
        try:
            # What a worker of the kernel prints comes behind what it was given.
            guest.shell("sleep 0.1")
        except LabError:
            guest.wait_exit()
        lines = [without_timestamp(line) for line in guest.console.lines[self._seen :]]
        self._seen += len(lines)
        did = Did("does what it does", tuple(lines), SOURCE)
        if guest.exited:
            self.end = Outcome(Fate.PANIC, "it panicked", SOURCE)
            return Reply((did,), self.end)
        for found in filter(None, map(FAILED.search, lines)):
            is_told = self.is_early and flag is Flag.ACTION_OPTIONAL
            if is_told and (told := self.process.told()) is not None:
                self._settled(told)
            self.failures.append(PageWork(int(found[1], 16) << 12, flag))
        outcome = Outcome(Fate.RETRIES, "it goes on", SOURCE)
        if signal is not None:
            outcome = replace(outcome, fate=Fate.SIGNAL, signal=signal)
        return Reply((did,), outcome)
