"""Microsoft memory correctable error summary section."""

import enum
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section, first
from apeitool.cper.severity import Severity
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, U16, U32, U64, Derived, Many, Rest, When

_TOLD = 4
"""So many DIMMs does a sentence tell of."""


if TYPE_CHECKING:
    from apeitool.cper.place import Place


class MemoryCorrectableValid(enum.IntFlag):
    """Which fields of a DIMM's entry are facts."""

    SOCKET_ID = 1 << 0
    CHANNEL_ID = 1 << 1
    DIMM_SLOT = 1 << 2
    CORRECTABLE_ERROR_COUNT = 1 << 3


class MemoryCorrectableData(Structure):
    """Correctable errors of one DIMM.

    Shape:   24 bytes, little-endian.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_MEMORY_CORRECTABLE_ERROR_DATA
    """

    validation_bits: Annotated[U64, MemoryCorrectableValid] = 0
    socket_id: Annotated[U32, When(MemoryCorrectableValid.SOCKET_ID)] = 0
    channel_id: Annotated[U32, When(MemoryCorrectableValid.CHANNEL_ID)] = 0
    dimm_slot: Annotated[U32, When(MemoryCorrectableValid.DIMM_SLOT)] = 0
    correctable_error_count: Annotated[
        U32, When(MemoryCorrectableValid.CORRECTABLE_ERROR_COUNT)
    ] = 0

    def sentence(self) -> str:
        """How many, and where."""
        count = self.is_valid("correctable_error_count")
        many = str(self.correctable_error_count) if count else "an unknown number"
        return f"{many} in {self.place or 'an unknown place'}"

    @property
    def place(self) -> str:
        """Where it was, as far as it is said."""
        places = (("socket", "socket_id"), ("channel", "channel_id"), ("DIMM", "dimm_slot"))
        where = [f"{name} {getattr(self, field)}" for name, field in places if self.is_valid(field)]
        return ", ".join(where)

    def at(self, place: "Place") -> Self:
        """The same errors of another DIMM."""
        dimm = place.dimm
        said = {"socket_id": dimm.node, "channel_id": dimm.card, "dimm_slot": dimm.module}
        return self.replace(**{name: n for name, n in said.items() if self.is_valid(name)})


class MicrosoftMemoryCorrectableSection(Section):
    """Microsoft memory correctable error summary section.

    Shape:   4 bytes, little-endian, and 24 for each DIMM.
    Raises:  Truncated when fewer than 4 bytes are given.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_MEMORY_CORRECTABLE_ERROR_SECTION
    """

    part: ClassVar[str] = "dimm"
    guid: ClassVar[UUID] = UUID("0e36c93e-ca15-4a83-ba8a-cbe80f7f0017")
    title: ClassVar[str] = "memory correctable error summary"

    version: U16 = 1
    count: Annotated[U16, Derived(lambda s: len(s.data))] = AUTO
    data: Annotated[
        Sequence[MemoryCorrectableData], Many(MemoryCorrectableData, count="count")
    ] = ()
    trailing: Rest = b""

    @property
    def component(self) -> str:
        return first(entry.place for entry in self.data)

    @property
    def severities(self) -> tuple[Severity, ...]:
        return (Severity.CORRECTED,)

    def at(self, place: "Place") -> Self:
        placed = tuple(entry.at(place) for entry in self.data[:1])
        return self.replace(data=(*placed, *self.data[1:]))

    def sentence(self) -> str:
        what = "; ".join(entry.sentence() for entry in self.data[:_TOLD])
        if len(self.data) > _TOLD:
            what += f"; and {len(self.data) - _TOLD} more places"
        return f"correctable memory errors: {what or 'none'}"

    def check(self) -> Iterator[Problem]:
        if self.count != len(self.data):
            rule = f"{self.count} said, {len(self.data)} found"
            yield self.trouble("entry-count", "count", rule)
