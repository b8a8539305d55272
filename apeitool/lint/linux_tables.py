"""What Linux refuses or leaves unread of BERT, EINJ and ERST.

`apeitool.linux.bert` and `apeitool.linux.action` decide; a rule only gives each verdict a name.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from apeitool.acpi.action import InstructionEntry
from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.acpi.einj import Einj, TriggerActionTable
from apeitool.acpi.erst import Erst, ErstInstructionEntry
from apeitool.acpi.header import Table
from apeitool.acpi.status import HEADER_LENGTH
from apeitool.lint.finding import Level
from apeitool.lint.rule import Faults, Place, rule, since
from apeitool.linux import action, bert
from apeitool.linux.accept import FW_BUG
from apeitool.linux.bert import BootRecord, Stop


@rule("linux-bert-refused", Bert, Level.ERROR, "correct the length", bert.SOURCE)
def bert_refused(table: Bert, place: Place) -> Faults:
    """Linux refuses a BERT that is cut short, or whose region has no room for a status block."""
    verdict = bert.check_table(table)
    if table.length < Bert.fixed_size:
        yield "length", f"{verdict.message} {table.length} bytes, but it takes {Bert.fixed_size}"
    elif not verdict.accepted:
        said = f"{table.boot_error_region_length} bytes, but a block takes {HEADER_LENGTH}"
        yield "boot_error_region_length", f"{verdict.message} {said}"


def _index(starts: Sequence[int], offset: int) -> int:
    """Which of the blocks that start there a place is in."""
    return bisect_right(starts, offset) - 1


def _starts(region: BootErrorRegion) -> list[int]:
    return [start for _, start, _ in region.children()]


def _stop(region: BootErrorRegion, *reasons: Stop) -> Faults:
    """The record at which Linux stops for one of these reasons, and what it prints of it."""
    verdict = bert.walk_region(region.to_bytes())
    if verdict.stop in reasons:
        said = next((m for m in verdict.messages if FW_BUG in m), verdict.stop.value)
        yield f"blocks[{_index(_starts(region), verdict.stopped_at)}].data_length", said


@rule(
    "linux-bert-truncated", BootErrorRegion, Level.ERROR, "correct the lengths", bert.SOURCE
)  # fmt: skip
def bert_truncated(region: BootErrorRegion, place: Place) -> Faults:
    """Linux stops at a boot error record that reaches behind the region."""
    return _stop(region, Stop.TRUNCATED)


@rule("linux-bert-invalid", BootErrorRegion, Level.ERROR, "correct the lengths", bert.SOURCE)
def bert_invalid(region: BootErrorRegion, place: Place) -> Faults:
    """Linux stops at a boot error record whose lengths do not add up."""
    return _stop(region, Stop.INVALID, Stop.WRAPPED)


@rule(
    "linux-bert-unreached", BootErrorRegion, Level.WARNING,
    "correct the record before it, or move this one there", bert.SOURCE,
)  # fmt: skip
def bert_unreached(region: BootErrorRegion, place: Place) -> Faults:
    """Linux reads no boot error record behind one that is empty or at which it stops."""
    verdict = bert.walk_region(region.to_bytes())
    last = _index(_starts(region), verdict.stopped_at)
    for index, block in enumerate(region.blocks[last + 1 :], last + 1):
        if block.block_status:
            said = f"Linux stops at record {last}: {verdict.stop.value}"
            yield f"blocks[{index}].block_status", said


def _unprinted(region: BootErrorRegion) -> Iterator[tuple[int, BootRecord]]:
    starts = _starts(region)
    for record in bert.walk_region(region.to_bytes()).records:
        if not record.is_printed:
            yield _index(starts, record.offset), record


@rule(
    "linux-bert-record-large", BootErrorRegion, Level.WARNING,
    "read it from /sys/firmware/acpi/tables/data/BERT", bert.SOURCE,
)  # fmt: skip
def bert_record_large(region: BootErrorRegion, place: Place) -> Faults:
    """Linux prints no boot error record of 1024 bytes or more."""
    for index, record in _unprinted(region):
        if record.length >= bert.PRINTED_LENGTH:
            yield f"blocks[{index}].data_length", f"{record.length} bytes: it is not printed"


@rule(
    "linux-bert-record-surplus", BootErrorRegion, Level.WARNING,
    "read it from /sys/firmware/acpi/tables/data/BERT", bert.SOURCE,
)  # fmt: skip
def bert_record_surplus(region: BootErrorRegion, place: Place) -> Faults:
    """Linux prints five boot error records."""
    for index, record in _unprinted(region):
        if record.length < bert.PRINTED_LENGTH:
            said = f"{bert.PRINTED_RECORDS} records before it are printed, this one is not"
            yield f"blocks[{index}].block_status", said


def _header(table: Table, ending: str) -> Faults:
    """What Linux has against the fields of a header whose names end so."""
    if isinstance(table, Einj | Erst):
        for fault in action.header_faults(table):
            if fault.path.endswith(ending):
                yield fault.path, f"the table is refused: {fault.why}"


@rule("linux-header-size", Table, Level.ERROR, "write 48", action.CHECK)
def header_size(table: Table, place: Place) -> Faults:
    """Linux refuses an EINJ or ERST whose header size is neither 48 nor 12."""
    return _header(table, "header_size")


@rule(
    "linux-entry-count", Table, Level.ERROR, "count the entries that the table holds", action.CHECK
)  # fmt: skip
def entry_count(table: Table, place: Place) -> Faults:
    """Linux refuses an EINJ or ERST whose entry count is not what its length has room for."""
    return _header(table, "entry_count")


@rule(
    "linux-instruction-unknown", InstructionEntry, Level.ERROR,
    "use an instruction of the table's own set", action.RUN,
)  # fmt: skip
def instruction_unknown(entry: InstructionEntry, place: Place) -> Faults:
    """Linux refuses a table that has an instruction of another set."""
    verdict = action.check_entry(entry)
    if verdict.source == action.RUN:
        yield "instruction", verdict.message


@rule(
    "linux-get-error-type", Einj, Level.WARNING, "add the instruction entries for it", action.TYPES
)  # fmt: skip
def get_error_type(table: Einj, place: Place) -> Faults:
    """Newer kernels run GET_ERROR_TYPE when they take an EINJ, and refuse one without it."""
    fault = action.types_fault(table)
    if fault and any(k.runs_get_error_type for k in place.consumers.kernels):
        release = since(lambda k: k.runs_get_error_type)
        yield fault.path, f"{fault.why}: refused without a word since {release}"


@rule("linux-erst-range", Erst, Level.ERROR, "add the instruction entries for it", action.RANGE)
def erst_range(table: Erst, place: Place) -> Faults:
    """Linux refuses an ERST that does not tell the error log's address range."""
    if fault := action.range_fault(table):
        yield fault.path, f"Failed to get Error Log Address Range: {fault.why}"


@rule(
    "linux-erst-operand", ErstInstructionEntry, Level.WARNING,
    "have the entry before it read or write the very value, or do without it", action.OPERAND,
)  # fmt: skip
def erst_operand(entry: ErstInstructionEntry, place: Place) -> Faults:
    """Linux takes what was read or written last as the operand of stalls, jumps and additions."""
    if action.ignores_value(entry):
        yield "value", f"Linux does not look at {entry.value:#x}"


@rule(
    "linux-trigger-refused", TriggerActionTable, Level.ERROR,
    "write sizes and count as the entries have them", action.TRIGGER,
)  # fmt: skip
def trigger_refused(table: TriggerActionTable, place: Place) -> Faults:
    """Linux refuses a trigger table whose sizes do not fit, or that is longer than a page."""
    if fault := action.trigger_fault(table):
        yield fault.path, f"{action.check_trigger(table).message} {fault.why}"
