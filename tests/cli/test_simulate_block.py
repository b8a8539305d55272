"""``apeitool simulate block``, as somebody types it."""

import json
from pathlib import Path
from typing import Any

import captured
import pytest
from click.testing import CliRunner, Result
from plain_bytes import (
    CORRECTED,
    FATAL,
    KEEP,
    MEMORY,
    PCIE,
    RECOVERABLE,
    about,
    block,
    entry,
    hest,
    memory,
    pcie,
    source,
)

from apeitool.cli import apeitool
from apeitool.errors import ApeiError

POLLED, SCI, NMI, SEA, SEI, SDEI = 0, 3, 4, 8, 9, 11
REGISTERS = 0x8000_0000


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A source of each kind, its id that of its notification; 40 is off."""
    rows = [
        source(kind, REGISTERS + 16 * kind, kind, ack=REGISTERS + 0x1000 + 16 * kind, vector=804)
        for kind in (POLLED, SCI, NMI, SEA, SEI, SDEI)
    ]
    path = tmp_path / "HEST.bin"
    path.write_bytes(hest(*rows, source(40, REGISTERS + 0x2000, enabled=0)))
    return path


def simulate(data: bytes, *arguments: str) -> Result:
    return CliRunner().invoke(apeitool, ["simulate", "block", "-", *arguments], input=data)


def told(data: bytes, *arguments: str) -> str:
    result = simulate(data, *arguments)
    assert result.exception is None, result.output
    return result.stdout


def item(data: bytes, *arguments: str) -> dict[str, Any]:
    document = json.loads(told(data, *arguments, "--json"))
    assert document["schema"] == "apeitool/1"
    (found,) = document["items"]
    assert isinstance(found, dict)
    return found


def put(data: bytes, table: Path, number: int, *arguments: str) -> dict[str, Any]:
    return item(data, "--as", "block", "--hest", str(table), "--source", str(number), *arguments)


def printed(found: dict[str, Any]) -> list[str]:
    return [line for step in found["steps"] for line in step["lines"]]


def test_a_sound_block_is_printed_acted_on_cleared_and_acknowledged(table: Path) -> None:
    found = put(about(0x1000, CORRECTED), table, NMI)
    assert (found["bound"], found["architecture"], found["panicked"]) == (True, "x86", False)
    (one,) = found["blocks"]
    assert all(check["passed"] for check in one["checks"])
    assert one["effects"] == ["cleared", "acknowledged", "acted_on", "printed"]
    assert (one["block_status"], one["read_ack_before"], one["read_ack"]) == ("0x0", "0x0", "0x1")
    assert "{1}[Hardware Error]: event severity: corrected" in printed(one)


@pytest.mark.parametrize(
    ("number", "architecture", "why"),
    [
        (SEI, "arm64", "Unknown notification type: 9 for generic hardware error source: 9"),
        (NMI, "arm64", "source: 4 notified via NMI interrupt is not supported!"),
        (SEA, "x86", "source: 8 notified via SEA is not supported"),
        (40, "x86", ""),
    ],
)
def test_a_refused_source_is_said_with_its_line(
    table: Path, number: int, architecture: str, why: str
) -> None:
    arguments = (table, number, "--arch", architecture)
    found = put(about(0), *arguments)
    assert (found["bound"], found["blocks"]) == (False, [])
    lines = [line for step in found["boot"] for line in step["lines"]]
    assert any(why in line for line in lines)
    text = told(about(0), "--hest", str(table), "--source", str(number), "--arch", architecture)
    assert "Linux does not listen to the source" in text
    failed = f"GHES: probe of GHES.{number} failed with error "
    assert any(line.startswith(failed) for line in lines) == bool(why)


@pytest.mark.parametrize(
    ("data", "failing", "line"),
    [
        (block(CORRECTED, data_length=0xFFFFFFEC), "20 at least", "Truncated error status block!"),
        (block(CORRECTED, data_length=8192), "4096 at most", "Invalid error status block length!"),
        (block(CORRECTED, data_length=63), "room for an entry", "Invalid CPER header!"),
        (block(CORRECTED, data_length=80), "exactly", "Failed to read error status block!"),
    ],
)
def test_the_check_that_fails_is_named_and_the_last(
    table: Path, data: bytes, failing: str, line: str
) -> None:
    for number in (POLLED, NMI):
        (one,) = put(data, table, number)["blocks"]
        assert [check["passed"] for check in one["checks"]].count(False) == 1
        assert failing in one["checks"][-1]["what"]
        assert one["checks"][-1]["line"] == f"[Firmware Warn]: GHES: {line}"
        assert printed(one) == [one["checks"][-1]["line"]]
        assert (one["block_status"], one["read_ack"]) == ("0x0", "0x1")


def test_what_firmware_must_not_publish_is_put_there_and_said(table: Path) -> None:
    (empty,) = put(bytes(20), table, POLLED)["blocks"]
    assert "nothing is recorded" in empty["objection"]
    assert (empty["effects"], empty["read_ack"]) == ([], "0x0")
    (long,) = put(about(0).ljust(5000, b"\0"), table, POLLED)["blocks"][:1]
    assert long["block_status"] == "0x0"


def test_a_fatal_block_panics(table: Path) -> None:
    found = put(about(None, FATAL), table, SCI, "--repeat", "3")
    assert found["panicked"]
    (one,) = found["blocks"]
    assert [check["what"] for check in one["checks"] if not check["passed"]] == [
        "the severity, fatal, is none that it panics of"
    ]
    assert printed(one)[-2:] == [
        "GHES: Fatal hardware error but panic disabled",
        "Kernel panic - not syncing: GHES: Fatal hardware error",
    ]
    assert (one["block_status"], one["read_ack"]) == ("0x0", "0x1")
    quick = put(about(None, FATAL), table, SCI, "--panic-timeout", "-1")
    assert len(printed(quick["blocks"][0])) == len(printed(one)) - 1


def test_repetitions_meet_the_cache(table: Path) -> None:
    found = put(about(0x1000, CORRECTED), table, POLLED, "--at", "0,1,9.9,10.1")
    first = [one["effects"][0] for one in found["blocks"]]
    assert first == ["printed", "repeated", "repeated", "printed"]
    assert all("acted_on" in one["effects"] for one in found["blocks"])
    assert (
        "dropped"
        in put(about(0x1000, CORRECTED), table, NMI, "--repeat", "2")["blocks"][1]["effects"]
    )


@pytest.mark.parametrize(
    ("task", "release", "sentence"),
    [
        ("normal", "6.1", "SIGBUS, code 4"),
        ("rt", "6.1", "SIGBUS, code 4"),
        ("normal", "7.2", "SIGBUS, code 4"),
        ("kernel", "6.1", "oops"),
    ],
)
def test_whom_an_abort_hits_decides_how_it_ends(
    table: Path, task: str, release: str, sentence: str
) -> None:
    found = put(about(0x4000_3000), table, SEA, "--task", task, "--kernel", release)
    assert sentence in found["outcome"]["sentence"]
    assert not found["panicked"]


def test_a_repeated_abort_is_retried_and_then_stands_for_itself(table: Path) -> None:
    found = put(about(0x4000_3000), table, SEA, "--ram", "0x8000-0xffff", "--repeat", "2")
    first, second = found["blocks"]
    assert "acted_on" in first["effects"]
    assert second["effects"] == ["cleared", "acknowledged", "dropped"]
    assert "SIGBUS, code 3 (BUS_OBJERR)" in found["outcome"]["sentence"]


def test_a_kernel_with_machine_checks_makes_one_of_a_memory_error(table: Path) -> None:
    for arguments, is_made in (([], True), (["--no-mce"], False), (["--arch", "arm64"], False)):
        (one,) = put(about(0x1000), table, POLLED, *arguments)["blocks"]
        made = [step["what"] for step in one["steps"] if "machine check" in step["what"]]
        assert bool(made) == is_made
        assert all("physical address 0x1000" in what for what in made)


def test_a_kernel_with_machine_checks_gives_the_table_up_at_one_that_is_off(tmp_path: Path) -> None:
    path = tmp_path / "HEST.bin"
    corrected_machine_check = b"\x01\0\x09\0".ljust(48, b"\0")
    path.write_bytes(hest(corrected_machine_check, source(1, REGISTERS)))
    for more, is_bound in (([], False), (["--no-mce"], True)):
        assert put(about(0), path, 1, *more)["bound"] == is_bound


def test_ram_and_pci_functions_are_the_callers(table: Path) -> None:
    data = block(RECOVERABLE, entry(MEMORY, memory(0x1000), RECOVERABLE),
                 entry(PCIE, pcie(), RECOVERABLE))  # fmt: skip
    (one,) = put(data, table, POLLED)["blocks"]
    assert "AER: no pci_dev for 0000:05:03.1" in printed(one)
    assert not any("Invalid address" in line for line in printed(one))
    (one,) = put(data, table, POLLED, "--pci", "0000:05:03.1", "--ram", "0x4000-0x4fff")["blocks"]
    assert not any("AER" in line for line in printed(one))
    assert any("Invalid address in generic error data: 0x1000" in line for line in printed(one))


def test_text_says_what_json_does(table: Path) -> None:
    data = about(0x1000, CORRECTED)
    text = " ".join(told(data, "--hest", str(table), "--source", "4").split())
    for step in put(data, table, NMI)["blocks"][0]["steps"]:
        assert step["what"] in text
        assert all(" ".join(line.split()) in text for line in step["lines"])


@pytest.mark.parametrize("name", sorted(captured.hests()))
def test_a_hest_that_qemu_made(name: str, tmp_path: Path) -> None:
    path = tmp_path / "HEST.bin"
    path.write_bytes(captured.hests()[name])
    for data in captured.blocks().values():
        if any(data[:4]):
            found = item(data, "--as", "block", "--hest", str(path))
            assert found["bound"]
            assert found["blocks"][0]["block_status"] == "0x0"


def test_without_a_hest_it_is_that_of_new() -> None:
    assert "block 1 of 172 bytes" in told(about(0, CORRECTED), "--source", "2")


def test_a_log_of_linux_is_put_there_block_by_block() -> None:
    path = captured.FIXTURES / "linux-6.1-ghes" / "console.log"
    done = CliRunner().invoke(apeitool, ["simulate", "block", str(path), "--json"])
    (found,) = json.loads(done.stdout)["items"]
    assert len(found["blocks"]) == 4


def test_registers_of_every_shape_are_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "HEST.bin"
    path.write_bytes(hest(source(1, 0x100000 + 8, ack=0x100000, preserve=KEEP & 0xFF, write=3)))
    (one,) = item(about(0, CORRECTED), "--hest", str(path))["blocks"]
    assert (one["read_ack_before"], one["read_ack"]) == ("0x0", "0x3")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--at", "1,0"], 2),
        (["--at", "soon"], 2),
        (["--at", "nan"], 2),
        (["--repeat", "0"], 2),
        (["--repeat", "10001"], 2),
        (["--ram", "5-1"], 2),
        (["--kernel", "5.4"], 2),
    ],
)
def test_wrong_usage(arguments: list[str], code: int) -> None:
    assert simulate(about(0), *arguments).exit_code == code


@pytest.mark.parametrize("arguments", [["--source", "77"], ["--as", "hest"]])
def test_bad_input(arguments: list[str]) -> None:
    assert isinstance(simulate(about(0), *arguments).exception, ApeiError)
