"""The bytes of a section as the kernel reads them: through a pointer that knows no end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from apeitool.linux.accept import at
from apeitool.linux.features import Architecture, Features
from apeitool.wire.record import Structure

_S = TypeVar("_S", bound=Structure)


@dataclass(slots=True)
class Window:
    """A section of a block: where it begins there, and how long it says that it is.

    ``severity`` is that of its entry; ``before`` is how many characters the kernel has printed before
    each line of it.  ``strays`` tells, in the end, whether the kernel read bytes behind the block;
    they are not known, and taken for zero.
    """

    block: bytes
    start: int
    length: int
    severity: int
    features: Features
    architecture: Architecture
    before: int
    strays: bool = False

    def take(self, kind: type[_S], offset: int = 0, *, size: int = 0) -> _S:
        """A structure that begins there; of one with parts the fixed fields, or ``size`` bytes."""
        data = self._read(offset, size or kind.fixed_size)
        return kind.decode_at(data, 0, len(data))[0]

    def data(self, offset: int, length: int) -> bytes:
        """Bytes of the section and what follows it, as far as there are any in the block."""
        start = self.start + offset
        self.strays |= start + length > len(self.block)
        return self.block[start : start + length]

    def _read(self, offset: int, length: int) -> bytes:
        start = self.start + offset
        self.strays |= start + length > len(self.block)
        return at(self.block, start, length)
