"""PCI Express error section."""

import enum
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.registers import pcie
from apeitool.registers import pcie_capability as capability
from apeitool.registers import pcie_capability_2 as second
from apeitool.registers.pci import bus_address, class_text, vendor_text
from apeitool.registers.tlp import RequesterId, prefix_sentence, tlp_sentence
from apeitool.wire.labels import Bits, Word, flag_names
from apeitool.wire.record import Structure
from apeitool.wire.shapes import (
    BOOLEAN,
    DECIMAL,
    HEX16,
    HIDDEN,
    NUMBER,
    Choice,
    Dump,
    Json,
    Members,
    Pair,
    Plain,
)
from apeitool.wire.types import (
    U8,
    U16,
    U32,
    U64,
    Array,
    Bytes,
    Hex,
    Rest,
    When,
    u32,
)

if TYPE_CHECKING:
    from apeitool.cper.place import Place


class PcieValid(enum.IntFlag):
    """Which parts of the section are facts."""

    PORT_TYPE = 1 << 0
    VERSION = 1 << 1
    COMMAND_STATUS = 1 << 2
    DEVICE_ID = 1 << 3
    DEVICE_SERIAL_NUMBER = 1 << 4
    BRIDGE_CONTROL_STATUS = 1 << 5
    CAPABILITY_STRUCTURE = 1 << 6
    AER_INFO = 1 << 7


class SlotNumber(Word):
    """The physical slot."""

    slot_number = Bits(3, 13)


class PcieVersion(Structure):
    """PCI Express specification version, in BCD.

    Shape:   4 bytes.
    Source:  UEFI 2.10 N.2.7
    """

    minor: Annotated[U8, Hex, Json(shape=DECIMAL)] = 0
    major: Annotated[U8, Hex, Json(shape=DECIMAL)] = 0
    reserved: Annotated[U16, Hex] = 0

    @property
    def brief(self) -> str:
        """The two as people write them."""
        return f"{self.major:x}.{self.minor:x}"


class PcieDeviceId(Structure):
    """Which device it was.

    Shape:   16 bytes, little-endian.
    Source:  UEFI 2.10 N.2.7
    """

    vendor_id: Annotated[U16, Hex] = 0
    device_id: Annotated[U16, Hex, Json(also={"deviceIDHex": HEX16.show})] = 0
    class_code: Annotated[
        bytes, Bytes(3), "programming interface, sub-class, class", Json(shape=NUMBER)
    ] = bytes(3)
    function_number: U8 = 0
    device_number: U8 = 0
    segment_number: Annotated[U16, Hex] = 0
    bus_number: Annotated[
        U8, Hex, "primary bus, or that of the device", Json("primaryOrDeviceBusNumber")
    ] = 0
    secondary_bus_number: Annotated[U8, Hex] = 0
    slot_number: Annotated[U16, SlotNumber, Json(shape=Members(inline=True))] = 0
    reserved: Annotated[U8, Hex] = 0

    @property
    def address(self) -> str:
        """Segment, bus, device and function as Linux and lspci write them."""
        return bus_address(
            self.segment_number, self.bus_number, self.device_number, self.function_number
        )

    def shown(self, name: str) -> str | None:
        if name == "vendor_id":
            return vendor_text(self.vendor_id)
        return class_text(self.class_code) if name == "class_code" else None


class DeviceSerialNumber(Structure):
    """Device serial number, an EUI-64.

    Shape:   8 bytes, little-endian.
    Source:  PCI Express 6.0 7.9.3
    """

    lower: Annotated[U32, Hex] = 0
    upper: Annotated[U32, Hex] = 0

    @property
    def brief(self) -> str:
        """The number as lspci writes it."""
        whole = (self.upper << 32 | self.lower).to_bytes(8, "big")
        return whole.hex("-")


class BridgeControlStatus(Structure):
    """Secondary status and control of a bridge.

    Shape:   4 bytes, little-endian.
    Source:  UEFI 2.10 N.2.7
    """

    secondary_status: Annotated[U16, Hex, pcie.Status, Json("secondaryStatusRegister", NUMBER)] = 0
    control: Annotated[U16, Hex, pcie.BridgeControl, Json("controlRegister", NUMBER)] = 0


