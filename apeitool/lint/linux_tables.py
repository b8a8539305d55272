"""What Linux refuses or leaves unread of BERT, EINJ and ERST."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from apeitool.acpi.action import HEADER_SIZE, Instruction, InstructionEntry
from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.acpi.einj import INSTRUCTIONS, EinjInstructionEntry, TriggerActionTable
from apeitool.acpi.header import HEADER_LENGTH, Table
from apeitool.acpi.status import StatusBlock
from apeitool.lint.finding import Level
from apeitool.lint.rule import Faults, Place, rule
from apeitool.linux.accept import LARGEST_BLOCK, check_entries, check_header

_BERT = "Linux drivers/acpi/apei/bert.c"
_CHECK = "Linux einj_check_table() and erst_check_table(), drivers/acpi/apei"
_RUN = "Linux apei_exec_for_each_entry(), drivers/acpi/apei/apei-base.c"
_TRIGGER = "Linux einj_check_trigger_header(), drivers/acpi/apei/einj-core.c"

PRINTED_RECORDS = 5
"""How many boot error records Linux prints at most."""
PRINTED_LENGTH = 1024
"""A boot error record of this length or longer is not printed."""
PAGE = 4096
"""Linux maps no more of a trigger table, where its pages are of this size."""


@rule("linux-bert-refused", Bert, Level.ERROR, "correct the length", _BERT)
def bert_refused(table: Bert, place: Place) -> Faults:
    """Linux refuses a BERT that is cut short, or whose region has no room for a status block."""
    if table.length < Bert.fixed_size:
        yield "length", f"table invalid: {table.length} bytes, but it takes 48"
    if table.boot_error_region_length < StatusBlock.fixed_size:
        said = f"table invalid: {table.boot_error_region_length} bytes, but a block takes 20"
        yield "boot_error_region_length", said


class _Record(NamedTuple):
    """A block of the boot error region that Linux comes to.

    ``stop`` says why it goes no further: ``truncated``, ``invalid``, ``empty``; else it is empty.
    """

    number: int
    length: int
    stop: str


def _records(region: BootErrorRegion) -> Iterator[_Record]:
    """The blocks of a region as far as Linux walks; the last may be the one where it stops."""
    left = region.size
    for index, block in enumerate(region.blocks):
        length = StatusBlock.fixed_size + block.data_length
        if block.raw_data_length:
            length = block.raw_data_offset + block.raw_data_length
        record = _Record(index, length, _stop(block, length, left))
        yield record
        if record.stop:
            return
        left -= block.size


def _stop(block: StatusBlock, length: int, left: int) -> str:
    if length > left:
        return "truncated"
    if not block.block_status:
        return "empty"
    if StatusBlock.fixed_size + block.data_length > length:
        return "invalid"
    data = block.to_bytes()[:length]
    head = check_header(data[: StatusBlock.fixed_size].ljust(StatusBlock.fixed_size, b"\0"), length)
    # A region has blocks of any length; `check_header` knows those of a source.
    follows = head.accepted or length > LARGEST_BLOCK
    return "" if follows and check_entries(data).accepted else "invalid"


@rule("linux-bert-truncated", BootErrorRegion, Level.ERROR, "correct the lengths", _BERT)
def bert_truncated(region: BootErrorRegion, place: Place) -> Faults:
    """Linux stops at a boot error record that reaches behind the region."""
    for record in _records(region):
        if record.stop == "truncated":
            said = f"Truncated status block (length: {record.length})."
            yield f"blocks[{record.number}].data_length", said


@rule("linux-bert-invalid", BootErrorRegion, Level.ERROR, "correct the lengths", _BERT)
def bert_invalid(region: BootErrorRegion, place: Place) -> Faults:
    """Linux stops at a boot error record whose lengths do not add up."""
    for record in _records(region):
        if record.stop == "invalid":
            yield f"blocks[{record.number}].data_length", "Invalid error record."


@rule(
    "linux-bert-unreached", BootErrorRegion, Level.WARNING,
    "correct the record before it, or move this one there", _BERT,
)  # fmt: skip
def bert_unreached(region: BootErrorRegion, place: Place) -> Faults:
    """Linux reads no boot error record behind one that is empty or at which it stops."""
    reached = sum(1 for _ in _records(region))
    for index, block in enumerate(region.blocks[reached:], reached):
        if block.block_status:
            said = f"Linux stops at record {reached - 1}, before it comes to this one"
            yield f"blocks[{index}].block_status", said


@rule(
    "linux-bert-record-large", BootErrorRegion, Level.WARNING,
    "read it from /sys/firmware/acpi/tables/data/BERT", _BERT,
)  # fmt: skip
def bert_record_large(region: BootErrorRegion, place: Place) -> Faults:
    """Linux prints no boot error record of 1024 bytes or more."""
    for record in _records(region):
        if not record.stop and record.length >= PRINTED_LENGTH:
            yield (
                f"blocks[{record.number}].data_length",
                f"{record.length} bytes: it is not printed",
            )


@rule(
    "linux-bert-record-surplus", BootErrorRegion, Level.WARNING,
    "read it from /sys/firmware/acpi/tables/data/BERT", _BERT,
)  # fmt: skip
def bert_record_surplus(region: BootErrorRegion, place: Place) -> Faults:
    """Linux prints five boot error records."""
    short = [r.number for r in _records(region) if not r.stop and r.length < PRINTED_LENGTH]
    for index in short[PRINTED_RECORDS:]:
        said = f"{PRINTED_RECORDS} records before it are printed, this one is not"
        yield f"blocks[{index}].block_status", said


@rule("linux-header-size", Table, Level.ERROR, "write 48", _CHECK)
def header_size(table: Table, place: Place) -> Faults:
    """Linux refuses an EINJ or ERST whose header size is neither 48 nor 12."""
    for name in ("injection_header_size", "serialization_header_size"):
        size = getattr(table, name, HEADER_SIZE)
        if size not in (HEADER_SIZE, HEADER_SIZE - HEADER_LENGTH):
            yield name, f"the table is refused: {size}, but it is 48 or 12"


@rule("linux-entry-count", Table, Level.ERROR, "count the entries that the table holds", _CHECK)
def entry_count(table: Table, place: Place) -> Faults:
    """Linux refuses an EINJ or ERST whose entry count is not what its length has room for."""
    room = max(table.length - HEADER_SIZE, 0) // InstructionEntry.fixed_size
    for name in ("injection_entry_count", "instruction_entry_count"):
        count = getattr(table, name, room)
        if count != room:
            yield name, f"the table is refused: {count}, but its length has room for {room}"


@rule(
    "linux-instruction-unknown", InstructionEntry, Level.ERROR,
    "use an instruction of the table's own set", _RUN,
)  # fmt: skip
def instruction_unknown(entry: InstructionEntry, place: Place) -> Faults:
    """Linux refuses a table that has an instruction of another set."""
    number = entry.instruction
    known = INSTRUCTIONS if isinstance(entry, EinjInstructionEntry) else tuple(Instruction)
    if number not in known:
        yield "instruction", f"Invalid action table, unknown instruction type: {int(number)}"


@rule(
    "linux-trigger-refused", TriggerActionTable, Level.ERROR,
    "write sizes and count as the entries have them", _TRIGGER,
)  # fmt: skip
def trigger_refused(table: TriggerActionTable, place: Place) -> Faults:
    """Linux refuses a trigger table whose sizes do not fit, or that is longer than a page."""
    size, head = table.table_size, TriggerActionTable.fixed_size
    if table.header_size != head:
        yield "header_size", f"Invalid trigger error action table: {table.header_size}, not {head}"
    elif not head <= size <= PAGE:
        yield "table_size", f"Invalid trigger error action table: {size} is not {head} to {PAGE}"
    elif table.entry_count != (room := (size - head) // InstructionEntry.fixed_size):
        said = f"Invalid trigger error action table: {table.entry_count}, room for {room}"
        yield "entry_count", said
