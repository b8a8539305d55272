"""Damaged tables and status blocks: which rule is broken, and where, in the problem's own words."""

import pytest

from apeitool.acpi.einj import Einjv2Extension, SetErrorTypeWithAddress, VendorErrorTypeExtension
from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.machine_check import ErrorBank, MachineCheckException
from apeitool.acpi.hest.source import FutureSource, ReservedSource
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntryV2, GenericErrorDataEntryV3, StatusBlock
from apeitool.cper.section import OpaqueSection
from apeitool.cper.sections.memory import MemoryErrorSection
from apeitool.cper.severity import Severity

GHES, GHES2 = Ghes(source_id=1), GhesV2(source_id=2)
HEST = Hest(sources=[GHES, GHES2]).to_bytes()
MEMORY = MemoryErrorSection(physical_address=0x1000)
OLD, NEW = GenericErrorDataEntryV2(section=MEMORY), GenericErrorDataEntryV3(section=MEMORY)
BLOCK = StatusBlock(entries=[OLD, NEW]).to_bytes()
RAW = StatusBlock(entries=[OLD], raw_data=b"vendor's").to_bytes()


def put(data: bytes, offset: int, number: int, size: int = 4) -> bytes:
    """The bytes with another number in them."""
    return data[:offset] + number.to_bytes(size, "little") + data[offset + size :]


def table(data: bytes) -> bytes:
    """The bytes with the checksum of a table."""
    rest = data[:9] + b"\0" + data[10:]
    return data[:9] + bytes([-sum(rest) & 0xFF]) + data[10:]


def found(item) -> list[tuple[str, int, str]]:
    return [(p.id, p.offset, p.path.partition(".")[2]) for p in item.problems]


NAMED_IN_HEST = {
    "nothing": (HEST, []),
    "bytes behind": (HEST + b"behind", []),
    "checksum": (put(HEST, 9, HEST[9] ^ 1, 1), [("table-checksum", 9, "checksum")]),
    "signature": (table(b"TSEH" + HEST[4:]), [("table-signature", 0, "signature")]),
    "count too large": (
        table(put(HEST, 36, 3)), [("source-count", 36, "error_source_count")],
    ),
    "count too small": (table(put(HEST, 36, 1)), [("source-count", 36, "error_source_count")]),
    "an id twice": (
        table(put(HEST, 106, 1, 2)), [("source-id", 106, "sources[1].source_id")],
    ),
    "a reserved type": (
        table(put(HEST, 40, 3, 2)),
        [("source-type", 40, "sources[0].type")],
    ),
    "notification length": (
        table(put(HEST, 73, 0x5C, 1)),
        [("notification-length", 73, "sources[0].notification.length")],
    ),
    "a byte short": (
        HEST[:-1],
        [("truncated", 4, "length"), ("source-count", 36, "error_source_count"),
         ("table-rest", 104, "unparsed")],
    ),
    "a source short": (
        HEST[:104],
        [("truncated", 4, "length"), ("source-count", 36, "error_source_count")],
    ),
    "length of nothing": (
        put(HEST, 4, 0),
        [("table-length", 4, "length")],
    ),
    "length of less than the header": (
        put(HEST, 4, 35),
        [("table-length", 4, "length"), ("table-checksum", 9, "checksum")],
    ),
    "zeros": (bytes(40), [("table-signature", 0, "signature"), ("table-length", 4, "length")]),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED_IN_HEST)
def test_hest(name) -> None:
    data, problems = NAMED_IN_HEST[name]
    hest = Hest.from_bytes(data)
    assert hest.to_bytes() == data
    assert sorted(found(hest)) == sorted(problems)


def test_banks_that_are_not_there() -> None:
    """A bank list that ends early is named: what follows it was not what the source counted."""
    source = MachineCheckException(number_of_hardware_banks=9, banks=[ErrorBank()])
    hest = Hest.from_bytes(Hest(sources=[source]).to_bytes())
    assert [(p.offset, p.path) for p in hest.problems] == [
        (40 + 32, "Hest.sources[0].number_of_hardware_banks")
    ]


