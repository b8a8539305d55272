"""What a guest is made of: a Debian kernel with its modules, a static busybox, and QEMU.

Kernels, modules and busybox are taken from Debian's packages into the cache, by :func:`setup` only,
together with a manifest of package, version and digest. :func:`find` never touches the network.
The machine's own release of Debian has Linux 6.1; newer kernels come from others, and these move on.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from apeitool.errors import ApeiError, LabError, MissingError
from apeitool.lab import archive, cache, manifest
from apeitool.lab.archive import Archive, Download, private, unpack, usable_as_is, version
from apeitool.lab.machines import X86, Machine
from apeitool.lab.manifest import Image

MANIFEST = "images.json"
OWN = "6.1"
"""The Linux of the machine's own release of Debian."""


class _Source(NamedTuple):
    """Where a kernel comes from: the release of Debian, None for the machine's; package and file in it."""

    debian: str | None
    package: str
    file: str


_KERNELS = {
    OWN: _Source(None, r"^linux-image-6\.1\.[0-9]+-[0-9]+-{}(-unsigned)?$", "./boot/vmlinuz-*"),
    "6.12": _Source("bookworm-backports", r"^linux-image-6\.12\.[^-]+-{}$", "./boot/vmlinuz-*"),
    "7.2": _Source("unstable", r"^linux-binary-7\.2\.[^-]+-{}$", "*/vmlinuz"),
}
RELEASES = tuple(_KERNELS)
"""The kernels that can be had."""


@dataclass(frozen=True)
class Images:
    """Everything that a guest is started from; ``modules`` are those of the kernel, by name."""

    qemu: Path
    kernel: Image
    busybox: Image
    modules: Mapping[str, Image] = field(default_factory=dict)
    machine: Machine = X86
    release: str = OWN
    """Which Linux the kernel is."""
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
            raise MissingError(
                f"the guest's module {name} is not in its cache",
                remedy=_remedy(self.machine, self.release),
            )
        return self.modules[name]


@dataclass(frozen=True)
class _Wanted:
    """A package, and its members that are kept: name in the cache -> path in the package."""

    pattern: str
    members: Mapping[str, str]


_MODULES = {"einj": "einj.ko"}
"""Modules of the kernel that a guest can be given: name -> file in the cache."""


def _wanted(machine: Machine) -> Iterator[_Wanted]:
    own = _KERNELS[OWN]
    # A kernel loads no modules but its own: they come together or not at all.
    modules = {file: f"./lib/modules/*/{file}" for file in _MODULES.values()}
    yield _Wanted(own.package.format(machine.flavour), {"kernel": own.file} | modules)
    yield _Wanted(r"^busybox-static$", {"busybox": "*/bin/busybox"})
    if machine.firmware:
        yield _Wanted(f"^{machine.firmware}$", {"firmware": "*/QEMU_EFI.fd"})


def _place(machine: Machine, cache_directory: Path | None) -> Path:
    """Where the images of a machine are; those of x86 are in the cache itself."""
    place = cache.directory(cache_directory)
    return place if machine is X86 else place / machine.debian


def _place_of(release: str, place: Path) -> Path:
    """Where a kernel is that is not the machine's own."""
    return place if release == OWN else place / f"linux-{release}"


def _remedy(machine: Machine, release: str) -> str:
    arch = "" if machine is X86 else f" --arch {machine.architecture.value}"
    return f"run 'apeitool lab setup{arch}{'' if release == OWN else f' --kernel {release}'}'"


