"""The diagrams of docs/story.md, drawn from the tables and the story that they show.

``python -m apeitool.cli.story_page`` draws them anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from apeitool.cli.simulations.touched_poison import diagram
from apeitool.firmware import platform
from apeitool.host.vmm import POLICIES
from apeitool.ospm import source
from apeitool.scenarios.touched_poison import Setting, run

PAGE = Path(__file__).parents[2] / "docs/story.md"
_PLACE = re.compile(
    r"(<!-- diagram: ([\w-]+) -->\n```mermaid\n).*?(^```$)", re.DOTALL | re.MULTILINE
)


def states(transitions: Mapping[Any, Mapping[Any, Any]]) -> Iterator[str]:
    """A table of states and events as a diagram."""
    yield "stateDiagram-v2"
    names: dict[Enum, None] = dict.fromkeys(transitions)
    for row in transitions.values():
        names |= dict.fromkeys(row.values())
    yield f"    [*] --> {next(iter(names)).name}"
    for state in names:
        yield f"    {state.name}: {state.value}"
    for before, row in transitions.items():
        for event, after in row.items():
            yield f"    {before.name} --> {after.name}: {event.value}"


def diagrams() -> dict[str, str]:
    """Every diagram of the page by its name."""
    drawn = {
        "story": diagram(run(Setting(policy=POLICIES["discussion-polled"]))),
        "wrong": diagram(run(Setting(policy=POLICIES["required-by-sei"]))),
        "firmware": states(platform.TRANSITIONS),
        "linux": states(source.TRANSITIONS),
    }
    return {name: "".join(f"{line}\n" for line in lines) for name, lines in drawn.items()}


def drawn(page: str) -> str:
    """The page with its diagrams as they are now.

    Raises:  KeyError for the place of a diagram that there is not.
    """
    known = diagrams()
    return _PLACE.sub(lambda place: place[1] + known[place[2]] + place[3], page)


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text("utf-8")), encoding="utf-8")
