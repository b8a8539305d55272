"""What the extended error codes of AMD's Scalable MCA mean, by the unit that a bank belongs to.

The position in a tuple is the code; an empty text is a reserved one.

Source:  AMD Processor Programming References (MCA_STATUS tables); rasdaemon mce-amd-smca.c
"""

_ECC_PARITY = "ECC or parity error"


def _of(places: str, what: str) -> tuple[str, ...]:
    """One error each for the places that commas separate."""
    return tuple(f"{place.strip()} {what}" for place in places.split(","))


_LOAD_STORE = (
    *_of("load queue, store queue, miss address buffer payload, L1 TLB", "parity error"),
    "DC tag error type 5", "DC tag error type 6", "DC tag error type 1", "internal error type 1",
    "internal error type 2", "system read data error thread 0", "system read data error thread 1",
    "DC tag error type 2", "DC data error type 1 (poison consumption)", "DC data error type 2",
    "DC data error type 3", "DC tag error type 4", "L2 TLB parity error", "PDC parity error",
    "DC tag error type 3", "DC tag error type 5", "L2 fill data error",
    "SCB cache line state or address error", "SCB data error, commit pipe 0",
    "SCB data error, commit pipe 1", "SCB data error for non-cacheable DRAM or IO",
    "system read data error detected by the write combine buffer", "hardware assert",
)  # fmt: skip

_LOAD_STORE_2 = (
    *_of("probe or victimization, load, store", "met an ECC error on a data cache read"),
    *_of("probe or victimization, load, store", "met an ECC error or poison mismatch on a tag read"),
    *_of("load, store", "met an EMEM ECC error"),
    *_of("L1 TLB, L2 TLB, PWC, STQ, LDQ, MAB, SCB state, SCB address, SCB data, WCB", "parity error"),
    "poisoned line in an SCB entry",
    *_of("load, SCB store, WCB store", "got a system read data error from L2"),
    "hardware assert", "STLF, SCB EMEM or store data parity error",
)  # fmt: skip

_INSTRUCTION_FETCH = (
    "microtag probe port parity error", "microtag or full tag multi-hit error",
    *_of("full tag, data array, PRQ, L0 ITLB, L1 TLB, L2 TLB", "parity error"),
    *_of("BPQ thread 0, BPQ thread 1", "snoop parity error"),
    *_of("L1 BTB, L2 BTB", "multi-hit error"), "L2 cache response poison error",
    "system read data error", "hardware assert", *_of("L1 TLB, L2 TLB", "multi-hit error"),
    "BSR parity error", "CT machine check",
)  # fmt: skip

_L2 = (
    "L2 tag multiple-way-hit error", "L2 tag or state array ECC error", "L2 data array ECC error",
    "hardware assert", "SDP read response parity error", "programmable state machine error",
)  # fmt: skip

_DECODE = (
    *_of(
        "micro-op cache tag, micro-op cache data, IBB register file, micro-op queue, "
        "instruction dispatch queue, fetch address FIFO, patch RAM data, patch RAM sequencer, "
        "micro-op fetch queue",
        "parity error",
    ),
    "hardware assert",
)

_EXECUTION = (
    "watchdog timeout",
    *_of(
        "physical register file, flag register file, immediate displacement register file, "
        "address generator payload, EX payload, checkpoint queue, retire dispatch queue, "
        "retire status queue, scheduler queue, branch buffer queue",
        "parity error",
    ),
    "hardware assert",
    *_of("spec map, retire map", "parity error"),
)

_FLOATING_POINT = (
    *_of(
        "physical register file, freelist, schedule queue, NSQ, retire queue, status register file",
        "parity error",
    ),
    "hardware assert",
    "K mask register file parity error",
)

_L3 = (
    "shadow tag ECC error", "shadow tag multi-way-hit error", "L3 tag ECC error",
    "L3 tag multi-way-hit error", "L3 data ECC error", "SDP parity error from XI",
    "victim queue data fabric error", "hardware assert", "XI WCB parity poison creation",
    "machine check initiated by DSM action",
)  # fmt: skip

