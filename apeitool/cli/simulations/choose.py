"""``apeitool simulate choose``: which notification a VMM should use for a signal."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from apeitool.cli.options import integer
from apeitool.cli.simulations.touched_poison import GUESTS, PAGES, WIDTH, of_world
from apeitool.linux.features import DEFAULT, KERNELS

if TYPE_CHECKING:
    from apeitool.scenarios.choose import Choice, Trial

_BYTES = 32


@click.command(
    "choose", short_help="Which notification to use for a signal, and the bytes to write."
)
@click.option("--signal", "code", type=click.Choice(["ar", "ao"]), required=True,
              help="BUS_MCEERR_AR or BUS_MCEERR_AO.")  # fmt: skip
@click.option("--thread", type=click.Choice(["vcpu", "main"]), default="vcpu", show_default=True,
              help="Which thread of the VMM got it: one that runs a vCPU, or another.")  # fmt: skip
@click.option("--page", type=click.Choice(PAGES), default="4K", show_default=True,
              help="In which the host has the guest's memory (si_addr_lsb).")  # fmt: skip
@click.option("--address", type=integer, help="The guest-physical address that is bad.")
@click.option("--guest-kernel", type=click.Choice(list(KERNELS)), default=DEFAULT.release,
              show_default=True, help="Which Linux the guest is.")  # fmt: skip
@click.option("--guest", type=click.Choice(GUESTS), default="mainline", show_default=True,
              help="Whether it has the SEI notification that was proposed in 2017.")  # fmt: skip
@click.option("--length", type=click.IntRange(172, 65536), default=1024, show_default=True,
              help="How many bytes the guest's status block may have.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def choose(
    code: str,
    thread: str,
    page: str,
    address: int | None,
    guest_kernel: str,
    guest: str,
    length: int,
    as_json: bool,
) -> None:
    """Say how a VMM should tell its guest of a SIGBUS, why, and what to write.

    Each notification is tried on the modelled guest.  The best says no more than the signal does and
    leaves the guest with the least loss.
    """
    from apeitool.host.kvm import Thread
    from apeitool.ospm.outcome import SignalCode
    from apeitool.scenarios.choose import choose as chosen

    like = of_world(page, address, DEFAULT.release, guest_kernel, has_sei=guest == "sei-capable")
    choice = chosen(
        SignalCode[f"BUS_MCEERR_{code.upper()}"], Thread[thread.upper()], like, block_length=length
    )
    click.echo(_json(choice) if as_json else "\n".join(_text(choice)))


def _text(choice: Choice) -> Iterator[str]:
    data = choice.block.to_bytes()
    yield from _wrapped("Signal:   ", f"{choice.meaning}.")
    yield from _wrapped("Use:      ", f"{_name(choice.best)}; {_came(choice.best)}.")
    for trial in choice.others:
        yield from _wrapped("Not:      ", f"{_name(trial)}; {_came(trial)}.")
    pages = len(choice.block.sections)
    what = "1 page" if pages == 1 else f"{pages} pages"
    untold = _lost(choice) - pages
    left = f"; {untold} more are lost, and there is no room to name them" if untold else ""
    yield from _wrapped(
        "Write:    ", f"this status block of {len(data)} bytes, about {what}{left}."
    )
    for start in range(0, len(data), _BYTES):
        yield f"  {data[start : start + _BYTES].hex(' ')}"


def _lost(choice: Choice) -> int:
    from apeitool.host.vmm import GUEST_PAGE
    from apeitool.scenarios.touched_poison import PAGE_SIZES

    return (1 << PAGE_SIZES[choice.best.story.setting.page]) // GUEST_PAGE


def _name(trial: Trial) -> str:
    from apeitool.host.vmm import NOTIFICATIONS, Telling

    if trial.telling is Telling.NOTHING:
        return "no notification"
    kind = NOTIFICATIONS[trial.telling]
    return f"{kind.text} (notification type {int(kind)})"


def _came(trial: Trial) -> str:
    story = trial.story
    said = "" if trial.is_sound else "it says what the signal does not, and "
    count = "once" if story.faults == 1 else f"{story.faults} times"
    return (
        f"{said}it comes to this: {story.end.value}, after the task ran into the page {count}: "
        f"{story.reason}"
    )


def _wrapped(head: str, said: str) -> list[str]:
    return textwrap.wrap(said, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))


def _json(choice: Choice) -> str:
    from apeitool import __version__
    from apeitool.qemu.command import inject
    from apeitool.render.json import SCHEMA

    item = {
        "type": "Choice",
        "meaning": choice.meaning,
        "use": _trial(choice.best),
        "not": [_trial(trial) for trial in choice.others],
        "block": choice.block.to_bytes().hex(),
        "qmp": json.loads(inject(choice.block)),
        "pages": len(choice.block.sections),
        "lost_pages": _lost(choice),
    }
    document = {"schema": SCHEMA, "tool": f"apeitool {__version__}", "items": [item]}
    return json.dumps(document, indent=2)


def _trial(trial: Trial) -> dict[str, Any]:
    from apeitool.host.vmm import NOTIFICATIONS

    kind = NOTIFICATIONS.get(trial.telling)
    return {
        "notification": None if kind is None else {"type": int(kind), "name": kind.text},
        "says_no_more_than_the_signal": trial.is_sound,
        "outcome": trial.story.end.value,
        "faults": trial.story.faults,
        "reason": trial.story.reason,
        "source": trial.story.source,
    }
