"""What a carrier carries."""

from __future__ import annotations

from typing import NamedTuple


class Capture(NamedTuple):
    """Bytes of one object.

    ``kind`` is what the caller or the carrier says they are, None where the bytes must tell;
    ``origin`` says where they were, for messages.  Where the carrier holds no bytes but tells of them,
    ``reconstructed`` says from what they were put together: what that does not tell is zero, and not
    marked valid.
    """

    data: bytes
    kind: str | None
    origin: str
    reconstructed: str = ""

    @property
    def place(self) -> str:
        """Where the bytes were, and that they were not there as such."""
        how = f" (reconstructed from {self.reconstructed})" if self.reconstructed else ""
        return self.origin + how

    def __bytes__(self) -> bytes:
        return self.data


SAMPLE = 4096
"""So many bytes at its beginning tell what a file is."""
