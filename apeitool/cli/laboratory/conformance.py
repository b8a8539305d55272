"""``lab conformance``: whether the modelled Linux does what real ones do."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apeitool.cli.options import talk
from apeitool.errors import MissingError
from apeitool.linux.features import KERNELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from apeitool.lab.conformance.compare import Agreement

_FULL_BLOCKS, _FULL_PANICS, _FULL_TABLES = 1000, 40, 60
_SHOWN = 5
_SEEDS = 1 << 32


START, END = (
    "<!-- written by apeitool lab conformance --page -->",
    "<!-- end of what is written -->",
)


def _a_page(context: click.Context, option: click.Parameter, page: Path | None) -> Path | None:
    """A page that has the marks; it is looked at before hours go by."""
    if page is None:
        return None
    try:
        _parts(page.read_text("utf-8"))
    except OSError as error:
        raise click.BadParameter(f"{page}: {error.strerror}") from error
    except ValueError as error:
        raise click.BadParameter(f"{page} lacks the marks {START!r} and {END!r}") from error
    return page


@click.command("conformance", short_help="Compare the modelled Linux with real ones.")
@click.option("--arch", "architectures", type=click.Choice(["x86", "arm64"]), multiple=True,
              help="Of this processor; else of both.")  # fmt: skip
@click.option("--kernel", "releases", type=click.Choice(list(KERNELS)), multiple=True,
              help="This Linux; else all that are in the cache.")  # fmt: skip
@click.option("--blocks", type=click.IntRange(0), default=150, show_default=True,
              help="So many status blocks for each kernel.")  # fmt: skip
@click.option("--panics", type=click.IntRange(0), default=8, show_default=True,
              help="So many status blocks that end a guest, for each kernel.")  # fmt: skip
@click.option("--tables", type=click.IntRange(0), default=40, show_default=True,
              help="So many HESTs for each kernel.")  # fmt: skip
@click.option("--full", is_flag=True,
              help=f"{_FULL_BLOCKS} blocks, {_FULL_PANICS} that end a guest, and {_FULL_TABLES} HESTs.")  # fmt: skip
@click.option("--seed", type=int, help="The same seed gives the same bytes; else one is drawn.")
@click.option("--page", type=click.Path(path_type=Path), callback=_a_page,
              help="Write the result between the marks of this page.")  # fmt: skip
@click.pass_context
def command(
    context: click.Context,
    architectures: tuple[str, ...],
    releases: tuple[str, ...],
    blocks: int,
    panics: int,
    tables: int,
    full: bool,
    seed: int | None,
    page: Path | None,
) -> None:
    """Give the same bytes to real kernels and to the modelled one, and compare.

    Status blocks are told by NMI on x86 and by genuine SEAs on arm64: a sound one of every section
    type, one with every defect, and damaged ones, all drawn by the seed; those that end a guest have one
    each.  HESTs are booted with: one of
    every defect, then drawn ones.  Compared are the kernel's lines, block status, Read Ack, the signal
    of the process, and which sources are bound to.

    Needs `apeitool lab setup`, for each kernel.  Exit status 1 when something differs.
    """
    if full:
        blocks, panics, tables = _FULL_BLOCKS, _FULL_PANICS, _FULL_TABLES
    if seed is None:
        seed = secrets.randbelow(_SEEDS)
    click.echo(f"seed {seed}")
    results = list(_results(architectures, releases, (blocks, panics, tables), seed))
    if not results:
        raise MissingError("nothing was compared", remedy="run 'apeitool lab setup'")
    for line in _differences(results):
        click.echo(line)
    click.echo()
    for line in table(results):
        click.echo(line)
    if page is not None:
        _write(page, results, seed)
    context.exit(1 if any(result.differences for result in results) else 0)


def _results(
    architectures: Sequence[str], releases: Sequence[str], counts: tuple[int, int, int], seed: int
) -> Iterator[Agreement]:
    """What each kernel came to; one that is absent is told, if it was not asked for."""
    from apeitool.cli.lab import machine_of
    from apeitool.lab import images
    from apeitool.lab.conformance.compare import compare_blocks, compare_panics, compare_tables

    for architecture in architectures or ("x86", "arm64"):
        for release in releases or images.RELEASES:
            try:
                found = images.find(machine=machine_of(architecture), release=release)
            except MissingError as missing:
                if releases and architectures:
                    raise
                talk(f"not compared: {missing}")
                continue
            for compare, count in zip((compare_blocks, compare_panics, compare_tables), counts,
                                      strict=True):  # fmt: skip
                if count:
                    yield compare(found, count=count, seed=seed, say=talk)


def _differences(results: Sequence[Agreement]) -> Iterator[str]:
    """The first differences of each, in full."""
    for result in results:
        for difference in result.differences[:_SHOWN]:
            yield ""
            yield f"{result.what}, {result.linux}, {result.architecture}: {difference.kind}"
            yield "--- the model\n+++ the kernel"
            yield from difference.lines
            yield f"given: {difference.given.hex()}"
        if left := len(result.differences[_SHOWN:]):
            yield f"and {left} more"


def table(results: Sequence[Agreement]) -> Iterator[str]:
    """A row for each kernel, in Markdown."""
    yield "| Linux | processor | given | classes | agree |"
    yield "|---|---|---|---|---|"
    for result in results:
        yield (
            f"| {result.linux} | {result.architecture} | {result.total} {result.what} "
            f"| {len(result.given)} | {result.agreed} ({result.agreed / max(result.total, 1):.1%}) |"
        )


def _write(page: Path, results: Sequence[Agreement], seed: int) -> None:
    """Put the rows between the marks of a page."""
    before, after = _parts(page.read_text("utf-8"))
    day = datetime.now(UTC).date()
    said = "\n".join([f"{day}, seed {seed}:", "", *table(results), *_quoted(results)])
    page.write_text(f"{before}{START}\n\n{said}\n\n{END}{after}", "utf-8")


def _parts(text: str) -> tuple[str, str]:
    """What is before the marks of a page, and behind them."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError
    return before, after


def _quoted(results: Sequence[Agreement]) -> Iterator[str]:
    lines = list(_differences(results))
    if lines:
        yield from ("", "```", *lines, "```")
