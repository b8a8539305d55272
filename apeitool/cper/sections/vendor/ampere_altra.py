"""Ampere Altra error section: error types, and payloads of four formats."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.arm_ras import fitting
from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.registers import arm_ras, pcie
from apeitool.registers.tlp import RequesterId
from apeitool.wire.labels import Bits, Label, Word, flag_names
from apeitool.wire.record import Structure
from apeitool.wire.types import U8, U16, U32, U64, Bytes, Hex, One, Rest

if TYPE_CHECKING:
    from apeitool.cper.place import Place


class AltraErrorType(Label):
    """Which block of the chip reports."""

    CPM = 0
    MCU = 1
    MESH = 2
    TWO_SOCKET_LINK_ALTRA = 3
    TWO_SOCKET_LINK_ALTRA_MAX = 4
    GIC = 5
    SMMU = 6
    PCIE_AER = 7
    PCIE_RASDP = 8
    OCM = 9
    SMPRO = 10
    PMPRO = 11
    ATF_FIRMWARE = 12
    SMPRO_FIRMWARE = 13
    PMPRO_FIRMWARE = 14
    BERT = 63

    @property
    def text(self) -> str:
        return self.name.replace("_", " ") if self.is_known else super().text


def _errors(count: int) -> dict[int, str]:
    return {number: f"ERR{number}" for number in range(count)}


_SUB_TYPES: dict[int, dict[int, str]] = {
    AltraErrorType.CPM: {0: "snoop logic", 1: "Armv8 core 0", 2: "Armv8 core 1"},
    AltraErrorType.MCU: _errors(7) | {7: "link error"},
    AltraErrorType.MESH: {
        0: "cross point",
        1: "home node (I/O)",
        2: "home node (memory)",
        3: "CCIX node",
    },
    AltraErrorType.TWO_SOCKET_LINK_ALTRA_MAX: _errors(4),
    AltraErrorType.GIC: _errors(13) | {13 + n: f"ERR{13 + n} (ITS {n})" for n in range(8)},
    AltraErrorType.SMMU: {number: f"TBU{number}" for number in range(10)} | {0x64: "TCU"},
    AltraErrorType.PCIE_AER: {0: "root port", 1: "device"},
    AltraErrorType.PCIE_RASDP: {
        0: "RCA host bridge error",
        1: "RCB host bridge error",
        8: "RASDP error",
    },
    AltraErrorType.OCM: _errors(3),
    AltraErrorType.SMPRO: {0: "ERR0", 1: "ERR1", 2: "MPA error"},
    AltraErrorType.PMPRO: {0: "ERR0", 1: "ERR1", 2: "MPA error"},
    AltraErrorType.ATF_FIRMWARE: {0: "EL3", 1: "SPM", 2: "secure partition (SEL0/SEL1)"},
    AltraErrorType.SMPRO_FIRMWARE: {0: "RAS message error"},
    AltraErrorType.PMPRO_FIRMWARE: {0: "RAS message error"},
    AltraErrorType.BERT: {
        0: "default",
        1: "watchdog",
        2: "ATF fatal",
        3: "SMpro fatal",
        4: "PMpro fatal",
    },
}


class AltraType(Word):
    """Which block reports, and in which format."""

    error_type = Bits(0, 6, AltraErrorType)
    payload_type = Bits(6, 2)


class AltraInstance(Word):
    """Which of the blocks of this type it is."""

    number = Bits(0, 14)
    socket = Bits(14, 2)


class AltraPayload(Structure):
    """What follows the header of an Altra error.

    Source:  rasdaemon non-standard-ampere.h
    """

    @property
    def severities(self) -> tuple[Severity, ...]:
        """How bad it can be; nothing where the payload does not tell."""
        return ()

    def sentence(self) -> str:
        """What it says happened; "" if that takes the vendor's help."""
        return ""


class AltraRasRegisters(AltraPayload):
    """Payload type 0: registers of an Armv8 RAS error record.

    Shape:   44 bytes, little-endian.
    Source:  rasdaemon non-standard-ampere.h amp_payload0_type_sec
    """

    err_status: Annotated[U32, Hex, arm_ras.ErrStatus] = 0
    err_addr: Annotated[U64, Hex, arm_ras.ErrAddr] = 0
    err_misc_0: Annotated[U64, Hex] = 0
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


class ErrorSources(Word):
    """Error source identification register: who sent the messages."""

    correctable = Bits(0, 16, RequesterId)
    uncorrectable = Bits(16, 16, RequesterId)


class AltraPcieAer(AltraPayload):
    """Payload type 1: PCIe AER registers.

    Shape:   44 bytes, little-endian.
    Source:  rasdaemon non-standard-ampere.h amp_payload1_type_sec
    """

    uncorrectable_error_status: Annotated[U32, Hex, pcie.UncorrectableError] = 0
    uncorrectable_error_mask: Annotated[U32, Hex, pcie.UncorrectableError] = 0
    uncorrectable_error_severity: Annotated[U32, Hex, pcie.UncorrectableError] = 0
    correctable_error_status: Annotated[U32, Hex, pcie.CorrectableError] = 0
    correctable_error_mask: Annotated[U32, Hex, pcie.CorrectableError] = 0
    root_error_command: Annotated[U32, Hex, pcie.RootErrorCommand] = 0
    root_error_status: Annotated[U32, Hex, pcie.RootErrorStatus] = 0
    error_source_id: Annotated[U32, Hex, ErrorSources] = 0
    reserved: Annotated[U32, Hex] = 0
    reserved_2: Annotated[U64, Hex] = 0
    rest: Rest = b""

    def sentence(self) -> str:
        """Which errors its status registers say."""
        return ", ".join(
            flag_names(pcie.UncorrectableError, self.uncorrectable_error_status)
            + flag_names(pcie.CorrectableError, self.correctable_error_status)
        )


