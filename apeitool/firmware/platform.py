"""Platform firmware: it fills the status blocks of a HEST's generic sources and waits for the ack.

The rules:

1. Before anything else, firmware says where each block is: it writes the block's address into the
   error status address register.  It leaves the block empty, and a GHESv2 source acknowledged.
2. A block belongs to one side at a time.  To publish, firmware first takes the acknowledgement away
   (GHESv2), writes the block behind its first word, then the first word, block status, and then
   notifies.  From block status on, the block is the guest's.
3. The guest gives it back.  GHESv2: it writes Read Ack = Read Ack & preserve | write; whatever else
   changes the register breaks the protocol.  GHES: it clears block status.
4. While the block is the guest's, firmware may notify again, but not publish.
5. A guest may be given a time.  Once that is over, the block is overdue; it still is the guest's,
   and only the acknowledgement brings it back.  Publishing now fails through the guest's fault.

No I/O but memory, and no clock of its own: callers pass the time, in seconds from wherever they like.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import HEADER_LENGTH, StatusBlock
from apeitool.errors import FirmwareFault, GuestFault
from apeitool.memory import Memory, read_register, register_mask, write_register


class State(enum.Enum):
    """Whose the block of a source is."""

    UNPREPARED = "unprepared"
    FREE = "free"
    PUBLISHED = "published"
    OVERDUE = "overdue"


class Event(enum.Enum):
    """What happens to a source."""

    PREPARE = "prepare"
    PUBLISH = "publish"
    NOTIFY = "notify"
    ACKNOWLEDGED = "acknowledged"
    TIMEOUT = "timeout"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.UNPREPARED: {Event.PREPARE: State.FREE},  # 1
    State.FREE: {
        Event.PREPARE: State.FREE,  # 1
        Event.PUBLISH: State.PUBLISHED,  # 2
        Event.NOTIFY: State.FREE,  # a notification without a record: an exception can need one
    },
    State.PUBLISHED: {
        Event.NOTIFY: State.PUBLISHED,  # 4
        Event.ACKNOWLEDGED: State.FREE,  # 3
        Event.TIMEOUT: State.OVERDUE,  # 5
    },
    State.OVERDUE: {
        Event.NOTIFY: State.OVERDUE,  # 4
        Event.ACKNOWLEDGED: State.FREE,  # 5
    },
}


@dataclass(frozen=True, slots=True)
class Notify:
    """Firmware notifies: how, and for which source.  The guest learns of the first only."""

    source_id: int
    type: NotificationType
    vector: int = 0


@dataclass(slots=True)
class _Source:
    """A source as firmware knows it.

    Units:   ``address`` of the block in bytes; ``armed`` is what Read Ack holds until the guest
             writes it; ``deadline`` in seconds.
    """

    described: Ghes
    state: State = State.UNPREPARED
    address: int = 0
    armed: int = 0
    deadline: float = field(default=float("inf"))

    def after(self, event: Event) -> State:
        """Where the table leads."""
        following = TRANSITIONS[self.state].get(event)
        if following is not None:
            return following
        fault = GuestFault if self.state is State.OVERDUE else FirmwareFault
        why = f"source {self.described.source_id}: {_WHY[self.state]}"
        raise fault(why, state=self.state.value, event=event.value)


_WHY = {
    State.UNPREPARED: "nobody has said where its block is",
    State.FREE: "its block is the firmware's, there is nothing to wait for",
    State.PUBLISHED: "the block is the guest's until it acknowledges",
    State.OVERDUE: "the guest has not acknowledged in time, and the block is still its own",
}


class Platform:
    """Firmware of a platform whose HEST has generic error sources.

    ``patience`` is how long a guest may take to acknowledge; without it, for ever.

    Units:   addresses in bytes; times in seconds.
    Raises:  FirmwareFault for what firmware must not do, GuestFault for what the guest did wrong,
             AccessError where a register or a block is not in memory.
    Source:  ACPI 6.5 18.3.2.7, 18.3.2.8
    """

    def __init__(self, memory: Memory, hest: Hest, *, patience: float = float("inf")) -> None:
        self._memory = memory
        self._patience = patience
        generic = (source for source in hest.sources if isinstance(source, Ghes))
        self._sources = {source.source_id: _Source(source) for source in generic}

    def prepare(self, blocks: Mapping[int, int]) -> None:
        """Rule 1: place the blocks of sources, as source id -> guest-physical address."""
        for source_id, address in blocks.items():
            source = self._source(source_id)
            following = source.after(Event.PREPARE)
            self._memory.write(address, bytes(4))
            write_register(self._memory, source.described.error_status_address, address)
            if isinstance(source.described, GhesV2):
                register = source.described.read_ack_register
                source.armed = armed(source.described, read_register(self._memory, register))
                value = acknowledged(source.described, source.armed)
                write_register(self._memory, register, value)
            source.address = address
            source.state = following

    def state(self, source_id: int) -> State:
        """Whose the block of a source is, as far as firmware has looked."""
        return self._source(source_id).state

    def block_address(self, source_id: int) -> int:
        """Where the block of a source is."""
        return self._source(source_id).address

    def publish(self, source_id: int, block: StatusBlock | bytes, *, now: float = 0.0) -> Notify:
        """Rule 2: hand a block to the guest, and notify it.

        Bytes are published as they are, malformed or not, as long as they are a block at all: with
        a header, with a block status, and no longer than the source says its blocks are.  Behind
        them, what an earlier and longer block left stays.
        """
        source = self._source(source_id)
        data = block if isinstance(block, bytes) else block.to_bytes()
        self.poll_ack(source_id, now=now)
        following = source.after(Event.PUBLISH)
        self.check(source_id, data)
        if isinstance(source.described, GhesV2):
            register = source.described.read_ack_register
            source.armed = armed(source.described, read_register(self._memory, register))
            write_register(self._memory, register, source.armed)
        self._memory.write(source.address + 4, data[4:])
        self._memory.write(source.address, data[:4])
        source.deadline = now + self._patience
        source.state = following
        return self.notify(source_id)

    def notify(self, source_id: int) -> Notify:
        """Notify the guest: of the block that is published, again, or of nothing."""
        source = self._source(source_id)
        source.state = source.after(Event.NOTIFY)
        notification = source.described.notification
        return Notify(source_id, notification.type, notification.vector)

    def poll_ack(self, source_id: int, *, now: float = 0.0) -> bool:
        """Rules 3 and 5: whether the block of a source is the firmware's."""
        source = self._source(source_id)
        if source.state in (State.PUBLISHED, State.OVERDUE):
            if self._is_acknowledged(source):
                source.state = source.after(Event.ACKNOWLEDGED)
            elif source.state is State.PUBLISHED and now >= source.deadline:
                source.state = source.after(Event.TIMEOUT)
        return source.state is State.FREE

    def _source(self, source_id: int) -> _Source:
        if source_id not in self._sources:
            raise FirmwareFault(f"the HEST has no generic error source {source_id}")
        return self._sources[source_id]

    def notification(self, source_id: int) -> NotificationType:
        """How a source notifies."""
        return self._source(source_id).described.notification.type

    def check(self, source_id: int, data: bytes) -> None:
        """Whether bytes can be published to a source at all."""
        source = self._source(source_id)
        room = source.described.error_status_block_length
        complaint = ""
        if len(data) < HEADER_LENGTH:
            complaint = f"{len(data)} bytes are no status block: its header takes {HEADER_LENGTH}"
        elif not any(data[:4]):
            complaint = (
                "a block status of 0 says that nothing is recorded: no guest acknowledges it"
            )
        elif len(data) > room:
            complaint = f"the block has {len(data)} bytes, room is for {room}"
        if complaint:
            raise FirmwareFault(f"source {source.described.source_id}: {complaint}")

    def _is_acknowledged(self, source: _Source) -> bool:
        if not isinstance(source.described, GhesV2):
            return not any(self._memory.read(source.address, 4))
        held = read_register(self._memory, source.described.read_ack_register)
        expected = acknowledged(source.described, source.armed)
        if held not in (source.armed, expected):
            raise GuestFault(
                f"source {source.described.source_id}: Read Ack is {held:#x}, neither {source.armed:#x}"
                f" as firmware left it nor {expected:#x} as the guest acknowledges"
            )
        return held == expected


def acknowledged(source: GhesV2, held: int) -> int:
    """What Read Ack holds after the guest acknowledged, if it held this before."""
    mask = register_mask(source.read_ack_register)
    return (held & source.read_ack_preserve | source.read_ack_write) & mask


def armed(source: GhesV2, held: int) -> int:
    """A value for Read Ack that acknowledging changes; what the guest preserves is kept.

    Raises:  FirmwareFault when there is none: the guest would keep every bit and set no bit.
    """
    mask = register_mask(source.read_ack_register)
    kept = held & source.read_ack_preserve & ~source.read_ack_write
    for value in (kept & mask, (kept | ~source.read_ack_preserve) & mask):
        if acknowledged(source, value) != value:
            return value
    raise FirmwareFault(
        f"source {source.source_id}: acknowledging changes nothing in Read Ack "
        f"(preserve {source.read_ack_preserve:#x}, write {source.read_ack_write:#x})"
    )
