"""Where libcper and we differ: an input, both answers, and who is right by which source."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cper_json import ABSENT, BINDING, BUILT, LARGEST, Case, Crash, Difference, Misreading

from apeitool.cper.arm_context import AArch32GeneralRegisters
from apeitool.cper.arm_error import ArmErrorType
from apeitool.cper.arm_ras import (
    AuxiliaryContext,
    AuxiliaryData,
    ErrorSyndrome,
    IpInstanceFormat,
    IpTypeFormat,
    ScopeFlags,
)
from apeitool.cper.cxl_event import CxlEventSection, CxlEventValid
from apeitool.cper.record import Record, RecordValid, SectionDescriptor
from apeitool.cper.sections.arm_processor import (
    ArmProcessorErrorSection,
    ArmValid,
    ContextInformation,
    ErrorInformation,
    ErrorInformationValid,
)
from apeitool.cper.sections.arm_ras_node import ArmRasNodeSection
from apeitool.cper.sections.cxl_mld_port import CxlMldPortEventSection
from apeitool.cper.sections.cxl_protocol import (
    CxlDeviceId,
    CxlProtocolErrorSection,
    CxlProtocolValid,
)
from apeitool.cper.sections.dmar_generic import Architecture, DmarGenericErrorSection
from apeitool.cper.sections.ia32_x64_processor import (
    Ia32X64ProcessorErrorSection,
    X86ErrorInformation,
    X86InformationValid,
)
from apeitool.cper.sections.memory import MemoryErrorSection, MemoryValid
from apeitool.cper.sections.memory_2 import Memory2Valid, MemoryErrorSection2
from apeitool.cper.sections.pci_component import (
    PciComponentErrorSection,
    PciComponentValid,
    RegisterPair,
)
from apeitool.cper.sections.pcie import (
    AerInformation,
    CapabilityStructure,
    PcieDeviceId,
    PcieErrorSection,
    PcieValid,
    PcieVersion,
)
from apeitool.cper.sections.vendor.ampere_one import AmpereOneErrorSection
from apeitool.cper.sections.vendor.nvidia import (
    CMET,
    FIRMWARE,
    FirmwareError,
    MemoryChannel,
    NvidiaErrorSection,
)
from apeitool.cper.timestamp import Timestamp
from apeitool.cper.x86_context import UnclassifiedContext, X86Context
from apeitool.cper.x86_error import CHECKS, CheckValid, TlbCheck
from apeitool.cper.x86_state_context import X64StateContextWithoutCr8

MEMORY = MemoryErrorSection
MEMORY2 = MemoryErrorSection2
AMPERE = AmpereOneErrorSection
NVIDIA = NvidiaErrorSection
PCI_COMPONENT = PciComponentErrorSection


def arm_error(**fields: Any) -> ArmProcessorErrorSection:
    return ArmProcessorErrorSection(error_information=[ErrorInformation(**fields)])


def aer(**fields: Any) -> PcieErrorSection:
    return PcieErrorSection(
        validation_bits=PcieValid.AER_INFO, aer_information=AerInformation(**fields)
    )


def capability(**fields: int) -> PcieErrorSection:
    return PcieErrorSection(
        validation_bits=PcieValid.CAPABILITY_STRUCTURE,
        capability_structure=CapabilityStructure(**fields),
    )


def device(**fields: Any) -> PcieErrorSection:
    return PcieErrorSection(validation_bits=PcieValid.DEVICE_ID, device_id=PcieDeviceId(**fields))


def fru(text: str) -> Record:
    section = MEMORY(validation_bits=MemoryValid.NODE)
    descriptor = SectionDescriptor(
        section_offset=200,
        section_length=80,
        section_type=section.guid,
        validation_bits=2,
        fru_text=text,
    )
    return Record(section_descriptors=[descriptor], body=[section])


def stamped(timestamp: int) -> Record:
    section = MEMORY(validation_bits=MemoryValid.NODE)
    return Record(timestamp=timestamp, validation_bits=RecordValid.TIMESTAMP, body=[section])


TLB = next(kind for kind, (_, check) in CHECKS.items() if check is TlbCheck)


def x86(
    *errors: X86ErrorInformation, contexts: Sequence[X86Context] = ()
) -> Ia32X64ProcessorErrorSection:
    return Ia32X64ProcessorErrorSection(error_information=errors, context_information=contexts)


def without(bit: int) -> Any:
    """Libcper says nothing, and a bit of the section's validation field is clear."""
    return lambda case: case.theirs is ABSENT and not case.section.validation_bits & bit


