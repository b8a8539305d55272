"""Blocks and tables given to a real kernel and to its model, and what does not agree.

A block goes to a GHESv2 source: on x86 an NMI tells of it, on arm64 a process runs into an SEA.  Compared
are the lines of APEI (the AER driver's for themselves, which come when its worker runs), the block's
status, Read Ack, the signal that the process gets, and whether the guest panics.  A table is booted with;
compared are the lines about it and which sources are bound to.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice

from apeitool.acpi.hest.generic import GhesV2
from apeitool.acpi.hest.notification import Notification, NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import StatusBlock
from apeitool.cper.dimm import Dimm, knowing
from apeitool.errors import LabError, QemuError
from apeitool.firmware.platform import Platform
from apeitool.lab.beside import Beside, Config, Seen, modelled, modules_of
from apeitool.lab.boot import Boot
from apeitool.lab.conformance.blocks import FREE_BUS, ROOM, Given, blocks, fatal
from apeitool.lab.conformance.tables import tables
from apeitool.lab.console import without_timestamp
from apeitool.lab.guest import Guest
from apeitool.lab.images import Images
from apeitool.lab.limits import switch_off
from apeitool.lab.machines import X86, Machine
from apeitool.lab.session import Session
from apeitool.linux.accept import block_length
from apeitool.linux.report import report
from apeitool.memory import Regions
from apeitool.ospm.outcome import Reply
from apeitool.ospm.pages import Task
from apeitool.ospm.sea import Abort
from apeitool.registers.address import GenericAddress

SOURCE = 9
_LONGEST = 3000
_SHORT = 4096
"""What a block says that it has, of which several have room in the kernel's pool for certain."""
_AT_A_TIME = 100
"""So many blocks one guest is given."""
_PATIENCE = 300.0
_PAGE = 4096
_LAST_WORDS = 40
_OF_BLOCKS = ("{", "[Firmware Warn]: ", "[Firmware Bug]: ", "AER: ", "GHES: ")
_OF_TABLES = ("HEST: ", "GHES: ", "[Firmware Bug]: ", "[Firmware Warn]: ")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Difference:
    """What did not agree: the class, the bytes, and a line for each difference (- model, + kernel)."""

    kind: str
    given: bytes
    lines: tuple[str, ...]


@dataclass
class Agreement:
    """How often model and kernel agreed, by class.

    ``linux`` is the kernel's own version.
    """

    what: str
    linux: str
    architecture: str
    given: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    @property
    def total(self) -> int:
        """So many were given."""
        return self.given.total()

    @property
    def agreed(self) -> int:
        """So many came to the same."""
        return self.total - len(self.differences)

    def add(self, kind: str, given: bytes, lines: Sequence[str]) -> None:
        """Take the result of one."""
        self.given[kind] += 1
        if lines:
            self.differences.append(Difference(kind, given, tuple(lines)))


def hest(machine: Machine) -> Hest:
    """One source with room for the longest block, told by NMI on x86, by SEA on arm64."""
    kind = NotificationType.NMI if machine is X86 else NotificationType.SEA
    place = machine.reserved.start
    source = GhesV2(
        source_id=SOURCE,
        notification=Notification(type=kind),
        error_status_address=GenericAddress.memory(place),
        error_status_block_length=ROOM,
        read_ack_register=GenericAddress.memory(place + 8),
    )
    return Hest(sources=[source])


class Foretold:
    """Whether what comes of a block depends on its bytes alone.

    It does not if the kernel reads what lies behind the block, acts on a page that is there or on a PCIe
    function, ends unless it is to (``ends``), or finds room for a long one only by chance; and a line
    with control characters does not come through a console as it is.
    """

    def __init__(self, config: Config, *, ends: bool = False) -> None:
        self._config = config
        self._ends = ends
        self._hest = hest(config.machine)

    def __call__(self, block: bytes) -> bool:
        features, machine = self._config.features, self._config.machine
        is_short = not _SHORT < block_length(StatusBlock.from_bytes(block)) <= ROOM
        if len(block) > _LONGEST or not is_short:
            return False
        found = report(block, features, machine.architecture, room=ROOM)
        if found.strays or not all(line.isascii() and line.isprintable() for line in found.lines):
            return False
        start = machine.reserved.start
        memory = Regions(range(start, start + _PAGE + ROOM))
        firmware = Platform(memory, self._hest)
        firmware.prepare({SOURCE: start + _PAGE})
        linux = modelled(memory, self._hest.to_bytes(), self._config)
        linux.boot()
        firmware.publish(SOURCE, block)
        if machine is X86:
            reply = linux.notified(NotificationType.NMI)
        else:
            reply = linux.synchronous_external_abort(Abort.of_load(0), Task(-1, 0))
        is_idle = (linux.end is not None) == self._ends and not linux.failures
        return is_idle and not _touches(reply)


