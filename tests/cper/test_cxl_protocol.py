"""The CXL protocol error section, laid out by hand as UEFI and CXL have it."""

import base64
import struct

import pytest

from apeitool.cper import cxl_dvsec
from apeitool.cper.cxl_dvsec import CxlDvsec, DeviceDvsec, FlexBusDvsec, UnknownDvsecBody
from apeitool.cper.record import Record
from apeitool.cper.sections.cxl_protocol import (
    AgentType,
    CxlProtocolErrorSection,
    CxlRasCapability,
)
from apeitool.render.text import text

RAS = struct.pack("<3I", 1 << 7 | 1 << 10, 0, 1 << 7)  # uncorrectable: status, mask, severity
RAS += struct.pack("<3I", 1 << 2, 0, 7 | 1 << 9)  # correctable; first error 7
RAS += struct.pack("<16I", *range(16))  # header log


def dvsec(number: int, revision: int, body: bytes, vendor: int = 0x1E98) -> bytes:
    length = 10 + len(body)
    return struct.pack("<IHHH", 0x23 | 1 << 16, vendor, revision | length << 4, number) + body


DEVICE = struct.pack("<7H", 0x1E, 2, 1 << 14, 0, 1 << 15, 1, 2 | 4 << 8)
DEVICE += struct.pack("<4I", 1, 0x10000000 | 1 << 13 | 2 << 8 | 1 << 2 | 3, 2, 0x20000000)
DEVICE += struct.pack("<4I", 0, 0, 0, 0)  # no second range
DVSECS = dvsec(0, 1, DEVICE) + dvsec(7, 1, struct.pack("<3HI", 0x26, 0x2, 0x406, 0xEF))


def section(agent: int, address: int, dvsecs: bytes = DVSECS, log: bytes = RAS) -> bytes:
    return b"".join(
        [
            struct.pack("<QB7xQ", 0x7F, agent, address),
            # vendor, device, subsystem vendor and id, class, slot 15:3
            struct.pack("<6H4x", 0x8086, 0x0D93, 0x8086, 1, 0x0502, 3 << 3),
            struct.pack("<II", 0x89ABCDEF, 0x01234567),  # serial number, lower half first
            struct.pack("<BBH", 0x10, 0x60, 2 | 4 << 4).ljust(60, b"\0"),  # a root port's
            struct.pack("<HH4x", len(dvsecs), len(log)),
            dvsecs,
            log,
        ]
    )


PLACE = 1 << 24 | 0x3A << 16 | 2 << 8 | 1  # segment, bus, device, function


def lines(thing) -> list[str]:
    return [" ".join(line.split()) for line in text(thing).splitlines()]


def test_a_root_port() -> None:
    read = CxlProtocolErrorSection.from_bytes(section(5, PLACE))
    assert read.sentence() == (
        "CXL protocol error: memory data ECC, received poison from peer, CRC threshold hit "
        "at 0001:3a:02.1 (vendor 0x8086, device 0x0d93), CXL root port"
    )
    assert read.problems == ()
    assert read.sealed() == read
    shown = lines(read)
    for line in (
        "agent_type CXL root port (5)",
        "agent_address 0001:3a:02.1",
        "serial_number 01-23-45-67-89-ab-cd-ef",
        "slot_number 3",
        "device_port_type root port (4)",
        "hdm_count 1",
        "status 0x4000: viral",
        "cache_size_unit 1 MiB (2)",
        "media_type non volatile (1)",
        "desired_interleave 4 KiB (2)",
        "memory_base_low 0x20000000",
        "control 0x2: IO enable",
        "received_flex_bus_data 239",
        "uncorrectable_error_status 0x480: memory data ECC, received poison from peer",
        "correctable_error_status 0x4: CRC threshold hit",
        "first_error_pointer 7",
    ):
        assert line in shown
    assert CxlProtocolErrorSection.resembles(section(5, PLACE))
    assert not CxlProtocolErrorSection.resembles(bytes(116))


@pytest.mark.parametrize("agent", AgentType)
def test_where_an_agent_is(agent) -> None:
    """The port of a restricted host has no bus number: it is known by its registers."""
    read = CxlProtocolErrorSection.from_bytes(section(agent, PLACE))
    port = agent is AgentType.RESTRICTED_CXL_HOST_DOWNSTREAM_PORT
    where = "RCRB at 0x13a0201" if port else "0001:3a:02.1"
    assert f"at {where} (vendor" in read.sentence()
    assert read.sentence().endswith(f", {agent.text}")
    assert f"agent_address {where}" in lines(read)


def test_an_address_of_nobody_knows_what() -> None:
    whole = section(1, PLACE)
    read = CxlProtocolErrorSection.from_bytes(b"\x7e" + whole[1:])
    assert "at 0x13a0201 (vendor" in read.sentence()
    assert "agent_address 0x00000000013a0201" in lines(read)


def test_a_log_of_another_length() -> None:
    """Linux takes 88 bytes and no others; the bytes that are there are told all the same."""
    short = CxlProtocolErrorSection.from_bytes(section(5, PLACE, b"", RAS[:16]))
    assert short.error_log.absent == 72
    assert "memory data ECC, received poison from peer, CRC threshold hit" in short.sentence()
    assert short.problems == ()
    none = CxlProtocolErrorSection.from_bytes(section(5, PLACE, b"", b""))
    assert none.error_log.size == 0
    assert none.sentence().startswith("CXL protocol error at")
    long = CxlProtocolErrorSection.from_bytes(section(5, PLACE, b"", RAS + b"more"))
    assert long.error_log.rest == b"more"


