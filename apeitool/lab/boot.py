"""What a guest boots with, and the QEMU command that it comes to."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from apeitool.errors import LabError, QemuError
from apeitool.lab import initrd
from apeitool.lab.images import Images
from apeitool.lab.machines import Machine


@dataclass(frozen=True)
class Descriptors:
    """The open files that a QEMU process inherits."""

    banks: tuple[int, ...]
    initrd: int
    tables: tuple[int, ...]
    console: int
    shell: int
    monitor: int
    lines: int | None

    def all(self) -> list[int]:
        """Every one of them."""
        files = [*self.banks, self.initrd, *self.tables]
        lines = () if self.lines is None else (self.lines,)
        return [*files, self.console, self.shell, self.monitor, *lines]


@dataclass(frozen=True)
class Boot:
    """Everything that decides what a guest is when it comes up.

    ``tables`` are whole ACPI tables for the guest (of an x86 one QEMU sets their length and
    checksum); ``prefill`` maps guest-physical addresses to the bytes that are there before the
    first instruction runs; ``append`` extends the kernel's command line, ``devices`` QEMU's.
    ``modules`` of the kernel are files of ``/modules``, which nobody has loaded yet; ``programs``
    are in the path of its shell.  Its machine
    is that of its images.

    Units:   ``memory_length`` in bytes, whole MiB.
    Raises:  LabError for a memory that the machine cannot have.
    """

    images: Images
    tables: Sequence[bytes] = ()
    prefill: Mapping[int, bytes] = field(default_factory=dict)
    append: str = ""
    devices: Sequence[str] = ()
    memory_length: int = 0
    """None: as much as is usual."""
    modules: Sequence[str] = ()
    programs: Mapping[str, bytes] = field(default_factory=dict)
    upgrades: Sequence[bytes] = ()
    """Tables that Linux itself puts in the place of the machine's own."""
    has_lines: bool = False
    """Whether its interrupt lines are to be in our hands."""

    def __post_init__(self) -> None:
        if not self.memory_length:
            object.__setattr__(self, "memory_length", self.machine.usual)
        self.machine.banks(self.memory_length)

    @property
    def machine(self) -> Machine:
        """What it boots on."""
        return self.images.machine

    @property
    def banks(self) -> list[range]:
        """The addresses of its memory."""
        return self.machine.banks(self.memory_length)

    @property
    def handed_over(self) -> Sequence[bytes]:
        """The tables that QEMU is given; the others are in the initrd."""
        return () if self.machine.firmware else self.tables

    def root(self) -> bytes:
        """The initrd, behind the tables that Linux finds in it.

        Raises:  MissingError without a module; LabError when a file of it cannot be read.
        """
        modules = {name: self.images.module(name) for name in self.modules}
        try:
            busybox = self.images.busybox.path.read_bytes()
            content = {n: m.path.read_bytes() for n, m in modules.items()}
            root = initrd.root(busybox, content, self.programs, port=self.machine.shell_port)
        except OSError as error:
            raise LabError(f"a file of the initrd cannot be read: {error}") from error
        taken = () if self.handed_over else self.tables
        return initrd.tables([*taken, *self.upgrades]) + root

    def command(self, inherited: Descriptors, *, incoming: bool) -> list[str]:
        """The QEMU command; ``incoming`` waits for a saved state instead of booting.

        Source:  qemu-system-x86_64(1), qemu-system-aarch64(1)
        """
        command = [str(self.images.qemu), "-nodefaults", "-no-user-config", "-no-reboot", "-S"]
        command += ["-display", "none", "-accel", "tcg", *self.machine.board]
        command += self._memory(inherited.banks)
        command += ["-kernel", str(self.images.kernel.path), "-initrd", _path(inherited.initrd)]
        command += ["-append", f"{self.machine.command_line} {self.append}".rstrip()]
        for table in inherited.tables:
            command += ["-acpitable", f"file={_path(table)}"]
        command += ["-chardev", f"file,id=console,path={_path(inherited.console)}"]
        for name in ("shell", "monitor", *(["lines"] if self.has_lines else ())):
            command += ["-chardev", f"socket,id={name},fd={getattr(inherited, name)}"]
        if self.has_lines:
            command += ["-object", "qtest,id=qtest,chardev=lines"]
        command += ["-serial", "chardev:console"]
        # The virt machine has one port of its own.
        has_ports = self.machine.firmware is None
        command += ["-serial", "chardev:shell"] if has_ports else ["-device", _PORT]
        if self.images.firmware is not None:
            command += ["-bios", str(self.images.firmware.path)]
        command += ["-mon", "chardev=monitor,mode=control", *self.devices]
        return [*command, "-incoming", "defer"] if incoming else command

    def _memory(self, descriptors: Sequence[int]) -> Iterator[str]:
        ram, *modules = zip(("ram", "module"), self.banks, descriptors, strict=False)
        more = ",slots=1,maxmem=4G" if modules else ""
        yield from ("-m", f"{self.memory_length >> 20}M{more}")
        for name, bank, descriptor in (ram, *modules):
            content = f"size={len(bank)},mem-path={_path(descriptor)},share=on"
            yield from ("-object", f"memory-backend-file,id={name},{content}")
        for name, *_ in modules:
            yield from ("-device", f"nvdimm,id=nvdimm,memdev={name}")

    def key(self) -> str:
        """A digest over all that a saved state depends on, QEMU's version included."""
        nowhere = Descriptors(
            (0,) * len(self.banks), 0, (0,) * len(self.handed_over), 0, 0, 0, 0
        )  # fmt: skip
        parts = [_qemu_version(self.images.qemu), self.images.kernel.sha256.encode(), self.root()]
        parts += [argument.encode() for argument in self.command(nowhere, incoming=False)]
        parts += self.handed_over
        for address, data in self.prefill.items():
            parts += [b"%#x" % address, data]
        digest = hashlib.sha256()
        for part in parts:
            digest.update(len(part).to_bytes(8, "little") + part)
        return digest.hexdigest()


_PORT = "pci-serial,chardev=shell"


def _path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


@lru_cache
def _qemu_version(program: Path) -> bytes:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        raise QemuError(f"{program} does not tell its version: {error}") from error
    return answer.stdout
