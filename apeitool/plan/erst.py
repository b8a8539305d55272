"""ERST: a page of registers and a range for records; or the two registers of a device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from apeitool.acpi.action import Instruction
from apeitool.acpi.erst import Erst, ErstAction, ErstInstructionEntry
from apeitool.firmware.erst import Serializer
from apeitool.memory import Memory
from apeitool.plan.action import PAGE, REGISTERS, Step, entry, instruction, registers, with_entries
from apeitool.plan.built import Built, extent, merged
from apeitool.plan.keys import Plan, choice, number, split
from apeitool.registers.address import GenericAddress
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
    "memory": "a page of registers from here on, then the error log address range",
    "registers": REGISTERS,
    "record_length": "bytes of the longest record: the length of the error log address range",
    "log": "where the error log address range is",
    "style": "memory: a register for each action; device: two, action and value, as QEMU's acpi-erst",
}


def build(given: Plan, path: str) -> Built:
    """An ERST whose registers are memory, with a range for one record; or that of a device."""
    fields = split(given, KEYS, Erst, path)
    page = number(given, "memory", path)
    style = choice(given.get("style", "memory"), ("memory", "device"), f"{path}.style")
    if style == "device":
        return _of_device(fields, page)
    found = registers(given, STEPS, {action: page + 8 * action for action in STEPS}, path)
    length = number(given, "record_length", path)
    start = number(given, "log", path) if "log" in given else page + PAGE
    log = range(start, start + length)
    fields = with_entries(
        fields,
        (ErstInstructionEntry(action=a, **instruction(STEPS[a], at)) for a, at in found.items()),
    )
    table = cast("Erst", from_plain({**fields, "kind": "Erst"}))

    def prepare(memory: Memory) -> None:
        Serializer(table, memory, log, store={})

    ranges = [range(page, page + PAGE), log]
    ranges += [extent(entry.register_region) for entry in table.entries]
    return Built(table, merged(ranges), prepare)


def _of_device(fields: dict[str, Any], base: int) -> Built:
    """The table of a device, which needs no memory."""
    fields = with_entries(fields, _device_entries(base))
    return Built(cast("Erst", from_plain({**fields, "kind": "Erst"})), (), lambda memory: None)


WIDE = {
    ErstAction.GET_RECORD_IDENTIFIER,
    ErstAction.SET_RECORD_IDENTIFIER,
    ErstAction.GET_ERROR_LOG_ADDRESS_RANGE,
    ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_LENGTH,
    ErstAction.GET_EXECUTE_OPERATION_TIMINGS,
}
"""Actions whose value has 64 bits in QEMU's device; the others' have 32."""

EXECUTE_MAGIC = 0x9C
"""What QEMU's device wants to see in its value register before it executes."""


def _device_entries(base: int) -> Iterator[ErstInstructionEntry]:
    """The programs of a device with an action register and, behind it, a value register.

    Source:  QEMU hw/acpi/erst.c, docs/specs/acpi_erst.rst
    """
    for action, step in STEPS.items():
        value = GenericAddress.memory(base + 8, bits=64 if action in WIDE else 32)
        told = entry(
            Instruction.WRITE_REGISTER_VALUE,
            GenericAddress.memory(base, bits=32), 0xFFFFFFFF, int(action),
        )  # fmt: skip
        mask = (1 << value.register_bit_width) - 1
        programs = {
            Step.ORDER: (told,),
            Step.SET: (entry(Instruction.WRITE_REGISTER, value, mask), told),
            Step.EXECUTE: (
                entry(Instruction.WRITE_REGISTER_VALUE, value, mask, EXECUTE_MAGIC), told,
            ),
            Step.BUSY: (told, entry(Instruction.READ_REGISTER_VALUE, value, mask, 1)),
            Step.GET: (told, entry(Instruction.READ_REGISTER, value, mask)),
        }  # fmt: skip
        for each in programs[step]:
            yield ErstInstructionEntry(action=action, **each)