def test_a_future_source_that_is_cut() -> None:
    source = FutureSource.from_bytes(b"\x0c\0\xff\0abc")
    assert ("truncated", 2, "length") in found(source)


COUNT, CUT = ("entry-count", 0, "block_status"), ("truncated", 12, "data_length")
LAST_CUT = ("section-truncated", 164 + 24, "entries[1].error_data_length")
RAW_PLACE = ("raw-data-place", 4, "raw_data_offset")
RAW_CUT = ("raw-data-truncated", 8, "raw_data_length")
NAMED_IN_BLOCK = {
    "nothing": (BLOCK, []),
    "bytes behind": (BLOCK + bytes(100), []),
    "nothing, with raw data": (RAW, []),
    "zeros": (bytes(20), []),
    "many zeros": (bytes(4096), []),
    "count": (put(BLOCK, 0, 0x35), [COUNT]),
    "data length of one entry": (put(BLOCK, 12, 144), [COUNT]),
    "data length inside an entry": (put(BLOCK, 12, 150), [COUNT, ("entry-rest", 164, "unparsed")]),
    "data length too large": (put(BLOCK, 12, 0xFFFF), [CUT]),
    "a byte short": (BLOCK[:-1], [CUT, LAST_CUT]),
    "a section short": (
        BLOCK[:-10], [CUT, LAST_CUT, ("section-too-short", 164 + 72, "entries[1].section")],
    ),
    "an entry short": (BLOCK[:200], [CUT, COUNT]),
    "a header alone": (BLOCK[:20], [CUT, COUNT]),
    "raw data inside an entry": (put(RAW, 4, 100), [RAW_PLACE]),
    "raw data inside the header": (put(RAW, 4, 0), [RAW_PLACE]),
    "raw data a byte late": (put(RAW, 4, 165), [RAW_CUT]),
    "raw data a byte longer": (put(RAW, 8, 9), [RAW_CUT]),
    "raw data nowhere": (put(RAW, 4, 0xFFFFFFFF), [RAW_CUT]),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED_IN_BLOCK)
def test_status_block(name) -> None:
    data, problems = NAMED_IN_BLOCK[name]
    block = StatusBlock.from_bytes(data)
    assert block.to_bytes() == data
    assert sorted(found(block)) == sorted(problems)


@pytest.mark.parametrize("revision", [0, 0x0100, 0x0201, 0x0203, 0x02FF])
def test_entries_before_revision_3_have_no_timestamp(revision) -> None:
    block = StatusBlock.from_bytes(put(BLOCK, 20 + 20, revision, 2))
    assert [type(e).__name__[-2:] for e in block.entries] == ["V2", "V3"]
    assert block.entries[0].section == MEMORY


@pytest.mark.parametrize("revision", [0x0300, 0x0301, 0x0400, 0xFFFF])
def test_entries_from_revision_3_on_have_one(revision) -> None:
    block = StatusBlock.from_bytes(put(BLOCK, 164 + 20, revision, 2))
    assert [type(e).__name__[-2:] for e in block.entries] == ["V2", "V3"]
    assert block.entries[1].section == MEMORY


def structure(flags: int, offset: int) -> bytes:
    """One that asks for an error, up to what is behind it."""
    return (bytes(4) + offset.to_bytes(4, "little") + flags.to_bytes(4, "little")).ljust(36, b"\0")


