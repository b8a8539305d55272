"""Sections of the UEFI specification, laid by hand from its tables: what they say of such bytes."""

import struct
from uuid import UUID

import pytest

import apeitool as apei
from apeitool.cper.section import OpaqueSection, section_type
from apeitool.cper.sections.firmware_record import (
    FirmwareErrorRecordReferenceSection,
    GuidIdentifier,
    NoIdentifier,
    NumberIdentifier,
)
from apeitool.cper.sections.generic_processor import GenericProcessorErrorSection
from apeitool.cper.sections.memory_2 import MemoryErrorSection2
from apeitool.cper.sections.pci_bus import PciBusErrorSection
from apeitool.cper.sections.pci_component import PciComponentErrorSection
from apeitool.cper.sections.pcie import PcieErrorSection


def said(section) -> str:
    """The text of a section, without its spaces."""
    assert type(section).from_bytes(section.to_bytes()) == section
    return "\n".join(" ".join(line.split()) for line in apei.text(section).splitlines())


# ---- memory 2 (UEFI 2.10 N.2.6)

MEMORY_2 = struct.pack(
    "<QQQQHHHHIIIIIBBBBQQQII",
    1 << 1 | 1 << 3 | 1 << 8 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 19 | 3 << 20,
    0, 0x1_2345_6000, 0,  # error status, physical address, its mask
    1, 0, 0, 0x0207,  # node, card, module, bank (group 2, address 7)
    0, 0x3FFFF, 0, 3, 0,  # device, row, column, rank, bit position
    5, 3, 1, 0,  # chip id, multi bit ECC, uncorrected, reserved
    0, 0, 0, 0, 0x1100,  # requestor, responder, target, card handle, module handle
)  # fmt: skip


def test_memory_2() -> None:
    section = MemoryErrorSection2.from_bytes(MEMORY_2)
    assert not section.problems
    assert section.physical_addresses == (0x123456000,)
    assert section.sentence() == (
        "uncorrected multi bit ECC memory error at physical address 0x123456000 "
        "(node 1, rank 3, bank group 2, bank address 7, row 262143, chip 5)"
    )
    text = said(section)
    assert "bank group 2, address 7" in text
    assert "module_handle 0x00001100 (SMBIOS type 17)" in text
    assert "not marked valid: error_status, physical_address_mask, card, module, device" in text
    assert apei.decode(MEMORY_2) == section


# ---- generic processor (UEFI 2.10 N.2.4.1)


def processor(
    valid: int, kind: int, isa: int, version: int, number: int, brand: bytes = b""
) -> bytes:
    """Error type cache, data read, corrected, level 2; target address and instruction."""
    head = struct.pack("<QBBBBBBHQ", valid, kind, isa, 1, 1, 8, 2, 0, version)
    return head + struct.pack("<128sQQQQQ", brand, number, 0xFEE0, 0, 0, 0x401000)


PROCESSORS = {
    "x86": (
        processor(0x1FFF, 0, 2, 0x00A20F10, 5, b"AMD Ryzen 9 5900X\0junk"),
        (
            "IA32/X64 processor 0x5: corrected cache error, data read, level 2, "
            "target address 0xfee0, instruction at 0x401000, on AMD Ryzen 9 5900X"
        ),
    ),
    "Arm": (
        processor(0x147, 2, 4, 0x413FD0C1, 0x81010100),
        "ARM processor 0.1.1.0: cache error, on Arm Neoverse N1 r3p1",
    ),
    "brand that is not valid": (
        processor(0x41, 0, 0, 0x000906EA, 0, b"a brand"),
        (
            "IA32/X64 processor: error, on Intel Kaby Lake or Coffee Lake "
            "(family 0x6, model 0x9e, stepping 0xa)"
        ),
    ),
    "nothing valid": (processor(0, 2, 4, 1, 1), "processor: error"),
}


@pytest.mark.parametrize("name", PROCESSORS)
def test_generic_processor(name) -> None:
    data, sentence = PROCESSORS[name]
    section = GenericProcessorErrorSection.from_bytes(data)
    assert section.sentence() == sentence
    assert section.to_bytes() == data


