"""CPER-JSON beside libcper: the same records, the same words, but for the rows of `cper_differences`.

Two libcpers are asked: its Python binding, which only writes CPER-JSON, and a build of its source,
newer, which reads it too and makes records of its own.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pytest
from cper_differences import CRASHES, DIFFERENCES, MISREADINGS
from cper_json import BINDING, BUILT, cases
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from libcper_build import CRASHED
from strategies import instances, values

from apeitool.cper.arm_context import MiscRegisters, UnknownRegisters
from apeitool.cper.arm_ras import AuxiliaryData, ErrorSyndrome
from apeitool.cper.cxl_event import CxlEventSection
from apeitool.cper.described import DescribedSection
from apeitool.cper.dialect import forced, using
from apeitool.cper.record import Record, SectionDescriptor
from apeitool.cper.section import Section
from apeitool.cper.sections.arm_processor import (
    ArmProcessorErrorSection,
    ArmValid,
    ContextInformation,
)
from apeitool.cper.sections.arm_ras_node import ArmRasNodeSection
from apeitool.cper.sections.ccix_per import CcixPerErrorSection
from apeitool.cper.sections.cxl_dram import CxlDramEventSection
from apeitool.cper.sections.cxl_general_media import CxlGeneralMediaEventSection
from apeitool.cper.sections.cxl_memory_module import CxlMemoryModuleEventSection
from apeitool.cper.sections.cxl_mld_port import CxlMldPortEventSection
from apeitool.cper.sections.cxl_physical_switch import CxlPhysicalSwitchEventSection
from apeitool.cper.sections.cxl_protocol import (
    AgentType,
    CxlProtocolErrorSection,
    CxlProtocolValid,
)
from apeitool.cper.sections.cxl_virtual_switch import CxlVirtualSwitchEventSection
from apeitool.cper.sections.dmar_generic import DmarGenericErrorSection
from apeitool.cper.sections.dmar_iommu import IommuErrorSection
from apeitool.cper.sections.dmar_vtd import VtdErrorSection
from apeitool.cper.sections.firmware_record import (
    FirmwareErrorRecordReferenceSection,
    GuidIdentifier,
)
from apeitool.cper.sections.generic_processor import GenericProcessorErrorSection
from apeitool.cper.sections.ia32_x64_processor import Ia32X64ProcessorErrorSection
from apeitool.cper.sections.memory import MemoryErrorSection
from apeitool.cper.sections.memory_2 import MemoryErrorSection2
from apeitool.cper.sections.pci_bus import PciBusErrorSection
from apeitool.cper.sections.pci_component import PciComponentErrorSection
from apeitool.cper.sections.pcie import PcieErrorSection
from apeitool.cper.sections.vendor.ampere_one import AmpereOneErrorSection
from apeitool.cper.sections.vendor.nvidia import NvidiaErrorSection
from apeitool.cper.sections.vendor.nvidia_event import EventContext, NvidiaEventSection
from apeitool.cper.timestamp import Timestamp
from apeitool.cper.vendor.ampere_one_payload import AmpereOneRest
from apeitool.cper.vendor.nvidia_event_data import (
    DATA_FORMATS,
    CpuEventInfo,
    DataFormat,
    GpuEventInfo,
    GpuLegacyXid,
    OpaqueData,
)
from apeitool.cper.x86_context import UnclassifiedContext, X86Context, X86ContextType
from apeitool.cper.x86_state_context import X64StateContextWithoutCr8
from apeitool.render import cper_json
from apeitool.render.cper_json import is_cper_json
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, Part

ENOUGH = 1000
"""So many records of each type are compared, each way."""

DIALECT = {BINDING: "uefi-2.9", BUILT: "libcper"}
"""How each libcper reads the type of an ARM error."""


class Kind(NamedTuple):
    """A section type: its class, and what libcper's generator calls it."""

    type: type[Section]
    generated: str
    is_bound: bool = True
    """Whether the release that is the Python binding knows it too."""


