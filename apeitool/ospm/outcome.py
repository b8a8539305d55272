"""What an operating system did, and how it ended for the one who was interrupted."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple


class Effect(enum.Enum):
    """What became of a record, as far as it can be counted."""

    PRINTED = "printed"
    REPEATED = "not printed again"
    LIMITED = "not printed, too many"
    ACTED_ON = "acted on"
    DROPPED = "dropped, known already"
    MALFORMED = "malformed"
    NO_MEMORY = "not taken, no memory"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"


class Sighting(NamedTuple):
    """A record that Linux has read: the how manyth it was of its source, from 1."""

    source_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Did:
    """One thing that Linux did, in words.

    ``lines`` is what it printed doing so, ``source`` who says that it does it, ``effect`` what became
    by it of the record ``sighting``.
    """

    what: str
    lines: tuple[str, ...] = ()
    source: str = ""
    effect: Effect | None = None
    sighting: Sighting | None = None


class Fate(enum.Enum):
    """How it ended."""

    GOES_ON = "goes on"
    RETRIES = "retries"
    SIGNAL = "signal"
    OOPS = "oops"
    PANIC = "panic"
    HANGS = "hangs"


class SignalCode(enum.IntEnum):
    """si_code of the signals that errors lead to.

    Source:  include/uapi/asm-generic/siginfo.h
    """

    BUS_OBJERR = 3
    BUS_MCEERR_AR = 4
    BUS_MCEERR_AO = 5
    SI_KERNEL = 128


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal: ``name`` SIGBUS or SIGKILL.

    Units:   ``address`` is virtual; ``lsb``, where the code has it, is log2 of the bytes affected.
    """

    name: str
    code: SignalCode
    address: int = 0
    lsb: int = 0

    def __str__(self) -> str:
        where = f" for virtual address {self.address:#x}" if self.address else ""
        return f"{self.name}, code {int(self.code)} ({self.code.name}){where}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended, why, and who says so."""

    fate: Fate
    reason: str
    source: str
    signal: Signal | None = None

    @property
    def is_survived(self) -> bool:
        """Whether the operating system goes on; the task that was interrupted may not."""
        return self.fate not in (Fate.PANIC, Fate.HANGS)

    @property
    def sentence(self) -> str:
        """How it ended, for a person."""
        if self.fate is Fate.SIGNAL:
            return (
                f"The guest survives. The task gets {self.signal}, and ends if it has no handler."
            )
        return _SENTENCES[self.fate]


_SENTENCES = {
    Fate.GOES_ON: "The guest survives, and the task goes on as if nothing had happened.",
    Fate.RETRIES: "The guest survives, and the task tries its instruction again.",
    Fate.OOPS: "The guest survives an oops; the thread that was in the kernel is gone.",
    Fate.PANIC: "The guest panics.",
    Fate.HANGS: "The guest hangs.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What an event led to: everything done, in order, and the outcome if there is one yet."""

    did: tuple[Did, ...] = ()
    outcome: Outcome | None = None
