"""The header that every ACPI table begins with, and the checksum."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, U8, U32, Derived, Hex, Text, Unit

HEADER_LENGTH = 36
CHECKSUM_OFFSET = 9


def checksum_of(data: bytes) -> int:
    """The byte for offset 9 that makes the sum of a table's bytes 0 modulo 256."""
    return -(sum(data) - data[CHECKSUM_OFFSET]) & 0xFF


class Table(Structure):
    """An ACPI table: the 36 bytes that all tables have, then those of its kind.

    Shape:   36 bytes, little-endian, then the body.
    Units:   length in bytes, header included.
    Source:  ACPI 6.5 5.2.6
    """

    spells: ClassVar[str] = ""

    signature: Annotated[str, Text(4), Derived(lambda t: t.spells)] = AUTO
    length: Annotated[U32, Unit("bytes"), Derived(lambda t: t.own_length, last=True)] = AUTO
    revision: U8 = 1
    checksum: Annotated[
        U8, Hex, Derived(lambda t: checksum_of(t.to_bytes()[: t.own_length]), last=True)
    ] = AUTO
    oem_id: Annotated[str, Text(6)] = "APEITL"
    oem_table_id: Annotated[str, Text(8)] = "APEITOOL"
    oem_revision: Annotated[U32, Hex] = 1
    creator_id: Annotated[str, Text(4)] = "APEI"
    creator_revision: Annotated[U32, Hex] = 1

    @property
    def own_length(self) -> int:
        """Bytes that belong to the table: all but those that came behind it."""
        return self.size - len(getattr(self, "trailing", b""))

    def check(self) -> Iterator[Problem]:
        size = self.own_length
        if self.signature != self.spells:
            yield self.trouble(
                "table-signature", "signature", f"{self.signature!r} is not {self.spells!r}"
            )
        if self.length > size:
            yield self.trouble("truncated", "length", f"{self.length} bytes said, {size} are there")
            return
        if self.length < size:
            rule = f"{self.length} bytes said, the table's parts take {size}"
            yield self.trouble("table-length", "length", rule)
        if self.length <= CHECKSUM_OFFSET:
            return
        wanted = checksum_of(self.to_bytes()[: self.length])
        if wanted != self.checksum:
            rule = f"{self.checksum:#04x}, but the bytes add up to 0 with {wanted:#04x}"
            yield self.trouble("table-checksum", "checksum", rule)
