"""What a plan comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apeitool.acpi.header import Table
from apeitool.errors import EncodeError
from apeitool.memory import Memory, Regions

LARGEST = 256 << 20
"""So many bytes of memory are filled at most."""


@dataclass(frozen=True)
class Built:
    """A table, and the memory that it leads to.

    ``prepare`` writes what firmware puts there before the operating system boots, and gives that
    firmware: a `Platform` for HEST, an `Injector` for EINJ, a `Serializer` for ERST.  ``extents`` are
    the ranges of addresses that it needs.

    Units:   addresses in bytes.
    """

    table: Table
    extents: tuple[range, ...]
    prepare: Callable[[Memory], Any]

    def memory(self) -> tuple[tuple[int, bytes], ...]:
        """The memory at boot, as (address, content) in the order of addresses.

        Raises:  EncodeError when it is too large to be filled; AccessError and FirmwareFault when
                 a register is not in memory, or firmware cannot work with the table.
        """
        length = sum(extent.stop - extent.start for extent in self.extents)
        if length > LARGEST:
            said = f"the memory of this plan has {length:#x} bytes, more than {LARGEST:#x}"
            raise EncodeError(said)
        regions = Regions(*self.extents)
        self.prepare(regions)
        return tuple((e.start, regions.read(e.start, len(e))) for e in self.extents)
