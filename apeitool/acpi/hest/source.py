"""What error sources have in common, and those whose layout nobody knows."""

import enum
from collections.abc import Iterator
from typing import Annotated, ClassVar

from apeitool.wire.labels import Label
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, U16, Derived, Raw, Rest, Unit, u16


class SourceType(Label):
    """Types of error source structures."""

    IA32_MACHINE_CHECK = 0
    IA32_CORRECTED_MACHINE_CHECK = 1
    IA32_NMI = 2
    PCIE_ROOT_PORT_AER = 6
    PCIE_DEVICE_AER = 7
    PCIE_BRIDGE_AER = 8
    GENERIC_HARDWARE_ERROR = 9
    GENERIC_HARDWARE_ERROR_V2 = 10
    IA32_DEFERRED_MACHINE_CHECK = 11


class SourceFlags(enum.IntFlag):
    """Flags of machine check and AER sources; GHES_ASSIST is of the former, GLOBAL of the latter."""

    FIRMWARE_FIRST = 1
    GLOBAL = 2
    GHES_ASSIST = 4


class HestContent(Structure):
    """What stands behind the header of a HEST: error sources, and gaps between them.

    Source:  ACPI 6.5 18.3.2
    """


class SourceGap(HestContent):
    """Bytes between error sources that are none.

    Shape:   any length.
    Source:  ACPI 6.5 18.3.2
    """

    data: Rest = b""


class ErrorSourceStructure(HestContent):
    """An error source structure of any type.

    Shape:   2 bytes, little-endian; then what the type says.
    Source:  ACPI 6.5 18.3.2
    """

    writes: ClassVar[SourceType | None] = None

    type: Annotated[SourceType, u16, Derived(lambda s: s.writes)] = AUTO


class ErrorSource(ErrorSourceStructure):
    """What every error source structure below type 12 begins with.

    Shape:   4 bytes, little-endian; then what the type says.
    Source:  ACPI 6.5 18.3.2
    """

    source_id: U16 = 0


FIRST_FUTURE = 12
"""From this type on sources say how long they are."""


class ReservedSource(ErrorSource):
    """A source of a reserved type below 12.  Its length is unknown: it takes all that is no other.

    Shape:   4 bytes, then anything.
    Source:  ACPI 6.5 18.3.2
    """

    type: Annotated[SourceType, u16] = SourceType(3)
    data: Annotated[bytes, Raw()] = b""

    def check(self) -> Iterator[Problem]:
        rule = f"type {int(self.type)} is reserved: how long it is, nobody says"
        yield self.trouble("source-type", "type", rule)


class FutureSource(ErrorSourceStructure):
    """A source of type 12 or above: type and length come first.

    Shape:   4 bytes, then ``length`` - 4 bytes.
    Units:   length in bytes, these four included.
    Source:  ACPI 6.5 18.3.2.11
    """

    type: Annotated[SourceType, u16] = SourceType(FIRST_FUTURE)
    length: Annotated[U16, Unit("bytes"), Derived(lambda s: s.size)] = AUTO
    data: Annotated[bytes, Raw(length=lambda s: s.length - 4)] = b""

    def check(self) -> Iterator[Problem]:
        yield self.trouble("source-type", "type", f"type {int(self.type)} is not defined yet")
        if self.length > self.size:
            yield self.trouble(
                "truncated", "length", f"{self.length} bytes said, {self.size} are there"
            )
