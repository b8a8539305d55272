"""What the tables, regions and blocks of one machine say of each other.

Of several tables with one signature the first counts, as for Linux.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple, TypeVar

from apeitool.acpi.action import actions
from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.acpi.einj import Einj, EinjAction, SetErrorTypeWithAddress, TriggerActionTable
from apeitool.acpi.erst import Erst
from apeitool.acpi.header import Table
from apeitool.acpi.hest.generic import Ghes
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import StatusBlock
from apeitool.lint.finding import Level
from apeitool.lint.rule import Consumers, register
from apeitool.lint.spans import Span, parameters, spans
from apeitool.linux.accept import block_length
from apeitool.registers.address import AddressSpace
from apeitool.wire.record import Structure

S = TypeVar("S", bound=Structure)


class Member(NamedTuple):
    """An object, and where it came from."""

    origin: str
    structure: Structure


class Fault(NamedTuple):
    """A field of a member that breaks a rule, and what should hold with what was found."""

    member: Member
    path: str
    said: str


@dataclass(frozen=True, slots=True)
class Together:
    """Objects that belong to one machine."""

    members: Sequence[Member]

    def all(self, kind: type[S]) -> Iterator[tuple[Member, S]]:
        """The members of a type, each with its structure."""
        for member in self.members:
            if isinstance(member.structure, kind):
                yield member, member.structure

    def first(self, kind: type[S]) -> tuple[Member, S] | None:
        """The first member of a type."""
        return next(self.all(kind), None)

    def tables(self) -> list[Member]:
        """The first of each type that names memory."""
        found = [self.first(kind) for kind in (Hest, Bert, Einj, Erst, TriggerActionTable)]
        return [pair[0] for pair in found if pair]


Check = Callable[[Together, Consumers], Iterator[Fault]]


def across(id: str, level: Level, advice: str, source: str) -> Callable[[Check], Check]:
    """Register a rule about several objects at once."""
    return register(id, Together, level, advice, source)


@across(
    "table-duplicate", Level.WARNING, "leave one of them out; or lint machines one by one",
    "ACPI 6.5 5.2.6; Linux acpi_get_table(), instance 0",
)  # fmt: skip
def table_duplicate(given: Together, consumers: Consumers) -> Iterator[Fault]:
    """A machine has one HEST, BERT, EINJ and ERST."""
    first: dict[type[Table], Member] = {}
    for member, table in given.all(Table):
        other = first.setdefault(type(table), member)
        if other is not member:
            said = f"there is one in {other.origin}, which counts; this one is not read"
            yield Fault(member, "signature", said)


def _meetings(given: Together) -> Iterator[tuple[Member, Span, Member, Span]]:
    """Spans of two tables that share a byte; for each span of the later table the first one."""
    for one, other in combinations(given.tables(), 2):
        taken, first = sorted(_taken(one.structure)), 0
        for span in sorted(_taken(other.structure)):
            while first < len(taken) and taken[first][0::2] <= span[:2]:
                first += 1
            if first < len(taken) and taken[first].meets(span):
                yield one, taken[first], other, span


def _taken(table: Structure) -> list[Span]:
    """The bytes that a table names; the head of EINJ's structure is no register apart."""
    structures = list(parameters(table)) if isinstance(table, Einj) else []
    heads = {structure.start for structure in structures}
    return structures + [span for span in spans(table) if span.start not in heads]


def _is_same(one: Span, other: Span) -> bool:
    """Whether two spans are one register.  Orders of several tables may go to one port."""
    is_port = one.space == AddressSpace.SYSTEM_IO
    return one[:2] == other[:2] if is_port else one[:3] == other[:3]


_APART = "ACPI 6.5 18.3.1, 18.3.2.7, 18.5.1.2, 18.6.2"


@across("tables-overlap", Level.ERROR, "place them apart", _APART)
def tables_overlap(given: Together, consumers: Consumers) -> Iterator[Fault]:
    """What two tables name shares no byte, unless it is the very same register."""
    for one, taken, other, span in _meetings(given):
        if not _is_same(taken, span):
            said = f"{one.origin}: {taken.path} takes {taken.place}, this one {span.place}"
            yield Fault(other, span.path, said)


