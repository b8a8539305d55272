"""Every HEST that we emit: iasl reads each field as we do, and compiles the same bytes again."""

from typing import Any

import captured
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iasl_listing import Leaf, Line, Verdict, judge, leaves, recompiles, version
from strategies import instances

from apeitool.acpi.hest.layout import SOURCE_TYPES
from apeitool.acpi.hest.notification import Notification, NotificationType
from apeitool.acpi.hest.source import SourceFlags, SourceType
from apeitool.acpi.hest.table import Hest
from apeitool.registers.address import AccessSize, AddressSpace, GenericAddress
from apeitool.wire.labels import Label
from apeitool.wire.record import Structure

pytestmark = pytest.mark.oracle

AER = (SourceType.PCIE_ROOT_PORT_AER, SourceType.PCIE_DEVICE_AER, SourceType.PCIE_BRIDGE_AER)
MACHINE_CHECKS = (
    SourceType.IA32_MACHINE_CHECK,
    SourceType.IA32_CORRECTED_MACHINE_CHECK,
    SourceType.IA32_DEFERRED_MACHINE_CHECK,
)

LABELS = {
    "Signature": "signature",
    "Table Length": "length",
    "Revision": "revision",
    "Checksum": "checksum",
    "Oem ID": "oem_id",
    "Oem Table ID": "oem_table_id",
    "Oem Revision": "oem_revision",
    "Asl Compiler ID": "creator_id",
    "Asl Compiler Revision": "creator_revision",
    "Error Source Count": "error_source_count",
    "Subtable Type": "type",
    "Source Id": "source_id",
    "Reserved": "reserved reserved_2 flags",
    "Reserved1": "reserved",
    "Reserved2": "reserved_2",
    "Flags (decoded below)": "flags",
    "Enabled": "enabled",
    "Records To Preallocate": "number_of_records_to_preallocate",
    "Max Sections Per Record": "max_sections_per_record",
    "Global Capability Data": "global_capability_init_data",
    "Global Control Data": "global_control_init_data",
    "Num Hardware Banks": "number_of_hardware_banks",
    "Bank Number": "bank_number",
    "Clear Status On Init": "clear_status_on_initialization",
    "Status Format": "status_data_format",
    "Control Register": "control_register_msr",
    "Control Data": "control_init_data",
    "Status Register": "status_register_msr",
    "Address Register": "address_register_msr",
    "Misc Register": "misc_register_msr",
    "Notify": "notification",
    "Notify Type": "type",
    "Notify Length": "length",
    "Configuration Write Enable": "configuration_write_enable",
    "PollInterval": "poll_interval",
    "Vector": "vector",
    "Polling Threshold Value": "switch_to_polling_threshold_value",
    "Polling Threshold Window": "switch_to_polling_threshold_window",
    "Error Threshold Value": "error_threshold_value",
    "Error Threshold Window": "error_threshold_window",
    "Max Raw Data Length": "max_raw_data_length",
    "Bus": "bus",
    "Device": "device",
    "Function": "function",
    "DeviceControl": "device_control",
    "Uncorrectable Mask": "uncorrectable_error_mask",
    "Uncorrectable Severity": "uncorrectable_error_severity",
    "Correctable Mask": "correctable_error_mask",
    "Advanced Capabilities": "advanced_error_capabilities_and_control",
    "Root Error Command": "root_error_command",
    "2nd Uncorrectable Mask": "secondary_uncorrectable_error_mask",
    "2nd Uncorrectable Severity": "secondary_uncorrectable_error_severity",
    "2nd Advanced Capabilities": "secondary_advanced_capabilities_and_control",
    "Related Source Id": "related_source_id",
    "Error Status Address": "error_status_address",
    "Error Status Block Length": "error_status_block_length",
    "Read Ack Register": "read_ack_register",
    "Read Ack Preserve": "read_ack_preserve",
    "Read Ack Write": "read_ack_write",
    "Space ID": "address_space_id",
    "Bit Width": "register_bit_width",
    "Bit Offset": "register_bit_offset",
    "Encoded Access Width": "access_size",
    "Address": "address",
}
"""What iasl calls a field: what we call it."""

