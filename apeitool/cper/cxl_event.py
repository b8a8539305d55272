"""What the sections of CXL component events share: their header, and that of the event record."""

import enum
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from apeitool.cper.section import Section
from apeitool.cper.sections.pcie import DeviceSerialNumber, SlotNumber
from apeitool.cper.severity import Severity
from apeitool.registers.pci import vendor_text
from apeitool.wire.labels import Bits, Label, Word, flag_names
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.shapes import NUMBER, Extent, Json, Members
from apeitool.wire.types import (
    AUTO,
    U8,
    U16,
    U24,
    U32,
    U64,
    Bytes,
    Derived,
    Hex,
    Unit,
    When,
    u8,
)


class CxlEventValid(enum.IntFlag):
    """Which parts of the section are facts."""

    DEVICE_ID = 1 << 0
    SERIAL_NUMBER = 1 << 1
    EVENT_LOG = 1 << 2


class CxlEventDeviceId(Structure):
    """Which device it is.

    Shape:   12 bytes, little-endian.
    Source:  UEFI 2.10 N.2.14
    """

    vendor_id: Annotated[U16, Hex] = 0
    device_id: Annotated[U16, Hex] = 0
    function_number: U8 = 0
    device_number: U8 = 0
    bus_number: Annotated[U8, Hex] = 0
    segment_number: Annotated[U16, Hex] = 0
    slot_number: Annotated[U16, SlotNumber, Json(shape=Members(inline=True))] = 0
    reserved: Annotated[U8, Hex] = 0

    @property
    def address(self) -> str:
        """Segment, bus, device and function as Linux and lspci write them."""
        return (
            f"{self.segment_number:04x}:{self.bus_number:02x}:"
            f"{self.device_number:02x}.{self.function_number:x}"
        )

    def shown(self, name: str) -> str | None:
        return vendor_text(self.vendor_id) if name == "vendor_id" else None


class EventSeverity(Label):
    """Severity of an event; also the log of the device that it is in."""

    INFORMATIONAL = 0
    WARNING = 1
    FAILURE = 2
    FATAL = 3


class EventFlags(Word):
    """Event record flags."""

    severity = Bits(0, 2, EventSeverity)
    permanent_condition = Bits(2)
    maintenance_needed = Bits(3)
    performance_degraded = Bits(4)
    hardware_replacement_needed = Bits(5)
    maintenance_operation_subclass_valid = Bits(6)
    logical_device_id_valid = Bits(7)
    head_id_valid = Bits(8)


_SECOND = 1_000_000_000


