"""``apeitool simulate``, as somebody types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from plain_bytes import CORRECTED, RECOVERABLE, about, block

from apeitool.cli.simulate import command


def simulate(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(command, arguments, input=stdin)


def told(*arguments: str, stdin: bytes = b"") -> str:
    result = simulate(*arguments, stdin=stdin)
    assert result.exception is None, result.output
    assert result.exit_code == 0
    return result.stdout


def items(*arguments: str) -> list[dict[str, object]]:
    document = json.loads(told(*arguments, "--json"))
    assert document["schema"] == "apeitool/1"
    assert document["tool"].startswith("apeitool ")
    found = document["items"]
    assert isinstance(found, list)
    return found


def test_the_same_error_is_survived_as_sea_and_not_as_sei() -> None:
    sea, sei = told("sea"), told("sei")
    assert "Outcome:  The guest survives. The task gets SIGBUS, code 4 (BUS_MCEERR_AR)" in sea
    assert "Record:   read and cleared, acknowledged." in sea
    ours, theirs = sei.split("The same error told as SEA:")
    assert "Outcome:  The guest panics.\n" in ours
    assert "Kernel panic - not syncing: Asynchronous SError Interrupt" in ours
    assert "Record:   never read, still in its block, never acknowledged." in ours
    assert theirs.strip() == sea[sea.index("Outcome:") :].strip()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sea", "--severity", "fatal"], "The guest panics."),
        (["sea", "--severity", "corrected"], "SIGBUS, code 128 (SI_KERNEL)"),
        (["sea", "--severity", "informational"], "SIGBUS, code 128 (SI_KERNEL)"),
        (["sea", "--address", "0x12345000"], "SIGBUS, code 128 (SI_KERNEL)"),
        (["sea", "--task", "kernel"], "The guest survives an oops"),
        (["sea", "--task", "rt"], "SIGBUS, code 4 (BUS_MCEERR_AR)"),
        (["sea", "--kernel", "7.2"], "SIGBUS, code 4 (BUS_MCEERR_AR)"),
        (["sei", "--aet", "ce"], "The guest survives, and the task goes on"),
        (["sei", "--aet", "UEO"], "The guest survives, and the task goes on"),
        (["sei", "--aet", "ueu"], "The guest panics."),
        (["sei", "--aet", "uc"], "The guest panics."),
        (["sei", "--aet", "ce", "--no-ras"], "The guest panics."),
        (["sei", "--severity", "corrected", "--aet", "uer"], "The guest panics."),
    ],
)
def test_the_outcome_is_a_sentence_with_its_reason(arguments: list[str], sentence: str) -> None:
    output = told(*arguments)
    first = output[output.index("Outcome:") :].split("\n\n")[0]
    assert sentence in " ".join(first.split())
    for label in ("Because:", "Record:", "Source:"):
        (line,) = [row for row in first.splitlines() if row.startswith(label)]
        assert len(line) > len(label) + 5


def test_steps_are_numbered_in_order_and_no_line_of_ours_is_long() -> None:
    output = told("sei")
    numbers = [int(row[:4]) for row in output.splitlines() if row[:4].strip().isdigit()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 8
    assert all(len(row) <= 96 for row in output.splitlines() if "| " not in row)


def test_json_says_the_same_as_text() -> None:
    (sea,) = items("sea")
    sei, other = items("sei", "--aet", "uer")
    assert (sea["told_as"], sei["told_as"], other["told_as"]) == ("sea", "sei", "sea")
    assert other == sea
    outcome = sea["outcome"]
    assert isinstance(outcome, dict)
    assert (outcome["fate"], outcome["survived"]) == ("signal", True)
    assert outcome["signal"]["code"] == 4
    assert (sei["read"], sei["acknowledged"], sea["read"], sea["acknowledged"]) == (
        False, False, True, True,
    )  # fmt: skip
    assert sei["outcome"]["signal"] is None  # type: ignore[index]
    text = " ".join(told("sea").split())
    steps = sea["steps"]
    assert isinstance(steps, list)
    for step in steps:
        assert f"{step['actor']} {step['what']}" in text


def test_the_callers_block_decides_what_is_said(tmp_path: Path) -> None:
    path = tmp_path / "block.bin"
    path.write_bytes(about(0x4000_3000))
    assert "told as SEA" in told("sea", "--block", str(path)).splitlines()[0]
    assert "0x40003000" in told("sea", "--block", str(path))
    assert told("sea", "--block", "-", stdin=about(0x4000_3000)) == told(
        "sea", "--block", str(path)
    )
    path.write_bytes(block(RECOVERABLE, data_length=8192))
    malformed = told("sea", "--block", str(path))
    assert "[Firmware Warn]: GHES: Invalid error status block length!" in malformed
    path.write_bytes(about(0x4000_3000, CORRECTED))
    assert items("sea", "--block", str(path))[0]["address"] == "0x40003000"
    other = items("sea", "--block", str(path), "--address", "0x40009000")
    assert other[0]["address"] == "0x40009000"


@pytest.mark.parametrize(
    "arguments",
    [
        ["sea", "--severity", "awful"],
        ["sea", "--address", "somewhere"],
        ["sea", "--address", "-1"],
        ["sea", "--kernel", "5.4"],
        ["sea", "--aet", "uer"],
        ["sei", "--aet", "4"],
        ["sei", "--task", "rt"],
        ["sea", "--block", "no/such/file"],
        ["sea", "--block", "-", "--severity", "fatal"],
        ["tea"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    assert simulate(*arguments, stdin=about(0)).exit_code == 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "at least 20"),
        (b"x" * 19, "at least 20"),
        (bytes(100), "block status of 0"),
        (about(0).ljust(5000, b"\0"), "room is for 4096"),
    ],
)
def test_bad_input_ends_with_1_and_says_why(data: bytes, why: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from apeitool.cli import main; main()",
         "simulate", "sea", "--block", "-"],
        input=data, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, b"")
    assert why in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_help_costs_no_construct() -> None:
    code = (
        "import sys\n"
        "from apeitool.cli import apeitool\n"
        "apeitool.main(['simulate', 'sei', '--help'], standalone_mode=False)\n"
        "print([m for m in ('construct', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--aet" in done.stdout
