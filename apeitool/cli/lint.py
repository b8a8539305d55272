"""``apeitool lint``: what is wrong with a table, a block or a record, and who will refuse it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from apeitool.cli.options import Reader, known_kind, output, writer

if TYPE_CHECKING:
    from apeitool.lint.finding import Finding
    from apeitool.lint.rule import Consumers


@click.command("lint")
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR|-...")
@click.option(
    "--as", "kind", metavar="KIND", callback=known_kind, help="What the bytes are, as for decode."
)
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

    Files given together are those of one machine: what they say of each other is judged too.

    Without --arch and --kernel, what only some kernels refuse is a note.
    """
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
    """Looks at one object after the other."""

    def __init__(self, kind: str | None, consumers: Consumers) -> None:
        self._reader = Reader(kind)
        self._consumers = consumers
        self._has_error = False

    @property
    def is_bad(self) -> bool:
        """Whether a finding was an error, or an object could not be decoded."""
        return self._has_error or bool(self._reader.failures)

    def findings(self, paths: tuple[str, ...]) -> Iterator[tuple[str, Finding]]:
        """(origin, finding) of everything that the files hold."""
        from apeitool.lint.check import lint, lint_together
        from apeitool.lint.together import Member

        members = []
        for origin, found in self._reader.objects(paths):
            members.append(Member(origin, found))
            yield from self._seen(origin, lint(found, self._consumers))
        for member, finding in lint_together(members, self._consumers):
            yield from self._seen(member.origin, [finding])

    def _seen(self, origin: str, findings: Iterable[Finding]) -> Iterator[tuple[str, Finding]]:
        from apeitool.lint.finding import Level

        for finding in findings:
            self._has_error |= finding.level is Level.ERROR
            yield origin, finding


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
