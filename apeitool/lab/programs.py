"""Programs of another release of Debian, run without installing them: judges that are newer than ours.

Packages and all that they depend on are unpacked into the cache; a program is started by its own
release's loader, so nothing of it meets this machine's libraries. The release moves on, so what was
taken is recorded with its version, and one that cannot be had is told with a reason.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from apeitool.errors import ApeiError, LabError, MissingError
from apeitool.lab import archive, cache, manifest
from apeitool.lab.archive import sites
from apeitool.lab.manifest import Image

RELEASE = "unstable"
MANIFEST = "programs.json"

PACKAGES = {
    "fwts": "fwts",
    "iasl": "acpica-tools",
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-system-x86_64": "qemu-system-x86",
}
"""The programs that can be had, and the package of each."""

_DATA = {name: ("usr/share/qemu", "usr/share/seabios") for name in PACKAGES if "qemu" in name}
"""Where programs look for files of theirs, if they must be told."""

_UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/bash-completion")

_RUN = """\
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/../root
libraries=$root/{libraries}
exec "$libraries/{loader}" --library-path "$libraries:$libraries/{name}" --argv0 {name} \\
    "$root/{program}"{data} "$@"
"""


@dataclass(frozen=True)
class Program:
    """A program that can be run: ``path`` starts it with its own libraries."""

    path: Path
    image: Image


def find(name: str, cache_directory: Path | None = None) -> Program:
    """A program in the cache, checked against its digest; nothing is downloaded.

    Raises:  MissingError when it is absent or damaged; it says how to get it.
    """
    place = cache.directory(cache_directory) / RELEASE
    image = _present(place).get(name)
    if image is None:
        raise MissingError(
            f"no {name} of Debian {RELEASE} in {place}",
            remedy=f"run 'apeitool lab setup --with {name}'",
        )
    return Program(place / "bin" / name, image)


def setup(
    names: Collection[str],
    *,
    site: str | None = None,
    cache_directory: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Program]:
    """Bring programs into the cache, unless they are there and whole.

    ``site`` is the address of a Debian archive; without it, the one that apt's sources name.

    Raises:  MissingError when apt is not installed, or its sources name no archive of Debian;
             LabError when a download fails for good.
    """
    if not names:
        return []
    place = cache.made(cache.directory(cache_directory))
    with cache.locked(place / "programs.lock"):
        present = _present(place / RELEASE)
        try:
            if set(names) - set(present):
                _renew({*names, *present}, site, place, say)
        except OSError as error:
            raise LabError(f"the programs cannot be kept in {place}: {error.strerror}") from error
    return [find(name, place) for name in sorted(names)]


def _present(place: Path) -> dict[str, Image]:
    found = manifest.read(place / MANIFEST, place / "root/usr/bin")
    return {name: image for name, image in found.items() if (place / "bin" / name).exists()}


def _renew(names: set[str], site: str | None, place: Path, say: Callable[[str], None]) -> None:
    """All programs anew, of one state of the release: they share their libraries."""
    draft, old = place / f"{RELEASE}.new", place / f"{RELEASE}.old"
    for left in (draft, old):
        shutil.rmtree(left, ignore_errors=True)
    scaffolding = place / f"{RELEASE}.apt"
    packages = sorted({PACKAGES[name] for name in names})
    files = _fetched(packages, site, scaffolding, say)
    root = cache.made(draft / "root")
    for file in files:
        archive.unpack_all(file, root)
    for unwanted in _UNWANTED:
        shutil.rmtree(root / unwanted, ignore_errors=True)
    versions = {archive.name(file): archive.version(file) for file in files}
    _make_startable(draft, names, versions)
    if (place / RELEASE).exists():
        (place / RELEASE).rename(old)
    draft.rename(place / RELEASE)
    for left in (old, scaffolding):
        shutil.rmtree(left, ignore_errors=True)


def _fetched(
    packages: list[str], site: str | None, place: Path, say: Callable[[str], None]
) -> list[Path]:
    """The package files, from the archive that is named, or one that the machine knows."""
    trouble: ApeiError = MissingError(
        "apt's sources name no archive of Debian", remedy="name one with --archive"
    )
    for address in sites(site, place, say):
        try:
            say(f"fetching package lists of Debian {RELEASE} into the cache")
            view = archive.release(RELEASE, address, place)
            say(f"fetching {', '.join(packages)} and what they depend on")
            files = view.fetch_all(packages, place / "packages")
        except LabError as error:
            trouble = error
            continue
        total = sum(file.stat().st_size for file in files)
        say(f"unpacking {len(files)} packages: {total / 1e6:.1f} MB")
        return files
    raise trouble


def _make_startable(draft: Path, names: set[str], versions: dict[str, str]) -> None:
    """Write what starts each program, and the manifest."""
    root = draft / "root"
    loader = next(iter(sorted(root.glob("usr/lib/*/ld-linux*.so.*"))), None)
    if loader is None:
        raise LabError("the packages hold no loader")
    images = {}
    for name in sorted(names):
        program = root / "usr/bin" / name
        if not program.exists():
            raise LabError(f"the package {PACKAGES[name]} holds no program {name}")
        start = cache.made(draft / "bin") / name
        libraries = loader.parent.relative_to(root)
        start.write_text(
            _RUN.format(
                name=name,
                libraries=libraries,
                loader=loader.name,
                program=f"usr/bin/{name}",
                data="".join(f' -L "$root/{place}"' for place in _DATA.get(name, ())),
            )
        )
        start.chmod(0o755)
        package = PACKAGES[name]
        images[name] = Image(program, package, versions[package], cache.sha256(program))
    manifest.write(draft / MANIFEST, images)