def _touches(reply: Reply) -> bool:
    """Whether a page or a PCIe function is acted on, of which a guest knows more than its model."""
    said = [did.what + " ".join(did.lines) for did in reply.did]
    moves = any("moves the contents" in text for text in said)
    nobodys = f":{FREE_BUS:02x}:"
    return moves or any("AER" in text and nobodys not in text for text in said)


def compare_blocks(images: Images, *, count: int, seed: int, say: Say) -> Agreement:
    """Give so many blocks to a kernel and to its model.

    Raises:  LabError when a guest does not come up.
    """
    config, modules, result = _asked(images, "blocks")
    with knowing(modules):
        left: Iterator[Given] = islice(blocks(seed, Foretold(config)), count)
        while group := list(islice(left, _AT_A_TIME)):
            while group:
                group = _given(images, group, result)
                say(f"{result.what}, {result.linux}: {result.agreed} of {result.total} agree")
    return result


def _given(images: Images, group: list[Given], result: Agreement) -> list[Given]:
    """One guest is given blocks until one does not agree; those that are left."""
    with ExitStack() as open_ones:
        session = open_ones.enter_context(
            Session(images, hest(images.machine), limit=_PATIENCE)
        )  # fmt: skip
        switch_off(session.guest)
        beside = Beside(session)
        beside.linux.lift_print_limits()
        for number, (kind, block) in enumerate(group, 1):
            beside.now += 1.0
            try:
                both = beside.take(block, SOURCE)
                lines = list(differences(*both))
                if both.found.is_over and not both.expected.is_over:
                    lines += [f"+ {line}" for line in session.guest.console.lines[-_LAST_WORDS:]]
            except (LabError, QemuError) as error:
                lines = [f"+ the guest is gone: {error}"]
            result.add(kind, block, lines)
            if lines:
                return group[number:]
    return []


def differences(found: Seen, expected: Seen) -> Iterator[str]:
    """What a kernel did otherwise than its model: + has the kernel's, - the model's."""
    for is_late in (False, True):
        told = [
            [line for line in seen.lines if line.startswith(_OF_BLOCKS)
             and line.startswith("AER: ") == is_late]
            for seen in (expected, found)
        ]  # fmt: skip
        yield from _diff(*told)
    for name in ("status", "acknowledge", "is_over", "signal"):
        ours, theirs = getattr(expected, name), getattr(found, name)
        if ours != theirs:
            yield f"- {name} {_shown(ours)}"
            yield f"+ {name} {_shown(theirs)}"


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _diff(expected: list[str], found: list[str]) -> Iterator[str]:
    made = difflib.unified_diff(expected, found, lineterm="", n=0)
    return (line for line in islice(made, 2, None) if not line.startswith("@@"))


def compare_panics(images: Images, *, count: int, seed: int, say: Say) -> Agreement:
    """Give so many blocks that end a guest to a kernel and to its model, each to one of its own.

    Raises:  LabError when a guest does not come up.
    """
    config, modules, result = _asked(images, "panics")
    with knowing(modules):
        for given in islice(fatal(seed, Foretold(config, ends=True)), count):
            _given(images, [given], result)
            say(f"{result.what}, {result.linux}: {result.agreed} of {result.total} agree")
    return result


def compare_tables(images: Images, *, count: int, seed: int, say: Say) -> Agreement:
    """Boot a kernel, and its model, with so many HESTs.

    Raises:  LabError when a guest does not come up.
    """
    machine = images.machine
    config, _, result = _asked(images, "tables")
    for kind, table in islice(tables(seed, machine), count):
        linux = modelled(Regions(machine.reserved), table, config)
        said = [line for did in linux.boot().did for line in did.lines]
        bound = sorted(f"bound: GHES.{source.number}" for source in linux.sources)
        lines = list(
            _diff(
                [*(line for line in said if line.startswith(_OF_TABLES)), *bound],
                list(_booted(images, table)),
            )
        )
        result.add(kind, table, lines)
        say(f"{result.what}, {result.linux}: {result.agreed} of {result.total} agree")
    return result


def _booted(images: Images, table: bytes) -> Iterator[str]:
    """What a kernel says of a table, and which sources it binds to."""
    with Guest(Boot(images, tables=[table])) as guest:
        try:
            guest.wait_ready()
            devices = guest.shell("ls /sys/bus/platform/drivers/GHES 2>/dev/null").output.split()
        except LabError as error:
            yield f"the guest does not come up: {error}"
            return
        heard = map(without_timestamp, guest.console.lines)
    yield from (line for line in heard if line.startswith(_OF_TABLES))
    yield from sorted(f"bound: {name}" for name in devices if name.startswith("GHES."))


def _asked(images: Images, what: str) -> tuple[Config, Mapping[int, Dimm], Agreement]:
    """What a guest says of itself: for the model, of its memory modules, and of its kernel."""
    machine = images.machine
    with Session(images, hest(machine), limit=_PATIENCE) as session:
        guest = session.guest
        linux = guest.shell("uname -r").output.strip()
        result = Agreement(what, linux, machine.architecture.value)
        return Config.of(guest), modules_of(guest), result
