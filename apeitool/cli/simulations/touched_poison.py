"""``apeitool simulate touched-poison``: a guest touches bad memory, step by step."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from apeitool.cli.options import integer
from apeitool.linux.features import DEFAULT, KERNELS, kernel

if TYPE_CHECKING:
    from apeitool.scenarios.touched_poison import Setting, Story

WIDTH = 96

EXCEPTIONS = ("sea", "serror")
HOSTS = ("sea", "sei", "interrupt", "polled", "sdei", "none")
SEVERITIES = ("corrected", "recoverable", "fatal")
POLICIES = (
    "qemu", "kvmtool", "discussion", "discussion-polled", "required-by-sei",
    "required-by-interrupt", "required-by-polling", "optional-by-sea", "optional-by-sei", "silent",
)  # fmt: skip
GUESTS = ("mainline", "sei-capable")
PAGES = ("4K", "64K", "2M", "1G")
AETS = ("ce", "ueo", "uer", "ueu", "uc")


def world(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options about what is the same in each story."""
    for option in reversed(
        (
            click.option("--page", type=click.Choice(PAGES), default="4K", show_default=True,
                         help="In which the host has the guest's memory."),
            click.option("--address", type=integer,
                         help="Guest-physical address of the bad memory."),
            click.option("--host-kernel", type=click.Choice(list(KERNELS)), show_default=True,
                         default=DEFAULT.release, help="Which Linux the host is."),
            click.option("--guest-kernel", type=click.Choice(list(KERNELS)), show_default=True,
                         default=DEFAULT.release, help="Which Linux the guest is."),
        )
    ):  # fmt: skip
        function = option(function)
    return function


def of_world(
    page: str, address: int | None, host_kernel: str, guest_kernel: str, **more: Any
) -> Setting:
    """The setting that these options ask for.

    Raises:  BadParameter for an address that is no memory of the guest.
    """
    from apeitool.scenarios.touched_poison import ADDRESS, SLOT, Setting

    start, _, _, length = SLOT
    touched = ADDRESS if address is None else address
    if not start <= touched < start + length:
        raise click.BadParameter(
            f"--address: the guest has memory from {start:#x} to {start + length - 1:#x}"
        )
    return Setting(
        page=page, address=touched, host_features=kernel(host_kernel),
        guest_features=kernel(guest_kernel), **more,
    )  # fmt: skip


@click.command("touched-poison", short_help="A guest touches bad memory: the story, step by step.")
@click.option("--exception", type=click.Choice(EXCEPTIONS), default="serror", show_default=True,
              help="What the processor takes to firmware.")  # fmt: skip
@click.option("--host", type=click.Choice(HOSTS), default="interrupt", show_default=True,
              help="How firmware tells the host; none: the exception goes to the host itself.")  # fmt: skip
@click.option("--vmm", "policy", type=click.Choice(POLICIES), default="discussion-polled",
              show_default=True, help="What the VMM does about signals.")  # fmt: skip
@click.option("--guest", type=click.Choice(GUESTS), default="mainline", show_default=True,
              help="Whether the guest's Linux has the SEI notification that was proposed in 2017.")  # fmt: skip
@click.option("--severity", type=click.Choice(SEVERITIES), default="recoverable", show_default=True,
              help="How bad the error is.")  # fmt: skip
@click.option("--aet", type=click.Choice(AETS),
              help="The state that an SError's syndrome tells of; else what goes with the severity.")  # fmt: skip
@click.option("--slow-task", is_flag=True,
              help="The guest's kernel comes to its interrupts before the task loads again.")  # fmt: skip
@world
@click.option("--mermaid", "as_diagram", is_flag=True, help="A sequence diagram in Mermaid's text.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def touched_poison(
    exception: str,
    host: str,
    policy: str,
    guest: str,
    severity: str,
    aet: str | None,
    slow_task: bool,
    as_diagram: bool,
    as_json: bool,
    **rest: Any,
) -> None:
    """Let a task of a guest load from bad memory.

    The processor takes an exception to firmware, firmware tells the host, the host takes the page
    out of use and signals the VMM, the VMM tells its guest, and the task loads again.  Firmware,
    host, VMM and guest are each told in a way of their own; what becomes of the guest is computed by
    running them all.
    """
    from apeitool.cper.severity import Severity
    from apeitool.host.vmm import POLICIES as KNOWN
    from apeitool.registers.arm_syndrome import AsynchronousErrorType
    from apeitool.scenarios.touched_poison import HardwareException, HostTelling, run

    story = run(
        of_world(
            **rest, exception=HardwareException(exception), host=HostTelling(host),
            policy=KNOWN[policy], has_sei=guest == "sei-capable",
            severity=Severity[severity.upper()], is_quick=not slow_task,
            aet=None if aet is None else AsynchronousErrorType[aet.upper()],
        )
    )  # fmt: skip
    if as_json:
        click.echo(document([story]))
    else:
        click.echo("\n".join(diagram(story) if as_diagram else text(story)))


