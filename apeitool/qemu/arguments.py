"""Arguments that give tables of one's own, and the memory that they lead to, to a guest of QEMU.

Source:  qemu-system-x86_64(1): -acpitable, -device loader; qemu-system-aarch64(1): -device nvdimm
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from apeitool.errors import EncodeError

VIRT_RAM = 0x4000_0000
"""Where the virt machine has its RAM."""
MODULE = 0x8000_0000
"""Where the virt machine has its first memory module, with up to 1 GiB of RAM."""
MODULE_LENGTH = 0x800_0000
"""A module of Linux for arm64 has a multiple of so many bytes."""


def for_x86(tables: Sequence[Path], pieces: Mapping[int, Path]) -> list[str]:
    """Tables by name, and pieces of memory by address; Linux has to leave these alone (memmap=)."""
    given: list[str] = []
    for table in tables:
        given += ["-acpitable", f"file={_escaped(table)}"]
    for address, piece in pieces.items():
        given += ["-device", f"loader,file={_escaped(piece)},addr={address:#x},force-raw=on"]
    return given


def for_arm64(pieces: Mapping[int, bytes], path: Path) -> tuple[list[str], bytes | None]:
    """Pieces of memory by address: arguments for a module at ``path``, and what is to be in it.

    Raises:  EncodeError for a piece that no module can hold.
    """
    if not pieces:
        return [], None
    end = max(address + len(data) for address, data in pieces.items())
    length = -(-(end - MODULE) // MODULE_LENGTH) * MODULE_LENGTH
    outside = [a for a in pieces if a < MODULE]
    if outside or length > _MOST:
        where = outside[0] if outside else end
        rule = f"{where:#x} is not in a module, which begins at {MODULE:#x} and has at most 1 GiB"
        raise EncodeError(rule, path="memory")
    module = bytearray(length)
    for address, data in pieces.items():
        module[address - MODULE : address - MODULE + len(data)] = data
    content = f"id=apei,size={length:#x},mem-path={_escaped(path)},share=on"
    return [
        "-machine", "virt,nvdimm=on", "-m", "512M,slots=1,maxmem=4G",
        "-object", f"memory-backend-file,{content}", "-device", "nvdimm,memdev=apei",
    ], bytes(module)  # fmt: skip


_MOST = 1 << 30


def _escaped(path: Path) -> str:
    """A path where a comma ends a value, unless it is doubled."""
    return str(path).replace(",", ",,")
