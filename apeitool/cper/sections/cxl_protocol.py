"""CXL protocol error section."""

import enum
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.cxl_dvsec import CxlDvsec
from apeitool.cper.section import Section
from apeitool.cper.sections.pcie import CapabilityStructure, DeviceSerialNumber, SlotNumber
from apeitool.cper.severity import Severity
from apeitool.registers import cxl
from apeitool.registers.pci import class_name, vendor_text
from apeitool.wire.labels import Bits, Label, Word, flag_names
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.shapes import BASE64, NUMBER, Extent, Json, Members
from apeitool.wire.types import (
    AUTO,
    U16,
    U32,
    U64,
    Absent,
    Array,
    Bytes,
    Derived,
    Hex,
    Many,
    Named,
    One,
    Raw,
    Rest,
    Unit,
    When,
    u8,
    u32,
)

if TYPE_CHECKING:
    from apeitool.cper.place import Place


class CxlProtocolValid(enum.IntFlag):
    """Which parts of the section are facts."""

    AGENT_TYPE = 1 << 0
    AGENT_ADDRESS = 1 << 1
    DEVICE_ID = 1 << 2
    SERIAL_NUMBER = 1 << 3
    CAPABILITY_STRUCTURE = 1 << 4
    DVSEC = 1 << 5
    ERROR_LOG = 1 << 6


class AgentType(Label, json={0: "CXL 1.1 Device", 1: "CXL 1.1 Host Downstream Port"}):
    """Which kind of CXL agent reports."""

    RESTRICTED_CXL_DEVICE = 0
    RESTRICTED_CXL_HOST_DOWNSTREAM_PORT = 1
    CXL_DEVICE = 2
    CXL_LOGICAL_DEVICE = 3
    CXL_FABRIC_MANAGER_MANAGED_LOGICAL_DEVICE = 4
    CXL_ROOT_PORT = 5
    CXL_DOWNSTREAM_SWITCH_PORT = 6
    CXL_UPSTREAM_SWITCH_PORT = 7


class AgentAddress(Word):
    """Where the agent is: its PCI segment, bus, device and function."""

    function = Bits(0, 8, json=Json("functionNumber"))
    device = Bits(8, 8, json=Json("deviceNumber"))
    bus = Bits(16, 8, json=Json("busNumber"))
    segment = Bits(24, 16, json=Json("segmentNumber"))

    @property
    def text(self) -> str:
        """The address as Linux and lspci write it."""
        return f"{self.segment:04x}:{self.bus:02x}:{self.device:02x}.{self.function:x}"


class AgentBase(Word):
    """Where a restricted host's downstream port is: the base of its RCRB."""

    rcrb_base = Bits(0, 64, address=True, json=Json("value"))

    @property
    def text(self) -> str:
        """What the address is of."""
        return f"RCRB at {self.rcrb_base:#x}"


def _address_word(section: Any) -> type[Word] | None:
    """How the address is written, if a type that is a fact tells."""
    return _any_address_word(section) if section.has_valid(CxlProtocolValid.AGENT_TYPE) else None


def _any_address_word(section: Any) -> type[Word]:
    """The same whether the type is a fact or not, as libcper and Linux take it."""
    has_base = section.agent_type == AgentType.RESTRICTED_CXL_HOST_DOWNSTREAM_PORT
    return AgentBase if has_base else AgentAddress


class CxlDeviceId(Structure):
    """Which device it is.

    Shape:   16 bytes, little-endian.
    Source:  UEFI 2.10 N.2.13
    """

    vendor_id: Annotated[U16, Hex] = 0
    device_id: Annotated[U16, Hex] = 0
    subsystem_vendor_id: Annotated[U16, Hex] = 0
    subsystem_id: Annotated[U16, Hex, Json("subsystemDeviceID")] = 0
    class_code: Annotated[U16, Hex, "sub-class, class"] = 0
    slot_number: Annotated[U16, SlotNumber, Json(shape=Members(inline=True))] = 0
    reserved: Annotated[U32, Hex] = 0

    def shown(self, name: str) -> str | None:
        if name == "class_code":
            known = class_name(b"\0" + self.class_code.to_bytes(2, "little"))
            return f"{self.class_code:04x} ({known})" if known else None
        is_vendor = name in ("vendor_id", "subsystem_vendor_id")
        return vendor_text(getattr(self, name)) if is_vendor else None


