"""HiSilicon common error section."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.vendor.error_severity import ErrorSeverity
from apeitool.cper.vendor.register_dump import Register32
from apeitool.wire.labels import Label
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    U8,
    U16,
    U32,
    Bytes,
    Derived,
    Hex,
    Many,
    Rest,
    Unit,
    When,
    u8,
)


class HisiliconValid(enum.IntFlag):
    """Which fields of the section are facts."""

    SOC_ID = 1 << 0
    SOCKET_ID = 1 << 1
    TOTEM_ID = 1 << 2
    NIMBUS_ID = 1 << 3
    SUBSYSTEM_ID = 1 << 4
    MODULE_ID = 1 << 5
    SUBMODULE_ID = 1 << 6
    CORE_ID = 1 << 7
    PORT_ID = 1 << 8
    ERROR_TYPE = 1 << 9
    PCIE_INFO = 1 << 10
    ERROR_SEVERITY = 1 << 11
    REGISTER_ARRAY_SIZE = 1 << 12


class Soc(Label):
    """Systems on chip."""

    KUNPENG_916 = 0
    KUNPENG_920 = 1
    KUNPENG_930 = 2

    @property
    def text(self) -> str:
        return self.name.replace("KUNPENG_", "Kunpeng ") if self.is_known else super().text


class HisiliconModule(Label):
    """Modules of a system on chip."""

    MN = 0
    PLL = 1
    SLLC = 2
    AA = 3
    SIOE = 4
    POE = 5
    CPA = 6
    DISP = 7
    GIC = 8
    ITS = 9
    AVSBUS = 10
    CS = 11
    PPU = 12
    SMMU = 13
    PA = 14
    HLLC = 15
    DDRC = 16
    L3TAG = 17
    L3DATA = 18
    PCS = 19
    HHA = 20
    PCIE_LOCAL = 21
    SAS = 22
    SATA = 23
    NIC = 24
    ROCE = 25
    USB = 26
    ZIP = 27
    HPRE = 28
    SEC = 29
    RDE = 30
    MEE = 31
    L4D = 32
    TSENSOR = 33
    ROH = 34
    BTC = 35
    HILINK = 36
    STARS = 37
    SDMA = 38
    UC = 39
    HBMC = 40
    PMC = 41
    SCHE = 42
    ASMB_DFS = 43
    ASMB_NTU = 44
    UB = 45
    UMMU = 46
    PCU = 47
    UCMI = 48
    DJTAGM = 49
    CFGBUS = 50
    MPU = 51
    CRG = 52

    @property
    def text(self) -> str:
        return self.name.replace("_", " ") if self.is_known else super().text


class PcieInfo(Structure):
    """Which PCIe device it was.

    Shape:   8 bytes, little-endian.
    Source:  rasdaemon non-standard-hisilicon.c hisi_common_error_section
    """

    function: U8 = 0
    device: U8 = 0
    segment: Annotated[U16, Hex] = 0
    bus: Annotated[U8, Hex] = 0
    reserved: Annotated[bytes, Bytes(3)] = bytes(3)

    @property
    def brief(self) -> str:
        """The address as lspci writes it."""
        return f"{self.segment:04x}:{self.bus:02x}:{self.device:02x}.{self.function:x}"


_PLACES = ("socket", "totem", "nimbus", "subsystem", "submodule", "core", "port")


class HisiliconErrorSection(Section):
    """HiSilicon common error section.

    Shape:   32 bytes, little-endian, and the registers.
    Units:   register array size in bytes.
    Raises:  Truncated when fewer than 32 bytes are given.
    Source:  rasdaemon non-standard-hisilicon.c hisi_common_error_section
    """

    part: ClassVar[str] = "processor"
    located: ClassVar[Mapping[str, str]] = {
        "socket_id": "processor.socket",
        "core_id": "processor.core",
    }
    guid: ClassVar[UUID] = UUID("c8b328a8-9917-4af6-9a13-2e08ab2e7586")
    title: ClassVar[str] = "HiSilicon error"

    validation_bits: Annotated[U32, HisiliconValid] = 0
    version: U8 = 0
    soc_id: Annotated[Soc, u8, When(HisiliconValid.SOC_ID)] = Soc.KUNPENG_916
    socket_id: Annotated[U8, When(HisiliconValid.SOCKET_ID)] = 0
    totem_id: Annotated[U8, When(HisiliconValid.TOTEM_ID)] = 0
    nimbus_id: Annotated[U8, When(HisiliconValid.NIMBUS_ID)] = 0
    subsystem_id: Annotated[U8, When(HisiliconValid.SUBSYSTEM_ID)] = 0
    module_id: Annotated[HisiliconModule, u8, When(HisiliconValid.MODULE_ID)] = HisiliconModule.MN
    submodule_id: Annotated[U8, When(HisiliconValid.SUBMODULE_ID)] = 0
    core_id: Annotated[U8, When(HisiliconValid.CORE_ID)] = 0
    port_id: Annotated[U8, When(HisiliconValid.PORT_ID)] = 0
    error_type: Annotated[U16, Hex, When(HisiliconValid.ERROR_TYPE)] = 0
    pcie_info: Annotated[PcieInfo, When(HisiliconValid.PCIE_INFO)] = PcieInfo()
    error_severity: Annotated[ErrorSeverity, u8, When(HisiliconValid.ERROR_SEVERITY)] = (
        ErrorSeverity.RECOVERABLE
    )
    reserved: Annotated[bytes, Bytes(3)] = bytes(3)
    register_array_size: Annotated[
        U32,
        Unit("bytes"),
        Derived(lambda s: sum(r.size for r in s.register_array)),
        When(HisiliconValid.REGISTER_ARRAY_SIZE),
    ] = AUTO
    register_array: Annotated[
        Sequence[Register32],
        Many(Register32, length="register_array_size"),
        When(HisiliconValid.REGISTER_ARRAY_SIZE),
    ] = ()
    trailing: Rest = b""

    @property
    def what(self) -> str:
        kind = (
            f"HiSilicon {self.module_id.text} error" if self.is_valid("module_id") else self.title
        )
        return f"{kind} (type {self.error_type:#x})" if self.is_valid("error_type") else kind

    @property
    def component(self) -> str:
        where = self.where(*((name, f"{name}_id") for name in _PLACES))
        return where or (f"PCIe {self.pcie_info.brief}" if self.is_valid("pcie_info") else "")

    def sentence(self) -> str:
        what = "HiSilicon error"
        if self.is_valid("module_id"):
            what = f"HiSilicon {self.module_id.text} error"
        if self.is_valid("soc_id"):
            what += f" of {self.soc_id.text}"
        where = [
            f"{name} {getattr(self, f'{name}_id')}"
            for name in _PLACES
            if self.is_valid(f"{name}_id")
        ]
        if self.is_valid("pcie_info"):
            where.append(f"device {self.pcie_info.brief}")
        if where:
            what += f", {', '.join(where)}"
        return f"{what} (type {self.error_type:#x})" if self.is_valid("error_type") else what

    def check(self) -> Iterator[Problem]:
        there = sum(register.size for register in self.register_array)
        if self.is_valid("register_array_size") and self.register_array_size != there:
            rule = f"{self.register_array_size} bytes said, {there} of registers are there"
            yield self.trouble("register-array-size", "register_array_size", rule)
