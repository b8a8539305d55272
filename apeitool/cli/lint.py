"""``apeitool lint``: what is wrong with a table, a block or a record, and who will refuse it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from apeitool.cli.options import output, standard_input, talk, writer
from apeitool.errors import ApeiError

if TYPE_CHECKING:
    from apeitool.lint.finding import Finding
    from apeitool.lint.rule import Consumers


@click.command("lint")
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR|-...")
@click.option("--as", "kind", metavar="KIND", help="What the bytes are, as for decode.")
@click.option("--arch", type=click.Choice(["x86", "arm64"]), help="For Linux of this one only.")
@click.option("--kernel", metavar="RELEASE", help="For this release of Linux only: 6.1, 6.12, 7.2.")
@click.option("--json", "as_json", is_flag=True, help="Findings as JSON.")
@output
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[str, ...],
    kind: str | None,
    arch: str | None,
    kernel: str | None,
    as_json: bool,
    target: Path | None,
) -> None:
    """Say what is wrong with tables, blocks and records, who refuses them, and what to do.

    A finding is a line: FILE:OFFSET LEVEL ID: what should hold and was found (FIELD) -> advice
    [source].  Exit status 1 if one is of level error, or a file cannot be decoded.

    Without --arch and --kernel, what only some kernels refuse is a note.
    """
    if kind is not None:
        from apeitool.capture.kind import kind_names

        if kind not in kind_names():
            raise click.BadParameter(f"{kind!r} is none of {', '.join(kind_names())}")
    work = _Work(kind, _consumers(arch, kernel))
    with writer(target) as out:
        for piece in _json(work, paths) if as_json else _lines(work, paths):
            out.write(piece.encode())
    if work.is_bad:
        context.exit(1)


def _consumers(arch: str | None, kernel: str | None) -> Consumers:
    from apeitool.lint.rule import Consumers
    from apeitool.linux import features

    every = Consumers()
    if kernel is not None and kernel not in features.KERNELS:
        raise click.BadParameter(f"{kernel!r} is none of {', '.join(features.KERNELS)}")
    return Consumers(
        (features.Architecture(arch),) if arch else every.architectures,
        (features.kernel(kernel),) if kernel else every.kernels,
    )


class _Work:
    """Looks at one object after the other; one that cannot be decoded does not stop the rest."""

    def __init__(self, kind: str | None, consumers: Consumers) -> None:
        self.kind = kind
        self.consumers = consumers
        self.is_bad = False

    def findings(self, paths: tuple[str, ...]) -> Iterator[tuple[str, Finding]]:
        """(origin, finding) of everything that the files hold."""
        from apeitool.capture.container import files

        for path in paths:
            for name in ["-"] if path == "-" else files(Path(path)):
                try:
                    yield from self._of_file(name)
                except ApeiError as wrong:
                    self._fail("", wrong)

    def _of_file(self, name: str | Path) -> Iterator[tuple[str, Finding]]:
        from apeitool.capture.container import decode, load, read
        from apeitool.lint.check import lint
        from apeitool.lint.finding import Level

        data = load(name) if isinstance(name, Path) else standard_input()
        for capture in read(data, str(name), kind=self.kind):
            try:
                found = decode(capture)
            except ApeiError as wrong:
                self._fail(capture.origin, wrong)
                continue
            for finding in lint(found, self.consumers):
                self.is_bad |= finding.level is Level.ERROR
                yield capture.origin, finding

    def _fail(self, origin: str, wrong: ApeiError) -> None:
        self.is_bad = True
        talk(f"{origin}: {wrong}" if origin else str(wrong))


def _lines(work: _Work, paths: tuple[str, ...]) -> Iterator[str]:
    from apeitool.render.harmless import printable

    for origin, finding in work.findings(paths):
        yield printable(f"{origin}:{finding}") + "\n"


def _json(work: _Work, paths: tuple[str, ...]) -> Iterator[str]:
    import json

    from apeitool import __version__
    from apeitool.render.json import SCHEMA

    head = {"schema": SCHEMA, "tool": f"apeitool {__version__}"}
    items = [{"file": origin, **_plain(finding)} for origin, finding in work.findings(paths)]
    yield json.dumps({**head, "findings": items}, indent=2) + "\n"


def _plain(finding: Finding) -> dict[str, Any]:
    from apeitool.render.plain import EXACT

    value = finding.value
    if isinstance(value, int) and value > EXACT:
        value = hex(value)
    return finding._asdict() | {"value": value}
