"""Microsoft's other sections, from bytes laid by hand as the WDK's headers have them."""

from datetime import UTC, datetime
from struct import pack
from uuid import UUID

import pytest
from laid_sections import lies, read, says

from apeitool.cper.record import Record
from apeitool.cper.section import section_type
from apeitool.cper.vendor.filetime import Filetime
from apeitool.render.text import text

NMI, MSRS = "e71254e7-c1b9-4940-ab76-909703a4320f", "1c15b445-9b06-4667-ac25-33c056b88803"
DPC, MU = "ec49534b-30e7-4358-972f-eca6958fae3b", "85183a8b-9c41-429c-939c-5c3c087ca280"
RECOVERY, PCI = "c34832a1-02c3-4c52-a9f1-9f1d5d7723fc", "dd060800-f6e1-4204-ac27-c4bca9568402"
SEA, SEI = "f5fe48a6-84ce-4c1e-aa64-20c9a53099f1", "f2a4a152-9c6d-4020-aecf-7695b389251b"
NODE, RAS = "e3ebf4a2-df50-4708-b2d7-0b29ec2f7aa9", "c6749ac0-16fb-4868-b976-65a61299834f"
INTEL, AMD = "e16edb28-6113-4263-a41d-e53f8de78751", "0d3a4a3b-774a-4c72-95e2-152d43180374"
DIMMS, DEVICES = "0e36c93e-ca15-4a83-ba8a-cbe80f7f0017", "e96eca99-53e2-4f52-9be7-d2dbe9508ed0"
PMEM, RANGE = "81687003-dbfd-4728-9ffd-f0904f97597d", "cc245308-61d5-4356-a707-25172ec2f5ea"


def dimm(valid: int, *values: int) -> bytes:
    return pack("<Q4I", valid, *values)


def device(valid: int, address: tuple[int, ...], mask: int, **counts: int) -> bytes:
    numbers = [counts.get(f"bit_{bit}", 0) for bit in range(32)]
    return pack("<Q4II32I", valid, *address, mask, *numbers)


def contained(capability: int, status: int, source: int, pio: int = 0, mask: int = 0) -> bytes:
    """capability's header, capability, control, status, source; five words of PIO errors; logs."""
    return pack("<IHHHH5I4II4I", 0x1001D, capability, 6, status, source, pio, mask, *range(12))


