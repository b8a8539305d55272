"""The containers in the bytes that this project captured, as the structures they hold."""

from pathlib import Path

from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import StatusBlock
from apeitool.cper.record import Record
from apeitool.wire.record import Structure

FIXTURES = Path(__file__).parents[1] / "fixtures"
BLOCK = 1024
"""Bytes that QEMU reserves for each status block."""


def hests() -> dict[str, bytes]:
    """The tables that QEMU made."""
    return {p.parent.name: p.read_bytes() for p in sorted(FIXTURES.glob("qemu-*/HEST.bin"))}


def blocks() -> dict[str, bytes]:
    """The status blocks of ``etc/hardware_errors``, behind one address and one ack for each."""
    found = {}
    for path in sorted(FIXTURES.glob("*/hardware_errors*.bin")):
        data = path.read_bytes()
        count = len(data) // (BLOCK + 16)
        for index in range(count):
            start = 16 * count + BLOCK * index
            found[f"{path.parent.name}-{path.stem}-{index}"] = data[start : start + BLOCK]
    return found


def records() -> dict[str, bytes]:
    """The records that Linux wrote."""
    return {p.stem: p.read_bytes() for p in sorted(FIXTURES.glob("*/*.cper"))}


def injections() -> dict[str, bytes]:
    """The structures by which Linux asked for errors; nothing in their bytes tells what they are."""
    return {p.stem: p.read_bytes() for p in sorted(FIXTURES.glob("*/set-error-type-*.bin"))}


def everything() -> list[tuple[type[Structure], str, bytes]]:
    """All whose bytes tell what they are: (structure, name, bytes)."""
    kinds = ((Hest, hests()), (StatusBlock, blocks()), (Record, records()))
    return [(cls, name, data) for cls, found in kinds for name, data in found.items()]
