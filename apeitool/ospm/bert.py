"""Errors of the last boot, as Linux reads them from the region that BERT names, when it boots.

It prints the records, which is all that it does about them: they are neither acted on nor fatal.
It then clears the block status of each, printed or not.
"""

from __future__ import annotations

from collections.abc import Iterator

from apeitool.acpi.bert import Bert
from apeitool.errors import ApeiError
from apeitool.linux import bert
from apeitool.linux.features import Architecture, Features
from apeitool.linux.report import boot_report
from apeitool.memory import Memory
from apeitool.ospm.outcome import Did

SOURCE = bert.SOURCE


def read(
    table: Bert, memory: Memory, features: Features, architecture: Architecture
) -> Iterator[Did]:
    """Everything that Linux does about a BERT."""
    verdict = bert.check_table(table)
    if not verdict.accepted:
        yield Did("refuses the BERT", verdict.messages, verdict.source)
        return
    address, length = table.boot_error_region, table.boot_error_region_length
    try:
        region = memory.read(address, length)
    except ApeiError:
        yield Did(f"finds nothing at {address:#x}, where the BERT has its region", (), SOURCE)
        return
    records = bert.walk_region(region).records
    lines = boot_report(region, features, architecture).lines
    yield Did(f"finds {len(records)} boot error records", lines, SOURCE)
    for record in records:
        memory.write(address + record.offset, bytes(4))
    if records:
        yield Did("clears them, and does nothing else about them", (), SOURCE)
