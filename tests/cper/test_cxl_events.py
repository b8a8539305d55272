"""CXL component events, laid out by hand: UEFI's header, then the event as Linux' event.h has it."""

import base64
import struct
from datetime import UTC, datetime
from uuid import UUID

import pytest

import apeitool as apei
from apeitool.cper.cxl_event import EventTimestamp, component_text
from apeitool.cper.record import Record
from apeitool.cper.section import section_type
from apeitool.cper.sections.cxl_dram import CxlDramEventSection
from apeitool.cper.sections.cxl_dynamic_capacity import CxlDynamicCapacityEventSection
from apeitool.cper.sections.cxl_general_media import CxlGeneralMediaEventSection
from apeitool.cper.sections.cxl_memory_module import CxlMemoryModuleEventSection
from apeitool.cper.sections.cxl_memory_sparing import CxlMemorySparingEventSection
from apeitool.cper.sections.cxl_mld_port import CxlMldPortEventSection
from apeitool.cper.sections.cxl_physical_switch import CxlPhysicalSwitchEventSection
from apeitool.cper.sections.cxl_virtual_switch import CxlVirtualSwitchEventSection
from apeitool.render.text import text

MOMENT = datetime(2024, 5, 17, 12, 30, 15, tzinfo=UTC)
NANOSECONDS = int(MOMENT.timestamp()) * 1_000_000_000 + 123_456_789


def u24(number: int) -> bytes:
    return number.to_bytes(3, "little")


HEADER = b"".join(
    [
        struct.pack("<B", 128),
        u24(2 | 1 << 3 | 1 << 6),  # a failure; maintenance needed, of a kind that is told
        struct.pack("<HHQ", 7, 0, NANOSECONDS),
        struct.pack("<BBHB11x", 1, 1, 0, 0),  # hard post package repair
    ]
)
PLDM = struct.pack("<B6sI5x", 3, b"\1\2\3\4\5\6", 0xCAFE)


def section(event: bytes, valid: int = 7, header: bytes = HEADER) -> bytes:
    body = (header + event).ljust(112, b"\0")
    return b"".join(
        [
            struct.pack("<IQ", 32 + len(body), valid),
            # vendor, device, function, device, bus, segment, slot 15:3
            struct.pack("<HHBBBHHB", 0x8086, 0x0D93, 1, 2, 0x3A, 1, 5 << 3, 0),
            struct.pack("<II", 0x89ABCDEF, 0x01234567),
            body,
        ]
    )


GENERAL_MEDIA = b"".join(
    [
        struct.pack("<QBBBHBB", 0x1000 | 1, 1 | 2, 0, 1, 0x1F, 3, 1),
        u24(0x010204),
        PLDM,
        struct.pack("<B", 2),
        u24(0x030201),
        struct.pack("<B", 5),
    ]
)
DRAM = b"".join(
    [
        struct.pack("<QBBBHBB", 0x2000, 1, 1, 5, 0x4FF, 3, 1),
        u24(0xF0F),
        struct.pack("<BB", 2, 4),
        u24(0x12345),
        struct.pack("<H", 0x66),
        struct.pack("<4Q", 1, 2, 3, 4),
        bytes(range(16)),  # the vendor's own form
        struct.pack("<BB", 1, 0),
        u24(0),
        struct.pack("<BB", 0, 0),
    ]
)
MODULE = b"".join(
    [
        struct.pack("<B", 3),
        struct.pack("<BBBBHIII", 1 | 4, 6, 1 | 2 << 2 | 1 << 4, 90, 0xFFFB, 3, 10, 20),
        struct.pack("<H", 1),
        bytes(range(16)),
        struct.pack("<B", 2),
    ]
)
PHYSICAL_SWITCH = struct.pack(
    "<BBHBBBBBBBBBBBBBH", 9, 0, 0x148, 0, 3, 2, 0, 4, 6, 16, 8, 0x1F, 5, 4, 4, 0, 1
)
VIRTUAL_SWITCH = struct.pack("<BBBBBBHH", 1, 2, 0, 3, 9, 4, 0x40, 0x8)
MLD_PORT = struct.pack("<BBH8s", 2, 9, 0, b"\x34\0\0\x33\0\0\1\0")
SPARING = b"".join(
    [
        struct.pack("<BBBBH6xH", 2, 1, 2, 0, 0x7F, 3),
        struct.pack("<BB", 1, 0),
        u24(0xF),
        struct.pack("<BB", 2, 4),
        u24(0x12345),
        struct.pack("<H", 0x66),
    ]
)
CAPACITY = b"".join(
    [
        struct.pack("<BBHBBH", 0, 1, 2, 0, 1, 0),
        struct.pack("<QQ16sH6x24x", 0x10000000, 0x20000000, bytes(range(16)), 5),
        struct.pack("<II", 7, 8),
    ]
)

