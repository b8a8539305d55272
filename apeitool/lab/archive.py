"""Debian packages through the machine's own apt: its sources, its keys, its proxies.

apt checks the signatures. Where the machine's package lists are absent or stale, lists are fetched
into a private state directory from the same sources, which needs no privileges. Another release of
Debian is seen in the same way: nothing of it is installed, nor known to the machine's own apt.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from apeitool.errors import LabError, MissingError
from apeitool.lab import cache

_LIMIT = 900
_RETRIES = ("-o", "Acquire::Retries=3")

# Hooks of the machine's own update (container clean-up, search indexes) must not run for ours.
_PRIVATE_CONFIGURATION = """\
Dir::State "{place}/state";
Dir::State::status "{place}/status";
Dir::State::lists "{place}/state/lists";
Dir::Cache "{place}/cache";
Dir::Cache::archives "{place}/cache/archives";
APT::Architecture "{architecture}";
APT::Architectures "{architecture}";
APT::Sandbox::User "{user}";
APT::Install-Recommends "false";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


@dataclass(frozen=True)
class Download:
    """One package file that apt can fetch: its name in the archive's words, and its size."""

    package: str
    file_name: str
    file_length: int


@dataclass(frozen=True)
class Archive:
    """The package archive as seen through one set of package lists."""

    options: tuple[str, ...] = ()

    def newest(self, pattern: str) -> str | None:
        """The highest-numbered package whose name matches the regular expression."""
        listing = _run("apt-cache", *self.options, "search", "--names-only", pattern)
        names = [line.split(" - ", 1)[0] for line in listing.splitlines()]
        return max(names, key=_numbers, default=None)

    def download(self, package: str) -> Download:
        """What apt would fetch for ``package``, without fetching it."""
        answer = _run("apt-get", *self.options, "download", "--print-uris", package)
        for line in answer.splitlines():
            words = shlex.split(line)
            if len(words) >= 3 and words[1].endswith(".deb"):
                return Download(package, words[1], int(words[2]))
        raise LabError(f"apt names no file for the package {package}")

    def fetch(self, wanted: Download, into: Path) -> Path:
        """Download the package file; one that is already there and whole is not fetched again."""
        _run("apt-get", *self.options, *_RETRIES, "download", wanted.package, directory=into)
        return into / wanted.file_name

    def fetch_all(self, packages: Sequence[str], into: Path) -> list[Path]:
        """Download packages and all that they depend on; what is there and whole is not fetched again.

        What is needed follows from the packages that are installed: with lists of our own, none.
        """
        cache.made(into / "partial")
        kept = ("-o", f"Dir::Cache::archives={into}")
        command = ("install", "--download-only", "--yes", *packages)
        _run("apt-get", *self.options, *_RETRIES, *kept, *command)
        return sorted(into.glob("*.deb"))

    def site(self) -> str | None:
        """Where Debian's own packages come from, as far as package lists are there to tell."""
        own = ("Created-By: Packages", "Origin: Debian", "Label: Debian")
        listing = _run("apt-get", *self.options, "indextargets", "--format", "$(REPO_URI)", *own)
        return next(iter(listing.splitlines()), None)


def private(place: Path, processor: str = "amd64") -> Archive:
    """The machine's sources seen through lists of our own, fetched anew, under ``place``."""
    return _updated(place, processor)


def release(name: str, site: str, place: Path, processor: str | None = None) -> Archive:
    """A release of Debian from the archive at ``site``, through lists of our own under ``place``.

    Its packages are for a processor, by Debian's name; None for this machine's.
    """
    keys = [path for path in _KEYS if path.exists()]
    signed = f"[signed-by={keys[0]}] " if keys else ""
    sources = cache.made(place) / "sources.list"
    sources.write_text(f"deb {signed}{site} {name} main\n")
    # Of one source alone, an update that fails is told as such, not as packages that are absent.
    own = f'Dir::Etc::sourcelist "{sources}";\nDir::Etc::sourceparts "-";\n'
    own += 'APT::Update::Error-Mode "any";\n'
    return _updated(place, processor or architecture(), own)