class CapabilityStructure(Structure):
    """PCI Express capability structure; version 1 ends behind the root status.

    Shape:   60 bytes, little-endian.
    Source:  PCI Express 6.0 7.5.3
    """

    capability_id: Annotated[
        U8, Hex, Json("pcie_capability_header.capability_id", Pair("raw", None))
    ] = 0
    next_capability_pointer: Annotated[
        U8, Hex, Json("pcie_capability_header.next_capability_pointer")
    ] = 0
    capabilities: Annotated[U16, Hex, capability.Capabilities, Json("pcie_capabilities")] = 0
    device_capabilities: Annotated[U32, Hex, capability.DeviceCapabilities] = 0
    device_control: Annotated[U16, Hex, capability.DeviceControl] = 0
    device_status: Annotated[U16, Hex, capability.DeviceStatus] = 0
    link_capabilities: Annotated[U32, Hex, capability.LinkCapabilities] = 0
    link_control: Annotated[U16, Hex, capability.LinkControl] = 0
    link_status: Annotated[U16, Hex, capability.LinkStatus] = 0
    slot_capabilities: Annotated[U32, Hex, capability.SlotCapabilities] = 0
    slot_control: Annotated[U16, Hex, capability.SlotControl] = 0
    slot_status: Annotated[U16, Hex, capability.SlotStatus] = 0
    root_control: Annotated[U16, Hex, capability.RootControl, HIDDEN] = 0
    root_capabilities: Annotated[U16, Hex, capability.RootCapabilities, HIDDEN] = 0
    root_status: Annotated[U32, Hex, capability.RootStatus] = 0
    device_capabilities_2: Annotated[U32, Hex, second.DeviceCapabilities2] = 0
    device_control_2: Annotated[U16, Hex, second.DeviceControl2] = 0
    device_status_2: Annotated[U16, Hex, HIDDEN] = 0
    link_capabilities_2: Annotated[U32, Hex, second.LinkCapabilities2] = 0
    link_control_2: Annotated[U16, Hex, second.LinkControl2] = 0
    link_status_2: Annotated[U16, Hex, second.LinkStatus2] = 0
    slot_capabilities_2: Annotated[U32, Hex, second.SlotCapabilities2, HIDDEN] = 0
    slot_control_2: Annotated[U16, Hex, HIDDEN] = 0
    slot_status_2: Annotated[U16, Hex, HIDDEN] = 0

    def is_valid(self, name: str) -> bool:
        has_second = capability.Capabilities(self.capabilities).capability_version > 1
        return super().is_valid(name) and (has_second or not name.endswith("_2"))


def _errors(of: Plain, suffix: str, **names: str) -> Json:
    """The bits of one of the error registers, which end in its kind."""
    return Json(shape=Members(of=of, suffix=suffix, names=names))


_STATUS = _errors(BOOLEAN, "_status", poisoned_tlp_received="poisoned_tlp_received")
_MASK = _errors(NUMBER, "_mask")
_SEVERITY = _errors(Choice("NonFatal", "Fatal"), "_severity")


class AerInformation(Structure):
    """Advanced Error Reporting extended capability.

    Shape:   96 bytes, little-endian.
    Source:  PCI Express 6.0 7.8.4; Linux drivers/pci/pcie/tlp.c for flit mode
    """

    capability_header: Annotated[U32, Hex, pcie.ExtendedCapabilityHeader] = 0
    uncorrectable_error_status: Annotated[U32, Hex, pcie.UncorrectableError, _STATUS] = 0
    uncorrectable_error_mask: Annotated[U32, Hex, pcie.UncorrectableError, _MASK] = 0
    uncorrectable_error_severity: Annotated[U32, Hex, pcie.UncorrectableError, _SEVERITY] = 0
    correctable_error_status: Annotated[U32, Hex, pcie.CorrectableError, _STATUS] = 0
    correctable_error_mask: Annotated[U32, Hex, pcie.CorrectableError, _MASK] = 0
    advanced_error_capabilities_and_control: Annotated[U32, Hex, pcie.AerCapabilitiesAndControl] = 0
    header_log: Annotated[Sequence[int], Array(u32, 4), Hex, HIDDEN] = (0, 0, 0, 0)
    root_error_command: Annotated[U32, Hex, pcie.RootErrorCommand, HIDDEN] = 0
    root_error_status: Annotated[U32, Hex, pcie.RootErrorStatus] = 0
    correctable_error_source_id: Annotated[
        U16, Hex, RequesterId, Json("error_source_id.err_cor_source_identification", NUMBER)
    ] = 0
    uncorrectable_error_source_id: Annotated[
        U16,
        Hex,
        RequesterId,
        Json("error_source_id.err_fatal_nonfatal_source_identification", NUMBER),
    ] = 0
    tlp_prefix_log: Annotated[Sequence[int], Array(u32, 4), Hex, HIDDEN] = (0, 0, 0, 0)
    header_log_9_to_14: Annotated[
        Sequence[int],
        Array(u32, 6),
        Hex,
        "in flit mode; 5 to 8 are where the prefix log is",
        HIDDEN,
    ] = (0, 0, 0, 0, 0, 0)

    def shown(self, name: str) -> str | None:
        if name == "tlp_prefix_log":
            return _log(
                self.tlp_prefix_log,
                ", ".join(filter(None, map(prefix_sentence, self.tlp_prefix_log))),
            )
        control = pcie.AerCapabilitiesAndControl(self.advanced_error_capabilities_and_control)
        if name == "header_log" and not control.logged_tlp_was_flit_mode:
            return _log(self.header_log, tlp_sentence(self.header_log))
        return None


