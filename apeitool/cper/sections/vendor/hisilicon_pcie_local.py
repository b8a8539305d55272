"""HiSilicon PCIe local error section."""

import enum
from collections.abc import Mapping
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.vendor.error_severity import ErrorSeverity
from apeitool.wire.labels import Label
from apeitool.wire.types import U8, U16, U32, U64, Hex, Rest, When, u8


class PcieLayer(Label):
    """Which layer of the port reports."""

    AP = 0
    TL = 1
    MAC = 2
    DL = 3
    SDI = 4

    @property
    def text(self) -> str:
        return self.name if self.is_known else super().text


class PcieLocalValid(enum.IntFlag):
    """Which fields of the section are facts."""

    VERSION = 1 << 0
    SOC_ID = 1 << 1
    SOCKET_ID = 1 << 2
    NIMBUS_ID = 1 << 3
    SUB_MODULE_ID = 1 << 4
    CORE_ID = 1 << 5
    PORT_ID = 1 << 6
    ERROR_TYPE = 1 << 7
    ERROR_SEVERITY = 1 << 8
    ERR_MISC_0 = 1 << 9
    ERR_MISC_1 = 1 << 10
    ERR_MISC_2 = 1 << 11
    ERR_MISC_3 = 1 << 12
    ERR_MISC_4 = 1 << 13
    ERR_MISC_5 = 1 << 14
    ERR_MISC_6 = 1 << 15
    ERR_MISC_7 = 1 << 16
    ERR_MISC_8 = 1 << 17
    ERR_MISC_9 = 1 << 18
    ERR_MISC_10 = 1 << 19
    ERR_MISC_11 = 1 << 20
    ERR_MISC_12 = 1 << 21
    ERR_MISC_13 = 1 << 22
    ERR_MISC_14 = 1 << 23
    ERR_MISC_15 = 1 << 24
    ERR_MISC_16 = 1 << 25
    ERR_MISC_17 = 1 << 26
    ERR_MISC_18 = 1 << 27
    ERR_MISC_19 = 1 << 28
    ERR_MISC_20 = 1 << 29
    ERR_MISC_21 = 1 << 30
    ERR_MISC_22 = 1 << 31
    ERR_MISC_23 = 1 << 32
    ERR_MISC_24 = 1 << 33
    ERR_MISC_25 = 1 << 34
    ERR_MISC_26 = 1 << 35
    ERR_MISC_27 = 1 << 36
    ERR_MISC_28 = 1 << 37
    ERR_MISC_29 = 1 << 38
    ERR_MISC_30 = 1 << 39
    ERR_MISC_31 = 1 << 40
    ERR_MISC_32 = 1 << 41


class HisiliconPcieLocalSection(Section):
    """HiSilicon PCIe local error section.

    Shape:   152 bytes, little-endian.
    Raises:  Truncated when fewer than 152 bytes are given.
    Source:  Linux drivers/pci/controller/pcie-hisi-error.c; rasdaemon non-standard-hisi_hip08.c
    """

    part: ClassVar[str] = "processor"
    located: ClassVar[Mapping[str, str]] = {
        "socket_id": "processor.socket",
        "core_id": "processor.core",
    }
    guid: ClassVar[UUID] = UUID("b2889fc9-e7d7-4f9d-a867-af42e98be772")
    title: ClassVar[str] = "HiSilicon PCIe local error"

    validation_bits: Annotated[U64, PcieLocalValid] = 0
    version: Annotated[U8, When(PcieLocalValid.VERSION)] = 0
    soc_id: Annotated[U8, When(PcieLocalValid.SOC_ID)] = 0
    socket_id: Annotated[U8, When(PcieLocalValid.SOCKET_ID)] = 0
    nimbus_id: Annotated[U8, When(PcieLocalValid.NIMBUS_ID)] = 0
    sub_module_id: Annotated[PcieLayer, u8, When(PcieLocalValid.SUB_MODULE_ID)] = PcieLayer.AP
    core_id: Annotated[U8, When(PcieLocalValid.CORE_ID)] = 0
    port_id: Annotated[U8, When(PcieLocalValid.PORT_ID)] = 0
    error_severity: Annotated[ErrorSeverity, u8, When(PcieLocalValid.ERROR_SEVERITY)] = (
        ErrorSeverity.RECOVERABLE
    )
    error_type: Annotated[U16, Hex, When(PcieLocalValid.ERROR_TYPE)] = 0
    reserved: Annotated[U16, Hex] = 0
    err_misc_0: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_0)] = 0
    err_misc_1: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_1)] = 0
    err_misc_2: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_2)] = 0
    err_misc_3: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_3)] = 0
    err_misc_4: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_4)] = 0
    err_misc_5: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_5)] = 0
    err_misc_6: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_6)] = 0
    err_misc_7: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_7)] = 0
    err_misc_8: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_8)] = 0
    err_misc_9: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_9)] = 0
    err_misc_10: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_10)] = 0
    err_misc_11: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_11)] = 0
    err_misc_12: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_12)] = 0
    err_misc_13: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_13)] = 0
    err_misc_14: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_14)] = 0
    err_misc_15: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_15)] = 0
    err_misc_16: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_16)] = 0
    err_misc_17: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_17)] = 0
    err_misc_18: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_18)] = 0
    err_misc_19: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_19)] = 0
    err_misc_20: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_20)] = 0
    err_misc_21: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_21)] = 0
    err_misc_22: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_22)] = 0
    err_misc_23: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_23)] = 0
    err_misc_24: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_24)] = 0
    err_misc_25: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_25)] = 0
    err_misc_26: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_26)] = 0
    err_misc_27: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_27)] = 0
    err_misc_28: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_28)] = 0
    err_misc_29: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_29)] = 0
    err_misc_30: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_30)] = 0
    err_misc_31: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_31)] = 0
    err_misc_32: Annotated[U32, Hex, When(PcieLocalValid.ERR_MISC_32)] = 0
    trailing: Rest = b""

    @property
    def what(self) -> str:
        what = "HiSilicon PCIe error"
        if self.is_valid("sub_module_id"):
            what += f" in the {self.sub_module_id.text} layer"
        return f"{what} (type {self.error_type:#x})" if self.is_valid("error_type") else what

    @property
    def component(self) -> str:
        return self.where(("socket", "socket_id"), ("core", "core_id"), ("port", "port_id"))

    def sentence(self) -> str:
        what = "HiSilicon PCIe error"
        if self.is_valid("sub_module_id"):
            what += f" in the {self.sub_module_id.text} layer"
        places = (("socket", "socket_id"), ("core", "core_id"), ("port", "port_id"))
        where = [f"{name} {getattr(self, field)}" for name, field in places if self.is_valid(field)]
        if where:
            what += f" of {', '.join(where)}"
        return f"{what} (type {self.error_type:#x})" if self.is_valid("error_type") else what
