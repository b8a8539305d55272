"""Sections of vendors, from bytes laid by hand as the headers of their decoders have them."""

from struct import pack
from uuid import UUID

import pytest
from laid_sections import lies, read, says

from apeitool.cper.record import Record
from apeitool.cper.section import section_type
from apeitool.render.text import text


def nvidia(name: bytes, registers: int, data: bytes) -> bytes:
    """signature, type, instance, severity, socket, count, reserved, instance base."""
    return pack("<16sHHBBBBQ", name, 3, 7, 2, 1, registers, 0, 0x14000000) + data


def event(device: int, version: int, info: bytes, *contexts: bytes) -> bytes:
    """version, contexts, device, type, sub-type, link, signature; info version and size; contexts."""
    head = pack("<BBBBHHQ16s", 1, len(contexts), device, 0, 0x200, 2, 0x1001, b"GPU-MemSys")
    return head + pack("<HB", version, 3 + len(info)) + info + b"".join(contexts)


def context(number: int, data: bytes, *, size: int | None = None) -> bytes:
    """size with padding, version, reserved, format, format version, size of the data."""
    padding = -len(data) % 16
    whole = 16 + len(data) + padding if size is None else size
    head = pack("<IHHHHI", whole, 0, 0, number, 0x100, len(data))
    return head + data + (bytes(padding) if size is None else b"")


CPU_INFO = pack("<BI4IQ", 2, 0x00_11_41_17, 1, 2, 3, 4, 0xFFFF00000000)
GPU_INFO = pack("<BHHQ", 2, 31, 1, 0x9988776655443322)
XID = pack("<I", 48) + b"double bit error\0"
METADATA = pack(
    "<48s16s16s16s16sQQIBBBBHHHHQQQQQQ",
    b"NVIDIA B200", b"97.00.88", b"", b"", b"", 1, 0x1122, 0x1A0A1000, 0,
    3, 2, 0xA1, 0x10DE, 0x2920, 0x10DE, 0x197F, 0xC0000000, 1 << 26, 0xD000000000, 1 << 38, 0, 0,
)  # fmt: skip

NVIDIA, EVENT = "6d5244f2-2712-11ec-bea7-cb3fdb95c786", "9068e568-6ca0-11f0-aeaf-159343591eac"
ALTRA, ONE = "e8ed898d-df16-43cc-8ecc-54f060ef157f", "2826cc9f-448c-4c2b-86b6-a95394b7ef33"
HISI, TYPE1 = "c8b328a8-9917-4af6-9a13-2e08ab2e7586", "1f8161e1-55d6-41e6-bd10-7afd1dc5f7c5"
TYPE2, LOCAL = "45534ea6-ce23-4115-8535-e07ab3aef91d", "b2889fc9-e7d7-4f9d-a867-af42e98be772"
YITIAN, CRASH = "a6980811-16ea-4e4d-b936-fb00a23ff29c", "32ac0c78-2623-48f6-b0d0-7365725fd6ae"
RUNTIME = "32ac0c78-2623-48f6-81a2-ac691780551d"
JAGUAR = {
    0: "82d78ba3-fa14-407a-ba0e-f3ba8170013c",
    1: "f9723053-2558-49b1-b58a-1c1a82492a62",
    2: "2d31de54-3037-4f24-a283-f69ca1ec0b9a",
    5: "dac80d69-0a72-4eba-8114-148ee344af06",
    6: "746f06fe-405e-451f-8d09-02e802ed984a",
}


def jaguar(subsystem: int, module: int, submodule: int, registers: bytes, dump: bytes) -> bytes:
    """valid bits, version, chip, subsystem, module, sub-module, device, type, severity; registers."""
    head = pack("<IBBBBBBHB3x", 0x8FF, 1, 0, subsystem, module, submodule, 4, 9, 1)
    return head + registers + pack("<I", len(dump)) + dump


