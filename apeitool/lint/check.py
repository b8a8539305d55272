"""All rules, asked about everything in an object."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any

from apeitool.lint import (
    actions,
    consistency,
    linux,
    linux_blocks,
    linux_tables,
    severities,
    specification,
    together,
)
from apeitool.lint.finding import Finding, Level
from apeitool.lint.rule import Consumers, Place, places, rules_of
from apeitool.lint.together import Member, Together
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure

GROUPS = {
    "The specification": (specification,),
    "Consistency": (consistency, actions, severities, together),
    "Linux": (linux, linux_blocks, linux_tables),
}
"""Where the rules are; importing a module registers its rules."""

_LONG = 32
"""Bytes of a value that are shown as they are."""


def lint(found: Structure, consumers: Consumers | None = None) -> Iterator[Finding]:
    """What can be said against an object: its problems, then the rules, structure by structure."""
    for place in places(found, consumers or Consumers()):
        structure = place.structure
        for problem in structure.check():
            level, advice = specification.judged(structure, problem)
            yield _finding(place, problem, level, advice)
        inside = cache(partial(_inside, structure))
        for rule in rules_of(type(structure)):
            for path, said in rule.check(structure, place):
                problem = _aimed(structure, inside, rule.id, path, said)
                problem = problem._replace(source=rule.source or problem.source)
                yield _finding(place, problem, rule.level, rule.advice)


def lint_together(
    members: Sequence[Member], consumers: Consumers | None = None
) -> Iterator[tuple[Member, Finding]]:
    """What can be said against objects of one machine that is about more than one of them."""
    consumers = consumers or Consumers()
    insides = {id(m.structure): cache(partial(_inside, m.structure)) for m in members}
    for rule in rules_of(Together):
        for member, path, said in rule.check(Together(members), consumers):
            structure = member.structure
            place = Place(structure, 0, type(structure).__name__, None, consumers)
            problem = _aimed(structure, insides[id(structure)], rule.id, path, said)
            problem = problem._replace(source=rule.source)
            yield member, _finding(place, problem, rule.level, rule.advice)


Inside = Callable[[], dict[str, tuple[int, Structure]]]


def _inside(structure: Structure) -> dict[str, tuple[int, Structure]]:
    return {name: (offset, child) for name, offset, child in structure.children()}


def _aimed(structure: Structure, inside: Inside, id: str, path: str, said: str) -> Problem:
    """A problem at the field that a path leads to."""
    step, _, rest = path.partition(".")
    if not rest:
        return structure.trouble(id, step, said)
    offset, child = inside()[step]
    return _aimed(child, partial(_inside, child), id, rest, said).moved(offset, step)


def _finding(place: Place, problem: Problem, level: Level, advice: str) -> Finding:
    value = _value(place.structure, problem.path)
    at = problem.moved(place.offset, place.path)
    return Finding(at.id, level, at.offset, at.path, value, at.rule, at.source, advice)


def _value(structure: Structure, path: str) -> int | str | None:
    """The value of the field that a path leads to; None where no one value is meant."""
    value: Any = structure
    for name, index in re.findall(r"(\w+)(?:\[(\d+)\])?", path):
        value = getattr(value, name, None)
        if index:
            value = value[int(index)] if isinstance(value, tuple) else None
    if isinstance(value, Structure):
        return value.brief
    if isinstance(value, bytes):
        return value.hex() if len(value) <= _LONG else f"{len(value)} bytes"
    if isinstance(value, int):
        return int(value)
    return None if value is None or isinstance(value, tuple) else str(value)
