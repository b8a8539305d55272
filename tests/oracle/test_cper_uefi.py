"""libcper's Python binding beside us: sections of the UEFI specification other than the first three."""

from typing import Any

import libcper_names as names
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import instances
from test_cper import Values, asked, flat, letters, same, valued

from apeitool.cper.record import Record
from apeitool.cper.sections import ia32_x64_processor as x86
from apeitool.cper.sections.firmware_record import (
    FirmwareErrorRecordReferenceSection,
    FirmwareRecordType,
)
from apeitool.cper.sections.generic_processor import (
    GenericProcessorErrorSection,
    ProcessorIsa,
    ProcessorOperation,
    ProcessorType,
)
from apeitool.cper.sections.memory_2 import MemoryErrorSection2
from apeitool.cper.sections.pci_bus import PciBusErrorSection, PciBusErrorType
from apeitool.cper.sections.pci_component import PciComponentErrorSection
from apeitool.cper.x86_context import UnclassifiedContext, X86ContextType
from apeitool.cper.x86_error import CHECKS, MsErrorType, X86AddressSpace, X86CacheOperation
from apeitool.cper.x86_state_context import Ia32StateContext, X64StateContext
from apeitool.wire.types import AUTO

pytestmark = pytest.mark.oracle

LARGEST = (1 << 63) - 1
STATUS = {name: place for name, place in names.MEMORY.items() if name.startswith("errorStatus.")}


def masked(section: Any, valid: int) -> Any:
    """The section without validation bits that libcper does not know."""
    return section.replace(validation_bits=section.validation_bits & valid, trailing=b"")


# ---- memory 2

MEMORY_2 = STATUS | {
    "physicalAddress": "physical_address",
    "physicalAddressMask": "physical_address_mask",
    "node": "node",
    "card": "card",
    "module": "module",
    "device": "device",
    "row": "row",
    "column": "column",
    "rank": "rank",
    "bitPosition": "bit_position",
    "chipID": "chip_id",
    "memoryErrorType.value": "memory_error_type",
    "status.value": "status",
    "requestorID": "requestor_id",
    "responderID": "responder_id",
    "targetID": "target_id",
    "cardSmbiosHandle": "card_handle",
    "moduleSmbiosHandle": "module_handle",
}


@given(section=instances(MemoryErrorSection2))
@settings(max_examples=60)
def test_memory_2(libcper, section) -> None:
    section = masked(section, 0x3FFFFF)
    theirs = asked(libcper, section, "Memory2")
    theirs.pop("status.state", None)
    ours = valued(section, MEMORY_2)
    if section.is_valid("error_status"):  # it governs their physical address, see the differences
        ours["physicalAddress"] = min(section.physical_address, LARGEST)
    else:
        ours.pop("physicalAddress", None)
    if section.validation_bits & 1 << 6:
        ours["bank.value"] = section.bank
    else:
        ours |= {"bank.address": section.bank & 0xFF, "bank.group": section.bank >> 8}
    same(ours, theirs)


# ---- generic processor

GENERIC = {
    "processorType.value": "processor_type",
    "processorISA.value": "processor_isa",
    "errorType.value": "processor_error_type",
    "operation.value": "operation",
    "flags.restartable": "flags:RESTARTABLE",
    "flags.preciseIP": "flags:PRECISE_IP",
    "flags.overflow": "flags:OVERFLOW",
    "flags.corrected": "flags:CORRECTED",
    "level": "level",
    "cpuVersionInfo": "cpu_version_info",
    "processorID": "processor_id",
    "targetAddress": "target_address",
    "requestorID": "requestor_id",
    "responderID": "responder_id",
    "instructionIP": "instruction_ip",
}


@given(section=instances(GenericProcessorErrorSection), brand=st.text("AMD 019", max_size=128))
@settings(max_examples=60)
def test_generic_processor(libcper, section, brand) -> None:
    section = masked(section, 0x1FFF).replace(cpu_brand_string=brand)
    theirs = asked(libcper, section, "GenericProcessor")
    assert theirs.pop("cpuBrandString", brand) == brand
    same(valued(section, GENERIC), theirs)


# ---- firmware error record reference


@given(section=instances(FirmwareErrorRecordReferenceSection))
@settings(max_examples=40)
def test_firmware_record(libcper, section) -> None:
    same(
        {
            "errorRecordType.value": int(section.record_type),
            "revision": section.revision,
            "recordID": min(section.identifier.record_identifier, LARGEST),
            "recordIDGUID": str(section.record_guid),
        },
        asked(libcper, section, "Firmware"),
    )


