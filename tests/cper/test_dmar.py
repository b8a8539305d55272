"""DMAr sections, laid out by hand as the specifications have them; libcper reads the same."""

import base64
import struct

import pytest

from apeitool.cper.record import Record
from apeitool.cper.sections import dmar_generic
from apeitool.cper.sections.dmar_generic import DmarGenericErrorSection
from apeitool.cper.sections.dmar_iommu import IommuErrorSection, IommuEvent
from apeitool.cper.sections.dmar_vtd import VtdErrorSection, VtdFaultRecord
from apeitool.registers import vtd
from apeitool.render.text import text

GENERIC = struct.pack(
    "<HHBBBBQ16x",
    0x3A << 8 | 0x1F << 3 | 2,  # requester: bus, device, function
    1,  # segment
    6,  # invalid access
    1,  # DMA read
    0,  # untranslated
    1,  # VT-d
    0x7F001234000,
)

VTD = b"".join(
    [
        struct.pack("<BB6s", 0x10, 2, b"INTEL"),
        struct.pack("<QQ", 0x08D2078C106F0466, 0xF020DE),  # capabilities of a real chipset
        struct.pack("<III12x", 1 << 31, 1 << 31 | 1 << 30, 2 | 3 << 8),
        # fault record: page; then source 15:0, PASID present 31, reason 39:32, PASID 59:40,
        # read 62, fault 63
        struct.pack("<QQ", 0xFED12000, 0xFA | 1 << 31 | 6 << 32 | 700 << 40 | 3 << 62),
        struct.pack("<QQ", 0x1F3000 | 1, 0),  # root entry: present, context table
        struct.pack("<QQ", 0x2F4000 | 2 << 2 | 1, 2 | 0x55 << 8),  # context entry: pass-through
        struct.pack("<6Q", 0, 0, 0x11007, 0x12003, 0x13003, 1),
    ]
)

IOMMU = b"".join(
    [
        struct.pack("<B7x", 1),
        struct.pack("<QQ8x", 1 | 1 << 2 | 3 << 5 | 1 << 12, 1 << 3),
        # page fault: device, domain 47:32, present 52, write 53, code 63:60; address
        struct.pack("<QQ16x", 0x107 | 0x12 << 32 | 3 << 52 | 2 << 60, 0xDEADB000),
        # device table entry: valid, three levels, root, readable and writable; domain; interrupts
        struct.pack("<2Q", 3 | 3 << 9 | 0x123456000 | 3 << 61, 0x12 | 1 << 32),
        struct.pack("<2Q", 1 | 8 << 1 | 0x777000 | 2 << 60, 0),
        struct.pack("<6Q", 0, 0, 1 | 2 << 9 | 0x111000, 0, 0, 3 << 61 | 0x444000 | 1),
    ]
)


def test_generic() -> None:
    section = DmarGenericErrorSection.from_bytes(GENERIC)
    assert section.sentence() == (
        "DMA remapping error (VT-d): invalid access, DMA read by 0001:3a:1f.2 at device address "
        "0x7f001234000"
    )
    assert (
        section.replace(access_type=0, architecture=2, fault_reason=11)
        .sentence()
        .startswith(
            "DMA remapping error (AMD IOMMU): access to command buffer failed, DMA write by"
        )
    )
    assert "architecture                               VT-d (1)" in text(section)
    assert DmarGenericErrorSection.resembles(GENERIC)
    assert not DmarGenericErrorSection.resembles(bytes(32))


def test_vtd() -> None:
    section = VtdErrorSection.from_bytes(VTD)
    assert section.oem_id == "INTEL"
    assert section.sentence() == (
        "VT-d DMA remapping fault: read permission not set, DMA read by 00:1f.2 (PASID 700) "
        "at page 0xfed12000"
    )
    lines = [" ".join(line.split()) for line in text(section).splitlines()]
    for line in (
        "version 1.0 (of the hardware)",
        "number_of_fault_recording_registers 7",
        "global_status 0xc0000000: root table pointer status, translation enable status",
        "fault_record_index 3",
        "context_table_pointer 0x1f3000",
        "translation_type pass through (2)",
        "second_level_page_translation_pointer 0x2f4000",
        "domain_id 85",
        "address 0x11000",
    ):
        assert line in lines
    assert VtdErrorSection.resembles(VTD)
    assert not VtdErrorSection.resembles(bytes(144))
    assert not VtdErrorSection.resembles(IOMMU)


def test_a_vtd_fault_of_an_interrupt() -> None:
    record = VtdFaultRecord(low=0x17 << 48, high=0x22 << 32 | 0x100)
    assert record.sentence() == "interrupt entry not present, interrupt by 01:00.0 at index 23"
    assert "interrupt_index                          23" in text(record)


def test_vtd_without_a_fault() -> None:
    assert VtdErrorSection().sentence() == "VT-d DMA remapping error, no fault recorded"


def test_iommu() -> None:
    section = IommuErrorSection.from_bytes(IOMMU)
    assert (
        section.sentence() == "IOMMU error: IO page fault, write by 01:00.7 at address 0xdeadb000"
    )
    lines = [" ".join(line.split()) for line in text(section).splitlines()]
    for line in (
        "invalidation_timeout 100 ms (3)",
        "status 0x8: event log running",
        "event_code IO page fault (2)",
        "domain_id_or_pasid_15_0 18",
        "paging_mode 3",
        "page_table_root 0x123456000",
        "interrupt_table_length 8",
        "interrupt_control remapped (2)",
        "address 0x444000",
    ):
        assert line in lines
    assert IommuErrorSection.resembles(IOMMU)
    assert not IommuErrorSection.resembles(bytes(144))
    assert IommuErrorSection().sentence() == "IOMMU error, no event recorded"


