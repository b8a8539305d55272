"""The Hardware Error Source Table."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

from apeitool.acpi.header import Table
from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.machine_check import (
    CorrectedMachineCheck,
    DeferredMachineCheck,
    MachineCheckException,
)
from apeitool.acpi.hest.nmi import NonMaskableInterrupt
from apeitool.acpi.hest.pcie_aer import BridgeAer, DeviceAer, RootPortAer
from apeitool.acpi.hest.source import (
    ErrorSource,
    ErrorSourceStructure,
    FutureSource,
    ReservedSource,
)
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, U32, Derived, Many, Raw, Rest

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


def _source_at(values: Any, buffer: bytes, position: int, end: int) -> type[Structure] | None:
    """The type of the next source; None where what is left is no source."""
    if end - position < ErrorSource.fixed_size:
        return None
    number = int.from_bytes(buffer[position : position + 2], "little")
    known = SOURCE_TYPES.get(number)
    if known is not None:
        return known
    length = int.from_bytes(buffer[position + 2 : position + 4], "little")
    if number >= 12 and FutureSource.fixed_size <= length <= end - position:
        return FutureSource
    return ReservedSource


class Hest(Table):
    """Hardware Error Source Table.

    Shape:   40 bytes, little-endian, then the sources back to back.
    Raises:  Truncated when fewer than 40 bytes are given.
    Source:  ACPI 6.5 18.3.2
    """

    spells: ClassVar[str] = "HEST"

    error_source_count: Annotated[U32, Derived(lambda t: len(t.sources))] = AUTO
    sources: Annotated[
        Sequence[ErrorSourceStructure],
        Many(_source_at, count="error_source_count", until="length"),
    ] = ()
    unparsed: Annotated[bytes, Raw(until="length"), "no source, but in the table"] = b""
    trailing: Annotated[Rest, "behind the table"] = b""

    def check(self) -> Iterator[Problem]:
        yield from super().check()
        if self.error_source_count != len(self.sources):
            rule = f"{self.error_source_count} said, {len(self.sources)} found"
            yield self.trouble("source-count", "error_source_count", rule)
        if self.unparsed:
            rule = f"{len(self.unparsed)} bytes of the table are no error source"
            yield self.trouble("table-rest", "unparsed", rule)
        seen: set[int] = set()
        for path, offset, source in self.children():
            if isinstance(source, ErrorSource):
                if source.source_id in seen:
                    rule = f"source id {source.source_id} is used before"
                    at = source.trouble("source-id", "source_id", rule)
                    yield at.moved(offset, path)
                seen.add(source.source_id)
