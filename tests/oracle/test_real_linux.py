"""A real Linux 6.1 is given our HEST and our blocks: it prints the values that were put in.

Every test gets a guest of its own, restored to the same state, so that no print limit and no cache
of the kernel reaches from one to the next.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import apeitool as apei
from apeitool.cli.example import example
from apeitool.cper.arm_context import AArch64El1Registers
from apeitool.cper.sections.memory import MemoryErrorType, MemoryValid
from apeitool.cper.sections.pcie import (
    AerInformation,
    BridgeControlStatus,
    DeviceSerialNumber,
    PcieDeviceId,
    PcieVersion,
)
from apeitool.lab.images import Images
from apeitool.lab.session import Report, Session
from apeitool.registers.pcie_capability import PortType

pytestmark = pytest.mark.guest

POLLED, NMI = 1, 2
PREFIX = r"^(?:\{\d+\})?\[Hardware Error\]:\s*"
SEVERITIES = {
    apei.Severity.RECOVERABLE: "recoverable",
    apei.Severity.FATAL: "fatal",
    apei.Severity.CORRECTED: "corrected",
    apei.Severity.INFORMATIONAL: "info",
}


@pytest.fixture
def session(lab_images: Images) -> Iterator[Session]:
    with Session(lab_images, example("hest")) as running:
        yield running


def block_of(
    *sections: apei.Section,
    severity: apei.Severity = apei.Severity.CORRECTED,
    **entry: object,
) -> apei.StatusBlock:
    made = [
        apei.GenericErrorDataEntryV3(error_severity=severity, section=section, **entry)
        for section in sections
    ]
    return apei.StatusBlock(error_severity=severity, entries=made)


def values(report: Report, name: str) -> list[str]:
    """What the kernel printed behind ``name:``, each time it did."""
    pattern = re.compile(PREFIX + re.escape(name) + r":\s*(.*?)\s*$")
    return [match[1] for line in report.lines if (match := pattern.match(line))]


def value(report: Report, name: str) -> str:
    found = values(report, name)
    assert len(found) == 1, (name, report.lines)
    return found[0]


def numbers(line: str) -> dict[str, int]:
    """``node:1 card:0x2`` as a dictionary."""
    return {name: int(text, 0) for name, text in re.findall(r"(\w+):(0x[0-9a-f]+|\d+)", line)}


def dumped(report: Report) -> bytes:
    """The bytes of a section that the kernel dumped: 32-bit words, and what does not fill one."""
    data = b""
    for line in report.lines:
        match = re.match(
            PREFIX + r"[0-9a-f]{8}: ((?:[0-9a-f]{8} ?){1,4}|(?:[0-9a-f]{2} ?){1,16}) ", line
        )
        if match:
            for word in match[1].split():
                data += bytes.fromhex(word)[::-1]
    return data


MEMORY = apei.MemoryErrorSection(
    validation_bits=(1 << 22) - 1 & ~MemoryValid.BANK,
    error_status=0x400, physical_address=0x123456789ABC, physical_address_mask=0xFFFFFFFFFFFFF000,
    node=1, card=2, module=3, bank=0x0405, device=6, row=7, column=8, bit_position=9,
    requestor_id=0xA1, responder_id=0xA2, target_id=0xA3,
    memory_error_type=MemoryErrorType.MULTI_SYMBOL_CHIPKILL_ECC, extended=0x42, rank_number=11,
    card_handle=0x1001, module_handle=0x1102,
)  # fmt: skip


@pytest.mark.parametrize("source", [POLLED, NMI])
@pytest.mark.parametrize("severity", SEVERITIES)
def test_memory_of_every_severity(session: Session, severity: apei.Severity, source: int) -> None:
    section = MEMORY.replace(physical_address=0x1000 * (severity + 1))
    block = block_of(section, severity=severity, validation_bits=2, fru_text="DIMM_A1")
    report = session.inject(block.to_bytes(), source_id=source)
    assert report.cleared
    assert report.acknowledged == (source == NMI)
    assert report.panicked == (severity is apei.Severity.FATAL)
    assert value(report, "event severity") == SEVERITIES[severity]
    assert value(report, "Error 0, type") == SEVERITIES[severity]
    assert value(report, "Hardware error from APEI Generic Hardware Error Source") == str(source)
    assert value(report, "fru_text") == "DIMM_A1"
    assert int(value(report, "physical_address"), 16) == section.physical_address
    panic = any("Kernel panic - not syncing" in line for line in report.lines)
    assert panic == (severity is apei.Severity.FATAL)


def test_every_field_of_a_memory_section(session: Session) -> None:
    report = session.inject(block_of(MEMORY).to_bytes(), source_id=NMI)
    assert value(report, "section_type") == "memory error"
    status = value(report, "error_status")
    assert status == f"Storage error in DRAM memory ({MEMORY.error_status:#018x})"
    assert int(value(report, "physical_address"), 16) == MEMORY.physical_address
    assert int(value(report, "physical_address_mask"), 16) == MEMORY.physical_address_mask
    where = next(numbers(line) for line in report.lines if "node:" in line)
    named = dict(MEMORY.location())
    assert where == {
        "node": named["node"],
        "card": named["card"],
        "module": named["module"],
        "rank": named["rank"],
        "bank_group": named["bank group"],
        "bank_address": named["bank address"],
        "device": named["device"],
        "row": MEMORY.full_row,
        "column": named["column"],
        "bit_position": named["bit"],
        "requestor_id": MEMORY.requestor_id,
        "responder_id": MEMORY.responder_id,
        "target_id": MEMORY.target_id,
        "chip_id": named["chip"],
    }
    kind = value(report, "error_type")
    assert kind == f"{int(MEMORY.memory_error_type)}, multi-symbol chipkill ECC"
    assert value(report, "DIMM location") == "not present. DMI handle: 0x1102"


def test_a_memory_section_of_73_bytes(session: Session) -> None:
    section = apei.MemoryErrorSection(
        validation_bits=MemoryValid.PHYSICAL_ADDRESS | MemoryValid.MEMORY_ERROR_TYPE,
        physical_address=0x7300, memory_error_type=MemoryErrorType.PARITY_ERROR, absent=7,
    )  # fmt: skip
    block = block_of(section)
    assert section.size == 73
    report = session.inject(block.to_bytes(), source_id=NMI)
    assert int(value(report, "physical_address"), 16) == 0x7300
    assert value(report, "error_type") == "8, parity error"


def test_entry_of_revision_2_and_fru_id_and_timestamp(session: Session) -> None:
    fru = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
    old = apei.GenericErrorDataEntryV2(
        error_severity=apei.Severity.CORRECTED, validation_bits=1, fru_id=fru, section=MEMORY
    )
    new = apei.GenericErrorDataEntryV3(
        error_severity=apei.Severity.INFORMATIONAL, validation_bits=4,
        timestamp=0x2026112201031415, section=MEMORY,
    )  # fmt: skip
    block = apei.StatusBlock(error_severity=apei.Severity.CORRECTED, entries=[old, new])
    report = session.inject(block.to_bytes(), source_id=NMI)
    assert uuid.UUID(value(report, "fru_id")) == fru
    assert value(report, "Error 0, type") == "corrected"
    assert value(report, "Error 1, type") == "info"
    stamp = apei.Timestamp(new.timestamp)
    assert value(report, "precise tstamp") == f"{stamp.moment:%Y-%m-%d %H:%M:%S}"
    assert len(values(report, "section_type")) == 2


PCIE = apei.PcieErrorSection(
    validation_bits=0xBF, port_type=PortType.DOWNSTREAM_SWITCH_PORT,
    version=PcieVersion(major=0x12, minor=0x34), command=0x0507, status=0x4010,
    device_id=PcieDeviceId(
        vendor_id=0x1AF4, device_id=0x1234, class_code=bytes.fromhex("563412"), function_number=3,
        device_number=0x1D, segment_number=0, bus_number=0x7E, secondary_bus_number=0x7F,
        slot_number=0x25 << 3,
    ),
    device_serial_number=DeviceSerialNumber(lower=0x1111, upper=0x2222),
    bridge_control_status=BridgeControlStatus(secondary_status=0x2345, control=0x0067),
    aer_information=AerInformation(
        capability_header=0x14820001, uncorrectable_error_status=0x00100000,
        uncorrectable_error_mask=0x00400000, uncorrectable_error_severity=0x00462030,
        correctable_error_status=0x2000, header_log=[0x11223344, 0x55667788, 0x99AABBCC, 0xDDEEFF00],
    ),
)  # fmt: skip


def test_every_field_of_a_pcie_section(session: Session) -> None:
    block = block_of(PCIE, severity=apei.Severity.INFORMATIONAL)
    report = session.inject(block.to_bytes(), source_id=NMI)
    assert value(report, "section_type") == "PCIe error"
    assert value(report, "port_type") == f"{int(PCIE.port_type)}, downstream switch port"
    # Linux prints the two bytes in decimal, whatever the specification says of BCD.
    assert value(report, "version") == f"{PCIE.version.major}.{PCIE.version.minor}"
    assert value(report, "command") == f"{PCIE.command:#06x}, status: {PCIE.status:#06x}"
    ids = values(report, "device_id")
    assert ids == [PCIE.device_id.address]
    assert value(report, "slot") == str(0x25)
    assert int(value(report, "secondary_bus"), 16) == PCIE.device_id.secondary_bus_number
    vendor = f"{PCIE.device_id.vendor_id:#06x}, device_id: {PCIE.device_id.device_id:#06x}"
    assert value(report, "vendor_id") == vendor
    assert bytes.fromhex(value(report, "class_code"))[::-1] == PCIE.device_id.class_code
    assert value(report, "serial number") == "0x1111, 0x2222"
    bridge = PCIE.bridge_control_status
    shown = f"secondary_status: {bridge.secondary_status:#06x}, control: {bridge.control:#06x}"
    assert value(report, "bridge") == shown
    aer = PCIE.aer_information
    status = f"{aer.uncorrectable_error_status:#010x}, aer_uncor_mask: "
    assert value(report, "aer_uncor_status") == status + f"{aer.uncorrectable_error_mask:#010x}"
    assert int(value(report, "aer_uncor_severity"), 16) == aer.uncorrectable_error_severity
    assert value(report, "TLP Header") == " ".join(f"{word:08x}" for word in aer.header_log)


ARM = apei.ArmProcessorErrorSection(
    validation_bits=15, error_affinity_level=2, mpidr_el1=0x80010203, midr_el1=0x410FD0B1,
    running_state=1,
    error_information=[
        apei.ErrorInformation(
            validation_bits=31, type=2, flags=3, error_information=0x0091000F,
            virtual_fault_address=0xFFFF000012345678, physical_fault_address=0x8765432100,
        ),
    ],
    context_information=[
        apei.ContextInformation(registers=AArch64El1Registers(elr_el1=0x11, ttbr1_el1=0x22)),
    ],
    vendor_specific_information=b"seven..",
)  # fmt: skip

OTHER = apei.OpaqueSection(
    guid=uuid.UUID("01234567-89ab-cdef-0123-456789abcdef"), data=bytes(range(37))
)


@pytest.mark.parametrize("section", [ARM, OTHER], ids=["arm", "unknown"])
def test_what_an_x86_kernel_does_not_know_it_dumps_whole(
    session: Session, section: apei.Section
) -> None:
    report = session.inject(block_of(section).to_bytes(), source_id=NMI)
    assert value(report, "section type") == f"unknown, {section.guid}"
    assert int(value(report, "section length"), 16) == section.size
    assert dumped(report) == section.to_bytes()


@dataclass(frozen=True)
class Malformed:
    """A block that is wrong in one way, and the warning for it."""

    name: str
    warning: str
    changes: dict[str, int]
    raw: bytes = b""


MALFORMED = [
    Malformed("data length wraps below 20", "Truncated error status block!",
              {"data_length": 0xFFFFFFEC}),
    Malformed("raw length at offset 0", "Truncated error status block!",
              {"raw_data_offset": 0, "raw_data_length": 8}, b"rawrawra"),
    Malformed("longer than the source's blocks", "Invalid error status block length!",
              {"data_length": 0x1000 - 20 + 1}),
    Malformed("less data than an entry's header", "Invalid CPER header!", {"data_length": 63}),
    Malformed("raw data inside the data", "Invalid CPER header!",
              {"raw_data_offset": 40, "raw_data_length": 8}, b"rawrawra"),
    Malformed("data whose end takes 33 bits", "Invalid CPER header!",
              {"data_length": 0xFFFFFFF0, "raw_data_offset": 0xE0, "raw_data_length": 8},
              b"rawrawra"),
    Malformed("entry longer than the data", "Failed to read error status block!",
              {"data_length": 64 + 79}),
    Malformed("a byte behind the entry", "Failed to read error status block!",
              {"data_length": 72 + 81}),
]  # fmt: skip


@pytest.mark.parametrize("source", [POLLED, NMI])
def test_malformed_blocks_are_refused(session: Session, source: int) -> None:
    """All are cleared and acknowledged with one warning, and nothing of them is printed."""
    for case in MALFORMED:
        block = block_of(MEMORY).replace(raw_data=case.raw).replace(**case.changes)
        report = session.inject(block.to_bytes(), source_id=source)
        assert report.cleared, case.name
        assert report.acknowledged == (source == NMI), case.name
        warned = [line for line in report.lines if "[Firmware Warn]: GHES:" in line]
        assert warned == [f"[Firmware Warn]: GHES: {case.warning}"], (case.name, report.lines)
        assert not values(report, "event severity"), case.name
        assert apei.decode(block.to_bytes(), as_="block").problems, case.name


def test_a_section_below_its_least_length(session: Session) -> None:
    short = apei.OpaqueSection(guid=MEMORY.guid, data=MEMORY.to_bytes()[:72])
    block = block_of(short)
    assert [p.id for p in block.problems] == ["section-too-short"]
    report = session.inject(block.to_bytes(), source_id=NMI)
    assert "[Firmware Warn]: error section length is too small" in report.lines
    assert not values(report, "physical_address")


def test_raw_data_behind_the_entries_is_accepted(session: Session) -> None:
    block = apei.StatusBlock(
        error_severity=apei.Severity.CORRECTED,
        entries=block_of(MEMORY).entries,
        raw_data=b"OEM's own",
    )
    assert not block.problems
    report = session.inject(block.to_bytes(), source_id=NMI)
    assert int(value(report, "physical_address"), 16) == MEMORY.physical_address


def test_the_kernel_accepted_the_table(session: Session) -> None:
    assert "HEST: Table parsing has been initialized." in session.boot_lines
    devices = session.guest.shell("ls /sys/devices/platform").output.split()
    assert {"GHES.1", "GHES.2"} <= set(devices)
    table = session.guest.shell("base64 /sys/firmware/acpi/tables/HEST").output
    assert base64.b64decode(table) == session.hest.to_bytes()
