"""A process of an arm64 guest that runs into bad memory, and tells what comes of it.

Its program, ``toucher.s``, is assembled here.  It owns a page, whose addresses it tells, and has
mapped a physical address where nobody answers: a load from there is a genuine synchronous external
abort.
"""

from __future__ import annotations

import struct
import time
from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from apeitool.errors import LabError
from apeitool.lab.assembler import assembled
from apeitool.lab.guest import Guest
from apeitool.ospm.outcome import Signal, SignalCode

NAME = "toucher"
"""What the program is called in a guest."""

_BASE = 0x40_0000
_LIMIT = 30.0
_STEP = 0.01

_HEADERS = 64 + 56


@cache
def program() -> bytes:
    """The program, as an executable of Linux.

    Raises:  MissingError without the assembler.
    """
    source = files("apeitool.lab").joinpath("toucher.s").read_text()
    return _executable(assembled(source, _BASE + _HEADERS))


def _executable(code: bytes) -> bytes:
    """Code that starts with its first instruction, in one segment with the headers before it.

    Source:  System V ABI, chapters 4 and 5, with EM_AARCH64 (183)
    """
    size = _HEADERS + len(code)
    little_endian_64 = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    executable, aarch64, entry = 2, 183, _BASE + _HEADERS
    header = struct.pack(
        "<HHIQQQIHHHHHH", executable, aarch64, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )  # fmt: skip
    loaded, read_and_execute, page = 1, 5, 0x1000
    segment = struct.pack(
        "<IIQQQQQQ", loaded, read_and_execute, 0, _BASE, _BASE, size, size, page
    )  # fmt: skip
    return little_endian_64 + header + segment + code


class Touch(NamedTuple):
    """What came of a touch: it came to pass, or a signal was sent, or the process ended."""

    is_read: bool = False
    signal: Signal | None = None
    status: int | None = None
    """The exit status that the process ended with, as a shell has it."""


class Toucher:
    """A process that has been started in a guest whose machine is ARM64.

    With ``is_early`` it asks to be told of bad pages before it touches them (PR_MCE_KILL_EARLY).
    ``physical`` and ``virtual`` are the addresses of its own page, ``nowhere`` is
    that where nobody answers; ``pid`` is its number.

    Raises:  LabError when it does not come up.
    """

    def __init__(self, guest: Guest, *, number: int = 0, is_early: bool = False) -> None:
        self._guest = guest
        self._input, self._output = f"/{NAME}-{number}.in", f"/{NAME}-{number}.out"
        self._seen = 0
        early = " early" if is_early else ""
        # The shell has words of its own for how a process ends.
        start = f"({NAME}{early} <>{self._input}; echo end $?) >{self._output} 2>/dev/null &"
        guest.shell(f"mkfifo {self._input}; {start}")
        said = self._next()
        if said is None or said[0] != "own":
            raise LabError(f"the guest's process did not come up: {said}")
        self.physical, self.virtual, self.nowhere = (int(number, 16) for number in said[1:])
        self.pid = int(guest.shell(f"pidof {NAME}").output.split()[0])

    def touch(self, *, own: bool = False) -> Touch:
        """Have it load from where nobody answers, or from its own page; what came of that.

        Nothing has when the guest ends, or hangs.
        """
        self._say("o" if own else "b")
        return self.told() or Touch()

    def ask_firmware(self, what: int, number: int) -> Touch:
        """Have it ask the firmware at EL2 for an SError or an SDEI event; what came of that.

        Nothing has when the guest ends.
        """
        words = struct.pack("<QQ", what, number)
        self._say("e" + "".join(f"\\{byte:03o}" for byte in words))
        return self.told() or Touch()

    def have_kernel_touch(self) -> None:
        """Have it give the kernel the address where nobody answers."""
        self._say("k")

    def come_first(self) -> None:
        """Give it a real-time policy (SCHED_FIFO)."""
        self._say("f")

    def told(self) -> Touch | None:
        """What it says next; None when it does not."""
        said = self._next()
        match said:
            case ["read"]:
                return Touch(is_read=True)
            case ["signal", *numbers]:
                code, address, lsb = (int(number, 16) for number in numbers)
                return Touch(signal=Signal("SIGBUS", SignalCode(code), address, lsb))
            case ["end", status]:
                return Touch(status=int(status))
        return None

    def _say(self, command: str) -> None:
        # A guest that ends of it gives no answer.
        with suppress(LabError):
            self._guest.shell(f"printf '{command}' >{self._input}")

    def _next(self) -> list[str] | None:
        """The words of its next line."""
        end = time.monotonic() + _LIMIT
        while time.monotonic() < end and not self._guest.exited:
            try:
                lines = self._guest.shell(f"cat {self._output}").output.split("\n")[:-1]
            except LabError:
                # It has ended, or its shell waits for a kernel that has much to say.
                continue
            if len(lines) > self._seen:
                self._seen += 1
                return lines[self._seen - 1].split()
            time.sleep(_STEP)
        return None
