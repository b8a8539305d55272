"""Jaguar Micro error section of type 1: SMMU."""

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


class JaguarSmmuSection(JaguarErrorSection):
    """Jaguar Micro error section of type 1: SMMU.

    Shape:   40 bytes, little-endian, and the registers.
    Units:   register array size in bytes.
    Raises:  Truncated when fewer than 40 bytes are given.
    Source:  rasdaemon non-standard-jaguarmicro.h jm_payload1_type_sec
    """

    guid: ClassVar[UUID] = UUID("f9723053-2558-49b1-b58a-1c1a82492a62")
    title: ClassVar[str] = "Jaguar Micro SMMU error"

    csr_int_status: Annotated[U32, Hex] = 0
    err_fr: Annotated[U32, Hex] = 0
    err_ctlr: Annotated[U32, Hex] = 0
    err_status: Annotated[U32, Hex] = 0
    err_gen: Annotated[U32, Hex] = 0
    register_array_size: Annotated[
        U32, Unit("bytes"), Derived(bytes_of_registers), When(JaguarValid.REGISTER_ARRAY_SIZE)
    ] = AUTO
    register_array: Annotated[
        Sequence[Register32],
        Many(Register32, length="register_array_size"),
        When(JaguarValid.REGISTER_ARRAY_SIZE),
    ] = ()
    trailing: Rest = b""
