"""IPF (Itanium) processor error section."""

import enum
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.registers import ia64
from apeitool.wire.labels import Bits, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    U64,
    Address,
    Array,
    Bytes,
    Derived,
    Hex,
    Many,
    Rest,
    Text,
    When,
    u64,
)

Register = Annotated[U64, Hex]


if TYPE_CHECKING:
    from apeitool.cper.place import Place


class IpfValid(enum.IntFlag):
    """Which fields of the section are facts."""

    PROC_ERROR_MAP = 1
    PROC_STATE_PARAMETER = 2
    PROC_CR_LID = 4
    PSI_STATIC_STRUCT = 8


class IpfCpuidValid(enum.IntFlag):
    """Whether the CPUID registers are facts."""

    CPUID_INFO = 1


class IpfValidationBits(Word):
    """Validation bits, and how many checks follow."""

    valid = Bits(0, 4, IpfValid)
    cache_check_count = Bits(4, 4)
    tlb_check_count = Bits(8, 4)
    bus_check_count = Bits(12, 4)
    register_file_check_count = Bits(16, 4)
    ms_check_count = Bits(20, 4)
    cpuid_valid = Bits(24, 1, IpfCpuidValid)


class IpfCheckValid(enum.IntFlag):
    """Which fields of a check are facts."""

    CHECK_INFO = 1
    REQUESTOR_ID = 2
    RESPONDER_ID = 4
    TARGET_ID = 8
    PRECISE_IP = 16


class IpfCheck(Structure):
    """Error of one structure of the processor (MOD_ERROR_INFO).

    libcper has the target before the requestor; Linux, which ran on these machines, has it behind
    the responder, as the validation bits have it.

    Shape:   48 bytes, little-endian.
    Source:  Itanium SAL specification B.2.3; Linux asm/sal.h
    """

    validation_bits: Annotated[U64, IpfCheckValid] = 0
    check_info: Annotated[Register, When(IpfCheckValid.CHECK_INFO)] = 0
    requestor_id: Annotated[Register, When(IpfCheckValid.REQUESTOR_ID)] = 0
    responder_id: Annotated[Register, When(IpfCheckValid.RESPONDER_ID)] = 0
    target_id: Annotated[Address, When(IpfCheckValid.TARGET_ID)] = 0
    precise_ip: Annotated[Address, When(IpfCheckValid.PRECISE_IP)] = 0

    @property
    def kind(self) -> str:
        """What failed."""
        kind = type(self).__name__.removeprefix("Ipf").removesuffix("Check")
        return f"{_KINDS.get(kind, 'processor')} error"

    def sentence(self) -> str:
        """What failed, as far as it is said."""
        said = self.kind
        view: Any = next(f.view for f in self.fields if f.name == "check_info")
        if view is not None and self.is_valid("check_info"):
            said += f" ({view(self.check_info).sentence()})"
        if self.is_valid("target_id"):
            said += f", target {self.target_id:#x}"
        return said


_KINDS = {
    "Cache": "cache",
    "Tlb": "TLB",
    "Bus": "bus",
    "RegisterFile": "register file",
    "Ms": "micro-architectural",
}


class IpfCacheCheck(IpfCheck):
    """Error of a cache.

    Shape:   48 bytes, little-endian.
    """

    check_info: Annotated[Register, ia64.PalCacheCheck, When(IpfCheckValid.CHECK_INFO)] = 0


class IpfTlbCheck(IpfCheck):
    """Error of a TLB.

    Shape:   48 bytes, little-endian.
    """

    check_info: Annotated[Register, ia64.PalTlbCheck, When(IpfCheckValid.CHECK_INFO)] = 0


class IpfBusCheck(IpfCheck):
    """Error of a bus.

    Shape:   48 bytes, little-endian.
    """

    check_info: Annotated[Register, ia64.PalBusCheck, When(IpfCheckValid.CHECK_INFO)] = 0


class IpfRegisterFileCheck(IpfCheck):
    """Error of a register file.

    Shape:   48 bytes, little-endian.
    """

    check_info: Annotated[Register, ia64.PalRegisterFileCheck, When(IpfCheckValid.CHECK_INFO)] = 0


