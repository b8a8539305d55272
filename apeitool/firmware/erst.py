"""Error record serialization: the operating system keeps records by an ERST, firmware stores them.

The rules:

1. An operation begins with what it is: write, read, clear, dummy write.  The operating system then
   sets the offset of the record in the error log address range and the record's identifier, as far
   as the operation needs them, executes, asks until firmware is no longer busy, then for the
   status, and ends.
2. A record to write lies in the range; its own header says its length and identifier.  A record
   that was read lies there likewise.  A dummy write stores nothing.
3. Identifiers 0 and all ones belong to no record.  All ones is what a store without records gives;
   who reads 0 asks for the first record.
4. Nobody tells firmware that an identifier was asked for.  It therefore shows the first one, and,
   after a record was read, the one behind it, and the first again after the last.
5. Firmware answers once the store has done it.  A store without room for a record is not enough
   space, one that fails is hardware that is not available; neither has changed.

No I/O but memory and the store that is handed in, and no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import delitem, setitem

from apeitool.acpi.erst import NO_RECORD, CommandStatus, Erst, ErstAction, RangeAttributes
from apeitool.cper.record import HEADER_LENGTH, SIGNATURE, Record
from apeitool.errors import FirmwareFault, GuestFault, StoreError, StoreFull
from apeitool.firmware.action import Executor, Operations
from apeitool.firmware.store import Store
from apeitool.memory import Memory

OPERATIONS = (
    ErstAction.BEGIN_WRITE_OPERATION,
    ErstAction.BEGIN_READ_OPERATION,
    ErstAction.BEGIN_CLEAR_OPERATION,
    ErstAction.BEGIN_DUMMY_WRITE_OPERATION,
)

INVALID = frozenset({0, NO_RECORD})
"""Identifiers that no record has."""


class Serialization:
    """The operating system's side: operations on records by an ERST.

    ``turn`` is called whenever the system waits for firmware: there, firmware may work.

    Raises:  FirmwareFault for a table that cannot be run, when firmware stays busy, or gives a
             record that is none; GuestFault for a record that the range cannot hold; AccessError
             where a register or the range is not in memory.
    Source:  ACPI 6.5 18.5.2
    """

    def __init__(self, table: Erst, memory: Memory, turn: Callable[[], object]) -> None:
        self._memory = memory
        self._system = Executor(table.entries, memory, turn)
        self._base = self._system.run(ErstAction.GET_ERROR_LOG_ADDRESS_RANGE)
        self._length = self._system.run(ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_LENGTH)

    def write(self, record: bytes, *, offset: int = 0) -> CommandStatus:
        """Store a record, in the place of one with its identifier."""
        if offset + len(record) > self._length:
            raise GuestFault(f"{len(record)} bytes at {offset}: the range has {self._length}")
        self._memory.write(self._base + offset, record)
        return self._operate(ErstAction.BEGIN_WRITE_OPERATION, offset=offset)

    def read(self, identifier: int, *, offset: int = 0) -> tuple[CommandStatus, bytes]:
        """The record with an identifier; no bytes when the status is no success."""
        begin = ErstAction.BEGIN_READ_OPERATION
        status = self._operate(begin, offset=offset, identifier=identifier)
        if status != CommandStatus.SUCCESS:
            return status, b""
        record = _record_at(self._memory, self._base, self._length, offset)
        if record is None:
            raise FirmwareFault(f"record {identifier:#x} was read, but there is none in the range")
        return status, record

    def clear(self, identifier: int) -> CommandStatus:
        """Remove a record from the store."""
        return self._operate(ErstAction.BEGIN_CLEAR_OPERATION, identifier=identifier)

    def dummy_write(self) -> CommandStatus:
        """Go through the motions of a write, and store nothing."""
        return self._operate(ErstAction.BEGIN_DUMMY_WRITE_OPERATION, offset=0)

    def count(self) -> int:
        """How many records are in the store."""
        return self._system.run(ErstAction.GET_RECORD_COUNT)

    def identifier(self) -> int:
        """The identifier of the next record; NO_RECORD when there is none."""
        return self._system.run(ErstAction.GET_RECORD_IDENTIFIER)

    def _operate(
        self, begin: ErstAction, *, offset: int | None = None, identifier: int | None = None
    ) -> CommandStatus:
        self._system.run(begin)
        if offset is not None:
            self._system.run(ErstAction.SET_RECORD_OFFSET, offset)
        if identifier is not None:
            self._system.run(ErstAction.SET_RECORD_IDENTIFIER, identifier)
        status = self._system.operate(
            ErstAction.EXECUTE_OPERATION,
            ErstAction.CHECK_BUSY_STATUS,
            ErstAction.GET_COMMAND_STATUS,
        )
        self._system.run_optional(ErstAction.END_OPERATION)
        return CommandStatus(status)


@dataclass(frozen=True, slots=True)
class Served:
    """An operation that firmware carried out; ``begun`` is None where nothing was begun."""

    begun: ErstAction | None
    identifier: int
    status: CommandStatus


class Serializer:
    """Firmware behind an ERST whose registers are plain memory, and its records.

    ``log`` is the error log address range; ``store`` has the records by their identifiers.

    Raises:  FirmwareFault when the table leaves firmware nothing to see or to answer by; AccessError
             where a register or the range is not in memory.
    Source:  ACPI 6.5 18.5
    """

    def __init__(
        self,
        table: Erst,
        memory: Memory,
        log: range,
        *,
        store: Store,
    ) -> None:
        self._memory = memory
        self._log = log
        self.store = store
        self._registers = Operations(
            table.entries,
            memory,
            execution=ErstAction.EXECUTE_OPERATION,
            busy=ErstAction.CHECK_BUSY_STATUS,
            status=ErstAction.GET_COMMAND_STATUS,
            end=ErstAction.END_OPERATION,
            begins=OPERATIONS,
        )
        self._registers.answer(ErstAction.GET_ERROR_LOG_ADDRESS_RANGE, log.start)
        self._registers.answer(ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_LENGTH, len(log))
        if self._registers.has(ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_ATTRIBUTES):
            kind = ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_ATTRIBUTES
            self._registers.answer(kind, RangeAttributes.SLOW)
        self._show(0)
        self._registers.rest()

    def poll(self) -> Served | None:
        """Carry out what the guest executed since, if it did: it ends before it executes anew."""
        self._registers.ended()
        if not self._registers.executed():
            return None
        given = self._registers.given()
        begun = next((operation for operation in OPERATIONS if operation in given), None)
        served = self._serve(begun)
        was_read = begun is ErstAction.BEGIN_READ_OPERATION
        self._show(served.identifier if was_read else 0)
        self._registers.finish(served.status)
        return served

    def _serve(self, begun: ErstAction | None) -> Served:
        if begun is None:
            return Served(begun, 0, CommandStatus.FAILED)
        if begun is ErstAction.BEGIN_DUMMY_WRITE_OPERATION:
            return Served(begun, 0, CommandStatus.SUCCESS)
        if begun is ErstAction.BEGIN_WRITE_OPERATION:
            return self._write()
        identifier = self._registers.written(ErstAction.SET_RECORD_IDENTIFIER)
        if not self.store:
            return Served(begun, identifier, CommandStatus.RECORD_STORE_EMPTY)
        is_read = begun is ErstAction.BEGIN_READ_OPERATION
        if is_read and not identifier:
            identifier = min(self.store)
        if identifier not in self.store:
            return Served(begun, identifier, CommandStatus.RECORD_NOT_FOUND)
        if is_read:
            return Served(begun, identifier, self._read(self.store[identifier]))
        return Served(begun, identifier, _done(delitem, self.store, identifier))

    def _write(self) -> Served:
        """Rules 2 and 3."""
        begun = ErstAction.BEGIN_WRITE_OPERATION
        offset = self._registers.written(ErstAction.SET_RECORD_OFFSET)
        record = _record_at(self._memory, self._log.start, len(self._log), offset)
        identifier = Record.from_bytes(record[:HEADER_LENGTH]).record_id if record else 0
        if not record or identifier in INVALID:
            return Served(begun, identifier, CommandStatus.FAILED)
        return Served(begun, identifier, _done(setitem, self.store, identifier, record))

    def _read(self, record: bytes) -> CommandStatus:
        offset = self._registers.written(ErstAction.SET_RECORD_OFFSET)
        if offset + len(record) > len(self._log):
            return CommandStatus.FAILED
        self._memory.write(self._log.start + offset, record)
        return CommandStatus.SUCCESS

    def _show(self, read: int) -> None:
        """Rule 4: show the identifier behind this one, and how many records there are."""
        following = sorted(self.store)
        shown = next((number for number in following if number > read), None)
        if shown is None:
            shown = following[0] if following else NO_RECORD
        self._registers.answer(ErstAction.GET_RECORD_IDENTIFIER, shown)
        self._registers.answer(ErstAction.GET_RECORD_COUNT, len(self.store))


def _done(change: Callable[..., None], *given: object) -> CommandStatus:
    """Rule 5: what a change to the store came to."""
    try:
        change(*given)
    except StoreFull:
        return CommandStatus.NOT_ENOUGH_SPACE
    except StoreError:
        return CommandStatus.HARDWARE_NOT_AVAILABLE
    return CommandStatus.SUCCESS


def _record_at(memory: Memory, base: int, room: int, offset: int) -> bytes | None:
    """The record at an offset of the range; None where none lies whole."""
    if offset + HEADER_LENGTH > room:
        return None
    data = memory.read(base + offset, HEADER_LENGTH)
    length = Record.from_bytes(data).record_length
    if not data.startswith(SIGNATURE.encode()) or not HEADER_LENGTH <= length <= room - offset:
        return None
    return memory.read(base + offset, length)
