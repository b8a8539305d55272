"""SErrors of every kind, and events of SDEI, on real arm64 guests beside the model, by firmware at EL2.

What the syndrome says decides; a filled SEI source does not.  An SDEI event is taken as an NMI is.
"""

from collections.abc import Iterator

import pytest

import apeitool as apei
from apeitool.errors import MissingError
from apeitool.firmware.platform import State
from apeitool.lab import el2, images
from apeitool.lab.beside import Beside
from apeitool.lab.machines import ARM64
from apeitool.lab.session import Session
from apeitool.ospm.serror import syndrome
from apeitool.registers.arm_syndrome import AsynchronousErrorType as Aet

pytestmark = pytest.mark.guest

SDEI, SEI, EVENT = 1, 2, 804
RAM = ARM64.banks(ARM64.usual)[0]
NOWHERE = 0x30_0000_0000
IDS = 1 << 24
RELEASES = ["6.1", *(pytest.param(r, marks=pytest.mark.drifting) for r in ("6.12", "7.2"))]
STATES = {
    **{aet.name: syndrome(aet) for aet in (Aet.CE, Aet.UEO, Aet.UER, Aet.UEU, Aet.UC)},
    "reserved": syndrome(Aet(7)),
    "IDS": syndrome(Aet.CE) | IDS,
    "no DFSC": syndrome(Aet.CE) & ~0x3F,
}


def hest() -> apei.Hest:
    kinds = {SDEI: apei.NotificationType.SDEI, SEI: apei.NotificationType.SEI}
    return apei.Hest(sources=[source(number, kind) for number, kind in kinds.items()])


def source(number: int, kind: apei.NotificationType) -> apei.GhesV2:
    place = ARM64.reserved.start + 64 * number
    return apei.GhesV2(
        source_id=number,
        notification=apei.Notification(type=kind, vector=EVENT * (number == SDEI)),
        error_status_address=apei.GenericAddress.memory(place),
        error_status_block_length=0x1000,
        read_ack_register=apei.GenericAddress.memory(place + 8),
    )


class Both(Beside):
    """A real guest and the modelled one, each with its firmware."""

    def same_block(self, number: int) -> None:
        for each in (self.firmware, self.session.firmware):
            each.poll_ack(number)
        assert self.firmware.state(number) is self.session.firmware.state(number)


def both_of(release: str, cpu: str) -> Iterator[Both]:
    try:
        found = el2.images(images.find(machine=ARM64, release=release), cpu=cpu)
    except MissingError as missing:
        pytest.skip(str(missing))
    with Session(found, hest(), limit=120) as session:
        both = Both(session)
        said = [line for did in both.booted.did for line in did.lines]
        assert [line for line in session.boot_lines if not line.startswith("ACPI: ")] == said
        yield both


@pytest.fixture(params=RELEASES)
def both(request: pytest.FixtureRequest) -> Iterator[Both]:
    yield from both_of(request.param, el2.WITH_RAS)


@pytest.fixture
def without_ras() -> Iterator[Both]:
    yield from both_of("6.1", el2.WITHOUT_RAS)


def memory_error(severity: apei.Severity) -> bytes:
    section = apei.MemoryErrorSection(validation_bits=2, physical_address=NOWHERE)
    entry = apei.GenericErrorDataEntryV3(error_severity=severity, section=section)
    return apei.StatusBlock(error_severity=severity, entries=[entry]).to_bytes()


def goes_as_modelled(both: Both, esr: int) -> bool:
    """Whether both survive an SError; what is said of it is compared."""
    console = both.session.guest.console
    start = len(console.lines)
    reply = both.linux.serror(esr)
    assert reply.outcome is not None
    touch = both.session.toucher.ask_firmware(el2.SERROR, esr & 0x1FF_FFFF)
    said = [line for did in reply.did for line in did.lines]
    if reply.outcome.is_survived:
        assert touch.is_read
        assert not both.session.guest.exited
        assert console.lines[start:] == said == []
        return True
    both.session.guest.wait_exit(20)
    heard = [line.partition("] ")[2] for line in console.lines[start:]]
    assert [line for line in heard if line in said] == said
    return False


@pytest.mark.parametrize("state", STATES)
def test_an_serror_is_judged_by_its_syndrome(both: Both, state: str) -> None:
    assert goes_as_modelled(both, STATES[state]) == (state in ("CE", "UEO"))


@pytest.mark.parametrize("state", ["CE", "UEO", "UER"])
def test_without_ras_every_serror_is_a_panic(without_ras: Both, state: str) -> None:
    console = without_ras.session.guest.console
    start = len(console.lines)
    without_ras.session.toucher.ask_firmware(el2.SERROR, STATES[state] & 0x1FF_FFFF)
    without_ras.session.guest.wait_exit(20)
    (told,) = (line for line in console.lines[start:] if "SError Interrupt on CPU0" in line)
    # The syndrome is the processor's own.
    esr = int(told.partition("code ")[2].split()[0], 16)
    reply = without_ras.linux.serror(esr)
    assert reply.outcome is not None
    assert not reply.outcome.is_survived
    said = [line for did in reply.did for line in did.lines]
    heard = [line.partition("] ")[2] for line in console.lines[start:]]
    assert [line for line in heard if line in said] == said


@pytest.mark.parametrize("state", ["UEO", "UER"])
def test_a_filled_sei_source_is_never_read(both: Both, state: str) -> None:
    block = memory_error(apei.Severity.RECOVERABLE)
    for firmware in (both.firmware, both.session.firmware):
        firmware.publish(SEI, block)
    assert goes_as_modelled(both, STATES[state]) == (state == "UEO")
    assert both.session.firmware.state(SEI) is State.PUBLISHED
    both.same_block(SEI)
    assert any(both.session.guest.memory.read(both.firmware.block_address(SEI), 4))


@pytest.mark.parametrize("severity", [apei.Severity.CORRECTED, apei.Severity.RECOVERABLE], ids=str)
def test_an_event_of_sdei_is_taken(both: Both, severity) -> None:
    block = memory_error(severity)
    both.firmware.publish(SDEI, block)
    reply = both.linux.notified(apei.NotificationType.SDEI, vector=EVENT)
    report = both.session.inject(block, source_id=SDEI)
    assert report.touch is not None
    assert report.touch.is_read
    assert list(report.lines) == [line for did in reply.did for line in did.lines]
    assert report.acknowledged
    both.same_block(SDEI)


def test_a_fatal_event_of_sdei_is_a_panic(both: Both) -> None:
    block = memory_error(apei.Severity.FATAL)
    both.firmware.publish(SDEI, block)
    reply = both.linux.notified(apei.NotificationType.SDEI, vector=EVENT)
    assert reply.outcome is not None
    assert not reply.outcome.is_survived
    said = [line for did in reply.did for line in did.lines]
    report = both.session.inject(block, source_id=SDEI)
    both.session.guest.wait_exit(20)
    assert list(report.lines[: len(said)]) == said
