"""``apeitool lab``: real Linux guests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from apeitool.cli.options import integer, talk

if TYPE_CHECKING:
    from apeitool.acpi.hest.table import Hest
    from apeitool.lab.session import Report


@click.group("lab", short_help="Boot a real Linux with a HEST; inject errors.")
def command() -> None:
    """Boot a real Linux under QEMU with a HEST, and write errors into its status blocks."""


@command.command("setup")
@click.option("--with", "names", multiple=True, metavar="PROGRAM",
              help="This program of Debian unstable too: fwts, iasl.")  # fmt: skip
@click.option("--all", "every", is_flag=True, help="Every program that can be had.")
@click.option("--archive", metavar="ADDRESS",
              help="Debian's archive for those; else that of apt's sources.")  # fmt: skip
def setup(names: tuple[str, ...], every: bool, archive: str | None) -> None:
    """Bring what a guest needs into a private cache: Debian 12's kernel 6.1, its module einj, busybox.

    The packages come from the archive that this machine's apt is configured for, without being
    installed.  QEMU itself (qemu-system-x86_64) must be installed.  Once done, works offline.

    Programs of Debian unstable judge tables as those of this machine do; they are not installed
    either, and run by themselves.
    """
    from apeitool.lab import images, programs

    wanted = set(programs.PACKAGES if every else names)
    if unknown := wanted - set(programs.PACKAGES):
        raise click.BadParameter(f"{min(unknown)!r} is none of {', '.join(programs.PACKAGES)}")
    for program in programs.setup(wanted, site=archive, say=talk):
        click.echo(f"{program.image.package} {program.image.version}: {program.path}")
    found = images.setup(say=talk)
    for image in found.files:
        click.echo(f"{image.package} {image.version}: {image.path}")
    click.echo(f"QEMU: {found.qemu}")


@command.command("run")
@click.option("--hest", "hest_path", type=click.Path(path_type=Path),
              help="A HEST, in binary or hex; without it, the one that `new hest` describes.")  # fmt: skip
@click.option("--inject", "blocks", type=click.Path(path_type=Path), multiple=True,
              help="A status block, in binary or hex; may be given several times.")  # fmt: skip
@click.option("--source", "source_id", type=integer, help="Which source; else the lowest id.")
@click.option("--append", default="", help="More for the kernel's command line.")
@click.option("--cold", is_flag=True, help="Boot anew instead of restoring a snapshot.")
@click.option("--limit", type=float, default=120.0, help="Seconds after which QEMU is ended.")
@click.pass_context
def run(
    context: click.Context,
    hest_path: Path | None,
    blocks: tuple[Path, ...],
    source_id: int | None,
    append: str,
    cold: bool,
    limit: float,
) -> None:
    """Boot a guest with a HEST, inject blocks, and print what its kernel said and did.

    The addresses of the HEST must lie in the range that the guest's kernel leaves alone; `new hest`
    starts there.  NMI sources are notified by an NMI, polled ones wait to be polled.  Every guest
    starts from the same state; blocks of one call meet the same guest, one after the other.

    Exit status 1 when the kernel did not take a block.
    """
    from apeitool.lab import images
    from apeitool.lab.session import Session

    hest = read_hest(hest_path)
    data = [read_block(path) for path in blocks]
    taken = True
    with Session(images.find(), hest, append=append, cold=cold, limit=limit) as session:
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


def verdict(report: Report) -> str:
    """What became of a block, in a sentence."""
    told = f"source {report.source_id}, {report.notification.text}"
    done = "block cleared" if report.cleared else "block NOT cleared"
    if report.acknowledged:
        done += " and acknowledged"
    if report.panicked:
        done += "; the kernel panicked"
    return f"{told}: {done}"


def read_hest(path: Path | None) -> Hest:
    """The HEST of a file, or the example.

    Raises:  CaptureError, DecodeError when the file holds none.
    """
    from apeitool.acpi.hest.table import Hest
    from apeitool.cli.example import lab_hest

    return lab_hest() if path is None else Hest.from_bytes(read_block(path))


def read_block(path: Path) -> bytes:
    """The bytes of a file, or those that its hex spells.

    Raises:  CaptureError when it cannot be read.
    """
    from apeitool.capture.container import load, unwrapped

    return unwrapped(load(path), str(path))
