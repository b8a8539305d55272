"""A section, or a part of one, as its lines in the kernel's log tell of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from apeitool.linux.accept import LARGEST_BLOCK
from apeitool.linux.draft import Draft
from apeitool.linux.hexdump import DumpRow, read_row
from apeitool.linux.row import Rows
from apeitool.wire.record import Structure

_LOST = 256
"""So many bytes may be missing between two rows of a dump; what follows a longer gap is left out."""

_PARTS = LARGEST_BLOCK // 8
"""So many parts with headings of their own, of 8 bytes or more, there is room for in a block."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How lines tell of a structure.

    ``rows`` show its fields; ``heading`` is the line that it begins with, where ``{}`` is a number;
    ``parts`` are what has headings of its own, ``inner`` structures that are shown without one.
    ``notes`` are lines with numbers that are no fields.
    """

    rows: Rows | None = None
    heading: str = ""
    parts: tuple[Shape, ...] = ()
    inner: tuple[Rows, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Part:
    """What has been told of one.

    Units:   ``lost`` in bytes: rows of dumps that are missing.
    """

    shape: Shape
    draft: Draft | None = None
    data: bytearray = field(default_factory=bytearray)
    lost: int = 0
    parts: list[Part] = field(default_factory=list)
    inner: dict[type[Structure], Draft] = field(default_factory=dict)
    noted: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.shape.rows is not None:
            self.draft = Draft(self.shape.rows.kind)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that have been told."""
        return self.draft.values if self.draft is not None else {}

    def made(self, **more: Any) -> Any:
        """The structure whose fields have been told, with these beside them."""
        if self.draft is None:
            raise TypeError(f"{self.shape.heading!r} is no structure")
        return self.draft.made(**more)

    def of(self, shape: Shape) -> list[Part]:
        """The parts of that shape, in order."""
        return [part for part in self.parts if part.shape is shape]

    def read(self, text: str) -> bool:
        """Take what a line tells, of the section or of its latest part; whether it tells anything."""
        latest = self.parts[-1] if self.parts else self
        row = read_row(text)
        if row is not None:
            latest.add(row)
            return True
        for shape in self.shape.parts:
            if numbers(shape.heading, text) is not None:
                if len(self.parts) < _PARTS:
                    self.parts.append(Part(shape))
                return True
        return latest.take(text) or self.take(text)

    def take(self, text: str) -> bool:
        """Take a line that tells of this part itself."""
        for note in self.shape.notes:
            found = numbers(note, text)
            if found is not None:
                self.noted[note] = found
                return True
        if self.draft is not None and self.shape.rows and self.shape.rows.read(self.draft, text):
            return True
        for rows in self.shape.inner:
            draft = self.inner.get(rows.kind) or Draft(rows.kind)
            if rows.read(draft, text):
                self.inner[rows.kind] = draft
                return True
        return False

    def add(self, row: DumpRow) -> None:
        """Take a row of a dump, if a block has room for it; zeros stand for those missing before."""
        missing = row.offset - len(self.data)
        if 0 <= missing <= _LOST and row.offset + len(row.data) < LARGEST_BLOCK:
            self.data += bytes(missing) + row.data
            self.lost += missing

    def all_lost(self) -> int:
        """How many bytes of dumps are missing, in all of it."""
        return self.lost + sum(part.all_lost() for part in self.parts)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    pieces = map(re.escape, template.strip().split("{}"))
    return re.compile(r"(-?\d+|0x[0-9a-f]+)".join(pieces))


def numbers(template: str, text: str) -> tuple[int, ...] | None:
    """The numbers in a line of that form; None if it is none."""
    match = _pattern(template).fullmatch(text.rstrip())
    return None if match is None else tuple(int(number, 0) for number in match.groups())


Build = Callable[[Part], bytes]
"""Makes the bytes of a section."""
