"""What several verbs share: numbers in any base, where output goes, how it is coloured."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import Any

import click

from apeitool.errors import CaptureError
from apeitool.render.harmless import printable


def integer(text: str) -> int:
    """An integer as C writes it: 4096, 0x1000."""
    number = int(str(text), 0)
    if number < 0:
        raise ValueError("negative")
    return number


output = click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path),
    help="Write here instead of stdout.",
)


class Output:
    """Where data goes.  A file is written at the end: it may be among what is read.

    Raises:  CaptureError when it cannot be written.
    """

    def __init__(self, target: Path | None) -> None:
        self._target = target
        self._draft = None
        if target is not None:
            self._draft = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - open until `close`

    def write(self, data: bytes) -> None:
        """Write some of the data."""
        if self._draft is not None:
            self._draft.write(data)
        elif sys.stdout is None:
            raise CaptureError("standard output is closed")
        else:
            sys.stdout.buffer.write(data)

    def close(self) -> None:
        """All is written.  A file stays as it is if that was nothing."""
        if self._target is None or self._draft is None:
            if sys.stdout is not None:
                sys.stdout.buffer.flush()
            return
        if not self._draft.tell():
            return
        self._draft.seek(0)
        try:
            with self._target.open("wb") as file:
                copyfileobj(self._draft, file)
        except (OSError, ValueError) as wrong:
            reason = getattr(wrong, "strerror", None) or str(wrong)
            raise CaptureError(reason, origin=str(self._target)) from wrong


@contextmanager
def writer(target: Path | None) -> Iterator[Output]:
    """An `Output` that is closed at the end."""
    out = Output(target)
    yield out
    out.close()


def standard_input() -> bytes:
    """Everything on standard input.

    Raises:  CaptureError when it is closed.
    """
    if sys.stdin is None:
        raise CaptureError("standard input is closed")
    return sys.stdin.buffer.read()


_IN_MEMORY = 64 << 20
"""So many bytes of output wait in memory; more wait on disk."""

_STYLES: dict[str, dict[str, Any]] = {
    "sentence": {"bold": True},
    "title": {"fg": "cyan"},
    "source": {"dim": True},
    "note": {"dim": True},
    "invalid": {"dim": True},
    "name": {"fg": "green"},
}


def colour(text: str, role: str) -> str:
    """Text for a terminal."""
    return click.style(text, **_STYLES[role]) if text else ""


def talk(message: str) -> None:
    """Say something about the work, not part of the answer."""
    click.echo(printable(message), err=True)
