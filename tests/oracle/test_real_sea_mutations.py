"""Damaged blocks, told to a real arm64 Linux and the modelled one by SEA: they say and do the same.

The blocks are random, as those for x86 (`test_real_mutations`); none names memory that there is.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from test_real_mutations import BLOCKS, INTERVAL, ROOM, SHORT, mutated, told
from test_real_report import modules_of
from test_real_sea import RAM, SEA, Both, hest

import apeitool as apei
from apeitool.cper.dimm import knowing
from apeitool.firmware.platform import Platform, State
from apeitool.lab.images import Images
from apeitool.lab.machines import ARM64
from apeitool.lab.session import Session
from apeitool.linux.accept import block_length
from apeitool.linux.features import Architecture, kernel
from apeitool.linux.report import report
from apeitool.memory import Regions
from apeitool.ospm.linux import Linux
from apeitool.ospm.pages import Task
from apeitool.ospm.sea import Abort
from apeitool.ospm.throttle import WARNINGS

pytestmark = pytest.mark.guest

AT_A_TIME = 50


def is_safe(block: bytes) -> bool:
    """Whether a real guest can be given it, and what it says is foretold by the block alone."""
    found = report(block, kernel("6.1"), Architecture.ARM64, room=ROOM)
    clean = all(line.isascii() and line.isprintable() for line in found.lines)
    is_short = not SHORT < block_length(apei.StatusBlock.from_bytes(block)) <= ROOM
    if len(block) > 3000 or not clean or found.strays or not is_short:
        return False
    memory = Regions(range(ARM64.reserved.start, ARM64.reserved.start + 0x10000))
    firmware = Platform(memory, hest())
    firmware.prepare({SEA: ARM64.reserved.start + 0x2000})
    linux = Linux(
        memory, hest().to_bytes(), ram=(RAM,), features=kernel("6.1"),
        architecture=Architecture.ARM64,
    )  # fmt: skip
    linux.boot()
    firmware.publish(SEA, block)
    reply = linux.synchronous_external_abort(Abort.of_load(0), Task(-1, 0))
    said = [did.what + " ".join(did.lines) for did in reply.did]
    is_free = all("AER" not in text or ":7e:" in text for text in said)
    moved = any("moves the contents" in text for text in said)
    return linux.end is None and not linux.failures and not moved and is_free


def safe(dice: random.Random) -> Iterator[bytes]:
    """Safe ones, and of those that lead to the same warning so few at a time that it is not muted."""
    number, lately = 0, Counter[str]()
    for block in filter(is_safe, mutated(dice)):
        (warning, *_) = report(block, kernel("6.1"), Architecture.ARM64, room=0x1000).lines or ("",)
        if number % AT_A_TIME == 0:
            lately.clear()
        if warning.startswith("[Firmware Warn]: GHES: "):
            if lately[warning] == WARNINGS // 2:
                continue
            lately[warning] += 1
        number += 1
        yield block


def unthrottle(session: Session) -> None:
    """Switch the limits of reports off, as the kernel itself understands an interval of 0.

    Of its data this kernel tells no names: all limits of two in five seconds are meant.
    """
    ranges = session.guest.shell("cat /proc/iomem").output
    ((start, end),) = re.findall(r"(\w+)-(\w+) : Kernel data", ranges)
    memory = session.guest.memory
    data = memory.read(int(start, 16), int(end, 16) - int(start, 16))
    limit = bytes(4) + (5 * 250).to_bytes(4, "little") + b"\2\0\0\0"
    places = [found.start() for found in re.finditer(re.escape(limit), data)]
    assert 2 <= len(places) < 8, places
    for place in places:
        memory.write(int(start, 16) + place + INTERVAL, bytes(4))


@pytest.fixture
def both(arm64_images: Images) -> Iterator[Both]:
    with (
        Session(arm64_images, hest(), limit=300) as session,
        knowing(modules_of(session.guest)),
    ):
        unthrottle(session)
        made = Both(session)
        for throttle in made.linux._printer._limits.values():
            throttle.is_off = True
        yield made


def test_damaged_blocks_come_to_the_same(both: Both) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    ends: Counter[str] = Counter()
    for number, block in enumerate(safe(random.Random(seed)), 1):
        if number > BLOCKS:
            break
        both.now += 1.0
        both.firmware.publish(SEA, block)
        expected = both.modelled()
        found = both.session.inject(block, source_id=SEA)
        assert found.touch is not None
        for is_late in (False, True):
            assert [
                line for line in told(list(found.lines)) if line.startswith("AER: ") == is_late
            ] == [line for line in told(expected.lines) if line.startswith("AER: ") == is_late], (
                number,
                block.hex(),
            )
        assert found.touch.signal == expected.signal, (number, block.hex())
        both.same_memory()
        assert both.firmware.state(SEA) is State.FREE
        ends[str(found.touch.signal and found.touch.signal.code.name)] += 1
    print("agreed:", dict(ends))
    assert sum(ends.values()) == BLOCKS
    assert {"BUS_OBJERR", "SI_KERNEL"} <= ends.keys()
