"""PCI Express advanced error reporting as error sources."""

from typing import Annotated, ClassVar

from apeitool.acpi.hest.source import ErrorSource, SourceFlags, SourceType
from apeitool.registers.pcie import (
    AerCapabilitiesAndControl,
    CorrectableError,
    RootErrorCommand,
    SecondaryCapabilitiesAndControl,
    SecondaryUncorrectableError,
    UncorrectableError,
)
from apeitool.registers.pcie_capability import DeviceControl
from apeitool.wire.labels import Bits, Word
from apeitool.wire.types import U8, U16, U32, Hex


class AerBus(Word):
    """Bus and segment of an AER source."""

    bus = Bits(0, 8)
    segment = Bits(8, 16)


class AerSource(ErrorSource):
    """What the three AER structures begin with.

    Shape:   44 bytes, little-endian.
    Source:  ACPI 6.5 18.3.2.5
    """

    reserved: Annotated[U16, Hex] = 0
    flags: Annotated[U8, SourceFlags, "GLOBAL: for every device of the kind"] = 0
    enabled: U8 = 1
    number_of_records_to_preallocate: U32 = 1
    max_sections_per_record: U32 = 1
    bus: Annotated[U32, Hex, AerBus] = 0
    device: U16 = 0
    function: U16 = 0
    device_control: Annotated[U16, Hex, DeviceControl] = 0
    reserved_2: Annotated[U16, Hex] = 0
    uncorrectable_error_mask: Annotated[U32, Hex, UncorrectableError] = 0
    uncorrectable_error_severity: Annotated[U32, Hex, UncorrectableError] = 0
    correctable_error_mask: Annotated[U32, Hex, CorrectableError] = 0
    advanced_error_capabilities_and_control: Annotated[U32, Hex, AerCapabilitiesAndControl] = 0


class RootPortAer(AerSource):
    """PCI Express Root Port AER.

    Shape:   48 bytes, little-endian.
    Source:  ACPI 6.5 18.3.2.4
    """

    writes: ClassVar[SourceType | None] = SourceType.PCIE_ROOT_PORT_AER

    root_error_command: Annotated[U32, Hex, RootErrorCommand] = 0


class DeviceAer(AerSource):
    """PCI Express Device AER.

    Shape:   44 bytes, little-endian.
    Source:  ACPI 6.5 18.3.2.5
    """

    writes: ClassVar[SourceType | None] = SourceType.PCIE_DEVICE_AER


class BridgeAer(AerSource):
    """PCI Express/PCI-X Bridge AER.

    Shape:   56 bytes, little-endian.
    Source:  ACPI 6.5 18.3.2.6
    """

    writes: ClassVar[SourceType | None] = SourceType.PCIE_BRIDGE_AER

    secondary_uncorrectable_error_mask: Annotated[U32, Hex, SecondaryUncorrectableError] = 0
    secondary_uncorrectable_error_severity: Annotated[U32, Hex, SecondaryUncorrectableError] = 0
    secondary_advanced_capabilities_and_control: Annotated[
        U32, Hex, SecondaryCapabilitiesAndControl
    ] = 0
