"""Errors for the guest of a running QEMU, by way of its monitor.

QEMU holds one error at a time: another is refused until the guest has acknowledged it.  So whoever has
several waits in between, and a guest that never acknowledges is told apart from what QEMU refuses.

Source:  QEMU qapi/acpi-hest.json and hw/acpi/ghes.c, seen on 11.1.3
"""

from __future__ import annotations

import socket
import time
from typing import Any, Protocol

from apeitool.acpi.status import StatusBlock
from apeitool.errors import QemuBusy, QemuError
from apeitool.qemu.command import INJECT, payload

_BUSY = "OSPM does not acknowledge previous error"
_STEP = 0.01
_UNSTARTED = ("prelaunch", "inmigrate")


class Monitored(Protocol):
    """What takes commands of QMP."""

    def execute(self, command: str, **arguments: object) -> Any:
        """The answer."""


def connected(address: str) -> socket.socket:
    """A connection to a monitor: the path of a unix socket, or HOST:PORT.

    Raises:  QemuError when nobody listens there.
    """
    host, colon, port = address.rpartition(":")
    is_port = bool(colon) and port.isdecimal() and "/" not in address
    try:
        if is_port:
            return socket.create_connection((host.strip("[]") or "localhost", int(port)))
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(address)
        except OSError:
            made.close()
            raise
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise QemuError(f"no monitor of QEMU at {address}: {reason}") from error
    return made


class Injector:
    """Puts errors before a guest.

    Raises:  QemuError when this QEMU or its machine cannot.
    """

    def __init__(self, monitor: Monitored) -> None:
        self._monitor = monitor
        known = {each["name"] for each in monitor.execute("query-commands")}
        if INJECT not in known:
            version = monitor.execute("query-version")["qemu"]
            number = f"{version['major']}.{version['minor']}"
            raise QemuError(f"QEMU {number} has no {INJECT}: it came with 10.2, for arm64")
        status = monitor.execute("query-status")["status"]
        if status in _UNSTARTED:
            raise QemuError(f"the machine has not started ({status}): an error would be dropped")
        if self._lacks_ras():
            raise QemuError("the machine is without ras=on: an error would be dropped")

    def _lacks_ras(self) -> bool:
        """Whether the machine says that it reports no errors to its guest."""
        try:
            return self._monitor.execute("qom-get", path="/machine", property="ras") is False
        except QemuError:
            # It says nothing about it.
            return False

    def inject(self, block: StatusBlock, *, patience: float = 10.0) -> float:
        """Put a block before the guest; how long, in seconds, it had to wait for the one before.

        Units:   ``patience`` in seconds.
        Raises:  EncodeError for a block that would crash or wedge QEMU, before anything is sent;
                 QemuBusy when the guest does not acknowledge in time; QemuError when QEMU refuses.
        """
        cper = payload(block)
        start = time.monotonic()
        while True:
            try:
                self._monitor.execute(INJECT, cper=cper)
                return time.monotonic() - start
            except QemuError as error:
                if _BUSY not in str(error):
                    raise
            if time.monotonic() - start > patience:
                raise QemuBusy(
                    f"the guest did not acknowledge the error before within {patience:g} s"
                )
            time.sleep(_STEP)
