"""The IA-32 non-maskable interrupt as an error source."""

from typing import Annotated, ClassVar

from apeitool.acpi.hest.source import ErrorSource, SourceType
from apeitool.wire.types import U32, Hex, Unit


class NonMaskableInterrupt(ErrorSource):
    """IA-32 Architecture NMI.

    Shape:   20 bytes, little-endian; it has neither flags nor an enabled byte.
    Units:   raw data length in bytes.
    Source:  ACPI 6.5 18.3.2.3
    """

    writes: ClassVar[SourceType | None] = SourceType.IA32_NMI

    reserved: Annotated[U32, Hex] = 0
    number_of_records_to_preallocate: U32 = 1
    max_sections_per_record: U32 = 1
    max_raw_data_length: Annotated[U32, Unit("bytes")] = 0
