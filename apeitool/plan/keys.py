"""The keys of a plan, and their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from apeitool.errors import EncodeError
from apeitool.registers.address import GenericAddress
from apeitool.render.plain import integer, to_plain
from apeitool.wire.record import Structure

Plan = Mapping[str, Any]
Keys = Mapping[str, str]
"""What each key means."""


def split(given: Plan, keys: Iterable[str], kind: type[Structure], path: str) -> dict[str, Any]:
    """The fields of a structure among the keys of a plan.

    Raises:  EncodeError for what is neither one of ``keys`` nor a field.
    """
    known, fields = set(keys), {field.name for field in kind.fields}
    for name in given:
        if name not in known | fields:
            near = get_close_matches(name, sorted(known | fields), 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            said = f"neither a key of this plan nor a field of {kind.__name__}{meant}"
            raise EncodeError(said, path=f"{path}.{name}")
    return {name: value for name, value in given.items() if name in fields - known}


def number(given: Plan, name: str, path: str) -> int:
    """The number that a key holds.

    Raises:  EncodeError when it holds none, or is not there.
    """
    if name not in given:
        raise EncodeError("missing, and nothing to derive it from", path=f"{path}.{name}")
    value = integer(given[name], f"{path}.{name}")
    if not 0 <= value < 1 << 64:
        raise EncodeError("an address or a length is needed", path=f"{path}.{name}")
    return value


def tables(given: Plan, name: str, path: str) -> list[dict[str, Any]]:
    """The list of tables that a key holds.

    Raises:  EncodeError when it holds something else.
    """
    value = given.get(name, [])
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    raise EncodeError("a list of tables is needed", path=f"{path}.{name}")


def names(given: Plan, name: str, path: str) -> list[str]:
    """The names that a key holds: a list of them, or text with commas between.

    Raises:  EncodeError when it holds something else.
    """
    value = given.get(name, [])
    if isinstance(value, str):
        value = [word.strip() for word in value.split(",")]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise EncodeError("a list of names is needed", path=f"{path}.{name}")


def choice(value: Any, choices: Iterable[str], path: str) -> str:
    """One of some words.

    Raises:  EncodeError when it is another.
    """
    allowed = list(choices)
    if isinstance(value, str) and value in allowed:
        return value
    raise EncodeError(f"{str(value)[:40]!r} is none of {', '.join(allowed)}", path=path)


def register(given: Any, place: Callable[[], int], path: str) -> dict[str, Any]:
    """A register: its address, some of its fields, or nothing; ``place`` finds it an address.

    Raises:  EncodeError when it is something else.
    """
    some = given if isinstance(given, dict) else {} if given is None else {"address": given}
    if not all(isinstance(name, str) for name in some):
        raise EncodeError("an address, or a table of fields, is needed", path=path)
    address = number(some, "address", path) if "address" in some else place()
    bits = some.get("register_bit_width", 64)
    whole = GenericAddress.memory(address, bits=bits if bits in (8, 16, 32, 64) else 64)
    return {**to_plain(whole, kind=False), **some}