class IpfMsCheck(IpfCheck):
    """Error of a micro-architectural structure.

    Shape:   48 bytes, little-endian.
    """

    check_info: Annotated[Register, ia64.PalUarchCheck, When(IpfCheckValid.CHECK_INFO)] = 0


class IpfCpuid(Structure):
    """CPUID registers of the processor.

    Shape:   48 bytes, little-endian.
    Source:  Itanium SAL specification B.2.3; Linux asm/sal.h
    """

    vendor: Annotated[str, Text(16), "CPUID registers 0 and 1"] = ""
    cpuid_2: Register = 0
    version: Annotated[Register, ia64.Ia64CpuidVersion, "CPUID register 3"] = 0
    features: Annotated[Register, "CPUID register 4"] = 0
    reserved: Register = 0


class IpfMinState(Structure):
    """Minimal state save area.

    Shape:   1024 bytes, little-endian.
    Source:  Intel Itanium Architecture Software Developer's Manual volume 2 11.3.2.4; Linux asm/pal.h
    """

    nat_bits: Register = 0
    gr1_to_gr15: Annotated[Sequence[int], Array(u64, 15), Hex] = (0,) * 15
    bank_0_gr16_to_gr31: Annotated[Sequence[int], Array(u64, 16), Hex] = (0,) * 16
    bank_1_gr16_to_gr31: Annotated[Sequence[int], Array(u64, 16), Hex] = (0,) * 16
    pr: Register = 0
    br0: Register = 0
    rsc: Register = 0
    iip: Register = 0
    ipsr: Register = 0
    ifs: Register = 0
    xip: Register = 0
    xpsr: Register = 0
    xfs: Register = 0
    br1: Register = 0
    reserved: Annotated[bytes, Bytes(560)] = bytes(560)


class PsiValid(enum.IntFlag):
    """Which registers of the static state are facts."""

    MINSTATE = 1
    BR = 2
    CR = 4
    AR = 8
    RR = 16
    FR = 32


class IpfProcessorStaticInformation(Structure):
    """Processor static information.

    Shape:   5256 bytes, little-endian.
    Source:  Itanium SAL specification B.2.3; Linux asm/sal.h
    """

    validation_bits: Annotated[U64, PsiValid] = 0
    min_state_area: Annotated[IpfMinState, When(PsiValid.MINSTATE)] = IpfMinState()
    br: Annotated[Sequence[int], Array(u64, 8), Hex, When(PsiValid.BR)] = (0,) * 8
    cr: Annotated[Sequence[int], Array(u64, 128), Hex, When(PsiValid.CR)] = (0,) * 128
    ar: Annotated[Sequence[int], Array(u64, 128), Hex, When(PsiValid.AR)] = (0,) * 128
    rr: Annotated[Sequence[int], Array(u64, 8), Hex, When(PsiValid.RR)] = (0,) * 8
    fr: Annotated[
        Sequence[int], Array(u64, 256), Hex, "two for each register", When(PsiValid.FR)
    ] = (0,) * 256


_CHECKS = ("cache_check", "tlb_check", "bus_check", "register_file_check", "ms_check")


def _many(kind: type[IpfCheck], name: str) -> Many:
    """As many checks of a kind as the validation bits say."""
    return Many(
        kind, count=lambda s: getattr(IpfValidationBits(s.validation_bits), f"{name}_count")
    )


_MOST = 15
"""More checks of one kind than this cannot be counted."""


def _counts(section: Any) -> int:
    counted = {f"{n}_count": min(len(getattr(section, f"{n}s")), _MOST) for n in _CHECKS}
    return IpfValidationBits.compose(**counted)


def _validation(section: Any) -> int:
    """Validation bits by content: what is not zero, or there, is valid."""
    valid = IpfValid(0)
    for flag, there in (
        (IpfValid.PROC_ERROR_MAP, section.proc_error_map),
        (IpfValid.PROC_STATE_PARAMETER, section.proc_state_parameter),
        (IpfValid.PROC_CR_LID, section.proc_cr_lid),
        (IpfValid.PSI_STATIC_STRUCT, section.psi_static_info),
    ):
        valid |= flag if there else 0
    return IpfValidationBits.compose(
        valid=int(valid), cpuid_valid=int(bool(section.cpuid_info))
    ) | _counts(section)