KINDS = {
    "Memory": Kind(MemoryErrorSection, "memory"),
    "ArmProcessor": Kind(ArmProcessorErrorSection, "arm"),
    "Pcie": Kind(PcieErrorSection, "pcie"),
    "Memory2": Kind(MemoryErrorSection2, "memory2"),
    "CcixPer": Kind(CcixPerErrorSection, "ccixper"),
    "PciComponent": Kind(PciComponentErrorSection, "pcidev"),
    "Firmware": Kind(FirmwareErrorRecordReferenceSection, "firmware"),
    "CxlGeneralMedia": Kind(CxlGeneralMediaEventSection, "cxlcomponent-media"),
    "CxlDram": Kind(CxlDramEventSection, "cxlcomponent-dram"),
    "CxlMemoryModule": Kind(CxlMemoryModuleEventSection, "cxlcomponent-memory"),
    "CxlPhysicalSwitch": Kind(CxlPhysicalSwitchEventSection, "cxlcomponent-pswitch"),
    "CxlVirtualSwitch": Kind(CxlVirtualSwitchEventSection, "cxlcomponent-vswitch"),
    "CxlMldPort": Kind(CxlMldPortEventSection, "cxlcomponent-mld"),
    "CxlProtocol": Kind(CxlProtocolErrorSection, "cxlprotocol"),
    "Ampere": Kind(AmpereOneErrorSection, "ampere"),
    "Nvidia": Kind(NvidiaErrorSection, "nvidia"),
    "NvidiaEvent": Kind(NvidiaEventSection, "nvidiaevent", is_bound=False),
    "ArmRas": Kind(ArmRasNodeSection, "arm-ras", is_bound=False),
    "Ia32x64Processor": Kind(Ia32X64ProcessorErrorSection, "ia32x64"),
    "PciBus": Kind(PciBusErrorSection, "pcibus"),
    "GenericProcessor": Kind(GenericProcessorErrorSection, "generic"),
    "GenericDmar": Kind(DmarGenericErrorSection, "dmargeneric"),
    "VtdDmar": Kind(VtdErrorSection, "dmarvtd"),
    "IommuDmar": Kind(IommuErrorSection, "dmariommu"),
}
every_kind = pytest.mark.parametrize("key", KINDS)


def for_libcper(section: Any) -> Any:
    """The section without what libcper has no place for or gives up on."""
    if isinstance(section, FirmwareErrorRecordReferenceSection):
        found = section.identifier
        identifier = found if isinstance(found, GuidIdentifier) else GuidIdentifier()
        return section.replace(revision=2, identifier=identifier, record=b"")
    if isinstance(section, AmpereOneErrorSection):
        return section.replace(payload=AmpereOneRest(), trailing=b"")
    if isinstance(section, CxlProtocolErrorSection):
        is_host = section.agent_type & 1
        of_devices = CxlProtocolValid.SERIAL_NUMBER | CxlProtocolValid.CAPABILITY_STRUCTURE
        return section.replace(
            agent_type=AgentType(is_host),
            validation_bits=section.validation_bits & ~(of_devices if is_host else 0),
            dvsec_length=AUTO,
            error_log_length=AUTO,
            trailing=b"",
        )
    if isinstance(section, CxlEventSection):
        return section.replace(trailing=b"", length=AUTO)
    if isinstance(section, ArmRasNodeSection):
        return section.replace(
            revision=1,
            error_syndrome_count=AUTO,
            error_syndrome_offset=AUTO,
            auxiliary_data_offset=AUTO,
            gap=b"",
            error_syndromes=section.error_syndromes or (ErrorSyndrome(),),
            gap_2=b"",
            auxiliary_data=[laid(auxiliary) for auxiliary in section.auxiliary_data],
            trailing=b"",
        )
    if isinstance(section, NvidiaEventSection):
        return nvidia_event(section)
    if isinstance(section, Ia32X64ProcessorErrorSection):
        return section.replace(
            gap=b"", context_information=[*contexts(section)], trailing=b""
        ).sealed()
    if not isinstance(section, ArmProcessorErrorSection):
        return section.replace(trailing=b"")
    return section.replace(
        validation_bits=section.validation_bits & ~ArmValid.VENDOR_SPECIFIC_INFORMATION,
        error_information=[i.replace(rest=b"", length=32) for i in section.error_information],
        context_information=[c for c in section.context_information if is_plain(c)],
        reserved=bytes(3),
        context_information_count=AUTO,
        section_length=AUTO,
    )


