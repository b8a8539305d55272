"""A real Linux 6.1 and the modelled one are given the same damaged blocks: they say and do the same.

The print limit of the real one is off, as in the model: one word in its memory.  Compared are all
lines, in their order; those of AER, which come when its worker runs, for themselves; what is left in
the block and in Read Ack.  What lies behind a block a guest reads as it finds it, so blocks that make
it do so are left out, as are those that end it and that name devices which it may have.
"""

import random
import re
from collections import Counter, deque
from collections.abc import Iterator

import pytest
from report_blocks import entries, sound_sections
from test_real_report import modules_of

import apeitool as apei
from apeitool.cper.dimm import knowing
from apeitool.firmware.platform import Platform, State
from apeitool.lab.images import Images
from apeitool.lab.session import Session
from apeitool.lab.window import RESERVED_BASE, RESERVED_SIZE
from apeitool.linux.accept import block_length
from apeitool.linux.features import Architecture, kernel
from apeitool.linux.report import report
from apeitool.memory import Regions
from apeitool.ospm.linux import Linux
from apeitool.ospm.outcome import Effect, Reply
from apeitool.ospm.throttle import WARNINGS

pytestmark = pytest.mark.guest

SOURCE, ROOM = 9, 0x10000
BLOCKS = 150
KERNEL = 0xFFFFFFFF80000000
"""Where the kernel sees its own image, of which the physical address is the rest."""
INTERVAL = 4
"""Where in a print limit its interval is."""
SHORT = 4096
"""What a block says that it has, of which several have room in the kernel's pool for certain."""
AT_A_TIME = 50
"""So many blocks take longer than a limit's window, since the lab waits for silence after each."""
TOLD = ("{", "[Firmware Warn]: ", "[Firmware Bug]: ", "AER: ", "GHES: ")


def hest() -> apei.Hest:
    source = apei.GhesV2(
        source_id=SOURCE,
        notification=apei.Notification(type=apei.NotificationType.NMI),
        error_status_address=apei.GenericAddress.memory(RESERVED_BASE),
        error_status_block_length=ROOM,
        read_ack_register=apei.GenericAddress.memory(RESERVED_BASE + 8),
        read_ack_preserve=0xFFFF_FFFF_FFFF_FFFE,
        read_ack_write=1,
    )
    return apei.Hest(sources=[source])


class Modelled:
    """The same firmware over a modelled guest, its print limit off too unless it ``is_limited``."""

    def __init__(self, address: int, *, is_limited: bool = False) -> None:
        self.memory = Regions(range(RESERVED_BASE, RESERVED_BASE + RESERVED_SIZE))
        self.firmware = Platform(self.memory, hest())
        self.firmware.prepare({SOURCE: address})
        self.address, self.now = address, 0.0
        # Debian's cloud kernel has no memory_failure(), so that no address can be wrong.
        self.linux = Linux(
            self.memory, hest().to_bytes(), ram=(range(1 << 64),), features=kernel("6.1"),
            architecture=Architecture.X86, clock=lambda: self.now, panic_timeout=-1,
        )  # fmt: skip
        self.linux.boot()
        for throttle in self.linux._printer._limits.values():
            throttle.is_off = not is_limited

    def take(self, block: bytes, *, after: float = 1.0) -> Reply:
        self.now += after
        self.firmware.publish(SOURCE, block)
        return self.linux.notified(apei.NotificationType.NMI)

    def left(self) -> tuple[bytes, int]:
        ack = int.from_bytes(self.memory.read(RESERVED_BASE + 8, 8), "little")
        return self.memory.read(self.address, 4), ack


