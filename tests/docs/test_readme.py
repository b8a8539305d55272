"""What the README says is run."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CI = (ROOT / ".ci/run").read_text()


def blocks(language: str, text: str = README) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for name, block in found if name == language]


def console(text: str) -> list[tuple[str, list[str]]]:
    """(command, lines it shows) of every console block, in order."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(blocks("console", text)).splitlines():
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


PAGES = sorted(p for p in (ROOT / "docs").rglob("*.md") if p.parent.name != "sections")
"""The pages that people wrote; those of the sections have a test of their own."""


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_python_of_the_pages_runs(page: Path, tmp_path: Path) -> None:
    for number, source in enumerate(blocks("python", page.read_text())):
        path = tmp_path / f"{page.stem}_{number}.py"
        path.write_text(source)
        subprocess.run([sys.executable, path], check=True, env={"PYTHONPATH": str(ROOT)})


def test_the_readme_shows_commands() -> None:
    assert len(console(README)) >= 6


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda p: p.name)
def test_the_commands_show_what_they_are_said_to(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    program = tmp_path / "bin/apeitool"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m apeitool "$@"\n')
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    for command, shown in console(page.read_text()):
        assert command.startswith("apeitool ")
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
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
    found = blocks("python", (ROOT / "docs/tables/hest.md").read_text())
    by_hand = found[0]
    (planned,) = (source for source in found if "apei.build(" in source)
    made: dict[str, Any] = {}
    exec(by_hand, made)
    data = (ROOT / "fixtures/qemu-11-virt-ras/HEST.bin").read_bytes()
    assert made["data"] == data
    exec(planned.partition("\nplan = ")[0], made)
    assert made["built"].table.to_bytes() == data