def contexts(section: Ia32X64ProcessorErrorSection) -> Iterator[X86Context]:
    """The contexts of a section that are as long as their type, and not padded."""
    for context in section.context_information:
        if isinstance(context, X64StateContextWithoutCr8):
            continue
        without = {"register_array_size": AUTO, "padding": b""}
        if hasattr(context, "cr0"):
            without["rest"] = b""
        elif isinstance(context, UnclassifiedContext):
            without["register_context_type"] = X86ContextType.UNCLASSIFIED_DATA
        yield context.replace(**without)


def nvidia_event(section: NvidiaEventSection) -> NvidiaEventSection:
    """An event of a source that libcper knows, with data as its format wants it."""
    info = section.info
    known: CpuEventInfo | GpuEventInfo = CpuEventInfo()
    if isinstance(info, CpuEventInfo | GpuEventInfo):
        known = info.replace(rest=b"")
    made = NvidiaEventSection(
        event_type=section.event_type,
        event_sub_type=section.event_sub_type,
        event_link_id=section.event_link_id,
        signature=section.signature,
        info=known,
    )
    return made.replace(event_contexts=[*event_contexts(made, section.event_contexts)]).sealed()


def event_contexts(
    section: NvidiaEventSection, contexts: Sequence[EventContext]
) -> Iterator[EventContext]:
    for context in contexts:
        data = context.data
        if isinstance(data, GpuLegacyXid):
            data = data.replace(message=data.message[:235] + b"\0")
        elif not isinstance(data, OpaqueData):
            data = data.replace(rest=b"")
        is_of_gpus = DATA_FORMATS.get(type(data), 0) >= DataFormat.GPU_INIT_METADATA
        if is_of_gpus and not isinstance(section.info, GpuEventInfo):
            continue
        yield EventContext(
            context_version=context.context_version,
            data_format_version=context.data_format_version,
            data=data,
        )


def laid(data: AuxiliaryData) -> AuxiliaryData:
    """Auxiliary data with each part where it is looked for."""
    return AuxiliaryData(
        contexts=[c.replace(length=AUTO, register_count=AUTO, rest=b"") for c in data.contexts],
        key_values=data.key_values,
    )


def is_plain(context: ContextInformation) -> bool:
    """Whether CPER-JSON has all of a context: of known type and length, one miscellaneous register."""
    registers = context.registers
    if isinstance(registers, MiscRegisters):
        return len(registers.registers) == 1 and not registers.rest
    return not isinstance(registers, UnknownRegisters) and not registers.rest


def drawn(strategy: Any, count: int = ENOUGH) -> list[Any]:
    """So many examples of a strategy."""
    found: list[Any] = []

    @given(strategy)
    @settings(max_examples=count, phases=[Phase.generate], database=None)
    def draw(example: Any) -> None:
        found.append(example)

    draw()
    return found


def records(kind: type[Section], count: int = ENOUGH) -> list[Record]:
    return [Record(body=[section]) for section in drawn(instances(kind).map(for_libcper), count)]


def unexplained(record: Record, answer: Any, version: str) -> Iterator[str]:
    """What differs though no row says so."""
    with using(forced(DIALECT[version])):
        for case in cases(record, answer):
            if not any(row.allows(case, version) for row in DIFFERENCES.values()):
                yield f"{case.path}: {case.ours!r} here, {case.theirs!r} there"


def agree(asked: list[Record], answers: list[Any], version: str) -> None:
    assert len(asked) >= ENOUGH
    for record, answer in zip(asked, answers, strict=True):
        assert [*unexplained(record, answer, version)] == [], record.to_bytes().hex()


# ---- its words of our records


@pytest.mark.oracle
@pytest.mark.parametrize("key", [key for key, kind in KINDS.items() if kind.is_bound])
def test_the_binding_says_the_same(libcper, key) -> None:
    asked = records(KINDS[key].type)
    agree(asked, [libcper.parse(record.to_bytes()) for record in asked], BINDING)


@every_kind
def test_libcper_says_the_same(libcper_build, key) -> None:
    asked = records(KINDS[key].type)
    agree(asked, libcper_build.to_json([record.to_bytes() for record in asked]), BUILT)


def around(cls: type[Structure]) -> Any:
    """Any values of the fixed fields of a structure that do not follow from others."""
    fields = [f for f in cls.fields if f.derived is None and not isinstance(f.kind, Part)]
    return st.fixed_dictionaries({f.name: values(cls, f) for f in fields})


