"""Machine check registers of x86 processors: what a bank's status says.

`IntelMciStatus` and `AmdMciStatus` (in `smca`) read the same 64 bits as each vendor has them, and
`MciStatus` what both have.  ``sentence()`` of any of them is the status in words.

Source:  Intel SDM volume 3B chapter 17 (15 in older ones); AMD64 APM volume 2 chapter 9; Linux asm/mce.h
"""

from collections.abc import Iterator
from typing import Any

from apeitool.wire.labels import Bits, Label, Word


class McaErrorCode(Label):
    """MCA error code, bits 15:0 of a status: simple codes by name, compound ones by their parts.

    Source:  Intel SDM volume 3B 17.9; AMD64 APM volume 2 9.5.1
    """

    NO_ERROR = 0x0000
    UNCLASSIFIED_ERROR = 0x0001
    MICROCODE_ROM_PARITY_ERROR = 0x0002
    EXTERNAL_ERROR = 0x0003
    FRC_ERROR = 0x0004
    INTERNAL_PARITY_ERROR = 0x0005
    SMM_HANDLER_CODE_ACCESS_VIOLATION = 0x0006
    INTERNAL_TIMER_ERROR = 0x0400
    IO_ERROR = 0x0E0B

    @property
    def text(self) -> str:
        """What kind of error it was, and where."""
        code = int(self) & ~_FILTERED
        said = _SIMPLE.get(code) or next(filter(None, (say(code) for say in _COMPOUND)), "")
        said = said or f"unknown error {code:#x}"
        return f"{said} (corrected errors are filtered)" if int(self) & _FILTERED else said


_FILTERED = 1 << 12
"""Bit F: further corrected errors of this kind are not reported."""

_SIMPLE = {
    0x0000: "no error",
    0x0001: "unclassified error",
    0x0002: "microcode ROM parity error",
    0x0003: "external error",
    0x0004: "FRC error",
    0x0005: "internal parity error",
    0x0006: "SMM handler code access violation",
    0x0400: "internal timer error",
    0x0E0B: "I/O error",
}

_TRANSACTION = ("instruction", "data", "generic", "reserved")
_LEVEL = ("level 0", "level 1", "level 2", "generic level")
_REQUEST = (
    "generic error", "generic read", "generic write", "data read", "data write",
    "instruction fetch", "prefetch", "eviction", "snoop",
    *(f"reserved request {request}" for request in range(9, 16)),
)  # fmt: skip
_MEMORY = (
    "memory error of a generic request", "memory read error", "memory write error",
    "memory address or command error", "memory scrubbing error",
    *(f"memory error of reserved kind {kind}" for kind in (5, 6, 7)),
)  # fmt: skip
_PARTICIPATION = (
    "request originated by this processor", "request responded to by this processor",
    "error observed by this processor as a third party", "generic participation",
)  # fmt: skip
_ACCESS = ("memory access", "reserved access", "I/O access", "other transaction")


def _generic_cache(code: int) -> str:
    return f"generic cache hierarchy error, {_LEVEL[code & 3]}" if code & 0xFFFC == 0x000C else ""


def _tlb(code: int) -> str:
    if code & 0xFFF0 != 0x0010:
        return ""
    return f"{_TRANSACTION[code >> 2 & 3]} TLB error, {_LEVEL[code & 3]}"


def _memory(code: int) -> str:
    if code & 0xFD80 != 0x0080:
        return ""
    channel = "an unspecified channel" if code & 15 == 15 else f"channel {code & 15}"
    cached = " in memory used as cache" if code & 0x0200 else ""
    return f"{_MEMORY[code >> 4 & 7]} on {channel}{cached}"


def _cache(code: int) -> str:
    if code & 0xFF00 != 0x0100:
        return ""
    kind, level = _TRANSACTION[code >> 2 & 3], _LEVEL[code & 3]
    return f"{kind} cache error, {level}, {_REQUEST[code >> 4 & 15]}"


def _internal(code: int) -> str:
    return f"internal unclassified error {code:#x}" if code & 0xFC00 == 0x0400 else ""


def _bus(code: int) -> str:
    if code & 0xF800 != 0x0800:
        return ""
    return ", ".join(
        [
            "bus or interconnect error",
            _REQUEST[code >> 4 & 15],
            _ACCESS[code >> 2 & 3],
            _LEVEL[code & 3],
            _PARTICIPATION[code >> 9 & 3],
            *(["timed out"] if code & 0x0100 else []),
        ]
    )


_COMPOUND = (_generic_cache, _tlb, _memory, _cache, _internal, _bus)


class ThresholdStatus(Label):
    """Threshold-based error status of a bank that tracks how often it corrects."""

    NO_TRACKING = 0
    GREEN = 1
    YELLOW = 2
    RESERVED = 3


