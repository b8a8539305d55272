"""What Linux does with a block of the caller's own, put to one source of a HEST of the caller's own.

Firmware places the block, fills it and notifies, once or several times.  A block that firmware could
not publish and keep to the rules is put into memory all the same, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import HEADER_LENGTH, StatusBlock
from apeitool.errors import ApeiError, FirmwareFault, GuestFault
from apeitool.firmware.platform import Platform, armed
from apeitool.linux.accept import (
    LARGEST_BLOCK,
    NO_ENTRIES,
    Check,
    Verdict,
    check_entries,
    header_checks,
    probe,
    walk_hest,
)
from apeitool.linux.features import DEFAULT, Architecture, Features
from apeitool.linux.mapping import Mappings
from apeitool.memory import Regions, read_register, write_register
from apeitool.ospm.dispatch import is_fatal
from apeitool.ospm.linux import Linux
from apeitool.ospm.outcome import Did, Fate, Outcome, Reply
from apeitool.ospm.pages import Task
from apeitool.ospm.sea import SOURCE as ABORT
from apeitool.ospm.sea import Abort

EVERYWHERE = (range(1 << 52),)
"""All addresses, where the caller does not say which are RAM."""

_REGISTER = 8
_STEP = 1 << 20
_VIRTUAL_ADDRESS = 0xFFFF_B4EF_6000


@dataclass(frozen=True, slots=True)
class Setting:
    """To whom the block is given.

    ``has_machine_checks`` is about a kernel for x86; ``is_real_time`` and ``in_kernel`` are about the
    task that an SEA interrupts.
    """

    features: Features = DEFAULT
    architecture: Architecture = Architecture.ARM64
    ram: Sequence[range] = EVERYWHERE
    pci_functions: frozenset[str] = frozenset()
    panic_timeout: int = 0
    has_machine_checks: bool = False
    is_real_time: bool = False
    in_kernel: bool = False


@dataclass(frozen=True, slots=True)
class Meeting:
    """One block, and what Linux did with it.

    ``objection`` is why firmware that keeps to the rules would not have put it there; ``status`` and
    ``read_ack`` are what is there afterwards, ``armed`` what Read Ack held before.

    Units:   ``time`` in seconds since Linux booted.
    """

    time: float
    block: bytes
    checks: tuple[Check, ...]
    objection: str
    did: tuple[Did, ...]
    outcome: Outcome | None
    status: int
    armed: int | None
    read_ack: int | None


@dataclass(frozen=True, slots=True)
class Story:
    """What became of the table, the source and the blocks.

    ``source`` is None when the whole table was refused.
    """

    hest: Verdict
    described: Ghes
    bound: Verdict | None
    booted: tuple[Did, ...]
    meetings: tuple[Meeting, ...]
    end: Outcome | None

    @property
    def is_bound(self) -> bool:
        """Whether Linux listens to the source."""
        return self.bound is not None and self.bound.accepted


def generic_source(hest: Hest, source_id: int | None) -> Ghes:
    """The source of that id, or the first.

    Raises:  ApeiError when there is none.
    """
    found = [source for source in hest.sources if isinstance(source, Ghes)]
    if not found:
        raise ApeiError("the HEST has no generic error source")
    for source in found:
        if source_id in (None, source.source_id):
            return source
    ids = ", ".join(str(source.source_id) for source in found)
    raise ApeiError(f"the HEST has no generic error source {source_id}; it has {ids}")


ARCHITECTURES = {
    NotificationType.NMI: Architecture.X86,
    NotificationType.SEA: Architecture.ARM64,
    NotificationType.SEI: Architecture.ARM64,
    NotificationType.SDEI: Architecture.ARM64,
}
"""Of notifications that only one architecture has."""


def run(
    blocks: Sequence[tuple[float, bytes]], hest: Hest, source_id: int | None, setting: Setting
) -> Story:
    """Put blocks, each at its time, to the source of that id.

    Raises:  ApeiError for a source that is not there, or has a register that is not in memory.
    """
    described = generic_source(hest, source_id)
    return _Machine(hest, described, setting, max(len(data) for _, data in blocks)).run(blocks)


class _Machine:
    """Firmware that fills one source, and Linux."""

    def __init__(self, hest: Hest, described: Ghes, setting: Setting, longest: int) -> None:
        self._described = described
        self._setting = setting
        table = hest.to_bytes()
        events = frozenset({described.notification.vector})
        self._hest = walk_hest(
            table, setting.features, has_machine_checks=setting.has_machine_checks
        )
        self._bound: Verdict | None = None
        mappings = Mappings()
        for source in self._hest.sources:
            verdict = probe(source, setting.architecture, sdei_events=events, mappings=mappings)
            if source == described:
                self._bound = verdict
        room = min(described.error_status_block_length, LARGEST_BLOCK)
        registers = [*_merged([*_extents(hest)])]
        length = max(longest, room, HEADER_LENGTH)
        self._address = _free_place(registers, length)
        place = range(self._address, self._address + length)
        self._memory = Regions(*registers, place)
        self._firmware = Platform(self._memory, hest)
        self._now = 0.0
        self._linux = Linux(
            self._memory, table, ram=setting.ram, features=setting.features,
            architecture=setting.architecture, sdei_events=events,
            pci_functions=setting.pci_functions, panic_timeout=setting.panic_timeout,
            has_machine_checks=setting.has_machine_checks, clock=lambda: self._now,
        )  # fmt: skip

    def run(self, blocks: Sequence[tuple[float, bytes]]) -> Story:
        is_bound = self._bound is not None and self._bound.accepted
        if is_bound:
            self._firmware.prepare({self._described.source_id: self._address})
        booted = self._linux.boot()
        meetings = []
        for time, data in blocks:
            if self._linux.end is not None or not is_bound:
                break
            self._now = time
            meetings.append(self._meet(data))
        end = self._linux.end or (meetings[-1].outcome if meetings else None)
        return Story(self._hest, self._described, self._bound, booted.did, tuple(meetings), end)

    def _meet(self, data: bytes) -> Meeting:
        objection = self._publish(data)
        before = self._read_ack()
        held = self._memory.read(self._address, HEADER_LENGTH)
        checks = tuple(_checks(data if data[:4] == held[:4] else held, self._described))
        reply = self._notify(data)
        return Meeting(
            self._now, data, checks, objection, reply.did, reply.outcome,
            int.from_bytes(self._memory.read(self._address, 4), "little"), before,
            self._read_ack(),
        )  # fmt: skip

    def _publish(self, data: bytes) -> str:
        """Fill the block; why firmware would not have, if so."""
        number = self._described.source_id
        try:
            self._firmware.publish(number, data, now=self._now)
        except GuestFault as wrong:
            return f"{wrong}; it only notifies again"
        except FirmwareFault as wrong:
            if any(self._memory.read(self._address, 4)):
                return f"{wrong}; it only notifies again"
            self._force(data)
            return str(wrong)
        return ""

    def _force(self, data: bytes) -> None:
        """Fill the block as it is."""
        if isinstance(self._described, GhesV2):
            register = self._described.read_ack_register
            value = armed(self._described, read_register(self._memory, register))
            write_register(self._memory, register, value)
        self._memory.write(self._address, bytes(HEADER_LENGTH))
        self._memory.write(self._address, data)

    def _notify(self, data: bytes) -> Reply:
        notification, number = self._described.notification, self._described.source_id
        if notification.type != NotificationType.SEA:
            is_polled = notification.type == NotificationType.POLLED
            return self._linux.notified(
                notification.type, vector=notification.vector, polled=number if is_polled else None
            )
        setting = self._setting
        task = Task(_touched(data), _VIRTUAL_ADDRESS, is_real_time=setting.is_real_time)
        abort = Abort.of_load(_VIRTUAL_ADDRESS, in_kernel=setting.in_kernel)
        did: list[Did] = []
        while True:
            reply = self._linux.synchronous_external_abort(abort, task)
            did += reply.did
            if reply.outcome is None or reply.outcome.fate is not Fate.RETRIES:
                return Reply(tuple(did), reply.outcome)
            touched = self._linux.touch(task)
            if touched is not None:
                return Reply((*did, *touched.did), touched.outcome)
            did.append(Did("lets the task try again, which takes the next abort", (), ABORT))

    def _read_ack(self) -> int | None:
        if not isinstance(self._described, GhesV2):
            return None
        return read_register(self._memory, self._described.read_ack_register)


def _checks(block: bytes, described: Ghes) -> Iterator[Check]:
    """What Linux looks at in a block, one after the other, until something is wrong."""
    status = int.from_bytes(block[:4], "little")
    recorded = Check(
        f"the block status, {status:#x}, says that something is recorded", status != 0, ""
    )
    yield recorded
    if not recorded.passed:
        return
    whole = block.ljust(HEADER_LENGTH, b"\0")
    header = StatusBlock.decode_at(whole[:HEADER_LENGTH], 0, HEADER_LENGTH)[0]
    for check in header_checks(header, described.error_status_block_length):
        yield check
        if not check.passed:
            return
    verdict = check_entries(whole)
    what = f"the data entries fill {header.data_length} bytes exactly"
    yield Check(what, verdict.accepted, "" if verdict.is_endless else NO_ENTRIES)
    if verdict.accepted:
        severity = header.error_severity
        what = f"the severity, {severity.text}, is none that it panics of"
        yield Check(what, not is_fatal(int(severity)), "")


def _touched(block: bytes) -> int:
    """The page that a task touched: the first that the block names."""
    sections = StatusBlock.from_bytes(block.ljust(HEADER_LENGTH, b"\0")).sections
    return next((a for section in sections for a in section.physical_addresses), 0)


def _extents(hest: Hest) -> Iterator[range]:
    """Where the registers of the generic sources are."""
    for source in hest.sources:
        if isinstance(source, Ghes):
            registers = [source.error_status_address]
            registers += [source.read_ack_register] if isinstance(source, GhesV2) else []
            yield from (range(r.address, r.address + _REGISTER) for r in registers)


def _merged(extents: Sequence[range]) -> Iterator[range]:
    """The same addresses, each in one range only."""
    current: range | None = None
    for extent in sorted(extents, key=lambda each: each.start):
        if current is not None and extent.start <= current.stop:
            current = range(current.start, max(current.stop, extent.stop))
        else:
            if current is not None:
                yield current
            current = extent
    if current is not None:
        yield current


def _free_place(registers: Iterable[range], length: int) -> int:
    """An address for the block, in the first gap between registers that is long enough."""
    address = _STEP
    for extent in registers:
        if address + length <= extent.start:
            break
        address = max(address, -(-extent.stop // _STEP) * _STEP)
    return address
