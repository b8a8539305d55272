"""What hardware error packets of Microsoft have in common: their words, and the raw data.

Source:  Windows WDK 10.0.28000 ntddk.h; Windows driver documentation of the data formats
"""

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Self

from apeitool.cper.severity import Severity
from apeitool.cper.vendor.filetime import Filetime
from apeitool.registers import pcie
from apeitool.registers.machine_check import MachineCheck
from apeitool.registers.x86 import MciStatus
from apeitool.wire.labels import Label
from apeitool.wire.record import Structure
from apeitool.wire.types import U8, U32, U64, Absent, Address, Array, Bytes, Hex, Rest, u32, u64

SIGNATURE_LENGTH = 4
"""Bytes of the signature, which stands before the packet and counts in its lengths."""


if TYPE_CHECKING:
    from apeitool.cper.place import Place


class PacketFlags(enum.IntFlag):
    """Flags of a hardware error packet."""

    PREVIOUS_ERROR = 1 << 0
    CRITICAL_EVENT = 1 << 1
    HYPERVISOR_ERROR = 1 << 2
    SIMULATED = 1 << 3
    PLATFORM_PFA_CONTROL = 1 << 4
    PLATFORM_DIRECTED_OFFLINE = 1 << 5
    ADDRESS_TRANSLATION_REQUIRED = 1 << 6
    ADDRESS_TRANSLATION_COMPLETED = 1 << 7
    RECOVERY_OPTIONAL = 1 << 8


class PacketErrorType(Label):
    """What kind of error it was."""

    PROCESSOR = 0
    MEMORY = 1
    PCIE = 2
    NMI = 3
    PCIX_BUS = 4
    PCIX_DEVICE = 5
    GENERIC = 6
    PERSISTENT_MEMORY = 7

    @property
    def text(self) -> str:
        """The kind in words."""
        return super().text.replace("PCIE", "PCIe").replace("PCIX", "PCI-X")


class WindowsSourceType(Label):
    """Error source types as Windows numbers them; up to 9 as ACPI's HEST does not."""

    MCE = 0
    CMC = 1
    CPE = 2
    NMI = 3
    PCIE = 4
    GENERIC = 5
    INIT = 6
    BOOT = 7
    SCI_GENERIC = 8
    IPF_MCA = 9
    IPF_CMC = 10
    IPF_CPE = 11
    GENERIC_V2 = 12
    SCI_GENERIC_V2 = 13
    BMC = 14
    PERSISTENT_MEMORY = 15
    DEVICE_DRIVER = 16
    SEA = 17
    SEI = 18


class ErrorPacket(Structure):
    """What follows the signature of a hardware error packet.

    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_ERROR_PACKET_V2
    """

    @property
    def what(self) -> str:
        """What kind of error it was; "" if the packet cannot be read."""
        return ""

    @property
    def component(self) -> str:
        """The part that failed; "" where the packet does not say."""
        return ""

    @property
    def severities(self) -> tuple[Severity, ...]:
        """How bad the packet says that it is; nothing if it does not say."""
        said = getattr(self, "error_severity", None)
        return (said,) if isinstance(said, Severity) and said.is_known else ()

    def at(self, place: "Place") -> Self:
        """The same error in that place."""
        return self


class UnknownPacket(ErrorPacket):
    """A packet of unknown signature, or shorter than its version needs.

    Shape:   any length.
    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_ERROR_PACKET_V2
    """

    rest: Rest = b""


class PacketData(Structure):
    """Raw data of a packet.

    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_ERROR_PACKET_DATA_FORMAT
    """


class McaExceptionType(Label):
    """What a machine check left."""

    MCE = 0
    MCA = 1


class McaException(PacketData):
    """MCA_EXCEPTION: a machine check as Windows knew it before WHEA.

    Shape:   256 bytes, little-endian; 56 in version 1.
    Raises:  Truncated when fewer than 56 bytes are given.
    Source:  Windows WDK mce.h MCA_EXCEPTION
    """

    version_number: U32 = 2
    exception_type: Annotated[McaExceptionType, u32] = McaExceptionType.MCA
    timestamp: Annotated[U64, Hex, Filetime] = 0
    processor_number: U32 = 0
    reserved: Annotated[U32, Hex] = 0
    bank_number: U8 = 0
    reserved_2: Annotated[bytes, Bytes(7)] = bytes(7)
    status: Annotated[U64, Hex, MciStatus] = 0
    address: Address = 0
    misc: Annotated[U64, Hex] = 0
    extended_register_count: U32 = 0
    reserved_3: Annotated[U32, Hex] = 0
    extended_registers: Annotated[Sequence[int], Array(u64, 24), Hex] = (0,) * 24
    absent: Annotated[int, Absent(56), "bytes that version 1 leaves out"] = 0
    rest: Rest = b""

    def is_valid(self, name: str) -> bool:
        # A machine without banks has the address and type of a bus cycle there.
        of_banks = name in {"bank_number", "status", "address", "misc"}
        is_bank = self.exception_type == McaExceptionType.MCA
        return super().is_valid(name) and (is_bank or not of_banks)

    @property
    def what(self) -> str:
        """What kind of error it was."""
        if self.exception_type != McaExceptionType.MCA:
            return "machine check"
        status = MciStatus(self.status)
        return f"{status.severity} {status.error}" if status.valid else "no valid error"

    def sentence(self) -> str:
        """What the bank reports."""
        what = f"machine check on processor {self.processor_number}"
        if self.exception_type != McaExceptionType.MCA:
            return what
        registers = (MciStatus(self.status), self.address, self.misc)
        return f"{what}, {MachineCheck(self.bank_number, *registers).sentence()}"


class AerCapability(PacketData):
    """AER capability of a PCIe device; what follows depends on the kind of device.

    Shape:   44 bytes, little-endian.
    Source:  Windows WDK wdm.h PCI_EXPRESS_AER_CAPABILITY
    """

    capability_header: Annotated[U32, Hex, pcie.ExtendedCapabilityHeader] = 0
    uncorrectable_error_status: Annotated[U32, Hex, pcie.UncorrectableError] = 0
    uncorrectable_error_mask: Annotated[U32, Hex, pcie.UncorrectableError] = 0
    uncorrectable_error_severity: Annotated[U32, Hex, pcie.UncorrectableError] = 0
    correctable_error_status: Annotated[U32, Hex, pcie.CorrectableError] = 0
    correctable_error_mask: Annotated[U32, Hex, pcie.CorrectableError] = 0
    capabilities_and_control: Annotated[U32, Hex, pcie.AerCapabilitiesAndControl] = 0
    header_log: Annotated[Sequence[int], Array(u32, 4), Hex] = (0, 0, 0, 0)
    rest: Rest = b""


class OtherPacketData(PacketData):
    """Raw data of a format that has no fixed shape, or too few bytes for its format.

    Shape:   any length.
    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_ERROR_PACKET_DATA_FORMAT
    """

    rest: Rest = b""


def packet_data(kind: type[PacketData] | None, length: int) -> type[PacketData]:
    """That class, unless it needs more bytes."""
    return kind if kind is not None and length >= kind.shortest else OtherPacketData
