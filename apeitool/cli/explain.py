"""``apeitool explain``: what each byte says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apeitool.cli.options import (
    colour,
    dialect,
    integer,
    is_coloured,
    known_kind,
    output,
    standard_input,
    talk,
    with_word,
    writer,
)
from apeitool.errors import ApeiError

if TYPE_CHECKING:
    from apeitool.capture.capture import Capture


@click.command("explain")
@click.argument("path", metavar="FILE|-")
@click.option("--as", "kind", metavar="KIND", callback=known_kind,
              help="What the bytes are; see decode.")  # fmt: skip
@click.option("--offset", type=integer, default=0, help="Skip so many bytes of the file.")
@click.option("--length", type=integer, help="Take no more than so many bytes of the file.")
@dialect
@output
@click.pass_context
def command(
    context: click.Context,
    path: str,
    kind: str | None,
    offset: int,
    length: int | None,
    target: Path | None,
) -> None:
    """Show each byte with its field, value, meaning and source.

    The file is whatever decode reads, but no folder.  Every byte of an object is shown once, in
    order; offsets count from its start.  Bits of registers and flags stand below their field.

    What is wrong with an object goes to stderr, with offset, field and rule.
    """
    from apeitool.capture.container import decode
    from apeitool.render.explain import text
    from apeitool.render.harmless import printable
    from apeitool.render.text import plain

    found = captures(path, kind, offset, length)
    paint = colour if is_coloured(target) else plain
    gap, failed = "", False
    with writer(target) as out:
        for capture in found:
            try:
                thing = decode(capture)
            except ApeiError as wrong:
                talk(f"{capture.place}: {wrong}")
                failed = True
                continue
            for problem in thing.problems:
                talk(f"{capture.place}: {problem}")
            head = "" if capture.place == "-" else paint(printable(capture.place), "source") + "\n"
            out.write(f"{gap}{head}{text(thing, paint=paint)}".encode())
            gap = "\n"
    context.exit(int(failed))


def captures(
    path: str, kind: str | None, offset: int = 0, length: int | None = None
) -> Iterator[Capture]:
    """What one file, or standard input, holds."""
    from apeitool.capture.container import load, read, told_by_path

    if path == "-":
        data = standard_input()
    else:
        data = load(Path(path))
        kind = kind or told_by_path(Path(path), data)
    return with_word(read(data, path, kind=kind, offset=offset, length=length))
