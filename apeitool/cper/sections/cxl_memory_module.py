"""CXL memory module event section."""

import enum
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.cxl_event import CxlEventSection, component_text
from apeitool.wire.labels import Bits, Label, Word, flag_names
from apeitool.wire.types import U8, U16, U32, Absent, Bytes, Hex, Rest, Unit, When, u8


class CxlModuleValid(enum.IntFlag):
    """Which fields of the event are facts; the last is how the component is written."""

    COMPONENT_IDENTIFIER = 1 << 0
    COMPONENT_IDENTIFIER_FORMAT = 1 << 1


class ModuleEventType(Label):
    """What happened to the module."""

    HEALTH_STATUS_CHANGE = 0
    MEDIA_STATUS_CHANGE = 1
    LIFE_USED_CHANGE = 2
    TEMPERATURE_CHANGE = 3
    DATA_PATH_ERROR = 4
    LSA_ERROR = 5
    UNRECOVERABLE_INTERNAL_SIDEBAND_BUS_ERROR = 6
    MEMORY_MEDIA_FRU_ERROR = 7
    POWER_MANAGEMENT_FAULT = 8


class HealthStatus(enum.IntFlag):
    """What the module needs."""

    MAINTENANCE_NEEDED = 1 << 0
    PERFORMANCE_DEGRADED = 1 << 1
    HARDWARE_REPLACEMENT_NEEDED = 1 << 2
    MEMORY_CAPACITY_DEGRADED = 1 << 3


class MediaStatus(Label):
    """What becomes of the data on the module."""

    NORMAL = 0
    NOT_READY = 1
    WRITE_PERSISTENCY_LOST = 2
    ALL_DATA_LOST = 3
    WRITE_PERSISTENCY_LOSS_IN_THE_EVENT_OF_POWER_LOSS = 4
    WRITE_PERSISTENCY_LOSS_IN_THE_EVENT_OF_SHUTDOWN = 5
    WRITE_PERSISTENCY_LOSS_IMMINENT = 6
    ALL_DATA_LOSS_IN_THE_EVENT_OF_POWER_LOSS = 7
    ALL_DATA_LOSS_IN_THE_EVENT_OF_SHUTDOWN = 8
    ALL_DATA_LOSS_IMMINENT = 9


class Level(Label):
    """How far a value has gone."""

    NORMAL = 0
    WARNING = 1
    CRITICAL = 2


class CountLevel(Label):
    """Whether a count has gone too far."""

    NORMAL = 0
    WARNING = 1


class AdditionalStatus(Word):
    """How far the values beside it have gone."""

    life_used = Bits(0, 2, Level)
    device_temperature = Bits(2, 2, Level)
    corrected_volatile_error_count = Bits(4, 1, CountLevel)
    corrected_persistent_error_count = Bits(5, 1, CountLevel)


class Temperature(Word):
    """A temperature that may be below zero."""

    celsius = Bits(0, 16)

    @property
    def text(self) -> str:
        """The degrees with their sign."""
        return f"{self - (self >> 15 << 16)} degrees Celsius"


class ModuleEventSubType(Label):
    """What was wrong with the module."""

    NOT_REPORTED = 0
    INVALID_CONFIG_DATA = 1
    UNSUPPORTED_CONFIG_DATA = 2
    UNSUPPORTED_MEMORY_MEDIA_FRU = 3


class CxlMemoryModuleEventSection(CxlEventSection):
    """CXL memory module event section.

    Shape:   144 bytes, little-endian; at least the header, 32.
    Units:   temperature in degrees Celsius, life used in percent.
    Raises:  Truncated when fewer than 32 bytes are given.
    Source:  UEFI 2.10 N.2.14; CXL 3.2 8.2.10.2.1.3
    """

    guid: ClassVar[UUID] = UUID("fe927475-dd59-4339-a586-79bab113b774")
    aliases: ClassVar[tuple[UUID, ...]] = (UUID("757492fe-59dd-3943-a586-79bab113b774"),)
    title: ClassVar[str] = "CXL memory module event"
    json_key: ClassVar[str] = "CxlComponent"
    json_type: ClassVar[str] = "CXL Memory Module Component Error"

    type: Annotated[ModuleEventType, u8] = ModuleEventType.HEALTH_STATUS_CHANGE
    health_status: Annotated[U8, HealthStatus] = 0
    media_status: Annotated[MediaStatus, u8] = MediaStatus.NORMAL
    additional_status: Annotated[U8, Hex, AdditionalStatus] = 0
    life_used: Annotated[U8, Unit("%")] = 0
    device_temperature: Annotated[U16, Temperature] = 0
    dirty_shutdown_count: U32 = 0
    corrected_volatile_error_count: U32 = 0
    corrected_persistent_error_count: U32 = 0
    validity_flags: Annotated[U16, CxlModuleValid] = 0
    component_identifier: Annotated[bytes, Bytes(16), When(CxlModuleValid.COMPONENT_IDENTIFIER)] = (
        bytes(16)
    )
    sub_type: Annotated[ModuleEventSubType, u8] = ModuleEventSubType.NOT_REPORTED
    reserved: Annotated[bytes, Bytes(42)] = bytes(42)
    absent: Annotated[int, Absent(32), Unit("bytes")] = 0
    trailing: Rest = b""

    def shown(self, name: str) -> str | None:
        if name != "component_identifier":
            return None
        is_pldm = self.has_valid(CxlModuleValid.COMPONENT_IDENTIFIER_FORMAT)
        return component_text(self.component_identifier, is_pldm=is_pldm)

    def told(self) -> str:
        if not self.is_valid("corrected_persistent_error_count"):
            return ""
        parts = [self.type.text, *flag_names(HealthStatus, self.health_status)]
        if self.media_status != MediaStatus.NORMAL:
            parts.append(f"media: {self.media_status.text}")
        parts.append(f"{self.life_used} % of its life used")
        parts.append(Temperature(self.device_temperature).text)
        return ", ".join([*parts, *filter(None, [self.named("component_identifier")])])
