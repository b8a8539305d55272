"""A modelled Linux on memory that a test fills by hand, with no firmware of ours in sight."""

from plain_bytes import hest, source

from apeitool.linux.features import Architecture, kernel
from apeitool.memory import Regions
from apeitool.ospm.linux import Linux
from apeitool.ospm.outcome import Effect, Reply
from apeitool.ospm.pages import Task
from apeitool.ospm.sea import Abort

BASE = 0x8000_0000
MEMORY = range(BASE, BASE + 0x10_0000)
RAM = range(0x4000_0000, 0x6000_0000)
PAGE = 0x5BF6_1000
VIRTUAL = 0xFFFF_B4EF_6000
NO_RAM = 0x1234_5000

POLLED, EXTERNAL, SCI, NMI, GPIO, SEA, SEI, GSIV, SDEI = 0, 1, 3, 4, 7, 8, 9, 10, 11


def pointer_at(number: int) -> int:
    return BASE + 16 * number


def ack_at(number: int) -> int:
    return BASE + 0x1000 + 16 * number


def block_at(number: int) -> int:
    return BASE + 0x10000 + 0x1000 * number


def described(number: int, notification: int, *, v2: bool = True, **extra: int) -> bytes:
    """A source where this memory has it."""
    ack = ack_at(number) if v2 else None
    return source(number, pointer_at(number), notification, ack=ack, **extra)


class Guest:
    """Linux, and what a test may do to the memory that it sees.

    ``pending`` blocks are there before it boots.
    """

    def __init__(
        self,
        *sources: bytes,
        release: str = "6.1",
        architecture: Architecture = Architecture.ARM64,
        pending: dict[int, bytes] | None = None,
        sdei_events: frozenset[int] | None = None,
    ) -> None:
        self.memory = Regions(MEMORY)
        for number in range(64):
            self.memory.write(pointer_at(number), block_at(number).to_bytes(8, "little"))
        for number, data in (pending or {}).items():
            self.put(number, data)
        self.now = 0.0
        self.linux = Linux(
            self.memory,
            hest(*sources),
            ram=(RAM,),
            features=kernel(release),
            architecture=architecture,
            sdei_events=sdei_events,
            clock=lambda: self.now,
        )
        self.booted = self.linux.boot()

    def put(self, number: int, data: bytes) -> None:
        """Fill a block, its first word last; the acknowledgement goes first."""
        self.memory.write(ack_at(number), bytes(8))
        self.memory.write(block_at(number) + 4, data[4:])
        self.memory.write(block_at(number), data[:4])

    def status(self, number: int) -> int:
        return int.from_bytes(self.memory.read(block_at(number), 4), "little")

    def ack(self, number: int) -> int:
        return int.from_bytes(self.memory.read(ack_at(number), 8), "little")

    def abort(self, *, real_time: bool = False, page: int = PAGE, in_kernel: bool = False) -> Reply:
        """A task that touches a page of its own takes an SEA."""
        task = Task(page, VIRTUAL, is_real_time=real_time, comm="tool", pid=91)
        return self.linux.synchronous_external_abort(
            Abort.of_load(VIRTUAL, in_kernel=in_kernel), task
        )


def lines(reply: Reply) -> list[str]:
    """What was printed beside reports of records."""
    return [line for did in reply.did for line in did.lines if not line.startswith("{")]


def reports(reply: Reply) -> list[str]:
    """The first line of each report that was printed."""
    printed = (line for did in reply.did for line in did.lines)
    return [line for line in printed if "Hardware error from APEI" in line]


def effects(reply: Reply) -> list[Effect]:
    """What became of records, as far as it is counted."""
    return [did.effect for did in reply.did if did.effect is not None]


def whats(reply: Reply) -> list[str]:
    """What was done, in the model's words."""
    return [did.what for did in reply.did]
