"""How Linux keeps one place in the kernel from printing too much.

1. The first line opens a window of time.  The first line behind its end opens the next one.
2. In a window a place prints so many lines; of the rest it only keeps the count.
3. What a window kept back is said when the next one opens: ``PLACE: N callbacks suppressed``.

Time is counted in ticks of the kernel's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

SOURCE = "Linux ___ratelimit(), lib/ratelimit.c, seen on 6.1.192"

HZ = 250
"""Ticks in a second, as Debian builds its kernels."""

WINDOW = 5.0
WARNINGS = 10
"""How many lines a place that warns prints in a window; in seconds, how long one is."""


class Permit(NamedTuple):
    """Whether a line may be printed, and what is printed before it."""

    given: bool
    before: tuple[str, ...] = ()


@dataclass(slots=True)
class Throttle:
    """The limit of one place; ``function`` is the kernel's name for it.

    Units:   ``window`` and the times that it is asked with, in seconds.
    """

    function: str
    burst: int = WARNINGS
    window: float = WINDOW
    missed: int = 0
    is_off: bool = False
    """The kernel's limits can be switched off, one by one, in its memory."""
    _begin: int | None = None
    _printed: int = 0

    def ask(self, now: float) -> Permit:
        """Whether the place may print now."""
        if self.is_off:
            return Permit(given=True)
        tick = ticks(now)
        before: tuple[str, ...] = ()
        if self._begin is None:
            self._begin = tick
        elif tick > self._begin + ticks(self.window):
            if self.missed:
                before = (f"{self.function}: {self.missed} callbacks suppressed",)
            self._begin, self._printed, self.missed = tick, 0, 0
        if self._printed < self.burst:
            self._printed += 1
            return Permit(given=True, before=before)
        self.missed += 1
        return Permit(given=False, before=before)


def ticks(seconds: float) -> int:
    """Ticks of the kernel's clock that have passed."""
    return int(seconds * HZ)


@dataclass(slots=True)
class Warnings:
    """The places in the kernel that warn of what firmware does, each with a limit of its own."""

    clock: Callable[[], float] = lambda: 0.0
    _places: dict[tuple[str, str], Throttle] = field(default_factory=dict)

    def permit(self, function: str, what: str = "") -> Permit:
        """Whether a function of the kernel may print now; ``what`` tells its lines apart."""
        place = self._places.setdefault((function, what), Throttle(function))
        return place.ask(self.clock())
