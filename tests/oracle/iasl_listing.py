"""iasl as a judge of tables: its listing of the fields, and the bytes it compiles back."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apeitool.wire.record import Structure
from apeitool.wire.types import Aside, Nested, Part

COMPLAINT = re.compile(r"error|warning|invalid|unknown|could not|unable|\*\*\*", re.IGNORECASE)
CREATOR = slice(28, 36)
"""Creator id and revision: the compiler puts its own there."""


@dataclass(frozen=True)
class Line:
    """One line of the listing; ``text`` is what iasl calls the value."""

    offset: int
    length: int
    label: str
    value: str
    text: str


@dataclass(frozen=True)
class Verdict:
    """What iasl made of a table."""

    lines: tuple[Line, ...]
    flags: dict[int, dict[str, int]]
    complaints: tuple[str, ...]
    compiled: bytes


FIELD = re.compile(r"\[([0-9A-F]+)h (\d+) +([0-9A-F]+h?)\] +(.*?) : ([^\[\]]*?) *(?:\[(.*)\])?")
"""Offset twice, length (decimal, in newer versions hex as the offset), label, value, meaning."""
FLAG = re.compile(r" +(\S.*) : ([01])")


def version(program: str) -> int:
    """The version as iasl writes it into the creator revision: 20200925 is 0x20200925."""
    out = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\d{8})", out)
    assert found, out
    return int(found[1], 16)


def judge(program: str, table: bytes) -> Verdict:
    """Disassemble, and compile the listing again."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "table.bin").write_bytes(table)
        said = run(program, place, "-d", "table.bin")
        listing = (place / "table.dsl").read_text("latin-1")
        said += run(program, place, "-p", "again", "table.dsl")
        compiled = place / "again.aml"
        return Verdict(
            lines=tuple(fields(listing)),
            flags=flags(listing),
            complaints=tuple(complaints(said, listing)),
            compiled=compiled.read_bytes() if compiled.exists() else b"",
        )


def run(program: str, place: Path, *arguments: str) -> str:
    done = subprocess.run(
        [program, *arguments], cwd=place, capture_output=True, text=True, timeout=60, check=False
    )
    wrong = "" if done.returncode == 0 else f"error: exit status {done.returncode}\n"
    return done.stdout + done.stderr + wrong


def complaints(said: str, listing: str) -> Iterator[str]:
    """What the program says besides its success, and what it notes between or in the fields."""
    for line in said.splitlines():
        if COMPLAINT.search(line) and "0 Errors, 0 Warnings, 0 Remarks" not in line:
            yield line
    for line in listing.splitlines():
        text = FIELD.fullmatch(line.strip())
        # The names of some tables begin with "Error".
        noted = text[6] or "" if text and text[4] != "Signature" else ""
        if "****" in line or COMPLAINT.match(noted):
            yield line


def fields(listing: str) -> Iterator[Line]:
    """Lines that have an offset."""
    for line in listing.splitlines():
        found = FIELD.fullmatch(line.strip())
        if found:
            offset, decimal, length, label, value, text = found.groups()
            assert int(offset, 16) == int(decimal)
            size = int(length.rstrip("h"), 16 if length.endswith("h") else 10)
            yield Line(int(decimal), size, label, value.strip('"'), text or "")


def flags(listing: str) -> dict[int, dict[str, int]]:
    """The bits that iasl names, by the offset of the field they are in."""
    found: dict[int, dict[str, int]] = {}
    offset = 0
    for line in listing.splitlines():
        if field := FIELD.fullmatch(line.strip()):
            offset = int(field[2])
        elif flag := FLAG.fullmatch(line):
            found.setdefault(offset, {})[flag[1]] = int(flag[2])
    return found


Leaf = tuple[int, int, str, Any]


def leaves(item: Structure, start: int = 0) -> Iterator[Leaf]:
    """(offset, length, name, value) of every fixed field, and of what is nested, whole and apart."""
    children = {name: (start + offset, child) for name, offset, child in item.children()}
    for field in item.fields:
        if isinstance(field.kind, Nested):
            offset, child = children.pop(field.name)
            yield offset, child.size, field.name, child
            yield from leaves(child, offset)
        elif not isinstance(field.kind, Part | Aside):
            yield start + field.offset, field.kind.size, field.name, getattr(item, field.name)
    for offset, child in children.values():
        yield from leaves(child, offset)


def recompiles(data: bytes, verdict: Verdict) -> None:
    """The same bytes, but for the compiler's own name and what follows from it."""
    again = bytearray(verdict.compiled)
    again[CREATOR], again[9] = data[CREATOR], data[9]
    assert bytes(again) == data
