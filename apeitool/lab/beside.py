"""The modelled Linux beside a real one: both have the same firmware, tables and process, and are told of the same.

What is compared is all that can be seen from outside: the kernel's lines, what it left in the block and
in Read Ack, and what became of the process that ran into the error.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from apeitool.acpi.hest.generic import GhesV2
from apeitool.acpi.hest.notification import NotificationType
from apeitool.capture.smbios import dimms
from apeitool.cper.dimm import Dimm
from apeitool.firmware.platform import Platform
from apeitool.lab.guest import Guest
from apeitool.lab.machines import Machine
from apeitool.lab.session import Session, generic_sources
from apeitool.lab.toucher import NAME, Toucher
from apeitool.linux.features import Features, kernel
from apeitool.memory import Memory, Regions
from apeitool.ospm.linux import Linux
from apeitool.ospm.outcome import Fate, Reply, Signal
from apeitool.ospm.pages import Task
from apeitool.ospm.sea import Abort


class Seen(NamedTuple):
    """What a Linux did with a block.

    ``status`` is the first word of the block afterwards, ``acknowledge`` what is in Read Ack, of a
    source that has one.  ``is_over`` says that it panicked.
    """

    lines: tuple[str, ...]
    status: bytes
    acknowledge: bytes
    is_over: bool = False
    signal: Signal | None = None


class Both(NamedTuple):
    """What the real one did, and what the model has it do."""

    found: Seen
    expected: Seen


@dataclass(frozen=True)
class Config:
    """What the model has to know of a guest: its kernel's release and configuration, and its machine.

    Debian's 6.1 for clouds has neither memory_failure() nor machine checks; newer ones have both.
    """

    features: Features
    machine: Machine
    fails_memory: bool
    checks_machine: bool

    @classmethod
    def of(cls, guest: Guest) -> Config:
        """That of a guest that has booted."""
        there = guest.shell("ls /proc/sys/vm /sys/devices/system").output.split()
        return cls(
            features=kernel(guest.release),
            machine=guest.machine,
            fails_memory="memory_failure_recovery" in there,
            checks_machine="machinecheck" in there,
        )


def modules_of(guest: Guest) -> dict[int, Dimm]:
    """The memory modules that a guest has by its SMBIOS table, whose names its kernel prints."""
    table = guest.shell("base64 /sys/firmware/dmi/tables/DMI").output
    return dimms(base64.b64decode(table), "DMI")


def modelled(
    memory: Memory, hest: bytes, config: Config, *, events: Sequence[int] = (),
    clock: Callable[[], float] = lambda: 0.0,
) -> Linux:  # fmt: skip
    """The model of a guest, before it boots; ``events`` are those of SDEI that its firmware knows."""
    machine = config.machine
    ram = machine.banks(machine.usual)[0] if config.fails_memory else range(1 << 64)
    return Linux(
        memory, hest, ram=(ram,), features=config.features, architecture=machine.architecture,
        has_machine_checks=config.checks_machine, address_bits=machine.address_bits,
        has_ras=machine.has_ras, sdei_events=frozenset(events) or None, panic_timeout=-1, clock=clock,
    )  # fmt: skip


class Beside:
    """A session, and a model of its guest.

    ``process`` is the one of an arm64 guest that runs into an SEA, ``is_real_time`` what the model has
    to know of it.

    Units:   ``now``, the modelled clock, in seconds.
    """

    def __init__(self, session: Session) -> None:
        machine = session.guest.machine
        self.session = session
        self.now = 0.0
        self.is_real_time = False
        self.memory = Regions(machine.reserved)
        self.firmware = Platform(self.memory, session.hest)
        numbers = [source.source_id for source in generic_sources(session.hest)]
        self.firmware.prepare({n: session.firmware.block_address(n) for n in numbers})
        self.linux = modelled(
            self.memory, session.hest.to_bytes(), Config.of(session.guest),
            events=session.events, clock=lambda: self.now,
        )  # fmt: skip
        self.booted = self.linux.boot()
        self.process: Toucher | None = None

    def take(self, block: bytes, source_id: int) -> Both:
        """Both are given a block by their firmware, and told.

        Raises:  LabError when the lab cannot notify as the source wants.
        """
        self.firmware.publish(source_id, block)
        expected = self.modelled(source_id)
        report = self.session.inject(block, source_id=source_id)
        # Of a panic the rest is where it happened.
        lines = report.lines[: len(expected.lines) if expected.is_over else None]
        signal = report.touch.signal if report.touch is not None else None
        found = self._seen(self.session.guest.memory, self.session.firmware, source_id)
        return Both(found._replace(lines=lines, is_over=report.panicked, signal=signal), expected)

    def task(self) -> Task:
        """The process, as the model has it."""
        process = self.process or self.session.toucher
        return Task(
            process.physical, process.virtual, is_real_time=self.is_real_time, comm=NAME,
            pid=process.pid,
        )  # fmt: skip

    def modelled(self, source_id: int) -> Seen:
        """The model's own: an instruction that is tried again runs into the same once more."""
        told = self.session.source(source_id).notification
        lines: list[str] = []
        while True:
            reply = self._told(told.type, told.vector)
            lines += [line for did in reply.did for line in did.lines]
            outcome = reply.outcome
            if outcome is None or outcome.fate is not Fate.RETRIES:
                break
        seen = self._seen(self.memory, self.firmware, source_id)
        is_over = outcome is not None and not outcome.is_survived
        signal = None if outcome is None else outcome.signal
        return seen._replace(lines=tuple(lines), is_over=is_over, signal=signal)

    def _told(self, kind: NotificationType, vector: int) -> Reply:
        if kind == NotificationType.SEA:
            nowhere = (self.process or self.session.toucher).nowhere
            return self.linux.synchronous_external_abort(Abort.of_load(nowhere), self.task())
        return self.linux.notified(kind, vector=vector)

    def _seen(self, memory: Memory, firmware: Platform, source_id: int) -> Seen:
        """What is left in memory, and firmware told of it."""
        source = self.session.source(source_id)
        status = memory.read(firmware.block_address(source_id), 4)
        acknowledge = b""
        if isinstance(source, GhesV2):
            acknowledge = memory.read(source.read_ack_register.address, 8)
        firmware.poll_ack(source_id)
        return Seen((), status, acknowledge)
