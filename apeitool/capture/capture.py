"""What a carrier carries."""

from __future__ import annotations

from typing import NamedTuple


class Capture(NamedTuple):
    """Bytes of one object.

    ``kind`` is what the caller or the carrier says they are, None where the bytes must tell;
    ``origin`` says where they were, for messages.
    """

    data: bytes
    kind: str | None
    origin: str

    def __bytes__(self) -> bytes:
        return self.data


SAMPLE = 4096
"""So many bytes at its beginning tell what a file is."""
