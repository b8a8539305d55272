"""Payloads of the AmpereOne error section.

Their producers write them as a C compiler lays them out: each number at a multiple of its size.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

from apeitool.cper.arm_ras import fitting
from apeitool.cper.severity import Severity
from apeitool.registers import arm_ras, pcie
from apeitool.wire.labels import Bits, Word, flag_names
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    U8,
    U32,
    U64,
    Array,
    Bytes,
    Derived,
    Hex,
    Named,
    Raw,
    Rest,
    Unit,
    u32,
)


class AmpereOnePayload(Structure):
    """What follows the header of an AmpereOne error.

    Source:  rasdaemon (Ampere's branch) non-standard-ampereone.h
    """

    @property
    def severities(self) -> tuple[Severity, ...]:
        """How bad it can be; nothing where the payload does not tell."""
        return ()

    def sentence(self) -> str:
        """What it says happened; "" if that takes the vendor's help."""
        return ""


class AmpereOneRasRegisters(AmpereOnePayload):
    """Payload type 0: registers of an Armv8 RAS error record.

    Shape:   64 bytes, little-endian.
    Source:  rasdaemon (Ampere's branch) non-standard-ampereone.h ampereone_payload0_type_sec
    """

    err_fr: Annotated[U64, Hex, arm_ras.ErrFr] = 0
    err_ctlr: Annotated[U64, Hex, arm_ras.ErrCtlr] = 0
    err_status: Annotated[U64, Hex, arm_ras.ErrStatus] = 0
    err_addr: Annotated[U64, Hex, arm_ras.ErrAddr] = 0
    err_misc_0: Annotated[U64, Hex, Named(arm_ras.misc0_word)] = 0
    err_misc_1: Annotated[U64, Hex] = 0
    err_misc_2: Annotated[U64, Hex] = 0
    err_misc_3: Annotated[U64, Hex] = 0
    rest: Rest = b""

    @property
    def severities(self) -> tuple[Severity, ...]:
        return fitting(arm_ras.ErrStatus(self.err_status))

    def sentence(self) -> str:
        """What the error record holds."""
        return arm_ras.status_sentence(arm_ras.ErrStatus(self.err_status))


class Counters(Word):
    """Counters of a RAS D.E.S. group that takes 48 bits."""

    counters = Bits(0, 48)


class AmpereOnePcieAer(AmpereOnePayload):
    """Payload type 1: PCIe AER status, event counters, and the state of 16 lanes.

    Shape:   208 bytes, little-endian.
    Source:  rasdaemon (Ampere's branch) non-standard-ampereone.h ampereone_payload1_type_sec
    """

    uncorrectable_error_status: Annotated[U32, Hex, pcie.UncorrectableError] = 0
    correctable_error_status: Annotated[U32, Hex, pcie.CorrectableError] = 0
    ebuf_overflow: U64 = 0
    ebuf_underrun: U64 = 0
    decode_error: U64 = 0
    running_disparity_error: U64 = 0
    skp_os_parity_error_gen3: U64 = 0
    sync_header_error: U64 = 0
    rx_valid_deassertion: U64 = 0
    ctl_skp_os_parity_error_gen4: U64 = 0
    first_retimer_parity_error_gen4: U64 = 0
    second_retimer_parity_error_gen4: U64 = 0
    margin_crc_and_parity_error_gen4: U64 = 0
    rasdes_group1_counters: Annotated[U64, Hex, Counters] = 0
    rasdes_group2_counters: Annotated[U64, Hex] = 0
    ebuf_skp_add: U64 = 0
    ebuf_skp_del: U64 = 0
    rasdes_group5_counters: Annotated[U64, Hex] = 0
    rasdes_group5_counters_continued: Annotated[U64, Hex, Counters] = 0
    debug_layer_1_status: Annotated[Sequence[int], Array(u32, 16), Hex, "of each lane"] = (0,) * 16
    rest: Rest = b""

    def sentence(self) -> str:
        """Which errors its status registers say."""
        return ", ".join(
            flag_names(pcie.UncorrectableError, self.uncorrectable_error_status)
            + flag_names(pcie.CorrectableError, self.correctable_error_status)
        )


class AmpereOnePcieDataPath(AmpereOnePayload):
    """Payload type 2: registers of the PCIe RAS data path (RASDP).

    Shape:   24 bytes, little-endian.
    Source:  rasdaemon (Ampere's branch) non-standard-ampereone.h ampereone_payload2_type_sec
    """

    corr_count_report: Annotated[U32, Hex] = 0
    corr_error_location: Annotated[U32, Hex] = 0
    ram_addr_corr: Annotated[U32, Hex] = 0
    uncorr_count_report: Annotated[U32, Hex] = 0
    uncorr_error_location: Annotated[U32, Hex] = 0
    ram_addr_uncorr: Annotated[U32, Hex] = 0
    rest: Rest = b""


class AmpereOneMemoryEcc(AmpereOnePayload):
    """Payload type 3: ECC registers of the memory controller.

    Shape:   40 bytes, little-endian.
    Source:  rasdaemon (Ampere's branch) non-standard-ampereone.h ampereone_payload3_type_sec
    """

    ecc_addr: Annotated[U64, Hex] = 0
    ecc_data: Annotated[U64, Hex] = 0
    ecc_id: Annotated[U32, Hex] = 0
    ecc_synd: Annotated[U32, Hex] = 0
    ecc_mce_cnt: Annotated[U32, Hex] = 0
    ecc_ctlr: Annotated[U32, Hex] = 0
    ecc_err_sts: Annotated[U32, Hex] = 0
    ecc_err_cnt: Annotated[U32, Hex] = 0
    rest: Rest = b""


class AmpereOneMemoryChi(AmpereOnePayload):
    """Payload type 4: CHI transaction that the memory controller refused.

    Shape:   40 bytes, little-endian.
    Source:  rasdaemon (Ampere's branch) non-standard-ampereone.h ampereone_payload4_type_sec
    """

    address: Annotated[U64, Hex] = 0
    source_id: Annotated[U32, Hex] = 0
    transaction_id: Annotated[U32, Hex] = 0
    type: Annotated[U32, Hex] = 0
    logical_processor_id: Annotated[U32, Hex] = 0
    opcode: Annotated[U32, Hex] = 0
    tag: Annotated[U32, Hex] = 0
    mpam: Annotated[U32, Hex] = 0
    reserved: Annotated[U32, Hex] = 0
    rest: Rest = b""


class AmpereOneFirmwareError(AmpereOnePayload):
    """Payload type 6: what firmware says of itself.

    Shape:   9 bytes, little-endian, and the message.
    Units:   message size in bytes.
    Source:  rasdaemon (Ampere's branch) non-standard-ampereone.h ampereone_payload6_type_sec
    """

    driver: Annotated[U8, Hex] = 0
    reserved: Annotated[bytes, Bytes(3), "alignment"] = bytes(3)
    error_code: Annotated[U32, Hex] = 0
    error_msg_size: Annotated[U8, Unit("bytes"), Derived(lambda p: len(p.error_msg))] = AUTO
    error_msg: Annotated[bytes, Raw(length="error_msg_size"), "characters"] = b""
    rest: Rest = b""

    def shown(self, name: str) -> str | None:
        return f'"{self.words}"' if name == "error_msg" else None

    @property
    def words(self) -> str:
        """The driver's own words."""
        return self.error_msg.partition(b"\0")[0].decode("latin-1").strip()

    def sentence(self) -> str:
        """Which driver, its code, and its own words."""
        said = f"driver {self.driver:#x}, error code {self.error_code:#x}"
        return f"{said}: {self.words}" if self.words else said

    def check(self) -> Iterator[Problem]:
        if len(self.error_msg) < self.error_msg_size:
            rule = f"{self.error_msg_size} bytes said, {len(self.error_msg)} are there"
            yield self.trouble("message-truncated", "error_msg_size", rule)


class AmpereOneRest(AmpereOnePayload):
    """A payload of unknown type (type 5 has none), or shorter than its type needs.

    Shape:   any length.
    Source:  rasdaemon (Ampere's branch) non-standard-ampereone.h
    """

    rest: Rest = b""


_PAYLOADS: dict[int, type[AmpereOnePayload]] = {
    0: AmpereOneRasRegisters,
    1: AmpereOnePcieAer,
    2: AmpereOnePcieDataPath,
    3: AmpereOneMemoryEcc,
    4: AmpereOneMemoryChi,
    6: AmpereOneFirmwareError,
}


def payload_type(number: int, length: int) -> type[AmpereOnePayload]:
    """The class of a payload of that type and length in bytes."""
    kind = _PAYLOADS.get(number, AmpereOneRest)
    return kind if length >= kind.fixed_size else AmpereOneRest
