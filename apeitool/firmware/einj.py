"""Error injection: the operating system asks for an error by an EINJ, firmware injects it.

The rules:

1. The operating system begins (where the table has that action), sets the error type, with an
   address or without, and executes.  It asks until firmware is no longer busy, then for the status.
2. Where that is success, it asks for the trigger error action table, and executes it, unless it
   shall not: a trigger provokes the error that firmware has prepared.  It ends (as it began).
3. Firmware refuses what it does not support as an invalid access.  What it accepts waits for its
   trigger; a new request, or the end, takes the place of one that nobody triggers.
4. Set with an address: the structure is where the action's register is, its flags say what holds.

No I/O but memory, and no clock: `Injector.poll` looks, and tells what happened since.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from apeitool.acpi.action import Instruction
from apeitool.acpi.einj import (
    INSTRUCTIONS,
    CommandStatus,
    Einj,
    EinjAction,
    EinjInstructionEntry,
    ErrorTypes,
    SetErrorTypeWithAddress,
    TriggerActionTable,
)
from apeitool.errors import FirmwareFault, GuestFault
from apeitool.firmware.action import Executor, Operations, Registers
from apeitool.memory import Memory
from apeitool.registers.address import GenericAddress

LARGEST_TRIGGER = 4096
"""How many bytes of a trigger error action table are run at most."""

_TRIGGERED = TriggerActionTable.fixed_size + EinjInstructionEntry.fixed_size
"""Where, behind its one entry, an injector's trigger error action table writes."""

TRIGGER_LENGTH = _TRIGGERED + 8
"""Bytes of an injector's trigger error action table with the register that it writes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an injection came to; ``trigger`` is the table that was run."""

    status: CommandStatus
    trigger: TriggerActionTable | None = None


def inject(
    table: Einj,
    memory: Memory,
    error: ErrorTypes | SetErrorTypeWithAddress,
    *,
    turn: Callable[[], object],
    trigger: bool = True,
) -> Outcome:
    """Rules 1 and 2: inject an error as the operating system does.

    ``turn`` is called whenever the system waits for firmware: there, firmware may work.

    Raises:  GuestFault when firmware does not offer the type; FirmwareFault for a table that cannot
             be run, or when firmware stays busy; AccessError where a register is not in memory.
    Source:  ACPI 6.5 18.6.1, 18.6.5
    """
    system = Executor(table.entries, memory, turn, INSTRUCTIONS)
    kind = error.error_type if isinstance(error, SetErrorTypeWithAddress) else int(error)
    offered = system.run(EinjAction.GET_ERROR_TYPE)
    if not kind or kind & ~offered:
        raise GuestFault(f"the error type is {kind:#x}, firmware offers {offered:#x}")
    system.run_optional(EinjAction.BEGIN_INJECTION_OPERATION)
    if isinstance(error, SetErrorTypeWithAddress):
        memory.write(_structure_address(table), error.to_bytes())
        system.run(EinjAction.SET_ERROR_TYPE_WITH_ADDRESS, kind)
    else:
        system.run(EinjAction.SET_ERROR_TYPE, kind)
    status = CommandStatus(
        system.operate(
            EinjAction.EXECUTE_OPERATION,
            EinjAction.CHECK_BUSY_STATUS,
            EinjAction.GET_COMMAND_STATUS,
        )
    )
    provoking = None
    if status == CommandStatus.SUCCESS and trigger:
        provoking = read_trigger(memory, system.run(EinjAction.GET_TRIGGER_ERROR_ACTION_TABLE))
        Executor(provoking.entries, memory, turn, INSTRUCTIONS).run_optional(
            EinjAction.TRIGGER_ERROR
        )
    system.run_optional(EinjAction.END_OPERATION)
    return Outcome(status, provoking)


def read_trigger(memory: Memory, address: int) -> TriggerActionTable:
    """The trigger error action table at an address.

    Raises:  FirmwareFault when its sizes contradict each other; AccessError when it is not in memory.
    Source:  ACPI 6.5 18.6.5
    """
    first = TriggerActionTable.fixed_size
    head = TriggerActionTable.from_bytes(memory.read(address, first))
    room, entry = head.table_size - first, EinjInstructionEntry.fixed_size
    complaint = ""
    if head.header_size != first:
        complaint = f"its header has {first} bytes, not {head.header_size}"
    elif not first <= head.table_size <= LARGEST_TRIGGER:
        complaint = f"it cannot have {head.table_size} bytes"
    elif head.entry_count != room // entry:
        complaint = f"{head.entry_count} entries do not take {room} bytes"
    if complaint:
        raise FirmwareFault(f"trigger error action table at {address:#x}: {complaint}")
    return TriggerActionTable.from_bytes(memory.read(address, head.table_size))


def _structure_address(table: Einj) -> int:
    """Rule 4: where the structure of SET_ERROR_TYPE_WITH_ADDRESS is."""
    for entry in table.entries:
        if (
            entry.action == EinjAction.SET_ERROR_TYPE_WITH_ADDRESS
            and entry.instruction == Instruction.WRITE_REGISTER
        ):
            return entry.register_region.address
    raise FirmwareFault("the table has no action that sets an error type with an address")


class State(enum.Enum):
    """What an injector waits for."""

    IDLE = "idle"
    PREPARED = "prepared"
    DONE = "done"


