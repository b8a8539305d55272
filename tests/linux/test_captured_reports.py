"""Real kernels were given blocks: the model prints every line that they did, and reads them back.

A capture ends with the last line of the last report; what the kernel did after that one is not in it.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import captured
import pytest

import apeitool as apei
from apeitool.acpi.status import StatusBlock
from apeitool.capture import kernel_log
from apeitool.cper.sections.memory import MemoryValid
from apeitool.lab.console import without_timestamp
from apeitool.linux.accept import at, entries, probe, walk_hest
from apeitool.linux.features import Architecture, Features, kernel
from apeitool.linux.report import report
from apeitool.linux.reported import NOT_TOLD
from apeitool.linux.sections import BEYOND, TOO_SHORT
from apeitool.ospm.aer import Recoveries
from apeitool.ospm.dispatch import handle
from apeitool.ospm.machine_check import of_memory_error
from apeitool.ospm.outcome import Did
from apeitool.ospm.pages import Pages, Task

RAM = {
    Architecture.X86: range(0x1000_0000),
    Architecture.ARM64: range(0x4000_0000, 0x8000_0000),
}
OTHERS = ("AER: ", "mce: ")
"""How lines of those begin whom APEI hands errors to; they print when they come to it."""


class Fixture(NamedTuple):
    """What a kernel was given, and what it said."""

    folder: Path
    features: Features
    architecture: Architecture

    @property
    def blocks(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.folder.glob("*.block"))]

    @property
    def log(self) -> bytes:
        return (self.folder / "console.log").read_bytes()

    @property
    def lines(self) -> list[str]:
        return [without_timestamp(line) for line in self.log.decode("latin-1").splitlines()]

    @property
    def source_ids(self) -> list[int]:
        """QEMU's arm64 machine has one source."""
        is_x86 = self.architecture is Architecture.X86
        return [number if is_x86 else 1 for number, _ in enumerate(self.blocks, 1)]

    def reports(self) -> list[tuple[str, ...]]:
        given = zip(self.blocks, self.source_ids, strict=True)
        return [self.report(*both, n) for n, both in enumerate(given, 1)]

    def report(self, block: bytes, source_id: int, number: int) -> tuple[str, ...]:
        found = report(block, self.features, self.architecture, source_id=source_id, number=number)
        assert not found.strays
        return found.lines

    def done(self) -> list[list[Did]]:
        """What the modelled kernel does about each block, and says of it."""
        pages, idle = Pages([RAM[self.architecture]]), Task(-1, 0)
        recoveries, found = Recoveries(self.features), []
        for block in self.blocks:
            handled = handle(
                block, is_synchronous=False, features=self.features, pages=pages,
                recoveries=recoveries,
            )  # fmt: skip
            later = (pages.carry_out(work, idle) for work in handled.work)
            found.append([*handled.did, *recoveries.carry_out(), *later])
        return found


def fixtures() -> Iterator[Fixture]:
    for folder in sorted(captured.FIXTURES.glob("linux-*-ghes")):
        _, release, *rest = folder.name.split("-")
        architecture = Architecture.ARM64 if "arm64" in rest else Architecture.X86
        yield Fixture(folder, kernel(release), architecture)


FIXTURES = list(fixtures())
every_fixture = pytest.mark.parametrize("fixture", FIXTURES, ids=lambda f: f.folder.name)


def test_every_release_was_asked() -> None:
    asked = {(f.features.release, f.architecture) for f in FIXTURES}
    assert asked == {
        *((release, Architecture.X86) for release in ("6.1", "6.12", "7.2")),
        *((release, Architecture.ARM64) for release in ("6.1", "7.2")),
    }


@pytest.mark.parametrize(
    "fixture",
    [f for f in FIXTURES if f.architecture is Architecture.X86],
    ids=lambda f: f.folder.name,
)
def test_the_kernel_took_the_table(fixture: Fixture) -> None:
    """The sources in the reports of these machines are those that the model finds in it."""
    hest = (captured.FIXTURES / "linux-6.1-ghes" / "HEST.bin").read_bytes()
    verdict = walk_hest(hest, fixture.features)
    assert verdict.accepted
    assert [source.source_id for source in verdict.sources] == fixture.source_ids
    for source in verdict.sources:
        assert probe(source, fixture.architecture).accepted


def said(done: list[Did]) -> list[str]:
    return [line for did in done for line in did.lines]


