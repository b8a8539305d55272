"""``apeitool decode --to dmesg``: what Linux prints of errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from apeitool.cli.options import Output, Reader, talk
from apeitool.errors import EncodeError

if TYPE_CHECKING:
    from apeitool.linux.features import Architecture
    from apeitool.linux.report import Report
    from apeitool.wire.record import Structure


@dataclass(frozen=True)
class Kernel:
    """Which kernel prints.

    Without an architecture it is the one whose processors the errors are about.
    """

    release: str | None
    architecture: str | None

    def check(self, form: str) -> None:
        """See that it is asked for.

        Raises:  UsageError when one is named where nothing is printed.
        """
        if (self.release or self.architecture) and form != "dmesg":
            raise click.UsageError("--kernel and --arch are for --to dmesg")

    def architecture_of(self, thing: Structure) -> Architecture:
        """What the kernel was built for that is told of these errors."""
        from apeitool.acpi.conversion import reports
        from apeitool.cper.sections.arm_processor import ArmProcessorErrorSection
        from apeitool.linux.features import Architecture

        if self.architecture is not None:
            return Architecture(self.architecture)
        is_arm = any(one.section.guid == ArmProcessorErrorSection.guid for one in reports(thing))
        return Architecture.ARM64 if is_arm else Architecture.X86

    def reports(self, thing: Structure, number: int) -> Iterator[Report]:
        """The report of each block, the first of which is the ``number``-th; of a region one.

        Raises:  EncodeError when it holds no errors.
        """
        from apeitool.acpi.bert import BootErrorRegion
        from apeitool.acpi.conversion import to_blocks
        from apeitool.linux import report
        from apeitool.linux.features import DEFAULT, kernel

        features = kernel(self.release) if self.release else DEFAULT
        architecture = self.architecture_of(thing)
        if isinstance(thing, BootErrorRegion):
            yield report.boot_report(thing.to_bytes(), features, architecture)
            return
        for block in to_blocks(thing).things:
            yield report.report(block.to_bytes(), features, architecture, number=number)


def write(
    objects: Iterator[tuple[str, Structure]], out: Output, kernel: Kernel, reader: Reader
) -> None:
    """Write what the kernel prints; bytes that are no printable ASCII as dmesg shows them."""
    from apeitool.render.harmless import harmless

    number = 1
    for origin, found in objects:
        try:
            reports = [*kernel.reports(found, number)]
        except EncodeError as wrong:
            reader.fail(origin, wrong)
            continue
        _talk_of_conversion(origin, found)
        for report in reports:
            if report.strays:
                talk(f"{origin}: Linux reads behind the end of the block, which is taken for zeros")
            out.write("".join(f"{harmless(line)}\n" for line in report.lines).encode())
            number += any(line.startswith("{") for line in report.lines)


def _talk_of_conversion(origin: str, found: Structure) -> None:
    """Say that Linux is shown another object that reports the same, and what that lacks."""
    from apeitool.acpi.bert import BootErrorRegion
    from apeitool.acpi.conversion import to_blocks
    from apeitool.acpi.status import StatusBlock

    if isinstance(found, StatusBlock | BootErrorRegion):
        return
    talk(f"{origin}: shown as Linux prints the status block that reports the same")
    for lost in to_blocks(found).lost:
        talk(f"{origin}: not in it: {lost}")
