"""The command line.  Each verb is a file of this folder, imported when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from apeitool import __version__
from apeitool.errors import ApeiError, MissingError
from apeitool.render.harmless import printable

VERBS = (
    "decode",
    "encode",
    "new",
    "generate",
    "explain",
    "diff",
    "columns",
    "query",
    "lint",
    "simulate",
    "lab",
    "qemu",
    "demo",
)

DONE, BAD, USAGE, MISSING = 0, 1, 2, 3
"""Exit statuses: done; the answer is bad; wrong usage; something needed is not here."""


class Verbs(click.Group):
    """A group whose commands live in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"apeitool.cli.{cmd_name}").command
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="apeitool")
def apeitool() -> None:
    """Build, decode and try out ACPI platform error tables and UEFI CPER records.

    Exit status: 0 done; 1 the answer is bad; 2 wrong usage; 3 something needed is missing.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; ends the process."""
    try:
        status = apeitool.main(arguments, prog_name="apeitool", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as wrong:
        wrong.show()
        status = wrong.exit_code
    except click.Abort:
        status = 130
    except ApeiError as wrong:
        _say(wrong)
        status = MISSING if isinstance(wrong, MissingError) else BAD
    except OSError as wrong:
        # A reader that has left needs no word.
        if not isinstance(wrong, BrokenPipeError):
            _say(wrong)
        _let_go()
        status = BAD
    sys.exit(status or 0)


def _say(wrong: Exception) -> None:
    click.echo(f"apeitool: {printable(str(wrong))}", err=True)


def _let_go() -> None:
    """Nothing that is still buffered can be written: it must not be tried again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
