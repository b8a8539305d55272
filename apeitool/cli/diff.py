"""``apeitool diff``: what differs between two files, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from apeitool.cli.explain import captures
from apeitool.cli.options import colour, dialect, is_coloured, known_kind, writer

if TYPE_CHECKING:
    from apeitool.render.text import Paint
    from apeitool.wire.record import Structure

Found = tuple[str, "Structure"]
"""(origin, object)."""


@click.command("diff")
@click.argument("left", metavar="A|-")
@click.argument("right", metavar="B|-")
@click.option("--as", "kind", metavar="KIND", callback=known_kind,
              help="What the bytes of both are; see decode.")  # fmt: skip
@dialect
@click.pass_context
def command(context: click.Context, left: str, right: str, kind: str | None) -> None:
    """Compare two tables, status blocks, records or sections, field by field.

    Each field that differs is named, with what A (-) and B (+) have there.  Sources of a HEST are
    compared by their ids, where these are unique, other lists by index.  Of files of several objects
    the first table of a kind is compared with the first of that kind, the second with the second.

    Exit status: 0 when they are equal, 1 when they differ or one cannot be decoded.
    """
    if left == right == "-":
        raise click.UsageError("only one of A and B can be standard input")
    from apeitool.render.text import plain

    olds, news = (_objects(path, kind) for path in (left, right))
    paint = colour if is_coloured(None) else plain
    is_one = len(olds) == len(news) == 1
    differ = False
    with writer(None) as out:
        for old, new in _pairs(olds, news):
            said = _compared(old, new, paint)
            if said:
                differ = True
                out.write(("" if is_one else _head(old, new, paint)).encode() + said.encode())
    context.exit(int(differ))


def _objects(path: str, kind: str | None) -> list[Found]:
    from apeitool.capture.container import decode

    return [(capture.place, decode(capture)) for capture in captures(path, kind)]


def _pairs(olds: list[Found], news: list[Found]) -> list[tuple[Found | None, Found | None]]:
    """Which objects belong together: in order, and of one kind where there are several."""
    if len(olds) == len(news) == 1:
        return [(olds[0], news[0])]
    waiting: dict[type, list[Found]] = {}
    for new in reversed(news):
        waiting.setdefault(type(new[1]), []).append(new)
    pairs: list[tuple[Found | None, Found | None]] = []
    for old in olds:
        same = waiting.get(type(old[1]))
        pairs.append((old, same.pop() if same else None))
    taken = {id(new) for _, new in pairs}
    return pairs + [(None, new) for new in news if id(new) not in taken]


def _compared(old: Found | None, new: Found | None, paint: Paint) -> str:
    """The differences of two objects; none of them is "" to read."""
    from apeitool.render.diff import text

    if old is None or new is None:
        return "  only there\n"
    return text(old[1], new[1], paint=paint)


def _head(old: Found | None, new: Found | None, paint: Paint) -> str:
    from apeitool.render.harmless import printable

    origins = " | ".join(printable(found[0]) for found in (old, new) if found is not None)
    return paint(origins, "source") + "\n"
