"""The memory that Linux sets aside for records, since an NMI cannot ask for any.

1. It is taken once, when the HEST is walked: so much for each generic source of the table, enabled or
   not, and a little for the cache.
2. Out of it comes whatever has to outlive the look at a block: its copy until somebody acts on it,
   its copy in the cache, and the copies of sections for whoever listens for them.
3. Pieces are multiples of 8 bytes, each at the first place where it fits.  If it fits nowhere, there is
   none: an NMI leaves the block as it is, the cache forgets, and no listener hears of a section.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field

SOURCE = "Linux ghes_estatus_pool_init(), drivers/acpi/apei/ghes.c, seen on 6.1.192"

PER_SOURCE = 65536
FOR_CACHE = 512 * 6
PAGE = 4096
GRAIN = 8

CACHE_HEADER = 40
"""What a record takes in the cache beside its own bytes, on 64 bits; and a section for listeners."""
LISTENER_HEADER = 40


@dataclass(slots=True)
class Pool:
    """The pool of a kernel whose HEST has so many generic sources.

    Units:   ``size`` and lengths in bytes.
    """

    sources: int
    size: int = 0
    _taken: list[tuple[int, int]] = field(default_factory=list)
    """(start, end) of each piece, in order."""

    def __post_init__(self) -> None:
        wanted = FOR_CACHE + self.sources * PER_SOURCE
        self.size = -(-wanted // PAGE) * PAGE if self.sources else 0

    @property
    def free(self) -> int:
        """Bytes that nobody has taken, in one piece or many."""
        return self.size - sum(end - start for start, end in self._taken)

    def take(self, length: int) -> int | None:
        """The place of a piece, None when it fits nowhere."""
        needed = -(-length // GRAIN) * GRAIN
        start = 0
        for other, end in self._taken:
            if start + needed <= other:
                break
            start = end
        if start + needed > self.size:
            return None
        insort(self._taken, (start, start + needed))
        return start

    def give(self, place: int) -> None:
        """Take a piece back."""
        index = next(n for n, (start, _) in enumerate(self._taken) if start == place)
        del self._taken[index]
