"""Tables as files: a file a table, in Parquet or as an Arrow stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from apeitool.errors import CaptureError

FORMS = ("parquet", "arrows")
"""How tables are written; each is the suffix of its files too."""


class Writer:
    """Writes the tables of one batch after the other into a folder.

    Raises:  CaptureError when something cannot be written.
    """

    def __init__(self, folder: Path, form: str = "parquet", *, compression: str = "zstd") -> None:
        self.folder = folder
        self.form = form
        self.compression = compression
        self.rows: dict[str, int] = {}
        self._files: dict[str, Any] = {}

    def write(self, batches: Mapping[str, pa.RecordBatch]) -> None:
        """Write a batch of each table."""
        try:
            for name, batch in batches.items():
                if name not in self._files:
                    self._files[name] = self._open(name, batch.schema)
                self._files[name].write_batch(batch)
                self.rows[name] = self.rows.get(name, 0) + batch.num_rows
        except OSError as wrong:
            raise CaptureError(wrong.strerror or str(wrong), origin=str(self.folder)) from wrong

    def _open(self, name: str, schema: pa.Schema) -> Any:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = str(self.folder / f"{name}.{self.form}")
        if self.form == "parquet":
            return pq.ParquetWriter(path, schema, compression=self.compression)
        # A stream may replace its dictionaries, a file of Arrow's may not.
        return _Stream(path, schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()


class _Stream:
    """An Arrow stream, and the file that it is written to."""

    def __init__(self, path: str, schema: pa.Schema) -> None:
        self._file = pa.OSFile(path, "wb")
        self._stream = pa.ipc.new_stream(self._file, schema)

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._stream.write_batch(batch)

    def close(self) -> None:
        self._stream.close()
        self._file.close()


def write(
    batches: Iterable[Mapping[str, pa.RecordBatch]], folder: Path, form: str = "parquet"
) -> dict[str, int]:
    """Write all tables into a folder: how many rows each has.

    Raises:  CaptureError when something cannot be written.
    """
    with Writer(folder, form) as writer:
        for batch in batches:
            writer.write(batch)
    return writer.rows