# ---- PCI

PCI_BUS = STATUS | {
    "errorType.value": "error_type",
    "busID.busNumber": "bus_id:bus_number",
    "busID.segmentNumber": "bus_id:segment_number",
    "busAddress": "bus_address",
    "busData": "bus_data",
    "busRequestorID": "bus_requestor_id",
    "busCompleterID": "bus_completer_id",
    "targetID": "target_id",
}


@given(section=instances(PciBusErrorSection))
@settings(max_examples=60)
def test_pci_bus(libcper, section) -> None:
    section = masked(section, 0x1FF)
    theirs = asked(libcper, section, "PciBus")
    kind = theirs.pop("busCommandType", None)
    if section.is_valid("bus_command"):
        assert section.sentence().startswith(f"{kind} bus")
    same(valued(section, PCI_BUS), theirs)


PCI_COMPONENT = STATUS | {
    "idInfo.vendorID": "id_info.vendor_id",
    "idInfo.deviceID": "id_info.device_id",
    "idInfo.classCode": "id_info.class_code",
    "idInfo.functionNumber": "id_info.function_number",
    "idInfo.deviceNumber": "id_info.device_number",
    "idInfo.busNumber": "id_info.bus_number",
    "idInfo.segmentNumber": "id_info.segment_number",
    "memoryNumber": "memory_number",
    "ioNumber": "io_number",
}


@given(section=instances(PciComponentErrorSection))
@settings(max_examples=60)
def test_pci_component(libcper, section) -> None:
    section = masked(section, 0x1F)
    ours = valued(section, PCI_COMPONENT)
    if section.is_valid("io_register_pairs"):
        pairs = section.memory_register_pairs + section.io_register_pairs
        for index, pair in enumerate(pairs):
            prefix = f"registerDataPairs[{index}]."
            ours[f"{prefix}firstHalf"] = min(pair.address, LARGEST)
            ours[f"{prefix}secondHalf"] = min(pair.data, LARGEST)
    same(ours, asked(libcper, section, "PciComponent"))


# ---- IA32/X64

CHECK = {
    "transactionType.value": "transaction_type",
    "operation.value": "operation",
    "level": "level",
    "processorContextCorrupt": "processor_context_corrupt",
    "uncorrected": "uncorrected",
    "preciseIP": "precise_ip",
    "restartableIP": "restartable_ip",
    "overflow": "overflow",
    "participationType.value": "participation_type",
    "timedOut": "time_out",
    "addressSpace.value": "address_space",
    "errorType.value": "error_type",
}
INFORMATION = {
    "targetAddressID": "target_id",
    "requestorID": "requestor_id",
    "responderID": "responder_id",
    "instructionPointer": "instruction_pointer",
}
CONTEXT = {
    "registerContextType.value": "register_context_type",
    "registerArraySize": "register_array_size",
    "msrAddress": "msr_address",
    "mmRegisterAddress": "mm_register_address",
}
STATES = (Ia32StateContext, X64StateContext)


def for_libcper(section: x86.Ia32X64ProcessorErrorSection, kinds: list[Any]) -> Any:
    """The section with error types and contexts that libcper shows whole."""
    informations = [
        information.replace(error_structure_type=kind)
        for information, kind in zip(section.error_information, kinds, strict=False)
    ]
    contexts = [
        c.replace(**({"rest": b""} if isinstance(c, STATES) else {}), register_array_size=AUTO)
        for c in section.context_information
        if isinstance(c, (*STATES, UnclassifiedContext))
    ]
    return section.replace(
        error_information=informations,
        context_information=contexts,
        trailing=b"",
        validation_bits=AUTO,
    )


@given(
    section=instances(x86.Ia32X64ProcessorErrorSection),
    kinds=st.lists(st.sampled_from(list(CHECKS)), min_size=4, max_size=4),
    registers=st.tuples(*[st.integers(0, (1 << 32) - 1)] * 4),
)
@settings(max_examples=60)
def test_ia32_x64(libcper, section, kinds, registers) -> None:
    cpuid = x86.CpuidInformation.of(*registers)
    section = for_libcper(section.replace(cpuid_info=cpuid), kinds)
    same(processor(section), asked(libcper, section, "Ia32x64Processor"))


