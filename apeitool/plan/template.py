"""The commented TOML of a plan, to edit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from apeitool.plan.build import PLANS, completed
from apeitool.plan.keys import Keys
from apeitool.plan.preset import ABOUT, PRESETS
from apeitool.render.toml import commented, literal

_HEXADECIMAL = 1 << 10
"""Numbers from here on are addresses and lengths."""


_HEAD = {
    "plan": "which table this is for",
    "preset": f"what holds where nothing is said here: {', '.join(PRESETS)}",
}


def starting(name: str, preset: str) -> dict[str, Any]:
    """The plan of a table as a preset has it, for changes."""
    return deepcopy(completed({"plan": name, "preset": preset}, name))


def is_text(name: str, key: str) -> bool:
    """Whether a key of a table's plan holds text, even where that spells a number."""
    fields = {field.name: field for field in PLANS[name].table.fields}
    return key in fields and fields[key].type in (str, bytes)


def template(plan: Mapping[str, Any]) -> str:
    """TOML of a plan, each key with what it means; keys that are not set are told of."""
    name = plan["plan"]
    purpose = (
        "encode makes the table of this plan, and with --memory the memory that it leads to. Any "
        f"field of the table may stand here too, and wins: `apeitool new {name}` shows them all."
    )
    lines = [*commented("", ABOUT[plan["preset"]]), *commented("", purpose), ""]
    keys = PLANS[name].keys
    lines += _table(plan, {**keys, "": {**_HEAD, **keys[""]}}, "")
    return "\n".join(lines) + "\n"


def _table(plan: Mapping[str, Any], keys: Mapping[str, Keys], path: str) -> Iterator[str]:
    """The lines of one table: its own values first, then the lists of tables in it."""
    own = keys.get(path, {})
    lists = {key: value for key, value in plan.items() if _is_list_of_tables(value)}
    for key, value in plan.items():
        if key not in lists:
            yield from _values(key, value, own.get(key, ""))
    for key, doc in own.items():
        if key not in plan:
            yield from commented("", f"{key}: {doc}")
    for key, items in lists.items():
        name = f"{path}.{key}" if path else key
        for index, item in enumerate(items):
            yield ""
            yield from commented(f"[[{name}]]", "" if index else own.get(key, ""))
            # What the keys mean is said once.
            yield from _table(item, {} if index else keys, name)


def _values(key: str, value: Any, doc: str) -> Iterator[str]:
    """A value's line; those of all values in a table."""
    if not isinstance(value, Mapping):
        is_large = isinstance(value, int) and value >= _HEXADECIMAL
        yield from commented(f"{key} = {literal(value, hexadecimal=is_large)}", doc)
        return
    for inner, item in value.items():
        yield from _values(f"{key}.{inner}", item, doc)
        doc = ""


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)
