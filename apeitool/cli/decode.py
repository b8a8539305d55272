"""``apeitool decode``: what bytes say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apeitool.cli.options import Output, colour, integer, output, standard_input, talk, writer
from apeitool.errors import ApeiError

if TYPE_CHECKING:
    from apeitool.capture.container import Capture
    from apeitool.wire.record import Structure


@click.command("decode")
@click.argument("paths", nargs=-1, metavar="[FILE|DIR|-]...")
@click.option("--as", "kind", metavar="KIND", help="What the bytes are.")
@click.option("--offset", type=integer, default=0, help="Skip so many bytes of each file.")
@click.option("--length", type=integer, help="Take no more than so many bytes of each file.")
@click.option("--to", "form", type=click.Choice(["text", "json", "jsonl"]), default="text",
              help="text to read; json without loss; jsonl, one object a line.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Anything wrong with an object is an error.")
@output
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[str, ...],
    kind: str | None,
    offset: int,
    length: int | None,
    form: str,
    strict: bool,
    target: Path | None,
) -> None:
    """Decode tables, status blocks, records and sections.

    Files are raw bytes, hex text (bare, xxd, hexdump -C), the text of acpidump, or a listing of
    iasl -d; without a FILE, standard input.  A folder is read whole, but for ACPI tables that are
    none of these kinds.  The bytes tell what they are.  Where they fit more than one kind, or are
    damaged, say it: --as table, hest, bert, einj, erst, block, region, trigger,
    set_error_type_with_address, record, memory, pcie, arm_processor.

    What is wrong with an object goes to stderr, with offset, field and rule.
    """
    if not paths and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError("no FILE given, and standard input is a terminal")
    if kind is not None:
        from apeitool.capture.kind import kind_names

        if kind not in kind_names():
            raise click.BadParameter(f"{kind!r} is none of {', '.join(kind_names())}")
    work = _Work(kind, offset, length, strict=strict)
    objects = work.objects(paths or ("-",))
    with writer(target) as out:
        first = next(objects, None)
        # A file that nothing can be written to stays as it is: it may be the input.
        if first is not None or target is None:
            coloured = target is None and sys.stdout is not None and sys.stdout.isatty()
            found = objects if first is None else chain([first], objects)
            _WRITERS[form](found, out, coloured)
    if not work.count:
        talk("there is no file to decode")
    if work.failures:
        if work.count > 1:
            talk(f"{work.failures} of {work.count} objects could not be decoded")
        context.exit(1)


class _Work:
    """Decodes one capture after the other; one bad one does not stop the rest."""

    def __init__(self, kind: str | None, offset: int, length: int | None, *, strict: bool) -> None:
        self.kind = kind
        self.offset = offset
        self.length = length
        self.strict = strict
        self.count = 0
        self.failures = 0

    def objects(self, paths: tuple[str, ...]) -> Iterator[tuple[str, Structure]]:
        """(origin, object) of everything that can be decoded."""
        from apeitool.capture.container import files, load, read, told_by_path
        from apeitool.capture.kind import unknown_table

        for path in paths:
            passed: dict[str, None] = {}
            for name in [None] if path == "-" else files(Path(path)):
                try:
                    data = load(name) if name else standard_input()
                    kind = self.kind
                    if name and not kind:
                        other = unknown_table(data) if name != Path(path) else None
                        if other:
                            passed[other] = None
                            continue
                        kind = told_by_path(name, data)
                    captures = read(
                        data, str(name or path), kind=kind, offset=self.offset, length=self.length
                    )
                    yield from self._decoded(captures)
                except ApeiError as wrong:
                    self.count += 1
                    self._fail("", wrong)
            if passed:
                talk(f"{path}: passed over tables of other kinds: {', '.join(passed)}")

    def _decoded(self, captures: Iterator[Capture]) -> Iterator[tuple[str, Structure]]:
        """(origin, object) of the captures of one file."""
        from apeitool.capture.container import decode

        for capture in captures:
            self.count += 1
            try:
                found = decode(capture, strict=self.strict)
            except ApeiError as wrong:
                self._fail(capture.origin, wrong)
                continue
            for problem in found.problems:
                self._say(capture.origin, problem)
            yield capture.origin, found

    def _fail(self, origin: str, wrong: ApeiError) -> None:
        self.failures += 1
        self._say(origin, wrong)

    def _say(self, origin: str, what: object) -> None:
        talk(f"{origin}: {what}" if origin else str(what))


def _text(objects: Iterator[tuple[str, Structure]], out: Output, coloured: bool) -> None:
    from apeitool.render.harmless import printable
    from apeitool.render.text import plain, text

    paint = colour if coloured else plain
    for index, (origin, found) in enumerate(objects):
        head = "" if index == 0 else "\n"
        if origin != "-":
            head += f"{paint(printable(origin), 'source')}\n"
        out.write((head + text(found, paint=paint)).encode())


def _json(objects: Iterator[tuple[str, Structure]], out: Output, coloured: bool) -> None:
    from apeitool.render.json import envelope

    for piece in envelope(found for _, found in objects):
        out.write(piece.encode())


def _jsonl(objects: Iterator[tuple[str, Structure]], out: Output, coloured: bool) -> None:
    from apeitool.render.json import line

    for _, found in objects:
        out.write(line(found).encode() + b"\n")


_WRITERS = {"text": _text, "json": _json, "jsonl": _jsonl}
