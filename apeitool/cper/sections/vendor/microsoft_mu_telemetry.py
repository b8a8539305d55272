"""Microsoft Project Mu telemetry section."""

from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.types import GUID, NIL, U32, U64, Hex, Rest


class StatusCodeClass(Label):
    """What kind of thing a status code of firmware is about."""

    COMPUTING_UNIT = 0
    PERIPHERAL = 1
    IO_BUS = 2
    SOFTWARE = 3


class StatusCodeValue(Word):
    """EFI_STATUS_CODE_VALUE: what firmware reported.

    Source:  UEFI Platform Initialization 1.8 volume 3 6.7
    """

    operation = Bits(0, 16, hexadecimal=True)
    sub_class = Bits(16, 8, hexadecimal=True)
    code_class = Bits(24, 8, StatusCodeClass)


class MuTelemetrySection(Section):
    """Project Mu telemetry section: a status code that UEFI firmware reported.

    Shape:   56 bytes, little-endian.
    Raises:  Truncated when fewer than 56 bytes are given.
    Source:  mu_plus MsWheaPkg MuTelemetryCperSection.h; Windows WDK cper.h MU_TELEMETRY_SECTION
    """

    guid: ClassVar[UUID] = UUID("85183a8b-9c41-429c-939c-5c3c087ca280")
    title: ClassVar[str] = "Project Mu telemetry"

    component_id: GUID = NIL
    sub_component_id: GUID = NIL
    reserved: Annotated[U32, Hex] = 0
    error_status_value: Annotated[U32, Hex, StatusCodeValue] = 0
    additional_info_1: Annotated[U64, Hex] = 0
    additional_info_2: Annotated[U64, Hex] = 0
    trailing: Rest = b""

    @property
    def what(self) -> str:
        return f"firmware telemetry: status code {self.error_status_value:#010x}"

    @property
    def component(self) -> str:
        return "" if self.component_id == NIL else f"firmware {self.component_id}"

    def sentence(self) -> str:
        kind = StatusCodeClass(StatusCodeValue(self.error_status_value).code_class).text
        what = f"firmware telemetry: status code {self.error_status_value:#010x} of class {kind}"
        return f"{what}, from component {self.component_id}"
