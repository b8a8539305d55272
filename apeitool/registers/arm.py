"""Arm register words.

Source:  Arm Architecture Reference Manual (DDI 0487) D19; UEFI 2.10 N.2.4.4 for what contexts hold
"""

from apeitool.registers.arm_parts import PARTS
from apeitool.registers.arm_syndrome import syndrome_word
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
    SAMSUNG = 0x53
    MARVELL = 0x56
    APPLE = 0x61
    FARADAY = 0x66
    INTEL = 0x69
    MICROSOFT = 0x6D
    PHYTIUM = 0x70
    AMPERE = 0xC0

    @property
    def text(self) -> str:
        """The company as it writes itself."""
        if not self.is_known:
            return super().text
        return _WRITTEN.get(self.name) or self.name.replace("_", "/").title()


_WRITTEN = {"DEC": "DEC", "HISILICON": "HiSilicon", "NVIDIA": "NVIDIA", "APM": "APM"}


class Midr(Word):
    """MIDR_EL1: which processor it is."""

    revision = Bits(0, 4)
    part_number = Bits(4, 12, hexadecimal=True)
    architecture = Bits(16, 4)
    variant = Bits(20, 4)
    implementer = Bits(24, 8, Implementer)

    def sentence(self) -> str:
        """Company, core and release, as far as they are known."""
        if not self:
            return ""
        company = Implementer(self.implementer)
        part = PARTS.get(int(company), {}).get(self.part_number, f"part {self.part_number:#x}")
        maker = company.text if company.is_known else f"implementer {int(company):#x}"
        return f"{maker} {part} r{self.variant}p{self.revision}"


class Mpidr32(Word):
    """MPIDR of AArch32: which of the processors it is."""

    affinity_0 = Bits(0, 8)
    affinity_1 = Bits(8, 8)
    affinity_2 = Bits(16, 8)
    multithreading = Bits(24)
    uniprocessor = Bits(30)
    res1 = Bits(31)


class Mpidr(Mpidr32):
    """MPIDR_EL1: which of the processors it is."""

    affinity_3 = Bits(32, 8)

    @property
    def affinity(self) -> str:
        """The affinity as 3.2.1.0, highest level first."""
        return f"{self.affinity_3}.{self.affinity_2}.{self.affinity_1}.{self.affinity_0}"


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

    def sentence(self) -> str:
        """The name that the manual gives the register, or the generic one."""
        return _REGISTERS.get(self.name, self.name)


_REGISTERS = {
    "S3_0_C0_C0_0": "MIDR_EL1",
    "S3_0_C0_C0_5": "MPIDR_EL1",
    "S3_0_C5_C2_0": "ESR_EL1",
    "S3_0_C5_C3_0": "ERRIDR_EL1",
    "S3_0_C5_C3_1": "ERRSELR_EL1",
    "S3_0_C5_C4_0": "ERXFR_EL1",
    "S3_0_C5_C4_1": "ERXCTLR_EL1",
    "S3_0_C5_C4_2": "ERXSTATUS_EL1",
    "S3_0_C5_C4_3": "ERXADDR_EL1",
    "S3_0_C5_C4_4": "ERXPFGF_EL1",
    "S3_0_C5_C4_5": "ERXPFGCTL_EL1",
    "S3_0_C5_C4_6": "ERXPFGCDN_EL1",
    "S3_0_C5_C5_0": "ERXMISC0_EL1",
    "S3_0_C5_C5_1": "ERXMISC1_EL1",
    "S3_0_C5_C5_2": "ERXMISC2_EL1",
    "S3_0_C5_C5_3": "ERXMISC3_EL1",
    "S3_0_C6_C0_0": "FAR_EL1",
    "S3_0_C12_C1_1": "DISR_EL1",
    "S3_4_C5_C2_0": "ESR_EL2",
    "S3_4_C5_C2_3": "VSESR_EL2",
    "S3_4_C6_C0_0": "FAR_EL2",
    "S3_4_C12_C1_1": "VDISR_EL2",
    "S3_6_C5_C2_0": "ESR_EL3",
    "S3_6_C6_C0_0": "FAR_EL3",
}

_WORDS: dict[str, type[Word]] = {"MIDR_EL1": Midr, "MPIDR_EL1": Mpidr}


def register_word(encoding: int, value: int) -> type[Word] | None:
    """What names the bits of a system register with this value; None if nothing does."""
    name = RegisterEncoding(encoding).sentence()
    return syndrome_word(value) if name.startswith("ESR_EL") else _WORDS.get(name)
