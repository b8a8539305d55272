"""Downstream Port Containment: words of its extended capability.

Source:  PCI Express Base Specification 6.0 7.9.14
"""

import enum

from apeitool.wire.labels import Bits, Label, Word


class DpcCapability(Word):
    """DPC capability register."""

    interrupt_message_number = Bits(0, 5)
    root_port_extensions = Bits(5)
    poisoned_tlp_egress_blocking_supported = Bits(6)
    software_triggering_supported = Bits(7)
    rp_pio_log_size = Bits(8, 4)
    dl_active_err_cor_signaling_supported = Bits(12)


class DpcTriggerEnable(Label):
    """Which errors trigger containment."""

    DISABLED = 0
    FATAL_ERRORS = 1
    NON_FATAL_AND_FATAL_ERRORS = 2


class DpcControl(Word):
    """DPC control register."""

    trigger_enable = Bits(0, 2, DpcTriggerEnable)
    completion_control = Bits(2)
    interrupt_enable = Bits(3)
    err_cor_enable = Bits(4)
    poisoned_tlp_egress_blocking_enable = Bits(5)
    software_trigger = Bits(6)
    dl_active_err_cor_enable = Bits(7)


class DpcTriggerReason(Label):
    """Why a port was contained."""

    UNMASKED_UNCORRECTABLE_ERROR = 0
    NON_FATAL_ERROR_MESSAGE = 1
    FATAL_ERROR_MESSAGE = 2
    SEE_EXTENSION = 3


class DpcTriggerReasonExtension(Label):
    """Why a port was contained, where the reason says to look here."""

    RP_PIO_ERROR = 0
    SOFTWARE_TRIGGER = 1

    @property
    def text(self) -> str:
        """The reason in words."""
        return super().text.replace("rp pio", "RP PIO")


class DpcStatus(Word):
    """DPC status register."""

    triggered = Bits(0)
    trigger_reason = Bits(1, 2, DpcTriggerReason)
    interrupt_status = Bits(3)
    root_port_busy = Bits(4)
    trigger_reason_extension = Bits(5, 2, DpcTriggerReasonExtension)
    rp_pio_first_error_pointer = Bits(8, 5)

    @property
    def reason(self) -> str:
        """Why the port was contained, in words."""
        if self.trigger_reason == DpcTriggerReason.SEE_EXTENSION:
            return DpcTriggerReasonExtension(self.trigger_reason_extension).text
        return DpcTriggerReason(self.trigger_reason).text


class RpPioError(enum.IntFlag):
    """Errors of programmed I/O that a root port sent: of configuration, I/O and memory requests."""

    CONFIGURATION_UNSUPPORTED_REQUEST = 1 << 0
    CONFIGURATION_COMPLETER_ABORT = 1 << 1
    CONFIGURATION_COMPLETION_TIMEOUT = 1 << 2
    IO_UNSUPPORTED_REQUEST = 1 << 8
    IO_COMPLETER_ABORT = 1 << 9
    IO_COMPLETION_TIMEOUT = 1 << 10
    MEMORY_UNSUPPORTED_REQUEST = 1 << 16
    MEMORY_COMPLETER_ABORT = 1 << 17
    MEMORY_COMPLETION_TIMEOUT = 1 << 18
