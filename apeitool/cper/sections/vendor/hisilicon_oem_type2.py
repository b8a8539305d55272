"""HiSilicon OEM type 2 error section."""

import enum
from collections.abc import Mapping
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.arm_ras import fitting
from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.cper.vendor.error_severity import ErrorSeverity
from apeitool.cper.vendor.hisilicon_oem import (
    SUB_MODULES_2,
    OemModule2,
    oem_place,
    oem_sentence,
    oem_what,
    sub_module,
)
from apeitool.registers import arm_ras
from apeitool.registers.arm_ras import ErrStatus
from apeitool.wire.types import U8, U32, U64, Address, Hex, Rest, Usual, When, u8


class OemType2Valid(enum.IntFlag):
    """Which fields of the section are facts."""

    SOC_ID = 1 << 0
    SOCKET_ID = 1 << 1
    NIMBUS_ID = 1 << 2
    MODULE_ID = 1 << 3
    SUB_MODULE_ID = 1 << 4
    ERROR_SEVERITY = 1 << 5
    ERR_FR = 1 << 6
    ERR_CTRL = 1 << 7
    ERR_STATUS = 1 << 8
    ERR_ADDR = 1 << 9
    ERR_MISC_0 = 1 << 10
    ERR_MISC_1 = 1 << 11


class HisiliconOemType2Section(Section):
    """HiSilicon OEM type 2 error section (Hip08, Kunpeng 920).

    Shape:   60 bytes, little-endian.
    Raises:  Truncated when fewer than 60 bytes are given.
    Source:  rasdaemon non-standard-hisi_hip08.c hisi_oem_type2_err_sec
    """

    part: ClassVar[str] = "processor"
    located: ClassVar[Mapping[str, str]] = {"socket_id": "processor.socket", "err_addr": "address"}
    guid: ClassVar[UUID] = UUID("45534ea6-ce23-4115-8535-e07ab3aef91d")
    title: ClassVar[str] = "HiSilicon OEM type 2 error"

    validation_bits: Annotated[U32, OemType2Valid] = 0
    version: U8 = 0
    soc_id: Annotated[U8, When(OemType2Valid.SOC_ID)] = 0
    socket_id: Annotated[U8, When(OemType2Valid.SOCKET_ID)] = 0
    nimbus_id: Annotated[U8, When(OemType2Valid.NIMBUS_ID)] = 0
    module_id: Annotated[OemModule2, u8, When(OemType2Valid.MODULE_ID)] = OemModule2.SMMU
    sub_module_id: Annotated[U8, When(OemType2Valid.SUB_MODULE_ID), Usual(0, 1, 2)] = 0
    error_severity: Annotated[ErrorSeverity, u8, When(OemType2Valid.ERROR_SEVERITY)] = (
        ErrorSeverity.RECOVERABLE
    )
    reserved: Annotated[U8, Hex] = 0
    err_fr: Annotated[U64, Hex, arm_ras.ErrFr, When(OemType2Valid.ERR_FR)] = 0
    err_ctrl: Annotated[U64, Hex, arm_ras.ErrCtlr, When(OemType2Valid.ERR_CTRL)] = 0
    err_status: Annotated[U64, Hex, arm_ras.ErrStatus, When(OemType2Valid.ERR_STATUS)] = 0
    err_addr: Annotated[Address, When(OemType2Valid.ERR_ADDR)] = 0
    err_misc_0: Annotated[U64, Hex, When(OemType2Valid.ERR_MISC_0)] = 0
    err_misc_1: Annotated[U64, Hex, When(OemType2Valid.ERR_MISC_1)] = 0
    trailing: Rest = b""

    def shown(self, name: str) -> str | None:
        known = sub_module(self, SUB_MODULES_2) if name == "sub_module_id" else None
        return f"{known} ({self.sub_module_id})" if known else None

    @property
    def what(self) -> str:
        return oem_what(self)

    @property
    def component(self) -> str:
        return oem_place(self, SUB_MODULES_2)

    @property
    def severities(self) -> tuple[Severity, ...]:
        status = ErrStatus(self.fact("err_status") or 0)
        is_said = self.is_valid("error_severity")
        return super().severities if is_said else fitting(status) or super().severities

    def sentence(self) -> str:
        return oem_sentence(self, SUB_MODULES_2)
