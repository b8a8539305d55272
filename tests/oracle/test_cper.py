"""libcper's Python binding, asked about the same records: each of its values against ours.

What it gets wrong is allowed for here, and shown in `test_cper_differences`.
"""

import enum
from collections.abc import Iterator
from datetime import datetime
from types import ModuleType
from typing import Any

import libcper_names as names
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import instances

from apeitool.cper import arm_error, processor_error
from apeitool.cper.arm_context import MiscRegisters, UnknownRegisters
from apeitool.cper.error_status import ErrorType
from apeitool.cper.flags import SectionFlags
from apeitool.cper.memory_error import MemoryErrorType
from apeitool.cper.record import Record, SectionDescriptor
from apeitool.cper.sections import arm_processor as arm
from apeitool.cper.sections.memory import MemoryErrorSection, MemoryValid
from apeitool.cper.sections.pcie import CapabilityStructure, PcieErrorSection
from apeitool.cper.severity import Severity
from apeitool.cper.timestamp import Timestamp
from apeitool.registers.pcie import PortType
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO

pytestmark = pytest.mark.oracle

LARGEST = (1 << 63) - 1
LIBCPER_WORDS = {
    0: ("cacheError", arm_error.CacheErrorInformation, names.ARM_CACHE),
    1: ("tlbError", arm_error.TlbErrorInformation, names.ARM_CACHE),
    2: ("busError", arm_error.BusErrorInformation, names.ARM_BUS),
}
"""How libcper reads the type of an ARM error: the enumeration of UEFI before 2.9A."""

Values = dict[str, Any]


def flat(value: Any, path: str = "", *, words: bool = False) -> Iterator[tuple[str, Any]]:
    """The leaves of libcper's answer by their path, with or without its words about others."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from flat(inner, f"{path}.{name}" if path else name, words=words)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from flat(inner, f"{path}[{index}]", words=words)
    elif words:
        yield path, value
    elif not path.endswith(names.DESCRIPTIONS):
        yield path, names.WORDS.get(value, value) if isinstance(value, str) else value


def asked(libcper: ModuleType, section: Structure, kind: str) -> Values:
    """What libcper says of a section."""
    (answer,) = libcper.parse(Record(body=[section]).to_bytes())["sections"]
    return {n: v for n, v in flat(answer[kind]) if not n.startswith(names.SHIFTED)}


def valued(item: Structure, table: dict[str, str], prefix: str = "") -> Values:
    """What we say, under libcper's names; what the record marks invalid is left out."""
    found = {}
    for name, place in table.items():
        field, _, _ = place.replace(":", ".").replace("@", ".").partition(".")
        if item.is_valid(field):
            value = looked_up(item, place)
            found[prefix + name] = min(value, LARGEST)
    return found


def looked_up(item: Any, place: str) -> int:
    """The value at a place, as `libcper_names` has it."""
    path, colon, name = place.partition(":")
    path, _, bare = path.partition("@")
    *steps, last = path.split(".")
    for step in steps:
        item = getattr(item, step)
    value = getattr(item, last)
    if bare:
        low, width = map(int, bare.split("+"))
        return int(value) >> low & (1 << width) - 1
    if colon:
        view = next(f.view for f in item.fields if f.name == last)
        if issubclass(view, enum.IntFlag):
            return int(bool(value & view[name]))
        return int(getattr(view(value), name))
    return int.from_bytes(value, "little") if isinstance(value, bytes) else int(value)


def same(ours: Values, theirs: Values) -> None:
    """Neither of the two says what the other does not."""
    differing = {}
    for name in ours.keys() | theirs.keys():
        our, their = ours.get(name), theirs.get(name)
        if their != (bool(our) if isinstance(their, bool) and our is not None else our):
            differing[name] = (our, their)
    assert not differing


# ---- memory


@given(section=instances(MemoryErrorSection))
@settings(max_examples=80)
def test_memory(libcper, section) -> None:
    section = section.replace(validation_bits=section.validation_bits & 0x3FFFFF, trailing=b"")
    same(memory(section), asked(libcper, section, "Memory"))


def memory(section: MemoryErrorSection) -> Values:
    found = valued(section, names.MEMORY) | bank(section)
    bits = MemoryValid(section.validation_bits)
    if MemoryValid.ROW not in bits:
        found.pop("row", None)
    if MemoryValid.CHIP_IDENTIFICATION not in bits:
        found.pop("extended.chipIdentification", None)
    if MemoryValid.EXTENDED_ROW not in bits:
        for name in UNDER_EXTENDED_ROW:
            found.pop(name, None)
    return found


