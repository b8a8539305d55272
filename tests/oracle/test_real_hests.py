"""A real Linux 6.1 boots with HESTs of chance sources: it says what the model says, and binds to the same."""

import random

import pytest
from plain_bytes import gas, hest, machine_check, source

from apeitool.lab.boot import Boot
from apeitool.lab.console import without_timestamp
from apeitool.lab.guest import Guest
from apeitool.lab.images import Images
from apeitool.lab.window import RESERVED_BASE, RESERVED_SIZE
from apeitool.linux.features import Architecture, kernel
from apeitool.memory import Regions
from apeitool.ospm.linux import Linux

pytestmark = pytest.mark.guest

BOOTS = 4
COMPARED = ("HEST: ", "GHES: ", "[Firmware Bug]: ", "[Firmware Warn]: ")
ADDRESS_BITS = 40
"""Of QEMU's processor."""


def table(dice: random.Random) -> bytes:
    """Sources that notify in every way, some with a register or a length that is wrong."""
    rows = []
    for number in range(dice.randint(3, 8)):
        place = RESERVED_BASE + 64 * number
        if dice.random() < 0.5:
            kind = dice.choice([0, 1, 3, 4, 7, 10])
            rows.append(source(number, place, kind, ack=place + 0x1000, vector=7))
            continue
        status = gas(
            dice.choice([place, place, place, 0, place + 4]),
            width=dice.choice([64, 64, 64, 32, 0, 65, 8]),
            offset=dice.choice([0, 0, 0, 1, 8]),
            access=dice.choice([4, 4, 4, 3, 0, 5, 1]),
            space=dice.choice([0, 0, 0, 0, 2]),
        )
        narrow = gas(place + 0x1000, width=dice.choice([64, 32, 1]))
        row = source(
            dice.choice([number] * 12 + [1]), status,
            dice.choice([0, 0, 3, 4, 7, 10, 1, 2, 5, 6, 8, 9, 11, 12, 200]),
            ack=dice.choice([None, place + 0x1000, narrow]),
            room=dice.choice([4096, 4096, 19, 20, 65537, 0]), poll=dice.choice([1000, 0, 10]),
            vector=dice.choice([7, 5]), enabled=dice.choice([1, 1, 1, 0, 2]),
        )  # fmt: skip
        rows.append(row)
        if dice.random() < 0.1:
            rows.append(machine_check(50, flags=dice.choice([0, 1, 4]), banks=dice.choice([0, 2])))
    made = bytearray(hest(*rows))
    if dice.random() < 0.2:
        # Behind a table that says it has more than it has Linux finds what nobody knows.
        made[36] = dice.choice([0, made[36] - 1])
    made[9] = 0
    made[9] = -sum(made) & 0xFF
    return bytes(made)


def compared(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(COMPARED)]


def test_the_same_is_said_and_bound(lab_images: Images) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    bound = []
    for _ in range(BOOTS):
        data = table(dice)
        memory = Regions(range(RESERVED_BASE, RESERVED_BASE + RESERVED_SIZE))
        linux = Linux(
            memory, data, ram=(range(RESERVED_BASE),), features=kernel("6.1"),
            architecture=Architecture.X86, address_bits=ADDRESS_BITS,
        )  # fmt: skip
        expected = compared([line for did in linux.boot().did for line in did.lines])
        with Guest(Boot(lab_images, tables=[data])) as guest:
            guest.wait_ready()
            found = compared([without_timestamp(line) for line in guest.console.lines])
            devices = guest.shell("ls /sys/bus/platform/drivers/GHES 2>/dev/null").output.split()
        assert found == expected, data.hex()
        names = {f"GHES.{source.number}" for source in linux.sources}
        assert {name for name in devices if name.startswith("GHES.")} == names, data.hex()
        bound.append(len(names))
    print(f"{BOOTS} tables agreed, of which so many sources were bound to: {bound}")
