"""HEST: sources with their registers and blocks laid out one behind the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.notification import Notification, NotificationType
from apeitool.acpi.hest.source import ErrorSource
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntryV3, StatusBlock
from apeitool.cper.sections.memory import MemoryErrorSection
from apeitool.errors import EncodeError
from apeitool.firmware.platform import Platform
from apeitool.memory import Memory
from apeitool.plan.built import Built, Room, extent, merged
from apeitool.plan.keys import Plan, number, register, split, tables
from apeitool.render.plain import from_plain, kind_named

KEYS = {
    "memory": "from here on: the registers with the blocks' addresses, the read ack registers, the blocks",
    "sources": "the error sources; the numbers of those that give none go on from 1",
}

SOURCE_KEYS = {
    "kind": "Ghes, GhesV2 or another structure of a source",
    "notification": f"one of {', '.join(NotificationType.__members__)}; or a table of its fields",
    "count": "so many sources like this one",
    "blocks": "where the blocks of these sources are, one behind the other",
    "error_status_block_length": "bytes of a block",
}

LARGEST_COUNT = 0xFFFF

_POLL_INTERVAL = 1000
"""Milliseconds, where a polled source does not say how often."""

_NUMBERED = {
    NotificationType.EXTERNAL_INTERRUPT: "interrupt",
    NotificationType.LOCAL_INTERRUPT: "interrupt",
    NotificationType.GSIV: "interrupt",
    NotificationType.SDEI: "event",
}
"""Notifications that mean nothing without their vector."""


@dataclass
class _Wanted:
    """One source: its structure, the fields that are given or follow, where its blocks shall be."""

    kind: type[ErrorSource]
    fields: dict[str, Any]
    blocks: Room | None


def build(given: Plan, path: str) -> Built:
    """The table whose registers and blocks lie from ``memory`` on, as far as nothing else is said.

    The order is QEMU's: an address register for each generic source, a read ack register for each
    that has one, and the blocks.
    """
    fields = split(given, KEYS, Hest, path)
    room = Room(number(given, "memory", path))
    wanted = [one for index in _indices(given, path) for one in _described(given, index, path)]
    _give_numbers(wanted)
    for name, kind in (("error_status_address", Ghes), ("read_ack_register", GhesV2)):
        for source in wanted:
            if issubclass(source.kind, kind):
                source.fields[name] = register(source.fields.get(name), lambda: room.take(8), path)
    sources = [{**source.fields, "kind": source.kind.__name__} for source in wanted]
    hest = cast("Hest", from_plain({**fields, "kind": "Hest", "sources": sources}))
    blocks: dict[int, int] = {}
    for source, made in zip(wanted, hest.sources, strict=True):
        if isinstance(made, Ghes):
            blocks[made.source_id] = (source.blocks or room).take(made.error_status_block_length)
    return _built(hest, blocks)


def _indices(given: Plan, path: str) -> range:
    return range(len(tables(given, "sources", path)))


def _described(given: Plan, index: int, path: str) -> Iterator[_Wanted]:
    """The sources of one table of the plan, each by itself."""
    described, here = given["sources"][index], f"{path}.sources[{index}]"
    kind = kind_named(described.get("kind", "GhesV2"), here)
    if not issubclass(kind, ErrorSource):
        raise EncodeError(f"a {kind.__name__} is no error source", path=f"{here}.kind")
    fields = split(described, ("kind", "count", "blocks"), kind, here)
    if issubclass(kind, Ghes):
        fields = {**_lengths(fields, here), **fields}
        fields["notification"] = _notification(fields.get("notification"), here)
    if "source_id" in fields:
        fields["source_id"] = number(fields, "source_id", here)
    blocks = Room(number(described, "blocks", here)) if "blocks" in described else None
    several = number(described, "count", here) if "count" in described else 1
    if not 0 < several <= LARGEST_COUNT:
        raise EncodeError(f"1 to {LARGEST_COUNT} sources", path=f"{here}.count")
    for name in ("error_status_address", "read_ack_register"):
        if several > 1 and name in fields:
            raise EncodeError("one register is for one source", path=f"{here}.{name}")
    yield _Wanted(kind, dict(fields), blocks)
    fields.pop("source_id", None)
    for _ in range(several - 1):
        yield _Wanted(kind, dict(fields), blocks)


def _lengths(source: dict[str, Any], path: str) -> dict[str, int]:
    """A block's length, and how many memory errors fit one."""
    length = 0x1000
    if "error_status_block_length" in source:
        length = number(source, "error_status_block_length", path)
    entry = GenericErrorDataEntryV3.fixed_size + MemoryErrorSection.fixed_size
    fit = max(1, (length - StatusBlock.fixed_size) // entry)
    return {"error_status_block_length": length, "max_sections_per_record": fit}


def _notification(given: Any, path: str) -> dict[str, Any]:
    """How a source notifies, with what follows from its type."""
    here = f"{path}.notification"
    if given is None:
        raise EncodeError(f"missing: {SOURCE_KEYS['notification']}", path=here)
    plain = given if isinstance(given, dict) else {"type": given}
    kind = cast("Notification", from_plain(plain, Notification, here)).type
    if kind is NotificationType.POLLED:
        plain = {"poll_interval": _POLL_INTERVAL, **plain}
    if kind in _NUMBERED and "vector" not in plain:
        raise EncodeError(f"missing: the number of its {_NUMBERED[kind]}", path=f"{here}.vector")
    return plain


def _give_numbers(wanted: list[_Wanted]) -> None:
    """A source that gives no number has the next one that is free."""
    taken = {source.fields["source_id"] for source in wanted if "source_id" in source.fields}
    last = 0
    for source in wanted:
        if "source_id" not in source.fields:
            source.fields["source_id"] = next(n for n in count(last + 1) if n not in taken)
        last = source.fields["source_id"]


def _built(hest: Hest, blocks: dict[int, int]) -> Built:
    """The memory of the sources whose registers are in memory: the others are of hardware."""
    ranges: list[range] = []
    inside: dict[int, int] = {}
    for source in hest.sources:
        if isinstance(source, Ghes):
            found = [extent(source.error_status_address)]
            if isinstance(source, GhesV2):
                found.append(extent(source.read_ack_register))
            if all(found):
                start = blocks[source.source_id]
                ranges += [*found, range(start, start + source.error_status_block_length)]
                inside[source.source_id] = start

    def prepare(memory: Memory) -> None:
        Platform(memory, hest).prepare(inside)

    return Built(hest, merged(ranges), prepare)
