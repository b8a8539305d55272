"""What a guest is made of: a Debian kernel with its modules, a static busybox, and QEMU.

Kernel, modules and busybox are taken from Debian's packages into the cache, by :func:`setup` only,
together with a manifest of package, version and digest. :func:`find` never touches the network.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apeitool.errors import ApeiError, LabError, MissingError
from apeitool.lab import cache, manifest
from apeitool.lab.archive import Archive, Download, private, unpack, usable_as_is, version
from apeitool.lab.manifest import Image

MANIFEST = "images.json"
_QEMU = "qemu-system-x86_64"


@dataclass(frozen=True)
class Images:
    """Everything that a guest is started from; ``modules`` are those of the kernel, by name."""

    qemu: Path
    kernel: Image
    busybox: Image
    modules: Mapping[str, Image] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Image, ...]:
        """All that comes from packages."""
        return (self.kernel, *self.modules.values(), self.busybox)

    def module(self, name: str) -> Image:
        """A module of the kernel.

        Raises:  MissingError when a cache has none, as one has that was filled before there were any.
        """
        if name not in self.modules:
            raise MissingError(f"the guest's module {name} is not in its cache", remedy=_REMEDY)
        return self.modules[name]


@dataclass(frozen=True)
class _Wanted:
    """A package, and its members that are kept: name in the cache -> path in the package."""

    pattern: str
    members: Mapping[str, str]


_MODULES = {"einj": "einj.ko"}
"""Modules of the kernel that a guest can be given: name -> file in the cache."""

_WANTED = (
    # A kernel loads no modules but its own: they come together or not at all.
    _Wanted(
        r"^linux-image-6\.1\..*-cloud-amd64$",
        {"kernel": "./boot/vmlinuz-*"}
        | {file: f"./lib/modules/*/{file}" for file in _MODULES.values()},
    ),
    _Wanted(r"^busybox-static$", {"busybox": "*/bin/busybox"}),
)
_REMEDY = "run 'apeitool lab setup'"


def find(cache_directory: Path | None = None) -> Images:
    """The images in the cache, each checked against its digest; nothing is downloaded.

    Raises:  MissingError when something is absent or damaged, modules apart; it says how to get it.
    """
    place = cache.directory(cache_directory)
    present = _present(place)
    absent = [name for name in ("kernel", "busybox") if name not in present]
    if absent:
        raise MissingError(f"the guest's {' and '.join(absent)} not in {place}", remedy=_REMEDY)
    kernel = present["kernel"]
    modules = {
        name: present[file]
        for name, file in _MODULES.items()
        if file in present and _origin(present[file]) == _origin(kernel)
    }
    return Images(_qemu(), kernel, present["busybox"], modules)


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
    for image in images.files:
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


def _origin(image: Image) -> tuple[str, str]:
    return image.package, image.version


def _complete(place: Path, say: Callable[[str], None]) -> None:
    present = _present(place)
    for wanted in _WANTED:
        whole = [present[name] for name in wanted.members if name in present]
        if len(whole) < len(wanted.members) or len(set(map(_origin, whole))) > 1:
            present |= _fetched(wanted, place, say)
            manifest.write(place / MANIFEST, present)
    for scaffolding in ("apt", "downloads"):
        shutil.rmtree(place / scaffolding, ignore_errors=True)


def _fetched(wanted: _Wanted, place: Path, say: Callable[[str], None]) -> dict[str, Image]:
    """A package's images brought into the cache, by way of the machine's package lists or our own."""

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
) -> dict[str, Image]:
    say(f"fetching {download.package}: {download.file_length / 1e6:.1f} MB")
    package_file = archive.fetch(download, cache.made(place / "downloads"))
    stated = version(package_file)
    drafts = {name: place / f"{name}.new" for name in wanted.members}
    unpack(package_file, {member: drafts[name] for name, member in wanted.members.items()})
    package_file.unlink()
    kept = {}
    for name, draft in drafts.items():
        path = draft.replace(place / name)
        say(f"kept {path}: {path.stat().st_size / 1e6:.1f} MB")
        kept[name] = Image(path, download.package, stated, cache.sha256(path))
    return kept
