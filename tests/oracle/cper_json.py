"""Comparison of CPER-JSON: libcper's and ours, and the rows that say where the two may differ."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from apeitool.cper.record import Record
from apeitool.cper.section import Section
from apeitool.render import cper_json
from apeitool.wire.record import Structure

BINDING, BUILT = "binding", "built"
"""The two libcpers: its Python binding, a snapshot of April 2025; and its source as it is now."""

ABSENT = None
"""One of the two does not show it."""

LARGEST = (1 << 63) - 1

PROSE = ("message", "description")
"""Members that are sentences for people, in each tool's own words."""


@dataclass(frozen=True)
class Case:
    """One member in which two documents differ."""

    path: str
    ours: Any
    theirs: Any
    record: Record

    @property
    def section(self) -> Any:
        """The section that it is about, as we decoded it."""
        index = re.match(r"sections\[(\d+)\]", self.path)
        return self.record.sections[int(index[1])] if index else self.record.sections[0]


def always(case: Case) -> bool:
    """Wherever its place is."""
    return True


@dataclass(frozen=True)
class Difference:
    """One difference from libcper: an input with both answers at a place, and who is right.

    ``pattern`` fits the places that the row is about, those below the section's key; ``holds`` says
    when it is there.
    """

    item: Structure
    place: str
    theirs: Any
    ours: Any
    right: str
    pattern: str
    holds: Callable[[Case], bool] = always
    of: tuple[str, ...] = (BINDING, BUILT)

    def record(self) -> Record:
        """The record that libcper is asked about."""
        if isinstance(self.item, Record):
            return self.item
        assert isinstance(self.item, Section)
        return Record(body=[self.item])

    def allows(self, case: Case, version: str) -> bool:
        """Whether the row says that these two answers differ."""
        fits = re.fullmatch(rf"(?:sections\[\d+\]\.)?{self.pattern}", case.path)
        return version in self.of and fits is not None and self.holds(case)


@dataclass(frozen=True)
class Misreading:
    """CPER-JSON of ours of which libcper makes other bytes than we.

    They are those that we make of what ``mend`` has done to it, and ``made`` to its sections.
    """

    item: Structure
    right: str
    mend: Callable[[Any], None] = lambda document: None
    made: Callable[[Any], Any] = lambda section: section

    def record(self) -> Record:
        """The record whose CPER-JSON it is."""
        return self.item if isinstance(self.item, Record) else Record(body=[self.item])

    def remade(self, found: Any) -> Any:
        """What libcper makes where this is what we make of a document."""
        if isinstance(found, Record):
            return found.replace(body=[self.made(section) for section in found.body])
        return found.replace(section=self.made(found.section))


@dataclass(frozen=True)
class Crash:
    """CPER-JSON that ends libcper: that of an item, and every section of which ``holds`` is true."""

    item: Section
    why: str
    holds: Callable[[dict[str, Any]], bool]


def leaves(plain: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of each member without inner structure; of an empty object or list too."""
    if isinstance(plain, dict) and plain:
        for name, inner in plain.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(plain, list) and plain:
        for index, inner in enumerate(plain):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, plain


def cases(record: Record, theirs: Any) -> Iterator[Case]:
    """Each member that is not the same in libcper's answer and in ours."""
    told, said = dict(leaves(cper_json.document(record))), dict(leaves(theirs))
    for path in told.keys() | said.keys():
        our, their = told.get(path), said.get(path)
        if path.rpartition(".")[2] in PROSE or (our == their and type(our) is type(their)):
            continue
        # An empty object differs from a full one in the members of that one.
        other = said if path in told else told
        if {} in (our, their) and any(name.startswith(f"{path}.") for name in other):
            continue
        yield Case(path, our, their, record)
