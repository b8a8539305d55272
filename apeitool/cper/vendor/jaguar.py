"""What the error sections of Jaguar Micro have in common: the head, and names of blocks.

Source:  rasdaemon non-standard-jaguarmicro.c
"""

import enum
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from apeitool.cper.section import Section
from apeitool.cper.vendor.error_severity import ErrorSeverity
from apeitool.wire.labels import Label
from apeitool.wire.problem import Problem
from apeitool.wire.types import U8, U16, U32, Bytes, Hex, Usual, When, u8


class JaguarValid(enum.IntFlag):
    """Which fields of the section are facts."""

    VERSION = 1 << 0
    SOC_ID = 1 << 1
    SUBSYSTEM_ID = 1 << 2
    MODULE_ID = 1 << 3
    SUBMODULE_ID = 1 << 4
    DEVICE_ID = 1 << 5
    ERROR_TYPE = 1 << 6
    ERROR_SEVERITY = 1 << 7
    REGISTER_ARRAY_SIZE = 1 << 11


class Soc(Label):
    """Systems on chip."""

    CORSICA_1_0 = 0

    @property
    def text(self) -> str:
        return "Corsica 1.0" if self.is_known else super().text


class Subsystem(Label):
    """Subsystems of the system on chip."""

    AP = 0
    CMN = 1
    DDRH = 2
    DDRV = 3
    GIC = 4
    IOSUB = 5
    SCP = 6
    MCP = 7
    IMU0 = 8
    DPE = 9
    RPE = 10
    PSUB = 11
    HAC = 12
    TCM = 13
    IMU1 = 14

    @property
    def text(self) -> str:
        return self.name if self.is_known else super().text


_DDR = ("DDRCtrl", "DDRPHY", "SRAM")
_MODULES: dict[int, tuple[str, ...]] = {
    Subsystem.AP: ("CORE",),
    Subsystem.CMN: ("MXP", "HNI", "HNF", "SBSX", "CCG", "HND"),
    Subsystem.DDRH: _DDR,
    Subsystem.DDRV: _DDR,
    Subsystem.GIC: ("GICIP", "GICSRAM"),
    Subsystem.IOSUB: ("SMMU", "NIC450", "OTHER"),
    Subsystem.SCP: ("SRAM", "WDT", "PLL"),
    Subsystem.MCP: ("SRAM", "WDT"),
    Subsystem.IMU0: ("SRAM", "WDT"),
    Subsystem.DPE: (
        "EPG", "PIPE", "EMEP", "IMEP", "EPAE", "IPAE", "ETH", "TPG", "MIG", "HIG", "DPETOP", "SMMU",
    ),
    Subsystem.RPE: ("TOP", "TXP_RXP", "SMMU"),
    Subsystem.PSUB: (
        "PCIE0", "UP_MIX", "PCIE1", "PTOP", "N2IF", "VPE0_RAS", "VPE1_RAS", "X2RC_SMMU",
        "X16RC_SMMU", "SDMA_SMMU",
    ),
    Subsystem.HAC: ("SRAM", "SMMU"),
    Subsystem.TCM: ("SRAM", "SMMU", "IP"),
    Subsystem.IMU1: ("SRAM", "WDT"),
}  # fmt: skip

_SMMU = ("TCU", "TBU")
_SUBMODULES: dict[tuple[int, str], tuple[str, ...]] = {
    (Subsystem.IOSUB, "SMMU"): ("TBU", "TCU"),
    (Subsystem.IOSUB, "OTHER"): ("RAM",),
    (Subsystem.DPE, "SMMU"): _SMMU,
    (Subsystem.RPE, "SMMU"): _SMMU,
    (Subsystem.PSUB, "PCIE0"): ("RAS0", "RAS1"),
    (Subsystem.PSUB, "X2RC_SMMU"): _SMMU,
    (Subsystem.PSUB, "X16RC_SMMU"): _SMMU,
    (Subsystem.PSUB, "SDMA_SMMU"): _SMMU,
    (Subsystem.TCM, "SMMU"): _SMMU,
}

