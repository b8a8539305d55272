"""Section, status block, record: the same errors, and what is lost on the way."""

import base64
import json

import captured
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import instances

import apeitool as apei
from apeitool.acpi.bert import BootErrorRegion
from apeitool.acpi.conversion import to_blocks, to_records, to_sections
from apeitool.qemu.command import INJECT, LARGEST, inject

SECTION = apei.MemoryErrorSection(validation_bits=2, physical_address=0x1000)
ENTRY = apei.GenericErrorDataEntryV3(
    section=SECTION,
    error_severity=apei.Severity.CORRECTED,
    validation_bits=7,
    flags=8,
    fru_text="DIMM_A1",
    timestamp=0x2026112201180559,
)
BLOCK = apei.StatusBlock(entries=[ENTRY], error_severity=apei.Severity.CORRECTED)


def only(converted):
    (thing,) = converted.things
    return thing


def test_a_block_and_its_record_say_the_same() -> None:
    converted = to_records(BLOCK)
    record = only(converted)
    assert not converted.lost
    assert not record.problems
    (descriptor,) = record.section_descriptors
    assert record.sections == (SECTION,)
    assert record.error_severity == descriptor.section_severity == apei.Severity.CORRECTED
    assert (descriptor.fru_text, descriptor.flags, descriptor.validation_bits) == ("DIMM_A1", 8, 3)
    assert record.timestamp == ENTRY.timestamp
    assert record.is_valid("timestamp")
    back = to_blocks(record)
    assert only(back) == BLOCK
    assert back.lost == ("of the header: notification_type",)


@given(block=instances(apei.StatusBlock))
def test_any_block_goes_to_a_record_and_back(block) -> None:
    record = only(to_records(block))
    assert not [p for p in record.problems if p.id != "no-section" and "." not in p.path]
    assert record.sections == block.sections
    again = only(to_blocks(record))
    assert again.sections == block.sections
    assert [e.error_severity for e in again.entries] == [e.error_severity for e in block.entries]
    assert [e.fru_text for e in again.entries] == [e.fru_text for e in block.entries]
    assert apei.StatusBlock.from_bytes(again.to_bytes()) == again


@given(record=instances(apei.Record))
def test_any_record_becomes_a_block(record) -> None:
    block = only(to_blocks(record))
    assert block.sections == record.sections
    assert apei.StatusBlock.from_bytes(block.to_bytes()) == block


@given(severity=st.sampled_from(apei.Severity))
def test_a_bare_section_has_the_severity_that_is_given(severity) -> None:
    block = only(to_blocks(SECTION, severity))
    assert (block.error_severity, block.entries[0].error_severity) == (severity, severity)
    record = only(to_records(SECTION, severity))
    assert record.error_severity == record.section_descriptors[0].section_severity == severity
    assert record.section_descriptors[0].flags == 1
    assert to_sections(record).things == (SECTION,)


def test_the_date_of_a_record_is_kept_however_it_was_written() -> None:
    """Windows writes it in binary; entries have BCD."""
    record = only(to_records(BLOCK)).replace(
        creator_id=apei.decode(captured.records()["record-1"]).creator_id,  # Linux's pstore
        timestamp=1795000000,
    )
    (entry,) = only(to_blocks(record)).entries
    assert f"{entry.timestamp:016x}" == "2026111800110640"


def test_what_is_lost_is_said() -> None:
    block = BLOCK.replace(raw_data=b"abc", trailing=b"12").sealed()
    assert to_records(block).lost == ("3 bytes of raw data", "2 bytes behind the block")
    record = only(to_records(BLOCK)).replace(record_id=7, trailing=b"1")
    assert to_blocks(record).lost == (
        "of the header: notification_type, record_id",
        "1 bytes behind the record",
    )
    flags = record.section_descriptors[0].replace(flags=0x1_0008)
    wide = record.replace(section_descriptors=[flags])
    assert any("flags above bit 7" in said for said in to_blocks(wide).lost)
    entries = [ENTRY, ENTRY.replace(timestamp=ENTRY.timestamp + 1)]
    differ = apei.StatusBlock(entries=entries)
    assert any("timestamps" in said for said in to_records(differ).lost)
    assert not only(to_records(differ)).is_valid("timestamp")


def test_a_region_becomes_a_record_for_each_block() -> None:
    region = BootErrorRegion(blocks=[BLOCK, BLOCK], room=b"")
    assert [r.sections for r in to_records(region).things] == [(SECTION,)] * 2
    assert to_blocks(region).things == (BLOCK, BLOCK)


def test_a_table_reports_nothing() -> None:
    for convert in (to_blocks, to_records, to_sections):
        with pytest.raises(apei.EncodeError, match="Hest"):
            convert(apei.Hest())


def test_the_command_has_the_bytes_that_qemu_put_into_its_guest() -> None:
    """The fixture is what QEMU 11 wrote into guest memory when it was given these bytes by QMP."""
    data = captured.blocks()["qemu-11-virt-ras-hardware_errors-pending-1"][:172]
    block = apei.StatusBlock.from_bytes(data)
    command = json.loads(inject(block))
    assert command["execute"] == INJECT
    assert base64.b64decode(command["arguments"]["cper"]) == data


def test_what_qemu_refuses_or_would_hang_on_is_no_command() -> None:
    with pytest.raises(apei.EncodeError, match="acknowledge"):
        inject(apei.StatusBlock())
    with pytest.raises(apei.EncodeError, match=str(LARGEST)):
        inject(BLOCK.replace(raw_data=bytes(LARGEST)).sealed())
