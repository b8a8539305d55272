"""What a guest is made of: a Debian kernel with its modules, a static busybox, and QEMU.

Kernel, modules and busybox are taken from Debian's packages into the cache, by :func:`setup` only,
together with a manifest of package, version and digest. :func:`find` never touches the network.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apeitool.errors import ApeiError, LabError, MissingError
from apeitool.lab import cache, manifest
from apeitool.lab.archive import Archive, Download, private, unpack, usable_as_is, version
from apeitool.lab.machines import X86, Machine
from apeitool.lab.manifest import Image

MANIFEST = "images.json"


@dataclass(frozen=True)
class Images:
    """Everything that a guest is started from; ``modules`` are those of the kernel, by name."""

    qemu: Path
    kernel: Image
    busybox: Image
    modules: Mapping[str, Image] = field(default_factory=dict)
    machine: Machine = X86
    firmware: Image | None = None
    """What boots the machine, if QEMU does not."""

    @property
    def files(self) -> tuple[Image, ...]:
        """All that comes from packages."""
        firmware = () if self.firmware is None else (self.firmware,)
        return (self.kernel, *self.modules.values(), self.busybox, *firmware)

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


def _wanted(machine: Machine) -> Iterator[_Wanted]:
    # A kernel loads no modules but its own: they come together or not at all.
    modules = {file: f"./lib/modules/*/{file}" for file in _MODULES.values()}
    yield _Wanted(machine.kernel, {"kernel": "./boot/vmlinuz-*"} | modules)
    yield _Wanted(r"^busybox-static$", {"busybox": "*/bin/busybox"})
    if machine.firmware:
        yield _Wanted(f"^{machine.firmware}$", {"firmware": "*/QEMU_EFI.fd"})


_REMEDY = "run 'apeitool lab setup'"


def _place(machine: Machine, cache_directory: Path | None) -> Path:
    """Where the images of a machine are; those of x86 are in the cache itself."""
    place = cache.directory(cache_directory)
    return place if machine is X86 else place / machine.debian


def find(cache_directory: Path | None = None, *, machine: Machine = X86) -> Images:
    """The images in the cache, each checked against its digest; nothing is downloaded.

    Raises:  MissingError when something is absent or damaged, modules apart; it says how to get it.
    """
    place = _place(machine, cache_directory)
    present = _present(place)
    needed = ["kernel", "busybox", *(["firmware"] if machine.firmware else ())]
    absent = [name for name in needed if name not in present]
    if absent:
        remedy = _REMEDY[:-1] + (
            "'" if machine is X86 else f" --arch {machine.architecture.value}'"
        )
        raise MissingError(f"the guest's {' and '.join(absent)} not in {place}", remedy=remedy)
    kernel = present["kernel"]
    modules = {
        name: present[file]
        for name, file in _MODULES.items()
        if file in present and _origin(present[file]) == _origin(kernel)
    }
    firmware = present["firmware"] if machine.firmware else None
    return Images(_qemu(machine), kernel, present["busybox"], modules, machine, firmware)


def setup(
    cache_directory: Path | None = None,
    *,
    machine: Machine = X86,
    say: Callable[[str], None] = lambda _: None,
) -> Images:
    """Bring what a guest needs into the cache, skipping what is there and whole.

    ``say`` is told, a line at a time, what is fetched and how large it is.

    Raises:  MissingError when QEMU or apt is not installed, or apt's sources lack a package;
             LabError when a download fails for good.
    """
    _qemu(machine)
    place = cache.made(_place(machine, cache_directory))
    with cache.locked(place / "images.lock"):
        try:
            _complete(machine, place, say)
        except OSError as error:
            raise LabError(f"the images cannot be kept in {place}: {error.strerror}") from error
    images = find(cache_directory, machine=machine)
    for image in images.files:
        say(f"{image.path.name}: {image.package} {image.version} in {image.path.parent}")
    return images


def _qemu(machine: Machine) -> Path:
    found = shutil.which(machine.program)
    if found is None:
        raise MissingError(
            f"the program {machine.program} is missing",
            remedy=f"apt-get install {machine.packages}",
        )
    return Path(found)


def _present(place: Path) -> dict[str, Image]:
    return manifest.read(place / MANIFEST, place)


def _origin(image: Image) -> tuple[str, str]:
    return image.package, image.version


def _complete(machine: Machine, place: Path, say: Callable[[str], None]) -> None:
    present = _present(place)

    @functools.cache
    def own_lists(_attempt: int) -> Archive:
        say("fetching package lists into the cache")
        return private(place / "apt", machine.debian)

    def views() -> list[Callable[[], Archive]]:
        own = [functools.partial(own_lists, attempt) for attempt in range(2)]
        return [Archive, *own] if usable_as_is(machine.debian) else [*own]

    for wanted in _wanted(machine):
        whole = [present[name] for name in wanted.members if name in present]
        if len(whole) < len(wanted.members) or len(set(map(_origin, whole))) > 1:
            present |= _fetched(wanted, views(), place, say)
            manifest.write(place / MANIFEST, present)
    for scaffolding in ("apt", "downloads"):
        shutil.rmtree(place / scaffolding, ignore_errors=True)


def _fetched(
    wanted: _Wanted,
    views: Sequence[Callable[[], Archive]],
    place: Path,
    say: Callable[[str], None],
) -> dict[str, Image]:
    """A package's images brought into the cache, by way of the machine's package lists or our own."""
    trouble: ApeiError = MissingError(
        f"apt's sources offer no package {wanted.pattern}",
        remedy="add Debian 12 (bookworm) main to apt's sources",
    )
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