def mutated(dice: random.Random) -> Iterator[bytes]:
    """Small blocks of sound sections, each with a few bytes changed, in headers as often as not."""
    drawn = entries(sound_sections(dice.randrange(1 << 32)), dice)
    while True:
        body = b"".join(next(drawn) for _ in range(dice.randint(1, 3)))
        severity = dice.choice([0, 2, 2, 3])
        head = apei.StatusBlock(error_severity=severity, block_status=0x11, data_length=len(body))
        made = bytearray(head.to_bytes() + body)
        for _ in range(dice.choice([0, 1, 1, 2, 4])):
            place = dice.choice(
                [dice.randrange(4, 20), dice.randrange(20, 92), dice.randrange(len(made))]
            )
            if not 16 <= place < 20 and place < len(made):
                made[place] = dice.choice(
                    [0, 1, 2, 3, 20, 63, 64, 72, 80, 0xFF, dice.randrange(256)]
                )
        if any(made[:4]):
            yield bytes(made)


def is_safe(block: bytes) -> bool:
    """Whether a real guest can be given it, and what it says is foretold by the block alone."""
    found = report(block, kernel("6.1"), Architecture.X86, room=ROOM)
    clean = all(line.isascii() and line.isprintable() for line in found.lines)
    alone = Modelled(RESERVED_BASE + 0x1000)
    reply = alone.take(block)
    said = [did.what + " ".join(did.lines) for did in reply.did]
    is_free = all("AER" not in text or ":7e:" in text for text in said)
    # Whether a long one finds room beside those in the cache is a matter of when these are let go.
    is_short = not SHORT < block_length(apei.StatusBlock.from_bytes(block)) <= ROOM
    is_alone = clean and not found.strays and alone.linux.end is None
    return len(block) < 3000 and is_short and is_alone and is_free


def safe(dice: random.Random) -> Iterator[bytes]:
    """Safe ones, and of those that lead to the same warning so few at a time that it is not muted."""
    lately: dict[str, deque[int]] = {}
    number = 0
    for block in filter(is_safe, mutated(dice)):
        (warning, *_) = report(block, kernel("6.1"), Architecture.X86, room=ROOM).lines or ("",)
        if warning.startswith("[Firmware Warn]: GHES: "):
            places = lately.setdefault(warning, deque(maxlen=WARNINGS))
            if len(places) == WARNINGS and number - places[0] < AT_A_TIME:
                continue
            places.append(number)
        number += 1
        yield block


def unthrottle(session: Session) -> None:
    """Switch the limit of reports off, as the kernel itself understands an interval of 0."""
    symbols = session.guest.shell("grep -E ' ratelimit_(un)?corrected' /proc/kallsyms").output
    found = re.findall(r"^([0-9a-f]{16}) ", symbols, re.MULTILINE)
    assert len(found) == 2, symbols
    for address in found:
        place = int(address, 16) - KERNEL + INTERVAL
        assert session.guest.memory.read(place, 8) == (5 * 250).to_bytes(4, "little") + b"\2\0\0\0"
        session.guest.memory.write(place, bytes(4))


@pytest.fixture
def session(lab_images: Images) -> Iterator[Session]:
    with Session(lab_images, hest(), limit=300) as running, knowing(modules_of(running.guest)):
        unthrottle(running)
        yield running


def told(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(TOLD)]


def test_damaged_blocks_come_to_the_same(session: Session) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    modelled = Modelled(session.firmware.block_address(SOURCE))
    ends: Counter[str] = Counter()
    for number, block in enumerate(safe(random.Random(seed)), 1):
        if number > BLOCKS:
            break
        reply = modelled.take(block)
        expected = told([line for did in reply.did for line in did.lines])
        found = told(list(session.inject(block, source_id=SOURCE).lines))
        for is_late in (False, True):
            assert [line for line in found if line.startswith("AER: ") == is_late] == [
                line for line in expected if line.startswith("AER: ") == is_late
            ], (number, block.hex())
        held = int.from_bytes(session.guest.memory.read(RESERVED_BASE + 8, 8), "little")
        status = session.guest.memory.read(session.firmware.block_address(SOURCE), 4)
        assert (status, held) == modelled.left(), (number, block.hex())
        assert session.firmware.state(SOURCE) is State.FREE
        ends[" ".join(did.effect.name for did in reply.did if did.effect)] += 1
    print("agreed:", dict(ends))
    assert sum(ends.values()) == BLOCKS
    assert any(Effect.MALFORMED.name in end for end in ends)
    assert any(Effect.PRINTED.name in end for end in ends)