EVENTS = [
    (
        CxlGeneralMediaEventSection,
        GENERAL_MEDIA,
        (
            "CXL general media event (failure): media ECC error, uncorrectable event, "
            "threshold event, transaction: host read, at device address 0x1000 (channel 3, rank 1, "
            "device 0x10204, component identifier PLDM entity 01 02 03 04 05 06, "
            "resource 0x0000cafe), in 0001:3a:02.1"
        ),
        (
            "volatile yes",
            "device_physical_address 0x1000",
            "corrected_error_flags 0x2: threshold exceeded",
            "corrected_error_count 197121",
            "sub_type media link CRC error (5)",
        ),
    ),
    (
        CxlDramEventSection,
        DRAM,
        (
            "CXL DRAM event (failure): scrub media ECC error, uncorrectable event, transaction: "
            "internal media scrub, at device address 0x2000 (channel 3, sub channel 1, rank 1, "
            "nibble mask 0xf0f, bank group 2, bank 4, row 74565, column 102), in 0001:3a:02.1"
        ),
        (
            (
                "correction_mask 0x0000000000000001 0x0000000000000002 0x0000000000000003 "
                "0x0000000000000004"
            ),
            "sub_channel 1",
            "not marked valid: component_identifier, corrected_error_flags, corrected_error_count",
        ),
    ),
    (
        CxlMemoryModuleEventSection,
        MODULE,
        (
            "CXL memory module event (failure): temperature change, maintenance needed, hardware "
            "replacement needed, media: write persistency loss imminent, 90 % of its life used, "
            "-5 degrees Celsius, component identifier 000102030405060708090a0b0c0d0e0f, "
            "in 0001:3a:02.1"
        ),
        (
            "life_used warning (1)",
            "device_temperature critical (2)",
            "corrected_volatile_error_count warning (1)",
            "dirty_shutdown_count 3",
            "corrected_persistent_error_count 20",
            "sub_type unsupported config data (2)",
        ),
    ),
    (
        CxlPhysicalSwitchEventSection,
        PHYSICAL_SWITCH,
        (
            "CXL physical switch event (failure): link state change of port 9, link in L0, "
            "x8 at 16 GT/s, connected: CXL type 3 SLD, in 0001:3a:02.1"
        ),
        (
            "configuration downstream switch port (3)",
            "mode CXL 68B flit and VH mode (2)",
            "supported_modes 0x6: CXL 68B flit and VH, CXL 256B flit",
            "lanes 16",
            "maximum_link_speed 32 GT/s (5)",
            "link_state_flags 0x1: lane reversal",
        ),
    ),
    (
        CxlVirtualSwitchEventSection,
        VIRTUAL_SWITCH,
        (
            "CXL virtual switch event (failure): binding change of virtual port 2 of virtual "
            "switch 1, bound logical device 4 at port 9, in 0001:3a:02.1"
        ),
        ("common_clock_configuration yes", "presence_detect_changed_enable yes"),
    ),
    (
        CxlMldPortEventSection,
        MLD_PORT,
        (
            "CXL MLD port event (failure): error fatal message received at port 9: "
            "34 00 00 33 00 00 01 00, in 0001:3a:02.1"
        ),
        ("type error fatal message received (2)",),
    ),
    (
        CxlMemorySparingEventSection,
        SPARING,
        (
            "CXL memory sparing event (failure): sparing: success (channel 1, rank 0, nibble mask "
            "0xf, bank group 2, bank 4, row 74565, column 102), in 0001:3a:02.1"
        ),
        ("operation memory sparing (2)", "spare_resources 3 (that are left)"),
    ),
    (
        CxlDynamicCapacityEventSection,
        CAPACITY,
        (
            "CXL dynamic capacity event (failure): add capacity for host 2: 0x20000000 bytes at "
            "device address 0x10000000, in 0001:3a:02.1"
        ),
        ("shared_extent_sequence 5", "available_extents 7", "available_tags 8"),
    ),
]
every_event = pytest.mark.parametrize(
    ("kind", "event", "sentence", "expected"), EVENTS, ids=[e[0].__name__ for e in EVENTS]
)


