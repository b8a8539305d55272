"""A file whose bytes are on the disk once it has been told so.

The rules:

1. What is appended is synced before anyone is told.  What cannot be written whole is taken back.
2. Once syncing has failed, nobody knows what is on the disk: the file takes nothing more until it is
   opened anew.
3. A file is replaced by writing another one beside it, syncing that, giving it the name, and syncing
   the folder.  Whenever the power fails, one of both has the name, whole.
4. A file belongs to one process at a time.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from apeitool.errors import StoreError, StoreFull

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TRIES = 8


class DurableFile:
    """A file that is held open, and made if it is not there.

    Raises:  StoreFull when the disk has no room; StoreError when it cannot be opened, read or
             written, or belongs to another process.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._broken = ""
        self._descriptor = -1
        with self._telling():
            self._descriptor = _locked(self.path)
            _sync_folder(self.path)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
        self._broken = "closed"

    def read(self) -> bytes:
        """All of it."""
        with self._telling():
            pieces, offset = [], 0
            while piece := os.pread(self._descriptor, _PIECE, offset):
                pieces.append(piece)
                offset += len(piece)
            return b"".join(pieces)

    def append(self, data: bytes, end: int) -> None:
        """Rule 1: bytes behind the first ``end`` ones."""
        with self._telling():
            try:
                _write(self._descriptor, data, end)
            except OSError:
                self._cut(end)
                raise
            self._sync()

    def truncate(self, end: int) -> None:
        """Cut off all but the first bytes."""
        with self._telling():
            self._cut(end)
            self._sync()

    def replace(self, data: bytes) -> None:
        """Rule 3."""
        with self._telling():
            new = self.path.with_name(f"{self.path.name}.new")
            descriptor = _written(new, data)
            try:
                os.replace(new, self.path)
            except OSError:
                os.close(descriptor)
                with suppress(OSError):
                    os.unlink(new)
                raise
            os.close(self._descriptor)
            self._descriptor = descriptor
            try:
                _sync_folder(self.path)
            except OSError as wrong:
                self._broken = f"the folder cannot be synced: {wrong.strerror}"
                raise

    def keep(self, name: str, data: bytes) -> Path:
        """Write bytes to a file of another name beside this one."""
        beside = self.path.with_name(name)
        with self._telling():
            os.close(_written(beside, data))
            _sync_folder(beside)
        return beside

    def _cut(self, end: int) -> None:
        try:
            os.ftruncate(self._descriptor, end)
        except OSError as wrong:
            self._broken = f"it cannot be cut: {wrong.strerror}"
            raise

    def _sync(self) -> None:
        try:
            os.fsync(self._descriptor)
        except OSError as wrong:
            self._broken = f"it cannot be synced: {wrong.strerror}"
            raise

    @contextmanager
    def _telling(self) -> Iterator[None]:
        if self._broken:
            raise StoreError(f"{self.path}: {self._broken}")
        try:
            yield
        except OSError as wrong:
            kind = StoreFull if wrong.errno in _FULL else StoreError
            raise kind(f"{self.path}: {wrong.strerror}") from wrong


_PIECE = 1 << 20


def _locked(path: Path) -> int:
    """Rule 4: the file that has the name, and not one that it was taken from while we looked."""
    for _ in range(_TRIES):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise StoreError(f"{path}: another process has it") from None
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise StoreError(f"{path}: another process keeps replacing it")


def _written(path: Path, data: bytes) -> int:
    """A file with these bytes, on the disk and locked, but perhaps without its name."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _write(descriptor, data, 0)
        os.fsync(descriptor)
    except BaseException:
        os.close(descriptor)
        with suppress(OSError):
            os.unlink(path)
        raise
    return descriptor


def _write(descriptor: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        count = os.pwrite(descriptor, rest, offset)
        offset += count
        rest = rest[count:]


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
