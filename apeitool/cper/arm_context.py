"""Register contexts of the ARM processor error section: which registers, in which order.

Source:  UEFI 2.10 N.2.4.4.2
"""

from collections.abc import Sequence
from typing import Annotated

from apeitool.registers.arm import (
    Midr,
    Mpidr,
    Mpidr32,
    RegisterEncoding,
    register_word,
)
from apeitool.registers.arm_state import Isr, SpsrOfAArch32, spsr_word
from apeitool.registers.arm_syndrome import syndrome_word
from apeitool.wire.labels import Label
from apeitool.wire.record import Structure
from apeitool.wire.shapes import BASE64, NUMBER, First, Json
from apeitool.wire.types import U16, U32, U64, Hex, Many, Named, Rest

Register32 = Annotated[U32, Hex]
Register64 = Annotated[U64, Hex]
_NUMBER = Json(shape=NUMBER)


class ContextType(
    Label,
    json={
        0: "AArch32 General Purpose Registers",
        1: "AArch32 EL1 Context Registers",
        2: "AArch32 EL2 Context Registers",
        3: "AArch32 Secure Context Registers",
        4: "AArch64 General Purpose Registers",
        5: "AArch64 EL1 Context Registers",
        6: "AArch64 EL2 Context Registers",
        7: "AArch64 EL3 Context Registers",
        8: "Miscellaneous System Register Structure",
    },
):
    """Register context types."""

    AARCH32_GPR = 0
    AARCH32_EL1 = 1
    AARCH32_EL2 = 2
    AARCH32_SECURE = 3
    AARCH64_GPR = 4
    AARCH64_EL1 = 5
    AARCH64_EL2 = 6
    AARCH64_EL3 = 7
    MISC_SYSTEM_REGISTER = 8


class Registers(Structure):
    """What a context holds.

    Source:  UEFI 2.10 N.2.4.4.2
    """


class AArch32GeneralRegisters(Registers):
    """AArch32 general purpose registers.

    Shape:   64 bytes.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    r0: Register32 = 0
    r1: Register32 = 0
    r2: Register32 = 0
    r3: Register32 = 0
    r4: Register32 = 0
    r5: Register32 = 0
    r6: Register32 = 0
    r7: Register32 = 0
    r8: Register32 = 0
    r9: Register32 = 0
    r10: Register32 = 0
    r11: Register32 = 0
    r12: Register32 = 0
    sp: Annotated[Register32, Json("r13_sp")] = 0
    lr: Annotated[Register32, Json("r14_lr")] = 0
    pc: Annotated[Register32, Json("r15_pc")] = 0
    rest: Rest = b""


class AArch32El1Registers(Registers):
    """AArch32 EL1 context registers.

    Shape:   96 bytes.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    dfar: Register32 = 0
    dfsr: Register32 = 0
    ifar: Register32 = 0
    isr: Annotated[Register32, Isr, _NUMBER] = 0
    mair0: Register32 = 0
    mair1: Register32 = 0
    midr: Annotated[Register32, Midr, _NUMBER] = 0
    mpidr: Annotated[Register32, Mpidr32, _NUMBER] = 0
    nmrr: Register32 = 0
    prrr: Register32 = 0
    sctlr: Annotated[Register32, Json("sctlr_ns")] = 0
    spsr: Annotated[Register32, SpsrOfAArch32, _NUMBER] = 0
    spsr_abt: Annotated[Register32, SpsrOfAArch32, _NUMBER] = 0
    spsr_fiq: Annotated[Register32, SpsrOfAArch32, _NUMBER] = 0
    spsr_irq: Annotated[Register32, SpsrOfAArch32, _NUMBER] = 0
    spsr_svc: Annotated[Register32, SpsrOfAArch32, _NUMBER] = 0
    spsr_und: Annotated[Register32, SpsrOfAArch32, _NUMBER] = 0
    tpidrprw: Register32 = 0
    tpidruro: Register32 = 0
    tpidrurw: Register32 = 0
    ttbcr: Register32 = 0
    ttbr0: Register32 = 0
    ttbr1: Register32 = 0
    dacr: Register32 = 0
    rest: Rest = b""


class AArch32El2Registers(Registers):
    """AArch32 EL2 context registers.

    Shape:   64 bytes.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    elr_hyp: Register32 = 0
    hamair0: Register32 = 0
    hamair1: Register32 = 0
    hcr: Register32 = 0
    hcr2: Register32 = 0
    hdfar: Register32 = 0
    hifar: Register32 = 0
    hpfar: Register32 = 0
    hsr: Annotated[Register32, Named(lambda r: syndrome_word(r.hsr)), _NUMBER] = 0
    htcr: Register32 = 0
    htpidr: Register32 = 0
    httbr: Register32 = 0
    spsr_hyp: Annotated[Register32, SpsrOfAArch32, _NUMBER] = 0
    vtcr: Register32 = 0
    vttbr: Register32 = 0
    dacr32_el2: Register32 = 0
    rest: Rest = b""


class AArch32SecureRegisters(Registers):
    """AArch32 secure context registers.

    Shape:   8 bytes.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    sctlr: Annotated[Register32, Json("sctlr_s")] = 0
    spsr_mon: Annotated[Register32, SpsrOfAArch32, _NUMBER] = 0
    rest: Rest = b""


