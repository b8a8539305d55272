"""``apeitool simulate matrix``: what becomes of a guest in every way of telling it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from apeitool.cli.simulations.touched_poison import (
    EXCEPTIONS,
    GUESTS,
    HOSTS,
    POLICIES,
    SEVERITIES,
    document,
    of_world,
    world,
)

if TYPE_CHECKING:
    from apeitool.scenarios.touched_poison import Story

_ROW = 34


@click.command("matrix", short_help="The outcome of every combination, each with its reason.")
@click.option("--exception", "exceptions", type=click.Choice(EXCEPTIONS), multiple=True,
              help="Only of what the processor takes to firmware.")  # fmt: skip
@click.option("--severity", "severities", type=click.Choice(SEVERITIES), multiple=True,
              help="Only of errors that are so bad.")  # fmt: skip
@click.option("--host", "hosts", type=click.Choice(HOSTS), multiple=True,
              help="Only if firmware tells the host so.")  # fmt: skip
@click.option("--vmm", "policies", type=click.Choice(POLICIES), multiple=True,
              help="Only for this VMM.")  # fmt: skip
@click.option("--guest", "guests", type=click.Choice(GUESTS), multiple=True,
              help="Only for this guest.")  # fmt: skip
@world
@click.option("--why", "is_explained", is_flag=True, help="Each cell with its reason and source.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def matrix(
    exceptions: tuple[str, ...],
    severities: tuple[str, ...],
    hosts: tuple[str, ...],
    policies: tuple[str, ...],
    guests: tuple[str, ...],
    is_explained: bool,
    as_json: bool,
    **rest: Any,
) -> None:
    """Run every combination: exception, severity, host, VMM and guest.

    Each cell is the story of touched-poison, run by all parties.  An exclamation mark says that
    somebody is told what the exception does not mean.
    """
    from apeitool.cper.severity import Severity
    from apeitool.host.vmm import POLICIES as KNOWN
    from apeitool.scenarios.matrix import cells
    from apeitool.scenarios.touched_poison import HardwareException, HostTelling

    stories = [
        *cells(
            of_world(**rest),
            exceptions=[HardwareException(name) for name in exceptions or EXCEPTIONS],
            severities=[Severity[name.upper()] for name in severities or SEVERITIES],
            hosts=[HostTelling(name) for name in hosts or HOSTS],
            policies=[KNOWN[name] for name in policies or POLICIES],
            guests=[name == "sei-capable" for name in guests or GUESTS],
        )
    ]
    if as_json:
        click.echo(document(stories))
    else:
        click.echo("\n".join(_why(stories) if is_explained else _grids(stories)))


def _grids(stories: list[Story]) -> Iterator[str]:
    from apeitool.scenarios.touched_poison import MEANINGS

    policies = dict.fromkeys(story.setting.policy for story in stories)
    for has_sei in dict.fromkeys(story.setting.has_sei for story in stories):
        yield "SEI-capable guest" if has_sei else "Mainline guest"
        numbers = "".join(f"{number:>4}" for number in range(1, len(policies) + 1))
        yield f"{'exception  severity     host':{_ROW}}{numbers}"
        yield from _rows([story for story in stories if story.setting.has_sei == has_sei])
        yield ""
    for number, policy in enumerate(policies, 1):
        yield f"{number:4}  {policy.name:22} {policy.title}"
    yield ""
    for end in dict.fromkeys(sorted((s.end for s in stories), key=[*MEANINGS].index)):
        yield f"   {end.name[0]}  {end.value}: {MEANINGS[end]}"
    if any(story.objections for story in stories):
        yield "   !  somebody is told what the exception does not mean"


def _rows(stories: list[Story]) -> Iterator[str]:
    rows: dict[str, str] = {}
    for story in stories:
        setting = story.setting
        head = (
            f"{setting.exception.value:10} {setting.severity.name.lower():12} {setting.host.value}"
        )
        cell = story.end.name[0] + ("!" if story.objections else " ")
        rows[head] = rows.get(head, f"{head:{_ROW}}") + f"  {cell:2}"
    yield from (row.rstrip() for row in rows.values())


def _why(stories: list[Story]) -> Iterator[str]:
    for story in stories:
        setting = story.setting
        guest = "sei-capable" if setting.has_sei else "mainline"
        yield (
            f"{setting.exception.value} {setting.severity.name.lower()} {setting.host.value} "
            f"{setting.policy.name} {guest}: {story.end.value}"
        )
        yield f"    {story.reason}"
        yield from (f"    wrong: {objection}" for objection in story.objections)
        yield f"    [{story.source}]"
