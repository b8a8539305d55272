"""QEMU's monitor: QMP commands from any thread, by way of the ``qemu.qmp`` library.

The library speaks asyncio, so each monitor has an event loop in a thread of its own. Its
synchronous wrapper (``qemu.qmp.legacy``) is not used: it installs an event loop in the caller's
thread, works from no second thread and under no running loop, and is under the GPL version 2 only
where the rest is under the LGPL.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from apeitool.errors import MissingError, QemuError

if TYPE_CHECKING:
    from qemu.qmp import QMPClient

_Result = TypeVar("_Result")


class Monitor:
    """A QMP session on a connected socket; ``timeout`` in seconds holds for each command.

    Raises:  MissingError without the ``qemu.qmp`` library; QemuError when QEMU does not greet.
    """

    def __init__(self, connection: socket.socket, *, timeout: float = 20) -> None:
        try:
            from qemu.qmp import QMPClient
        except ImportError:
            raise MissingError(
                "the Python library qemu.qmp is missing", remedy="pip install 'apeitool[lab]'"
            ) from None
        # What goes wrong is raised; without a handler logging would also print it.
        logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())
        self._timeout = timeout
        self._turning = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._turn()), name="lab monitor", daemon=True
        )
        self._thread.start()
        self._turning.wait()
        self._client: QMPClient = QMPClient("lab")
        try:
            self._wait("connect", self._client.connect(connection))
        except QemuError:
            self._end_loop()
            raise

    def execute(self, command: str, **arguments: object) -> Any:
        """What QEMU answers to a command; arguments are named as QEMU names them, _ for -.

        Raises:  QemuError when QEMU refuses, is gone or does not answer in time.
        """
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        return self._wait(command, self._client.execute(command, named or None))

    @property
    def connected(self) -> bool:
        """Whether QEMU still listens."""
        from qemu.qmp import Runstate

        return self._client.runstate is Runstate.RUNNING

    def close(self) -> None:
        """End the session; QEMU may be gone already."""
        with suppress(QemuError):
            self._wait("disconnect", self._client.disconnect())
        self._end_loop()

    def _wait(self, what: str, step: Coroutine[Any, Any, _Result]) -> _Result:
        from qemu.qmp import QMPError

        if self._loop.is_closed():
            step.close()
            raise QemuError(f"QEMU, {what}: the session is closed")
        future = asyncio.run_coroutine_threadsafe(step, self._loop)
        try:
            return future.result(self._timeout)
        except TimeoutError:
            future.cancel()
            raise QemuError(f"QEMU did not answer {what} within {self._timeout:g} s") from None
        except (QMPError, OSError, EOFError) as error:
            raise QemuError(f"QEMU, {what}: {error}") from error

    async def _turn(self) -> None:
        """Keep the event loop turning; at its end asyncio.run cancels what is left undone."""
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        self._turning.set()
        await self._end.wait()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
