"""Where firmware keeps the records of an ERST: in memory, or in a file of our own.

A store is a mapping from identifiers to records.  An operation that returns is done, and stays done;
one that cannot be done raises StoreFull or StoreError.  The rules of our file,
whose frames are in `apeitool.store_file`:

1. Operations are appended.  One is done once its frame is on the disk.
2. A file that would have more than twice the capacity is compacted instead: replaced by one with a
   frame for each record that holds.
3. A store that is opened cuts off a torn tail.  One with damage is compacted at once, and the damaged
   file is kept beside it: nothing that somebody could still read is thrown away.
4. A record that has the store's mark in it makes the store take another one, by compacting it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Self

from apeitool.errors import StoreFull
from apeitool.firmware.durable import DurableFile
from apeitool.store_file import (
    FRAME,
    HEADER,
    Contents,
    Damage,
    Operation,
    StoreHeader,
    contents,
    crc32c,
    framed,
    is_unmade,
)

Store = MutableMapping[int, bytes]
"""What an ERST's firmware keeps records in."""

CAPACITY = 1 << 20
"""Bytes of frames that a store has room for, unless it is said."""


class MemoryStore(dict[int, bytes]):
    """Records in memory, which a loss of power takes; room for so many.

    Raises:  StoreFull.
    """

    def __init__(self, records: Mapping[int, bytes] | None = None, *, capacity: int = 1024) -> None:
        super().__init__(records or {})
        self._capacity = capacity

    def __setitem__(self, identifier: int, record: bytes) -> None:
        if identifier not in self and len(self) >= self._capacity:
            raise StoreFull(f"there is room for {self._capacity} records")
        super().__setitem__(identifier, record)


class FileStore(Store):
    """Records in a file that belongs to this process until it is closed."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = DurableFile(path)
        try:
            self._open(self._file.read())
        except BaseException:
            self.close()
            raise

    def _open(self, data: bytes) -> None:
        """Take over what the file holds."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class RecordStore(FileStore):
    """Records in a file of our own, which no loss of power takes.

    ``damage`` is what was wrong with the file when it was opened, ``kept`` where the damaged one is
    now, ``torn`` how many bytes of its tail were cut off.

    Units:   ``capacity`` in bytes of the records that hold, with 40 more for each.
    Raises:  StoreFull; StoreError when the file is no store, belongs to another process, or cannot
             be read or written.
    """

    def __init__(self, path: str | os.PathLike[str], *, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self.damage: tuple[Damage, ...] = ()
        self.torn = 0
        self.kept: Path | None = None
        super().__init__(path)

    def __getitem__(self, identifier: int) -> bytes:
        return self._found.records[identifier]

    def __iter__(self) -> Iterator[int]:
        return iter(self._found.records)

    def __len__(self) -> int:
        return len(self._found.records)

    def __setitem__(self, identifier: int, record: bytes) -> None:
        others = (len(r) for number, r in self._found.records.items() if number != identifier)
        left = self._capacity - FRAME - sum(FRAME + length for length in others)
        if len(record) > left:
            raise StoreFull(f"{len(record)} bytes, there is room for {max(left, 0)}")
        self._do(Operation.WRITE, identifier, bytes(record))

    def __delitem__(self, identifier: int) -> None:
        if identifier not in self:
            raise KeyError(identifier)
        self._do(Operation.CLEAR, identifier)

    def compact(self) -> None:
        """Replace the file by one with a frame for each record that holds."""
        self._rewrite(self._found.records)

    def _open(self, data: bytes) -> None:
        if is_unmade(data):
            self._rewrite({})
            return
        self._found = contents(data)
        self.damage, self.torn = tuple(self._found.damage), self._found.torn
        if self.damage:
            name = f"{self._file.path.name}.damaged-{crc32c(data):08x}"
            self.kept = self._file.keep(name, data)
            self._rewrite(self._found.records)
        elif self.torn:
            self._file.truncate(self._found.end)

    def _do(self, operation: Operation, identifier: int, record: bytes = b"") -> None:
        """Rules 1, 2 and 4."""
        found = self._found
        frame = framed(found.mark, found.sequence, operation, identifier, record)
        is_large = found.end + len(frame) > HEADER + 2 * self._capacity
        if is_large or _bytes(found.mark) in record:
            after = Contents(0, records=dict(found.records))
            after.apply(operation, identifier, record)
            self._rewrite(after.records)
            return
        self._file.append(frame, found.end)
        found.end += len(frame)
        found.apply(operation, identifier, record)

    def _rewrite(self, records: dict[int, bytes]) -> None:
        made = Contents(_fresh_mark(records))
        frames = [StoreHeader(mark=made.mark).to_bytes()]
        for identifier, record in records.items():
            frames.append(framed(made.mark, made.sequence, Operation.WRITE, identifier, record))
            made.end += len(frames[-1])
            made.apply(Operation.WRITE, identifier, record)
        self._file.replace(b"".join(frames))
        self._found = made


def _bytes(mark: int) -> bytes:
    return mark.to_bytes(8, "little")


def _fresh_mark(records: Mapping[int, bytes]) -> int:
    """A mark that no record has in it."""
    while True:
        mark = secrets.randbits(64) | 1
        if not any(_bytes(mark) in record for record in records.values()):
            return mark
