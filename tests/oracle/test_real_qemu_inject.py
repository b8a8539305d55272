"""QEMU 11 and a real guest take every section type by QMP, and the guest prints what was sent."""

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

import apeitool as apei
from apeitool.cper.dimm import knowing
from apeitool.errors import MissingError, QemuBusy
from apeitool.lab import images, programs
from apeitool.lab.beside import modules_of
from apeitool.lab.boot import Boot
from apeitool.lab.conformance.blocks import SECTION_TYPES, sound_entries
from apeitool.lab.console import without_timestamp
from apeitool.lab.guest import Guest
from apeitool.lab.limits import switch_off
from apeitool.lab.machines import ARM64
from apeitool.linux.features import Architecture, kernel
from apeitool.linux.report import report
from apeitool.qemu.command import LARGEST
from apeitool.qemu.inject import Injector, connected
from apeitool.qemu.monitor import Monitor

pytestmark = [pytest.mark.guest, pytest.mark.drifting]

SOURCE = 1
TYPES = tuple(dict.fromkeys(SECTION_TYPES))
LINUX = kernel("6.1")


class Running(NamedTuple):
    guest: Guest
    address: str


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    try:
        newer = programs.find(ARM64.program).path
        found = images.find(machine=ARM64, qemu=newer)
    except MissingError as missing:
        pytest.skip(str(missing))
    address = str(tmp_path_factory.mktemp("qmp") / "qmp")
    ours = ("-machine", "ras=on", "-qmp", f"unix:{address},server=on,wait=off")
    with Guest(Boot(found, devices=ours), limit=300) as guest:
        guest.wait_ready()
        switch_off(guest)
        with knowing(modules_of(guest)):
            yield Running(guest, address)


@pytest.fixture
def injector(running: Running) -> Iterator[Injector]:
    with closing(connected(running.address)) as connection, closing(Monitor(connection)) as monitor:
        yield Injector(monitor)


def blocks(seed: int) -> Iterator[apei.StatusBlock]:
    """One of every section type, as long as QEMU takes."""
    for kind in TYPES:
        drawn = sound_entries([kind], seed)
        for entry in (next(drawn) for _ in range(20)):
            severity = apei.Severity.CORRECTED
            made = apei.StatusBlock(
                entries=[entry.replace(error_severity=severity)], error_severity=severity
            )
            said = report(made.to_bytes(), LINUX, Architecture.ARM64)
            clean = all(line.isascii() and line.isprintable() for line in said.lines)
            if made.size <= LARGEST and clean and not said.strays:
                yield made
                break


def test_every_section_type_is_taken_and_printed(running: Running, injector: Injector) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    console, count = running.guest.console, 0
    for number, block in enumerate(blocks(seed), 1):
        start = len(console.lines)
        injector.inject(block)
        expected = report(
            block.to_bytes(), LINUX, Architecture.ARM64, source_id=SOURCE, number=number
        ).lines
        found = console.wait_for("Hardware error from APEI", start=start).number
        last = re.escape(expected[-1]) + "$"
        end = console.wait_for(last, start=found, timeout=20).number
        lines = map(without_timestamp, console.lines[found : end + 1])
        assert tuple(lines) == expected, block.to_bytes().hex()
        count += 1
    print(f"{count} of {len(TYPES)} types")
    assert count > 0.8 * len(TYPES)


def test_the_command_paces_itself(running: Running, tmp_path: Path) -> None:
    path = tmp_path / "block"
    made = next(blocks(1)).to_bytes()
    path.write_bytes(made)
    command = [sys.executable, "-m", "apeitool", "qemu", "inject", "--qmp", running.address]
    start = len(running.guest.console.lines)
    done = subprocess.run(
        [*command, *[path] * 8], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(f"{len(made)} bytes injected") == 8
    running.guest.console.wait_for("Hardware error from APEI", start=start)


def test_a_guest_that_is_stopped_is_told_apart(running: Running, injector: Injector) -> None:
    block = next(blocks(2))
    injector._monitor.execute("stop")
    try:
        injector.inject(block)
        with pytest.raises(QemuBusy):
            injector.inject(block, patience=0.3)
    finally:
        injector._monitor.execute("cont")
    injector.inject(block)
