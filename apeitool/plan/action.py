"""What plans of EINJ and ERST share: an instruction for each action, on a register of its own."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, cast

from apeitool.acpi.action import Instruction, InstructionEntry
from apeitool.errors import EncodeError
from apeitool.plan.keys import Plan, choice, register
from apeitool.registers.address import GenericAddress
from apeitool.render.plain import from_plain, to_plain

PAGE = 0x1000
"""Bytes that the registers of a table have."""

REGISTERS = "action = address, or a table of a register's fields: where one is elsewhere"


class Step(enum.Enum):
    """What an action does to its register."""

    ORDER = "writes that it shall be done"
    SET = "writes what the operating system gives"
    GET = "reads what firmware gives"
    EXECUTE = "makes busy"
    BUSY = "reads whether firmware is busy"


def registers(
    given: Plan, steps: Mapping[Any, Step], places: Mapping[Any, int], path: str
) -> dict[Any, GenericAddress]:
    """The register of each action: where it is said to be, or at its place.

    Executing raises the very bit that the busy status reads, and firmware lowers it: so no guest
    can look before firmware has begun.
    """
    here = f"{path}.registers"
    said = given.get("registers", {})
    if not isinstance(said, dict):
        raise EncodeError("a table is needed: action = address", path=here)
    by_name = {action.name: action for action in steps}
    for name in said:
        choice(name, by_name, f"{here}.{name}")
    found = {}
    for name, action in by_name.items():
        plain = register(said.get(name), partial(places.__getitem__, action), f"{here}.{name}")
        found[action] = cast("GenericAddress", from_plain(plain, GenericAddress, f"{here}.{name}"))
    busy = next(action for action, step in steps.items() if step is Step.BUSY)
    for action, step in steps.items():
        if step is Step.EXECUTE and action.name not in said:
            found[action] = found[busy]
    return found


def instruction(step: Step, at: GenericAddress) -> dict[str, Any]:
    """The one instruction of an action that has a register of its own."""
    mask = (1 << at.register_bit_width) - 1
    match step:
        case Step.ORDER | Step.EXECUTE:
            writes = 1 if step is Step.EXECUTE else mask
            return entry(Instruction.WRITE_REGISTER_VALUE, at, writes, value=1)
        case Step.SET:
            return entry(Instruction.WRITE_REGISTER, at, mask)
        case Step.BUSY:
            return entry(Instruction.READ_REGISTER, at, 1)
        case Step.GET:
            return entry(Instruction.READ_REGISTER, at, mask)


def entry(
    instruction: Instruction, at: GenericAddress, mask: int, value: int = 0
) -> dict[str, Any]:
    """The fields of an instruction entry."""
    return {"instruction": instruction, "register_region": at, "mask": mask, "value": value}


def with_entries(fields: dict[str, Any], derived: Iterable[InstructionEntry]) -> dict[str, Any]:
    """The fields of a table, with these entries where it gives none of its own."""
    return fields if "entries" in fields else {**fields, "entries": [*map(to_plain, derived)]}
