"""Microsoft's machine check section in all its versions, from bytes laid by hand."""

from struct import pack

import pytest
from laid_sections import read, says

from apeitool.cper.record import Record
from apeitool.cper.sections.vendor.microsoft_xpf_mca import MicrosoftXpfMcaSection
from apeitool.render.text import text

MCA = "8a1e1d01-42f9-4557-9c33-565e5cc3f7e8"
NEW_YEAR = 133_486_382_450_000_000
"""2024-01-02 03:04:05 UTC, in units of 100 ns since 1601."""
OTHER, INTEL, AMD = range(3)
READ_ERROR, DRAM_ECC = 0x8C000040_0001009F, 0xDC204000_0000011B


def machine_check(version: int, vendor: int, status: int, tail: bytes, **more) -> bytes:
    """version, vendor, time, processor; MCG_STATUS, RIP, bank; its registers; count, APIC id; more."""
    registers = more.get("registers", ())
    return (
        pack("<IIQIQQIQ", version, vendor, NEW_YEAR, 9, 5, 0xFFFFF800, more.get("bank", 7), status)
        + pack("<QQII", 0x12345678, more.get("misc", 0x86), len(registers), 3)
        + pack("<24Q", *registers, *[0] * (24 - len(registers)))
        + tail
    )


def recovery(reason: int = 0, action: int = 0) -> bytes:
    """MCG_CAP; reason, action, required, succeeded, kernel, reserved."""
    return pack("<QIIBBB9x", 0x1000C16, reason, action, 1, 0, 1)


def banks(room: int, *used: int) -> bytes:
    """count, numbers, statuses, addresses, misc."""
    empty = [0] * (room - len(used))
    quads = [status for _ in range(3) for status in (*used, *empty)]
    return pack(f"<I{room}I{3 * room}Q", len(used), *range(len(used)), *empty, *quads)


ANY_READ = "corrected memory read error on an unspecified channel"
INTEL_READ = f"{ANY_READ}; counted 1 times; model-specific code 0x1; physical address 0x12345678"
DRAM = (
    "corrected error of the unified memory controller: DRAM ECC error on memory channel 0; "
    "generic cache error, generic level, generic read; further errors were lost; address 0x12345678"
)
CASES = [
    ("version 1", machine_check(1, INTEL, READ_ERROR, b""), 264, f"7: {INTEL_READ}",
     {"timestamp": NEW_YEAR, "instruction_pointer": 0xFFFFF800, "misc": 0x86, "absent": 28}),
    ("an early version 2", machine_check(2, OTHER, READ_ERROR, b""), 264, f"7: {ANY_READ}; physical address 0x12345678",
     {"apic_id": 3, "absent": 28}),
    ("version 2", machine_check(2, INTEL, 0, pack("<Q", 0x1000C16)), 272, "7: no valid error",
     {"global_capability": 0x1000C16, "absent": 20}),
    ("version 3", machine_check(3, AMD, DRAM_ECC, recovery(0x21, 2), bank=17,
                                registers=(0x9600050F00, 0x31A400, 0x3FF)), 292, f"17: {DRAM}",
     {"failure_reason": 0x21, "action": 2, "action_required": 1, "recovery_kernel": 1,
      "extended_register_count": 3, "absent": 0}),
    ("version 4", machine_check(4, INTEL, READ_ERROR, recovery() + banks(32, 1, 2)), 1192,
     f"7: {INTEL_READ}; and 2 more banks",
     {"extra_banks.bank_count": 2, "extra_banks.bank_number[1]": 1, "extra_banks.misc[1]": 2}),
    ("version 5", machine_check(5, INTEL, 0, recovery() + banks(64, *range(1, 65))), 2088,
     "7: no valid error; and 64 more banks",
     {"extra_banks.bank_count": 64, "extra_banks.status[63]": 64, "extra_banks.misc[63]": 64}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "length", "sentence", "values"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_what_each_version_says(data, length, sentence, values) -> None:
    assert len(data) == length
    says(MCA, data, f"machine check on processor 9, bank {sentence}", values)


LIES = [
    (machine_check(4, INTEL, 0, recovery() + banks(32)[:-1]), ["section-too-short"]),
    (machine_check(3, INTEL, 0, recovery()[:-1]), ["section-too-short"]),
    (machine_check(4, INTEL, 0, recovery() + b"\xff" * 900), ["bank-count"]),
    (machine_check(3, INTEL, 0, recovery())[:64] + b"\xff" * 228, ["register-count"]),
]


@pytest.mark.parametrize(("data", "problems"), LIES)
def test_counts_and_versions_that_lie(data, problems) -> None:
    section = read(MCA, data)
    assert [problem.id for problem in section.problems] == problems
    assert section.to_bytes() == data
    assert {p.id for p in section.sealed().problems} <= {"section-too-short"}


@pytest.mark.parametrize("version", [0, 6, 0xFFFFFFFF])
def test_a_later_version_keeps_what_it_has_more(version) -> None:
    data = machine_check(version, INTEL, READ_ERROR, recovery() + bytes(range(200)))
    section = read(MCA, data)
    assert section.to_bytes() == data
    assert section.trailing == bytes(range(200))
    assert section.version_number == version


def test_what_is_built_has_the_version_that_its_banks_need() -> None:
    section = MicrosoftXpfMcaSection(extended_registers=(1, 2, *[0] * 22))
    assert section.version_number == 3
    assert section.extended_register_count == 2
    assert section.size == 292


@pytest.mark.parametrize(("vendor", "names"), [(AMD, ("IPID", "SYND")), (INTEL, ("0", "1"))])
def test_registers_have_the_names_of_their_processor(vendor, names) -> None:
    data = machine_check(3, vendor, DRAM_ECC, recovery(), registers=(0x9600050F00, 0x31A400))
    said = text(Record(body=[read(MCA, data)]))
    assert " {} 0x9600050f00, {} 0x31a400\n".format(*names) in said
    assert "2024-01-02 03:04:05 UTC" in said


def test_only_addresses_of_memory_are_physical() -> None:
    """Intel's MISC says what kind of address it is; what is not valid is none."""
    for status, misc, found in (
        (READ_ERROR, 0x86, (0x12345678,)),
        (READ_ERROR, 0x46, ()),
        (READ_ERROR & ~(1 << 58), 0x86, ()),
    ):
        section = read(MCA, machine_check(2, INTEL, status, b"", misc=misc))
        assert section.physical_addresses == found
