"""Commands that QEMU's monitor takes.

Source:  QEMU qapi/acpi-hest.json and hw/acpi/ghes.c, seen on 11.1.3
"""

from __future__ import annotations

import base64
import json

from apeitool.acpi.status import StatusBlock
from apeitool.errors import EncodeError

INJECT = "inject-ghes-v2-error"
LARGEST = 1024
"""So many bytes does QEMU take for a status block."""


def inject(block: StatusBlock) -> str:
    """The command, a line of JSON, that has QEMU put a status block before its guest.

    Raises:  EncodeError for a block that QEMU refuses, and for one that wedges the source: a guest
             never acknowledges a block whose status is clear.
    """
    data = block.to_bytes()
    if len(data) > LARGEST:
        raise EncodeError(f"{len(data)} bytes, but QEMU takes {LARGEST}", path="StatusBlock")
    if block.is_empty:
        raise EncodeError(
            "no error is recorded: the guest would never acknowledge it",
            path="StatusBlock.block_status",
        )
    payload = base64.b64encode(data).decode("ascii")
    return json.dumps({"execute": INJECT, "arguments": {"cper": payload}})