def find(
    cache_directory: Path | None = None,
    *,
    machine: Machine = X86,
    release: str = OWN,
    qemu: Path | None = None,
) -> Images:
    """The images in the cache, each checked against its digest; nothing is downloaded.

    ``release`` is one of RELEASES; the modules are those of Linux 6.1.  ``qemu`` is a program; without
    it, that of this machine.

    Raises:  MissingError when something is absent or damaged, modules apart; it says how to get it.
    """
    place = _place(machine, cache_directory)
    present = _present(place)
    if release != OWN:
        present.pop("kernel", None)
        present |= _present(_place_of(release, place))
    needed = ["kernel", "busybox", *(["firmware"] if machine.firmware else ())]
    absent = [name for name in needed if name not in present]
    if absent:
        raise MissingError(
            f"the guest's {' and '.join(absent)} not in {_place_of(release, place)}",
            remedy=_remedy(machine, release),
        )
    kernel = present["kernel"]
    modules = {
        name: present[file]
        for name, file in _MODULES.items()
        if file in present and _origin(present[file]) == _origin(kernel)
    }
    firmware = present["firmware"] if machine.firmware else None
    emulator = qemu or _qemu(machine)
    return Images(emulator, kernel, present["busybox"], modules, machine, release, firmware)


def setup(
    cache_directory: Path | None = None,
    *,
    machine: Machine = X86,
    release: str = OWN,
    site: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Images:
    """Bring what a guest needs into the cache, skipping what is there and whole.

    ``site`` is the address of a Debian archive for kernels of other releases; without it, the one that
    apt's sources name.  ``say`` is told, a line at a time, what is fetched and how large it is.

    Raises:  MissingError when QEMU or apt is not installed, or apt's sources lack a package;
             LabError when a download fails for good.
    """
    _qemu(machine)
    place = cache.made(_place(machine, cache_directory))
    with cache.locked(place / "images.lock"):
        try:
            _complete(machine, place, say)
            if release != OWN:
                _bring(release, machine, cache.made(_place_of(release, place)), site, say)
        except OSError as error:
            raise LabError(f"the images cannot be kept in {place}: {error.strerror}") from error
    images = find(cache_directory, machine=machine, release=release)
    for image in images.files:
        say(f"{image.path.name}: {image.package} {image.version} in {image.path.parent}")
    return images


def _bring(
    release: str, machine: Machine, place: Path, site: str | None, say: Callable[[str], None]
) -> None:
    """A kernel of another release of Debian, unless it is there."""
    if _present(place):
        return
    debian, package, file = _KERNELS[release]
    wanted = _Wanted(package.format(machine.flavour), {"kernel": file})

    def view(address: str) -> Archive:
        say(f"fetching package lists of Debian {debian} into the cache")
        return archive.release(str(debian), address, place / "apt", machine.debian)

    views = [functools.partial(view, each) for each in archive.sites(site, place / "own", say)]
    manifest.write(place / MANIFEST, _fetched(wanted, views, place, say, debian))
    _forget_scaffolding(place)


def _forget_scaffolding(place: Path) -> None:
    for scaffolding in ("apt", "own", "downloads"):
        shutil.rmtree(place / scaffolding, ignore_errors=True)


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
    _forget_scaffolding(place)


def _fetched(
    wanted: _Wanted,
    views: Sequence[Callable[[], Archive]],
    place: Path,
    say: Callable[[str], None],
    debian: str | None = None,
) -> dict[str, Image]:
    """A package's images brought into the cache, by way of the machine's package lists or our own."""
    trouble: ApeiError = MissingError(
        f"apt's sources offer no package {wanted.pattern}",
        remedy="add Debian 12 (bookworm) main to apt's sources",
    )
    if debian is not None:
        trouble = MissingError(
            f"Debian {debian} has no package {wanted.pattern} (any more)",
            remedy="name an archive that has it with --archive",
        )
    for view in views:
        try:
            offered = view()
            package = offered.newest(wanted.pattern)
            if package is not None:
                return _unpacked(wanted, offered.download(package), offered, place, say)
        except LabError as error:
            trouble = error
            say(f"{error}; trying another way")
    raise trouble


def _unpacked(
    wanted: _Wanted, download: Download, offered: Archive, place: Path, say: Callable[[str], None]
) -> dict[str, Image]:
    say(f"fetching {download.package}: {download.file_length / 1e6:.1f} MB")
    package_file = offered.fetch(download, cache.made(place / "downloads"))
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
