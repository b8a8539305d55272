"""Microsoft machine check section of x86 processors."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.cper.vendor.filetime import Filetime
from apeitool.cper.vendor.microsoft_xpf_banks import (
    BANKS,
    ExtraBanks,
    NoExtraBanks,
    XpfFailureReason,
    XpfRecoveryAction,
    banks_type,
    written,
)
from apeitool.registers.machine_check import MachineCheck
from apeitool.registers.smca import AmdMciStatus, McaIpid, McaMisc
from apeitool.registers.x86 import (
    IntelMciStatus,
    McgCap,
    McgStatus,
    MciMisc,
    MciStatus,
)
from apeitool.wire.labels import Label, Word
from apeitool.wire.problem import Problem
from apeitool.wire.types import (
    AUTO,
    U8,
    U32,
    U64,
    Absent,
    Array,
    Bytes,
    Derived,
    Hex,
    Named,
    One,
    Rest,
    Usual,
    u32,
    u64,
)

REGISTERS_END = 264
CAPABILITY_END = 272
RECOVERY_END = 292
"""Where sections of versions 1 and 2 end (the earlier of 2 have no capability), and of 3."""

_LENGTHS = {1: REGISTERS_END, 2: REGISTERS_END, 3: RECOVERY_END} | {
    version: RECOVERY_END + kind.fixed_size for version, kind in BANKS.items()
}

_AMD_REGISTERS = (
    "IPID", "SYND", "CONFIG", "DESTAT", "DEADDR", "MISC1", "MISC2", "MISC3", "MISC4", "RAS_CAP",
)  # fmt: skip
"""Extended registers of AMD processors, in their order."""


class CpuVendor(Label):
    """Who made the processor."""

    OTHER = 0
    INTEL = 1
    AMD = 2

    @property
    def text(self) -> str:
        known = {CpuVendor.INTEL: "Intel", CpuVendor.AMD: "AMD"}
        return known.get(self) or super().text


_STATUS: dict[int, type[MciStatus]] = {
    CpuVendor.INTEL: IntelMciStatus,
    CpuVendor.AMD: AmdMciStatus,
}
_MISC: dict[int, type[Word]] = {CpuVendor.INTEL: MciMisc, CpuVendor.AMD: McaMisc}


def _version(section: Any) -> int | None:
    """The version that such banks tell; none where bytes are left out, or not understood."""
    for version, kind in BANKS.items():
        if isinstance(section.extra_banks, kind):
            return version
    return 3 if isinstance(section.extra_banks, NoExtraBanks) and not section.absent else None


def _registers(section: Any) -> int:
    """The number of extended registers up to the last one that has a value."""
    numbered = enumerate(section.extended_registers, 1)
    return max((number for number, value in numbered if value), default=0)


class MicrosoftXpfMcaSection(Section):
    """Microsoft machine check section of x86 processors.

    Shape:   292 bytes, little-endian, in version 3; 264 or 272 before; with 32 banks more 1192
             (version 4), with 64 more 2088 (version 5).
    Units:   processor number as Windows counts.
    Raises:  Truncated when fewer than 264 bytes are given.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_XPF_MCA_SECTION, and earlier ones
    """

    part: ClassVar[str] = "processor"
    located: ClassVar[Mapping[str, str]] = {
        "processor_number": "processor.number",
        "apic_id": "processor.apic_id",
        "address": "address",
    }
    guid: ClassVar[UUID] = UUID("8a1e1d01-42f9-4557-9c33-565e5cc3f7e8")
    title: ClassVar[str] = "x86 machine check (Microsoft)"

    version_number: Annotated[U32, Derived(_version)] = AUTO
    cpu_vendor: Annotated[CpuVendor, u32] = CpuVendor.OTHER
    timestamp: Annotated[U64, Hex, Filetime] = 0
    processor_number: U32 = 0
    global_status: Annotated[U64, Hex, McgStatus] = 0
    instruction_pointer: Annotated[U64, Hex] = 0
    bank_number: Annotated[U32, Usual(0, 1, 4, 7, 13)] = 0
    status: Annotated[U64, Hex, Named(lambda s: _STATUS.get(s.cpu_vendor, MciStatus))] = 0
    address: Annotated[U64, Hex] = 0
    misc: Annotated[U64, Hex, Named(lambda s: _MISC.get(s.cpu_vendor))] = 0
    extended_register_count: Annotated[U32, Derived(_registers)] = AUTO
    apic_id: Annotated[U32, "reserved in version 1"] = 0
    extended_registers: Annotated[Sequence[int], Array(u64, 24), Hex] = (0,) * 24
    global_capability: Annotated[U64, Hex, McgCap] = 0
    failure_reason: Annotated[U32, XpfFailureReason, "why there was no recovery"] = 0
    action: Annotated[U32, XpfRecoveryAction] = 0
    action_required: U8 = 0
    recovery_succeeded: U8 = 0
    recovery_kernel: U8 = 0
    reserved: Annotated[bytes, Bytes(9)] = bytes(9)
    absent: Annotated[int, Absent(REGISTERS_END), "bytes that an older version leaves out"] = 0
    extra_banks: Annotated[ExtraBanks, One(banks_type, length=written)] = NoExtraBanks()
    trailing: Rest = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        version = int.from_bytes(data[:4], "little")
        vendor = int.from_bytes(data[4:8], "little")
        fits = len(data) in (_LENGTHS.get(version), CAPABILITY_END if version == 2 else None)
        return fits and vendor in list(CpuVendor)

    def is_valid(self, name: str) -> bool:
        valid = MciStatus(self.status)
        governed = {
            "address": valid.address_valid,
            "misc": valid.misc_valid,
            "apic_id": self.version_number > 1,
        }
        return super().is_valid(name) and bool(governed.get(name, True))

    def shown(self, name: str) -> str | None:
        if name != "extended_registers":
            return None
        names = _AMD_REGISTERS if self.has_amd_registers else ()
        labels = [*names, *map(str, range(len(names), 24))]
        pairs = zip(labels, self.extended_registers, strict=True)
        return ", ".join(f"{label} {value:#x}" for label, value in pairs if value) or "24 zeros"

    @property
    def has_amd_registers(self) -> bool:
        """Whether the extended registers are those of AMD's Scalable MCA."""
        return self.cpu_vendor == CpuVendor.AMD and self.absent <= RECOVERY_END - CAPABILITY_END

    @property
    def bank(self) -> MachineCheck:
        """The bank that the section is about."""
        status = _STATUS.get(self.cpu_vendor, MciStatus)(self.status)
        ipid = McaIpid(self.extended_registers[0]) if self.has_amd_registers else None
        return MachineCheck(self.bank_number, status, self.address, self.misc, ipid or None)

    @property
    def physical_addresses(self) -> tuple[int, ...]:
        address = self.bank.physical_address
        return () if address is None else (address,)

    @property
    def what(self) -> str:
        status = self.bank.status
        said = f"{status.severity} {status.error}" if status.valid else "no valid error"
        return f"x86 machine check: {said}"

    @property
    def component(self) -> str:
        return f"CPU {self.processor_number}"

    @property
    def severities(self) -> tuple[Severity, ...]:
        status = self.bank.status
        if not status.valid:
            return super().severities
        if not status.uncorrected:
            return (Severity.CORRECTED,)
        return (Severity.FATAL,) if status.processor_context_corrupt else (Severity.RECOVERABLE,)

    @property
    def moment(self) -> datetime | None:
        return Filetime(self.timestamp).moment

    def sentence(self) -> str:
        what = f"machine check on processor {self.processor_number}, {self.bank.sentence()}"
        more = self.extra_banks.count
        return f"{what}; and {more} more banks" if more else what

    def check(self) -> Iterator[Problem]:
        needed = _LENGTHS.get(self.version_number, 0)
        if self.size < needed:
            rule = f"{self.size} bytes where version {self.version_number} has {needed}"
            yield self.trouble("section-too-short", "version_number", rule)
        room = len(self.extended_registers)
        if self.extended_register_count > room:
            rule = f"{self.extended_register_count} said, room for {room}"
            yield self.trouble("register-count", "extended_register_count", rule)
