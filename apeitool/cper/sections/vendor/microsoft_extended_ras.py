"""Microsoft platform extended RAS section."""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.wire.problem import Problem
from apeitool.wire.types import AUTO, U32, U64, Derived, Hex, Raw, Rest, Unit


class MicrosoftExtendedRasSection(Section):
    """Microsoft platform extended RAS section: what the platform's vendor says of a DIMM.

    Shape:   16 bytes, little-endian, and the data.
    Units:   section length in bytes, of the data alone.
    Raises:  Truncated when fewer than 16 bytes are given.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_EXTENDED_RAS
    """

    part: ClassVar[str] = "dimm"
    located: ClassVar[Mapping[str, str]] = {"dimm_location": "dimm.module_handle"}
    guid: ClassVar[UUID] = UUID("c6749ac0-16fb-4868-b976-65a61299834f")
    title: ClassVar[str] = "platform extended RAS data"

    flag: Annotated[U32, Hex] = 0
    dimm_location: Annotated[U32, Hex] = 0
    section_length: Annotated[U64, Unit("bytes"), Derived(lambda s: len(s.section_data))] = AUTO
    section_data: Annotated[bytes, Raw(length="section_length")] = b""
    trailing: Rest = b""

    @property
    def component(self) -> str:
        return f"DIMM location {self.dimm_location:#x}"

    def sentence(self) -> str:
        size = len(self.section_data)
        return f"platform extended RAS data, DIMM location {self.dimm_location:#x}, {size} bytes"

    def check(self) -> Iterator[Problem]:
        # Nobody says whether the header counts.
        if self.section_length > self.size:
            rule = f"{self.section_length} bytes said, {len(self.section_data)} are there"
            yield self.trouble("data-truncated", "section_length", rule)
