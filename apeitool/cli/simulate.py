"""``apeitool simulate``: firmware, a guest and the memory between them, step by step."""

from __future__ import annotations

import json
import textwrap
from typing import IO, TYPE_CHECKING, Any

import click

from apeitool.cli.options import integer
from apeitool.cli.simulations.block import block as block_command
from apeitool.cli.simulations.burst import burst
from apeitool.cli.simulations.choose import choose
from apeitool.cli.simulations.matrix import matrix
from apeitool.cli.simulations.touched_poison import touched_poison
from apeitool.linux.features import DEFAULT, KERNELS, kernel

if TYPE_CHECKING:
    from apeitool.scenarios.sea_or_sei import Setting, Story

SEVERITIES = ("recoverable", "fatal", "corrected", "informational")
AETS = ("ce", "ueo", "uer", "ueu", "uc")
WIDTH = 96


@click.group("simulate", short_help="Step through what firmware and Linux do.")
def command() -> None:
    """Step through what firmware and Linux do about an error, without booting anything."""


command.add_command(block_command)
command.add_command(burst)
command.add_command(touched_poison)
command.add_command(matrix)
command.add_command(choose)


def _options(function: Any) -> Any:
    """What both tellings of an error share."""
    for option in reversed(
        (
            click.option("--severity", type=click.Choice(SEVERITIES),
                         help="How bad the error is.  [default: recoverable]"),
            click.option("--address", type=integer,
                         help="Physical address that a task touches and the record names."),
            click.option("--block", type=click.File("rb"), metavar="FILE",
                         help="Publish this status block instead (raw bytes; - for stdin)."),
            click.option("--kernel", "release", type=click.Choice(list(KERNELS)),
                         default=DEFAULT.release, show_default=True, help="Which Linux."),
            click.option("--json", "as_json", is_flag=True, help="Everything, as JSON."),
        )
    ):  # fmt: skip
        function = option(function)
    return function


@command.command("sea")
@_options
@click.option("--task", "task", type=click.Choice(["normal", "rt", "kernel"]), default="normal",
              show_default=True, help="Who touches the page: a process, a real-time one, or the "
              "kernel itself.")  # fmt: skip
def sea(
    severity: str | None,
    address: int | None,
    block: IO[bytes] | None,
    release: str,
    as_json: bool,
    task: str,
) -> None:
    """Tell the error as a synchronous external abort.

    Linux asks the sources that notify by SEA, and does what their record asks for.
    """
    from apeitool.scenarios.sea_or_sei import Setting

    setting = Setting(kernel(release), is_real_time=task == "rt", in_kernel=task == "kernel")
    stories = _tell(("sea",), severity, address, block, setting)
    _show(stories, setting, as_json=as_json)


@command.command("sei")
@_options
@click.option("--aet", type=click.Choice(AETS, case_sensitive=False), default="uer",
              show_default=True, help="The state that the SError's syndrome says the processor "
              "is in.")  # fmt: skip
@click.option("--ras/--no-ras", "has_ras", default=True, show_default=True,
              help="Whether the processor has the RAS extension.")  # fmt: skip
def sei(
    severity: str | None,
    address: int | None,
    block: IO[bytes] | None,
    release: str,
    as_json: bool,
    aet: str,
    has_ras: bool,
) -> None:
    """Tell the error as an SError interrupt.

    Linux has no driver for sources that notify by SEI: it judges the SError by its syndrome and
    never reads the record.  What the same error told as an SEA comes to is said at the end.
    """
    from apeitool.registers.arm_syndrome import AsynchronousErrorType
    from apeitool.scenarios.sea_or_sei import Setting

    setting = Setting(kernel(release), has_ras=has_ras, aet=AsynchronousErrorType[aet.upper()])
    stories = _tell(("sei", "sea"), severity, address, block, setting)
    _show(stories, setting, as_json=as_json)


def _tell(
    names: tuple[str, ...],
    severity: str | None,
    address: int | None,
    block: IO[bytes] | None,
    setting: Setting,
) -> list[Story]:
    """The same error, told in each of these ways."""
    from apeitool.acpi.status import StatusBlock
    from apeitool.cper.severity import Severity
    from apeitool.scenarios.sea_or_sei import ADDRESS, record, run

    if block is None:
        touched = ADDRESS if address is None else address
        data = record(Severity[(severity or "recoverable").upper()], touched).to_bytes()
    elif severity is not None:
        raise click.UsageError("--block has a severity of its own: leave out --severity")
    else:
        data = block.read()
        named = (a for s in StatusBlock.from_bytes(data).sections for a in s.physical_addresses)
        touched = next(named, ADDRESS) if address is None else address
    return [run(name, data, address=touched, setting=setting) for name in names]


def _show(stories: list[Story], setting: Setting, *, as_json: bool) -> None:
    if as_json:
        click.echo(_json(stories, setting))
        return
    told, *others = stories
    click.echo("\n".join(_text(told, setting)))
    for other in others:
        click.echo(f"\nThe same error told as {other.telling.name.upper()}:")
        click.echo("\n".join(_ending(other)))


def _text(story: Story, setting: Setting) -> list[str]:
    name, release = story.telling.name.upper(), setting.features.release
    lines = [f"An error at {story.address:#x}, told as {name} to Linux {release} on arm64", ""]
    for number, step in enumerate(story.steps, 1):
        head = f"{number:4}  {step.actor.value:8}  "
        lines += _wrapped(head, step.what)
        lines += [f"{'':16}| {line}" for line in step.lines]
    return [*lines, "", *_ending(story)]


def _ending(story: Story) -> list[str]:
    outcome = story.outcome
    state = "read and cleared" if story.is_read else "never read, still in its block"
    state += ", acknowledged" if story.is_acknowledged else ", never acknowledged"
    return [
        *_wrapped("Outcome:  ", outcome.sentence),
        *_wrapped("Because:  ", f"{outcome.reason}."),
        *_wrapped("Record:   ", f"{state}."),
        *_wrapped("Source:   ", outcome.source),
    ]


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))


def _json(stories: list[Story], setting: Setting) -> str:
    from apeitool import __version__
    from apeitool.render.json import SCHEMA

    items = [_plain(story, setting) for story in stories]
    document = {"schema": SCHEMA, "tool": f"apeitool {__version__}", "items": items}
    return json.dumps(document, indent=2)


def _plain(story: Story, setting: Setting) -> dict[str, Any]:
    outcome, signal = story.outcome, story.outcome.signal
    return {
        "type": "Simulation",
        "told_as": story.telling.name,
        "kernel": setting.features.release,
        "address": f"{story.address:#x}",
        "steps": [
            {
                "time": step.time,
                "actor": step.actor.value,
                "what": step.what,
                "lines": list(step.lines),
                "source": step.source,
            }
            for step in story.steps
        ],
        "outcome": {
            "fate": outcome.fate.value,
            "survived": outcome.is_survived,
            "sentence": outcome.sentence,
            "reason": outcome.reason,
            "source": outcome.source,
            "signal": signal
            and {
                "name": signal.name,
                "code": int(signal.code),
                "code_name": signal.code.name,
                "address": f"{signal.address:#x}",
                "lsb": signal.lsb,
            },
        },
        "read": story.is_read,
        "acknowledged": story.is_acknowledged,
    }
