"""Errors of the last boot: printed and cleared, whatever becomes of the HEST, and nothing else.

As Debian's Linux 6.1.176 did under QEMU, on x86 and arm64; the lines are held by `tests/oracle`.
"""

import pytest
from modelled_guest import POLLED, described, lines, whats
from plain_bytes import CORRECTED, FATAL, about, hest

from apeitool.acpi.bert import Bert
from apeitool.linux.dmesg import FIRMWARE_FIRST
from apeitool.linux.features import KERNELS, kernel
from apeitool.memory import Regions
from apeitool.ospm.linux import Linux

REGION = 0x9000_0000
MEMORY = range(0x8000_0000, 0x8010_0000)
FOUND = "BERT: Total records found: {}"


def booted(table: bytes, region: bytes, *, length: int | None = None, release: str = "6.1"):
    memory = Regions(MEMORY, range(REGION, REGION + 0x2000))
    memory.write(REGION, region)
    bert = Bert(
        boot_error_region=REGION, boot_error_region_length=len(region) if length is None else length
    )
    linux = Linux(memory, table, ram=(), features=kernel(release), boot_errors=bert)
    return linux, linux.boot(), memory


@pytest.mark.parametrize(
    "table", [hest(described(1, POLLED)), hest(described(1, 2), described(1, 2))]
)
@pytest.mark.parametrize("release", sorted(KERNELS))
def test_they_are_printed_and_cleared_and_a_fatal_one_is_survived(
    table: bytes, release: str
) -> None:
    records = [about(0x1000, CORRECTED), about(0x2000, FATAL)]
    linux, reply, memory = booted(table, b"".join(records), release=release)
    assert linux.end is None
    assert lines(reply)[-1] == FOUND.format(2)
    assert "[Hardware Error]: event severity: fatal" in lines(reply)
    for start in (0, len(records[0])):
        assert memory.read(REGION + start, 4) == bytes(4)
    assert whats(reply)[-1] == "clears them, and does nothing else about them"


def test_what_linux_stops_at_is_left() -> None:
    whole, cut = about(0x1000, CORRECTED), about(0x2000, CORRECTED)[:-1]
    _, reply, memory = booted(hest(), whole + cut)
    assert lines(reply)[-1] == FOUND.format(1)
    assert (memory.read(REGION, 4), memory.read(REGION + len(whole), 4)) == (bytes(4), cut[:4])


def test_a_region_that_is_too_short_or_nowhere() -> None:
    assert (
        lines(booted(hest(), about(0), length=19)[1])[-1] == "BERT: [Firmware Bug]: table invalid."
    )
    _, reply, _ = booted(hest(), b"", length=0x3000)
    assert "finds nothing" in whats(reply)[-1]


@pytest.mark.parametrize("osc", FIRMWARE_FIRST)
def test_what_osc_grants_is_said(osc: tuple[bool, bool]) -> None:
    linux = Linux(Regions(MEMORY), hest(), ram=(), osc=osc)
    assert lines(linux.boot())[-1] == FIRMWARE_FIRST[osc]