class CxlRasCapability(Structure):
    """CXL RAS capability structure.

    Shape:   88 bytes, little-endian; what a producer leaves out is absent.
    Source:  CXL 3.1 8.2.4.17
    """

    uncorrectable_error_status: Annotated[U32, Hex, cxl.UncorrectableError] = 0
    uncorrectable_error_mask: Annotated[U32, Hex, cxl.UncorrectableError] = 0
    uncorrectable_error_severity: Annotated[
        U32, Hex, cxl.UncorrectableError, "a fatal error has its bit set"
    ] = 0
    correctable_error_status: Annotated[U32, Hex, cxl.CorrectableError] = 0
    correctable_error_mask: Annotated[U32, Hex, cxl.CorrectableError] = 0
    error_capabilities_and_control: Annotated[U32, Hex, cxl.ErrorCapabilitiesAndControl] = 0
    header_log: Annotated[Sequence[int], Array(u32, 16), Hex] = (0,) * 16
    absent: Annotated[int, Absent(0), Unit("bytes")] = 0
    rest: Rest = b""

    def errors(self) -> list[str]:
        """The names of the errors whose status is set."""
        return flag_names(cxl.UncorrectableError, self.uncorrectable_error_status) + flag_names(
            cxl.CorrectableError, self.correctable_error_status
        )


def _dvsec_length(section: Any) -> int:
    length: int = sum(d.size for d in section.dvsecs) + len(section.dvsec_rest)
    return length


