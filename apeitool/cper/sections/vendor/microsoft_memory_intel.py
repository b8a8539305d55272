"""Microsoft memory error extension section of Intel processors."""

import enum
from collections.abc import Mapping
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.vendor.microsoft_memory_flags import AddressTranslation, translation
from apeitool.wire.labels import Label
from apeitool.wire.types import U8, U32, U64, Address, Bytes, Rest, Usual, When, u32


class MemoryDefinition(Label):
    """What kind of memory it is."""

    UNDEFINED = 0
    FAR_MEMORY = 1
    NEAR_MEMORY = 2
    HIGH_BANDWIDTH_MEMORY = 3


class IntelMemoryValid(enum.IntFlag):
    """Which fields of the section are facts."""

    MEMORY_DEFINITION = 1 << 0
    SYSTEM_ADDRESS = 1 << 1
    SPARE_SYSTEM_ADDRESS = 1 << 2
    DEVICE_PHYSICAL_ADDRESS = 1 << 3
    CHANNEL_ADDRESS = 1 << 4
    RANK_ADDRESS = 1 << 5
    PROCESSOR_SOCKET_ID = 1 << 6
    MEMORY_CONTROLLER_ID = 1 << 7
    TARGET_ID = 1 << 8
    LOGICAL_CHANNEL_ID = 1 << 9
    CHANNEL_ID = 1 << 10
    SUB_CHANNEL_ID = 1 << 11
    PHYSICAL_RANK_ID = 1 << 12
    DIMM_SLOT_ID = 1 << 13
    DIMM_RANK_ID = 1 << 14
    BANK = 1 << 15
    BANK_GROUP = 1 << 16
    ROW = 1 << 17
    COLUMN = 1 << 18
    LOCK_STEP_RANK = 1 << 19
    LOCK_STEP_PHYSICAL_RANK = 1 << 20
    LOCK_STEP_BANK = 1 << 21
    LOCK_STEP_BANK_GROUP = 1 << 22
    CHIP_SELECT = 1 << 23
    NODE = 1 << 24
    CHIP_ID = 1 << 25


class MicrosoftIntelMemorySection(Section):
    """Microsoft memory error extension section, of Intel processors.

    Shape:   166 bytes, little-endian.
    Raises:  Truncated when fewer than 166 bytes are given.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_MEMORY_ERROR_EXT_SECTION_INTEL
    """

    part: ClassVar[str] = "dimm"
    located: ClassVar[Mapping[str, str]] = {
        "system_address": "address",
        "processor_socket_id": "dimm.node",
        "channel_id": "dimm.card",
        "dimm_slot_id": "dimm.module",
        "dimm_rank_id": "rank",
        "bank_group": "bank_group",
        "bank": "bank",
        "row": "row",
        "column": "column",
    }
    guid: ClassVar[UUID] = UUID("e16edb28-6113-4263-a41d-e53f8de78751")
    title: ClassVar[str] = "memory error, where Intel's memory controller puts it"

    flags: Annotated[U64, AddressTranslation] = 0
    validation_bits: Annotated[U64, IntelMemoryValid] = 0
    memory_definition: Annotated[
        MemoryDefinition, u32, When(IntelMemoryValid.MEMORY_DEFINITION)
    ] = MemoryDefinition.UNDEFINED
    system_address: Annotated[Address, When(IntelMemoryValid.SYSTEM_ADDRESS)] = 0
    spare_system_address: Annotated[Address, When(IntelMemoryValid.SPARE_SYSTEM_ADDRESS)] = 0
    device_physical_address: Annotated[Address, When(IntelMemoryValid.DEVICE_PHYSICAL_ADDRESS)] = 0
    channel_address: Annotated[Address, When(IntelMemoryValid.CHANNEL_ADDRESS)] = 0
    rank_address: Annotated[Address, When(IntelMemoryValid.RANK_ADDRESS)] = 0
    processor_socket_id: Annotated[U8, When(IntelMemoryValid.PROCESSOR_SOCKET_ID)] = 0
    memory_controller_id: Annotated[
        U8, When(IntelMemoryValid.MEMORY_CONTROLLER_ID), Usual(0, 1, 2, 3)
    ] = 0
    target_id: Annotated[U8, When(IntelMemoryValid.TARGET_ID)] = 0
    logical_channel_id: Annotated[U8, When(IntelMemoryValid.LOGICAL_CHANNEL_ID)] = 0
    channel_id: Annotated[U8, When(IntelMemoryValid.CHANNEL_ID)] = 0
    sub_channel_id: Annotated[U8, When(IntelMemoryValid.SUB_CHANNEL_ID)] = 0
    physical_rank_id: Annotated[U8, When(IntelMemoryValid.PHYSICAL_RANK_ID)] = 0
    dimm_slot_id: Annotated[U8, When(IntelMemoryValid.DIMM_SLOT_ID)] = 0
    dimm_rank_id: Annotated[U8, When(IntelMemoryValid.DIMM_RANK_ID)] = 0
    bank: Annotated[U8, When(IntelMemoryValid.BANK)] = 0
    bank_group: Annotated[U8, When(IntelMemoryValid.BANK_GROUP)] = 0
    row: Annotated[U32, When(IntelMemoryValid.ROW)] = 0
    column: Annotated[U32, When(IntelMemoryValid.COLUMN)] = 0
    lock_step_rank: Annotated[U8, When(IntelMemoryValid.LOCK_STEP_RANK)] = 0
    lock_step_physical_rank: Annotated[U8, When(IntelMemoryValid.LOCK_STEP_PHYSICAL_RANK)] = 0
    lock_step_bank: Annotated[U8, When(IntelMemoryValid.LOCK_STEP_BANK)] = 0
    lock_step_bank_group: Annotated[U8, When(IntelMemoryValid.LOCK_STEP_BANK_GROUP)] = 0
    chip_select: Annotated[U8, When(IntelMemoryValid.CHIP_SELECT)] = 0
    node: Annotated[U8, When(IntelMemoryValid.NODE)] = 0
    chip_id: Annotated[U8, When(IntelMemoryValid.CHIP_ID)] = 0
    reserved: Annotated[bytes, Bytes(80)] = bytes(80)
    trailing: Rest = b""

    @property
    def physical_addresses(self) -> tuple[int, ...]:
        return (self.system_address,) if self.is_valid("system_address") else ()

    @property
    def what(self) -> str:
        return "memory error"

    @property
    def component(self) -> str:
        places = (("socket", "processor_socket_id"), ("controller", "memory_controller_id"))
        return self.where(*places, ("channel", "channel_id"), ("DIMM", "dimm_slot_id"))

    def sentence(self) -> str:
        what = "memory error"
        for address in self.physical_addresses:
            what += f" at physical address {address:#x}"
        places = (
            ("socket", "processor_socket_id"),
            ("controller", "memory_controller_id"),
            ("channel", "channel_id"),
            ("DIMM", "dimm_slot_id"),
            ("rank", "dimm_rank_id"),
            ("bank group", "bank_group"),
            ("bank", "bank"),
            ("row", "row"),
            ("column", "column"),
        )
        where = [f"{name} {getattr(self, field)}" for name, field in places if self.is_valid(field)]
        return f"{what}{', ' if where else ''}{', '.join(where)}{translation(self.flags)}"
