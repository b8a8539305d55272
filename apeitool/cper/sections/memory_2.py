"""Memory error section 2."""

import enum
from collections.abc import Iterator
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.error_status import ErrorStatus
from apeitool.cper.memory_error import (
    MemoryErrorType,
    MemorySection,
    bank_places,
    bank_shown,
    bank_words,
    valid_places,
)
from apeitool.wire.labels import Label
from apeitool.wire.shapes import HEX64, Json, Members, Pair
from apeitool.wire.types import U8, U16, U32, U64, Address, Hex, Rest, When, u8


class Memory2Valid(enum.IntFlag):
    """Which fields of the section are facts; from bit 10 on other than in the first section."""

    ERROR_STATUS = 1 << 0
    PHYSICAL_ADDRESS = 1 << 1
    PHYSICAL_ADDRESS_MASK = 1 << 2
    NODE = 1 << 3
    CARD = 1 << 4
    MODULE = 1 << 5
    BANK = 1 << 6
    DEVICE = 1 << 7
    ROW = 1 << 8
    COLUMN = 1 << 9
    RANK = 1 << 10
    BIT_POSITION = 1 << 11
    CHIP_ID = 1 << 12
    MEMORY_ERROR_TYPE = 1 << 13
    STATUS = 1 << 14
    REQUESTOR_ID = 1 << 15
    RESPONDER_ID = 1 << 16
    TARGET_ID = 1 << 17
    CARD_HANDLE = 1 << 18
    MODULE_HANDLE = 1 << 19
    BANK_GROUP = 1 << 20
    BANK_ADDRESS = 1 << 21


def _state(value: int) -> str:
    """The state by its first bit, as CPER-JSON has it."""
    return "Uncorrected" if value & 1 else "Corrected"


class MemoryErrorState(Label):
    """Whether the error was corrected."""

    CORRECTED = 0
    UNCORRECTED = 1


class MemoryErrorSection2(MemorySection):
    """Memory error section 2, with wider numbers than the first.

    Shape:   96 bytes, little-endian.
    Units:   addresses in bytes; node to column count from the platform's own zero; handles are
             those of SMBIOS types 16 and 17.
    Raises:  Truncated when fewer than 96 bytes are given.
    Source:  UEFI 2.10 N.2.6
    """

    guid: ClassVar[UUID] = UUID("61ec04fc-48e6-d813-25c9-8daa44750b12")
    title: ClassVar[str] = "memory error 2"
    json_key: ClassVar[str] = "Memory2"
    json_type: ClassVar[str] = "Platform Memory 2"
    since: ClassVar[str] = "UEFI 2.5"

    validation_bits: Annotated[U64, Memory2Valid] = 0
    error_status: Annotated[U64, Hex, ErrorStatus, When(Memory2Valid.ERROR_STATUS)] = 0
    physical_address: Annotated[
        Address,
        When(Memory2Valid.PHYSICAL_ADDRESS),
        Json(also={"physicalAddressHex": HEX64.show}),
    ] = 0
    physical_address_mask: Annotated[Address, When(Memory2Valid.PHYSICAL_ADDRESS_MASK)] = 0
    node: Annotated[U16, When(Memory2Valid.NODE)] = 0
    card: Annotated[U16, When(Memory2Valid.CARD)] = 0
    module: Annotated[U16, When(Memory2Valid.MODULE)] = 0
    bank: Annotated[
        U16,
        When(Memory2Valid.BANK | Memory2Valid.BANK_GROUP | Memory2Valid.BANK_ADDRESS),
        Json(shape=Members(*bank_words(Memory2Valid))),
    ] = 0
    device: Annotated[U32, When(Memory2Valid.DEVICE)] = 0
    row: Annotated[U32, When(Memory2Valid.ROW)] = 0
    column: Annotated[U32, When(Memory2Valid.COLUMN)] = 0
    rank: Annotated[U32, When(Memory2Valid.RANK)] = 0
    bit_position: Annotated[U32, When(Memory2Valid.BIT_POSITION)] = 0
    chip_id: Annotated[U8, When(Memory2Valid.CHIP_ID)] = 0
    memory_error_type: Annotated[MemoryErrorType, u8, When(Memory2Valid.MEMORY_ERROR_TYPE)] = (
        MemoryErrorType.UNKNOWN
    )
    status: Annotated[
        MemoryErrorState, u8, When(Memory2Valid.STATUS), Json(shape=Pair("value", "state", _state))
    ] = MemoryErrorState.CORRECTED
    reserved: Annotated[U8, Hex] = 0
    requestor_id: Annotated[U64, Hex, When(Memory2Valid.REQUESTOR_ID)] = 0
    responder_id: Annotated[U64, Hex, When(Memory2Valid.RESPONDER_ID)] = 0
    target_id: Annotated[U64, Hex, When(Memory2Valid.TARGET_ID)] = 0
    card_handle: Annotated[
        U32, Hex, "SMBIOS type 16", When(Memory2Valid.CARD_HANDLE), Json("cardSmbiosHandle")
    ] = 0
    module_handle: Annotated[
        U32, Hex, "SMBIOS type 17", When(Memory2Valid.MODULE_HANDLE), Json("moduleSmbiosHandle")
    ] = 0
    trailing: Rest = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        valid = int.from_bytes(data[:8], "little")
        named = data[61:62] < b"\x10" and data[62:63] < b"\x02" and data[63:64] == b"\0"
        return len(data) == cls.fixed_size and 0 < valid < Memory2Valid.BANK_ADDRESS << 1 and named

    @property
    def physical_addresses(self) -> tuple[int, ...]:
        return (self.physical_address,) if self.is_valid("physical_address") else ()

    def shown(self, name: str) -> str | None:
        return bank_shown(self, Memory2Valid) if name == "bank" else None

    def sentence(self) -> str:
        said = super().sentence()
        return f"{self.status.text} {said}" if self.is_valid("status") else said

    def location(self) -> Iterator[tuple[str, int]]:
        """Where it was, as far as the record knows: (name, number), from node to chip."""
        yield from valid_places(self, ("node", "card", "module", "rank"))
        yield from bank_places(self, Memory2Valid)
        yield from valid_places(self, ("device", "row", "column", "bit_position", "chip_id"))
