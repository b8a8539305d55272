"""Jaguar Micro error section of type 0: RAS registers of a RAM."""

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


class JaguarRasSection(JaguarErrorSection):
    """Jaguar Micro error section of type 0: RAS registers of a RAM.

    Shape:   80 bytes, little-endian, and the registers.
    Units:   register array size in bytes.
    Raises:  Truncated when fewer than 80 bytes are given.
    Source:  rasdaemon non-standard-jaguarmicro.h jm_payload0_type_sec
    """

    guid: ClassVar[UUID] = UUID("82d78ba3-fa14-407a-ba0e-f3ba8170013c")
    title: ClassVar[str] = "Jaguar Micro RAS error"

    lock_control: Annotated[U32, Hex] = 0
    lock_function: Annotated[U32, Hex] = 0
    cfg_ram_id: Annotated[U32, Hex] = 0
    err_fr_low32: Annotated[U32, Hex] = 0
    err_fr_high32: Annotated[U32, Hex] = 0
    err_ctlr_low32: Annotated[U32, Hex] = 0
    ecc_status_low32: Annotated[U32, Hex] = 0
    ecc_addr_low32: Annotated[U32, Hex] = 0
    ecc_addr_high32: Annotated[U32, Hex] = 0
    ecc_misc0_low32: Annotated[U32, Hex] = 0
    ecc_misc0_high32: Annotated[U32, Hex] = 0
    ecc_misc1_low32: Annotated[U32, Hex] = 0
    ecc_misc1_high32: Annotated[U32, Hex] = 0
    ecc_misc2_low32: Annotated[U32, Hex] = 0
    ecc_misc2_high32: Annotated[U32, Hex] = 0
    register_array_size: Annotated[
        U32, Unit("bytes"), Derived(bytes_of_registers), When(JaguarValid.REGISTER_ARRAY_SIZE)
    ] = AUTO
    register_array: Annotated[
        Sequence[Register32],
        Many(Register32, length="register_array_size"),
        When(JaguarValid.REGISTER_ARRAY_SIZE),
    ] = ()
    trailing: Rest = b""
