"""PCI/PCI-X bus error section."""

import enum
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.error_status import ErrorStatus, ErrorType
from apeitool.cper.section import Section
from apeitool.registers.pci import PciCommand, PcixCommand
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.shapes import HEX64, Json, Plain
from apeitool.wire.types import U16, U32, U64, Address, Hex, Named, Rest, When, u16

if TYPE_CHECKING:
    from apeitool.cper.place import Place


class PciBusValid(enum.IntFlag):
    """Which fields of the section are facts."""

    ERROR_STATUS = 1 << 0
    ERROR_TYPE = 1 << 1
    BUS_ID = 1 << 2
    BUS_ADDRESS = 1 << 3
    BUS_DATA = 1 << 4
    BUS_COMMAND = 1 << 5
    BUS_REQUESTOR_ID = 1 << 6
    BUS_COMPLETER_ID = 1 << 7
    TARGET_ID = 1 << 8


class PciBusErrorType(
    Label,
    json={
        0: "Unknown/OEM Specific Error",
        1: "Data Parity Error",
        2: "System Error",
        4: "Bus Timeout/No Device Present (No DEVSEL#)",
        5: "Master Data Parity Error",
        6: "Address Parity Error",
        7: "Command Parity Error",
    },
):
    """What kind of bus error it was."""

    UNKNOWN = 0
    DATA_PARITY = 1
    SYSTEM_ERROR = 2
    MASTER_ABORT = 3
    BUS_TIMEOUT = 4
    MASTER_DATA_PARITY = 5
    ADDRESS_PARITY = 6
    COMMAND_PARITY = 7

    @property
    def text(self) -> str:
        """The error as the specification calls it."""
        return _ERRORS.get(int(self)) or super().text


_ERRORS = {
    0: "unknown or OEM specific error",
    1: "data parity error",
    2: "system error",
    3: "master abort",
    4: "bus timeout or no device present (no DEVSEL#)",
    5: "master data parity error",
    6: "address parity error",
    7: "command parity error",
}


class BusId(Word):
    """The bus, and the segment that it is in."""

    bus_number = Bits(0, 8, hexadecimal=True)
    segment_number = Bits(8, 8, hexadecimal=True)


class PciBusCommand(Word):
    """A command on a PCI bus."""

    command = Bits(0, 4, PciCommand)
    is_pcix = Bits(56)


class PcixBusCommand(Word):
    """A command on a PCI-X bus."""

    command = Bits(0, 4, PcixCommand)
    is_pcix = Bits(56)


class BusCommandType(Plain):
    """The bus whose command it is; of the command itself CPER-JSON has no more."""

    __slots__ = ()

    def show(self, value: Any) -> str:
        return "PCI-X" if PciBusCommand(value).is_pcix else "PCI"

    def read(self, plain: Any) -> int:
        if plain in ("PCI", "PCI-X"):
            return PciBusCommand.is_pcix.mask if plain == "PCI-X" else 0
        raise ValueError("PCI or PCI-X")


def _command(section: Any) -> type[PciBusCommand | PcixBusCommand]:
    return PcixBusCommand if PciBusCommand(section.bus_command).is_pcix else PciBusCommand


class PciBusErrorSection(Section):
    """PCI/PCI-X bus error section.

    Shape:   72 bytes, little-endian.
    Raises:  Truncated when fewer than 72 bytes are given.
    Source:  UEFI 2.10 N.2.8
    """

    part: ClassVar[str] = "device"
    located: ClassVar[Mapping[str, str]] = {"bus_address": "address"}
    guid: ClassVar[UUID] = UUID("c5753963-3b84-4095-bf78-eddad3f9c9dd")
    title: ClassVar[str] = "PCI/PCI-X bus error"
    json_key: ClassVar[str] = "PciBus"
    json_type: ClassVar[str] = "PCI/PCI-X Bus"
    since: ClassVar[str] = "UEFI 2.1"

    validation_bits: Annotated[U64, PciBusValid] = 0
    error_status: Annotated[U64, Hex, ErrorStatus, When(PciBusValid.ERROR_STATUS)] = 0
    error_type: Annotated[PciBusErrorType, u16, When(PciBusValid.ERROR_TYPE)] = (
        PciBusErrorType.UNKNOWN
    )
    bus_id: Annotated[U16, Hex, BusId, When(PciBusValid.BUS_ID)] = 0
    reserved: Annotated[U32, Hex] = 0
    bus_address: Annotated[Address, When(PciBusValid.BUS_ADDRESS)] = 0
    bus_data: Annotated[U64, Hex, When(PciBusValid.BUS_DATA)] = 0
    bus_command: Annotated[
        U64,
        Hex,
        Named(_command),
        When(PciBusValid.BUS_COMMAND),
        Json("busCommandType", BusCommandType()),
    ] = 0
    bus_requestor_id: Annotated[
        U64,
        Hex,
        When(PciBusValid.BUS_REQUESTOR_ID),
        Json(also={"busRequestorIDHex": HEX64.show}),
    ] = 0
    bus_completer_id: Annotated[
        U64,
        Hex,
        When(PciBusValid.BUS_COMPLETER_ID),
        Json(also={"busCompleterIDHex": HEX64.show}),
    ] = 0
    target_id: Annotated[U64, Hex, When(PciBusValid.TARGET_ID)] = 0
    trailing: Rest = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        valid = int.from_bytes(data[:8], "little")
        known = int.from_bytes(data[16:18], "little") <= max(PciBusErrorType)
        return len(data) == cls.fixed_size and 0 < valid < 1 << 9 and known and not any(data[20:24])

    @property
    def what(self) -> str:
        return f"{self._kind()} error: {self._what()}" if self._what() != "error" else self.title

    @property
    def component(self) -> str:
        return f"PCI bus {self._bus()}" if self.is_valid("bus_id") else ""

    def at(self, place: "Place") -> Self:
        there, device = super().at(place), place.device
        if not self.is_valid("bus_id"):
            return there
        bus = BusId.compose(bus_number=device.bus_number, segment_number=device.segment_number)
        return there.replace(bus_id=bus)

    def sentence(self) -> str:
        command: Any = _command(self)(self.bus_command)
        bus = f"{self._kind()} {self._bus()}" if self.is_valid("bus_id") else self._kind()
        return f"{bus}: {self._what()}{''.join(self._details(command))}"

    def _kind(self) -> str:
        if not self.is_valid("bus_command"):
            return "PCI/PCI-X bus"
        return "PCI-X bus" if PciBusCommand(self.bus_command).is_pcix else "PCI bus"

    def _bus(self) -> str:
        bus = BusId(self.bus_id)
        return f"{bus.segment_number:04x}:{bus.bus_number:02x}"

    def _what(self) -> str:
        if self.is_valid("error_type"):
            return self.error_type.text
        return (
            ErrorType(ErrorStatus(self.error_status).error_type).text if self._told() else "error"
        )

    def _told(self) -> bool:
        return self.is_valid("error_status") and bool(ErrorStatus(self.error_status).error_type)

    def _details(self, command: Any) -> Iterator[str]:
        if self.is_valid("bus_command"):
            yield f", {command.command.text}"
        if self.is_valid("bus_address"):
            yield f" at bus address {self.bus_address:#x}"
        if self.is_valid("bus_requestor_id"):
            yield f", requestor {self.bus_requestor_id:#x}"
        if self.is_valid("bus_completer_id"):
            yield f", completer {self.bus_completer_id:#x}"
        if self.is_valid("target_id"):
            yield f", target {self.target_id:#x}"
