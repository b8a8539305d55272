"""``lab shell`` and ``lab inject``: a guest that stays open, and errors for it from elsewhere."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apeitool.cli.options import integer, talk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apeitool.lab.door import Told
    from apeitool.lab.guest import Guest
    from apeitool.lab.session import Session

_COMMAND_LIMIT = 600.0


def keep_open(session: Session) -> None:
    """Have the user talk to a guest until the end of input, or of the guest."""
    from apeitool.errors import LabError
    from apeitool.lab import door

    def take(block: bytes, source_id: int | None) -> Told:
        from apeitool.cli.lab import verdict

        report = session.inject(block, source_id=source_id)
        return door.Told("\n".join([verdict(report), *report.lines]), report.cleared)

    guest = session.guest
    _Echo(guest).start()
    with door.opened(take):
        talk("The guest's shell, one command a line; its kernel's lines come in between.")
        talk("From another terminal: apeitool lab inject FILE.  An end of input ends it.")
        for command in _commands():
            try:
                answer = guest.shell(command, timeout=_COMMAND_LIMIT)
            except LabError as error:
                talk(str(error))
            else:
                click.echo(answer.output, nl=False)
                if answer.status:
                    talk(f"status {answer.status}")
            if guest.exited:
                talk("the guest has ended")
                return


def _commands() -> Iterable[str]:
    """What the user says."""
    is_terminal = sys.stdin.isatty()
    while True:
        if is_terminal:
            click.echo("guest# ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.rstrip("\n")


class _Echo:
    """Shows the lines of a guest's console as they come."""

    def __init__(self, guest: Guest) -> None:
        self._console = guest.console
        self._thread = threading.Thread(target=self._show, name="lab echo", daemon=True)

    def start(self) -> None:
        """Begin with the next line."""
        self._next = len(self._console.lines)
        self._thread.start()

    def _show(self) -> None:
        from apeitool.errors import LabError
        from apeitool.render.harmless import printable

        while True:
            try:
                line = self._console.wait_for("", timeout=3600, start=self._next)
            except LabError:
                return
            click.echo(printable(line.text), err=True)
            self._next = line.number + 1


@click.command("inject")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option("--source", "source_id", type=integer, help="Which source; else the lowest id.")
@click.option("--guest", "holder", type=integer, metavar="PROCESS",
              help="Whose guest, where several are open.")  # fmt: skip
@click.pass_context
def inject(
    context: click.Context, paths: tuple[Path, ...], source_id: int | None, holder: int | None
) -> None:
    """Put status blocks before a guest that `lab shell` has open in another terminal.

    Exit status 1 when the kernel did not take one.
    """
    from apeitool.cli.lab import read_block
    from apeitool.errors import MissingError
    from apeitool.lab import door

    if holder is None:
        found = door.guests()
        if not found:
            raise MissingError("no guest is open", remedy="run 'apeitool lab shell' elsewhere")
        if len(found) > 1:
            raise click.UsageError(
                f"several guests are open; say --guest {'|'.join(map(str, found))}"
            )
        (holder,) = found
    taken = True
    for path in paths:
        told = door.bring(holder, read_block(path), source_id)
        taken &= told.cleared
        click.echo(f"{path}: {told.text}")
    context.exit(0 if taken else 1)