class AltraPcieDataPath(AltraPayload):
    """Payload type 2: registers of the PCIe RAS data path (RASDP).

    Shape:   44 bytes, little-endian.
    Source:  rasdaemon non-standard-ampere.h amp_payload2_type_sec
    """

    correctable_error_report: Annotated[U32, Hex] = 0
    correctable_error_location: Annotated[U32, Hex] = 0
    correctable_error_address: Annotated[U32, Hex] = 0
    uncorrectable_error_report: Annotated[U32, Hex] = 0
    uncorrectable_error_location: Annotated[U32, Hex] = 0
    uncorrectable_error_address: Annotated[U32, Hex] = 0
    reserved: Annotated[U32, Hex] = 0
    reserved_2: Annotated[bytes, Bytes(16)] = bytes(16)
    rest: Rest = b""


class AltraFirmwareData(AltraPayload):
    """Payload type 3: what only the firmware that wrote it can read.

    Shape:   44 bytes, little-endian.
    Source:  rasdaemon non-standard-ampere.h amp_payload3_type_sec
    """

    firmware_specific_data_0: Annotated[U32, Hex] = 0
    firmware_specific_data_1: Annotated[U64, Hex] = 0
    firmware_specific_data_2: Annotated[U64, Hex] = 0
    firmware_specific_data_3: Annotated[U64, Hex] = 0
    firmware_specific_data_4: Annotated[U64, Hex] = 0
    firmware_specific_data_5: Annotated[U64, Hex] = 0
    rest: Rest = b""


class AltraShortPayload(AltraPayload):
    """A payload shorter than any of the four.

    Shape:   fewer than 44 bytes.
    Source:  rasdaemon non-standard-ampere.h
    """

    rest: Rest = b""


_PAYLOADS: tuple[type[AltraPayload], ...] = (
    AltraRasRegisters,
    AltraPcieAer,
    AltraPcieDataPath,
    AltraFirmwareData,
)


def _payload(section: Any, length: int) -> type[AltraPayload]:
    kind = _PAYLOADS[AltraType(section.type).payload_type]
    return kind if length >= kind.fixed_size else AltraShortPayload


class AmpereAltraErrorSection(Section):
    """Ampere Altra error section.

    Shape:   4 bytes, little-endian, and a payload of 44.
    Raises:  Truncated when fewer than 4 bytes are given.
    Source:  rasdaemon non-standard-ampere.c, ras-non-standard-handler.c
    """

    part: ClassVar[str] = "processor"
    guid: ClassVar[UUID] = UUID("e8ed898d-df16-43cc-8ecc-54f060ef157f")
    title: ClassVar[str] = "Ampere Altra error"

    type: Annotated[U8, Hex, AltraType] = 0
    sub_type: U8 = 0
    instance: Annotated[U16, Hex, AltraInstance] = 0
    payload: Annotated[AltraPayload, One(_payload)] = AltraShortPayload()
    trailing: Rest = b""

    @property
    def sub_type_name(self) -> str | None:
        """What the sub-type means for this type; None if nobody says."""
        return _SUB_TYPES.get(AltraType(self.type).error_type, {}).get(self.sub_type)

    def shown(self, name: str) -> str | None:
        known = self.sub_type_name if name == "sub_type" else None
        return f"{known} ({self.sub_type})" if known else None

    @property
    def what(self) -> str:
        details = [self.sub_type_name or f"sub-type {self.sub_type}", self.payload.sentence()]
        return f"Ampere Altra {self._block} error: {', '.join(filter(None, details))}"

    @property
    def component(self) -> str:
        instance = AltraInstance(self.instance)
        return f"socket {instance.socket} {self._block} {instance.number}"

    @property
    def severities(self) -> tuple[Severity, ...]:
        return self.payload.severities or super().severities

    def at(self, place: "Place") -> Self:
        cpu = place.processor
        return self.replace(instance=AltraInstance.compose(number=cpu.core, socket=cpu.socket))

    @property
    def _block(self) -> str:
        return str(AltraErrorType(AltraType(self.type).error_type).text)

    def sentence(self) -> str:
        kind, instance = AltraType(self.type), AltraInstance(self.instance)
        what = f"Ampere Altra {self._block} error"
        what += f" on socket {instance.socket}, instance {instance.number}"
        if kind.error_type == AltraErrorType.CPM and self.sub_type in (1, 2):
            what += f", core {instance.number * 2 + self.sub_type - 1}"
        details = [self.sub_type_name or f"sub-type {self.sub_type}", self.payload.sentence()]
        return f"{what}: {', '.join(filter(None, details))}"
