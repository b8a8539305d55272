"""Arm RAS System Architecture: the registers of an error record, and of what has them.

Source:  Arm RAS System Architecture (IHI 0100); Arm Architecture Reference Manual (DDI 0487) ERR<n>
"""

from collections.abc import Iterator
from typing import Any

from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.shapes import Json


class ExtensionRevision(Word):
    """RAS extension revision: which registers an error record has."""

    architecture_version = Bits(0, 4, json=Json("rasExtensionArchVersion"))
    revision = Bits(4, 4, json=Json("rasExtensionRevisionField"))


class Feature(Label):
    """Whether an error record has a feature, and who turns it on."""

    NOT_IMPLEMENTED = 0
    ALWAYS_ENABLED = 1
    CONTROLLABLE = 2
    CONTROLLABLE_FOR_READS_AND_WRITES = 3


class CorrectedErrorCounter(Label):
    """Width of the counter of corrected errors."""

    NONE = 0
    BITS_8 = 2
    BITS_16 = 4

    @property
    def text(self) -> str:
        """The width."""
        return f"{self.name.removeprefix('BITS_')} bits" if self in (2, 4) else super().text


class ErrFr(Word):
    """ERR<n>FR: what an error record can do."""

    error_reporting_and_logging = Bits(0, 2, Feature, "ED")
    implementation_defined = Bits(2, 2)
    error_recovery_interrupt = Bits(4, 2, Feature, "UI")
    fault_handling_interrupt = Bits(6, 2, Feature, "FI")
    in_band_error_response = Bits(8, 2, Feature, "UE")
    corrected_error_interrupt = Bits(10, 2, Feature, "CFI")
    corrected_error_counter = Bits(12, 3, CorrectedErrorCounter, "CEC")
    repeat_counter = Bits(15, doc="RP")
    deferred_error_interrupt = Bits(16, 2, Feature, "DUI")
    corrected_error_overwrite = Bits(18, 2, doc="CEO")
    fault_injection = Bits(20, 2, doc="INJ")
    critical_error_interrupt = Bits(22, 2, Feature, "CI")
    timestamp = Bits(24, 2, doc="TS")
    extended = Bits(31, doc="FRX: bits 54:48 are defined")
    uncontainable = Bits(48, doc="UC")
    unrecoverable = Bits(49, doc="UEU")
    signaled_or_recoverable = Bits(50, doc="UER")
    latent_or_restartable = Bits(51, doc="UEO")
    deferred = Bits(52, doc="DE")
    corrected = Bits(53, 2, doc="CE")


class ErrCtlr(Word):
    """ERR<n>CTLR: what an error record is told to do; bits 63:32 are the implementation's."""

    error_reporting_and_logging = Bits(0, doc="ED")
    error_recovery_interrupt = Bits(2, doc="UI, or of reads only")
    fault_handling_interrupt = Bits(3, doc="FI, or of reads only")
    in_band_error_response = Bits(4, doc="UE, or of reads only")
    error_recovery_interrupt_for_writes = Bits(5, doc="WUI")
    fault_handling_interrupt_for_writes = Bits(6, doc="WFI")
    in_band_error_response_for_writes = Bits(7, doc="WUE")
    corrected_error_interrupt = Bits(8, doc="CFI, or of reads only")
    corrected_error_interrupt_for_writes = Bits(9, doc="WCFI")
    deferred_error_interrupt = Bits(10, doc="DUI, or of reads only")
    deferred_error_interrupt_for_writes = Bits(11, doc="WDUI")
    critical_error_interrupt = Bits(13, doc="CI")
    implementation_defined = Bits(32, 32)


