"""What Linux accepts: a HEST, each of its sources, their registers, and the blocks it reads.

Pure functions over bytes and objects.  Messages are whole lines as the kernel prints them, without
the timestamp; numbers are the kernel's own, so an errno is negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from apeitool.acpi.header import HEADER_LENGTH as TABLE_HEADER_LENGTH
from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.layout import SOURCE_TYPES
from apeitool.acpi.hest.machine_check import (
    CorrectedMachineCheck,
    ErrorBank,
    MachineCheckException,
)
from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.source import ErrorSource, SourceFlags, SourceType
from apeitool.acpi.status import (
    HEADER_LENGTH,
    GenericErrorDataEntry,
    GenericErrorDataEntryV2,
    StatusBlock,
    entry_type,
)
from apeitool.errors import BadSignature, Truncated
from apeitool.linux.features import Architecture, Features
from apeitool.linux.mapping import Mappings
from apeitool.registers.address import AddressSpace, GenericAddress

FW_WARN = "[Firmware Warn]: "
FW_BUG = "[Firmware Bug]: "

EIO = -5
ENXIO = -6
EBUSY = -16
EINVAL = -22
ENOTSUPP = -524
_UNMAPPED = -1

LARGEST_BLOCK = 65536
"""How many bytes of a status block Linux reads at most."""

WIDEST_PORT = 32
"""How many bits of a port Linux accesses at once; more is an error of the access (osl.c)."""

_HEST = "Linux drivers/acpi/apei/hest.c, seen on 6.1.176"
CMC = "Linux arch_apei_enable_cmcff(), arch/x86/kernel/acpi/apei.c, seen on 6.1.192"
_PROBE = "Linux ghes_probe(), drivers/acpi/apei/ghes.c, seen on 6.1.176"
_MAP = "Linux acpi_os_map_generic_address(), drivers/acpi/osl.c, seen on 6.1.192"
_GAR = "Linux apei_check_gar(), drivers/acpi/apei/apei-base.c, seen on 6.1.176"
_BLOCK = "Linux ghes_read_estatus(), drivers/acpi/apei/ghes.c, seen on 6.1.176, 6.12.95 and 7.2.13"

NO_ENTRIES = f"{FW_WARN}GHES: Failed to read error status block!"
"""What Linux says of a block whose data entries do not add up."""

_WRAP = 0xFFFFFFFF
"""The kernel adds the lengths of a block in 32 bits."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Linux says to something, and who says that it does."""

    accepted: bool
    errno: int = 0
    messages: tuple[str, ...] = ()
    source: str = ""

    @property
    def message(self) -> str:
        """All that is printed, a line each."""
        return "\n".join(self.messages)


@dataclass(frozen=True, slots=True)
class HestVerdict(Verdict):
    """What Linux makes of a HEST: ``sources`` become devices, in this order.

    ``generic_count`` is how many generic sources there are, enabled or not.
    """

    sources: tuple[Ghes, ...] = ()
    generic_count: int = 0


@dataclass(frozen=True, slots=True)
class GarVerdict(Verdict):
    """What Linux makes of a register; it is read and written ``access_width`` bits at a time."""

    access_width: int = 0


@dataclass(frozen=True, slots=True)
class BlockVerdict(Verdict):
    """What Linux makes of a status block.

    ``function`` is the kernel's, which complains.

    Units:   ``length`` in bytes: how much is read.
    """

    length: int = 0
    function: str = ""
    is_endless: bool = False
    """An entry's length wraps round to nothing, and the kernel looks at it for ever."""


def walk_hest(table: bytes, features: Features, *, has_machine_checks: bool = False) -> HestVerdict:
    """Walk a HEST as Linux does at boot: one structure that cannot be walked past refuses it all.

    The checksum plays no part.  A count that leads behind the table reads a source there; what lies
    there is taken from the bytes behind the table, and is zero behind those.  A kernel for x86 that
    ``has_machine_checks`` (X86_MCE; Debian's cloud kernels are without) gives up, without a word, at
    a corrected machine check source that is not enabled.

    Raises:  BadSignature when it is no HEST; Truncated when bytes of the table itself are missing.
    """
    if table[:4] != b"HEST":
        raise BadSignature("this is no HEST", path="Hest.signature")
    length = int.from_bytes(table[4:8], "little")
    first = TABLE_HEADER_LENGTH + 4
    if len(table) < max(first, length):
        raise Truncated(f"{max(first, length)} bytes said, {len(table)} are there", path="Hest")
    walked: list[ErrorSource] = []
    position = first
    for _ in range(int.from_bytes(table[first - 4 : first], "little")):
        head = ErrorSource.decode_at(table[position : position + 4].ljust(4, b"\0"), 0, 4)[0]
        kind = SOURCE_TYPES.get(int(head.type))
        if kind is None:
            what = "Unknown or unused hardware error source type"
            why = f"{what}: {int(head.type)} for hardware error source: {head.source_id}."
            return HestVerdict(False, EINVAL, (f"{FW_WARN}HEST: {why}",), _HEST)
        stop = _source_end(table, position, kind)
        if stop > length:
            why = f"Table contents overflow for hardware error source: {head.source_id}."
            return HestVerdict(False, EINVAL, (f"{FW_BUG}HEST: {why}",), _HEST)
        walked.append(kind.decode_at(table, position, stop)[0])
        if has_machine_checks and ends_walk(walked[-1]):
            return HestVerdict(False, 1, (), CMC)
        position = stop
    count = sum(isinstance(source, Ghes) for source in walked)
    return replace(_without_duplicates(list(_used(walked, features))), generic_count=count)


