"""Our firmware and a real Linux: blocks go in, what the kernel made of them comes out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.errors import LabError
from apeitool.firmware.platform import Notify, Platform, State
from apeitool.lab.boot import Boot
from apeitool.lab.console import without_timestamp
from apeitool.lab.guest import Guest
from apeitool.lab.images import Images
from apeitool.lab.snapshot import restored_or_booted
from apeitool.lab.window import RESERVED_BASE, RESERVED_SIZE
from apeitool.memory import Regions
from apeitool.registers.address import GenericAddress

_PAGE = 4096
_RESERVED = range(RESERVED_BASE, RESERVED_BASE + RESERVED_SIZE)
_STEP = 0.002
_SILENCE = 0.15
_WORDS = 10.0


@dataclass(frozen=True)
class Report:
    """What a real kernel did with one block.

    ``lines`` are its own, without their time stamps.  ``acknowledged`` is about GHESv2 sources;
    ``panicked`` says that the guest ended, which a panic makes it do.
    """

    source_id: int
    notification: NotificationType
    lines: tuple[str, ...]
    cleared: bool
    acknowledged: bool
    panicked: bool


class Session:
    """A guest that was given a HEST, with firmware that fills its blocks.

    Registers and blocks must lie in the range that the guest's kernel leaves alone.  ``tables`` are
    those that the guest is given beside it, ``modules`` those of its kernel that it may load.

    Units:   ``limit`` in seconds for everything; addresses in bytes.
    Raises:  MissingError, QemuError; LabError when the HEST does not fit the guest.
    """

    def __init__(
        self, images: Images, hest: Hest, *, tables: Sequence[bytes] = (),
        modules: Sequence[str] = (), append: str = "", cold: bool = False, limit: float = 120,
        cache_directory: Path | None = None,
    ) -> None:  # fmt: skip
        self.hest = hest
        self._blocks = place(hest)
        memory = Regions(_RESERVED)
        Platform(memory, hest).prepare(self._blocks)
        prefill = {RESERVED_BASE: memory.read(RESERVED_BASE, RESERVED_SIZE)}
        boot = Boot(
            images, tables=[hest.to_bytes(), *tables], prefill=prefill, append=append,
            modules=modules,
        )  # fmt: skip
        if cold:
            self.guest = Guest(boot, limit=limit)
            self.guest.wait_ready(limit)
        else:
            self.guest = restored_or_booted(boot, limit=limit, cache_directory=cache_directory)
        self.firmware = Platform(self.guest.memory, hest)
        self.firmware.prepare(self._blocks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.guest.close()

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
        start = len(self.guest.console.lines)
        event = self.firmware.publish(number, block)
        patience = self._deliver(event)
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
            acknowledged=acknowledged and isinstance(self._source(number), GhesV2),
            panicked=self.guest.exited,
        )

    def _default(self) -> int:
        return min(self._blocks)

    def _source(self, number: int) -> Ghes:
        return next(s for s in generic_sources(self.hest) if s.source_id == number)

    def _deliver(self, event: Notify) -> float:
        """Notify the guest; how many seconds it may take."""
        if event.type == NotificationType.NMI:
            self.guest.inject_nmi()
            return 5.0
        if event.type == NotificationType.POLLED:
            # Linux rounds its timers to whole seconds.
            return self._source(event.source_id).notification.poll_interval / 1000 + 4.0
        raise LabError(f"the lab cannot notify by {event.type.text}; it can by NMI, or be polled")

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
        return [line for line in self.guest.console.lines[start:] if not line.endswith(mark)]


def generic_sources(hest: Hest) -> Iterator[Ghes]:
    """The sources that have a status block."""
    return (source for source in hest.sources if isinstance(source, Ghes))


def place(hest: Hest) -> dict[int, int]:
    """Source id -> address for its block: pages of the reserved range that no register is in.

    Raises:  LabError when a register lies elsewhere, or the blocks do not fit.
    """
    taken = sorted({a // _PAGE for s in generic_sources(hest) for a in _register_addresses(s)})
    blocks: dict[int, int] = {}
    page = RESERVED_BASE // _PAGE
    for source in generic_sources(hest):
        pages = -(-max(source.error_status_block_length, 4) // _PAGE)
        while any(page <= other < page + pages for other in taken):
            page += 1
        if (page + pages) * _PAGE > _RESERVED.stop:
            raise LabError(f"the blocks of this HEST do not fit {_RESERVED_TEXT}")
        blocks[source.source_id] = page * _PAGE
        page += pages
    if not blocks:
        raise LabError("this HEST has no generic source: nothing can be injected")
    return blocks


_RESERVED_TEXT = f"{_RESERVED.start:#x} to {_RESERVED.stop - 1:#x}, which the guest leaves alone"


def _register_addresses(source: Ghes) -> Iterator[int]:
    registers: list[GenericAddress] = [source.error_status_address]
    if isinstance(source, GhesV2):
        registers.append(source.read_ack_register)
    for register in registers:
        if not (register.address in _RESERVED and register.address + 7 in _RESERVED):
            raise LabError(
                f"source {source.source_id} has a register at {register.address:#x}; "
                f"it must lie in {_RESERVED_TEXT}"
            )
        yield register.address
        yield register.address + 7
