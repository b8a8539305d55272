"""Microsoft PCI recovery section."""

from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.wire.labels import Label
from apeitool.wire.types import U8, Rest, u8


class RecoverySignal(Label):
    """What told Windows of the error."""

    UNKNOWN = 0
    AER = 1
    DPC = 2

    @property
    def text(self) -> str:
        return self.name if self in (RecoverySignal.AER, RecoverySignal.DPC) else super().text


class PciRecoveryStatus(Label):
    """How a recovery of a PCI device ended."""

    UNKNOWN = 0
    NO_ERROR = 1
    LINK_DISABLE_TIMEOUT = 2
    LINK_ENABLE_TIMEOUT = 3
    ROOT_PORT_BUSY_TIMEOUT = 4
    COMPLEX_TREE = 5
    BUS_NOT_FOUND = 6
    DEVICE_NOT_FOUND = 7
    ASSIGNED_DEVICE_AER_NOT_RECOVERABLE = 8
    FAILED_RECOVERY = 9
    RECOVERED_NO_DEVICES = 10
    CXL_AER_NOT_RECOVERABLE = 11


class MicrosoftPciRecoverySection(Section):
    """Microsoft PCI recovery section: what Windows did about the device.

    Shape:   3 bytes.
    Raises:  Truncated when fewer than 3 bytes are given.
    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_PCI_RECOVERY_SECTION
    """

    guid: ClassVar[UUID] = UUID("dd060800-f6e1-4204-ac27-c4bca9568402")
    title: ClassVar[str] = "PCI recovery"

    signal_type: Annotated[RecoverySignal, u8] = RecoverySignal.UNKNOWN
    recovery_attempted: U8 = 0
    recovery_status: Annotated[PciRecoveryStatus, u8] = PciRecoveryStatus.UNKNOWN
    trailing: Rest = b""

    @property
    def what(self) -> str:
        return f"{self.title}: {self.recovery_status.text}"

    def sentence(self) -> str:
        signal = (
            "" if self.signal_type == RecoverySignal.UNKNOWN else f" after {self.signal_type.text}"
        )
        if not self.recovery_attempted:
            return f"Windows attempted no PCI recovery{signal}: {self.recovery_status.text}"
        return f"Windows attempted a PCI recovery{signal}: {self.recovery_status.text}"
