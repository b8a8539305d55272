"""Error injection: the operating system asks for an error by an EINJ, firmware injects it.

The rules:

1. The operating system begins (where the table has that action), sets the error type, with an
   address or without, and executes.  It asks until firmware is no longer busy, then for the status.
2. Where that is success, it asks for the trigger error action table, and executes it, unless it
   shall not: a trigger provokes the error that firmware has prepared.  It ends (as it began).
3. Firmware refuses what it does not support as an invalid access, and more than one type at a time.
   What it accepts waits for its trigger; a new request, or the end, takes the place of one that
   nobody triggers.
4. Set with an address: the structure is where the action's register is, its flags say what holds.
   Where the EINJv2 extension holds, the type is one of EINJv2.
5. The type that EINJV2_SET_ERROR_TYPE sets comes before the structure's, that one before the type of
   SET_ERROR_TYPE; 0 is not set.
6. Behind the structure is what firmware laid out: room for EINJv2 components, and the vendor's
   extension.  The system fills in components, their count, and the OEM's data; offset, lengths and
   identification are firmware's, and stay.  A vendor's types need not be offered.

No I/O but memory, and no clock: `Injector.poll` looks, and tells what happened since.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace

from apeitool.acpi.action import Instruction
from apeitool.acpi.einj import (
    INSTRUCTIONS,
    CommandStatus,
    Einj,
    EinjAction,
    EinjInstructionEntry,
    Einjv2Component,
    Einjv2ErrorTypes,
    Einjv2Extension,
    ErrorTypes,
    InjectionFlags,
    SetErrorTypeWithAddress,
    TriggerActionTable,
    Types,
    VendorErrorTypeExtension,
)
from apeitool.errors import FirmwareFault, GuestFault
from apeitool.firmware.action import Executor, Operations, Registers
from apeitool.memory import Memory
from apeitool.registers.address import GenericAddress

LARGEST = 4096
"""How many bytes a trigger error action table, or an EINJv2 extension, has at most: a page."""

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
    error: Types | SetErrorTypeWithAddress,
    *,
    turn: Callable[[], object],
    trigger: bool = True,
) -> Outcome:
    """Rules 1 and 2: inject an error as the operating system does.

    ``turn`` is called whenever the system waits for firmware: there, firmware may work.

    Raises:  GuestFault when firmware does not offer the type, or has no room for what comes with it;
             FirmwareFault for a table that cannot be run, or when firmware stays busy; AccessError
             where a register is not in memory.
    Source:  ACPI 6.5 18.6.1, 18.6.5; for EINJv2 Linux drivers/acpi/apei/einj-core.c
    """
    system = Executor(table.entries, memory, turn, INSTRUCTIONS)
    placed = error if isinstance(error, SetErrorTypeWithAddress) else None
    types = error.error_types if isinstance(error, SetErrorTypeWithAddress) else error
    offered = _offered(system, types)
    if not _is_one(types) or not types & (offered | ErrorTypes.VENDOR_DEFINED):
        raise GuestFault(f"the error type is {types:#x}, firmware offers {offered:#x}")
    system.run_optional(EinjAction.BEGIN_INJECTION_OPERATION)
    if placed is not None:
        _fill(memory, _structure_address(table), placed)
        system.run(EinjAction.SET_ERROR_TYPE_WITH_ADDRESS, types)
    elif isinstance(types, Einjv2ErrorTypes):
        system.run(EinjAction.EINJV2_SET_ERROR_TYPE, types)
    else:
        system.run(EinjAction.SET_ERROR_TYPE, types)
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


def _offered(system: Executor, types: Types) -> int:
    """What firmware offers of that kind of types."""
    offered = system.run(EinjAction.GET_ERROR_TYPE)
    if not isinstance(types, Einjv2ErrorTypes):
        return offered & ~int(ErrorTypes.EINJV2_SUPPORTED)
    if not offered & ErrorTypes.EINJV2_SUPPORTED:
        return 0
    return system.run(EinjAction.EINJV2_GET_ERROR_TYPE)


def _is_one(types: Types) -> bool:
    """Rule 3: whether it is one error type; a vendor's may have a bit beside the vendor's own."""
    others = int(types) & ~int(ErrorTypes.VENDOR_DEFINED)
    return bool(types) and not others & others - 1


def _fill(memory: Memory, address: int, error: SetErrorTypeWithAddress) -> None:
    """Rule 6: fill in the structure, and what is behind it."""
    size = SetErrorTypeWithAddress.fixed_size
    held = SetErrorTypeWithAddress.from_bytes(memory.read(address, size))
    if error.flags & InjectionFlags.EINJV2_EXTENSION:
        components = [c for extension in error.einjv2 for c in extension.components]
        _fill_components(memory, address + size, components)
    for vendor in error.vendor:
        if not held.vendor_extension_offset:
            raise GuestFault("firmware has no vendor error type extension")
        _fill_vendor(memory, address + held.vendor_extension_offset, vendor)
    head = error.replace(vendor_extension_offset=held.vendor_extension_offset)
    memory.write(address, head.to_bytes()[:size])


def _fill_components(memory: Memory, address: int, components: list[Einjv2Component]) -> None:
    head, one = Einjv2Extension.fixed_size, Einjv2Component.fixed_size
    room = Einjv2Extension.from_bytes(memory.read(address, head))
    if room.revision != 1:
        raise FirmwareFault(f"EINJv2 extension at {address:#x}: unknown revision {room.revision}")
    if not head <= room.length <= LARGEST or (room.length - head) % one:
        raise FirmwareFault(f"EINJv2 extension at {address:#x}: it cannot have {room.length} bytes")
    most = (room.length - head) // one
    if len(components) > most:
        raise GuestFault(f"{len(components)} components, firmware has room for {most}")
    filled = room.replace(component_array_count=len(components), components=components, rest=b"")
    memory.write(address, filled.to_bytes())


def _fill_vendor(memory: Memory, address: int, vendor: VendorErrorTypeExtension) -> None:
    head = VendorErrorTypeExtension.fixed_size
    held = VendorErrorTypeExtension.from_bytes(memory.read(address, head))
    if vendor.replace(length=held.length, oem_data=b"") != held:
        raise GuestFault(f"the error is for another platform than {held!r}")
    if head + len(vendor.oem_data) > held.length:
        room = max(held.length - head, 0)
        raise GuestFault(f"{len(vendor.oem_data)} bytes of OEM data, firmware has room for {room}")
    memory.write(address + head, vendor.oem_data)


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
    elif not first <= head.table_size <= LARGEST:
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
    """The guest asked for an error; with ``placed``, by the structure.  Status is what it was told."""

    error_types: Types
    placed: SetErrorTypeWithAddress | None
    status: CommandStatus


@dataclass(frozen=True, slots=True)
class Triggered:
    """The guest provoked the error of a request: now is the time to report it."""

    request: Request


NO_TYPES = Einjv2ErrorTypes(0)
"""What firmware without EINJv2 supports of it."""


def always(request: Request) -> CommandStatus:
    """Whatever is supported can be prepared."""
    return CommandStatus.SUCCESS


class Injector:
    """Firmware behind an EINJ whose registers are plain memory.

    ``trigger_table`` is where it puts its trigger error action table, and the register that this
    writes: `TRIGGER_LENGTH` bytes.  Rule 6: what it lays out behind the 36 bytes of the structure is an EINJv2
    extension with room for ``components``, where it supports ``einjv2`` types, and ``vendor``.
    ``prepare`` is what it does about a request that it supports, which may come to nothing.

    Raises:  FirmwareFault when the table leaves firmware nothing to see or to answer by; AccessError
             where a register is not in memory.
    Source:  ACPI 6.5 18.6, ACPI 6.6 18.6
    """

    def __init__(
        self, table: Einj, memory: Memory, *, supported: ErrorTypes, trigger_table: int,
        einjv2: Einjv2ErrorTypes = NO_TYPES, components: int = 0,
        vendor: VendorErrorTypeExtension | None = None,
        prepare: Callable[[Request], CommandStatus] = always,
    ) -> None:  # fmt: skip
        trigger = _trigger(trigger_table)
        self._memory = memory
        self._supported = int(supported) & ~int(ErrorTypes.EINJV2_SUPPORTED)
        self._einjv2 = einjv2
        self._prepare = prepare
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
        self._trigger.take(EinjAction.TRIGGER_ERROR)
        self._structure = _laid_out(components if einjv2 else None, vendor).to_bytes()
        self._kept = len(vendor.oem_data) if vendor else 0
        self._placed_at = 0
        extended = len(self._structure) > SetErrorTypeWithAddress.fixed_size
        if extended or self._registers.has(EinjAction.SET_ERROR_TYPE_WITH_ADDRESS):
            self._placed_at = _structure_address(table)
            memory.write(self._placed_at, self._structure)
        self._forget()
        self._offer()
        self._registers.answer(EinjAction.GET_TRIGGER_ERROR_ACTION_TABLE, trigger_table)
        self._registers.rest()

    def poll(self) -> tuple[Request | Triggered, ...]:
        """What the guest did since: it triggers and ends before it executes anew.

        It goes on meanwhile, so the last is looked at first: what came before it is there by then.
        """
        happened: list[Request | Triggered] = []
        executed = self._registers.executed()
        ended = self._registers.ended()
        if self._trigger.given():
            self._trigger.take(EinjAction.TRIGGER_ERROR)
            if self.state is State.PREPARED and self._request:
                happened.append(Triggered(self._request))
            self._follow(Event.TRIGGER)
        if ended:
            self._follow(Event.END)
        if executed:
            happened.append(self._execute())
        return tuple(happened)

    def _offer(self) -> None:
        offered = self._supported
        if self._einjv2:
            offered |= ErrorTypes.EINJV2_SUPPORTED
            self._registers.answer(EinjAction.EINJV2_GET_ERROR_TYPE, self._einjv2)
        self._registers.answer(EinjAction.GET_ERROR_TYPE, offered)

    def _execute(self) -> Request:
        request = self._requested()
        supported = self._supports(request)
        status = self._prepare(request) if supported else CommandStatus.INVALID_ACCESS
        request = replace(request, status=status)
        accepted = status == CommandStatus.SUCCESS
        self._request = request
        self._follow(Event.EXECUTE if accepted else Event.REFUSED)
        self._forget()
        self._registers.finish(request.status)
        return request

    def _requested(self) -> Request:
        """Rule 5: what has been set."""
        placed = None
        if self._placed_at:
            data = self._memory.read(self._placed_at, len(self._structure))
            placed = SetErrorTypeWithAddress.from_bytes(data)
        if kind := self._set_by(EinjAction.EINJV2_SET_ERROR_TYPE):
            types: Types = Einjv2ErrorTypes(kind)
            placed = placed if placed and placed.flags else None
        elif placed and placed.error_type:
            types = placed.error_types
        else:
            types, placed = ErrorTypes(self._set_by(EinjAction.SET_ERROR_TYPE)), None
        return Request(types, placed, CommandStatus.SUCCESS)

    def _set_by(self, action: EinjAction) -> int:
        """The error type that an action without an address set; 0 where there is no such action."""
        return self._registers.written(action) if self._registers.has(action) else 0

    def _supports(self, request: Request) -> bool:
        """Rule 3."""
        types, placed = request.error_types, request.placed
        vendors = types & ErrorTypes.VENDOR_DEFINED
        if isinstance(types, Einjv2ErrorTypes):
            supported = bool(types & self._einjv2)
        else:
            supported = bool((vendors or types) & self._supported)
        contradicts = placed is not None and any(e.problems for e in placed.einjv2)
        return supported and _is_one(types) and not contradicts

    def _forget(self) -> None:
        """Leave no error type set: the next request says which it uses.  The OEM's data stay."""
        if self._placed_at:
            own = self._structure[: len(self._structure) - self._kept]
            self._memory.write(self._placed_at, own)
        for action in (EinjAction.SET_ERROR_TYPE, EinjAction.EINJV2_SET_ERROR_TYPE):
            if self._registers.has(action):
                self._registers.clear(action)

    def _follow(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state][event]


def _laid_out(
    components: int | None, vendor: VendorErrorTypeExtension | None
) -> SetErrorTypeWithAddress:
    """Rule 6: the structure while nothing is asked; no flag is set, so the room is a gap."""
    room = b""
    if components is not None:
        room = Einjv2Extension(rest=bytes(components * Einjv2Component.fixed_size)).to_bytes()
    return SetErrorTypeWithAddress(gap=room, vendor=(vendor,) if vendor else ())


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