class MciStatus(Word):
    """MCi_STATUS: the error of a machine check bank, as far as all vendors agree.

    Source:  Intel SDM volume 3B 17.3.2.2; AMD64 APM volume 2 9.3.2
    """

    mca_error_code = Bits(0, 16, McaErrorCode)
    processor_context_corrupt = Bits(57)
    address_valid = Bits(58)
    misc_valid = Bits(59)
    error_enabled = Bits(60)
    uncorrected = Bits(61)
    overflow = Bits(62)
    valid = Bits(63)

    @property
    def severity(self) -> str:
        """``corrected`` or ``uncorrected``, and more where a vendor says more."""
        return "uncorrected" if self.uncorrected else "corrected"

    @property
    def error(self) -> str:
        """The error code in words."""
        code: Any = self.mca_error_code
        return str(code.text)

    def sentence(self) -> str:
        """The status in words for a person on call."""
        if not self.valid:
            return "no valid error"
        return "; ".join([f"{self.severity} {self.error}", *self.remarks()])

    def remarks(self) -> Iterator[str]:
        """What else the status says that matters."""
        if self.processor_context_corrupt:
            yield "processor context corrupt"
        if self.overflow:
            yield "further errors were lost"


class IntelMciStatus(MciStatus):
    """IA32_MCi_STATUS of an Intel processor.

    The count, the threshold status, S and AR exist where MCG_CAP says so; all processors of the
    last ten years do.

    Source:  Intel SDM volume 3B 17.3.2.2
    """

    model_specific_error_code = Bits(16, 16, hexadecimal=True)
    other_information = Bits(32, 5, hexadecimal=True)
    firmware_updated = Bits(37)
    corrected_error_count = Bits(38, 15)
    threshold_status = Bits(53, 2, ThresholdStatus)
    action_required = Bits(55)
    signaled = Bits(56)

    @property
    def recovery(self) -> str:
        """What an uncorrected error that left the processor's context intact asks of software."""
        if not self.uncorrected or self.processor_context_corrupt:
            return ""
        if self.signaled:
            return (
                "software recoverable, action required"
                if self.action_required
                else "software recoverable, action optional"
            )
        return "no action required"

    def remarks(self) -> Iterator[str]:
        if self.recovery:
            yield self.recovery
        yield from super().remarks()
        if not self.uncorrected:
            if self.corrected_error_count:
                yield f"counted {self.corrected_error_count} times"
            if self.threshold_status == ThresholdStatus.YELLOW:
                yield "the threshold of corrected errors is exceeded"
        if self.firmware_updated:
            yield "firmware may have changed this status"
        if self.model_specific_error_code:
            yield f"model-specific code {self.model_specific_error_code:#x}"


class AddressMode(Label):
    """What kind of address MCi_ADDR holds."""

    SEGMENT_OFFSET = 0
    LINEAR_ADDRESS = 1
    PHYSICAL_ADDRESS = 2
    MEMORY_ADDRESS = 3
    GENERIC = 7


class MciMisc(Word):
    """IA32_MCi_MISC where software recovery is supported.

    Source:  Intel SDM volume 3B 17.3.2.4
    """

    recoverable_address_lsb = Bits(0, 6)
    address_mode = Bits(6, 3, AddressMode)
    model_specific_information = Bits(9, 55, hexadecimal=True)


class IoMciMisc(Word):
    """IA32_MCi_MISC of an I/O error: which root port reported it.

    Source:  Intel SDM volume 3B 17.3.2.4.1
    """

    function = Bits(16, 3)
    device = Bits(19, 5)
    bus = Bits(24, 8)
    segment = Bits(32, 8)

    @property
    def address(self) -> str:
        """Segment, bus, device and function as Linux and lspci write them."""
        return f"{self.segment:04x}:{self.bus:02x}:{self.device:02x}.{self.function:x}"


class MciCtl2(Word):
    """IA32_MCi_CTL2: when a bank signals corrected errors.

    Source:  Intel SDM volume 3B 17.3.2.5
    """

    corrected_error_count_threshold = Bits(0, 15)
    cmci_enable = Bits(30)


class McgCap(Word):
    """IA32_MCG_CAP: which machine check features the processor has.

    Source:  Intel SDM volume 3B 17.3.1.1; Linux asm/mce.h for bit 12
    """

    bank_count = Bits(0, 8)
    mcg_ctl_present = Bits(8)
    extended_registers_present = Bits(9)
    cmci_present = Bits(10)
    threshold_status_present = Bits(11)
    seam_non_root_status_present = Bits(12)
    extended_register_count = Bits(16, 8)
    software_error_recovery_present = Bits(24)
    enhanced_machine_check_capability = Bits(25)
    extended_error_log_present = Bits(26)
    local_machine_check_present = Bits(27)


class McgStatus(Word):
    """IA32_MCG_STATUS: the state in which a machine check left the processor.

    Source:  Intel SDM volume 3B 17.3.1.2; Linux asm/mce.h for bit 12
    """

    restart_ip_valid = Bits(0)
    error_ip_valid = Bits(1)
    machine_check_in_progress = Bits(2)
    local_machine_check_signaled = Bits(3)
    seam_non_root = Bits(12)

    def sentence(self) -> str:
        """Whether the interrupted program can go on, and whether the error is its own."""
        restart = "can" if self.restart_ip_valid else "cannot"
        own = (
            ", and the instruction pointer is that of the error"
            if self.error_ip_valid
            else ", and the instruction pointer need not be that of the error"
        )
        return f"the interrupted program {restart} be restarted{own}"


class McgExtCtl(Word):
    """IA32_MCG_EXT_CTL.

    Source:  Intel SDM volume 3B 17.3.1.4
    """

    local_machine_check_enable = Bits(0)
