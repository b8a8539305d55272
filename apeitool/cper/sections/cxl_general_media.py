"""CXL general media event section."""

import enum
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.cxl_event import CxlMediaEventSection, ErrorCountFlags, MediaEventSubType
from apeitool.wire.labels import Label
from apeitool.wire.types import U8, U16, U24, Absent, Bytes, Hex, Rest, Unit, When, u8


class GeneralMediaValid(enum.IntFlag):
    """Which fields of the event are facts; the last is how the component is written."""

    CHANNEL = 1 << 0
    RANK = 1 << 1
    DEVICE = 1 << 2
    COMPONENT_IDENTIFIER = 1 << 3
    COMPONENT_IDENTIFIER_FORMAT = 1 << 4


class GeneralMediaEventType(Label):
    """What happened to the media."""

    MEDIA_ECC_ERROR = 0
    INVALID_ADDRESS = 1
    DATA_PATH_ERROR = 2
    TE_STATE_VIOLATION = 3
    SCRUB_MEDIA_ECC_ERROR = 4
    ADVANCED_PROGRAMMABLE_CORRECTED_ERROR_COUNTER_EXPIRATION = 5
    CKID_VIOLATION = 6


class CxlGeneralMediaEventSection(CxlMediaEventSection):
    """CXL general media event section.

    Shape:   144 bytes, little-endian; at least the header, 32.
    Units:   the address counts bytes of the device's own memory.
    Raises:  Truncated when fewer than 32 bytes are given.
    Source:  UEFI 2.10 N.2.14; CXL 3.2 8.2.10.2.1.1
    """

    guid: ClassVar[UUID] = UUID("fbcd0a77-c260-417f-85a9-088b1621eba6")
    aliases: ClassVar[tuple[UUID, ...]] = (UUID("770acdfb-60c2-7f41-85a9-088b1621eba6"),)
    title: ClassVar[str] = "CXL general media event"
    json_key: ClassVar[str] = "CxlComponent"
    json_type: ClassVar[str] = "CXL General Media Component Error"
    places: ClassVar[tuple[str, ...]] = ("channel", "rank", "device", "component_identifier")
    pldm: ClassVar[enum.IntFlag] = GeneralMediaValid.COMPONENT_IDENTIFIER_FORMAT

    type: Annotated[GeneralMediaEventType, u8] = GeneralMediaEventType.MEDIA_ECC_ERROR
    validity_flags: Annotated[U16, GeneralMediaValid] = 0
    channel: Annotated[U8, When(GeneralMediaValid.CHANNEL)] = 0
    rank: Annotated[U8, When(GeneralMediaValid.RANK)] = 0
    device: Annotated[U24, Hex, "a bit a device", When(GeneralMediaValid.DEVICE)] = 0
    component_identifier: Annotated[
        bytes, Bytes(16), When(GeneralMediaValid.COMPONENT_IDENTIFIER)
    ] = bytes(16)
    corrected_error_flags: Annotated[U8, ErrorCountFlags] = 0
    corrected_error_count: U24 = 0
    sub_type: Annotated[MediaEventSubType, u8] = MediaEventSubType.NOT_REPORTED
    reserved: Annotated[bytes, Bytes(41)] = bytes(41)
    absent: Annotated[int, Absent(32), Unit("bytes")] = 0
    trailing: Rest = b""
