"""Commands for the shell that a guest's init script runs on the second serial port."""

from __future__ import annotations

import base64
import re
import socket
import threading
import time
from typing import NamedTuple

from apeitool.errors import LabError
from apeitool.lab.initrd import END_OF_OUTPUT, START_OF_OUTPUT

_LONGEST = 2048
"""What is left of the 4096 bytes of a Linux terminal's input queue after base64, in bytes."""

_LONGEST_END = 40
"""More bytes than the end of an answer takes."""


class Answer(NamedTuple):
    """What a command printed (standard output and error, as UTF-8) and its exit status."""

    output: str
    status: int


class Shell:
    """The command shell of a guest that is ready; one command at a time, in order."""

    def __init__(self, port: socket.socket) -> None:
        self._port = port
        self._turn = threading.Lock()
        self._number = 0

    def run(self, command: str, *, timeout: float) -> Answer:
        """Run a command (of busybox's sh) in the guest, each in a shell of its own.

        Units:   ``timeout`` in seconds.
        Raises:  LabError when the command is too long, or no answer comes in time.
        """
        coded = base64.b64encode(command.encode())
        if len(command.encode()) > _LONGEST:
            raise LabError(f"a command of more than {_LONGEST} bytes does not reach the guest")
        with self._turn:
            self._number += 1
            try:
                self._port.settimeout(timeout)
                self._port.sendall(b"%d %s\n" % (self._number, coded))
                return self._answer(time.monotonic() + timeout)
            except TimeoutError:
                raise LabError(f"the guest did not finish {command!r} in {timeout:g} s") from None
            except OSError as error:
                raise LabError(f"the guest's shell is gone: {error.strerror}") from error

    def _answer(self, deadline: float) -> Answer:
        """Read on until this command's answer; what an earlier one left behind is dropped."""
        start = b"%s%d\n" % (START_OF_OUTPUT, self._number)
        end = re.compile(rb"%s%d ([0-9]+)\n\Z" % (END_OF_OUTPUT, self._number))
        received = bytearray()
        # QEMU hands over a few bytes at a time: look at the tail alone, or long output costs a lot.
        while (found := end.search(received[-_LONGEST_END:])) is None:
            self._port.settimeout(max(deadline - time.monotonic(), 0.001))
            data = self._port.recv(0x10000)
            if not data:
                raise LabError("the guest ended before it answered")
            received += data
        output = received[received.index(start) + len(start) : -len(found[0])]
        return Answer(output.decode(errors="replace"), int(found[1]))