def only_theirs(case: Case) -> bool:
    return case.ours is ABSENT


def only_ours(case: Case) -> bool:
    return case.theirs is ABSENT


def has_empty_part(case: Case) -> bool:
    section = case.section
    lengths = {"dvsecs": section.dvsec_length, "error_log": section.error_log_length}
    return any(section.is_valid(name) and not length for name, length in lengths.items())


GENERAL = {
    "numbers above 63 bits are cut": Difference(
        MEMORY(validation_bits=MemoryValid.PHYSICAL_ADDRESS, physical_address=1 << 63),
        "sections[0].Memory.physicalAddress", LARGEST, 1 << 63,
        "we: the field has 64 bits; the binding turns numbers into signed ones",
        r".*", lambda c: c.theirs == LARGEST and (c.ours or 0) > LARGEST, (BINDING,),
    ),
    "text that fills its field, or is empty": Difference(
        fru("x" * 20), "sectionDescriptors[0].fruText", ABSENT, "x" * 20,
        "we: UEFI 2.10 N.2.2 asks for no NUL; the text is a fact by its validation bit",
        r"(sectionDescriptors\[0\]\.fruText|GenericProcessor\.cpuBrandString"
        r"|Nvidia\.(signature|FWErrorInfo\..*)|ArmRas\.userData"
        r"|NvidiaEvent\.(eventHeader\.signature|eventContexts\[\d+\]\.data\.gpuInitMetadata\..*))",
        lambda c: isinstance(c.ours, str) and len(c.ours) in (0, 8, 16, 20, 48, 128), (BUILT,),
    ),
    "a timestamp that is not in BCD": Difference(
        stamped(0x1418_0B09_0009_3721), "header.timestamp", "1418-11-09T09:37:21+00:00",
        "2024-11-09T09:55:33+00:00",
        "we: Windows writes binary; libcper reads digits that are none",
        r"header\.timestamp(IsPrecise)?",
        lambda c: not Timestamp(c.record.timestamp).is_bcd,
    ),
    "reserved bits of a timestamp make it precise": Difference(
        stamped(int(Timestamp.of(datetime(2026, 11, 22))) | 2 << 24),  # noqa: DTZ001
        "header.timestampIsPrecise", True, False,
        "we: UEFI 2.10 N.2.1, bit 0 of byte 3 alone",
        r"header\.timestampIsPrecise", lambda c: c.record.timestamp >> 25 & 0x7F != 0,
    ),
}  # fmt: skip

