"""What the instruction entries of EINJ, ERST and a trigger table say of each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

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
from apeitool.lint.consistency import ones
from apeitool.lint.finding import Level
from apeitool.lint.rule import Faults, Place, rule
from apeitool.lint.spans import overlaps, parameters, spans
from apeitool.wire.record import Structure

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
    outside = entry.mask & ~ones(width)
    if entry.register_region.address and outside:
        yield "mask", f"bits {outside:#x} lie outside the {width} bits of the register"


_MASKED = (Instruction.READ_REGISTER_VALUE, Instruction.WRITE_REGISTER_VALUE)


@rule("value-outside-mask", InstructionEntry, Level.WARNING, "widen the mask, or clear the bits")
def value_outside_mask(entry: InstructionEntry, place: Place) -> Faults:
    """The value that is compared or written has bits of the mask only."""
    outside = entry.value & ~entry.mask
    if entry.instruction in _MASKED and outside:
        yield "value", f"bits {outside:#x} are masked out"


_SHARES = "ACPI 6.5 18.5.1.2, 18.6.2"


@rule(
    "action-register-overlap", Structure, Level.WARNING,
    "let registers be the same or apart", _SHARES,
)  # fmt: skip
def action_register_overlap(table: Structure, place: Place) -> Faults:
    """Registers of instructions that begin at different addresses share no byte."""
    if isinstance(table, Einj | Erst | TriggerActionTable):
        for one, other in overlaps(spans(table)):
            yield other.path, f"{one.path} takes {one.place}, and reaches into this one"


@rule(
    "einj-parameter-overlap", Einj, Level.ERROR, "place the registers behind the structure",
    "ACPI 6.5 18.6.4",
)  # fmt: skip
def einj_parameter_overlap(table: Einj, place: Place) -> Faults:
    """The registers of an EINJ lie outside its SET_ERROR_TYPE_WITH_ADDRESS structure.

    Those at its head may be meant: the error type is its first field.
    """
    for structure in parameters(table):
        for other in spans(table):
            if other.start != structure.start and structure.meets(other):
                said = f"the structure that {structure.path} leads to takes {structure.place}"
                yield other.path, said


READS = (Instruction.READ_REGISTER, Instruction.READ_REGISTER_VALUE)
RETURNS = {
    Einj: (
        EinjAction.GET_TRIGGER_ERROR_ACTION_TABLE,
        EinjAction.GET_ERROR_TYPE,
        EinjAction.CHECK_BUSY_STATUS,
        EinjAction.GET_COMMAND_STATUS,
        EinjAction.GET_EXECUTE_OPERATION_TIMINGS,
        EinjAction.EINJV2_GET_ERROR_TYPE,
    ),
    Erst: (
        ErstAction.CHECK_BUSY_STATUS,
        ErstAction.GET_COMMAND_STATUS,
        ErstAction.GET_RECORD_IDENTIFIER,
        ErstAction.GET_RECORD_COUNT,
        ErstAction.GET_ERROR_LOG_ADDRESS_RANGE,
        ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_LENGTH,
        ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_ATTRIBUTES,
        ErstAction.GET_EXECUTE_OPERATION_TIMINGS,
    ),
}
"""Actions that return a value."""
TAKES = {
    Einj: (
        EinjAction.SET_ERROR_TYPE,
        EinjAction.SET_ERROR_TYPE_WITH_ADDRESS,
        EinjAction.EINJV2_SET_ERROR_TYPE,
    ),
    Erst: (ErstAction.SET_RECORD_OFFSET, ErstAction.SET_RECORD_IDENTIFIER),
}
"""Actions that are given a value."""


def _without(
    table: Table, wanted: Sequence[int], instructions: Sequence[Instruction], said: str
) -> Faults:
    """The first entry of each action that has none of these instructions."""
    fine = {e.action for e in _entries(table) if e.instruction in instructions}
    for index, entry in enumerate(_entries(table)):
        if entry.action in wanted and entry.action not in fine:
            fine.add(entry.action)
            yield f"entries[{index}].instruction", said


@rule(
    "action-reads-nothing", Table, Level.ERROR, "end it with READ_REGISTER or READ_REGISTER_VALUE",
    "ACPI 6.5 18.5.1.1, 18.6.1",
)  # fmt: skip
def action_reads_nothing(table: Table, place: Place) -> Faults:
    """An action that returns a value reads it from a register."""
    said = "no entry of the action reads a register"
    return _without(table, RETURNS.get(type(table), ()), READS, said)


@rule(
    "action-writes-nothing", Table, Level.ERROR, "have it WRITE_REGISTER",
    "ACPI 6.5 18.5.1.1, 18.6.1",
)  # fmt: skip
def action_writes_nothing(table: Table, place: Place) -> Faults:
    """An action that is given a value writes it to a register."""
    said = "no entry of the action writes what it is given"
    return _without(table, TAKES.get(type(table), ()), (Instruction.WRITE_REGISTER,), said)


@rule(
    "jump-outside-action", Erst, Level.ERROR, "go to an instruction of the same action",
    "ACPI 6.5 18.5.1.2",
)  # fmt: skip
def jump_outside_action(table: Erst, place: Place) -> Faults:
    """GOTO leads to an instruction of its action, by its number in the action."""
    lengths = {number: len(program) for number, program in actions(table.entries).items()}
    for index, entry in enumerate(table.entries):
        length = lengths[int(entry.action)]
        if entry.instruction == Instruction.GOTO and entry.value >= length:
            said = f"{entry.value}, but the action has {length} instructions"
            yield f"entries[{index}].value", said
