"""AMD's Scalable MCA: the registers of a bank, and which unit it belongs to.

Source:  AMD64 APM volume 2 chapter 9; AMD Processor Programming References; Linux mce/amd.c
"""

from collections.abc import Iterator

from apeitool.registers.cpuid import CpuidVersion
from apeitool.registers.smca_errors import REVISED, UNITS
from apeitool.registers.x86 import McaErrorCode, MciStatus
from apeitool.wire.labels import Bits, Label, Word


class AmdErrorCode(Label):
    """Error code of an AMD processor: as all, but for the internal ones.

    Source:  AMD64 APM volume 2 9.5.1
    """

    INTERNAL_RESERVED = 0x0400
    HARDWARE_ASSERT = 0x0600

    @property
    def text(self) -> str:
        """What kind of error it was, and where."""
        if self.is_known:
            return "hardware assert" if self == self.HARDWARE_ASSERT else "internal error"
        return McaErrorCode(int(self)).text


class AmdMciStatus(MciStatus):
    """MCA_STATUS of an AMD processor with Scalable MCA.

    Source:  AMD64 APM volume 2 9.3.2.2; Linux amdgpu_mca.h; asm/mce.h for bit 54
    """

    mca_error_code = Bits(0, 16, AmdErrorCode)
    extended_error_code = Bits(16, 6)
    address_lsb = Bits(24, 6)
    error_core_id = Bits(32, 6)
    scrub = Bits(40)
    poison = Bits(43)
    deferred = Bits(44)
    uncorrectable_ecc = Bits(45)
    correctable_ecc = Bits(46)
    transparent = Bits(52)
    syndrome_valid = Bits(53)
    physical_address_valid = Bits(54)
    task_context_corrupt = Bits(55)
    error_core_id_valid = Bits(56)

    @property
    def severity(self) -> str:
        """``corrected``, ``deferred`` or ``uncorrected``."""
        if self.uncorrected:
            return "uncorrected"
        return "deferred" if self.deferred else "corrected"

    def remarks(self) -> Iterator[str]:
        if self.poison:
            yield "poisoned data was consumed"
        if self.task_context_corrupt:
            yield "task context corrupt"
        yield from super().remarks()
        if self.scrub:
            yield "found by a scrubber"


class McaMisc(Word):
    """MCA_MISC0 and those behind it: counts errors up to a threshold.

    Source:  AMD64 APM volume 2 9.3.3; Linux mce/amd.c
    """

    block_pointer = Bits(24, 8, hexadecimal=True)
    error_count = Bits(32, 12)
    overflow = Bits(48)
    threshold_interrupt_type = Bits(49, 2)
    counter_enable = Bits(51)
    lvt_offset = Bits(52, 4)
    locked = Bits(61)
    counter_present = Bits(62)
    valid = Bits(63)


class McaConfig(Word):
    """MCA_CONFIG: what a bank can do, and is set to do.

    Source:  AMD Processor Programming References; Linux mce/amd.c, asm/mce.h
    """

    mcax = Bits(0)
    transparent_error_logging_supported = Bits(1)
    deferred_error_logging_supported = Bits(2)
    deferred_interrupt_type_supported = Bits(5)
    address_lsb_in_status_supported = Bits(8)
    fru_text_in_syndrome = Bits(9)
    interrupt_present = Bits(10)
    physical_address_valid_supported = Bits(11)
    mcax_enable = Bits(32)
    transparent_error_logging_enable = Bits(33)
    log_deferred_in_status = Bits(34)
    deferred_interrupt_type = Bits(37, 2)
    interrupt_enable = Bits(40)


class McaIpid(Word):
    """MCA_IPID: which unit a bank belongs to.

    Source:  AMD64 APM volume 2 9.3.3.4
    """

    instance_id = Bits(0, 32, hexadecimal=True)
    hardware_id = Bits(32, 12, hexadecimal=True)
    instance_id_high = Bits(44, 4)
    mca_type = Bits(48, 16, hexadecimal=True)

    @property
    def unit(self) -> str:
        """The name of the unit; empty where nobody names it."""
        return UNITS.get((self.hardware_id, self.mca_type), ("", ()))[0]

    def error(self, extended_error_code: int, processor: CpuidVersion | None = None) -> str:
        """What an extended error code means in this unit; empty where nobody says.

        The same unit numbers a few errors otherwise in some processors.
        """
        key = (self.hardware_id, self.mca_type)
        errors = UNITS.get(key, ("", ()))[1]
        for family, models, revised in REVISED.get(key, ()):
            if processor and processor.family == family and processor.model in models:
                errors = revised
        return errors[extended_error_code] if extended_error_code < len(errors) else ""

    @property
    def memory_channel(self) -> int | None:
        """The memory channel of a memory controller of a CPU; None of other units."""
        is_memory = (self.hardware_id, self.mca_type) == (0x96, 0)
        return self.instance_id >> 20 if is_memory else None


class SyndromePriority(Label):
    """Priority of the error whose syndrome was kept."""

    NO_ERROR = 0
    TRANSPARENT = 1
    CORRECTED = 2
    DEFERRED = 3
    UNCORRECTED = 4
    FATAL = 5


class McaSynd(Word):
    """MCA_SYND: where in the unit, and which bits.

    Source:  AMD64 APM volume 2 9.3.3.5; AMD Processor Programming References
    """

    error_information = Bits(0, 18, hexadecimal=True)
    length = Bits(18, 6)
    error_priority = Bits(24, 3, SyndromePriority)
    syndrome = Bits(32, 32, hexadecimal=True)


def bank_sentence(
    status: AmdMciStatus, ipid: McaIpid, processor: CpuidVersion | None = None
) -> str:
    """What a bank reports, in words: the unit, its error, how bad."""
    if not status.valid:
        return status.sentence()
    code = status.extended_error_code
    unit = ipid.unit or f"unit {ipid.hardware_id:#x}, type {ipid.mca_type:#x}"
    error = ipid.error(code, processor) or f"extended error code {code}"
    where = "" if ipid.memory_channel is None else f" on memory channel {ipid.memory_channel}"
    words = [f"{unit}: {error}{where}", status.error, *status.remarks()]
    return f"{status.severity} error of the {'; '.join(words)}"
