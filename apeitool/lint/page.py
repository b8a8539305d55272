"""The page of all rules, written from the rules themselves.

``python -m apeitool.lint.page`` rewrites ``docs/lint.md``, as far as it is about rules; a test holds
it equal to what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from apeitool.lint.check import GROUPS
from apeitool.lint.rule import RULES, Rule

PAGE = Path(__file__).parents[2] / "docs/lint.md"
MARKS = ("<!-- rules: written by python -m apeitool.lint.page -->", "<!-- end of rules -->")


def rules_text() -> str:
    """The rules, group by group, in the order in which they were registered."""
    return "\n".join(line for group in GROUPS for line in (f"## {group}", "", *_group(group)))


def _group(group: str) -> Iterator[str]:
    for module in GROUPS[group]:
        yield _purpose(module)
        yield ""
        yield "| rule | level | what holds | source | what to do |"
        yield "|---|---|---|---|---|"
        for rule in RULES.values():
            if rule.check.__module__ == module.__name__:
                yield _row(rule)
        yield ""


def _purpose(module: ModuleType) -> str:
    """What a module's rules are about: the first line of its docstring."""
    return (module.__doc__ or "").splitlines()[0]


def _row(rule: Rule) -> str:
    source = rule.source or _source(rule.kind)
    cells = (f"`{rule.id}`", rule.level.value, rule.statement, source, rule.advice)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _source(kind: type[Any]) -> str:
    """Who says so where the rule does not: the structure's own source."""
    return getattr(kind, "source", "") or "that of the structure"


def page(text: str) -> str:
    """The text of the page with the rules as they are now.

    Raises:  ValueError when it lacks the marks that they stand between.
    """
    start, end = MARKS
    pattern = re.compile(f"{re.escape(start)}.*{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{PAGE} lacks {start} and {end}")
    return pattern.sub(lambda _: f"{start}\n\n{rules_text()}\n{end}", text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), encoding="utf-8")
