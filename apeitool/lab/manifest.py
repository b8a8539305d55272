"""What the cache holds of which package, in which version, with which digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from apeitool.lab import cache


@dataclass(frozen=True)
class Image:
    """One file taken from a package."""

    path: Path
    package: str
    version: str
    sha256: str

    @property
    def is_whole(self) -> bool:
        """Whether its bytes are those that were taken."""
        try:
            return cache.sha256(self.path) == self.sha256
        except OSError:
            return False


def read(manifest: Path, place: Path) -> dict[str, Image]:
    """The images that a manifest names, by their file names in ``place``, as far as they are whole."""
    try:
        entries = json.loads(manifest.read_bytes())
        recorded = {name: Image(place / name, **entry) for name, entry in entries.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return {name: image for name, image in recorded.items() if image.is_whole}


def write(manifest: Path, images: Mapping[str, Image]) -> None:
    """Record images, all at once."""
    entries = {name: asdict(image) for name, image in images.items()}
    for entry in entries.values():
        del entry["path"]
    draft = manifest.with_name(f"{manifest.name}.new")
    draft.write_text(json.dumps(entries, indent=2) + "\n")
    draft.replace(manifest)
