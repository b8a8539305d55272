"""What QEMU gives to its machine's firmware, and what a guest has of it, is what we lay out."""

import base64
import shlex
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

import apeitool as apei
from apeitool.cli import apeitool
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


def test_the_arguments_give_a_planned_hest_to_a_guest(tmp_path: Path, lab_images) -> None:
    """From the plan of a preset to a guest that has table and memory, and binds to both sources."""
    plan, memory = tmp_path / "hest.toml", tmp_path / "memory"
    new = CliRunner().invoke(apeitool, ["new", "hest", "--preset", "qemu-q35"])
    plan.write_text(new.output)
    encoded = ["encode", str(plan), "--memory", str(memory), "-o", str(tmp_path / "hest")]
    assert CliRunner().invoke(apeitool, encoded).exit_code == 0
    asked = ["arguments", "--arch", "x86", "--memory", str(memory), str(tmp_path / "hest")]
    done = CliRunner().invoke(command, asked)
    assert done.exit_code == 0, done.output
    given, kernel = done.output.splitlines()
    devices, append = tuple(shlex.split(given)), kernel.removeprefix("kernel: ")
    with Guest(Boot(lab_images, devices=devices, append=append), limit=120) as guest:
        guest.wait_ready()
        shown = guest.shell("base64 /sys/firmware/acpi/tables/HEST").output
        bound = guest.shell("ls /sys/bus/platform/drivers/GHES").output
        for piece in memory.iterdir():
            data = piece.read_bytes()
            assert guest.memory.read(int(piece.stem, 16), len(data)) == data
    found, asked_for = (
        apei.Hest.from_bytes(data)
        for data in (base64.b64decode(shown), (tmp_path / "hest").read_bytes())
    )
    assert found.sources == asked_for.sources
    assert bound.count("GHES.") == len(found.sources) == 2


def test_what_linux_takes_out_of_an_initrd(tmp_path: Path) -> None:
    (tmp_path / "hest").write_bytes(lab_hest("arm64").to_bytes())
    (tmp_path / "root").write_bytes(b"the root")
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory/0x80001000.bin").write_bytes(b"block")
    asked = ["arguments", "--arch", "arm64", str(tmp_path / "hest"), "-o", str(tmp_path / "out")]
    asked += ["--initrd", str(tmp_path / "root"), "--memory", str(tmp_path / "memory")]
    done = CliRunner().invoke(command, asked)
    assert done.exit_code == 0, done.output
    assert f"mem-path={tmp_path}/out/memory" in done.output
    assert f"-initrd {tmp_path}/out/initrd" in done.output
    module = (tmp_path / "out/memory").read_bytes()
    assert (len(module), module[0x1000:0x1005]) == (128 << 20, b"block")
    whole = (tmp_path / "out/initrd").read_bytes()
    assert whole.endswith(b"the root")
    assert lab_hest("arm64").to_bytes() in whole
    (tmp_path / "memory/0x1000.bin").write_bytes(b"block")
    done = CliRunner().invoke(command, asked)
    assert "is not in a module" in str(done.exception)
