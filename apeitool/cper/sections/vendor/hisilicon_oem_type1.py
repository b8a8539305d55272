"""HiSilicon OEM type 1 error section."""

import enum
from collections.abc import Mapping
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.vendor.error_severity import ErrorSeverity
from apeitool.cper.vendor.hisilicon_oem import (
    SUB_MODULES_1,
    OemModule1,
    oem_place,
    oem_sentence,
    oem_what,
    sub_module,
)
from apeitool.wire.types import U8, U32, Address, Hex, Rest, Usual, When, u8


class OemType1Valid(enum.IntFlag):
    """Which fields of the section are facts."""

    SOC_ID = 1 << 0
    SOCKET_ID = 1 << 1
    NIMBUS_ID = 1 << 2
    MODULE_ID = 1 << 3
    SUB_MODULE_ID = 1 << 4
    ERROR_SEVERITY = 1 << 5
    ERR_MISC_0 = 1 << 6
    ERR_MISC_1 = 1 << 7
    ERR_MISC_2 = 1 << 8
    ERR_MISC_3 = 1 << 9
    ERR_MISC_4 = 1 << 10
    ERR_ADDR = 1 << 11


class HisiliconOemType1Section(Section):
    """HiSilicon OEM type 1 error section (Hip08, Kunpeng 920).

    Shape:   40 bytes, little-endian.
    Raises:  Truncated when fewer than 40 bytes are given.
    Source:  rasdaemon non-standard-hisi_hip08.c hisi_oem_type1_err_sec
    """

    part: ClassVar[str] = "processor"
    located: ClassVar[Mapping[str, str]] = {"socket_id": "processor.socket", "err_addr": "address"}
    guid: ClassVar[UUID] = UUID("1f8161e1-55d6-41e6-bd10-7afd1dc5f7c5")
    title: ClassVar[str] = "HiSilicon OEM type 1 error"

    validation_bits: Annotated[U32, OemType1Valid] = 0
    version: U8 = 0
    soc_id: Annotated[U8, When(OemType1Valid.SOC_ID)] = 0
    socket_id: Annotated[U8, When(OemType1Valid.SOCKET_ID)] = 0
    nimbus_id: Annotated[U8, When(OemType1Valid.NIMBUS_ID)] = 0
    module_id: Annotated[OemModule1, u8, When(OemType1Valid.MODULE_ID)] = OemModule1.MN
    sub_module_id: Annotated[U8, When(OemType1Valid.SUB_MODULE_ID), Usual(0, 1, 2)] = 0
    error_severity: Annotated[ErrorSeverity, u8, When(OemType1Valid.ERROR_SEVERITY)] = (
        ErrorSeverity.RECOVERABLE
    )
    reserved: Annotated[U8, Hex] = 0
    err_misc_0: Annotated[U32, Hex, When(OemType1Valid.ERR_MISC_0)] = 0
    err_misc_1: Annotated[U32, Hex, When(OemType1Valid.ERR_MISC_1)] = 0
    err_misc_2: Annotated[U32, Hex, When(OemType1Valid.ERR_MISC_2)] = 0
    err_misc_3: Annotated[U32, Hex, When(OemType1Valid.ERR_MISC_3)] = 0
    err_misc_4: Annotated[U32, Hex, When(OemType1Valid.ERR_MISC_4)] = 0
    err_addr: Annotated[Address, When(OemType1Valid.ERR_ADDR)] = 0
    trailing: Rest = b""

    def shown(self, name: str) -> str | None:
        known = sub_module(self, SUB_MODULES_1) if name == "sub_module_id" else None
        return f"{known} ({self.sub_module_id})" if known else None

    @property
    def what(self) -> str:
        return oem_what(self)

    @property
    def component(self) -> str:
        return oem_place(self, SUB_MODULES_1)

    def sentence(self) -> str:
        return oem_sentence(self, SUB_MODULES_1)
