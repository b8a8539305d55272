"""What a guest is made of: a Debian kernel, a static busybox, and QEMU.

Kernel and busybox are taken from Debian's packages into the cache, by :func:`setup` only, together
with a manifest of package, version and digest. :func:`find` never touches the network.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from apeitool.errors import ApeiError, LabError, MissingError
from apeitool.lab import cache, manifest
from apeitool.lab.archive import Archive, Download, private, unpack_one, usable_as_is, version
from apeitool.lab.manifest import Image

MANIFEST = "images.json"
_QEMU = "qemu-system-x86_64"


@dataclass(frozen=True)
class Images:
    """Everything that a guest is started from."""

    qemu: Path
    kernel: Image
    busybox: Image


@dataclass(frozen=True)
class _Wanted:
    name: str
    pattern: str
    member: str


_WANTED = (
    _Wanted("kernel", r"^linux-image-6\.1\..*-cloud-amd64$", "./boot/vmlinuz-*"),
    _Wanted("busybox", r"^busybox-static$", "*/bin/busybox"),
)


def find(cache_directory: Path | None = None) -> Images:
    """The images in the cache, each checked against its digest; nothing is downloaded.

    Raises:  MissingError when something is absent or damaged; it says how to get it.
    """
    place = cache.directory(cache_directory)
    present = _present(place)
    absent = [wanted.name for wanted in _WANTED if wanted.name not in present]
    if absent:
        raise MissingError(
            f"the guest's {' and '.join(absent)} not in {place}", remedy="run 'apeitool lab setup'"
        )
    return Images(qemu=_qemu(), kernel=present["kernel"], busybox=present["busybox"])


def setup(
    cache_directory: Path | None = None, *, say: Callable[[str], None] = lambda _: None
) -> Images:
    """Bring what a guest needs into the cache, skipping what is there and whole.

    ``say`` is told, a line at a time, what is fetched and how large it is.

    Raises:  MissingError when QEMU or apt is not installed, or apt's sources lack a package;
             LabError when a download fails for good.
    """
    _qemu()
    place = cache.made(cache.directory(cache_directory))
    with cache.locked(place / "images.lock"):
        try:
            _complete(place, say)
        except OSError as error:
            raise LabError(f"the images cannot be kept in {place}: {error.strerror}") from error
    images = find(place)
    for image in (images.kernel, images.busybox):
        say(f"{image.path.name}: {image.package} {image.version} in {image.path.parent}")
    return images


def _qemu() -> Path:
    found = shutil.which(_QEMU)
    if found is None:
        raise MissingError(
            f"the program {_QEMU} is missing", remedy="apt-get install qemu-system-x86"
        )
    return Path(found)


def _present(place: Path) -> dict[str, Image]:
    return manifest.read(place / MANIFEST, place)


def _complete(place: Path, say: Callable[[str], None]) -> None:
    present = _present(place)
    for wanted in _WANTED:
        if wanted.name not in present:
            present[wanted.name] = _fetched(wanted, place, say)
            manifest.write(place / MANIFEST, present)
    for scaffolding in ("apt", "downloads"):
        shutil.rmtree(place / scaffolding, ignore_errors=True)


def _fetched(wanted: _Wanted, place: Path, say: Callable[[str], None]) -> Image:
    """One image brought into the cache, by way of the machine's package lists or our own."""

    def own_lists() -> Archive:
        say("fetching package lists into the cache")
        return private(place / "apt")

    trouble: ApeiError = MissingError(
        f"apt's sources offer no package {wanted.pattern}",
        remedy="add Debian 12 (bookworm) main to apt's sources",
    )
    views = ([Archive] if usable_as_is() else []) + [own_lists] * 2
    for view in views:
        try:
            archive = view()
            package = archive.newest(wanted.pattern)
            if package is not None:
                return _unpacked(wanted, archive.download(package), archive, place, say)
        except LabError as error:
            trouble = error
            say(f"{error}; trying another way")
    raise trouble


def _unpacked(
    wanted: _Wanted, download: Download, archive: Archive, place: Path, say: Callable[[str], None]
) -> Image:
    say(f"fetching {download.package}: {download.file_length / 1e6:.1f} MB")
    package_file = archive.fetch(download, cache.made(place / "downloads"))
    draft = place / f"{wanted.name}.new"
    unpack_one(package_file, wanted.member, draft)
    draft.replace(place / wanted.name)
    stated = version(package_file)
    package_file.unlink()
    path = place / wanted.name
    say(f"kept {path}: {path.stat().st_size / 1e6:.1f} MB")
    return Image(path, download.package, stated, cache.sha256(path))
