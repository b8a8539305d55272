"""``apeitool lab``: real Linux guests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from apeitool.cli.laboratory import bench, conformance, shell
from apeitool.cli.options import integer, talk
from apeitool.linux.features import KERNELS

if TYPE_CHECKING:
    from apeitool.acpi.hest.table import Hest
    from apeitool.lab.images import Images
    from apeitool.lab.machines import Machine
    from apeitool.lab.session import Report
    from apeitool.lab.toucher import Touch


a_machine = click.option(
    "--arch", type=click.Choice(["x86", "arm64"]), default="x86", show_default=True,
    help="The guest's processor.",
)  # fmt: skip


def machine_of(arch: str) -> Machine:
    """The machine of a processor."""
    from apeitool.lab.machines import MACHINES
    from apeitool.linux.features import Architecture

    return MACHINES[Architecture(arch)]


a_kernel = click.option(
    "--kernel", "release", type=click.Choice(list(KERNELS)), default="6.1",
    show_default=True, help="Which Linux the guest is.",
)  # fmt: skip


a_qemu = click.option(
    "--qemu", type=click.Choice(["system", "unstable"]), default="system", show_default=True,
    help="This machine's QEMU, or that of Debian unstable.",
)  # fmt: skip


def images_of(arch: str, release: str, qemu: str) -> Images:
    """What a guest is made of.

    Raises:  MissingError with what to run to have it.
    """
    from apeitool.lab import images, programs

    machine = machine_of(arch)
    if qemu == "system":
        return images.find(machine=machine, release=release)
    newer = programs.find(machine.program).path
    return images.find(machine=machine, release=release, qemu=newer)


@click.group("lab", short_help="Boot a real Linux with a HEST; inject errors.")
def command() -> None:
    """Boot a real Linux under QEMU with a HEST, and write errors into its status blocks."""


command.add_command(conformance.command)
command.add_command(shell.inject)
command.add_command(bench.command)


@command.command("setup")
@a_machine
@a_kernel
@click.option("--with", "names", multiple=True, metavar="PROGRAM",
              help="This program of Debian unstable too: fwts, iasl, qemu-system-aarch64, "
              "qemu-system-x86_64.")  # fmt: skip
@click.option(
    "--all", "every", is_flag=True, help="Every program and every kernel that can be had."
)
@click.option("--archive", metavar="ADDRESS",
              help="Debian's archive for what is newer; else that of apt's sources.")  # fmt: skip
def setup(
    arch: str, release: str, names: tuple[str, ...], every: bool, archive: str | None
) -> None:
    """Bring what a guest needs into a private cache: Debian 12's kernel 6.1, its module einj, busybox.

    A newer kernel comes from another release of Debian, which may not have it any more.

    The packages come from the archive that this machine's apt is configured for, without being
    installed; an arm64 guest's firmware too.  QEMU itself (qemu-system-x86_64, qemu-system-aarch64)
    must be installed.  Once done, works offline.

    Programs of Debian unstable judge tables as those of this machine do; they are not installed
    either, and run by themselves.
    """
    from apeitool.lab import images, programs

    wanted = set(programs.PACKAGES if every else names)
    if unknown := wanted - set(programs.PACKAGES):
        raise click.BadParameter(f"{min(unknown)!r} is none of {', '.join(programs.PACKAGES)}")
    for program in programs.setup(wanted, site=archive, say=talk):
        click.echo(f"{program.image.package} {program.image.version}: {program.path}")
    releases = images.RELEASES if every else dict.fromkeys(["6.1", release])
    for each in releases:
        found = images.setup(machine=machine_of(arch), release=each, site=archive, say=talk)
        shown = found.files if each == "6.1" else (found.kernel,)
        for image in shown:
            click.echo(f"{image.package} {image.version}: {image.path}")
    click.echo(f"QEMU: {found.qemu}")


@command.command("run")
@a_machine
@a_kernel
@a_qemu
@click.option("--hest", "hest_path", type=click.Path(path_type=Path),
              help="A HEST, in binary or hex; without it, the one that `new hest` describes.")  # fmt: skip
@click.option("--inject", "blocks", type=click.Path(path_type=Path), multiple=True,
              help="A status block, in binary or hex; may be given several times.")  # fmt: skip
@click.option("--source", "source_id", type=integer, help="Which source; else the lowest id.")
@click.option("--serror", type=integer,
              help="Syndrome (ISS) of the SErrors that SEI sources come with; else AET is UER.")  # fmt: skip
@click.option("--append", default="", help="More for the kernel's command line.")
@click.option("--cold", is_flag=True, help="Boot anew instead of restoring a snapshot.")
@click.option("--limit", type=float, default=120.0, help="Seconds after which QEMU is ended.")
@click.pass_context
def run(
    context: click.Context,
    arch: str,
    release: str,
    qemu: str,
    hest_path: Path | None,
    blocks: tuple[Path, ...],
    source_id: int | None,
    serror: int | None,
    append: str,
    cold: bool,
    limit: float,
) -> None:
    """Boot a guest with a HEST, inject blocks, and print what its kernel said and did.

    The addresses of the HEST must lie in the range that the guest's kernel leaves alone; `new hest`
    starts there.  Sources are notified as they want: they wait to be polled, or are told by an
    interrupt (SCI, GPIO, GSIV; an external one or an NMI on x86); on arm64 a process runs into a
    genuine SEA, takes an SError (SEI; --serror says with which syndrome), or an SDEI event comes.  Every
    guest starts from the same state; blocks of one call meet the same guest, one after the other.

    Exit status 1 when the kernel did not take a block.
    """
    from apeitool.lab.session import Session

    hest = read_hest(hest_path, arch)
    data = [read_block(path) for path in blocks]
    taken = True
    found = images_of(arch, release, qemu)
    with Session(found, hest, append=append, cold=cold, limit=limit) as session:
        if serror is not None:
            session.serror = serror
        click.echo("Kernel, while it booted:")
        for line in session.boot_lines:
            click.echo(f"  {line}")
        for path, block in zip(blocks, data, strict=True):
            report = session.inject(block, source_id=source_id)
            taken &= report.cleared
            click.echo(f"\n{path}: {verdict(report)}")
            for line in report.lines:
                click.echo(f"  {line}")
            if report.panicked:
                break
    context.exit(0 if taken else 1)


@command.command("shell")
@a_machine
@a_kernel
@a_qemu
@click.option("--hest", "hest_path", type=click.Path(path_type=Path),
              help="A HEST, in binary or hex; without it, the one that `new hest` describes.")  # fmt: skip
@click.option("--append", default="", help="More for the kernel's command line.")
@click.option("--limit", type=float, default=3600.0, show_default=True,
              help="Seconds after which QEMU is ended.")  # fmt: skip
def open_shell(
    arch: str, release: str, qemu: str, hest_path: Path | None, append: str, limit: float
) -> None:
    """Boot a guest with a HEST, and leave it open: a shell in it, and its kernel's lines as they come.

    From a second terminal `lab inject` puts errors before it.  The end of input ends it.
    """
    from apeitool.lab.session import Session

    found = images_of(arch, release, qemu)
    with Session(found, read_hest(hest_path, arch), append=append, limit=limit) as session:
        for line in session.boot_lines:
            click.echo(line, err=True)
        shell.keep_open(session)


def verdict(report: Report) -> str:
    """What became of a block, in a sentence."""
    told = f"source {report.source_id}, {report.notification.text}"
    done = "block cleared" if report.cleared else "block NOT cleared"
    if report.acknowledged:
        done += " and acknowledged"
    if report.panicked:
        done += "; the kernel panicked"
    elif report.touch is not None:
        done += f"; the process {became(report.touch)}"
    return f"{told}: {done}"


def became(touch: Touch) -> str:
    """What became of the process that ran into an SEA."""
    if touch.signal is not None:
        return f"got {touch.signal}"
    if touch.status is not None:
        return f"ended with status {touch.status}"
    return "went on" if touch.is_read else "said nothing"


def read_hest(path: Path | None, arch: str = "x86") -> Hest:
    """The HEST of a file, or the example.

    Raises:  CaptureError, DecodeError when the file holds none.
    """
    from apeitool.acpi.hest.table import Hest
    from apeitool.cli.example import lab_hest

    return lab_hest(arch) if path is None else Hest.from_bytes(read_block(path))


def read_block(path: Path) -> bytes:
    """The bytes of a file, or those that its hex spells.

    Raises:  CaptureError when it cannot be read.
    """
    from apeitool.capture.container import load, unwrapped

    return unwrapped(load(path), str(path))
