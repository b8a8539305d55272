"""Register words of PCI configuration space and of advanced error reporting: names of their bits.

Source:  PCI Express Base Specification 6.0 7.5.1, 7.8.4; PCI Local Bus 3.0 chapter 6
"""

import enum

from apeitool.wire.labels import Bits, Word, words


class RequesterId(Word):
    """Requester ID: who sends, by bus, device and function."""

    function = Bits(0, 3)
    device = Bits(3, 5)
    bus = Bits(8, 8)

    @property
    def text(self) -> str:
        """The three as Linux and lspci write them."""
        return f"{self.bus:02x}:{self.device:02x}.{self.function:x}"


class Command(enum.IntFlag):
    """PCI command register."""

    IO_SPACE = 1 << 0
    MEMORY_SPACE = 1 << 1
    BUS_MASTER = 1 << 2
    SPECIAL_CYCLES = 1 << 3
    MEMORY_WRITE_AND_INVALIDATE = 1 << 4
    VGA_PALETTE_SNOOP = 1 << 5
    PARITY_ERROR_RESPONSE = 1 << 6
    IDSEL_STEPPING = 1 << 7
    SERR_ENABLE = 1 << 8
    FAST_BACK_TO_BACK = 1 << 9
    INTERRUPT_DISABLE = 1 << 10


class Status(Word):
    """PCI status register; the secondary status register of a bridge has the same errors."""

    immediate_readiness = Bits(0)
    interrupt_status = Bits(3)
    capabilities_list = Bits(4)
    capable_of_66_mhz = Bits(5)
    fast_back_to_back_capable = Bits(7)
    master_data_parity_error = Bits(8)
    devsel_timing = Bits(9, 2)
    signaled_target_abort = Bits(11)
    received_target_abort = Bits(12)
    received_master_abort = Bits(13)
    signaled_system_error = Bits(14)
    detected_parity_error = Bits(15)


class BridgeControl(enum.IntFlag):
    """Bridge control register."""

    PARITY_ERROR_RESPONSE = 1 << 0
    SERR_ENABLE = 1 << 1
    ISA_ENABLE = 1 << 2
    VGA_ENABLE = 1 << 3
    VGA_16_BIT_DECODE = 1 << 4
    MASTER_ABORT_MODE = 1 << 5
    SECONDARY_BUS_RESET = 1 << 6
    FAST_BACK_TO_BACK = 1 << 7
    PRIMARY_DISCARD_TIMER = 1 << 8
    SECONDARY_DISCARD_TIMER = 1 << 9
    DISCARD_TIMER_STATUS = 1 << 10
    DISCARD_TIMER_SERR_ENABLE = 1 << 11


class UncorrectableError(enum.IntFlag):
    """Bits of the uncorrectable error status, mask and severity registers of AER."""

    UNDEFINED = 1 << 0
    DATA_LINK_PROTOCOL_ERROR = 1 << 4
    SURPRISE_DOWN_ERROR = 1 << 5
    POISONED_TLP_RECEIVED = 1 << 12
    FLOW_CONTROL_PROTOCOL_ERROR = 1 << 13
    COMPLETION_TIMEOUT = 1 << 14
    COMPLETER_ABORT = 1 << 15
    UNEXPECTED_COMPLETION = 1 << 16
    RECEIVER_OVERFLOW = 1 << 17
    MALFORMED_TLP = 1 << 18
    ECRC_ERROR = 1 << 19
    UNSUPPORTED_REQUEST_ERROR = 1 << 20
    ACS_VIOLATION = 1 << 21
    UNCORRECTABLE_INTERNAL_ERROR = 1 << 22
    MC_BLOCKED_TLP = 1 << 23
    ATOMICOP_EGRESS_BLOCKED = 1 << 24
    TLP_PREFIX_BLOCKED_ERROR = 1 << 25
    POISONED_TLP_EGRESS_BLOCKED = 1 << 26
    DMWR_REQUEST_EGRESS_BLOCKED = 1 << 27
    IDE_CHECK_FAILED = 1 << 28
    MISROUTED_IDE_TLP = 1 << 29
    PCRC_CHECK_FAILED = 1 << 30
    TLP_TRANSLATION_EGRESS_BLOCKED = 1 << 31


