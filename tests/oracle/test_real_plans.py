"""A real Linux 6.1 and what a plan comes to: its table, its memory, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import apeitool as apei
from apeitool.acpi.hest.generic import GhesV2
from apeitool.cper.guids import LINUX_PSTORE
from apeitool.cper.record import Record
from apeitool.lab.boot import Boot
from apeitool.lab.console import without_timestamp
from apeitool.lab.guest import Guest
from apeitool.lab.images import Images
from apeitool.memory import read_register
from apeitool.plan.build import build
from apeitool.plan.built import Built

pytestmark = pytest.mark.guest

PATIENCE = 30.0
ROOT = Path(__file__).parents[2]


def booting(images: Images, built: Built) -> Boot:
    return Boot(images, tables=[built.table.to_bytes()], prefill=dict(built.memory()))


def block(address: int) -> apei.StatusBlock:
    section = apei.MemoryErrorSection(validation_bits=2, physical_address=address)
    corrected = apei.Severity.CORRECTED
    entry = apei.GenericErrorDataEntryV3(section=section, error_severity=corrected)
    return apei.StatusBlock(entries=[entry], error_severity=corrected)


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not done() and time.monotonic() < end:
        time.sleep(0.01)
    assert done()


def test_lab_run_takes_the_table_of_a_plan(lab_images: Images, tmp_path: Path) -> None:
    """The commands as a user gives them."""
    del lab_images

    def run(*arguments: object) -> str:
        command = [sys.executable, "-m", "apeitool", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        return done.stdout

    plan, table, status = tmp_path / "plan.toml", tmp_path / "HEST.bin", tmp_path / "block.bin"
    run("new", "hest", "--preset", "qemu-q35", "oem_id=PLANNR", "-o", plan)
    run("encode", plan, "-o", table)
    status.write_bytes(block(0x1234_5000).to_bytes())
    told = run("lab", "run", "--hest", table, "--inject", status, "--source", 2)
    assert "HEST: Table parsing has been initialized." in told
    assert f"{status}: source 2, NMI: block cleared and acknowledged" in told
    assert "physical_address: 0x0000000012345000" in told


def test_a_guest_with_the_memory_of_a_hest(lab_images: Images) -> None:
    """Registers and blocks are where the plan says: firmware only fills a block there."""
    notifications = [{"type": "POLLED", "poll_interval": 100}, {"type": "NMI"}]
    built = build({
        "plan": "hest", "preset": "qemu-q35",
        "sources": [{"kind": "GHESv2", "notification": told, "count": 2} for told in notifications],
    })  # fmt: skip
    with Guest(booting(lab_images, built)) as guest:
        guest.wait_ready()
        sources = built.table.sources
        assert len(sources) == 4
        for source in sources:
            assert isinstance(source, GhesV2)
            at = read_register(guest.memory, source.error_status_address)
            assert read_register(guest.memory, source.read_ack_register) == 1
            guest.memory.write(source.read_ack_register.address, bytes(8))
            data = block(0x1000_0000 + 0x1000 * source.source_id).to_bytes()
            guest.memory.write(at + 4, data[4:])
            guest.memory.write(at, data[:4])
            if source.notification.type == apei.NotificationType.NMI:
                guest.inject_nmi()
            until(lambda at=at: not any(guest.memory.read(at, 4)))
            until(lambda s=source: read_register(guest.memory, s.read_ack_register) == 1)
        # The kernel prints two reports in five seconds.
        until(lambda: any("physical_address: 0x0000000010001000" in line
                          for line in guest.console.lines))  # fmt: skip
        said = [line for line in map(without_timestamp, guest.console.lines) if "GHES" in line]
    assert not [line for line in said if "Failed" in line and "firmware first" not in line]


@pytest.mark.parametrize(
    ("machine", "preset"), [("lab_images", "qemu-q35"), ("arm64_images", "qemu-virt")]
)
def test_a_guest_keeps_its_last_words_through_an_erst(
    request: pytest.FixtureRequest, machine: str, preset: str
) -> None:
    """Linux's pstore writes into the range of the plan; our firmware takes the records from there."""
    images: Images = request.getfixturevalue(machine)
    built = build({"plan": "erst", "preset": preset})
    with Guest(booting(images, built)) as guest:
        firmware = built.prepare(guest.memory)

        def serve(done: Callable[[], bool]) -> None:
            def turn() -> bool:
                firmware.poll()
                return done()

            until(turn)

        registered = "pstore: Registered erst as persistent store backend"
        serve(lambda: any(registered in line for line in guest.console.lines))
        guest.wait_ready()
        guest.shell("(sleep 1; echo c > /proc/sysrq-trigger) >/dev/null 2>&1 &")
        serve(lambda: guest.exited)
        lines = [without_timestamp(line) for line in guest.console.lines]
    assert not [line for line in lines if "ERST: " in line and "Failed" in line]
    assert firmware.store
    for number, data in firmware.store.items():
        record = apei.decode(data, strict=True)
        assert isinstance(record, Record)
        assert record.record_id == number
        assert str(record.creator_id) == LINUX_PSTORE
