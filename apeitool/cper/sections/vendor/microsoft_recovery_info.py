"""Microsoft error recovery information section."""

import enum
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.wire.labels import Label, flag_names
from apeitool.wire.types import U8, U64, Hex, Rest, Text, u32


class RecoveryAction(enum.IntFlag):
    """What Windows tried."""

    NONE_ATTEMPTED = 1 << 0
    TERMINATE_PROCESS = 1 << 1
    FORWARDED_TO_VM = 1 << 2
    MARK_PAGE_BAD = 1 << 3
    POISON_NOT_PRESENT = 1 << 4


class RecoveryType(Label):
    """What the error asks of software."""

    NONE = 0
    ACTION_REQUIRED = 1
    ACTION_OPTIONAL = 2


class RecoveryFailureReason(Label):
    """Why a recovery failed."""

    NONE = 0
    KERNEL_COULD_NOT_MARK_MEMORY_BAD = 1
    KERNEL_MARK_MEMORY_BAD_TIMED_OUT = 2
    NO_RECOVERY_CONTEXT = 3
    NOT_CONTINUABLE = 4
    PROCESSOR_CONTEXT_CORRUPT = 5
    OVERFLOW = 6
    NOT_SUPPORTED = 7
    MISC_OR_ADDRESS_NOT_VALID = 8
    INVALID_ADDRESS_MODE = 9
    HIGH_IRQL = 10
    INSUFFICIENT_ALTERNATE_CONTEXT_WRAPPERS = 11
    INTERRUPTS_DISABLED = 12
    SWAP_BUSY = 13
    STACK_OVERFLOW = 14
    UNEXPECTED_FAILURE = 15
    KERNEL_WILL_PAGE_FAULT_AT_CURRENT_IRQL = 16
    FAR_NOT_VALID = 17


class MicrosoftRecoveryInfoSection(Section):
    """Microsoft error recovery information section: what Windows did about the error.

    Shape:   39 bytes, little-endian.
    Raises:  Truncated when fewer than 39 bytes are given.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_ERROR_RECOVERY_INFO_SECTION
    """

    guid: ClassVar[UUID] = UUID("c34832a1-02c3-4c52-a9f1-9f1d5d7723fc")
    title: ClassVar[str] = "error recovery information"

    recovery_kernel: Annotated[U8, "1: the kernel was hit"] = 0
    recovery_action: Annotated[U64, RecoveryAction] = 0
    recovery_type: Annotated[RecoveryType, u32] = RecoveryType.NONE
    irql: Annotated[U8, Hex, "0xff: not known"] = 0
    recovery_succeeded: U8 = 0
    failure_reason: Annotated[RecoveryFailureReason, u32] = RecoveryFailureReason.NONE
    process_name: Annotated[str, Text(20)] = ""
    trailing: Rest = b""

    @property
    def what(self) -> str:
        tried = flag_names(RecoveryAction, self.recovery_action)
        return f"{self.title}: {', '.join(tried) or 'none attempted'}"

    def sentence(self) -> str:
        tried = [
            n for n in flag_names(RecoveryAction, self.recovery_action) if n != "none attempted"
        ]
        if not tried:
            return "Windows attempted no recovery"
        what = f"Windows tried to recover: {', '.join(tried)}"
        process = self.process_name.partition("\0")[0].strip()
        if process:
            what += f", process {process}"
        if self.recovery_succeeded:
            return f"{what}; it succeeded"
        reason = self.failure_reason
        return f"{what}; it failed{f' ({reason.text})' if reason else ''}"
