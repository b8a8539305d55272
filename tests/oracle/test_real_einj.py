"""A real Linux 6.1 injects errors through our EINJ: our firmware is asked, and reports by our GHES.

The whole way is the guest's own: its module ``einj`` runs our table and our trigger, firmware looks
into its memory, and the error comes back through a source of our HEST.
"""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from plain_bytes import gas

import apeitool as apei
from apeitool.acpi.einj import (
    CommandStatus,
    Einj,
    ErrorTypes,
    InjectionFlags,
    TriggerActionTable,
    VendorErrorTypeExtension,
)
from apeitool.cli.example import example
from apeitool.errors import MissingError
from apeitool.firmware.einj import Injector, Request, Triggered, always
from apeitool.lab.console import without_timestamp
from apeitool.lab.images import Images
from apeitool.lab.session import Report, Session
from apeitool.lab.shell import Answer
from apeitool.lab.window import RESERVED_BASE
from apeitool.lint.check import lint

pytestmark = pytest.mark.guest

NMI = 2
TRIGGER = RESERVED_BASE + 0x1F_0000
"""Where firmware puts its trigger error action table: apart from all registers."""
ADDRESS, PAGE = 0x400_0000, 0xFFFF_FFFF_FFFF_F000
FULL = 0xFFFF_FFFF_FFFF_FFFF
IO_APIC = 0xFEC0_0000
OFFERED = ErrorTypes.MEMORY_CORRECTABLE | ErrorTypes.MEMORY_UNCORRECTABLE_NON_FATAL
SEVERITIES = {
    ErrorTypes.MEMORY_CORRECTABLE: (apei.Severity.CORRECTED, "corrected"),
    ErrorTypes.MEMORY_UNCORRECTABLE_NON_FATAL: (apei.Severity.RECOVERABLE, "recoverable"),
}


def table() -> Einj:
    """The table of a plan: registers and trigger table in a page of their own."""
    found = example("einj")
    assert isinstance(found, Einj)
    return found


class Machine:
    """A guest whose module is loaded, and the firmware behind it, which works when it is let."""

    def __init__(
        self, session: Session, offered: ErrorTypes, *, einj: Einj | None = None,
        trigger_table: int = TRIGGER, source_id: int = NMI, **offers: object,
    ) -> None:  # fmt: skip
        self.session, self.source_id = session, source_id
        self.guest = session.guest
        self.injector = Injector(
            einj or table(), self.guest.memory, supported=offered, trigger_table=trigger_table,
            **offers,
        )  # fmt: skip
        self.seen: list[Request | Triggered] = []
        self.reports: list[Report] = []

    def load(self) -> None:
        """Load the module, anew: later kernels ask what is offered but once."""
        start = len(self.guest.console.lines)
        answer = self.guest.shell("rmmod einj 2>/dev/null; insmod /modules/einj.ko")
        assert answer == ("", 0), self.guest.console.lines[start:]
        self.guest.console.wait_for("EINJ: Error INJection is initialized", start=start)

    def write(self, **files: int) -> Answer:
        """Write into the module's files, while firmware is asleep."""
        orders = [f"echo {value:#x} > {name}" for name, value in files.items()]
        script = " && ".join(["cd /sys/kernel/debug/apei/einj", *orders])
        return self.guest.shell(script, timeout=60)

    def read(self, name: str) -> str:
        return self.guest.shell(f"cat /sys/kernel/debug/apei/einj/{name}").output

    def inject(self, **files: int) -> Answer:
        """The same, and inject, while firmware works."""
        with ThreadPoolExecutor(1) as system:
            answer = system.submit(self.write, **files, error_inject=1)
            while not answer.done():
                self.work()
                time.sleep(0.001)
        self.work()
        return answer.result()

    def work(self) -> None:
        """Firmware looks, and reports what has been triggered."""
        for event in self.injector.poll():
            self.seen.append(event)
            if isinstance(event, Triggered):
                block = self.block(event.request)
                self.reports.append(self.session.inject(block.to_bytes(), source_id=self.source_id))

    def block(self, request: Request) -> apei.StatusBlock:
        placed = request.placed
        assert placed is not None
        severity, _ = SEVERITIES.get(request.error_types, (apei.Severity.CORRECTED, ""))
        section = apei.MemoryErrorSection(
            validation_bits=6,
            physical_address=placed.memory_address,
            physical_address_mask=placed.memory_address_range,
        )
        entry = apei.GenericErrorDataEntryV3(error_severity=severity, section=section)
        return apei.StatusBlock(error_severity=severity, entries=[entry])


