"""SPSR, ISR and PAR of Arm processors: the state that an exception left, and translations of addresses.

Source:  Arm Architecture Reference Manual (DDI 0487) C5.2.18 (SPSR_EL1), D24.2 (ISR_EL1, PAR_EL1), G8.2
"""

from apeitool.registers.arm_syndrome import FaultStatus
from apeitool.wire.labels import Bits, Label, Word


class ProcessorMode(Label):
    """M of an SPSR: exception level and stack pointer, or the mode of AArch32."""

    EL0T = 0x00
    EL1T = 0x04
    EL1H = 0x05
    EL2T = 0x08
    EL2H = 0x09
    EL3T = 0x0C
    EL3H = 0x0D
    USER = 0x10
    FIQ = 0x11
    IRQ = 0x12
    SUPERVISOR = 0x13
    MONITOR = 0x16
    ABORT = 0x17
    HYP = 0x1A
    UNDEFINED = 0x1B
    SYSTEM = 0x1F

    @property
    def text(self) -> str:
        """The mode as the manual writes it."""
        if not self.is_known:
            return super().text
        is_level = self.name.startswith("EL")
        return f"EL{self.name[2]}{self.name[3].lower()}" if is_level else self.name.lower()


class Spsr(Word):
    """What the SPSRs of both execution states have."""

    mode = Bits(0, 5, ProcessorMode, "M")
    fiq_masked = Bits(6, doc="F")
    irq_masked = Bits(7, doc="I")
    serror_masked = Bits(8, doc="A")
    illegal_execution_state = Bits(20, doc="IL")
    privileged_access_never = Bits(22, doc="PAN")
    overflow = Bits(28, doc="V")
    carry = Bits(29, doc="C")
    zero = Bits(30, doc="Z")
    negative = Bits(31, doc="N")


class SpsrOfAArch64(Spsr):
    """SPSR_ELx where AArch64 was interrupted."""

    debug_masked = Bits(9, doc="D")
    branch_type = Bits(10, 2, doc="BTYPE")
    speculative_store_bypass_safe = Bits(12, doc="SSBS")
    software_step = Bits(21, doc="SS")
    user_access_override = Bits(23, doc="UAO")
    data_independent_timing = Bits(24, doc="DIT")
    tag_check_override = Bits(25, doc="TCO")


class SpsrOfAArch32(Spsr):
    """SPSR where AArch32 was interrupted."""

    thumb = Bits(5, doc="T")
    big_endian = Bits(9, doc="E")
    speculative_store_bypass_safe = Bits(23, doc="SSBS")
    saturation = Bits(27, doc="Q")


_AARCH32 = 1 << 4


def spsr_word(spsr: int) -> type[Spsr]:
    """The word that reads this value of SPSR_ELx, by the execution state in it."""
    return SpsrOfAArch32 if spsr & _AARCH32 else SpsrOfAArch64


class Isr(Word):
    """ISR_EL1: what is pending."""

    fiq_pending = Bits(6, doc="F")
    irq_pending = Bits(7, doc="I")
    serror_pending = Bits(8, doc="A")


class ParOfSuccess(Word):
    """PAR_EL1 of an address that was translated."""

    failed = Bits(0, doc="F")
    shareability = Bits(7, 2, doc="SH")
    non_secure = Bits(9, doc="NS")
    physical_address = Bits(12, 40, address=True)
    attributes = Bits(56, 8, hexadecimal=True, doc="ATTR")


class ParOfFault(Word):
    """PAR_EL1 of an address that was not."""

    failed = Bits(0, doc="F")
    fault_status = Bits(1, 6, FaultStatus, "FST")
    on_table_walk = Bits(8, doc="PTW: on a stage 2 walk for a stage 1 walk")
    stage_2 = Bits(9, doc="S")


def par_word(par: int) -> type[Word]:
    """The word that reads this value of PAR_EL1."""
    return ParOfFault if par & 1 else ParOfSuccess
