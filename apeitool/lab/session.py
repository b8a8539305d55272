"""Our firmware and a real Linux: blocks go in, what the kernel made of them comes out."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.errors import LabError
from apeitool.firmware.platform import Notify, Platform, State
from apeitool.lab import el2
from apeitool.lab.boot import Boot
from apeitool.lab.console import without_timestamp
from apeitool.lab.event_device import event_device, with_events
from apeitool.lab.guest import Guest
from apeitool.lab.images import Images
from apeitool.lab.machines import ARM64, X86
from apeitool.lab.snapshot import restored_or_booted
from apeitool.lab.toucher import NAME, Touch, Toucher, program
from apeitool.linux.accept import HED
from apeitool.linux.features import Architecture
from apeitool.memory import Regions
from apeitool.registers.address import GenericAddress
from apeitool.registers.arm_syndrome import (
    DFSC_ASYNCHRONOUS_SERROR,
    AsynchronousErrorType,
    SErrorSyndrome,
)

_BY_EL2 = frozenset({NotificationType.SEI, NotificationType.SDEI})
RECOVERABLE = SErrorSyndrome.compose(
    dfsc=DFSC_ASYNCHRONOUS_SERROR, aet=int(AsynchronousErrorType.UER)
)
"""The syndrome (ISS) of an SError whose AET is UER, recoverable."""
_PAGE = 4096
_SCI = 9
_OWN = 128
"""A part in so many of the range that is left alone is the lab's own."""
_STEP = 0.002
_SILENCE = 0.15
_WORDS = 10.0


@dataclass(frozen=True)
class Report:
    """What a real kernel did with one block.

    ``lines`` are its own, without their time stamps.  ``acknowledged`` is about GHESv2 sources;
    ``panicked`` says that the guest ended, which a panic makes it do.  ``touch`` is what came of an
    SEA to the process that ran into it, or of an SError or SDEI event to the one that was interrupted.
    """

    source_id: int
    notification: NotificationType
    lines: tuple[str, ...]
    cleared: bool
    acknowledged: bool
    panicked: bool
    touch: Touch | None = None


