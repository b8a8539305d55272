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
        connection.settimeout(_LIMIT)
        self._port = connection.makefile("rwb")
        self._turn = threading.Lock()

    def pulse(self, controller: str, number: int) -> None:
        """Raise and lower an input of a controller, which is a path in QEMU's object model.

        QEMU is told both at once: of a line that acts by its level the processor would see many
        interrupts, as long as it is up.

        Raises:  QemuError when there is none, or QEMU is gone.
        """
        line = f"set_irq_in {controller} unnamed-gpio-in {number}"
        self._ask(f"{line} 1", f"{line} 0")

    def ask(self, command: str) -> list[str]:
        """The words of QEMU's answer to any command of the protocol.

        Raises:  QemuError when it fails, or QEMU is gone.
        """
        (words,) = self._ask(command)
        return words

    def _ask(self, *commands: str) -> list[list[str]]:
        with self._turn:
            try:
                self._port.write("".join(f"{command}\n" for command in commands).encode())
                self._port.flush()
                answers = [self._answer() for _ in commands]
            except OSError as error:
                raise QemuError(f"QEMU, {commands[0]}: {error}") from error
        for command, (good, *words) in zip(commands, answers, strict=True):
            if good != "OK":
                raise QemuError(f"QEMU, {command}: {' '.join([good, *words])}")
        return [words for _, *words in answers]

    def _answer(self) -> list[str]:
        """The words of the next line that is an answer: others tell of interrupts."""
        while True:
            line = self._port.readline().decode(errors="replace")
            if not line.startswith("IRQ"):
                return line.split() or ["it is gone"]
