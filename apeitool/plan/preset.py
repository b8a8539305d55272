"""For whom a plan is made: what holds where nothing is said."""

from __future__ import annotations

from typing import Any

from apeitool.lab.window import RESERVED_BASE, RESERVED_SIZE
from apeitool.qemu.arguments import MODULE

_BARE = 0x8000_0000
_VIRT = MODULE
"""A pc-dimm there would be busy:
Linux takes it for RAM of its own, and then finds no place for what BERT, EINJ and ERST lead to."""

_BERT, _EINJ, _ERST = 0x10_0000, 0x14_0000, 0x18_0000
"""Where a preset's memory is; the tables of one preset can be used together."""

_QEMU = {"oem_id": "BOCHS ", "oem_table_id": "BXPC    ", "creator_id": "BXPC"}
"""How QEMU signs its tables."""


def _of_qemu(source_id: int, told_by: str) -> dict[str, Any]:
    """A source as QEMU describes it."""
    return {
        "kind": "GhesV2",
        "source_id": source_id,
        "notification": {"type": told_by},
        "error_status_block_length": 0x400,
        "max_sections_per_record": 1,
        "max_raw_data_length": 0x400,
    }


def _elsewhere(base: int, **said: Any) -> dict[str, dict[str, Any]]:
    """The tables beside HEST."""
    places = {"bert": _BERT, "einj": _EINJ, "erst": _ERST}
    return {name: {"memory": base + offset, **said} for name, offset in places.items()}


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "bare": {
        "hest": {
            "memory": _BARE,
            "sources": [{"kind": "GhesV2", "notification": {"type": "SEA"}, "count": 1}],
        },
        **_elsewhere(_BARE),
    },
    "qemu-virt": {
        "hest": {
            "memory": _VIRT,
            **_QEMU,
            "sources": [_of_qemu(0, "SEA"), _of_qemu(1, "GPIO_SIGNAL")],
        },
        **_elsewhere(_VIRT, **_QEMU),
    },
    "qemu-q35": {
        "hest": {
            "memory": RESERVED_BASE,
            "sources": [
                {"kind": "Ghes", "notification": {"type": "POLLED", "poll_interval": 1000}},
                {"kind": "GhesV2", "notification": {"type": "NMI"}},
            ],
        },
        **_elsewhere(RESERVED_BASE),
    },
}
"""What each preset says of each plan."""

ABOUT = {
    "bare": "Firmware of one's own: choose memory that its memory map reserves.",
    "qemu-virt": (
        "QEMU's arm64 machine, its HEST as QEMU 10.2 and later lay it out. The memory is an nvdimm's, "
        "which the kernel leaves alone: -machine virt,nvdimm=on -m 512M,slots=2,maxmem=2G -object "
        "memory-backend-file,id=d,size=128M,share=on,mem-path=FILE -device nvdimm,memdev=d; "
        f"{_VIRT:#x} is the start of FILE. Tables go into an uncompressed cpio before the initrd, as "
        "kernel/firmware/acpi/NAME.aml; one that QEMU has too needs an oem_revision above 1."
    ),
    "qemu-q35": (
        "QEMU's x86 machine. A table goes in with -acpitable file=FILE, its memory with -device "
        "loader,file=FILE,addr=ADDRESS,force-raw=on; the kernel leaves it alone with "
        f"memmap={RESERVED_SIZE:#x}${RESERVED_BASE:#x}, as `apeitool lab run` has it."
    ),
}
"""How a preset's table and memory reach the machine."""
