"""Registers that a vendor's section lists without a name of their own."""

from typing import Annotated

from apeitool.wire.record import Structure
from apeitool.wire.shapes import HEX32, HEX64, Json
from apeitool.wire.types import U32, U64, Hex


class Register32(Structure):
    """Register of 32 bits.

    Shape:   4 bytes, little-endian.
    Source:  rasdaemon non-standard-hisilicon.c, non-standard-jaguarmicro.c, non-standard-nvidia.c
    """

    value: Annotated[U32, Hex, Json("val32", HEX32)] = 0


class Register64(Structure):
    """Register of 64 bits.

    Shape:   8 bytes, little-endian.
    Source:  rasdaemon non-standard-nvidia.c
    """

    value: Annotated[U64, Hex, Json("val64", HEX64)] = 0
