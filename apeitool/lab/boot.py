"""What a guest boots with, and the QEMU command that it comes to."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from apeitool.errors import LabError, QemuError
from apeitool.lab import initrd
from apeitool.lab.images import Images
from apeitool.lab.window import RESERVED_BASE, RESERVED_SIZE

KERNEL_COMMAND_LINE = (
    f"console=ttyS0 panic=-1 nokaslr loglevel=8 memmap={RESERVED_SIZE:#x}${RESERVED_BASE:#x}"
)
"""panic=-1 resets at once, which ends QEMU; nokaslr keeps the kernel away from the range."""

SMALLEST_MEMORY = 96 << 20
"""The least RAM, in bytes, in which the kernel can unpack itself."""

LARGEST_MEMORY = 2 << 30
"""The most RAM, in bytes, that a q35 machine places at guest-physical address 0 in one piece."""


@dataclass(frozen=True)
class Descriptors:
    """The open files that a QEMU process inherits."""

    memory: int
    initrd: int
    tables: tuple[int, ...]
    console: int
    shell: int
    monitor: int

    def all(self) -> list[int]:
        """Every one of them."""
        return [self.memory, self.initrd, *self.tables, self.console, self.shell, self.monitor]


@dataclass(frozen=True)
class Boot:
    """Everything that decides what a guest is when it comes up.

    ``tables`` are whole ACPI tables for QEMU to hand to the guest (QEMU sets their length and
    checksum); ``prefill`` maps guest-physical addresses to the bytes that are there before the
    first instruction runs; ``append`` extends the kernel's command line, ``devices`` QEMU's.
    ``modules`` of the kernel are files of ``/modules``, which nobody has loaded yet.

    Units:   ``memory_length`` in bytes, whole MiB.
    Raises:  LabError for a memory that the machine cannot have.
    """

    images: Images
    tables: Sequence[bytes] = ()
    prefill: Mapping[int, bytes] = field(default_factory=dict)
    append: str = ""
    devices: Sequence[str] = ()
    memory_length: int = 128 << 20
    modules: Sequence[str] = ()

    def __post_init__(self) -> None:
        fits = SMALLEST_MEMORY <= self.memory_length <= LARGEST_MEMORY
        if not fits or self.memory_length % (1 << 20):
            raise LabError(
                f"a guest has {SMALLEST_MEMORY >> 20} to {LARGEST_MEMORY >> 20} whole MiB of memory"
            )

    def root(self) -> bytes:
        """The initrd.

        Raises:  MissingError without a module; LabError when a file of it cannot be read.
        """
        modules = {name: self.images.module(name) for name in self.modules}
        try:
            busybox = self.images.busybox.path.read_bytes()
            return initrd.root(busybox, {n: m.path.read_bytes() for n, m in modules.items()})
        except OSError as error:
            raise LabError(f"a file of the initrd cannot be read: {error}") from error

    def command(self, inherited: Descriptors, *, incoming: bool) -> list[str]:
        """The QEMU command; ``incoming`` waits for a saved state instead of booting.

        Source:  qemu-system-x86_64(1)
        """
        ram = f"size={self.memory_length},mem-path={_path(inherited.memory)},share=on"
        command = [str(self.images.qemu), "-nodefaults", "-no-user-config", "-no-reboot", "-S"]
        command += ["-display", "none", "-accel", "tcg", "-cpu", "qemu64"]
        command += ["-machine", "q35,memory-backend=ram", "-m", f"{self.memory_length >> 20}M"]
        command += ["-object", f"memory-backend-file,id=ram,{ram}"]
        command += ["-kernel", str(self.images.kernel.path), "-initrd", _path(inherited.initrd)]
        command += ["-append", f"{KERNEL_COMMAND_LINE} {self.append}".rstrip()]
        for table in inherited.tables:
            command += ["-acpitable", f"file={_path(table)}"]
        for name in ("console", "shell", "monitor"):
            command += ["-chardev", f"socket,id={name},fd={getattr(inherited, name)}"]
        command += ["-serial", "chardev:console", "-serial", "chardev:shell"]
        command += ["-mon", "chardev=monitor,mode=control", *self.devices]
        return [*command, "-incoming", "defer"] if incoming else command

    def key(self) -> str:
        """A digest over all that a saved state depends on, QEMU's version included."""
        nowhere = Descriptors(0, 0, (0,) * len(self.tables), 0, 0, 0)
        parts = [_qemu_version(self.images.qemu), self.images.kernel.sha256.encode(), self.root()]
        parts += [argument.encode() for argument in self.command(nowhere, incoming=False)]
        parts += self.tables
        for address, data in self.prefill.items():
            parts += [b"%#x" % address, data]
        digest = hashlib.sha256()
        for part in parts:
            digest.update(len(part).to_bytes(8, "little") + part)
        return digest.hexdigest()


def _path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


@lru_cache
def _qemu_version(program: Path) -> bytes:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise QemuError(f"{program} does not tell its version: {error}") from error
    return answer.stdout
