"""The Boot Error Record Table, and the region that it points at."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Self

from apeitool.acpi.header import Table
from apeitool.acpi.status import HEADER_LENGTH, StatusBlock
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import U32, Address, Raw, Rest, Strided, Unit


class Bert(Table):
    """Boot Error Record Table.

    Shape:   48 bytes, little-endian.
    Units:   region length in bytes.
    Raises:  Truncated when fewer than 48 bytes are given.
    Source:  ACPI 6.5 18.3.1
    """

    spells: ClassVar[str] = "BERT"

    boot_error_region_length: Annotated[U32, Unit("bytes")] = 0
    boot_error_region: Address = 0
    unparsed: Annotated[bytes, Raw(until="length"), "in the table, but not known"] = b""
    trailing: Annotated[Rest, "behind the table"] = b""

    def check(self) -> Iterator[Problem]:
        yield from super().check()
        if self.boot_error_region_length < HEADER_LENGTH:
            rule = f"{self.boot_error_region_length} bytes have no room for a status block"
            yield self.trouble("region-length", "boot_error_region_length", rule)
        if self.unparsed:
            rule = f"{len(self.unparsed)} bytes of the table are no field of it"
            yield self.trouble("table-rest", "unparsed", rule)


def _blocks(region: Any, buffer: bytes, start: int, position: int, end: int) -> list[int]:
    """Ends of the blocks of a region, as far as there are any.

    A block that the operating system has cleared still has its lengths, and its data.
    """
    ends: list[int] = []
    while end - position >= HEADER_LENGTH:
        header = [
            int.from_bytes(buffer[position + 4 * i : position + 4 * i + 4], "little")
            for i in range(5)
        ]
        if not any(header):
            break
        _, raw_offset, raw_length, length, _ = header
        size = raw_offset + raw_length if raw_length else HEADER_LENGTH + length
        position = min(end, position + max(size, HEADER_LENGTH))
        ends.append(position)
    return ends


class BootErrorRegion(Structure):
    """Boot error region: status blocks back to back.

    Shape:   any number of status blocks, then room.
    Source:  ACPI 6.5 18.3.1
    """

    blocks: Annotated[Sequence[StatusBlock], Strided(StatusBlock, _blocks)] = ()
    room: Annotated[Rest, "behind the last block"] = b""

    def sealed(self) -> Self:
        # A block of which nothing is left but zeros ends the region, and new lengths can make blocks
        # of what was behind one.
        made = super().sealed()
        while (read := type(self).from_bytes(made.to_bytes())) != made:
            made = super(BootErrorRegion, read).sealed()
        return made
