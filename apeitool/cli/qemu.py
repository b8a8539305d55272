"""``apeitool qemu``: what QEMU takes, and what it has."""

from __future__ import annotations

import shlex
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apeitool.cli.encode import save
from apeitool.cli.options import Reader, dialect, integer, known_kind, talk
from apeitool.cli.selection import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apeitool.acpi.hest.table import Hest
    from apeitool.qemu.loader import LoaderCommand
    from apeitool.qemu.readback import GuestMemory


@click.group("qemu", short_help="Errors for a running QEMU; what it lays out, and has.")
def command() -> None:
    """Work with a QEMU that is running."""


@command.command("inject")
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR|-...")
@click.option("--qmp", "address", required=True, metavar="PATH|HOST:PORT",
              help="Its monitor: QEMU was started with -qmp unix:PATH,server=on,wait=off.")  # fmt: skip
@click.option("--timeout", type=float, default=10.0, show_default=True,
              help="Seconds that the guest may take to acknowledge an error.")  # fmt: skip
@click.option("--as", "kind", metavar="KIND", callback=known_kind, help="What the bytes are.")
@click.option("--severity", type=click.Choice(SEVERITIES),
              help="How bad it was, where a bare section becomes a block.")  # fmt: skip
@dialect
@click.pass_context
def inject(
    context: click.Context,
    paths: tuple[str, ...],
    address: str,
    timeout: float,
    kind: str | None,
    severity: str | None,
) -> None:
    """Put errors before the guest of a running QEMU (10.2 or later, -machine virt,ras=on).

    Any record, status block or section that `decode` reads can be injected, in any of its wrappings.
    QEMU holds one at a time: the next waits until the guest has acknowledged it.  It takes 1024 bytes:
    a longer block goes as several, as far as its entries are shorter.  What QEMU would crash or hang of
    is refused before it is sent.  Before the machine's firmware has run, QEMU drops errors without a
    word.

    Exit status 1 when QEMU or the guest did not take all of them.
    """
    from apeitool.acpi.conversion import to_blocks
    from apeitool.acpi.status import StatusBlock
    from apeitool.cli.encode import severity_of
    from apeitool.errors import ApeiError, QemuBusy
    from apeitool.qemu.command import fitting
    from apeitool.qemu.inject import Injector, connected
    from apeitool.qemu.monitor import Monitor

    reader, taken, refused = Reader(kind), 0, 0
    with closing(connected(address)) as connection, closing(Monitor(connection)) as monitor:
        injector = Injector(monitor)
        for place, found in reader.objects(paths):
            try:
                converted = to_blocks(found, severity_of(severity))
                for lost in converted.lost:
                    talk(f"{place}: lost: {lost}")
                for whole in converted.things:
                    assert isinstance(whole, StatusBlock)
                    for block in fitting(whole):
                        waited = injector.inject(block, patience=timeout)
                        taken += 1
                        click.echo(f"{place}: {block.size} bytes injected{_after(waited)}")
            except QemuBusy as error:
                talk(f"{place}: {error}; it is not tried any more")
                refused += 1
                break
            except ApeiError as error:
                talk(f"{place}: {error}")
                refused += 1
    reader.talk_of_failures()
    if not taken and not refused and not reader.failures:
        talk("there was no error to inject")
    context.exit(0 if taken and not refused and not reader.failures else 1)


NOTIFICATIONS = (
    "SEA",
    "GPIO_SIGNAL",
    "SEI",
    "GSIV",
    "SCI",
    "SDEI",
    "POLLED",
    "NMI",
    "EXTERNAL_INTERRUPT",
)


@command.command("layout")
@click.option("--source", "names", type=click.Choice(NOTIFICATIONS), multiple=True,
              help="How a source notifies; the first has id 0.  Else SEA and GPIO_SIGNAL.")  # fmt: skip
@click.option("--before-10.2", "is_old", is_flag=True,
              help="As QEMU before 10.2, which keeps the address of the file.")  # fmt: skip
@click.option("--at", "address", type=integer,
              help="Firmware has put etc/hardware_errors here; else nobody has placed it.")  # fmt: skip
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path, file_okay=False),
              help="Write HEST.bin, hardware_errors.bin and table-loader.bin into this folder.")  # fmt: skip
