"""The lab's parts that need no guest: archive, cache, console, memory, process."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from io import FileIO
from pathlib import Path

import pytest

from apeitool.errors import LabError, MissingError, QemuError
from apeitool.lab import archive, cache, images, initrd, snapshot
from apeitool.lab.boot import Boot
from apeitool.lab.console import Console, without_timestamp
from apeitool.lab.process import Process
from apeitool.lab.window import GuestMemory
from apeitool.qemu.monitor import Monitor

a_debian = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="a Debian system has dpkg-deb")
CPIO = ["cpio"] if shutil.which("cpio") else ["busybox", "cpio"]


a_cpio = pytest.mark.skipif(not shutil.which(CPIO[0]), reason="apt-get install cpio")


@a_cpio
def test_cpio_unpacks_our_archive(tmp_path: Path) -> None:
    entries = [
        initrd.directory("bin"),
        *(initrd.program(f"bin/{'n' * length}", b"x" * length) for length in range(1, 9)),
        initrd.Entry("plain", stat.S_IFREG | 0o640, bytes(range(256)) * 300),
    ]
    packed = initrd.cpio(entries)
    listed = subprocess.run([*CPIO, "-t"], input=packed, capture_output=True, check=True)
    assert listed.stdout.decode().split() == [entry.name for entry in entries]
    subprocess.run([*CPIO, "-i"], input=packed, cwd=tmp_path, capture_output=True, check=True)
    for entry in entries:
        path = tmp_path / entry.name
        assert path.stat().st_mode == entry.mode
        assert path.is_dir() or path.read_bytes() == entry.content


def test_the_init_script_is_a_script_that_a_shell_can_read() -> None:
    checked = subprocess.run(["sh", "-n"], input=initrd.INIT, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, b"")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH; it holds a stand-in for QEMU and nothing else."""
    place = tmp_path / "programs"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))
    stand_in(place, "qemu-system-x86_64", "exit 1")
    return place


def stand_in(place: Path, name: str, body: str) -> None:
    path = place / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


ORIGINS = {"kernel": "linux", "einj.ko": "linux", "busybox": "busybox"}
OLD = {"kernel": b"k", "busybox": b"b"}
"""A cache of before the kernel's modules were kept."""
WHOLE = OLD | {"einj.ko": b"m"}


def keep(place: Path, contents: dict[str, bytes], **versions: str) -> None:
    """Images as a setup would leave them; ``versions`` are those of some packages."""
    manifest = {}
    for name, content in contents.items():
        (place / name).write_bytes(content)
        package = ORIGINS[name]
        manifest[name] = {
            "package": package,
            "version": versions.get(name.partition(".")[0], "1"),
            "sha256": cache.sha256(place / name),
        }
    (place / images.MANIFEST).write_text(json.dumps(manifest))


def test_whole_images_are_found_without_apt(programs: Path, tmp_path: Path) -> None:
    keep(tmp_path, WHOLE)
    found = images.find(tmp_path)
    assert found.qemu == programs / "qemu-system-x86_64"
    assert found.kernel.path.read_bytes() == b"k"
    assert found.module("einj").path.read_bytes() == b"m"
    assert (found.busybox.package, found.busybox.version) == ("busybox", "1")
    assert images.setup(tmp_path) == found
    assert [image.path.name for image in found.files] == ["kernel", "einj.ko", "busybox"]


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(
    ("contents", "versions"),
    [(OLD, {}), (WHOLE, {"einj": "2"}), (WHOLE, {"kernel": "2"})],
    ids=["none", "of another kernel", "of an older kernel"],
)
def test_a_module_that_is_not_the_kernel_s_own_is_missing(tmp_path, contents, versions) -> None:
    """The rest is found still: what needs no module goes on without a network."""
    keep(tmp_path, contents, **versions)
    found = images.find(tmp_path)
    assert found.files == (found.kernel, found.busybox)
    boot = Boot(found, modules=["einj"])
    for step in (boot.root, lambda: found.module("einj")):
        with pytest.raises(MissingError) as missing:
            step()
        assert missing.value.remedy == "run 'apeitool lab setup'"
    assert Boot(found).root()


