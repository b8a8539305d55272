"""Machine check registers in words.

The codes' meanings were seen to be mcelog's for all 8192 codes with and without bit 12, but for the
level of a cache, which mcelog counts from 1 and the SDM from 0.
"""

import pytest

from apeitool.registers.cpuid import CpuidVersion
from apeitool.registers.msr import msr
from apeitool.registers.smca import AmdMciStatus, McaIpid, McaSynd, bank_sentence
from apeitool.registers.smca_errors import REVISED, UNITS
from apeitool.registers.x86 import (
    IntelMciStatus,
    IoMciMisc,
    McaErrorCode,
    McgStatus,
    MciStatus,
)
from apeitool.wire.labels import word_lines

CODES = {
    0x0000: "no error",
    0x0005: "internal parity error",
    0x0400: "internal timer error",
    0x0401: "internal unclassified error 0x401",
    0x0E0B: "I/O error",
    0x000D: "generic cache hierarchy error, level 1",
    0x0010: "instruction TLB error, level 0",
    0x0019: "generic TLB error, level 1",
    0x0090: "memory read error on channel 0",
    0x00CF: "memory scrubbing error on an unspecified channel",
    0x00D1: "memory error of reserved kind 5 on channel 1",
    0x02A3: "memory write error on channel 3 in memory used as cache",
    0x0134: "data cache error, level 0, data read",
    0x0150: "instruction cache error, level 0, instruction fetch",
    0x017A: "generic cache error, level 2, eviction",
    0x1152: "instruction cache error, level 2, instruction fetch (corrected errors are filtered)",
    0x0863: "bus or interconnect error, prefetch, memory access, generic level, "
    "request originated by this processor",
    0x0B1B: "bus or interconnect error, generic read, I/O access, generic level, "
    "request responded to by this processor, timed out",
    0x03FF: "unknown error 0x3ff",
    0x8000: "unknown error 0x8000",
}
"""Intel SDM volume 3B tables 17-9 to 17-17."""


@pytest.mark.parametrize("code", CODES, ids=hex)
def test_codes(code) -> None:
    assert McaErrorCode(code).text == CODES[code]


SENTENCES = {
    0: "no valid error",
    0xBE00000000800400: "uncorrected internal timer error; processor context corrupt; "
    "model-specific code 0x80",
    0x8C00004000010090: "corrected memory read error on channel 0; counted 1 times; "
    "model-specific code 0x1",
    0xBD80000000100134: "uncorrected data cache error, level 0, data read; "
    "software recoverable, action required; model-specific code 0x10",
    0xBD000000000000C2: "uncorrected memory scrubbing error on channel 2; "
    "software recoverable, action optional",
    0xF800000000000135: "uncorrected data cache error, level 1, data read; no action required; "
    "further errors were lost",
    0x8840000000000135: "corrected data cache error, level 1, data read; "
    "the threshold of corrected errors is exceeded",
}
"""Values as Linux prints them behind ``Machine Check: 0 Bank n:``."""


@pytest.mark.parametrize("status", SENTENCES, ids=hex)
def test_intel(status) -> None:
    assert IntelMciStatus(status).sentence() == SENTENCES[status]


def test_a_vendor_adds_to_what_all_agree_on() -> None:
    status = 0xBC00080001000135
    assert MciStatus(status).sentence() == "uncorrected data cache error, level 1, data read"
    assert AmdMciStatus(status).sentence() == (
        "uncorrected data cache error, level 1, data read; poisoned data was consumed"
    )
    assert dict(word_lines(IntelMciStatus, status))["model_specific_error_code"] == "0x100"


LOAD_STORE, MEMORY = 0x001000B000000000, 0x0000009600350F00
GENOA = CpuidVersion(0xA10F11)


