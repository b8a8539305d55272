"""The same firmware, the same blocks: a real Linux on x86 beside the modelled one.

Compared are what is said of each block, its status word, and the acknowledgement.
"""

import random
import time
from collections.abc import Iterable, Iterator

import pytest
from plain_bytes import CORRECTED, MEMORY, block, entry, hest, memory, source

from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.errors import LabError
from apeitool.firmware.platform import Platform, State
from apeitool.lab.boot import Boot
from apeitool.lab.guest import Guest
from apeitool.lab.images import Images
from apeitool.lab.window import RESERVED_BASE
from apeitool.linux.features import Architecture
from apeitool.memory import Memory, Regions
from apeitool.ospm.linux import Linux

pytestmark = pytest.mark.guest

POLLED_V2, POLLED_V1, NMI_V2, SEI_V2 = 0, 1, 4, 5
NOTIFIED = {POLLED_V2: 0, POLLED_V1: 0, NMI_V2: 4, SEI_V2: 9}
BLOCKS = {number: RESERVED_BASE + 0x10000 + 0x1000 * number for number in NOTIFIED}
MUTATIONS = 15
PATIENCE = 20.0
"""How long a real guest may take, in seconds, before its silence counts."""


def registers(number: int) -> tuple[int, int]:
    """Addresses of the error status address register and of the read ack register."""
    return RESERVED_BASE + 16 * number, RESERVED_BASE + 0x1000 + 16 * number


def table() -> bytes:
    rows = []
    for number, notification in NOTIFIED.items():
        pointer, ack = registers(number)
        own = None if number == POLLED_V1 else ack
        rows.append(source(number, pointer, notification, poll=100, ack=own))
    return hest(*rows)


COMPARED = ("HEST: ", "GHES: ", "[Firmware Warn]: GHES: ", "[Firmware Bug]: ")


def compared(lines: Iterable[str]) -> list[str]:
    """What HEST and GHES complained about; reports are compared where no limit holds them back."""
    return [line for line in lines if line.startswith(COMPARED)]


class Side:
    """Firmware and a guest on one memory."""

    def __init__(self, held: Memory) -> None:
        self.memory = held
        self.firmware = Platform(held, Hest.from_bytes(table()), patience=PATIENCE)
        self.firmware.prepare(BLOCKS)

    def answer(self, number: int) -> tuple[bool, int]:
        status = self.memory.read(BLOCKS[number], 4)
        return any(status), int.from_bytes(self.memory.read(registers(number)[1], 8), "little")


class Modelled(Side):
    def __init__(self) -> None:
        super().__init__(Regions(range(RESERVED_BASE, RESERVED_BASE + 0x20000)))
        ram = (range(RESERVED_BASE),)
        self.now = 0.0
        self.linux = Linux(
            self.memory, table(), ram=ram, architecture=Architecture.X86, clock=lambda: self.now
        )
        self.booted = compared(line for did in self.linux.boot().did for line in did.lines)

    def take(self, number: int, data: bytes) -> list[str]:
        notify = self.firmware.publish(number, data)
        self.now += 0.6
        reply = self.linux.notified(NotificationType(notify.type))
        return compared(line for did in reply.did for line in did.lines)


class Real(Side):
    def __init__(self, guest: Guest) -> None:
        super().__init__(guest.memory)
        self.guest = guest

    def said(self, start: int) -> list[str]:
        """What it complained about since then."""
        return compared(line.split("] ", 1)[-1] for line in self.guest.console.lines[start:])

    def take(self, number: int, data: bytes) -> list[str]:
        start = len(self.guest.console.lines)
        notify = self.firmware.publish(number, data, now=time.monotonic())
        if notify.type == NotificationType.NMI:
            self.guest.inject_nmi()
        while not self.firmware.poll_ack(number, now=time.monotonic()):
            assert self.firmware.state(number) is not State.OVERDUE
            time.sleep(0.02)
        # The line may come after the acknowledgement; and ten in 5 s are all that a place may print.
        time.sleep(0.6)
        return self.said(start)


@pytest.fixture(scope="module")
def modelled() -> Modelled:
    return Modelled()


@pytest.fixture(scope="module")
def real(lab_images: Images) -> Iterator[Real]:
    prepared = Modelled().memory
    prefill = {at: prepared.read(at, 8) for number in NOTIFIED for at in registers(number)}
    with Guest(Boot(lab_images, tables=[table()], prefill=prefill), limit=200) as guest:
        guest.wait_ready()
        yield Real(guest)


def corrected(**extra: int) -> bytes:
    return entry(MEMORY, memory(0x777000, kind=2), CORRECTED, **extra)


SEEDS = (
    block(CORRECTED, corrected(), corrected()),
    block(CORRECTED, corrected(), raw=b"x" * 8),
    block(CORRECTED, corrected(revision=0x201)),
)
FLAGS = (43, 43 + 152)
"""Where entries have their flags.  Debian's cloud kernel is built without memory_failure(), so that a
threshold flag leads to nothing there; the model has it."""
BAD = (
    block(CORRECTED),
    block(CORRECTED, corrected()),
    block(CORRECTED, corrected(), data_length=0x2000),
    block(CORRECTED, corrected(), data_length=0xFFFFFFFF),
    block(CORRECTED, corrected(), data_length=63),
    block(CORRECTED, corrected(length=79)),
)


def test_both_say_the_same_at_boot(real: Real, modelled: Modelled) -> None:
    assert real.said(0) == modelled.booted


@pytest.mark.parametrize("number", [POLLED_V2, POLLED_V1, NMI_V2])
@pytest.mark.parametrize("data", BAD)
def test_both_answer_the_same(real: Real, modelled: Modelled, number: int, data: bytes) -> None:
    assert real.take(number, data) == modelled.take(number, data)
    assert real.answer(number) == modelled.answer(number)


def test_both_answer_the_same_to_damage(real: Real, modelled: Modelled) -> None:
    """Bytes behind block status and apart from severity: a fatal one would end both."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _ in range(MUTATIONS):
        data = bytearray(dice.choice(SEEDS))
        for _ in range(dice.randint(1, 2)):
            place = dice.choice([4, 5, 8, 9, 12, 13, 41, 44, 45, 47, dice.randrange(20, len(data))])
            if place not in FLAGS:
                data[place] = dice.choice([0, 1, 2, 3, 8, 20, 63, 64, 72, 79, 80, 255])
        assert real.take(NMI_V2, bytes(data)) == modelled.take(NMI_V2, bytes(data)), data.hex()
        assert real.answer(NMI_V2) == modelled.answer(NMI_V2), data.hex()


def test_neither_reads_an_sei_source(real: Real, modelled: Modelled) -> None:
    for side in (real, modelled):
        side.firmware.publish(SEI_V2, SEEDS[0])
    modelled.linux.notified(NotificationType.POLLED)
    real.take(POLLED_V2, SEEDS[0])
    assert real.answer(SEI_V2) == modelled.answer(SEI_V2) == (True, 0)


def test_neither_comes_back_from_an_entry_that_takes_no_bytes(
    real: Real, modelled: Modelled
) -> None:
    """The last test: it ends both guests."""
    endless = block(CORRECTED, corrected(length=0x100000000 - 72))
    modelled.take(NMI_V2, endless)
    real.firmware.publish(NMI_V2, endless)
    real.guest.inject_nmi()
    with pytest.raises(LabError):
        real.guest.shell("echo alive", timeout=5)
    assert real.answer(NMI_V2) == modelled.answer(NMI_V2) == (True, 0)
