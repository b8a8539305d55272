"""For whom a plan is made: what holds where nothing is said."""

from __future__ import annotations

from typing import Any

from apeitool.lab.window import RESERVED_BASE, RESERVED_SIZE

_QEMU_IDS = {"oem_id": "BOCHS ", "oem_table_id": "BXPC    ", "creator_id": "BXPC"}

_QEMU_SOURCE = {
    "kind": "GhesV2",
    "max_sections_per_record": 1,
    "max_raw_data_length": 0x400,
    "error_status_block_length": 0x400,
}
"""As QEMU describes each of its sources."""

_SUPPORTED = ["MEMORY_CORRECTABLE", "MEMORY_UNCORRECTABLE_NON_FATAL", "MEMORY_UNCORRECTABLE_FATAL"]

_BARE = 0x8000_0000
_VIRT = 0x8000_0000
_Q35 = RESERVED_BASE
_BERT, _EINJ, _ERST = 0x10_0000, 0x14_0000, 0x18_0000
"""Where a preset's memory is; the tables of one preset can be used together."""

_RECORD_LENGTH = 0x2000

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "bare": {
        "hest": {"memory": _BARE, "sources": [{"kind": "GhesV2", "notification": "SEA"}]},
        "bert": {"memory": _BARE + _BERT},
        "einj": {"memory": _BARE + _EINJ, "supported": _SUPPORTED},
        "erst": {"memory": _BARE + _ERST, "record_length": _RECORD_LENGTH},
    },
    "qemu-virt": {
        "hest": {
            "memory": _VIRT,
            **_QEMU_IDS,
            "oem_revision": 1,
            "sources": [
                {**_QEMU_SOURCE, "source_id": 0, "notification": "SEA"},
                {**_QEMU_SOURCE, "source_id": 1, "notification": "GPIO_SIGNAL"},
            ],
        },
        "bert": {"memory": _VIRT + _BERT, **_QEMU_IDS},
        "einj": {"memory": _VIRT + _EINJ, **_QEMU_IDS, "supported": _SUPPORTED},
        "erst": {"memory": _VIRT + _ERST, **_QEMU_IDS, "record_length": _RECORD_LENGTH},
    },
    "qemu-q35": {
        "hest": {
            "memory": _Q35,
            "sources": [
                {"kind": "Ghes", "notification": "POLLED"},
                {"kind": "GhesV2", "notification": "NMI"},
            ],
        },
        "bert": {"memory": _Q35 + _BERT},
        "einj": {"memory": _Q35 + _EINJ, "supported": _SUPPORTED},
        "erst": {"memory": 0xFEBF_E000, **_QEMU_IDS, "style": "device"},
    },
}
"""What each preset says of each plan."""

ABOUT = {
    "bare": "Firmware of one's own. Choose memory that the memory map reserves.",
    "qemu-virt": (
        "QEMU's arm64 machine. Memory: -m 512M,slots=2,maxmem=2G with a pc-dimm at 0x80000000. The "
        "table goes into an initrd, as kernel/firmware/acpi/*.aml of an uncompressed cpio. It takes "
        "the place of QEMU's own when its oem_revision is higher than QEMU's, 1."
    ),
    "qemu-q35": (
        "QEMU's x86 machine. The table goes in by -acpitable file=FILE, the memory by -device "
        f"loader; the guest leaves it alone with memmap={RESERVED_SIZE:#x}${RESERVED_BASE:#x}. The ERST is the "
        "one of -device acpi-erst, whose memory is where the guest's firmware places its first BAR."
    ),
}
"""How a preset's table and memory reach the machine."""
