"""AMD GPU non-standard error section: what the driver reports while it runs."""

import enum
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.cper.vendor.amd_gpu import GpuContextType, bank_error, bank_sentence
from apeitool.registers.smca import (
    AmdMciStatus,
    McaConfig,
    McaIpid,
    McaMisc,
    McaSynd,
)
from apeitool.wire.labels import Bits, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    GUID,
    NIL,
    U16,
    U32,
    U64,
    Address,
    Array,
    Derived,
    Hex,
    Many,
    Rest,
    Text,
    Unit,
    When,
    u16,
    u64,
)


class GpuHeaderValid(Word):
    """Which fields of the header are facts, and how many structures follow."""

    apic_id = Bits(0)
    firmware_id = Bits(1)
    error_information_count = Bits(2, 6)
    context_information_count = Bits(8, 6)


class GpuInformationValid(enum.IntFlag):
    """Which fields of an error information structure are facts."""

    MS_CHECK = 1 << 0
    TARGET_ADDRESS_ID = 1 << 1
    REQUESTOR_ID = 1 << 2
    RESPONDER_ID = 1 << 3
    INSTRUCTION_POINTER = 1 << 4


class GpuCheckValid(enum.IntFlag):
    """Which ranges of the check are facts."""

    ERROR_TYPE = 1 << 0
    PROCESSOR_CONTEXT_CORRUPT = 1 << 1
    UNCORRECTED = 1 << 2
    PRECISE_IP = 1 << 3
    RESTARTABLE_IP = 1 << 4
    OVERFLOW = 1 << 5


class GpuCheck(Word):
    """Micro-architecture specific check of AMD's GPUs; its error type has two bits, not three."""

    validation_bits = Bits(0, 16, GpuCheckValid)
    error_type = Bits(16, 2, when=GpuCheckValid.ERROR_TYPE)
    processor_context_corrupt = Bits(18, when=GpuCheckValid.PROCESSOR_CONTEXT_CORRUPT)
    uncorrected = Bits(19, when=GpuCheckValid.UNCORRECTED)
    precise_ip = Bits(20, when=GpuCheckValid.PRECISE_IP)
    restartable_ip = Bits(21, when=GpuCheckValid.RESTARTABLE_IP)
    overflow = Bits(22, when=GpuCheckValid.OVERFLOW)


class GpuErrorInformation(Structure):
    """Error information of a GPU.

    Shape:   64 bytes, little-endian.
    Source:  Linux drivers/gpu/drm/amd/include/amd_cper.h cper_sec_nonstd_err_info
    """

    error_type: GUID = NIL
    validation_bits: Annotated[U64, GpuInformationValid] = 0
    ms_check: Annotated[U64, Hex, GpuCheck, When(GpuInformationValid.MS_CHECK)] = 0
    target_address_id: Annotated[U64, Hex, When(GpuInformationValid.TARGET_ADDRESS_ID)] = 0
    requestor_id: Annotated[U64, Hex, When(GpuInformationValid.REQUESTOR_ID)] = 0
    responder_id: Annotated[U64, Hex, When(GpuInformationValid.RESPONDER_ID)] = 0
    instruction_pointer: Annotated[Address, When(GpuInformationValid.INSTRUCTION_POINTER)] = 0


class AcaRegisters(Structure):
    """Registers of an ACA bank; the kernel keeps them as halves, low one first.

    Shape:   128 bytes, little-endian.
    Source:  Linux drivers/gpu/drm/amd/include/amd_cper.h cper_aca_reg
    """

    control: Annotated[U64, Hex] = 0
    status: Annotated[U64, Hex, AmdMciStatus] = 0
    address: Annotated[U64, Hex] = 0
    misc_0: Annotated[U64, Hex, McaMisc] = 0
    configuration: Annotated[U64, Hex, McaConfig] = 0
    ipid: Annotated[U64, Hex, McaIpid] = 0
    synd: Annotated[U64, Hex, McaSynd] = 0
    unnamed: Annotated[Sequence[int], Array(u64, 9), Hex] = (0,) * 9

    @property
    def error(self) -> str:
        """What kind of error it was, and in which unit."""
        return bank_error(AmdMciStatus(self.status), McaIpid(self.ipid))

    def sentence(self) -> str:
        """What the bank reports."""
        return bank_sentence(AmdMciStatus(self.status), McaIpid(self.ipid))


