"""A guest with firmware at EL2, and what that takes: a machine, a kernel, and the code in memory.

QEMU enters the kernel at EL2, and there is nobody behind it.  Two places of the kernel's image are changed,
so that somebody is: where its set-up of EL2 ends, and where its vectors for EL2 (the hyp stub) take a
lower EL.  Both lead to `firmware.s`, in memory that the kernel leaves alone.  A third lets Linux take
an SDEI table out of the initrd, as it does others: QEMU gives it none.  Apart from that it is Debian's.

Source:  Linux arch/arm64/kernel/head.S and hyp-stub.S, drivers/acpi/tables.c, seen on 6.1.192, 6.12.95 and
         7.2.13; SDEI, Arm DEN0054
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from apeitool.acpi.header import CHECKSUM_OFFSET, HEADER_LENGTH, Table, checksum_of
from apeitool.errors import LabError
from apeitool.lab.assembler import assembled
from apeitool.lab.cache import sha256
from apeitool.lab.images import Images
from apeitool.lab.machines import ARM64, Machine
from apeitool.lab.manifest import Image

SERROR, EVENT = 1, 2
"""What a process can ask for."""

WITH_RAS, WITHOUT_RAS = "cortex-a76", "cortex-a57"

BASE = ARM64.reserved.stop - 0x10_0000
"""Where the firmware is; the low half of its address is 0."""
LENGTH = 0x1000
_ENTRY = 0x100
_NUMBER = struct.pack("<Q", 804)
_WORD = b"\x5e" * 8

# cmp x0, 0; b.ne ..; msr vbar_el2, x1: how the hyp stub takes a call, right behind its vectors
_STUB = re.compile(b"\x1f\x00\x00\xf1....\x01\xc0\x1c\xd5", re.DOTALL)
_VECTORS, _LOWER_EL = 0x800, 0x400
_TO_STUB = struct.pack("<I", 0x1400_0100)
# mov w0, BOOT_CPU_MODE_EL2; orr x0, x0, x2; eret
_SET_UP = struct.pack("<III", 0x5281_C240, 0xAA02_0000, 0xD69F_03E0)
_UPGRADABLE = b"TCPAUEFI"


def machine(cpu: str = WITH_RAS) -> Machine:
    """The arm64 machine with EL2, and a processor with or without the RAS extension."""
    board = ("-machine", "virt,gic-version=3,nvdimm=on,memory-backend=ram,virtualization=on")
    return replace(ARM64, board=(*board, "-cpu", cpu), has_ras=cpu == WITH_RAS)


def images(found: Images, *, cpu: str = WITH_RAS) -> Images:
    """Those of an arm64 guest, for one with firmware at EL2.

    Raises:  LabError for a kernel in which the places are not found.
    """
    return replace(found, machine=machine(cpu), kernel=_changed(found.kernel))


@cache
def _changed(kernel: Image) -> Image:
    """A kernel that comes to the firmware, beside its own; made once a process."""
    path = kernel.path
    changed = Path(f"{path}-el2")
    data = with_firmware(path.read_bytes())
    try:
        if not changed.exists() or changed.read_bytes() != data:
            draft = Path(f"{changed}.{os.getpid()}.new")
            draft.write_bytes(data)
            draft.replace(changed)
    except OSError as error:
        raise LabError(f"a kernel cannot be kept in {path.parent}: {error.strerror}") from error
    return replace(kernel, path=changed, sha256=sha256(changed))


def with_firmware(kernel: bytes) -> bytes:
    """A kernel's image that comes to the firmware."""
    made = bytearray(kernel)
    high = f"movz x30, {BASE >> 16:#x}, lsl 16"
    _change(made, _vectors(kernel) + _LOWER_EL,
            assembled(f"msr tpidr_el2, x30; {high}; add x30, x30, {_ENTRY}; br x30"))  # fmt: skip
    _change(made, _only(kernel, _SET_UP), assembled(f"{high}; br x30"))
    _change(made, _only(kernel, _UPGRADABLE), b"SDEI")
    return bytes(made)


def _vectors(kernel: bytes) -> int:
    """Where the vectors of the hyp stub are."""
    for found in _STUB.finditer(kernel):
        place = found.start() - _VECTORS
        lower = kernel[place + _LOWER_EL : place + _LOWER_EL + 4]
        if place % _VECTORS == 0 and lower == _TO_STUB:
            return place
    raise LabError("this kernel's vectors for EL2 are not where they are looked for")


def _only(kernel: bytes, wanted: bytes) -> int:
    places = [found.start() for found in re.finditer(re.escape(wanted), kernel)]
    if len(places) != 1:
        raise LabError(f"{wanted.hex(' ')} is {len(places)} times in this kernel, not once")
    return places[0]


def _change(made: bytearray, place: int, data: bytes) -> None:
    made[place : place + len(data)] = data


def code(event: int = 804) -> bytes:
    """The firmware, which knows one event of SDEI."""
    made = assembled(files("apeitool.lab").joinpath("firmware.s").read_text(), BASE)
    place = made.index(_WORD) + len(_WORD)
    assert made[place : place + 8] == _NUMBER
    return made[:place] + event.to_bytes(8, "little") + made[place + 8 :]


def sdei_table() -> bytes:
    """The table that says that there is SDEI.

    Source:  ACPI for SDEI, Arm DEN0093
    """
    header = Table(signature="SDEI", length=HEADER_LENGTH, checksum=0)
    made = bytearray(header.to_bytes())
    made[CHECKSUM_OFFSET] = checksum_of(bytes(made))
    return bytes(made)
