"""The machines that guests have: QEMU's own, for both processors.

A HEST gets into an x86 machine by way of QEMU, into an arm64 one by way of the initrd, out of which
Linux takes tables for itself (CONFIG_ACPI_TABLE_UPGRADE): QEMU's virt machine takes none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apeitool.errors import LabError
from apeitool.lab.window import RESERVED_BASE, RESERVED_SIZE
from apeitool.linux.features import Architecture
from apeitool.qemu.arguments import MODULE, MODULE_LENGTH, VIRT_RAM

_MIB = 1 << 20


@dataclass(frozen=True)
class Machine:
    """A machine that a guest can have.

    ``packages`` are those of QEMU to be installed, ``flavour`` is that of Debian's kernels for it.
    ``ram`` is where RAM starts, ``reserved`` the range that the guest's kernel leaves alone; a
    machine that ``has_module`` has it on a module of its own, beside RAM.  ``command_line`` is the
    kernel's.  The interrupt ``controller`` is of the second type among what the first holds in QEMU's
    object model; its inputs are interrupts (GSIs) from ``first_input`` on.  ``event_interrupt`` is
    one that nobody else has; ``address_bits`` is how wide its processor's addresses are.

    Units:   addresses and lengths in bytes.
    """

    architecture: Architecture
    debian: str
    program: str
    packages: str
    flavour: str
    board: Sequence[str]
    command_line: str
    shell_port: str
    ram: int
    reserved: range
    controller: tuple[str, str]
    first_input: int
    event_interrupt: int
    address_bits: int
    smallest: int
    largest: int
    usual: int
    has_module: bool = False
    has_ras: bool = False
    """Whether its processor has the RAS extension of arm64."""
    firmware: str | None = None
    """The package of the firmware that boots it, none if QEMU does."""

    def banks(self, length: int) -> list[range]:
        """Its memory with so many bytes of RAM.

        Raises:  LabError for a memory that the machine cannot have.
        """
        if not self.smallest <= length <= self.largest or length % _MIB:
            raise LabError(
                f"a guest has {self.smallest // _MIB} to {self.largest // _MIB} whole MiB of memory"
            )
        ram = range(self.ram, self.ram + length)
        return [ram, self.reserved] if self.has_module else [ram]


X86 = Machine(
    architecture=Architecture.X86,
    debian="amd64",
    program="qemu-system-x86_64",
    packages="qemu-system-x86",
    flavour="cloud-amd64",
    # An NMI behind a cmpxchg16b finds wrong flags in QEMU 7.2, which ends newer kernels.
    board=("-machine", "q35,memory-backend=ram", "-cpu", "qemu64,-cx16"),
    # panic=-1 resets at once, which ends QEMU; nokaslr keeps the kernel away from the range.
    command_line="console=ttyS0 panic=-1 nokaslr loglevel=8"
    f" memmap={RESERVED_SIZE:#x}${RESERVED_BASE:#x}",
    shell_port="ttyS1",
    ram=0,
    reserved=range(RESERVED_BASE, RESERVED_BASE + RESERVED_SIZE),
    controller=("/machine/q35", "ioapic"),
    first_input=0,
    event_interrupt=20,
    address_bits=40,
    # The least in which the kernel can unpack itself; the most that lies at address 0 in one piece.
    smallest=96 * _MIB,
    largest=2048 * _MIB,
    usual=128 * _MIB,
)

ARM64 = Machine(
    architecture=Architecture.ARM64,
    debian="arm64",
    program="qemu-system-aarch64",
    packages="qemu-system-arm",
    flavour="arm64",
    board=("-machine", "virt,gic-version=3,nvdimm=on,memory-backend=ram", "-cpu", "cortex-a57"),
    command_line="console=ttyAMA0 panic=-1 nokaslr loglevel=8 acpi=force",
    shell_port="ttyS0",
    ram=VIRT_RAM,
    reserved=range(MODULE, MODULE + MODULE_LENGTH),
    controller=("/machine/unattached", "arm-gicv3"),
    first_input=32,
    event_interrupt=132,
    address_bits=44,
    smallest=256 * _MIB,
    largest=1024 * _MIB,
    usual=256 * _MIB,
    has_module=True,
    firmware="qemu-efi-aarch64",
)

MACHINES = {machine.architecture: machine for machine in (X86, ARM64)}