@across(
    "tables-share-register", Level.WARNING, "give each table registers of its own", _APART
)  # fmt: skip
def tables_share_register(given: Together, consumers: Consumers) -> Iterator[Fault]:
    """No two tables share a register in memory; one port may take the orders of several."""
    for one, taken, other, span in _meetings(given):
        is_memory = span.space == AddressSpace.SYSTEM_MEMORY
        is_trigger = isinstance(other.structure, TriggerActionTable)
        if is_memory and _is_same(taken, span) and not is_trigger:
            yield Fault(other, span.path, f"{one.origin}: {taken.path} is at {span.start:#x} too")


@across(
    "region-length-differs", Level.WARNING, "capture the whole region, or correct the table",
    "ACPI 6.5 18.3.1",
)  # fmt: skip
def region_length_differs(given: Together, consumers: Consumers) -> Iterator[Fault]:
    """A boot error region is as long as its table says."""
    table, region = given.first(Bert), given.first(BootErrorRegion)
    if table and region and table[1].boot_error_region_length != region[1].size:
        said = f"{table[1].boot_error_region_length} bytes said, {region[0].origin} has "
        yield Fault(table[0], "boot_error_region_length", f"{said}{region[1].size}")


@across(
    "region-too-short", Level.ERROR, "make the region longer", "ACPI 6.5 18.3.1"
)  # fmt: skip
def region_too_short(given: Together, consumers: Consumers) -> Iterator[Fault]:
    """The blocks of a boot error region lie in what its table gives to the region."""
    table, region = given.first(Bert), given.first(BootErrorRegion)
    if not table or not region:
        return
    room = table[1].boot_error_region_length
    for path, start, block in region[1].children():
        if start + block.size > room:
            said = f"it ends at {start + block.size:#x}, but {table[0].origin} says {room:#x} bytes"
            yield Fault(region[0], f"{path}.data_length", said)


@across(
    "block-fits-no-source", Level.ERROR, "have a source reserve as much, or report less",
    "ACPI 6.5 18.3.2.7",
)  # fmt: skip
def block_fits_no_source(given: Together, consumers: Consumers) -> Iterator[Fault]:
    """A status block keeps within the lengths and counts of one source at least."""
    hest = given.first(Hest)
    sources = [s for s in hest[1].sources if isinstance(s, Ghes)] if hest else []
    largest = max(sources, key=lambda s: s.error_status_block_length, default=None)
    for member, block in given.all(StatusBlock):
        if hest and largest and block.block_status and all(_too_much(block, s) for s in sources):
            path, said, most = next(_surplus(block, largest))
            said = f"{said}, but the largest source of {hest[0].origin} allows {most}"
            yield Fault(member, path, said)


def _too_much(block: StatusBlock, source: Ghes) -> bool:
    return any(True for _ in _surplus(block, source))


def _surplus(block: StatusBlock, source: Ghes) -> Iterator[tuple[str, str, int]]:
    """What of a block is more than a source allows: the field, the amount, and what is allowed."""
    length, room = block_length(block), source.error_status_block_length
    if length > room:
        yield "data_length", f"the block takes {length} bytes", room
    count, most = len(block.entries), max(source.max_sections_per_record, 1)
    if count > most:
        yield "block_status", f"there are {count} sections", most
    raw, room = block.raw_data_length, source.max_raw_data_length
    if raw > room:
        yield "raw_data_length", f"there are {raw} bytes of raw data", room


_LEADS = {
    SetErrorTypeWithAddress: EinjAction.SET_ERROR_TYPE_WITH_ADDRESS,
    TriggerActionTable: EinjAction.GET_TRIGGER_ERROR_ACTION_TABLE,
}


@across(
    "einj-leads-nowhere", Level.WARNING, "add the action to EINJ, or leave the structure out",
    "ACPI 6.5 18.6.1, 18.6.4, 18.6.5",
)  # fmt: skip
def einj_leads_nowhere(given: Together, consumers: Consumers) -> Iterator[Fault]:
    """EINJ has the action that leads to a structure which is given with it."""
    einj = given.first(Einj)
    for member in given.members if einj else ():
        action = _LEADS.get(type(member.structure))
        if einj and action is not None and action not in actions(einj[1].entries):
            field = type(member.structure).fields[0].name
            yield Fault(member, field, f"{einj[0].origin} has no {action.name}")