class GpuContextInformation(Structure):
    """Context information of a GPU.

    Shape:   144 bytes, little-endian.
    Units:   register array size in bytes; it says more than there is room for in the wild.
    Source:  Linux drivers/gpu/drm/amd/include/amd_cper.h cper_sec_nonstd_err_ctx
    """

    register_context_type: Annotated[GpuContextType, u16] = GpuContextType.CRASH
    register_array_size: Annotated[
        U16, Unit("bytes"), Derived(lambda c: AcaRegisters.fixed_size)
    ] = AUTO
    msr_address: Annotated[U32, Hex] = 0
    mm_register_address: Annotated[U64, Hex] = 0
    registers: AcaRegisters = AcaRegisters()

    def check(self) -> Iterator[Problem]:
        if self.register_array_size > AcaRegisters.fixed_size:
            rule = f"{self.register_array_size} bytes said, room for {AcaRegisters.fixed_size}"
            yield self.trouble("register-array-size", "register_array_size", rule)


_MOST_COUNTED = 0x3F


def _counted(section: Any) -> int:
    """Validation bits that count what is there."""
    return GpuHeaderValid.compose(
        error_information_count=min(len(section.error_information), _MOST_COUNTED),
        context_information_count=min(len(section.context_information), _MOST_COUNTED),
    )


class AmdGpuNonstandardErrorSection(Section):
    """AMD GPU non-standard error section.

    Shape:   64 bytes, little-endian; 64 for each error information; 144 for each context.
    Raises:  Truncated when fewer than 64 bytes are given.
    Source:  Linux drivers/gpu/drm/amd/include/amd_cper.h cper_sec_nonstd_err
    """

    part: ClassVar[str] = "device"
    guid: ClassVar[UUID] = UUID("32ac0c78-2623-48f6-81a2-ac691780551d")
    title: ClassVar[str] = "AMD GPU error"

    validation_bits: Annotated[U64, Hex, GpuHeaderValid, Derived(_counted)] = AUTO
    apic_id: Annotated[U64, Hex] = 0
    firmware_id: Annotated[str, Text(48)] = ""
    error_information: Annotated[
        Sequence[GpuErrorInformation],
        Many(
            GpuErrorInformation,
            count=lambda s: GpuHeaderValid(s.validation_bits).error_information_count,
        ),
    ] = ()
    context_information: Annotated[
        Sequence[GpuContextInformation],
        Many(
            GpuContextInformation,
            count=lambda s: GpuHeaderValid(s.validation_bits).context_information_count,
        ),
    ] = ()
    trailing: Rest = b""

    def sealed(self) -> Self:
        """A copy whose counts follow from what is in it; which fields are facts stays said."""
        bits = self.validation_bits & ~(
            GpuHeaderValid.error_information_count.mask
            | GpuHeaderValid.context_information_count.mask
        )
        return super().sealed().replace(validation_bits=bits | _counted(self))

    def is_valid(self, name: str) -> bool:
        valid = GpuHeaderValid(self.validation_bits)
        governed = {"apic_id": valid.apic_id, "firmware_id": valid.firmware_id}
        return super().is_valid(name) and bool(governed.get(name, True))

    @property
    def what(self) -> str:
        errors = dict.fromkeys(c.registers.error for c in self.context_information)
        return f"AMD GPU error: {'; '.join(errors)}" if errors else self.title

    @property
    def severities(self) -> tuple[Severity, ...]:
        banks = [AmdMciStatus(c.registers.status) for c in self.context_information]
        valid = [bank for bank in banks if bank.valid]
        if not valid:
            return super().severities
        is_bad = any(bank.uncorrected or bank.deferred for bank in valid)
        return (Severity.RECOVERABLE, Severity.FATAL) if is_bad else (Severity.CORRECTED,)

    def sentence(self) -> str:
        banks = [context.registers.sentence() for context in self.context_information]
        return f"AMD GPU error: {'; '.join(banks) or 'no register context'}"

    def check(self) -> Iterator[Problem]:
        valid = GpuHeaderValid(self.validation_bits)
        for name in ("error_information", "context_information"):
            said, there = getattr(valid, f"{name}_count"), len(getattr(self, name))
            if said != there:
                rule = f"{said} said, {there} found"
                yield self.trouble(f"{name.replace('_', '-')}-count", "validation_bits", rule)
