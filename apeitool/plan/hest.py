"""HEST: sources with their registers and blocks laid out one behind the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.layout import SOURCE_TYPES
from apeitool.acpi.hest.notification import Notification, NotificationType
from apeitool.acpi.hest.source import ErrorSource
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntryV3, StatusBlock
from apeitool.cper.sections.memory import MemoryErrorSection
from apeitool.errors import EncodeError
from apeitool.firmware.platform import Platform
from apeitool.memory import Memory
from apeitool.plan.built import Built
from apeitool.plan.keys import Plan, Register, needed, number, register, split, tables
from apeitool.plan.room import ALIGNMENT, Room, extent
from apeitool.registers.address import GenericAddress
from apeitool.render.plain import from_plain, nearest

KEYS = {
    "memory": (
        "from here on: the registers with the blocks' addresses, the read ack registers, the "
        "blocks; without it, behind the `blocks` of the sources"
    ),
    "sources": "the error sources; those without a source_id have the next free one, from 1 on",
}

_KINDS = tuple(SOURCE_TYPES.values())

SOURCE_KEYS = {
    "kind": "which structure it is: " + ", ".join(kind.__name__ for kind in _KINDS),
    "notification": (
        f"its type, one of {', '.join(NotificationType.__members__)}; or a table of its fields"
    ),
    "count": "so many sources like this one; numbers and addresses that it gives go on",
    "blocks": "where its status block is; those of the others that `count` makes are behind it",
    "error_status_block_length": "bytes of a status block",
}

LARGEST_COUNT = 0xFFFF
"""There are no more source ids."""

_BLOCK_LENGTH = 0x1000
_POLL_INTERVAL = 1000
"""Milliseconds, where a polled source does not say how often."""

_NUMBERED = {
    NotificationType.EXTERNAL_INTERRUPT: "interrupt",
    NotificationType.LOCAL_INTERRUPT: "interrupt",
    NotificationType.GSIV: "interrupt",
    NotificationType.SDEI: "event",
}
"""Notifications that mean nothing without their vector."""

_REGISTERS = {"error_status_address": Ghes, "read_ack_register": GhesV2}
"""The registers of generic sources, in the order in which they are laid out, and who has them."""


@dataclass
class _Source:
    """One source while it is made: the fields that are said or have followed, and what has a place."""

    kind: type[ErrorSource]
    fields: dict[str, Any]
    registers: dict[str, Register]
    block: int | None
    path: str

    @property
    def length(self) -> int:
        """Bytes of its status block; it has none where it is no generic source."""
        return int(self.fields.get("error_status_block_length", 0))

    def said_places(self) -> Iterator[tuple[str, range]]:
        """What the plan places."""
        for name, one in self.registers.items():
            if one.is_placed:
                yield f"{self.path}.{name}", extent(one.shape)
        if self.block is not None:
            yield f"{self.path}.blocks", range(self.block, self.block + self.length)

    def made(self) -> ErrorSource:
        """The source, all of whose fields are there."""
        return from_plain(self.fields, self.kind, self.path)


def build(given: Plan, path: str) -> Built:
    """The table whose registers and blocks lie from ``memory`` on, as far as nothing else is said.

    The order is QEMU's: an address register for each generic source, a read ack register for each
    that has one, and the blocks.
    """
    fields = split(given, KEYS, Hest, path)
    sources: list[_Source] = []
    for here, said in tables(given, "sources", path):
        sources += _described(said, here)
    if not 0 < len(sources) <= LARGEST_COUNT:
        raise EncodeError(f"1 to {LARGEST_COUNT} are needed", path=f"{path}.sources")
    _give_numbers(sources)
    start = number(given, "memory", path)
    if start is None:
        start = max((s.block + s.length for s in sources if s.block is not None), default=None)
    room = Room(start, [place for s in sources for place in s.said_places()], path)
    for name in _REGISTERS:
        for source in sources:
            if name in source.registers:
                source.fields[name] = source.registers[name].placed(room)
    blocks: dict[int, int] = {}
    for source in sources:
        if source.registers:
            place = room.take(source.length) if source.block is None else source.block
            blocks[source.fields["source_id"]] = place
    made = [source.made() for source in sources]
    return _built(from_plain({"sources": made, **fields}, Hest, path), blocks, room)


def _built(hest: Hest, blocks: dict[int, int], room: Room) -> Built:
    """With the memory of the sources whose registers are in memory: those of others are hardware."""
    prepared = {
        source.source_id: blocks[source.source_id]
        for source in hest.sources
        if isinstance(source, Ghes)
        and all(extent(getattr(source, name)) for name in _REGISTERS if hasattr(source, name))
    }

    def prepare(memory: Memory) -> Platform:
        platform = Platform(memory, hest)
        platform.prepare(prepared)
        return platform

    return Built(hest, room.extents, prepare)


def _described(said: dict[str, Any], path: str) -> list[_Source]:
    """The sources of one table of the plan."""
    kind = _kind(said, path)
    own = ("kind", "count", "blocks") if issubclass(kind, Ghes) else ("kind", "count")
    fields = split(said, own, kind, path)
    registers = {
        name: register(fields.pop(name, None), f"{path}.{name}")
        for name, owner in _REGISTERS.items()
        if issubclass(kind, owner)
    }
    if any(field.name == "notification" for field in kind.fields):
        fields["notification"] = _notification(fields.get("notification"), f"{path}.notification")
    if issubclass(kind, Ghes):
        fields = _lengths(fields, path)
    if issubclass(kind, GhesV2):
        fields |= _acknowledgement(fields, registers["read_ack_register"].shape, path)
    first, block = number(fields, "source_id", path), number(said, "blocks", path)
    several = needed({"count": 1, **said}, "count", path)
    if not 0 < several <= LARGEST_COUNT:
        raise EncodeError(f"1 to {LARGEST_COUNT} sources", path=f"{path}.count")
    source = _Source(kind, fields, registers, block, path)
    return [_moved(source, index, first) for index in range(several)]


def _moved(source: _Source, index: int, first: int | None) -> _Source:
    """One of several like a source: its number and its addresses go on."""
    fields = dict(source.fields)
    if first is not None:
        fields["source_id"] = first + index
    block = source.block
    if block is not None:
        block += index * -(-source.length // ALIGNMENT) * ALIGNMENT
    registers = {
        name: register.moved(index * ALIGNMENT, f"{source.path}.{name}")
        for name, register in source.registers.items()
    }
    return _Source(source.kind, fields, registers, block, source.path)


def _kind(said: dict[str, Any], path: str) -> type[ErrorSource]:
    """Which structure a source is: as it says, or as its type says."""
    if "kind" in said:
        name = str(said["kind"])
        found = next((k for k in _KINDS if k.__name__.casefold() == name.casefold()), None)
        if found is None:
            meant = nearest(name, [kind.__name__ for kind in _KINDS])
            raise EncodeError(
                f"no error source is called {name[:40]!r}{meant}", path=f"{path}.kind"
            )
        return found
    if "type" in said:
        number = from_plain({"type": said["type"]}, ErrorSource, path).type
        return SOURCE_TYPES.get(number, GhesV2)
    return GhesV2


def _lengths(fields: dict[str, Any], path: str) -> dict[str, Any]:
    """The fields with a block's length, and how many memory errors fit one."""
    name = "error_status_block_length"
    length = needed({name: _BLOCK_LENGTH, **fields}, name, path)
    entry = GenericErrorDataEntryV3.fixed_size + MemoryErrorSection.fixed_size
    fit = max(1, (length - StatusBlock.fixed_size) // entry)
    return {"max_sections_per_record": fit, **fields, name: length}


def _notification(given: Any, path: str) -> Notification:
    """How a source notifies, with what follows from its type."""
    if given is None:
        raise EncodeError(f"missing: {SOURCE_KEYS['notification']}", path=path)
    plain = given if isinstance(given, dict) else {"type": given}
    made = from_plain(plain, Notification, path)
    if made.type == NotificationType.POLLED and "poll_interval" not in plain:
        return made.replace(poll_interval=_POLL_INTERVAL)
    if made.type in _NUMBERED and "vector" not in plain:
        raise EncodeError(
            f"missing: the number of its {_NUMBERED[made.type]}", path=f"{path}.vector"
        )
    return made


def _acknowledgement(fields: dict[str, Any], register: GenericAddress, path: str) -> dict[str, int]:
    """Which bits of Read Ack are kept and set: by what is said of the other; else the first is set."""
    whole = (1 << min(register.register_bit_width, 64)) - 1
    write = number(fields, "read_ack_write", path)
    preserve = number(fields, "read_ack_preserve", path)
    if write is None:
        free = whole if preserve is None else whole & ~preserve
        write = free & -free or 1
    if preserve is None:
        preserve = whole & ~write
    return {"read_ack_preserve": preserve, "read_ack_write": write}


def _give_numbers(sources: list[_Source]) -> None:
    """A source that gives no number has the next one that is free.

    Raises:  EncodeError when two give the same.
    """
    taken: set[int] = set()
    for source in sources:
        said = source.fields.get("source_id")
        if said in taken:
            raise EncodeError(f"{said} is that of another source", path=f"{source.path}.source_id")
        if said is not None:
            taken.add(said)
    free = (number for number in count(1) if number not in taken)
    for source in sources:
        if "source_id" not in source.fields:
            source.fields["source_id"] = next(free)
