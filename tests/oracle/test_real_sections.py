"""A real Linux 6.1 prints processor sections and firmware records: the values are those we decode."""

import re
import struct
from collections.abc import Iterator
from uuid import UUID

import pytest
from test_real_linux import block_of, dumped, value, values

from apeitool.cli.example import lab_hest
from apeitool.cper.sections.firmware_record import FirmwareErrorRecordReferenceSection
from apeitool.cper.sections.generic_processor import (
    GenericProcessorErrorSection,
    ProcessorIsa,
    ProcessorOperation,
    ProcessorType,
)
from apeitool.cper.sections.ia32_x64_processor import (
    CpuidInformation,
    Ia32X64ProcessorErrorSection,
    X86ErrorInformation,
)
from apeitool.cper.x86_context import (
    MemoryMappedContext,
    MemoryMappedRegister,
    ModelSpecificRegister,
    MsrContext,
)
from apeitool.cper.x86_error import CHECKS
from apeitool.cper.x86_state_context import X64StateContext
from apeitool.lab.images import Images
from apeitool.lab.session import Report, Session

pytestmark = pytest.mark.guest


@pytest.fixture
def linux(lab_images: Images) -> Iterator[Session]:
    with Session(lab_images, lab_hest()) as running:
        yield running


PRINTED = {
    "Transaction Type": "transaction_type",
    "Operation": "operation",
    "Level": "level",
    "Processor Context Corrupt": "processor_context_corrupt",
    "Uncorrected": "uncorrected",
    "Precise IP": "precise_ip",
    "Restartable IP": "restartable_ip",
    "Overflow": "overflow",
    "Participation Type": "participation_type",
    "Time Out": "time_out",
    "Address Space": "address_space",
    "Error Type": "error_type",
}
"""What Linux calls the ranges of a check."""

ALL = (
    0x7FF | 1 << 16 | 5 << 18 | 2 << 22 | 1 << 25 | 1 << 28 | 1 << 30 | 1 << 32 | 3 << 33,
    0xFF | 2 << 16 | 4 << 18 | 7 << 22 | 1 << 26 | 1 << 27 | 1 << 29,
    0x3F | 4 << 16 | 1 << 19 | 1 << 21 | 1 << 23,
)


@pytest.mark.parametrize("check", ALL, ids=hex)
@pytest.mark.parametrize("guid", CHECKS, ids=lambda guid: CHECKS[guid][0])
def test_checks(linux: Session, guid: UUID, check: int) -> None:
    """Each kind of check, with the same bits: every range has the value that Linux reads."""
    information = X86ErrorInformation(
        error_structure_type=guid, validation_bits=0x1F, check_information=check,
        target_id=1, requestor_id=2, responder_id=3, instruction_pointer=4,
    )  # fmt: skip
    made = Ia32X64ProcessorErrorSection(local_apic_id=5, error_information=[information])
    report = linux.inject(block_of(made).to_bytes())
    assert value(report, "Error Structure Type") == information.kind
    facts = CHECKS[guid][1](check).facts()
    assert {name for name in PRINTED if values(report, name)} == {
        name for name, ours in PRINTED.items() if ours in facts
    }
    for name, ours in PRINTED.items():
        if ours in facts:
            assert _read(value(report, name)) == int(facts[ours]), name
    for name, number in (("Target", 1), ("Requestor", 2), ("Responder", 3)):
        assert int(value(report, f"{name} Identifier"), 16) == number
    assert int(value(report, "Instruction Pointer"), 16) == 4
    assert int(value(report, "Local APIC_ID"), 16) == 5


def _read(printed: str) -> int:
    """``3, data read`` or ``true`` as a number."""
    return {"true": 1, "false": 0}.get(printed) or int(re.match(r"\d*", printed)[0] or 0)