def test_nothing_is_a_fact() -> None:
    whole = section(5, PLACE)
    read = CxlProtocolErrorSection.from_bytes(bytes(8) + whole[8:])
    assert read.sentence() == "CXL protocol error"
    assert "not marked valid: agent_type, agent_address" in text(read)


@pytest.mark.parametrize("length", [0xFFFF, 0x8000])
def test_lengths_that_lie(length) -> None:
    whole = section(5, PLACE)
    for at, id in ((108, "dvsec-length"), (110, "error-log-length")):
        changed = whole[:at] + struct.pack("<H", length) + whole[at + 2 :]
        read = CxlProtocolErrorSection.from_bytes(changed)
        assert id in [p.id for p in read.problems]
        assert read.to_bytes() == changed
        assert read.sealed().problems == ()


BODIES = [
    (2, struct.pack("<H8I", 0, *range(8)), ("function_map 0x00000000 0x00000001",)),
    (
        3,
        struct.pack("<HHBBHHHHIIII", 1, 1, 0x10, 0x20, 1, 2, 3, 4, 5, 6, 0xFED00000, 0),
        ("control 0x1: unmask SBR", "alternate_bus_limit 0x20", "rcrb_base 0xfed00000"),
    ),
    (4, struct.pack("<HHH", 0, 2 | 4 << 8, 1), ("base 2", "scale 10 ms (4)", "scale 1 us (0)")),
    (5, struct.pack("<HI", 3 | 6 << 8, 51), ("scale 1 s (6)", "phase_2_power 51 mW")),
    (
        8,
        struct.pack("<H4I", 0, 1 << 8, 0, 2 | 3 << 8 | 1 << 16, 1),
        ("block component registers (1)", "bar 2", "offset_low 0x10000", "high 0x00000001"),
    ),
    (9, struct.pack("<HHH", 4, 5, 0), ("number_of_logical_devices 4", "hot_reset_vector 0x0005")),
]


@pytest.mark.parametrize(("number", "body", "expected"), BODIES, ids=lambda x: str(x)[:12])
def test_the_other_dvsecs(number, body, expected) -> None:
    read = CxlDvsec.from_bytes(dvsec(number, 0, body))
    assert read.problems == ()
    shown = lines(read)
    for line in expected:
        assert any(one.startswith(line) for one in shown), line


def test_a_dvsec_by_its_length() -> None:
    older, newer = dvsec(0, 1, DEVICE), dvsec(0, 3, DEVICE + struct.pack("<HH", 1, 0))
    assert CxlDvsec.from_bytes(older).body.absent == 4
    body = CxlDvsec.from_bytes(newer).body
    assert isinstance(body, DeviceDvsec)
    assert "default volatile HDM state after cold reset" in text(body)
    for length, absent in ((6, 16), (10, 12), (22, 0)):
        body = CxlDvsec.from_bytes(dvsec(7, 2, bytes(length))).body
        assert isinstance(body, FlexBusDvsec)
        assert body.absent == absent
    assert isinstance(CxlDvsec.from_bytes(dvsec(7, 2, bytes(5))).body, UnknownDvsecBody)


def test_a_dvsec_of_another_vendor() -> None:
    read = CxlDvsec.from_bytes(dvsec(0, 1, DEVICE, vendor=0x8086))
    assert isinstance(read.body, UnknownDvsecBody)
    assert "dvsec_id 0" in lines(read)
    assert read.sealed() == read


def test_a_dvsec_that_lies() -> None:
    whole = bytearray(dvsec(0, 1, DEVICE))
    for length in (0, 9, 0xFFF):
        whole[6:8] = struct.pack("<H", 1 | length << 4)
        item, end = CxlDvsec.decode_at(bytes(whole), 0, len(whole))
        assert end == max(10, min(length, len(whole)))
        assert [p.id for p in item.problems] == ["dvsec-length"]
    kept = CxlDvsec(body=cxl_dvsec.PortFlushDvsec()).replace(revision_and_length=3).sealed()
    assert kept.revision_and_length == 3 | 16 << 4


@pytest.mark.oracle
def test_as_libcper_reads_it(libcper) -> None:
    """It names two agent types only, and reads their field as 64 bits."""
    read = CxlProtocolErrorSection.from_bytes(section(0, PLACE))
    (answer,) = libcper.parse(Record(body=[read]).to_bytes())["sections"]
    said = answer["CxlProtocol"]
    assert said["agentType"]["value"] == read.agent_type
    assert said["cxlAgentAddress"] == {
        "functionNumber": 1,
        "deviceNumber": 2,
        "busNumber": 0x3A,
        "segmentNumber": 1,
    }
    assert said["deviceID"] == {
        "vendorID": read.device_id.vendor_id,
        "deviceID": read.device_id.device_id,
        "subsystemVendorID": read.device_id.subsystem_vendor_id,
        "subsystemDeviceID": read.device_id.subsystem_id,
        "classCode": read.device_id.class_code,
        "slotNumber": 3,
    }
    serial = read.serial_number
    assert said["deviceSerial"] == serial.upper << 32 | serial.lower
    assert said["dvsecLength"] == read.dvsec_length
    assert said["errorLogLength"] == read.error_log_length
    assert base64.b64decode(said["capabilityStructure"]) == read.capability_structure.to_bytes()
    assert base64.b64decode(said["cxlDVSEC"]) == b"".join(d.to_bytes() for d in read.dvsecs)
    assert CxlRasCapability.from_bytes(base64.b64decode(said["cxlErrorLog"])) == read.error_log
