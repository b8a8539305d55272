"""Instruction entries: the small programs of which EINJ and ERST tables are made.

An action is the run of entries that carry its number, in the order of the table.  The operating
system carries an action out by executing them one after the other.
"""

import enum
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Annotated, Any

from apeitool.registers.address import GenericAddress
from apeitool.wire.labels import Label
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import U8, U64, Engine, Hex, Many, u8


class Instruction(Label):
    """Serialization instructions.  EINJ has the first five, ERST all; 5 is EINJ's in ACPICA alone."""

    READ_REGISTER = 0
    READ_REGISTER_VALUE = 1
    WRITE_REGISTER = 2
    WRITE_REGISTER_VALUE = 3
    NOOP = 4
    LOAD_VAR1 = 5
    LOAD_VAR2 = 6
    STORE_VAR1 = 7
    ADD = 8
    SUBTRACT = 9
    ADD_VALUE = 10
    SUBTRACT_VALUE = 11
    STALL = 12
    STALL_WHILE_TRUE = 13
    SKIP_NEXT_INSTRUCTION_IF_TRUE = 14
    GOTO = 15
    SET_SRC_ADDRESS_BASE = 16
    SET_DST_ADDRESS_BASE = 17
    MOVE_DATA = 18


class InstructionFlags(enum.IntFlag):
    """Flags of an instruction entry."""

    PRESERVE_REGISTER = 1


class InstructionEntry(Structure):
    """Instruction entry of an action table.

    Shape:   32 bytes, little-endian.
    Units:   value and mask belong to the register's own bits.
    Source:  ACPI 6.5 18.5.1.2, 18.6.2
    """

    action: U8 = 0
    instruction: Annotated[Instruction, u8] = Instruction.READ_REGISTER
    flags: Annotated[U8, InstructionFlags] = 0
    reserved: Annotated[U8, Hex] = 0
    register_region: GenericAddress = GenericAddress()
    value: Annotated[U64, Hex] = 0
    mask: Annotated[U64, Hex] = 0

    def sentence(self) -> str:
        """What executing it does, in words."""
        register = self.register_region.brief
        words = _WORDS.get(int(self.instruction), "does what instruction {instruction} does")
        keeping = ", other bits kept" if self.flags & InstructionFlags.PRESERVE_REGISTER else ""
        return words.format(
            register=register, mask=f"{self.mask:#x}", value=f"{self.value:#x}",
            instruction=int(self.instruction), keeping=keeping,
        )  # fmt: skip


_WORDS = {
    0: "read {register} & {mask}",
    1: "read {register} & {mask}; is it {value}?",
    2: "write the operand & {mask} to {register}{keeping}",
    3: "write {value} & {mask} to {register}{keeping}",
    4: "do nothing",
    5: "load var1 from {register} & {mask}",
    6: "load var2 from {register} & {mask}",
    7: "store var1 to {register} & {mask}{keeping}",
    8: "var1 = var1 + var2",
    9: "var1 = var1 - var2",
    10: "add {value} to {register} & {mask}{keeping}",
    11: "subtract {value} from {register} & {mask}{keeping}",
    12: "wait {value} microseconds",
    13: "wait var1 microseconds at a time while {register} & {mask} is {value}",
    14: "skip the next instruction if {register} & {mask} is {value}",
    15: "go to instruction {value}",
    16: "take {register} & {mask} as the source address",
    17: "take {register} & {mask} as the destination address",
    18: "move data of length var2 from source to destination, at offset {register} & {mask}",
}


def actions(entries: Iterable[InstructionEntry]) -> dict[int, list[InstructionEntry]]:
    """The entries of each action, in the order of the table."""
    found: dict[int, list[InstructionEntry]] = {}
    for entry in entries:
        found.setdefault(int(entry.action), []).append(entry)
    return found


HEADER_SIZE = 48
"""What most firmware writes: the header from the start of the table.  Some write 12, its own part."""


def entries_start(count: str, header_size: str) -> Callable[[Any], int]:
    """Where entries begin: behind the header, or behind a longer one if count and length say so."""

    def start(table: Any) -> int:
        size: int = getattr(table, header_size)
        entries = InstructionEntry.fixed_size * getattr(table, count)
        return size if size > HEADER_SIZE and table.length == size + entries else HEADER_SIZE

    return start


class Entries(Many):
    """The instruction entries of a table.

    Where count and length do not agree, one of them lies: entries that name an action and an
    instruction are taken as far as the larger of the two goes.
    """

    __slots__ = ("extent", "number")

    def __init__(self, kind: type[InstructionEntry], *, count: str, until: str) -> None:
        super().__init__(kind, count=count, until=until)
        self.number = attrgetter(count)
        self.extent = attrgetter(until)

    def take(
        self, engine: Engine, values: Any, buffer: bytes, start: int, position: int, end: int
    ) -> tuple[tuple[Structure, ...], int]:
        kind = self.only or InstructionEntry
        items, position = super().take(engine, values, buffer, start, position, end)
        found, count = list(items), self.number(values)
        limit = start + self.extent(values)
        while (stop := position + kind.fixed_size) <= end and (stop <= limit or len(found) < count):
            entry = engine(kind)(buffer, position, end)[0]
            if not _is_entry(entry):
                break
            found.append(entry)
            position = stop
        return tuple(found), position


def _is_entry(entry: InstructionEntry) -> bool:
    """Whether bytes that are not both counted and in the table are an entry all the same."""
    action: Any = entry.action
    region = entry.register_region
    is_named = action.is_known and entry.instruction.is_known and region.access_size.is_known
    return bool(is_named and region.register_bit_width and not entry.reserved)


def check_entries(table: Any, count: str, header_size: str) -> Iterator[Problem]:
    """Problems that EINJ and ERST tables share: their entry count and their header size."""
    said, found = getattr(table, count), len(table.entries)
    if said != found:
        yield table.trouble("entry-count", count, f"{said} said, {found} found")
    if table.unparsed:
        rule = f"{len(table.unparsed)} bytes of the table are no entry"
        yield table.trouble("table-rest", "unparsed", rule)
    size = getattr(table, header_size)
    if size not in (HEADER_SIZE, HEADER_SIZE - 36):
        yield table.trouble("header-size", header_size, f"{size}, but it is {HEADER_SIZE}")