def test_contexts(linux: Session) -> None:
    """Where each begins and what is in it; Linux 6.1 takes them tight."""
    msr = [ModelSpecificRegister(address=0x179 + i, value=0x1111 * (i + 1)) for i in range(3)]
    mapped = [MemoryMappedRegister(address=0xFED00000, value=0x5555)]
    made = Ia32X64ProcessorErrorSection(
        cpuid_info=CpuidInformation.of(0xA20F10, 0x100800, 3, 4),
        context_information=[
            MsrContext(registers=msr),
            X64StateContext(rax=7, tr=0x40),
            MemoryMappedContext(registers=mapped),
        ],
    )
    report = linux.inject(block_of(made).to_bytes())
    assert values(report, "Register Context Type") == [
        "MSR Registers (Machine Check and other MSRs)",
        made.context_information[1].register_context_type.text.replace("mode", "Mode").title()
        .replace("-Bit", "-bit"),
        "Memory Mapped Registers",
    ]  # fmt: skip
    assert values(report, "Register Array Size") == ["0x0018", "0x00f4", "0x0008"]
    assert value(report, "MSR Address") == "0x00000179"
    assert value(report, "MM Register Address") == "0x00000000fed00000"
    words = words_of(report)
    assert words[:8] == ["00a20f10", "00000000", "00100800", "00000000", "00000003", "00000000",
                         "00000004", "00000000"]  # fmt: skip
    assert [w for w in words if len(w) == 16] == [f"{r.value:016x}" for r in msr]


def words_of(report: Report) -> list[str]:
    """All numbers of the kernel's dumps, in order."""
    rows = (re.search(r"\]:\s+[0-9a-f]{8}: ([0-9a-f ]*)", line) for line in report.lines)
    return [word for row in rows if row for word in row[1].split()]


def test_generic_processor(linux: Session) -> None:
    section = GenericProcessorErrorSection(
        validation_bits=0x1FFF, processor_type=ProcessorType.IA32_X64,
        processor_isa=ProcessorIsa.X64, processor_error_type=6,
        operation=ProcessorOperation.INSTRUCTION_EXECUTION, flags=5, level=3,
        cpu_version_info=0xA20F10, processor_id=0x11, target_address=0x22, requestor_id=0x33,
        responder_id=0x44, instruction_ip=0x55,
    )  # fmt: skip
    report = linux.inject(block_of(section).to_bytes())
    assert value(report, "processor_type") == f"0, {section.processor_type.text}"
    assert value(report, "processor_isa") == f"2, {section.processor_isa.text}"
    assert value(report, "operation") == "3, instruction execution"
    assert any(line.endswith("TLB error, bus error") for line in report.lines)
    assert any(line.endswith("restartable, overflow") for line in report.lines)
    for name, field in (
        ("error_type", "processor_error_type"), ("flags", "flags"), ("level", "level"),
        ("version_info", "cpu_version_info"), ("processor_id", "processor_id"),
        ("target_address", "target_address"), ("requestor_id", "requestor_id"),
        ("responder_id", "responder_id"), ("IP", "instruction_ip"),
    ):  # fmt: skip
        assert int(value(report, name), 0) == getattr(section, field), name


GUID = UUID("8f87f311-c998-4d9e-a0c4-6065518c4f6d")
OWN = bytes(range(32))
RECORDS = {
    0: bytes(8) + struct.pack("<Q", 0x1234) + OWN,
    1: b"\x01\x01" + bytes(6) + OWN,
    2: b"\x02\x02" + bytes(14) + GUID.bytes_le + OWN,
}


@pytest.mark.parametrize("revision", RECORDS)
def test_firmware_record(linux: Session, revision: int) -> None:
    """Where the firmware's own bytes begin depends on the revision, and so does the identifier."""
    section = FirmwareErrorRecordReferenceSection.from_bytes(RECORDS[revision])
    report = linux.inject(block_of(section).to_bytes())
    assert value(report, "Revision") == str(revision)
    assert dumped(report) == section.record == OWN
    shown = {0: f"{0x1234:08x}", 1: None, 2: str(section.record_guid)}[revision]
    assert values(report, "Record Identifier") == ([shown] if shown else [])