@pytest.mark.usefixtures("programs")
def test_a_newer_kernel_is_one_beside_the_machines_own(tmp_path: Path) -> None:
    """It has no modules; busybox is that of the machine's own release."""
    keep(tmp_path, WHOLE)
    with pytest.raises(MissingError, match=r"kernel not in .*linux-7\.2") as missing:
        images.find(tmp_path, release="7.2")
    assert missing.value.remedy == "run 'apeitool lab setup --kernel 7.2'"
    (tmp_path / "linux-7.2").mkdir()
    keep(tmp_path / "linux-7.2", {"kernel": b"newer"}, kernel="7.2.13")
    found = images.find(tmp_path, release="7.2")
    assert (found.release, found.kernel.version, found.modules) == ("7.2", "7.2.13", {})
    assert found.kernel.path.read_bytes() == b"newer"
    assert found.busybox == images.find(tmp_path).busybox
    assert images.find(tmp_path).kernel.path.read_bytes() == b"k"
    assert images.setup(tmp_path, release="7.2") == found


@a_debian
def test_a_newer_kernel_comes_from_another_release(asked: Path, tmp_path: Path) -> None:
    """The fake archive offers every package under one name."""
    keep(tmp_path, WHOLE)
    said: list[str] = []
    found = images.setup(tmp_path, release="6.12", site="http://here/debian", say=said.append)
    assert found.kernel.path == tmp_path / "linux-6.12/kernel"
    assert found.kernel.path.read_bytes() == b"the kernel"
    assert "fetching package lists of Debian bookworm-backports into the cache" in said
    assert not (tmp_path / "linux-6.12/apt").exists()
    before = asked.read_text()
    assert images.setup(tmp_path, release="6.12", site="http://here/debian") == found
    assert asked.read_text() == before


def test_a_damaged_module_is_missing(programs: Path, tmp_path: Path) -> None:
    keep(tmp_path, WHOLE)
    (tmp_path / "einj.ko").write_bytes(b"cut")
    assert images.find(tmp_path).modules == {}


def test_a_setup_that_fails_leaves_an_old_cache_as_it_was(programs: Path, tmp_path: Path) -> None:
    keep(tmp_path, OLD)
    found = images.find(tmp_path)
    for name in ("dpkg", "apt-cache", "apt-get"):
        stand_in(programs, name, "echo 'E: no network' >&2; exit 100")
    with pytest.raises(LabError, match="no network"):
        images.setup(tmp_path)
    assert images.find(tmp_path) == found


@a_cpio
def test_modules_are_files_of_the_initrd(tmp_path: Path) -> None:
    packed = initrd.root(b"busybox", {"einj": b"the module"}, {"own": b"the program"}, port="ttyS1")
    listed = subprocess.run([*CPIO, "-t"], input=packed, capture_output=True, check=True)
    assert {"init", "bin/busybox", "modules/einj.ko"} <= set(listed.stdout.decode().split())
    subprocess.run([*CPIO, "-i"], input=packed, cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / "modules/einj.ko").read_bytes() == b"the module"
    assert (tmp_path / "bin/own").read_bytes() == b"the program"
    assert b"modules" not in initrd.root(b"busybox", {}, {}, port="ttyS1")


@pytest.mark.parametrize("damage", ["kernel", "busybox", images.MANIFEST])
@pytest.mark.parametrize("content", [None, b"", b"[1]", b'{"kernel": {"a": 1}}'])
@pytest.mark.usefixtures("programs")
def test_damaged_images_are_missing(tmp_path: Path, damage: str, content: bytes | None) -> None:
    keep(tmp_path, OLD)
    if content is None:
        (tmp_path / damage).unlink()
    else:
        (tmp_path / damage).write_bytes(content)
    with pytest.raises(MissingError) as missing:
        images.find(tmp_path)
    assert missing.value.remedy == "run 'apeitool lab setup'"


def test_without_qemu_the_remedy_is_its_package(programs: Path, tmp_path: Path) -> None:
    (programs / "qemu-system-x86_64").unlink()
    keep(tmp_path, OLD)
    for step in (images.find, images.setup):
        with pytest.raises(MissingError) as missing:
            step(tmp_path)
        assert missing.value.remedy == "apt-get install qemu-system-x86"


def build_package(place: Path, name: str, members: dict[str, bytes]) -> Path:
    tree = place / f"{name}.tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 2:6.1\nArchitecture: amd64\n"
        "Maintainer: nobody <nobody@localhost>\nDescription: for a test\n"
    )
    for member, content in members.items():
        (tree / member).parent.mkdir(parents=True)
        (tree / member).write_bytes(content)
    file = place / f"{name}_6.1_amd64.deb"
    subprocess.run(["dpkg-deb", "--build", tree, file], check=True, capture_output=True)
    return file