def test_what_windows_counts_otherwise() -> None:
    """Validation bit 13 governs the core's native model; ARM64 is 8."""
    data = processor(1 << 13 | 1 << 6 | 3, 0, 8, 0x20000003_00B06F2, 0)
    text = said(GenericProcessorErrorSection.from_bytes(data))
    assert "ARM A64, as Windows counts (8)" in text
    assert "native_model_id" in text
    plain = processor(1 << 6 | 3, 0, 2, 0x20000003_00B06F2, 0)
    assert "native_model_id" not in said(GenericProcessorErrorSection.from_bytes(plain))


def test_a_brand_is_made_harmless() -> None:
    data = processor(0xC1, 0, 2, 0, 0, b"\x1b[31mred")
    text = apei.text(GenericProcessorErrorSection.from_bytes(data))
    assert "\x1b" not in text
    assert "\\x1b[31mred" in text


# ---- firmware error record reference (UEFI 2.10 N.2.10, Linux cper_print_fw_err())

CRASHLOG = UUID("8f87f311-c998-4d9e-a0c4-6065518c4f6d")

RECORDS = {
    "revision 0": (
        bytes([0, 0]) + bytes(6) + (0x1234).to_bytes(8, "little") + b"SAL record",
        NumberIdentifier,
        b"SAL record",
        "IPF SAL error record 0x1234, 10 bytes of the firmware's own",
    ),
    "revision 1": (
        bytes([1, 1]) + bytes(6) + b"from byte eight",
        NoIdentifier,
        b"from byte eight",
        "SOC firmware error record type 1 (legacy CrashLog), 15 bytes of the firmware's own",
    ),
    "revision 2": (
        bytes([2, 2]) + bytes(14) + CRASHLOG.bytes_le + bytes(40),
        GuidIdentifier,
        bytes(40),
        "SOC firmware error record type 2, Intel CrashLog, 40 bytes of the firmware's own",
    ),
    "a revision to come": (
        bytes([2, 9]) + bytes(14) + UUID(int=5).bytes_le,
        GuidIdentifier,
        b"",
        f"SOC firmware error record type 2, {UUID(int=5)}",
    ),
}


@pytest.mark.parametrize("name", RECORDS)
def test_firmware_record(name) -> None:
    data, identifier, record, sentence = RECORDS[name]
    section = FirmwareErrorRecordReferenceSection.from_bytes(data)
    assert (type(section.identifier), section.record) == (identifier, record)
    assert section.sentence() == sentence
    assert section.to_bytes() == data
    assert section.sealed() == section
    assert not section.problems
    assert apei.loads(apei.dumps(section)) == section


def test_an_identifier_cut_short() -> None:
    """Sixteen bytes are what Windows has; revision 2 needs more."""
    data = bytes([2, 2]) + bytes(6) + (7).to_bytes(8, "little")
    section = FirmwareErrorRecordReferenceSection.from_bytes(data)
    assert section.to_bytes() == data
    (problem,) = section.problems
    assert (problem.id, problem.offset) == ("section-too-short", 8)
    assert "8 bytes where the identifier of revision 2 has 24" in problem.rule


# ---- PCI/PCI-X bus (UEFI 2.10 N.2.8) and component (N.2.9)


def bus(valid: int, kind: int, command: int) -> bytes:
    return struct.pack("<QQHHIQQQQQQ", valid, 0x1600, kind, 0x0103, 0, 0xFED00000, 5, command, 9, 10, 11)  # fmt: skip


BUSES = {
    0x2E: (bus(0x2E, 4, 0x6), ("PCI bus 0001:03: bus timeout or no device present (no DEVSEL#), "
                              "memory read at bus address 0xfed00000")),
    0x1FF: (bus(0x1FF, 1, 1 << 56 | 0xC), ("PCI-X bus 0001:03: data parity error, split completion "
            "at bus address 0xfed00000, requestor 0x9, completer 0xa, target 0xb")),
    0x01: (bus(0x01, 1, 0), "PCI/PCI-X bus: bus parity error (address, control or data)"),
    0x00: (bus(0x00, 1, 0), "PCI/PCI-X bus: error"),
}  # fmt: skip


@pytest.mark.parametrize("valid", BUSES, ids=hex)
def test_pci_bus(valid) -> None:
    data, sentence = BUSES[valid]
    section = PciBusErrorSection.from_bytes(data)
    assert section.sentence() == sentence
    assert section.to_bytes() == data


def component(memory: int, io: int, pairs: bytes) -> bytes:
    identity = struct.pack("<HH3sBBBB5x", 0x8086, 0x1572, bytes([0, 0, 2]), 1, 4, 0x3B, 0)
    return struct.pack("<QQ", 0x1F, 0x1500) + identity + struct.pack("<II", memory, io) + pairs


