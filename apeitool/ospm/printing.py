"""What Linux prints of a record, and when it does not.

1. A record that the cache knows is not printed again.
2. Of the others two are printed in 5 seconds; corrected and informational ones have a count of their
   own, apart from all that are worse.
3. What was printed has the next number, and the cache remembers it.
4. Of a fatal record everything is printed, whatever was printed before.
"""

from __future__ import annotations

from collections.abc import Callable

from apeitool.cper.severity import Severity
from apeitool.linux.features import Architecture, Features
from apeitool.linux.report import report
from apeitool.ospm import cache, throttle
from apeitool.ospm.cache import Cache
from apeitool.ospm.outcome import Did, Effect, Sighting
from apeitool.ospm.pool import Pool
from apeitool.ospm.throttle import Throttle

SOURCE = "Linux ghes_print_estatus(), drivers/acpi/apei/ghes.c, seen on 6.1.176"

BURST = 2
_FUNCTION = "ghes_print_estatus"


class Printer:
    """The log of a kernel, as far as its generic sources write to it."""

    def __init__(
        self,
        features: Features,
        architecture: Architecture,
        pool: Pool,
        clock: Callable[[], float],
    ) -> None:
        self._features = features
        self._architecture = architecture
        self._clock = clock
        self._cache = Cache(pool)
        self._limits = {is_mild: Throttle(_FUNCTION, BURST) for is_mild in (True, False)}
        self._printed = 0

    def lift_limits(self) -> None:
        """Every report is printed, as when the kernel's limits are switched off in its memory."""
        for limit in self._limits.values():
            limit.is_off = True

    def knows(self, block: bytes) -> bool:
        """Whether it printed the same bytes a short while ago."""
        return self._cache.knows(block, self._clock())

    def report(self, sighting: Sighting, block: bytes) -> Did:
        """Rules 1 to 3."""
        if self.knows(block):
            what = f"prints nothing of the record of source {sighting.source_id}"
            what += ": it printed the same bytes"
            return Did(what, (), cache.SOURCE, Effect.REPEATED, sighting)
        return self.limited(sighting, block, is_remembered=True)

    def limited(self, sighting: Sighting, block: bytes, *, is_remembered: bool) -> Did:
        """Rule 2; before a panic nothing is remembered any more."""
        severity = int.from_bytes(block[16:20], "little")
        is_mild = severity in (Severity.CORRECTED, Severity.INFORMATIONAL)
        permit = self._limits[is_mild].ask(self._clock())
        source_id = sighting.source_id
        if not permit.given:
            what = f"prints nothing of the record of source {source_id}: two in 5 s are enough"
            return Did(what, permit.before, throttle.SOURCE, Effect.LIMITED, sighting)
        lines = self._lines(source_id, block)
        if is_remembered:
            self._cache.add(block, self._clock())
        what = f"prints the record of source {source_id}"
        return Did(what, (*permit.before, *lines), SOURCE, Effect.PRINTED, sighting)

    def last_words(self, sighting: Sighting, block: bytes) -> Did:
        """Rule 4."""
        what = f"prints the record of source {sighting.source_id}, for it is fatal"
        lines = self._lines(sighting.source_id, block)
        return Did(what, lines, SOURCE, Effect.PRINTED, sighting)

    def _lines(self, source_id: int, block: bytes) -> tuple[str, ...]:
        self._printed += 1
        return report(
            block, self._features, self._architecture,
            source_id=source_id, number=self._printed,
        ).lines  # fmt: skip
