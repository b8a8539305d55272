"""From a plan to its table: which builder, and what the preset adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from apeitool.errors import EncodeError
from apeitool.plan import bert, einj, erst, hest
from apeitool.plan.built import Built
from apeitool.plan.keys import Keys, Plan, choice
from apeitool.plan.preset import PRESETS


class Builder(NamedTuple):
    """How a table is made, and what the keys of each table in its plan mean."""

    build: Callable[[Plan, str], Built]
    keys: dict[str, Keys]


PLANS = {
    "hest": Builder(hest.build, {"": hest.KEYS, "sources": hest.SOURCE_KEYS}),
    "bert": Builder(bert.build, {"": bert.KEYS}),
    "einj": Builder(einj.build, {"": einj.KEYS}),
    "erst": Builder(erst.build, {"": erst.KEYS}),
}


def build(plan: Plan) -> Built:
    """The table of a plan, and the memory that it leads to.

    Raises:  EncodeError with the path of what is wrong.
    """
    name = choice(plan.get("plan"), PLANS, "plan")
    preset = choice(plan.get("preset", "bare"), PRESETS, f"{name}.preset")
    said: dict[str, Any] = {**PRESETS[preset][name], **plan}
    given = {key: value for key, value in said.items() if key not in ("plan", "preset")}
    try:
        return PLANS[name].build(given, name)
    except (TypeError, AttributeError) as wrong:
        raise EncodeError(f"this is no plan: {wrong}", path=name) from wrong
