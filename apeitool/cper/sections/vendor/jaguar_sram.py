"""Jaguar Micro error section of type 2: SRAM of an accelerator."""

from collections.abc import Sequence
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.vendor.jaguar import (
    JaguarErrorSection,
    JaguarValid,
    bytes_of_registers,
)
from apeitool.cper.vendor.register_dump import Register32
from apeitool.wire.types import AUTO, U32, Derived, Hex, Many, Rest, Unit, When


class JaguarSramSection(JaguarErrorSection):
    """Jaguar Micro error section of type 2: SRAM of an accelerator.

    Shape:   36 bytes, little-endian, and the registers.
    Units:   register array size in bytes.
    Raises:  Truncated when fewer than 36 bytes are given.
    Source:  rasdaemon non-standard-jaguarmicro.h jm_payload2_type_sec
    """

    guid: ClassVar[UUID] = UUID("2d31de54-3037-4f24-a283-f69ca1ec0b9a")
    title: ClassVar[str] = "Jaguar Micro SRAM error"

    ecc_1bit_info_low32: Annotated[U32, Hex] = 0
    ecc_1bit_info_high32: Annotated[U32, Hex] = 0
    ecc_2bit_info_low32: Annotated[U32, Hex] = 0
    ecc_2bit_info_high32: Annotated[U32, Hex] = 0
    register_array_size: Annotated[
        U32, Unit("bytes"), Derived(bytes_of_registers), When(JaguarValid.REGISTER_ARRAY_SIZE)
    ] = AUTO
    register_array: Annotated[
        Sequence[Register32],
        Many(Register32, length="register_array_size"),
        When(JaguarValid.REGISTER_ARRAY_SIZE),
    ] = ()
    trailing: Rest = b""