class Serr(Label):
    """SERR: what an error was, in the architecture's words."""

    NO_ERROR = 0x00
    IMPLEMENTATION_DEFINED_ERROR = 0x01
    DATA_VALUE_FROM_NON_ASSOCIATIVE_INTERNAL_MEMORY = 0x02
    IMPLEMENTATION_DEFINED_PIN = 0x03
    ASSERTION_FAILURE = 0x04
    INTERNAL_DATA_PATH = 0x05
    DATA_VALUE_FROM_ASSOCIATIVE_MEMORY = 0x06
    ADDRESS_OR_CONTROL_VALUE_FROM_ASSOCIATIVE_MEMORY = 0x07
    DATA_VALUE_FROM_TLB = 0x08
    ADDRESS_OR_CONTROL_VALUE_FROM_TLB = 0x09
    DATA_VALUE_FROM_PRODUCER = 0x0A
    ADDRESS_OR_CONTROL_VALUE_FROM_PRODUCER = 0x0B
    DATA_VALUE_FROM_NON_ASSOCIATIVE_EXTERNAL_MEMORY = 0x0C
    ILLEGAL_ADDRESS = 0x0D
    ILLEGAL_ACCESS = 0x0E
    ILLEGAL_STATE = 0x0F
    INTERNAL_DATA_REGISTER = 0x10
    INTERNAL_CONTROL_REGISTER = 0x11
    ERROR_RESPONSE_FROM_COMPLETER = 0x12
    EXTERNAL_TIMEOUT = 0x13
    INTERNAL_TIMEOUT = 0x14
    DEFERRED_ERROR_FROM_COMPLETER_NOT_SUPPORTED_AT_REQUESTER = 0x15
    DEFERRED_ERROR_FROM_REQUESTER_NOT_SUPPORTED_AT_COMPLETER = 0x16
    DEFERRED_ERROR_FROM_COMPLETER_PASSED_THROUGH = 0x17
    DEFERRED_ERROR_FROM_REQUESTER_PASSED_THROUGH = 0x18
    ERROR_RECORDED_BY_PCIE_ERROR_LOGS = 0x19
    OTHER_INTERNAL_ERROR = 0x1A


class UncorrectedErrorType(Label):
    """UET: what an uncorrected error leaves behind."""

    UNCONTAINABLE = 0
    UNRECOVERABLE = 1
    LATENT_OR_RESTARTABLE = 2
    SIGNALED_OR_RECOVERABLE = 3


class CorrectedError(Label):
    """CE: whether errors were corrected, and of what kind."""

    NONE = 0
    TRANSIENT = 1
    CORRECTED = 2
    PERSISTENT = 3


class ErrStatus(Word):
    """ERR<n>STATUS: what an error record holds."""

    serr = Bits(0, 8, Serr)
    ierr = Bits(8, 8, doc="the implementation's own code")
    reset_valid = Bits(17, doc="RV2: the fields were not cleared by a reset")
    reset = Bits(18, doc="RV: a reset happened since")
    critical_error = Bits(19, doc="CI")
    uncorrected_error_type = Bits(20, 2, UncorrectedErrorType, "UET")
    poison = Bits(22, doc="PN")
    deferred_error = Bits(23, doc="DE")
    corrected_error = Bits(24, 2, CorrectedError, "CE")
    miscellaneous_registers_valid = Bits(26, doc="MV")
    overflow = Bits(27, doc="OF: others were not recorded")
    error_reported = Bits(28, doc="ER: the access got an error response")
    uncorrected_error = Bits(29, doc="UE")
    valid = Bits(30, doc="V")
    address_valid = Bits(31, doc="AV")


def status_sentence(status: ErrStatus) -> str:
    """What kind of error a record holds, in words; "" if none."""
    if not status.valid:
        return ""
    return f"{', '.join(_kinds(status)) or 'an error of no kind'}, {Serr(status.serr).text}"


class CmnErrStatus(Word):
    """Error status of a node of Arm's coherent mesh: less than the architecture has.

    Source:  Arm CMN-600 (100180) and CMN-700 (102308) por_hnf_errstatus
    """

    deferred_error = Bits(23, doc="DE")
    corrected_error = Bits(24, doc="CE")
    miscellaneous_register_valid = Bits(26, doc="MV")
    overflow = Bits(27, doc="OF: others were not recorded")
    uncorrected_error = Bits(29, doc="UE")
    valid = Bits(30, doc="V")
    address_valid = Bits(31, doc="AV")

    def sentence(self) -> str:
        """What kind of error the node holds; "" if none."""
        kinds = ("uncorrected_error", "deferred_error", "corrected_error")
        held = (kind.replace("_", " ") for kind in kinds if getattr(self, kind))
        return ", ".join(held) if self.valid else ""