def show_layout(
    names: tuple[str, ...], is_old: bool, address: int | None, folder: Path | None
) -> None:
    """HEST, etc/hardware_errors and linker-loader commands, as QEMU lays them out for its sources.

    Without --at they are as QEMU gives them to firmware, with offsets for addresses.  The commands are
    for a HEST at the start of etc/acpi/tables.
    """
    from apeitool.acpi.hest.notification import NotificationType
    from apeitool.qemu.layout import OF_QEMU, layout, places
    from apeitool.qemu.loader import TableLoader

    kinds = [NotificationType[name] for name in names] or [*OF_QEMU[: 1 if is_old else 2]]
    made = layout(kinds, reads_hest=not is_old)
    hest, errors = (
        (made.hest, made.hardware_errors) if address is None else made.placed(address)
    )  # fmt: skip
    script = TableLoader(commands=made.commands)
    click.echo(f"HEST: {len(hest)} bytes, {len(kinds)} sources")
    click.echo(f"etc/hardware_errors: {len(errors)} bytes")
    for number, (kind, place) in enumerate(zip(kinds, places(len(kinds)), strict=True)):
        click.echo(
            f"  source {number}, {kind.text}: address at {place.status:#x}, "
            f"Read Ack at {place.acknowledge:#x}, block at {place.block:#x}"
        )
    for each in made.commands:
        click.echo(_told(each))
    if folder is not None:
        contents = {"HEST": hest, "hardware_errors": errors, "table-loader": script.to_bytes()}
        for name, data in contents.items():
            save(folder / f"{name}.bin", data)


def _told(command: LoaderCommand) -> str:
    """A command of the script, in a line."""
    from apeitool.qemu import loader

    match command:
        case loader.LoaderAllocate():
            what = f"{command.file}, aligned to {command.alignment}, {command.zone.text} zone"
        case loader.LoaderAddPointer():
            what = f"{command.source_file} to {command.destination_file} at {command.offset:#x}"
        case loader.LoaderAddChecksum():
            end = command.start + command.length - 1
            what = f"{command.file} at {command.offset:#x}, of {command.start:#x} to {end:#x}"
        case loader.LoaderWritePointer():
            place = f"{command.source_file} + {command.source_offset:#x}"
            what = f"{place} to {command.destination_file} at {command.destination_offset:#x}"
        case _:
            what = "not known"
    return f"{command.command.text}: {what}"


@command.command("check")
@click.option("--qmp", "address", required=True, metavar="PATH|HOST:PORT",
              help="The monitor of a QEMU on this machine.")  # fmt: skip
@click.option("--hest", "path", type=click.Path(path_type=Path),
              help="The guest should have this one; else one as QEMU lays it out.")  # fmt: skip
@click.pass_context
def check(context: click.Context, address: str, path: Path | None) -> None:
    """Read HEST and status blocks back from a running guest, and say whether they are as they should be.

    The guest's memory is searched for its HEST.  It is compared with the file given, or else with what
    QEMU makes for sources that notify so; then every source's block is looked at.

    Exit status 1 when something differs, or there is no HEST.
    """
    from apeitool.acpi.hest.table import Hest
    from apeitool.cli.lab import read_block
    from apeitool.qemu.inject import connected
    from apeitool.qemu.monitor import Monitor
    from apeitool.qemu.readback import GuestMemory

    wanted = None if path is None else read_block(path)
    agrees = True
    with closing(connected(address)) as connection, closing(Monitor(connection)) as monitor:
        memory = GuestMemory(monitor)
        found = {each.data: each.address for each in memory.hests()}
        for data, place in found.items():
            hest = Hest.from_bytes(data)
            click.echo(f"HEST at {place:#x}, {len(hest.sources)} sources")
            lines = [*_against(hest, wanted, memory)]
            agrees &= not any(line.startswith(("-", "+")) for line in lines)
            for line in lines:
                click.echo(f"  {line}")
    if not found:
        talk("there is no HEST in the guest's memory")
    context.exit(0 if agrees and found else 1)


