"""Jaguar Micro error section of type 6: interrupt controller."""

from collections.abc import Sequence
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.vendor.jaguar import (
    JaguarErrorSection,
    JaguarValid,
    bytes_of_registers,
)
from apeitool.cper.vendor.register_dump import Register32
from apeitool.registers import arm_ras
from apeitool.wire.types import AUTO, U32, U64, Derived, Hex, Many, Rest, Unit, When


class JaguarGicSection(JaguarErrorSection):
    """Jaguar Micro error section of type 6: interrupt controller.

    Shape:   84 bytes, little-endian, and the registers.
    Units:   register array size in bytes.
    Raises:  Truncated when fewer than 84 bytes are given.
    Source:  rasdaemon non-standard-jaguarmicro.h jm_payload6_type_sec
    """

    guid: ClassVar[UUID] = UUID("746f06fe-405e-451f-8d09-02e802ed984a")
    title: ClassVar[str] = "Jaguar Micro GIC error"

    record_id: Annotated[U64, Hex] = 0
    gict_err_fr: Annotated[U64, Hex, arm_ras.ErrFr] = 0
    gict_err_ctlr: Annotated[U64, Hex, arm_ras.ErrCtlr] = 0
    gict_err_status: Annotated[U64, Hex, arm_ras.ErrStatus] = 0
    gict_err_addr: Annotated[U64, Hex, arm_ras.ErrAddr] = 0
    gict_err_misc0: Annotated[U64, Hex] = 0
    gict_err_misc1: Annotated[U64, Hex] = 0
    gict_errgsr: Annotated[U64, Hex] = 0
    register_array_size: Annotated[
        U32, Unit("bytes"), Derived(bytes_of_registers), When(JaguarValid.REGISTER_ARRAY_SIZE)
    ] = AUTO
    register_array: Annotated[
        Sequence[Register32],
        Many(Register32, length="register_array_size"),
        When(JaguarValid.REGISTER_ARRAY_SIZE),
    ] = ()
    trailing: Rest = b""

    @property
    def happened(self) -> str:
        return arm_ras.status_sentence(arm_ras.ErrStatus(self.gict_err_status))
