"""What this machine itself has: tables, the boot error region, records that were kept.

Source:  Linux Documentation/ABI/testing/sysfs-firmware-acpi, pstore, filesystems/efivarfs.rst
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_PLACES = (
    "sys/firmware/acpi/tables/HEST",
    "sys/firmware/acpi/tables/BERT",
    "sys/firmware/acpi/tables/EINJ",
    "sys/firmware/acpi/tables/ERST",
    "sys/firmware/acpi/tables/data/BERT",
    "sys/firmware/efi/efivars/HwErrRec*",
    "sys/fs/pstore/*-erst-*",
    "var/lib/rasdaemon/ras-mc_event.db",
)
SMBIOS = "sys/firmware/dmi/tables/DMI"


def paths(root: Path = Path("/")) -> Iterator[Path]:
    """The files below ``root`` that hold tables and records, as far as they are there."""
    for place in _PLACES:
        yield from sorted(root.glob(place))


def smbios(root: Path = Path("/")) -> Path | None:
    """Where the SMBIOS table is, if this machine shows it."""
    path = root / SMBIOS
    return path if path.exists() else None
