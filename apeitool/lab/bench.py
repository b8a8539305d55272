"""How many records a real kernel takes, and whether it loses any.

Each record is a section of a type of our own with its number in it.  The kernel acts on such by a trace
event (ras:non_standard_event), which has the section's bytes: so every record is looked for by itself,
whatever the console shows of it.  The kernel's limit of reports stays on.
"""

from __future__ import annotations

import re
import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from uuid import UUID

from apeitool.acpi.hest.generic import GhesV2
from apeitool.acpi.hest.notification import Notification, NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntryV3, StatusBlock
from apeitool.cper.section import OpaqueSection
from apeitool.cper.severity import Severity
from apeitool.errors import LabError
from apeitool.lab.images import Images
from apeitool.lab.machines import X86, Machine
from apeitool.lab.session import Session
from apeitool.registers.address import GenericAddress

SOURCE = 1
_LINE = 7
"""An interrupt that no device of the x86 machine has."""
_NUMBERED = UUID("62656e63-6800-4000-8000-617065697400")
_NUMBER = struct.Struct("<QQ")
_MARK = 0x6863_6E65_6270_6161
_TRACE = "/sys/kernel/tracing"
_EVENT = f"{_TRACE}/events/ras/non_standard_event"
_BUFFER_KB = 16384
_PATIENCE = 5.0
_POLL_INTERVAL = 100
_SHOWN = re.compile(r"raw data:([0-9a-f ]+)")
_PRINTED = "Hardware error from APEI"

WAYS = {
    X86: (
        NotificationType.NMI, NotificationType.EXTERNAL_INTERRUPT, NotificationType.GSIV,
        NotificationType.POLLED,
    ),
}  # fmt: skip


def ways(machine: Machine) -> tuple[NotificationType, ...]:
    """The notifications that records can come by, one as often as the next."""
    return WAYS.get(machine, (NotificationType.GSIV, NotificationType.POLLED))


@dataclass(frozen=True)
class Result:
    """What became of records of one source.

    ``sent`` were published; ``acknowledged`` of them in time, ``traced`` acted on exactly once,
    ``printed`` shown on the console.

    Units:   ``seconds`` for all of them; ``latencies`` from a block's being filled to its being
             acknowledged, in seconds; ``first_line`` from the start of QEMU to the first line of the
             first record, with the guest restored from a snapshot.
    """

    linux: str
    notification: NotificationType
    sent: int
    acknowledged: int
    traced: int
    twice: int
    printed: int
    seconds: float
    latencies: tuple[float, ...]
    first_line: float

    @property
    def lost(self) -> int:
        """Records that were acknowledged, and that nothing was done about."""
        return self.acknowledged - self.traced

    @property
    def rate(self) -> float:
        """Records acknowledged a second."""
        return self.acknowledged / self.seconds if self.seconds else 0.0

    @property
    def latency(self) -> float:
        """The median."""
        return median(self.latencies) if self.latencies else 0.0


def numbered(number: int) -> bytes:
    """A block with a record of that number."""
    section = OpaqueSection(guid=_NUMBERED, data=_NUMBER.pack(_MARK, number))
    entry = GenericErrorDataEntryV3(error_severity=Severity.CORRECTED, section=section)
    return StatusBlock(error_severity=Severity.CORRECTED, entries=[entry]).to_bytes()


def measure(
    images: Images, notification: NotificationType, *, records: int, seconds: float = 20.0
) -> Result:
    """Send so many records, each when the one before is acknowledged, for so many seconds at most.

    Raises:  LabError when the lab cannot notify so, or the kernel cannot trace.
    """
    hest = _hest(images.machine, notification)
    with Session(images, hest):
        pass  # Now there is a snapshot.
    start = time.monotonic()
    with Session(images, hest, limit=seconds + 120) as session:
        guest = session.guest
        said = len(guest.console.lines)
        session.send(numbered(0), SOURCE)
        guest.console.wait_for(_PRINTED, start=said)
        first_line = time.monotonic() - start
        _settle(session)
        kb = f"echo {_BUFFER_KB} > {_TRACE}/buffer_size_kb"
        if guest.shell(f"{kb} && echo > {_TRACE}/trace && echo 1 > {_EVENT}/enable").status:
            raise LabError("the guest's kernel cannot trace records")
        said = len(guest.console.lines)
        latencies = tuple(_sent(session, records, seconds))
        waited = [latency for latency in latencies if latency is not None]
        seen = _traced(session)
        linux = guest.shell("uname -r").output.strip()
        printed = sum(_PRINTED in line for line in guest.console.lines[said:])
    return Result(
        linux=linux,
        notification=notification,
        sent=len(latencies),
        acknowledged=len(waited),
        traced=sum(seen[number] == 1 for number in range(1, len(latencies) + 1)),
        twice=sum(count > 1 for count in seen.values()),
        printed=printed,
        seconds=sum(latency if latency is not None else _PATIENCE for latency in latencies),
        latencies=tuple(waited),
        first_line=first_line,
    )


def _sent(session: Session, records: int, seconds: float) -> Iterator[float | None]:
    """How long each record took to be acknowledged; None when it was not."""
    end = time.monotonic() + seconds
    for number in range(1, records + 1):
        block, start = numbered(number), time.monotonic()
        if start > end:
            return
        session.send(block, SOURCE)
        if not _settle(session):
            yield None
            return
        yield time.monotonic() - start


def _settle(session: Session) -> bool:
    """Whether the kernel acknowledges in time."""
    end = time.monotonic() + _PATIENCE
    while not session.firmware.poll_ack(SOURCE):
        if time.monotonic() > end:
            return False
        time.sleep(0)
    return True


def _traced(session: Session) -> Counter[int]:
    """How often each number is in the kernel's trace."""
    lines = session.guest.shell(f"sleep 1; grep non_standard_event {_TRACE}/trace", timeout=120)
    seen: Counter[int] = Counter()
    for found in _SHOWN.finditer(lines.output):
        data = bytes.fromhex(found[1])
        if len(data) == _NUMBER.size:
            mark, number = _NUMBER.unpack(data)
            seen[number] += mark == _MARK
    return seen


def _hest(machine: Machine, kind: NotificationType) -> Hest:
    place = machine.reserved.start
    source = GhesV2(
        source_id=SOURCE,
        notification=Notification(type=kind, vector=_LINE, poll_interval=_POLL_INTERVAL),
        error_status_address=GenericAddress.memory(place),
        error_status_block_length=0x1000,
        read_ack_register=GenericAddress.memory(place + 8),
    )
    return Hest(sources=[source])
