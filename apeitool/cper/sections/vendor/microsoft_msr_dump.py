"""Microsoft MSR dump section."""

from collections.abc import Iterator
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.wire.problem import Problem
from apeitool.wire.types import AUTO, U8, U32, Derived, Hex, Raw, Rest, Unit


class MicrosoftMsrDumpSection(Section):
    """Microsoft MSR dump section: what a bugcheck left in the BMC's log.

    Shape:   5 bytes, little-endian, and the dump.
    Units:   length in bytes.
    Raises:  Truncated when fewer than 5 bytes are given.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_MSR_DUMP_SECTION
    """

    guid: ClassVar[UUID] = UUID("1c15b445-9b06-4667-ac25-33c056b88803")
    title: ClassVar[str] = "MSR dump"

    msr_dump_buffer: Annotated[U8, Hex] = 0
    msr_dump_length: Annotated[U32, Unit("bytes"), Derived(lambda s: len(s.msr_dump_data))] = AUTO
    msr_dump_data: Annotated[bytes, Raw(length="msr_dump_length")] = b""
    trailing: Rest = b""

    def sentence(self) -> str:
        return f"MSR dump of {len(self.msr_dump_data)} bytes"

    def check(self) -> Iterator[Problem]:
        if len(self.msr_dump_data) < self.msr_dump_length:
            rule = f"{self.msr_dump_length} bytes said, {len(self.msr_dump_data)} are there"
            yield self.trouble("dump-truncated", "msr_dump_length", rule)
