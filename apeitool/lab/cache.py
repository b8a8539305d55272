"""The private directory in which the lab keeps images and snapshots, safe for several processes."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apeitool.errors import LabError

ENVIRONMENT = "APEITOOL_LAB_CACHE"
"""The environment variable that moves the cache."""


def directory(chosen: Path | None = None) -> Path:
    """The cache: the one chosen, else the environment's, else the user's cache directory."""
    if chosen is not None:
        return chosen.absolute()
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named).absolute()
    # A relative XDG_CACHE_HOME is invalid and ignored, says the XDG base directory specification.
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "apeitool" / "lab"


def made(path: Path) -> Path:
    """The directory ``path``, created when absent, closed to other users.

    Raises:  LabError when it cannot be created.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"the cache directory {path} cannot be made: {error.strerror}") from error
    return path


def sha256(path: Path) -> str:
    """The digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock file ``path``; yields False, without the lock, when busy and not to wait.

    The lock belongs to the open file, so it ends with the process that holds it.

    Raises:  LabError when the file cannot be opened or its file system has no locks.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LabError(f"the lock {path} cannot be opened: {error.strerror}") from error
    try:
        yield _acquired(descriptor, path, wait)
    finally:
        os.close(descriptor)


def _acquired(descriptor: int, path: Path, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        raise LabError(f"the lock {path} cannot be taken: {error.strerror}") from error
    return True
