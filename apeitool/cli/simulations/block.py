"""``apeitool simulate block``: what Linux does with a block of one's own."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from apeitool.cli.options import Reader, integer, known_kind, talk
from apeitool.errors import ApeiError
from apeitool.linux.features import DEFAULT, KERNELS, kernel

if TYPE_CHECKING:
    from apeitool.acpi.hest.table import Hest
    from apeitool.ospm.outcome import Did
    from apeitool.scenarios.block import Meeting, Setting, Story
    from apeitool.wire.record import Structure

WIDTH = 96
MOST = 10_000
"""How often blocks are put to a source at most."""


def address_range(text: str) -> range:
    """Addresses as ``FIRST-LAST``."""
    first, _, last = text.partition("-")
    found = range(integer(first), integer(last) + 1)
    if not found:
        raise ValueError("empty")
    return found


@click.command("block", short_help="What Linux does with your own status block and HEST.")
@click.argument("path", metavar="BLOCK")
@click.option("--as", "kind", metavar="KIND", callback=known_kind, help="What the bytes are.")
@click.option("--hest", "hest_path", metavar="FILE", type=click.Path(path_type=Path),
              help="The HEST, in any form that decode reads; without it, that of `new hest`.")  # fmt: skip
@click.option("--source", "source_id", type=integer, help="Id of the source; else the first one.")
@click.option("--kernel", "release", type=click.Choice(list(KERNELS)), default=DEFAULT.release,
              show_default=True, help="Which Linux.")  # fmt: skip
@click.option("--arch", "architecture", type=click.Choice(["x86", "arm64"]),
              help="What it was built for; by default what has such a notification, or such errors.")  # fmt: skip
@click.option("--repeat", type=click.IntRange(1, MOST), default=1, help="Put it there so often.")
@click.option("--every", type=click.FloatRange(0), default=1.0, show_default=True,
              help="Seconds from one to the next.")  # fmt: skip
@click.option("--at", "times", metavar="SECONDS,...",
              help="Put it there at these times, instead of --repeat and --every.")  # fmt: skip
@click.option("--ram", type=address_range, multiple=True, metavar="FIRST-LAST",
              help="Physical addresses that are RAM; without it, all are.")  # fmt: skip
@click.option("--pci", "functions", multiple=True, metavar="SSSS:BB:DD.F",
              help="A PCI function that there is; without it there is none.")  # fmt: skip
@click.option("--mce/--no-mce", "has_machine_checks", default=True, show_default=True,
              help="Whether a kernel for x86 handles machine checks; Debian's for clouds do not.")  # fmt: skip
@click.option("--panic-timeout", type=int, default=0, show_default=True,
              help="The kernel's parameter panic=.")  # fmt: skip
@click.option("--task", type=click.Choice(["normal", "rt", "kernel"]), default="normal",
              show_default=True, help="With SEA: who touches the first page that it names.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def block(
    path: str,
    kind: str | None,
    hest_path: Path | None,
    source_id: int | None,
    release: str,
    architecture: str | None,
    repeat: int,
    every: float,
    times: str | None,
    ram: tuple[range, ...],
    functions: tuple[str, ...],
    has_machine_checks: bool,
    panic_timeout: int,
    task: str,
    as_json: bool,
) -> None:
    """Put a status block to a source, as Linux meets it.

    BLOCK is anything that decode reads: raw bytes, hex, a log, JSON.  Records and sections are made
    into a block first; of many blocks each has its turn.  Said are whether Linux binds to the source,
    what it looks at in the block and how that comes out, what it prints and does, what is left in
    the block and in Read Ack, and how it ends.  What it printed before has its effect: a repetition
    is not printed again, and of others no more than two in five seconds.
    """
    from apeitool.cli.dmesg import Kernel
    from apeitool.linux.features import Architecture
    from apeitool.scenarios.block import ARCHITECTURES, EVERYWHERE, Setting, generic_source, run

    hest = _hest(hest_path)
    described = generic_source(hest, source_id)
    given = _blocks(path, kind)
    built = ARCHITECTURES.get(described.notification.type)
    if built is None or architecture:
        built = Kernel(release, architecture).architecture_of(given[0])
    setting = Setting(
        kernel(release), built, ram or EVERYWHERE, frozenset(functions), panic_timeout,
        has_machine_checks=has_machine_checks and built is Architecture.X86,
        is_real_time=task == "rt", in_kernel=task == "kernel",
    )  # fmt: skip
    data = [each.to_bytes() for each in given]
    blocks = [*_scheduled(data, _times(times, repeat, every, len(data)))]
    story = run(blocks, hest, described.source_id, setting)
    click.echo(_json(story, setting) if as_json else "\n".join(_text(story, setting)))


def _times(times: str | None, repeat: int, every: float, count: int) -> list[float]:
    """When a block is put there.

    Raises:  BadParameter for what are no times, or too many.
    """
    if times is None:
        wanted = [number * every for number in range(repeat * count)]
    else:
        try:
            wanted = [float(text) for text in times.split(",")]
        except ValueError as wrong:
            raise click.BadParameter(f"--at takes seconds, {times!r} are none") from wrong
        if wanted != sorted(wanted) or not all(0 <= time < float("inf") for time in wanted):
            raise click.BadParameter("--at takes times in order, none before 0")
    if len(wanted) > MOST:
        raise click.BadParameter(f"{len(wanted)} times are too many, {MOST} will do")
    return wanted


def _scheduled(blocks: list[bytes], times: list[float]) -> Iterator[tuple[float, bytes]]:
    for number, time in enumerate(times):
        yield time, blocks[number % len(blocks)]


def _hest(path: Path | None) -> Hest:
    """The HEST of a file, or the example.

    Raises:  ApeiError when the file holds none.
    """
    from apeitool.acpi.hest.table import Hest
    from apeitool.capture.container import load, read
    from apeitool.cli.example import lab_hest

    if path is None:
        return lab_hest()
    for capture in read(load(path), str(path), kind="hest"):
        return Hest.from_bytes(capture.data)
    raise ApeiError(f"{path}: there is no HEST in it")


def _blocks(path: str, kind: str | None) -> list[Structure]:
    """The blocks of a file.

    Raises:  ApeiError when there are none.
    """
    from apeitool.acpi.conversion import to_blocks
    from apeitool.acpi.status import StatusBlock

    reader = Reader(kind)
    found: list[Structure] = []
    for origin, thing in reader.objects((path,)):
        if isinstance(thing, StatusBlock):
            found.append(thing)
            continue
        made = to_blocks(thing)
        talk(f"{origin}: put there as the status block that reports the same")
        for lost in made.lost:
            talk(f"{origin}: not in it: {lost}")
        found += made.things
    if not found:
        raise ApeiError(f"{path}: there is no status block in it")
    return found


# ---- text


def _text(story: Story, setting: Setting) -> Iterator[str]:
    described, built = story.described, setting.architecture.value
    kind = described.notification.type.text
    yield (
        f"Source {described.source_id}, notified by {kind}, and Linux {setting.features.release} "
        f"on {built}"
    )
    yield "\nAt boot"
    yield from _steps(story.booted)
    if not story.is_bound:
        yield from _wrapped("\nOutcome:  ", f"Linux does not listen to the source: {_why(story)}.")
        return
    for number, meeting in enumerate(story.meetings, 1):
        yield f"\nAt {meeting.time:g} s, block {number} of {len(meeting.block)} bytes"
        yield from _meeting(meeting)
    if story.end is not None:
        yield ""
        yield from _wrapped("Outcome:  ", story.end.sentence)
        yield from _wrapped("Because:  ", f"{story.end.reason}.")
        yield from _wrapped("Source:   ", story.end.source)
    else:
        yield from ("", "Outcome:  The guest survives.")


def _why(story: Story) -> str:
    if not story.hest.accepted:
        return "it refuses the whole HEST"
    if story.bound is None:
        return "it is not enabled" if not story.described.enabled else "it is passed over"
    return f"probing it ends with errno {story.bound.errno}"


def _meeting(meeting: Meeting) -> Iterator[str]:
    if meeting.objection:
        yield from _wrapped("  note  ", f"firmware should not put it there: {meeting.objection}")
    for check in meeting.checks:
        yield from _wrapped("  yes   " if check.passed else "  NO    ", check.what)
    yield from _steps(meeting.did)
    left = f"the block status is {meeting.status:#x}"
    if meeting.read_ack is not None and meeting.armed is not None:
        left += f", Read Ack {meeting.read_ack:#x} (before, {meeting.armed:#x})"
    yield from _wrapped("  left  ", left)


def _steps(did: tuple[Did, ...]) -> Iterator[str]:
    from apeitool.render.harmless import harmless

    for each in did:
        yield from _wrapped("  -     ", each.what)
        yield from (f"        | {harmless(line)}" for line in each.lines)


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * 8)


# ---- JSON


def _json(story: Story, setting: Setting) -> str:
    from apeitool import __version__
    from apeitool.render.json import SCHEMA

    described, bound = story.described, story.bound
    item = {
        "type": "BlockSimulation",
        "kernel": setting.features.release,
        "architecture": setting.architecture.value,
        "source": {
            "id": described.source_id,
            "type": type(described).__name__,
            "notification": described.notification.type.text,
        },
        "hest": {"accepted": story.hest.accepted, "errno": story.hest.errno},
        "bound": story.is_bound,
        "errno": bound.errno if bound is not None else None,
        "boot": [_did(each) for each in story.booted],
        "blocks": [_plain(meeting) for meeting in story.meetings],
        "panicked": story.end is not None and not story.end.is_survived,
        "outcome": story.end
        and {
            "fate": story.end.fate.value,
            "sentence": story.end.sentence,
            "reason": story.end.reason,
            "source": story.end.source,
        },
    }
    document = {"schema": SCHEMA, "tool": f"apeitool {__version__}", "items": [item]}
    return json.dumps(document, indent=2)


def _plain(meeting: Meeting) -> dict[str, Any]:
    return {
        "time": meeting.time,
        "length": len(meeting.block),
        "objection": meeting.objection or None,
        "checks": [
            {"what": check.what, "passed": check.passed, "line": check.line or None}
            for check in meeting.checks
        ],
        "steps": [_did(each) for each in meeting.did],
        "effects": [each.effect.name.lower() for each in meeting.did if each.effect],
        "block_status": f"{meeting.status:#x}",
        "read_ack_before": None if meeting.armed is None else f"{meeting.armed:#x}",
        "read_ack": None if meeting.read_ack is None else f"{meeting.read_ack:#x}",
    }


def _did(did: Did) -> dict[str, Any]:
    return {"what": did.what, "lines": list(did.lines), "source": did.source}