ON_MEMORY = {
    "the row of an extended row is left out": Difference(
        MEMORY(validation_bits=MemoryValid.EXTENDED_ROW, row=5, extended=1),
        "sections[0].Memory.row", ABSENT, 5,
        "we: UEFI 2.10 N.2.5, bit 18 extends the row, and replaces bit 8",
        r"Memory\.row", without(MemoryValid.ROW),
    ),
    "the chip is left out": Difference(
        MEMORY(validation_bits=MemoryValid.CHIP_IDENTIFICATION, extended=5 << 5),
        "sections[0].Memory.extended.chipIdentification", ABSENT, 5,
        "we: UEFI 2.10 N.2.5, bit 21 stands for itself; libcper asks for bit 18 too",
        r"Memory\.extended\..*", without(MemoryValid.EXTENDED_ROW),
    ),
    "the handles are left out": Difference(
        MEMORY(validation_bits=MemoryValid.CARD_HANDLE, card_handle=5),
        "sections[0].Memory.cardSmbiosHandle", ABSENT, 5,
        "we: UEFI 2.10 N.2.5, bits 16 and 17 stand for themselves; libcper asks for bit 18 too",
        r"Memory\.(card|module)SmbiosHandle", without(MemoryValid.EXTENDED_ROW), (BINDING,),
    ),
    "a bank that is not valid is shown": Difference(
        MEMORY(validation_bits=0, bank=0x0506), "sections[0].Memory.bank.group", 5, ABSENT,
        "we: UEFI 2.10 N.2.5, bits 6, 19 and 20 are clear",
        r"Memory2?\.bank\.(address|group)", only_theirs,
    ),
    "the address of a memory error 2 is governed by the bit of its status": Difference(
        MEMORY2(validation_bits=Memory2Valid.PHYSICAL_ADDRESS, physical_address=0x1000),
        "sections[0].Memory2.physicalAddress", ABSENT, 0x1000,
        "we: UEFI 2.10 N.2.6, bit 1; in hex libcper shows it without any",
        r"Memory2\.physicalAddress(Hex)?", lambda c: ABSENT in (c.ours, c.theirs),
    ),
    "a short memory section is not read": Difference(
        MEMORY(absent=3, validation_bits=MemoryValid.NODE, node=5),
        "sections[0].Memory.node", ABSENT, 5,
        "we: UEFI 2.2 ends at 73 bytes, Windows Server 2025 at 77; Linux reads both",
        r"(Memory|Unknown)\..*", lambda c: bool(getattr(c.section, "absent", 0)),
    ),
}  # fmt: skip


def access_mode(bus: int, of: str) -> Difference:
    """Of a bus error, by the number that this libcper gives it."""
    return Difference(
        arm_error(
            type=bus,
            validation_bits=ErrorInformationValid.ERROR_INFORMATION,
            error_information=1 << 43 | 1 << 8,
        ),
        "sections[0].ArmProcessor.errorInfo[0].errorInformation.busError.accessMode.value",
        1,
        ABSENT,
        "we: UEFI 2.10 N.2.4.4.1.3, bit 11 governs it; bit 8 is that of the time-out",
        r"ArmProcessor\.errorInfo\[\d+\]\.errorInformation\.busError\.accessMode\..*",
        lambda c: ABSENT in (c.ours, c.theirs),
        (of,),
    )


PADDED = ContextInformation(registers=AArch32GeneralRegisters(r0=7), padding=bytes(8))

ON_ARM = {
    "the type of an ARM error is read by its own encoding": Difference(
        arm_error(type=ArmErrorType.CACHE),
        "sections[0].ArmProcessor.errorInfo[0].errorType.name", "TLB Error", "Cache Error",
        "we: UEFI 2.9A, Linux since 6.1.176, QEMU; --dialect libcper reads as libcper does",
        r"ArmProcessor\.errorInfo\[\d+\]\.(errorType\.name|errorInformation\..*)", of=(BUILT,),
    ),
    "the type of an ARM error is read by the older enumeration": Difference(
        arm_error(type=ArmErrorType.CACHE),
        "sections[0].ArmProcessor.errorInfo[0].errorType.name", "Bus Error", "Cache Error",
        "we: as above; --dialect uefi-2.9 reads as libcper did",
        r"ArmProcessor\.errorInfo\[\d+\]\.(errorType\.name|errorInformation\..*)", of=(BINDING,),
    ),
    "the affinity level is four bytes": Difference(
        ArmProcessorErrorSection(
            validation_bits=ArmValid.ERROR_AFFINITY_LEVEL, error_affinity_level=1,
            reserved=b"\x01\0\0",
        ),
        "sections[0].ArmProcessor.errorAffinity.value", 0x101, 1,
        "we: one byte and three reserved ones in Linux, edk2, Windows and QEMU",
        r"ArmProcessor\.errorAffinity\.(value|type)", lambda c: any(c.section.reserved),
    ),
    "a PSCI state that is not valid is shown": Difference(
        ArmProcessorErrorSection(validation_bits=0, psci_state=5),
        "sections[0].ArmProcessor.psciState", 5, ABSENT,
        "we: UEFI 2.10 N.2.4.4, bit 2 governs running state and PSCI state",
        r"ArmProcessor\.psciState", only_theirs,
    ),
    "whether it was running is read from bit 31": Difference(
        ArmProcessorErrorSection(
            validation_bits=ArmValid.RUNNING_STATE, running_state=1 << 31, psci_state=5
        ),
        "sections[0].ArmProcessor.psciState", ABSENT, 5,
        "we: UEFI 2.10 N.2.4.4, bit 0 tells that it was running",
        r"ArmProcessor\.psciState", lambda c: c.section.running_state >> 31 == 1,
    ),
    "the access mode is governed by another bit": access_mode(4, BUILT),
    "the access mode was governed by another bit": access_mode(2, BINDING),
    "padded contexts are not read": Difference(
        ArmProcessorErrorSection(context_information=[PADDED, PADDED]),
        "sections[0].ArmProcessor.contextInfo[1].registerArray.r0", ABSENT, 7,
        "we: Linux 7.2 steps in multiples of 16 bytes; the section length tells which it is",
        r"ArmProcessor\.contextInfo.*",
        lambda c: any(context.padding for context in c.section.context_information),
    ),
}  # fmt: skip

