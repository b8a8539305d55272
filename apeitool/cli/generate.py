"""``apeitool generate``: records of errors that never happened."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apeitool.cli.options import output, talk, writer

if TYPE_CHECKING:
    from apeitool.cper.record import Record
    from apeitool.cper.section import Section

FORMS = ("binary", "record", "block", "section", "jsonl")


def _section_types(
    context: click.Context, option: click.Parameter, names: str
) -> list[type[Section]]:
    """The section types of a list of names.

    Raises:  BadParameter when there is no such type.
    """
    from apeitool.capture.kind import section_kinds
    from apeitool.cper.section import section_named

    known = section_kinds()
    wanted = list(known) if names == "all" else [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in known:
            raise click.BadParameter(f"{name!r} is none of all, {', '.join(known)}")
    found = (section_named(known[name]) for name in wanted)
    return [kind for kind in found if kind is not None]


def _producer(context: click.Context, option: click.Parameter, name: str) -> str:
    from apeitool.cper.dialect import PRODUCERS

    if name not in PRODUCERS:
        raise click.BadParameter(f"{name!r} is none of {', '.join(PRODUCERS)}")
    return name


def _defects(context: click.Context, option: click.Parameter, names: str | None) -> list[str]:
    if names is None:
        return []
    from apeitool.cper.generate import DEFECTS

    wanted = list(DEFECTS) if names == "all" else [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in DEFECTS:
            raise click.BadParameter(f"{name!r} is none of all, {', '.join(DEFECTS)}")
    return wanted


@click.command("generate")
@click.option("--sections", "kinds", default="memory", metavar="NAME,...|all",
              callback=_section_types, help="Section types of the records.")  # fmt: skip
@click.option("--count", type=click.IntRange(min=0), default=1, help="So many records.")
@click.option("--seed", type=int, help="The same seed gives the same records.")
@click.option("--dialect", "producer", default="uefi", metavar="NAME", callback=_producer,
              help="Written as this producer does: uefi, windows, amdgpu, ...")  # fmt: skip
@click.option("--broken", "defects", metavar="DEFECT,...|all", callback=_defects,
              help="Each record with one of these defects, in turn.")  # fmt: skip
@click.option("--to", "form", type=click.Choice(FORMS), default="binary",
              help="binary records; status blocks or bare sections with the same errors; jsonl, one "
              "object a line.")  # fmt: skip
@output
def command(
    kinds: list[type[Section]],
    count: int,
    seed: int | None,
    producer: str,
    defects: list[str],
    form: str,
    target: Path | None,
) -> None:
    """Make records of errors that never happened, for tests and pipelines.

    They are sound, and their numbers agree: the DIMM that is named has the address that failed, and
    some parts of the machine fail more than others.  With --broken each has one defect, by name:
    truncated, signature, section-count, record-length, severity, timestamp, section-offset,
    section-length, section-short, section-overlap, section-counts, fru-escapes.

    They are written one by one, as many as you like.
    """
    if form != "jsonl" and target is None and sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError("binary output to a terminal; use -o FILE or --to jsonl")
    if defects and form not in ("binary", "record"):
        raise click.UsageError("--broken makes binary records only")
    if seed is None:
        from secrets import randbits

        seed = randbits(32)
        talk(f"seed {seed}")
    with writer(target) as out:
        for piece in islice(_pieces(kinds, seed, producer, defects, form), count):
            out.write(piece)


def _pieces(
    kinds: list[type[Section]], seed: int, producer: str, defects: list[str], form: str
) -> Iterator[bytes]:
    from random import Random

    from apeitool.cper.generate import broken, records

    random = Random(seed)  # noqa: S311 - nothing is secret
    for number, record in enumerate(records(kinds, seed, producer)):
        if defects:
            yield broken(record, defects[number % len(defects)], random)
        else:
            yield _FORMS[form](record)


def _binary(record: Record) -> bytes:
    return record.to_bytes()


def _jsonl(record: Record) -> bytes:
    from apeitool.render.json import line

    return line(record).encode() + b"\n"


def _block(record: Record) -> bytes:
    from apeitool.acpi.conversion import to_blocks

    return b"".join(block.to_bytes() for block in to_blocks(record).things)


def _section(record: Record) -> bytes:
    return b"".join(section.to_bytes() for section in record.sections)


_FORMS: dict[str, Callable[[Record], bytes]] = {
    "binary": _binary,
    "record": _binary,
    "block": _block,
    "section": _section,
    "jsonl": _jsonl,
}