def ends_walk(source: ErrorSource) -> bool:
    """Whether a kernel with machine checks gives up the table at a source, without a word."""
    is_cmc = source.type == SourceType.IA32_CORRECTED_MACHINE_CHECK
    return is_cmc and not getattr(source, "enabled", 1)


def _used(walked: list[ErrorSource], features: Features) -> Iterator[Ghes]:
    """The generic sources that become devices.

    Linux remembers one machine check source of each type: the last that it met.  The walk that makes
    devices is not the first one, so before it meets one it knows the last of the table.
    """
    met = {type(source): source for source in walked if isinstance(source, _ASSISTED)}
    for source in walked:
        if isinstance(source, _ASSISTED):
            met[type(source)] = source
        elif isinstance(source, Ghes) and source.enabled:
            assisted = {s.source_id for s in met.values() if s.flags & SourceFlags.GHES_ASSIST}
            if not (features.skips_ghes_assist and source.related_source_id in assisted):
                yield source


_ASSISTED = (MachineCheckException, CorrectedMachineCheck)


def _source_end(table: bytes, start: int, kind: type[ErrorSource]) -> int:
    """Where a source of that kind ends, were the table long enough."""
    stop = start + kind.fixed_size
    source = kind.decode_at(table[start:stop].ljust(kind.fixed_size, b"\0"), 0, kind.fixed_size)[0]
    return stop + ErrorBank.fixed_size * getattr(source, "number_of_hardware_banks", 0)


def _without_duplicates(sources: list[Ghes]) -> HestVerdict:
    seen: set[int] = set()
    for source in sources:
        if source.source_id in seen:
            why = f"Duplicated hardware error source ID: {source.source_id}."
            return HestVerdict(False, EIO, (f"{FW_WARN}HEST: {why}",), _HEST)
        seen.add(source.source_id)
    ready = ("HEST: Table parsing has been initialized.",)
    return HestVerdict(True, 0, ready, _HEST, tuple(sources))


def probe(
    source: Ghes,
    architecture: Architecture,
    *,
    sdei_events: frozenset[int] | None = None,
    mappings: Mappings | None = None,
    asks_sei_sources: bool = False,
) -> Verdict:
    """Whether Linux binds to an enabled source at boot.

    ``sdei_events`` are the events that the firmware's SDEI knows; None when it has no SDEI.
    ``mappings`` are those of the sources that it bound to before; those of this one join them.
    """
    is_sei = source.notification.type == NotificationType.SEI
    verdict = _probe_notification(source, architecture)
    if not verdict.accepted and not (is_sei and asks_sei_sources):
        return verdict
    verdict = _probe_length(source)
    if not verdict.accepted:
        return verdict
    held = Mappings() if mappings is None else mappings
    verdict = _probe_registers(source, held)
    if not verdict.accepted:
        return verdict
    number, said = source.source_id, []
    if source.error_status_block_length > LARGEST_BLOCK:
        what = f"Error status block length is too long: {source.error_status_block_length}"
        said.append(f"{FW_WARN}GHES: {what} for generic hardware error source: {number}.")
    refused, line = _attach(source, architecture, sdei_events)
    if refused:
        held.give([register for _, register in registers(source)])
    return Verdict(not refused, refused, (*said, *line), _PROBE)


_UNSUPPORTED = {
    (NotificationType.NMI, Architecture.ARM64): (
        EINVAL, "Generic hardware error source: {} notified via NMI interrupt is not supported!",
    ),
    (NotificationType.SEA, Architecture.X86): (
        ENOTSUPP, "Generic hardware error source: {} notified via SEA is not supported",
    ),
    (NotificationType.SDEI, Architecture.X86): (
        EINVAL, "Generic hardware error source: {} notified via SDE Interface is not supported!",
    ),
}  # fmt: skip
"""Notifications that only the other architecture has."""

HED = frozenset({NotificationType.SCI, NotificationType.GPIO_SIGNAL, NotificationType.GSIV})
"""Notifications that reach Linux as one event of the hardware error device, PNP0C33."""

