"""Arm register words.

Source:  Arm Architecture Reference Manual (DDI 0487) D19; UEFI 2.10 N.2.4.4 for what contexts hold
"""

from apeitool.wire.labels import Bits, Label, Word


class Implementer(Label):
    """Implementer code of MIDR_EL1."""

    ARM = 0x41
    BROADCOM = 0x42
    CAVIUM = 0x43
    DEC = 0x44
    FUJITSU = 0x46
    HISILICON = 0x48
    INFINEON = 0x49
    MOTOROLA_FREESCALE = 0x4D
    NVIDIA = 0x4E
    APM = 0x50
    QUALCOMM = 0x51
    MARVELL = 0x56
    APPLE = 0x61
    INTEL = 0x69
    MICROSOFT = 0x6D
    PHYTIUM = 0x70
    AMPERE = 0xC0


class Midr(Word):
    """MIDR_EL1: which processor it is."""

    revision = Bits(0, 4)
    part_number = Bits(4, 12)
    architecture = Bits(16, 4)
    variant = Bits(20, 4)
    implementer = Bits(24, 8, Implementer)


class Mpidr(Word):
    """MPIDR_EL1: which of the processors it is."""

    affinity_0 = Bits(0, 8)
    affinity_1 = Bits(8, 8)
    affinity_2 = Bits(16, 8)
    multithreading = Bits(24)
    uniprocessor = Bits(30)
    res1 = Bits(31)
    affinity_3 = Bits(32, 8)

    @property
    def affinity(self) -> str:
        """The affinity as 3.2.1.0, highest level first."""
        return f"{self.affinity_3}.{self.affinity_2}.{self.affinity_1}.{self.affinity_0}"


class ExceptionClass(Label):
    """EC of ESR_ELx, as far as errors use it."""

    UNKNOWN_REASON = 0x00
    INSTRUCTION_ABORT_LOWER_EL = 0x20
    INSTRUCTION_ABORT_SAME_EL = 0x21
    DATA_ABORT_LOWER_EL = 0x24
    DATA_ABORT_SAME_EL = 0x25
    SERROR = 0x2F


class Esr(Word):
    """ESR_ELx: what an exception was."""

    iss = Bits(0, 25)
    il = Bits(25)
    ec = Bits(26, 6, ExceptionClass)
    iss2 = Bits(32, 24)


class AsynchronousErrorType(Label):
    """AET of an SError's syndrome: the state the processor is left in."""

    UC = 0
    UEU = 1
    UEO = 2
    UER = 3
    CE = 6

    @property
    def text(self) -> str:
        """The state in words."""
        return _STATE.get(int(self)) or f"reserved ({int(self)})"


_STATE = {
    0: "uncontainable",
    1: "unrecoverable state",
    2: "restartable state",
    3: "recoverable state",
    6: "corrected",
}


class SErrorIss(Word):
    """ISS of an SError interrupt; AET counts only if IDS is 0 and DFSC is 0x11."""

    dfsc = Bits(0, 6)
    ea = Bits(9)
    aet = Bits(10, 3, AsynchronousErrorType)
    iesb = Bits(13)
    ids = Bits(24)


DFSC_ASYNCHRONOUS_SERROR = 0x11


class AbortIss(Word):
    """ISS of an instruction or data abort, as far as external aborts use it."""

    dfsc = Bits(0, 6)
    fnv = Bits(10)


class RegisterEncoding(Word):
    """How MRS names a system register."""

    op2 = Bits(0, 3)
    crm = Bits(3, 4)
    crn = Bits(7, 4)
    op1 = Bits(11, 3)
    o0 = Bits(14, 2)

    @property
    def name(self) -> str:
        """The generic name, S<op0>_<op1>_C<n>_C<m>_<op2>."""
        return f"S{2 + self.o0}_{self.op1}_C{self.crn}_C{self.crm}_{self.op2}"
