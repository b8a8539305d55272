"""What real guests were seen to do with blocks and sources, each on the kernel and on its model.

Other statements have tests of their own: tables (`test_conformance`), limits and the cache
(`test_real_cache_and_pool`), SEA, SError, interrupts, BERT, ERST and EINJ.
"""

from collections.abc import Iterator

import pytest

import apeitool as apei
from apeitool.errors import MissingError
from apeitool.firmware.platform import Platform
from apeitool.lab import images
from apeitool.lab.beside import Beside, Config, modelled
from apeitool.lab.boot import Boot
from apeitool.lab.conformance.compare import differences
from apeitool.lab.console import without_timestamp
from apeitool.lab.guest import Guest
from apeitool.lab.machines import ARM64, X86, Machine
from apeitool.lab.session import Session
from apeitool.linux.features import kernel
from apeitool.memory import Regions

pytestmark = pytest.mark.guest

Kind = apei.NotificationType
CORRECTED, FATAL = apei.Severity.CORRECTED, apei.Severity.FATAL
FIRST, SECOND = 1, 2
RELEASES = ["6.1", *(pytest.param(r, marks=pytest.mark.drifting) for r in ("6.12", "7.2"))]
TOLD = ("{", "HEST: ", "GHES: ", "[Firmware", "Kernel panic - not syncing: Attempted")


def source(machine: Machine, number: int, kind: apei.NotificationType) -> apei.GhesV2:
    place = machine.reserved.start + 64 * number
    return apei.GhesV2(
        source_id=number,
        notification=apei.Notification(type=kind, poll_interval=1000),
        error_status_address=apei.GenericAddress.memory(place),
        error_status_block_length=0x1000,
        read_ack_register=apei.GenericAddress.memory(place + 8),
    )


def hest(machine: Machine, kind: apei.NotificationType) -> apei.Hest:
    return apei.Hest(sources=[source(machine, number, kind) for number in (FIRST, SECOND)])


def block(severity: int, *sections: int, address: int = 0x30_0000_0000) -> bytes:
    """A block, and its sections by their severities."""
    section = apei.MemoryErrorSection(validation_bits=2, physical_address=address)
    entries = [
        apei.GenericErrorDataEntryV3(error_severity=apei.Severity(each), section=section)
        for each in sections or (severity,)
    ]
    return apei.StatusBlock(error_severity=apei.Severity(severity), entries=entries).to_bytes()


def found(machine: Machine, release: str) -> images.Images:
    try:
        return images.find(machine=machine, release=release)
    except MissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(params=RELEASES)
def told_by_nmi(request: pytest.FixtureRequest) -> Iterator[Beside]:
    with Session(found(X86, request.param), hest(X86, Kind.NMI)) as session:
        yield Beside(session)


@pytest.mark.parametrize(
    ("severity", "sections", "is_over"),
    [(CORRECTED, [FATAL], False), (FATAL, [CORRECTED], True), (FATAL, [FATAL, CORRECTED], True),
     (4, [CORRECTED], True), (7, [CORRECTED], True), (0x8000_0000, [CORRECTED], True)],
)  # fmt: skip
def test_the_severity_of_the_block_alone_decides_about_panic(
    told_by_nmi: Beside, severity: int, sections: list[int], is_over: bool
) -> None:
    got, expected = told_by_nmi.take(block(severity, *sections), FIRST)
    assert not list(differences(got, expected))
    assert got.is_over == is_over
    # Before it panics it clears and acknowledges.
    assert (got.status, got.acknowledge) == (bytes(4), (1).to_bytes(8, "little"))


def test_one_nmi_drains_all_sources_the_last_bound_first(told_by_nmi: Beside) -> None:
    for firmware in (told_by_nmi.firmware, told_by_nmi.session.firmware):
        firmware.publish(SECOND, block(CORRECTED, address=0x1000))
    got, expected = told_by_nmi.take(block(CORRECTED, address=0x2000), FIRST)
    assert not list(differences(got, expected))
    told = [line.rpartition(" ")[2] for line in got.lines if "Hardware error from APEI" in line]
    assert told == [str(SECOND), str(FIRST)]
    for firmware in (told_by_nmi.firmware, told_by_nmi.session.firmware):
        assert firmware.poll_ack(SECOND)