ACA = pack("<7Q72x", 1, 0xB000000000000137, 0x1234, 5, 0x1FF00000002, 0x9600000000, 7)
CASES = [
    ("registers", NVIDIA, nvidia(b"DCC-ECC", 2, pack("<4Q", 16, 17, 18, 19)),
     "NVIDIA DCC-ECC error on socket 1, instance 7",
     {"severity.text": "corrected", "error_type": 3, "data[1].address": 18, "data[1].value": 19}),
    ("channels", NVIDIA,
     nvidia(b"CMET-INFO", 2, pack("<QIIQII", 1 << 63, 0, 1, 1 << 62, 5, 0b11100)),
     ("NVIDIA CMET-INFO error on socket 1, instance 7: 1 of 2 memory channels enabled; "
      "1 permanently disabled (threshold of bad pages exceeded)"),
     {"data[1].channel_address": 1 << 62, "data[1].error_count": 5, "data[0].status": 1}),
    ("firmware", NVIDIA,
     nvidia(b"FWERROR", 5, pack("<8sQQ8sQQ6IQQ", b"MB1", 0x10, 0x20, b"2.1", *range(10))),
     "NVIDIA FWERROR error on socket 1, instance 7: MB1 stopped at checkpoint 0x10, MB1 error 0x20",
     {"data[0].mb1_version_string": "2.1", "data[0].third_worst_bad_pages_bad_page_count": 7,
      "data[0].scratch_dram_disable": 9}),
    ("CPU", EVENT,
     event(0, 0, CPU_INFO, context(1, pack("<4Q", *range(4))), context(2, pack("<2I", 8, 9)),
           context(3, pack("<Q", 7)), context(4, pack("<3I", 4, 5, 6)), context(0, b"abc")),
     "NVIDIA CPU event GPU-MemSys (type 0x200, sub-type 0x2) on socket 2",
     {"info.ecid_1": 1, "info.ecid_2": 2, "info.ecid_3": 3, "info.ecid_4": 4, "info.instance_base": 0xFFFF00000000,
      "event_contexts[0].data.entries[1].value": 3, "event_contexts[1].data.entries[0].key": 8,
      "event_contexts[2].data.entries[0].value": 7, "event_contexts[3].data.entries[2].value": 6,
      "event_contexts[4].data.rest": b"abc"}),
    ("GPU", EVENT,
     event(1, 0x100, GPU_INFO, context(0x8001, XID), context(0x8000, METADATA),
           context(0x8002, pack("<B3xHHQ", 1, 2, 3, 0))),
     "NVIDIA GPU event GPU-MemSys (type 0x200, sub-type 0x2): XID 48 (double-bit ECC error): double bit error",
     {"info.event_originator": 2, "info.source_partition": 31, "info.pdi": 0x9988776655443322,
      "event_contexts[1].data.device_name": "NVIDIA B200",
      "event_contexts[1].data.pci_info.bar1_size": 1 << 38,
      "event_contexts[2].data.recovery_action": 2}),
    ("an older context", EVENT, event(0, 0, CPU_INFO, context(0, b"abcd", size=16), context(0, b"")),
     "NVIDIA CPU event GPU-MemSys (type 0x200, sub-type 0x2) on socket 2",
     {"event_contexts[0].data.rest": b"abcd", "event_contexts[1].data_size": 0}),
    ("RAS registers", ALTRA, pack("<BBHIQ4Q", 0x00, 2, 0x4003, 0x64, 0x8000, 1, 2, 3, 4),
     "Ampere Altra CPM error on socket 1, instance 3, core 7: Armv8 core 1",
     {"payload.err_status": 0x64, "payload.err_addr": 0x8000, "payload.err_misc_3": 4}),
    ("AER", ALTRA, pack("<BBH9IQ", 0x47, 0, 2, 1 << 14, 0, 0, 1, 0, 0, 0, 0x0100, 0, 0),
     ("Ampere Altra PCIE AER error on socket 0, instance 2: root port, completion timeout, "
      "receiver error"),
     {"payload.error_source_id": 0x0100}),
    ("RASDP", ALTRA, pack("<BBH7I2Q", 0x88, 8, 0, *range(7), 0, 0),
     "Ampere Altra PCIE RASDP error on socket 0, instance 0: RASDP error",
     {"payload.uncorrectable_error_location": 4}),
    ("firmware data", ALTRA, pack("<BBHI5Q", 0xFF, 1, 0, *range(6)),
     "Ampere Altra BERT error on socket 0, instance 0: watchdog",
     {"payload.firmware_specific_data_5": 5}),
    ("libcper's", ONE, pack("<HHI", 10, 1, 0), "AmpereOne OCM error on socket 0, instance 0: ERR1",
     {"payload.rest": b""}),
    ("RAS registers", ONE, pack("<HHI8Q", 0x0000, 2, 0xE0000005, *range(8)),
     "AmpereOne PE error on socket 1, instance 5: MMU DTLB (CE)",
     {"payload.err_status": 2, "payload.err_misc_3": 7}),
    ("AER", ONE, pack("<HHI2I17Q16I", 0x1007, 1, 0, 1 << 18, 1 << 12, *range(17), *range(16)),
     "AmpereOne PCIE AER error on socket 0, instance 0: device, malformed TLP, replay timer timeout",
     {"payload.ebuf_overflow": 0, "payload.rasdes_group5_counters": 15,
      "payload.debug_layer_1_status": tuple(range(16))}),
    ("RASDP", ONE, pack("<HHI6I", 0x2009, 0, 0, *range(6)),
     "AmpereOne PCIE RASDP error on socket 0, instance 0: ERR0",
     {"payload.ram_addr_uncorr": 5}),
    ("ECC", ONE, pack("<HHI2Q6I", 0x3001, 2, 0, *range(8)),
     "AmpereOne MCU error on socket 0, instance 0: ECC (UE)", {"payload.ecc_err_cnt": 7}),
    ("CHI", ONE, pack("<HHIQ8I", 0x4001, 4, 0, *range(9)),
     "AmpereOne MCU error on socket 0, instance 0: CHI request error", {"payload.mpam": 7}),
    ("firmware", ONE, pack("<HHIB3xIB", 0x600E, 0, 0, 5, 6, 3) + b"abc",
     "AmpereOne MPRO FIRMWARE error on socket 0, instance 0: subtype 0, driver 0x5, error code 0x6: abc",
     {"payload.error_msg": b"abc"}),
    ("common", HISI,
     pack("<I10BHBBHB3xB3xI", 0x1FFF, 1, 1, 0, 2, 3, 4, 16, 5, 6, 7, 8, 1, 2, 3, 0x80, 1, 8)
     + pack("<2I", 10, 11),
     ("HiSilicon DDRC error of Kunpeng 920, socket 0, totem 2, nimbus 3, subsystem 4, "
      "submodule 5, core 6, port 7, device 0003:80:02.1 (type 0x8)"),
     {"error_severity.text": "fatal", "register_array[1].value": 11, "register_array_size": 8}),
    ("type 1", TYPE1, pack("<I8B5IQ", 0xFFF, 0, 1, 2, 3, 1, 8, 2, 0, *range(5), 0x1000),
     "HiSilicon PLL error in NIMBUS_PLL0, socket 2, address 0x1000",
     {"err_misc_4": 4, "error_severity.text": "corrected"}),
    ("type 2", TYPE2, pack("<I8B6Q", 0xFFF, 0, 1, 2, 3, 4, 7, 0, 0, 1, 2, 3, 4, 5, 6),
     "HiSilicon DDRC error in TA_DDRC3, socket 2, address 0x4", {"err_fr": 1, "err_misc_1": 6}),
    ("PCIe local", LOCAL, pack("<Q8BHH33I", 0x3FF, 0, 1, 2, 3, 1, 4, 5, 1, 0x20, 0, *range(33)),
     "HiSilicon PCIe error in the TL layer of socket 2, core 4, port 5 (type 0x20)",
     {"err_misc_32": 32}),
    ("DDR", YITIAN, pack("<BBH31I", 0x50, 0, 3, *range(31)),
     "Alibaba Yitian DDR error, instance 0x3: ECC status 0x2",
     {"payload.eccuaddr0": 9, "payload.reserved2": 30}),
    ("RAS", JAGUAR[0], jaguar(6, 0, 0, pack("<15I", *range(15)), b""),
     "Jaguar Micro RAS error in SCP, module SRAM, sub-module 0, device 4 (type 0x9)",
     {"ecc_misc2_high32": 14, "error_severity.text": "fatal"}),
    ("SMMU", JAGUAR[1], jaguar(9, 11, 1, pack("<5I", *range(5)), pack("<I", 7)),
     "Jaguar Micro SMMU error in DPE, module SMMU, sub-module TBU, device 4 (type 0x9)",
     {"err_gen": 4, "register_array[0].value": 7}),
    ("SRAM", JAGUAR[2], jaguar(12, 0, 0, pack("<4I", *range(4)), b""),
     "Jaguar Micro SRAM error in HAC, module SRAM, sub-module 0, device 4 (type 0x9)",
     {"ecc_2bit_info_high32": 3}),
    ("CMN", JAGUAR[5], jaguar(1, 2, 0, pack("<14Q", *range(14)), b""),
     "Jaguar Micro CMN error in CMN, module HNF, sub-module 0, node 4 (type 0x9)",
     {"cfgm_sbsx_0": 3, "err_misc": 13}),
    ("GIC", JAGUAR[6], jaguar(4, 1, 0, pack("<8Q", *range(8)), b""),
     "Jaguar Micro GIC error in GIC, module GICSRAM, sub-module 0, device 4 (type 0x9)",
     {"gict_errgsr": 7}),
    ("a crash", CRASH, pack("<16x48s64xHHIQ4Q", b"85.96", 1, 32, 0, 0, 0xA200000000020C0F, 2, 0x9600000001, 4),
     ("AMD GPU fatal error: uncorrected SDP parity error in unified memory controller; bus or "
      "interconnect error, generic error, other transaction, generic level, error observed by this "
      "processor as a third party; processor context corrupt"), {"firmware_id": "85.96", "data.synd": 4}),
    ("a boot", CRASH, pack("<16x48s64xHHIQ8Q", b"", 9, 64, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 1),
     "AMD GPU boot error: module 1 0x20, module 7 0x1", {"data.messages": (0, 32, 0, 0, 0, 0, 0, 1)}),
    ("at run time", RUNTIME,
     pack("<QQ48s", 1 << 2 | 1 << 8, 0, b"") + pack("<16xQQ4Q", 1, 1 | 1 << 16 | 1 << 18, 0, 0, 0, 0)
     + pack("<HHIQ", 1, 128, 0, 0) + ACA,
     "AMD GPU error: uncorrected DRAM ECC error in unified memory controller; data cache error, generic level, data read",
     {"context_information[0].registers.configuration": 0x1FF00000002}),
]  # fmt: skip

