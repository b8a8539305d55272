"""Memory error section."""

import enum
from collections.abc import Iterator
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.dialect import Choice
from apeitool.cper.error_status import ErrorStatus
from apeitool.cper.memory_error import (
    MemoryErrorType,
    MemorySection,
    bank_places,
    bank_shown,
    bank_words,
    valid_places,
)
from apeitool.wire.labels import Bits, Word
from apeitool.wire.problem import Problem
from apeitool.wire.shapes import HEX64, Json, Members
from apeitool.wire.types import U8, U16, U64, Absent, Address, Hex, Rest, When, u8


class MemoryValid(enum.IntFlag):
    """Which fields of the section are facts."""

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
    BIT_POSITION = 1 << 10
    REQUESTOR_ID = 1 << 11
    RESPONDER_ID = 1 << 12
    TARGET_ID = 1 << 13
    MEMORY_ERROR_TYPE = 1 << 14
    RANK_NUMBER = 1 << 15
    CARD_HANDLE = 1 << 16
    MODULE_HANDLE = 1 << 17
    EXTENDED_ROW = 1 << 18
    BANK_GROUP = 1 << 19
    BANK_ADDRESS = 1 << 20
    CHIP_IDENTIFICATION = 1 << 21


class ExtendedWord(Word):
    """Bits that the older fields have no room for."""

    row_bit_16 = Bits(0, when=MemoryValid.EXTENDED_ROW, json=Json(required=True))
    row_bit_17 = Bits(1, when=MemoryValid.EXTENDED_ROW, json=Json(required=True))
    chip_identification = Bits(5, 3, when=MemoryValid.CHIP_IDENTIFICATION)


class MemoryErrorSection(MemorySection):
    """Memory error section.

    Shape:   80 bytes, little-endian; 73 before UEFI 2.3, and lengths between occur.
    Units:   addresses in bytes; node to column count from the platform's own zero; handles are
             those of SMBIOS types 16 and 17.
    Raises:  Truncated when fewer than 73 bytes are given.
    Source:  UEFI 2.10 N.2.5
    """

    guid: ClassVar[UUID] = UUID("a5bc1114-6f64-4ede-b863-3e83ed7c83b1")
    title: ClassVar[str] = "memory error"
    json_key: ClassVar[str] = "Memory"
    json_type: ClassVar[str] = "Platform Memory"
    since: ClassVar[str] = "UEFI 2.1"

    validation_bits: Annotated[U64, MemoryValid] = 0
    error_status: Annotated[U64, Hex, ErrorStatus, When(MemoryValid.ERROR_STATUS)] = 0
    physical_address: Annotated[
        Address,
        When(MemoryValid.PHYSICAL_ADDRESS),
        Json(also={"physicalAddressHex": HEX64.show}),
    ] = 0
    physical_address_mask: Annotated[Address, When(MemoryValid.PHYSICAL_ADDRESS_MASK)] = 0
    node: Annotated[U16, When(MemoryValid.NODE)] = 0
    card: Annotated[U16, When(MemoryValid.CARD)] = 0
    module: Annotated[U16, "or rank", When(MemoryValid.MODULE), Json("moduleRank")] = 0
    bank: Annotated[
        U16,
        When(MemoryValid.BANK | MemoryValid.BANK_GROUP | MemoryValid.BANK_ADDRESS),
        Json(shape=Members(*bank_words(MemoryValid))),
    ] = 0
    device: Annotated[U16, When(MemoryValid.DEVICE)] = 0
    row: Annotated[U16, When(MemoryValid.ROW | MemoryValid.EXTENDED_ROW)] = 0
    column: Annotated[U16, When(MemoryValid.COLUMN)] = 0
    bit_position: Annotated[U16, When(MemoryValid.BIT_POSITION)] = 0
    requestor_id: Annotated[U64, Hex, When(MemoryValid.REQUESTOR_ID)] = 0
    responder_id: Annotated[U64, Hex, When(MemoryValid.RESPONDER_ID)] = 0
    target_id: Annotated[U64, Hex, When(MemoryValid.TARGET_ID)] = 0
    memory_error_type: Annotated[MemoryErrorType, u8, When(MemoryValid.MEMORY_ERROR_TYPE)] = (
        MemoryErrorType.UNKNOWN
    )
    extended: Annotated[
        U8, Hex, ExtendedWord, When(MemoryValid.EXTENDED_ROW | MemoryValid.CHIP_IDENTIFICATION)
    ] = 0
    rank_number: Annotated[U16, When(MemoryValid.RANK_NUMBER)] = 0
    card_handle: Annotated[
        U16, Hex, "SMBIOS type 16", When(MemoryValid.CARD_HANDLE), Json("cardSmbiosHandle")
    ] = 0
    module_handle: Annotated[
        U16, Hex, "SMBIOS type 17", When(MemoryValid.MODULE_HANDLE), Json("moduleSmbiosHandle")
    ] = 0
    absent: Annotated[int, Absent(73), "bytes that the producer's revision leaves out"] = 0
    trailing: Rest = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        valid = int.from_bytes(data[:8], "little")
        return len(data) <= cls.fixed_size and 0 < valid < MemoryValid.CHIP_IDENTIFICATION << 1

    @property
    def physical_addresses(self) -> tuple[int, ...]:
        return (self.physical_address,) if self.is_valid("physical_address") else ()

    @property
    def full_row(self) -> int:
        """The row with the two bits that the extended byte adds, where it does."""
        if self.validation_bits & MemoryValid.EXTENDED_ROW and self.is_valid("extended"):
            return self.row | (self.extended & 3) << 16
        return self.row

    def shown(self, name: str) -> str | None:
        if name == "bank":
            return bank_shown(self, MemoryValid)
        if name == "extended":
            return "in part, as follows"
        return None

    def location(self) -> Iterator[tuple[str, int]]:
        """Where it was, as far as the record knows: (name, number), from node to bit."""
        yield from valid_places(self, ("node", "card", "module", "rank_number"))
        yield from bank_places(self, MemoryValid)
        for name, value in valid_places(self, ("device", "row", "column", "bit_position")):
            yield name, self.full_row if name == "row" else value
        if self.validation_bits & MemoryValid.CHIP_IDENTIFICATION and self.is_valid("extended"):
            yield "chip", ExtendedWord(self.extended).chip_identification

    def testimony(self) -> Iterator[Choice]:
        if self.absent:
            reason = "its revision, or its producer, leaves the last fields out"
            yield Choice("memory-error-length", f"{self.fixed_size - self.absent} bytes", reason)

    def check(self) -> Iterator[Problem]:
        for field in self.fields:
            if field.when and self.validation_bits & field.when and self.is_absent(field):
                rule = f"{field.name} is marked valid, but {self.size} bytes have no room for it"
                yield self.trouble("valid-but-absent", "validation_bits", rule)
