"""What QEMU gives to its machine's firmware, and what a guest has of it, is what we lay out."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from apeitool.cli.example import lab_hest
from apeitool.cli.qemu import command
from apeitool.errors import MissingError
from apeitool.lab import images, programs
from apeitool.lab.boot import Boot
from apeitool.lab.guest import Guest
from apeitool.lab.lines import Lines
from apeitool.lab.machines import ARM64, X86
from apeitool.qemu.layout import (
    ERRORS_ADDRESS,
    HARDWARE_ERRORS,
    HEST_ADDRESS,
    OF_QEMU,
    TABLES,
    layout,
)
from apeitool.qemu.loader import LoaderAddChecksum, TableLoader

pytestmark = pytest.mark.guest

FW_CFG = 0x0902_0000
SELECTOR, DIRECTORY = FW_CFG + 8, 0x19


class Running(NamedTuple):
    guest: Guest
    is_new: bool
    address: str


@pytest.fixture(
    scope="module", params=["7.2", pytest.param("11", marks=pytest.mark.drifting)]
)  # fmt: skip
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A guest on QEMU's machine with RAS, its HEST QEMU's own."""
    is_new = request.param == "11"
    try:
        newer = programs.find(ARM64.program).path if is_new else None
        found = images.find(machine=ARM64, qemu=newer)
    except MissingError as missing:
        pytest.skip(str(missing))
    address = str(tmp_path_factory.mktemp("qmp") / "qmp")
    ours = ("-machine", "ras=on", "-qmp", f"unix:{address},server=on,wait=off")
    with Guest(Boot(found, devices=ours, has_lines=True), limit=300) as guest:
        guest.wait_ready()
        yield Running(guest, is_new, address)


class FwCfg:
    """QEMU's files for firmware, read as firmware does."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._select(DIRECTORY)
        count = int.from_bytes(self._read(4), "big")
        self.files = {}
        for _ in range(count):
            length, number, _, name = struct.unpack(">IHH56s", self._read(64))
            self.files[name.rstrip(b"\0").decode()] = (number, length)

    def content(self, name: str) -> bytes:
        number, length = self.files[name]
        self._select(number)
        return self._read(length)

    def _select(self, number: int) -> None:
        swapped = (number & 0xFF) << 8 | number >> 8
        self._lines.ask(f"writew {SELECTOR:#x} {swapped:#x}")

    def _read(self, length: int) -> bytes:
        words = [
            int(self._lines.ask(f"readq {FW_CFG:#x}")[0], 16).to_bytes(8, "little")
            for _ in range(length // 8)
        ]
        rest = [
            int(self._lines.ask(f"readb {FW_CFG:#x}")[0], 16).to_bytes(1, "little")
            for _ in range(length % 8)
        ]
        return b"".join([*words, *rest])


def test_qemu_lays_out_the_same(running: Running) -> None:
    lines = running.guest._qemu.lines
    assert lines is not None
    given = FwCfg(lines)
    script = TableLoader.from_bytes(given.content("etc/table-loader"))
    assert not script.problems
    tables = given.content(TABLES)
    offset = tables.index(b"HEST")
    kinds = OF_QEMU if running.is_new else OF_QEMU[:1]
    ours = layout(kinds, hest_offset=offset, reads_hest=running.is_new)
    assert tables[offset : offset + len(ours.hest)] == ours.hest
    assert given.content(HARDWARE_ERRORS) == ours.hardware_errors
    of_hest = [
        each for each in script.commands
        if each in script.about(HARDWARE_ERRORS, HEST_ADDRESS, ERRORS_ADDRESS)
        or (isinstance(each, LoaderAddChecksum) and each.start == offset)
    ]  # fmt: skip
    assert of_hest == list(ours.commands)


def test_what_the_guest_has_is_checked(running: Running, tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["check", "--qmp", running.address])
    assert done.exit_code == 0, done.output
    assert "source 0, SEA: block at 0x" in done.output
    assert "no error is recorded, acknowledged" in done.output
    assert ("source 1, GPIO signal" in done.output) == running.is_new
    other, _ = layout([*OF_QEMU, *OF_QEMU]).placed(0x4000_0000)
    (tmp_path / "other").write_bytes(other)
    done = CliRunner().invoke(
        command, ["check", "--qmp", running.address, "--hest", str(tmp_path / "other")]
    )
    assert done.exit_code == 1
    assert "- error_source_count: 4" in done.output


def test_a_hest_of_ones_own_is_found_on_x86(tmp_path: Path) -> None:
    try:
        found = images.find(machine=X86)
    except MissingError as missing:
        pytest.skip(str(missing))
    address = str(tmp_path / "qmp")
    hest = lab_hest("x86")
    (tmp_path / "hest").write_bytes(hest.to_bytes())
    ours = ("-qmp", f"unix:{address},server=on,wait=off")
    boot = Boot(found, tables=[hest.to_bytes()], devices=ours)
    with Guest(boot, limit=120) as guest:
        guest.wait_ready()
        done = CliRunner().invoke(
            command, ["check", "--qmp", address, "--hest", str(tmp_path / "hest")]
        )
    assert done.exit_code == 0, done.output
