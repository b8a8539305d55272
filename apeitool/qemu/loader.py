"""QEMU's linker/loader script (``etc/table-loader``): what the guest's firmware does with QEMU's tables.

QEMU does not know where firmware will put them, so it says which files to place, and where in them the
address of which is to be added.

Source:  QEMU hw/acpi/bios-linker-loader.c
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from apeitool.errors import EncodeError
from apeitool.wire.labels import Label
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, U8, U32, Bytes, Derived, Many, Rest, Text, Unit, u8, u32

LENGTH = 128
"""Bytes of every command."""


class LoaderOperation(Label):
    """What a command has firmware do."""

    ALLOCATE = 1
    ADD_POINTER = 2
    ADD_CHECKSUM = 3
    WRITE_POINTER = 4


class LoaderZone(Label):
    """Where in memory a file is put."""

    HIGH = 1
    F_SEGMENT = 2


class LoaderCommand(Structure):
    """What every command of the script begins with.

    Shape:   4 bytes, little-endian; a command has 128.
    Source:  QEMU hw/acpi/bios-linker-loader.c
    """

    writes: ClassVar[int] = 0

    command: Annotated[LoaderOperation, u32, Derived(lambda c: c.writes)] = AUTO


class LoaderUnknown(LoaderCommand):
    """A command that firmware passes over.

    Shape:   128 bytes.
    Source:  QEMU hw/acpi/bios-linker-loader.c
    """

    data: Annotated[bytes, Bytes(124)] = bytes(124)


class LoaderAllocate(LoaderCommand):
    """A file is loaded into memory.

    Shape:   128 bytes, little-endian.
    Units:   alignment in bytes.
    Source:  QEMU hw/acpi/bios-linker-loader.c
    """

    writes: ClassVar[int] = LoaderOperation.ALLOCATE

    file: Annotated[str, Text(56)] = ""
    alignment: Annotated[U32, Unit("bytes")] = 8
    zone: Annotated[LoaderZone, u8] = LoaderZone.HIGH
    padding: Annotated[bytes, Bytes(63)] = bytes(63)


class LoaderAddPointer(LoaderCommand):
    """The address of a file is added to what another has at an offset.

    Shape:   128 bytes, little-endian.
    Units:   offset and size in bytes.
    Source:  QEMU hw/acpi/bios-linker-loader.c
    """

    writes: ClassVar[int] = LoaderOperation.ADD_POINTER

    destination_file: Annotated[str, Text(56)] = ""
    source_file: Annotated[str, Text(56)] = ""
    offset: Annotated[U32, Unit("bytes")] = 0
    pointer_size: Annotated[U8, Unit("bytes")] = 8
    padding: Annotated[bytes, Bytes(7)] = bytes(7)


class LoaderAddChecksum(LoaderCommand):
    """A byte of a file is set so that a part of it adds up to 0.

    Shape:   128 bytes, little-endian.
    Units:   offset (of the byte), start and length (of the part) in bytes.
    Source:  QEMU hw/acpi/bios-linker-loader.c
    """

    writes: ClassVar[int] = LoaderOperation.ADD_CHECKSUM

    file: Annotated[str, Text(56)] = ""
    offset: Annotated[U32, Unit("bytes")] = 0
    start: Annotated[U32, Unit("bytes")] = 0
    length: Annotated[U32, Unit("bytes")] = 0
    padding: Annotated[bytes, Bytes(56)] = bytes(56)


class LoaderWritePointer(LoaderCommand):
    """The address of a file is written back into another, for QEMU to read.

    Shape:   128 bytes, little-endian.
    Units:   offsets and size in bytes.
    Source:  QEMU hw/acpi/bios-linker-loader.c
    """

    writes: ClassVar[int] = LoaderOperation.WRITE_POINTER

    destination_file: Annotated[str, Text(56)] = ""
    source_file: Annotated[str, Text(56)] = ""
    destination_offset: Annotated[U32, Unit("bytes")] = 0
    source_offset: Annotated[U32, Unit("bytes")] = 0
    pointer_size: Annotated[U8, Unit("bytes")] = 8
    padding: Annotated[bytes, Bytes(3)] = bytes(3)


_KINDS: dict[int, type[LoaderCommand]] = {
    kind.writes: kind
    for kind in (LoaderAllocate, LoaderAddPointer, LoaderAddChecksum, LoaderWritePointer)
}


def _kind(_: Any, buffer: bytes, position: int, end: int) -> type[Structure] | None:
    number = int.from_bytes(buffer[position : position + 4], "little")
    return _KINDS.get(number, LoaderUnknown)


class TableLoader(Structure):
    """The whole script.

    Shape:   commands of 128 bytes each.
    Source:  QEMU hw/acpi/bios-linker-loader.c
    """

    commands: Annotated[Sequence[LoaderCommand], Many(_kind)] = ()
    trailing: Annotated[Rest, "less than a command"] = b""

    def about(self, *files: str) -> tuple[LoaderCommand, ...]:
        """The commands that name one of these files."""
        return tuple(c for c in self.commands if {*files} & {*_named(c)})


def _named(command: LoaderCommand) -> Iterator[str]:
    for name in ("file", "destination_file", "source_file"):
        if hasattr(command, name):
            yield getattr(command, name)


def linked(
    commands: Sequence[LoaderCommand], files: Mapping[str, bytes], addresses: Mapping[str, int]
) -> dict[str, bytes]:
    """The files as firmware leaves them, which put them at these addresses.

    Raises:  EncodeError for a command that leads out of its file, or names one that is not here.
    """
    made = {name: bytearray(content) for name, content in files.items()}
    for number, command in enumerate(commands):
        try:
            _carry_out(command, made, addresses)
        except (KeyError, IndexError, OverflowError) as error:
            raise EncodeError(
                f"{command.command.text} cannot be carried out: {error}",
                path=f"TableLoader.commands[{number}]",
            ) from error
    return {name: bytes(content) for name, content in made.items()}


def _carry_out(
    command: LoaderCommand, made: dict[str, bytearray], addresses: Mapping[str, int]
) -> None:
    match command:
        case LoaderAddPointer():
            content, size = made[command.destination_file], command.pointer_size
            place = slice(command.offset, command.offset + size)
            if place.stop > len(content):
                raise IndexError(f"{command.destination_file} has {len(content)} bytes")
            value = int.from_bytes(content[place], "little") + addresses[command.source_file]
            if value >> 8 * size:
                raise OverflowError(f"{value:#x} does not go into {size} bytes")
            content[place] = value.to_bytes(size, "little")
        case LoaderAddChecksum():
            content = made[command.file]
            part = content[command.start : command.start + command.length]
            offset = command.offset - command.start
            if len(part) != command.length or not 0 <= offset < len(part):
                raise IndexError(f"{command.file} has {len(content)} bytes")
            content[command.offset] = (content[command.offset] - sum(part)) & 0xFF
