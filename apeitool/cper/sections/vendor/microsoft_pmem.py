"""Microsoft persistent memory error section."""

import enum
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
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
    Usual,
    When,
)

PAGE = 4096


if TYPE_CHECKING:
    from apeitool.cper.place import Place


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
    page_count: Annotated[U64, Unit("pages"), Usual(1, 2, 16)] = 0
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

    part: ClassVar[str] = "dimm"
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

    @property
    def component(self) -> str:
        if not self.is_valid("nfit_handle"):
            return ""
        handle = NfitHandle(self.nfit_handle)
        where = f"socket {handle.socket}, memory controller {handle.memory_controller}"
        return f"{where}, channel {handle.channel}, DIMM {handle.dimm}"

    def at(self, place: "Place") -> Self:
        dimm = place.dimm
        handle = NfitHandle.compose(
            dimm=dimm.module,
            channel=dimm.card & 1,
            memory_controller=dimm.card >> 1,
            socket=dimm.node,
        )
        pages = tuple(p.replace(starting_pfn=place.address // PAGE) for p in self.page_ranges[:1])
        return self.replace(
            nfit_handle=handle if self.is_valid("nfit_handle") else 0,
            page_ranges=(*pages, *self.page_ranges[1:]),
        )

    def sentence(self) -> str:
        what = "persistent memory error"
        if self.is_valid("nfit_handle"):
            what += f" in {self.component}"
        ranges = "; ".join(pages.sentence() for pages in self.page_ranges[:4])
        more = f"; and {len(self.page_ranges) - 4} more ranges" if len(self.page_ranges) > 4 else ""
        return f"{what}, bad pages: {ranges}{more}" if ranges else what

    def check(self) -> Iterator[Problem]:
        if self.page_range_count != len(self.page_ranges):
            rule = f"{self.page_range_count} said, {len(self.page_ranges)} found"
            yield self.trouble("range-count", "page_range_count", rule)