@pytest.mark.parametrize(
    ("low", "sentence", "line"),
    [
        (1 << 60 | 1 << 51, "illegal device table entry, interrupt by 00:00.0 at", "interrupt yes"),
        (
            3 << 60 | 2 << 57 | 8,
            "device table hardware error by 00:01.0 at",
            "type target abort (2)",
        ),
        (4 << 60 | 3 << 57, "page table hardware error, read by 00:00.0", "type data error (3)"),
        (5 << 60, "illegal command at address 0x5000", "event_code illegal command (5)"),
        (6 << 60 | 1 << 57, "command hardware error at", "type master abort (1)"),
        (7 << 60 | 0x10, "IOTLB invalidation timeout by 00:02.0 at", "device_id 00:02.0 (16)"),
        (8 << 60 | 1 << 57, "invalid device request by 00:00.0 at", "type 1"),
        (9 << 60 | 5 << 32, "invalid PPR request by 00:00.0 at", "tag 5"),
        (10 << 60, "event counter zero", "counter_note_51_32 20480"),
        (13 << 60 | 9 << 32, "RMP page fault by 00:00.0 at", "vmg_tag 9"),
        (15 << 60 | 1, "unknown (15)", "reserved 0x1"),
    ],
)
def test_events(low, sentence, line) -> None:
    event = IommuEvent(low=low, high=0x5000)
    assert event.sentence().startswith(sentence)
    assert line in [" ".join(line.split()) for line in text(event).splitlines()]


# ---- libcper


@pytest.mark.oracle
def test_generic_as_libcper_reads_it(libcper) -> None:
    """It counts the architectures from 0, where the specification has 1 and 2."""
    section = DmarGenericErrorSection.from_bytes(GENERIC)
    (answer,) = libcper.parse(Record(body=[section]).to_bytes())["sections"]
    said = answer["GenericDmar"]
    assert said["requesterID"] == section.requester_id
    assert said["segmentNumber"] == section.segment_number
    assert said["deviceAddress"] == section.device_address
    assert said["accessType"] == {"value": 1, "name": "DMA Read"}
    assert said["addressType"]["value"] == section.address_type
    assert said["architectureType"]["value"] == section.architecture


@pytest.mark.oracle
@pytest.mark.parametrize("reason", dmar_generic.DmarFaultReason)
def test_reasons_as_libcper_reads_them(libcper, reason) -> None:
    section = DmarGenericErrorSection(fault_reason=reason)
    (answer,) = libcper.parse(Record(body=[section]).to_bytes())["sections"]
    assert answer["GenericDmar"]["faultReason"]["value"] == reason
    assert answer["GenericDmar"]["faultReason"]["name"] != "Unknown (Reserved)"


@pytest.mark.oracle
def test_vtd_as_libcper_reads_it(libcper) -> None:
    section = VtdErrorSection.from_bytes(VTD)
    (answer,) = libcper.parse(Record(body=[section]).to_bytes())["sections"]
    said = answer["VtdDmar"]
    word = vtd.FaultRecordHigh(section.fault_record.high)
    assert said["version"] == section.version
    assert said["revision"] == section.revision
    assert said["capabilityRegister"] == section.capability
    assert said["extendedCapabilityRegister"] == section.extended_capability
    assert said["globalCommandRegister"] == section.global_command
    assert said["globalStatusRegister"] == section.global_status
    assert said["faultStatusRegister"] == section.fault_status
    record = said["faultRecord"]
    assert record["faultInformation"] << 12 == section.fault_record.low
    assert record["sourceIdentifier"] == word.source_id
    assert record["pasidPresent"] == bool(word.pasid_present)
    assert record["faultReason"] == word.fault_reason
    assert record["pasidValue"] == word.pasid_value
    assert record["type"]["value"] == word.read
    assert record["addressType"] == word.address_type
    assert base64.b64decode(said["rootEntry"]) == section.root_entry.to_bytes()
    assert base64.b64decode(said["contextEntry"]) == section.context_entry.to_bytes()
    for level in range(1, 7):
        entry = getattr(section, f"page_table_entry_level_{level}")
        assert said[f"pageTableEntry_Level{level}"] == entry


@pytest.mark.oracle
def test_iommu_as_libcper_reads_it(libcper) -> None:
    section = IommuErrorSection.from_bytes(IOMMU)
    (answer,) = libcper.parse(Record(body=[section]).to_bytes())["sections"]
    said = answer["IommuDmar"]
    assert said["revision"] == section.revision
    assert said["controlRegister"] == section.control
    assert said["statusRegister"] == section.status
    assert base64.b64decode(said["eventLogEntry"]) == section.event_log_entry.to_bytes()
    assert base64.b64decode(said["deviceTableEntry"]) == section.device_table_entry.to_bytes()
    for level in range(1, 7):
        entry = getattr(section, f"page_table_entry_level_{level}")
        assert said[f"pageTableEntry_Level{level}"] == entry
