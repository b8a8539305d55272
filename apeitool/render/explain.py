"""Annotated bytes: each byte of an object with its field, value, meaning and source.

All of it follows from the declarations.  Every byte stands in exactly one row, in the order of the
wire: put together, the rows are the object's bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from apeitool.cper.dialect import dialect_of, using
from apeitool.render.text import Paint, plain
from apeitool.render.value import characters, ranges, shown, view_of
from apeitool.wire.record import Field, Structure
from apeitool.wire.types import Array, Aside, Part

ROW = 16
"""Bytes of one row of data that has no inner structure."""

_BYTES = 8
"""Bytes on one line beside a field."""
_HEX = 3 * _BYTES - 1
_NAME = 40
_VALUE = 32

Role = Literal["structure", "field", "bits", "data"]


class Row(NamedTuple):
    """What the bytes ``data`` at ``offset`` say; ``path`` names them, from the object down.

    ``role`` tells a field from a row that has no bytes of its own (a structure that begins here,
    bits of the field before) and from a row of data without inner structure.
    """

    offset: int
    data: bytes
    path: str
    value: str
    meaning: str
    source: str
    role: Role = "field"

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + len(self.data)


def rows(thing: Structure) -> Iterator[Row]:
    """The rows of an object; offsets are from its start, paths begin below it."""
    return _structure(thing, thing.to_bytes(), 0, "", "")


def _structure(thing: Structure, data: bytes, offset: int, path: str, note: str) -> Iterator[Row]:
    """The rows of a structure that has the bytes ``data``; ``note`` says what it is for."""
    title = _title(type(thing))
    meaning = "; ".join(filter(None, [note, thing.brief or title]))
    yield Row(offset, b"", path, type(thing).__name__, meaning, thing.source, "structure")
    position = 0
    for field in thing.fields:
        if isinstance(field.kind, Aside):
            continue
        name = f"{path}.{field.name}" if path else field.name
        for place, value, size in _pieces(field, getattr(thing, field.name), name):
            piece = data[position : position + size]  # fewer, where the bytes end before it
            row = Row(offset + position, piece, place, "", "", thing.source)
            yield from _piece(thing, field, value, row)
            position += len(piece)


def _pieces(field: Field, value: Any, name: str) -> Iterator[tuple[str, Any, int]]:
    """What a field holds, one after the other: (path, value, bytes that it takes)."""
    kind: Any = field.kind
    if isinstance(value, Structure):
        yield name, value, value.size
    elif isinstance(kind, Part) and isinstance(value, tuple):
        yield from ((f"{name}[{i}]", item, item.size) for i, item in enumerate(value))
    elif isinstance(kind, Array) and any(value):
        yield from ((f"{name}[{i}]", (item,), kind.item.size) for i, item in enumerate(value))
    else:
        yield name, value, len(value) if isinstance(kind, Part) else kind.size


def _piece(thing: Structure, field: Field, value: Any, row: Row) -> Iterator[Row]:
    """The rows of one piece, of which ``row`` has place and bytes."""
    if isinstance(value, Structure):
        yield from _structure(value, row.data, row.offset, row.path, _meaning(thing, field))
    elif isinstance(value, bytes) and (isinstance(field.kind, Part) or len(value) > ROW):
        yield from _data(row._replace(meaning=_meaning(thing, field)))
    else:
        yield row._replace(value=shown(thing, field, value), meaning=_meaning(thing, field))
        for name, span, meaning in ranges(thing, field, value):
            bits = span and f"bit{'s' * (':' in span)} {span}"
            yield Row(row.end, b"", f"{row.path}.{name}", meaning, bits, row.source, "bits")


def _meaning(thing: Structure, field: Field) -> str:
    """What the declaration says of a field, and whether its value is a fact."""
    names = view_of(thing, field) or (field.type if field.is_enum else None)
    notes = [field.doc or (_title(names) if names else "")]
    if thing.is_absent(field):
        notes.append("the bytes end before it does")
    elif not thing.is_valid(field.name):
        notes.append("not marked valid")
    return "; ".join(filter(None, notes))


def _title(kind: type) -> str:
    """The first line of what a class says of itself."""
    return (kind.__doc__ or "").partition("\n")[0].rstrip(".")


def _data(whole: Row) -> Iterator[Row]:
    """Bytes without inner structure: how many, then in rows."""
    if not whole.data:
        return
    yield whole._replace(data=b"", value=f"{len(whole.data)} bytes")
    for start, piece in chunks(whole.data):
        value = characters(piece) if any(piece) else f"{len(piece)} zero bytes"
        yield Row(whole.offset + start, piece, whole.path, value, "", whole.source, "data")


def chunks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Bytes in rows: (where, bytes).  Rows of zeros that follow one another are one."""
    start = 0
    while start < len(data):
        stop = start + ROW
        if not any(data[start:stop]):
            while stop < len(data) and not any(data[stop : stop + ROW]):
                stop += ROW
        yield start, data[start:stop]
        start = stop


def text(thing: Structure, *, paint: Paint = plain) -> str:
    """The rows as lines: offset, bytes, field, value, meaning; the source beside each structure."""
    digits = max(4, len(f"{thing.size:x}"))
    with using(dialect_of(thing)):
        lines = [line.rstrip() for row in rows(thing) for line in _lines(row, digits, paint)]
    return "\n".join(lines) + "\n"


def _lines(row: Row, digits: int, paint: Paint) -> Iterator[str]:
    offset = paint(f"{row.offset:0{digits}x}", "note")
    if row.role == "data":
        width = 3 * ROW - 1
        yield f"{offset}  {_hex(row.data):<{width}}  {row.value}"
        return
    depth = row.path.count(".") + 1 if row.path else 0
    name = "  " * depth + row.path.rpartition(".")[2]
    note = paint(f"  {row.meaning}", "note") if row.meaning else ""
    if row.role == "structure":
        source = paint(f"  [{row.source}]", "source") if row.source else ""
        title = name + paint(f"{' ' if row.path else ''}{row.value}", "title")
        yield f"{offset}  {'':{_HEX}}  {title}{note}{source}"
        return
    if row.role == "bits":
        offset = " " * digits
    head, *more = _beside(row.data)
    yield f"{offset}  {head:<{_HEX}}  {name:<{_NAME}} {row.value:<{_VALUE}}{note}"
    for number, piece in enumerate(more, 1):
        below = paint(f"{row.offset + _BYTES * number:0{digits}x}", "note")
        yield f"{below}  {piece}"


def _beside(data: bytes) -> list[str]:
    """The bytes of a field, a line each; one line at least."""
    if not any(data):
        return [_hex(data)]
    return [_hex(data[start : start + _BYTES]) for start in range(0, len(data), _BYTES)]


def _hex(data: bytes) -> str:
    """Bytes in hex; many zeros are counted."""
    return data.hex(" ") if any(data) or len(data) <= _BYTES else f"00 x {len(data)}"