NEWEST = "linux-image-6.1.0-10-cloud-amd64"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for an archive, and for apt, which writes down what it is asked."""
    pool = tmp_path / "pool"
    module = "lib/modules/6.1.0-10-cloud-amd64/kernel/drivers/acpi/apei/einj.ko"
    build_package(pool, NEWEST, {"boot/vmlinuz-6.1": b"the kernel", module: b"the module"})
    build_package(pool, "busybox-static", {"bin/busybox": b"the busybox"})
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("qemu-system-x86_64", "setpriv"):
        stand_in(programs, name, "exit 1")
    stand_in(programs, "dpkg", "echo amd64")
    stand_in(
        programs,
        "apt-cache",
        'case "$*" in\n'
        "  *linux*) echo linux-image-6.1.0-9-cloud-amd64 - old\n"
        f"           echo {NEWEST} - new;;\n"
        "  *busybox*) echo busybox-static - shell;;\n"
        "esac",
    )
    # The machine's own lists name files that the archive no longer has; ours (-c) do not.
    stand_in(
        programs,
        "apt-get",
        f'echo "$*" >> {tmp_path}/asked\n'
        '[ "$1" = -c ] || { echo "E: 404 Not Found" >&2; exit 100; }\n'
        'case "$*" in\n'
        "  *update) exit 0;;\n"
        "  *--print-uris*) for last; do :; done; echo \"'x' ${last}_6.1_amd64.deb 7 x\";;\n"
        f"  *) cp {pool}/*.deb .;;\n"
        "esac",
    )
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return tmp_path / "asked"


@a_debian
def test_stale_package_lists_are_replaced_by_lists_of_our_own(asked: Path, tmp_path: Path) -> None:
    said: list[str] = []
    found = images.setup(tmp_path / "cache", say=said.append)
    assert found.kernel.package == found.module("einj").package == NEWEST
    assert {image.version for image in found.files} == {"2:6.1"}
    assert found.kernel.path.read_bytes() == b"the kernel"
    assert found.module("einj").path.read_bytes() == b"the module"
    assert found.busybox.path.read_bytes() == b"the busybox"
    assert any("404 Not Found" in line for line in said)
    before = asked.read_text()
    assert images.setup(tmp_path / "cache") == found
    assert asked.read_text() == before


@a_debian
@pytest.mark.parametrize("versions", [{}, {"einj": "2"}], ids=["without module", "another's"])
def test_an_old_cache_is_completed(asked: Path, tmp_path: Path, versions: dict[str, str]) -> None:
    """The module comes with its own kernel; busybox is there, and is not fetched."""
    keep(tmp_path, WHOLE if versions else OLD, **versions)
    found = images.setup(tmp_path)
    assert found.kernel.path.read_bytes() == b"the kernel"
    assert found.module("einj").path.read_bytes() == b"the module"
    assert found.busybox.path.read_bytes() == b"b"
    assert "busybox" not in asked.read_text()
    assert not list(tmp_path.glob("*.new"))


@a_debian
def test_a_package_without_a_member_is_an_error(tmp_path: Path) -> None:
    package = build_package(tmp_path, "some", {"boot/vmlinuz-6.1": b"k"})
    with pytest.raises(LabError, match=r"holds no file \./lib/\*"):
        archive.unpack(package, {"./boot/*": tmp_path / "k", "./lib/*": tmp_path / "l"})
    assert (tmp_path / "k").read_bytes() == b"k"


def test_the_cache_is_where_it_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(cache.ENVIRONMENT, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.directory() == tmp_path / ".cache/apeitool/lab"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.directory() == tmp_path / "xdg/apeitool/lab"
    monkeypatch.setenv(cache.ENVIRONMENT, str(tmp_path / "named"))
    assert cache.directory() == tmp_path / "named"
    assert cache.directory(tmp_path / "chosen") == tmp_path / "chosen"


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with cache.locked(lock) as first, cache.locked(lock, wait=False) as second:
        assert (first, second) == (True, False)
    with cache.locked(lock, wait=False) as third:
        assert third
    with pytest.raises(LabError, match="cannot be opened"), cache.locked(lock / "lock"):
        pass


def test_the_snapshots_used_last_are_kept(tmp_path: Path) -> None:
    ages = list(range(snapshot.KEPT + 3))
    for age in ages:
        (tmp_path / f"{age:02}").mkdir()
        os.utime(tmp_path / f"{age:02}", (1000 - age, 1000 - age))
    (tmp_path / "00.draft").mkdir()
    os.utime(tmp_path / "00.draft", (1, 1))
    with cache.locked(tmp_path / f"{ages[-1]:02}.lock"):
        snapshot.forget_oldest(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert left == [f"{age:02}" for age in (*ages[: snapshot.KEPT], ages[-1])]


def test_console_lines_are_whole_however_they_arrive() -> None:
    data = b"[    0.000000] one\r\n\r\nt\xe9wo\rthree\n[   12.345678] [x] cut"
    near, far = os.pipe()
    console = Console(FileIO(near), earlier=b"before\r\nhal")
    for byte in b"f\r\n" + data:
        os.write(far, bytes([byte]))
    os.close(far)
    console.close()
    whole = ["[    0.000000] one", "", "t\xe9wo\rthree", "[   12.345678] [x] cut"]
    assert console.lines == ["before", "half", *whole]
    assert console.received == b"before\r\nhalf\r\n" + data
    assert console.wait_for("cut", timeout=0).number == 5
    with pytest.raises(LabError, match="before the guest ended"):
        console.wait_for("one", start=3)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("[    0.000000] a", "a"),
        ("[12345.678901] [Hardware Error]: b", "[Hardware Error]: b"),
        ("[    1.000000]  indented", " indented"),
        ("[Hardware Error]: c", "[Hardware Error]: c"),
        ("{1}[    0.000000] d", "{1}[    0.000000] d"),
    ],
)
def test_only_the_timestamp_is_taken_off(line: str, text: str) -> None:
    assert without_timestamp(line) == text


def test_memory_ends_where_ram_ends() -> None:
    memory = GuestMemory(range(0x3000))
    memory.write(0x2FFE, b"ab")
    assert memory.read(0x2FFC, 4) == b"\0\0ab"
    assert memory.read(0x3000, 0) == b""
    for address, length in ((0x2FFF, 2), (0x3000, 1), (-1, 1), (0, 0x3001), (1, -1)):
        with pytest.raises(LabError, match="RAM"):
            memory.read(address, length)
    with pytest.raises(LabError, match="RAM"):
        memory.write(0x2FFF, b"ab")
    memory.close()
    memory.close()
    with pytest.raises(LabError, match="closed"):
        memory.write(0, b"")


def test_memory_is_saved_sparse_and_loaded_whole(tmp_path: Path) -> None:
    length = 64 << 20
    saved, loaded = GuestMemory(range(length)), GuestMemory(range(length))
    saved.write(0x12_345, b"low")
    saved.write(0x30_0000, bytes(4096))
    saved.write(length - 4, b"last")
    digest = saved.save(tmp_path / "ram")
    assert (tmp_path / "ram").stat().st_size == length
    assert (tmp_path / "ram").stat().st_blocks * 512 < length / 100
    assert loaded.load(tmp_path / "ram") == digest
    assert loaded.read(0, length) == saved.read(0, length)
    saved.close()
    loaded.close()


def test_a_process_tells_its_status_and_its_words() -> None:
    process = Process(["/bin/sh", "-c", "echo said >&2; exit 3"], descriptors=[], limit=30)
    assert process.wait(30)
    assert (process.returncode, process.said(), process.timed_out) == (3, "said", False)
    process.close()


def test_a_process_that_overstays_is_ended() -> None:
    process = Process(["/bin/sleep", "60"], descriptors=[], limit=0.1)
    assert process.wait(30)
    assert (process.returncode, process.timed_out) == (-9, True)
    process.close()


def test_without_the_library_the_monitor_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qemu.qmp", None)
    near, far = socket.socketpair()
    with near, far, pytest.raises(MissingError) as missing:
        Monitor(near)
    assert missing.value.remedy == "pip install 'apeitool[lab]'"


def test_a_silent_monitor_is_an_error() -> None:
    pytest.importorskip("qemu.qmp", reason="pip install 'apeitool[lab]'")
    near, far = socket.socketpair()
    with near, far, pytest.raises(QemuError, match="connect within"):
        Monitor(near, timeout=0.1)
