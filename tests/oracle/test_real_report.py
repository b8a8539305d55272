"""A real Linux 6.1 is given blocks of every kind: the lines of its console are those foretold.

The kernel prints two reports of a severity in five seconds, so a block has many entries, and every
test has a guest of its own.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

import pytest
from report_blocks import blocks_of, damaged_entries, entries, sound_sections

import apeitool as apei
from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.cper.dimm import knowing
from apeitool.lab.beside import modules_of
from apeitool.lab.boot import Boot
from apeitool.lab.console import without_timestamp
from apeitool.lab.guest import Guest
from apeitool.lab.images import Images
from apeitool.lab.session import Session
from apeitool.lab.window import RESERVED_BASE
from apeitool.linux.dmesg import FATAL
from apeitool.linux.features import Architecture, kernel
from apeitool.linux.report import Report, boot_report, report

pytestmark = pytest.mark.guest

ROOM = 0x10000
SOURCE = 9
LINUX = kernel("6.1")
PATIENCE = 60.0
"""How long a guest may take, in seconds, before its silence counts."""
LONGEST = 2500
"""So many lines does one block come to at most."""
_ASIDES = (
    "[Firmware Warn]: error section length is too small",
    "[Firmware Warn]: valid bits set for fields beyond structure",
    "[Firmware Warn]: GHES: Invalid CPER header!",
    "[Firmware Warn]: GHES: Failed to read error status block!",
)


def hest() -> apei.Hest:
    """One source that is told by NMI, with room for the longest block."""
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


@pytest.fixture
def session(lab_images: Images) -> Iterator[Session]:
    with Session(lab_images, hest()) as running, knowing(modules_of(running.guest)):
        yield running


def foretold(block: bytes, number: int) -> Report:
    return report(block, LINUX, Architecture.X86, source_id=SOURCE, number=number)


def printed(session: Session, block: bytes, expected: Report) -> list[str]:
    """What the kernel prints of a block, once it has come to the last line that is expected."""
    console = session.guest.console
    start = len(console.lines)
    session.inject(block, source_id=SOURCE)
    last = expected.lines[-1]
    if not session.guest.exited:
        console.wait_for(re.escape(last) + "$", timeout=PATIENCE, start=start)
    lines = [without_timestamp(line) for line in console.lines[start:]]
    return of_reports(lines, expected.lines)


def of_reports(lines: Sequence[str], expected: Sequence[str]) -> list[str]:
    """The lines that are of a report; a text of the firmware may have broken one."""
    broken = {line for line in expected if not line.startswith(("{", "["))}
    return [line for line in lines if line.startswith(("{", *_ASIDES)) or line in broken]


def the_kernel_prints_it(session: Session, blocks: Sequence[bytes]) -> None:
    for number, block in enumerate(blocks, 1):
        expected = foretold(block, number)
        assert not expected.strays
        assert 0 < len(expected.lines) <= LONGEST
        assert printed(session, block, expected) == list(expected.lines), block.hex()


SEVERITIES = (
    apei.Severity.CORRECTED, apei.Severity.RECOVERABLE, apei.Severity.INFORMATIONAL,
    apei.Severity.RECOVERABLE,
)  # fmt: skip
"""Of as many blocks as a guest prints at once."""


def test_sections_of_every_kind(session: Session) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    drawn = [entries(sound_sections(seed + n), dice) for n, _ in enumerate(SEVERITIES)]
    the_kernel_prints_it(
        session, [blocks_of(d, s, 60) for d, s in zip(drawn, SEVERITIES, strict=True)]
    )


def test_damaged_sections(session: Session) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)

    def clean(severity: apei.Severity) -> bytes:
        """A block whose report does not depend on what lies behind it, and is not too long."""
        while True:
            made = blocks_of(damaged_entries(seed, dice), severity, 40)
            expected = foretold(made, 1)
            if not expected.strays and len(expected.lines) <= LONGEST:
                return made

    the_kernel_prints_it(session, [clean(severity) for severity in SEVERITIES])


def test_the_modules_that_the_machine_has(session: Session) -> None:
    """The handle of QEMU's one module, and one that is none."""
    sections = [
        apei.MemoryErrorSection(validation_bits=1 << 17, module_handle=handle)
        for handle in (0x1100, 0x1234)
    ]
    block = blocks_of(iter(sections_as_entries(sections)), apei.Severity.CORRECTED, 2)
    assert any("DIMM 0" in line for line in foretold(block, 1).lines)
    the_kernel_prints_it(session, [block])


def sections_as_entries(sections: Sequence[apei.Section]) -> Iterator[bytes]:
    for section in sections:
        yield apei.GenericErrorDataEntryV3(section=section).to_bytes()


@pytest.mark.parametrize("severity", [apei.Severity.FATAL, apei.Severity(4)])
def test_a_panic(session: Session, severity: apei.Severity) -> None:
    dice = random.Random(int(severity))
    block = blocks_of(entries(sound_sections(1), dice), severity, 20)
    expected = foretold(block, 1)
    assert printed(session, block, expected) == list(expected.lines)
    session.guest.console.wait_for(re.escape(FATAL), timeout=PATIENCE)
    assert session.guest.wait_exit(PATIENCE) == 0


def test_refused_blocks(session: Session) -> None:
    whole = blocks_of(sections_as_entries([apei.MemoryErrorSection()]), apei.Severity.CORRECTED, 1)
    no_entry, not_all = (
        whole[:12] + length.to_bytes(4, "little") + whole[16:] for length in (63, len(whole) - 21)
    )
    for block in (no_entry, not_all):
        expected = foretold(block, 1)
        assert printed(session, block, expected) == list(expected.lines)
        assert len(expected.lines) == 1


def test_a_boot_error_region(lab_images: Images) -> None:
    """Blocks of every severity, one that is not printed, and one that reaches behind the region."""
    dice = random.Random(5)
    made = [
        blocks_of(entries(sound_sections(n), dice), apei.Severity(n), 2, margin=b"")
        for n in range(4)
    ]
    made = [block for block in made if len(block) < 1024] + [
        blocks_of(entries(sound_sections(9), dice), apei.Severity.CORRECTED, 30, margin=b"")
    ]
    region = b"".join(made) + made[0][:-1]
    table = Bert(boot_error_region=RESERVED_BASE, boot_error_region_length=len(region)).to_bytes()
    booting = Boot(lab_images, tables=[table], prefill={RESERVED_BASE: region})
    with Guest(booting) as guest:
        guest.wait_ready()
        lines = [without_timestamp(line) for line in guest.console.lines]
        with knowing(modules_of(guest)):
            expected = boot_report(region, LINUX, Architecture.X86)
    said = [line for line in lines if line.startswith(("[Hardware Error]: ", "BERT: "))]
    assert said == list(expected.lines)
    assert len(BootErrorRegion.from_bytes(region).blocks) == len(made) + 1
    assert sum("event severity" in line for line in said) == len(made) - 1
