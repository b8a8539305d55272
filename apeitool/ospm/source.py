"""One generic hardware error source, as Linux listens to it.

The rules, as the kernel's ghes_proc() and ghes_in_nmi_queue_one_entry() have them:

1. Notified, it reads the error status address register.  0 there, or a block status of 0, says that
   nothing is recorded: nothing is cleared, nothing acknowledged.
2. Whatever else it finds will be cleared (zero over block status) and, if the source is a GHESv2,
   acknowledged: read_ack = read_ack & preserve | write.  Also when the block is malformed and
   nothing else is done with it.
3. The block's severity alone decides a panic.  Before it panics, it clears and acknowledges.
4. In process context (polled, interrupt, SCI, GPIO, GSIV, and the look at every source when it is
   bound) it acts on the block first, and then clears and acknowledges.
5. Where little is allowed (NMI, SEA, SDEI) it keeps a copy, clears and acknowledges; what is to be
   done about the copy is done later.  Without memory for a copy it leaves everything as it is.
6. Where nothing answers at the block or at a register, an arm64 processor aborts, and the kernel
   dies of it.  It also ends at an entry whose length wraps round to nothing: it looks at it for ever.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.status import HEADER_LENGTH
from apeitool.errors import AccessError, ApeiError, GuestFault
from apeitool.linux.accept import BlockVerdict, check_entries, check_gar, check_header
from apeitool.linux.features import Architecture
from apeitool.memory import Memory
from apeitool.ospm.dispatch import is_fatal
from apeitool.ospm.outcome import Sighting
from apeitool.registers.address import AddressSpace, GenericAddress

SOURCE = "Linux ghes_proc(), drivers/acpi/apei/ghes.c, seen on 6.1.176, 6.12.95 and 7.2.13"


class State(enum.Enum):
    """Where a source is with its block."""

    IDLE = "idle"
    LOOKING = "looking"
    JUDGING = "judging"
    ACTING = "acting"
    CLEARING = "clearing"
    ACKNOWLEDGING = "acknowledging"
    DEAD = "dead"


class Event(enum.Enum):
    """What happens to it; the comments name the rule."""

    NOTIFIED = "notified"
    NOTHING = "nothing recorded"
    MALFORMED = "malformed"
    WHOLE = "whole"
    ABORTED = "aborted"
    ENDLESS = "endless"
    NO_MEMORY = "no memory for a copy"
    FATAL = "fatal"
    NOW = "act now"
    LATER = "act later"
    ACTED = "acted"
    CLEARED = "cleared"
    DONE = "acknowledged, all done"
    DOOMED = "acknowledged, to panic"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.IDLE: {Event.NOTIFIED: State.LOOKING},
    State.LOOKING: {
        Event.NOTHING: State.IDLE,  # 1
        Event.NO_MEMORY: State.IDLE,  # 5
        Event.MALFORMED: State.CLEARING,  # 2
        Event.WHOLE: State.JUDGING,
        Event.ABORTED: State.DEAD,  # 6
        Event.ENDLESS: State.DEAD,  # 6
    },
    State.JUDGING: {
        Event.FATAL: State.CLEARING,  # 3
        Event.NOW: State.ACTING,  # 4
        Event.LATER: State.CLEARING,  # 5
    },
    State.ACTING: {Event.ACTED: State.CLEARING},  # 4
    State.CLEARING: {
        Event.CLEARED: State.ACKNOWLEDGING,
        Event.ABORTED: State.DEAD,  # 6
    },
    State.ACKNOWLEDGING: {
        Event.ABORTED: State.DEAD,  # 6
        Event.DONE: State.IDLE,
        Event.DOOMED: State.DEAD,  # 3
    },
    State.DEAD: {},
}


@dataclass(frozen=True, slots=True)
class Look:
    """What looking at the block came to; ``place`` is where in the pool its copy is."""

    event: Event
    block: bytes = b""
    verdict: BlockVerdict | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Clear:
    """What clearing the block came to; ``acknowledgement`` is what was written to Read Ack."""

    event: Event
    acknowledgement: int | None = None


class _Aborted(Exception):
    """The processor could not read or write there."""


class BoundSource:
    """A source that Linux has bound to: it reads, judges, clears and acknowledges.

    Raises:  AccessError for a register that is not in memory: the modelled machine has no ports.
    """

    def __init__(self, memory: Memory, source: Ghes, architecture: Architecture) -> None:
        self.source = source
        self.state = State.IDLE
        self.sighting = Sighting(source.source_id, 0)
        """The record that it read last."""
        self._memory = memory
        self._architecture = architecture
        self._block_address = 0
        registers = [source.error_status_address]
        registers += [source.read_ack_register] if isinstance(source, GhesV2) else []
        for register in registers:
            if register.address_space_id != AddressSpace.SYSTEM_MEMORY:
                raise AccessError(f"source {source.source_id}: a port as register is not modelled")
        self._mapped = self._pointer_at_probe()

    @property
    def number(self) -> int:
        """Its source id."""
        return self.source.source_id

    def step(self, event: Event) -> None:
        """Go where the table leads.

        Raises:  GuestFault when it leads nowhere.
        """
        following = TRANSITIONS[self.state].get(event)
        if following is None:
            raise GuestFault(
                f"source {self.number} of the guest cannot do that now",
                state=self.state.value, event=event.value,
            )  # fmt: skip
        self.state = following

    def has_error(self) -> bool:
        """Whether the status word that was mapped when the source was bound is set."""
        if not self._mapped:
            return False
        try:
            return any(self._read(self._mapped, 4))
        except _Aborted:
            return False

    def look(self, reserve: Callable[[int], int | None] | None = None) -> Look:
        """Read the block, as far as it can be read.

        ``reserve`` finds memory for a copy of so many bytes, where the block has to be copied.
        """
        self.step(Event.NOTIFIED)
        try:
            found = self._look(reserve)
        except _Aborted:
            found = Look(Event.ABORTED)
        if found.event is Event.WHOLE:
            self.sighting = self.sighting._replace(number=self.sighting.number + 1)
        self.step(found.event)
        return found

    def _look(self, reserve: Callable[[int], int | None] | None) -> Look:
        self._block_address = self._load(self.source.error_status_address)
        if not self._block_address:
            return Look(Event.NOTHING)
        header = self._read(self._block_address, HEADER_LENGTH)
        if not any(header[:4]):
            return Look(Event.NOTHING)
        verdict = check_header(header, self.source.error_status_block_length)
        if not verdict.accepted:
            return Look(Event.MALFORMED, header, verdict)
        place = reserve(verdict.length) if reserve is not None else None
        if reserve is not None and place is None:
            return Look(Event.NO_MEMORY, header, verdict)
        block = self._read(self._block_address, verdict.length)
        verdict = check_entries(block)
        if verdict.accepted:
            return Look(Event.WHOLE, block, verdict, place)
        event = Event.ENDLESS if verdict.is_endless else Event.MALFORMED
        return Look(event, block, verdict, place)

    def judge(self, block: bytes, *, is_deferred: bool) -> Event:
        """Decide by the severity of the block what is to be done, and when."""
        event = Event.LATER if is_deferred else Event.NOW
        if is_fatal(int.from_bytes(block[16:20], "little")):
            event = Event.FATAL
        self.step(event)
        return event

    def clear(self, then: Event) -> Clear:
        """Clear the block and acknowledge it."""
        value = None
        try:
            self._write(self._block_address, bytes(4))
            self.step(Event.CLEARED)
            if isinstance(self.source, GhesV2):
                value = self._acknowledge(self.source)
        except _Aborted:
            then = Event.ABORTED
        self.step(then)
        return Clear(then, value)

    def _acknowledge(self, source: GhesV2) -> int:
        register = source.read_ack_register
        length = _access_length(register)
        value = self._load(register)
        value &= source.read_ack_preserve << register.register_bit_offset
        value |= source.read_ack_write << register.register_bit_offset
        value &= (1 << 8 * length) - 1
        self._write(register.address, value.to_bytes(length, "little"))
        return value

    def _pointer_at_probe(self) -> int:
        try:
            return self._load(self.source.error_status_address)
        except _Aborted:
            return 0

    def _load(self, register: GenericAddress) -> int:
        """The whole access, as Linux takes it: bit width and offset do not cut it."""
        return int.from_bytes(self._read(register.address, _access_length(register)), "little")

    def _read(self, address: int, length: int) -> bytes:
        try:
            return self._memory.read(address, length)
        except ApeiError:
            if self._architecture is Architecture.ARM64:
                raise _Aborted from None
            # What QEMU's q35 machine answers where nothing is.
            return bytes(length)

    def _write(self, address: int, data: bytes) -> None:
        try:
            self._memory.write(address, data)
        except ApeiError:
            if self._architecture is Architecture.ARM64:
                raise _Aborted from None


def _access_length(register: GenericAddress) -> int:
    return check_gar(register).access_width // 8