class Event(enum.Enum):
    """What the guest does, as far as firmware sees it."""

    EXECUTE = "execute"
    REFUSED = "refused"
    TRIGGER = "trigger"
    END = "end"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.IDLE: {
        Event.EXECUTE: State.PREPARED,
        Event.REFUSED: State.DONE,  # 3
        Event.TRIGGER: State.IDLE,  # nothing is prepared
        Event.END: State.IDLE,
    },
    State.PREPARED: {
        Event.EXECUTE: State.PREPARED,  # 3
        Event.REFUSED: State.DONE,
        Event.TRIGGER: State.DONE,
        Event.END: State.IDLE,  # 3
    },
    State.DONE: {
        Event.EXECUTE: State.PREPARED,
        Event.REFUSED: State.DONE,
        Event.TRIGGER: State.DONE,  # once is enough
        Event.END: State.IDLE,
    },
}


@dataclass(frozen=True, slots=True)
class Request:
    """The guest asked for an error; with ``placed``, at an address.  Status is what it was told."""

    error_types: ErrorTypes
    placed: SetErrorTypeWithAddress | None
    status: CommandStatus


@dataclass(frozen=True, slots=True)
class Triggered:
    """The guest provoked the error of a request: now is the time to report it."""

    request: Request


class Injector:
    """Firmware behind an EINJ whose registers are plain memory.

    ``trigger_table`` is where it puts its trigger error action table, and the register that this
    writes: `TRIGGER_LENGTH` bytes.

    Raises:  FirmwareFault when the table leaves firmware nothing to see or to answer by; AccessError
             where a register is not in memory.
    Source:  ACPI 6.5 18.6
    """

    def __init__(
        self, table: Einj, memory: Memory, *, supported: ErrorTypes, trigger_table: int
    ) -> None:
        trigger = _trigger(trigger_table)
        self._memory = memory
        self._supported = supported
        self._request: Request | None = None
        self.state = State.IDLE
        memory.write(trigger_table, trigger.to_bytes())
        self._registers = Operations(
            table.entries,
            memory,
            execution=EinjAction.EXECUTE_OPERATION,
            busy=EinjAction.CHECK_BUSY_STATUS,
            status=EinjAction.GET_COMMAND_STATUS,
            end=EinjAction.END_OPERATION,
        )
        self._trigger = Registers(trigger.entries, memory, [EinjAction.TRIGGER_ERROR])
        self._placed_at = 0
        if self._registers.has(EinjAction.SET_ERROR_TYPE_WITH_ADDRESS):
            self._placed_at = _structure_address(table)
        self._trigger.take(EinjAction.TRIGGER_ERROR)
        self._forget()
        self._registers.answer(EinjAction.GET_ERROR_TYPE, supported)
        self._registers.answer(EinjAction.GET_TRIGGER_ERROR_ACTION_TABLE, trigger_table)
        self._registers.rest()

    def poll(self) -> tuple[Request | Triggered, ...]:
        """What the guest did since: it triggers and ends before it executes anew."""
        happened: list[Request | Triggered] = []
        if self._trigger.given():
            self._trigger.take(EinjAction.TRIGGER_ERROR)
            if self.state is State.PREPARED and self._request:
                happened.append(Triggered(self._request))
            self._follow(Event.TRIGGER)
        if self._registers.ended():
            self._follow(Event.END)
        if self._registers.executed():
            happened.append(self._execute())
        return tuple(happened)

    def _execute(self) -> Request:
        request = self._requested()
        accepted = request.status == CommandStatus.SUCCESS
        self._request = request
        self._follow(Event.EXECUTE if accepted else Event.REFUSED)
        self._forget()
        self._registers.finish(request.status)
        return request

    def _requested(self) -> Request:
        """What has been set: the one of the two that is not 0."""
        placed, kind = None, 0
        if self._placed_at:
            data = self._memory.read(self._placed_at, SetErrorTypeWithAddress.fixed_size)
            placed = SetErrorTypeWithAddress.from_bytes(data)
            kind = placed.error_type
        if not kind and self._registers.has(EinjAction.SET_ERROR_TYPE):
            placed, kind = None, self._registers.written(EinjAction.SET_ERROR_TYPE)
        refused = not kind or kind & ~self._supported
        status = CommandStatus.INVALID_ACCESS if refused else CommandStatus.SUCCESS
        return Request(ErrorTypes(kind), placed, status)

    def _forget(self) -> None:
        """Leave no error type set: the next request says which of the two it uses."""
        if self._placed_at:
            self._memory.write(self._placed_at, bytes(SetErrorTypeWithAddress.fixed_size))
        if self._registers.has(EinjAction.SET_ERROR_TYPE):
            self._registers.clear(EinjAction.SET_ERROR_TYPE)

    def _follow(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state][event]


def _trigger(address: int) -> TriggerActionTable:
    """A trigger that writes 1 behind its table."""
    entry = EinjInstructionEntry(
        action=EinjAction.TRIGGER_ERROR,
        instruction=Instruction.WRITE_REGISTER_VALUE,
        register_region=GenericAddress.memory(address + _TRIGGERED),
        value=1,
        mask=1,
    )
    return TriggerActionTable(entries=[entry])
