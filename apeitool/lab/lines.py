"""The interrupt lines of a guest's machine, by way of QEMU's qtest protocol.

Source:  QEMU docs/devel/testing/qtest.rst, and system/qtest.c, set_irq_in
"""

from __future__ import annotations

import socket
import threading

from apeitool.errors import QemuError

_LIMIT = 20.0


class Lines:
    """The inputs of an interrupt controller; a pulse on one is an edge."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.settimeout(_LIMIT)
        self._turn = threading.Lock()

    def pulse(self, controller: str, number: int) -> None:
        """Raise and lower an input of a controller, which is a path in QEMU's object model.

        Raises:  QemuError when there is none, or QEMU is gone.
        """
        with self._turn:
            for level in (1, 0):
                self._ask(f"set_irq_in {controller} unnamed-gpio-in {number} {level}")

    def ask(self, command: str) -> list[str]:
        """The words of QEMU's answer to any command of the protocol.

        Raises:  QemuError when it fails, or QEMU is gone.
        """
        with self._turn:
            return self._ask(command)

    def _ask(self, command: str) -> list[str]:
        try:
            self._connection.sendall(command.encode() + b"\n")
            answer = self._answer()
        except OSError as error:
            raise QemuError(f"QEMU, {command}: {error}") from error
        good, *words = answer.decode(errors="replace").split() or ["it is gone"]
        if good != "OK":
            raise QemuError(f"QEMU, {command}: {' '.join([good, *words])}")
        return words

    def _answer(self) -> bytes:
        """The next line that is an answer: others tell of interrupts."""
        while True:
            line = bytearray()
            while not line.endswith(b"\n"):
                if not (byte := self._connection.recv(1)):
                    return b""
                line += byte
            if not line.startswith(b"IRQ"):
                return bytes(line.strip())
