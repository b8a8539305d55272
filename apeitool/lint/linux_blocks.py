"""What Linux refuses or leaves unread of a status block.

`apeitool.linux.accept` decides; a rule only gives each of its verdicts a name.
"""

from __future__ import annotations

from apeitool.acpi.bert import BootErrorRegion
from apeitool.acpi.status import StatusBlock
from apeitool.lint.finding import Level
from apeitool.lint.rule import Faults, Place, rule
from apeitool.linux.accept import LARGEST_BLOCK, BlockVerdict, check_entries, check_header

_GHES = "Linux drivers/acpi/apei/ghes.c"


def _read(block: StatusBlock, place: Place) -> tuple[bytes, BlockVerdict] | None:
    """A status block that Linux reads as one of a source: its bytes, and what its header is worth."""
    if not block.block_status or isinstance(place.root, BootErrorRegion):
        return None
    data = block.to_bytes()
    return data, check_header(data, LARGEST_BLOCK)


@rule("linux-block-refused", StatusBlock, Level.ERROR, "correct lengths and offsets", _GHES)
def block_refused(block: StatusBlock, place: Place) -> Faults:
    """Linux warns of a block whose header it cannot follow, clears it, and reads nothing of it."""
    found = _read(block, place)
    if found and not found[1].accepted:
        yield "data_length", found[1].message


@rule("linux-entries-refused", StatusBlock, Level.ERROR, "correct the lengths of entries", _GHES)
def entries_refused(block: StatusBlock, place: Place) -> Faults:
    """Linux warns of a block whose entries do not add up, clears it, and reads nothing of it."""
    found = _read(block, place)
    if found and found[1].accepted:
        verdict = check_entries(found[0][: found[1].length])
        if not verdict.accepted and not verdict.is_endless:
            yield "data_length", verdict.message


@rule("linux-endless-entry", StatusBlock, Level.ERROR, "correct the length of the entry", _GHES)
def endless_entry(block: StatusBlock, place: Place) -> Faults:
    """An entry whose length wraps round to nothing keeps Linux busy for ever."""
    found = _read(block, place)
    if found and found[1].accepted and check_entries(found[0][: found[1].length]).is_endless:
        yield "entries", "an entry's length wraps round to 0: Linux never gets past it"


@rule("linux-block-unread", StatusBlock, Level.NOTE, "set the block status last of all", _GHES)
def block_unread(block: StatusBlock, place: Place) -> Faults:
    """Linux takes a block for empty if its status is 0, whatever follows."""
    if not block.block_status and block.data_length:
        yield "block_status", f"0, and {block.data_length} bytes of data that Linux does not read"
