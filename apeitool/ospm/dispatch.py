"""What Linux does about the sections of a block that it has read and found sound.

Severity.  The block's severity alone decides a panic; any value that is not defined counts as
fatal.  A section is acted on only if it and the block agree that the error is recoverable, or if it
says that corrected errors have become too many.

Sections, in the order of the block:

- memory, with a physical address: recoverable -> memory failure; corrected and over its threshold
  -> the page's contents are moved; anything else -> nothing.
- ARM processor, recoverable: each cache error with a physical address -> memory failure; every
  other error information is only complained about.
- PCIe, with a device and its AER registers: the AER driver gets it, whatever the block's severity.
- CXL events and protocol errors: newer kernels look at them, and hand them to the CXL driver.
- everything else goes to whoever listens for it, and nothing comes back.

Synchronous notification (SEA).  The task stands on the error and must not go on as if nothing had
happened: a memory failure becomes one that it waits for, and if the last memory or ARM section of
the block queued none, the task is signalled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from apeitool.cper.arm_error import ArmErrorType
from apeitool.cper.flags import SectionFlags
from apeitool.cper.section import section_type
from apeitool.cper.sections.arm_processor import (
    ArmProcessorErrorSection,
    ErrorInformation,
    ErrorInformationValid,
)
from apeitool.cper.sections.cxl_protocol import CxlProtocolErrorSection
from apeitool.cper.sections.memory import MemoryErrorSection, MemoryValid
from apeitool.cper.sections.pcie import PcieErrorSection, PcieValid
from apeitool.cper.severity import Severity
from apeitool.linux import dmesg
from apeitool.linux.accept import Entry, at, entries
from apeitool.linux.features import Features
from apeitool.linux.words import CXL_EVENTS
from apeitool.ospm import cxl, machine_check
from apeitool.ospm.aer import Recoveries, Recovery, address_of
from apeitool.ospm.outcome import Did
from apeitool.ospm.pages import Flag, Pages, PageWork
from apeitool.ospm.pool import LISTENER_HEADER, Pool
from apeitool.ospm.throttle import Warnings

if TYPE_CHECKING:
    from apeitool.cper.cxl_event import CxlEventSection

SOURCE = "Linux ghes_do_proc(), drivers/acpi/apei/ghes.c, seen on 6.1.176, 6.12.95 and 7.2.13"


@dataclass(slots=True)
class Handling:
    """What the sections of a block came to.

    ``is_queued``: the last memory or ARM section left work to be done on a page.  ``copies`` are the
    places in the pool of sections that listeners have still to see.
    """

    is_synchronous: bool = False
    did: list[Did] = field(default_factory=list)
    work: list[PageWork] = field(default_factory=list)
    is_queued: bool = False
    copies: list[int] = field(default_factory=list)

    @property
    def is_hopeless(self) -> bool:
        """Whether a task stands on the error and nothing could be done about it."""
        return self.is_synchronous and not self.is_queued


def is_fatal(severity: int) -> bool:
    """Whether a block of this severity makes Linux panic."""
    return severity not in (Severity.RECOVERABLE, Severity.CORRECTED, Severity.INFORMATIONAL)


def handle(
    block: bytes,
    *,
    is_synchronous: bool,
    features: Features,
    pages: Pages,
    recoveries: Recoveries | None = None,
    warnings: Warnings | None = None,
    pool: Pool | None = None,
    has_machine_checks: bool = False,
) -> Handling:
    """Look at every section of a sound block that is not fatal.

    What has to wait goes to ``recoveries`` and takes from ``pool``; ``warnings`` says how much the
    kernel has warned already.
    """
    handling = Handling(is_synchronous)
    waiting = Recoveries(features) if recoveries is None else recoveries
    said = Warnings() if warnings is None else warnings
    view = _View(
        block, features, pages, handling, waiting, said, pool, has_machine_checks=has_machine_checks
    )
    for number, entry in enumerate(entries(block)):
        react = _REACTIONS.get(entry.header.section_type, _pass_on)
        react(view, number, entry)
    return handling


@dataclass(frozen=True, slots=True)
class _View:
    """A block, and what its sections are judged by."""

    block: bytes
    features: Features
    pages: Pages
    handling: Handling
    recoveries: Recoveries
    warnings: Warnings
    pool: Pool | None
    has_machine_checks: bool

    def is_recoverable(self, entry: Entry) -> bool:
        """Whether block and section agree that the error is recoverable."""
        of_block = int.from_bytes(self.block[16:20], "little")
        return of_block == entry.header.error_severity == Severity.RECOVERABLE

    def tell(self, what: str, *lines: str, source: str = SOURCE) -> None:
        self.handling.did.append(Did(what, lines, source))

    def warn(self, function: str, what: str, line: str, *, place: str = "") -> None:
        """Complain, until the place in the kernel that does is muted: one in each function, or many."""
        permit = self.warnings.permit(function, place)
        if permit.given:
            self.tell(what, *permit.before, line)

    def fail(self, who: str, address: int) -> bool:
        """Queue a memory failure; whether that was possible."""
        flag = Flag.ACTION_REQUIRED if self.handling.is_synchronous else Flag.ACTION_OPTIONAL
        return self.queue(who, PageWork(address, flag))

    def queue(self, who: str, work: PageWork) -> bool:
        if self.features.checks_page_frame and not self.pages.is_ram(work.address):
            what = f"{who}: does nothing, it names no RAM"
            self.warn("ghes_do_memory_failure", what, dmesg.invalid_address(work.address))
            return False
        if work not in self.handling.work:
            self.handling.work.append(work)
            self.tell(f"{who}: queues work on the page at {work.address:#x} ({work.flag.value})")
        return True


def _memory(view: _View, number: int, entry: Entry) -> None:
    who = f"section {number}, memory error"
    size = MemoryErrorSection.fixed_size
    section = MemoryErrorSection.decode_at(at(view.block, entry.payload, size), 0, size)[0]
    view.handling.is_queued = False
    severity = int.from_bytes(view.block[16:20], "little")
    check = machine_check.of_memory_error(section, severity) if view.has_machine_checks else None
    if check is not None:
        what = f"{who}: makes a machine check of it, {check.sentence()}"
        view.tell(what, source=machine_check.SOURCE)
    threshold = entry.header.flags & SectionFlags.ERROR_THRESHOLD_EXCEEDED
    if not section.validation_bits & MemoryValid.PHYSICAL_ADDRESS:
        view.tell(f"{who}: does nothing, it has no physical address")
    elif view.is_recoverable(entry):
        view.handling.is_queued = view.fail(who, section.physical_address)
    elif entry.header.error_severity == Severity.CORRECTED and threshold:
        work = PageWork(section.physical_address, Flag.SOFT_OFFLINE)
        view.handling.is_queued = view.queue(who, work)
    else:
        view.tell(f"{who}: does nothing, block and section are not both recoverable")


def _arm_processor(view: _View, number: int, entry: Entry) -> None:
    who = f"section {number}, ARM processor error"
    size = ArmProcessorErrorSection.fixed_size
    length, deduction = entry.header.error_data_length, view.features.arm_length_deduction
    view.handling.is_queued = False
    if deduction is not None and length < size:
        view.tell(f"{who}: does nothing, it is too short", *dmesg.arm_too_short(length))
        return
    if not view.is_recoverable(entry):
        view.tell(f"{who}: does nothing, block and section are not both recoverable")
        return
    section = ArmProcessorErrorSection.decode_at(at(view.block, entry.payload, size), 0, size)[0]
    left = None if deduction is None else length - deduction
    position = entry.payload + size
    for _ in range(section.error_information_count):
        step = ErrorInformation.fixed_size
        info = ErrorInformation.decode_at(at(view.block, position, step), 0, step)[0]
        if left is not None:
            if left < step or left < info.length:
                break
            left -= info.length
        position += info.length
        if _names_page(info):
            view.handling.is_queued = view.fail(who, info.physical_fault_address)
        else:
            what = f"{who}: only complains, it handles cache errors with a physical address"
            view.warn("ghes_handle_arm_hw_error", what, dmesg.unhandled_arm_error(info.type))


def _names_page(info: ErrorInformation) -> bool:
    valid = info.validation_bits & ErrorInformationValid.PHYSICAL_FAULT_ADDRESS
    return bool(info.type & ArmErrorType.CACHE and valid)


def _pcie(view: _View, number: int, entry: Entry) -> None:
    who = f"section {number}, PCIe error"
    size = PcieErrorSection.fixed_size
    section = PcieErrorSection.decode_at(at(view.block, entry.payload, size), 0, size)[0]
    needed = PcieValid.DEVICE_ID | PcieValid.AER_INFO
    if section.validation_bits & needed != needed:
        view.tell(f"{who}: does nothing, it lacks the device or its AER registers")
        return
    severity = {Severity.RECOVERABLE: "non-fatal", Severity.FATAL: "fatal"}
    kind = severity.get(entry.header.error_severity, "correctable")
    if entry.header.flags & SectionFlags.RESET:
        kind = "fatal"
    recovery = Recovery(address_of(section.device_id), kind)
    view.handling.did.append(view.recoveries.queue(who, recovery))


def _cxl_event(view: _View, number: int, entry: Entry) -> None:
    who = f"section {number}, CXL event"
    kind = section_type(entry.header.section_type)
    if not view.features.knows_cxl or kind is None:
        _pass_on(view, number, entry)
        return
    data = at(view.block, entry.payload, kind.fixed_size)
    complaint = cxl.event_complaint(cast("CxlEventSection", kind.decode_at(data, 0, len(data))[0]))
    if complaint:
        view.tell(f"{who}: does nothing", complaint, source=cxl.SOURCE)
    else:
        view.tell(f"{who}: hands it to the CXL driver, if there is one", source=cxl.SOURCE)


def _cxl_protocol(view: _View, number: int, entry: Entry) -> None:
    who = f"section {number}, CXL protocol error"
    if not view.features.hands_on_cxl_protocol:
        _pass_on(view, number, entry)
        return
    size = CxlProtocolErrorSection.fixed_size
    data = at(view.block, entry.payload, size)
    section = CxlProtocolErrorSection.decode_at(data, 0, size)[0]
    for complaint, ends in cxl.protocol_complaints(section):
        does = "does nothing" if ends else "hands it on all the same"
        place, _, _ = complaint.partition("(")
        view.warn(cxl.CHECKED_IN, f"{who}: {does}", complaint, place=place)
        if ends:
            return
    view.tell(f"{who}: hands it to the CXL driver, if there is one", source=cxl.SOURCE)


def _pass_on(view: _View, number: int, entry: Entry) -> None:
    who = f"section {number}, type {entry.header.section_type}"
    if view.pool is not None:
        place = view.pool.take(LISTENER_HEADER + entry.length)
        if place is None:
            view.tell(f"{who}: no listener hears of it, there is no memory for a copy")
            return
        view.handling.copies.append(place)
    view.tell(f"{who}: only passes it on to listeners")


_REACTIONS: dict[object, Callable[[_View, int, Entry], None]] = {
    MemoryErrorSection.guid: _memory,
    ArmProcessorErrorSection.guid: _arm_processor,
    PcieErrorSection.guid: _pcie,
    CxlProtocolErrorSection.guid: _cxl_protocol,
    **dict.fromkeys(CXL_EVENTS, _cxl_event),
}
