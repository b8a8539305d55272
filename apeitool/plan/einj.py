"""EINJ: a page of registers, an action each, which firmware looks at."""

from __future__ import annotations

from typing import cast

from apeitool.acpi.action import InstructionFlags
from apeitool.acpi.einj import (
    Einj,
    EinjAction,
    EinjInstructionEntry,
    ErrorTypes,
    SetErrorTypeWithAddress,
    TriggerActionTable,
)
from apeitool.firmware.einj import Injector
from apeitool.memory import Memory
from apeitool.plan.action import PAGE, REGISTERS, Step, instruction, registers, with_entries
from apeitool.plan.built import Built, extent, merged
from apeitool.plan.keys import Plan, choice, names, number, split
from apeitool.registers.address import GenericAddress
from apeitool.render.plain import from_plain

STEPS = {
    EinjAction.BEGIN_INJECTION_OPERATION: Step.ORDER,
    EinjAction.GET_TRIGGER_ERROR_ACTION_TABLE: Step.GET,
    EinjAction.SET_ERROR_TYPE: Step.SET,
    EinjAction.GET_ERROR_TYPE: Step.GET,
    EinjAction.END_OPERATION: Step.ORDER,
    EinjAction.EXECUTE_OPERATION: Step.EXECUTE,
    EinjAction.CHECK_BUSY_STATUS: Step.BUSY,
    EinjAction.GET_COMMAND_STATUS: Step.GET,
    EinjAction.SET_ERROR_TYPE_WITH_ADDRESS: Step.SET,
    EinjAction.GET_EXECUTE_OPERATION_TIMINGS: Step.GET,
}

_WITH_ADDRESS = 0x800
_TRIGGER = 0xF00
"""Where in the page its structure and its trigger error action table are."""

KEYS = {
    "memory": "a page from here on: a register for each action, and what else injection needs",
    "supported": "the error types that firmware offers, of " + ", ".join(ErrorTypes.__members__),
    "registers": REGISTERS,
    "trigger_table": "where firmware puts the trigger error action table, and a register behind it",
}


def build(given: Plan, path: str) -> Built:
    """An EINJ whose registers are memory: firmware looks there for what the guest has asked."""
    fields = split(given, KEYS, Einj, path)
    page = number(given, "memory", path)
    trigger = number(given, "trigger_table", path) if "trigger_table" in given else page + _TRIGGER
    places = {action: page + 8 * action for action in STEPS}
    places[EinjAction.SET_ERROR_TYPE_WITH_ADDRESS] = page + _WITH_ADDRESS
    found = registers(given, STEPS, places, path)
    fields = with_entries(fields, (_entry(*pair) for pair in found.items()))
    table = cast("Einj", from_plain({**fields, "kind": "Einj"}))
    supported = ErrorTypes(0)
    for name in names(given, "supported", path):
        supported |= ErrorTypes[choice(name, ErrorTypes.__members__, f"{path}.supported")]

    def prepare(memory: Memory) -> None:
        Injector(table, memory, supported=supported, trigger_table=trigger)

    behind = TriggerActionTable.fixed_size + EinjInstructionEntry.fixed_size + 8
    ranges = [range(page, page + PAGE), range(trigger, trigger + behind)]
    for entry in table.entries:
        at = extent(entry.register_region)
        ranges.append(at)
        if entry.action == EinjAction.SET_ERROR_TYPE_WITH_ADDRESS:
            ranges.append(range(at.start, at.start + SetErrorTypeWithAddress.fixed_size))
    return Built(table, merged(ranges), prepare)


def _entry(action: EinjAction, at: GenericAddress) -> EinjInstructionEntry:
    entry = EinjInstructionEntry(action=action, **instruction(STEPS[action], at))
    if action is EinjAction.SET_ERROR_TYPE_WITH_ADDRESS:
        # The register is the head of a structure, of which the type alone is the operand.
        keep = int(InstructionFlags.PRESERVE_REGISTER)
        entry = entry.replace(flags=keep, mask=entry.mask & 0xFFFFFFFF)
    return entry
