"""ESR_ELx: what an exception was.

Source:  Arm Architecture Reference Manual (DDI 0487) D24.2.40
"""

from __future__ import annotations

from collections.abc import Iterator

from apeitool.wire.labels import Bits, Label, Word


class ExceptionClass(Label):
    """EC of ESR_ELx."""

    UNKNOWN_REASON = 0x00
    TRAPPED_WFI_OR_WFE = 0x01
    TRAPPED_CP15_MCR_OR_MRC = 0x03
    TRAPPED_CP15_MCRR_OR_MRRC = 0x04
    TRAPPED_CP14_MCR_OR_MRC = 0x05
    TRAPPED_CP14_LDC_OR_STC = 0x06
    TRAPPED_SIMD_OR_FLOATING_POINT = 0x07
    TRAPPED_VMRS = 0x08
    TRAPPED_POINTER_AUTHENTICATION = 0x09
    TRAPPED_OTHER_INSTRUCTION = 0x0A
    TRAPPED_CP14_MRRC = 0x0C
    BRANCH_TARGET = 0x0D
    ILLEGAL_EXECUTION_STATE = 0x0E
    SVC_AARCH32 = 0x11
    HVC_AARCH32 = 0x12
    SMC_AARCH32 = 0x13
    TRAPPED_MSRR_OR_MRRS = 0x14
    SVC_AARCH64 = 0x15
    HVC_AARCH64 = 0x16
    SMC_AARCH64 = 0x17
    TRAPPED_MSR_OR_MRS = 0x18
    TRAPPED_SVE = 0x19
    TRAPPED_ERET = 0x1A
    POINTER_AUTHENTICATION_FAILURE = 0x1C
    TRAPPED_SME = 0x1D
    GRANULE_PROTECTION_CHECK = 0x1E
    IMPLEMENTATION_DEFINED_TO_EL3 = 0x1F
    INSTRUCTION_ABORT_LOWER_EL = 0x20
    INSTRUCTION_ABORT_SAME_EL = 0x21
    PC_ALIGNMENT_FAULT = 0x22
    DATA_ABORT_LOWER_EL = 0x24
    DATA_ABORT_SAME_EL = 0x25
    SP_ALIGNMENT_FAULT = 0x26
    MEMORY_OPERATION = 0x27
    TRAPPED_FLOATING_POINT_AARCH32 = 0x28
    TRAPPED_FLOATING_POINT_AARCH64 = 0x2C
    GUARDED_CONTROL_STACK = 0x2D
    SERROR = 0x2F
    BREAKPOINT_LOWER_EL = 0x30
    BREAKPOINT_SAME_EL = 0x31
    SOFTWARE_STEP_LOWER_EL = 0x32
    SOFTWARE_STEP_SAME_EL = 0x33
    WATCHPOINT_LOWER_EL = 0x34
    WATCHPOINT_SAME_EL = 0x35
    BKPT_AARCH32 = 0x38
    VECTOR_CATCH_AARCH32 = 0x3A
    BRK_AARCH64 = 0x3C
    PROFILING = 0x3D

    @property
    def text(self) -> str:
        """The class in words."""
        if not self.is_known:
            return super().text
        said = self.name.replace("_LOWER", "_FROM_A_LOWER").replace("_SAME", "_FROM_THE_SAME")
        return " ".join(_AS_WRITTEN.get(word) or word.lower() for word in said.split("_"))


_AS_WRITTEN = {
    word: word
    for word in (
        *("BKPT", "BRK", "CP14", "CP15", "EL", "EL3", "ERET", "HVC", "LDC", "MCR", "MCRR", "MRC"),
        *("MRRC", "MRRS", "MRS", "MSR", "MSRR", "PC", "SIMD", "SMC", "SME", "SP", "STC", "SVC"),
        *("SVE", "VMRS", "WFE", "WFI"),
    )
} | {"AARCH32": "(AArch32)", "AARCH64": "(AArch64)", "SERROR": "SError"}


