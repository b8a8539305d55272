"""A QEMU process whose every end (memory, monitor, console, shell) is in our hands.

All of them are descriptors that QEMU inherits: connected unix sockets and files without a name. So
nothing listens, nothing is on disk, and nothing is left over however either side ends.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import socket
import time
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path
from typing import Any

from apeitool.errors import QemuError
from apeitool.lab.boot import Boot, Descriptors
from apeitool.lab.console import Console
from apeitool.lab.lines import Lines
from apeitool.lab.process import Process
from apeitool.lab.shell import Shell
from apeitool.lab.window import GuestMemory
from apeitool.qemu.monitor import Monitor

_MIGRATION_LIMIT = 30
_ROOM = 1 << 20
"""Bytes that the console may be behind: the most that a pipe has without privileges."""
_END_LIMIT = 5
"""How long, in seconds, QEMU may take from closing its monitor to being gone."""


class Qemu:
    """A started QEMU process with a stopped machine; ``limit`` is in seconds.

    ``earlier`` is what its console showed before, when it is to take over a saved state.

    Raises:  MissingError; QemuError when QEMU refuses its arguments, with its own words.
    """

    def __init__(
        self, boot: Boot, memory: GuestMemory, *, earlier: bytes | None, limit: float
    ) -> None:
        self._limit = limit
        with ExitStack() as parts:
            # QEMU gets its own copies. Ours must go, or its end would not end the connections.
            with ExitStack() as handed_over:
                console, written = _pipe(parts, handed_over)
                shell, monitor = (_pair(parts, handed_over) for _ in range(2))
                lines = _pair(parts, handed_over) if boot.has_lines else None
                files = (boot.root(), *boot.handed_over)
                initrd, *tables = [_file(content, handed_over) for content in files]
                inherited = Descriptors(
                    banks=memory.descriptors,
                    initrd=initrd,
                    tables=tuple(tables),
                    console=written,
                    shell=shell[1].fileno(),
                    monitor=monitor[1].fileno(),
                    lines=None if lines is None else lines[1].fileno(),
                )
                command = boot.command(inherited, incoming=earlier is not None)
                self.process = Process(command, descriptors=inherited.all(), limit=limit)
            # Closed in the reverse order: the console last, when all has come that will come.
            self.shell = Shell(shell[0])
            self.lines = None if lines is None else Lines(lines[0])
            self.console = Console(console, earlier=earlier or b"")
            parts.callback(self.console.close)
            parts.callback(self.process.close)
            self._monitor = self._greeted(monitor[0])
            parts.callback(self._monitor.close)
            self._parts = parts.pop_all()

    def close(self) -> None:
        """End QEMU."""
        self._parts.close()

    def execute(self, command: str, **arguments: object) -> Any:
        """QEMU's answer to a monitor command.

        Raises:  QemuError when QEMU refuses or is gone, with the reason it gave.
        """
        try:
            return self._monitor.execute(command, **arguments)
        except QemuError as error:
            if self._monitor.connected:
                raise
            raise self._explained(error) from error

    def save_state(self, path: Path) -> None:
        """Write the state of all devices, RAM apart, of a stopped machine to a file."""
        self._migrate("migrate", f"exec:cat > {shlex.quote(str(path))}")

    def load_state(self, path: Path) -> None:
        """Take over the state of all devices, RAM apart, from a file."""
        self._migrate("migrate-incoming", f"exec:cat {shlex.quote(str(path))}")

    def _greeted(self, connection: socket.socket) -> Monitor:
        try:
            return Monitor(connection)
        except QemuError as error:
            raise self._explained(error) from error

    def _explained(self, error: QemuError) -> QemuError:
        """What a QEMU that has ended gave as its reason, or the error as it is."""
        if not self.process.wait(_END_LIMIT):
            return error
        if self.process.timed_out:
            return QemuError(f"QEMU was killed at its time limit of {self._limit:g} s")
        return QemuError(f"QEMU ended: {self.process.said() or self.process.returncode}")

    def _migrate(self, command: str, address: str) -> None:
        # Shared RAM stays out of the state: it is in our hands already.
        apart = {"capability": "x-ignore-shared", "state": True}
        self.execute("migrate-set-capabilities", capabilities=[apart])
        self.execute(command, uri=address)
        deadline = time.monotonic() + _MIGRATION_LIMIT
        while (status := self.execute("query-migrate").get("status")) != "completed":
            if status == "failed" or time.monotonic() > deadline:
                raise QemuError(f"QEMU's {command} came to nothing: {status}")
            time.sleep(0.005)


def _pipe(ours: ExitStack, theirs: ExitStack) -> tuple[FileIO, int]:
    """A pipe that holds much: a serial port of QEMU drops what its reader has no room for.

    A socket has room for a few hundred bytes, if they come one at a time.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    theirs.callback(os.close, writer)
    with suppress(OSError):
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _ROOM)
    file = FileIO(reader)
    ours.callback(file.close)
    return file, writer


def _pair(ours: ExitStack, theirs: ExitStack) -> tuple[socket.socket, socket.socket]:
    """Two connected sockets, each open while its holder is."""
    pair = socket.socketpair()
    ours.callback(pair[0].close)
    theirs.callback(pair[1].close)
    return pair


def _file(content: bytes, holder: ExitStack) -> int:
    """A file without a name that holds ``content`` while ``holder`` is open."""
    descriptor = os.memfd_create("apeitool-lab", os.MFD_CLOEXEC)
    holder.callback(os.close, descriptor)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return descriptor
