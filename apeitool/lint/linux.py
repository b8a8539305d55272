"""What Linux refuses, clamps, passes over or never polls: HEST, its sources, their registers.

`apeitool.linux.accept` decides; a rule only gives each of its verdicts a name.
"""

from __future__ import annotations

from collections.abc import Iterator

from apeitool.acpi.action import InstructionEntry
from apeitool.acpi.hest.generic import Ghes
from apeitool.acpi.hest.layout import SOURCE_TYPES
from apeitool.acpi.hest.machine_check import CorrectedMachineCheck
from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.source import ErrorSource, SourceFlags, SourceType
from apeitool.acpi.hest.table import Hest
from apeitool.errors import BadSignature, Truncated
from apeitool.lint.finding import Level
from apeitool.lint.rule import Faults, Place, rule, since
from apeitool.linux.accept import (
    CMC,
    ENXIO,
    HED,
    LARGEST_BLOCK,
    NMI_LIKE,
    WIDEST_PORT,
    HestVerdict,
    Verdict,
    check_gar,
    ends_walk,
    probe,
    registers,
    walk_hest,
)
from apeitool.linux.action import accesses_register
from apeitool.linux.features import Architecture, Features
from apeitool.linux.mapping import Mappings
from apeitool.registers.address import AddressSpace, GenericAddress

_HEST = "Linux drivers/acpi/apei/hest.c"
_GHES = "Linux drivers/acpi/apei/ghes.c"
_GAR = "Linux apei_check_gar(), drivers/acpi/apei/apei-base.c"


def _walk(hest: Hest, features: Features) -> HestVerdict | None:
    """What Linux makes of a table; None where its bytes are not all there."""
    try:
        return walk_hest(hest.to_bytes(), features)
    except (BadSignature, Truncated):
        return None


@rule("linux-hest-refused", Hest, Level.ERROR, "correct it: one bad source switches off all", _HEST)
def hest_refused(hest: Hest, place: Place) -> Faults:
    """Linux walks the whole table, or uses none of it."""
    for said, kernels in _by_kernel(hest, place).items():
        yield "error_source_count", f"{said}{_only(kernels, place)}"


def _by_kernel(hest: Hest, place: Place) -> dict[str, list[Features]]:
    """The kernels that refuse a table, by what they print."""
    found: dict[str, list[Features]] = {}
    for features in place.consumers.kernels:
        verdict = _walk(hest, features)
        if verdict is not None and not verdict.accepted:
            found.setdefault(verdict.message, []).append(features)
    return found


def _only(kernels: list[Features], place: Place) -> str:
    """Which kernels are meant, where not all are."""
    if len(kernels) == len(place.consumers.kernels):
        return ""
    return f" (Linux {', '.join(k.release for k in kernels)})"


@rule(
    "linux-source-passed-over", Hest, Level.NOTE,
    "nothing, if the source is meant to assist only", _HEST,
)  # fmt: skip
def source_passed_over(hest: Hest, place: Place) -> Faults:
    """Newer kernels pass over a generic source that assists a machine check source."""
    walks = [_walk(hest, features) for features in place.consumers.kernels]
    used = [{s.source_id for s in walk.sources} for walk in walks if walk and walk.accepted]
    for index, source in enumerate(hest.sources):
        if not isinstance(source, Ghes) or not source.enabled:
            continue
        if any(source.source_id not in ids for ids in used):
            release = since(lambda k: k.skips_ghes_assist)
            said = f"it assists source {source.related_source_id}: not used since {release}"
            yield f"sources[{index}].related_source_id", said


@rule("linux-source-disabled", Ghes, Level.NOTE, "write 1 to have it used", _HEST)
def source_disabled(source: Ghes, place: Place) -> Faults:
    """Linux uses a generic source only if it is enabled."""
    if not source.enabled:
        yield "enabled", "Linux does not look at the source"


@rule(
    "linux-cmc-disabled", CorrectedMachineCheck, Level.ERROR,
    "enable it, or leave the source out of the table", CMC,
)  # fmt: skip
def cmc_disabled(source: CorrectedMachineCheck, place: Place) -> Faults:
    """Linux for x86 drops all of a HEST at a corrected machine check source that is disabled."""
    if Architecture.X86 in place.consumers.architectures and ends_walk(source):
        yield (
            "enabled",
            "no source of the table is used; Linux prints 'HEST is not enabled!', no more",
        )


@rule(
    "linux-cmc-firmware-first", CorrectedMachineCheck, Level.NOTE,
    "nothing, if firmware reports these errors", CMC,
)  # fmt: skip
def cmc_firmware_first(source: CorrectedMachineCheck, place: Place) -> Faults:
    """Linux for x86 leaves corrected errors of the banks of a firmware-first source to firmware."""
    if Architecture.X86 in place.consumers.architectures and _is_firmware_first(source):
        banks = sorted({bank.bank_number for bank in source.banks})
        said = f"Linux reads no corrected error of banks {', '.join(map(str, banks))}"
        yield "banks", said


