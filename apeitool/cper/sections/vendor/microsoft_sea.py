"""Microsoft ARM SEA section."""

from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.registers.arm_state import par_word
from apeitool.registers.arm_syndrome import ExceptionClass, ExceptionSyndrome
from apeitool.wire.labels import Bits, Word
from apeitool.wire.types import U8, U32, U64, Address, Hex, Named, Rest, Usual


class Esr32(Word):
    """ESR_ELx in 32 bits, which was all of it before Armv8.7."""

    iss = Bits(0, 25, hexadecimal=True)
    il = Bits(25)
    ec = Bits(26, 6, ExceptionClass)

    def sentence(self) -> str:
        """The exception in words."""
        return ExceptionSyndrome(self).sentence()


class MicrosoftSeaSection(Section):
    """Microsoft ARM synchronous external abort section.

    Shape:   21 bytes, little-endian.
    Raises:  Truncated when fewer than 21 bytes are given.
    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_SEA_SECTION
    """

    guid: ClassVar[UUID] = UUID("f5fe48a6-84ce-4c1e-aa64-20c9a53099f1")
    title: ClassVar[str] = "ARM synchronous external abort"

    esr: Annotated[U32, Hex, Esr32, Usual(0x96000010, 0x92000410, 0x9600051E)] = 0
    far: Annotated[Address, "virtual"] = 0
    par: Annotated[
        U64, Hex, Named(lambda s: par_word(s.par)), "what an address translation of it gave"
    ] = 0
    was_kernel: U8 = 0
    trailing: Rest = b""

    @property
    def what(self) -> str:
        syndrome = Esr32(self.esr).sentence()
        return f"{self.title}: {syndrome}" if syndrome else self.title

    @property
    def severities(self) -> tuple[Severity, ...]:
        return (Severity.RECOVERABLE, Severity.FATAL)

    def sentence(self) -> str:
        where = "in the kernel" if self.was_kernel else "in a process"
        what = Esr32(self.esr).sentence() or "no syndrome"
        return f"synchronous external abort {where} at virtual address {self.far:#x}: {what}"
