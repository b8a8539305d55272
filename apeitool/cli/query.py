"""``apeitool query``: questions in SQL to many errors."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from apeitool.cli.columns import batches, needs_columns
from apeitool.cli.options import dialect, known_kind, output, talk, writer
from apeitool.render.harmless import harmless

_ROWS = 10_000
"""So many rows a table for people shows."""


@click.command("query")
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR|URL...")
@click.argument("sql", metavar="SQL")
@click.option("--to", "form", type=click.Choice(["table", "csv", "jsonl"]), default="table",
              help="A table to read; csv; jsonl, one object a line.")  # fmt: skip
@click.option("--as", "kind", metavar="KIND", callback=known_kind, help="What the bytes are.")
@click.option("--keep", type=click.Path(path_type=Path), metavar="DIR",
              help="Leave the tables there, as Parquet.")  # fmt: skip
@dialect
@output
def command(
    paths: tuple[str, ...],
    sql: str,
    form: str,
    kind: str | None,
    keep: Path | None,
    target: Path | None,
) -> None:
    r"""Ask many errors a question in SQL, as DuckDB understands it.

    The tables are those of the verb columns.  Beside them there are the views Error,
    ErrorsPerDimm, ErrorsPerDevice, ErrorsPerHour and RepeatOffenders:

    \b
      apeitool query dumps/ "FROM ErrorsPerDimm"
      apeitool query dump.bin "SELECT place, max(moment) FROM Error GROUP BY place"

    A section is a row; source and object_offset say of which record, section which of its sections.
    """
    needs_columns()
    from apeitool.columns.query import ask

    with TemporaryDirectory(prefix="apeitool-") as made, writer(target) as out:
        answer = ask(batches(paths, kind), sql, keep or Path(made))
        for piece in _FORMS[form](answer):
            out.write(piece.encode())


def _table(answer: Any) -> Iterator[str]:
    """The columns side by side, numbers to the right."""
    found = answer.fetchmany(_ROWS)
    rows = [[harmless(str(_plain(v))) if v is not None else "" for v in row] for row in found]
    names = _names(answer)
    widths = [max(len(row[i]) for row in [names, *rows]) for i in range(len(names))]
    right = [all(isinstance(row[i], int | float) for row in found) for i in range(len(names))]
    for row in [names, *rows]:
        cells = (
            text.rjust(width) if is_number else text.ljust(width)
            for text, width, is_number in zip(row, widths, right, strict=True)
        )
        yield "  ".join(cells).rstrip() + "\n"
    if answer.fetchmany(1):
        talk(f"there are more than {_ROWS} rows: --to csv has all")


def _names(answer: Any) -> list[str]:
    return [harmless(column[0]) for column in answer.description]


def _csv(answer: Any) -> Iterator[str]:
    yield _row(_names(answer))
    while rows := answer.fetchmany(_ROWS):
        yield "".join(map(_row, rows))


def _row(values: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(map(_plain, values))
    return text.getvalue()


def _jsonl(answer: Any) -> Iterator[str]:
    names = _names(answer)
    while rows := answer.fetchmany(_ROWS):
        for row in rows:
            yield json.dumps(dict(zip(names, row, strict=True)), default=_plain) + "\n"


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value if value is None else str(value)


_FORMS: dict[str, Callable[[Any], Iterator[str]]] = {
    "table": _table,
    "csv": _csv,
    "jsonl": _jsonl,
}
