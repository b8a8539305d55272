"""Where in memory and I/O space a table's registers, structures and regions lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import singledispatch
from typing import NamedTuple

from apeitool.acpi.bert import Bert
from apeitool.acpi.einj import Einj, TriggerActionTable
from apeitool.acpi.erst import Erst
from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.table import Hest
from apeitool.linux.action import PARAMETER_LENGTH, accesses_register, parameter_address
from apeitool.registers.address import AddressSpace, GenericAddress
from apeitool.wire.record import Structure

DIRECT = (AddressSpace.SYSTEM_MEMORY, AddressSpace.SYSTEM_IO)
"""Address spaces in which a register lies at an address of bytes."""


class Span(NamedTuple):
    """Bytes that a table says are used; ``path`` is the field that says where."""

    space: int
    start: int
    end: int
    path: str

    @property
    def place(self) -> str:
        """The bytes, in words."""
        return f"{AddressSpace(self.space).text} {self.start:#x} to {self.end - 1:#x}"

    def meets(self, other: Span) -> bool:
        """Whether the two share a byte."""
        is_near = self.start < other.end and other.start < self.end
        return self.space == other.space and is_near


@singledispatch
def spans(table: Structure) -> Iterator[Span]:
    """The bytes that a table names: registers of sources that are enabled, and of instructions that
    access one; the region of BERT; the parameter structure of EINJ.
    """
    yield from ()


@spans.register
def _(hest: Hest) -> Iterator[Span]:
    for index, source in enumerate(hest.sources):
        if isinstance(source, Ghes) and source.enabled:
            name = f"sources[{index}]"
            yield from _register(f"{name}.error_status_address", source.error_status_address)
            if isinstance(source, GhesV2):
                yield from _register(f"{name}.read_ack_register", source.read_ack_register)


@spans.register
def _(table: Bert) -> Iterator[Span]:
    start, length = table.boot_error_region, table.boot_error_region_length
    if start and length:
        yield Span(AddressSpace.SYSTEM_MEMORY, start, start + length, "boot_error_region")


@spans.register(Einj)
@spans.register(Erst)
@spans.register(TriggerActionTable)
def _(table: Einj | Erst | TriggerActionTable) -> Iterator[Span]:
    """Each register once: instructions share them."""
    seen: set[tuple[int, int, int]] = set()
    for index, entry in enumerate(table.entries):
        if accesses_register(entry):
            for span in _register(f"entries[{index}].register_region", entry.register_region):
                if span[:3] not in seen:
                    seen.add(span[:3])
                    yield span


def _register(path: str, register: GenericAddress) -> Iterator[Span]:
    """What an access of a register touches: all of its access size, where that is more."""
    bits = register.register_bit_offset + register.register_bit_width
    length = max((bits + 7) // 8, register.access_size.length)
    if register.address and length and register.address_space_id in DIRECT:
        start = register.address
        yield Span(register.address_space_id, start, start + length, f"{path}.address")


def parameters(table: Einj) -> Iterator[Span]:
    """The SET_ERROR_TYPE_WITH_ADDRESS structure that an EINJ leads to."""
    base = parameter_address(table.entries)
    for index, entry in enumerate(table.entries):
        if base and entry.register_region.address == base:
            path = f"entries[{index}].register_region.address"
            yield Span(AddressSpace.SYSTEM_MEMORY, base, base + PARAMETER_LENGTH, path)
            return


def overlaps(found: Iterable[Span]) -> Iterator[tuple[Span, Span]]:
    """Spans that begin inside one before them, each with the one that reaches furthest."""
    far: Span | None = None
    for span in sorted(found):
        if far and span.space == far.space and far.start < span.start < far.end:
            yield far, span
        if far is None or span.space != far.space or span.end > far.end:
            far = span


def doubles(found: Iterable[Span]) -> Iterator[tuple[Span, Span]]:
    """Spans that begin where another does, each with the first of those."""
    first: dict[tuple[int, int], Span] = {}
    for span in found:
        other = first.setdefault((span.space, span.start), span)
        if other is not span:
            yield other, span
