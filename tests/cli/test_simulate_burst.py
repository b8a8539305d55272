"""``apeitool simulate burst``, as somebody types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from apeitool.cli import apeitool
from apeitool.errors import CaptureError


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(apeitool, ["simulate", "burst", *arguments])


def told(*arguments: str) -> str:
    result = simulate(*arguments)
    assert result.exception is None, result.output
    return result.stdout


def items(*arguments: str) -> list[dict[str, object]]:
    document = json.loads(told(*arguments, "--json"))
    assert document["schema"] == "apeitool/1"
    found = document["items"]
    assert isinstance(found, list)
    return found


STEADY = ("--regular", "--errors", "120")


def test_text_and_json_count_the_same() -> None:
    text = told(*STEADY, "--notify", "nmi", "--late", "1-2")
    (found,) = items(*STEADY, "--notify", "nmi", "--late", "1-2")
    shown = [int(row.split()[0]) for row in text.splitlines() if row[:8].strip().isdigit()]
    assert shown == list(found["counts"].values())  # type: ignore[attr-defined]
    assert sum(shown) == 120 == len(found["errors"])  # type: ignore[arg-type]
    assert "Interrupts are off from 1 s to 2 s" in text
    assert text.startswith("120 corrected errors, 0.1 s apart, one block, Linux 6.1 told by NMI")


def test_runs_are_of_one_seed_each_and_told_by_their_middle() -> None:
    found = items("--runs", "5", "--seed", "7")
    assert [each["seed"] for each in found] == [7, 8, 9, 10, 11]
    assert all("errors" not in each for each in found)
    refused = sorted(each["counts"]["refused"] for each in found)  # type: ignore[index]
    (row,) = [row for row in told("--runs", "5", "--seed", "7").splitlines() if "no block" in row]
    assert [float(word) for word in row.split()[:3]] == [refused[0], refused[2], refused[-1]]


def test_a_panic_is_said() -> None:
    assert "The guest panics. The block says fatal" in told("--severity", "fatal")
    assert items("--severity", "fatal")[0]["panicked"]


def test_overlapping_times_without_interrupts_are_one() -> None:
    text = told("--late", "3-5", "--late", "1-4", "--notify", "interrupt")
    assert "Interrupts are off from 1 s to 5 s" in text


@pytest.mark.parametrize(
    ("name", "start"), [("a.svg", b"<?xml"), ("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")]
)
def test_a_picture_is_drawn_and_the_same_twice(tmp_path: Path, name: str, start: bytes) -> None:
    pytest.importorskip("matplotlib")
    drawn = []
    for folder in ("one", "other"):
        path = tmp_path / folder / name
        path.parent.mkdir()
        told("--late", "1-2", "--dead", "5", "--plot", str(path))
        drawn.append(path.read_bytes())
    assert drawn[0] == drawn[1]
    assert drawn[0].startswith(start)
    if name == "a.svg":
        assert b"not published, no block was free (" in drawn[0]


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    wrong = simulate("--plot", str(tmp_path / "no" / "a.svg")).exception
    assert isinstance(wrong, CaptureError)


def in_python(*lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_matplotlib_is_imported_for_pictures_only_and_its_absence_has_a_remedy(
    tmp_path: Path,
) -> None:
    quiet = in_python(
        "import sys", "from apeitool.cli import apeitool",
        "apeitool.main(['simulate', 'burst', '--json'], standalone_mode=False)",
        "print([m for m in ('matplotlib', 'numpy') if m in sys.modules])",
    )  # fmt: skip
    assert quiet.stdout.splitlines()[-1] == "[]"
    absent = in_python(
        "import sys", "sys.modules['matplotlib'] = None", "from apeitool.cli import main",
        f"sys.argv = ['apeitool', 'simulate', 'burst', '--plot', {str(tmp_path / 'a.svg')!r}]",
        "main()",
    )  # fmt: skip
    assert (absent.returncode, absent.stdout) == (3, "")
    assert "apeitool[plot]" in absent.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--errors", "0"], ["--errors", "100001"], ["--every", "0"], ["--late", "5-4"],
        ["--late", "soon"], ["--late", "1-nan"], ["--plot", "a.gif"], ["--notify", "sea"], ["--runs", "0"],
        ["--poll-interval", "0"], ["--sources", "65"],
    ],
)  # fmt: skip
def test_wrong_usage(arguments: list[str]) -> None:
    assert simulate(*arguments).exit_code == 2
