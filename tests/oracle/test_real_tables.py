"""ERST tables and boot error regions that a real Linux 6.1 is given: it says what we say it says.

Each boot has one of both.  The bytes are packed by hand.
"""

import struct
from typing import NamedTuple

import pytest
from plain_bytes import CORRECTED, UNKNOWN, block, entry, gas, table

from apeitool.acpi.bert import Bert
from apeitool.acpi.erst import Erst
from apeitool.lab.boot import Boot
from apeitool.lab.console import without_timestamp
from apeitool.lab.guest import Guest
from apeitool.lab.images import Images
from apeitool.lab.window import RESERVED_BASE
from apeitool.linux.action import check_table
from apeitool.linux.bert import check_table as check_bert
from apeitool.linux.bert import walk_region
from apeitool.linux.features import kernel

pytestmark = pytest.mark.guest

REGISTERS = RESERVED_BASE + 0x1000
LOG = RESERVED_BASE + 0x2000
REGION = RESERVED_BASE + 0x10000
READ, WRITE_VALUE = 0, 3
RANGE = {13: LOG, 14: 0x1000, 15: 0}
"""Actions that tell where the error log is, and what they read."""


def step(action: int, instruction: int = READ, **register: int) -> bytes:
    where = gas(register.pop("address", REGISTERS + 8 * action), **register)
    return (
        struct.pack("<BBBB", action, instruction, 0, 0) + where + struct.pack("<QQ", 1, 2**64 - 1)
    )


def erst(*steps: bytes, size: int = 48, more: int = 0) -> bytes:
    body = struct.pack("<III", size, 0, len(steps) + more) + b"".join(steps)
    return table(b"ERST", body)


def memory() -> bytes:
    """The registers, as firmware leaves them."""
    held = bytearray(0x100)
    for action, value in RANGE.items():
        held[8 * action : 8 * action + 8] = value.to_bytes(8, "little")
    return bytes(held)


WHOLE = [step(action) for action in range(17) if action != 12]


def record(length: int = 16) -> bytes:
    return block(CORRECTED, entry(UNKNOWN, bytes(length), CORRECTED))


RECORD = record()
CUT = RECORD[:12] + struct.pack("<I", 0x5000) + RECORD[16:]
WRONG = RECORD[:12] + struct.pack("<I", len(RECORD) - 21) + RECORD[16:]


class Case(NamedTuple):
    """An ERST and a boot error region, as the guest is given them."""

    erst: bytes
    region: bytes
    length: int | None = None


CASES = {
    "sound": Case(erst(*WHOLE, size=12), RECORD * 2),
    "header size": Case(erst(*WHOLE, size=36), RECORD + CUT),
    "entry count": Case(erst(*WHOLE, more=1), RECORD * 5 + record(1000) + RECORD * 2),
    "instruction": Case(erst(*WHOLE, step(0, 19)), RECORD + WRONG + RECORD),
    "register": Case(erst(*WHOLE, step(0, access=0)), bytes(4) + RECORD[4:] + RECORD),
    "no range": Case(erst(*WHOLE[:13], *WHOLE[14:]), RECORD, 19),
}


@pytest.mark.parametrize("name", CASES)
def test_linux_says_what_it_is_said_to(lab_images: Images, name: str) -> None:
    case = CASES[name]
    room = case.region.ljust(0x4000, b"\0")
    length = len(room) if case.length is None else case.length
    bert = table(b"BERT", struct.pack("<IQ", length, REGION))
    prefill = {REGISTERS: memory(), REGION: room}
    with Guest(Boot(lab_images, tables=[bert, case.erst], prefill=prefill)) as guest:
        guest.wait_ready()
        lines = [without_timestamp(line) for line in guest.console.lines]
        left = guest.memory.read(REGION, len(room))
    said = [line for line in lines if line.startswith(("BERT: ", "ERST: ", "[Firmware "))]
    expected = check_table(Erst.from_bytes(case.erst), kernel("6.1"))
    looked_at = check_bert(Bert.from_bytes(bert))
    walked = walk_region(room)
    told = [*expected.messages, *looked_at.messages]
    told += walked.messages if looked_at.accepted else ()
    assert said == told
    cleared = walked.records if looked_at.accepted else ()
    for record in cleared:
        assert left[record.offset : record.offset + 4] == bytes(4)
    if cleared:
        behind = cleared[-1].offset + cleared[-1].length
        assert left[behind:] == room[behind:]
    else:
        assert left == room
    printed = [line for line in lines if line == "[Hardware Error]: event severity: corrected"]
    assert len(printed) == sum(record.is_printed for record in cleared)
