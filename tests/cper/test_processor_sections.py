"""Processor sections of IA32/X64 and Itanium, laid by hand from their tables."""

import struct
from uuid import UUID

import pytest

import apeitool as apei
from apeitool.cper.sections.ia32_x64_processor import (
    CpuidInformation,
    Ia32X64ProcessorErrorSection,
    X86ErrorInformation,
)
from apeitool.cper.sections.ipf_processor import IpfProcessorErrorSection
from apeitool.cper.x86_context import (
    MemoryMappedContext,
    ModelSpecificRegister,
    MsrContext,
    UnclassifiedContext,
)
from apeitool.cper.x86_error import CHECKS
from apeitool.cper.x86_state_context import (
    FxsaveContext,
    Ia32DebugContext,
    Ia32StateContext,
    X64DebugContext,
    X64StateContext,
    X64StateContextWithoutCr8,
)

CACHE, TLB, BUS, MS = CHECKS
GENOA = (0xA10F11, 0x05100800, 0x76FA320B, 0x178BFBFF)


def text_of(thing) -> str:
    return "\n".join(" ".join(line.split()) for line in apei.text(thing).splitlines())


def section(informations: list[bytes], contexts: bytes, count: int, *, valid: int = 3) -> bytes:
    """Local APIC id 5 of a Genoa, its CPUID as the specification has it (UEFI 2.10 N.2.4.2)."""
    bits = valid | len(informations) << 2 | count << 8
    head = struct.pack("<QQ4QQQ", bits, 5, *GENOA, 0, 0)
    return head + b"".join(informations) + contexts


def information(guid: UUID, check: int, valid: int = 1) -> bytes:
    return guid.bytes_le + struct.pack("<QQQQQQ", valid, check, 0xA000, 2, 3, 0x401000)


