"""Many errors at a glance: how many, how bad, since when, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from apeitool.acpi.conversion import Reported, reports
from apeitool.cper.dialect import dialect_of, using
from apeitool.cper.record import DescriptorValid, Record
from apeitool.cper.severity import Severity
from apeitool.cper.timestamp import Timestamp
from apeitool.errors import EncodeError
from apeitool.render.harmless import harmless
from apeitool.wire.record import Structure

WORST_FIRST = (Severity.FATAL, Severity.RECOVERABLE, Severity.CORRECTED, Severity.INFORMATIONAL)
_ROWS = 200
"""So many places are listed."""


class Event(NamedTuple):
    """One error as a summary sees it.

    ``place`` is its FRU, or else the component that its section names; ``moment`` is that of the
    record or data entry, or else the one that its section says, and has a zone only where that says one.
    """

    severity: Severity
    moment: datetime | None
    place: str
    what: str
    component: str = ""

    @property
    def told(self) -> str:
        """What is said of it: where it was, by every name, and what."""
        return " ".join(filter(None, dict.fromkeys((self.place, self.component, self.what))))


def events(thing: Structure) -> Iterator[Event]:
    """The errors that an object reports; none for one that reports none, such as a table."""
    try:
        found = [*reports(thing)]
    except EncodeError:
        return
    with using(dialect_of(thing)):
        made = [_event(thing, one) for one in found]
    yield from made


def _event(thing: Structure, one: Reported) -> Event:
    moment = thing.moment if isinstance(thing, Record) else None
    if moment is None and one.timestamp is not None:
        moment = Timestamp(one.timestamp).moment
    section = one.section
    return Event(
        one.severity, moment or section.moment, _place(one), _flat(section.what),
        _flat(section.component),
    )  # fmt: skip


def _flat(text: str) -> str:
    """Text of a section, fit for a row."""
    return harmless(text).strip()


def _place(one: Reported) -> str:
    valid = one.said.get("validation_bits", 0)
    text = harmless(one.said.get("fru_text", "")).strip()
    if valid & DescriptorValid.FRU_TEXT and text:
        return text
    if one.section.component:
        return _flat(one.section.component)
    return f"FRU {one.said['fru_id']}" if valid & DescriptorValid.FRU_ID else "not said"


class _Row:
    """What is known of one place and one kind of error."""

    def __init__(self) -> None:
        self.severities: Counter[Severity] = Counter()
        self.first: datetime | None = None
        self.last: datetime | None = None

    def add(self, event: Event) -> None:
        self.severities[event.severity] += 1
        if event.moment is not None:
            moments = [m for m in (self.first, self.last, event.moment) if m is not None]
            self.first, self.last = min(moments, key=_order), max(moments, key=_order)

    @property
    def count(self) -> int:
        return self.severities.total()

    @property
    def worst(self) -> Severity:
        known = [s for s in WORST_FIRST if s in self.severities]
        return known[0] if known else next(iter(self.severities))

    @property
    def order(self) -> tuple[int, int]:
        """Worst first, then most."""
        worst = self.worst
        rank = WORST_FIRST.index(worst) if worst in WORST_FIRST else len(WORST_FIRST)
        return rank, -self.count


def _order(moment: datetime) -> datetime:
    """What moments are compared by: those without a zone are taken for UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Summary:
    """Counts errors as they come; its size is that of the places, not of the errors."""

    def __init__(self) -> None:
        self.objects = 0
        self.whole = _Row()
        self.rows: dict[tuple[str, str], _Row] = {}

    def add(self, thing: Structure) -> None:
        """Count the errors of one more object."""
        self.objects += 1
        for event in events(thing):
            self.whole.add(event)
            self.rows.setdefault((event.place, event.what), _Row()).add(event)

    def lines(self) -> Iterator[str]:
        """The summary as text."""
        count = self.whole.count
        yield f"{count} error{'s' * (count != 1)} in {self.objects} object{'s' * (self.objects != 1)}"
        if not count:
            return
        known = [s for s in WORST_FIRST if s in self.whole.severities]
        others = [s for s in self.whole.severities if s not in known]
        yield "  " + ", ".join(f"{self.whole.severities[s]} {s.text}" for s in (*known, *others))
        if self.whole.first is not None:
            yield f"  from {_said(self.whole.first)} to {_said(self.whole.last)}"
        yield ""
        yield f"{'errors':>8}  {'worst':<13}  {'last':<19}  {'where':<28}  what"
        rows = sorted(self.rows.items(), key=lambda row: (*row[1].order, row[0]))
        for (place, what), row in rows[:_ROWS]:
            last = _said(row.last) if row.last else "-"
            yield f"{row.count:>8}  {row.worst.text:<13}  {last:<19}  {place:<28}  {what}"
        if len(rows) > _ROWS:
            left = sum(row.count for _, row in rows[_ROWS:])
            yield f"{left:>8}  in {len(rows) - _ROWS} more rows"


def _said(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