EINJV2, VENDOR = bytes.fromhex("28000000 0100 0100") + bytes(32), b"\x11".ljust(17, b"\0")
NOT_THERE = ("extension-truncated", 4, "vendor_extension_offset")
NAMED_IN_INJECTION = {
    "nothing": (structure(0, 0), []),
    "room that no flag marks": (structure(0, 0) + EINJV2, []),
    "both": (structure(8, 76) + EINJV2 + VENDOR, []),
    "both, apart": (structure(8, 80) + EINJV2 + bytes(4) + VENDOR, []),
    "no EINJv2": (structure(8, 0), [("valid-but-absent", 8, "flags")]),
    "EINJv2 cut": (
        structure(8, 0) + EINJV2[:-1],
        [("component-count", 42, "einjv2[0].component_array_count"),
         ("extension-truncated", 36, "einjv2[0].length")],
    ),
    "EINJv2 shorter than its head": (
        structure(8, 0) + put(EINJV2, 0, 7),
        [("component-count", 42, "einjv2[0].component_array_count"),
         ("extension-length", 36, "einjv2[0].length")],
    ),
    "vendor cut": (
        structure(0, 36) + VENDOR[:-1], [("extension-truncated", 36, "vendor[0].length")],
    ),
    "vendor shorter than its head": (
        structure(0, 36) + put(VENDOR, 0, 15), [("extension-length", 36, "vendor[0].length")],
    ),
    "vendor behind all": (structure(0, 0xFFFFFFFF) + VENDOR, [NOT_THERE]),
    "vendor within": (
        structure(0, 35) + VENDOR, [NOT_THERE],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED_IN_INJECTION)
def test_what_asks_for_an_error(name) -> None:
    data, problems = NAMED_IN_INJECTION[name]
    asked = SetErrorTypeWithAddress.from_bytes(data)
    assert asked.to_bytes() == data
    assert sorted(found(asked)) == sorted(problems)


# ---- sealing keeps what is not a count


def test_the_vendor_s_extension_is_found_where_it_is_put() -> None:
    vendor, extension = VendorErrorTypeExtension(oem_data=b"oem"), Einjv2Extension()
    asked = SetErrorTypeWithAddress(flags=8, einjv2=[extension], vendor=[vendor])
    assert asked.vendor_extension_offset == 36 + 8
    assert SetErrorTypeWithAddress.from_bytes(asked.to_bytes()) == asked
    assert asked.replace(vendor_extension_offset=3).sealed() == asked
    without = SetErrorTypeWithAddress(gap=b"only the rest", vendor_extension_offset=99).sealed()
    assert (without.vendor_extension_offset, without.rest) == (0, b"only the rest")


def test_a_reserved_source_keeps_its_type() -> None:
    source = ReservedSource(type=3, source_id=1, data=b"abc")
    assert source.sealed() == source
    assert Hest(sources=[GHES, source]).sealed().sources[1] == source


@pytest.mark.parametrize("size", [20, 1024])
def test_no_error_stays_no_error(size) -> None:
    """All zeros say that no error is recorded; counting again must not record one."""
    assert StatusBlock.from_bytes(bytes(size)).sealed().is_empty


def test_a_gap_before_raw_data_stays() -> None:
    block = StatusBlock.from_bytes(put(RAW, 4, len(RAW)) + b"vendor's")
    assert (block.gap, block.raw_data) == (b"vendor's", b"vendor's")
    assert block.problems == ()
    assert StatusBlock.from_bytes(block.sealed().to_bytes()) == block.sealed()
    assert block.sealed().raw_data == b"vendor's"


@pytest.mark.parametrize(
    ("severities", "status"),
    [
        ([Severity.CORRECTED], 0x12),
        ([Severity.FATAL], 0x11),
        ([Severity.RECOVERABLE] * 2, 0x25),
        ([Severity.CORRECTED] * 2, 0x2A),
        ([Severity.CORRECTED, Severity.FATAL], 0x23),
    ],
)
def test_block_status(severities, status) -> None:
    entries = [OLD.replace(error_severity=s) for s in severities]
    assert StatusBlock(entries=entries).block_status == status


def test_information_is_not_uncorrectable() -> None:
    informational = OLD.replace(error_severity=Severity.INFORMATIONAL)
    assert not StatusBlock(entries=[informational]).block_status & 1


def test_more_entries_than_can_be_counted() -> None:
    """Ten bits count the entries; a block with more says as many as fit, and that is no fault."""
    entries = [GenericErrorDataEntryV2(section=OpaqueSection())] * 1100
    block = StatusBlock(entries=entries)
    assert block.problems == ()
    assert StatusBlock.from_bytes(block.to_bytes()) == block
