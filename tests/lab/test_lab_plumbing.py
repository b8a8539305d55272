"""Real guests: boot, memory, console, shell, snapshot, and that nothing is ever left behind."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from apeitool.errors import LabError, MissingError, QemuError
from apeitool.lab import images
from apeitool.lab.boot import Boot
from apeitool.lab.console import without_timestamp
from apeitool.lab.guest import Guest
from apeitool.lab.images import Images
from apeitool.lab.initrd import READY
from apeitool.lab.snapshot import restored_or_booted
from apeitool.lab.window import RESERVED_BASE, RESERVED_SIZE

PREFILL = {RESERVED_BASE + 0x1000: b"there from the start"}


@pytest.fixture(scope="module")
def found() -> Images:
    try:
        return images.find()
    except MissingError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def guest(found: Images) -> Iterator[Guest]:
    with Guest(Boot(found, prefill=PREFILL), limit=120) as booted:
        booted.wait_ready()
        yield booted


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_the_kernel_that_runs_is_the_kernel_of_the_manifest(guest: Guest, found: Images) -> None:
    release = found.kernel.package.removeprefix("linux-image-")
    assert guest.shell("uname -r") == (release + "\n", 0)
    banner = guest.console.wait_for("Linux version", timeout=0).text
    assert found.kernel.version in banner
    assert without_timestamp(banner).startswith("Linux version " + release)


def test_the_reserved_range_is_no_ram_to_the_kernel(guest: Guest) -> None:
    last = RESERVED_BASE + RESERVED_SIZE - 1
    ranges = guest.shell("cat /proc/iomem").output.splitlines()
    assert f"{RESERVED_BASE:08x}-{last:08x} : Reserved" in ranges


def test_memory_is_the_same_on_both_sides(guest: Guest) -> None:
    guest.memory.write(RESERVED_BASE, bytes.fromhex("7856341200000000"))
    assert guest.shell(f"devmem {RESERVED_BASE} 32").output == "0x12345678\n"
    assert guest.shell(f"devmem {RESERVED_BASE + 4} 32 0xcafe").status == 0
    assert guest.memory.read(RESERVED_BASE, 8) == bytes.fromhex("78563412feca0000")


def test_prefilled_memory_survives_the_boot(guest: Guest) -> None:
    for address, data in PREFILL.items():
        assert guest.memory.read(address, len(data)) == data


def test_the_shell_tells_output_and_status(guest: Guest) -> None:
    assert guest.shell("echo one; echo two >&2; false") == ("one\ntwo\n", 1)
    assert guest.shell("printf 'no end of line'; exit 7") == ("no end of line", 7)
    assert guest.shell("true") == ("", 0)
    assert guest.shell("cat") == ("", 0)
    text = "é " * 650
    assert guest.shell(f"printf %s '{text}'") == (text, 0)
    with pytest.raises(LabError, match="2048 bytes"):
        guest.shell("#" * 2049)


def test_a_command_that_overstays_does_not_spoil_the_next(guest: Guest) -> None:
    with pytest.raises(LabError, match="did not finish"):
        guest.shell("sleep 1; echo late", timeout=0.1)
    assert guest.shell("echo in time") == ("in time\n", 0)


def test_a_long_log_arrives_whole(guest: Guest) -> None:
    printed = guest.shell("seq 20000", timeout=60).output
    assert printed == "".join(f"{number}\n" for number in range(1, 20001))


def test_an_nmi_reaches_the_kernel(guest: Guest) -> None:
    seen = len(guest.console.lines)
    guest.inject_nmi()
    assert guest.console.wait_for(r"NMI received", start=seen).number >= seen


def test_a_wait_in_vain_shows_the_last_lines(guest: Guest) -> None:
    with pytest.raises(LabError, match=r"'never printed' within 0 s") as caught:
        guest.console.wait_for("never printed", timeout=0)
    assert guest.console.lines[-1] in str(caught.value)


def test_a_guest_that_panics_ends_by_itself(found: Images) -> None:
    with Guest(Boot(found, append="init=/nonexistent rdinit=/nonexistent"), limit=60) as guest:
        guest.console.wait_for("Kernel panic - not syncing", timeout=60)
        assert guest.wait_exit() == 0
        assert guest.exited
        with pytest.raises(LabError, match="before the guest ended"):
            guest.wait_ready()
    assert without_timestamp(guest.console.lines[-1]) == "Kernel Offset: disabled"


def test_a_closed_guest_is_gone(found: Images) -> None:
    with Guest(Boot(found), limit=60) as guest:
        assert not guest.exited
        os.kill(guest.process_id, 0)
    assert guest.exited
    assert guest.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(guest.process_id, 0)
    with pytest.raises(LabError, match="closed"):
        guest.memory.read(0, 1)
    with pytest.raises(QemuError, match="ended"):
        guest.inject_nmi()
    with pytest.raises(LabError, match="gone"):
        guest.shell("true")


def test_the_time_limit_kills(found: Images) -> None:
    with Guest(Boot(found), limit=3) as guest:
        assert guest.wait_exit(30) == -signal.SIGKILL
        assert guest.timed_out
        with pytest.raises(QemuError, match=r"time limit of 3 s"):
            guest.inject_nmi()


def environment() -> dict[str, str]:
    """What lets another Python import what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


ORPHANING = """
import time
from apeitool.lab import images
from apeitool.lab.boot import Boot
from apeitool.lab.guest import Guest
guest = Guest(Boot(images.find()))
print(guest.process_id, flush=True)
time.sleep(60)
"""