def _kinds(status: ErrStatus) -> Iterator[str]:
    if status.uncorrected_error:
        yield f"uncorrected error ({UncorrectedErrorType(status.uncorrected_error_type).text})"
    if status.deferred_error:
        yield "deferred error"
    corrected = CorrectedError(status.corrected_error)
    if corrected:
        kinds = (CorrectedError.TRANSIENT, CorrectedError.PERSISTENT)
        yield f"{corrected.text} corrected error" if corrected in kinds else "corrected error"


class ErrAddr(Word):
    """ERR<n>ADDR: where an error was."""

    address = Bits(0, 56, address=True)
    non_secure_extension = Bits(59, doc="NSE")
    virtual_address = Bits(60, doc="VA")
    address_incomplete = Bits(61, doc="AI")
    secure_incorrect = Bits(62, doc="SI: the bits of the security state may be wrong")
    non_secure = Bits(63, doc="NS")


class Misc0With8Bits(Word):
    """ERR<n>MISC0 with one counter of 8 bits."""

    corrected_error_count = Bits(32, 7)
    counter_overflow = Bits(39)


class Misc0With16Bits(Word):
    """ERR<n>MISC0 with one counter of 16 bits."""

    corrected_error_count = Bits(32, 15)
    counter_overflow = Bits(47)


class Misc0WithTwo8Bits(Word):
    """ERR<n>MISC0 with two counters of 8 bits: of repeated and of other errors."""

    repeated_error_count = Bits(32, 7)
    repeated_counter_overflow = Bits(39)
    other_error_count = Bits(40, 7)
    other_counter_overflow = Bits(47)


class Misc0WithTwo16Bits(Word):
    """ERR<n>MISC0 with two counters of 16 bits: of repeated and of other errors."""

    repeated_error_count = Bits(32, 15)
    repeated_counter_overflow = Bits(47)
    other_error_count = Bits(48, 15)
    other_counter_overflow = Bits(63)


_MISC0: dict[tuple[int, int], type[Word]] = {
    (2, 0): Misc0With8Bits,
    (4, 0): Misc0With16Bits,
    (2, 1): Misc0WithTwo8Bits,
    (4, 1): Misc0WithTwo16Bits,
}


def misc0_word(record: Any) -> type[Word] | None:
    """How ERR<n>MISC0 is read, by what ERR<n>FR says of the counters; None if there is none."""
    features = ErrFr(record.err_fr)
    return _MISC0.get((int(features.corrected_error_counter), features.repeat_counter))


class SmmuIidr(Word):
    """SMMU_IIDR and SMMU_AIDR, one behind the other."""

    implementer = Bits(0, 12)
    revision = Bits(12, 4)
    variant = Bits(16, 4)
    product_id = Bits(20, 12)
    architecture_minor = Bits(32, 4)
    architecture_major = Bits(36, 4)


class GicIidr(Word):
    """GICD_IIDR or another IIDR of a GIC, and the AIDR behind it."""

    implementer = Bits(0, 12)
    revision = Bits(12, 4)
    variant = Bits(16, 4)
    product_id = Bits(24, 8)
    aidr = Bits(32, 32)


class Pidr(Word):
    """Peripheral identification registers."""

    pidr3 = Bits(0, 8)
    pidr2 = Bits(8, 8)
    pidr1 = Bits(16, 8)
    pidr0 = Bits(24, 8)
    pidr7 = Bits(32, 8)
    pidr6 = Bits(40, 8)
    pidr5 = Bits(48, 8)
    pidr4 = Bits(56, 8)


class MpamPartId(Word):
    """MPAM PARTID."""

    partid = Bits(0, 16)
