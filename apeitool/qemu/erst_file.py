"""The file in which QEMU's ``acpi-erst`` device keeps error records."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Self

from apeitool.cper.record import SIGNATURE, Record
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    U16,
    U32,
    U64,
    Derived,
    Hex,
    Raw,
    Rest,
    Strided,
    Text,
    Unit,
)

MAGIC = "ERSTSTOR"
_FIELDS = {f.name: f for f in Record.fields}


def _number(record: bytes, name: str) -> int:
    """An integer of a record's header, which `Record` says the place of."""
    field = _FIELDS[name]
    start = field.offset or 0
    return int.from_bytes(record[start : start + field.kind.size], "little")  # type: ignore[attr-defined]


class ErstStorageHeader(Structure):
    """Header of the backing storage.

    Shape:   24 bytes, little-endian.
    Units:   record size (the length of a slot) and storage offset (of the first slot) in bytes.
    Source:  QEMU hw/acpi/erst.c
    """

    magic: Annotated[str, Text(8), Derived(lambda s: MAGIC)] = AUTO
    record_size: Annotated[U32, Hex, Unit("bytes"), "length of a slot"] = 0x2000
    storage_offset: Annotated[U32, Hex, Unit("bytes"), "of the first slot"] = 0x2000
    version: Annotated[U16, Hex] = 0x0100
    reserved: Annotated[U16, Hex] = 0
    record_count: Annotated[U32, "records that are not deleted"] = 0

    def check(self) -> Iterator[Problem]:
        if self.magic != MAGIC:
            rule = f"{self.magic!r} is not {MAGIC!r}"
            yield self.trouble("store-signature", "magic", rule)


class ErstMapEntry(Structure):
    """Entry of the map: whose record a slot holds; 0 is a free slot.

    Shape:   8 bytes, little-endian.
    Source:  QEMU hw/acpi/erst.c
    """

    record_id: Annotated[U64, Hex] = 0


class ErstSlot(Structure):
    """A slot: a record and what an earlier, longer one left behind it.

    Shape:   as long as the header says.
    Source:  QEMU hw/acpi/erst.c
    """

    data: Rest = b""

    @property
    def record_id(self) -> int | None:
        """The id that the record has itself; None where there is no record."""
        is_record = self.data.startswith(SIGNATURE.encode()) and len(self.data) >= Record.fixed_size
        return _number(self.data, "record_id") if is_record else None

    @property
    def record(self) -> bytes:
        """The record, as long as it says; the whole slot where that cannot be."""
        length = _number(self.data, "record_length")
        return self.data[:length] if Record.fixed_size <= length else self.data


def _entries(store: Any, buffer: bytes, start: int, position: int, end: int) -> list[int]:
    """Ends of the map's entries: one for each slot that the file has, the header's own too."""
    slots = (end - start) // store.record_size if store.record_size else 0
    room = min(end, start + store.storage_offset) - position
    return [position + 8 * (i + 1) for i in range(min(slots, room // 8))]


def _slots(store: Any, buffer: bytes, start: int, position: int, end: int) -> list[int]:
    """Ends of the slots that are there whole."""
    size = store.record_size
    return list(range(position + size, end + 1, size)) if size else []


class ErstStorage(ErstStorageHeader):
    """Backing storage of the error record serialization device.

    The bytes of deleted records stay in their slots; the map alone tells which are in use.

    Shape:   24 bytes, little-endian, the map, then slots.
    Raises:  Truncated when fewer than 24 bytes are given.
    Source:  QEMU hw/acpi/erst.c
    """

    record_count: Annotated[
        U32, "records that are not deleted", Derived(lambda s: sum(1 for _ in s.used()))
    ] = AUTO
    map: Annotated[
        Sequence[ErstMapEntry], Strided(ErstMapEntry, _entries), "the header's own slot comes first"
    ] = ()
    gap: Annotated[bytes, Raw(until="storage_offset"), "room for a longer map"] = b""
    slots: Annotated[Sequence[ErstSlot], Strided(ErstSlot, _slots)] = ()
    trailing: Annotated[Rest, "less than a slot"] = b""

    def used(self) -> Iterator[tuple[int, int, ErstSlot | None]]:
        """(index, record id, slot) of each entry in use; the header's own slots hold no record."""
        first = self.storage_offset // self.record_size if self.record_size else 0
        for index, entry in enumerate(self.map):
            if entry.record_id:
                slot = index - first
                is_there = 0 <= slot < len(self.slots)
                yield index, entry.record_id, self.slots[slot] if is_there else None

    @property
    def records(self) -> dict[int, bytes]:
        """Record id -> the record's bytes; where slots share an id, those of the first."""
        found: dict[int, bytes] = {}
        for _, record_id, slot in self.used():
            if slot is not None:
                found.setdefault(record_id, slot.record)
        return found

    def sealed(self) -> Self:
        """A copy whose count follows from its map, and the map's ids from the records."""
        entries = list(self.map)
        for index, _, slot in self.used():
            own = slot.record_id if slot else None
            if own is not None:
                entries[index] = ErstMapEntry(record_id=own)
        return self.replace(magic=AUTO, record_count=AUTO, map=entries)

    def check(self) -> Iterator[Problem]:
        yield from super().check()
        used = list(self.used())
        if self.record_count != len(used):
            rule = f"{self.record_count} said, {len(used)} slots are in use"
            yield self.trouble("record-count", "record_count", rule)
        for index, record_id, slot in used:
            own = slot.record_id if slot else None
            if own == record_id:
                continue
            id = "record-signature" if own is None else "record-id"
            held = "no record" if own is None else f"record {own:#x}"
            rule = f"record {record_id:#x} said, slot {index} holds {held}"
            at = self.fixed_size + ErstMapEntry.fixed_size * index
            yield Problem(id, at, f"map[{index}].record_id", rule, self.source)
        if any(self.gap):
            rule = "behind the map, which has an entry for each slot of the file, are zeros"
            yield self.trouble("entry-rest", "gap", rule)
