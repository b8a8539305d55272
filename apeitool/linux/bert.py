"""What Linux reads of BERT at boot: the table, and the region's records one after the other.

Pure functions, as in `apeitool.linux.accept`.  Messages are what Linux says around the records, not
the records' own lines.  Read in Debian's sources of 6.1.192, 6.12.95 and 7.2.13, all the same here,
and seen on 6.1.192.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

from apeitool.acpi.bert import Bert
from apeitool.acpi.status import HEADER_LENGTH, StatusBlock
from apeitool.linux.accept import (
    EINVAL,
    FW_BUG,
    Verdict,
    block_length,
    check_entries,
    is_sane_header,
)

SOURCE = "Linux bert_init() and bert_print_all(), drivers/acpi/apei/bert.c"

PRINTED_RECORDS = 5
"""How many boot error records Linux prints at most."""
PRINTED_LENGTH = 1024
"""A boot error record of this length or longer is not printed."""


def check_table(table: Bert) -> Verdict:
    """Whether Linux looks at the region that a BERT names."""
    too_short = table.length < Bert.fixed_size
    if too_short or table.boot_error_region_length < HEADER_LENGTH:
        return Verdict(False, EINVAL, (f"BERT: {FW_BUG}table invalid.",), SOURCE)
    return Verdict(True, 0, (), SOURCE)


class Stop(enum.Enum):
    """Why Linux goes no further in a region."""

    END = "too few bytes are left for a record"
    EMPTY = "a record has no block status"
    TRUNCATED = "a record reaches behind the region"
    INVALID = "the lengths of a record do not add up"
    WRAPPED = "the lengths of a record wrap round: what Linux reads behind it is not foretold"


class BootRecord(NamedTuple):
    """A record that Linux takes, prints or not, and clears.

    Units:   ``offset`` in the region and ``length`` in bytes.
    """

    offset: int
    length: int
    is_printed: bool


@dataclass(frozen=True, slots=True)
class RegionVerdict(Verdict):
    """What Linux makes of a boot error region: the records it takes, and where and why it stops."""

    records: tuple[BootRecord, ...] = ()
    stop: Stop = Stop.END
    stopped_at: int = 0


def walk_region(region: bytes) -> RegionVerdict:
    """Walk a boot error region as Linux does at boot."""
    found: list[BootRecord] = []
    position = printed = length = 0
    stop: Stop | None = None
    while not stop:
        length, stop = _next(region, position)
        if not stop:
            is_printed = length < PRINTED_LENGTH and printed < PRINTED_RECORDS
            printed += is_printed
            found.append(BootRecord(position, length, is_printed))
            position += length
    complaint = {
        Stop.TRUNCATED: f"Truncated status block (length: {length}).",
        Stop.INVALID: "Invalid error record.",
    }.get(stop)
    said = _summary(len(found), printed, f"BERT: {FW_BUG}{complaint}" if complaint else "")
    follows = stop in (Stop.END, Stop.EMPTY)
    return RegionVerdict(follows, 0, said, SOURCE, tuple(found), stop, position)


def _next(region: bytes, position: int) -> tuple[int, Stop | None]:
    """The length of the record at a place, and why Linux stops at it, if it does."""
    left = len(region) - position
    if left < HEADER_LENGTH:
        return 0, Stop.END
    block = StatusBlock.decode_at(region, position, position + HEADER_LENGTH)[0]
    length = block_length(block)
    if length > left:
        return length, Stop.TRUNCATED
    if not block.block_status:
        return length, Stop.EMPTY
    if not is_sane_header(block):
        return length, Stop.INVALID
    if length < HEADER_LENGTH + block.data_length:
        return length, Stop.WRAPPED
    record = region[position : position + length]
    return length, None if check_entries(record).accepted else Stop.INVALID


def _summary(found: int, printed: int, complaint: str) -> tuple[str, ...]:
    lines = ["BERT: Error records from previous boot:"] if printed else []
    lines += [complaint] if complaint else []
    if found > printed:
        lines.append(f"BERT: [Hardware Error]: Skipped {found - printed} error records")
    if found:
        lines.append(f"BERT: Total records found: {found}")
    return tuple(lines)