def _is_firmware_first(source: ErrorSource) -> bool:
    is_cmc = source.type == SourceType.IA32_CORRECTED_MACHINE_CHECK
    flags, banks = getattr(source, "flags", 0), getattr(source, "banks", ())
    return is_cmc and bool(flags & SourceFlags.FIRMWARE_FIRST) and bool(banks)


@rule(
    "linux-source-ignored", ErrorSource, Level.NOTE,
    "nothing: Linux sets these error sources up by itself", _HEST,
)  # fmt: skip
def source_ignored(source: ErrorSource, place: Place) -> Faults:
    """Linux takes generic sources from a HEST, and firmware-first corrected machine checks."""
    is_known = source.type in SOURCE_TYPES and not isinstance(source, Ghes)
    if is_known and not _is_firmware_first(source) and not ends_walk(source):
        yield "type", "Linux walks past the source, and takes nothing from it"


def _probes(source: Ghes, place: Place) -> Iterator[tuple[Architecture, Verdict]]:
    """What each architecture says to an enabled source; its SDEI knows the event."""
    if source.enabled:
        events = frozenset({source.notification.vector} - {0})
        for architecture in place.consumers.architectures:
            yield architecture, probe(source, architecture, sdei_events=events)


def _unbound(source: Ghes, place: Place) -> list[tuple[Architecture, Verdict]]:
    """The architectures that refuse a source for the way in which it notifies."""
    return [
        (architecture, verdict)
        for architecture, verdict in _probes(source, place)
        if not verdict.accepted and not _is_of_length(verdict) and not _is_of_register(verdict)
    ]


def _words(verdict: Verdict) -> str:
    """What Linux prints as it refuses; some refusals are silent."""
    return "; ".join(verdict.messages) or f"refused without a word, errno {verdict.errno}"


def _is_of_length(verdict: Verdict) -> bool:
    return "Invalid error block length" in verdict.message


def _is_of_register(verdict: Verdict) -> bool:
    return "in GAR" in verdict.message or verdict.errno == ENXIO


def _is_sei(source: Ghes) -> bool:
    return source.notification.type == NotificationType.SEI


@rule(
    "linux-sei-never-read", Ghes, Level.ERROR,
    "notify by SEA, GPIO signal, GSIV or polling: Linux has no driver for SEI", _GHES,
)  # fmt: skip
def sei_never_read(source: Ghes, place: Place) -> Faults:
    """Linux refuses a source that notifies by SEI, and judges an SError without reading it."""
    for _, verdict in _unbound(source, place)[:1]:
        if _is_sei(source):
            yield "notification.type", _words(verdict)


@rule("linux-notification-refused", Ghes, Level.ERROR, "use a notification that binds", _GHES)
def notification_refused(source: Ghes, place: Place) -> Faults:
    """Linux knows the notification of a source on one of the architectures it is for."""
    refused = _unbound(source, place)
    if refused and not _is_sei(source) and len(refused) == len(place.consumers.architectures):
        yield "notification.type", _words(refused[0][1])


@rule(
    "linux-notification-architecture", Ghes, Level.NOTE,
    "nothing, if the table is for the other architecture", _GHES,
)  # fmt: skip
def notification_architecture(source: Ghes, place: Place) -> Faults:
    """A notification that only one architecture binds is told."""
    refused = _unbound(source, place)
    if len(refused) < len(place.consumers.architectures):
        for architecture, verdict in refused:
            yield "notification.type", f"{architecture.value}: {_words(verdict)}"


@rule("linux-block-length", Ghes, Level.ERROR, "reserve what the largest block takes", _GHES)
def block_length(source: Ghes, place: Place) -> Faults:
    """Linux refuses a source whose block has no room for a header."""
    for _, verdict in list(_probes(source, place))[:1]:
        if not verdict.accepted and _is_of_length(verdict):
            yield "error_status_block_length", _words(verdict)


@rule("linux-block-clamped", Ghes, Level.WARNING, "reserve 65536 bytes at most", _GHES)
def block_clamped(source: Ghes, place: Place) -> Faults:
    """Linux reads no more than 64 KiB of a status block."""
    if source.enabled and source.error_status_block_length > LARGEST_BLOCK:
        said = f"Linux reads the first {LARGEST_BLOCK} bytes, and refuses a block that is longer"
        yield "error_status_block_length", said


@rule("linux-never-polled", Ghes, Level.ERROR, "give it an interval in ms", _GHES)
def never_polled(source: Ghes, place: Place) -> Faults:
    """Linux binds to a polled source whose interval is 0, and never polls it."""
    for _, verdict in list(_probes(source, place))[:1]:
        if verdict.accepted and "Poll interval is 0" in verdict.message:
            yield "notification.poll_interval", verdict.messages[-1]


@rule(
    "linux-poll-rounded", Ghes, Level.NOTE, "count on about one look a second",
    "Linux ghes_add_timer(), drivers/acpi/apei/ghes.c",
)  # fmt: skip
def poll_rounded(source: Ghes, place: Place) -> Faults:
    """Linux rounds the time of a poll to whole seconds."""
    notification = source.notification
    is_polled = source.enabled and notification.type == NotificationType.POLLED
    if is_polled and 0 < notification.poll_interval < SECOND:
        said = f"{notification.poll_interval} ms, but Linux looks about once a second"
        yield "notification.poll_interval", said