def processor(section: x86.Ia32X64ProcessorErrorSection) -> Values:
    found: Values = {
        "processorErrorInfoNum": len(section.error_information),
        "processorContextInfoNum": len(section.context_information),
    }
    if section.is_valid("local_apic_id"):
        found["localAPICID"] = min(section.local_apic_id, LARGEST)
    if section.is_valid("cpuid_info"):
        leaf = section.cpuid_info.registers[:8:2]
        found |= {
            f"cpuidInfo.{n}": v for n, v in zip(("eax", "ebx", "ecx", "edx"), leaf, strict=True)
        }
    for index, information in enumerate(section.error_information):
        found |= error(information, f"processorErrorInfo[{index}].")
    for index, context in enumerate(section.context_information):
        found |= state(context, f"processorContextInfo[{index}].")
    return found


def error(information: x86.X86ErrorInformation, prefix: str) -> Values:
    found = {f"{prefix}type.guid": str(information.error_structure_type)}
    found |= valued(information, INFORMATION, prefix)
    if information.is_valid("check_information"):
        facts = CHECKS[information.error_structure_type][1](information.check_information).facts()
        for name, ours in CHECK.items():
            if ours in facts:
                found[f"{prefix}checkInfo.{name}"] = int(facts[ours])
    return found


def state(context: Any, prefix: str) -> Values:
    found = valued(context, CONTEXT, prefix)
    if isinstance(context, UnclassifiedContext):
        return found
    for field in context.fields[4:]:
        value = getattr(context, field.name)
        if isinstance(value, int) and field.name != "reserved":
            # libcper calls the instruction pointer of 64-bit mode eip.
            name = "eip" if field.name == "rip" else field.name
            found[f"{prefix}registerArray.{name}"] = min(value, LARGEST)
        elif field.name in ("gdtr", "idtr"):
            for half in (0, 1):
                number = int.from_bytes(value[8 * half : 8 * half + 8], "little")
                found[f"{prefix}registerArray.{field.name}_{half}"] = min(number, LARGEST)
    return found


# ---- names


def check(kind: str, word: int) -> x86.Ia32X64ProcessorErrorSection:
    """A section with one check."""
    guid = next(g for g, (name, _) in CHECKS.items() if name == kind)
    information = x86.X86ErrorInformation(
        error_structure_type=guid, validation_bits=1, check_information=word
    )
    return x86.Ia32X64ProcessorErrorSection(error_information=[information])


def context(kind: int) -> x86.Ia32X64ProcessorErrorSection:
    """A section with a context of a type, without registers."""
    empty = UnclassifiedContext(register_context_type=kind)
    return x86.Ia32X64ProcessorErrorSection(context_information=[empty])


NAMED = [
    (ProcessorType, 3, "processorType.name",
     lambda m: GenericProcessorErrorSection(validation_bits=1, processor_type=m)),
    (ProcessorIsa, 5, "processorISA.name",
     lambda m: GenericProcessorErrorSection(validation_bits=2, processor_isa=m)),
    (ProcessorOperation, 4, "operation.name",
     lambda m: GenericProcessorErrorSection(validation_bits=8, operation=m)),
    (FirmwareRecordType, 3, "errorRecordType.name",
     lambda m: FirmwareErrorRecordReferenceSection(record_type=m)),
    (PciBusErrorType, 8, "Bus.errorType.name",
     lambda m: PciBusErrorSection(validation_bits=2, error_type=m)),
    (X86CacheOperation, 9, "operation.name", lambda m: check("cache error", 2 | m << 18)),
    (X86AddressSpace, 4, "addressSpace.name", lambda m: check("bus error", 1 << 10 | m << 33)),
    (MsErrorType, 4, "errorType.name", lambda m: check("micro-architectural error", 1 | m << 16)),
    (X86ContextType, 8, "registerContextType.name", context),
]  # fmt: skip
"""What libcper names, and how many values of it."""

CALLED = {
    "IO": "I/O",
    "unknown or OEM specific error": "unknown/OEM specific error",
    "bus timeout or no device present (no DEVSEL#)": "bus timeout/no device present (no DEVSEL#)",
    "SOC firmware error record type 1 (legacy CrashLog)": "SOC firmware error record (type1 legacy)",
    "memory mapped registers": "memory mapper registers",
}
"""What we call otherwise."""


@pytest.mark.parametrize(
    ("kind", "count", "place", "build"), NAMED, ids=lambda x: getattr(x, "__name__", None)
)
def test_names(libcper, kind, count, place, build) -> None:
    for member in list(kind)[:count]:
        (answer,) = libcper.parse(Record(body=[build(member)]).to_bytes())["sections"]
        (theirs,) = [v for n, v in flat(answer, words=True) if n.endswith(place)]
        assert letters(CALLED.get(member.text, member.text)) == letters(theirs)