ON_PCIE = {
    "the interrupt message number is read two bits low": Difference(
        aer(root_error_status=3 << 27),
        "sections[0].Pcie.aerInfo.root_error_status.advanced_error_interrupt_message_number",
        12, 3,
        "we: PCI Express 6.0 7.8.4.10, bits 31:27; Linux's pci_regs.h",
        r"Pcie\.aerInfo\.root_error_status\.advanced_error_interrupt_message_number",
    ),
    "what is behind link capabilities 2 is read four bytes late": Difference(
        capability(capabilities=2, link_control_2=3, slot_capabilities_2=1),
        "sections[0].Pcie.capabilityStructure.link_control2.target_link_speed.raw", 1, 3,
        "we: PCI Express 6.0 7.5.3, at 0x30; Linux's pci_regs.h",
        r"Pcie\.capabilityStructure\.link_(capabilities|control|status)2\..*",
    ),
    "emergency power reduction is two bits": Difference(
        capability(device_status=1 << 7),
        "sections[0].Pcie.capabilityStructure.device_status.emergency_power_reduction", 2, 0,
        "we: PCI Express 6.0 7.5.3.5, bit 6; the next is reserved",
        r"Pcie\.capabilityStructure\.device_status\.emergency_power_reduction",
        lambda c: c.theirs & 1 == c.ours and c.theirs > 1,
    ),
    "the port type is named by its place in a list": Difference(
        capability(capabilities=4 << 4),
        "sections[0].Pcie.capabilityStructure.pcie_capabilities.device_port_type.value",
        "DOWNSTREAM", "ROOT_PORT",
        "we: PCI Express 6.0 7.5.3.2, values 2 and 3 are not in use; the list has no holes",
        r"Pcie\.capabilityStructure\.pcie_capabilities\.device_port_type\.value",
    ),
    "bits and registers are left out": Difference(
        capability(link_control=8),
        "sections[0].Pcie.capabilityStructure.link_control.read_completion_boundary", ABSENT, True,
        "both: libcper shows some of the bits; all are in data",
        r"Pcie\.(capabilityStructure|aerInfo)\.\w+\.\w+", only_ours,
    ),
    "registers without a bit are shown, and a reserved bit": Difference(
        capability(slot_control=1 << 15),
        "sections[0].Pcie.capabilityStructure.slot_control.rsvdp", 1, ABSENT,
        "both: they say nothing",
        r"Pcie\.(capabilityStructure\.slot_control\.rsvdp|(capabilityStructure|aerInfo)\.\w+)",
        lambda c: c.theirs == {} or c.path.endswith("rsvdp"),
    ),
    "another name of the tag bit": Difference(
        capability(capabilities=2, device_control_2=1 << 12),
        "sections[0].Pcie.capabilityStructure.device_control2.10_bit_tag_requester_enable",
        True, ABSENT,
        "we: libcper renamed it since, and its schema too",
        r"Pcie\.capabilityStructure\.device_control2\.10_bit_tag_requester_enable", of=(BINDING,),
    ),
    "the class code is read from its other end": Difference(
        device(class_code=bytes([0x00, 0x04, 0x06])),
        "sections[0].Pcie.deviceID.classCode", 0x000406, 0x060400,
        "we: a bridge; Linux prints the last byte first, as configuration space has it",
        r"Pcie\.deviceID\.classCode", of=(BINDING,),
    ),
    "numbers once more, in hex and in words": Difference(
        device(device_id=0xAB), "sections[0].Pcie.deviceID.deviceID_Hex", "0x00AB", ABSENT,
        "we: libcper's schema has deviceIDHex, and forbids the others",
        r"Pcie\.deviceID\.(\w+_Hex|deviceIDHex|class)",
        lambda c: ABSENT in (c.ours, c.theirs), (BUILT,),
    ),
    "a number in hex without its zeros": Difference(
        device(device_id=0xAB), "sections[0].Pcie.deviceID.deviceIDHex", "0xAB", "0x00AB",
        "both: it is for people; since, libcper writes four digits",
        r"Pcie\.deviceID\.deviceIDHex", lambda c: int(c.ours, 16) == int(c.theirs, 16), (BINDING,),
    ),
    "digits of a version that are none": Difference(
        PcieErrorSection(validation_bits=PcieValid.VERSION, version=PcieVersion(minor=0x1F)),
        "sections[0].Pcie.version.minor", 25, ABSENT,
        "we: 0x1f is no BCD",
        r"Pcie\.version\.(minor|major)", only_theirs,
    ),
}  # fmt: skip

