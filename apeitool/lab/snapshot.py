"""Snapshots in the cache: a guest boots once and is restored ever after."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from apeitool.errors import LabError, QemuError
from apeitool.lab import cache
from apeitool.lab.boot import Boot
from apeitool.lab.guest import Guest

KEPT = 8
"""How many snapshots the cache keeps; each takes about as much disk as the guest has RAM in use."""


def restored_or_booted(
    boot: Boot, *, limit: float = 120, cache_directory: Path | None = None
) -> Guest:
    """A ready guest, restored from the snapshot of an equal ``boot``, which is made on first use.

    Whoever comes first boots, saves and ends that guest; everybody is given a restored one, so that
    all start from the same state. A snapshot that cannot be restored is made again.

    Units:   ``limit`` in seconds, for the boot and then for the restored guest.
    Raises:  MissingError, QemuError, LabError.
    """
    place = cache.made(cache.directory(cache_directory) / "snapshots")
    key = boot.key()
    path = place / key
    with cache.locked(place / f"{key}.lock"):
        if path.exists():
            try:
                return _restored(boot, path, limit)
            except (LabError, QemuError):
                shutil.rmtree(path, ignore_errors=True)
        with Guest(boot, limit=limit) as guest:
            guest.wait_ready(limit)
            guest.save(path)
        forget_oldest(place)
        return _restored(boot, path, limit)


def _restored(boot: Boot, path: Path, limit: float) -> Guest:
    guest = Guest(boot, snapshot=path, limit=limit)
    os.utime(path)
    return guest


def forget_oldest(place: Path) -> None:
    """Remove all but the snapshots used last; drafts of interrupted processes age as they do."""
    found = sorted((path for path in place.iterdir() if path.is_dir()), key=_age)
    for path in found[KEPT:]:
        key = path.name.partition(".")[0]
        with cache.locked(place / f"{key}.lock", wait=False) as free:
            if free:
                shutil.rmtree(path, ignore_errors=True)


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except FileNotFoundError:
        # Another process has just forgotten it.
        return 0
