"""Many errors, one after the other, and a guest that is told of them: what becomes of each.

Firmware has so many sources, each with one block, and puts an error into the first block that is its
own.  If there is none, it has to let the error go.  The guest is told in one of four ways, and takes
as long as it takes: a polled source is looked at when the kernel's timer has it, an interrupt waits
while interrupts are off, an NMI does not.  A guest that is dead does nothing any more.

Everything that is drawn by lot (when errors come, which they are, in which phase the timer is) follows
from the seed.
"""

from __future__ import annotations

import enum
import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from statistics import median

from apeitool.acpi.hest.generic import GhesV2
from apeitool.acpi.hest.notification import Notification, NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntryV3, StatusBlock
from apeitool.cper.severity import Severity
from apeitool.errors import ApeiError, FirmwareFault, GuestFault
from apeitool.firmware.platform import Notify, Platform, State
from apeitool.linux.features import DEFAULT, Architecture, Features
from apeitool.memory import Regions
from apeitool.ospm.linux import Linux
from apeitool.ospm.outcome import Effect, Outcome, Reply, Sighting
from apeitool.ospm.polling import interval_ticks, next_poll
from apeitool.ospm.throttle import HZ
from apeitool.registers.address import GenericAddress
from apeitool.scenarios.sea_or_sei import record

ADDRESS = 0x4000_0000
PAGE = 0x1000
LONGEST = 65536
"""How long a block may be, in bytes."""
MOST_SOURCES = 64

_BASE = 0x8_0000_0000
_RAM = (range(1 << 35),)
_EVENT = 804
_TIRED = 30.0
"""So many seconds after the last error firmware notifies no more."""
_BEFORE = 10.0
"""So many seconds before the first error Linux has booted, and its timers have found their rhythm."""


class Way(enum.Enum):
    """How the guest is told."""

    POLLED = "polled"
    INTERRUPT = "interrupt"
    NMI = "nmi"
    SDEI = "sdei"


_NOTIFICATIONS = {
    Way.POLLED: (NotificationType.POLLED, Architecture.X86),
    Way.INTERRUPT: (NotificationType.GSIV, Architecture.X86),
    Way.NMI: (NotificationType.NMI, Architecture.X86),
    Way.SDEI: (NotificationType.SDEI, Architecture.ARM64),
}
"""What that is in a HEST, and an architecture that has it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What comes, and to whom.

    ``distinct`` is how many different errors there are, 0 for all; ``is_random`` draws when they come,
    ``every`` seconds apart on average.  ``masked`` are times when interrupts are off; at ``dead_at``
    the guest dies.  ``again`` is after how long firmware notifies again, None for never.

    Units:   times in seconds, ``poll_interval`` in milliseconds, ``length`` in bytes, 0 for as long
             as one memory error takes.
    """

    errors: int = 100
    every: float = 0.1
    is_random: bool = True
    distinct: int = 0
    severity: Severity = Severity.CORRECTED
    way: Way = Way.POLLED
    poll_interval: int = 1000
    latency: float = 0.0005
    sources: int = 1
    length: int = 0
    masked: tuple[tuple[float, float], ...] = ()
    dead_at: float | None = None
    again: float | None = None
    features: Features = DEFAULT
    seed: int = 0


class End(enum.Enum):
    """What became of an error, best first."""

    PRINTED = "printed and acted on"
    REPEATED = "acted on, not printed again (cache)"
    LIMITED = "acted on, not printed (print limit)"
    DROPPED = "read and dropped, printed before (cache)"
    LOST = "read, and never acted on"
    LEFT = "published, and never read"
    REFUSED = "not published, no block was free"


@dataclass(slots=True)
class Error:
    """One error; ``read_at`` is when its block was the firmware's again.

    Units:   times in seconds.
    """

    time: float
    kind: int
    end: End = End.REFUSED
    read_at: float | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """What became of all; ``exhausted`` is how often there was no memory for a copy.

    ``outcome`` is the panic it ended in, if it did.
    """

    setting: Setting
    errors: tuple[Error, ...]
    polls: int
    notifications: int
    exhausted: int
    suppressed: int
    outcome: Outcome | None

    @property
    def counts(self) -> dict[End, int]:
        """How many came to which end."""
        found = Counter(error.end for error in self.errors)
        return {end: found[end] for end in End}

    @property
    def delays(self) -> tuple[float, float] | None:
        """How long blocks were the guest's: the median, and the longest."""
        found = [e.read_at - e.time for e in self.errors if e.read_at is not None]
        return (median(found), max(found)) if found else None