Start = Callable[..., Machine]


@pytest.fixture
def images(lab_images: Images) -> Images:
    """Images with the module; skips where a cache is older than that, with how to get it."""
    try:
        lab_images.module("einj")
    except MissingError as missing:
        pytest.skip(str(missing))
    return lab_images


@pytest.fixture
def start(images: Images) -> Iterator[Start]:
    """Starts firmware that offers something, and loads the module."""
    with Session(images, example("hest"), tables=[table().to_bytes()], modules=["einj"]) as session:

        def started(offered: ErrorTypes = OFFERED, **offers: object) -> Machine:
            machine = Machine(session, offered, **offers)
            machine.load()
            return machine

        yield started


def values(report: Report, name: str) -> list[str]:
    """What the kernel printed behind ``name:``."""
    pattern = re.compile(rf"^(?:\{{\d+\}})?\[Hardware Error\]:\s*{re.escape(name)}:\s*(.*?)\s*$")
    return [match[1] for line in report.lines if (match := pattern.match(line))]


def test_what_we_offer_is_what_the_kernel_offers(start: Start) -> None:
    """All that has a name in Linux, each type alone, and none; another type is refused at once."""
    named = ErrorTypes(0xFFF)
    machine = start(named)
    assert shown(machine) == [1 << bit for bit in range(12)]
    for offered in (*named, ErrorTypes(0)):
        other = start(offered)
        assert shown(other) == ([offered.value] if offered else [])
        assert "Invalid argument" in other.write(error_type=named & ~offered).output
        for kind in (ErrorTypes.PCIE_UNCORRECTABLE_FATAL, ErrorTypes.PROCESSOR_CORRECTABLE):
            assert other.write(error_type=kind).status == (kind != offered)
    assert machine.seen == []


def shown(machine: Machine) -> list[int]:
    return [int(line.split()[0], 16) for line in machine.read("available_error_type").splitlines()]


@pytest.mark.parametrize("kind", SEVERITIES)
def test_a_memory_error_goes_all_the_way_round(start: Start, kind: ErrorTypes) -> None:
    machine = start()
    answer = machine.inject(error_type=kind, param1=ADDRESS, param2=PAGE)
    assert answer == ("", 0)
    request, triggered = machine.seen
    assert isinstance(request, Request)
    assert triggered == Triggered(request)
    assert (request.error_types, request.status) == (kind, CommandStatus.SUCCESS)
    assert request.placed is not None
    assert request.placed.flags == InjectionFlags.MEMORY_ADDRESS
    assert request.placed.memory_address == ADDRESS
    assert request.placed.memory_address_range == PAGE
    (report,) = machine.reports
    assert report.acknowledged
    assert report.cleared
    assert values(report, "event severity") == [SEVERITIES[kind][1]]
    assert [int(text, 16) for text in values(report, "physical_address")] == [ADDRESS]
    assert [int(text, 16) for text in values(report, "physical_address_mask")] == [PAGE]
    source = values(report, "Hardware error from APEI Generic Hardware Error Source")
    assert source == [str(NMI)]


def test_requests_follow_each_other(start: Start) -> None:
    machine = start()
    addresses = [ADDRESS + 0x1000 * number for number in range(4)]
    for kind, address in zip([*SEVERITIES] * 2, addresses, strict=True):
        machine.inject(error_type=kind, param1=address, param2=PAGE)
    assert [type(event) for event in machine.seen] == [Request, Triggered] * 4
    requests = [event for event in machine.seen if isinstance(event, Request)]
    assert [r.placed.memory_address for r in requests if r.placed] == addresses
    assert all(report.acknowledged for report in machine.reports)