class EventTimestamp(Word):
    """Nanoseconds since the start of 1970, UTC; 0 where the device does not know the time."""

    nanoseconds = Bits(0, 64)

    @property
    def text(self) -> str:
        """The moment."""
        moment = self.moment
        if moment is None:
            return "not known"
        return f"{moment:%Y-%m-%d %H:%M:%S}.{int(self) % _SECOND:09} UTC"

    @property
    def moment(self) -> datetime | None:
        """The moment, to the second; None where the device does not know it."""
        return datetime.fromtimestamp(int(self) // _SECOND, UTC) if self else None


class MaintenanceOperation(Label):
    """What the device asks to be done; 0xE0 and above are the vendor's."""

    NONE = 0
    POST_PACKAGE_REPAIR = 1
    MEMORY_SPARING = 2


_SUBCLASSES = {
    (1, 0): "soft",
    (1, 1): "hard",
    (2, 0): "cacheline",
    (2, 1): "row",
    (2, 2): "bank",
    (2, 3): "rank",
}

_GOVERNED = {
    "maintenance_operation_subclass": "maintenance_operation_subclass_valid",
    "logical_device_id": "logical_device_id_valid",
    "head_id": "head_id_valid",
}
"""Fields that a flag governs, and its name."""


class CxlEventHeader(Structure):
    """Common event record, without the UUID that begins it: that is the section's type.

    Shape:   32 bytes, little-endian.
    Units:   length in bytes, the UUID included.
    Source:  CXL 3.2 8.2.10.2.1
    """

    length: Annotated[U8, Unit("bytes")] = 128
    flags: Annotated[U24, Hex, EventFlags] = 0
    handle: Annotated[U16, Hex] = 0
    related_handle: Annotated[U16, Hex, "0 if none is related"] = 0
    timestamp: Annotated[U64, EventTimestamp] = 0
    maintenance_operation: Annotated[MaintenanceOperation, u8] = MaintenanceOperation.NONE
    maintenance_operation_subclass: U8 = 0
    logical_device_id: Annotated[U16, Hex] = 0
    head_id: U8 = 0
    reserved: Annotated[bytes, Bytes(11)] = bytes(11)

    @property
    def severity(self) -> EventSeverity:
        """How bad it is."""
        return EventSeverity(EventFlags(self.flags).severity)

    def is_valid(self, name: str) -> bool:
        flag = _GOVERNED.get(name)
        return super().is_valid(name) and bool(
            flag is None or getattr(EventFlags(self.flags), flag)
        )

    def shown(self, name: str) -> str | None:
        if name != "maintenance_operation_subclass":
            return None
        number = self.maintenance_operation_subclass
        known = _SUBCLASSES.get((int(self.maintenance_operation), number))
        return f"{known} ({number})" if known else None


_SEVERITIES = {
    EventSeverity.INFORMATIONAL: (Severity.INFORMATIONAL, Severity.CORRECTED),
    EventSeverity.WARNING: (Severity.CORRECTED,),
    EventSeverity.FAILURE: (Severity.RECOVERABLE,),
    EventSeverity.FATAL: (Severity.FATAL,),
}
"""How bad events are for the machine; severities of firmware and of devices differ."""

_OF_SECTION = ("length", "validation_bits", "device_id", "serial_number", "absent", "trailing")
"""Fields that are not the event's."""


class CxlEventSection(Section):
    """CXL component event section: the headers that all of them begin with.

    Units:   length in bytes.
    Source:  UEFI 2.10 N.2.14
    """

    since: ClassVar[str] = "UEFI 2.9"
    part: ClassVar[str] = "expander"
    located: ClassVar[Mapping[str, str]] = {
        "device_id": "expander",
        "physical_address": "offset",
        "rank": "rank",
        "bank": "bank",
        "bank_group": "bank_group",
        "row": "row",
        "column": "column",
    }

    length: Annotated[U32, Unit("bytes"), Derived(lambda s: s.size)] = AUTO
    validation_bits: Annotated[U64, CxlEventValid] = 0
    device_id: Annotated[CxlEventDeviceId, When(CxlEventValid.DEVICE_ID)] = CxlEventDeviceId()
    serial_number: Annotated[
        DeviceSerialNumber,
        When(CxlEventValid.SERIAL_NUMBER),
        Json("deviceSerial", NUMBER),
    ] = DeviceSerialNumber()
    event_header: Annotated[
        CxlEventHeader,
        When(CxlEventValid.EVENT_LOG),
        Json("cxlComponentEventLog.data", Extent()),
    ] = CxlEventHeader()

    def is_valid(self, name: str) -> bool:
        there = bool(self.validation_bits & CxlEventValid.EVENT_LOG)
        return super().is_valid(name) and (there or name in _OF_SECTION)

    @property
    def what(self) -> str:
        happened = self.happened
        return f"{self.title}: {happened}" if happened else self.title

    @property
    def happened(self) -> str:
        """What kind of event it was; "" where the section has no event."""
        kind = self.fact("type")
        return "" if kind is None else str(getattr(kind, "text", kind))

    @property
    def component(self) -> str:
        if self.is_valid("device_id"):
            return f"CXL {self.device_id.address}"
        return f"CXL serial {self.serial_number.brief}" if self.is_valid("serial_number") else ""

    @property
    def severities(self) -> tuple[Severity, ...]:
        if not self.is_valid("event_header"):
            return super().severities
        return _SEVERITIES[self.event_header.severity]

    @property
    def moment(self) -> datetime | None:
        stamp = EventTimestamp(self.event_header.timestamp)
        return stamp.moment if self.is_valid("event_header") else None

    def sentence(self) -> str:
        what = self.title
        if self.is_valid("event_header"):
            told = self.told()
            what += f" ({self.event_header.severity.text})" + (f": {told}" if told else "")
        if self.is_valid("device_id"):
            what += f", in {self.device_id.address}"
        return what

    def told(self) -> str:
        """What the event tells beside its severity."""
        return ""

    def named(self, *names: str) -> str:
        """Those of these fields that are facts, with their names."""
        return ", ".join(self._named(names))

    def _named(self, names: tuple[str, ...]) -> Iterator[str]:
        for name in names:
            if self.is_valid(name):
                value = getattr(self, name)
                plain = value.hex() if isinstance(value, bytes) else value
                yield f"{name.replace('_', ' ')} {self.shown(name) or plain}"

    def check(self) -> Iterator[Problem]:
        if self.length != self.size:
            rule = f"{self.length} bytes said, {self.size} are there"
            yield self.trouble("section-length", "length", rule)


class DeviceAddress(Word):
    """Physical address in a device's own memory; what its low bits say of it."""

    volatile = Bits(0)
    not_repairable = Bits(1)
    device_physical_address = Bits(6, 58, address=True)


class EventDescriptor(enum.IntFlag):
    """Memory event descriptor."""

    UNCORRECTABLE_EVENT = 1 << 0
    THRESHOLD_EVENT = 1 << 1
    POISON_LIST_OVERFLOW_EVENT = 1 << 2


class TransactionType(Label):
    """Which access met the error."""

    UNKNOWN = 0
    HOST_READ = 1
    HOST_WRITE = 2
    HOST_SCAN_MEDIA = 3
    HOST_INJECT_POISON = 4
    INTERNAL_MEDIA_SCRUB = 5
    INTERNAL_MEDIA_MANAGEMENT = 6
    INTERNAL_MEDIA_ERROR_CHECK_SCRUB = 7
    MEDIA_INITIALIZATION = 8


class ErrorCountFlags(enum.IntFlag):
    """How corrected errors were counted."""

    MULTIPLE_MEDIA_COMPONENTS = 1 << 0
    THRESHOLD_EXCEEDED = 1 << 1


class MediaEventSubType(Label):
    """What part of the data path it was."""

    NOT_REPORTED = 0
    INTERNAL_DATAPATH_ERROR = 1
    MEDIA_LINK_COMMAND_TRAINING_ERROR = 2
    MEDIA_LINK_CONTROL_TRAINING_ERROR = 3
    MEDIA_LINK_DATA_TRAINING_ERROR = 4
    MEDIA_LINK_CRC_ERROR = 5


class CxlMediaEventSection(CxlEventSection):
    """CXL event of media: general media and DRAM events begin alike.

    Source:  CXL 3.2 8.2.10.2.1
    """

    places: ClassVar[tuple[str, ...]] = ()
    """Fields that tell where it was."""

    pldm: ClassVar[enum.IntFlag] = EventDescriptor(0)
    """The flag that says how the component identifier is written."""

    physical_address: Annotated[U64, Hex, DeviceAddress, "in the device"] = 0
    descriptor: Annotated[U8, EventDescriptor] = 0
    type: U8 = 0
    transaction_type: Annotated[TransactionType, u8] = TransactionType.UNKNOWN

    def is_valid(self, name: str) -> bool:
        counted = self.descriptor & EventDescriptor.THRESHOLD_EVENT
        return super().is_valid(name) and bool(counted or not name.startswith("corrected_error"))

    def shown(self, name: str) -> str | None:
        if name == "component_identifier":
            return component_text(getattr(self, name), is_pldm=self.has_valid(self.pldm))
        return f"{getattr(self, name):#x}" if name in ("device", "nibble_mask") else None

    @property
    def severities(self) -> tuple[Severity, ...]:
        found = super().severities
        is_bad = (self.fact("descriptor") or 0) & EventDescriptor.UNCORRECTABLE_EVENT
        uncorrected = (Severity.RECOVERABLE, Severity.FATAL)
        return tuple(s for s in found if s in uncorrected) or uncorrected if is_bad else found

    def told(self) -> str:
        if not self.is_valid("transaction_type"):
            return ""
        kinds = flag_names(EventDescriptor, self.descriptor)
        what = ", ".join([self.happened, *kinds, f"transaction: {self.transaction_type.text}"])
        address = DeviceAddress(self.physical_address).device_physical_address << 6
        where = self.named(*self.places)
        return f"{what}, at device address {address:#x}" + (f" ({where})" if where else "")


def component_text(identifier: bytes, *, is_pldm: bool) -> str | None:
    """A component identifier in the form of PLDM; None if it is in the vendor's own."""
    if not is_pldm:
        return None
    parts = []
    if identifier[0] & 1:
        parts.append(f"PLDM entity {identifier[1:7].hex(' ')}")
    if identifier[0] & 2:
        parts.append(f"resource {int.from_bytes(identifier[7:11], 'little'):#010x}")
    return ", ".join(parts) or "none"
