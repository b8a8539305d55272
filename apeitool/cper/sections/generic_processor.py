"""Generic processor error section."""

import enum
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.registers.arm import Midr, Mpidr
from apeitool.registers.cpuid import CpuidVersion
from apeitool.wire.labels import Bits, Label, Word, flag_names
from apeitool.wire.shapes import NUMBER, Json, Pair
from apeitool.wire.types import U8, U16, U64, Address, Hex, Named, Rest, Text, Usual, When, u8

if TYPE_CHECKING:
    from apeitool.cper.place import Place


class GenericProcessorValid(enum.IntFlag):
    """Which fields of the section are facts; the last one is Microsoft's."""

    PROCESSOR_TYPE = 1 << 0
    PROCESSOR_ISA = 1 << 1
    PROCESSOR_ERROR_TYPE = 1 << 2
    OPERATION = 1 << 3
    FLAGS = 1 << 4
    LEVEL = 1 << 5
    CPU_VERSION_INFO = 1 << 6
    CPU_BRAND_STRING = 1 << 7
    PROCESSOR_ID = 1 << 8
    TARGET_ADDRESS = 1 << 9
    REQUESTOR_ID = 1 << 10
    RESPONDER_ID = 1 << 11
    INSTRUCTION_IP = 1 << 12
    NATIVE_MODEL_ID = 1 << 13


class ProcessorType(Label, json={0: "IA32/X64", 1: "IA64", 2: "ARM"}):
    """Architecture of the processor."""

    IA32_X64 = 0
    IA64 = 1
    ARM = 2

    @property
    def text(self) -> str:
        """The architecture as the specification writes it."""
        return self.name.replace("_X64", "/X64") if self.is_known else super().text


class ProcessorIsa(
    Label,
    json={0: "IA32", 1: "IA64", 2: "X64", 3: "ARM A32/T32", 4: "ARM A64", 8: "Unknown (Reserved)"},
):
    """Instruction set that was being executed.

    Windows counts ARM A32/T32 as 4 and ARM A64 as 8.
    """

    IA32 = 0
    IA64 = 1
    X64 = 2
    ARM_A32_T32 = 3
    ARM_A64 = 4
    ARM_A64_OF_WINDOWS = 8

    @property
    def text(self) -> str:
        """The instruction set as the specification writes it."""
        return _ISA.get(int(self)) or super().text


_ISA = {
    0: "IA32",
    1: "IA64",
    2: "X64",
    3: "ARM A32/T32",
    4: "ARM A64",
    8: "ARM A64, as Windows counts",
}


class ProcessorErrorType(enum.IntFlag):
    """What failed; nothing set is unknown."""

    CACHE = 1
    TLB = 2
    BUS = 4
    MICRO_ARCHITECTURAL = 8


_ERROR_TYPES = {
    0: "Unknown",
    1: "Cache Error",
    2: "TLB Error",
    4: "Bus Error",
    8: "Micro-Architectural Error",
}
"""Of which CPER-JSON names one at a time."""


class ProcessorOperation(Label, json={0: "Unknown or Generic"}):
    """What the processor was doing."""

    UNKNOWN_OR_GENERIC = 0
    DATA_READ = 1
    DATA_WRITE = 2
    INSTRUCTION_EXECUTION = 3


class ProcessorErrorFlags(enum.IntFlag):
    """Flags of a processor error."""

    RESTARTABLE = 1
    PRECISE_IP = 2
    OVERFLOW = 4
    CORRECTED = 8


class X86VersionInfo(CpuidVersion):
    """EAX of CPUID leaf 1; above it, from Windows, which core of a hybrid processor it is."""

    native_model_id = Bits(32, 32, when=GenericProcessorValid.NATIVE_MODEL_ID, hexadecimal=True)


def _version_word(section: Any) -> type[Word] | None:
    return _VERSIONS.get(section.processor_type) if section.is_valid("processor_type") else None


def _id_word(section: Any) -> type[Word] | None:
    return Mpidr if _version_word(section) is Midr else None


_VERSIONS: dict[int, type[CpuidVersion | Midr]] = {
    ProcessorType.IA32_X64: X86VersionInfo,
    ProcessorType.ARM: Midr,
}


