"""Rules, by the structures that they are about.

A rule is a small function.  Its docstring states it; it is given a structure and the place of that
structure, and yields a pair for each field that breaks it: the path to the field from the structure,
and what should hold with what was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeVar

from apeitool.lint.finding import Level
from apeitool.linux.features import KERNELS, Architecture, Features
from apeitool.wire.record import Structure

S = TypeVar("S", bound=Structure)

Faults = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Consumers:
    """Who will read the bytes.  Where they differ, a finding says which of them is meant."""

    architectures: tuple[Architecture, ...] = tuple(Architecture)
    kernels: tuple[Features, ...] = tuple(KERNELS.values())


def since(has: Callable[[Features], bool]) -> str:
    """The first release of Linux, of those known here, that has a feature."""
    return next(k.release for k in KERNELS.values() if has(k))


@dataclass(frozen=True, slots=True)
class Place:
    """A structure where it is: ``above`` it is the one that holds it."""

    structure: Structure
    offset: int
    path: str
    above: Place | None
    consumers: Consumers

    @property
    def root(self) -> Structure:
        """What was decoded."""
        return self.structure if self.above is None else self.above.root


def places(found: Structure, consumers: Consumers) -> Iterator[Place]:
    """Every structure in ``found``, itself included, in the order of the wire."""
    waiting = [Place(found, 0, type(found).__name__, None, consumers)]
    while waiting:
        place = waiting.pop()
        yield place
        inside = [
            Place(child, place.offset + offset, f"{place.path}.{name}", place, consumers)
            for name, offset, child in place.structure.children()
        ]
        waiting += reversed(inside)


class Rule(NamedTuple):
    """A rule about objects of one type and those that extend it."""

    id: str
    kind: type[Any]
    level: Level
    advice: str
    source: str
    check: Callable[[Any, Any], Iterator[Any]]

    @property
    def statement(self) -> str:
        """What the rule says."""
        return " ".join((self.check.__doc__ or "").partition("\n\n")[0].split())


RULES: dict[str, Rule] = {}

Check = TypeVar("Check", bound=Callable[[Any, Any], Iterator[Any]])


def register(
    id: str, kind: type[Any], level: Level, advice: str, source: str
) -> Callable[[Check], Check]:
    """Register a rule about objects of any type."""

    def registered(check: Check) -> Check:
        if id in RULES:
            raise ValueError(f"there is a rule {id} already")
        RULES[id] = Rule(id, kind, level, advice, source, check)
        return check

    return registered


def rule(
    id: str, kind: type[S], level: Level, advice: str, source: str = ""
) -> Callable[[Callable[[S, Place], Faults]], Callable[[S, Place], Faults]]:
    """Register a rule; without a ``source`` it is the structure's own that says so."""
    return register(id, kind, level, advice, source)


@cache
def rules_of(kind: type[Any]) -> tuple[Rule, ...]:
    """The rules about objects of a type, in the order in which they were registered."""
    return tuple(r for r in RULES.values() if issubclass(kind, r.kind))