every_case = pytest.mark.parametrize(
    ("guid", "data", "sentence", "values"),
    [case[1:] for case in CASES],
    ids=[f"{case[0]}-{case[1][:8]}" for case in CASES],
)


@every_case
def test_what_it_says(guid, data, sentence, values) -> None:
    says(guid, data, sentence, values)


LIES = [
    (NVIDIA, nvidia(b"DCC-ECC", 255, bytes(33)), ["register-count"]),
    (NVIDIA, nvidia(b"FWERROR", 5, bytes(87)), ["register-count"]),
    (EVENT, event(0, 0, CPU_INFO, context(1, bytes(16), size=0xFFFFFFFF)), ["context-size"]),
    (EVENT, event(0, 0, CPU_INFO, context(4, bytes(16))[:-1]), ["context-truncated", "context-size"]),
    (EVENT, event(0, 0, CPU_INFO, context(0, b"", size=0)), ["context-size"]),
    (EVENT, b"\1\xff" + event(0, 0, CPU_INFO)[2:], ["context-count"]),
    (EVENT, event(0, 0, CPU_INFO)[:-1], ["info-size"]),
    (EVENT, event(1, 0x100, GPU_INFO)[:34] + b"\2", ["info-size"]),
    (ONE, pack("<HHIB3xIB", 0x600E, 0, 0, 5, 6, 255) + b"abc", ["message-truncated"]),
    (HISI, pack("<I24xI", 0x1000, 0xFFFFFFFF) + bytes(7), ["register-array-size"]),
    (HISI, pack("<I24xI", 0, 0xFFFFFFFF), []),
    (JAGUAR[1], jaguar(0, 0, 0, bytes(20), b"")[:-4] + b"\xff" * 4, ["register-array-size"]),
    (CRASH, pack("<16x48s64xHHIQ", b"", 1, 0xFFFF, 0, 0) + bytes(32), ["register-array-size"]),
    (CRASH, pack("<16x48s64xHHIQ", b"", 2, 0xFFFF, 0, 0) + bytes(32), ["register-array-size"]),
    (RUNTIME, pack("<Q56xHHIQ", 1 << 8, 1, 0xFFFF, 0, 0) + ACA, ["register-array-size"]),
    (RUNTIME, pack("<Q56x", 0x3FFC),
     ["error-information-count", "context-information-count"]),
]  # fmt: skip


@pytest.mark.parametrize(("guid", "data", "problems"), LIES)
def test_counts_and_sizes_that_lie(guid, data, problems) -> None:
    lies(guid, data, problems)


def test_only_what_is_valid_is_said() -> None:
    """Sections with validation bits, none of which is set: names of blocks and numbers stay out."""
    for guid in (HISI, TYPE1, TYPE2, LOCAL, *JAGUAR.values()):
        kind = section_type(UUID(guid))
        section = kind.from_bytes(bytes(4) + b"\x01" * (kind.fixed_size - 8) + bytes(4))
        assert not any(c.isdecimal() for c in section.sentence())


def test_characters_of_a_record_are_harmless() -> None:
    for guid, data in (
        (NVIDIA, nvidia(b"\x1b[2J\xff", 0, b"")),
        (EVENT, event(1, 0x100, GPU_INFO, context(0x8001, pack("<I", 1) + b"\x1b]0;a\x07"))),
    ):
        said = text(read(guid, data)) + text(Record(body=[read(guid, data)]))
        assert all(c.isprintable() or c == "\n" for c in said)
        assert "\\x1b" in said