CXL = pack("<HHBBBHHBII52x", 0x8086, 0xD93, 1, 2, 0xC0, 3, 5 << 3, 0, 1, 2)
CASES = [
    ("NMI", NMI, b"\xb1".ljust(8, b"\0") + pack("<I", 1),
     "non-maskable interrupt, reported by the hypervisor, port data b1 00 00 00 00 00 00 00",
     {"flags": 1}),
    ("MSRs", MSRS, pack("<BI", 7, 5) + b"MSRs!", "MSR dump of 5 bytes",
     {"msr_dump_buffer": 7, "msr_dump_data": b"MSRs!"}),
    ("DPC", DPC, contained(0, 0b101, 0x8310),
     "PCIe port contained: fatal error message from 83:02.0",
     {"rp_pio_header_log": (3, 4, 5, 6), "rp_pio_tlp_prefix_log": (8, 9, 10, 11)}),
    ("DPC of a root port", DPC, contained(0x20, 0b111, 0, 1 << 18 | 1, 1),
     ("PCIe port contained: RP PIO error (memory completion timeout; "
      "memory read, 3 DW, requester 00:00.0, tag 0x0, address 0x4)"), {"rp_pio_mask": 1}),
    ("DPC at rest", DPC, contained(0, 0, 0), "PCIe downstream port containment, not triggered", {}),
    ("Mu", MU, UUID(int=1).bytes_le + bytes(20) + pack("<IQQ", 0x03050007, 1, 2),
     ("firmware telemetry: status code 0x03050007 of class software, "
      "from component 00000000-0000-0000-0000-000000000001"), {"additional_info_2": 2}),
    ("recovery", RECOVERY, pack("<BQIBBI20s", 0, 0b1010, 1, 2, 1, 0, b"sql.exe\0junk"),
     "Windows tried to recover: terminate process, mark page bad, process sql.exe; it succeeded",
     {"irql": 2, "recovery_type": 1}),
    ("a failed recovery", RECOVERY, pack("<BQIBBI20s", 1, 8, 1, 2, 0, 4, b""),
     "Windows tried to recover: mark page bad; it failed (not continuable)", {"failure_reason": 4}),
    ("no recovery", RECOVERY, pack("<BQIBBI20s", 0, 1, 0, 255, 0, 0, b""),
     "Windows attempted no recovery", {"irql": 255}),
    ("PCI recovery", PCI, b"\2\1\3",
     "Windows attempted a PCI recovery after DPC: link enable timeout", {"signal_type": 2}),
    ("no PCI recovery", PCI, b"\1\0\x08",
     ("Windows attempted no PCI recovery after AER: assigned device AER not recoverable"), {}),
    ("SEA", SEA, pack("<IQQB", 0x92000010, 0x7F001000, 0x1234, 0),
     ("synchronous external abort in a process at virtual address 0x7f001000: data abort from a "
      "lower EL, synchronous external abort, recoverable state, read"), {"par": 0x1234}),
    ("SEI", SEI, pack("<IQ", 0xBE000C11, 0), "SError, recoverable state", {"far": 0}),
    ("RAS node", NODE, pack("<IIBB6x8Q", 8, 5, 1, 4, *range(8)),
     "ARM RAS node 5 (GIC): status 0x2", {"err_fr": 0, "err_misc_3": 7, "interface_type": 1}),
    ("extended RAS", RAS, pack("<IIQ", 1, 0x203, 3) + b"abc",
     "platform extended RAS data, DIMM location 0x203, 3 bytes", {"section_data": b"abc"}),
    ("Intel's memory", INTEL,
     pack("<QQI5Q11BII7B80x", 1, (1 << 26) - 1, 3, *range(0x1000, 0x1005), *range(11), 12, 13, *b"1234567"),
     ("memory error at physical address 0x1000, socket 0, controller 1, channel 4, DIMM 7, rank 8, "
      "bank group 10, bank 9, row 12, column 13 (address translation: PRM success)"),
     {"chip_id": ord("7"), "rank_address": 0x1004, "memory_definition": 3}),
    ("Intel's memory, nothing known", INTEL, pack("<QQ70s80x", 0, 0, b"\1" * 70), "memory error", {}),
    ("AMD's memory", AMD,
     pack("<QQ3Q4BIH3B80x", 1 << 4, (1 << 12) - 1, *range(0x1000, 0x1003), 0, 1, 2, 3, 4, 5, 6, 7, 8),
     ("memory error at physical address 0x1000, socket 0, channel 8, chip select 1, bank group 2, "
      "bank 3, row 4, column 5 (address translation: plugin failed)"),
     {"umc_bank_instance_id": 0x1002, "rank_multiplier": 6}),
    ("DIMMs", DIMMS, pack("<HH", 1, 2) + dimm(0xF, 0, 1, 2, 40) + dimm(0, 0, 0, 0, 0),
     ("correctable memory errors: 40 in socket 0, channel 1, DIMM 2; "
      "an unknown number in an unknown place"), {"data[0].dimm_slot": 2}),
    ("many DIMMs", DIMMS, pack("<HH", 1, 6) + 6 * dimm(9, 1, 0, 0, 3),
     "correctable memory errors: " + 4 * "3 in socket 1; " + "and 2 more places", {"count": 6}),
    ("devices", DEVICES,
     pack("<HH", 1, 2) + device(0x3F, (0, 0x83, 2, 1), 1 << 6, bit_0=5, bit_12=7) + device(2, (9, 1, 9, 9), 0),
     ("correctable PCIe errors: 0000:83:02.1 (receiver error 5, replay timer timeout 7); "
      "?:01:?.? (not counted)"), {"devices[0].mask": 1 << 6}),
    ("persistent memory", PMEM,
     pack("<Q64sQII6Q", 7, b"here", 4 << 8, 0x1234, 2, 0x100, 3, 7, 0x200, 1, 1),
     ("persistent memory error in socket 1, memory controller 2, channel 3, DIMM 4, "
      "bad pages: 3 from 0x100000; 1 from 0x200000"),
     {"physical_addresses": (0x100000, 0x200000), "page_ranges[1].marked_bad_bitmap": 1}),
    ("persistent memory, nowhere", PMEM, bytes(88), "persistent memory error", {}),
    ("ranges", RANGE, pack("<QI", 0x1F, 1) + CXL + pack("<BBH4Q", 0, 0, 2, 0x1000, 64, 0x2000, 128),
     ("memory range error of CXL device 0003:c0:02.1: 64 bytes from 0x1000; 128 bytes from 0x2000"),
     {"device_info.vendor_id": 0x8086, "physical_addresses": (0x1000, 0x2000)}),
    ("ranges, not said so", RANGE, bytes(84) + pack("<BBH2Q", 0, 0, 1, 0x1000, 64)[:4] + bytes(16),
     "memory range error", {"physical_addresses": ()}),
]  # fmt: skip

