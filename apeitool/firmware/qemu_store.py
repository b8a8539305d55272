"""The file of QEMU's ``acpi-erst`` device as a store, while no QEMU has it.

It is written as QEMU writes it, but for one thing: whole, in the place of the old one, so that no
loss of power leaves half a record.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from apeitool.errors import StoreError, StoreFull
from apeitool.firmware.store import FileStore
from apeitool.qemu.erst_file import MAGIC, ErstMapEntry, ErstSlot, ErstStorage
from apeitool.wire.types import AUTO

_SLOT = 0x2000
_PAGE = 0x1000
_VERSION = 0x0100


class QemuStore(FileStore):
    """Records in slots.  A file that is not there, or holds but zeros, is made, with 8 KiB for each.

    Units:   ``size`` of a file that is not there in bytes.
    Raises:  StoreFull for a record that no slot is free for, or too long for one; StoreError when
             the file is none of QEMU's, belongs to another process, or cannot be read or written.
    Source:  QEMU hw/acpi/erst.c
    """

    def __init__(self, path: str | os.PathLike[str], *, size: int = 0x1_0000) -> None:
        self._size = size
        super().__init__(path)

    def __getitem__(self, identifier: int) -> bytes:
        return self._storage.records[identifier]

    def __iter__(self) -> Iterator[int]:
        return iter(self._storage.records)

    def __len__(self) -> int:
        return len(self._storage.records)

    def __setitem__(self, identifier: int, record: bytes) -> None:
        length = self._storage.record_size
        if len(record) > length:
            raise StoreFull(f"{len(record)} bytes, a slot has {length}")
        free = (i for i in range(self._first, self._last) if not self._storage.map[i].record_id)
        index = self._indices().get(identifier) or next(free, None)
        if index is None:
            raise StoreFull(f"there is room for {self._last - self._first} records")
        slots = list(self._storage.slots)
        slots[index - self._first] = ErstSlot(data=bytes(record).ljust(length, b"\xff"))
        self._map(index, identifier, slots)

    def __delitem__(self, identifier: int) -> None:
        self._map(self._indices()[identifier], 0, list(self._storage.slots))

    def _open(self, data: bytes) -> None:
        is_new = not any(data)
        size = len(data) or self._size
        if not is_new and size < ErstStorage.shortest:
            raise StoreError(f"{self._file.path}: {size} bytes are no record storage of QEMU")
        self._storage = _made(size) if is_new else ErstStorage.from_bytes(data)
        if complaint := _complaint(self._storage, size):
            raise StoreError(f"{self._file.path}: {complaint}")
        if is_new:
            self._file.replace(self._storage.to_bytes())
        self._first = self._storage.storage_offset // self._storage.record_size
        self._last = self._first + len(self._storage.slots)

    def _indices(self) -> dict[int, int]:
        """Record id -> index in the map; where slots share an id, that of the first."""
        used = [(number, index) for index, number, slot in self._storage.used() if slot]
        return dict(reversed(used))

    def _map(self, index: int, identifier: int, slots: list[ErstSlot]) -> None:
        entries = list(self._storage.map)
        entries[index] = ErstMapEntry(record_id=identifier)
        made = self._storage.replace(map=entries, slots=slots, record_count=AUTO)
        self._file.replace(made.to_bytes())
        self._storage = made


def _made(size: int) -> ErstStorage:
    """A storage without records."""
    count = size // _SLOT
    header = -(-(ErstStorage.shortest + 8 * count) // _SLOT)
    return ErstStorage(
        record_size=_SLOT,
        storage_offset=_SLOT * header,
        map=[ErstMapEntry()] * count,
        gap=bytes(_SLOT * header - ErstStorage.shortest - 8 * count),
        slots=[ErstSlot(data=bytes(_SLOT))] * (count - header),
    )


def _complaint(storage: ErstStorage, size: int) -> str:
    """Why QEMU would not take a file, or nobody could write to it."""
    slot, first = storage.record_size, storage.storage_offset
    if storage.magic != MAGIC or storage.version != _VERSION or storage.reserved:
        return "no record storage of QEMU"
    if slot < _PAGE or slot & slot - 1 or size % slot:
        return f"{size} bytes cannot be in slots of {slot}"
    if first % slot or not ErstStorage.shortest + 8 * (size // slot) <= first < size:
        return f"the first slot cannot be at {first:#x}"
    return ""
