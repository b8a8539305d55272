"""Guest-physical memory: the RAM of a QEMU process, shared with this one.

It is in banks, each a file that has no name and no place on disk: it lives in memory as long as
someone holds it open.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

from apeitool.errors import LabError

RESERVED_BASE = 0x500_0000
"""Where the range starts that an x86 guest's kernel leaves alone: room for error blocks.

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

    Units:   addresses and lengths in bytes.
    Raises:  LabError outside RAM and once closed.
    """

    def __init__(self, *banks: range) -> None:
        self._banks = [_Bank(bank) for bank in banks]

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The open file of each bank."""
        return tuple(bank.descriptor for bank in self._banks)

    def read(self, address: int, length: int) -> bytes:
        """The bytes at a guest-physical address."""
        bank, start = self._at(address, length)
        return bank.content[start : start + length]

    def write(self, address: int, data: bytes) -> None:
        """Store bytes at a guest-physical address."""
        bank, start = self._at(address, len(data))
        bank.content[start : start + len(data)] = data

    def close(self) -> None:
        """Let go of the RAM; the guest keeps its own hold."""
        for bank in self._banks:
            bank.close()

    def save(self, path: Path) -> str:
        """Copy the RAM to a sparse file, one bank behind the other; the digest of what it holds."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.truncate(descriptor, sum(len(bank.place) for bank in self._banks))
            digest, base = hashlib.sha256(), 0
            for bank in self._banks:
                for offset, chunk in _filled(bank.descriptor, 0, len(bank.place)):
                    _take(digest, base + offset, chunk)
                    os.pwrite(descriptor, chunk, base + offset)
                base += len(bank.place)
            return digest.hexdigest()
        finally:
            os.close(descriptor)

    def load(self, path: Path) -> str:
        """Fill a fresh RAM from a file that :meth:`save` wrote; the digest of what it held."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            digest, base = hashlib.sha256(), 0
            for bank in self._banks:
                for offset, chunk in _filled(descriptor, base, base + len(bank.place)):
                    _take(digest, offset, chunk)
                    os.pwrite(bank.descriptor, chunk, offset - base)
                base += len(bank.place)
            return digest.hexdigest()
        finally:
            os.close(descriptor)

    def _at(self, address: int, length: int) -> tuple[_Bank, int]:
        """The bank of some bytes, and where in it they start."""
        for bank in self._banks:
            if bank.content.closed:
                raise LabError("the guest's memory is closed")
            if 0 <= length <= bank.place.stop - address and address >= bank.place.start:
                return bank, address - bank.place.start
        banks = " and ".join(str(bank) for bank in self._banks)
        raise LabError(f"{length} bytes at {address:#x} are not in the guest's RAM, {banks}")


class _Bank:
    """Memory from one address to another."""

    def __init__(self, place: range) -> None:
        self.place = place
        self.descriptor = os.memfd_create("apeitool-guest-ram", os.MFD_CLOEXEC)
        os.truncate(self.descriptor, len(place))
        self.content = mmap.mmap(self.descriptor, len(place))

    def __str__(self) -> str:
        return f"{self.place.start:#x} to {self.place.stop - 1:#x}"

    def close(self) -> None:
        if not self.content.closed:
            self.content.close()
            os.close(self.descriptor)


def _take(digest: hashlib._Hash, offset: int, chunk: bytes) -> None:
    digest.update(offset.to_bytes(8, "little") + chunk)


def _filled(descriptor: int, offset: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The chunks of a part that are not all zero, so that holes and written zeros are the same."""
    end = min(end, os.fstat(descriptor).st_size)
    while offset < end:
        try:
            data = os.lseek(descriptor, offset, os.SEEK_DATA)
        except OSError:
            # ENXIO: only a hole is left. Any other trouble shows as bytes missing from the digest.
            return
        if data >= end:
            return
        offset = data - data % _CHUNK
        chunk = os.pread(descriptor, _CHUNK, offset)
        if chunk != _ZEROS[: len(chunk)]:
            yield offset, chunk
        offset += _CHUNK