class CxlProtocolErrorSection(Section):
    """CXL protocol error section.

    Shape:   116 bytes, little-endian; the DVSECs; the error log.
    Units:   lengths in bytes.
    Raises:  Truncated when fewer than 116 bytes are given.
    Source:  UEFI 2.10 N.2.13
    """

    part: ClassVar[str] = "expander"
    guid: ClassVar[UUID] = UUID("80b9efb4-52b5-4de3-a777-68784b771048")
    title: ClassVar[str] = "CXL protocol error"
    json_key: ClassVar[str] = "CxlProtocol"
    json_type: ClassVar[str] = "CXL Protocol Error"
    since: ClassVar[str] = "UEFI 2.9"

    validation_bits: Annotated[U64, CxlProtocolValid] = 0
    agent_type: Annotated[AgentType, u8, When(CxlProtocolValid.AGENT_TYPE)] = (
        AgentType.RESTRICTED_CXL_DEVICE
    )
    reserved: Annotated[bytes, Bytes(7)] = bytes(7)
    agent_address: Annotated[
        U64,
        Hex,
        Named(_address_word),
        When(CxlProtocolValid.AGENT_ADDRESS),
        Json("cxlAgentAddress", Members(by=_any_address_word)),
    ] = 0
    device_id: Annotated[CxlDeviceId, When(CxlProtocolValid.DEVICE_ID)] = CxlDeviceId()
    serial_number: Annotated[
        DeviceSerialNumber,
        When(CxlProtocolValid.SERIAL_NUMBER),
        Json("deviceSerial", NUMBER),
    ] = DeviceSerialNumber()
    capability_structure: Annotated[
        CapabilityStructure,
        When(CxlProtocolValid.CAPABILITY_STRUCTURE),
        Json(shape=BASE64),
    ] = CapabilityStructure()
    dvsec_length: Annotated[
        U16,
        Unit("bytes"),
        Derived(_dvsec_length),
        When(CxlProtocolValid.DVSEC),
        Json(marks=False),
    ] = AUTO
    error_log_length: Annotated[
        U16,
        Unit("bytes"),
        Derived(lambda s: s.error_log.size),
        When(CxlProtocolValid.ERROR_LOG),
        Json(marks=False),
    ] = AUTO
    reserved_2: Annotated[U32, Hex] = 0
    dvsecs: Annotated[
        Sequence[CxlDvsec],
        Many(CxlDvsec, length="dvsec_length"),
        When(CxlProtocolValid.DVSEC),
        Json("cxlDVSEC", Extent("error_log")),
    ] = ()
    dvsec_rest: Annotated[bytes, Raw(until=lambda s: HEADER_LENGTH + s.dvsec_length)] = b""
    error_log: Annotated[
        CxlRasCapability,
        One(lambda s, n: CxlRasCapability, length="error_log_length"),
        When(CxlProtocolValid.ERROR_LOG),
        Json("cxlErrorLog", Extent("trailing")),
    ] = CxlRasCapability()
    trailing: Rest = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        valid = int.from_bytes(data[:8], "little")
        lengths = int.from_bytes(data[108:110], "little") + int.from_bytes(data[110:112], "little")
        known = 0 < valid < CxlProtocolValid.ERROR_LOG << 1 and AgentType(data[8]).is_known
        return known and not any(data[9:16]) and len(data) == HEADER_LENGTH + lengths

    def shown(self, name: str) -> str | None:
        word = _address_word(self) if name == "agent_address" else None
        return word(self.agent_address).text if word is not None else None

    @property
    def what(self) -> str:
        errors = ", ".join(self.error_log.errors()) if self.is_valid("error_log") else ""
        return f"CXL protocol error: {errors}" if errors else "CXL protocol error"

    @property
    def component(self) -> str:
        if not self.is_valid("agent_address"):
            return ""
        return f"CXL {self.shown('agent_address') or hex(self.agent_address)}"

    @property
    def severities(self) -> tuple[Severity, ...]:
        log = self.error_log
        if not self.is_valid("error_log") or not log.errors():
            return super().severities
        if not log.uncorrectable_error_status:
            return (Severity.CORRECTED,)
        is_fatal = log.uncorrectable_error_status & log.uncorrectable_error_severity
        return (Severity.FATAL if is_fatal else Severity.RECOVERABLE,)

    def at(self, place: "Place") -> Self:
        device = place.expander
        said: dict[str, Any] = {}
        if self.is_valid("device_id"):
            # Of the class only base and sub-class have room here.
            said["device_id"] = self.device_id.replace(
                vendor_id=device.vendor_id,
                device_id=device.device_id,
                class_code=int.from_bytes(device.class_code[1:], "little"),
                slot_number=device.slot_number,
            )
        if self.is_valid("agent_address"):
            said["agent_address"] = (
                place.address
                if _address_word(self) is AgentBase
                else AgentAddress.compose(
                    function=device.function_number,
                    device=device.device_number,
                    bus=device.bus_number,
                    segment=device.segment_number,
                )
            )
        return self.replace(**said)

    def sentence(self) -> str:
        what = self.what
        if self.is_valid("agent_address"):
            what += f" at {self.shown('agent_address') or hex(self.agent_address)}"
        if self.is_valid("device_id"):
            device = self.device_id
            what += f" (vendor {device.vendor_id:#06x}, device {device.device_id:#06x})"
        if self.is_valid("agent_type") and self.agent_type.is_known:
            what += f", {self.agent_type.text}"
        return what

    def check(self) -> Iterator[Problem]:
        for name, there in (
            ("dvsec_length", _dvsec_length(self)),
            ("error_log_length", self.error_log.size),
        ):
            said = getattr(self, name)
            if said != there:
                rule = f"{said} bytes said, {there} are there"
                yield self.trouble(name.replace("_", "-"), name, rule)


HEADER_LENGTH = CxlProtocolErrorSection.fixed_size
