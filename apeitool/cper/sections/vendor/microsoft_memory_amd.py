"""Microsoft memory error extension section of AMD processors."""

import enum
from collections.abc import Mapping
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.vendor.microsoft_memory_flags import AddressTranslation, translation
from apeitool.wire.types import U8, U16, U32, U64, Address, Bytes, Hex, Rest, When


class AmdMemoryValid(enum.IntFlag):
    """Which fields of the section are facts."""

    SYSTEM_PHYSICAL_ADDRESS = 1 << 0
    NORMALIZED_ADDRESS = 1 << 1
    UMC_BANK_INSTANCE_ID = 1 << 2
    SOCKET_NUMBER = 1 << 3
    CHIP_SELECT = 1 << 4
    BANK_GROUP = 1 << 5
    BANK_ADDRESS = 1 << 6
    ROW_ADDRESS = 1 << 7
    COLUMN_ADDRESS = 1 << 8
    RANK_MULTIPLIER = 1 << 9
    SUB_CHANNEL = 1 << 10
    CHANNEL_ID = 1 << 11


class MicrosoftAmdMemorySection(Section):
    """Microsoft memory error extension section, of AMD processors.

    Shape:   133 bytes, little-endian.
    Raises:  Truncated when fewer than 133 bytes are given.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_MEMORY_ERROR_EXT_SECTION_AMD
    """

    part: ClassVar[str] = "dimm"
    located: ClassVar[Mapping[str, str]] = {
        "system_physical_address": "address",
        "socket_number": "dimm.node",
        "channel_id": "dimm.card",
        "chip_select": "dimm.module",
        "bank_group": "bank_group",
        "bank_address": "bank",
        "row_address": "row",
        "column_address": "column",
    }
    guid: ClassVar[UUID] = UUID("0d3a4a3b-774a-4c72-95e2-152d43180374")
    title: ClassVar[str] = "memory error, where AMD's memory controller puts it"

    flags: Annotated[U64, AddressTranslation] = 0
    validation_bits: Annotated[U64, AmdMemoryValid] = 0
    system_physical_address: Annotated[Address, When(AmdMemoryValid.SYSTEM_PHYSICAL_ADDRESS)] = 0
    normalized_address: Annotated[Address, When(AmdMemoryValid.NORMALIZED_ADDRESS)] = 0
    umc_bank_instance_id: Annotated[U64, Hex, When(AmdMemoryValid.UMC_BANK_INSTANCE_ID)] = 0
    socket_number: Annotated[U8, When(AmdMemoryValid.SOCKET_NUMBER)] = 0
    chip_select: Annotated[U8, When(AmdMemoryValid.CHIP_SELECT)] = 0
    bank_group: Annotated[U8, When(AmdMemoryValid.BANK_GROUP)] = 0
    bank_address: Annotated[U8, When(AmdMemoryValid.BANK_ADDRESS)] = 0
    row_address: Annotated[U32, When(AmdMemoryValid.ROW_ADDRESS)] = 0
    column_address: Annotated[U16, When(AmdMemoryValid.COLUMN_ADDRESS)] = 0
    rank_multiplier: Annotated[U8, When(AmdMemoryValid.RANK_MULTIPLIER)] = 0
    sub_channel: Annotated[U8, When(AmdMemoryValid.SUB_CHANNEL)] = 0
    channel_id: Annotated[U8, When(AmdMemoryValid.CHANNEL_ID)] = 0
    reserved: Annotated[bytes, Bytes(80)] = bytes(80)
    trailing: Rest = b""

    @property
    def physical_addresses(self) -> tuple[int, ...]:
        is_fact = self.is_valid("system_physical_address")
        return (self.system_physical_address,) if is_fact else ()

    @property
    def what(self) -> str:
        return "memory error"

    @property
    def component(self) -> str:
        places = (("socket", "socket_number"), ("channel", "channel_id"))
        return self.where(*places, ("chip select", "chip_select"))

    def sentence(self) -> str:
        what = "memory error"
        for address in self.physical_addresses:
            what += f" at physical address {address:#x}"
        places = (
            ("socket", "socket_number"),
            ("channel", "channel_id"),
            ("chip select", "chip_select"),
            ("bank group", "bank_group"),
            ("bank", "bank_address"),
            ("row", "row_address"),
            ("column", "column_address"),
        )
        where = [f"{name} {getattr(self, field)}" for name, field in places if self.is_valid(field)]
        return f"{what}{', ' if where else ''}{', '.join(where)}{translation(self.flags)}"
