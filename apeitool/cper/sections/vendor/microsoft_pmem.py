"""Microsoft persistent memory error section."""

import enum
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.error_status import ErrorStatus
from apeitool.cper.section import Section
from apeitool.wire.labels import Bits, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    U32,
    U64,
    Bytes,
    Derived,
    Hex,
    Many,
    Rest,
    Unit,
    When,
)

PAGE = 4096


class PmemValid(enum.IntFlag):
    """Which fields of the section are facts."""

    ERROR_STATUS = 1 << 0
    NFIT_HANDLE = 1 << 1
    LOCATION_INFO = 1 << 2


class NfitHandle(Word):
    """NFIT device handle: where a module is plugged in.

    Source:  Linux include/acpi/actbl2.h ACPI_NFIT_DIMM_NUMBER_MASK
    """

    dimm = Bits(0, 4)
    channel = Bits(4, 4)
    memory_controller = Bits(8, 4)
    socket = Bits(12, 4)
    node_controller = Bits(16, 12)


class PmemPageRange(Structure):
    """Range of pages that are bad.

    Shape:   24 bytes, little-endian.
    Units:   pages of 4096 bytes.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_PMEM_PAGE_RANGE
    """

    starting_pfn: Annotated[U64, Hex] = 0
    page_count: Annotated[U64, Unit("pages")] = 0
    marked_bad_bitmap: Annotated[U64, Hex, "of the first 64 pages"] = 0

    def sentence(self) -> str:
        """Where it is, and how large."""
        return f"{self.page_count} from {self.starting_pfn * PAGE:#x}"


class MicrosoftPmemSection(Section):
    """Microsoft persistent memory error section.

    Shape:   88 bytes, little-endian, and 24 for each page range.
    Raises:  Truncated when fewer than 88 bytes are given.
    Source:  Windows WDK 10.0.28000 cper.h WHEA_PMEM_ERROR_SECTION
    """

    guid: ClassVar[UUID] = UUID("81687003-dbfd-4728-9ffd-f0904f97597d")
    title: ClassVar[str] = "persistent memory error"

    validation_bits: Annotated[U64, PmemValid] = 0
    location_info: Annotated[bytes, Bytes(64), When(PmemValid.LOCATION_INFO)] = bytes(64)
    error_status: Annotated[U64, Hex, ErrorStatus, When(PmemValid.ERROR_STATUS)] = 0
    nfit_handle: Annotated[U32, Hex, NfitHandle, When(PmemValid.NFIT_HANDLE)] = 0
    page_range_count: Annotated[U32, Derived(lambda s: len(s.page_ranges))] = AUTO
    page_ranges: Annotated[
        Sequence[PmemPageRange], Many(PmemPageRange, count="page_range_count")
    ] = ()
    trailing: Rest = b""

    @property
    def physical_addresses(self) -> tuple[int, ...]:
        return tuple(pages.starting_pfn * PAGE for pages in self.page_ranges)

    def sentence(self) -> str:
        what = "persistent memory error"
        if self.is_valid("nfit_handle"):
            handle = NfitHandle(self.nfit_handle)
            what += f" in socket {handle.socket}, memory controller {handle.memory_controller}, "
            what += f"channel {handle.channel}, DIMM {handle.dimm}"
        ranges = "; ".join(pages.sentence() for pages in self.page_ranges[:4])
        more = f"; and {len(self.page_ranges) - 4} more ranges" if len(self.page_ranges) > 4 else ""
        return f"{what}, bad pages: {ranges}{more}" if ranges else what

    def check(self) -> Iterator[Problem]:
        if self.page_range_count != len(self.page_ranges):
            rule = f"{self.page_range_count} said, {len(self.page_ranges)} found"
            yield self.trouble("range-count", "page_range_count", rule)
