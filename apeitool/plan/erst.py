"""ERST: a register for each action, at which firmware looks, and a range for a record."""

from __future__ import annotations

from apeitool.acpi.erst import Erst, ErstAction, ErstInstructionEntry
from apeitool.firmware.erst import Serializer
from apeitool.firmware.store import MemoryStore
from apeitool.memory import Memory
from apeitool.plan.action import ACTIONS, Step, described, entries, said_places
from apeitool.plan.built import Built
from apeitool.plan.keys import Plan, needed, number, split
from apeitool.plan.room import Room
from apeitool.render.plain import from_plain

STEPS = {
    ErstAction.BEGIN_WRITE_OPERATION: Step.ORDER,
    ErstAction.BEGIN_READ_OPERATION: Step.ORDER,
    ErstAction.BEGIN_CLEAR_OPERATION: Step.ORDER,
    ErstAction.END_OPERATION: Step.ORDER,
    ErstAction.SET_RECORD_OFFSET: Step.SET,
    ErstAction.EXECUTE_OPERATION: Step.EXECUTE,
    ErstAction.CHECK_BUSY_STATUS: Step.BUSY,
    ErstAction.GET_COMMAND_STATUS: Step.GET,
    ErstAction.GET_RECORD_IDENTIFIER: Step.GET,
    ErstAction.SET_RECORD_IDENTIFIER: Step.SET,
    ErstAction.GET_RECORD_COUNT: Step.GET,
    ErstAction.BEGIN_DUMMY_WRITE_OPERATION: Step.ORDER,
    ErstAction.GET_ERROR_LOG_ADDRESS_RANGE: Step.GET,
    ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_LENGTH: Step.GET,
    ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_ATTRIBUTES: Step.GET,
    ErstAction.GET_EXECUTE_OPERATION_TIMINGS: Step.GET,
}

KEYS = {
    "memory": "from here on: the registers, and in pages of its own the error log address range",
    "record_length": "bytes of the longest record: the length of the error log address range",
    "error_log_address_range": "where it is",
    "actions": ACTIONS,
}

DEFAULTS = {"record_length": 0x2000}

_PAGE = 0x1000


def build(given: Plan, path: str) -> Built:
    """An ERST whose registers are memory, and a range for one record."""
    fields = split(given, KEYS, Erst, path)
    actions = described(given, STEPS, ErstInstructionEntry, path)
    said = said_places(actions)
    length = needed(given, "record_length", path)
    start = number(given, "error_log_address_range", path)
    if start is not None:
        said.append((f"{path}.error_log_address_range", range(start, start + length)))
    room = Room(number(given, "memory", path), said, path)
    derived = entries(actions, ErstInstructionEntry, room)
    if start is None:
        start = room.take(length, _PAGE)
    table = from_plain({"entries": derived, **fields}, Erst, path)
    log = range(start, start + length)

    def prepare(memory: Memory) -> Serializer:
        return Serializer(table, memory, log, store=MemoryStore())

    return Built(table, room.extents, prepare)