NMI_LIKE = frozenset({NotificationType.NMI, NotificationType.SEA, NotificationType.SDEI})
"""Notifications that interrupt where little is allowed: what a block asks for is done later."""

_HANDLED = HED | NMI_LIKE | {NotificationType.POLLED, NotificationType.EXTERNAL_INTERRUPT}


def _probe_notification(source: Ghes, architecture: Architecture) -> Verdict:
    kind, number = source.notification.type, source.source_id
    if kind == NotificationType.LOCAL_INTERRUPT:
        what = f"Generic hardware error source: {number} notified via local interrupt"
        return Verdict(False, EINVAL, (f"GHES: {what} is not supported!",), _PROBE)
    if (kind, architecture) in _UNSUPPORTED:
        errno, text = _UNSUPPORTED[kind, architecture]
        return Verdict(False, errno, (f"GHES: {text.format(number)}",), _PROBE)
    if kind not in _HANDLED:
        what = f"Unknown notification type: {int(kind)} for generic hardware error source: {number}"
        return Verdict(False, EINVAL, (f"{FW_WARN}GHES: {what}",), _PROBE)
    return Verdict(True)


def _probe_length(source: Ghes) -> Verdict:
    length = source.error_status_block_length
    if length >= HEADER_LENGTH:
        return Verdict(True)
    what = f"Invalid error block length: {length}"
    line = f"{FW_BUG}GHES: {what} for generic hardware error source: {source.source_id}"
    return Verdict(False, EIO, (line,), _PROBE)


def _probe_registers(source: Ghes, held: Mappings) -> Verdict:
    taken: list[GenericAddress] = []
    for _, register in registers(source):
        verdict: Verdict = check_gar(register)
        if verdict.accepted and not held.take(register):
            verdict = Verdict(False, ENXIO, (), _MAP)
        if not verdict.accepted:
            held.give(taken)
            return verdict
        taken.append(register)
    return Verdict(True)


def registers(source: Ghes) -> Iterator[tuple[str, GenericAddress]]:
    """The registers of a source with their names, in the order in which Linux maps them."""
    if isinstance(source, GhesV2):
        yield "read_ack_register", source.read_ack_register
    yield "error_status_address", source.error_status_address


_BETWEEN_PROCESSORS = 8
"""So many interrupts of a GIC does Linux tell other processors something by (SGIs)."""
_OF_ISA = range(1, 16)
"""The GSIs that Linux for x86 knows by itself: those of ISA, of which the timer has moved to 2."""
_TIMER = 2


def _interrupt(gsi: int, architecture: Architecture) -> tuple[int, str]:
    """An errno, or 0, of asking for an external interrupt, and what it is that fails.

    Source:  Linux acpi_gsi_to_irq(), seen on 6.1.192, 6.12.95 and 7.2.13 of both architectures
    """
    if architecture is Architecture.ARM64:
        # A GSI is not mapped yet when sources are probed, and binding again later succeeds; those
        # between processors are, but nobody else can have them.
        return EINVAL, "register IRQ" if gsi < _BETWEEN_PROCESSORS else "map GSI to IRQ"
    if gsi == _TIMER:
        return EBUSY, "register IRQ"
    return (0, "") if gsi in _OF_ISA else (_UNMAPPED, "map GSI to IRQ")


def _attach(
    source: Ghes, architecture: Architecture, sdei_events: frozenset[int] | None
) -> tuple[int, tuple[str, ...]]:
    """What asking to be notified comes to: an errno or 0, and what is printed."""
    vector, number = source.notification.vector, source.source_id
    match source.notification.type:
        case NotificationType.POLLED if not source.notification.poll_interval:
            what = f"Poll interval is 0 for generic hardware error source: {number}, disabled."
            return 0, (f"{FW_WARN}GHES: {what}",)
        case NotificationType.EXTERNAL_INTERRUPT:
            errno, done = _interrupt(vector, architecture)
            what = f"Failed to {done} for generic hardware error source: {number}"
            return errno, (f"GHES: {what}",) if errno else ()
        case NotificationType.SDEI if vector and sdei_events is None:
            return EIO, ()
        case NotificationType.SDEI if not vector or vector not in (sdei_events or ()):
            return EINVAL, ()
    return 0, ()


