"""Programs of another release: fetched, unpacked, started by their own loader, kept and renewed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from apeitool.cli.lab import setup as command
from apeitool.errors import LabError, MissingError
from apeitool.lab import cache, images, programs

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="a Debian system has dpkg-deb")

APT = """\
#!/bin/sh
echo "$*" >> {place}/asked
case "$*" in
  *indextargets*) cat {place}/sites;;
  *install*) for word; do
      case $word in Dir::Cache::archives=*) cp {place}/pool/*.deb "${{word#*=}}";; esac
    done;;
  *update*) [ -e {place}/unreachable ] || exit 0
    echo "E: Failed to fetch somewhere" >&2; echo "E: Some index files failed" >&2; exit 100;;
esac
"""
LOADER = '#!/bin/sh\nfor word; do echo "$word"; done\n'


class Archive:
    """An archive of two programs and a loader that tells what it is asked to start."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "bin").mkdir()
        apt = place / "bin/apt-get"
        apt.write_text(APT.format(place=place))
        apt.chmod(0o755)
        (place / "sites").write_text("http://here/debian/\nhttp://here/other/\n")
        self.publish("fwts", "26.07", {"usr/bin/fwts": "first", "usr/share/doc/fwts/copyright": ""})
        self.publish("acpica-tools", "2026", {"usr/bin/iasl": "compiler"})
        self.publish("qemu-system-arm", "11", {"usr/bin/qemu-system-aarch64": "arm64"})
        self.publish("qemu-system-x86", "11", {"usr/bin/qemu-system-x86_64": "x86"})
        self.publish("libc6", "2.43", {"usr/lib/machine/ld-linux-test.so.2": LOADER})

    def publish(self, package: str, version: str, files: dict[str, str]) -> None:
        tree = self.place / "trees" / package
        shutil.rmtree(tree, ignore_errors=True)
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(
            f"Package: {package}\nVersion: {version}\nArchitecture: all\n"
            "Maintainer: nobody <nobody@localhost>\nDescription: for a test\n"
        )
        for name, content in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(content)
            (tree / name).chmod(0o755)
        (self.place / "pool").mkdir(exist_ok=True)
        file = self.place / f"pool/{package}.deb"
        subprocess.run(["dpkg-deb", "--build", tree, file], check=True, capture_output=True)

    @property
    def asked(self) -> str:
        file = self.place / "asked"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    place = tmp_path / "archive"
    place.mkdir()
    monkeypatch.setenv("PATH", f"{place}/bin:{os.environ['PATH']}")
    monkeypatch.setenv(cache.ENVIRONMENT, str(tmp_path / "a cache"))
    return Archive(place)


def started(program: programs.Program, *arguments: str) -> list[str]:
    done = subprocess.run([program.path, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_program_is_started_by_the_loader_of_its_release(archive: Archive) -> None:
    (program,) = programs.setup(["fwts"])
    assert program == programs.find("fwts")
    assert (program.image.package, program.image.version) == ("fwts", "26.07")
    assert program.image.path.read_text() == "first"
    option, libraries, *rest = started(program, "a b", "$c")
    assert option == "--library-path"
    near, own = libraries.split(":")
    assert (Path(near) / "ld-linux-test.so.2").exists()
    assert own == f"{near}/fwts"
    zeroth, name, file, *arguments = rest
    assert (zeroth, name, arguments) == ("--argv0", "fwts", ["a b", "$c"])
    assert Path(file).read_text() == "first"


def test_nothing_is_left_over_and_no_manual_is_kept(archive: Archive) -> None:
    programs.setup(["fwts"])
    place = cache.directory()
    assert {p.name for p in place.iterdir()} == {"unstable", "programs.lock"}
    assert not (place / "unstable/root/usr/share/doc").exists()


def test_a_cache_can_be_moved(archive: Archive, tmp_path: Path) -> None:
    programs.setup(["fwts"])
    cache.directory().rename(tmp_path / "moved")
    moved = programs.find("fwts", tmp_path / "moved")
    assert started(moved)[4].startswith(str(tmp_path / "moved"))


def test_what_is_whole_is_not_fetched_again(archive: Archive) -> None:
    first = programs.setup(["fwts", "iasl"])
    asked = archive.asked
    assert programs.setup(["iasl", "fwts"]) == first
    assert programs.setup(["iasl"]) == first[1:]
    assert programs.setup([]) == []
    assert archive.asked == asked


def test_another_program_renews_all_of_the_release(archive: Archive) -> None:
    programs.setup(["fwts"])
    archive.publish("fwts", "26.09", {"usr/bin/fwts": "second"})
    programs.setup(["iasl"])
    assert programs.find("fwts").image.version == "26.09"
    assert programs.find("fwts").image.path.read_text() == "second"


@pytest.mark.parametrize("damaged", ["root/usr/bin/fwts", "bin/fwts", programs.MANIFEST])
def test_a_damaged_program_is_missing_until_it_is_set_up(archive: Archive, damaged: str) -> None:
    programs.setup(["fwts"])
    (cache.directory() / "unstable" / damaged).unlink()
    with pytest.raises(MissingError) as missing:
        programs.find("fwts")
    assert missing.value.remedy == "run 'apeitool lab setup --with fwts'"
    assert programs.setup(["fwts"]) == [programs.find("fwts")]


def test_the_archive_is_debian_s_own_or_the_one_that_is_named(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    real = Path.write_text

    def noted(path: Path, text: str) -> int:
        written.append((path.name, text))
        return real(path, text)

    monkeypatch.setattr(Path, "write_text", noted)
    programs.setup(["fwts"])
    programs.setup(["iasl"], site="http://elsewhere/debian")
    lines = [text for name, text in written if name == "sources.list"]
    assert [line.split()[-3:] for line in lines] == [
        ["http://here/debian/", "unstable", "main"],
        ["http://elsewhere/debian", "unstable", "main"],
    ]
    assert archive.asked.count("Origin: Debian Label: Debian") == 1


def test_without_an_archive_of_debian_the_remedy_is_to_name_one(archive: Archive) -> None:
    (archive.place / "sites").write_text("")
    with pytest.raises(MissingError) as missing:
        programs.setup(["fwts"])
    assert missing.value.remedy == "name one with --archive"
    # Its own lists were looked at, and then those of the machine's sources, fetched anew.
    assert [line.split()[-1] for line in archive.asked.splitlines()] == [
        "Debian", "update", "Debian",
    ]  # fmt: skip


def test_why_a_fetch_failed_is_told(archive: Archive) -> None:
    (archive.place / "unreachable").touch()
    with pytest.raises(LabError, match="apt-get failed: E: Failed to fetch somewhere"):
        programs.setup(["fwts"])
    with pytest.raises(MissingError):
        programs.find("fwts")


@pytest.mark.parametrize(
    ("package", "reason"), [("libc6", "no loader"), ("fwts", "holds no program fwts")]
)
def test_packages_that_lack_what_is_expected(archive: Archive, package: str, reason: str) -> None:
    archive.publish(package, "9", {"usr/share/empty": ""})
    with pytest.raises(LabError, match=reason):
        programs.setup(["fwts"])


def test_the_command_takes_programs_by_name(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_qemu(**_: object) -> None:
        raise MissingError("no QEMU", remedy="get it")

    monkeypatch.setattr(images, "setup", without_qemu)
    assert CliRunner().invoke(command, ["--with", "teapot"]).exit_code == 2
    done = CliRunner().invoke(command, ["--all"])
    # They are there even where there is nothing to run guests with.
    assert isinstance(done.exception, MissingError)
    start = cache.directory() / "unstable/bin"
    assert f"fwts 26.07: {start}/fwts\nacpica-tools 2026: {start}/iasl\n" in done.stdout
