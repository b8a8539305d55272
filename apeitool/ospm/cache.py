"""What Linux remembers of the records that it has printed, so that it does not print them again.

1. A record that was printed is kept, whole.  One that the print limit held back is not.
2. The same bytes within 10 seconds are a repetition, whoever their source is.  Each time they are
   met counts as a hit, also when the time is over.
3. There are four slots.  A new record takes the first that is empty or over its time; else the one
   whose age, divided by its hits and one, is the greatest.
4. The record that made room is freed only after all processors have passed on from it.  Until then
   it counts as one of six that may be there at all; a seventh is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from apeitool.ospm.pool import CACHE_HEADER, Pool

SOURCE = "Linux ghes_estatus_cached() and ghes_estatus_cache_add(), drivers/acpi/apei/ghes.c"

SLOTS = 4
LIFETIME = 10_000_000_000
"""How long a record is remembered, in nanoseconds."""
MOST = SLOTS * 3 // 2
GRACE = 0.03
"""How long a processor may still look at a record that made room, in seconds; about, when idle."""


@dataclass(slots=True)
class _Kept:
    """A record that was printed.

    Units:   ``since`` in nanoseconds; ``place`` in the pool.
    """

    block: bytes
    since: int
    place: int
    hits: int = 0


@dataclass(slots=True)
class Cache:
    """The records that a kernel remembers.

    Units:   times that it is asked with in seconds, as ``grace``.
    """

    pool: Pool
    grace: float = GRACE
    _slots: list[_Kept | None] = field(default_factory=lambda: [None] * SLOTS)
    _leaving: list[tuple[float, _Kept]] = field(default_factory=list)

    def knows(self, block: bytes, now: float) -> bool:
        """Whether these bytes are a repetition."""
        for kept in self._slots:
            if kept is not None and kept.block == block:
                kept.hits += 1
                return _nanoseconds(now) - kept.since < LIFETIME
        return False

    def add(self, block: bytes, now: float) -> bool:
        """Remember a record that was printed; whether that was possible."""
        self._forget(now)
        if sum(kept is not None for kept in self._slots) + len(self._leaving) >= MOST:
            return False
        place = self.pool.take(CACHE_HEADER + len(block))
        if place is None:
            return False
        slot = self._slot(_nanoseconds(now))
        if slot is None:
            self.pool.give(place)
            return False
        former = self._slots[slot]
        if former is not None:
            self._leaving.append((now + self.grace, former))
        self._slots[slot] = _Kept(block, _nanoseconds(now), place)
        return True

    def _slot(self, now: int) -> int | None:
        found, longest = None, 0
        for number, kept in enumerate(self._slots):
            if kept is None or now - kept.since >= LIFETIME:
                return number
            weighed = (now - kept.since) // (kept.hits + 1)
            if weighed > longest:
                found, longest = number, weighed
        return found

    def _forget(self, now: float) -> None:
        """Free what all processors have passed on from."""
        for until, kept in self._leaving:
            if until <= now:
                self.pool.give(kept.place)
        self._leaving = [(until, kept) for until, kept in self._leaving if until > now]


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1_000_000_000)
