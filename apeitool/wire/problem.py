"""What is wrong with bytes that were decoded all the same."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One rule that the bytes break.

    ``id`` is stable; ``offset`` is in bytes from the start of what was decoded; ``path`` names the
    field, ``rule`` says what should hold and what was found, ``source`` who says so.
    """

    id: str
    offset: int
    path: str
    rule: str
    source: str

    def moved(self, offset: int, path: str) -> Problem:
        """The same problem seen from a structure around this one."""
        inner = f"{path}.{self.path}" if self.path else path
        return self._replace(offset=self.offset + offset, path=inner)

    def __str__(self) -> str:
        source = f" [{self.source}]" if self.source else ""
        return f"{self.id}: {self.rule} (offset {self.offset:#x}, {self.path}){source}"