def test_without_a_record_nothing_is_acknowledged(told_by_nmi: Beside) -> None:
    guest, memory = told_by_nmi.session.guest, told_by_nmi.memory
    ack = X86.reserved.start + 64 * FIRST + 8
    start = len(guest.console.lines)
    for each in (guest.memory, memory):
        each.write(ack, bytes(8))
    guest.inject_nmi()
    told_by_nmi.linux.notified(Kind.NMI)
    # Its answer comes behind the NMI.
    assert guest.shell("true").status == 0
    assert guest.memory.read(ack, 8) == memory.read(ack, 8) == bytes(8)
    assert [line for line in guest.console.lines[start:] if "Hardware" in line] == []


def test_a_source_without_an_address_is_not_read(told_by_nmi: Beside) -> None:
    session = told_by_nmi.session
    register = X86.reserved.start + 64 * FIRST
    for memory, firmware in (
        (session.guest.memory, session.firmware), (told_by_nmi.memory, told_by_nmi.firmware),
    ):  # fmt: skip
        firmware.publish(FIRST, block(CORRECTED))
        memory.write(register, bytes(8))
    session.guest.inject_nmi()
    told_by_nmi.linux.notified(Kind.NMI)
    assert session.guest.shell("true").status == 0
    for memory in (session.guest.memory, told_by_nmi.memory):
        assert any(memory.read(session.firmware.block_address(FIRST), 4))
        assert not any(memory.read(register + 8, 8))


def test_the_block_is_cleared_before_it_is_acknowledged(told_by_nmi: Beside) -> None:
    session = told_by_nmi.session
    memory, place = session.guest.memory, session.firmware.block_address(FIRST)
    ack = X86.reserved.start + 64 * FIRST + 8
    for number in range(50):
        session.send(block(CORRECTED, address=number << 12), FIRST)
        while not any(memory.read(ack, 8)):
            pass
        assert not any(memory.read(place, 4))
        assert session.firmware.poll_ack(FIRST)


@pytest.mark.parametrize(
    ("machine", "kind"), [(X86, Kind.POLLED), (X86, Kind.NMI), (ARM64, Kind.POLLED), (ARM64, Kind.SEA)]
)  # fmt: skip
@pytest.mark.parametrize("release", RELEASES)
def test_what_is_pending_at_boot_is_handled(
    machine: Machine, kind: apei.NotificationType, release: str
) -> None:
    """Of an SEA source it is a signal for who runs, which is init."""
    table, memory = hest(machine, kind), Regions(machine.reserved)
    firmware = Platform(memory, table)
    firmware.prepare({n: machine.reserved.start + 0x1000 * n for n in (FIRST, SECOND)})
    firmware.publish(FIRST, block(CORRECTED))
    start = machine.reserved.start
    boot = Boot(
        found(machine, release), tables=[table.to_bytes()],
        prefill={start: memory.read(start, 0x4000)},
    )  # fmt: skip
    config = Config(
        kernel(release), machine, fails_memory=machine is ARM64 or release != "6.1",
        checks_machine=machine is X86 and release != "6.1",
    )  # fmt: skip
    linux = modelled(memory, table.to_bytes(), config)
    reply = linux.boot()
    said = [line for did in reply.did for line in did.lines if line.startswith(TOLD)]
    with Guest(boot, limit=120) as guest:
        if linux.end is None:
            guest.wait_ready()
            left = guest.memory.read(start, 0x4000)
        else:
            assert kind == Kind.SEA
            guest.wait_exit(60)
            left = memory.read(start, 0x4000)
        heard = [without_timestamp(line) for line in guest.console.lines]
    assert [line for line in heard if line.startswith(TOLD)] == said
    assert left == memory.read(start, 0x4000)
    assert any(line.startswith("{1}[Hardware Error]") for line in said)
