"""What the README says is run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CI = (ROOT / ".ci/run").read_text()


def blocks(language: str, text: str = README) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for name, block in found if name == language]


def console() -> list[tuple[str, list[str]]]:
    """(command, lines it shows) of every console block, in order."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(blocks("console")).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def test_the_python_runs() -> None:
    (source,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert "memory error at physical address 0x12345000" in done.stdout


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: p.name)
def test_the_python_of_the_pages_runs(page: Path, tmp_path: Path) -> None:
    for number, source in enumerate(blocks("python", page.read_text())):
        path = tmp_path / f"{page.stem}_{number}.py"
        path.write_text(source)
        subprocess.run([sys.executable, path], check=True, env={"PYTHONPATH": str(ROOT)})


def test_the_commands_show_what_they_are_said_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert len(console()) >= 6
    for command, shown in console():
        program, _, arguments = command.partition(" ")
        assert program == "apeitool"
        run = f"{shlex.quote(sys.executable)} -m apeitool {arguments}"
        done = subprocess.run(run, shell=True, capture_output=True, text=True, check=True)
        pattern = "".join(".*" if line == "..." else re.escape(line) + "\n" for line in shown)
        assert re.fullmatch(pattern, done.stdout, re.DOTALL), (command, done.stdout)


def test_both_commands_stand_there_and_ci_runs_the_second() -> None:
    plain = [block.strip() for block in blocks("")]
    setup = "python3 -m venv .venv && .venv/bin/pip install"
    assert f"{setup} . && .venv/bin/apeitool demo" in plain
    test = f"{setup} -e '.[test]' && .venv/bin/pytest"
    assert test in plain
    assert CI.rstrip().endswith(test)


def test_the_hest_of_its_page_is_the_one_that_qemu_made() -> None:
    source, _ = blocks("python", (ROOT / "docs/tables/hest.md").read_text())
    made: dict[str, object] = {}
    exec(source, made)
    assert made["data"] == (ROOT / "fixtures/qemu-11-virt-ras/HEST.bin").read_bytes()
