"""``apeitool new``: a commented TOML to edit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from apeitool.cli.options import output, writer

if TYPE_CHECKING:
    from pathlib import Path

    from apeitool.wire.record import Structure

KINDS = (
    "hest", "ghes", "bert", "region", "einj", "erst", "block", "record", "memory", "pcie",
    "arm_processor",
)  # fmt: skip


@click.command("new")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--preset", type=click.Choice(PRESETS_),
              help="A plan in a few words, from which encode derives the whole table.")  # fmt: skip
@output
def command(
    kind: str, settings: tuple[str, ...], preset: str | None, target: Path | None
) -> None:
    """Print a commented TOML of a kind, to edit and to give to encode.

    hest is a table with a polled and an NMI source that `lab run` takes as it is; ghes is one with
    a single SEA source.  bert points at a region, which holds status blocks; einj and erst work
    through a page of registers.  block and record hold a corrected memory error; the others are
    bare sections.

    KEY names a field by its path: oem_id=ACME, sources[0].notification.type=SEA,
    entries[0].section.physical_address=0x12345000.
    """
    from apeitool.cli.example import example
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
