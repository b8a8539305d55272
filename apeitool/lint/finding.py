"""What a rule has found."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Level(enum.StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Against the specification, or the consumer refuses it."""
    WARNING = "warning"
    """Legal, or read in spite of it, but hardly meant."""
    NOTE = "note"
    """Good to know."""


class Finding(NamedTuple):
    """One rule that bytes break, or that tells something about them.

    ``id`` is stable; ``offset`` is in bytes from the start of what was decoded; ``path`` and
    ``value`` are of the field; ``rule`` says what should hold and what was found, ``source`` who
    says so, ``advice`` what to do.
    """

    id: str
    level: Level
    offset: int
    path: str
    value: int | str | None
    rule: str
    source: str
    advice: str

    def __str__(self) -> str:
        source = f" [{self.source}]" if self.source else ""
        head = f"{self.offset:#06x} {self.level} {self.id}"
        return f"{head}: {self.rule} ({self.path}) -> {self.advice}{source}"
