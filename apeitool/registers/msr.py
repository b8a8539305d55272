"""Model-specific registers of machine checks: what an address is called, and what its bits are.

Source:  Intel SDM volume 4; AMD64 APM volume 2 9.3; Linux asm/msr-index.h
"""

from typing import NamedTuple

from apeitool.registers import smca, x86
from apeitool.wire.labels import Word


class Msr(NamedTuple):
    """A register: its name, what names its bits, and the machine check bank that it belongs to."""

    name: str
    word: type[Word] | None = None
    bank: int | None = None

    @property
    def text(self) -> str:
        """The name, with the bank."""
        return self.name if self.bank is None else f"{self.name} of bank {self.bank}"


_GLOBAL = {
    0x000: Msr("IA32_P5_MC_ADDR"),
    0x001: Msr("IA32_P5_MC_TYPE"),
    0x179: Msr("IA32_MCG_CAP", x86.McgCap),
    0x17A: Msr("IA32_MCG_STATUS", x86.McgStatus),
    0x17B: Msr("IA32_MCG_CTL"),
    0x4D0: Msr("IA32_MCG_EXT_CTL", x86.McgExtCtl),
    0xC0000410: Msr("MCA_INTR_CFG"),
} | {
    0x180 + number: Msr(f"IA32_MCG_{name}")
    for number, name in enumerate(
        [
            *("RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RBP", "RSP", "RFLAGS", "RIP", "MISC"),
            *(f"RESERVED{n}" for n in range(1, 6)),
            *(f"R{n}" for n in range(8, 16)),
        ]
    )
}

_Named = tuple[tuple[str, type[Word] | None], ...]

_BANK: _Named = (
    ("CTL", None), ("STATUS", x86.IntelMciStatus), ("ADDR", None), ("MISC", x86.MciMisc),
)  # fmt: skip
_SMCA: _Named = (
    ("CTL", None), ("STATUS", smca.AmdMciStatus), ("ADDR", None), ("MISC0", smca.McaMisc),
    ("CONFIG", smca.McaConfig), ("IPID", smca.McaIpid), ("SYND", smca.McaSynd), ("RESERVED", None),
    ("DESTAT", smca.AmdMciStatus), ("DEADDR", None), ("MISC1", smca.McaMisc),
    ("MISC2", smca.McaMisc), ("MISC3", smca.McaMisc), ("MISC4", smca.McaMisc), ("SYND1", None),
    ("SYND2", None),
)  # fmt: skip
"""Registers of a Scalable MCA bank, in the order of their addresses."""


def msr(address: int) -> Msr | None:
    """What the register at an address is; None if it has nothing to do with machine checks."""
    if address in _GLOBAL:
        return _GLOBAL[address]
    if 0x280 <= address < 0x2A0:
        return Msr("IA32_MCi_CTL2", x86.MciCtl2, address - 0x280)
    if 0x400 <= address < 0x480:
        name, word = _BANK[address % 4]
        return Msr(f"IA32_MCi_{name}", word, (address - 0x400) // 4)
    if 0xC0002000 <= address < 0xC0003000:
        name, word = _SMCA[address % 16]
        return Msr(f"MCA_{name}", word, (address - 0xC0002000) // 16)
    if 0xC0010400 <= address < 0xC0010500:
        return Msr("MCA_CTL_MASK", None, address - 0xC0010400)
    return None
