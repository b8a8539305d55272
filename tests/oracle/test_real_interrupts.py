"""Sources that are told by interrupts, on real guests of both architectures, beside the model.

SCI, GPIO and GSIV reach Linux as an event of the error device, to which an interrupt of ours leads;
an external interrupt is a source's own.
"""

from collections.abc import Iterable, Iterator

import pytest

import apeitool as apei
from apeitool.lab.beside import Beside
from apeitool.lab.console import without_timestamp
from apeitool.lab.images import Images
from apeitool.lab.machines import ARM64, X86, Machine
from apeitool.lab.session import Session

pytestmark = pytest.mark.guest

Kind = apei.NotificationType
FREE_LINE = 7
"""An interrupt of the x86 machine that no device has."""
NOWHERE = 0x30_0000_0000
BY_EVENT = (Kind.SCI, Kind.GPIO_SIGNAL, Kind.GSIV)
ON_X86 = (*BY_EVENT, Kind.EXTERNAL_INTERRUPT)


def hest(machine: Machine) -> apei.Hest:
    kinds = ON_X86 if machine is X86 else BY_EVENT
    return apei.Hest(sources=[source(machine, int(kind), kind) for kind in kinds])


def source(machine: Machine, number: int, kind: apei.NotificationType) -> apei.GhesV2:
    place = machine.reserved.start + 64 * number
    vector = FREE_LINE if kind == Kind.EXTERNAL_INTERRUPT else 0
    return apei.GhesV2(
        source_id=number,
        notification=apei.Notification(type=kind, vector=vector),
        error_status_address=apei.GenericAddress.memory(place),
        error_status_block_length=0x1000,
        read_ack_register=apei.GenericAddress.memory(place + 8),
        read_ack_preserve=0xFFFF_FFFF_FFFF_FFFE,
        read_ack_write=1,
    )


def memory_error(address: int = NOWHERE) -> bytes:
    section = apei.MemoryErrorSection(validation_bits=2, physical_address=address)
    entry = apei.GenericErrorDataEntryV3(section=section)
    return apei.StatusBlock(entries=[entry]).to_bytes()


@pytest.fixture
def on_x86(lab_images: Images) -> Iterator[Beside]:
    with Session(lab_images, hest(X86)) as session:
        yield Beside(session)


@pytest.fixture
def on_arm64(arm64_images: Images) -> Iterator[Beside]:
    with Session(arm64_images, hest(ARM64)) as session:
        yield Beside(session)


OF_THE_CLOCK = ("tsc: ", "clocksource: ")
"""How lines begin that a guest for x86 has to say a few seconds after it has come up, whatever happens."""


def not_of_the_clock(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(line for line in lines if not without_timestamp(line).startswith(OF_THE_CLOCK))


def is_told(beside: Beside, kind: apei.NotificationType) -> None:
    found, expected = beside.take(memory_error(), int(kind))
    assert found._replace(lines=not_of_the_clock(found.lines)) == expected
    assert found.status == bytes(4)
    assert found.acknowledge == (1).to_bytes(8, "little")
    assert f"Hardware error from APEI Generic Hardware Error Source: {int(kind)}" in found.lines[0]


@pytest.mark.parametrize("kind", ON_X86, ids=str)
def test_it_is_told_on_x86(on_x86: Beside, kind) -> None:
    is_told(on_x86, kind)


@pytest.mark.parametrize("kind", BY_EVENT, ids=str)
def test_it_is_told_on_arm64(on_arm64: Beside, kind) -> None:
    is_told(on_arm64, kind)


def test_a_genuine_sci(on_x86: Beside) -> None:
    """It comes by a general-purpose event, which the kernel counts; the event device has no part in it."""
    guest = on_x86.session.guest
    is_told(on_x86, Kind.SCI)
    counted = guest.shell("cat /sys/firmware/acpi/interrupts/gpe40 /proc/interrupts").output
    event, *lines = counted.splitlines()
    assert int(event.split()[0]) >= 1
    by_line = {line.split()[-1]: line.split()[1] for line in lines[1:] if "IO-APIC" in line}
    assert (by_line["acpi"], by_line["ACPI:Ged"]) == ("1", "0")


def test_one_event_drains_all_sources_that_wait_for_it(on_arm64: Beside) -> None:
    for number in (Kind.SCI, Kind.GPIO_SIGNAL):
        for firmware in (on_arm64.firmware, on_arm64.session.firmware):
            firmware.publish(int(number), memory_error(NOWHERE + 0x1000 * int(number)))
    found, expected = on_arm64.take(memory_error(), int(Kind.GSIV))
    assert found == expected
    reports = [line for line in found.lines if "Hardware error from APEI" in line]
    # Registered last, asked first; of reports of one severity it prints two.
    assert [int(line.rpartition(" ")[2]) for line in reports] == [Kind.GSIV, Kind.GPIO_SIGNAL]
    for number in (Kind.SCI, Kind.GPIO_SIGNAL):
        assert on_arm64.session.firmware.poll_ack(int(number))


def test_an_interrupt_without_an_error_is_nothing(on_x86: Beside) -> None:
    guest = on_x86.session.guest
    start = len(guest.console.lines)
    for line in (FREE_LINE, X86.event_interrupt):
        guest.interrupt(line)
    counted = guest.shell("cat /proc/interrupts").output.splitlines()
    of_ours = [line.split()[1] for line in counted if "GHES" in line or "ACPI:Ged" in line]
    assert of_ours == ["1", "1"]
    assert not_of_the_clock(guest.console.lines[start:]) == ()
