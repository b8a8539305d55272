"""Generic hardware error sources: firmware fills a status block and notifies."""

from typing import Annotated, ClassVar

from apeitool.acpi.hest.notification import Notification
from apeitool.acpi.hest.source import ErrorSource, SourceType
from apeitool.registers.address import GenericAddress
from apeitool.wire.types import U8, U16, U32, U64, Hex, Unit

NO_RELATED_SOURCE = 0xFFFF


class Ghes(ErrorSource):
    """Generic Hardware Error Source.

    Shape:   64 bytes, little-endian.
    Units:   lengths in bytes.
    Raises:  Truncated when fewer than 64 bytes are given.
    Source:  ACPI 6.5 18.3.2.7
    """

    writes: ClassVar[SourceType | None] = SourceType.GENERIC_HARDWARE_ERROR

    related_source_id: Annotated[U16, Hex, "source that this one assists; 0xffff: none"] = (
        NO_RELATED_SOURCE
    )
    flags: Annotated[U8, Hex, "reserved"] = 0
    enabled: U8 = 1
    number_of_records_to_preallocate: U32 = 1
    max_sections_per_record: U32 = 1
    max_raw_data_length: Annotated[U32, Unit("bytes")] = 0
    error_status_address: Annotated[GenericAddress, "holds the address of the status block"] = (
        GenericAddress()
    )
    notification: Notification = Notification()
    error_status_block_length: Annotated[U32, Unit("bytes")] = 0


class GhesV2(Ghes):
    """Generic Hardware Error Source version 2: the operating system acknowledges.

    Shape:   92 bytes, little-endian.
    Units:   lengths in bytes; preserve and write are masks of the Read Ack register.
    Raises:  Truncated when fewer than 92 bytes are given.
    Source:  ACPI 6.5 18.3.2.8
    """

    writes: ClassVar[SourceType | None] = SourceType.GENERIC_HARDWARE_ERROR_V2

    read_ack_register: GenericAddress = GenericAddress()
    read_ack_preserve: Annotated[U64, Hex, "bits that are kept"] = 0xFFFFFFFFFFFFFFFE
    read_ack_write: Annotated[U64, Hex, "bits that are set"] = 1
