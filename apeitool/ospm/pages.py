"""What Linux remembers about pages of memory, and what it does to one that has failed."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from apeitool.linux import dmesg
from apeitool.ospm.outcome import Did

SHIFT = 12
SOURCE = "Linux memory_failure(), mm/memory-failure.c, seen on 6.1.176"
SOFT_SOURCE = "Linux soft_offline_page(), mm/memory-failure.c, seen on 6.1.176"


class Flag(enum.Enum):
    """How a page is to be dealt with."""

    ACTION_REQUIRED = "action required"
    ACTION_OPTIONAL = "action optional"
    SOFT_OFFLINE = "soft offline"


@dataclass(frozen=True, slots=True)
class PageWork:
    """A page that is to be dealt with.

    Units:   ``address`` is physical.
    """

    address: int
    flag: Flag


@dataclass(frozen=True, slots=True)
class Task:
    """Whom an exception interrupts: a process that touches one page of its own.

    The page is anonymous and dirty: its contents are nowhere else.

    Units:   addresses in bytes, physical and virtual.
    """

    physical_address: int
    virtual_address: int
    is_real_time: bool = False
    """It has a scheduling policy that the kernel's workers have to wait for."""
    comm: str = "task"
    pid: int = 100
    told_early: str = ""
    """comm:pid of the thread that is told early, if its process asked for it by prctl(PR_MCE_KILL)."""

    def __str__(self) -> str:
        return f"{self.comm}:{self.pid}"


class Pages:
    """The pages of the system: which addresses are RAM, which pages are out of use.

    Units:   ``ram`` in addresses.
    """

    def __init__(self, ram: Sequence[range]) -> None:
        self._ram = tuple(ram)
        self._poisoned: set[int] = set()
        self._moved: set[int] = set()
        self.failures: list[PageWork] = []
        """The failures of pages that were in use, in order: others who map the page look here."""

    def is_ram(self, address: int) -> bool:
        """Whether there is a page frame for a physical address."""
        return any(address in extent for extent in self._ram)

    def is_poisoned(self, address: int) -> bool:
        """Whether the page is out of use because it failed: whoever touches it is signalled."""
        return address >> SHIFT in self._poisoned

    def is_moved(self, address: int) -> bool:
        """Whether what the page held is in another page now."""
        return address >> SHIFT in self._moved

    def carry_out(self, work: PageWork, task: Task) -> Did:
        """Deal with a page while ``task`` runs."""
        if work.flag is Flag.SOFT_OFFLINE:
            return self._soft_offline(work.address)
        if self.is_ram(work.address) and not self.is_poisoned(work.address):
            self.failures.append(work)
        return self._fail(work.address, task)

    def _fail(self, address: int, task: Task) -> Did:
        """Take a failed page out of use: every mapping of it goes."""
        frame = address >> SHIFT
        if not self.is_ram(address):
            return Did(f"finds no page at {address:#x}", (dmesg.ignored(frame),), SOURCE)
        if frame in self._poisoned:
            what = f"finds page {frame:#x} out of use already"
            return Did(what, (dmesg.already_poisoned(frame),), SOURCE)
        self._poisoned.add(frame)
        # Only of the task's page is it known what it holds, and so what is printed.
        what = f"takes page {frame:#x} out of use and unmaps it"
        if task.physical_address >> SHIFT != frame:
            return Did(what, source=SOURCE)
        early = task.told_early
        told = (dmesg.sending_sigbus(frame, early),) if early else ()
        return Did(what, (*told, dmesg.recovered(frame)), SOURCE)

    def _soft_offline(self, address: int) -> Did:
        """Move what a page holds elsewhere, and use the page no more."""
        frame = address >> SHIFT
        if not self.is_ram(address):
            return Did(f"finds no page at {address:#x}", source=SOFT_SOURCE)
        self._moved.add(frame)
        what = f"moves the contents of page {frame:#x} elsewhere and takes it out of use"
        return Did(what, source=SOFT_SOURCE)
