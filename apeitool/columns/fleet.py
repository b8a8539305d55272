"""Many files on many machines: the same decoding, by an engine that exists.

`tables` is all of it: a piece of a file in, tables out; it keeps nothing between calls, so a piece
that a lost worker had is decoded again elsewhere, and the result is the same.  Any engine that maps
functions over a list can run it; `bag` does it by Dask, `mapped` is for those that map over Arrow
batches (Spark's ``mapInArrow``, Ray's ``map_batches``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from apeitool.columns import inputs, schema
from apeitool.wire.record import Structure

PIECE = 64 << 20
"""About so many bytes of a dump are one piece of work."""


class Piece(NamedTuple):
    """A part of a file: the records that begin in ``[start, end)``; all of it where end is None."""

    path: str
    start: int = 0
    end: int | None = None
    kind: str | None = None


def pieces(paths: Iterable[str], kind: str | None = None, size: int = PIECE) -> list[Piece]:
    """The work that some files are, dumps cut between records.

    A path may be an address that fsspec knows (``s3://...``): such a file is one piece.
    """
    return [
        Piece(path, start, end, kind)
        for path in paths
        for start, end in inputs.ranges(path, kind, size)
    ]


def tables(piece: Piece) -> dict[str, pa.Table]:
    """The tables of a piece."""
    path, start, end, kind = piece
    gathered: dict[str, list[pa.RecordBatch]] = {}
    for batches in inputs.batches(path, kind, start=start, end=end):
        for name, batch in batches.items():
            gathered.setdefault(name, []).append(batch)
    return {name: pa.Table.from_batches(batches) for name, batches in gathered.items()}


def bag(work: Iterable[Piece]) -> Any:
    """A Dask bag of the tables of pieces, one mapping of names to tables for each."""
    import dask.bag

    listed = [*work]
    made: Any = dask.bag
    return made.from_sequence(listed, npartitions=len(listed) or 1).map(tables)


def gathered(results: Iterable[Mapping[str, pa.Table]]) -> dict[str, pa.Table]:
    """The tables of all pieces, as one of each name; rows in the order of the pieces."""
    found: dict[str, list[pa.Table]] = {}
    for result in results:
        for name, table in result.items():
            found.setdefault(name, []).append(table)
    return {name: pa.concat_tables(several) for name, several in found.items()}


def mapped(
    batches: Iterable[pa.RecordBatch], table: type[Structure], *, data: str = "data",
    source: str = "source", kind: str | None = None,
) -> Iterator[pa.RecordBatch]:  # fmt: skip
    """The rows of one table, of batches whose rows are files: bytes, and what they are called.

    All batches that come out have the schema of the table, which is known beforehand.
    """
    name = table.__name__
    layout = schema.schema(table)
    for batch in batches:
        blobs = zip(batch.column(data).to_pylist(), batch.column(source).to_pylist(), strict=True)
        for blob, called in blobs:
            for found in inputs.of_bytes(blob or b"", str(called), kind):
                if name in found:
                    yield found[name].cast(layout)
