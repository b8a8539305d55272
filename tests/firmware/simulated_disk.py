"""A disk in memory that loses, when the power fails, what was not synced: all of it, or some."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path("/disk")


class PowerFailure(BaseException):
    """Nothing catches it."""


@dataclass
class File:
    """``written`` are the writes since the last sync: (offset, bytes), or a length to cut to."""

    synced: bytes = b""
    held: bytes = b""
    written: list[tuple[int, bytes] | int] = field(default_factory=list)
    owner: int = 0

    def apply(self, change: tuple[int, bytes] | int, data: bytes) -> bytes:
        if isinstance(change, int):
            return data[:change].ljust(change, b"\0")
        offset, new = change
        return data[:offset].ljust(offset, b"\0") + new + data[offset + len(new) :]

    def do(self, change: tuple[int, bytes] | int) -> None:
        self.held = self.apply(change, self.held)
        self.written.append(change)


class SimulatedDisk:
    """Stands for the modules ``os`` and ``fcntl`` where `apeitool.firmware.durable` has them.

    ``calls_left`` until the power fails; ``fails`` maps the name of a call to the error it gives.
    """

    LOCK_EX, LOCK_NB = 2, 4

    def __init__(self) -> None:
        self.files: dict[int, File] = {}
        self.names: dict[str, int] = {}
        self.listings: list[dict[str, int]] = [{}]
        """What the folder was at the last sync, and after each change since."""
        self.descriptors: dict[int, int] = {}
        self.calls_left: int | None = None
        self.fails: dict[str, int] = {}
        self.left_zeros = False
        """Whether bytes of a write that was cut short are zeros now."""
        self._next = 100

    def __getattr__(self, name: str) -> Any:
        if name.startswith("O_"):
            return getattr(os, name)
        raise AttributeError(name)

    @property
    def path(self) -> "SimulatedDisk":
        return self

    def _call(self, name: str) -> None:
        if self.calls_left is not None:
            if self.calls_left <= 0:
                raise PowerFailure
            self.calls_left -= 1
        if name in self.fails:
            raise OSError(self.fails[name], os.strerror(self.fails[name]))

    def open(self, path: Path, flags: int, mode: int = 0) -> int:
        self._call("open")
        self._next += 1
        if flags & os.O_DIRECTORY:
            self.descriptors[self._next] = 0
            return self._next
        name = Path(path).name
        if name not in self.names:
            if not flags & os.O_CREAT:
                raise FileNotFoundError(errno.ENOENT, "no such file")
            self.files[self._next] = File()
            self._rename({**self.names, name: self._next})
        number = self.names[name]
        if flags & os.O_TRUNC:
            self.files[number].do(0)
        self.descriptors[self._next] = number
        return self._next

    def close(self, descriptor: int) -> None:
        self._call("close")
        file = self.files.get(self.descriptors.pop(descriptor))
        if file is not None and file.owner == descriptor:
            file.owner = 0

    def flock(self, descriptor: int, how: int) -> None:
        file = self.files[self.descriptors[descriptor]]
        if file.owner not in (0, descriptor):
            raise BlockingIOError
        file.owner = descriptor

    def fstat(self, descriptor: int) -> int:
        return self.descriptors[descriptor]

    def stat(self, path: Path) -> int:
        if path.name not in self.names:
            raise FileNotFoundError
        return self.names[path.name]

    def samestat(self, one: int, other: int) -> bool:
        return one == other

    def pread(self, descriptor: int, length: int, offset: int) -> bytes:
        self._call("pread")
        return self.files[self.descriptors[descriptor]].held[offset : offset + length]

    def pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        """It writes a part; where it fails, the part before the error was written."""
        part = bytes(data[: max(len(data) * 2 // 3, 1)])
        file = self.files[self.descriptors[descriptor]]
        try:
            self._call("pwrite")
        except (OSError, PowerFailure):
            file.do((offset, part))
            raise
        file.do((offset, part))
        return len(part)

    def ftruncate(self, descriptor: int, length: int) -> None:
        self._call("ftruncate")
        self.files[self.descriptors[descriptor]].do(length)

    def fsync(self, descriptor: int) -> None:
        number = self.descriptors[descriptor]
        self._call("fsync folder" if not number else "fsync")
        if number:
            file = self.files[number]
            file.synced, file.written = file.held, []
        else:
            self.listings = [self.names]

    def replace(self, old: Path, new: Path) -> None:
        self._call("replace")
        names = dict(self.names)
        names[new.name] = names.pop(old.name)
        self._rename(names)

    def unlink(self, path: Path) -> None:
        self._call("unlink")
        names = dict(self.names)
        del names[path.name]
        self._rename(names)

    def _rename(self, names: dict[str, int]) -> None:
        self.names = names
        self.listings.append(names)

    def lose_power(self, choose: Callable[[int], int]) -> None:
        """What is on the disk afterwards; ``choose(n)`` gives a number below n."""
        self.calls_left = None
        self.fails.clear()
        self.descriptors.clear()
        self.names = self.listings[choose(len(self.listings))]
        self.listings = [self.names]
        self.files = {
            number: self._left(self.files[number], choose) for number in self.names.values()
        }

    def _left(self, file: File, choose: Callable[[int], int]) -> File:
        data, whole = file.synced, choose(len(file.written) + 1)
        for change in file.written[:whole]:
            data = file.apply(change, data)
        if whole < len(file.written) and not isinstance(file.written[whole], int):
            offset, new = file.written[whole]  # type: ignore[misc]
            part = new[: choose(len(new) + 1)]
            if choose(2):
                # Some file systems have the length before they have the bytes.
                part = part.ljust(len(new), b"\0")
                self.left_zeros = True
            data = file.apply((offset, part), data)
        return File(data, data)