MEANINGS: dict[type[Label], dict[int, str]] = {
    SourceType: {
        SourceType.IA32_MACHINE_CHECK: "IA-32 Machine Check Exception",
        SourceType.IA32_CORRECTED_MACHINE_CHECK: "IA-32 Corrected Machine Check",
        SourceType.IA32_NMI: "IA-32 Non-Maskable Interrupt",
        SourceType.PCIE_ROOT_PORT_AER: "PCI Express Root Port AER",
        SourceType.PCIE_DEVICE_AER: "PCI Express AER (AER Endpoint)",
        SourceType.PCIE_BRIDGE_AER: "PCI Express/PCI-X Bridge AER",
        SourceType.GENERIC_HARDWARE_ERROR: "Generic Hardware Error Source",
        SourceType.GENERIC_HARDWARE_ERROR_V2: "Generic Hardware Error Source V2",
        SourceType.IA32_DEFERRED_MACHINE_CHECK: "IA-32 Deferred Machine Check",
    },
    NotificationType: {
        NotificationType.POLLED: "Polled",
        NotificationType.EXTERNAL_INTERRUPT: "External Interrupt",
        NotificationType.LOCAL_INTERRUPT: "Local Interrupt",
        NotificationType.SCI: "SCI",
        NotificationType.NMI: "NMI",
        NotificationType.CMCI: "CMCI",
        NotificationType.MCE: "MCE",
        NotificationType.GPIO_SIGNAL: "GPIO",
        NotificationType.SEA: "SEA",
        NotificationType.SEI: "SEI",
        NotificationType.GSIV: "GSIV",
        NotificationType.SDEI: "Software Delegated Exception",
    },
    AddressSpace: {
        AddressSpace.SYSTEM_MEMORY: "SystemMemory",
        AddressSpace.SYSTEM_IO: "SystemIO",
        AddressSpace.PCI_CONFIGURATION: "PCI_Config",
        AddressSpace.EMBEDDED_CONTROLLER: "EmbeddedControl",
        AddressSpace.SMBUS: "SMBus",
        AddressSpace.SYSTEM_CMOS: "SystemCMOS",
        AddressSpace.PCI_BAR_TARGET: "PCIBARTarget",
        AddressSpace.IPMI: "IPMI",
        AddressSpace.GENERAL_PURPOSE_IO: "GeneralPurposeIo",
        AddressSpace.GENERIC_SERIAL_BUS: "GenericSerialBus",
        AddressSpace.PCC: "PCC",
        AddressSpace.FUNCTIONAL_FIXED_HARDWARE: "FunctionalFixedHW",
    },
    AccessSize: {
        AccessSize.UNDEFINED: "Undefined/Legacy",
        AccessSize.BYTE: "Byte Access:8",
        AccessSize.WORD: "Word Access:16",
        AccessSize.DWORD: "DWord Access:32",
        AccessSize.QWORD: "QWord Access:64",
    },
}
"""What iasl calls a value, of the enumerations that it knows."""

KNOWN = [NotificationType(number) for number in MEANINGS[NotificationType]]
UNKNOWN = [kind for kind in NotificationType if kind not in KNOWN]


def agree(line: Line, leaf: Leaf) -> None:
    """A line of iasl says of a field what we say."""
    _, _, name, value = leaf
    assert name in LABELS[line.label].split(), f"iasl: {line.label}, ours: {name}"
    if isinstance(value, Structure):
        assert not line.value
    elif isinstance(value, str):
        assert line.value == value
    elif isinstance(value, bytes):
        assert line.value == value[::-1].hex().upper() or not any(value)
    else:
        assert int(line.value, 16) == value
        meanings = MEANINGS.get(type(value), {})
        if value in meanings and line.text:
            assert line.text == meanings[value]


def compare(table: Hest, verdict: Verdict) -> None:
    """Every field is listed once, at our offset, in our width, by our name, with our value."""
    ours = list(leaves(table))
    assert [(i.offset, i.length) for i in verdict.lines] == [leaf[:2] for leaf in ours]
    for line, leaf in zip(verdict.lines, ours, strict=True):
        agree(line, leaf)


def emitted(source: Structure) -> Structure:
    """A source as we emit it: reserved bits clear, and of the flags those that iasl keeps."""
    clear = {f.name: f.default for f in source.fields if f.name.startswith("reserved")}
    if "flags" in {f.name for f in source.fields}:
        clear["flags"] = source.flags & kept_flags(source.type)
    if "banks" in {f.name for f in source.fields}:
        clear["banks"] = tuple(bank.replace(reserved=0) for bank in source.banks)
    return source.replace(**clear)


def kept_flags(kind: SourceType) -> int:
    if kind in MACHINE_CHECKS:
        return SourceFlags.FIRMWARE_FIRST | SourceFlags.GHES_ASSIST
    return SourceFlags.FIRMWARE_FIRST if kind in AER else 0


SOURCES = st.one_of(*(instances(kind).map(emitted) for kind in SOURCE_TYPES.values()))


def text(size: int) -> st.SearchStrategy[str]:
    """Names that iasl can quote."""
    return st.text("ABCXYZ0189_", min_size=size, max_size=size)


@given(
    sources=st.lists(SOURCES, min_size=1, max_size=8),
    names=st.tuples(text(6), text(8), text(4)),
    revision=st.integers(0, 255),
)
@settings(max_examples=25)
def test_any_table(iasl, sources, names, revision) -> None:
    oem_id, oem_table_id, creator_id = names
    hest = Hest(
        sources=sources,
        revision=revision,
        oem_id=oem_id,
        oem_table_id=oem_table_id,
        creator_id=creator_id,
    )
    verdict = judge(iasl, hest.to_bytes())
    compare(hest, verdict)
    recompiles(hest.to_bytes(), verdict)


