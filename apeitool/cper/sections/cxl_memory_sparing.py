"""CXL memory sparing event section."""

import enum
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.cxl_event import CxlEventSection, MaintenanceOperation, component_text
from apeitool.wire.labels import Label
from apeitool.wire.types import U8, U16, U24, Absent, Bytes, Hex, Rest, Unit, When, u8


class SparingFlags(enum.IntFlag):
    """What the sparing was."""

    QUERY_RESOURCES = 1 << 0
    HARD_SPARING = 1 << 1
    DEVICE_INITIATED = 1 << 2


class SparingResult(Label):
    """How the sparing ended."""

    SUCCESS = 0
    INSUFFICIENT_RESOURCES = 1
    GENERAL_FAILURE = 0xFF


class SparingValid(enum.IntFlag):
    """Which fields of the event are facts; one is how the component is written."""

    CHANNEL = 1 << 0
    RANK = 1 << 1
    NIBBLE_MASK = 1 << 2
    BANK_GROUP = 1 << 3
    BANK = 1 << 4
    ROW = 1 << 5
    COLUMN = 1 << 6
    COMPONENT_IDENTIFIER = 1 << 7
    COMPONENT_IDENTIFIER_FORMAT = 1 << 8
    SUB_CHANNEL = 1 << 9


class CxlMemorySparingEventSection(CxlEventSection):
    """CXL memory sparing event section.

    Shape:   144 bytes, little-endian; at least the header, 32.
    Raises:  Truncated when fewer than 32 bytes are given.
    Source:  UEFI 2.10 N.2.14; CXL 3.2 8.2.10.2.1.4
    """

    guid: ClassVar[UUID] = UUID("e71f3a40-2d29-4092-8a39-4d1c966c7c65")
    aliases: ClassVar[tuple[UUID, ...]] = (UUID("403a1fe7-292d-9240-8a39-4d1c966c7c65"),)
    title: ClassVar[str] = "CXL memory sparing event"
    since: ClassVar[str] = "CXL 3.1"

    operation: Annotated[MaintenanceOperation, u8] = MaintenanceOperation.NONE
    operation_subclass: U8 = 0
    flags: Annotated[U8, SparingFlags] = 0
    result: Annotated[SparingResult, u8] = SparingResult.SUCCESS
    validity_flags: Annotated[U16, SparingValid] = 0
    reserved: Annotated[bytes, Bytes(6)] = bytes(6)
    spare_resources: Annotated[U16, "that are left"] = 0
    channel: Annotated[U8, When(SparingValid.CHANNEL)] = 0
    rank: Annotated[U8, When(SparingValid.RANK)] = 0
    nibble_mask: Annotated[U24, Hex, When(SparingValid.NIBBLE_MASK)] = 0
    bank_group: Annotated[U8, When(SparingValid.BANK_GROUP)] = 0
    bank: Annotated[U8, When(SparingValid.BANK)] = 0
    row: Annotated[U24, When(SparingValid.ROW)] = 0
    column: Annotated[U16, When(SparingValid.COLUMN)] = 0
    component_identifier: Annotated[bytes, Bytes(16), When(SparingValid.COMPONENT_IDENTIFIER)] = (
        bytes(16)
    )
    sub_channel: Annotated[U8, When(SparingValid.SUB_CHANNEL)] = 0
    reserved_2: Annotated[bytes, Bytes(37)] = bytes(37)
    absent: Annotated[int, Absent(32), Unit("bytes")] = 0
    trailing: Rest = b""

    def shown(self, name: str) -> str | None:
        is_pldm = self.has_valid(SparingValid.COMPONENT_IDENTIFIER_FORMAT)
        if name == "component_identifier":
            return component_text(self.component_identifier, is_pldm=is_pldm)
        return f"{self.nibble_mask:#x}" if name == "nibble_mask" else None

    @property
    def happened(self) -> str:
        return self.told().partition(" (")[0]

    def told(self) -> str:
        if not self.is_valid("spare_resources"):
            return ""
        what = (
            "query of spare resources" if self.flags & SparingFlags.QUERY_RESOURCES else "sparing"
        )
        where = self.named(
            "channel", "sub_channel", "rank", "nibble_mask", "bank_group", "bank", "row", "column",
            "component_identifier",
        )  # fmt: skip
        return f"{what}: {self.result.text}" + (f" ({where})" if where else "")
