"""The CCIX section, laid out by hand: the header of UEFI, the log as Linux' patches for CCIX have it."""

import base64
import struct

import pytest

from apeitool.cper.ccix_detail import AtcPerDetail, UnknownPerDetail
from apeitool.cper.ccix_log import CcixPerLog, PerLength
from apeitool.cper.record import Record
from apeitool.cper.sections.ccix_per import CcixPerErrorSection
from apeitool.render.text import text

MESSAGE = struct.pack("<8I", *range(8))
# validation, (FRU, reserved,) length, ...: what a type of error has behind the header
MEMORY = struct.pack("<IBBH", 0x3FFF, 7, 0, 40) + struct.pack(
    "<BBBBHHIIIIBBB", 2, 4, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 5
)
CACHE = struct.pack("<IHBBBBIIBB", 0x7F, 24, 1, 7, 4, 2, 0x11, 0x12, 3, 0)
ATC = struct.pack("<IHBBI", 3, 12, 6, 1, 0)
PORT = struct.pack("<IHBB", 7, 40, 2, 5) + MESSAGE
LINK = struct.pack("<IHBBBBH", 0x1F, 44, 1, 2, 9, 3, 0) + MESSAGE
AGENT = struct.pack("<I", 1) + struct.pack("<II", 8, 0xABCD)


def log(detail: bytes, kind: int, component: int, flags: int = 0) -> bytes:
    dwords = 8 + (len(detail) + 3) // 4
    return (
        struct.pack("<I", 1 | dwords << 8)
        + struct.pack("<I", component << 12 | kind << 24 | flags)
        + struct.pack("<II", 0x12, 0x34567004)  # address: high, low
        + struct.pack("<I3I", 6, 0, 0, 0)  # lowest valid bit of the address
        + detail
    )


def section(body: bytes) -> bytes:
    return struct.pack("<IQBBH", 16 + len(body), 7, 3, 1, 0) + body


UNCORRECTED, DEFERRABLE, ADDRESS, VENDOR = 1 << 16, 1 << 19, 1 << 30, 1 << 31


@pytest.mark.parametrize(
    ("body", "sentence", "lines"),
    [
        (
            log(MEMORY, 0, 1, UNCORRECTED | ADDRESS),
            "uncorrected memory error in a home agent at physical address 0x1234567004",
            (
                "pool_generic_type volatile (2)",
                "operation scrub (4)",
                "memory_error_type multi bit ECC (3)",
                "card 1", "module 2", "bank 3", "device 4", "row 5", "column 6", "rank 7",
                "bit_position 8", "chip_id 9", "pool_specific_type HBM (5)",
            ),
        ),
        (
            log(CACHE, 1, 0, DEFERRABLE),
            ("corrected, deferrable cache error in a request agent (cache type data, "
            "operation eviction, cache error type data lost, level 2, set 17, way 18, instance 3)"),
            ("cache_type data (1)", "set 17", "way 18", "instance 3"),
        ),
        (
            log(ATC, 2, 2),
            "corrected ATC error in a slave agent (operation prefetch, instance 1)",
            ("operation prefetch (6)", "instance 1"),
        ),
        (
            log(PORT, 3, 3),
            "corrected port error in a port (operation write, port error type bus timeout)",
            ("port_error_type bus timeout (5)",),
        ),
        (
            log(LINK, 4, 4),
            ("corrected link error in a link (operation read, link error type credit overflow, "
            "link id 9, credit type miscellaneous)"),
            ("link_id 9", "credit_type miscellaneous (3)"),
        ),
        (
            log(AGENT, 5, 1),
            "corrected agent internal error in a home agent",
            ("vendor_data 8 bytes",),
        ),
        (
            log(b"\1\2\3\4", 0, 1, VENDOR),
            "corrected vendor-defined error in a home agent",
            ("rest 4 bytes", "vendor_defined yes"),
        ),
    ],
    ids=["memory", "cache", "ATC", "port", "link", "agent", "vendor"],
)  # fmt: skip
def test_logs(body, sentence, lines) -> None:
    read = CcixPerErrorSection.from_bytes(section(body))
    assert read.sentence().startswith(f"CCIX error from source 3, port 1: {sentence}")
    shown = [" ".join(line.split()) for line in text(read).splitlines()]
    for line in ("source_id 3 (of an agent if one reports, else of a device)", *lines):
        assert line in shown
    assert read.problems == ()
    assert read.sealed() == read


def test_its_address() -> None:
    read = CcixPerErrorSection.from_bytes(section(log(MEMORY, 0, 1, ADDRESS)))
    assert read.physical_addresses == (0x1234567004,)
    assert CcixPerErrorSection.from_bytes(section(log(MEMORY, 0, 1))).physical_addresses == ()
    assert read.replace(validation_bits=3).physical_addresses == ()


def test_a_log_cut_short() -> None:
    body = log(CACHE, 1, 0)[:20]
    read = CcixPerErrorSection.from_bytes(section(body))
    assert read.per_log.absent == 12
    assert [p.id for p in read.problems] == ["per-log-length"]
    assert "not marked valid: address_high, address_low, address_mask" in text(read)


def test_lengths_that_lie() -> None:
    whole = bytearray(section(log(CACHE, 1, 0)))
    whole[:4] = b"\xff" * 4
    assert [p.id for p in CcixPerErrorSection.from_bytes(bytes(whole)).problems] == [
        "section-length"
    ]
    whole[:4] = bytes(4)
    read = CcixPerErrorSection.from_bytes(bytes(whole))
    assert len(read.trailing) == 32 + 20
    assert read.to_bytes() == whole


def test_what_is_derived_leaves_the_bits_beside_it() -> None:
    read = CcixPerLog.from_bytes(log(LINK, 4, 4, UNCORRECTED))
    read = read.replace(length=0x80, detail=AtcPerDetail()).sealed()
    assert PerLength(read.length).multiple_errors
    assert PerLength(read.length).dwords == 11
    assert read.classification == 2 << 24 | 4 << 12 | UNCORRECTED
    unknown = read.replace(classification=9 << 24, detail=UnknownPerDetail())
    assert unknown.sealed().classification == 9 << 24


@pytest.mark.oracle
def test_as_libcper_reads_it(libcper) -> None:
    body = log(MEMORY, 0, 1, ADDRESS)
    read = CcixPerErrorSection.from_bytes(section(body))
    (answer,) = libcper.parse(Record(body=[read]).to_bytes())["sections"]
    said = answer["CcixPer"]
    assert said["length"] == read.length
    assert said["ccixSourceID"] == read.source_id
    assert said["ccixPortID"] == read.port_id
    assert base64.b64decode(said["ccixPERLog"]) == read.per_log.to_bytes()
