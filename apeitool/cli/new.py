"""``apeitool new``: a commented TOML to edit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from apeitool.cli.options import output, writer

if TYPE_CHECKING:
    from pathlib import Path

    from apeitool.acpi.hest.generic import Ghes
    from apeitool.acpi.hest.table import Hest
    from apeitool.cper.section import Section
    from apeitool.wire.record import Structure

KINDS = ("hest", "ghes", "block", "record", "memory", "pcie", "arm_processor")


@click.command("new")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@output
def command(kind: str, settings: tuple[str, ...], target: Path | None) -> None:
    """Print a commented TOML of a kind, to edit and to give to encode.

    hest is a table with a polled and an NMI source that `lab run` takes as it is; ghes is one with
    a single SEA source.  block and record hold a corrected memory error; the others are bare
    sections.

    KEY names a field by its path: oem_id=ACME, sources[0].notification.type=SEA,
    entries[0].section.physical_address=0x12345000.
    """
    from apeitool.errors import EncodeError
    from apeitool.render.plain import from_plain, to_plain
    from apeitool.render.toml import template

    thing = example(kind)
    if settings:
        plain = _without_derived(thing, to_plain(thing))
        for setting in settings:
            key, equals, value = setting.partition("=")
            if not equals or not key:
                raise click.UsageError(f"{setting!r} is not KEY=VALUE")
            try:
                put(plain, key, value)
            except (KeyError, IndexError, TypeError) as wrong:
                raise EncodeError(f"there is no {key} in this {kind}", path=key) from wrong
        thing = from_plain(plain)
    with writer(target) as out:
        out.write(template(thing).encode())


def put(plain: Any, key: str, value: str) -> None:
    """Set what a dotted key with indices names; a key that exists keeps the type of its value.

    Raises:  KeyError, IndexError or TypeError when there is nothing of that name.
    """
    steps: list[Any] = [
        int(index) if index else name
        for name, index in re.findall(r"([A-Za-z_]\w*)|\[(\d+)\]", key)
    ]
    for step in steps[:-1]:
        plain = plain[step]
    plain[steps[-1]] = value


def _without_derived(thing: Structure, plain: dict[str, Any]) -> dict[str, Any]:
    """The dictionary without what follows from the rest, so that settings carry through."""
    for field in thing.fields:
        if field.derived is not None:
            del plain[field.name]
    for name, _, child in thing.children():
        head, _, index = name.partition("[")
        if head in plain:
            inner = plain[head][int(index[:-1])] if index else plain[head]
            _without_derived(child, inner)
    return plain


def example(kind: str) -> Structure:
    """A plausible object of each kind."""
    import apeitool as apei

    if kind == "hest":
        return lab_hest()
    if kind == "ghes":
        return apei.Hest(sources=[_source(apei.GhesV2, 1, "SEA", 0x4_0000_0000)])
    section = _section(kind if kind not in ("block", "record") else "memory")
    if kind == "record":
        return apei.Record(error_severity=apei.Severity.CORRECTED, body=(section,))
    if kind != "block":
        return section
    entry = apei.GenericErrorDataEntryV3(
        error_severity=apei.Severity.CORRECTED, validation_bits=2, fru_text="DIMM_A1",
        section=section,
    )  # fmt: skip
    return apei.StatusBlock(error_severity=apei.Severity.CORRECTED, entries=(entry,))


def lab_hest() -> Hest:
    """A HEST for the lab's guest: source 1 is polled, source 2 told by NMI."""
    import apeitool as apei
    from apeitool.lab.window import RESERVED_BASE

    polled = _source(apei.Ghes, 1, "POLLED", RESERVED_BASE, poll_interval=1000)
    return apei.Hest(sources=[polled, _source(apei.GhesV2, 2, "NMI", RESERVED_BASE)])


def _source(kind: Any, number: int, told_by: str, base: int, **told: int) -> Ghes:
    """A source whose registers lie in the page at ``base``, one word each."""
    import apeitool as apei

    acknowledge: dict[str, Any] = {}
    if kind is apei.GhesV2:
        acknowledge["read_ack_register"] = apei.GenericAddress.memory(base + 0x800 + 8 * number)
    source: Ghes = kind(
        source_id=number,
        max_sections_per_record=16,
        error_status_address=apei.GenericAddress.memory(base + 8 * number),
        notification=apei.Notification(type=apei.NotificationType[told_by], **told),
        error_status_block_length=0x1000,
        **acknowledge,
    )
    return source


def _section(kind: str) -> Section:
    import apeitool as apei
    from apeitool.cper.sections.memory import MemoryErrorType
    from apeitool.cper.sections.pcie import AerInformation, PcieDeviceId, PcieVersion
    from apeitool.registers.pcie import PortType

    if kind == "memory":
        return apei.MemoryErrorSection(
            validation_bits=0xC7FF, error_status=0x400, physical_address=0x12345000,
            physical_address_mask=0xFFFFFFFFFFFFF000, card=1, module=2, bank=3, device=4, row=5,
            column=6, bit_position=7, memory_error_type=MemoryErrorType.SINGLE_BIT_ECC,
            rank_number=1,
        )  # fmt: skip
    if kind == "arm_processor":
        cache = apei.ErrorInformation(
            validation_bits=0x14, type=2, error_information=0x0091000F,
            physical_fault_address=0x12345000,
        )  # fmt: skip
        return apei.ArmProcessorErrorSection(
            validation_bits=5, mpidr_el1=0x80000001, midr_el1=0x410FD0B1, running_state=1,
            error_information=(cache,),
        )  # fmt: skip
    return apei.PcieErrorSection(
        validation_bits=0x8B, port_type=PortType.ROOT_PORT, version=PcieVersion(major=1, minor=1),
        device_id=PcieDeviceId(
            vendor_id=0x8086, device_id=0x1234, class_code=bytes.fromhex("000406"), device_number=1,
        ),
        aer_information=AerInformation(capability_header=0x00010001, correctable_error_status=1),
    )  # fmt: skip
