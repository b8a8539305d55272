"""What plans of EINJ and ERST share: an instruction for each action, on a register of its own."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apeitool.acpi.action import Instruction, InstructionEntry, InstructionFlags
from apeitool.acpi.einj import SetErrorTypeWithAddress
from apeitool.errors import EncodeError
from apeitool.plan.keys import Plan, Register, register, split, table
from apeitool.plan.room import Room, extent
from apeitool.registers.address import GenericAddress
from apeitool.render.plain import from_plain, nearest

ACTIONS = (
    "action = the address of its register; or fields of its instruction entry; or false, and the "
    "table lacks it"
)


class Step(enum.Enum):
    """What an action does to its register."""

    ORDER = "writes that it shall be done"
    SET = "writes what the operating system gives"
    SET_STRUCTURE = "writes the first word of a structure"
    GET = "reads what firmware gives"
    EXECUTE = "makes busy"
    BUSY = "reads whether firmware is busy"


_INSTRUCTIONS = {
    Step.ORDER: Instruction.WRITE_REGISTER_VALUE,
    Step.SET: Instruction.WRITE_REGISTER,
    Step.SET_STRUCTURE: Instruction.WRITE_REGISTER,
    Step.GET: Instruction.READ_REGISTER,
    Step.EXECUTE: Instruction.WRITE_REGISTER_VALUE,
    Step.BUSY: Instruction.READ_REGISTER,
}
_WRITES = (Instruction.WRITE_REGISTER, Instruction.WRITE_REGISTER_VALUE)
_WORD = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True)
class Action:
    """An action as far as a plan describes it: the fields that it gives, and its register."""

    number: Any
    step: Step
    fields: dict[str, Any]
    register: Register
    path: str

    @property
    def length(self) -> int:
        """Bytes that begin where its register is."""
        return SetErrorTypeWithAddress.fixed_size if self.step is Step.SET_STRUCTURE else 8


def described(
    given: Plan,
    steps: Mapping[Any, Step],
    kind: type[InstructionEntry],
    path: str,
    *,
    optional: Collection[Any] = (),
) -> list[Action]:
    """The actions that a table shall have; the ``optional`` ones only if the plan has them.

    Raises:  EncodeError for an action that is not among ``steps``, or is described wrongly.
    """
    path = f"{path}.actions"
    said = table(given.get("actions", {}), path)
    numbers = {action.name: action for action in steps}
    for name in said:
        if name not in numbers:
            wrong = f"this table has no such action{nearest(name, numbers)}"
            raise EncodeError(wrong, path=f"{path}.{name}")
    found = []
    for name, number in numbers.items():
        value = said.get(name, number not in optional)
        if value is not False:
            found.append(_described(number, steps[number], value, kind, f"{path}.{name}"))
    return found


def _described(
    number: Any, step: Step, value: Any, kind: type[InstructionEntry], path: str
) -> Action:
    if value is True:
        value = {}
    said = value if isinstance(value, dict) else {"register_region": value}
    fields = split(said, ("register_region",), kind, path)
    given = from_plain(fields, kind, path)
    return Action(
        number,
        step,
        {name: getattr(given, name) for name in fields},
        register(
            said.get("register_region"),
            f"{path}.register_region",
            bits=32 if step is Step.SET_STRUCTURE else 64,
        ),
        path,
    )


def said_places(actions: Sequence[Action]) -> list[tuple[str, range]]:
    """Where the registers are that a plan places; several actions may have one."""
    paths: dict[range, str] = {}
    for action in actions:
        place = extent(action.register.shape) if action.register.is_placed else range(0)
        if place and action.length > place.stop - place.start:
            place = range(place.start, place.start + action.length)
        paths.setdefault(place, action.path)
    return [(path, place) for place, path in paths.items()]


def entries(actions: Sequence[Action], kind: type[InstructionEntry], room: Room) -> list[Any]:
    """An instruction entry for each action."""
    places = _places(actions, room)
    orders = Counter(places[action.number] for action in actions if action.step is Step.ORDER)
    found = []
    for action in actions:
        at = places[action.number]
        # In a register that is for several orders, each has its number.
        value = int(action.number) if orders[at] > 1 else 1
        found.append(_entry(action, at, value, kind))
    return found


def _places(actions: Sequence[Action], room: Room) -> dict[Any, GenericAddress]:
    """The register of each action.

    Executing raises the very bit that the busy status reads, unless it is said to be elsewhere, and
    firmware lowers it: so no guest can look before firmware has begun.
    """
    places: dict[Any, GenericAddress] = {}
    busy = next((action for action in actions if action.step is Step.BUSY), None)
    for action in actions:
        if action.step is not Step.EXECUTE or action.register.is_placed or busy is None:
            places[action.number] = action.register.placed(room, action.length)
    for action in actions:
        if busy is not None and action.number not in places:
            at = places[busy.number]
            shape = action.register.shape.replace(address=at.address)
            places[action.number] = shape if action.register.is_said else at
    return places


def _entry(
    action: Action, at: GenericAddress, value: int, kind: type[InstructionEntry]
) -> InstructionEntry:
    writes_value = action.step in (Step.ORDER, Step.EXECUTE)
    fields = {
        "action": action.number,
        "instruction": _INSTRUCTIONS[action.step],
        "register_region": at,
        "value": value if writes_value else 0,
        "mask": 1 if action.step is Step.BUSY else (1 << at.register_bit_width) - 1 & _WORD,
    } | action.fields
    if "flags" not in fields:
        accessed = (1 << 8 * at.access_size.length) - 1
        is_part = fields["mask"] << at.register_bit_offset != accessed
        keeps = is_part and fields["instruction"] in _WRITES
        fields["flags"] = int(InstructionFlags.PRESERVE_REGISTER) if keeps else 0
    return kind(**fields)
