"""BERT: the boot error region, with the blocks that it shall hold."""

from __future__ import annotations

from typing import cast

from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.errors import EncodeError
from apeitool.memory import Memory
from apeitool.plan.built import Built, merged
from apeitool.plan.keys import Plan, number, split, tables
from apeitool.render.plain import from_plain

KEYS = {
    "memory": "where the boot error region is",
    "boot_error_region_length": "bytes of it; else a page, or as many as the blocks take",
    "blocks": "the status blocks in it, each with the fields of a StatusBlock",
}

_PAGE = 0x1000


def build(given: Plan, path: str) -> Built:
    """A BERT, and the region that it leads to."""
    fields = split(given, ("memory", "blocks"), Bert, path)
    blocks = [{"kind": "StatusBlock", **block} for block in tables(given, "blocks", path)]
    region = from_plain({"kind": "BootErrorRegion", "blocks": blocks})
    content = cast("BootErrorRegion", region).to_bytes() if blocks else b""
    derived = {
        "boot_error_region": number(given, "memory", path),
        "boot_error_region_length": max(_PAGE, len(content)),
    }
    table = cast("Bert", from_plain({"kind": "Bert", **derived, **fields}))
    start, length = table.boot_error_region, table.boot_error_region_length
    if len(content) > length:
        said = f"the blocks take {len(content)} bytes"
        raise EncodeError(said, path=f"{path}.boot_error_region_length")

    def prepare(memory: Memory) -> None:
        memory.write(start, content)

    return Built(table, merged([range(start, start + length)]), prepare)
