"""What `lab conformance` says, without a guest."""

from collections import Counter
from pathlib import Path

import pytest

from apeitool.cli.laboratory import conformance
from apeitool.cli.laboratory.conformance import END, START
from apeitool.lab import cache
from apeitool.lab.conformance import compare
from apeitool.lab.conformance.compare import Agreement, Difference


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> list[Agreement]:
    """Two kernels, of which one does something else once."""
    found = [
        Agreement("blocks", "6.1.0", "x86", Counter({"damaged": 3, "raw data": 1})),
        Agreement("tables", "7.2.1", "arm64", Counter({"drawn": 9})),
    ]
    found[1].differences += [Difference("drawn", b"HEST", ("- bound: GHES.1",))] * 7
    monkeypatch.setattr(conformance, "_results", lambda *_: iter(found))
    return found


def test_counts_and_the_first_differences(apeitool, results: list[Agreement]) -> None:
    done = apeitool("lab", "conformance", "--seed", "5")
    assert done.status == 1
    assert done.text.startswith("seed 5\n")
    assert done.text.count("- bound: GHES.1\n") == 5
    assert "given: 48455354\n" in done.text
    assert "and 2 more\n" in done.text
    assert "| 6.1.0 | x86 | 4 blocks | 2 | 4 (100.0%) |\n" in done.text
    assert "| 7.2.1 | arm64 | 9 tables | 1 | 2 (22.2%) |\n" in done.text


def test_all_that_agree_is_status_0(apeitool, results: list[Agreement]) -> None:
    del results[1:]
    assert apeitool("lab", "conformance").status == 0


def test_a_page_is_rewritten_between_its_marks(
    apeitool, results: list[Agreement], tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{START}\nold\n{END}\nafter\n")
    for _ in range(2):
        assert apeitool("lab", "conformance", "--seed", "5", "--page", page).status == 1
        text = page.read_text()
        assert text.startswith(f"before\n{START}\n")
        assert text.endswith(f"{END}\nafter\n")
        assert "old" not in text
        assert text.count("seed 5:") == text.count("| 6.1.0 | x86 |") == 1
        assert "- bound: GHES.1" in text


@pytest.mark.parametrize("text", [None, "", START, f"{END}\n{START}"])
def test_a_page_without_marks_is_told_before_anything_is_compared(
    apeitool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    monkeypatch.setattr(conformance, "_results", lambda *_: pytest.fail("it compares"))
    page = tmp_path / "page.md"
    if text is not None:
        page.write_text(text)
    done = apeitool("lab", "conformance", "--page", page)
    assert done.status == 2
    assert str(page) in done.err


def test_nothing_to_compare_with_is_something_missing(
    apeitool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.ENVIRONMENT, str(tmp_path))
    done = apeitool("lab", "conformance")
    assert done.status == 3
    assert "nothing was compared" in done.err
    assert "not compared: the guest's kernel" in done.err


def test_what_differs_is_shown_as_a_diff() -> None:
    model = compare.Seen(("{1}a", "{1}b", "AER: x", "other"), bytes(4), b"\1")
    kernel = compare.Seen(("AER: x", "{1}a", "{1}c", "another"), b"\1\0\0\0", b"\1", is_over=True)
    assert list(compare.differences(kernel, model)) == [
        "-{1}b", "+{1}c", "- status 00000000", "+ status 01000000", "- is_over False",
        "+ is_over True",
    ]  # fmt: skip
    assert not list(compare.differences(model, model))