ON_DMAR = {
    "the architecture of DMA remapping is counted from 0": Difference(
        DmarGenericErrorSection(architecture=Architecture.VT_D),
        "sections[0].GenericDmar.architectureType.name", "IOMMU", "VT-d",
        "we: UEFI 2.10 N.2.11.1, 1 is VT-d and 2 IOMMU; libcper takes 0 and 1 for them",
        r"GenericDmar\.architectureType\.name",
    ),
}  # fmt: skip

ON_OTHERS = {
    "the vendor is shown of a device ID that is no fact": Difference(
        CxlProtocolErrorSection(device_id=CxlDeviceId(vendor_id=0x1344)),
        "sections[0].CxlProtocol.deviceID.vendorID", 0x1344, ABSENT,
        "we: UEFI 2.10 N.2.13, bit 2 governs all of it",
        r"CxlProtocol\.deviceID\.vendorID", only_theirs,
    ),
    "the type of an agent is read with the reserved bytes behind it": Difference(
        CxlProtocolErrorSection(
            validation_bits=CxlProtocolValid.AGENT_TYPE, reserved=b"\1" + bytes(6)
        ),
        "sections[0].CxlProtocol.agentType.value", 1 << 8, 0,
        "we: UEFI 2.10 N.2.13, one byte",
        r"CxlProtocol\.(agentType\..*|cxlAgentAddress\..*|deviceSerial)", lambda c: any(c.section.reserved),
    ),
    "a CXL protocol section with an empty part is not read": Difference(
        CxlProtocolErrorSection(validation_bits=CxlProtocolValid.DVSEC),
        "sections[0].CxlProtocol.dvsecLength", ABSENT, 0,
        "we: nothing forbids it; since, libcper reads it",
        r"(CxlProtocol|Unknown)\..*", has_empty_part, (BINDING,),
    ),
    "numbers of 32 bits are shown with a sign": Difference(
        AMPERE(instance_id=1 << 31), "sections[0].Ampere.instanceId", -1 << 31, 1 << 31,
        "we: it is unsigned in libcper's own structure",
        r"(Ampere\.instanceId|Nvidia\.CMETInfo\[\d+\]\.ErrorCount|NvidiaEvent\..*\.xidCode)",
        lambda c: None not in (c.ours, c.theirs) and c.theirs == c.ours - (1 << 32),
    ),
    "all data of NVIDIA's sections are registers": Difference(
        NVIDIA(signature=CMET, data=[MemoryChannel()]),
        "sections[0].Nvidia.registers[0].address", 0, ABSENT,
        "we: the signature tells; since, libcper asks it",
        r"Nvidia\.(registers|CMETInfo|FWErrorInfo).*",
        lambda c: ABSENT in (c.ours, c.theirs), (BINDING,),
    ),
    "the end of NVIDIA's firmware data is left out": Difference(
        NVIDIA(signature=FIRMWARE, data=[FirmwareError(scratch_dram_disable=5)]),
        "sections[0].Nvidia.FWErrorInfo.scratch_dram_disable", ABSENT, 5,
        "both: libcper shows six of fourteen members",
        r"Nvidia\.FWErrorInfo\..*", only_ours, (BUILT,),
    ),
}  # fmt: skip

