"""The database of rasdaemon: sections that Linux handed out by its trace events.

``non_standard_event`` has the section whole, beside its type.  Of ``arm_event`` newer releases keep the
pieces, ``extlog_event`` keeps what the kernel's own compact form has: from both the section is put
together, and what the table does not say is zero and not marked valid.

Source:  rasdaemon ras-record.c
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import UUID

from apeitool.capture.capture import Capture
from apeitool.cper.guids import SECTION_NAMES
from apeitool.cper.index import SECTIONS
from apeitool.errors import CaptureError

_MAGIC = b"SQLite format 3\0"
_GUID = 16
_TABLES = "select name from sqlite_schema where type = 'table' and sql not like 'create virtual%'"
"""What holds rows: a view computes them, and may never come to an end."""
_LONGEST = 1 << 24
"""So many bytes are in a row: a column that is computed may be of any length."""


def sniff(data: bytes) -> bool:
    """Whether this is a database of SQLite."""
    return data.startswith(_MAGIC)


def read(data: bytes, origin: str = "") -> Iterator[Capture]:
    """The sections, each with its table and row, ``origin:non_standard_event 7``.

    Raises:  CaptureError when it is no database of rasdaemon, or is damaged.
    """
    try:
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(data)
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            database.execute("pragma trusted_schema = off")
            database.row_factory = sqlite3.Row
            tables = [row[0] for row in database.execute(_TABLES)]
            if not {"non_standard_event", "arm_event", "mc_event", "aer_event"} & set(tables):
                raise CaptureError("a database, but none of rasdaemon", origin=origin)
            for table in _READERS:
                if table in tables:
                    yield from _rows(database, table, origin)
    except sqlite3.Error as wrong:
        raise CaptureError(f"the database is damaged: {wrong}", origin=origin) from wrong


def _rows(database: sqlite3.Connection, table: str, origin: str) -> Iterator[Capture]:
    for row in database.execute(f"select * from {table}"):  # noqa: S608 - one of our own names
        found = _READERS[table](dict(row))
        if found is not None:
            data, kind = found
            how = "" if _READERS[table] is _non_standard else f"columns of {table}"
            yield Capture(data, kind, f"{origin}:{table} {row['id']}", how)


_Found = tuple[bytes, str | None]
"""A section, and its kind."""


def _non_standard(row: dict[str, Any]) -> _Found | None:
    guid, data = row.get("sec_type"), row.get("error")
    if not isinstance(guid, bytes) or not isinstance(data, bytes):
        return None
    return data, _section_type(guid)


def _section_type(raw: bytes) -> str | None:
    """The GUID in a column which rasdaemon fills up to the first two zeros, wherever these are."""
    if len(raw) >= _GUID:
        return str(UUID(bytes_le=raw[:_GUID]))
    known = (*SECTIONS, *SECTION_NAMES)
    fits = [guid for guid in known if UUID(guid).bytes_le.startswith(raw + b"\0\0")]
    return fits[0] if len(fits) == 1 else None


_COMPACT = struct.Struct("<Q8H3Q3HB")
_COMPACT_FIELDS = (
    "validation_bits", "node", "card", "module", "bank", "device", "row", "column", "bit_position",
    "requestor_id", "responder_id", "target_id", "rank_number", "card_handle", "module_handle",
    "extended",
)  # fmt: skip
"""Linux's ``struct cper_mem_err_compact``, of which older releases lack the last byte."""


def _extlog(row: dict[str, Any]) -> _Found | None:
    from apeitool.cper.sections.memory import MemoryErrorSection, MemoryValid

    data = row.get("cper_data")
    if not isinstance(data, bytes) or len(data) < _COMPACT.size - 1:
        return None
    values = _COMPACT.unpack(data[: _COMPACT.size].ljust(_COMPACT.size, b"\0"))
    fields = dict(zip(_COMPACT_FIELDS, values, strict=True))
    untold = MemoryValid.ERROR_STATUS | MemoryValid.PHYSICAL_ADDRESS_MASK
    if isinstance(row.get("address"), int):
        fields["physical_address"] = _number(row, "address", 64)
    else:
        untold |= MemoryValid.PHYSICAL_ADDRESS
    if isinstance(row.get("etype"), int):
        fields["memory_error_type"] = _number(row, "etype", 8)
    else:
        untold |= MemoryValid.MEMORY_ERROR_TYPE
    fields["validation_bits"] &= ~int(untold)
    return MemoryErrorSection(**fields).to_bytes(), "memory"


def _arm(row: dict[str, Any]) -> _Found | None:
    from apeitool.cper.sections.arm_processor import ArmProcessorErrorSection, ArmValid

    pieces = [row.get(name) for name in ("err_info", "context_info", "vendor_info")]
    if not isinstance(pieces[0], bytes):
        return None
    information, contexts, vendor = (p if isinstance(p, bytes) else b"" for p in pieces)
    valid = int(ArmValid.MPIDR | ArmValid.ERROR_AFFINITY_LEVEL | ArmValid.RUNNING_STATE)
    head = ArmProcessorErrorSection(
        validation_bits=valid | (int(ArmValid.VENDOR_SPECIFIC_INFORMATION) if vendor else 0),
        error_information_count=len(information) // 32,
        context_information_count=_contexts(contexts),
        section_length=ArmProcessorErrorSection.fixed_size
        + len(information) + len(contexts) + len(vendor),
        error_affinity_level=_number(row, "affinity", 8),
        mpidr_el1=_number(row, "mpidr", 64),
        running_state=_number(row, "running_state", 32),
        psci_state=_number(row, "psci_state", 32),
    )  # fmt: skip
    return head.to_bytes() + information + contexts + vendor, "arm_processor"


def _contexts(data: bytes) -> int:
    """How many register contexts there are, one behind the other."""
    position, count = 0, 0
    while len(data) - position >= 8:
        position += 8 + int.from_bytes(data[position + 4 : position + 8], "little")
        count += 1
    return count


def _number(row: dict[str, Any], name: str, bits: int) -> int:
    """SQLite's integers have a sign."""
    value = row.get(name)
    return value & ((1 << bits) - 1) if isinstance(value, int) else 0


_READERS = {"non_standard_event": _non_standard, "arm_event": _arm, "extlog_event": _extlog}
