"""What others see of an operating system: the modelled Linux, or a real one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from apeitool.acpi.hest.notification import NotificationType
from apeitool.ospm.outcome import Outcome, Reply
from apeitool.ospm.pages import PageWork, Task
from apeitool.ospm.sea import Abort


class OperatingSystem(Protocol):
    """It is told of errors, and runs into them; see `apeitool.ospm.linux.Linux`."""

    end: Outcome | None
    """The panic or the endless loop that it ended in."""

    @property
    def failures(self) -> Sequence[PageWork]:
        """The failures of pages that were in use, in order."""
        ...

    def boot(self) -> Reply:
        """It comes up, with what firmware has prepared."""
        ...

    def notified(
        self, kind: NotificationType, *, vector: int = 0, polled: int | None = None
    ) -> Reply:
        """It is notified, but not by an exception."""
        ...

    def claim(self, task: Task) -> Reply | None:
        """Its SEA sources are asked about an abort; None when none claims it."""
        ...

    def synchronous_external_abort(self, abort: Abort, task: Task) -> Reply:
        """It takes an SEA while it runs a task."""
        ...

    def serror(self, esr: int) -> Reply:
        """It takes an SError interrupt."""
        ...

    def touch(self, task: Task) -> Reply | None:
        """A task touches its page; None when there is nothing in the kernel's way."""
        ...