_DEVICES: dict[int, str] = {
    Subsystem.AP: "core",
    Subsystem.CMN: "node",
    Subsystem.DDRH: "channel",
    Subsystem.DDRV: "channel",
}
"""What a device number counts, where it is no device."""


def _nth(names: tuple[str, ...], number: int) -> str | None:
    return names[number] if number < len(names) else None


def bytes_of_registers(section: Any) -> int:
    """Bytes that the registers at the end of a section take."""
    return sum(register.size for register in section.register_array)


class JaguarErrorSection(Section):
    """What every Jaguar Micro error section begins with.

    Shape:   16 bytes, little-endian; the registers of its type, and others without a name.
    Source:  rasdaemon non-standard-jaguarmicro.h jm_common_sec_head
    """

    part: ClassVar[str] = "processor"
    located: ClassVar[Mapping[str, str]] = {"device_id": "processor.core"}

    validation_bits: Annotated[U32, JaguarValid] = 0
    version: Annotated[U8, When(JaguarValid.VERSION)] = 0
    soc_id: Annotated[Soc, u8, When(JaguarValid.SOC_ID)] = Soc.CORSICA_1_0
    subsystem_id: Annotated[Subsystem, u8, When(JaguarValid.SUBSYSTEM_ID)] = Subsystem.AP
    module_id: Annotated[U8, When(JaguarValid.MODULE_ID), Usual(0, 1)] = 0
    submodule_id: Annotated[U8, When(JaguarValid.SUBMODULE_ID), Usual(0, 1)] = 0
    device_id: Annotated[U8, When(JaguarValid.DEVICE_ID)] = 0
    error_type: Annotated[U16, Hex, When(JaguarValid.ERROR_TYPE)] = 0
    error_severity: Annotated[ErrorSeverity, u8, When(JaguarValid.ERROR_SEVERITY)] = (
        ErrorSeverity.RECOVERABLE
    )
    reserved: Annotated[bytes, Bytes(3)] = bytes(3)

    @property
    def module(self) -> str | None:
        """The name of the module; None if the section or its vendor does not say."""
        if not self.is_valid("subsystem_id") or not self.is_valid("module_id"):
            return None
        return _nth(_MODULES.get(self.subsystem_id, ()), self.module_id)

    @property
    def submodule(self) -> str | None:
        """The name of the sub-module; None if the section or its vendor does not say."""
        names = _SUBMODULES.get((self.subsystem_id, self.module or ""), ())
        return _nth(names, self.submodule_id) if self.is_valid("submodule_id") else None

    def shown(self, name: str) -> str | None:
        known = {"module_id": self.module, "submodule_id": self.submodule}.get(name)
        return f"{known} ({getattr(self, name)})" if known else None

    @property
    def what(self) -> str:
        return self._told(self.title)

    @property
    def happened(self) -> str:
        """What its registers say that it was; "" where they take the vendor's help."""
        return ""

    @property
    def component(self) -> str:
        return ", ".join(self._where())

    def _where(self) -> Iterator[str]:
        if self.is_valid("subsystem_id"):
            yield self.subsystem_id.text
        if self.is_valid("module_id"):
            yield f"module {self.module or self.module_id}"
        if self.is_valid("submodule_id"):
            yield f"sub-module {self.submodule or self.submodule_id}"
        if self.is_valid("device_id"):
            counted = _DEVICES.get(self.subsystem_id, "device")
            yield f"{counted if self.is_valid('subsystem_id') else 'device'} {self.device_id}"

    def sentence(self) -> str:
        return self._told(f"{self.title} in {self.component}" if self.component else self.title)

    def _told(self, what: str) -> str:
        what += f" (type {self.error_type:#x})" if self.is_valid("error_type") else ""
        return f"{what}: {self.happened}" if self.happened else what

    def check(self) -> Iterator[Problem]:
        if not self.validation_bits & JaguarValid.REGISTER_ARRAY_SIZE:
            return
        # The registers are those of its subclasses.
        said: int | None = getattr(self, "register_array_size", None)
        if said is not None and said != (there := bytes_of_registers(self)):
            rule = f"{said} bytes said, {there} of registers are there"
            yield self.trouble("register-array-size", "register_array_size", rule)
