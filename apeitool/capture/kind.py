"""What bytes are: told by the bytes themselves, or by the caller.

Bytes that fit more than one kind are refused with the candidates.  Naming the kind decides, and
works on damaged input too.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from uuid import UUID

from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.acpi.einj import Einj, SetErrorTypeWithAddress, TriggerActionTable
from apeitool.acpi.erst import Erst
from apeitool.acpi.header import HEADER_LENGTH as TABLE_HEADER
from apeitool.acpi.header import Table
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import HEADER_LENGTH, StatusBlock, entry_type
from apeitool.capture.hextext import is_printed
from apeitool.cper.described import DescribedSection
from apeitool.cper.index import SECTIONS
from apeitool.cper.record import SIGNATURE, Record
from apeitool.cper.section import Section, read_section, section_named
from apeitool.errors import (
    Ambiguous,
    BadChecksum,
    BadLength,
    BadSignature,
    BadValue,
    DecodeError,
    Truncated,
)
from apeitool.qemu.erst_file import MAGIC
from apeitool.wire import compiled
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure

WHEA_PACKET = b"WhLg"
"""What packets of WHEA's own log begin with, which lie beside records in the events of Windows."""

TABLES: dict[str, type[Table]] = {t.spells: t for t in (Hest, Bert, Einj, Erst)}

_OTHERS: dict[str, type[Structure]] = {
    "block": StatusBlock,
    "region": BootErrorRegion,
    "trigger": TriggerActionTable,
    "set_error_type_with_address": SetErrorTypeWithAddress,
    "record": Record,
    "described_section": DescribedSection,
}
"""Kinds that no table's signature and no section's place names."""


def section_kinds() -> dict[str, str]:
    """Section types by the name that a user gives them: ``memory``, ``pcie``, ``arm_processor``."""
    return {place.partition(":")[0].rpartition(".")[2]: place.partition(":")[2]
            for place in SECTIONS.values()}  # fmt: skip


def kind_names() -> tuple[str, ...]:
    """Every name that `kind_type` knows."""
    return ("table", *(t.lower() for t in TABLES), *_OTHERS, *section_kinds())


def kind_type(name: str, data: bytes = b"") -> type[Structure]:
    """The class of a kind; of a ``table`` the one that its signature names.

    Raises:  DecodeError when there is no such kind, BadSignature when no such table is known.
    """
    if name == "table":
        signature = data[:4].decode("latin-1")
        if signature not in TABLES:
            known = ", ".join(TABLES)
            raise BadSignature(f"table {signature!r} is none of {known}", path="signature")
        return TABLES[signature]
    section = section_named(section_kinds().get(name, ""))
    found = (
        _OTHERS.get(name) or {t.lower(): kind for t, kind in TABLES.items()}.get(name) or section
    )
    if found is None:
        raise DecodeError(f"no kind is called {name!r}; there are {', '.join(kind_names())}")
    return found


def kind_of(thing: Structure) -> str | None:
    """The kind that `decode_as` makes such an object of; None where it is a part of others."""
    if isinstance(thing, Section):
        return str(thing.guid)
    named = {t.lower(): kind for t, kind in TABLES.items()} | _OTHERS
    return next((name for name, kind in named.items() if type(thing) is kind), None)


def candidates(data: bytes) -> list[str]:
    """The names of the kinds that the bytes can be, most telling first."""
    # Tools print tables, signature first.
    if not is_printed(data[4:TABLE_HEADER]):
        if data[:4] == SIGNATURE.encode():
            return ["record"]
        if data[:4].decode("latin-1") in TABLES and data[:8] != MAGIC.encode():
            return ["table"]
    found = ["region"] if is_region(data) else ["block"] if is_block(data) else []
    if len(data) > DescribedSection.shortest and DescribedSection.resembles(data):
        found.append("described_section")
    for name, place in section_kinds().items():
        kind = section_named(place)
        if kind is not None and kind.shortest <= len(data) and kind.resembles(data):
            found.append(name)
    return found


def is_block(data: bytes) -> bool:
    """Whether the bytes hold together as a status block; zeros say "no error recorded"."""
    return _block_end(data, 0) > 0


def is_region(data: bytes) -> bool:
    """Whether the bytes begin with two status blocks that hold entries, one behind the other.

    One alone, with or without zeros behind it, is a block.
    """
    second = _block_end(data, 0) if _data_length(data, 0) else 0
    return second > 0 and _data_length(data, second) > 0 and _block_end(data, second) > 0


def _data_length(data: bytes, start: int) -> int:
    return int.from_bytes(data[start + 12 : start + 16], "little")