class FaultStatus(Label):
    """DFSC or IFSC: why an access was aborted.

    Source:  Arm DDI 0487 D24 (ESR_EL1, ISS encoding of aborts)
    """

    ADDRESS_SIZE_FAULT_LEVEL_0 = 0x00
    ADDRESS_SIZE_FAULT_LEVEL_1 = 0x01
    ADDRESS_SIZE_FAULT_LEVEL_2 = 0x02
    ADDRESS_SIZE_FAULT_LEVEL_3 = 0x03
    TRANSLATION_FAULT_LEVEL_0 = 0x04
    TRANSLATION_FAULT_LEVEL_1 = 0x05
    TRANSLATION_FAULT_LEVEL_2 = 0x06
    TRANSLATION_FAULT_LEVEL_3 = 0x07
    ACCESS_FLAG_FAULT_LEVEL_0 = 0x08
    ACCESS_FLAG_FAULT_LEVEL_1 = 0x09
    ACCESS_FLAG_FAULT_LEVEL_2 = 0x0A
    ACCESS_FLAG_FAULT_LEVEL_3 = 0x0B
    PERMISSION_FAULT_LEVEL_0 = 0x0C
    PERMISSION_FAULT_LEVEL_1 = 0x0D
    PERMISSION_FAULT_LEVEL_2 = 0x0E
    PERMISSION_FAULT_LEVEL_3 = 0x0F
    SYNCHRONOUS_EXTERNAL_ABORT = 0x10
    ASYNCHRONOUS_SERROR_OR_TAG_CHECK_FAULT = 0x11
    SYNCHRONOUS_EXTERNAL_ABORT_ON_TABLE_WALK_LEVEL_MINUS_2 = 0x12
    SYNCHRONOUS_EXTERNAL_ABORT_ON_TABLE_WALK_LEVEL_MINUS_1 = 0x13
    SYNCHRONOUS_EXTERNAL_ABORT_ON_TABLE_WALK_LEVEL_0 = 0x14
    SYNCHRONOUS_EXTERNAL_ABORT_ON_TABLE_WALK_LEVEL_1 = 0x15
    SYNCHRONOUS_EXTERNAL_ABORT_ON_TABLE_WALK_LEVEL_2 = 0x16
    SYNCHRONOUS_EXTERNAL_ABORT_ON_TABLE_WALK_LEVEL_3 = 0x17
    SYNCHRONOUS_PARITY_OR_ECC_ERROR = 0x18
    SYNCHRONOUS_PARITY_OR_ECC_ERROR_ON_TABLE_WALK_LEVEL_MINUS_1 = 0x1B
    SYNCHRONOUS_PARITY_OR_ECC_ERROR_ON_TABLE_WALK_LEVEL_0 = 0x1C
    SYNCHRONOUS_PARITY_OR_ECC_ERROR_ON_TABLE_WALK_LEVEL_1 = 0x1D
    SYNCHRONOUS_PARITY_OR_ECC_ERROR_ON_TABLE_WALK_LEVEL_2 = 0x1E
    SYNCHRONOUS_PARITY_OR_ECC_ERROR_ON_TABLE_WALK_LEVEL_3 = 0x1F
    ALIGNMENT_FAULT = 0x21
    GRANULE_PROTECTION_FAULT_ON_TABLE_WALK_LEVEL_MINUS_2 = 0x22
    GRANULE_PROTECTION_FAULT_ON_TABLE_WALK_LEVEL_MINUS_1 = 0x23
    GRANULE_PROTECTION_FAULT_ON_TABLE_WALK_LEVEL_0 = 0x24
    GRANULE_PROTECTION_FAULT_ON_TABLE_WALK_LEVEL_1 = 0x25
    GRANULE_PROTECTION_FAULT_ON_TABLE_WALK_LEVEL_2 = 0x26
    GRANULE_PROTECTION_FAULT_ON_TABLE_WALK_LEVEL_3 = 0x27
    GRANULE_PROTECTION_FAULT = 0x28
    ADDRESS_SIZE_FAULT_LEVEL_MINUS_1 = 0x29
    TRANSLATION_FAULT_LEVEL_MINUS_2 = 0x2A
    TRANSLATION_FAULT_LEVEL_MINUS_1 = 0x2B
    ADDRESS_SIZE_FAULT_LEVEL_MINUS_2 = 0x2C
    TLB_CONFLICT_ABORT = 0x30
    UNSUPPORTED_ATOMIC_HARDWARE_UPDATE = 0x31
    LOCKDOWN = 0x34
    UNSUPPORTED_EXCLUSIVE_OR_ATOMIC_ACCESS = 0x35

    @property
    def text(self) -> str:
        """The fault in words."""
        return super().text.replace("minus ", "-").replace("serror", "SError")