UNDER_EXTENDED_ROW = (
    "extended.rowBit16", "extended.rowBit17", "extended.chipIdentification", "cardSmbiosHandle",
    "moduleSmbiosHandle",
)  # fmt: skip
"""What libcper shows only if the extended row is valid."""


def bank(section: MemoryErrorSection) -> Values:
    """libcper shows the bank as one number, or else as group and address."""
    if section.validation_bits & MemoryValid.BANK:
        return {"bank.value": section.bank}
    return {"bank.address": section.bank & 0xFF, "bank.group": section.bank >> 8}


# ---- ARM


def for_libcper(section: arm.ArmProcessorErrorSection) -> arm.ArmProcessorErrorSection:
    """The section with error types that libcper knows, and without what it gives up on."""
    return section.replace(
        validation_bits=section.validation_bits & ~arm.ArmValid.VENDOR_SPECIFIC_INFORMATION,
        error_information=[
            i.replace(type=i.type % 4, rest=b"", length=32) for i in section.error_information
        ],
        context_information=[c for c in section.context_information if is_plain(c)],
        reserved=bytes(3),
        context_information_count=AUTO,
        section_length=AUTO,
    )


def is_plain(context: arm.ContextInformation) -> bool:
    """Whether libcper shows the whole context: of known type and length, at most one register of
    the miscellaneous."""
    registers = context.registers
    if isinstance(registers, MiscRegisters):
        return len(registers.registers) == 1 and not registers.rest
    return not isinstance(registers, UnknownRegisters) and not registers.rest


ARM_SECTIONS = instances(arm.ArmProcessorErrorSection).map(for_libcper)


@given(section=ARM_SECTIONS)
@settings(max_examples=80)
def test_arm(libcper, section) -> None:
    same(arm_processor(section), asked(libcper, section, "ArmProcessor"))


def arm_processor(section: arm.ArmProcessorErrorSection) -> Values:
    found = valued(section, names.ARM)
    found.pop("psciState", None)
    if not section.running_state >> 31:
        found["psciState"] = section.psci_state
    for index, information in enumerate(section.error_information):
        found |= arm_information(information, f"errorInfo[{index}].")
    for index, context in enumerate(section.context_information):
        found |= arm_context(context, f"contextInfo[{index}].")
    return found


def arm_information(information: arm.ErrorInformation, prefix: str) -> Values:
    found = valued(information, names.ARM_INFORMATION, prefix)
    if information.type in LIBCPER_WORDS and information.is_valid("error_information"):
        name, kind, table = LIBCPER_WORDS[information.type]
        word = kind(information.error_information)
        valid = type(word).ranges["validation_bits"].type
        for json_name, place in table.items():
            bits, governor = place.split()
            if word.validation_bits & valid[governor]:
                found[f"{prefix}errorInformation.{name}.{json_name}"] = int(getattr(word, bits))
    return found


def arm_context(context: arm.ContextInformation, prefix: str) -> Values:
    found = valued(context, names.ARM_CONTEXT, prefix)
    registers = context.registers
    other = names.ARM_REGISTERS.get(type(registers).__name__, {})
    for field in registers.fields:
        value = getattr(registers, field.name)
        if isinstance(value, int):
            name = other.get(field.name, field.name)
            found[f"{prefix}registerArray.{name}"] = min(value, LARGEST)
    if isinstance(registers, MiscRegisters) and registers.registers:
        found |= valued(registers.registers[0], names.ARM_MISC_REGISTER, f"{prefix}registerArray.")
    return found


# ---- PCIe


@given(section=instances(PcieErrorSection), version=st.integers(0, 15))
@settings(max_examples=80)
def test_pcie(libcper, section, version) -> None:
    section = section.replace(
        validation_bits=section.validation_bits & 0xFF,
        capability_structure=with_version(section.capability_structure, version),
        trailing=b"",
    )
    same(pcie(section), asked(libcper, section, "Pcie"))


def with_version(capability: CapabilityStructure, version: int) -> CapabilityStructure:
    return capability.replace(capabilities=capability.capabilities & ~15 | version)


def pcie(section: PcieErrorSection) -> Values:
    table = names.PCIE
    if section.capability_structure.capabilities & 15 >= 2:
        table = table | names.PCIE_CAPABILITY_2
    found = valued(section, table)
    for name, value in valued(section, names.PCIE_VERSION).items():
        found[name] = (value >> 4) * 10 + (value & 15)
    if section.is_valid("device_id"):
        found["deviceID.classCode"] = int.from_bytes(section.device_id.class_code, "big")
    if section.is_valid("device_serial_number"):
        serial = section.device_serial_number
        found["deviceSerialNumber"] = min(serial.upper << 32 | serial.lower, LARGEST)
    return found


# ---- header, descriptors and names


