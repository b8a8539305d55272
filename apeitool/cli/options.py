"""What several verbs share: numbers in any base, where output goes, how it is coloured."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

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


@contextmanager
def writer(target: Path | None) -> Iterator[IO[bytes]]:
    """Where the data goes.  A file is replaced once all is written, never before.

    Raises:  CaptureError when it cannot be written.
    """
    if target is None:
        if sys.stdout is None:
            raise CaptureError("standard output is closed")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        with NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as draft:
            try:
                yield draft
                draft.flush()
                Path(draft.name).chmod(0o666 & ~_umask())
                Path(draft.name).replace(target)
            except BaseException:
                Path(draft.name).unlink(missing_ok=True)
                raise
    except OSError as wrong:
        raise CaptureError(wrong.strerror or str(wrong), origin=str(target)) from wrong


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def standard_input() -> bytes:
    """Everything on standard input.

    Raises:  CaptureError when it is closed.
    """
    if sys.stdin is None:
        raise CaptureError("standard input is closed")
    return sys.stdin.buffer.read()


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
