"""QEMU's ``etc/hardware_errors``, as it lies in the guest's memory.

For N sources: N addresses of status blocks, N read ack registers, N blocks of 1024 bytes.

Source:  QEMU docs/specs/acpi_hest_ghes.rst and hw/acpi/ghes.c
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from apeitool.capture.capture import Capture
from apeitool.qemu.command import LARGEST as BLOCK

_REGISTERS = 16
"""Bytes of both registers of a source."""
_MOST = 64


def sniff(data: bytes) -> bool:
    """Whether the addresses follow one another as QEMU, or the firmware, wrote them."""
    count, rest = divmod(len(data), _REGISTERS + BLOCK)
    if rest or not 0 < count <= _MOST:
        return False
    addresses = struct.unpack_from(f"<{count}Q", data)
    acknowledged = struct.unpack_from(f"<{count}Q", data, 8 * count)
    first = addresses[0]
    follows = all(address == first + BLOCK * i for i, address in enumerate(addresses))
    is_placed = first >= _REGISTERS * count and first % 8 == 0
    return follows and is_placed and all(ack in (0, 1) for ack in acknowledged)


def read(data: bytes, origin: str = "") -> Iterator[Capture]:
    """The status block of each source, with whether the guest has taken the last one."""
    from apeitool.qemu.layout import places  # who decodes a record does not need it

    count = len(data) // (_REGISTERS + BLOCK)
    for index, place in enumerate(places(count)):
        (ack,) = struct.unpack_from("<Q", data, place.acknowledge)
        start = place.block
        state = "acknowledged" if ack else "not acknowledged"
        yield Capture(data[start : start + BLOCK], "block", f"{origin}:block {index}, {state}")
