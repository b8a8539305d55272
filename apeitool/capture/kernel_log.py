"""Linux's log: reports of hardware errors, each put together again as a status block.

    [    5.584041] {2}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 4
    [    5.584683] {2}[Hardware Error]: event severity: corrected
    ...

Whatever stands before that, as dmesg, journalctl, syslog, pstore or a serial console have it, is passed
over, and so are other lines.  The lines of several reports may be mixed: their number tells them apart.
Boot errors (BERT) have none.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apeitool.capture.capture import SAMPLE, Capture
from apeitool.errors import CaptureError

if TYPE_CHECKING:
    from apeitool.linux.reported import Reported

_MARK = "[Hardware Error]: "
_REPORT = re.compile(
    rb"\{\d{1,10}\}\[Hardware Error\]: |\[Hardware Error\]: {1,3}(?:event severity: |section.type: )"
)
_NUMBER = re.compile(r"\{(\d{1,10})\}$")
_SPEAKER = re.compile(r"(?:^|\s)([^\s:\[]+)[^\s:]*: $")
"""Who speaks: the kernel where a log has many, or a part of it: ``mce: [Hardware Error]: CPU 0``."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*[mK]")

RECONSTRUCTED = "a kernel log"


def sniff(data: bytes) -> bool:
    """Whether this is text with a line of such a report."""
    return b"\0" not in data[:SAMPLE] and _REPORT.search(data) is not None


def read(data: bytes, origin: str = "") -> Iterator[Capture]:
    """The blocks that were reported, in the order of their first lines: ``origin:12-25, source 4``.

    Names of memory modules, for which a block has no field, are said there too.

    Raises:  CaptureError when nothing but the beginnings of reports is left.
    """
    found = False
    for report in _reports(data):
        if report.body.is_begun:
            found = True
            yield report.capture(origin)
    if not found:
        raise CaptureError("no report of a hardware error tells what it is about", origin=origin)


@dataclass(slots=True)
class _Report:
    """A report, and the first and last line of it."""

    body: Reported
    first: int
    last: int = 0
    number: str = field(default="")

    def capture(self, origin: str) -> Capture:
        """The block that it tells of, and where that was told."""
        said = [f"{origin}:{self.first}" + (f"-{self.last}" if self.last > self.first else "")]
        if self.body.source_id is not None:
            said.append(f"source {self.body.source_id}")
        said += [f"DIMM location {name!r}" for name in self.body.dimms]
        if self.body.lost:
            said.append(f"{self.body.lost} bytes of it are missing in the log")
        return Capture(self.body.block().to_bytes(), "block", ", ".join(said), RECONSTRUCTED)


def _reports(data: bytes) -> list[_Report]:
    """Every report, the lines of each read."""
    from apeitool.linux.reported import BEGINNINGS, Reported

    reports: list[_Report] = []
    current: dict[str, _Report] = {}
    latest: _Report | None = None
    for line, raw in enumerate(io.BytesIO(data), 1):
        text = raw.decode("latin-1").rstrip("\r\n")
        before, mark, said = text.partition(_MARK)
        if not mark:
            if latest is not None and latest.body.read_aside(_without_time(text)):
                latest.last = line
            continue
        match = _NUMBER.search(before)
        speaker = None if match else _SPEAKER.search(_COLOUR.sub("", before))
        if speaker and speaker[1] != "kernel":
            continue
        number = match[1] if match else ""
        said = _COLOUR.sub("", said)
        report = current.get(number)
        if report is None or (report.body.is_begun and said.startswith(BEGINNINGS)):
            report = _Report(Reported(), line)
            if not report.body.read(said):
                continue
            reports.append(report)
            current[number] = report
        elif not report.body.read(said):
            continue
        report.last = line
        latest = report
    return reports


def _without_time(text: str) -> str:
    """The kernel's own words of a line that it printed without the mark."""
    return text[max(text.find("[Firmware Warn]"), 0) :]
