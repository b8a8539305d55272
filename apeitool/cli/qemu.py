"""``apeitool qemu``: what QEMU takes, and what it has."""

from __future__ import annotations

from contextlib import closing

import click

from apeitool.cli.options import Reader, dialect, known_kind, talk
from apeitool.cli.selection import SEVERITIES


@click.group("qemu", short_help="Inject errors into a running QEMU.")
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


_SHORT = 0.05


def _after(waited: float) -> str:
    return f", after {waited:.2f} s, when the guest had taken the one before" * (waited > _SHORT)
