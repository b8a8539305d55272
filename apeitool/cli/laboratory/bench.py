"""``lab bench``: how many records a real kernel takes a second, and what becomes of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from apeitool.cli.options import talk
from apeitool.linux.features import KERNELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apeitool.lab.bench import Result

_HEADER = ("told by", "records", "unacknowledged", "lost", "twice", "printed", "model prints",
           "records/s", "median", "first line")  # fmt: skip


@click.command("bench", short_help="How many records a real kernel takes, and loses.")
@click.option("--arch", type=click.Choice(["x86", "arm64"]), default="x86", show_default=True,
              help="The guest's processor.")  # fmt: skip
@click.option("--kernel", "release", type=click.Choice(list(KERNELS)), default="6.1",
              show_default=True, help="Which Linux the guest is.")  # fmt: skip
@click.option("--records", type=click.IntRange(1, 100_000), default=2000, show_default=True,
              help="So many for each notification.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=20.0, show_default=True,
              help="No longer than so many seconds for each.")  # fmt: skip
@click.pass_context
def command(context: click.Context, arch: str, release: str, records: int, seconds: float) -> None:
    """Send records one after the other, each when the one before is acknowledged, by every notification.

    Each has a number, and is looked for in the kernel's trace of RAS events: lost is one that was
    acknowledged and that nothing was done about.  The kernel's print limit stays on; beside what it
    printed is how many the modelled Linux does at the same rate.  The first line is that of the first
    record, counted from the start of QEMU, with the guest restored from a snapshot.

    Exit status 1 when a record was lost, or not acknowledged.
    """
    from apeitool.cli.lab import images_of, machine_of
    from apeitool.lab.bench import measure, ways

    images = images_of(arch, release, "system")
    rows: list[tuple[str, ...]] = [_HEADER]
    is_whole, linux = True, ""
    for way in ways(machine_of(arch)):
        talk(f"{records} records by {way.text}, {seconds:g} s at most")
        result = measure(images, way, records=records, seconds=seconds)
        linux = result.linux
        is_whole &= not result.lost and result.acknowledged == result.sent
        rows.append(_row(result, release))
    click.echo(f"Linux {linux}, {arch}")
    for line in _aligned(rows):
        click.echo(line)
    context.exit(0 if is_whole else 1)


def _row(result: Result, release: str) -> tuple[str, ...]:
    return (
        result.notification.text,
        str(result.sent),
        str(result.sent - result.acknowledged),
        str(result.lost),
        str(result.twice),
        str(result.printed),
        str(_modelled(result, release)),
        f"{result.rate:.0f}",
        f"{result.latency * 1000:.2f} ms",
        f"{result.first_line:.2f} s",
    )


def _modelled(result: Result, release: str) -> int:
    """How many of them the modelled Linux prints, at the same rate; one was printed before."""
    from apeitool.acpi.hest.notification import NotificationType
    from apeitool.linux.features import kernel
    from apeitool.scenarios.burst import End, Setting, Way, run

    every = result.seconds / max(result.sent, 1)
    way = {NotificationType.NMI: Way.NMI}.get(result.notification, Way.INTERRUPT)
    setting = Setting(
        errors=result.sent + 1, every=every, is_random=False, way=way, latency=every / 2,
        features=kernel(release),
    )  # fmt: skip
    return run(setting).counts[End.PRINTED] - 1


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True)]
        yield "  ".join([f"{first:{widths[0]}}", *cells])
