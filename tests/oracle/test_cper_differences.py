"""Where libcper and we differ: the bytes, both answers, and who is right by which source.

Each row asserts exactly its difference; when one disappears its row fails, and `test_cper` and
`libcper_names` no longer need to allow for it.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from test_cper import flat

from apeitool.cper.arm_context import AArch32GeneralRegisters, MiscRegister, MiscRegisters
from apeitool.cper.arm_error import ArmErrorType
from apeitool.cper.record import Record
from apeitool.cper.sections.arm_processor import (
    ArmProcessorErrorSection,
    ArmValid,
    ContextInformation,
    ErrorInformation,
    ErrorInformationValid,
)
from apeitool.cper.sections.ia32_x64_processor import (
    CpuidInformation,
    Ia32X64ProcessorErrorSection,
)
from apeitool.cper.sections.memory import MemoryErrorSection, MemoryValid
from apeitool.cper.sections.memory_2 import Memory2Valid, MemoryErrorSection2
from apeitool.cper.sections.pcie import (
    AerInformation,
    CapabilityStructure,
    PcieDeviceId,
    PcieErrorSection,
    PcieValid,
)
from apeitool.cper.x86_context import UnclassifiedContext
from apeitool.cper.x86_state_context import X64StateContextWithoutCr8
from apeitool.registers.pcie import RootErrorStatus
from apeitool.wire.record import Structure

pytestmark = pytest.mark.oracle

LARGEST = (1 << 63) - 1
ABSENT = None
"""libcper does not show it."""


@dataclass(frozen=True)
class Difference:
    """One section, one value in it, two answers."""

    section: Structure
    place: str
    theirs: Any
    ours: Any
    right: str


def arm_error(**fields: Any) -> ArmProcessorErrorSection:
    return ArmProcessorErrorSection(error_information=[ErrorInformation(**fields)])


def aer(**fields: Any) -> PcieErrorSection:
    information = AerInformation(**fields)
    return PcieErrorSection(validation_bits=PcieValid.AER_INFO, aer_information=information)


PADDED = ContextInformation(registers=AArch32GeneralRegisters(r0=7), padding=bytes(8))
VERSION_2 = CapabilityStructure(capabilities=2, link_control_2=3, slot_capabilities_2=1)
MEMORY = MemoryErrorSection
TAIL = UnclassifiedContext(data=bytes(16))

DIFFERENCES = {
    "a cache error is called a bus error": Difference(
        arm_error(type=ArmErrorType.CACHE),
        "ArmProcessor.errorInfo[0].errorType.name",
        "Bus Error",
        lambda s: s.error_information[0].sentence(),
        "cache error: UEFI 2.9A, Linux since 6.1.176, QEMU; libcper has the older enumeration",
    ),
    "a TLB error is called reserved": Difference(
        arm_error(type=ArmErrorType.TLB),
        "ArmProcessor.errorInfo[0].errorType.name",
        "Unknown (Reserved)",
        lambda s: s.error_information[0].sentence(),
        "TLB error: as above",
    ),
    "numbers above 63 bits are cut": Difference(
        MEMORY(validation_bits=MemoryValid.PHYSICAL_ADDRESS, physical_address=1 << 63),
        "Memory.physicalAddress",
        LARGEST,
        lambda s: s.physical_address,
        f"{1 << 63}: the field has 64 bits",
    ),
    "the row of an extended row is left out": Difference(
        MEMORY(validation_bits=MemoryValid.EXTENDED_ROW, row=5, extended=1),
        "Memory.row",
        ABSENT,
        lambda s: s.full_row,
        "65541: UEFI 2.10 N.2.5, bit 18 extends the row, and replaces bit 8",
    ),
    "the card handle is left out": Difference(
        MEMORY(validation_bits=MemoryValid.CARD_HANDLE, card_handle=5),
        "Memory.cardSmbiosHandle",
        ABSENT,
        lambda s: s.card_handle if s.is_valid("card_handle") else None,
        "5: UEFI 2.10 N.2.5, bit 16 stands for itself; libcper asks for bit 18 too",
    ),
    "the module handle is left out": Difference(
        MEMORY(validation_bits=MemoryValid.MODULE_HANDLE, module_handle=5),
        "Memory.moduleSmbiosHandle",
        ABSENT,
        lambda s: s.module_handle if s.is_valid("module_handle") else None,
        "5: UEFI 2.10 N.2.5, bit 17 stands for itself; libcper asks for bit 18 too",
    ),
    "the chip is left out": Difference(
        MEMORY(validation_bits=MemoryValid.CHIP_IDENTIFICATION, extended=5 << 5),
        "Memory.extended.chipIdentification",
        ABSENT,
        lambda s: dict(s.location())["chip"],
        "5: UEFI 2.10 N.2.5, bit 21 stands for itself; libcper asks for bit 18 too",
    ),
    "a bank group that is not valid is shown": Difference(
        MEMORY(validation_bits=0, bank=0x0506),
        "Memory.bank.group",
        5,
        lambda s: dict(s.location()).get("bank group"),
        "None: UEFI 2.10 N.2.5, bits 6, 19 and 20 are clear",
    ),
    "a short memory section is not read": Difference(
        MEMORY(absent=3, validation_bits=MemoryValid.NODE, node=5),
        "Memory.node",
        ABSENT,
        lambda s: s.node if s.is_valid("node") else None,
        "5: UEFI 2.2 ends at 73 bytes, Windows Server 2025 at 77; Linux reads both",
    ),
    "the address of a memory error 2 is governed by another bit": Difference(
        MemoryErrorSection2(validation_bits=Memory2Valid.ERROR_STATUS, physical_address=5),
        "Memory2.physicalAddress",
        5,
        lambda s: s.physical_address if s.is_valid("physical_address") else None,
        "None: UEFI 2.10 N.2.6, bit 1 governs it; libcper asks for bit 0",
    ),
    "packed CPUID registers are taken for wide ones": Difference(
        Ia32X64ProcessorErrorSection(
            cpuid_info=CpuidInformation(
                registers=(0xA20F10, 0x100800, 0x7EF8320B, 0x178BFBFF, *(0,) * 8)
            )
        ),
        "Ia32x64Processor.cpuidInfo.ebx",
        0x178BFBFF_7EF8320B,
        lambda s: s.cpuid_info.leaf_1[1],
        f"{0x100800}: Windows packs them, and the upper half of a wide one is zero",
    ),
    "a 64-bit state without CR8 is read as one that has it": Difference(
        Ia32X64ProcessorErrorSection(
            context_information=[X64StateContextWithoutCr8(gdtr=b"\5" + bytes(15)), TAIL]
        ),
        "Ia32x64Processor.processorContextInfo[0].registerArray.cr8",
        5,
        lambda s: getattr(s.context_information[0], "cr8", None),
        "None: edk2 declares no CR8, and the register array size of 236 bytes has no room for it",
    ),
    "the affinity level is four bytes": Difference(
        ArmProcessorErrorSection(
            validation_bits=ArmValid.ERROR_AFFINITY_LEVEL,
            error_affinity_level=1,
            reserved=b"\x01\0\0",
        ),
        "ArmProcessor.errorAffinity.value",
        0x101,
        lambda s: s.error_affinity_level,
        "1: one byte and three reserved ones in Linux, edk2, Windows and QEMU",
    ),
    "a PSCI state that is not valid is shown": Difference(
        ArmProcessorErrorSection(validation_bits=0, psci_state=5),
        "ArmProcessor.psciState",
        5,
        lambda s: s.psci_state if s.is_valid("psci_state") else None,
        "None: UEFI 2.10 N.2.4.4, bit 2 governs running state and PSCI state",
    ),
    "whether it was running is read from bit 31": Difference(
        ArmProcessorErrorSection(
            validation_bits=ArmValid.RUNNING_STATE, running_state=1 << 31, psci_state=5
        ),
        "ArmProcessor.psciState",
        ABSENT,
        lambda s: s.psci_state,
        "5: UEFI 2.10 N.2.4.4, bit 0 tells that it was running",
    ),
    "the access mode is governed by another bit": Difference(
        arm_error(
            type=2,
            validation_bits=ErrorInformationValid.ERROR_INFORMATION,
            error_information=1 << 43 | 1 << 8,
        ),
        "ArmProcessor.errorInfo[0].errorInformation.busError.accessMode.value",
        1,
        lambda s: (1 << 11) & s.error_information[0].error_information or None,
        "None: UEFI 2.10 N.2.4.4.1.3, bit 11 governs it; bit 8 is that of the time-out",
    ),
    "padded contexts are not read": Difference(
        ArmProcessorErrorSection(context_information=[PADDED, PADDED]),
        "ArmProcessor.contextInfo[1].registerArray.r0",
        ABSENT,
        lambda s: s.context_information[1].registers.r0,
        "7: Linux 7.2 steps in multiples of 16 bytes; the section length tells which it is",
    ),
    "of the miscellaneous registers only one is shown": Difference(
        ArmProcessorErrorSection(
            context_information=[
                ContextInformation(
                    registers=MiscRegisters(registers=[MiscRegister(), MiscRegister(value=5)])
                )
            ]
        ),
        "ArmProcessor.contextInfo[0].registerArray.value",
        0,
        lambda s: s.context_information[0].registers.registers[1].value,
        "5: UEFI 2.10 N.2.4.4.2, as many as the array has room for",
    ),
    "link control 2 is read four bytes late": Difference(
        PcieErrorSection(
            validation_bits=PcieValid.CAPABILITY_STRUCTURE, capability_structure=VERSION_2
        ),
        "Pcie.capabilityStructure.link_control2.target_link_speed.raw",
        1,
        lambda s: s.capability_structure.link_control_2,
        "3: PCI Express 6.0 7.5.3, at 0x30; Linux's pci_regs.h",
    ),
    "the class code is read from its other end": Difference(
        PcieErrorSection(
            validation_bits=PcieValid.DEVICE_ID,
            device_id=PcieDeviceId(class_code=bytes([0x00, 0x04, 0x06])),
        ),
        "Pcie.deviceID.classCode",
        0x000406,
        lambda s: int.from_bytes(s.device_id.class_code, "little"),
        f"{0x060400}, a bridge: Linux prints the last byte first, as configuration space has it",
    ),
    "the interrupt message number is read two bits low": Difference(
        aer(root_error_status=3 << 27),
        "Pcie.aerInfo.root_error_status.advanced_error_interrupt_message_number",
        12,
        lambda s: RootErrorStatus(s.aer_information.root_error_status).interrupt_message_number,
        "3: PCI Express 6.0 7.8.4.10, bits 31:27; Linux's pci_regs.h",
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_difference(libcper, name) -> None:
    row = DIFFERENCES[name]
    record = Record(body=[row.section]).to_bytes()
    (section,) = Record.from_bytes(record).sections
    (answer,) = libcper.parse(record)["sections"]
    assert dict(flat(answer, words=True)).get(row.place) == row.theirs
    assert row.right.startswith(str(row.ours(section)))
    assert row.ours(section) != row.theirs
