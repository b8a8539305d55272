"""The report that the kernel prints of a status block, line for line, without timestamps.

    {1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 2
    {1}[Hardware Error]: event severity: recoverable
    {1}[Hardware Error]:  Error 0, type: recoverable
    {1}[Hardware Error]:   section_type: memory error

Boot errors have no number and no source.  What the kernel *does* about an error it says in other
lines (`apeitool.linux.dmesg`), some of them before the report.

Source:  Linux drivers/acpi/apei/ghes.c and drivers/firmware/efi/cper.c
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from apeitool.acpi.status import (
    GenericErrorDataEntryV3,
    StatusBlock,
    entry_type,
)
from apeitool.cper.section import OpaqueSection
from apeitool.cper.sections.arm_processor import ArmProcessorErrorSection
from apeitool.cper.sections.cxl_protocol import CxlProtocolErrorSection
from apeitool.cper.sections.firmware_record import FirmwareErrorRecordReferenceSection
from apeitool.cper.sections.generic_processor import GenericProcessorErrorSection
from apeitool.cper.sections.ia32_x64_processor import Ia32X64ProcessorErrorSection
from apeitool.cper.sections.memory import MemoryErrorSection
from apeitool.cper.sections.pcie import PcieErrorSection
from apeitool.cper.severity import Severity
from apeitool.cper.timestamp import Timestamp
from apeitool.linux import accept, arm, bert, sections, words, x86
from apeitool.linux.accept import LARGEST_BLOCK
from apeitool.linux.dmesg import HW_ERR
from apeitool.linux.features import Architecture, Features
from apeitool.linux.row import LEVEL, Row, Rows
from apeitool.linux.sections import Aside
from apeitool.linux.window import Window
from apeitool.wire.labels import Bits, Word


class Printed(Word):
    """A severity as far as the kernel looks at it."""

    severity = Bits(0, 16)


SOURCE = "Hardware error from APEI Generic Hardware Error Source: {}"
CORRECTED = "It has been corrected by h/w and requires no further action"
EVENT_SEVERITY = "event severity: "
BLOCK = Rows(
    StatusBlock,
    Row(EVENT_SEVERITY + "{error_severity.severity:words}", words.SEVERITIES, view=Printed),
)
ENTRY = Rows(
    GenericErrorDataEntryV3,
    Row("fru_id: {fru_id:guid}"),
    Row("fru_text: {fru_text:text}"),
)
ENTRY_SEVERITY = Rows(
    GenericErrorDataEntryV3,
    Row("{error_severity.severity:words}", words.SEVERITIES, view=Printed),
)
UNKNOWN_TYPE = Row("section type: unknown, {guid:guid}")
ERROR = "Error {}, type: "
SECTION_TYPE = "section_type: "


class Kind(NamedTuple):
    """A section that the kernel prints in words: its name, and what writes the rest.

    Units:   ``shortest`` in bytes: of one that is shorter nothing more is printed.
    """

    title: str
    shortest: int
    write: Callable[[Window], Iterator[str]]


_GENERAL: dict[UUID, Kind] = {
    GenericProcessorErrorSection.guid: Kind(
        "general processor error", GenericProcessorErrorSection.fixed_size,
        sections.generic_processor,
    ),
    MemoryErrorSection.guid: Kind("memory error", MemoryErrorSection.shortest, sections.memory),
    PcieErrorSection.guid: Kind("PCIe error", PcieErrorSection.fixed_size, sections.pcie),
    FirmwareErrorRecordReferenceSection.guid: Kind(
        "Firmware Error Record Reference", sections.FIRMWARE_SHORTEST, sections.firmware_record
    ),
}  # fmt: skip
_ARM = {
    ArmProcessorErrorSection.guid: Kind(
        "ARM processor error", ArmProcessorErrorSection.fixed_size, arm.arm_processor
    )
}
_X86 = {
    Ia32X64ProcessorErrorSection.guid: Kind(
        "IA32/X64 processor error", Ia32X64ProcessorErrorSection.fixed_size, x86.x86_processor
    )
}
_CXL = {
    CxlProtocolErrorSection.guid: Kind(
        "CXL Protocol Error", CxlProtocolErrorSection.fixed_size, sections.cxl_protocol
    ),
    **{guid: Kind(name, 0, lambda _: iter(())) for guid, name in words.CXL_EVENTS.items()},
}


TITLES: dict[str, UUID] = {
    kind.title: guid for table in (_GENERAL, _ARM, _X86, _CXL) for guid, kind in table.items()
}
"""Section types by the kernel's name for them."""


def kinds(features: Features, architecture: Architecture) -> dict[UUID, Kind]:
    """The sections that a kernel prints in words."""
    own = _ARM if architecture is Architecture.ARM64 else _X86
    return {**_GENERAL, **own, **(_CXL if features.knows_cxl else {})}