def _log(words: Sequence[int], sentence: str) -> str | None:
    """The words of a log with what they say, if that is anything."""
    return f"{' '.join(f'{w:#010x}' for w in words)} ({sentence})" if sentence else None


class PcieErrorSection(Section):
    """PCI Express error section.

    Shape:   208 bytes, little-endian.
    Raises:  Truncated when fewer than 208 bytes are given.
    Source:  UEFI 2.10 N.2.7
    """

    guid: ClassVar[UUID] = UUID("d995e954-bbc1-430f-ad91-b44dcb3c6f35")
    title: ClassVar[str] = "PCIe error"
    json_key: ClassVar[str] = "Pcie"
    json_type: ClassVar[str] = "PCIe"
    since: ClassVar[str] = "UEFI 2.1"
    part: ClassVar[str] = "device"
    located: ClassVar[Mapping[str, str]] = {"device_id": "device"}

    validation_bits: Annotated[U64, PcieValid] = 0
    port_type: Annotated[
        capability.PortType, u32, When(PcieValid.PORT_TYPE), Json(shape=Pair(unknown="Unknown"))
    ] = capability.PortType.PCIE_ENDPOINT
    version: Annotated[PcieVersion, When(PcieValid.VERSION)] = PcieVersion()
    command: Annotated[
        U16,
        Hex,
        pcie.Command,
        When(PcieValid.COMMAND_STATUS),
        Json("commandStatus.commandRegister", NUMBER),
    ] = 0
    status: Annotated[
        U16,
        Hex,
        pcie.Status,
        When(PcieValid.COMMAND_STATUS),
        Json("commandStatus.statusRegister", NUMBER),
    ] = 0
    reserved: Annotated[U32, Hex] = 0
    device_id: Annotated[PcieDeviceId, When(PcieValid.DEVICE_ID)] = PcieDeviceId()
    device_serial_number: Annotated[
        DeviceSerialNumber, When(PcieValid.DEVICE_SERIAL_NUMBER), Json(shape=NUMBER)
    ] = DeviceSerialNumber()
    bridge_control_status: Annotated[BridgeControlStatus, When(PcieValid.BRIDGE_CONTROL_STATUS)] = (
        BridgeControlStatus()
    )
    capability_structure: Annotated[
        CapabilityStructure,
        When(PcieValid.CAPABILITY_STRUCTURE),
        Json(shape=Dump(), as_written=True),
    ] = CapabilityStructure()
    aer_information: Annotated[
        AerInformation,
        When(PcieValid.AER_INFO),
        Json("aerInfo", Dump(), as_written=True),
    ] = AerInformation()
    trailing: Rest = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        valid = int.from_bytes(data[:8], "little")
        return len(data) == cls.fixed_size and 0 < valid < PcieValid.AER_INFO << 1

    @property
    def what(self) -> str:
        errors = self._errors()
        return f"PCIe error: {errors}" if errors else "PCIe error"

    def sentence(self) -> str:
        what = self.what
        if self.is_valid("device_id"):
            device = self.device_id
            what += f" at {device.address} (vendor {device.vendor_id:#06x}, device {device.device_id:#06x})"
        if self.is_valid("port_type") and self.port_type.is_known:
            what += f", {self.port_type.text}"
        return what

    @property
    def severities(self) -> tuple[Severity, ...]:
        if not self.is_valid("aer_information"):
            return super().severities
        aer = self.aer_information
        if not aer.uncorrectable_error_status:
            return (Severity.CORRECTED,)
        is_fatal = aer.uncorrectable_error_status & aer.uncorrectable_error_severity
        return (Severity.FATAL if is_fatal else Severity.RECOVERABLE,)

    def at(self, place: "Place") -> Self:
        there = super().at(place)
        if not self.is_valid("port_type"):
            return there
        return there.replace(port_type=capability.PortType(place.device.port_type))

    @property
    def component(self) -> str:
        return f"PCIe {self.device_id.address}" if self.is_valid("device_id") else ""

    def _errors(self) -> str:
        if not self.is_valid("aer_information"):
            return ""
        aer = self.aer_information
        return ", ".join(
            flag_names(pcie.UncorrectableError, aer.uncorrectable_error_status)
            + flag_names(pcie.CorrectableError, aer.correctable_error_status)
        )