def sites(named: str | None, place: Path, say: Callable[[str], None]) -> Iterator[str]:
    """Where Debian's packages come from: as named, or by the machine's package lists, or by our own."""
    found = named or Archive().site()
    if found is None:
        say("fetching package lists into the cache")
        found = private(place / "own").site()
    if found is not None:
        yield found


_KEYS = tuple(
    Path(f"/usr/share/keyrings/debian-archive-keyring.{ending}") for ending in ("pgp", "gpg")
)
"""Debian's keys where its own package puts them; elsewhere apt trusts those it trusts anyway."""


def _updated(place: Path, architecture: str, more: str = "") -> Archive:
    for part in ("state/lists/partial", "cache/archives/partial"):
        cache.made(place / part)
    (place / "status").touch()
    configuration = place / "apt.conf"
    # apt drops root's privileges to a user who cannot enter a private cache; stay who we are.
    user = "root" if os.geteuid() == 0 else ""
    text = _PRIVATE_CONFIGURATION.format(place=place, user=user, architecture=architecture)
    configuration.write_text(text + more)
    archive = Archive(("-c", str(configuration)))
    _run("apt-get", *archive.options, *_RETRIES, "update")
    return archive


def usable_as_is(processor: str) -> bool:
    """Whether the machine's own package lists are those of a Debian for a processor."""
    return architecture() == processor


def architecture() -> str:
    """Debian's name for this machine's processor."""
    return _run("dpkg", "--print-architecture").strip()


def version(package_file: Path) -> str:
    """The version that a package file states."""
    return _field(package_file, "Version")


def name(package_file: Path) -> str:
    """The package that a package file holds."""
    return _field(package_file, "Package")


def _field(package_file: Path, field: str) -> str:
    return _run("dpkg-deb", "--field", str(package_file), field).strip()


def unpack_all(package_file: Path, into: Path) -> None:
    """Write all files of a package below a folder."""
    _run("dpkg-deb", "--extract", str(package_file), str(into))


def unpack(package_file: Path, wanted: Mapping[str, Path]) -> None:
    """Write files of a package: the one whose path matches a pattern, to that pattern's target.

    Raises:  LabError when there is none for a pattern, or the package is damaged.
    """
    command = [_tool("dpkg-deb"), "--fsys-tarfile", str(package_file)]
    left = dict(wanted)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as unpacker:
        try:
            with tarfile.open(fileobj=unpacker.stdout, mode="r|") as files:
                for entry in files:
                    _unpack_entry(files, entry, left)
                    if not left:
                        return
        except tarfile.TarError as error:
            raise LabError(f"{package_file.name} cannot be unpacked: {error}") from error
        finally:
            unpacker.kill()
    raise LabError(f"{package_file.name} holds no file {' and no file '.join(left)}")


def _unpack_entry(files: tarfile.TarFile, entry: tarfile.TarInfo, left: dict[str, Path]) -> None:
    """Write an entry where it is wanted, and want it no longer."""
    pattern = next((pattern for pattern in left if fnmatch(entry.name, pattern)), None)
    if pattern is None or (content := files.extractfile(entry)) is None:
        return
    with left.pop(pattern).open("wb") as output:
        shutil.copyfileobj(content, output)


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", name))


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingError(
            f"the program {name} is missing",
            remedy="run the lab on Debian or a distribution derived from it",
        )
    return found


def _run(name: str, *arguments: str, directory: Path | None = None) -> str:
    command = [_tool(name), *arguments]
    try:
        answer = subprocess.run(
            command,
            check=False,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{name} did not finish within {_LIMIT} s") from error
    if answer.returncode:
        said = answer.stderr.strip().splitlines()
        reasons = [line for line in said if line.startswith("E: ")][:1] or said[-1:]
        raise LabError(f"{name} failed: " + "".join(reasons or [f"status {answer.returncode}"]))
    return answer.stdout