class IpfProcessorErrorSection(Section):
    """IPF processor error section, as Itanium's SAL writes it.

    Shape:   32 bytes, little-endian; 48 for each check; 48 of CPUID; 5256 of static information.
    Raises:  Truncated when fewer than 32 bytes are given.
    Source:  UEFI 2.10 N.2.4.3; Itanium SAL specification B.2.3; Linux asm/sal.h
    """

    part: ClassVar[str] = "processor"
    guid: ClassVar[UUID] = UUID("e429faf1-3cb7-11d4-bca7-0080c73c8881")
    title: ClassVar[str] = "IPF processor error"
    since: ClassVar[str] = "UEFI 2.1"

    validation_bits: Annotated[U64, Hex, IpfValidationBits, Derived(_validation)] = AUTO
    proc_error_map: Annotated[Register, ia64.ProcessorErrorMap, When(IpfValid.PROC_ERROR_MAP)] = 0
    proc_state_parameter: Annotated[
        Register, ia64.ProcessorState, When(IpfValid.PROC_STATE_PARAMETER)
    ] = 0
    proc_cr_lid: Annotated[Register, ia64.LocalId, When(IpfValid.PROC_CR_LID)] = 0
    cache_checks: Annotated[Sequence[IpfCacheCheck], _many(IpfCacheCheck, "cache_check")] = ()
    tlb_checks: Annotated[Sequence[IpfTlbCheck], _many(IpfTlbCheck, "tlb_check")] = ()
    bus_checks: Annotated[Sequence[IpfBusCheck], _many(IpfBusCheck, "bus_check")] = ()
    register_file_checks: Annotated[
        Sequence[IpfRegisterFileCheck], _many(IpfRegisterFileCheck, "register_file_check")
    ] = ()
    ms_checks: Annotated[Sequence[IpfMsCheck], _many(IpfMsCheck, "ms_check")] = ()
    cpuid_info: Annotated[
        Sequence[IpfCpuid], Many(IpfCpuid, count=lambda s: 1), When(IpfCpuidValid.CPUID_INFO)
    ] = ()
    psi_static_info: Annotated[
        Sequence[IpfProcessorStaticInformation],
        Many(IpfProcessorStaticInformation, count=lambda s: len(s.cpuid_info)),
        When(IpfValid.PSI_STATIC_STRUCT),
    ] = ()
    trailing: Rest = b""

    def sealed(self) -> Self:
        made = super().sealed()
        most = IpfValidationBits.compose(**{f"{name}_count": _MOST for name in _CHECKS})
        return made.replace(validation_bits=self.validation_bits & ~most | _counts(made))

    @property
    def what(self) -> str:
        kinds = {check.kind: None for name in _CHECKS for check in getattr(self, f"{name}s")}
        return f"Itanium processor {' and '.join(kinds) or 'error'}"

    @property
    def component(self) -> str:
        if not self.is_valid("proc_cr_lid"):
            return ""
        lid = ia64.LocalId(self.proc_cr_lid)
        return f"CPU {lid.id:#x}.{lid.extended_id:#x}"

    def at(self, place: "Place") -> Self:
        if not self.is_valid("proc_cr_lid"):
            return self
        cpu = place.processor
        return self.replace(proc_cr_lid=ia64.LocalId.compose(id=cpu.core, extended_id=cpu.socket))

    def sentence(self) -> str:
        who = self.component.removeprefix("CPU")
        checks = [check.sentence() for name in _CHECKS for check in getattr(self, f"{name}s")]
        state = ia64.ProcessorState(self.proc_state_parameter).sentence()
        if state and self.is_valid("proc_state_parameter"):
            checks.insert(0, state)
        return f"Itanium processor{who}: {'; '.join(checks) or 'error'}"

    def check(self) -> Iterator[Problem]:
        counts = IpfValidationBits(self.validation_bits)
        for name in _CHECKS:
            said, there = getattr(counts, f"{name}_count"), len(getattr(self, f"{name}s"))
            if said != there:
                rule = f"{said} said, {there} found"
                yield self.trouble(f"{name.replace('_', '-')}-count", "validation_bits", rule)