@every_fixture
def test_the_kernel_printed_every_line(fixture: Fixture) -> None:
    expected: list[str] = []
    for lines, done in zip(fixture.reports(), fixture.done(), strict=True):
        reported = len(expected) + len(lines)
        expected += [*lines, *(line for line in said(done) if not line.startswith(OTHERS))]
    found = [line for line in fixture.lines if not line.startswith(OTHERS)]
    assert found == expected[:reported]


@every_fixture
def test_the_aer_driver_found_no_device_of_those_that_it_was_handed(fixture: Fixture) -> None:
    expected = [line for done in fixture.done() for line in said(done) if "AER" in line]
    assert [line for line in fixture.lines if "AER" in line] == expected


@pytest.mark.parametrize(
    "fixture", [f for f in FIXTURES if any("mce: " in line for line in f.lines)],
    ids=lambda f: f.folder.name,
)  # fmt: skip
def test_memory_errors_are_machine_checks_too(fixture: Fixture) -> None:
    """Of each the status, the address and what it holds beside them; not who printed it, and when."""
    expected = []
    size = apei.MemoryErrorSection.fixed_size
    for block in fixture.blocks:
        severity = int.from_bytes(block[16:20], "little")
        for entry in entries(block):
            if entry.header.section_type == apei.MemoryErrorSection.guid:
                data = at(block, entry.payload, size)
                section = apei.MemoryErrorSection.decode_at(data, 0, size)[0]
                check = of_memory_error(section, severity)
                if check is not None:
                    registers = f"ADDR {check.address:x} MISC {check.misc:x} "
                    expected.append((f"Bank {check.bank}: {check.status:016x}", registers))
    log = [
        line.removeprefix("mce: [Hardware Error]: ") for line in fixture.lines if "mce: " in line
    ]
    banks = [line.split("Check: 0 ")[1] for line in log if "Bank" in line]
    others = [line.removeprefix("TSC 0 ") for line in log if line.startswith("TSC")]
    assert len(banks) > 3
    assert list(zip(banks, others, strict=True)) == expected


# ---- read back


@cache
def read_back(fixture: Fixture) -> list[apei.Capture]:
    return list(kernel_log.read(fixture.log, "log"))


@every_fixture
def test_every_report_is_found(fixture: Fixture) -> None:
    captures = read_back(fixture)
    assert [c.origin.partition(", ")[2] for c in captures] == [
        f"source {number}" for number in fixture.source_ids
    ]
    assert {(c.kind, c.reconstructed) for c in captures} == {("block", "a kernel log")}
    for number, capture in enumerate(captures, 1):
        first, last = map(int, capture.origin.split(",")[0].removeprefix("log:").split("-"))
        own = [n for n, line in enumerate(fixture.lines, 1) if line.startswith(f"{{{number}}}")]
        assert first == own[0]
        # A line about a section that is too short has no number.
        assert {*fixture.lines[own[-1] : last]} <= {TOO_SHORT, BEYOND}


@every_fixture
def test_what_was_read_is_printed_as_it_was(fixture: Fixture) -> None:
    # What is put together has no room between contexts, where 7.2 expects some.
    close = fixture._replace(features=replace(fixture.features, context_alignment=1))
    for number, lines in enumerate(fixture.reports(), 1):
        data = read_back(fixture)[number - 1].data
        again = close.report(data, fixture.source_ids[number - 1], number)
        assert again == lines


@every_fixture
def test_nothing_is_told_that_was_not_so(fixture: Fixture) -> None:
    """Severities, FRUs and types are those of the block, and no bit says valid that did not there."""
    for capture, block in zip(read_back(fixture), fixture.blocks, strict=True):
        found, given = apei.decode(capture), StatusBlock.from_bytes(block)
        assert found.error_severity == given.error_severity
        assert len(found.entries) == len(given.entries)
        for one, other in zip(found.entries, given.entries, strict=True):
            assert one.section.guid == other.section.guid
            assert one.error_severity in (other.error_severity, NOT_TOLD)
            assert (one.error_severity == NOT_TOLD) == (other.error_severity > 3)
            assert (one.fru_id, one.fru_text) == (other.fru_id, other.fru_text)
            assert one.validation_bits == other.validation_bits
            assert getattr(one, "timestamp", 0) == getattr(other, "timestamp", 0)
            told, valid = (getattr(each.section, "validation_bits", 0) for each in (one, other))
            if (
                isinstance(one.section, apei.MemoryErrorSection)
                and valid & MemoryValid.EXTENDED_ROW
            ):
                valid |= MemoryValid.ROW  # the kernel shows one number for both
            assert told & ~valid == 0