class GenericProcessorErrorSection(Section):
    """Generic processor error section.

    Shape:   192 bytes, little-endian.
    Units:   level 0 is the one nearest to the core.
    Raises:  Truncated when fewer than 192 bytes are given.
    Source:  UEFI 2.10 N.2.4.1; Microsoft's cper.h for validation bit 13
    """

    part: ClassVar[str] = "processor"
    located: ClassVar[Mapping[str, str]] = {
        "processor_id": "processor.apic_id",
        "target_address": "address",
    }
    guid: ClassVar[UUID] = UUID("9876ccad-47b4-4bdb-b65e-16f193c4f3db")
    title: ClassVar[str] = "generic processor error"
    json_key: ClassVar[str] = "GenericProcessor"
    json_type: ClassVar[str] = "Processor Generic"
    since: ClassVar[str] = "UEFI 2.1"

    validation_bits: Annotated[U64, GenericProcessorValid] = 0
    processor_type: Annotated[ProcessorType, u8, When(GenericProcessorValid.PROCESSOR_TYPE)] = (
        ProcessorType.IA32_X64
    )
    processor_isa: Annotated[
        ProcessorIsa, u8, When(GenericProcessorValid.PROCESSOR_ISA), Json("processorISA")
    ] = ProcessorIsa.IA32
    processor_error_type: Annotated[
        U8,
        ProcessorErrorType,
        When(GenericProcessorValid.PROCESSOR_ERROR_TYPE),
        Json("errorType", Pair(names=_ERROR_TYPES)),
    ] = 0
    operation: Annotated[ProcessorOperation, u8, When(GenericProcessorValid.OPERATION)] = (
        ProcessorOperation.UNKNOWN_OR_GENERIC
    )
    flags: Annotated[U8, ProcessorErrorFlags, When(GenericProcessorValid.FLAGS)] = 0
    level: Annotated[U8, When(GenericProcessorValid.LEVEL), Usual(0, 1, 2, 3)] = 0
    reserved: Annotated[U16, Hex] = 0
    cpu_version_info: Annotated[
        U64,
        Hex,
        Named(_version_word),
        When(GenericProcessorValid.CPU_VERSION_INFO),
        Json(shape=NUMBER),
    ] = 0
    cpu_brand_string: Annotated[
        str,
        Text(128),
        When(GenericProcessorValid.CPU_BRAND_STRING),
        Usual("Intel(R) Xeon(R) Platinum 8480+", "AMD EPYC 9654 96-Core Processor"),
    ] = ""
    processor_id: Annotated[
        U64,
        Hex,
        "APIC id, LID or MPIDR",
        Named(_id_word),
        When(GenericProcessorValid.PROCESSOR_ID),
        Json(shape=NUMBER),
    ] = 0
    target_address: Annotated[Address, When(GenericProcessorValid.TARGET_ADDRESS)] = 0
    requestor_id: Annotated[U64, Hex, When(GenericProcessorValid.REQUESTOR_ID)] = 0
    responder_id: Annotated[U64, Hex, When(GenericProcessorValid.RESPONDER_ID)] = 0
    instruction_ip: Annotated[Address, When(GenericProcessorValid.INSTRUCTION_IP)] = 0
    trailing: Rest = b""

    @property
    def what(self) -> str:
        return f"{self._kind()}processor {self._what()}"

    @property
    def component(self) -> str:
        who = self._who()
        return f"CPU{who}" if who else ""

    @property
    def severities(self) -> tuple[Severity, ...]:
        flags = self.fact("flags") or 0
        if flags & ProcessorErrorFlags.CORRECTED:
            return (Severity.CORRECTED,)
        if flags & ProcessorErrorFlags.RESTARTABLE:
            return (Severity.RECOVERABLE, Severity.FATAL)
        return super().severities

    def at(self, place: "Place") -> Self:
        there, cpu = super().at(place), place.processor
        kind = _version_word(self)
        said = {"cpu_version_info": cpu.midr if kind is Midr else cpu.signature}
        if kind is Midr:
            said["processor_id"] = cpu.mpidr
        known = {n: v for n, v in said.items() if kind is not None and self.is_valid(n)}
        return there.replace(**known)

    def sentence(self) -> str:
        return f"{self._kind()}processor{self._who()}: {self._what()}{''.join(self._details())}"

    def _kind(self) -> str:
        return f"{self.processor_type.text} " if self.is_valid("processor_type") else ""

    def _who(self) -> str:
        if not self.is_valid("processor_id"):
            return ""
        if _id_word(self) is Mpidr:
            return f" {Mpidr(self.processor_id).affinity}"
        return f" {self.processor_id:#x}"

    def _what(self) -> str:
        what = "error"
        if self.is_valid("processor_error_type"):
            kinds = " and ".join(flag_names(ProcessorErrorType, self.processor_error_type))
            what = f"{kinds or 'unknown'} error"
        # Windows leaves the flags of corrected errors clear: a clear one says nothing.
        is_corrected = self.is_valid("flags") and self.flags & ProcessorErrorFlags.CORRECTED
        return f"corrected {what}" if is_corrected else what

    def _details(self) -> Iterator[str]:
        if self.is_valid("operation"):
            yield f", {self.operation.text}"
        if self.is_valid("level"):
            yield f", level {self.level}"
        if self.is_valid("target_address"):
            yield f", target address {self.target_address:#x}"
        if self.is_valid("instruction_ip"):
            yield f", instruction at {self.instruction_ip:#x}"
        if name := self._processor():
            yield f", on {name}"

    def _processor(self) -> str:
        """Which processor it was, by its brand string or else its version."""
        brand = self.cpu_brand_string.partition("\0")[0].strip()
        if brand and self.is_valid("cpu_brand_string"):
            return brand
        kind = _version_word(self)
        if kind is None or not self.is_valid("cpu_version_info"):
            return ""
        word: Any = kind(self.cpu_version_info)
        return str(word.sentence())