CHECKED = {
    # valid 0..7; data access, data read, level 1, context corrupt, uncorrected, overflow
    "cache": (CACHE, 0xFF | 1 << 16 | 3 << 18 | 1 << 22 | 1 << 25 | 1 << 26 | 1 << 29,
              ("cache error (data access, data read, level 1, uncorrected, "
              "processor context corrupt, overflow)")),
    # eviction is no operation of a TLB
    "TLB": (TLB, 0x07 | 0 << 16 | 7 << 18 | 2 << 22, "TLB error (instruction, unknown (7), level 2)"),
    # all valid; generic, prefetch, level 3, corrected, observed, timed out, I/O
    "bus": (BUS, 0x7FF | 2 << 16 | 6 << 18 | 3 << 22 | 2 << 30 | 1 << 32 | 2 << 33,
            ("bus error (generic, prefetch, level 3, local processor observed, IO, corrected, "
            "time out)")),
    # error type of three bits, processor context corrupt at bit 19
    "MS": (MS, 0x07 | 5 << 16 | 1 << 19 | 1 << 20,
           ("micro-architectural error (internal unclassified, uncorrected, "
           "processor context corrupt)")),
    "nothing valid": (CACHE, 0xFFFFFFFF_FFFF0000, "cache error"),
    "unknown": (UUID(int=7), 5, "error of unknown type"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKED)
def test_checks(name) -> None:
    guid, check, sentence = CHECKED[name]
    assert X86ErrorInformation.from_bytes(information(guid, check)).sentence() == sentence


def test_what_an_error_information_says_valid() -> None:
    found = X86ErrorInformation.from_bytes(information(CACHE, 0, 0b10010))
    assert found.sentence() == "cache error, target 0xa000, instruction at 0x401000"
    text = text_of(found)
    assert "not marked valid: check_information, requestor_id, responder_id" in text
    assert "a55701f5-e3ef-43de-ac72-249b573fad2c (cache error)" in text


# ---- machine check banks


def context(
    kind: int, registers: bytes, *, msr: int = 0, address: int = 0, pad: bool = False
) -> bytes:
    data = struct.pack("<HHIQ", kind, len(registers), msr, address) + registers
    return data + bytes(-len(data) % 16 if pad else 0)


UMC = (
    0x9C2040000000011B,
    0x3F0200,
    0xD01A000001000000,
    0x5000001FD,
    0x0000009600350F00,
    0x0A000003,
)
"""STATUS, ADDR, MISC0, CONFIG, IPID, SYND of bank 15: a corrected DRAM error."""


def test_scalable_mca() -> None:
    """As Linux's apei_smca_report_x86_error() takes it: registers from MCA_STATUS of a bank on."""
    data = section([], context(1, struct.pack("<6Q", *UMC), msr=0xC00020F1), 1)
    found = Ia32X64ProcessorErrorSection.from_bytes(data)
    assert not found.problems
    assert found.sentence() == (
        "IA32/X64 processor error on APIC id 0x5: bank 15: corrected error of the unified memory "
        "controller: DRAM ECC error on memory channel 3; generic cache error, generic level, "
        "generic read; address 0x3f0200; on AMD Zen 4 (family 0x19, model 0x11, stepping 0x1)"
    )
    text = text_of(found)
    for line in (
        "address 0xc00020f5 (MCA_IPID of bank 15) (it follows from its place)",
        "mcax_enable yes",
        "hardware_id 0x96",
        "error_priority corrected (2)",
    ):
        assert line in text, line


def test_banks_of_intel() -> None:
    """Banks 0 and 1 from IA32_MC0_CTL on; the address is physical if MISC says so."""
    banks = (
        0xF, 0, 0, 0,
        0xF, 0xBD80000000100134, 0x8_1234_5000, 2 << 6 | 12,
    )  # fmt: skip
    data = section([information(CACHE, 0)], context(1, struct.pack("<8Q", *banks), msr=0x400), 1)
    found = Ia32X64ProcessorErrorSection.from_bytes(data)
    (nothing, check) = found.machine_checks
    assert nothing.sentence() == "bank 0: no valid error"
    assert check.sentence() == (
        "bank 1: uncorrected data cache error, level 0, data read; software recoverable, "
        "action required; model-specific code 0x10; physical address 0x812345000"
    )
    assert found.physical_addresses == (0x812345000,)
    assert "bank 0" not in found.sentence()
    assert "recoverable_address_lsb 12" in text_of(found)


def test_an_io_error_names_its_root_port() -> None:
    registers = struct.pack("<3Q", 0xBA00000000000E0B, 0, 0x01_5E_12_0000)
    found = MsrContext.from_bytes(context(1, registers, msr=0x401 + 4 * 6))
    (check,) = found.machine_checks
    assert check.sentence() == (
        "bank 6: uncorrected I/O error; processor context corrupt; reported by root port 0001:5e:02.2"
    )


def test_global_registers() -> None:
    found = MsrContext.from_bytes(context(1, struct.pack("<3Q", 0x0F000C14, 5, 0), msr=0x179))
    text = text_of(found)
    assert "address 0x17a (IA32_MCG_STATUS)" in text
    assert "bank_count 20" in text
    assert "software_error_recovery_present yes" in text
    assert "the interrupted program can be restarted" in text
    assert found.machine_checks == ()


def test_addresses_follow_the_first() -> None:
    registers = [ModelSpecificRegister(address=0x179 + i, value=i) for i in range(3)]
    made = MsrContext(registers=registers)
    assert (made.msr_address, made.register_array_size) == (0x179, 24)
    assert MsrContext.from_bytes(made.to_bytes()) == made
    moved = made.replace(msr_address=0x400)
    assert [p.id for p in moved.problems] == ["register-address"]
    assert moved.sealed() == made
    assert apei.loads(apei.dumps(made)) == made


# ---- states of the processor

X64 = struct.pack("<16Q6HI7Q", *range(100, 116), 0x10, 0x18, 0x18, 0x18, 0, 0x53, 0, 0x10246,
                  0xFFFFFFFF81000000, 0x80050033, 0, 0x7F00, 0x1000, 0x370EF0)  # fmt: skip
TABLES = bytes(range(16)) + bytes(range(16, 32)) + struct.pack("<HH", 0x20, 0x40)
IA32 = struct.pack("<8I6HII5IQQHH", *range(8), 1, 2, 3, 4, 5, 6, 0x246, 0xC0001000,
                   0x80000011, 0, 0xBAD, 3, 0x40, 0x1111, 0x2222, 7, 8)  # fmt: skip

STATES = {
    "64-bit with CR8": (3, X64 + struct.pack("<Q", 9) + TABLES, X64StateContext, {"cr8": 9, "tr": 0x40}),
    "64-bit without CR8": (3, X64 + TABLES, X64StateContextWithoutCr8, {"ldtr": 0x20, "cr3": 0x1000}),
    "64-bit with more": (3, X64 + bytes(8) + TABLES + b"more", X64StateContext, {"rest": b"more"}),
    "64-bit cut short": (3, X64, UnclassifiedContext, {"data": X64}),
    "32-bit": (2, IA32, Ia32StateContext, {"esp": 7, "gs": 6, "eip": 0xC0001000, "idtr": 0x2222}),
    "FXSAVE": (4, struct.pack("<HHBBHQQII", 0x37F, 1, 2, 0, 3, 4, 5, 0x1F80, 6) + bytes(480),
               FxsaveContext, {"fcw": 0x37F, "mxcsr": 0x1F80, "xmm15": bytes(16)}),
    "32-bit debug": (5, struct.pack("<8I", *range(8)), Ia32DebugContext, {"dr7": 7}),
    "64-bit debug": (6, struct.pack("<8Q", *range(8)), X64DebugContext, {"dr3": 3}),
    "unclassified": (0, b"anything", UnclassifiedContext, {"data": b"anything"}),
    "unknown type": (77, b"anything", UnclassifiedContext, {"data": b"anything"}),
    "MSRs and a half": (1, bytes(12), MsrContext, {"rest": bytes(4)}),
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("pad", [False, True], ids=["tight", "padded"])
def test_states(name, pad) -> None:
    """Alone, and before another, tight or each padded to 16 bytes as Linux since 6.15 takes them."""
    kind, registers, expected, values = STATES[name]
    one, other = (
        context(kind, registers, pad=pad),
        context(6, struct.pack("<8Q", *range(8)), pad=pad),
    )
    for contexts, count in ((one, 1), (one + other, 2), (one + other + one, 3)):
        data = section([], contexts, count)
        found = Ia32X64ProcessorErrorSection.from_bytes(data)
        assert found.to_bytes() == data
        assert not found.problems
        assert len(found.context_information) == count
        first = found.context_information[0]
        assert type(first) is expected
        assert {field: getattr(first, field) for field in values} == values
        if count > 1:
            assert found.context_information[1].dr7 == 7
        assert found.sealed() == found
        assert apei.loads(apei.dumps(found)) == found


def test_registers_in_words() -> None:
    text = text_of(X64StateContext.from_bytes(context(3, X64 + bytes(8) + TABLES)))
    assert "cr0 0x80050033: protection enable, monitor coprocessor, extension type" in text
    assert "interrupt_enable yes" in text


def test_memory_mapped_registers() -> None:
    found = MemoryMappedContext.from_bytes(context(7, struct.pack("<2Q", 5, 6), address=0xFED00000))
    assert [(r.address, r.value) for r in found.registers] == [(0xFED00000, 5), (0xFED00008, 6)]


def test_the_last_context_need_not_be_padded() -> None:
    one = context(1, bytes(8), msr=0x401, pad=True)
    last = context(1, bytes(8), msr=0x405)
    found = Ia32X64ProcessorErrorSection.from_bytes(section([], one + one + last, 3))
    assert [c.msr_address for c in found.context_information] == [0x401, 0x401, 0x405]
    assert [len(c.padding) for c in found.context_information] == [8, 8, 0]


def test_bytes_behind_padded_contexts() -> None:
    """Types and lengths tell, where the end does not."""
    one = context(1, struct.pack("<Q", 1), msr=0x401, pad=True)
    data = section([], one + one + b"behind it", 2)
    found = Ia32X64ProcessorErrorSection.from_bytes(data)
    assert [c.msr_address for c in found.context_information] == [0x401, 0x401]
    assert found.trailing == b"behind it"
    assert found.to_bytes() == data


def test_windows_leaves_room_before_the_contexts() -> None:
    """As in a record of a Zen 4: the room of a second error information structure, all zero."""
    behind = bytes(64) + context(1, bytes(8), msr=0x180, pad=True)
    data = section([information(BUS, 0)], behind, 1)
    found = Ia32X64ProcessorErrorSection.from_bytes(data)
    assert (len(found.error_information), found.gap, found.trailing) == (1, bytes(64), b"")
    assert [c.msr_address for c in found.context_information] == [0x180]
    assert found.to_bytes() == data
    assert found.sealed() == found
    assert not found.problems
    assert "context-place" in apei.dialect_of(found)
    for contexts, count in ((bytes(64), 4), (bytes(64) + b"\1" * 16, 1)):
        other = Ia32X64ProcessorErrorSection.from_bytes(section([], contexts, count))
        assert not other.gap, "zeros can be contexts too"


# ---- what does not fit


def test_counts_that_lie() -> None:
    data = section([information(BUS, 0)], b"", 63)
    found = Ia32X64ProcessorErrorSection.from_bytes(data)
    assert [(p.id, p.rule) for p in found.problems] == [
        ("context-information-count", "63 said, 0 found")
    ]
    sealed = found.sealed()
    assert sealed.validation_bits == 3 | 1 << 2
    assert not sealed.problems


def test_an_array_that_is_cut() -> None:
    data = section([], context(3, X64 + bytes(8) + TABLES)[:-1], 1)
    found = Ia32X64ProcessorErrorSection.from_bytes(data)
    assert found.to_bytes() == data
    assert type(found.context_information[0]) is X64StateContextWithoutCr8
    assert [p.rule for p in found.problems] == ["244 bytes said, 243 are there"]


def test_cpuid_of_windows_is_packed() -> None:
    packed = CpuidInformation.from_bytes(struct.pack("<12I", 0xA60F12, 0x0D200800, 1, 2, *(0,) * 8))
    wide = CpuidInformation.from_bytes(struct.pack("<6Q", 0xA60F12, 0x0D200800, 1, 2, 0, 0))
    assert packed.is_packed
    assert not wide.is_packed
    assert wide == CpuidInformation.of(0xA60F12, 0x0D200800, 1, 2)
    assert (
        packed.brief
        == wide.brief
        == (
            "EAX 0x00a60f12, EBX 0x0d200800, ECX 0x00000001, EDX 0x00000002 "
            "(AMD Zen 4 (family 0x19, model 0x61, stepping 0x2); initial APIC id 13)"
        )
    )


def test_validation_bits_follow_from_what_is_given() -> None:
    made = Ia32X64ProcessorErrorSection(
        local_apic_id=5, error_information=[X86ErrorInformation(error_structure_type=TLB)]
    )
    assert made.validation_bits == 1 | 1 << 2
    assert made.is_valid("local_apic_id")
    assert not made.is_valid("cpuid_info")


# ---- Itanium (SAL specification B.2.3, Linux asm/sal.h)


def check(info: int, target: int) -> bytes:
    return struct.pack("<6Q", 0b01011, info, 0x22, 0x33, target, 0)


def static() -> bytes:
    """Registers that name themselves: CR 25, AR 36, the minimal state's IIP."""
    minimal = [0] * 128
    minimal[1 + 15 + 16 + 16 + 3] = 0x4000
    cr, ar = [0] * 128, [0] * 128
    cr[25], ar[36] = 0xC25, 0xA36
    return struct.pack("<Q128Q8Q128Q128Q8Q256Q", 0x3F, *minimal, *(0,) * 8, *cr, *ar, *(0,) * 8, *(0,) * 256)  # fmt: skip


def test_itanium() -> None:
    cache = (
        1 | 2 << 4 | 1 << 8 | 1 << 10 | 1 << 59
    )  # load, level 2, data, of the data cache; corrected
    tlb = 1 << 10 | 1 << 18  # level 1, data translation cache
    bits = 0xF | 1 << 4 | 1 << 8 | 1 << 24
    cpuid = b"GenuineIntel\0\0\0\0" + struct.pack("<QQQQ", 0, 0x1F_01_07_04, 1, 0)
    head = struct.pack("<QQQQ", bits, 0x1000, 1 << 7 | 1 << 18, 0x02010000)
    data = head + check(cache, 0xABC000) + check(tlb, 0) + cpuid + static()
    assert len(data) == 32 + 2 * 48 + 48 + 5256
    found = IpfProcessorErrorSection.from_bytes(data)
    assert found.to_bytes() == data
    assert not found.problems
    assert found.sentence() == (
        "Itanium processor 0x2.0x1: corrected, continuable; "
        "cache error (data cache level 2, load, in the data, corrected), target 0xabc000; "
        "TLB error (data translation cache level 1, not corrected), target 0x0"
    )
    text = text_of(found)
    for line in (
        "Itanium 2 Madison (family 0x1f, model 1, revision 7)",
        'vendor "GenuineIntel"',
        "data_cache_levels 0x1",
        "iip 0x0000000000004000",
        "cr [25] 0x0000000000000c25",
        "ar [36] 0x0000000000000a36",
        "fr 256 zeros (two for each register)",
        "requestor_id 0x0000000000000022",
    ):
        assert line in text, line
    assert apei.loads(apei.dumps(found)) == found


@pytest.mark.parametrize("length", [32, 79, 80, 127, 175, 176, 5000])
def test_itanium_cut_short(length) -> None:
    """Fifteen checks of each kind are promised, and what lies behind them."""
    data = struct.pack("<Q", 0x1FFFFFF) + bytes(length - 8)
    found = IpfProcessorErrorSection.from_bytes(data)
    assert found.to_bytes() == data
    assert bool(found.problems) == (length < 32 + 75 * 48)
    assert not found.sealed().problems