def _block_end(data: bytes, start: int) -> int:
    """Where a status block ends that begins at ``start`` and holds together; 0 if none does."""
    there = len(data) - start
    if there < HEADER_LENGTH:
        return 0
    status, raw_offset, raw_length, length, severity = struct.unpack_from("<5I", data, start)
    if not any((status, raw_offset, raw_length, length, severity)):
        return start + HEADER_LENGTH
    if severity > 3 or status >> 14 or length > there - HEADER_LENGTH:
        return 0
    if raw_length and not HEADER_LENGTH + length <= raw_offset <= there - raw_length:
        return 0
    if not _entries_fit(data, start + HEADER_LENGTH, start + HEADER_LENGTH + length):
        return 0
    size: int = raw_offset + raw_length if raw_length else HEADER_LENGTH + length
    return start + size


def _entries_fit(data: bytes, position: int, end: int) -> bool:
    """Whether the data entries fill the error data exactly."""
    while position < end:
        header = entry_type(data, position).fixed_size
        if end - position < header:
            return False
        position += header + int.from_bytes(data[position + 24 : position + 28], "little")
    return position == end


_SIGNATURE = re.compile(rb"[A-Z][A-Z0-9_]{3}")


def unknown_table(data: bytes) -> str | None:
    """The signature of an ACPI table that is whole and none of `TABLES`; None if it is not one."""
    match = _SIGNATURE.match(data)
    name = match[0].decode() if match else ""
    is_whole = len(data) >= TABLE_HEADER and int.from_bytes(data[4:8], "little") == len(data)
    return name if name and is_whole and name not in TABLES else None


def sniff(data: bytes) -> str:
    """The name of the one kind that the bytes fit.

    Raises:  Truncated for no bytes; Ambiguous; DecodeError when none fits.
    """
    if not data:
        raise Truncated("no bytes at all")
    names = candidates(data)
    if len(names) > 1:
        message = f"these bytes fit more than one kind: {', '.join(names)}; say which (--as)"
        raise Ambiguous(message, candidates=tuple(names))
    if data.startswith(WHEA_PACKET):
        raise DecodeError("a packet of WHEA's own log (WhLg) is no record")
    if not names:
        start = data[:16].hex(" ")
        raise DecodeError(
            f"no kind fits these {len(data)} bytes, which begin with {start}; "
            f"say what they are (--as): {', '.join(kind_names())}"
        )
    return names[0]


def decode_as(name: str, data: bytes) -> Structure:
    """Decode an object of a kind that is known; bytes behind a structure stay with it.

    The GUID of a section type is a kind too.
    """
    guid = section_guid(name)
    if guid is not None:
        return read_section(compiled.fast, guid, data, 0, len(data))
    return kind_type(name, data).from_bytes(data)


def section_guid(name: str) -> UUID | None:
    """The GUID that is named; None where the name is none."""
    try:
        return UUID(name)
    except ValueError:
        return None


_ERRORS: tuple[tuple[str, type[DecodeError]], ...] = (
    (r"truncated|short|absent", Truncated),
    (r"checksum$", BadChecksum),
    (r"signature$", BadSignature),
    (r"(length|count|rest|place)$", BadLength),
)


def as_error(problem: Problem) -> DecodeError:
    """The exception that says the same as a problem."""
    kind = next((error for fits, error in _ERRORS if re.search(fits, problem.id)), BadValue)
    return kind(
        f"{problem.id}: {problem.rule}",
        offset=problem.offset,
        path=problem.path,
        spec=problem.source,
    )


def extents(data: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of each object of bytes that hold several records or tables back to back.

    Boundaries come from lengths, never from a search: payloads contain signatures too.  A boot
    error region may follow its table; other bytes that follow stay with the object before.
    """
    start = 0
    while start < len(data):
        end = min(start + (_said_length(data, start) or len(data)), len(data))
        region_end = _region_end(data, start, end)
        if region_end:
            yield start, end
            start, end = end, region_end
        if end < len(data) and not _said_length(data, end):
            end = len(data)
        yield start, end
        start = end


def told_by_place(data: bytes, start: int) -> str | None:
    """The kind of an object that `extents` found, where what it lies behind tells."""
    return "region" if start and not _said_length(data, start) else None


def _region_end(data: bytes, start: int, end: int) -> int:
    """Where the region ends that lies behind the BERT table ``data[start:end]``; 0 if none does.

    Zeros are a region when all of its length is there, else they pad the table.
    """
    if data[start : start + 4] != b"BERT" or end - start < Bert.fixed_size:
        return 0
    if _said_length(data, end):
        return 0
    length = int.from_bytes(data[start + TABLE_HEADER : start + TABLE_HEADER + 4], "little")
    region = data[end : end + length]
    is_there = len(region) == length or any(region[:HEADER_LENGTH])
    return end + len(region) if is_there and is_block(region) else 0


def _said_length(data: bytes, start: int) -> int:
    """The length that a record or a table at ``start`` gives itself; 0 if there is none."""
    if data[start : start + 4] == SIGNATURE.encode():
        length = int.from_bytes(data[start + 20 : start + 24], "little")
        return length if length >= Record.fixed_size else 0
    if data[start : start + 4].decode("latin-1") in TABLES:
        length = int.from_bytes(data[start + 4 : start + 8], "little")
        return length if length >= TABLE_HEADER else 0
    return 0
