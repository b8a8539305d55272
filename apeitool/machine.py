"""A machine: firmware, an operating system, the memory between them, and the hardware below.

Only here do the parties meet.  What firmware notifies reaches the operating system as what the
hardware does: an SEA or SEI notification comes together with the exception of that name, and the
exception would come without it too.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import StatusBlock
from apeitool.firmware.platform import Notify, Platform, State
from apeitool.linux.features import DEFAULT, Features
from apeitool.memory import Regions
from apeitool.ospm.linux import Linux
from apeitool.ospm.outcome import Fate, Outcome, Reply
from apeitool.ospm.pages import Task
from apeitool.ospm.sea import Abort

PLATFORM = "ACPI 6.5 18.3.2.7, 18.3.2.8"
ARM = "Arm Architecture Reference Manual (DDI 0487)"


class Actor(enum.Enum):
    """Who does something."""

    HARDWARE = "hardware"
    FIRMWARE = "firmware"
    LINUX = "linux"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that somebody did; ``lines`` is what Linux printed.

    Units:   ``time`` in seconds since power on.
    """

    time: float
    actor: Actor
    what: str
    lines: tuple[str, ...] = ()
    source: str = ""


class Machine:
    """An arm64 machine whose firmware sees errors first.

    ``firmware_memory`` is where registers and blocks are; ``ram`` has page frames; ``patience`` is
    how long firmware waits for an acknowledgement.

    Units:   addresses in bytes; times in seconds.
    """

    def __init__(
        self,
        hest: Hest,
        *,
        firmware_memory: range,
        ram: Sequence[range],
        features: Features = DEFAULT,
        has_ras: bool = True,
        patience: float = 1.0,
    ) -> None:
        self.memory = Regions(firmware_memory)
        self.firmware = Platform(self.memory, hest, patience=patience)
        table = hest.to_bytes()
        self.linux = Linux(self.memory, table, ram=ram, features=features, has_ras=has_ras)
        self.now = 0.0
        self.steps: list[Step] = []
        self._patience = patience

    def say(self, actor: Actor, what: str, source: str = "") -> None:
        """Put a step on record."""
        self.steps.append(Step(self.now, actor, what, (), source))

    def power_on(self, blocks: Mapping[int, int]) -> None:
        """Firmware places the blocks (source id -> address), then Linux boots."""
        self.firmware.prepare(blocks)
        for source_id, address in blocks.items():
            what = f"places the block of source {source_id} at {address:#x}, empty and acknowledged"
            self.say(Actor.FIRMWARE, what, PLATFORM)
        self._record(self.linux.boot())

    def publish(self, source_id: int, block: StatusBlock | bytes) -> Notify:
        """Firmware hands a block to Linux.

        Raises:  FirmwareFault and GuestFault, as the firmware does.
        """
        data = block if isinstance(block, bytes) else block.to_bytes()
        notify = self.firmware.publish(source_id, data, now=self.now)
        status = int.from_bytes(data[:4], "little")
        what = f"takes back the acknowledgement of source {source_id} and fills its block:"
        self.say(
            Actor.FIRMWARE, f"{what} {len(data)} bytes, block status {status:#x} last", PLATFORM
        )
        return notify

    def abort(self, task: Task, *, in_kernel: bool = False) -> Outcome:
        """The processor takes an SEA on a task's page, until the task is past it or signalled."""
        abort = Abort.of_load(task.virtual_address, in_kernel=in_kernel)
        reasons: list[str] = []
        while True:
            where = "EL1 (kernel)" if in_kernel else "EL0 (user)"
            what = f"takes a synchronous external abort from {where}: ESR {abort.esr:#x}"
            self.say(Actor.HARDWARE, what, ARM)
            outcome = self._record(self.linux.synchronous_external_abort(abort, task))
            reasons.append(outcome.reason)
            if outcome.fate is Fate.RETRIES:
                touched = self.linux.touch(task)
                self.say(Actor.HARDWARE, "executes the load again", ARM)
                if touched is None:
                    reasons.append("that page is not the one that the task stands on")
                    continue
                outcome = self._record(touched)
                reasons.append(outcome.reason)
            return Outcome(outcome.fate, "; ".join(reasons), outcome.source, outcome.signal)

    def serror(self, esr: int) -> Outcome:
        """The processor takes an SError interrupt with this syndrome."""
        self.say(Actor.HARDWARE, f"takes an SError interrupt: ESR {esr:#x}", ARM)
        return self._record(self.linux.serror(esr))

    def wait_for_ack(self, source_id: int) -> bool:
        """Firmware waits until the block of a source is acknowledged, or its patience ends."""
        if not self.firmware.poll_ack(source_id, now=self.now):
            self.now += self._patience
            self.firmware.poll_ack(source_id, now=self.now)
        acknowledged = self.firmware.state(source_id) is State.FREE
        if acknowledged:
            what = f"sees the acknowledgement of source {source_id}: the block is its own again"
        else:
            what = (
                f"gives up on source {source_id} after {self._patience:g} s: no acknowledgement, "
                "and the block stays the guest's"
            )
        self.say(Actor.FIRMWARE, what, PLATFORM)
        return acknowledged

    def _record(self, reply: Reply) -> Outcome:
        for did in reply.did:
            self.steps.append(Step(self.now, Actor.LINUX, did.what, did.lines, did.source))
        return reply.outcome or Outcome(Fate.GOES_ON, "nothing stood in the way", "")
