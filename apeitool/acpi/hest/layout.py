"""Where the sources of a HEST begin and end.

Sources lie back to back, and those below type 12 do not say how long they are.  So a count or a
length that lies, or padding behind a source, displaces all that follows.  Sources are read as they
are counted where that ends with the table and each is of a type that says how long it is: whatever
their fields hold.  Where not, the reading is taken that makes the rest of the table valid:

- a source that holds together begins wherever it is met, counted or not, and behind the length that
  the table gives itself while sources of its count are missing;
- what lies before one is sources too if they fill it, else it is a gap;
- banks of a machine check source end where a source begins that holds together.
"""

import re
from collections.abc import Iterator
from typing import Any

from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.machine_check import (
    CorrectedMachineCheck,
    DeferredMachineCheck,
    ErrorBank,
    MachineCheckException,
    MachineCheckSource,
)
from apeitool.acpi.hest.nmi import NonMaskableInterrupt
from apeitool.acpi.hest.pcie_aer import BridgeAer, DeviceAer, RootPortAer
from apeitool.acpi.hest.source import (
    FIRST_FUTURE,
    ErrorSource,
    FutureSource,
    ReservedSource,
    SourceGap,
)
from apeitool.wire.labels import Label
from apeitool.wire.record import Structure
from apeitool.wire.types import Engine, Many

SOURCE_TYPES: dict[int, type[ErrorSource]] = {
    int(kind.writes or 0): kind
    for kind in (
        MachineCheckException,
        CorrectedMachineCheck,
        NonMaskableInterrupt,
        RootPortAer,
        DeviceAer,
        BridgeAer,
        Ghes,
        GhesV2,
        DeferredMachineCheck,
    )
}

_HEAD = re.compile(
    rb"(?=(?:%s)(?!\0{14}))" % b"|".join(re.escape(n.to_bytes(2, "little")) for n in SOURCE_TYPES)
)
"""Where a source of a known type may begin; one begins with 16 bytes that are not all zero."""

_HEAD_LENGTH = 16

_PLENTY = 0xFFFF
"""No source that holds together asks for more records, or more sections in one."""


def source_at(values: Any, buffer: bytes, position: int, end: int) -> type[Structure] | None:
    """The type of the next source; None where what is left is no source."""
    if end - position < ErrorSource.fixed_size:
        return None
    number = int.from_bytes(buffer[position : position + 2], "little")
    known = SOURCE_TYPES.get(number)
    if known is not None:
        return known
    length = int.from_bytes(buffer[position + 2 : position + 4], "little")
    if number >= FIRST_FUTURE and FutureSource.fixed_size <= length <= end - position:
        return FutureSource
    return ReservedSource


