"""HEST and ``etc/hardware_errors`` as QEMU lays them out for the sources of a machine.

1. ``etc/hardware_errors`` has, for N sources, N addresses of status blocks, N read ack registers that say 1
   (the guest has acknowledged), and N blocks of 1024 bytes.  An address is the offset of its block,
   until firmware adds to it where it put the file.
2. HEST has a GHESv2 source for each, whose registers are the offsets of those, to which firmware adds too.
3. QEMU has to find a block again.  Since 10.2 it reads the HEST in the guest's memory, whose address
   firmware writes into ``etc/acpi_table_hest_addr``; before, it was told the address of the file itself,
   and there was one source.

Source:  QEMU hw/acpi/ghes.c and docs/specs/acpi_hest_ghes.rst, seen on 7.2.22 and 11.1.3
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from apeitool.acpi.header import CHECKSUM_OFFSET, HEADER_LENGTH
from apeitool.acpi.hest.generic import GhesV2
from apeitool.acpi.hest.notification import Notification, NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.qemu.command import LARGEST
from apeitool.qemu.loader import (
    LoaderAddChecksum,
    LoaderAddPointer,
    LoaderAllocate,
    LoaderCommand,
    LoaderWritePointer,
    linked,
)
from apeitool.registers.address import GenericAddress

HARDWARE_ERRORS = "etc/hardware_errors"
TABLES = "etc/acpi/tables"
HEST_ADDRESS = "etc/acpi_table_hest_addr"
ERRORS_ADDRESS = "etc/hardware_errors_addr"

OF_QEMU = (NotificationType.SEA, NotificationType.GPIO_SIGNAL)
"""The sources of QEMU 10.2 and later; of earlier ones, the first alone."""

_REGISTER = 8
_IN_REGISTER = 4
"""Where in a register of a source its address is."""
_SOURCES = HEADER_LENGTH + 4
"""Where in HEST the first source is."""


@dataclass(frozen=True)
class Layout:
    """What QEMU gives to firmware, before firmware has placed it; ``commands`` in QEMU's order."""

    hest: bytes
    hardware_errors: bytes
    commands: tuple[LoaderCommand, ...]
    hest_offset: int = 0

    def placed(self, address: int) -> tuple[bytes, bytes]:
        """HEST and ``etc/hardware_errors`` as the guest has them, the latter at an address.

        Raises:  EncodeError when the address leaves no room for the last block.
        """
        tables = bytes(self.hest_offset) + self.hest
        files = {TABLES: tables, HARDWARE_ERRORS: self.hardware_errors}
        made = linked(self.commands, files, {HARDWARE_ERRORS: address, TABLES: 0})
        return made[TABLES][self.hest_offset :], made[HARDWARE_ERRORS]


class Place(NamedTuple):
    """Where in ``etc/hardware_errors`` a source has its address, its Read Ack and its block."""

    status: int
    acknowledge: int
    block: int


def places(count: int) -> list[Place]:
    """Those of so many sources: rule 1."""
    blocks = 2 * _REGISTER * count
    return [
        Place(_REGISTER * n, _REGISTER * (count + n), blocks + LARGEST * n) for n in range(count)
    ]


def layout(
    notifications: Sequence[NotificationType] = OF_QEMU,
    *,
    hest_offset: int = 0,
    reads_hest: bool = True,
) -> Layout:
    """What QEMU makes for sources that notify so; their ids are 0, 1, ...

    ``hest_offset`` is where in ``etc/acpi/tables`` HEST is, and where the commands say that it is.
    ``reads_hest`` is rule 3, as of QEMU 10.2.

    Units:   offset in bytes.
    """
    count = len(notifications)
    table = Hest(
        oem_id="BOCHS ", oem_table_id="BXPC    ", creator_id="BXPC",
        sources=[
            _source(number, kind, place)
            for number, (kind, place) in enumerate(zip(notifications, places(count), strict=True))
        ],
    )  # fmt: skip
    hest = bytearray(table.to_bytes())
    hest[CHECKSUM_OFFSET] = 0
    blob = b"".join(_u64(place.block) for place in places(count)) + _u64(1) * count
    commands = _commands(count, hest_offset, len(hest), reads_hest=reads_hest)
    return Layout(bytes(hest), blob + bytes(LARGEST * count), tuple(commands), hest_offset)


def _source(number: int, kind: NotificationType, place: Place) -> GhesV2:
    return GhesV2(
        source_id=number,
        number_of_records_to_preallocate=1,
        max_sections_per_record=1,
        max_raw_data_length=LARGEST,
        error_status_address=GenericAddress.memory(place.status),
        notification=Notification(type=kind),
        error_status_block_length=LARGEST,
        read_ack_register=GenericAddress.memory(place.acknowledge),
    )


def _commands(count: int, offset: int, length: int, *, reads_hest: bool) -> Iterator[LoaderCommand]:
    """What is about these files, in QEMU's order; its script has others in between."""
    yield LoaderAllocate(file=HARDWARE_ERRORS, alignment=8)
    for place in places(count):
        yield _add(HARDWARE_ERRORS, place.status)
    if not reads_hest:
        yield LoaderWritePointer(destination_file=ERRORS_ADDRESS, source_file=HARDWARE_ERRORS)
    offsets = {f.name: f.offset or 0 for f in GhesV2.fields}
    for number in range(count):
        source = offset + _SOURCES + GhesV2.fixed_size * number
        for register in ("error_status_address", "read_ack_register"):
            yield _add(TABLES, source + offsets[register] + _IN_REGISTER)
    yield LoaderAddChecksum(
        file=TABLES, offset=offset + CHECKSUM_OFFSET, start=offset, length=length
    )
    if reads_hest:
        yield LoaderWritePointer(
            destination_file=HEST_ADDRESS, source_file=TABLES, source_offset=offset
        )


def _add(file: str, offset: int) -> LoaderAddPointer:
    """The address of ``etc/hardware_errors`` is added to what a file has there."""
    return LoaderAddPointer(destination_file=file, source_file=HARDWARE_ERRORS, offset=offset)


def _u64(value: int) -> bytes:
    return value.to_bytes(8, "little")