@dataclass(frozen=True, slots=True)
class Report:
    """The lines.  ``strays`` says that some show what lies behind the block, taken for zero."""

    lines: tuple[str, ...]
    strays: bool = False


def report(
    block: bytes,
    features: Features,
    architecture: Architecture,
    *,
    source_id: int = 0,
    number: int = 1,
    room: int = LARGEST_BLOCK,
) -> Report:
    """What Linux prints of a block of a generic source, as its ``number``-th report since boot.

    A block that it refuses it warns of instead; of one that is empty it says nothing.

    Units:   ``room`` in bytes: how long a block of the source may be.
    Raises:  Truncated when fewer than 20 bytes are given.
    """
    if not any(block[:4]):
        return Report(())
    for verdict in _verdicts(block, room):
        if not verdict.accepted:
            return Report(verdict.messages)
    prefix = f"{{{number}}}{HW_ERR}"
    found = printed(block, prefix, features, architecture)
    return Report((prefix + SOURCE.format(source_id), *found.lines), found.strays)


def _verdicts(block: bytes, room: int) -> Iterator[accept.BlockVerdict]:
    head = accept.check_header(block, room)
    yield head
    # Of entries that are not there nothing is known.
    if head.length <= len(block):
        yield accept.check_entries(block[: head.length])


def boot_report(region: bytes, features: Features, architecture: Architecture) -> Report:
    """What Linux prints of a boot error region."""
    verdict = bert.walk_region(region)
    parts = [
        printed(region[r.offset : r.offset + r.length], HW_ERR, features, architecture)
        for r in verdict.records
        if r.is_printed
    ]
    said = list(verdict.messages)
    first = [said.pop(0)] if parts else []
    lines = [line for part in parts for line in part.lines]
    return Report((*first, *lines, *said), any(part.strays for part in parts))


def printed(block: bytes, prefix: str, features: Features, architecture: Architecture) -> Report:
    """The lines of a block behind that of its source."""
    head = StatusBlock.decode_at(block, 0, StatusBlock.fixed_size)[0]
    severity = Printed(head.error_severity).severity
    lines = [prefix + CORRECTED] if severity == Severity.CORRECTED else []
    lines += [prefix + line for line in BLOCK.lines(head)]
    strays = False
    known = kinds(features, architecture)
    for index, entry in enumerate(accept.entries(block)):
        if entry.payload > len(block):
            strays = True
            break
        window = Window(
            block, entry.payload, entry.header.error_data_length,
            int(entry.header.error_severity), features, architecture, LEVEL + len(prefix) + 2,
        )  # fmt: skip
        lines += [f"{prefix} {line}" for line in _entry(block, entry, index)]
        for line in _section(window, entry.header.section_type, known):
            lines.append(line if isinstance(line, Aside) else f"{prefix}  {line}")
        strays |= window.strays
    # A text of the firmware may have line feeds.
    return Report(tuple(piece for line in lines for piece in line.split("\n")), strays)


def _entry(block: bytes, found: accept.Entry, index: int) -> Iterator[str]:
    header = found.header
    if entry_type(block, found.offset) is GenericErrorDataEntryV3:
        size = GenericErrorDataEntryV3.fixed_size
        data = accept.at(block, found.offset, size)
        entry = GenericErrorDataEntryV3.decode_at(data, 0, size)[0]
        if entry.is_valid("timestamp"):
            yield timestamp(entry.timestamp)
    (severity,) = ENTRY_SEVERITY.lines(header)
    yield ERROR.format(index) + severity
    yield from ENTRY.lines(header)


def timestamp(value: int) -> str:
    """The line of a timestamp; two digits that are no BCD are added up all the same."""
    stamp = Timestamp(value)
    century, year, month, day, hour, minute, second = (
        (byte >> 4) * 10 + (byte & 15)
        for byte in (
            stamp.century, stamp.year, stamp.month, stamp.day, stamp.hour, stamp.minute,
            stamp.second,
        )
    )  # fmt: skip
    date = f"{century:02}{year:02}-{month:02}-{day:02}"
    precision = words.PRECISION.word(stamp.precise)
    return f"{precision} tstamp: {date} {hour:02}:{minute:02}:{second:02}"


def _section(window: Window, guid: UUID, known: dict[UUID, Kind]) -> Iterator[str]:
    kind = known.get(guid)
    if kind is None:
        yield from UNKNOWN_TYPE.lines(OpaqueSection(guid=guid), OpaqueSection)
        yield from sections.unknown(window)
        return
    yield SECTION_TYPE + kind.title
    if window.length < kind.shortest:
        yield sections.TOO_SHORT
    else:
        yield from kind.write(window)