@st.composite
def headed(draw: st.DrawFn) -> Record:
    """A record with any header and descriptor around a section without facts."""
    section = MemoryErrorSection()
    moment = draw(st.datetimes(min_value=datetime(1970, 1, 1)))  # noqa: DTZ001 - it has no zone
    printable = st.characters(min_codepoint=32, max_codepoint=126)
    descriptor = SectionDescriptor(**draw(around(SectionDescriptor))).replace(
        section_offset=200,
        section_length=section.size,
        section_type=section.guid,
        fru_text=draw(st.text(printable, max_size=20)),
    )
    timestamp = Timestamp.of(moment, precise=draw(st.booleans()))
    header = draw(around(Record)) | {"timestamp": timestamp}
    return Record(**header, section_descriptors=[descriptor], body=[section])


@pytest.mark.oracle
def test_the_binding_says_the_same_of_headers(libcper) -> None:
    asked = drawn(headed())
    agree(asked, [libcper.parse(record.to_bytes()) for record in asked], BINDING)


def test_libcper_says_the_same_of_headers(libcper_build) -> None:
    asked = drawn(headed())
    agree(asked, libcper_build.to_json([record.to_bytes() for record in asked]), BUILT)


# ---- our words of its records


@every_kind
def test_we_say_the_same_of_what_libcper_generates(libcper_build, key) -> None:
    made = generated(libcper_build, key)
    agree([Record.from_bytes(data) for data in made], libcper_build.to_json(made), BUILT)


def generated(libcper_build: Any, key: str) -> list[bytes]:
    """Records of a generator that always has the same numbers: the seeds are ours, and printed."""
    start = random.SystemRandom().randrange(1, 1 << 31)
    print(f"seeds from {start}")
    made: list[bytes] = libcper_build.generate(KINDS[key].generated, range(start, start + ENOUGH))
    assert len(set(made)) == ENOUGH
    return made


# ---- bytes of its words, and of ours


@every_kind
def test_its_words_are_the_same_bytes_to_both(libcper_build, key) -> None:
    documents = libcper_build.to_json(generated(libcper_build, key))
    same_bytes(libcper_build, documents)


@every_kind
def test_our_words_are_the_same_bytes_to_both(libcper_build, key) -> None:
    with using(forced(DIALECT[BUILT])):
        documents = [cper_json.document(record) for record in records(KINDS[key].type)]
    same_bytes(libcper_build, documents)


def test_our_words_of_headers_are_the_same_bytes_to_both(libcper_build) -> None:
    documents = [cper_json.document(record) for record in drawn(headed())]
    same_bytes(libcper_build, documents)


@every_kind
def test_sections_alone_are_the_same_bytes_to_both(libcper_build, key) -> None:
    made = libcper_build.generate(KINDS[key].generated, range(1, ENOUGH + 1))
    described = [DescribedSection(section=Record.from_bytes(data).sections[0]) for data in made]
    documents = libcper_build.to_json([d.to_bytes() for d in described], section=True)
    assert [is_cper_json(document) for document in documents] == [True] * ENOUGH
    same_bytes(libcper_build, documents, section=True)


def is_readable(document: Any) -> bool:
    """Whether it does not end libcper."""
    sections = document.get("sections") or [document["section"]]
    return not any(row.holds(section) for row in CRASHES.values() for section in sections)


def same_bytes(libcper_build: Any, documents: list[Any], *, section: bool = False) -> None:
    """Both make the same of CPER-JSON, but for what `MISREADINGS` says."""
    documents = [document for document in documents if is_readable(document)]
    answers = libcper_build.to_cper(documents, section=section)
    for document, answer in zip(documents, answers, strict=True):
        assert answer is not CRASHED
        if "sections" in document:
            for row in MISREADINGS.values():
                row.mend(document)
        found, unread = cper_json.read(document)
        for row in MISREADINGS.values():
            found = row.remade(found)
        assert found.to_bytes() == answer
        assert [name for name in unread if not name.endswith(UNREADABLE)] == []


UNREADABLE = ("deviceID.class", "cxlAgentAddress.value", "socSpecificIpIdentifier")
"""Of the class it is the name; the address is of a type that is no fact; of the last it is a note."""