def lines(thing) -> list[str]:
    return [" ".join(line.split()) for line in text(thing).splitlines()]


@every_event
def test_events(kind, event, sentence, expected) -> None:
    read = kind.from_bytes(section(event))
    assert read.sentence() == sentence
    assert read.problems == ()
    assert read.sealed() == read
    shown = lines(read)
    for line in (
        "serial_number 01-23-45-67-89-ab-cd-ef",
        "severity failure (2)",
        "maintenance_needed yes",
        "handle 0x0007",
        "timestamp 2024-05-17 12:30:15.123456789 UTC",
        "maintenance_operation post package repair (1)",
        "maintenance_operation_subclass hard (1)",
        "not marked valid: logical_device_id, head_id",
        *expected,
    ):
        assert line in shown, line


@every_event
def test_an_event_that_is_not_there(kind, event, sentence, expected) -> None:
    """Linux refuses a section without it; what it is not said to be is no fact."""
    read = kind.from_bytes(section(event, valid=1))
    assert read.sentence() == f"{kind.title}, in 0001:3a:02.1"
    assert "not marked valid: serial_number, event_header" in text(read)


@every_event
def test_an_event_cut_short(kind, event, sentence, expected) -> None:
    whole = section(event)
    short = kind.from_bytes(whole[:64])
    assert short.absent == 80
    assert short.sentence() == f"{kind.title} (failure), in 0001:3a:02.1"
    assert [p.id for p in short.problems] == ["section-length"]
    assert short.to_bytes() == whole[:64]
    assert short.sealed().problems == ()


@every_event
def test_lengths_that_lie(kind, event, sentence, expected) -> None:
    whole = bytearray(section(event) + b"more")
    for said in (0, 32, 144, 0xFFFFFFFF):
        whole[:4] = struct.pack("<I", said)
        read = kind.from_bytes(bytes(whole))
        assert read.trailing == b"more"
        assert [p.id for p in read.problems] == ["section-length"]


def test_their_other_names() -> None:
    """Windows writes the GUIDs of events with their first groups byte by byte."""
    kinds = {kind for kind, *_ in EVENTS if kind.aliases}
    assert len(kinds) == 5
    for kind in kinds:
        assert kind.aliases == (UUID(bytes=kind.guid.bytes_le),)
        assert section_type(kind.aliases[0]) is kind
    for kind, *_ in EVENTS:
        assert section_type(kind.guid) is kind


def test_a_component_in_either_form() -> None:
    assert component_text(PLDM, is_pldm=False) is None
    assert component_text(b"\2" + PLDM[1:], is_pldm=True) == "resource 0x0000cafe"
    assert component_text(bytes(16), is_pldm=True) == "none"


def test_timestamps() -> None:
    assert EventTimestamp(0).text == "not known"
    assert EventTimestamp(NANOSECONDS).text == "2024-05-17 12:30:15.123456789 UTC"
    assert EventTimestamp((1 << 64) - 1).text.startswith("2554-")


@pytest.mark.oracle
def test_as_libcper_reads_it(libcper) -> None:
    """It reads the header; the event itself it gives as bytes."""
    read = CxlGeneralMediaEventSection.from_bytes(section(GENERAL_MEDIA))
    (answer,) = libcper.parse(Record(body=[read]).to_bytes())["sections"]
    said = answer["CxlComponent"]
    assert said["length"] == read.length
    assert said["deviceID"] == {
        "vendorID": read.device_id.vendor_id,
        "deviceID": read.device_id.device_id,
        "functionNumber": read.device_id.function_number,
        "deviceNumber": read.device_id.device_number,
        "busNumber": read.device_id.bus_number,
        "segmentNumber": read.device_id.segment_number,
        "slotNumber": 5,
    }
    serial = read.serial_number
    assert said["deviceSerial"] == serial.upper << 32 | serial.lower
    event = read.to_bytes()[32:]
    assert base64.b64decode(said["cxlComponentEventLog"]["data"]) == event


def test_the_message_that_a_port_got_is_told() -> None:
    message = bytes.fromhex("3000000001000031")
    section = apei.CxlMldPortEventSection(validation_bits=4, error_message=message)
    assert "3000000001000031 (message ERR_NONFATAL, requester 01:00.0)" in apei.text(section)
    assert "requester" not in apei.text(section.replace(error_message=bytes(8)))