def check_gar(register: GenericAddress) -> GarVerdict:
    """Whether Linux accepts a register of a HEST, and how wide it accesses it."""
    width, offset = register.register_bit_width, register.register_bit_offset
    size, space, address = register.access_size, register.address_space_id, register.address
    access = 8 * size.length
    if width in (32, 64) and address % (width // 8) == 0 and 0 < access < width:
        access = width
    complaint = ""
    if not address:
        complaint = "Invalid physical address"
    elif not access:
        complaint = "Invalid access size code"
    elif width + offset > access:
        complaint = "Invalid bit width + offset"
    elif space not in (AddressSpace.SYSTEM_MEMORY, AddressSpace.SYSTEM_IO):
        complaint = "Invalid address space type"
    if not complaint:
        return GarVerdict(True, 0, (), _GAR, access)
    shape = f"{address:#x}/{width}/{offset}/{int(size)}/{int(space)}"
    return GarVerdict(False, EINVAL, (f"{FW_BUG}APEI: {complaint} in GAR [{shape}]",), _GAR)


def check_header(header: bytes, room: int) -> BlockVerdict:
    """Whether the first 20 bytes of a status block let Linux read the rest.

    ``room`` is the length, in bytes, that the source gives its blocks.

    Raises:  Truncated when fewer than 20 bytes are given.
    """
    block = StatusBlock.decode_at(header[:HEADER_LENGTH], 0, min(len(header), HEADER_LENGTH))[0]
    for check in header_checks(block, room):
        if not check.passed:
            function = "__ghes_check_estatus"
            return BlockVerdict(False, EIO, (check.line,), _BLOCK, function=function)
    return BlockVerdict(True, 0, (), _BLOCK, block_length(block))


class Check(NamedTuple):
    """One thing that Linux looks at; ``line`` is what it says when it does not like it."""

    what: str
    passed: bool
    line: str


def header_checks(block: StatusBlock, room: int) -> Iterator[Check]:
    """What Linux looks at in the header of a block, in this order; the first that fails ends it."""
    length, most = block_length(block), min(room, LARGEST_BLOCK)
    for what, passed, complaint in (
        (f"the length, {length}, is {HEADER_LENGTH} at least", length >= HEADER_LENGTH,
         "Truncated error status block!"),
        (f"the length, {length}, is {most} at most", length <= most,
         "Invalid error status block length!"),
        ("the data is empty or has room for an entry, and raw data lies behind it",
         is_sane_header(block), "Invalid CPER header!"),
    ):  # fmt: skip
        yield Check(what, passed, f"{FW_WARN}GHES: {complaint}")


def block_length(block: StatusBlock) -> int:
    """How long a block is by its header, as the kernel adds it up.

    Source:  Linux cper_estatus_len(), drivers/acpi/apei/apei-internal.h
    """
    if block.raw_data_length:
        return block.raw_data_offset + block.raw_data_length & _WRAP
    return HEADER_LENGTH + block.data_length & _WRAP


def is_sane_header(block: StatusBlock) -> bool:
    """Whether the lengths in a header leave room for an entry, and raw data is behind the entries.

    Source:  Linux cper_estatus_check_header(), drivers/firmware/efi/cper.c
    """
    if 0 < block.data_length < GenericErrorDataEntryV2.fixed_size:
        return False
    # A sizeof takes part in this sum, so it is of 64 bits and does not wrap.
    behind = HEADER_LENGTH + block.data_length
    return not block.raw_data_length or block.raw_data_offset >= behind


def check_entries(block: bytes) -> BlockVerdict:
    """Whether the data entries of a whole block add up, as far as Linux looks."""
    left = _data_length(block)
    for entry in entries(block):
        if entry.payload - entry.offset > left or entry.length > left:
            function = "__ghes_read_estatus"
            return BlockVerdict(False, EIO, (NO_ENTRIES,), _BLOCK, function=function)
        if not entry.length:
            return BlockVerdict(False, 0, (), _BLOCK, is_endless=True)
        left -= entry.length
    return BlockVerdict(True, 0, (), _BLOCK, len(block))


class Entry(NamedTuple):
    """A data entry as Linux finds it.

    Units:   ``offset`` of the entry and ``payload`` of its section, in bytes from the start of the
             block; ``length`` in bytes until the next entry.
    """

    offset: int
    payload: int
    length: int
    header: GenericErrorDataEntry


def entries(block: bytes) -> Iterator[Entry]:
    """The entries of a block, each where the length of the one before it leads.

    Ends behind the data; an entry that takes no bytes is the last.
    """
    position, end = HEADER_LENGTH, HEADER_LENGTH + _data_length(block)
    shortest = GenericErrorDataEntry.fixed_size
    while position < end:
        kind = entry_type(block, position)
        header = GenericErrorDataEntry.decode_at(at(block, position, shortest), 0, shortest)[0]
        length = kind.fixed_size + header.error_data_length & _WRAP
        yield Entry(position, position + kind.fixed_size, length, header)
        if not length:
            return
        position += length


def at(block: bytes, offset: int, length: int) -> bytes:
    """Bytes of a block; what lies behind it is taken for zero."""
    return block[offset : offset + length].ljust(length, b"\0")


def _data_length(block: bytes) -> int:
    return int.from_bytes(block[12:16], "little")
