"""From a plan to its table: which builder, and what the preset adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from apeitool.acpi.bert import Bert
from apeitool.acpi.einj import Einj
from apeitool.acpi.erst import Erst
from apeitool.acpi.header import Table
from apeitool.acpi.hest.table import Hest
from apeitool.plan import bert, einj, erst, hest
from apeitool.plan.built import Built
from apeitool.plan.keys import Keys, Plan, choice
from apeitool.plan.preset import PRESETS


class Builder(NamedTuple):
    """How a table is made, what the keys of each table in its plan mean, and what they default to."""

    table: type[Table]
    build: Callable[[Plan, str], Built]
    keys: Mapping[str, Keys]
    defaults: Mapping[str, Any]


PLANS = {
    "hest": Builder(Hest, hest.build, {"": hest.KEYS, "sources": hest.SOURCE_KEYS}, {}),
    "bert": Builder(Bert, bert.build, {"": bert.KEYS}, {}),
    "einj": Builder(Einj, einj.build, {"": einj.KEYS}, einj.DEFAULTS),
    "erst": Builder(Erst, erst.build, {"": erst.KEYS}, erst.DEFAULTS),
}


def build(plan: Plan) -> Built:
    """The table of a plan, and the memory that it leads to.

    Raises:  EncodeError with the path of what is wrong.
    """
    name = choice(plan.get("plan"), PLANS, "plan")
    given = completed(plan, name)
    return PLANS[name].build({k: given[k] for k in given if k not in ("plan", "preset")}, name)


def completed(plan: Plan, name: str) -> dict[str, Any]:
    """The plan of a table with what its preset, and else its builder, says where it says nothing."""
    preset = {}
    if "preset" in plan:
        preset = PRESETS[choice(plan["preset"], PRESETS, f"{name}.preset")][name]
    head = {key: plan[key] for key in ("plan", "preset") if key in plan}
    return {**head, **PLANS[name].defaults, **preset, **plan}
