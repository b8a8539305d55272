"""Guest-physical memory: the RAM of a QEMU process, shared with this one.

RAM below 4 GiB starts at guest-physical address 0, so an address is an offset into the shared file.
The file has no name and no place on disk: it lives in memory as long as someone holds it open.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

from apeitool.errors import LabError

RESERVED_BASE = 0x500_0000
"""Where the range starts that the guest's kernel leaves alone: room for error blocks.

It lies between the kernel, which is loaded at 16 MiB, and what QEMU puts at the end of RAM (initrd
and ACPI tables), so that it holds for every size of RAM from 96 MiB up.
"""

RESERVED_SIZE = 0x20_0000
"""How many bytes from RESERVED_BASE the guest's kernel leaves alone."""

_CHUNK = 0x1_0000
_ZEROS = bytes(_CHUNK)


class GuestMemory:
    """Guest-physical RAM, readable and writable while the guest runs.

    A read or a write of 1, 2, 4 or 8 aligned bytes is one access; longer ones are not atomic.

    Units:   addresses and lengths in bytes; address 0 is the start of RAM.
    Raises:  LabError outside RAM and once closed.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.descriptor = os.memfd_create("apeitool-guest-ram", os.MFD_CLOEXEC)
        os.truncate(self.descriptor, length)
        self._bytes = mmap.mmap(self.descriptor, length)

    def read(self, address: int, length: int) -> bytes:
        """The bytes at a guest-physical address."""
        self._check(address, length)
        return self._bytes[address : address + length]

    def write(self, address: int, data: bytes) -> None:
        """Store bytes at a guest-physical address."""
        self._check(address, len(data))
        self._bytes[address : address + len(data)] = data

    def close(self) -> None:
        """Let go of the RAM; the guest keeps its own hold."""
        if not self._bytes.closed:
            self._bytes.close()
            os.close(self.descriptor)

    def save(self, path: Path) -> str:
        """Copy the RAM to a sparse file; the digest of what it holds."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.truncate(descriptor, self.length)
            return _copy(self.descriptor, descriptor)
        finally:
            os.close(descriptor)

    def load(self, path: Path) -> str:
        """Fill a fresh RAM from a file that :meth:`save` wrote; the digest of what it held."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _copy(descriptor, self.descriptor)
        finally:
            os.close(descriptor)

    def _check(self, address: int, length: int) -> None:
        if self._bytes.closed:
            raise LabError("the guest's memory is closed")
        if address < 0 or length < 0 or address + length > self.length:
            raise LabError(
                f"{length} bytes at {address:#x} are not in the guest's RAM of {self.length:#x}"
            )


def _copy(source: int, target: int) -> str:
    digest = hashlib.sha256()
    for offset, chunk in _filled(source):
        digest.update(offset.to_bytes(8, "little") + chunk)
        os.pwrite(target, chunk, offset)
    return digest.hexdigest()


def _filled(descriptor: int) -> Iterator[tuple[int, bytes]]:
    """The chunks that are not all zero, so that holes and written zeros are the same."""
    offset, end = 0, os.fstat(descriptor).st_size
    while offset < end:
        try:
            data = os.lseek(descriptor, offset, os.SEEK_DATA)
        except OSError:
            # ENXIO: only a hole is left. Any other trouble shows as bytes missing from the digest.
            return
        offset = data - data % _CHUNK
        chunk = os.pread(descriptor, _CHUNK, offset)
        if chunk != _ZEROS[: len(chunk)]:
            yield offset, chunk
        offset += _CHUNK
