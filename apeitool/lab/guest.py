"""A real Linux guest on QEMU's own emulation of a machine, firmware's side in our hands."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from apeitool.errors import LabError
from apeitool.lab import cache
from apeitool.lab.boot import Boot
from apeitool.lab.console import Console
from apeitool.lab.initrd import READY
from apeitool.lab.qemu import Qemu
from apeitool.lab.shell import Answer
from apeitool.lab.window import GuestMemory

_MANIFEST = "manifest.json"


class Guest:
    """A guest that runs from construction to :meth:`close`, or to the end of a ``with`` block.

    With ``snapshot`` it continues from the directory that :meth:`save` wrote for an equal ``boot``.

    Units:   ``limit`` in seconds of wall-clock time, after which QEMU is killed.
    Raises:  MissingError; QemuError when QEMU refuses; LabError when the snapshot is damaged.
    """

    memory: GuestMemory
    """Guest-physical RAM."""

    console: Console
    """What the kernel printed, that before a snapshot included."""

    def __init__(self, boot: Boot, *, snapshot: Path | None = None, limit: float = 120) -> None:
        self.machine = boot.machine
        self.release = boot.images.release
        with ExitStack() as parts:
            self.memory = GuestMemory(*boot.banks)
            parts.callback(self.memory.close)
            earlier = self._prepared(boot, snapshot)
            self._qemu = Qemu(boot, self.memory, earlier=earlier, limit=limit)
            parts.callback(self._qemu.close)
            self.console = self._qemu.console
            if snapshot is not None:
                self._qemu.load_state(snapshot / "state")
            self._qemu.execute("cont")
            self._parts = parts.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End QEMU and let go of the memory; the console's lines stay."""
        self._parts.close()

    @property
    def process_id(self) -> int:
        """The id of the QEMU process."""
        return self._qemu.process.id

    @property
    def exited(self) -> bool:
        """Whether QEMU has ended: by itself (a panic), at its time limit, or by :meth:`close`."""
        return self._qemu.process.ended

    @property
    def returncode(self) -> int | None:
        """QEMU's exit status once it has ended: 0 after a panic, negative when killed."""
        return self._qemu.process.returncode

    @property
    def timed_out(self) -> bool:
        """Whether QEMU was killed because it reached its time limit."""
        return self._qemu.process.timed_out

    def wait_ready(self, timeout: float = 60) -> None:
        """Wait until the guest's shell listens.

        Raises:  LabError when it does not in time, or when the guest ends instead.
        """
        self.console.wait_for(READY, timeout=timeout)

    def wait_exit(self, timeout: float = 10) -> int:
        """Wait until QEMU ends by itself, as it does when the guest panics; its exit status.

        Raises:  LabError when it still runs after ``timeout`` seconds.
        """
        self._qemu.process.wait(timeout)
        if self.returncode is None:
            raise LabError(f"the guest still runs after {timeout:g} s")
        return self.returncode

    def shell(self, command: str, *, timeout: float = 10) -> Answer:
        """Run a command in the guest, which must be ready.

        Raises:  LabError when no answer comes within ``timeout`` seconds.
        """
        return self._qemu.shell.run(command, timeout=timeout)

    def inject_nmi(self) -> None:
        """Raise a non-maskable interrupt, as firmware does after filling an NMI source's block.

        Raises:  QemuError when QEMU is gone.
        """
        self._qemu.execute("inject-nmi")

    def interrupt(self, number: int) -> None:
        """Raise an interrupt (a GSI) at an edge; the boot must have its lines.

        Raises:  QemuError when QEMU is gone, or has no such line.
        """
        if self._qemu.lines is None:
            raise LabError("this guest was booted without its interrupt lines")
        line = number - self.machine.first_input
        self._qemu.lines.pulse(self._controller, line)

    @cached_property
    def _controller(self) -> str:
        """Where QEMU has the interrupt controller, in its object model."""
        place, kind = self.machine.controller
        for part in self._qemu.execute("qom-list", path=place):
            if part["type"] == f"child<{kind}>":
                return f"{place}/{part['name']}"
        raise LabError(f"QEMU has no {kind} in {place}")

    def save(self, path: Path) -> None:
        """Write the guest's present state to the new directory ``path``, and let it go on.

        Raises:  LabError when the directory exists already or cannot be written.
        """
        self._qemu.execute("stop")
        try:
            draft = Path(tempfile.mkdtemp(prefix=path.name + ".", dir=path.parent))
            try:
                self._write(draft)
                # Whoever looks sees the whole directory or none.
                draft.rename(path)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        except OSError as error:
            raise LabError(f"the snapshot {path} cannot be written: {error.strerror}") from error
        self._qemu.execute("cont")

    def _write(self, place: Path) -> None:
        self._qemu.save_state(place / "state")
        (place / "console").write_bytes(self.console.received)
        digests = {name: cache.sha256(place / name) for name in ("state", "console")}
        digests["ram"] = self.memory.save(place / "ram")
        (place / _MANIFEST).write_text(json.dumps(digests))

    def _prepared(self, boot: Boot, snapshot: Path | None) -> bytes | None:
        """Fill the memory; what the console of the snapshot showed."""
        if snapshot is None:
            for address, data in boot.prefill.items():
                self.memory.write(address, data)
            return None
        try:
            digests = json.loads((snapshot / _MANIFEST).read_bytes())
            found = {name: cache.sha256(snapshot / name) for name in ("state", "console")}
            found["ram"] = self.memory.load(snapshot / "ram")
            earlier = (snapshot / "console").read_bytes()
        except (OSError, ValueError) as error:
            raise LabError(f"the snapshot {snapshot} cannot be read: {error}") from error
        if found != digests:
            raise LabError(f"the snapshot {snapshot} is damaged")
        return earlier
