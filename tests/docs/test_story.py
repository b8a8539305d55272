"""The diagrams of the story are drawn from the tables."""

from apeitool.cli.story_page import PAGE, diagrams, drawn
from apeitool.firmware.platform import TRANSITIONS


def test_the_diagrams_are_up_to_date() -> None:
    page = PAGE.read_text("utf-8")
    assert drawn(page) == page, "python -m apeitool.cli.story_page"
    assert all(f"<!-- diagram: {name} -->" in page for name in diagrams())


def test_a_diagram_has_every_state_and_transition() -> None:
    lines = diagrams()["firmware"].splitlines()
    for before, row in TRANSITIONS.items():
        for event, after in row.items():
            assert f"    {before.name} --> {after.name}: {event.value}" in lines