class Sources(Many):
    """The sources of a HEST, with the gaps between them."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(source_at, count="error_source_count", until="length")

    def take(
        self, engine: Engine, values: Any, buffer: bytes, start: int, position: int, end: int
    ) -> tuple[tuple[Structure, ...], int]:
        counted, stop = super().take(engine, values, buffer, start, position, end)
        ends = len(counted) == values.error_source_count and stop == start + values.length
        if ends and not any(isinstance(source, ReservedSource) for source in counted):
            return counted, stop
        walk = _Walk(engine, buffer, position, values.error_source_count)
        walk.go(self.bound(values, start, position, end), end)
        return tuple(walk.nodes), walk.position


class _Walk:
    """The reading of a table that is not as it says."""

    def __init__(self, engine: Engine, buffer: bytes, position: int, count: int) -> None:
        self.engine = engine
        self.buffer = buffer
        self.position = position
        self.left = count
        self.nodes: list[Structure] = []

    def go(self, limit: int, end: int) -> None:
        """To ``limit``; behind it, as far as ``end``, while sources are missing."""
        while self.position < limit:
            head, source, stop = self._next(limit)
            if head > self.position and not self._fill(head, is_last=source is None):
                break
            if source is not None:
                self._add(source, stop)
        while self.left > 0 and (found := self._sound(self.position, end)):
            self._add(*found)

    def _add(self, node: Structure, stop: int) -> None:
        self.nodes.append(node)
        self.position = stop
        self.left -= isinstance(node, ErrorSource | FutureSource)

    def _next(self, limit: int) -> tuple[int, Structure | None, int]:
        """The next source that holds together: where, the source, and the offset behind it.

        One that reaches into another, behind which the table goes on, is none.
        """
        first: tuple[int, Structure | None, int] = limit, None, limit
        for match in _HEAD.finditer(self.buffer, self.position, limit):
            start, inside = match.start(), first[1]
            if inside is not None and start >= first[0] + inside.fixed_size:
                break
            found = self._sound(start, limit)
            if found is not None and self._goes_on(found[1], limit):
                return start, *found
            if found is not None and inside is None:
                first = start, *found
        return first

    def _goes_on(self, position: int, limit: int) -> bool:
        """Whether the table ends there, or goes on with a source or with zeros."""
        head = self.buffer[position : min(position + _HEAD_LENGTH, limit)]
        return not any(head) or self._begins(position, limit) is not None

    def _fill(self, head: int, *, is_last: bool) -> bool:
        """Read on to ``head``; whether there was a way."""
        nodes = list(self._counted(head))
        behind = self.position + sum(node.size for node in nodes)
        if behind != head and not is_last:
            nodes = [SourceGap(data=self.buffer[self.position : head])]
        for node in nodes:
            self._add(node, self.position + node.size)
        return self.position == head

    def _counted(self, head: int) -> Iterator[Structure]:
        """Sources back to back, as many as are missing, as far as there are any."""
        position = self.position
        for _ in range(max(self.left, 0)):
            kind = source_at(None, self.buffer, position, head)
            if kind is None or head - position < kind.shortest or self._is_void(position, kind):
                return
            node, position = self.engine(kind)(self.buffer, position, head)
            yield node

    def _is_void(self, position: int, kind: type[Structure]) -> bool:
        """Whether what is no source elsewhere is none here: zeros, or no type below 12 or length."""
        head = self.buffer[position : position + _HEAD_LENGTH]
        is_nameless = kind is ReservedSource and int.from_bytes(head[:2], "little") >= FIRST_FUTURE
        return is_nameless or not any(head)

    def _sound(self, position: int, end: int) -> tuple[Structure, int] | None:
        """The source at a place, and the offset behind it; None if none there holds together."""
        kind = self._begins(position, end)
        if kind is None:
            return None
        source, stop = self.engine(kind)(self.buffer, position, end)
        if isinstance(source, MachineCheckSource) and not self._begins(stop, end):
            for bank in range(position + kind.fixed_size, stop, ErrorBank.fixed_size):
                if self._begins(bank, end):
                    return self.engine(kind)(self.buffer, position, bank)
        return source, stop

    def _begins(self, position: int, end: int) -> type[Structure] | None:
        """The type of the source that begins at a place and holds together."""
        kind = SOURCE_TYPES.get(int.from_bytes(self.buffer[position : position + 2], "little"))
        if kind is None or end - position < kind.fixed_size:
            return None
        source = self.engine(kind)(self.buffer, position, position + kind.fixed_size)[0]
        return kind if _is_sound(source) else None


def _is_sound(source: Structure) -> bool:
    """Whether a source holds together: bytes elsewhere in a table hardly look like one."""
    return (
        1 <= getattr(source, "number_of_records_to_preallocate", 0) <= _PLENTY
        and 1 <= getattr(source, "max_sections_per_record", 0) <= _PLENTY
        and getattr(source, "enabled", 0) <= 1
        and _is_defined(source)
    )


def _is_defined(thing: Structure) -> bool:
    """Whether names are known and reserved fields zero, in what is inside it too."""
    for field in thing.fields:
        value = getattr(thing, field.name)
        if isinstance(value, Label) and not value.is_known:
            return False
        if field.name.startswith("reserved") and _has_content(value):
            return False
        if isinstance(value, Structure) and not _is_defined(value):
            return False
    return True


def _has_content(value: Any) -> bool:
    return any(value) if isinstance(value, bytes) else value != 0
