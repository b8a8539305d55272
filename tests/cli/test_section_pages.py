"""The pages of section types say what the declarations say, and their examples run."""

import re
from pathlib import Path

import pytest

from apeitool.capture.kind import section_kinds
from apeitool.cli.section_page import FOLDER, INDEX, pages

PAGES = pages()


def test_the_pages_are_up_to_date() -> None:
    written = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()}
    assert written == PAGES, "python -m apeitool.cli.section_page"


def test_every_section_type_has_its_page_and_its_row() -> None:
    assert {*PAGES} == {INDEX, *(f"{name}.md" for name in section_kinds())}
    rows = re.findall(r"^\| \[`(\w+)`\]\((\w+)\.md\)", PAGES[INDEX], re.MULTILINE)
    assert rows == [(name, name) for name in sorted(section_kinds())]


@pytest.mark.parametrize("name", section_kinds())
def test_the_example_of_a_page_is_decoded_as_it_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apeitool
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGES[f"{name}.md"]
    ((toml, console),) = re.findall(r"```toml\n(.*?)```\n\n```console\n(.*?)```", text, re.DOTALL)
    Path("shown.toml").write_text(toml)
    assert apeitool("encode", "shown.toml", "-o", "shown.bin").status == 0
    *made, last = re.findall(r"^\$ apeitool (.*)$", console, re.MULTILINE)
    for command in made:
        assert apeitool(*command.split()).status == 0
    assert Path("shown.bin").read_bytes() == Path("section.bin").read_bytes()
    expected = console.partition(f"{last}\n")[2].removesuffix("...\n")
    assert apeitool(*last.split()).text.startswith(expected)