class AArch64GeneralRegisters(Registers):
    """AArch64 general purpose registers.

    Shape:   256 bytes.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    x0: Register64 = 0
    x1: Register64 = 0
    x2: Register64 = 0
    x3: Register64 = 0
    x4: Register64 = 0
    x5: Register64 = 0
    x6: Register64 = 0
    x7: Register64 = 0
    x8: Register64 = 0
    x9: Register64 = 0
    x10: Register64 = 0
    x11: Register64 = 0
    x12: Register64 = 0
    x13: Register64 = 0
    x14: Register64 = 0
    x15: Register64 = 0
    x16: Register64 = 0
    x17: Register64 = 0
    x18: Register64 = 0
    x19: Register64 = 0
    x20: Register64 = 0
    x21: Register64 = 0
    x22: Register64 = 0
    x23: Register64 = 0
    x24: Register64 = 0
    x25: Register64 = 0
    x26: Register64 = 0
    x27: Register64 = 0
    x28: Register64 = 0
    x29: Register64 = 0
    x30: Register64 = 0
    sp: Register64 = 0
    rest: Rest = b""


class AArch64El1Registers(Registers):
    """AArch64 EL1 context registers.

    Shape:   136 bytes.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    elr_el1: Register64 = 0
    esr_el1: Annotated[Register64, Named(lambda r: syndrome_word(r.esr_el1)), _NUMBER] = 0
    far_el1: Register64 = 0
    isr_el1: Annotated[Register64, Isr, _NUMBER] = 0
    mair_el1: Register64 = 0
    midr_el1: Annotated[Register64, Midr, _NUMBER] = 0
    mpidr_el1: Annotated[Register64, Mpidr, _NUMBER] = 0
    sctlr_el1: Register64 = 0
    sp_el0: Register64 = 0
    sp_el1: Register64 = 0
    spsr_el1: Annotated[Register64, Named(lambda r: spsr_word(r.spsr_el1)), _NUMBER] = 0
    tcr_el1: Register64 = 0
    tpidr_el0: Register64 = 0
    tpidr_el1: Register64 = 0
    tpidrro_el0: Register64 = 0
    ttbr0_el1: Register64 = 0
    ttbr1_el1: Register64 = 0
    rest: Rest = b""


class AArch64El2Registers(Registers):
    """AArch64 EL2 context registers.

    Shape:   120 bytes.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    elr_el2: Register64 = 0
    esr_el2: Annotated[Register64, Named(lambda r: syndrome_word(r.esr_el2)), _NUMBER] = 0
    far_el2: Register64 = 0
    hacr_el2: Register64 = 0
    hcr_el2: Register64 = 0
    hpfar_el2: Register64 = 0
    mair_el2: Register64 = 0
    sctlr_el2: Register64 = 0
    sp_el2: Register64 = 0
    spsr_el2: Annotated[Register64, Named(lambda r: spsr_word(r.spsr_el2)), _NUMBER] = 0
    tcr_el2: Register64 = 0
    tpidr_el2: Register64 = 0
    ttbr0_el2: Register64 = 0
    vtcr_el2: Register64 = 0
    vttbr_el2: Register64 = 0
    rest: Rest = b""


class AArch64El3Registers(Registers):
    """AArch64 EL3 context registers.

    Shape:   80 bytes.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    elr_el3: Register64 = 0
    esr_el3: Annotated[Register64, Named(lambda r: syndrome_word(r.esr_el3)), _NUMBER] = 0
    far_el3: Register64 = 0
    mair_el3: Register64 = 0
    sctlr_el3: Register64 = 0
    sp_el3: Register64 = 0
    spsr_el3: Annotated[Register64, Named(lambda r: spsr_word(r.spsr_el3)), _NUMBER] = 0
    tcr_el3: Register64 = 0
    tpidr_el3: Register64 = 0
    ttbr0_el3: Register64 = 0
    rest: Rest = b""


class MiscRegister(Structure):
    """A system register by its MRS encoding.

    Shape:   10 bytes, little-endian.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    encoding: Annotated[U16, Hex, RegisterEncoding, Json("mrsEncoding")] = 0
    value: Annotated[Register64, Named(lambda r: register_word(r.encoding, r.value)), _NUMBER] = 0


class MiscRegisters(Registers):
    """Miscellaneous system registers.

    Shape:   10 bytes each.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    registers: Annotated[Sequence[MiscRegister], Many(MiscRegister), Json(shape=First())] = ()
    rest: Rest = b""


class UnknownRegisters(Registers):
    """A context of unknown type, or shorter than its type needs.

    Shape:   any length.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    rest: Annotated[Rest, Json("data", BASE64)] = b""


_BY_TYPE: dict[int, type[Registers]] = {
    0: AArch32GeneralRegisters,
    1: AArch32El1Registers,
    2: AArch32El2Registers,
    3: AArch32SecureRegisters,
    4: AArch64GeneralRegisters,
    5: AArch64El1Registers,
    6: AArch64El2Registers,
    7: AArch64El3Registers,
    8: MiscRegisters,
}


def registers_type(number: int, length: int) -> type[Registers]:
    """The class of a context of that type and length in bytes."""
    kind = _BY_TYPE.get(number, UnknownRegisters)
    return kind if length >= kind.fixed_size else UnknownRegisters


CONTEXT_TYPES: dict[type[Registers], int] = {kind: number for number, kind in _BY_TYPE.items()}