def test_a_guest_dies_with_a_killed_owner(found: Images) -> None:
    command = [sys.executable, "-c", ORPHANING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as owner:
        assert owner.stdout is not None
        handle = os.pidfd_open(int(owner.stdout.readline()))
        try:
            end = select.poll()
            end.register(handle, select.POLLIN)
            assert not end.poll(0)
            owner.kill()
            assert end.poll(30_000), "QEMU outlived the process that started it"
        finally:
            os.close(handle)


def test_qemu_says_why_it_refuses(found: Images) -> None:
    with pytest.raises(QemuError, match="too short"):
        Guest(Boot(found, tables=[b"five!"]))
    with pytest.raises(LabError, match="96 to 2048 whole MiB"):
        Boot(found, memory_length=64 << 20)


def test_a_table_reaches_the_guest(found: Images, cache: Path) -> None:
    body = bytes(range(64))
    header = b"OEM1" + (36 + len(body)).to_bytes(4, "little") + b"\1\0LABLABLABTABLE"
    table = header.ljust(36, b"\0") + body
    with restored_or_booted(Boot(found, tables=[table]), cache_directory=cache) as guest:
        dump = guest.shell("od -An -v -tx1 /sys/firmware/acpi/tables/OEM1").output
    assert bytes.fromhex(dump)[36:] == body


def test_a_restored_guest_goes_on_where_the_saved_one_was(found: Images, cache: Path) -> None:
    boot = Boot(found, prefill=PREFILL)
    path = cache / "by hand"
    with Guest(boot) as saved:
        saved.wait_ready()
        saved.shell("echo kept > /tmp/file")
        saved.memory.write(RESERVED_BASE, b"block")
        saved.save(path)
        assert saved.shell("echo goes on").output == "goes on\n"
        lines = saved.console.lines
        with pytest.raises(LabError, match="cannot be written"):
            saved.save(path)
    with Guest(boot, snapshot=path) as restored:
        assert restored.console.lines[: len(lines)] == lines
        assert restored.shell("cat /tmp/file").output == "kept\n"
        assert restored.memory.read(RESERVED_BASE, 5) == b"block"
        restored.inject_nmi()
        restored.console.wait_for("NMI received", start=len(lines))
    assert [entry.name for entry in cache.glob("by hand*")] == ["by hand"]


def boot_lines(lines: list[str]) -> list[str]:
    """What was printed up to readiness: its microseconds tell one boot from another."""
    return lines[: next(number for number, line in enumerate(lines) if READY in line) + 1]


TWO_AT_ONCE = """
import sys
from pathlib import Path
from apeitool.lab import images
from apeitool.lab.boot import Boot
from apeitool.lab.snapshot import restored_or_booted
with restored_or_booted(Boot(images.find()), cache_directory=Path(sys.argv[1])) as guest:
    assert guest.shell("true").status == 0
    print("\\n".join(guest.console.lines))
"""


def test_two_at_once_share_one_boot(found: Images, tmp_path: Path) -> None:
    command = [sys.executable, "-c", TWO_AT_ONCE, str(tmp_path)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        for _ in range(2)
    ]
    first, second = (process.communicate(timeout=120)[0].splitlines() for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert boot_lines(first) == boot_lines(second)


@pytest.mark.parametrize("damaged", ["state", "ram", "console", "manifest.json"])
def test_a_damaged_snapshot_is_made_again(found: Images, cache: Path, damaged: str) -> None:
    boot = Boot(found)
    with restored_or_booted(boot, cache_directory=cache) as guest:
        before = boot_lines(guest.console.lines)
    with restored_or_booted(boot, cache_directory=cache) as guest:
        assert boot_lines(guest.console.lines) == before
    with (cache / "snapshots" / boot.key() / damaged).open("r+b") as file:
        file.truncate(10)
    with restored_or_booted(boot, cache_directory=cache) as guest:
        assert guest.shell("true").status == 0
        assert boot_lines(guest.console.lines) != before


def test_the_key_of_a_snapshot_covers_everything(found: Images) -> None:
    variants = [
        Boot(found),
        Boot(found, tables=[b"a" * 36]),
        Boot(found, tables=[b"a" * 36, b"b" * 36]),
        Boot(found, prefill={0x500_0000: b"a"}),
        Boot(found, prefill={0x500_0001: b"a"}),
        Boot(found, append="quiet"),
        Boot(found, devices=("-device", "pvpanic")),
        Boot(found, memory_length=96 << 20),
        Boot(found, modules=list(found.modules)),
    ]
    assert len({boot.key() for boot in variants}) == len(variants)
    assert Boot(found, prefill={}).key() == Boot(found).key()


def test_a_guest_outlives_the_thread_that_started_it(found: Images, cache: Path) -> None:
    guests: list[Guest] = []
    starter = threading.Thread(
        target=lambda: guests.append(restored_or_booted(Boot(found), cache_directory=cache))
    )
    starter.start()
    starter.join()
    with guests[0] as guest:
        assert guest.shell("echo alive").output == "alive\n"


def test_a_guest_works_under_a_running_event_loop(found: Images, cache: Path) -> None:
    async def uses_a_guest() -> str:
        with restored_or_booted(Boot(found), cache_directory=cache) as guest:
            guest.inject_nmi()
            return guest.shell("echo here").output

    assert asyncio.run(uses_a_guest()) == "here\n"