AMD = {
    (0xDC2040000000011B, MEMORY, None): (
        "corrected error of the unified memory controller: DRAM ECC error on memory channel 3; "
        "generic cache error, generic level, generic read; further errors were lost"
    ),
    (0xBC80080001010135, LOAD_STORE, None): (
        "uncorrected error of the load store unit: load met an ECC error on a data cache read; "
        "data cache error, level 1, data read; poisoned data was consumed; task context corrupt"
    ),
    (0x9C20510000000118, LOAD_STORE, None): (
        "deferred error of the load store unit: probe or victimization met an ECC error on a "
        "data cache read; generic cache error, level 0, generic read; found by a scrubber"
    ),
    (0x8000000000090005, 0x0002002E00000000, None): (
        "corrected error of the coherent slave: probe filter protocol error; internal parity error"
    ),
    (0x8000000000090005, 0x0002002E00000000, GENOA): (
        "corrected error of the coherent slave: "
        "SDP read response with an unexpected retry error; internal parity error"
    ),
    (0xA2000000003F0600, 0x00550ABC00000000, None): (
        "uncorrected error of the unit 0xabc, type 0x55: extended error code 63; "
        "hardware assert; processor context corrupt"
    ),
    (0, MEMORY, None): "no valid error",
}


@pytest.mark.parametrize("bank", AMD)
def test_amd(bank) -> None:
    status, ipid, processor = bank
    assert bank_sentence(AmdMciStatus(status), McaIpid(ipid), processor) == AMD[bank]


def test_syndrome() -> None:
    lines = dict(word_lines(McaSynd, 0x0000BEEF_0A400110))
    assert lines == {
        "error_information": "0x110",
        "length": "16",
        "error_priority": "corrected (2)",
        "syndrome": "0xbeef",
        "reserved": "0x8000000",
    }


def test_every_unit_has_codes_that_fit() -> None:
    """The extended error code has six bits."""
    tables = [errors for _, errors in UNITS.values()]
    tables += [errors for rows in REVISED.values() for _, _, errors in rows]
    assert all(0 < len(errors) <= 64 for errors in tables)
    assert REVISED.keys() <= UNITS.keys()


PROCESSORS = {
    0x00A20F10: "AMD Zen 3 (family 0x19, model 0x21, stepping 0x0)",
    0x00A60F12: "AMD Zen 4 (family 0x19, model 0x61, stepping 0x2)",
    0x000906A3: "Intel Alder Lake (family 0x6, model 0x9a, stepping 0x3)",
    0x000806F8: "Intel Sapphire Rapids (family 0x6, model 0x8f, stepping 0x8)",
    0x00400F10: "Intel Diamond Rapids (family 0x13, model 0x1, stepping 0x0)",
    0x00000F29: "family 0xf, model 0x2, stepping 0x9",
    0x00000543: "family 0x5, model 0x4, stepping 0x3",
}


@pytest.mark.parametrize("eax", PROCESSORS, ids=hex)
def test_processors(eax) -> None:
    assert CpuidVersion(eax).sentence() == PROCESSORS[eax]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (0x179, "IA32_MCG_CAP"),
        (0x17A, "IA32_MCG_STATUS"),
        (0x189, "IA32_MCG_RIP"),
        (0x190, "IA32_MCG_R8"),
        (0x197, "IA32_MCG_R15"),
        (0x282, "IA32_MCi_CTL2 of bank 2"),
        (0x401, "IA32_MCi_STATUS of bank 0"),
        (0x41E, "IA32_MCi_ADDR of bank 7"),
        (0xC0002001, "MCA_STATUS of bank 0"),
        (0xC0002155, "MCA_IPID of bank 21"),
        (0xC000200E, "MCA_SYND1 of bank 0"),
        (0xC0010403, "MCA_CTL_MASK of bank 3"),
    ],
    ids=lambda x: hex(x) if isinstance(x, int) else None,
)
def test_registers(address, name) -> None:
    """Linux asm/msr-index.h: MSR_IA32_MCx_STATUS(x) and MSR_AMD64_SMCA_MCx_IPID(x) among others."""
    found = msr(address)
    assert found is not None
    assert found.text == name


@pytest.mark.parametrize("address", [0x10, 0x178, 0x198, 0x2A0, 0x480, 0xC0001FFF, 0xC0003000])
def test_others_are_none(address) -> None:
    assert msr(address) is None


def test_root_port_and_restart() -> None:
    assert IoMciMisc(0x00_01_5E_12_0000 | 0x0B).address == "0001:5e:02.2"
    assert McgStatus(5).sentence() == (
        "the interrupted program can be restarted, and the instruction pointer need not be that "
        "of the error"
    )
