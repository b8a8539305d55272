"""CXL DRAM event section."""

import enum
from collections.abc import Sequence
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.cxl_event import CxlMediaEventSection, ErrorCountFlags, MediaEventSubType
from apeitool.wire.labels import Label
from apeitool.wire.types import (
    U8,
    U16,
    U24,
    Absent,
    Array,
    Bytes,
    Hex,
    Rest,
    Unit,
    When,
    u8,
    u64,
)


class CxlDramValid(enum.IntFlag):
    """Which fields of the event are facts; one is how the component is written."""

    CHANNEL = 1 << 0
    RANK = 1 << 1
    NIBBLE_MASK = 1 << 2
    BANK_GROUP = 1 << 3
    BANK = 1 << 4
    ROW = 1 << 5
    COLUMN = 1 << 6
    CORRECTION_MASK = 1 << 7
    COMPONENT_IDENTIFIER = 1 << 8
    COMPONENT_IDENTIFIER_FORMAT = 1 << 9
    SUB_CHANNEL = 1 << 10


class DramEventType(Label):
    """What happened to the memory."""

    MEDIA_ECC_ERROR = 0
    SCRUB_MEDIA_ECC_ERROR = 1
    INVALID_ADDRESS = 2
    DATA_PATH_ERROR = 3
    TE_STATE_VIOLATION = 4
    ADVANCED_PROGRAMMABLE_CORRECTED_ERROR_COUNTER_EXPIRATION = 5
    CKID_VIOLATION = 6


_PLACE = (
    "channel", "sub_channel", "rank", "nibble_mask", "bank_group", "bank", "row", "column",
    "component_identifier",
)  # fmt: skip


class CxlDramEventSection(CxlMediaEventSection):
    """CXL DRAM event section.

    Shape:   144 bytes, little-endian; at least the header, 32.
    Units:   the address counts bytes of the device's own memory.
    Raises:  Truncated when fewer than 32 bytes are given.
    Source:  UEFI 2.10 N.2.14; CXL 3.2 8.2.10.2.1.2
    """

    guid: ClassVar[UUID] = UUID("601dcbb3-9c06-4eab-b8af-4e9bfb5c9624")
    aliases: ClassVar[tuple[UUID, ...]] = (UUID("b3cb1d60-069c-ab4e-b8af-4e9bfb5c9624"),)
    title: ClassVar[str] = "CXL DRAM event"
    json_key: ClassVar[str] = "CxlComponent"
    json_type: ClassVar[str] = "CXL DRAM Component Error"
    places: ClassVar[tuple[str, ...]] = _PLACE
    pldm: ClassVar[enum.IntFlag] = CxlDramValid.COMPONENT_IDENTIFIER_FORMAT

    type: Annotated[DramEventType, u8] = DramEventType.MEDIA_ECC_ERROR
    validity_flags: Annotated[U16, CxlDramValid] = 0
    channel: Annotated[U8, When(CxlDramValid.CHANNEL)] = 0
    rank: Annotated[U8, When(CxlDramValid.RANK)] = 0
    nibble_mask: Annotated[U24, Hex, When(CxlDramValid.NIBBLE_MASK)] = 0
    bank_group: Annotated[U8, When(CxlDramValid.BANK_GROUP)] = 0
    bank: Annotated[U8, When(CxlDramValid.BANK)] = 0
    row: Annotated[U24, When(CxlDramValid.ROW)] = 0
    column: Annotated[U16, When(CxlDramValid.COLUMN)] = 0
    correction_mask: Annotated[
        Sequence[int], Array(u64, 4), Hex, When(CxlDramValid.CORRECTION_MASK)
    ] = (0, 0, 0, 0)
    component_identifier: Annotated[bytes, Bytes(16), When(CxlDramValid.COMPONENT_IDENTIFIER)] = (
        bytes(16)
    )
    sub_channel: Annotated[U8, When(CxlDramValid.SUB_CHANNEL)] = 0
    corrected_error_flags: Annotated[U8, ErrorCountFlags] = 0
    corrected_error_count: U24 = 0
    sub_type: Annotated[MediaEventSubType, u8] = MediaEventSubType.NOT_REPORTED
    reserved: Annotated[U8, Hex] = 0
    absent: Annotated[int, Absent(32), Unit("bytes")] = 0
    trailing: Rest = b""
