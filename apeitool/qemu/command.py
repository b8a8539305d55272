"""Commands that QEMU's monitor takes.

Source:  QEMU qapi/acpi-hest.json and hw/acpi/ghes.c, seen on 11.1.3
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

from apeitool.acpi.status import HEADER_LENGTH, GenericErrorDataEntry, StatusBlock
from apeitool.errors import EncodeError

INJECT = "inject-ghes-v2-error"
LARGEST = 1024
"""So many bytes does QEMU take for a status block."""


def fitting(block: StatusBlock) -> Iterator[StatusBlock]:
    """The block if QEMU takes it, else its entries in blocks that QEMU takes, as far as there are such.

    A single entry that is too long stays so, and a block with more than entries is not taken apart.
    """
    is_plain = not (block.unparsed or block.gap or block.raw_data_length or block.trailing)
    if block.size <= LARGEST or not is_plain:
        yield block
        return
    group: list[GenericErrorDataEntry] = []
    for entry in block.entries:
        if group and HEADER_LENGTH + sum(each.size for each in group) + entry.size > LARGEST:
            yield _of(group, block)
            group = []
        group.append(entry)
    yield _of(group, block)


def _of(entries: list[GenericErrorDataEntry], block: StatusBlock) -> StatusBlock:
    return StatusBlock(entries=entries, error_severity=block.error_severity)


def inject(block: StatusBlock) -> str:
    """The command, a line of JSON, that has QEMU put a status block before its guest.

    Raises:  EncodeError as :func:`payload`.
    """
    return json.dumps({"execute": INJECT, "arguments": {"cper": payload(block)}})


def payload(block: StatusBlock) -> str:
    """The bytes of a status block, as QEMU takes them.

    Raises:  EncodeError for a block that QEMU refuses, and for two that it should refuse: one whose status is
             clear wedges the source, since the guest never acknowledges it; of one that says it is
             longer than it is the guest reads on in what was there before.
    """
    data = block.to_bytes()
    if len(data) > LARGEST:
        raise EncodeError(f"{len(data)} bytes, but QEMU takes {LARGEST}", path="StatusBlock")
    if block.is_empty:
        raise EncodeError(
            "no error is recorded: the guest would never acknowledge it",
            path="StatusBlock.block_status",
        )
    said = max(
        HEADER_LENGTH + block.data_length,
        block.raw_data_offset + block.raw_data_length if block.raw_data_length else 0,
    )
    if said > len(data):
        raise EncodeError(
            f"{said} bytes said, {len(data)} are there: the guest would read on in the block before",
            path="StatusBlock.data_length",
        )
    return base64.b64encode(data).decode("ascii")