every_case = pytest.mark.parametrize(
    ("guid", "data", "sentence", "values"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)


@every_case
def test_what_it_says(guid, data, sentence, values) -> None:
    says(guid, data, sentence, values)


LENGTHS = {
    NMI: 12, DPC: 68, MU: 56, RECOVERY: 39, PCI: 3, SEA: 21, SEI: 12, NODE: 80, INTEL: 166,
    AMD: 133, PMEM: 88, RANGE: 88,
}  # fmt: skip


@pytest.mark.parametrize(("guid", "length"), LENGTHS.items())
def test_how_long_they_are(guid, length) -> None:
    """The lengths that the structures have where they are declared in C."""
    kind = section_type(UUID(guid))
    assert kind.shortest == length
    assert kind.from_bytes(bytes(length) + b"more").trailing == b"more"


MANY = b"\1\0\xff\xff"
LIES = [
    (MSRS, b"\1" + b"\xff" * 4 + b"abc", ["dump-truncated"]),
    (RAS, bytes(8) + b"\xff" * 8 + b"abc", ["data-truncated"]),
    (DIMMS, MANY + bytes(25), ["entry-count"]),
    (DEVICES, MANY + bytes(157), ["entry-count"]),
    (PMEM, bytes(84) + b"\xff" * 4 + bytes(25), ["range-count"]),
    (RANGE, b"\x1f" + bytes(85) + b"\xff\xff" + bytes(17), ["range-count"]),
    (NODE, bytes(80), ["register-count"]),
]


@pytest.mark.parametrize(("guid", "data", "problems"), LIES)
def test_counts_and_lengths_that_lie(guid, data, problems) -> None:
    lies(guid, data, problems)


def test_characters_of_a_process_name_are_harmless() -> None:
    section = read(RECOVERY, pack("<BQIBBI20s", 0, 2, 1, 2, 1, 0, b"\x1b[2Jx"))
    said = text(section) + text(Record(body=[section]))
    assert all(c.isprintable() or c == "\n" for c in said)
    assert "\\x1b" in said


def test_windows_time() -> None:
    assert Filetime(0).moment is None
    assert Filetime(116_444_736_000_000_000).moment == datetime(1970, 1, 1, tzinfo=UTC)
    assert Filetime(133_486_382_450_000_000).text == "2024-01-02 03:04:05 UTC"
    assert Filetime((1 << 64) - 1).text == "no date (0xffffffffffffffff)"


def windows(*sections: tuple[str, bytes]) -> bytes:
    """A record as Windows writes it: revision 2.10, plain binary in its timestamp, no gaps."""
    place = 128 + 72 * len(sections)
    whole = place + sum(len(data) for _, data in sections)
    head = pack("<4sHIHIIIQ", b"CPER", 0x0210, 0xFFFFFFFF, len(sections), 1, 2, whole, 0)
    head = head[:24] + bytes([59, 4, 3, 1, 2, 1, 24, 20]) + bytes(32)
    head += UUID("cf07c4bd-b789-4e18-b3c4-1f732cb57131").bytes_le
    head += UUID("e8f56ffe-919c-4cc5-ba88-65abe14913bb").bytes_le
    head += pack("<QIQ12x", 1, 2, 0)
    for guid, data in sections:
        head += pack(
            "<IIHBBI16s16sI20s", place, len(data), 0x300, 0, 0, 0, UUID(guid).bytes_le, b"", 2, b""
        )
        place += len(data)
    return head + b"".join(data for _, data in sections)


def test_a_record_of_windows() -> None:
    data = windows((RECOVERY, CASES[7][2]), (PCI, b"\2\1\3"))
    record = Record.from_bytes(data)
    assert record.to_bytes() == data
    assert not record.problems
    assert [section.size for section in record.sections] == [39, 3]
    assert record.moment == datetime(2024, 1, 2, 3, 4, 59)  # noqa: DTZ001 - it has no zone
    assert "Windows attempted a PCI recovery after DPC: link enable timeout" in text(record)
