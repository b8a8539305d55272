"""Questions in SQL to many errors: their tables, and views of what is usually asked.

The tables are written down first, a chunk at a time, and DuckDB reads from there what a question
needs: so neither the files nor the tables need fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa

from apeitool.acpi.status import GenericErrorDataEntryV2, GenericErrorDataEntryV3
from apeitool.columns import schema
from apeitool.columns.write import Writer
from apeitool.cper.index import SECTIONS
from apeitool.cper.record import Record, SectionDescriptor
from apeitool.cper.section import OpaqueSection, Section, section_type
from apeitool.errors import QueryError
from apeitool.wire.record import Structure
from apeitool.wire.types import Nested

VIEWS = {
    "Error": "each error: what it was, where, when and how bad",
    "ErrorsPerDimm": "errors by memory module",
    "ErrorsPerDevice": "errors by PCIe or CXL device",
    "ErrorsPerHour": "errors by hour",
    "RepeatOffenders": "places that had more than one error of a kind, the most first",
}
"""Views beside the tables, with what each has."""

_COUNTS = "count(*) AS errors, min(moment) AS first, max(moment) AS last"
_SEVERITIES = (
    "count(*) FILTER (severity = 'CORRECTED') AS corrected, "
    "count(*) FILTER (severity = 'RECOVERABLE') AS recoverable, "
    "count(*) FILTER (severity = 'FATAL') AS fatal"
)


def ask(
    batches: Iterable[Mapping[str, pa.RecordBatch]],
    sql: str,
    folder: Path,
    *,
    memory: str = "300MB",
) -> Any:
    """The answer to a question, as a cursor of Python's DB-API.  The tables are left in ``folder``.

    Raises:  QueryError when DuckDB does not understand it, or there is no such table.
    """
    with Writer(folder, compression="lz4") as writer:
        for batch in batches:
            writer.write(batch)
    connection = connect(folder, writer.rows, memory=memory)
    try:
        return connection.execute(sql)
    except duckdb.Error as wrong:
        raise QueryError(str(wrong).partition("\n")[0]) from wrong


def connect(folder: Path, tables: Iterable[str], *, memory: str = "300MB") -> Any:
    """A DuckDB in memory that sees the tables in a folder, and the `VIEWS`.

    A table of a section type of which there was none is empty.
    """
    connection = duckdb.connect(config={"memory_limit": memory, "temp_directory": str(folder)})
    there = set(tables)
    for name in sorted(there):
        path = str(folder / f"{name}.parquet").replace("'", "''")
        connection.execute(f"CREATE VIEW \"{name}\" AS FROM read_parquet('{path}')")
    kinds = sections()
    known = {kind.__name__: schema.schema(kind) for kind in (*kinds, *_HEADS)}
    known[schema.PROBLEM_TABLE] = schema.PROBLEMS
    for name, layout in known.items():
        if name not in there:
            connection.register(name, layout.empty_table())
    connection.execute(_error_view([kind for kind in kinds if kind.__name__ in there]))
    for name, sql in _VIEWS.items():
        connection.execute(f"CREATE VIEW {name} AS {sql}")
    return connection


_HEADS: tuple[type[Structure], ...] = (
    Record, SectionDescriptor, GenericErrorDataEntryV2, GenericErrorDataEntryV3,
)  # fmt: skip

_VIEWS = {
    "ErrorsPerDimm": f"SELECT source, place, {_COUNTS}, {_SEVERITIES}, "
    "count(DISTINCT address) AS addresses FROM Error WHERE part = 'dimm' GROUP BY ALL "
    "ORDER BY errors DESC, place",
    "ErrorsPerDevice": f"SELECT source, place, {_COUNTS}, {_SEVERITIES} FROM Error "
    "WHERE part IN ('device', 'expander') GROUP BY ALL ORDER BY errors DESC, place",
    "ErrorsPerHour": "SELECT date_trunc('hour', moment) AS hour, count(*) AS errors, "
    f"{_SEVERITIES} FROM Error GROUP BY ALL ORDER BY hour",
    "RepeatOffenders": f"SELECT source, place, kind, {_COUNTS}, {_SEVERITIES} FROM Error "
    "WHERE place IS NOT NULL GROUP BY ALL HAVING count(*) > 1 ORDER BY errors DESC, place, kind",
}


def sections() -> list[type[Section]]:
    """Every section type, and nothing twice; at last that of types that nobody knows."""
    found = (section_type(UUID(guid)) for guid in SECTIONS)
    return [*dict.fromkeys(kind for kind in found if kind is not None), OpaqueSection]


def _error_view(kinds: list[type[Section]]) -> str:
    """A view of all errors, of whatever type: what their own fields and their descriptors say."""
    rows = " UNION ALL ".join(map(_rows, kinds)) or (
        "SELECT NULL::VARCHAR AS source, 0 AS object_offset, 0 AS section, '' AS path, "
        "'' AS kind, '' AS part, NULL::VARCHAR AS component, 0::UBIGINT AS address WHERE false"
    )
    entries = " UNION ALL ".join(
        f"SELECT source, object_offset, item AS section, path || '.section' AS path, "
        f"error_severity AS severity, {moment} AS moment, fru_text, fru_id FROM {name}"
        for name, moment in (
            (GenericErrorDataEntryV2.__name__, "NULL::TIMESTAMP"),
            (GenericErrorDataEntryV3.__name__, "timestamp"),
        )
    )
    # A section of a record has its descriptor; of a block the entry that it lies in.
    return (
        "CREATE VIEW Error AS WITH "
        f"rows AS ({rows}), "
        "said AS (SELECT d.source, d.object_offset, d.item AS section, 'body' AS path, "
        "d.section_severity AS severity, r.timestamp AS moment, d.fru_text, d.fru_id "
        "FROM SectionDescriptor d JOIN Record r USING (source, object_offset) "
        f"UNION ALL {entries}) "
        "SELECT rows.source, rows.object_offset, rows.section, kind, part, "
        "coalesce(nullif(trim(fru_text), ''), component, 'FRU ' || fru_id) AS place, address, "
        "severity, moment, fru_text, fru_id FROM rows LEFT JOIN said ON "
        "rows.source = said.source AND rows.object_offset = said.object_offset AND "
        "((rows.path LIKE 'body[%' AND said.path = 'body' AND rows.section = said.section) "
        "OR rows.path = said.path)"
    )


def _rows(kind: type[Section]) -> str:
    address = next((n for n, path in kind.located.items() if path == "address"), None)
    address = address if any(f.name == address for f in kind.fields) else None
    return (
        f"SELECT source, object_offset, section, path, '{kind.__name__}' AS kind, "
        f"'{kind.part}' AS part, {_component(kind)} AS component, "
        f"{address or 'NULL'}::UBIGINT AS address FROM {kind.__name__} "
        # A section that lies in another is a part of that error.
        "WHERE path NOT LIKE 'body[%].%'"
    )


def _component(kind: type[Section]) -> str:
    """What of the machine failed: the fields that say it, with their names."""
    said = []
    for field in kind.fields:
        path = kind.located.get(field.name, "")
        if isinstance(field.kind, Nested) and path == kind.part:
            at = [f"{field.name}.{n}" for n in _ADDRESS]
            said.append(f"printf('%04x:%02x:%02x.%x', {', '.join(at)})")
        elif path.startswith(f"{kind.part}.") and not path.endswith("_handle"):
            said.append(f"'{field.name} ' || {field.name}")
    return f"nullif(concat_ws(' ', {', '.join(said)}), '')" if said else "NULL::VARCHAR"


_ADDRESS = ("segment_number", "bus_number", "device_number", "function_number")
