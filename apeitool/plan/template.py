"""The commented TOML of a plan, to edit."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from apeitool.plan.build import PLANS
from apeitool.plan.keys import Keys
from apeitool.plan.preset import ABOUT, PRESETS

_WIDTH = 100
_HEXADECIMAL = 1 << 10
"""Numbers from here on are addresses and lengths."""


def starting(name: str, preset: str) -> dict[str, Any]:
    """The plan of a table as a preset has it, for changes."""
    return {"plan": name, "preset": preset, **deepcopy(PRESETS[preset][name])}


def template(plan: Mapping[str, Any]) -> str:
    """TOML of a plan, each key with what it means; keys that are not set are told of."""
    name = plan["plan"]
    lines = _wrapped(ABOUT[plan["preset"]])
    lines += _wrapped(
        "encode makes the table of it, and with --memory the memory that the table leads to. Any "
        f"field of the table may stand here too, and wins: apeitool new {name} shows them all."
    )
    lines += _table(plan, PLANS[name].keys, "")
    return "\n".join(lines) + "\n"


def _table(plan: Mapping[str, Any], keys: Mapping[str, Keys], path: str) -> Iterator[str]:
    """The lines of one table: its own values first, then the tables in it."""
    inner = {key: value for key, value in plan.items() if _tables(value)}
    own = keys.get(path, {})
    for key, value in plan.items():
        if key not in inner:
            yield from _wrapped(own.get(key, ""))
            yield f"{key} = {_literal(value)}"
    for key, doc in own.items():
        if key not in plan:
            yield from _wrapped(f"{key}: {doc}")
    for key, value in inner.items():
        name = f"{path}.{key}" if path else key
        for index, item in enumerate(_tables(value)):
            yield ""
            yield from _wrapped(own.get(key, "") if not index else "")
            yield f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
            # What the keys mean is said once.
            yield from _table(item, {} if index else keys, name)


def _tables(value: Any) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return items if all(isinstance(item, Mapping) for item in items) else []


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="#   ")


def _literal(value: Any) -> str:
    if isinstance(value, int) and value >= _HEXADECIMAL:
        return hex(value)
    return json.dumps(value)