_FABRIC = (
    "illegal request", "address violation", "security violation", "illegal response",
    "unexpected response", "request or probe parity error", "read response parity error",
    "atomic request parity error",
)  # fmt: skip
_NO_DATA = (
    *_of("illegal request, address violation, security violation", "on the no-data channel"),
    "hardware assert",
)  # fmt: skip
_NO_MATCH = "SDP read response without a match in the queue"
_RETRY = "SDP read response with an unexpected retry error"

_CS = (*_FABRIC, "probe filter ECC error")
_CS_2 = (
    *_FABRIC, _NO_MATCH, *_of("probe filter protocol, probe filter ECC", "error"), _RETRY,
    *_of("counter overflow, counter underflow", "error"), *_NO_DATA,
    *_of("shadow tag array protocol, shadow tag ECC, shadow tag transaction", "error"),
)  # fmt: skip
_CS_2_GENOA = (
    *_FABRIC, _NO_MATCH, _RETRY, *_of("counter overflow, counter underflow", "error"),
    *_of("probe filter protocol, probe filter ECC", "error"), *_NO_DATA,
)  # fmt: skip

_PIE = (
    "hardware assert", "register security violation", "link error", "poison data consumption",
    "deferred error in the data fabric", "watchdog timeout", "CNLI SRAM ECC error",
    "register access during data fabric C-state", "DSM error",
)  # fmt: skip

_UMC = (
    "DRAM ECC error", "data poison error on DRAM", "SDP parity error",
    "advanced peripheral bus error", "command or address parity error", "write data CRC error",
    *_of("DCQ SRAM, AES SRAM", "ECC error"), "ECS row error", "ECS error", "throttling",
    "read CRC error", "", "", "", "", "RFM SRAM ECC error",
)  # fmt: skip
_UMC_HBM = (
    "DRAM on-die ECC error", "data poison error", "SDP parity error", "",
    "address or command parity error", "HBM write data parity error",
    "consolidated SRAM ECC error", "", "", "read buffer SRAM ECC error", "thermal throttling",
    "HBM read data parity error", "", "UMC firmware error", "SRAM parity error", "HBM CRC error",
)  # fmt: skip
_UMC_2 = (
    "DRAM ECC error", "data poison error", "SDP parity error", "",
    "address or command parity error", "write data parity error", "DCQ SRAM ECC error", "",
    "read data parity error", *_of("read buffer SRAM, read response SRAM", "ECC error"),
    "LM32 microprocessor error",
)  # fmt: skip

_MEMORY_LLC = (
    *_of("counter overflow, counter underflow", "error"),
    *_of("write data, read response", "parity error"),
    *_of("cache tag macro 0, cache tag macro 1, cache data", "ECC error"),
)

_CACHES = (
    "data cache bank A, data cache bank B, data tag bank A, data tag bank B, "
    "instruction cache bank A, instruction cache bank B, instruction tag bank A, "
    "instruction tag bank B"
)

_PSP_2 = (
    *_of("high SRAM, low SRAM, instruction cache bank 0, instruction cache bank 1", _ECC_PARITY),
    *_of("instruction tag RAM 0, instruction tag RAM 1", "parity error"),
    *_of("data cache bank 0, data cache bank 1, data cache bank 2, data cache bank 3", _ECC_PARITY),
    *_of(
        "data tag bank 0, data tag bank 1, data tag bank 2, data tag bank 3, dirty data RAM, "
        "TLB bank 0, TLB bank 1",
        "parity error",
    ),
    *_of("system hub read buffer, fuse SRAM, PCRU fuse SRAM", _ECC_PARITY),
    "SIB SRAM parity error", "mpASP SECEMC error", "mpASP hang", "SIB watchdog error",
)  # fmt: skip

_SMU_2 = (
    *_of(f"high SRAM, low SRAM, {_CACHES}, system hub read buffer", _ECC_PARITY),
    "PHY RAS ECC error", *[""] * 46, "correctable error from a GFX sub-IP",
    "fatal error from a GFX sub-IP", "", "", "poison error from a GFX sub-IP",
)  # fmt: skip

