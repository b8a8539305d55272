"""Arm's identification and syndrome registers in words."""

import pytest

from apeitool.registers.arm import Midr, Mpidr, RegisterEncoding, register_word
from apeitool.registers.arm_syndrome import Esr, ExceptionSyndrome, syndrome_word

CORES = {
    0x413FD0C1: "Arm Neoverse N1 r3p1",
    0x414FD0B1: "Arm Cortex-A76 r4p1",
    0x481FD010: "HiSilicon TaiShan v110 r1p0",
    0x410FDFF0: "Arm part 0xdff r0p0",
    0x7F0FD010: "implementer 0x7f part 0xd01 r0p0",
    0: "",
}


@pytest.mark.parametrize("midr", CORES, ids=hex)
def test_cores(midr) -> None:
    assert Midr(midr).sentence() == CORES[midr]


SYNDROMES = {
    0x96000010: "data abort from the same EL, synchronous external abort, recoverable state, read",
    0x92000450: "data abort from a lower EL, synchronous external abort, recoverable state, "
    "FAR not valid, write",
    0x92000007: "data abort from a lower EL, translation fault level 3, read",
    0x86000010: "instruction abort from the same EL, synchronous external abort, recoverable state",
    0xBE000011: "SError, uncontainable",
    0xBE000411: "SError, unrecoverable state",
    0xBE000000: "SError, uncategorized",
    0xBF000000: "SError, implementation defined syndrome",
    0x56000000: "SVC (AArch64)",
}
"""Arm ARM, ESR_EL1; the first lines as Linux' arch/arm64/mm/fault.c and kernel/traps.c read them."""


@pytest.mark.parametrize("esr", SYNDROMES, ids=hex)
def test_syndromes(esr) -> None:
    assert ExceptionSyndrome(esr).sentence() == SYNDROMES[esr]


REGISTERS = {
    0x4000: ("MIDR_EL1", Midr),
    0x4005: ("MPIDR_EL1", Mpidr),
    0x4290: ("ESR_EL1", syndrome_word(0x96000010)),
    0x6290: ("ESR_EL2", syndrome_word(0x96000010)),
    0x42A2: ("ERXSTATUS_EL1", None),
    0x4300: ("FAR_EL1", None),
    0x47FF: ("S3_0_C15_C15_7", None),
}


def encoding(name: str) -> int:
    """What MRS holds for S<op0>_<op1>_C<n>_C<m>_<op2>."""
    op0, op1, crn, crm, op2 = (int(part.strip("SC")) for part in name.split("_"))
    return (op0 - 2) << 14 | op1 << 11 | crn << 7 | crm << 3 | op2


@pytest.mark.parametrize("code", REGISTERS, ids=hex)
def test_registers(code) -> None:
    register = RegisterEncoding(code)
    assert encoding(register.name) == code
    assert (register.sentence(), register_word(code, 0x96000010)) == REGISTERS[code]


def test_unknown_class_is_read_as_a_plain_syndrome() -> None:
    assert syndrome_word(0x3F << 26) is Esr
