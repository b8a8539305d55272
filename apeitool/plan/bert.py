"""BERT: the boot error region, with the blocks that it shall hold."""

from __future__ import annotations

from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.acpi.status import StatusBlock
from apeitool.errors import EncodeError
from apeitool.memory import Memory
from apeitool.plan.built import Built
from apeitool.plan.keys import Plan, needed, split, tables
from apeitool.plan.room import Room
from apeitool.render.plain import from_plain

KEYS = {
    "memory": "where the boot error region is",
    "blocks": "the status blocks in it, each with the fields that `new block` shows",
}

_PAGE = 0x1000


def build(given: Plan, path: str) -> Built:
    """A BERT, and the region that it leads to: a page, or as many as its blocks take."""
    fields = split(given, KEYS, Bert, path)
    blocks = [from_plain(block, StatusBlock, here) for here, block in tables(given, "blocks", path)]
    content = BootErrorRegion(blocks=blocks).to_bytes()
    if "boot_error_region" not in fields:
        fields["boot_error_region"] = needed(given, "memory", path)
    if "boot_error_region_length" not in fields:
        fields["boot_error_region_length"] = max(1, -(-len(content) // _PAGE)) * _PAGE
    table = from_plain(fields, Bert, path)
    start, length = table.boot_error_region, table.boot_error_region_length
    if len(content) > length:
        said = f"the blocks take {len(content)} bytes"
        raise EncodeError(said, path=f"{path}.boot_error_region_length")

    def prepare(memory: Memory) -> None:
        memory.write(start, content.ljust(length, b"\0"))

    region = [(f"{path}.boot_error_region", range(start, start + length))]
    return Built(table, Room(None, region, path).extents, prepare)