@given(
    record=instances(Record),
    descriptor=instances(SectionDescriptor),
    moment=st.datetimes(min_value=datetime(1970, 1, 1)),  # noqa: DTZ001 - records have no zone
    fru_text=st.text("ABC abc 019", max_size=20),
)
@settings(max_examples=40)
def test_header(libcper, record, descriptor, moment, fru_text) -> None:
    section = MemoryErrorSection()
    descriptor = descriptor.replace(
        section_offset=200,
        section_length=section.size,
        section_type=section.guid,
        fru_text=fru_text,
    )
    record = record.replace(
        timestamp=Timestamp.of(moment, precise=True),
        section_descriptors=[descriptor],
        body=[section],
        trailing=b"",
        section_count=1,
        record_length=280,
    )
    answer = libcper.parse(record.to_bytes())
    same(header(record, moment), without_names(answer["header"]))
    same(described(descriptor), without_names(answer["sectionDescriptors"][0]))


def without_names(answer: Any) -> Values:
    wordy = ("severity.name", "flags.name", "notificationType.type", "sectionType.type")
    return {name: value for name, value in flat(answer, words=True) if name not in wordy}


def header(record: Record, moment: datetime) -> Values:
    found = {
        "revision.major": record.revision >> 8,
        "revision.minor": record.revision & 0xFF,
        "sectionCount": record.section_count,
        "severity.code": record.error_severity,
        "recordLength": record.record_length,
        "creatorID": str(record.creator_id),
        "notificationType.guid": str(record.notification_type),
        "recordID": min(record.record_id, LARGEST),
        "flags.value": record.flags,
        "persistenceInfo": min(record.persistence_information, LARGEST),
    }
    if record.is_valid("timestamp"):
        found |= {"timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}+00:00", "timestampIsPrecise": True}
    if record.is_valid("platform_id"):
        found["platformID"] = str(record.platform_id)
    if record.is_valid("partition_id"):
        found["partitionID"] = str(record.partition_id)
    return found


def described(descriptor: SectionDescriptor) -> Values:
    found = {
        "revision.major": descriptor.revision >> 8,
        "revision.minor": descriptor.revision & 0xFF,
        "sectionOffset": descriptor.section_offset,
        "sectionLength": descriptor.section_length,
        "severity.code": descriptor.section_severity,
        "sectionType.data": str(descriptor.section_type),
    }
    for name, flag in names.SECTION_FLAGS.items():
        found[f"flags.{name}"] = bool(descriptor.flags & SectionFlags[flag])
    if descriptor.is_valid("fru_id"):
        found["fruID"] = str(descriptor.fru_id)
    if descriptor.is_valid("fru_text"):
        found["fruText"] = descriptor.fru_text
    return found


def information(kind: int, word: int) -> Structure:
    """An ARM section with one error of a type as libcper counts them."""
    error = arm.ErrorInformation(type=kind, validation_bits=4, error_information=word)
    return arm.ArmProcessorErrorSection(error_information=[error])


NAMED = [
    (MemoryErrorType, "memoryErrorType.name",
     lambda m: MemoryErrorSection(validation_bits=1 << 14, memory_error_type=m)),
    (ErrorType, "errorStatus.errorType.description",
     lambda m: MemoryErrorSection(validation_bits=1, error_status=m << 8)),
    (processor_error.TransactionType, "transactionType.name", lambda m: information(0, 1 | m << 16)),
    (arm_error.CacheOperation, "operation.name", lambda m: information(0, 2 | m << 18)),
    (arm_error.TlbOperation, "operation.name", lambda m: information(1, 2 | m << 18)),
    (processor_error.BusOperation, "operation.name", lambda m: information(2, 2 | m << 18)),
    (processor_error.Participation, "participationType.name", lambda m: information(2, 128 | m << 29)),
    (arm_error.AddressSpace, "addressSpace.name", lambda m: information(2, 512 | m << 32)),
    (PortType, "portType.name", lambda m: PcieErrorSection(validation_bits=1, port_type=m)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "place", "build"), NAMED, ids=lambda x: getattr(x, "__name__", x))
def test_names(libcper, kind, place, build) -> None:
    """Each value has the name that libcper gives it, but for letters' case and what is listed."""
    for member in kind:
        (answer,) = libcper.parse(Record(body=[build(member)]).to_bytes())["sections"]
        (theirs,) = [v for n, v in flat(answer, words=True) if n.endswith(place)]
        ours = names.TEXTS.get(member.text, member.text)
        assert letters(ours) == letters(theirs)


def letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def test_severities(libcper) -> None:
    for severity in Severity:
        record = Record(body=[MemoryErrorSection()], error_severity=severity)
        answer = libcper.parse(record.to_bytes())
        assert letters(answer["header"]["severity"]["name"]) == letters(severity.text)
