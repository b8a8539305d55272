"""What a real Linux 6.1 remembers of errors, runs out of, and when it polls: as the model has it.

Bursts of a few seconds with pauses between them, so that each window of the kernel's ends in a pause.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import pytest
from plain_bytes import CORRECTED, INFORMATIONAL, MEMORY, RECOVERABLE, about, block, entry, memory

import apeitool as apei
from apeitool.firmware.platform import Platform
from apeitool.lab.beside import Config, modelled
from apeitool.lab.conformance import compare
from apeitool.lab.conformance.compare import SOURCE
from apeitool.lab.images import Images
from apeitool.lab.machines import X86
from apeitool.lab.session import Session
from apeitool.lab.window import RESERVED_BASE
from apeitool.linux.features import kernel
from apeitool.memory import Regions
from apeitool.ospm.cache import CACHE_HEADER
from apeitool.ospm.outcome import Effect, Reply
from apeitool.ospm.polling import interval_ticks, next_poll
from apeitool.ospm.pool import Pool

pytestmark = pytest.mark.guest

BURST, PAUSE = 2.5, 3.5
"""Seconds; windows of 5 s and 10 s that open in a burst end in a pause."""
BURSTS = 3
TRIES = 3
MARK = "Hardware error from APEI Generic Hardware Error Source"


KERNEL = 0xFFFFFFFF80000000
"""Where the kernel sees its own image, of which the physical address is the rest."""


def hest() -> apei.Hest:
    return compare.hest(X86)


class Modelled:
    """The same firmware over a modelled guest, its print limit off too unless it ``is_limited``."""

    def __init__(self, address: int, *, is_limited: bool = False) -> None:
        self.memory = Regions(X86.reserved)
        self.firmware = Platform(self.memory, hest())
        self.firmware.prepare({SOURCE: address})
        self.now = 0.0
        config = Config(kernel("6.1"), X86, fails_memory=False, checks_machine=False)
        self.linux = modelled(self.memory, hest().to_bytes(), config, clock=lambda: self.now)
        self.linux.boot()
        if not is_limited:
            self.linux.lift_print_limits()

    def take(self, block: bytes, *, after: float = 1.0) -> Reply:
        self.now += after
        self.firmware.publish(SOURCE, block)
        return self.linux.notified(apei.NotificationType.NMI)


@pytest.fixture
def session(lab_images: Images) -> Iterator[Session]:
    with Session(lab_images, hest(), limit=120) as running:
        yield running


def limited(lines: list[str]) -> list[str]:
    """The lines that a limit decides about."""
    return [line for line in lines if MARK in line or "callbacks suppressed" in line]


@dataclass
class Told:
    """A record that both were given, and what the real one said; it had it after ``start``."""

    start: float
    end: float
    block: bytes
    lines: list[str]


def bursts(session: Session, dice: random.Random) -> list[Told]:
    """Records of a few kinds, at chance moments of each burst."""
    severities = (CORRECTED, CORRECTED, RECOVERABLE, INFORMATIONAL) * 2
    kinds = [about(number << 12, severity) for number, severity in enumerate(severities)]
    found = []
    begin = time.monotonic()
    for number in range(BURSTS):
        start = number * (BURST + PAUSE)
        time.sleep(max(0.0, start - (time.monotonic() - begin)))
        while (now := time.monotonic() - begin) < start + BURST:
            data = dice.choice(kinds)
            lines = limited(list(session.inject(data, source_id=SOURCE).lines))
            found.append(Told(now, time.monotonic() - begin, data, lines))
    return found


class Foretold(NamedTuple):
    """What the model says of a record, and what becomes of it."""

    lines: list[str]
    effects: set[Effect | None]


def foretold(told: list[Told], *, at_end: bool) -> list[Foretold]:
    """What the model makes of the same records, each as early or as late as it can have been."""
    modelled = Modelled(RESERVED_BASE + 0x1000, is_limited=True)
    found = []
    for one in told:
        modelled.now = one.end if at_end else one.start
        did = modelled.take(one.block, after=0).did
        lines = limited([line for each in did for line in each.lines])
        found.append(Foretold(lines, {each.effect for each in did}))
    return found


def test_what_was_printed_is_not_printed_again_and_no_more_than_two(lab_images: Images) -> None:
    for _ in range(TRIES):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        with Session(lab_images, hest(), limit=120) as session:
            told = bursts(session, random.Random(seed))
        expected = foretold(told, at_end=False)
        if expected == foretold(told, at_end=True):
            break
    else:
        pytest.skip("this machine is too busy to tell when a record was taken")
    assert [one.lines for one in told] == [one.lines for one in expected]
    print(f"{len(told)} records agreed")
    for effect in (Effect.PRINTED, Effect.DROPPED):
        assert any(effect in one.effects for one in expected)


def of_length(length: int, address: int) -> bytes:
    data = memory(address).ljust(length - 20 - 72, b"\0")
    return block(CORRECTED, entry(MEMORY, data, CORRECTED))


FIRST = 30720


@pytest.mark.parametrize(("more", "is_taken"), [(0, True), (1, False)])
def test_a_copy_must_fit_in_one_piece(session: Session, more: int, is_taken: bool) -> None:
    """The first record's copy in the cache lies behind that of the NMI, whose place is then free."""
    modelled = Modelled(session.firmware.block_address(SOURCE))
    for data, taken in (
        (of_length(FIRST, 0x1000), True),
        (of_length(FIRST + more, 0x2000), is_taken),
    ):
        report = session.inject(data, source_id=SOURCE)
        effects = {did.effect for did in modelled.take(data).did}
        assert (report.cleared, report.acknowledged) == (taken, taken)
        assert (Effect.CLEARED in effects, Effect.NO_MEMORY in effects) == (taken, not taken)
    assert Pool(1).size - FIRST - CACHE_HEADER > FIRST + 48 + 8


POLLED_EVERY = 100
POLLS = 16


def test_polls_come_at_the_ticks_that_the_kernels_rounding_makes_of_them(
    lab_images: Images,
) -> None:
    """By the guest's own clock.  A busy machine sees a poll late, so a third of them will do."""
    (source,) = hest().sources
    polled = source.replace(
        notification=apei.Notification(
            type=apei.NotificationType.POLLED, poll_interval=POLLED_EVERY
        )
    )
    with Session(lab_images, apei.Hest(sources=[polled]), limit=120) as session:
        symbols = session.guest.shell("grep ' jiffies$' /proc/kallsyms").output
        place = int(symbols.split()[0], 16) - KERNEL
        seen = []
        for number in range(POLLS):
            session.firmware.publish(SOURCE, about(number << 12, CORRECTED))
            while not session.firmware.poll_ack(SOURCE):
                time.sleep(0.0005)
            seen.append(int.from_bytes(session.guest.memory.read(place, 8), "little"))
    ticks = interval_ticks(POLLED_EVERY)
    near = [abs(next_poll(one, ticks) - other) <= 2 for one, other in pairwise(seen)]
    print([other - one for one, other in pairwise(seen)], near)
    assert sum(near) >= POLLS // 3
