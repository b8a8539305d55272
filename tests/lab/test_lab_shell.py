"""A guest that stays open: a shell in it, and errors for it from another process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import apeitool as apei
from apeitool.cli.laboratory.shell import inject
from apeitool.errors import LabError, MissingError
from apeitool.lab import cache, door
from apeitool.lab.images import Images

PATIENCE = 60.0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache whose path is longer than the address of a socket may be."""
    place = tmp_path / ("long" * 40) / "cache"
    monkeypatch.setenv(cache.ENVIRONMENT, str(place))
    return place


def taking(block: bytes, source_id: int | None) -> door.Told:
    if block == b"bad":
        raise LabError("the guest hangs")
    return door.Told(f"{len(block)} bytes for {source_id}", cleared=source_id != 7)


def test_what_is_brought_is_answered(place: Path) -> None:
    with door.opened(taking):
        assert door.guests() == [os.getpid()]
        assert door.bring(os.getpid(), b"block", 3) == door.Told("5 bytes for 3", True)
        assert door.bring(os.getpid(), b"", None) == door.Told("0 bytes for None", True)
        with pytest.raises(LabError, match="the guest hangs"):
            door.bring(os.getpid(), b"bad", 3)
        assert (place / "guests").stat().st_mode & 0o777 == 0o700
    assert door.guests() == []
    with pytest.raises(LabError, match=f"process {os.getpid()} holds no guest"):
        door.bring(os.getpid(), b"block", 3)


@pytest.mark.parametrize("request_", [b"", b"{}\n", b"nonsense\n", b'{"block": 1, "source_id": 2}\n',
                                      b'{"block": "?", "source_id": 2}\n'])  # fmt: skip
def test_who_asks_for_nonsense_is_told(place: Path, request_: bytes) -> None:
    with door.opened(taking), socket.socket(socket.AF_UNIX) as visitor:
        here = os.open(place / "guests", os.O_PATH)
        visitor.connect(f"/proc/self/fd/{here}/{os.getpid()}")
        os.close(here)
        visitor.sendall(request_)
        visitor.shutdown(socket.SHUT_WR)
        answer = visitor.makefile().readline()
        assert (
            answer == "" if not request_ else json.loads(answer) == {"error": "that is no request"}
        )
        assert door.bring(os.getpid(), b"block", 3).cleared


def test_what_a_killed_process_left_behind_is_no_guest(place: Path) -> None:
    (place / "guests").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(place / "guests", os.O_PATH)
        listener.bind(f"/proc/self/fd/{here}/12345")
        os.close(here)
    assert door.guests() == []
    assert list((place / "guests").iterdir()) == []


def test_the_command_finds_the_guest(place: Path, tmp_path: Path) -> None:
    block = tmp_path / "block"
    block.write_bytes(apei.StatusBlock().to_bytes())
    done = CliRunner().invoke(inject, [str(block)])
    assert isinstance(done.exception, MissingError)
    with door.opened(taking):
        done = CliRunner().invoke(inject, [str(block)])
        assert (done.exit_code, done.output) == (0, f"{block}: 20 bytes for None\n")
        done = CliRunner().invoke(inject, ["--source", "7", str(block)])
        assert (done.exit_code, done.output) == (1, f"{block}: 20 bytes for 7\n")


@pytest.fixture
def shell(lab_images: Images, place: Path) -> Iterator[subprocess.Popen[str]]:
    """The command, with a guest from the cache that the machine has."""
    del os.environ[cache.ENVIRONMENT]
    command = [sys.executable, "-m", "apeitool", "lab", "shell", "--limit", "120"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


@pytest.mark.guest
def test_a_shell_and_an_error_from_elsewhere(shell: subprocess.Popen[str], tmp_path: Path) -> None:
    assert shell.stdin is not None
    assert shell.stdout is not None
    section = apei.MemoryErrorSection(validation_bits=2, physical_address=0x12345000)
    entry = apei.GenericErrorDataEntryV3(section=section, error_severity=apei.Severity.CORRECTED)
    block = tmp_path / "block"
    block.write_bytes(
        apei.StatusBlock(entries=[entry], error_severity=apei.Severity.CORRECTED).to_bytes()
    )
    shell.stdin.write("echo from the guest: $(uname -s)\n")
    shell.stdin.flush()
    assert shell.stdout.readline() == "from the guest: Linux\n"
    told = door.bring(shell.pid, block.read_bytes(), None)
    assert told.cleared
    assert "physical_address: 0x0000000012345000" in told.text
    shell.stdin.write("dmesg | grep -c 0x0000000012345000; false\n")
    shell.stdin.flush()
    assert shell.stdout.readline() == "1\n"
    shell.stdin.close()
    assert shell.stderr is not None
    said = shell.stderr.read()
    assert shell.wait(PATIENCE) == 0
    assert "physical_address: 0x0000000012345000" in said
    assert "status 1" in said


@pytest.mark.guest
def test_an_ended_shell_leaves_no_guest(shell: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while shell.pid not in door.guests() and time.monotonic() < end:
        time.sleep(0.05)
    children = Path(f"/proc/{shell.pid}/task/{shell.pid}/children")
    threads = Path(f"/proc/{shell.pid}/task").glob("*/children")
    of_it = {int(word) for path in (children, *threads) for word in path.read_text().split()}
    assert of_it
    shell.send_signal(signal.SIGKILL)
    shell.wait(PATIENCE)
    while any(Path(f"/proc/{child}").exists() for child in of_it) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{child}").exists() for child in of_it)
    assert shell.pid not in door.guests()
