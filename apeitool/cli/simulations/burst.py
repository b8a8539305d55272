"""``apeitool simulate burst``: what becomes of many errors, counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from apeitool.linux.features import DEFAULT, KERNELS, kernel

if TYPE_CHECKING:
    from apeitool.scenarios.burst import End, Setting, Story

WAYS = ("polled", "interrupt", "nmi", "sdei")
SEVERITIES = ("recoverable", "fatal", "corrected", "informational")
PICTURES = (".svg", ".png", ".pdf")
BAR = 40
MOST = 100_000
SECONDS = click.FloatRange(0, 1e6)


def interval(text: str) -> tuple[float, float]:
    """Seconds as ``START-STOP``."""
    start, _, stop = text.partition("-")
    found = (float(start), float(stop))
    if not 0 <= found[0] < found[1] <= SECONDS.max:  # type: ignore[operator]
        raise ValueError("not in order")
    return found


def picture(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """A file for a picture.

    Raises:  BadParameter when its name tells no form of pictures.
    """
    if path is not None and path.suffix not in PICTURES:
        raise click.BadParameter(f"its name must end in one of {', '.join(PICTURES)}")
    return path


@click.command("burst", short_help="What becomes of many errors: printed, acted on, lost.")
@click.option("--errors", type=click.IntRange(1, MOST), default=100, show_default=True,
              help="How many errors.")  # fmt: skip
@click.option("--every", type=click.FloatRange(1e-6, 1e4), default=0.1, show_default=True,
              help="Seconds from one to the next, on average.")  # fmt: skip
@click.option("--regular", is_flag=True, help="Exactly so many seconds, instead of at random.")
@click.option("--distinct", type=click.IntRange(0, MOST), default=0,
              help="How many different errors there are, drawn by lot; without it, all are.")  # fmt: skip
@click.option("--severity", type=click.Choice(SEVERITIES), default="corrected", show_default=True,
              help="How bad each is.")  # fmt: skip
@click.option("--notify", "way", type=click.Choice(WAYS), default="polled", show_default=True,
              help="How Linux is told; sdei on arm64, the others on x86.")  # fmt: skip
@click.option("--poll-interval", type=click.IntRange(1, 10**7), default=1000, show_default=True,
              help="Poll interval of the source, in ms.")  # fmt: skip
@click.option("--latency", type=SECONDS, default=0.0005, show_default=True,
              help="Seconds from a notification until its handler has run.")  # fmt: skip
@click.option("--sources", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many sources, each with a block.")  # fmt: skip
@click.option("--length", type=click.IntRange(0, 65536), default=0,
              help="Bytes of each block; without it, those of one memory error.")  # fmt: skip
@click.option("--late", "masked", type=interval, multiple=True, metavar="START-STOP",
              help="Seconds during which the guest has interrupts off.")  # fmt: skip
@click.option("--dead", "dead_at", type=SECONDS, help="After so many seconds the guest is dead.")
@click.option("--again", type=click.FloatRange(1e-3, 1e6),
              help="Firmware notifies again after so many seconds without acknowledgement.")  # fmt: skip
@click.option("--kernel", "release", type=click.Choice(list(KERNELS)), default=DEFAULT.release,
              show_default=True, help="Which Linux.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True,
              help="What is drawn by lot follows from it.")  # fmt: skip
@click.option("--runs", type=click.IntRange(1, 10_000), default=1,
              help="So many runs, each with the next seed.")  # fmt: skip
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), callback=picture,
              help="Draw the (first) run: .svg, .png or .pdf.  Needs matplotlib.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def burst(
    severity: str,
    way: str,
    release: str,
    regular: bool,
    masked: tuple[tuple[float, float], ...],
    runs: int,
    plot: Path | None,
    as_json: bool,
    **rest: Any,
) -> None:
    """Let many errors come, and count what becomes of each.

    Firmware has a block for each source.  An error that finds none free is not published.  Linux
    polls, or is interrupted; it may be late, because interrupts are off, or dead.  What it reads it
    acts on, prints or does not: what it printed within 10 seconds is not printed again, and of
    others no more than two in 5 seconds.  From an NMI or an SDEI event it needs memory for a copy.
    """
    from apeitool.cper.severity import Severity
    from apeitool.scenarios import burst as scenario

    setting = scenario.Setting(
        severity=Severity[severity.upper()], way=scenario.Way(way), features=kernel(release),
        is_random=not regular, masked=_merged(masked), **rest,
    )  # fmt: skip
    stories = [*scenario.runs(setting, runs)]
    if plot is not None:
        from apeitool.cli.simulations.picture import draw

        draw(stories[0], plot)
    click.echo(_json(stories) if as_json else "\n".join(_text(stories)))


def _merged(masked: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    """The same times, each in one interval only."""
    found: list[tuple[float, float]] = []
    for start, stop in sorted(masked):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return tuple(found)


def headline(setting: Setting) -> str:
    """What comes, and how the guest is told."""
    about = "about " if setting.is_random else ""
    kinds = f", {setting.distinct} of them different" if setting.distinct else ""
    told = f"polled every {setting.poll_interval} ms"
    if setting.way.value != "polled":
        told = (
            f"told by {setting.way.value if setting.way.value == 'interrupt' else setting.way.name}"
        )
    blocks = "one block" if setting.sources == 1 else f"{setting.sources} blocks"
    return (
        f"{setting.errors} {setting.severity.text} errors{kinds}, {about}{setting.every:g} s apart, "
        f"{blocks}, Linux {setting.features.release} {told}"
    )


def _text(stories: list[Story]) -> Iterator[str]:
    first = stories[0]
    yield headline(first.setting)
    yield from _guest(first.setting)
    seeds = first.setting.seed
    yield f"Seed {seeds}" if len(stories) == 1 else f"Seeds {seeds} to {seeds + len(stories) - 1}"
    yield ""
    if len(stories) == 1:
        yield from _bars(first)
        yield ""
        yield from _remarks(first)
        return
    yield "   least  median    most"
    for end in first.counts:
        found = [story.counts[end] for story in stories]
        yield f"{min(found):8}{median(found):8g}{max(found):8}   {end.value}"


def _guest(setting: Setting) -> Iterator[str]:
    for start, stop in setting.masked:
        yield f"Interrupts are off from {start:g} s to {stop:g} s"
    if setting.dead_at is not None:
        yield f"The guest is dead after {setting.dead_at:g} s"


def _bars(story: Story) -> Iterator[str]:
    total = len(story.errors)
    for end, count in story.counts.items():
        bar = "#" * round(BAR * count / total)
        yield f"{count:8}  {bar:{BAR}}  {end.value}"


def _remarks(story: Story) -> Iterator[str]:
    is_polled = story.setting.way.value == "polled"
    how = f"polled {story.polls} times" if is_polled else f"notified {story.notifications} times"
    yield f"The guest was {how}; the last error came after {story.errors[-1].time:.3g} s."
    if story.delays is not None:
        middle, longest = story.delays
        yield f"A block was the guest's for {middle:.3g} s (median), {longest:.3g} s at most."
    if story.exhausted:
        yield f"There was no memory for a copy {story.exhausted} times."
    if story.suppressed:
        yield f"The kernel's log tells of {story.suppressed} reports that it kept back."
    if story.outcome is not None:
        yield f"{story.outcome.sentence} {story.outcome.reason[0].upper()}{story.outcome.reason[1:]}."


def _json(stories: list[Story]) -> str:
    from apeitool import __version__
    from apeitool.render.json import SCHEMA

    items = [_plain(story, with_errors=len(stories) == 1) for story in stories]
    document = {"schema": SCHEMA, "tool": f"apeitool {__version__}", "items": items}
    return json.dumps(document, indent=2)


def _plain(story: Story, *, with_errors: bool) -> dict[str, Any]:
    setting = story.setting
    found: dict[str, Any] = {
        "type": "BurstSimulation",
        "kernel": setting.features.release,
        "notify": setting.way.value,
        "severity": setting.severity.text,
        "seed": setting.seed,
        "counts": {_name(end): count for end, count in story.counts.items()},
        "polls": story.polls,
        "notifications": story.notifications,
        "no_memory": story.exhausted,
        "suppressed_by_log": story.suppressed,
        "median_delay": story.delays and story.delays[0],
        "longest_delay": story.delays and story.delays[1],
        "panicked": story.outcome is not None,
    }
    if with_errors:
        found["errors"] = [
            {"time": e.time, "kind": e.kind, "end": _name(e.end), "read_at": e.read_at}
            for e in story.errors
        ]
    return found


def _name(end: End) -> str:
    return end.name.lower()
