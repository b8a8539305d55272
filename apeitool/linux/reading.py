"""From what the kernel's log shows of a section back to its bytes, by the tables that write it.

What the log does not show is zero, and not marked valid.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from apeitool.cper.arm_context import UnknownRegisters
from apeitool.cper.sections.arm_processor import (
    ArmProcessorErrorSection,
    ArmValid,
    ContextInformation,
)
from apeitool.cper.sections.cxl_protocol import (
    CxlProtocolErrorSection,
    CxlProtocolValid,
    CxlRasCapability,
)
from apeitool.cper.sections.firmware_record import (
    FirmwareErrorRecordReferenceSection,
    GuidIdentifier,
    NumberIdentifier,
)
from apeitool.cper.sections.generic_processor import GenericProcessorErrorSection
from apeitool.cper.sections.ia32_x64_processor import (
    CpuidInformation,
    Ia32X64ProcessorErrorSection,
    X86Valid,
    X86ValidationBits,
)
from apeitool.cper.sections.memory import MemoryErrorSection, MemoryValid
from apeitool.cper.sections.pcie import CapabilityStructure, PcieErrorSection
from apeitool.linux import arm, sections, x86
from apeitool.linux.part import Build, Part, Shape


class Kind(NamedTuple):
    """How a section of a type is read."""

    shape: Shape
    build: Build


def _plain(part: Part) -> bytes:
    """A section that has fields alone."""
    data: bytes = part.made().to_bytes()
    return data


_GENERIC = Shape(sections.GENERIC_PROCESSOR)
_MEMORY = Shape(sections.MEMORY + sections.MEMORY_MODULE)
_PCIE = Shape(sections.PCIE + sections.AER_CORRECTABLE + sections.AER_UNCORRECTABLE)

# ---- ARM

_ARM_ERROR = Shape(arm.ERROR + arm.ADDRESSES, arm.INFORMATION)
_ARM_CONTEXT = Shape(arm.CONTEXT_TYPE, arm.CONTEXT, notes=(arm.INVALID_CONTEXT,))
_ARM_VENDOR = Shape(None, arm.VENDOR)
_ARM = Shape(
    arm.MIDR + arm.ARM + arm.WRONG,
    parts=(_ARM_ERROR, _ARM_CONTEXT, _ARM_VENDOR),
    notes=(arm.LENGTHS,),
)


def _is_told(context: Part) -> bool:
    """Whether more is told of a context than that there is one."""
    return bool(context.fields or context.noted)


_PADDING = 8
"""What brings the header of a context to 16 bytes, for a kernel that looks for as many."""


def _arm_context(context: Part) -> ContextInformation:
    registers = UnknownRegisters(rest=bytes(context.data))
    for number, _ in context.noted.values():
        registers = UnknownRegisters(rest=bytes(_PADDING))
        return ContextInformation(register_context_type=number & 0xFFFF, registers=registers)  # type: ignore[arg-type]
    made: ContextInformation = context.made(registers=registers)
    return made


_UNTOLD = 4096
"""So many bytes of which nothing is told are taken for zero."""


def _arm(part: Part) -> bytes:
    errors = [error.made() for error in part.of(_ARM_ERROR)]
    contexts = [*map(_arm_context, filter(_is_told, part.of(_ARM_CONTEXT)))]
    vendor = b"".join(bytes(each.data) for each in part.of(_ARM_VENDOR))
    draft = part.draft
    if draft is not None and vendor:
        draft.mark(ArmValid.VENDOR_SPECIFIC_INFORMATION)
    said = {}
    if arm.LENGTHS in part.noted:
        # Lengths that contradict each other: of the rest the kernel shows nothing.
        length, size = part.noted[arm.LENGTHS]
        said = {"section_length": length & 0xFFFF_FFFF}
        vendor = bytes(min(max(size - ArmProcessorErrorSection.fixed_size, 0), _UNTOLD))
    section = part.made(
        error_information=errors,
        context_information=contexts,
        vendor_specific_information=vendor,
        **said,
    )
    data: bytes = section.to_bytes()
    return data


# ---- x86

_X86_CPUID = Shape(None, x86.CPUID)
_X86_ERROR = Shape(
    x86.ERROR_TYPE_GUID + x86.ERROR_TYPE + x86.CHECK_INFORMATION + x86.IDENTIFIERS, x86.INFORMATION
)
_X86_CONTEXT = Shape(x86.CONTEXT_TYPE + x86.MSR_ADDRESS + x86.MM_ADDRESS, x86.CONTEXT)
_X86 = Shape(x86.X86, parts=(_X86_CPUID, _X86_ERROR, _X86_CONTEXT))


_COUNTED = (1 << X86ValidationBits.ranges["error_information_count"].width) - 1
"""As many errors, and contexts, as a section can count."""


def _x86(part: Part) -> bytes:
    errors = [error.made() for error in part.of(_X86_ERROR)[:_COUNTED]]
    contexts = [
        # Where the kernel hands the registers to somebody else, it shows how many there were.
        context.made(register_array_size=len(context.data)).to_bytes() + bytes(context.data)
        for context in part.of(_X86_CONTEXT)[:_COUNTED]
    ]
    more = {}
    counts = X86ValidationBits.compose(
        error_information_count=len(errors), context_information_count=len(contexts)
    )
    for cpuid in part.of(_X86_CPUID):
        if len(cpuid.data) == CpuidInformation.fixed_size:
            more["cpuid_info"] = CpuidInformation.from_bytes(bytes(cpuid.data))
            counts |= int(X86Valid.CPUID_INFO)
    valid = part.fields.get("validation_bits", 0) | counts
    head: bytes = part.made(**more | {"validation_bits": valid}).to_bytes()
    return head + b"".join(error.to_bytes() for error in errors) + b"".join(contexts)


# ---- firmware

_FIRMWARE = Shape(sections.FIRMWARE, inner=(sections.FIRMWARE_GUID, sections.FIRMWARE_NUMBER))


def _firmware(part: Part) -> bytes:
    numbered = part.inner.get(NumberIdentifier)
    named = part.inner.get(GuidIdentifier)
    revision = part.fields.get("revision", 0 if numbered else 2)
    head: bytes = part.made(revision=revision).to_bytes()
    head = head[: FirmwareErrorRecordReferenceSection.fixed_size]
    if revision == 0:
        identifier = numbered.made() if numbered else NumberIdentifier()
        head += identifier.to_bytes()
    elif revision != 1:
        identifier = named.made() if named else GuidIdentifier()
        head += identifier.to_bytes()
    return head + bytes(part.data)


# ---- CXL

_CXL_DVSEC = Shape(None, sections.CXL_DVSEC)
_CXL_LOG = Shape(sections.CXL_RAS, sections.CXL_LOG)
_CXL_HEADER_LOG = Shape(None, sections.CXL_HEADER_LOG)
_CXL = Shape(
    sections.CXL_AGENT + sections.CXL_ADDRESS + sections.CXL_BASE + sections.CXL_DEVICE
    + sections.CXL_SERIAL + sections.CXL_DVSEC_LENGTH + sections.CXL_LOG_LENGTH,
    parts=(_CXL_DVSEC, _CXL_LOG, _CXL_HEADER_LOG),
)  # fmt: skip


def _cxl(part: Part) -> bytes:
    draft = part.draft
    more = {}
    if draft is not None and len(part.data) == CapabilityStructure.fixed_size:
        more["capability_structure"] = CapabilityStructure.from_bytes(bytes(part.data))
        draft.mark(CxlProtocolValid.CAPABILITY_STRUCTURE)
    dvsec = b"".join(bytes(each.data) for each in part.of(_CXL_DVSEC))
    log = b"".join(_ras(each, part) for each in part.of(_CXL_LOG))
    for name, shape, bit in (
        ("dvsec_length", _CXL_DVSEC, CxlProtocolValid.DVSEC),
        ("error_log_length", _CXL_LOG, CxlProtocolValid.ERROR_LOG),
    ):
        if draft is not None and (part.of(shape) or name in draft.values):
            draft.mark(bit)
    said = {"dvsec_length": len(dvsec), "error_log_length": len(log)} | part.fields
    # The kernel shows registers behind a log that is shorter: they are none of its.
    log = log[: said["error_log_length"]]
    head: bytes = part.made(
        **more, **{n: said[n] for n in ("dvsec_length", "error_log_length")}
    ).to_bytes()
    return head[: CxlProtocolErrorSection.fixed_size] + dvsec + log


def _ras(log: Part, whole: Part) -> bytes:
    header = b"".join(bytes(each.data) for each in whole.of(_CXL_HEADER_LOG))
    capability = log.made()
    plain = capability.replace(header_log=(0,) * len(capability.header_log)).to_bytes()
    size = CxlRasCapability.fixed_size - 4 * len(capability.header_log)
    data: bytes = plain[:size] + header.ljust(4 * len(capability.header_log), b"\0")
    return data


KINDS: dict[UUID, Kind] = {
    GenericProcessorErrorSection.guid: Kind(_GENERIC, _plain),
    MemoryErrorSection.guid: Kind(_MEMORY, _plain),
    PcieErrorSection.guid: Kind(_PCIE, _plain),
    ArmProcessorErrorSection.guid: Kind(_ARM, _arm),
    Ia32X64ProcessorErrorSection.guid: Kind(_X86, _x86),
    FirmwareErrorRecordReferenceSection.guid: Kind(_FIRMWARE, _firmware),
    CxlProtocolErrorSection.guid: Kind(_CXL, _cxl),
}
"""The sections that the kernel shows in words."""

DUMPED = Kind(Shape(notes=(sections.LENGTH,)), lambda part: bytes(part.data))
"""A section of a type that the kernel does not know, or of whose content it shows nothing."""


def _beyond(_: Part) -> bytes:
    """A memory error as short as it once was, that marks what it has no room for as valid.

    Which of those bits are set the kernel does not say, nor anything else of it: the lowest stands
    for all.
    """
    absent = MemoryErrorSection.fixed_size - MemoryErrorSection.shortest
    marked = MemoryErrorSection(validation_bits=int(MemoryValid.RANK_NUMBER), absent=absent)
    data: bytes = marked.to_bytes()
    return data


SHORTENED = Kind(DUMPED.shape, _beyond)
