"""Firmware of a platform: it is told of errors, and tells the operating system, one at a time.

What it does with one source is in `apeitool.firmware.platform`.  The rules here:

1. Firmware has memory that is reserved for it: registers, blocks and the range of an ERST.  It touches
   no other.
2. An error of a source whose block is free is published.  While the block is the guest's, the policy
   decides: firmware refuses the error, as QEMU does, or has it wait, while there is room.  It writes
   over nothing, and who told it of the error learns what became of it.
3. Errors of a source are published in the order in which they came.
4. Once firmware sees that a block is its own again, the error that waits longest is published.
5. A guest that takes too long is overdue, and the block still its own.  Firmware reminds it: it
   notifies again, so many times, each time after waiting as long.
6. A notification rings the bell of its type.  Polled sources have none: the guest looks by itself.
7. An error that was injected is told of when it is triggered, like any other.

No I/O but memory, bells and the store of an ERST, and one clock, which is handed in.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from apeitool.acpi.conversion import to_blocks, worst
from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import StatusBlock
from apeitool.errors import FirmwareFault
from apeitool.firmware.einj import Injector, Request, Triggered
from apeitool.firmware.erst import Serializer, Served
from apeitool.firmware.platform import Notify, Platform, State
from apeitool.memory import Memory, Reserved
from apeitool.wire.record import Structure


class Policy(enum.Enum):
    """What firmware does with an error while the block is the guest's."""

    REFUSE = "refuse"
    QUEUE = "queue"


class Answer(enum.Enum):
    """What became of an error that firmware was told of."""

    PUBLISHED = "published"
    WAITS = "waits"
    REFUSED = "refused"


ANSWERS: dict[Policy, dict[State, Answer]] = {
    Policy.REFUSE: {
        State.FREE: Answer.PUBLISHED,
        State.PUBLISHED: Answer.REFUSED,
        State.OVERDUE: Answer.REFUSED,
    },
    Policy.QUEUE: {
        State.FREE: Answer.PUBLISHED,
        State.PUBLISHED: Answer.WAITS,
        State.OVERDUE: Answer.WAITS,
    },
}
"""Rule 2, for a source that no error waits for and that has room."""


@dataclass(frozen=True, slots=True)
class Published:
    """A block became the guest's; ``waited`` in seconds."""

    source_id: int
    block: bytes
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A block is the firmware's again."""

    source_id: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """The guest has not acknowledged in time; ``reminders`` are those before."""

    source_id: int
    reminders: int


Happened = Published | Acknowledged | Overdue | Request | Triggered | Served

Bell = Callable[[Notify], object]


@dataclass(slots=True)
class _Line:
    """Errors that wait for a source: (when they came, block); and when the guest is reminded."""

    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    reminders: int = 0
    remind: float = float("inf")


