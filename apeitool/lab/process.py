"""A child process that never outlives its time limit, its owner or this process.

A thread of its own starts the child, waits for it, and ends it at the limit. The kernel kills the
child when that thread dies (PR_SET_PDEATHSIG names the thread that forked, not the process), and
the thread lives until the child or this whole process ends, however violently.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress

from apeitool.errors import LabError, MissingError


class Process:
    """A started child process, with its own handle on itself; ``limit`` is in seconds.

    Raises:  MissingError without util-linux's setpriv; LabError when it cannot be started.
    """

    def __init__(self, command: Sequence[str], *, descriptors: Sequence[int], limit: float) -> None:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise MissingError(
                "the program setpriv is missing", remedy="apt-get install util-linux"
            )
        self.id = 0
        self.returncode: int | None = None
        self.timed_out = False
        # setpriv becomes the command by exec, so the child's id is the command's.
        self._command = [setpriv, "--pdeathsig", "KILL", "--", *command]
        self._descriptors = tuple(descriptors)
        self._limit = limit
        self._handle = -1
        self._failure: OSError | None = None
        self._words = b""
        self._talk = os.memfd_create("apeitool-lab-talk", os.MFD_CLOEXEC)
        self._started = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="lab process", daemon=True)
        self._keeper.start()
        self._started.wait()
        if self._failure is not None:
            self.close()
            raise LabError(f"{command[0]} cannot be started: {self._failure.strerror}")

    @property
    def ended(self) -> bool:
        """Whether the child has ended and ``returncode`` is known."""
        return not self._keeper.is_alive()

    def wait(self, timeout: float) -> bool:
        """Whether the child has ended after at most ``timeout`` seconds."""
        self._keeper.join(timeout)
        return self.ended

    def said(self) -> str:
        """What the child wrote to its standard output and error."""
        if self._talk >= 0:
            self._words = os.pread(self._talk, os.fstat(self._talk).st_size, 0)
        return self._words.decode(errors="replace").strip()

    def close(self) -> None:
        """End the child and let go of everything."""
        self._kill()
        self._keeper.join()
        self.said()
        for descriptor in (self._handle, self._talk):
            if descriptor >= 0:
                os.close(descriptor)
        self._handle = self._talk = -1

    def _keep(self) -> None:
        try:
            child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=self._talk,
                stderr=subprocess.STDOUT,
                pass_fds=self._descriptors,
                start_new_session=True,
            )
            self.id = child.pid
            self._handle = os.pidfd_open(child.pid)
        except OSError as error:
            # Should the child be there without its handle, it dies with this thread.
            self._failure = error
            return
        finally:
            self._started.set()
        end = select.poll()
        end.register(self._handle, select.POLLIN)
        if not end.poll(self._limit * 1000):
            self.timed_out = True
            self._kill()
        self.returncode = child.wait()

    def _kill(self) -> None:
        if self._handle >= 0:
            # By handle and not by number: a number may have been given to another process.
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