def _against(hest: Hest, wanted: bytes | None, memory: GuestMemory) -> Iterator[str]:
    """What differs (- as it should be, + as it is), then the state of each source."""
    from apeitool.acpi.hest.generic import Ghes, GhesV2
    from apeitool.acpi.hest.table import Hest as Table
    from apeitool.qemu.layout import layout
    from apeitool.render.diff import differences

    sources = [source for source in hest.sources if isinstance(source, Ghes)]
    if wanted is None and sources:
        base = sources[0].error_status_address.address
        made = layout([source.notification.type for source in sources])
        wanted, errors = made.placed(base)
        registers = memory.read(base, 8 * len(sources))
        if registers != errors[: len(registers)]:
            yield f"- etc/hardware_errors, addresses: {errors[: len(registers)].hex()}"
            yield f"+ etc/hardware_errors, addresses: {registers.hex()}"
    if wanted is not None:
        for each in differences(Table.from_bytes(wanted), hest):
            yield f"- {each.path}: {each.left}"
            yield f"+ {each.path}: {each.right}"
    for source in sources:
        place = memory.read(source.error_status_address.address, 8)
        block = int.from_bytes(place, "little")
        status = memory.read(block, 4) if block else bytes(4)
        said = "an error is recorded" if any(status) else "no error is recorded"
        if isinstance(source, GhesV2):
            ack = memory.read(source.read_ack_register.address, 8)
            said += ", acknowledged" if any(ack) else ", not acknowledged"
        yield f"source {source.source_id}, {source.notification.type.text}: block at {block:#x}, {said}"


@command.command("arguments")
@click.argument(
    "tables", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="TABLE..."
)
@click.option("--arch", type=click.Choice(["x86", "arm64"]), required=True,
              help="QEMU's machine: q35 or virt.")  # fmt: skip
@click.option("--memory", "folder", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="What the tables lead to, as `encode --memory` has written it.")  # fmt: skip
@click.option("--initrd", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="The initrd that the guest boots with; the tables go before it.")  # fmt: skip
@click.option("-o", "--output", "target", type=click.Path(path_type=Path, file_okay=False),
              help="Write what QEMU is to be given into this folder; else the current one.")  # fmt: skip
def arguments(
    tables: tuple[Path, ...],
    arch: str,
    folder: Path | None,
    initrd: Path | None,
    target: Path | None,
) -> None:
    """The arguments that give tables, and the memory they lead to, to a guest of QEMU.

    On x86 QEMU takes the tables itself.  On arm64, and on x86 with --initrd, Linux takes them out of an
    archive before its initrd: one is written, and a table that QEMU has too needs a higher revision
    (oem_revision).  Memory is loaded where the tables have it; on arm64 it is a memory module's, from
    0x80000000 on, with no more than 1 GiB of RAM.
    """
    from apeitool.cli.lab import read_block
    from apeitool.lab import initrd as archive
    from apeitool.qemu.arguments import for_arm64, for_x86

    place = target or Path()
    contents = [read_block(path) for path in tables]
    pieces = _pieces(folder)
    through_initrd = arch == "arm64" or initrd is not None
    if through_initrd:
        made = archive.tables(contents) + (b"" if initrd is None else initrd.read_bytes())
        save(place / "initrd", made)
    if arch == "x86":
        given = for_x86([] if through_initrd else tables, {a: path for a, path, _ in pieces})
        kernel = " ".join(
            f"memmap={-(-len(data) // _PAGE) * _PAGE:#x}${address:#x}"
            for address, _, data in pieces
        )
    else:
        given, module = for_arm64({a: data for a, _, data in pieces}, place / "memory")
        if module is not None:
            save(place / "memory", module)
        kernel = "acpi=force"
    if through_initrd:
        given = [*given, "-initrd", str(place / "initrd")]
    click.echo(shlex.join(given))
    if kernel:
        click.echo(f"kernel: {kernel}")


_PAGE = 4096


def _pieces(folder: Path | None) -> list[tuple[int, Path, bytes]]:
    """Address, file and content of each piece of memory in a folder."""
    if folder is None:
        return []
    found = []
    for path in sorted(folder.glob("0x*.bin")):
        try:
            found.append((int(path.stem, 16), path, path.read_bytes()))
        except (ValueError, OSError) as error:
            raise click.BadParameter(f"{path}: {error}") from error
    if not found:
        raise click.BadParameter(
            f"{folder} holds no piece of memory, named by its address (0x....bin)"
        )
    return sorted(found)


_SHORT = 0.05


def _after(waited: float) -> str:
    return f", after {waited:.2f} s, when the guest had taken the one before" * (waited > _SHORT)