def run(setting: Setting) -> Story:
    """Let the errors come.

    Raises:  ApeiError for what cannot be: too many sources, blocks that are too long or too short.
    """
    return _Burst(setting).run()


def runs(setting: Setting, count: int) -> Iterator[Story]:
    """The same with as many seeds, each one more than the last."""
    for number in range(count):
        yield run(replace(setting, seed=setting.seed + number))


@dataclass(order=True, slots=True)
class _Event:
    """Something that happens at a time; of one time, what was planned first comes first."""

    time: float
    order: int
    happen: Callable[[], object] = field(compare=False)


class _Burst:
    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._dice = random.Random(setting.seed)  # noqa: S311 - nothing is secret
        if not 1 <= setting.sources <= MOST_SOURCES:
            raise ApeiError(f"{setting.sources} sources: there are 1 to {MOST_SOURCES}")
        self._blocks = [*_blocks(setting)]
        self._kind, architecture = _NOTIFICATIONS[setting.way]
        self._now = -_BEFORE
        self._phase = self._dice.randrange(HZ)
        hest = _hest(setting, self._kind)
        self._memory = Regions(range(_BASE, _BASE + (1 + MOST_SOURCES) * LONGEST))
        self._firmware = Platform(self._memory, hest)
        self._firmware.prepare({n: _block(n) for n in _ids(setting)})
        self._linux = Linux(
            self._memory, hest.to_bytes(), ram=_RAM, features=setting.features,
            architecture=architecture, sdei_events=frozenset({_EVENT}), clock=lambda: self._now,
        )  # fmt: skip
        self._events: list[_Event] = []
        self._planned = 0
        self._is_masked = False
        self._poll_missed: set[int] = set()
        self._errors: list[Error] = []
        self._sightings: dict[Sighting, Error] = {}
        self._published = Counter[int]()
        self._left = setting.errors
        self._polls = self._notifications = self._exhausted = self._suppressed = 0

    def run(self) -> Story:
        setting = self._setting
        self._linux.boot()
        for start, stop in setting.masked:
            self._plan(start, self._mask)
            self._plan(stop, self._unmask)
        if setting.way is Way.POLLED:
            for number in _ids(setting):
                self._plan_poll(number)
        self._plan_errors()
        while self._events:
            event = heapq.heappop(self._events)
            self._now = event.time
            event.happen()
        return Story(
            setting, tuple(self._errors), self._polls, self._notifications, self._exhausted,
            self._suppressed, self._linux.end,
        )  # fmt: skip

    # ---- what happens

    def _plan(self, time: float, happen: Callable[[], object]) -> None:
        self._planned += 1
        heapq.heappush(self._events, _Event(time, self._planned, happen))

    def _plan_errors(self) -> None:
        setting, time = self._setting, 0.0
        kinds = len(self._blocks)
        for number in range(setting.errors):
            kind = self._dice.randrange(kinds) if setting.distinct else number
            error = Error(time, kind)
            self._errors.append(error)
            self._plan(time, lambda error=error: self._happen(error))  # type: ignore[misc]
            time += (
                self._dice.expovariate(1 / setting.every) if setting.is_random else setting.every
            )

    def _happen(self, error: Error) -> None:
        """Firmware finds an error, and hands it over if it can."""
        self._left -= 1
        for number in _ids(self._setting):
            if not self._firmware.poll_ack(number, now=self._now):
                continue
            try:
                notify = self._firmware.publish(number, self._blocks[error.kind], now=self._now)
            except (FirmwareFault, GuestFault):
                continue
            self._hand_over(error, notify)
            return

    def _hand_over(self, error: Error, notify: Notify) -> None:
        number = notify.source_id
        self._published[number] += 1
        self._sightings[Sighting(number, self._published[number])] = error
        error.end = End.LEFT
        self._tell(notify)
        if self._setting.again is not None:
            self._plan(self._now + self._setting.again, lambda: self._tell_again(number))

    def _tell(self, notify: Notify) -> None:
        if notify.type != NotificationType.POLLED:
            self._plan(self._now + self._setting.latency, lambda: self._deliver(notify))

    def _tell_again(self, number: int) -> None:
        again = self._setting.again
        is_free = self._firmware.poll_ack(number, now=self._now)
        is_over = self._now > self._errors[-1].time + _TIRED
        if again is not None and not (is_free or is_over or self._is_dead):
            self._tell(self._firmware.notify(number))
            self._plan(self._now + again, lambda: self._tell_again(number))

    def _deliver(self, notify: Notify) -> None:
        if not self._is_dead:
            self._notifications += 1
            self._take(self._linux.notified(notify.type, vector=notify.vector))

    def _plan_poll(self, number: int) -> None:
        tick = round((self._now + _BEFORE) * HZ) + self._phase
        later = next_poll(tick, interval_ticks(self._setting.poll_interval))
        self._plan((later - self._phase) / HZ - _BEFORE, lambda: self._poll(number))

    def _poll(self, number: int) -> None:
        if self._is_dead or not (self._left or self._is_waited_for(number)):
            return
        if self._is_masked:
            self._poll_missed.add(number)
            return
        self._polls += self._now >= 0
        self._take(self._linux.notified(NotificationType.POLLED, polled=number))
        self._plan_poll(number)

    def _mask(self) -> None:
        self._is_masked = True
        self._linux.mask_interrupts()

    def _unmask(self) -> None:
        self._is_masked = False
        if self._is_dead:
            return
        self._take(self._linux.unmask_interrupts())
        missed, self._poll_missed = self._poll_missed, set()
        for number in sorted(missed):
            self._poll(number)

    # ---- what comes of it

    @property
    def _is_dead(self) -> bool:
        dead_at = self._setting.dead_at
        return self._linux.end is not None or (dead_at is not None and self._now >= dead_at)

    def _is_waited_for(self, number: int) -> bool:
        self._firmware.poll_ack(number, now=self._now)
        return self._firmware.state(number) is not State.FREE

    def _take(self, reply: Reply) -> None:
        """Note what became of which error."""
        for did in reply.did:
            self._suppressed += sum(map(_suppressed, did.lines))
            if did.effect is Effect.NO_MEMORY:
                self._exhausted += 1
            error = self._sightings.get(did.sighting) if did.sighting else None
            if error is None:
                continue
            if did.effect is Effect.CLEARED:
                error.read_at = self._now
            error.end = _end(error.end, did.effect)