_MP5 = _of(f"high SRAM, low SRAM, {_CACHES}, fuse SRAM", _ECC_PARITY)

_MPDMA = (
    *_of(
        "main SRAM bank 31:0, main SRAM bank 63:32, main SRAM bank 95:64, main SRAM bank 127:96, "
        f"{_CACHES}, {_CACHES}, {_CACHES}, "
        "system hub read buffer, DVSEC memory, MMIO mailbox 0, MMIO mailbox 1, doorbell memory, "
        "SDP slave memory 0, SDP slave memory 1, SDP slave memory 2, SDP master memory 0, "
        "SDP master memory 1, SDP master memory 2, SDP master memory 3, SDP master memory 4, "
        "SDP master memory 5, SDP master memory 6",
        _ECC_PARITY,
    ),
    "SDP watchdog timeout",
    *_of(
        "PTE command FIFO, PTE hub data FIFO, PTE internal data FIFO, PTE command memory DMA, "
        "PTE command memory internal, SDP master memory 7",
        _ECC_PARITY,
    ),
)

_NBIO = (
    _ECC_PARITY, "PCIe error", "external SDP error event", "SDP egress poison error",
    "internal poison error", "internal system fatal error event",
)  # fmt: skip

_PCIE = (
    "CCIX PER message", "CCIX read response with a non-data error",
    "CCIX write response with a non-data error", "CCIX read response with a data error",
    "CCIX write response with a data error",
)  # fmt: skip

_LINK_START = (
    "data startup limit, flow control initialisation timeout, recovery timeout, "
    "ready serial timeout, ready serial attempt, recovery attempt, recovery relock attempt"
)

_XGMI_PCS = _of(
    "data loss, training, flow control acknowledge, receive FIFO underflow, receive FIFO overflow, "
    "CRC, bit error rate, transmit VCID data, replay buffer parity, data parity, "
    "replay FIFO overflow, replay FIFO underflow, elastic FIFO overflow, deskew, flow control CRC, "
    f"{_LINK_START}, replay attempt, sync header, transmit replay timeout, receive replay timeout, "
    "link transmit timeout, link receive timeout, receive command packet",
    "error",
)

_GMI_PCS = _of(
    "data loss, training, replay parity, receive FIFO underflow, receive FIFO overflow, CRC, "
    "bit error rate, transmit FIFO underflow, replay buffer parity, transmit overflow, "
    "replay FIFO overflow, replay FIFO underflow, elastic FIFO overflow, deskew, offline, "
    f"{_LINK_START}, deskew abort, receive buffer, receive LFDS FIFO overflow, "
    "receive LFDS FIFO underflow, link transmit timeout, link receive timeout, "
    "receive command packet, LFDS training timeout, LFDS flow control initialisation timeout, "
    "data loss",
    "error",
)

_USR_DATA = (
    *_of(
        "master command, master receive FIFO, master deskew, master detect timeout, "
        "master flow control, master data valid FIFO, MAC link state, deskew, "
        "initialisation timeout, initialisation attempt, recovery timeout, recovery attempt, "
        "eye training timeout, data startup limit, LS0 exit, PLL power state update timeout, "
        "receive FIFO, LCU, conversion correctable ECC, conversion uncorrectable ECC",
        "error",
    ),
    "",
    *_of(
        "receive data loss, replay correctable ECC, replay uncorrectable ECC, CRC, bit error rate, "
        "flow control initialisation timeout, flow control initialisation attempt, replay timeout, "
        "replay attempt, replay underflow, replay overflow",
        "error",
    ),
)

_USR_CONTROL = _of(
    "packet type, receive FIFO, deskew, receive detect timeout, data parity, data loss, LCU, "
    "HB1 handshake timeout, HB2 handshake timeout, clock sleep response timeout, "
    "clock wake response timeout, reset attack, remote link fatal",
    "error",
)

