"""Microsoft NMI section."""

import enum
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.wire.types import U32, Bytes, Rest


class NmiFlags(enum.IntFlag):
    """Flags of an NMI."""

    HYPERVISOR_ERROR = 1


class MicrosoftNmiSection(Section):
    """Microsoft NMI section: what the ports of the platform said.

    Shape:   12 bytes, little-endian.
    Raises:  Truncated when fewer than 12 bytes are given.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_NMI_ERROR_SECTION
    """

    guid: ClassVar[UUID] = UUID("e71254e7-c1b9-4940-ab76-909703a4320f")
    title: ClassVar[str] = "non-maskable interrupt"

    data: Annotated[bytes, Bytes(8), "of an x86 processor only the first byte"] = bytes(8)
    flags: Annotated[U32, NmiFlags] = 0
    trailing: Rest = b""

    @property
    def severities(self) -> tuple[Severity, ...]:
        return (Severity.FATAL, Severity.RECOVERABLE)

    def sentence(self) -> str:
        by = ", reported by the hypervisor" if self.flags & NmiFlags.HYPERVISOR_ERROR else ""
        return f"non-maskable interrupt{by}, port data {self.data.hex(' ')}"
