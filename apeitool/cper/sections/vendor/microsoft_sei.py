"""Microsoft ARM SEI section."""

from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.sections.vendor.microsoft_sea import Esr32
from apeitool.cper.severity import Severity
from apeitool.wire.types import U32, Address, Hex, Rest, Usual


class MicrosoftSeiSection(Section):
    """Microsoft ARM SError interrupt section.

    Shape:   12 bytes, little-endian.
    Raises:  Truncated when fewer than 12 bytes are given.
    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_SEI_SECTION
    """

    guid: ClassVar[UUID] = UUID("f2a4a152-9c6d-4020-aecf-7695b389251b")
    title: ClassVar[str] = "ARM SError interrupt"

    esr: Annotated[U32, Hex, Esr32, Usual(0xBE000000, 0xBE000002, 0xBF000402)] = 0
    far: Annotated[Address, "virtual; an SError need not set it"] = 0
    trailing: Rest = b""

    @property
    def what(self) -> str:
        syndrome = Esr32(self.esr).sentence()
        return f"{self.title}: {syndrome}" if syndrome else self.title

    @property
    def severities(self) -> tuple[Severity, ...]:
        return (Severity.RECOVERABLE, Severity.FATAL)

    def sentence(self) -> str:
        return Esr32(self.esr).sentence() or "SError interrupt, no syndrome"
