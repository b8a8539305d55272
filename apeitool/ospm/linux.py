"""The modelled Linux: what it binds to at boot, and what it does when it is told of an error.

It sees memory, the tables, notifications and exceptions; never the firmware.

1. At boot it walks the HEST.  If that fails, no source exists for it.
2. Each enabled source is probed; a refused one is never looked at.  A bound one is looked at once.
   Then the errors of the last boot are read.
3. A notification asks every source of its kind, the one bound last first: one HED event, NMI or SEA
   drains all.  A vector tells interrupts and SDEI events apart, and each polled source has a timer.
4. What it does with one source is in `apeitool.ospm.source`, with the sections of a block in
   `dispatch`, with the log in `printing`, with an SEA in `sea`, with an SError in `serror`.
5. An NMI or an SDEI event, and an SEA, only copies a block.  Right after it the copies are acted on,
   in order, unless interrupts are off: then they pile up, until there is no memory for more.  A copy
   whose bytes were printed a short while ago is dropped, and nothing is done about it.
6. While interrupts are off, the others wait, those of one vector as one.
7. Once it has panicked, or hangs, nothing happens any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from apeitool.acpi.bert import Bert
from apeitool.acpi.hest.generic import Ghes
from apeitool.acpi.hest.notification import NotificationType
from apeitool.linux import dmesg
from apeitool.linux.accept import ENXIO, HED, NMI_LIKE, BlockVerdict, probe, walk_hest
from apeitool.linux.features import DEFAULT, Architecture, Features
from apeitool.linux.mapping import ADDRESS_BITS, Mappings
from apeitool.memory import Memory
from apeitool.ospm import bert, cache, pool, sea, serror
from apeitool.ospm.aer import Recoveries
from apeitool.ospm.dispatch import Handling, handle
from apeitool.ospm.outcome import Did, Effect, Fate, Outcome, Reply, Sighting
from apeitool.ospm.pages import Pages, PageWork, Task
from apeitool.ospm.pool import Pool
from apeitool.ospm.printing import Printer
from apeitool.ospm.source import SOURCE, BoundSource, Event, Look
from apeitool.ospm.throttle import Warnings

ENDLESS = "Linux cper_estatus_check(), drivers/firmware/efi/cper.c, seen on 6.1.192"
OSC = "Linux acpi_ghes_init(), drivers/acpi/apei/ghes.c, seen on 6.1.176"

_IDLE = Task(physical_address=-1, virtual_address=0, comm="swapper/0", pid=0)
_INIT = Task(physical_address=-1, virtual_address=0, comm="swapper/0", pid=1)


@dataclass(frozen=True, slots=True)
class _Copy:
    """A block that is to be acted on; ``place`` is where in the pool it is."""

    bound: BoundSource
    sighting: Sighting
    block: bytes
    place: int


class Linux:
    """An operating system of one release, on one architecture.

    ``ram`` says which physical addresses have page frames; ``has_ras`` whether the processors have
    the RAS extension; ``sdei_events`` which events the firmware's SDEI knows, None without SDEI;
    ``has_machine_checks`` whether a kernel for x86 handles machine checks;
    ``pci_functions`` the addresses of those that there are; ``clock`` what time it is;
    ``osc`` whether the platform's _OSC grants firmware first, as WHEA has it and as a platform-wide
    capability; ``address_bits`` how wide its physical addresses are; ``panic_timeout`` is the
    kernel's parameter.

    Units:   addresses in bytes; the clock in seconds.
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
        pci_functions: frozenset[str] = frozenset(),
        boot_errors: Bert | None = None,
        osc: tuple[bool, bool] = (False, False),
        has_machine_checks: bool = False,
        address_bits: int = ADDRESS_BITS,
        panic_timeout: int = 0,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.features = features
        self.pages = Pages(ram)
        self.sources: list[BoundSource] = []
        self.pool = Pool(0)
        self.end: Outcome | None = None
        """The panic or the endless loop that it ended in."""
        self._memory = memory
        self._hest = hest
        self._architecture = architecture
        self._has_ras = has_ras
        self._sdei_events = sdei_events
        self._boot_errors = boot_errors
        self._osc = osc
        self._has_machine_checks = has_machine_checks
        self._panic_timeout = panic_timeout
        self._clock = clock
        self._recoveries = Recoveries(features, pci_functions)
        self._warnings = Warnings(clock)
        self._printer = Printer(features, architecture, self.pool, clock)
        self._mappings = Mappings(address_bits)
        self._did: list[Did] = []
        self._copies: list[_Copy] = []
        self._is_masked = False
        self._pending: dict[tuple[NotificationType, int, int | None], None] = {}

    def boot(self) -> Reply:
        """Rules 1 and 2.

        Raises:  BadSignature and Truncated for bytes that are no HEST; ApeiError for a source with
                 a register that is not in memory.
        """
        verdict = walk_hest(self._hest, self.features, has_machine_checks=self._has_machine_checks)
        if not verdict.accepted:
            lines = (*verdict.messages, dmesg.HEST_REFUSED)
            self._tell("refuses the whole HEST", *lines, source=verdict.source)
            self._read_boot_errors()
            return self._reply()
        self.pool = Pool(verdict.generic_count)
        self._printer = Printer(self.features, self._architecture, self.pool, self._clock)
        what = f"finds {len(verdict.sources)} enabled sources in the HEST"
        self._tell(what, *verdict.messages, source=verdict.source)
        signalled = False
        for described in verdict.sources:
            bound = self._probe(described)
            handling = self._serve(bound, _INIT) if bound is not None else None
            signalled |= handling is not None and handling.is_hopeless
            if self.end is not None:
                return self._reply()
        self._tell("listens to what it has bound to", dmesg.FIRMWARE_FIRST[self._osc], source=OSC)
        self._read_boot_errors()
        if signalled:
            self._tell("panics: the signal ends init", dmesg.INIT_KILLED, source=sea.FORCED)
            reason = "an SEA source had a record that nothing could be done about, and init ran"
            self.end = Outcome(Fate.PANIC, reason, sea.FORCED)
        return self._reply()

    def notified(
        self, kind: NotificationType, *, vector: int = 0, polled: int | None = None
    ) -> Reply:
        """Rules 3, 5 and 6, where no exception interrupts a task: anything but an SEA.

        ``polled`` is the source whose time it is to be polled; without it, it is that of all.
        """
        if self.end is not None:
            return self._reply()
        if kind in NMI_LIKE:
            self._collect(kind, vector)
            if not self._is_masked:
                self._catch_up()
        elif self._is_masked:
            self._pending[kind, vector, polled] = None
        else:
            self._ask(kind, vector, polled)
        return self._reply()

    def lift_print_limits(self) -> None:
        """Every report is printed, as when the kernel's limits are switched off in its memory."""
        self._printer.lift_limits()

    def mask_interrupts(self) -> None:
        """The processor looks after something else with interrupts off."""
        self._is_masked = True

    def unmask_interrupts(self) -> Reply:
        """Rules 5 and 6: what has waited is done."""
        self._is_masked = False
        if self.end is None:
            self._catch_up()
        pending, self._pending = self._pending, {}
        for each in pending:
            self._ask(*each)
        return self._reply()

    def synchronous_external_abort(self, abort: sea.Abort, task: Task) -> Reply:
        """The processor takes an SEA while it runs a task, or the kernel in its name."""
        if self.end is not None:
            return self._reply()
        if not abort.is_from_user:
            return self._reply(sea.in_kernel(abort))
        return self.claim(task) or self._reply(sea.unclaimed(abort))

    def claim(self, task: Task) -> Reply | None:
        """The SEA sources are asked, as KVM has it done too; None when none claims the abort."""
        is_claimed = self._collect(NotificationType.SEA)
        if self.end is not None:
            return self._reply()
        if not is_claimed:
            return None
        if not self._copies:
            return self._reply(sea.dropped())
        outcome: Outcome | None = None
        left: list[Handling] = []
        for copy in self._drained():
            left.append(self._handle(copy.bound, copy.sighting, copy.block))
            if left[-1].is_hopeless:
                reply = sea.forced(copy.bound.number, task, self.features)
                self._did += reply.did
                outcome = reply.outcome
            self._did.append(self._printer.report(copy.sighting, copy.block))
        self._did += self._recoveries.carry_out()
        reply = sea.finish(left, task, self.features, self.pages)
        self._release(left)
        # One signal of a kind can be pending; the first has its way.
        return self._reply(Reply(reply.did, outcome or reply.outcome))

    def serror(self, esr: int) -> Reply:
        """The processor takes an SError interrupt."""
        if self.end is not None:
            return self._reply()
        if self.features.asks_sei_sources and self._collect(NotificationType.SEI):
            is_known = not self._copies
            left = self._catch_up() if self.end is None else []
            if self.end is None and (is_known or any(handling.is_queued for handling in left)):
                return self._reply(serror.claimed())
        if self.end is not None:
            return self._reply()
        reply = serror.judge(esr, has_ras=self._has_ras)
        if reply.outcome is not None and not reply.outcome.is_survived:
            self.end = reply.outcome
        return self._reply(reply)

    @property
    def failures(self) -> Sequence[PageWork]:
        """The failures of pages that were in use, in order: others who map a page look here."""
        return self.pages.failures

    def touch(self, task: Task) -> Reply | None:
        """A task touches its page; None when there is nothing in the kernel's way."""
        return sea.touch(task, self.pages)

    def _tell(
        self, what: str, *lines: str, source: str = SOURCE, effect: Effect | None = None,
        of: Sighting | None = None,
    ) -> None:  # fmt: skip
        self._did.append(Did(what, lines, source, effect, of))

    def _reply(self, last: Reply | None = None) -> Reply:
        """All that was done since the last reply."""
        did, self._did = tuple(self._did), []
        if last is None:
            return Reply(did, self.end)
        return Reply((*did, *last.did), last.outcome)

    def _read_boot_errors(self) -> None:
        if self._boot_errors is not None:
            self._did += bert.read(
                self._boot_errors, self._memory, self.features, self._architecture
            )

    def _probe(self, described: Ghes) -> BoundSource | None:
        number, kind = described.source_id, described.notification.type.text
        verdict = probe(
            described, self._architecture, sdei_events=self._sdei_events, mappings=self._mappings,
            asks_sei_sources=self.features.asks_sei_sources,
        )  # fmt: skip
        if not verdict.accepted:
            what = f"refuses source {number}, notified by {kind} (errno {verdict.errno})"
            lines = verdict.messages
            if verdict.errno != ENXIO:
                lines += (dmesg.probe_failed(number, verdict.errno, self.features),)
            self._tell(what, *lines, source=verdict.source)
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

    def _ask(self, kind: NotificationType, vector: int, polled: int | None) -> None:
        """Ask all sources of a kind where a block may be acted on at once."""
        for bound in self._asked(kind, vector):
            if polled in (None, bound.number):
                self._serve(bound, _IDLE)

    def _collect(self, kind: NotificationType, vector: int = 0) -> bool:
        """Ask all sources of a kind where little is allowed; whether one had a sound block."""
        asked = list(self._asked(kind, vector))
        tested = self.features.tests_for_errors and kind != NotificationType.SDEI
        if tested and not any(bound.has_error() for bound in asked):
            self._tell("finds no status word set")
            return False
        is_claimed = False
        for bound in asked:
            if self.end is None:
                is_claimed |= self._copy(bound)
        if self.end is not None:
            self._copies = []
        return is_claimed

    def _copy(self, bound: BoundSource) -> bool:
        """Rule 5, the first half, for one source; whether its block was sound."""
        header = self.features.copy_header
        look = bound.look(lambda length: self.pool.take(header + length))
        if self._judged(bound, look, is_deferred=True) is None or look.place is None:
            if look.place is not None:
                self.pool.give(look.place)
            return False
        if not self._clear(bound, Event.DONE):
            return True
        if self._printer.knows(look.block):
            self.pool.give(look.place)
            what = f"drops the record of source {bound.number}: it printed the same bytes"
            self._tell(what, source=cache.SOURCE, effect=Effect.DROPPED, of=bound.sighting)
        else:
            self._copies.append(_Copy(bound, bound.sighting, look.block, look.place))
        return True

    def _drained(self) -> Iterator[_Copy]:
        """The copies, each given back once it was acted on and printed."""
        copies, self._copies = self._copies, []
        for copy in copies:
            yield copy
            self.pool.give(copy.place)

    def _catch_up(self) -> list[Handling]:
        """Rule 5, the second half: act on the copies."""
        left: list[Handling] = []
        for copy in self._drained():
            left.append(self._handle(copy.bound, copy.sighting, copy.block))
            self._did.append(self._printer.report(copy.sighting, copy.block))
        self._finish(left, _IDLE)
        return left

    def _serve(self, bound: BoundSource, task: Task) -> Handling | None:
        """Look at a source, act, and then clear."""
        look = bound.look()
        block = self._judged(bound, look, is_deferred=False)
        if block is None:
            return None
        self._did.append(self._printer.report(bound.sighting, block))
        handling = self._handle(bound, bound.sighting, block)
        bound.step(Event.ACTED)
        if handling.is_hopeless:
            self._did += sea.forced(bound.number, task, self.features).did
        if self._clear(bound, Event.DONE):
            self._finish([handling], task)
        return handling

    def _judged(self, bound: BoundSource, look: Look, *, is_deferred: bool) -> bytes | None:
        """What a look at a source's block came to; the block if it is to be acted on."""
        number = bound.number
        if look.event is Event.WHOLE:
            self._tell(f"reads {len(look.block)} bytes from source {number}: a sound block")
            if bound.judge(look.block, is_deferred=is_deferred) is not Event.FATAL:
                return look.block
            self._panic(bound, look.block)
        elif look.event is Event.MALFORMED and look.verdict is not None:
            what = f"looks at source {number}: the block is malformed, nothing is done with it"
            lines = self._warned(look.verdict)
            self._tell(what, *lines, source=look.verdict.source, effect=Effect.MALFORMED)
            self._clear(bound, Event.DONE)
        elif look.event is Event.NOTHING:
            self._tell(f"looks at source {number}: nothing is recorded")
        elif look.event is Event.NO_MEMORY:
            what = f"looks at source {number}: there is no memory for a copy, the block stays"
            self._tell(what, source=pool.SOURCE, effect=Effect.NO_MEMORY)
        elif look.event is Event.ENDLESS:
            self._tell(f"looks at source {number} and does not come back")
            reason = "the length of a data entry wraps round to 0, and the kernel stays at it"
            self.end = Outcome(Fate.HANGS, reason, ENDLESS)
        else:
            self._aborted(bound)
        return None

    def _warned(self, verdict: BlockVerdict) -> tuple[str, ...]:
        """What is printed of a malformed block, as far as the place may still print."""
        (line,) = verdict.messages
        permit = self._warnings.permit(verdict.function, line)
        return (*permit.before, line) if permit.given else ()

    def _handle(self, bound: BoundSource, sighting: Sighting, block: bytes) -> Handling:
        what = f"acts on the record of source {bound.number}, section by section"
        self._tell(what, effect=Effect.ACTED_ON, of=sighting)
        handling = handle(
            block,
            is_synchronous=bound.source.notification.type == NotificationType.SEA,
            features=self.features,
            pages=self.pages,
            recoveries=self._recoveries,
            warnings=self._warnings,
            pool=self.pool,
            has_machine_checks=self._has_machine_checks,
        )
        self._did += handling.did
        return handling

    def _finish(self, handlings: Sequence[Handling], task: Task) -> None:
        """What blocks left to be done, where no task waits for it."""
        self._did += self._recoveries.carry_out()
        for handling in handlings:
            self._did += [self.pages.carry_out(work, task) for work in handling.work]
        self._release(handlings)

    def _release(self, handlings: Sequence[Handling]) -> None:
        """All listeners have seen their copies of sections."""
        for handling in handlings:
            for place in handling.copies:
                self.pool.give(place)

    def _clear(self, bound: BoundSource, then: Event) -> bool:
        """Clear and acknowledge; whether the processor lived to tell."""
        cleared = bound.clear(then)
        if cleared.event is Event.ABORTED:
            self._aborted(bound)
            return False
        what = f"clears the block of source {bound.number}"
        self._tell(what, effect=Effect.CLEARED, of=bound.sighting)
        if cleared.acknowledgement is not None:
            value = f"{cleared.acknowledgement:#x}"
            what = f"acknowledges: writes {value} to Read Ack of source {bound.number}"
            self._tell(what, effect=Effect.ACKNOWLEDGED, of=bound.sighting)
        return True

    def _panic(self, bound: BoundSource, block: bytes) -> None:
        """Print what is there to print, clear, acknowledge and panic."""
        for copy in self._copies:
            said = self._printer.limited(copy.sighting, copy.block, is_remembered=False)
            self._did.append(said)
        self._did.append(self._printer.last_words(bound.sighting, block))
        if self._clear(bound, Event.DOOMED):
            disabled = () if self._panic_timeout else (dmesg.PANIC_DISABLED,)
            self._tell("panics", *disabled, dmesg.FATAL)
            reason = "the block says fatal, and the block's severity alone decides"
            self.end = Outcome(Fate.PANIC, reason, SOURCE)

    def _aborted(self, bound: BoundSource) -> None:
        what = f"takes an external abort at the block or a register of source {bound.number}"
        self._tell(what, dmesg.ABORT_IN_INTERRUPT)
        reason = "nothing answers where the source says its block is, and the kernel itself aborts"
        self.end = Outcome(Fate.PANIC, reason, SOURCE)