ON_ARM_RAS = {
    "registers that hold nothing are shown": Difference(
        ArmRasNodeSection(error_syndromes=[ErrorSyndrome(extension_revision=0x10, err_misc2=5)]),
        "sections[0].ArmRas.errorSyndromes[0].errorRecordMiscRegister2",
        "0x0000000000000005", ABSENT,
        "we: Arm DDI 0487, ERR<n>STATUS.MV tells whether they hold anything",
        r"ArmRas\.errorSyndromes\[\d+\]\.errorRecordMiscRegister[23]",
        only_theirs, (BUILT,),
    ),
    "the types of nodes are named by the case before": Difference(
        ArmRasNodeSection(ip_type_format=IpTypeFormat.GIC_IIDR, error_syndromes=[ErrorSyndrome()]),
        "sections[0].ArmRas.ipType.pidr3", "0x00", ABSENT,
        "we: Arm DEN0085 table 20, 2 is GICD_IIDR and 3 the PIDRs",
        r"ArmRas\.ipType\..*",
        lambda c: c.section.ip_type_format in (IpTypeFormat.GIC_IIDR, IpTypeFormat.PIDR), (BUILT,),
    ),
    "a type that is invalid": Difference(
        ArmRasNodeSection(ip_type_format=IpTypeFormat.INVALID, error_syndromes=[ErrorSyndrome()]),
        "sections[0].ArmRas.ipTypeFormat.value", ABSENT, "Invalid",
        "we: Arm DEN0085 table 20, 255 says so, and that there is no type",
        r"ArmRas\.(ipTypeFormat\.value|ipType)",
        lambda c: c.section.ip_type_format == IpTypeFormat.INVALID, (BUILT,),
    ),
    "an identifier of a system on chip is opaque": Difference(
        ArmRasNodeSection(
            ip_instance_format=IpInstanceFormat.SOC_SPECIFIC_IDENTIFIER,
            error_syndromes=[ErrorSyndrome()],
        ),
        "sections[0].ArmRas.ipInstance.socSpecificIpIdentifier", "<OpaqueData>", ABSENT,
        "both: it says nothing",
        r"ArmRas\.ipInstance(\.socSpecificIpIdentifier)?", only_theirs, (BUILT,),
    ),
}  # fmt: skip

ON_X86 = {
    "operations of caches are named of buses and TLBs": Difference(
        x86(X86ErrorInformation(
            error_structure_type=TLB,
            validation_bits=X86InformationValid.CHECK_INFORMATION,
            check_information=CheckValid.OPERATION | 7 << 18,
        )),
        "sections[0].Ia32x64Processor.processorErrorInfo[0].checkInfo.operation.name",
        "Eviction", "Unknown (Reserved)",
        "we: UEFI 2.10 N.2.4.2.1, a TLB and a bus have operations 0 to 6",
        r"Ia32x64Processor\.processorErrorInfo\[\d+\]\.checkInfo\.operation\.name",
        lambda c: c.theirs in ("Eviction", "Snoop"),
    ),
    "a state without CR8 is read with it": Difference(
        x86(contexts=[X64StateContextWithoutCr8(gdtr=bytes([5, *bytes(15)]))]),
        "sections[0].Ia32x64Processor.processorContextInfo[0].registerArray.gdtr_0", ABSENT, 5,
        "we: the length of the array tells; edk2 declares it without",
        r"Ia32x64Processor\.processorContextInfo.*",
        lambda c: any(isinstance(x, X64StateContextWithoutCr8) for x in c.section.context_information),
    ),
    "an array of no bytes": Difference(
        x86(contexts=[UnclassifiedContext()]),
        "sections[0].Ia32x64Processor.processorContextInfo[0].registerArray.data", ABSENT, "",
        "both: there is none",
        r"Ia32x64Processor\.processorContextInfo\[\d+\]\.registerArray(\.data)?",
        lambda c: not c.ours and not c.theirs,
    ),
}  # fmt: skip