class Firmware:
    """Platform firmware, with its HEST and what is behind an EINJ and an ERST.

    ``reserved`` are the ranges of memory that are its own, ``bells`` by what each type of notification
    reaches the guest, ``room`` how many errors may wait for each source, ``patience`` how long a guest
    may take, and ``reminders`` how often it is notified again.

    Units:   addresses in bytes; ``clock`` and ``patience`` in seconds.
    Raises:  FirmwareFault for a source that is not there or not placed, a block that is none or too
             long for it, a notification without a bell; GuestFault for what the guest did wrong;
             AccessError outside the reserved memory.
    Source:  ACPI 6.5 18.3.2.7, 18.3.2.8
    """

    def __init__(
        self, memory: Memory, hest: Hest, *, reserved: Sequence[range],
        clock: Callable[[], float], bells: Mapping[NotificationType, Bell],
        policy: Policy = Policy.REFUSE, room: int = 16, patience: float = float("inf"),
        reminders: int = 0,
    ) -> None:  # fmt: skip
        self.memory = Reserved(memory, reserved)
        self.platform = Platform(self.memory, hest, patience=patience)
        self._clock = clock
        self._bells = bells
        self._policy = policy
        self._room = room
        self._patience = patience
        self._reminders = reminders
        self._lines: dict[int, _Line] = {}
        self._happened: list[Happened] = []
        self._injector: Injector | None = None
        self._injected: Callable[[Request], tuple[int, StatusBlock]] | None = None
        self._serializer: Serializer | None = None

    def power_on(self, blocks: Mapping[int, int]) -> None:
        """Place the blocks of sources, as source id -> guest-physical address."""
        self.platform.prepare(blocks)
        for source_id in blocks:
            self._lines[source_id] = _Line()

    def open_einj(
        self, injector: Injector, injected: Callable[[Request], tuple[int, StatusBlock]]
    ) -> None:
        """Rule 7; ``injected`` says which source tells of an error, and in which block."""
        self._injector, self._injected = injector, injected

    def open_erst(self, serializer: Serializer) -> None:
        """Serve an ERST too."""
        self._serializer = serializer

    def report(self, source_id: int, *errors: Structure, raw_data: bytes = b"") -> Answer:
        """Tell of errors in one block: sections, data entries, records, or whole blocks."""
        return self.publish(source_id, block_of(errors, raw_data))

    def publish(self, source_id: int, block: StatusBlock | bytes) -> Answer:
        """Rules 2 and 3: tell of what a block says, malformed or not."""
        line = self._line(source_id)
        data = block if isinstance(block, bytes) else block.to_bytes()
        answer = self.may_publish(source_id)
        self.platform.check(source_id, data)
        if answer is Answer.WAITS:
            line.waiting.append((self._clock(), data))
        if answer is Answer.PUBLISHED:
            self._hand_over(source_id, data, self._clock())
        return answer

    def may_publish(self, source_id: int) -> Answer:
        """Rules 2 to 4: what would become now of an error of a source."""
        line = self._line(source_id)
        self._look(source_id)
        answer = ANSWERS[self._policy][self.platform.state(source_id)]
        if line.waiting and answer is Answer.PUBLISHED:
            answer = Answer.WAITS
        if answer is Answer.WAITS and len(line.waiting) >= self._room:
            answer = Answer.REFUSED
        return answer

    def poll(self) -> tuple[Happened, ...]:
        """Look at everything that the guest may have done; what happened since the last time."""
        for source_id in self._lines:
            self._look(source_id)
        if self._injector is not None and self._injected is not None:
            for event in self._injector.poll():
                self._happened.append(event)
                if isinstance(event, Triggered):
                    self.publish(*self._injected(event.request))
        if self._serializer is not None:
            served = self._serializer.poll()
            self._happened += [served] if served else []
        happened, self._happened = tuple(self._happened), []
        return happened

    def waiting(self, source_id: int) -> int:
        """How many errors wait for a source."""
        return len(self._line(source_id).waiting)

    def _line(self, source_id: int) -> _Line:
        if source_id not in self._lines:
            raise FirmwareFault(f"nobody has said where the block of source {source_id} is")
        return self._lines[source_id]

    def _look(self, source_id: int) -> None:
        """Rules 4 and 5."""
        line, now = self._lines[source_id], self._clock()
        before = self.platform.state(source_id)
        if self.platform.poll_ack(source_id, now=now):
            if before is not State.FREE:
                self._happened.append(Acknowledged(source_id))
            if line.waiting:
                came, data = line.waiting.popleft()
                self._hand_over(source_id, data, came)
        elif now >= line.remind:
            self._happened.append(Overdue(source_id, line.reminders))
            line.remind = now + self._patience if line.reminders < self._reminders else float("inf")
            if line.reminders < self._reminders:
                line.reminders += 1
                self._ring(self.platform.notify(source_id))

    def _hand_over(self, source_id: int, data: bytes, came: float) -> None:
        line, now = self._lines[source_id], self._clock()
        self._bell(self.platform.notification(source_id))
        notify = self.platform.publish(source_id, data, now=now)
        line.reminders, line.remind = 0, now + self._patience
        self._happened.append(Published(source_id, data, now - came))
        self._ring(notify)

    def _ring(self, notify: Notify) -> None:
        """Rule 6."""
        bell = self._bell(notify.type)
        if bell is not None:
            bell(notify)

    def _bell(self, kind: NotificationType) -> Bell | None:
        if kind not in self._bells and kind != NotificationType.POLLED:
            raise FirmwareFault(f"there is no bell for {kind.text}")
        return self._bells.get(kind)


def block_of(errors: Iterable[Structure], raw_data: bytes = b"") -> StatusBlock:
    """One block that tells of all errors; it is as bad as the worst of them.

    Raises:  EncodeError for what reports no error.
    """
    blocks = [b for error in errors for b in to_blocks(error).things if isinstance(b, StatusBlock)]
    entries = [entry for block in blocks for entry in block.entries]
    severity = worst(block.error_severity for block in blocks)
    return StatusBlock(entries=entries, error_severity=severity, raw_data=raw_data)