class Session:
    """A guest that was given a HEST, with firmware that fills its blocks.

    Registers and blocks must lie in the range that the guest's kernel leaves alone.  ``tables`` are
    those that the guest is given beside it, ``modules`` those of its kernel that it may load.
    ``serror`` is the syndrome of the SErrors that errors of SEI sources come with, ``events`` those of
    SDEI that the firmware knows.

    Units:   ``limit`` in seconds for everything; addresses in bytes.
    Raises:  MissingError, QemuError; LabError when the HEST does not fit the guest.
    """

    def __init__(
        self, images: Images, hest: Hest, *, tables: Sequence[bytes] = (),
        modules: Sequence[str] = (), append: str = "", cold: bool = False, limit: float = 120,
        cache_directory: Path | None = None,
    ) -> None:  # fmt: skip
        self.hest = hest
        reserved = images.machine.reserved
        self._blocks = place(hest, reserved)
        used = range(reserved.start, _end(hest, self._blocks, reserved))
        memory = Regions(used)
        Platform(memory, hest).prepare(self._blocks)
        prefill = {used.start: memory.read(used.start, len(used))}
        kinds = {source.notification.type for source in generic_sources(hest)}
        is_arm64 = images.machine.architecture is Architecture.ARM64
        if kinds & _BY_EL2 and images.machine is ARM64:
            images = el2.images(images)
        self.has_firmware = is_arm64 and images.machine is not ARM64
        self.serror = RECOVERABLE
        self.events = events(hest)[:1] if self.has_firmware else []
        if self.has_firmware:
            prefill[el2.BASE] = el2.code(*self.events)
        self._event = reserved.stop - _PAGE if has_sci(images, kinds) else None
        boot = Boot(
            images,
            tables=[hest.to_bytes(), *tables, *self._tables(images, kinds)],
            upgrades=self._upgrades(images, cache_directory),
            prefill=prefill,
            append=append,
            modules=modules,
            programs={NAME: program()} if is_arm64 else {},
            has_lines=bool(kinds & {*HED, NotificationType.EXTERNAL_INTERRUPT}),
        )
        self._touch: Touch | None = None
        if cold:
            self.guest = Guest(boot, limit=limit)
            self.guest.wait_ready(limit)
        else:
            self.guest = restored_or_booted(boot, limit=limit, cache_directory=cache_directory)
        self.firmware = Platform(self.guest.memory, hest)
        self.firmware.prepare(self._blocks)

    def _tables(self, images: Images, kinds: Collection[NotificationType]) -> Iterator[bytes]:
        """What Linux needs to be told beside HEST."""
        if self.has_firmware and NotificationType.SDEI in kinds:
            yield el2.sdei_table()
        if HED.intersection(kinds):
            interrupt = images.machine.event_interrupt
            yield event_device(interrupt, has_event=self._event is not None)

    def _upgrades(self, images: Images, cache_directory: Path | None) -> list[bytes]:
        """The tables that stand in for the machine's own."""
        if self._event is None:
            return []
        return [with_events(own_fadt(images, cache_directory), self._event)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.guest.close()

    @cached_property
    def toucher(self) -> Toucher:
        """The process of an arm64 guest that runs into an SEA where a source wants one.

        Raises:  LabError when there is none, or it does not come up.
        """
        if self.guest.machine.architecture is not Architecture.ARM64:
            raise LabError("no process of an x86 guest can run into an SEA")
        return Toucher(self.guest)

    @property
    def boot_lines(self) -> tuple[str, ...]:
        """What the kernel said of HEST and GHES while it came up."""
        words = ("HEST", "GHES", "APEI")
        lines = map(without_timestamp, self.guest.console.lines)
        return tuple(line for line in lines if any(word in line for word in words))

    def inject(self, block: bytes, *, source_id: int | None = None) -> Report:
        """Publish a block to a source (the first generic one), notify, and wait for the kernel.

        Raises:  LabError when the lab cannot notify as the source wants; FirmwareFault, GuestFault.
        """
        number = self._default() if source_id is None else source_id
        if self.source(number).notification.type in {NotificationType.SEA, *_BY_EL2}:
            # It has to be there before the error is.
            self.toucher  # noqa: B018
        start = len(self.guest.console.lines)
        event, patience = self.send(block, number)
        end = time.monotonic() + patience
        while not self._is_over(number) and time.monotonic() < end:
            time.sleep(_STEP)
        lines = tuple(map(without_timestamp, self._words(start)))
        acknowledged = self.firmware.state(number) is State.FREE
        address = self.firmware.block_address(number)
        return Report(
            source_id=number,
            notification=event.type,
            lines=lines,
            cleared=not any(self.guest.memory.read(address, 4)),
            acknowledged=acknowledged and isinstance(self.source(number), GhesV2),
            panicked=self.guest.exited,
            touch=self._touch,
        )

    def send(self, block: bytes, source_id: int) -> tuple[Notify, float]:
        """Publish a block to a source and notify; how it was told, and how many seconds that may take.

        Raises:  LabError when the lab cannot notify as the source wants; FirmwareFault, GuestFault.
        """
        event = self.firmware.publish(source_id, block)
        self._touch = None
        return event, self._deliver(event)

    def _default(self) -> int:
        return min(self._blocks)

    def source(self, number: int) -> Ghes:
        """The source of a number."""
        return next(s for s in generic_sources(self.hest) if s.source_id == number)

    def _deliver(self, event: Notify) -> float:
        """Notify the guest; how many seconds it may take."""
        if event.type == NotificationType.NMI and self.guest.machine is X86:
            self.guest.inject_nmi()
            return 5.0
        if event.type == NotificationType.SEA:
            self._touch = self.toucher.touch()
            return 1.0
        if event.type == NotificationType.SCI and self._event is not None:
            # Of a register the kernel clears a bit by writing 1, memory keeps it: it looks twice.
            self.guest.memory.write(self._event, b"\1")
            self.guest.interrupt(_SCI)
            return 3.0
        if event.type == NotificationType.SEI and self.has_firmware:
            self._touch = self.toucher.ask_firmware(el2.SERROR, self.serror)
            return 1.0
        if event.type == NotificationType.SDEI and self.has_firmware:
            vector = self.source(event.source_id).notification.vector
            self._touch = self.toucher.ask_firmware(el2.EVENT, vector)
            return 3.0
        if event.type in HED:
            self.guest.interrupt(self.guest.machine.event_interrupt)
            return 3.0
        if event.type == NotificationType.EXTERNAL_INTERRUPT and self.guest.machine is X86:
            self.guest.interrupt(self.source(event.source_id).notification.vector)
            return 3.0
        if event.type == NotificationType.POLLED:
            # Linux rounds its timers to whole seconds.
            return self.source(event.source_id).notification.poll_interval / 1000 + 4.0
        able = "polls, SCI, GPIO, GSIV, on x86 external interrupts and NMI, on arm64 SEA, SEI, SDEI"
        raise LabError(f"the lab cannot notify by {event.type.text}; it can by {able}")

    def _is_over(self, number: int) -> bool:
        return self.firmware.poll_ack(number) or self.guest.exited

    def _words(self, start: int) -> list[str]:
        """The console's lines from ``start`` on, once the kernel has printed all that it had to.

        Whatever the guest is made to print comes behind them; it cannot while it panics, and ends.
        Work that the kernel has put off prints later still, and is waited for in silence.
        """
        mark = f"apeitool: lines from {start} on are told"
        try:
            self.guest.shell(f"echo '<0>{mark}' > /dev/kmsg", timeout=_WORDS)
            self.guest.console.wait_for(re.escape(mark), timeout=_WORDS, start=start)
        except LabError:
            # The guest has ended, or hangs, and prints no more.
            pass
        end = time.monotonic() + _WORDS
        count, since = -1, time.monotonic()
        while time.monotonic() < end and not self.guest.exited:
            if len(self.guest.console.lines) != count:
                count, since = len(self.guest.console.lines), time.monotonic()
            elif time.monotonic() - since > _SILENCE:
                break
            time.sleep(_STEP)
        if self.guest.exited:
            self.guest.console.drain(_WORDS)
        return [line for line in self.guest.console.lines[start:] if not line.endswith(mark)]


def events(hest: Hest) -> list[int]:
    """The numbers of the SDEI events that sources come by."""
    told = (source.notification for source in generic_sources(hest))
    return [each.vector for each in told if each.type == NotificationType.SDEI]


def has_sci(images: Images, kinds: Collection[NotificationType]) -> bool:
    """Whether a guest can be told by a genuine SCI, and is to be."""
    return images.machine is X86 and NotificationType.SCI in kinds


def own_fadt(images: Images, cache_directory: Path | None = None) -> bytes:
    """The FADT that QEMU gives to a machine.

    Raises:  MissingError, QemuError; LabError when the guest does not come up.
    """
    with restored_or_booted(Boot(images), cache_directory=cache_directory) as guest:
        shown = guest.shell("base64 /sys/firmware/acpi/tables/FACP").output
    return base64.b64decode(shown)


def generic_sources(hest: Hest) -> Iterator[Ghes]:
    """The sources that have a status block."""
    return (source for source in hest.sources if isinstance(source, Ghes))


def place(hest: Hest, reserved: range) -> dict[int, int]:
    """Source id -> address for its block: pages of the reserved range that no register is in.

    Raises:  LabError when a register lies elsewhere, or the blocks do not fit.
    """
    sources = generic_sources(hest)
    taken = sorted({a // _PAGE for s in sources for a in _register_addresses(s, reserved)})
    blocks: dict[int, int] = {}
    page = reserved.start // _PAGE
    for source in generic_sources(hest):
        pages = -(-max(source.error_status_block_length, 4) // _PAGE)
        while any(page <= other < page + pages for other in taken):
            page += 1
        # The last part is the lab's own.
        if (page + pages) * _PAGE > reserved.stop - len(reserved) // _OWN:
            raise LabError(f"the blocks of this HEST do not fit {_told(reserved)}")
        blocks[source.source_id] = page * _PAGE
        page += pages
    if not blocks:
        raise LabError("this HEST has no generic source: nothing can be injected")
    return blocks


def _end(hest: Hest, blocks: dict[int, int], reserved: range) -> int:
    """Behind the last byte that firmware prepares."""
    sources = list(generic_sources(hest))
    ends = [blocks[s.source_id] + max(s.error_status_block_length, 4) for s in sources]
    ends += [address + 1 for s in sources for address in _register_addresses(s, reserved)]
    return max(ends)


def _told(reserved: range) -> str:
    return f"{reserved.start:#x} to {reserved.stop - 1:#x}, which the guest leaves alone"


def _register_addresses(source: Ghes, reserved: range) -> Iterator[int]:
    registers: list[GenericAddress] = [source.error_status_address]
    if isinstance(source, GhesV2):
        registers.append(source.read_ack_register)
    for register in registers:
        if not (register.address in reserved and register.address + 7 in reserved):
            raise LabError(
                f"source {source.source_id} has a register at {register.address:#x}; "
                f"it must lie in {_told(reserved)}"
            )
        yield register.address
        yield register.address + 7
