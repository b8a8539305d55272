"""The command line, run as a person does: arguments and bytes in, status, bytes and talk out."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from apeitool.cli import main

ROOT = Path(__file__).parents[2]


class Done(NamedTuple):
    """What a call of the command line left."""

    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


class Stream(io.TextIOWrapper):
    """A standard stream in memory, of a terminal or not."""

    def __init__(self, data: bytes = b"", *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", write_through=True)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@contextmanager
def streams(**new: Stream) -> Iterator[None]:
    old = {name: getattr(sys, name) for name in new}
    for name, stream in new.items():
        setattr(sys, name, stream)
    try:
        yield
    finally:
        for name, stream in old.items():
            setattr(sys, name, stream)


def call(*arguments: object, stdin: bytes = b"", terminal: bool = False) -> Done:
    given, out, err = (
        Stream(stdin, terminal=terminal),
        Stream(terminal=terminal),
        Stream(terminal=terminal),
    )
    with streams(stdin=given, stdout=out, stderr=err), pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return Done(int(ended.value.code or 0), out.buffer.getvalue(), err.buffer.getvalue().decode())


@pytest.fixture(scope="session")
def apeitool() -> Callable[..., Done]:
    """Runs the command line in this process; an exception that escapes it fails the test."""
    return call


@pytest.fixture(scope="session")
def process() -> Callable[..., subprocess.Popen[bytes]]:
    """Starts the command line in a process of its own, its streams as the test has them."""

    def start(*arguments: object, before: tuple[str, ...] = (), **how: object) -> object:
        command = [*before, sys.executable, "-m", "apeitool", *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, env=environment, **how)

    return start


@pytest.fixture(scope="session")
def without_privileges() -> tuple[str, ...]:
    """What stands before a command so that permissions count for it, even if root runs the tests."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root may read everything, and setpriv is not here: it comes with util-linux")
    dropped = "-dac_override,-dac_read_search"
    return (setpriv, "--bounding-set", dropped, "--inh-caps", dropped)
