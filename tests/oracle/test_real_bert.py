"""A real Linux 6.1 reads boot error regions of ours: which records it prints, and where it stops.

What `lint` says of a region is what the kernel is expected to say of the same bytes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

import apeitool as apei
from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.lab.boot import Boot
from apeitool.lab.console import without_timestamp
from apeitool.lab.guest import Guest
from apeitool.lab.images import Images
from apeitool.lab.window import RESERVED_BASE
from apeitool.lint.check import lint
from apeitool.lint.finding import Finding
from apeitool.linux.bert import walk_region
from apeitool.plan.build import build
from apeitool.render.plain import to_plain

pytestmark = pytest.mark.guest

PAGE = 4096


@dataclass(frozen=True)
class Seen:
    """A guest that has come up: what it said, what it left of the region, and what it shows."""

    lines: list[str]
    left: bytes
    table: bytes
    shown: bytes

    @property
    def bert_lines(self) -> list[str]:
        """What the kernel said of the region itself."""
        return [line for line in self.lines if line.startswith("BERT: ")]

    def values(self, name: str) -> list[str]:
        """What the kernel printed behind ``name:``."""
        pattern = re.compile(rf"^\[Hardware Error\]:\s*{re.escape(name)}:\s*(.*?)\s*$")
        return [match[1] for line in self.lines if (match := pattern.match(line))]


def boot(images: Images, table: bytes, room: bytes) -> Seen:
    base = images.machine.reserved.start
    booting = Boot(images, tables=[table], prefill={base: room})
    with Guest(booting) as guest:
        guest.wait_ready()
        tables = "/sys/firmware/acpi/tables"
        seen = [
            base64.b64decode(guest.shell(f"base64 {tables}/{name} 2>/dev/null").output)
            for name in ("BERT", "data/BERT")
        ]
        left = guest.memory.read(base, len(room))
        return Seen(list(map(without_timestamp, guest.console.lines)), left, *seen)


def table_of(room: bytes) -> bytes:
    return Bert(boot_error_region=RESERVED_BASE, boot_error_region_length=len(room)).to_bytes()


def block(
    address: int, *, length: int = 172, severity: apei.Severity = apei.Severity.CORRECTED,
    **changes: object,
) -> apei.StatusBlock:  # fmt: skip
    """A memory error in a block of some length."""
    section = apei.MemoryErrorSection(
        validation_bits=2, physical_address=address, trailing=bytes(length - 172)
    )
    entry = apei.GenericErrorDataEntryV3(error_severity=severity, section=section)
    made = apei.StatusBlock(error_severity=severity, entries=[entry])
    assert made.size == length
    return made.replace(**changes)


def test_a_boot_error_region(lab_images: Images) -> None:
    """Table and region of a plan.

    The kernel reports each block and clears it; a fatal one is of the boot before: no panic.
    """
    severities = {apei.Severity.CORRECTED: "corrected", apei.Severity.FATAL: "fatal"}
    blocks = [block(0x1000 * severity, severity=severity) for severity in severities]
    plan = {"plan": "bert", "preset": "qemu-q35", "memory": RESERVED_BASE}
    built = build({**plan, "blocks": [to_plain(block) for block in blocks]})
    table, ((_, room),) = built.table.to_bytes(), built.memory()
    seen = boot(lab_images, table, room)
    assert seen.values("event severity") == [*severities.values()]
    # QEMU sets length and checksum itself.
    assert seen.table == table
    assert seen.shown == seen.left
    assert apei.decode(seen.shown, as_="region").blocks == tuple(
        block.replace(block_status=0) for block in blocks
    )


class Predicted:
    """What the findings about a region come to: which of its blocks are taken, and which printed."""

    def __init__(self, region: BootErrorRegion) -> None:
        self.blocks = region.blocks
        self.findings = [found for found in lint(region) if found.id.startswith("linux-bert")]
        self.stops = self._of("truncated") + self._of("invalid")
        untaken = self._numbers([*self.stops, *self._of("unreached")])
        filled = {number for number, block in enumerate(region.blocks) if block.block_status}
        self.taken = sorted(filled - untaken)
        self.skipped = self._numbers(self._of("record-large") + self._of("record-surplus"))
        self.printed = [number for number in self.taken if number not in self.skipped]

    def _of(self, id: str) -> list[Finding]:
        return [found for found in self.findings if found.id == f"linux-bert-{id}"]

    def _numbers(self, findings: Sequence[Finding]) -> set[int]:
        return {int(found.path.split("[")[1].split("]")[0]) for found in findings}

    @property
    def lines(self) -> list[str]:
        """What the kernel says of the region."""
        said = ["BERT: Error records from previous boot:"] if self.printed else []
        said += [found.rule for found in self.stops]
        if self.skipped:
            said.append(f"BERT: [Hardware Error]: Skipped {len(self.skipped)} error records")
        if self.taken:
            said.append(f"BERT: Total records found: {len(self.taken)}")
        return said


def cut(*blocks: apei.StatusBlock) -> bytes:
    """A region that ends within the last block."""
    return BootErrorRegion(blocks=blocks).to_bytes()[:-1]


def whole(*blocks: apei.StatusBlock) -> bytes:
    """A region that has room behind its blocks."""
    data = BootErrorRegion(blocks=blocks).to_bytes()
    return data.ljust(len(data) + PAGE, b"\0")


REGIONS = {
    "five of eight, one too long, one cut": (
        cut(*map(block, range(1, 4)), block(4, length=1023), block(5, length=1024),
            block(6), block(7), block(8), block(9)),
        {"printed": [0, 1, 2, 3, 5], "skipped": {4, 6, 7}, "taken": [*range(8)], "stops": 1},
    ),
    "long ones alone, one longer than any source's": (
        whole(block(1, length=1024), block(2, length=70_000)),
        {"printed": [], "skipped": {0, 1}, "taken": [0, 1], "stops": 0},
    ),
    "less data than an entry's header": (
        whole(block(1), block(2, data_length=63), block(3)),
        {"printed": [0], "skipped": set(), "taken": [0], "stops": 1},
    ),
    "raw data behind the entries, and within": (
        whole(block(1, raw_data_offset=172, raw_data_length=3, raw_data=b"raw"),
              block(2, raw_data_offset=40, raw_data_length=132), block(3)),
        {"printed": [0], "skipped": set(), "taken": [0], "stops": 1},
    ),
    "one that is cleared, before others": (
        whole(block(1), block(2, block_status=0), block(3)),
        {"printed": [0], "skipped": set(), "taken": [0], "stops": 0},
    ),
    "one that is cleared, and reaches behind the region": (
        cut(block(1), block(2, block_status=0)),
        {"printed": [0], "skipped": set(), "taken": [0], "stops": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REGIONS)
def test_which_records_are_printed(lab_images: Images, name: str) -> None:
    room, expected = REGIONS[name]
    region = BootErrorRegion.from_bytes(room)
    predicted = Predicted(region)
    assert predicted.printed == expected["printed"]
    assert predicted.skipped == expected["skipped"]
    assert predicted.taken == expected["taken"]
    assert len(predicted.stops) == expected["stops"]
    the_kernel_agrees(lab_images, region, predicted)


def the_kernel_agrees(images: Images, region: BootErrorRegion, predicted: Predicted) -> None:
    room = region.to_bytes()
    seen = boot(images, table_of(room), room)
    assert seen.bert_lines == predicted.lines
    addresses = [region.blocks[n].sections[0].physical_address for n in predicted.printed]
    assert [int(value, 16) for value in seen.values("physical_address")] == addresses
    taken = [
        block.replace(block_status=0) if number in predicted.taken else block
        for number, block in enumerate(region.blocks)
    ]
    assert seen.left == seen.shown == region.replace(blocks=taken).to_bytes()


def test_lengths_that_wrap(lab_images: Images) -> None:
    """The kernel adds in 32 bits: a block whose raw data begin behind everything ends where it does."""
    wrapped = block(1, raw_data_offset=0xFFFF_FFF0, raw_data_length=0x10 + 172)
    room = wrapped.to_bytes() + block(2).to_bytes()
    verdict = walk_region(room)
    assert [record.offset for record in verdict.records] == [0, 172]
    seen = boot(lab_images, table_of(room), room)
    assert seen.bert_lines == list(verdict.messages)
    assert [int(value, 16) for value in seen.values("physical_address")] == [1, 2]


def test_a_region_without_room_for_a_block(lab_images: Images) -> None:
    table = Bert(boot_error_region=RESERVED_BASE, boot_error_region_length=19)
    assert "linux-bert-refused" in [found.id for found in lint(table)]
    room = block(1).to_bytes()
    seen = boot(lab_images, table.to_bytes(), room)
    assert seen.bert_lines == ["BERT: [Firmware Bug]: table invalid."]
    assert seen.left == room
    assert seen.shown == b""
