"""A guest's console: every line that its kernel printed, as it comes."""

from __future__ import annotations

import re
import threading
import time
from io import RawIOBase
from typing import NamedTuple

from apeitool.errors import LabError

_TIMESTAMP = re.compile(r"^\[ *\d+\.\d{6}\] ")
_TAIL = 12


def without_timestamp(line: str) -> str:
    """A printk line without the time since boot that the kernel puts before it."""
    return _TIMESTAMP.sub("", line, count=1)


class Line(NamedTuple):
    """A console line and its place among all of them."""

    number: int
    text: str


class Console:
    """The lines on a serial port, collected by a thread until the port closes.

    A byte is a character (Latin-1), so that whatever a record brought to the console is kept.

    Shape:   lines end with CR LF; a last line without an end is counted once the port closes.
    """

    def __init__(self, port: RawIOBase, *, earlier: bytes = b"") -> None:
        self._port = port
        self._changed = threading.Condition()
        self._received = bytearray()
        self._lines: list[str] = []
        self._rest = b""
        self._open = True
        self._take(earlier)
        self._reader = threading.Thread(target=self._read, name="lab console", daemon=True)
        self._reader.start()

    @property
    def lines(self) -> list[str]:
        """The lines so far."""
        with self._changed:
            return list(self._lines)

    @property
    def received(self) -> bytes:
        """Every byte so far; a console with this as ``earlier`` continues where this one is."""
        with self._changed:
            return bytes(self._received)

    def wait_for(
        self, pattern: str | re.Pattern[str], *, timeout: float = 10, start: int = 0
    ) -> Line:
        """The first line from ``start`` on in which ``pattern`` is found.

        Units:   ``timeout`` in seconds.
        Raises:  LabError when it does not come in time, or cannot come: the guest has ended.
        """
        expression = re.compile(pattern)
        deadline = time.monotonic() + timeout
        seen = start
        with self._changed:
            while True:
                for index in range(seen, len(self._lines)):
                    if expression.search(self._lines[index]):
                        return Line(index, self._lines[index])
                seen = max(start, len(self._lines))
                left = deadline - time.monotonic()
                if left <= 0 or not self._open:
                    raise LabError(self._complaint(expression.pattern, timeout))
                self._changed.wait(left)

    def drain(self, timeout: float) -> None:
        """Take in what a guest that has ended left to be read, for so many seconds at most."""
        self._reader.join(timeout)

    def close(self) -> None:
        """Take in what a guest that has ended left to be read."""
        self._reader.join()
        self._port.close()

    def _complaint(self, pattern: str, timeout: float) -> str:
        why = f"within {timeout:g} s" if self._open else "before the guest ended"
        tail = "\n  ".join(self._lines[-_TAIL:])
        return f"the console did not show {pattern!r} {why}; its last lines:\n  {tail}"

    def _read(self) -> None:
        while data := self._next():
            self._take(data)
        with self._changed:
            self._open = False
            if self._rest:
                self._lines.append(_line(self._rest))
                self._rest = b""
            self._changed.notify_all()

    def _next(self) -> bytes:
        try:
            return self._port.read(0x10000) or b""
        except OSError:
            # A killed peer may reset the connection; to us that is its end.
            return b""

    def _take(self, data: bytes) -> None:
        with self._changed:
            self._received += data
            *whole, self._rest = (self._rest + data).split(b"\n")
            self._lines += map(_line, whole)
            self._changed.notify_all()


def _line(raw: bytes) -> str:
    return raw.removesuffix(b"\r").decode("latin-1")
