"""``apeitool new``: a commented TOML to edit."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from apeitool.cli.options import output, writer
from apeitool.errors import EncodeError
from apeitool.plan.preset import PRESETS

if TYPE_CHECKING:
    from pathlib import Path

    from apeitool.wire.record import Structure

KINDS = (
    "hest", "ghes", "bert", "region", "einj", "erst", "block", "record", "memory", "pcie",
    "arm_processor",
)  # fmt: skip


def _known(context: click.Context, argument: click.Parameter, kind: str) -> str:
    """One of `KINDS`, or any section type.

    Raises:  BadParameter when it is neither.
    """
    if kind not in KINDS:
        from apeitool.capture.kind import section_kinds

        names = dict.fromkeys((*KINDS, *section_kinds()))
        if kind not in names:
            raise click.BadParameter(f"{kind!r} is none of {', '.join(names)}")
    return kind


@click.command("new")
@click.argument("kind", callback=_known)
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--preset", type=click.Choice([*PRESETS]),
              help="A plan of few words instead: encode derives the whole table from it.")  # fmt: skip
@output
def command(kind: str, settings: tuple[str, ...], preset: str | None, target: Path | None) -> None:
    """Print a commented TOML of a kind, to edit and to give to encode.

    hest is a table with a polled and an NMI source that `lab run` takes as it is; ghes is one with
    a single SEA source.  bert points at a region, which holds status blocks; einj and erst work
    through registers in memory.  block and record hold a corrected memory error; memory, pcie,
    arm_processor and every other section type (see decode --as) are bare sections.

    With --preset, the TOML is short: a plan of a hest, bert, einj or erst for firmware of your own
    (bare), QEMU's arm64 machine (qemu-virt) or its x86 machine (qemu-q35).

    KEY names a field by its path: oem_id=ACME, sources[0].notification.type=SEA,
    entries[0].section.physical_address=0x12345000.
    """
    make = _object if preset is None else partial(_plan, preset)
    text = make(kind, [_split(setting) for setting in settings])
    with writer(target) as out:
        out.write(text.encode())


def _split(setting: str) -> tuple[str, str]:
    key, equals, value = setting.partition("=")
    if not equals or not key:
        raise click.UsageError(f"{setting!r} is not KEY=VALUE")
    return key, value


def _object(kind: str, settings: list[tuple[str, str]]) -> str:
    """The whole object, every field of it."""
    from apeitool.cli.example import example
    from apeitool.render.plain import from_plain, to_plain
    from apeitool.render.toml import template

    thing = example(kind)
    if settings:
        plain = _without_derived(thing, to_plain(thing))
        for key, value in settings:
            put(plain, key, value, kind)
        thing = from_plain(plain)
    return template(thing)


def _plan(preset: str, kind: str, settings: list[tuple[str, str]]) -> str:
    """The plan of a table."""
    from apeitool.plan.build import PLANS, build
    from apeitool.plan.template import is_text, starting, template

    if kind not in PLANS:
        raise click.UsageError(f"--preset is for {', '.join(PLANS)}")
    plan = starting(kind, preset)
    for key, value in settings:
        put(plan, key, value if is_text(kind, key) else _number_or_text(value), kind, grows=True)
    # What cannot be encoded is said here.
    build(plan)
    return template(plan)


def _number_or_text(value: str) -> int | str:
    try:
        return int(value, 0)
    except ValueError:
        return value


def put(plain: Any, key: str, value: Any, kind: str, *, grows: bool = False) -> None:
    """Set what a dotted key with indices names; where ``grows``, tables on the way are made.

    Raises:  EncodeError when there is nothing of that name.
    """
    steps: list[Any] = [
        int(index) if index else name
        for name, index in re.findall(r"([A-Za-z_]\w*)|\[(\d+)\]", key)
    ]
    try:
        _put(plain, steps, value, grows=grows)
    except (KeyError, IndexError, TypeError) as wrong:
        raise EncodeError(f"there is no {key} in this {kind}", path=key) from wrong


def _put(plain: Any, steps: list[Any], value: Any, *, grows: bool) -> None:
    for step in steps[:-1]:
        if grows and isinstance(plain, dict) and isinstance(step, str):
            plain.setdefault(step, {})
        plain = plain[step]
    last = steps[-1]
    if isinstance(plain, dict) != isinstance(last, str):
        raise TypeError(f"{last} is no index of this")
    plain[last] = value


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
