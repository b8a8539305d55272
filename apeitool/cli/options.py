"""What several verbs share: numbers in any base, where output goes, how it is coloured."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from apeitool.errors import CaptureError


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
    """Where the data goes.

    Raises:  CaptureError when the file cannot be written.
    """
    if target is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        with target.open("wb") as file:
            yield file
    except OSError as wrong:
        raise CaptureError(wrong.strerror or str(wrong), origin=str(target)) from wrong


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
    click.echo(message, err=True)
