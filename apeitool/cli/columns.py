"""``apeitool columns``: many errors as tables, for whatever reads Parquet or Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from apeitool.cli.options import dialect, known_kind, talk
from apeitool.errors import MissingError

_REMEDY = "pip install 'apeitool[columns]'"


@click.command("columns")
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR|URL...")
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), required=True,
              help="The folder that the tables are written to.")  # fmt: skip
@click.option("--to", "form", type=click.Choice(["parquet", "arrows"]), default="parquet",
              help="Parquet files; or Arrow streams.")  # fmt: skip
@click.option("--as", "kind", metavar="KIND", callback=known_kind, help="What the bytes are.")
@dialect
def command(paths: tuple[str, ...], folder: Path, form: str, kind: str | None) -> None:
    """Write errors down as tables, a file a table.

    There is one for each structure, called as in JSON: Record, SectionDescriptor,
    MemoryErrorSection, ...  A column is a field; what the record marks as no fact is null.  What
    cannot be decoded is in the table Problem.  Memory is bounded, however long the files are.
    """
    needs_columns()
    from apeitool.columns.write import write

    rows = write(batches(paths, kind), folder, form)
    if not rows:
        talk("nothing in the files that are there to decode")
    for name, count in rows.items():
        click.echo(f"{count:>12}  {name}")


def batches(paths: tuple[str, ...], kind: str | None) -> Iterator[dict[str, Any]]:
    """The tables of all paths, a chunk at a time."""
    from apeitool.columns import inputs

    for path in paths:
        yield from inputs.batches(path, kind)


def needs_columns() -> None:
    """Say so if what columns are made with is not here.

    Raises:  MissingError.
    """
    for name in ("numpy", "pyarrow", "duckdb"):
        if find_spec(name) is None:
            raise MissingError(f"{name} is not installed", remedy=_REMEDY)
