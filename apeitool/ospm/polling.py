"""When Linux polls a source: its timers are rounded, and not as one would think.

1. A poll interval is in milliseconds; it becomes ticks, rounded up.
2. The kernel asks for the time to be rounded to whole seconds: down in the first quarter of one, else
   up.  But what it gives is an absolute time where a relative one is wanted, so the present time takes
   part in the rounding twice.  Polls therefore come in a rhythm of their own: with an interval of
   10 ms, some of one tick and then one of most of a second.
3. Timers that are far off are kept in coarser steps, and are late by up to one.

Source:  Linux ghes_add_timer(), drivers/acpi/apei/ghes.c, and kernel/time/timer.c, read in 6.1.192
"""

from __future__ import annotations

from apeitool.ospm.throttle import HZ

_SLOTS = 63
"""Timers of a level are less than so many steps of it away."""
_SHIFT = 3
"""A step of the next level is 8 of this one."""
_LEVELS = 8


def interval_ticks(milliseconds: int) -> int:
    """Rule 1."""
    return -(-milliseconds * HZ // 1000)


def next_poll(tick: int, interval: int) -> int:
    """The tick of the poll that follows one; ``interval`` in ticks."""
    return _fires(_rounded(tick, interval), tick + 1)


def _rounded(tick: int, interval: int) -> int:
    """Rule 2."""
    wanted = tick + interval + tick
    rest = wanted % HZ
    rounded = wanted - rest if rest < HZ // 4 else wanted - rest + HZ
    return (rounded if rounded > tick else wanted) - tick


def _fires(expires: int, now: int) -> int:
    """Rule 3."""
    delta = expires - now
    if delta < 0:
        return now
    for level in range(_LEVELS):
        shift = _SHIFT * level
        if delta < _SLOTS << shift:
            return ((expires >> shift) + 1) << shift
    most = _SLOTS << (_SHIFT * (_LEVELS - 1))
    return now + most