def every_source(notification: Notification) -> list[Structure]:
    """One source of each type, with this notification where it has one, and something in each."""
    made = []
    for number, kind in enumerate(SOURCE_TYPES.values()):
        names = {f.name for f in kind.fields}
        given: dict[str, Any] = {"source_id": number}
        if "notification" in names:
            given["notification"] = notification
        if "error_status_address" in names:
            given["error_status_address"] = GenericAddress.memory(0x1234567890)
        made.append(kind(**given))
    return made


@pytest.mark.parametrize("kind", KNOWN)
def test_every_notification(iasl, kind) -> None:
    notification = Notification(
        type=kind,
        configuration_write_enable=0x3F,
        poll_interval=1000,
        vector=0x21,
        switch_to_polling_threshold_value=2,
        switch_to_polling_threshold_window=3,
        error_threshold_value=4,
        error_threshold_window=5,
    )
    hest = Hest(sources=every_source(notification))
    verdict = judge(iasl, hest.to_bytes())
    assert not verdict.complaints
    compare(hest, verdict)
    recompiles(hest.to_bytes(), verdict)
    listed = {line.text for line in verdict.lines if line.label == "Notify Type"}
    assert listed == {MEANINGS[NotificationType][kind]}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_notifications_that_iasl_does_not_know(iasl, kind) -> None:
    """It says so, and keeps the bytes.  The day it knows one, the type moves up."""
    hest = Hest(sources=every_source(Notification(type=kind)))
    verdict = judge(iasl, hest.to_bytes())
    assert {line.text for line in verdict.lines if line.label == "Notify Type"} == {
        "Unknown Notify Type"
    }
    recompiles(hest.to_bytes(), verdict)


def test_with_its_own_creator_the_bytes_are_identical(iasl) -> None:
    hest = Hest(
        sources=every_source(Notification(type=NotificationType.SEA)),
        creator_id="INTL",
        creator_revision=version(iasl),
    )
    assert judge(iasl, hest.to_bytes()).compiled == hest.to_bytes()


@pytest.mark.parametrize("kind", MACHINE_CHECKS)
@pytest.mark.parametrize("flags", [0, 1, 4, 5])
def test_flags_of_machine_checks(iasl, kind, flags) -> None:
    hest = Hest(sources=[SOURCE_TYPES[kind](flags=flags)])
    verdict = judge(iasl, hest.to_bytes())
    assert not verdict.complaints
    recompiles(hest.to_bytes(), verdict)
    assert verdict.flags[40 + 6] == {
        "Firmware First": int(bool(flags & SourceFlags.FIRMWARE_FIRST)),
        "GHES Assist": int(bool(flags & SourceFlags.GHES_ASSIST)),
    }


@pytest.mark.parametrize("kind", AER)
@pytest.mark.parametrize(
    ("flags", "listed", "compiled"),
    [(0, (0, 0), 0), (1, (1, 1), 1), (2, (0, 0), 0), (3, (1, 1), 1)],
)
def test_iasl_takes_global_from_bit_0(iasl, kind, flags, listed, compiled) -> None:
    """GLOBAL is bit 1 (ACPI 6.5 18.3.2.4); iasl prints bit 0 twice and writes it back so.

    Who is right: the specification, Linux and fwts.  When this fails, iasl was put right: then the
    flags of AER sources belong into `kept_flags`.
    """
    hest = Hest(sources=[SOURCE_TYPES[kind](flags=flags)])
    verdict = judge(iasl, hest.to_bytes())
    assert verdict.flags[40 + 6] == dict(zip(("Firmware First", "Global"), listed, strict=True))
    assert verdict.compiled[40 + 6] == compiled
    assert SourceFlags.GLOBAL == 2


@pytest.mark.parametrize("name", captured.hests())
def test_what_qemu_made(iasl, name) -> None:
    data = captured.hests()[name]
    verdict = judge(iasl, data)
    assert not verdict.complaints
    compare(Hest.from_bytes(data), verdict)
    recompiles(data, verdict)


def test_a_swapped_field_is_noticed(iasl) -> None:
    """The comparison itself can fail: two fields of one width, told in the wrong order."""
    hest = Hest(sources=every_source(Notification(poll_interval=1, vector=2)))
    verdict = judge(iasl, hest.to_bytes())
    compare(hest, verdict)
    swapped = {"poll_interval": "vector", "vector": "poll_interval"}
    at = {leaf[0] for leaf in leaves(hest) if leaf[2] in swapped}
    for line, leaf in zip(verdict.lines, leaves(hest), strict=True):
        if leaf[0] in at:
            wrong = (*leaf[:2], swapped[leaf[2]], leaf[3])
            with pytest.raises(AssertionError):
                agree(line, wrong)


def test_a_complaint_is_noticed(iasl) -> None:
    """A reserved byte that is not clear: iasl warns, and loses it."""
    hest = Hest(sources=[SOURCE_TYPES[SourceType.GENERIC_HARDWARE_ERROR](flags=5)])
    assert judge(iasl, hest.to_bytes()).complaints