def test_the_kernel_fills_in_what_its_flags_say(start: Start) -> None:
    """With flags, all of its parameters; a processor's error has its identification alone."""
    machine = start(OFFERED | ErrorTypes.PROCESSOR_CORRECTABLE)
    machine.inject(
        error_type=8, flags=7, param1=ADDRESS, param2=PAGE, param3=0x42, param4=0x01020300
    )
    machine.inject(error_type=1, flags=0, param1=0x17)
    both, processor = (e.placed for e in machine.seen if isinstance(e, Request))
    assert both is not None
    assert both.to_bytes() == (
        bytes.fromhex(
            "08000000 00000000 07000000 42000000 0000000400000000 00f0ffffffffffff 00030201"
        )
    )
    assert processor is not None
    assert processor.flags == InjectionFlags.PROCESSOR_ID
    assert processor.processor_identification == 0x17


def test_without_a_trigger_nothing_happens(start: Start) -> None:
    machine = start()
    answer = machine.inject(error_type=8, notrigger=1, param1=ADDRESS, param2=PAGE)
    assert answer == ("", 0)
    assert [type(event) for event in machine.seen] == [Request]
    assert machine.reports == []
    machine.inject(notrigger=0)
    assert [type(event) for event in machine.seen] == [Request, Request, Triggered]


def test_an_address_that_is_no_memory_does_not_reach_firmware(start: Start) -> None:
    machine = start()
    for address, mask in ((IO_APIC, PAGE), (ADDRESS, PAGE << 12), (ADDRESS, 0)):
        answer = machine.inject(error_type=8, param1=address, param2=mask & FULL)
        assert answer == ("sh: write error: Invalid argument\n", 1)
    assert machine.seen == []


def test_firmware_that_stays_silent(start: Start) -> None:
    machine = start()
    first = len(machine.guest.console.lines)
    machine.write(error_type=8, param1=ADDRESS, param2=PAGE)
    # A second of the guest's own time, in steps that it may take long for.
    answer = machine.guest.shell("echo 1 > /sys/kernel/debug/apei/einj/error_inject", timeout=60)
    assert answer == ("sh: write error: Input/output error\n", 1)
    line = machine.guest.console.wait_for("EINJ:", start=first).text
    assert without_timestamp(line) == "EINJ: [Firmware Warn]: Firmware does not respond in time"
    # Firmware that wakes up answers nobody, and is ready for the next request.
    machine.work()
    assert [type(event) for event in machine.seen] == [Request]
    assert machine.inject() == ("", 0)
    assert [type(event) for event in machine.seen] == [Request, Request, Triggered]


@pytest.mark.parametrize("status", [CommandStatus.UNKNOWN_FAILURE, CommandStatus.INVALID_ACCESS])
def test_firmware_that_says_no(start: Start, status: CommandStatus) -> None:
    """Linux 6.1 has one answer to both; later ones call an invalid access an invalid argument."""
    told = [status]
    machine = start(prepare=lambda request: told.pop() if told else always(request))
    answer = machine.inject(error_type=8, param1=ADDRESS, param2=PAGE)
    later = release(machine) > (6, 1) and status == CommandStatus.INVALID_ACCESS
    why = "Invalid argument" if later else "Device or resource busy"
    assert answer == (f"sh: write error: {why}\n", 1)
    assert [type(event) for event in machine.seen] == [Request]
    assert machine.inject() == ("", 0)
    assert [type(event) for event in machine.seen] == [Request, Request, Triggered]


def release(machine: Machine) -> tuple[int, ...]:
    """The kernel's version, so far as this test may be run with other ones than CI's."""
    found = re.match(r"(\d+)\.(\d+)", machine.guest.shell("uname -r").output)
    assert found is not None
    return tuple(map(int, found.groups()))


