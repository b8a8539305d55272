"""Alibaba Yitian error section."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.wire.labels import Label
from apeitool.wire.record import Structure
from apeitool.wire.types import U8, U16, U32, Hex, One, Rest, u8


class YitianErrorType(Label):
    """Which block of the chip reports."""

    DDR = 0x50

    @property
    def text(self) -> str:
        return self.name if self.is_known else super().text


class YitianPayload(Structure):
    """What follows the header of a Yitian error.

    Source:  rasdaemon non-standard-yitian.h
    """


class YitianDdrRegisters(YitianPayload):
    """ECC registers of a DDR controller.

    Shape:   124 bytes, little-endian.
    Source:  rasdaemon non-standard-yitian.h yitian_ddr_payload_type_sec
    """

    ecccfg0: Annotated[U32, Hex] = 0
    ecccfg1: Annotated[U32, Hex] = 0
    eccstat: Annotated[U32, Hex] = 0
    eccerrcnt: Annotated[U32, Hex] = 0
    ecccaddr0: Annotated[U32, Hex] = 0
    ecccaddr1: Annotated[U32, Hex] = 0
    ecccsyn0: Annotated[U32, Hex] = 0
    ecccsyn1: Annotated[U32, Hex] = 0
    ecccsyn2: Annotated[U32, Hex] = 0
    eccuaddr0: Annotated[U32, Hex] = 0
    eccuaddr1: Annotated[U32, Hex] = 0
    eccusyn0: Annotated[U32, Hex] = 0
    eccusyn1: Annotated[U32, Hex] = 0
    eccusyn2: Annotated[U32, Hex] = 0
    eccbitmask0: Annotated[U32, Hex] = 0
    eccbitmask1: Annotated[U32, Hex] = 0
    eccbitmask2: Annotated[U32, Hex] = 0
    adveccstat: Annotated[U32, Hex] = 0
    eccapstat: Annotated[U32, Hex] = 0
    ecccdata0: Annotated[U32, Hex] = 0
    ecccdata1: Annotated[U32, Hex] = 0
    eccudata0: Annotated[U32, Hex] = 0
    eccudata1: Annotated[U32, Hex] = 0
    eccsymbol: Annotated[U32, Hex] = 0
    eccerrcntctl: Annotated[U32, Hex] = 0
    eccerrcntstat: Annotated[U32, Hex] = 0
    eccerrcnt0: Annotated[U32, Hex] = 0
    eccerrcnt1: Annotated[U32, Hex] = 0
    reserved0: Annotated[U32, Hex] = 0
    reserved1: Annotated[U32, Hex] = 0
    reserved2: Annotated[U32, Hex] = 0
    rest: Rest = b""


class YitianUnknownPayload(YitianPayload):
    """A payload of unknown type, or shorter than its type needs.

    Shape:   any length.
    Source:  rasdaemon non-standard-yitian.h
    """

    rest: Rest = b""


def _payload(section: Any, length: int) -> type[YitianPayload]:
    is_ddr = section.type == YitianErrorType.DDR and length >= YitianDdrRegisters.fixed_size
    return YitianDdrRegisters if is_ddr else YitianUnknownPayload


class YitianErrorSection(Section):
    """Alibaba Yitian error section (Yitian 710).

    Shape:   4 bytes, little-endian, and the payload.
    Raises:  Truncated when fewer than 4 bytes are given.
    Source:  rasdaemon non-standard-yitian.c
    """

    part: ClassVar[str] = "dimm"
    located: ClassVar[Mapping[str, str]] = {"instance": "dimm.card"}
    guid: ClassVar[UUID] = UUID("a6980811-16ea-4e4d-b936-fb00a23ff29c")
    title: ClassVar[str] = "Alibaba Yitian error"

    type: Annotated[YitianErrorType, u8] = YitianErrorType.DDR
    sub_type: U8 = 0
    instance: Annotated[U16, Hex] = 0
    payload: Annotated[YitianPayload, One(_payload)] = YitianUnknownPayload()
    trailing: Rest = b""

    @property
    def what(self) -> str:
        return f"Alibaba Yitian {self.type.text} error"

    @property
    def component(self) -> str:
        return f"{self.type.text} {self.instance:#x}"

    def sentence(self) -> str:
        what = f"{self.what}, instance {self.instance:#x}"
        if isinstance(self.payload, YitianDdrRegisters):
            what += f": ECC status {self.payload.eccstat:#x}"
        return what