class SynchronousErrorType(Label):
    """SET of a synchronous external abort: the state the processor is left in."""

    UER = 0
    RESERVED = 1
    UC = 2
    UEO = 3

    @property
    def text(self) -> str:
        """The state in words."""
        return _STATE.get(self.name) or "reserved"


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
        return _STATE.get(self.name) or f"reserved ({int(self)})"


_STATE = {
    "UC": "uncontainable",
    "UEU": "unrecoverable state",
    "UEO": "restartable state",
    "UER": "recoverable state",
    "CE": "corrected",
}


class ExceptionSyndrome(Word):
    """What all of ESR_ELx have in common; the ISS below bit 25 depends on the exception class."""

    il = Bits(25)
    ec = Bits(26, 6, ExceptionClass)
    iss2 = Bits(32, 24, hexadecimal=True)

    def sentence(self) -> str:
        """The exception in words."""
        word = syndrome_word(self)(self)
        return ", ".join([ExceptionClass(self.ec).text, *word.details()]) if self else ""

    def details(self) -> Iterator[str]:
        """What the ISS adds to the class."""
        return iter(())


class Esr(ExceptionSyndrome):
    """ESR_ELx: what an exception was."""

    iss = Bits(0, 25, hexadecimal=True)


class AbortSyndrome(ExceptionSyndrome):
    """ESR_ELx of an instruction abort."""

    fsc = Bits(0, 6, FaultStatus)
    s1ptw = Bits(7, doc="on a stage 2 walk for a stage 1 walk")
    ea = Bits(9)
    fnv = Bits(10, doc="FAR is not valid")
    set = Bits(11, 2, SynchronousErrorType)

    def details(self) -> Iterator[str]:
        status = FaultStatus(self.fsc)
        yield status.text
        if status == FaultStatus.SYNCHRONOUS_EXTERNAL_ABORT:
            yield SynchronousErrorType(self.set).text
            if self.fnv:
                yield "FAR not valid"


class DataAbortSyndrome(AbortSyndrome):
    """ESR_ELx of a data abort."""

    wnr = Bits(6, doc="a write")
    cm = Bits(8, doc="a cache maintenance instruction")
    vncr = Bits(13)
    ar = Bits(14)
    sf = Bits(15)
    srt = Bits(16, 5)
    sse = Bits(21)
    sas = Bits(22, 2)
    isv = Bits(24)

    def details(self) -> Iterator[str]:
        yield from super().details()
        yield "cache maintenance" if self.cm else "write" if self.wnr else "read"


class SErrorSyndrome(ExceptionSyndrome):
    """ESR_ELx of an SError interrupt; AET counts only if IDS is 0 and DFSC is 0x11."""

    dfsc = Bits(0, 6, hexadecimal=True)
    ea = Bits(9)
    aet = Bits(10, 3, AsynchronousErrorType)
    iesb = Bits(13)
    ids = Bits(24)

    def details(self) -> Iterator[str]:
        if self.ids:
            yield "implementation defined syndrome"
        elif self.dfsc == DFSC_ASYNCHRONOUS_SERROR:
            yield AsynchronousErrorType(self.aet).text
        else:
            yield "uncategorized"


DFSC_ASYNCHRONOUS_SERROR = 0x11

_SYNDROMES: dict[int, type[ExceptionSyndrome]] = {
    ExceptionClass.INSTRUCTION_ABORT_LOWER_EL: AbortSyndrome,
    ExceptionClass.INSTRUCTION_ABORT_SAME_EL: AbortSyndrome,
    ExceptionClass.DATA_ABORT_LOWER_EL: DataAbortSyndrome,
    ExceptionClass.DATA_ABORT_SAME_EL: DataAbortSyndrome,
    ExceptionClass.SERROR: SErrorSyndrome,
}


def syndrome_word(esr: int) -> type[ExceptionSyndrome]:
    """The word that reads this value of ESR_ELx, by its exception class."""
    return _SYNDROMES.get(ExceptionSyndrome(esr).ec, Esr)