def test_pci_component() -> None:
    data = component(1, 2, struct.pack("<6Q", 0xFE00, 1, 0x60, 2, 0x64, 3))
    section = PciComponentErrorSection.from_bytes(data)
    assert section.to_bytes() == data
    assert not section.problems
    assert section.sentence() == (
        "PCI component 0000:3b:04.1 (vendor 0x8086, device 0x1572, Ethernet controller): "
        "response not associated with a request"
    )
    assert [(p.address, p.data) for p in section.memory_register_pairs] == [(0xFE00, 1)]
    assert [(p.address, p.data) for p in section.io_register_pairs] == [(0x60, 2), (0x64, 3)]


@pytest.mark.parametrize("count", [3, 0xFFFF, 0xFFFFFFFF])
def test_register_pairs_that_are_not_there(count) -> None:
    data = component(count, count, struct.pack("<4Q", 1, 2, 3, 4) + b"tail")
    section = PciComponentErrorSection.from_bytes(data)
    assert section.to_bytes() == data
    assert (len(section.memory_register_pairs), section.trailing) == (2, b"tail")
    assert [p.rule for p in section.problems] == [
        f"{count} register pairs said, 2 found", f"{count} register pairs said, 0 found",
    ]  # fmt: skip
    assert section.sealed().memory_number == 2


# ---- PCIe: what its registers say (PCI Express 6.0)


def test_pcie_registers() -> None:
    """As Linux's aer_inject writes them, with the header that Documentation/PCI/pcieaer-howto shows."""
    aer = struct.pack(
        "<7I4IIIHH4II16xI",
        0x14820001, 1 << 20, 0, 0x462030, 0, 0, 20,  # unsupported request first
        0x04000001, 0x00200A03, 0x05010000, 0x00050100,
        7, 0x24, 0x0300, 0x0020, 0x91000123, 0, 0, 0, 9, 14,
    )  # fmt: skip
    capability = struct.pack("<HH32x", 0, 2) + struct.pack(
        "<IHHIHHIHH", 0x80000, 0x6, 0, 0x1E, 3, 0x1E, 0, 0, 0
    )
    device = struct.pack("<HH3sBBHBBHB", 0x8086, 0x3420, bytes([0, 4, 6]), 0, 4, 0, 0, 0, 0, 0)
    data = (
        struct.pack("<QI4sII", 0xC9, 4, b"\0\3\0\0", 0, 0) + device + bytes(12) + capability + aer
    )
    section = PcieErrorSection.from_bytes(data)
    assert section.to_bytes() == data
    text = said(section)
    for line in (
        "class_code 060400 (PCI bridge) (programming interface, sub-class, class)",
        "advanced_error_capabilities_and_control 0x00000014 (first error: unsupported request error)",
        (
            "header_log 0x04000001 0x00200a03 0x05010000 0x00050100 (configuration read, type 0, "
            "requester 00:04.0, tag 0xa, to 05:00.1, register 0x0)"
        ),
        "tlp_prefix_log 0x91000123 0x00000000 0x00000000 0x00000000 (PASID prefix, PASID 0x123)",
        "header_log_9_to_14 0x00000009 0x00000000 0x00000000 0x00000000 0x00000000 0x0000000e",
        "correctable_error_source_id 0x0300 (03:00.0)",
        "uncorrectable_error_source_id 0x0020 (00:04.0)",
        "target_link_speed 8 GT/s (3)",
        "equalization_phase_1_successful yes",
        "supported_link_speeds 2.5, 5, 8, 16 GT/s (15)",
    ):
        assert line in text, line


# ---- all of them


@pytest.mark.parametrize(
    "kind",
    [
        MemoryErrorSection2,
        GenericProcessorErrorSection,
        FirmwareErrorRecordReferenceSection,
        PciBusErrorSection,
        PciComponentErrorSection,
    ],
    ids=lambda kind: kind.__name__,
)
def test_a_record_finds_them(kind) -> None:
    section = kind()
    record = apei.Record(body=[section])
    assert apei.Record.from_bytes(record.to_bytes()).sections == (section,)
    assert section_type(kind.guid) is kind
    short = OpaqueSection(guid=kind.guid, data=bytes(kind.shortest - 1))
    assert "cut short" in short.sentence()
