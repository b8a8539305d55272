"""The modelled Linux: what it binds to at boot, and what it does when it is told of an error.

It sees memory, the HEST, notifications and exceptions; never the firmware.

1. At boot it walks the HEST.  If that fails, no source exists for it.
2. Each enabled source is probed; a refused one is never looked at.  A bound one is looked at once.
3. A notification asks every source of its kind, the one bound last first: one HED event, NMI or SEA
   drains all.  A vector tells interrupts and SDEI events apart.
4. What it does with one source is in `apeitool.ospm.source`, with the sections of a block in
   `dispatch`, with an SEA in `sea`, with an SError in `serror`.
5. Once it has panicked, or hangs, nothing happens any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from apeitool.acpi.hest.generic import Ghes
from apeitool.acpi.hest.notification import NotificationType
from apeitool.linux import dmesg
from apeitool.linux.accept import HED, NMI_LIKE, probe, walk_hest
from apeitool.linux.features import DEFAULT, Architecture, Features
from apeitool.memory import Memory
from apeitool.ospm import sea, serror
from apeitool.ospm.dispatch import Handling, handle
from apeitool.ospm.outcome import Did, Fate, Outcome, Reply
from apeitool.ospm.pages import Pages, Task
from apeitool.ospm.source import SOURCE, BoundSource, Event

ENDLESS = "Linux cper_estatus_check(), drivers/firmware/efi/cper.c, seen on 6.1.192"

_IDLE = Task(physical_address=-1, virtual_address=0, comm="swapper/0", pid=0)
_INIT = Task(physical_address=-1, virtual_address=0, comm="swapper/0", pid=1)


class Linux:
    """An operating system of one release, on one architecture.

    ``ram`` says which physical addresses have page frames; ``has_ras`` whether the processors have
    the RAS extension; ``sdei_events`` which events the firmware's SDEI knows, None without SDEI.

    Units:   addresses in bytes.
    """

    def __init__(
        self,
        memory: Memory,
        hest: bytes,
        *,
        ram: Sequence[range],
        features: Features = DEFAULT,
        architecture: Architecture = Architecture.ARM64,
        has_ras: bool = True,
        sdei_events: frozenset[int] | None = None,
    ) -> None:
        self.features = features
        self.pages = Pages(ram)
        self.sources: list[BoundSource] = []
        self.end: Outcome | None = None
        """The panic or the endless loop that it ended in."""
        self._memory = memory
        self._hest = hest
        self._architecture = architecture
        self._has_ras = has_ras
        self._sdei_events = sdei_events
        self._did: list[Did] = []

    def boot(self) -> Reply:
        """Rules 1 and 2.

        Raises:  BadSignature and Truncated for bytes that are no HEST; ApeiError for a source with
                 a register that is not in memory.
        """
        verdict = walk_hest(self._hest, self.features)
        if not verdict.accepted:
            lines = (*verdict.messages, dmesg.HEST_REFUSED)
            self._tell("refuses the whole HEST", *lines, source=verdict.source)
            return self._reply()
        what = f"finds {len(verdict.sources)} enabled sources in the HEST"
        self._tell(what, *verdict.messages, source=verdict.source)
        signalled = False
        for described in verdict.sources:
            bound = self._probe(described)
            handling = self._serve(bound, _INIT) if bound is not None else None
            signalled |= handling is not None and handling.is_hopeless
            if self.end is not None:
                return self._reply()
        if signalled:
            self._tell("panics: the signal ends init", dmesg.INIT_KILLED, source=sea.FORCED)
            reason = "an SEA source had a record that nothing could be done about, and init ran"
            self.end = Outcome(Fate.PANIC, reason, sea.FORCED)
        return self._reply()

    def notified(self, kind: NotificationType, *, vector: int = 0) -> Reply:
        """Rule 3, where no exception interrupts a task: anything but an SEA."""
        if self.end is not None:
            return self._reply()
        if kind in NMI_LIKE:
            for bound, block in self._collect(kind, vector):
                self._finish(bound, self._handle(bound, block), _IDLE)
        else:
            for bound in self._asked(kind, vector):
                self._serve(bound, _IDLE)
        return self._reply()

    def synchronous_external_abort(self, abort: sea.Abort, task: Task) -> Reply:
        """The processor takes an SEA while it runs a task, or the kernel in its name."""
        if self.end is not None:
            return self._reply()
        if not abort.is_from_user:
            return self._reply(sea.in_kernel(abort))
        deferred = self._collect(NotificationType.SEA)
        if self.end is not None:
            return self._reply()
        if not deferred:
            return self._reply(sea.unclaimed(abort))
        outcome: Outcome | None = None
        left: list[Handling] = []
        for bound, block in deferred:
            left.append(self._handle(bound, block))
            if left[-1].is_hopeless:
                reply = sea.forced(bound.number, task, self.features)
                self._did += reply.did
                outcome = reply.outcome
        reply = sea.finish(left, task, self.features, self.pages)
        # One signal of a kind can be pending; the first has its way.
        return self._reply(Reply(reply.did, outcome or reply.outcome))

    def serror(self, esr: int) -> Reply:
        """The processor takes an SError interrupt."""
        if self.end is not None:
            return self._reply()
        reply = serror.judge(esr, has_ras=self._has_ras)
        if reply.outcome is not None and not reply.outcome.is_survived:
            self.end = reply.outcome
        return self._reply(reply)

    def touch(self, task: Task) -> Reply | None:
        """A task touches its page; None when there is nothing in the kernel's way."""
        return sea.touch(task, self.pages)

    def _tell(self, what: str, *lines: str, source: str = SOURCE) -> None:
        self._did.append(Did(what, lines, source))

    def _reply(self, last: Reply | None = None) -> Reply:
        """All that was done since the last reply."""
        did, self._did = tuple(self._did), []
        if last is None:
            return Reply(did, self.end)
        return Reply((*did, *last.did), last.outcome)

    def _probe(self, described: Ghes) -> BoundSource | None:
        number, kind = described.source_id, described.notification.type.text
        verdict = probe(described, self._architecture, sdei_events=self._sdei_events)
        if not verdict.accepted:
            what = f"refuses source {number}, notified by {kind} (errno {verdict.errno})"
            self._tell(what, *verdict.messages, source=verdict.source)
            return None
        bound = BoundSource(self._memory, described, self._architecture)
        self.sources.insert(0, bound)
        what = f"binds to source {number}, notified by {kind}"
        self._tell(what, *verdict.messages, source=verdict.source)
        return bound

    def _asked(self, kind: NotificationType, vector: int = 0) -> Iterator[BoundSource]:
        """The sources that a notification reaches, as long as there is someone to ask them."""
        group = HED if kind in HED else {kind}
        by_vector = kind in (NotificationType.EXTERNAL_INTERRUPT, NotificationType.SDEI)
        for bound in self.sources:
            notification = bound.source.notification
            if self.end is not None or notification.type not in group:
                continue
            if by_vector and notification.vector != vector:
                continue
            if kind == NotificationType.POLLED and not notification.poll_interval:
                continue
            yield bound

    def _collect(self, kind: NotificationType, vector: int = 0) -> list[tuple[BoundSource, bytes]]:
        """Ask all sources of a kind where little is allowed: the blocks to act on later."""
        asked = list(self._asked(kind, vector))
        tested = self.features.tests_for_errors and kind != NotificationType.SDEI
        if tested and not any(bound.has_error() for bound in asked):
            self._tell("finds no status word set")
            return []
        deferred: list[tuple[BoundSource, bytes]] = []
        for bound in asked:
            block = self._look(bound, is_deferred=True) if self.end is None else None
            if block is not None and self._clear(bound, Event.OWED):
                deferred.append((bound, block))
        return deferred if self.end is None else []

    def _serve(self, bound: BoundSource, task: Task) -> Handling | None:
        """Look at a source, act, and then clear."""
        block = self._look(bound, is_deferred=False)
        if block is None:
            return None
        handling = self._handle(bound, block)
        self._finish(bound, handling, task)
        self._clear(bound, Event.DONE)
        return handling

    def _look(self, bound: BoundSource, *, is_deferred: bool) -> bytes | None:
        """Look at a source's block and judge it; the block if it is to be acted on."""
        look = bound.look()
        if look.event is Event.WHOLE:
            self._tell(f"reads {len(look.block)} bytes from source {bound.number}: a sound block")
            if bound.judge(look.block, is_deferred=is_deferred) is not Event.FATAL:
                return look.block
            self._panic(bound)
        elif look.event is Event.MALFORMED and look.verdict is not None:
            what = (
                f"looks at source {bound.number}: the block is malformed, nothing is done with it"
            )
            self._tell(what, *look.verdict.messages, source=look.verdict.source)
            self._clear(bound, Event.DONE)
        elif look.event is Event.NOTHING:
            self._tell(f"looks at source {bound.number}: nothing is recorded")
        elif look.event is Event.ENDLESS:
            self._tell(f"looks at source {bound.number} and does not come back")
            reason = "the length of a data entry wraps round to 0, and the kernel stays at it"
            self.end = Outcome(Fate.HANGS, reason, ENDLESS)
        else:
            self._aborted(bound)
        return None

    def _handle(self, bound: BoundSource, block: bytes) -> Handling:
        is_synchronous = bound.source.notification.type == NotificationType.SEA
        handling = handle(
            block, is_synchronous=is_synchronous, features=self.features, pages=self.pages
        )
        bound.step(Event.ACTED)
        self._did += handling.did
        return handling

    def _finish(self, bound: BoundSource, handling: Handling, task: Task) -> None:
        """What a block left to be done, where no task waits for it."""
        if handling.is_hopeless:
            self._did += sea.forced(bound.number, task, self.features).did
        self._did += [self.pages.carry_out(work, task) for work in handling.work]

    def _clear(self, bound: BoundSource, then: Event) -> bool:
        """Clear and acknowledge; whether the processor lived to tell."""
        cleared = bound.clear(then)
        if cleared.event is Event.ABORTED:
            self._aborted(bound)
            return False
        self._tell(f"clears the block of source {bound.number}")
        if cleared.acknowledgement is not None:
            value = f"{cleared.acknowledgement:#x}"
            self._tell(f"acknowledges: writes {value} to Read Ack of source {bound.number}")
        return True

    def _panic(self, bound: BoundSource) -> None:
        if self._clear(bound, Event.DOOMED):
            self._tell("panics", dmesg.FATAL)
            reason = "the block says fatal, and the block's severity alone decides"
            self.end = Outcome(Fate.PANIC, reason, SOURCE)

    def _aborted(self, bound: BoundSource) -> None:
        what = f"takes an external abort at the block or a register of source {bound.number}"
        self._tell(what, dmesg.ABORT_IN_INTERRUPT)
        reason = "nothing answers where the source says its block is, and the kernel itself aborts"
        self.end = Outcome(Fate.PANIC, reason, SOURCE)