def test_a_vendor_s_error(start: Start) -> None:
    """Where the extension is, and whose it is, the kernel reads from memory when it is loaded."""
    vendor = VendorErrorTypeExtension(
        sbdf=0x12 << 24 | 0x34 << 16 | 0x1F << 11 | 0x5 << 8, vendor_id=0x8086, device_id=0x1234,
        revision_id=7, oem_data=b"eight by",
    )  # fmt: skip
    machine = start(OFFERED | ErrorTypes.VENDOR_DEFINED, vendor=vendor)
    assert machine.read("vendor") == "12:34:1f.5 vendor_id=8086 device_id=1234 rev_id=7\n"
    wanted = {"error_type": 1 << 31, "vendor_flags": 2, "param1": ADDRESS, "param2": PAGE}
    assert machine.inject(**wanted) == ("", 0)
    request = machine.seen[0]
    assert isinstance(request, Request)
    assert request.error_types is ErrorTypes.VENDOR_DEFINED
    assert request.placed is not None
    assert request.placed.vendor == (vendor,)
    assert request.placed.memory_address == ADDRESS
    assert [int(text, 16) for text in values(machine.reports[0], "physical_address")] == [ADDRESS]


def test_a_vendor_s_error_that_is_not_supported(start: Start) -> None:
    """The kernel looks up no vendor's type; so it is firmware that refuses it."""
    machine = start()
    assert machine.inject(error_type=1 << 31).status == 1
    (request,) = machine.seen
    assert isinstance(request, Request)
    assert request.status == CommandStatus.INVALID_ACCESS


def entry_of(instruction: int) -> bytes:
    return struct.pack("<BBBB12sQQ", 0xFF, instruction, 0, 0, gas(TRIGGER + 48), 1, 1)


TRIGGERS = [
    ((16, 0, 16, 0), b"", ""),
    ((16, 0, 48, 1), entry_of(3), ""),
    ((12, 0, 48, 1), entry_of(3), "linux-trigger-refused"),
    ((16, 0, 15, 0), b"", "linux-trigger-refused"),
    ((16, 0, 4097, 127), b"", "linux-trigger-refused"),
    ((16, 0, 48, 2), entry_of(3), "linux-trigger-refused"),
    ((16, 0, 48, 1), entry_of(5), "linux-instruction-unknown"),
]


def test_trigger_tables_that_linux_runs_and_refuses(start: Start) -> None:
    """What `lint` says that Linux will say of it is what it says."""
    machine = start()
    machine.write(param1=ADDRESS, param2=PAGE, error_type=8)
    for head, entries, complaint in TRIGGERS:
        data = struct.pack("<IIII", *head) + entries
        machine.guest.memory.write(TRIGGER, data)
        found = [f for f in lint(TriggerActionTable.from_bytes(data)) if f.id == complaint]
        first, asked = len(machine.guest.console.lines), len(machine.seen)
        answer = machine.inject()
        assert bool(answer.status) == bool(found) == bool(complaint), head
        triggered = [type(event) for event in machine.seen[asked:]] == [Request, Triggered]
        assert triggered == (head[3] == 1 and not complaint)
        if found:
            assert answer.output == "sh: write error: Invalid argument\n"
            line = machine.guest.console.wait_for("Firmware (Bug|Warn)", start=first).text
            said = {"linux-trigger-refused": "Invalid trigger error action table."}
            assert said.get(complaint, found[0].rule) in line


def test_a_table_that_linux_refuses(images: Images) -> None:
    """A count that the length has no room for: the module is not loaded, and says why."""
    broken = table().replace(injection_entry_count=len(table().entries) + 1)
    assert "linux-entry-count" in [finding.id for finding in lint(broken)]
    with Session(
        images, example("hest"), tables=[broken.to_bytes()], modules=["einj"], cold=True
    ) as session:
        first = len(session.guest.console.lines)
        session.guest.shell("insmod /modules/einj.ko")
        assert session.guest.shell("ls /sys/kernel/debug/apei/einj").status
        line = session.guest.console.wait_for("EINJ", start=first).text
        assert without_timestamp(line) == "EINJ: [Firmware Bug]: Invalid EINJ table."
