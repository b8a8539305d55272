"""EINJ: a register for each action, at which firmware looks, and what else injection needs."""

from __future__ import annotations

from typing import Any

from apeitool.acpi.einj import Einj, EinjAction, EinjInstructionEntry, ErrorTypes
from apeitool.errors import EncodeError
from apeitool.firmware.einj import TRIGGER_LENGTH, Injector
from apeitool.memory import Memory
from apeitool.plan.action import ACTIONS, Step, described, entries, said_places
from apeitool.plan.built import Built
from apeitool.plan.keys import Plan, choice, number, split
from apeitool.plan.room import Room
from apeitool.render.plain import from_plain, integer

STEPS = {
    EinjAction.BEGIN_INJECTION_OPERATION: Step.ORDER,
    EinjAction.GET_TRIGGER_ERROR_ACTION_TABLE: Step.GET,
    EinjAction.SET_ERROR_TYPE: Step.SET,
    EinjAction.GET_ERROR_TYPE: Step.GET,
    EinjAction.END_OPERATION: Step.ORDER,
    EinjAction.EXECUTE_OPERATION: Step.EXECUTE,
    EinjAction.CHECK_BUSY_STATUS: Step.BUSY,
    EinjAction.GET_COMMAND_STATUS: Step.GET,
    EinjAction.SET_ERROR_TYPE_WITH_ADDRESS: Step.SET_STRUCTURE,
    EinjAction.GET_EXECUTE_OPERATION_TIMINGS: Step.GET,
    EinjAction.EINJV2_SET_ERROR_TYPE: Step.SET,
    EinjAction.EINJV2_GET_ERROR_TYPE: Step.GET,
}

EINJV2 = (EinjAction.EINJV2_SET_ERROR_TYPE, EinjAction.EINJV2_GET_ERROR_TYPE)

KEYS = {
    "memory": "from here on: the registers, the structure of SET_ERROR_TYPE_WITH_ADDRESS, the trigger",
    "error_types": "what firmware offers, of " + ", ".join(ErrorTypes.__members__),
    "actions": ACTIONS,
    "trigger_error_action_table": "where firmware has it, and behind it the register that it writes",
}

DEFAULTS = {
    "error_types": [
        "MEMORY_CORRECTABLE", "MEMORY_UNCORRECTABLE_NON_FATAL", "MEMORY_UNCORRECTABLE_FATAL",
    ],
}  # fmt: skip


def build(given: Plan, path: str) -> Built:
    """An EINJ whose registers are memory: firmware looks there for what the guest has asked."""
    fields = split(given, KEYS, Einj, path)
    offered = _error_types(given["error_types"], f"{path}.error_types")
    actions = described(given, STEPS, EinjInstructionEntry, path, optional=EINJV2)
    said = said_places(actions)
    trigger = number(given, "trigger_error_action_table", path)
    if trigger is not None:
        place = range(trigger, trigger + TRIGGER_LENGTH)
        said.append((f"{path}.trigger_error_action_table", place))
    room = Room(number(given, "memory", path), said, path)
    derived = entries(actions, EinjInstructionEntry, room)
    trigger_table = room.take(TRIGGER_LENGTH) if trigger is None else trigger
    table = from_plain({"entries": derived, **fields}, Einj, path)

    def prepare(memory: Memory) -> Injector:
        return Injector(table, memory, supported=offered, trigger_table=trigger_table)

    return Built(table, room.extents, prepare)


def _error_types(value: Any, path: str) -> ErrorTypes:
    """Error types as a number, a list of names, or text with commas between them."""
    if isinstance(value, str) and not value[:1].isdigit():
        value = [word.strip() for word in value.split(",")]
    if not isinstance(value, list):
        bits = integer(value, path)
        if bits >> 32:
            raise EncodeError("error types have 32 bits", path=path)
        return ErrorTypes(bits)
    found = ErrorTypes(0)
    for name in value:
        found |= ErrorTypes[choice(name, ErrorTypes.__members__, path)]
    return found
