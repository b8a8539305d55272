"""What the two OEM sections of HiSilicon's Hip08 have in common.

Source:  rasdaemon non-standard-hisi_hip08.c
"""

from typing import Any

from apeitool.registers import arm_ras
from apeitool.wire.labels import Label


class OemModule1(Label):
    """Modules of OEM type 1."""

    MN = 0
    PLL = 1
    SLLC = 2
    AA = 3
    SIOE = 4
    POE = 5
    DISP = 8
    LPC = 9
    GIC = 13
    RDE = 14
    SAS = 15
    SATA = 16
    USB = 17

    @property
    def text(self) -> str:
        return self.name if self.is_known else super().text


class OemModule2(Label):
    """Modules of OEM type 2."""

    SMMU = 0
    HHA = 1
    PA = 2
    HLLC = 3
    DDRC = 4
    L3TAG = 5
    L3DATA = 6

    @property
    def text(self) -> str:
        return self.name if self.is_known else super().text


def _dies(stem: str, tb: int, ta: int, nimbus: int = 0) -> tuple[str, ...]:
    """Sub-modules as they count through the dies: TB first, then TA, then Nimbus."""
    counts = (("TB", tb), ("TA", ta), ("NIMBUS", nimbus))
    return tuple(f"{die}_{stem}{number}" for die, count in counts for number in range(count))


SUB_MODULES_1: dict[int, tuple[str, ...]] = {
    OemModule1.PLL: _dies("PLL", 4, 4, 5),
    OemModule1.SLLC: _dies("SLLC", 3, 3, 2),
    OemModule1.SIOE: _dies("SIOE", 4, 4, 2),
    OemModule1.POE: ("TB_POE", "TA_POE"),
    OemModule1.DISP: (
        *(f"{die}_{part}_DISP" for die in ("TB", "TA") for part in ("PERI", "POE", "GIC")),
        "HAC_DISP",
        "PCIE_DISP",
        "IO_MGMT_DISP",
        "NETWORK_DISP",
    ),
    OemModule1.SAS: ("SAS0", "SAS1"),
}
SUB_MODULES_2: dict[int, tuple[str, ...]] = {
    OemModule2.SMMU: ("HAC_SMMU", "PCIE_SMMU", "MGMT_SMMU", "NIC_SMMU"),
    OemModule2.HHA: _dies("HHA", 2, 2),
    OemModule2.HLLC: ("HLLC0", "HLLC1", "HLLC2"),
    OemModule2.DDRC: _dies("DDRC", 4, 4),
    OemModule2.L3TAG: _dies("PARTITION", 8, 8),
    OemModule2.L3DATA: _dies("BANK", 4, 4),
}


def sub_module(section: Any, names: dict[int, tuple[str, ...]]) -> str | None:
    """The name of a section's sub-module; None if the section or its vendor does not say."""
    known = names.get(section.module_id, ()) if section.is_valid("module_id") else ()
    number = section.sub_module_id
    return known[number] if number < len(known) else None


def oem_what(section: Any) -> str:
    """What kind of error an OEM section reports."""
    what = "HiSilicon error"
    if section.is_valid("module_id"):
        what = f"HiSilicon {section.module_id.text} error"
    status = arm_ras.status_sentence(arm_ras.ErrStatus(section.fact("err_status") or 0))
    return f"{what}: {status}" if status else what


def oem_place(section: Any, names: dict[int, tuple[str, ...]]) -> str:
    """Where an OEM section says it was."""
    known = sub_module(section, names) if section.is_valid("sub_module_id") else None
    part = known or section.where(("sub-module", "sub_module_id"))
    return ", ".join(filter(None, [part, section.where(("socket", "socket_id"))]))


def oem_sentence(section: Any, names: dict[int, tuple[str, ...]]) -> str:
    """What an OEM section says happened."""
    what, where = oem_what(section), oem_place(section, names)
    what = f"{what} in {where}" if where else what
    return f"{what}, address {section.err_addr:#x}" if section.is_valid("err_addr") else what