SECOND = 1000
"""Milliseconds."""


@rule(
    "linux-needs-device", Ghes, Level.NOTE,
    "have the DSDT notify a device PNP0C33 with 0x80 whenever a block is filled",
    "Linux register_acpi_hed_notifier(), drivers/acpi/hed.c; ACPI 6.5 18.3.2.7.2",
)  # fmt: skip
def needs_device(source: Ghes, place: Place) -> Faults:
    """SCI, GPIO signal and GSIV reach Linux through the hardware error device alone."""
    if source.enabled and source.notification.type in HED:
        told_by = source.notification.type.text
        yield "notification.type", f"{told_by}: Linux looks when a device PNP0C33 is notified"


@rule(
    "linux-address-kept", Ghes, Level.NOTE,
    "fill in the address of the block before Linux boots, and leave the block there", _GHES,
)  # fmt: skip
def address_kept(source: Ghes, place: Place) -> Faults:
    """Newer kernels read the address of an SEA or NMI source's block once, when they bind to it."""
    keeps = any(k.tests_for_errors for k in place.consumers.kernels)
    bound = any(verdict.accepted for _, verdict in _probes(source, place))
    told_by = source.notification.type
    if keeps and bound and told_by in NMI_LIKE - {NotificationType.SDEI}:
        release = since(lambda k: k.tests_for_errors)
        said = f"since {release}, Linux keeps the address that it finds there at boot"
        yield "error_status_address.address", said


def _is_used(place: Place) -> bool:
    """Whether Linux uses the register at a place."""
    user = place.above.structure if place.above else None
    if isinstance(user, InstructionEntry):
        return accesses_register(user)
    return isinstance(user, Ghes) and bool(user.enabled)


def _refused_register(register: GenericAddress, place: Place, complaint: str) -> str:
    """What Linux prints of a register that it uses and refuses for that reason; else nothing."""
    message = check_gar(register).message if _is_used(place) else ""
    return message if complaint in message else ""


@rule("linux-gar-address", GenericAddress, Level.ERROR, "give the address of the register", _GAR)
def gar_address(register: GenericAddress, place: Place) -> Faults:
    """Linux refuses a register at address 0."""
    if said := _refused_register(register, place, "Invalid physical address"):
        yield "address", said


@rule(
    "linux-gar-access-size", GenericAddress, Level.ERROR,
    "write 1 to 4: byte, word, dword, qword", _GAR,
)  # fmt: skip
def gar_access_size(register: GenericAddress, place: Place) -> Faults:
    """Linux refuses a register whose access size is undefined or unknown."""
    if said := _refused_register(register, place, "Invalid access size code"):
        yield "access_size", said


@rule("linux-gar-width", GenericAddress, Level.ERROR, "widen the access, or narrow it", _GAR)
def gar_width(register: GenericAddress, place: Place) -> Faults:
    """Linux refuses a register that one access does not cover."""
    if said := _refused_register(register, place, "Invalid bit width + offset"):
        yield "register_bit_width", said


@rule("linux-gar-space", GenericAddress, Level.ERROR, "use system memory or system I/O", _GAR)
def gar_space(register: GenericAddress, place: Place) -> Faults:
    """Linux refuses a register that is neither in memory nor in I/O space."""
    if said := _refused_register(register, place, "Invalid address space type"):
        yield "address_space_id", said


@rule(
    "linux-register-unmapped", Hest, Level.ERROR,
    "give it a bit width of 8 at least, by which Linux maps it",
    "Linux acpi_os_map_generic_address(), drivers/acpi/osl.c",
)  # fmt: skip
def register_unmapped(hest: Hest, place: Place) -> Faults:
    """Linux refuses a register in memory that has less than a byte, if nothing near it is mapped."""
    mappings = Mappings()
    for index, source in enumerate(hest.sources):
        if not isinstance(source, Ghes) or not source.enabled:
            continue
        for name, register in registers(source):
            if not check_gar(register).accepted:
                break
            if not mappings.take(register):
                path = f"sources[{index}].{name}.register_bit_width"
                yield path, f"refused without a word, errno {ENXIO}"
                break


@rule(
    "linux-port-width", GenericAddress, Level.ERROR, "access a port by a dword at most",
    "Linux acpi_os_read_port(), drivers/acpi/osl.c",
)  # fmt: skip
def port_width(register: GenericAddress, place: Place) -> Faults:
    """Linux accepts a register in I/O space that is accessed by a quadword, and cannot access it."""
    verdict = check_gar(register)
    is_port = register.address_space_id == AddressSpace.SYSTEM_IO
    if _is_used(place) and verdict.accepted and is_port and verdict.access_width > WIDEST_PORT:
        said = f"an access of {verdict.access_width} bits fails, whenever it is tried"
        yield "access_size", said