class CorrectableError(enum.IntFlag):
    """Bits of the correctable error status and mask registers of AER."""

    RECEIVER_ERROR = 1 << 0
    BAD_TLP = 1 << 6
    BAD_DLLP = 1 << 7
    REPLAY_NUM_ROLLOVER = 1 << 8
    REPLAY_TIMER_TIMEOUT = 1 << 12
    ADVISORY_NON_FATAL_ERROR = 1 << 13
    CORRECTED_INTERNAL_ERROR = 1 << 14
    HEADER_LOG_OVERFLOW = 1 << 15


class AerCapabilitiesAndControl(Word):
    """Advanced error capabilities and control register."""

    first_error_pointer = Bits(0, 5)
    ecrc_generation_capable = Bits(5)
    ecrc_generation_enable = Bits(6)
    ecrc_check_capable = Bits(7)
    ecrc_check_enable = Bits(8)
    multiple_header_recording_capable = Bits(9)
    multiple_header_recording_enable = Bits(10)
    tlp_prefix_log_present = Bits(11)
    completion_timeout_prefix_header_log_capable = Bits(12)
    header_log_size = Bits(13, 5)
    logged_tlp_was_flit_mode = Bits(18)
    logged_tlp_size = Bits(19, 5)

    def sentence(self) -> str:
        """Which of the errors came first."""
        first = 1 << self.first_error_pointer
        known = [words(e.name or "") for e in UncorrectableError if e == first > 1]
        return f"first error: {known[0]}" if known else ""


class ExtendedCapabilityHeader(Word):
    """Header of an extended capability; AER has id 1."""

    capability_id = Bits(0, 16)
    capability_version = Bits(16, 4)
    next_capability_offset = Bits(20, 12)


class RootErrorCommand(enum.IntFlag):
    """Root error command register."""

    CORRECTABLE_ERROR_REPORTING = 1
    NON_FATAL_ERROR_REPORTING = 2
    FATAL_ERROR_REPORTING = 4


class RootErrorStatus(Word):
    """Root error status register."""

    correctable_error_received = Bits(0)
    multiple_correctable_errors_received = Bits(1)
    uncorrectable_error_received = Bits(2)
    multiple_uncorrectable_errors_received = Bits(3)
    first_uncorrectable_fatal = Bits(4)
    non_fatal_error_received = Bits(5)
    fatal_error_received = Bits(6)
    err_cor_subclass = Bits(7, 2)
    advanced_error_interrupt_message_number = Bits(27, 5)


class SecondaryUncorrectableError(enum.IntFlag):
    """Bits of the secondary uncorrectable error registers of a PCI Express to PCI-X bridge."""

    TARGET_ABORT_ON_SPLIT_COMPLETION = 1 << 0
    MASTER_ABORT_ON_SPLIT_COMPLETION = 1 << 1
    RECEIVED_TARGET_ABORT = 1 << 2
    RECEIVED_MASTER_ABORT = 1 << 3
    UNEXPECTED_SPLIT_COMPLETION = 1 << 5
    UNCORRECTABLE_SPLIT_COMPLETION_MESSAGE_DATA = 1 << 6
    UNCORRECTABLE_DATA = 1 << 7
    UNCORRECTABLE_ATTRIBUTE = 1 << 8
    UNCORRECTABLE_ADDRESS = 1 << 9
    DELAYED_TRANSACTION_DISCARD_TIMER_EXPIRED = 1 << 10
    PERR_ASSERTION = 1 << 11
    SERR_ASSERTION = 1 << 12
    INTERNAL_BRIDGE = 1 << 13


class SecondaryCapabilitiesAndControl(Word):
    """Secondary error capabilities and control register."""

    secondary_uncorrectable_first_error_pointer = Bits(0, 5)
