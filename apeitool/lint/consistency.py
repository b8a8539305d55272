"""What parts of one table say of each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from apeitool.acpi.action import Instruction, InstructionEntry, actions
from apeitool.acpi.einj import (
    INSTRUCTIONS,
    Einj,
    EinjAction,
    EinjInstructionEntry,
    TriggerActionTable,
)
from apeitool.acpi.erst import Erst, ErstAction
from apeitool.acpi.header import Table
from apeitool.acpi.hest.generic import NO_RELATED_SOURCE, Ghes, GhesV2
from apeitool.acpi.hest.machine_check import MachineCheckSource
from apeitool.acpi.hest.source import ErrorSource, SourceFlags
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntryV3, StatusBlock
from apeitool.lint.finding import Level
from apeitool.lint.rule import Faults, Place, rule
from apeitool.registers.address import AddressSpace, GenericAddress

_DIRECT = (AddressSpace.SYSTEM_MEMORY, AddressSpace.SYSTEM_IO)
"""Address spaces in which a register lies at an address of bytes."""


def _sources(hest: Hest) -> Iterator[tuple[str, ErrorSource]]:
    """The sources of a table that have an id, each with its path."""
    for index, source in enumerate(hest.sources):
        if isinstance(source, ErrorSource):
            yield f"sources[{index}]", source


@rule(
    "related-source-missing", Hest, Level.ERROR,
    "name the source that this one assists, or write 0xffff",
)  # fmt: skip
def related_source_missing(hest: Hest, place: Place) -> Faults:
    """A related source is a source of the table."""
    ids = {NO_RELATED_SOURCE} | {source.source_id for _, source in _sources(hest)}
    for path, source in _sources(hest):
        if isinstance(source, Ghes) and source.related_source_id not in ids:
            said = f"the table has no source {source.related_source_id}"
            yield f"{path}.related_source_id", said


@rule(
    "related-source-no-assist", Hest, Level.WARNING,
    "set GHES_ASSIST in the related source, or write 0xffff",
)  # fmt: skip
def related_source_no_assist(hest: Hest, place: Place) -> Faults:
    """A related source asks for assistance: it is a machine check source with GHES_ASSIST."""
    others = {source.source_id: source for _, source in _sources(hest)}
    for path, source in _sources(hest):
        other = others.get(source.related_source_id) if isinstance(source, Ghes) else None
        if other is not None and not _asks_for_assistance(other):
            said = f"source {other.source_id} does not ask for assistance"
            yield f"{path}.related_source_id", said


@rule(
    "ghes-assist-alone", Hest, Level.WARNING,
    "add a generic source that is related to it, or clear GHES_ASSIST",
)  # fmt: skip
def ghes_assist_alone(hest: Hest, place: Place) -> Faults:
    """A source with GHES_ASSIST has a generic source that assists it."""
    helped = {s.related_source_id for s in hest.sources if isinstance(s, Ghes)}
    for path, source in _sources(hest):
        if _asks_for_assistance(source) and source.source_id not in helped:
            yield f"{path}.flags", f"no generic source is related to source {source.source_id}"


def _asks_for_assistance(source: ErrorSource) -> bool:
    flags = getattr(source, "flags", 0)
    return isinstance(source, MachineCheckSource) and bool(flags & SourceFlags.GHES_ASSIST)


class _Span(NamedTuple):
    """Bytes that a register of a table takes; ``owner`` says whose it is."""

    space: int
    start: int
    end: int
    owner: str


def _span(owner: str, register: GenericAddress) -> _Span:
    bits = register.register_bit_offset + register.register_bit_width
    return _Span(
        register.address_space_id, register.address, register.address + (bits + 7) // 8, owner
    )


def _spans(hest: Hest) -> list[_Span]:
    """Where the registers of enabled generic sources are, in the order of their addresses."""
    found = []
    for index, source in enumerate(hest.sources):
        if isinstance(source, Ghes) and source.enabled:
            name = f"sources[{index}]"
            found.append(_span(f"{name}.error_status_address", source.error_status_address))
            if isinstance(source, GhesV2):
                found.append(_span(f"{name}.read_ack_register", source.read_ack_register))
    return sorted(s for s in found if s.start and s.space in _DIRECT)


@rule("register-overlap", Hest, Level.ERROR, "place the registers apart")
def register_overlap(hest: Hest, place: Place) -> Faults:
    """Registers of a table that begin at different addresses share no byte."""
    for one, other in pairwise(_spans(hest)):
        if one.space == other.space and one.start < other.start < one.end:
            yield f"{other.owner}.address", f"{one.owner} reaches to {one.end:#x}, into this one"


@rule("register-shared", Hest, Level.WARNING, "give each source registers of its own")
def register_shared(hest: Hest, place: Place) -> Faults:
    """Two registers of a table are not one: neither of two sources, nor address and read ack."""
    for one, other in pairwise(_spans(hest)):
        if one[:2] == other[:2]:
            yield f"{other.owner}.address", f"{one.owner} is at {one.start:#x} too"


@rule("register-unaligned", GenericAddress, Level.WARNING, "align it to its access size")
def register_unaligned(register: GenericAddress, place: Place) -> Faults:
    """A register in memory or I/O space is aligned to its access."""
    length = register.access_size.length
    if length and register.address_space_id in _DIRECT and register.address % length:
        yield "address", f"{register.address:#x} is not aligned to the {length} bytes of an access"


@rule("block-length-content", Ghes, Level.WARNING, "reserve a longer block, or allow less raw data")
def block_length_content(source: Ghes, place: Place) -> Faults:
    """A source's block has room for its header, one data entry's, and all raw data at once."""
    headers = StatusBlock.fixed_size + GenericErrorDataEntryV3.fixed_size
    need, room = headers + source.max_raw_data_length, source.error_status_block_length
    if StatusBlock.fixed_size <= room < need:
        said = f"{room} bytes, but headers and raw data take {need}"
        yield "error_status_block_length", said


@rule("read-ack-no-change", GhesV2, Level.ERROR, "keep all bits but one, and set that one")
def read_ack_no_change(source: GhesV2, place: Place) -> Faults:
    """Acknowledging changes the read ack register: else firmware cannot see it."""
    whole = _ones(source.read_ack_register.register_bit_width)
    keeps_all = source.read_ack_preserve & whole == whole
    if source.read_ack_register.address and keeps_all and not source.read_ack_write & whole:
        yield "read_ack_write", "every bit is kept and none is set"


@rule("read-ack-write-lost", GhesV2, Level.WARNING, "set bits that the register has")
def read_ack_write_lost(source: GhesV2, place: Place) -> Faults:
    """The bits that acknowledging sets are bits of the read ack register."""
    lost = source.read_ack_write & ~_ones(source.read_ack_register.register_bit_width)
    if source.read_ack_register.address and lost:
        width = source.read_ack_register.register_bit_width
        yield "read_ack_write", f"bits {lost:#x} lie outside the {width} bits of the register"


def _ones(width: int) -> int:
    return (1 << width) - 1


EINJ_NEEDS = (
    (EinjAction.BEGIN_INJECTION_OPERATION,),
    (EinjAction.GET_TRIGGER_ERROR_ACTION_TABLE,),
    (
        EinjAction.SET_ERROR_TYPE,
        EinjAction.SET_ERROR_TYPE_WITH_ADDRESS,
        EinjAction.EINJV2_SET_ERROR_TYPE,
    ),
    (EinjAction.GET_ERROR_TYPE, EinjAction.EINJV2_GET_ERROR_TYPE),
    (EinjAction.END_OPERATION,),
    (EinjAction.EXECUTE_OPERATION,),
    (EinjAction.CHECK_BUSY_STATUS,),
    (EinjAction.GET_COMMAND_STATUS,),
)
"""Actions without which nothing can be injected; of those in one row, any will do."""

ERST_CAN_LACK = (ErstAction.BEGIN_DUMMY_WRITE_OPERATION, ErstAction.GET_EXECUTE_OPERATION_TIMINGS)


@rule("einj-action-missing", Einj, Level.ERROR, "add the instruction entries for it")
def einj_action_missing(table: Einj, place: Place) -> Faults:
    """EINJ has every action that injecting takes."""
    there = actions(table.entries)
    for needed in EINJ_NEEDS:
        if not any(int(action) in there for action in needed):
            yield "entries", f"there is no {needed[0].name}"


@rule("erst-action-missing", Erst, Level.ERROR, "add the instruction entries for it")
def erst_action_missing(table: Erst, place: Place) -> Faults:
    """ERST has every action that reading, writing and clearing records take."""
    there = actions(table.entries)
    for action in ErstAction:
        if action not in ERST_CAN_LACK and int(action) not in there:
            yield "entries", f"there is no {action.name}"


@rule("action-apart", Table, Level.WARNING, "put the entries of an action together")
def action_apart(table: Table, place: Place) -> Faults:
    """The entries of an action follow one another."""
    ended: set[int] = set()
    for index, (last, entry) in enumerate(pairwise(_entries(table)), 1):
        if entry.action == last.action:
            continue
        ended.add(last.action)
        if entry.action in ended:
            said = f"action {int(entry.action)} had ended, and goes on here"
            yield f"entries[{index}].action", said


@rule("entry-repeated", Table, Level.WARNING, "leave one of them out")
def entry_repeated(table: Table, place: Place) -> Faults:
    """No instruction entry follows itself: the operating system would execute both."""
    for index, (last, entry) in enumerate(pairwise(_entries(table)), 1):
        if entry == last:
            yield f"entries[{index}].action", "the entry before is the same"


def _entries(table: Table) -> Sequence[InstructionEntry]:
    return table.entries if isinstance(table, Einj | Erst) else ()


@rule("trigger-action", TriggerActionTable, Level.ERROR, "write TRIGGER_ERROR, 0xff")
def trigger_action(table: TriggerActionTable, place: Place) -> Faults:
    """The entries of a trigger table belong to TRIGGER_ERROR."""
    for index, entry in enumerate(table.entries):
        if entry.action != EinjAction.TRIGGER_ERROR:
            yield f"entries[{index}].action", f"{int(entry.action):#x}, but it is 0xff"


@rule(
    "instruction-not-einj", EinjInstructionEntry, Level.ERROR,
    "use the instructions 0 to 4: the others are ERST's",
)  # fmt: skip
def instruction_not_einj(entry: EinjInstructionEntry, place: Place) -> Faults:
    """EINJ has the first five instructions."""
    if entry.instruction not in INSTRUCTIONS:
        yield "instruction", f"{int(entry.instruction)} is none of 0 to {INSTRUCTIONS[-1]}"


@rule("mask-outside-register", InstructionEntry, Level.WARNING, "mask bits that the register has")
def mask_outside_register(entry: InstructionEntry, place: Place) -> Faults:
    """The mask has bits of the register only."""
    width = entry.register_region.register_bit_width
    outside = entry.mask & ~_ones(width)
    if entry.register_region.address and outside:
        yield "mask", f"bits {outside:#x} lie outside the {width} bits of the register"


_MASKED = (Instruction.READ_REGISTER_VALUE, Instruction.WRITE_REGISTER_VALUE)


@rule("value-outside-mask", InstructionEntry, Level.WARNING, "widen the mask, or clear the bits")
def value_outside_mask(entry: InstructionEntry, place: Place) -> Faults:
    """The value that is compared or written has bits of the mask only."""
    outside = entry.value & ~entry.mask
    if entry.instruction in _MASKED and outside:
        yield "value", f"bits {outside:#x} are masked out"