_NBIF = ("timeout from GMI", "SRAM ECC error", "NTB error event", "SDP parity error")
_PHY = (
    "RAM ECC error", "ARC instruction buffer parity error", "ARC data buffer parity error",
    "PHY APB error",
)  # fmt: skip
_SATA = _of("port 0, port 1, port 2, port 3, port 4, port 5, port 6, port 7", "parity error")
_USB = (
    *_of("S0 RAM 0, S0 RAM 1, S0 RAM 2", _ECC_PARITY),
    *_of("PHY RAM 0, PHY RAM 1", "parity error"),
    "AXI slave response error",
)

UNITS: dict[tuple[int, int], tuple[str, tuple[str, ...]]] = {
    (0xB0, 0x00): ("load store unit", _LOAD_STORE),
    (0xB0, 0x10): ("load store unit", _LOAD_STORE_2),
    (0xB0, 0x01): ("instruction fetch unit", _INSTRUCTION_FETCH),
    (0xB0, 0x02): ("L2 cache", _L2),
    (0xB0, 0x03): ("decode unit", _DECODE),
    (0xB0, 0x05): ("execution unit", _EXECUTION),
    (0xB0, 0x06): ("floating point unit", _FLOATING_POINT),
    (0xB0, 0x07): ("L3 cache", _L3),
    (0x2E, 0x00): ("coherent slave", _CS),
    (0x2E, 0x01): ("power, interrupts, etc.", _PIE),
    (0x2E, 0x02): ("coherent slave", _CS_2),
    (0x2E, 0x04): ("memory attached last level cache", _MEMORY_LLC),
    (0x96, 0x00): ("unified memory controller", _UMC),
    (0x96, 0x01): ("unified memory controller", _UMC_2),
    (0x05, 0x00): ("parameter block", ("parameter block RAM ECC error",)),
    (0xFF, 0x00): ("platform security processor", _of("PSP RAM", _ECC_PARITY)),
    (0xFF, 0x01): ("platform security processor", _PSP_2),
    (0x01, 0x00): ("system management unit", _of("SMU RAM", _ECC_PARITY)),
    (0x01, 0x01): ("system management unit", _SMU_2),
    (0x01, 0x02): ("microprocessor 5 unit", _MP5),
    (0x01, 0x03): ("MPDMA unit", _MPDMA),
    (0x18, 0x00): ("northbridge IO unit", _NBIO),
    (0x46, 0x00): ("PCIe unit", _PCIE),
    (0x46, 0x01): ("PCIe unit", ("SDP data parity error",)),
    (0x50, 0x00): ("external global memory interconnect PCS unit", _XGMI_PCS),
    (0x6C, 0x00): ("NBIF unit", _NBIF),
    (0x80, 0x00): ("system hub unit", _NBIF),
    (0xA8, 0x00): ("SATA unit", _SATA),
    (0xAA, 0x00): ("USB unit", _USB),
    (0x170, 0x00): ("ultra short reach data plane controller", _USR_DATA),
    (0x180, 0x00): ("ultra short reach control plane controller", _USR_CONTROL),
    (0x241, 0x00): ("global memory interconnect PCS unit", _GMI_PCS),
    (0x259, 0x00): ("external global memory interconnect PHY unit", _PHY),
    (0x267, 0x00): ("WAFL PHY unit", _PHY),
    (0x269, 0x00): ("global memory interconnect PHY unit", _PHY),
}
"""(hardware id, MCA type) of MCA_IPID -> the unit, and its errors by extended error code."""

_GENOA = (*range(0x10, 0x20), *range(0x60, 0x7C), *range(0xA0, 0xB0))

REVISED: dict[tuple[int, int], tuple[tuple[int, tuple[int, ...], tuple[str, ...]], ...]] = {
    (0x2E, 0x02): ((0x19, _GENOA, _CS_2_GENOA), (0x1A, tuple(range(0x40, 0x50)), _CS_2_GENOA)),
    (0x96, 0x00): ((0x19, tuple(range(0x90, 0xA0)), _UMC_HBM),),
}
"""Where the processor matters: (family, models, errors); coherent slave by AMD's erratum 1384."""
