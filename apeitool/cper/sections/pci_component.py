"""PCI component error section."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.error_status import ErrorStatus, ErrorType
from apeitool.cper.section import Section
from apeitool.registers.pci import bus_address, class_name, class_text, vendor_text
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.shapes import NUMBER, Json
from apeitool.wire.types import (
    AUTO,
    U8,
    U16,
    U32,
    U64,
    Address,
    Bytes,
    Derived,
    Hex,
    Many,
    Rest,
    When,
)


class PciComponentValid(enum.IntFlag):
    """Which fields of the section are facts."""

    ERROR_STATUS = 1 << 0
    ID_INFO = 1 << 1
    MEMORY_NUMBER = 1 << 2
    IO_NUMBER = 1 << 3
    REGISTER_DATA_PAIRS = 1 << 4


class PciComponentId(Structure):
    """Which component it was.

    Shape:   16 bytes, little-endian.
    Source:  UEFI 2.10 N.2.9
    """

    vendor_id: Annotated[U16, Hex] = 0
    device_id: Annotated[U16, Hex] = 0
    class_code: Annotated[
        bytes, Bytes(3), "programming interface, sub-class, class", Json(shape=NUMBER)
    ] = bytes(3)
    function_number: U8 = 0
    device_number: U8 = 0
    bus_number: Annotated[U8, Hex] = 0
    segment_number: Annotated[U8, Hex] = 0
    reserved: Annotated[bytes, Bytes(5)] = bytes(5)

    @property
    def address(self) -> str:
        """Segment, bus, device and function as Linux and lspci write them."""
        return bus_address(
            self.segment_number, self.bus_number, self.device_number, self.function_number
        )

    def shown(self, name: str) -> str | None:
        if name == "vendor_id":
            return vendor_text(self.vendor_id)
        return class_text(self.class_code) if name == "class_code" else None


class RegisterPair(Structure):
    """A register of the component: where it is, and what it held.

    Shape:   16 bytes, little-endian.
    Source:  UEFI 2.10 N.2.9
    """

    address: Annotated[Address, Json("firstHalf")] = 0
    data: Annotated[U64, Hex, Json("secondHalf")] = 0


class PciComponentErrorSection(Section):
    """PCI component error section.

    Shape:   40 bytes, little-endian; 16 for each register pair, those in memory first.
    Raises:  Truncated when fewer than 40 bytes are given.
    Source:  UEFI 2.10 N.2.9
    """

    part: ClassVar[str] = "device"
    located: ClassVar[Mapping[str, str]] = {"id_info": "device"}
    guid: ClassVar[UUID] = UUID("eb5e4685-ca66-4769-b6a2-26068b001326")
    title: ClassVar[str] = "PCI component error"
    json_key: ClassVar[str] = "PciComponent"
    json_type: ClassVar[str] = "PCI Component/Device"
    since: ClassVar[str] = "UEFI 2.1"

    validation_bits: Annotated[U64, PciComponentValid] = 0
    error_status: Annotated[U64, Hex, ErrorStatus, When(PciComponentValid.ERROR_STATUS)] = 0
    id_info: Annotated[PciComponentId, When(PciComponentValid.ID_INFO)] = PciComponentId()
    memory_number: Annotated[
        U32,
        Derived(lambda s: len(s.memory_register_pairs)),
        When(PciComponentValid.MEMORY_NUMBER),
    ] = AUTO
    io_number: Annotated[
        U32, Derived(lambda s: len(s.io_register_pairs)), When(PciComponentValid.IO_NUMBER)
    ] = AUTO
    memory_register_pairs: Annotated[
        Sequence[RegisterPair],
        Many(RegisterPair, count="memory_number"),
        When(PciComponentValid.REGISTER_DATA_PAIRS),
        Json("registerDataPairs"),
    ] = ()
    io_register_pairs: Annotated[
        Sequence[RegisterPair],
        Many(RegisterPair, count="io_number"),
        When(PciComponentValid.REGISTER_DATA_PAIRS),
        Json("registerDataPairs"),
    ] = ()
    trailing: Rest = b""

    @property
    def what(self) -> str:
        return f"PCI component error{self._error()}"

    @property
    def component(self) -> str:
        return f"PCI {self.id_info.address}" if self.is_valid("id_info") else ""

    def sentence(self) -> str:
        what = "PCI component"
        if self.is_valid("id_info"):
            ids = self.id_info
            known = class_name(ids.class_code)
            what += f" {ids.address} (vendor {ids.vendor_id:#06x}, device {ids.device_id:#06x}"
            what += f", {known})" if known else ")"
        return f"{what}{self._error() or ': error'}"

    def _error(self) -> str:
        status = ErrorStatus(self.error_status)
        has = self.is_valid("error_status") and status.error_type
        return f": {ErrorType(status.error_type).text}" if has else ""

    def check(self) -> Iterator[Problem]:
        for name in ("memory", "io"):
            said, there = getattr(self, f"{name}_number"), getattr(self, f"{name}_register_pairs")
            if said != len(there):
                rule = f"{said} register pairs said, {len(there)} found"
                yield self.trouble("register-pair-count", f"{name}_number", rule)