_ENDS = {
    Effect.PRINTED: End.PRINTED,
    Effect.REPEATED: End.REPEATED,
    Effect.LIMITED: End.LIMITED,
    Effect.DROPPED: End.DROPPED,
}


def _end(former: End, effect: Effect | None) -> End:
    """What an error has come to: read at least, once its block is cleared."""
    if effect is Effect.CLEARED and former is End.LEFT:
        return End.LOST
    return _ENDS.get(effect, former) if effect else former


def _suppressed(line: str) -> int:
    """How many reports a line of the kernel says that it kept back."""
    head, _, rest = line.partition(": ")
    count, _, what = rest.partition(" ")
    return int(count) if what == "callbacks suppressed" and head == "ghes_print_estatus" else 0


# ---- tables and blocks


def _ids(setting: Setting) -> range:
    return range(1, setting.sources + 1)


def _block(number: int) -> int:
    return _BASE + LONGEST * number


def _hest(setting: Setting, kind: NotificationType) -> Hest:
    return Hest(
        sources=tuple(
            GhesV2(
                source_id=number,
                notification=Notification(
                    type=kind, poll_interval=setting.poll_interval, vector=_EVENT
                ),
                error_status_address=GenericAddress.memory(_BASE + 16 * number),
                error_status_block_length=LONGEST,
                read_ack_register=GenericAddress.memory(_BASE + 16 * number + 8),
            )
            for number in _ids(setting)
        )
    )


def _blocks(setting: Setting) -> Iterator[bytes]:
    """The errors: each about a page of its own."""
    for number in range(setting.distinct or setting.errors):
        block = record(setting.severity, ADDRESS + PAGE * number)
        if not setting.length:
            yield block.to_bytes()
            continue
        least = len(block.to_bytes())
        if not least <= setting.length <= LONGEST:
            raise ApeiError(f"a block has {least} to {LONGEST} bytes, not {setting.length}")
        section = block.sections[0].replace(trailing=bytes(setting.length - least))
        longer = GenericErrorDataEntryV3(section=section, error_severity=setting.severity)
        yield StatusBlock(entries=(longer,), error_severity=setting.severity).to_bytes()
