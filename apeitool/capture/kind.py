"""What bytes are: told by the bytes themselves, or by the caller.

Bytes that fit more than one kind are refused with the candidates.  Naming the kind decides, and
works on damaged input too.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from apeitool.acpi.header import HEADER_LENGTH as TABLE_HEADER
from apeitool.acpi.header import Table
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import HEADER_LENGTH, StatusBlock, entry_type
from apeitool.cper.index import SECTIONS
from apeitool.cper.record import SIGNATURE, Record
from apeitool.cper.section import section_named
from apeitool.errors import (
    Ambiguous,
    BadChecksum,
    BadLength,
    BadSignature,
    BadValue,
    DecodeError,
    Truncated,
)
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure

TABLES: dict[str, type[Table]] = {"HEST": Hest}


def section_kinds() -> dict[str, str]:
    """Section types by the name that a user gives them: ``memory``, ``pcie``, ``arm_processor``."""
    return {place.partition(":")[0].rpartition(".")[2]: place.partition(":")[2]
            for place in SECTIONS.values()}  # fmt: skip


def kind_names() -> tuple[str, ...]:
    """Every name that `kind_type` knows."""
    return ("table", *(t.lower() for t in TABLES), "block", "record", *section_kinds())


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
    if name == "block":
        return StatusBlock
    if name == "record":
        return Record
    section = section_named(section_kinds().get(name, ""))
    found = TABLES.get(name.upper()) or section
    if found is None:
        raise DecodeError(f"no kind is called {name!r}; there are {', '.join(kind_names())}")
    return found


def candidates(data: bytes) -> list[str]:
    """The names of the kinds that the bytes can be, most telling first."""
    if not _is_text(data[4:TABLE_HEADER]):
        if data[:4] == SIGNATURE.encode():
            return ["record"]
        if data[:4].decode("latin-1") in TABLES:
            return ["table"]
    found = ["block"] if is_block(data) else []
    for name, place in section_kinds().items():
        kind = section_named(place)
        if kind is not None and kind.shortest <= len(data) and kind.resembles(data):
            found.append(name)
    return found


def _is_text(data: bytes) -> bool:
    """Whether the bytes can be written down: tools print tables, signature first."""
    return bool(data) and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in data)


def is_block(data: bytes) -> bool:
    """Whether the bytes hold together as a status block; zeros say "no error recorded"."""
    if len(data) < HEADER_LENGTH:
        return False
    status, raw_offset, raw_length, length, severity = struct.unpack_from("<5I", data)
    if not data[:HEADER_LENGTH].strip(b"\0"):
        return True
    if severity > 3 or status >> 14 or length > len(data) - HEADER_LENGTH:
        return False
    if raw_length and not HEADER_LENGTH + length <= raw_offset <= len(data) - raw_length:
        return False
    return _entries_fit(data, length)


def _entries_fit(data: bytes, length: int) -> bool:
    """Whether the data entries fill the error data exactly."""
    position, end = HEADER_LENGTH, HEADER_LENGTH + length
    while position < end:
        header = entry_type(data, position).fixed_size
        if end - position < header:
            return False
        position += header + int.from_bytes(data[position + 24 : position + 28], "little")
    return position == end


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
    if not names:
        start = data[:16].hex(" ")
        raise DecodeError(
            f"no kind fits these {len(data)} bytes, which begin with {start}; "
            f"say what they are (--as): {', '.join(kind_names())}"
        )
    return names[0]


def decode_as(name: str, data: bytes) -> Structure:
    """Decode an object of a kind that is known; bytes behind a structure stay with it."""
    return kind_type(name, data).from_bytes(data)


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

    Boundaries come from lengths, never from a search: payloads contain signatures too.
    """
    start = 0
    while start < len(data):
        length = _said_length(data, start)
        end = start + length if length and start + length < len(data) else len(data)
        if end < len(data) and not _said_length(data, end):
            end = len(data)
        yield start, end
        start = end


def _said_length(data: bytes, start: int) -> int:
    """The length that a record or a table at ``start`` gives itself; 0 if there is none."""
    if data[start : start + 4] == SIGNATURE.encode():
        length = int.from_bytes(data[start + 20 : start + 24], "little")
        return length if length >= Record.fixed_size else 0
    if data[start : start + 4].decode("latin-1") in TABLES:
        length = int.from_bytes(data[start + 4 : start + 8], "little")
        return length if length >= TABLE_HEADER else 0
    return 0
