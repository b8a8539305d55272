"""``apeitool demo``: the main job, start to end, with what the package itself carries.

The captured bytes are those of QEMU 11 and a Linux that it ran; `fixtures/MANIFEST.toml` has the
command that captured them.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from apeitool.acpi.hest.table import Hest
    from apeitool.acpi.status import StatusBlock
    from apeitool.wire.record import Structure


@click.command("demo", short_help="The main job, start to end.")
def command() -> None:
    """Build a HEST, decode captured bytes, and let firmware and Linux meet over an error."""
    _title("1. Build a HEST: a GHESv2 source that is notified by SEA")
    _build()
    _title("2. Decode a HEST that QEMU built, captured from a running guest")
    hest = captured_hest()
    _say(hest)
    _title("3. Find its status block in the captured memory, and decode that")
    block = pending_block(hest)
    _say(block)
    _title("4. Tell a modelled Linux of a recoverable error, as SEA and as SEI")
    _simulate()
    click.echo(
        "\nNext: apeitool --help; apeitool new ghes; apeitool simulate sei; apeitool lab setup"
    )


def captured(name: str) -> bytes:
    """The bytes of a capture that comes with the package."""
    return (files("apeitool.cli") / "captured" / name).read_bytes()


def captured_hest() -> Hest:
    """The HEST of QEMU's arm64 machine ``virt,ras=on``."""
    from apeitool.acpi.hest.table import Hest

    return Hest.from_bytes(captured("HEST.bin"))


def pending_block(hest: Hest) -> StatusBlock:
    """The block that was filled and not yet acknowledged when the memory was captured.

    Found as an operating system finds it: each source's register holds its block's address.
    """
    from apeitool.acpi.hest.generic import GhesV2
    from apeitool.acpi.status import StatusBlock
    from apeitool.memory import Regions, read_register

    blob = captured("hardware_errors-pending.bin")
    sources = [source for source in hest.sources if isinstance(source, GhesV2)]
    base = min(source.error_status_address.address for source in sources)
    memory = Regions(range(base, base + len(blob)))
    memory.write(base, blob)
    for source in sources:
        address = read_register(memory, source.error_status_address)
        block = StatusBlock.from_bytes(memory.read(address, source.error_status_block_length))
        if not block.is_empty:
            click.echo(f"Source {source.source_id}: register at "
                       f"{source.error_status_address.address:#x} -> block at {address:#x}")  # fmt: skip
            return block
    raise AssertionError(base)


def _build() -> None:
    import apeitool as apei
    from apeitool.cli.example import example
    from apeitool.render.toml import load, template

    hest = example("ghes")
    data = load(template(hest)).to_bytes()
    if apei.decode(data) != hest or sum(data) % 256:
        raise AssertionError(data.hex())
    click.echo(f"{len(data)} bytes, which add up to 0 modulo 256:")
    for start in range(0, len(data), 32):
        click.echo(f"  {data[start : start + 32].hex(' ', 4)}")
    _say(hest)


def _simulate() -> None:
    from apeitool.cper.severity import Severity
    from apeitool.scenarios.sea_or_sei import ADDRESS, record, run

    block = record(Severity.RECOVERABLE, ADDRESS)
    for name in ("sea", "sei"):
        story = run(name, block)
        click.echo(f"{name.upper()}: {story.outcome.sentence}")
        click.echo(f"     {story.outcome.reason}.")


def _title(text: str) -> None:
    click.echo("\n" + click.style(text, bold=True))


def _say(thing: Structure) -> None:
    from apeitool.render.text import headline

    for line in headline(thing):
        click.echo(line)