def text(story: Story) -> Iterator[str]:
    """The story for a person."""
    setting = story.setting
    yield (
        f"{setting.address:#x} of a guest is bad ({setting.severity.text}): "
        f"{setting.exception.name} to firmware, {setting.host.name} to the host"
    )
    yield f"VMM: {setting.policy.title}.  Guest: Linux {_guest(story)}.\n"
    for number, step in enumerate(story.steps, 1):
        to = f" > {step.to.value}" if step.to is not None else ""
        head = f"{number:4}  {step.time:5.3f}  {step.actor.value + to:19} "
        yield from _wrapped(head, step.what)
        yield from (f"{'':32}| {line}" for line in step.lines)
    yield ""
    yield from ending(story)


def ending(story: Story) -> Iterator[str]:
    """How it ended, for a person."""
    from apeitool.scenarios.touched_poison import MEANINGS

    yield from _wrapped("Outcome:  ", f"{story.end.value}: {MEANINGS[story.end]}.")
    yield from _wrapped("Because:  ", f"{story.reason}.")
    for objection in story.objections:
        yield from _wrapped("Wrong:    ", f"{objection}.")
    counts = f"the task ran into the page {_times(story.faults)}"
    if story.refused:
        counts += f", {_times(story.refused)} the guest could not be told of it"
    if story.untold:
        counts += f"; {story.untold} pages of the guest are lost without its knowledge"
    yield from _wrapped("Count:    ", f"{counts}.")
    yield from _wrapped("Source:   ", story.source)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _guest(story: Story) -> str:
    setting = story.setting
    release = setting.guest_features.release
    return f"{release} with the proposal of 2017" if setting.has_sei else release


def _wrapped(head: str, said: str) -> list[str]:
    return textwrap.wrap(said, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))


# ---- Mermaid


def diagram(story: Story) -> Iterator[str]:
    """A sequence diagram: who tells whom, and what each does about it."""
    from apeitool.ospm.outcome import Effect
    from apeitool.scenarios.touched_poison import Actor

    taking_part = {step.actor for step in story.steps} | {step.to for step in story.steps}
    yield "sequenceDiagram"
    for actor in Actor:
        if actor in taking_part:
            yield f"    participant {actor.value}"
    for step in story.steps:
        if step.effect not in (None, Effect.DROPPED):
            continue
        what = step.what.replace(";", ",").replace(":", " -")
        if step.to is None:
            yield f"    Note over {step.actor.value}: {what}"
        else:
            yield f"    {step.actor.value}->>{step.to.value}: {what}"
    yield f"    Note over guest: {story.end.value}"


# ---- JSON


def document(stories: list[Story]) -> str:
    """Stories as JSON."""
    from apeitool import __version__
    from apeitool.render.json import SCHEMA

    items = [_plain(story) for story in stories]
    plain = {"schema": SCHEMA, "tool": f"apeitool {__version__}", "items": items}
    return json.dumps(plain, indent=2)


def _plain(story: Story) -> dict[str, Any]:
    setting = story.setting
    return {
        "type": "TouchedPoison",
        "exception": setting.exception.value,
        "host": setting.host.value,
        "vmm": setting.policy.name,
        "guest": "sei-capable" if setting.has_sei else "mainline",
        "severity": setting.severity.name.lower(),
        "page": setting.page,
        "address": f"{setting.address:#x}",
        "host_kernel": setting.host_features.release,
        "guest_kernel": setting.guest_features.release,
        "steps": [
            {
                "time": step.time,
                "actor": step.actor.value,
                "to": step.to and step.to.value,
                "what": step.what,
                "lines": list(step.lines),
                "source": step.source,
            }
            for step in story.steps
        ],
        "outcome": story.end.value,
        "reason": story.reason,
        "source": story.source,
        "objections": list(story.objections),
        "faults": story.faults,
        "refused": story.refused,
        "untold_pages": story.untold,
    }
