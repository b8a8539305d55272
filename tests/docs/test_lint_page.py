"""The page of rules is what the rules say."""

import pytest

from apeitool.lint.page import MARKS, PAGE, page, rules_text
from apeitool.lint.rule import RULES


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text("utf-8")
    assert page(text) == text, "python -m apeitool.lint.page"


def test_every_rule_has_its_row() -> None:
    rows = [line for line in rules_text().splitlines() if line.startswith("| `")]
    assert sorted(row.split("`")[1] for row in rows) == sorted(RULES)
    for row in rows:
        id, level, statement, source, advice = row.strip("| ").split(" | ")
        assert all((id, level, statement, source, advice))


def test_a_page_without_its_marks_is_not_written_over() -> None:
    with pytest.raises(ValueError, match="lacks"):
        page(MARKS[0])
