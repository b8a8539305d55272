"""Jaguar Micro error section of type 5: coherent mesh network."""

from collections.abc import Sequence
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.vendor.jaguar import (
    JaguarErrorSection,
    JaguarValid,
    bytes_of_registers,
)
from apeitool.cper.vendor.register_dump import Register32
from apeitool.registers.arm_ras import CmnErrStatus
from apeitool.wire.types import AUTO, U32, U64, Derived, Hex, Many, Rest, Unit, When


class JaguarCmnSection(JaguarErrorSection):
    """Jaguar Micro error section of type 5: coherent mesh network.

    Shape:   132 bytes, little-endian, and the registers.
    Units:   register array size in bytes.
    Raises:  Truncated when fewer than 132 bytes are given.
    Source:  rasdaemon non-standard-jaguarmicro.h jm_payload5_type_sec
    """

    guid: ClassVar[UUID] = UUID("dac80d69-0a72-4eba-8114-148ee344af06")
    title: ClassVar[str] = "Jaguar Micro CMN error"

    cfgm_mxp_0: Annotated[U64, Hex] = 0
    cfgm_hnf_0: Annotated[U64, Hex] = 0
    cfgm_hni_0: Annotated[U64, Hex] = 0
    cfgm_sbsx_0: Annotated[U64, Hex] = 0
    err_fr_ns: Annotated[U64, Hex] = 0
    err_ctlrr_ns: Annotated[U64, Hex] = 0
    err_statusr_ns: Annotated[U64, Hex, CmnErrStatus] = 0
    err_addrr_ns: Annotated[U64, Hex] = 0
    err_miscr_ns: Annotated[U64, Hex] = 0
    err_fr: Annotated[U64, Hex] = 0
    err_ctlr: Annotated[U64, Hex] = 0
    err_status: Annotated[U64, Hex, CmnErrStatus] = 0
    err_addr: Annotated[U64, Hex] = 0
    err_misc: Annotated[U64, Hex] = 0
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
        said = (CmnErrStatus(word).sentence() for word in (self.err_status, self.err_statusr_ns))
        return "; ".join(filter(None, said))