DIFFERENCES = {
    **GENERAL,
    **ON_MEMORY,
    **ON_ARM,
    **ON_PCIE,
    **ON_DMAR,
    **ON_OTHERS,
    **ON_ARM_RAS,
    **ON_X86,
}


def both_of_a_bank(document: Any) -> None:
    for section in document["sections"]:
        bank = section.get("Memory", {}).get("bank")
        if "Memory2" in section:
            # Of these even where there is none.
            bank = section["Memory2"].setdefault("bank", {})
        if bank is not None and "value" not in bank:
            bank.update({"address": 0, "group": 0} | bank)


def shorter_fru_text(document: Any) -> None:
    for descriptor in document["sectionDescriptors"]:
        if "fruText" in descriptor:
            descriptor["fruText"] = descriptor["fruText"][:19]


def clamped(section: Any) -> Any:
    if not isinstance(section, AMPERE):
        return section
    return section.replace(instance_id=min(section.instance_id, (1 << 31) - 1))


def without_log(section: Any) -> Any:
    if not isinstance(section, CxlEventSection) or section.has_valid(CxlEventValid.EVENT_LOG):
        return section
    return type(section).from_bytes(section.to_bytes()[:32])


def uncounted(section: Any) -> Any:
    if not isinstance(section, PCI_COMPONENT):
        return section
    names = ("memory_number", "io_number")
    return section.replace(**{name: 0 for name in names if not section.is_valid(name)})


def all_physical(section: Any) -> Any:
    if not isinstance(section, ArmRasNodeSection):
        return section
    return section.replace(
        auxiliary_data=[
            data.replace(
                contexts=[c.replace(flags=0, address_space_identifier=0) for c in data.contexts]
            )
            for data in section.auxiliary_data
        ]
    )


MISREADINGS = {
    "of group and address of a bank both are taken for facts": Misreading(
        MEMORY(validation_bits=MemoryValid.BANK_GROUP, bank=0x0500),
        "we: UEFI 2.10 N.2.5, bits 19 and 20 stand each for itself", both_of_a_bank,
    ),
    "FRU text loses its last character": Misreading(
        fru("x" * 20), "we: UEFI 2.10 N.2.2 asks for no NUL behind 20 characters",
        shorter_fru_text,
    ),
    "an event log that is no fact is left out, though the length counts it": Misreading(
        CxlMldPortEventSection(),
        "we: UEFI 2.10 N.2.14, the length is that of the whole section", made=without_log,
    ),
    "numbers of 32 bits are read with a sign": Misreading(
        AMPERE(instance_id=1 << 31), "we: it is unsigned in libcper's own structure", made=clamped,
    ),
    "of register pairs none are counted where the counts are no facts": Misreading(
        PCI_COMPONENT(
            validation_bits=PciComponentValid.REGISTER_DATA_PAIRS,
            memory_register_pairs=[RegisterPair()],
        ),
        "we: the bytes of such a section are read by the counts all the same", made=uncounted,
    ),
    "addresses of a local space are those of the system": Misreading(
        ArmRasNodeSection(
            error_syndromes=[ErrorSyndrome()],
            auxiliary_data=[AuxiliaryData(contexts=[AuxiliaryContext(flags=ScopeFlags.local.mask)])],
        ),
        "we: the scope is shown as text; libcper reads a number from it, and no identifier",
        made=all_physical,
    ),
}  # fmt: skip
"""What libcper makes of CPER-JSON that we write."""


def has_no_registers(section: dict[str, Any]) -> bool:
    body = section.get("Nvidia", {"registers": [], "signature": ""})
    return not {"registers", "signature"} <= body.keys()


CRASHES = {
    "what NVIDIA's sections have instead of registers is not read": Crash(
        NVIDIA(signature=CMET, data=[MemoryChannel()]),
        "it asks a list that is not there for its length", has_no_registers,
    ),
}  # fmt: skip
"""What libcper writes, and cannot read."""
