"""``apeitool decode``: what bytes say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from apeitool.cli import dmesg, selection
from apeitool.cli.dmesg import Kernel
from apeitool.cli.options import (
    Output,
    Reader,
    colour,
    dialect,
    integer,
    is_coloured,
    known_kind,
    output,
    smbios,
    talk,
    writer,
)
from apeitool.errors import CaptureError
from apeitool.linux.features import KERNELS

if TYPE_CHECKING:
    from apeitool.wire.record import Structure


@click.command("decode")
@click.argument("paths", nargs=-1, metavar="[FILE|DIR|-]...")
@click.option("--system", is_flag=True, help="What this machine itself has, beside the files.")
@click.option("--as", "kind", metavar="KIND", callback=known_kind, help="What the bytes are.")
@click.option("--offset", type=integer, default=0, help="Skip so many bytes of each file.")
@click.option("--length", type=integer, help="Take no more than so many bytes of each file.")
@click.option("--to", "form",
              type=click.Choice(["text", "summary", "json", "jsonl", "toml", "cper-json", "dmesg"]),
              default="text",
              help="text to read; a summary of all errors by place; json without loss; jsonl, one "
              "object a line; toml to edit; cper-json as libcper has it; dmesg, what Linux "
              "prints.")  # fmt: skip
@click.option("--kernel", "release", type=click.Choice(list(KERNELS)),
              help="With dmesg: which release of Linux; 6.1 unless said.")  # fmt: skip
@click.option("--arch", "architecture", type=click.Choice(["x86", "arm64"]),
              help="With dmesg: what it was built for; by default that of the errors.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Anything wrong with an object is an error.")
@selection.options
@smbios
@dialect
@output
@click.pass_context
def command(
    context: click.Context,
    /,
    paths: tuple[str, ...],
    system: bool,
    kind: str | None,
    offset: int,
    length: int | None,
    form: str,
    release: str | None,
    architecture: str | None,
    strict: bool,
    target: Path | None,
    **filters: Any,
) -> None:
    """Decode tables, status blocks, records and sections.

    Files are raw bytes, hex text (bare, xxd, hexdump -C), the text of acpidump or acpiview, or a
    listing of iasl -d; without a FILE, standard input.  A folder is read whole, but for ACPI tables
    that are none of these kinds.  The bytes tell what they are.  Where they fit more than one kind,
    or are damaged, say it: --as table, hest, bert, einj, erst, block, region, trigger,
    set_error_type_with_address, record, described_section, memory, pcie, arm_processor.  Of a text
    that names its tables, --as hest takes those of that name.

    What is wrong with an object goes to stderr, with offset, field and rule; so does what
    cper-json, which holds records and sections, does not carry of it.

    --to dmesg prints what Linux would of a status block or boot error region, line for line; records
    and sections are made into a block first.  The log of a real Linux is a file like any other: the
    reports in it are read back into status blocks.
    """
    kernel = Kernel(release, architecture)
    kernel.check(form)
    if system:
        paths += _of_this_machine(context)
    if not paths and not system and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError("no FILE given, and standard input is a terminal")
    reader = Reader(kind, offset, length, strict=strict)
    objects = _with_problems(
        reader.objects(paths if system else paths or ("-",)), selection.Selection(**filters)
    )
    with writer(target) as out:
        first = next(objects, None)
        # A file that nothing can be written to stays as it is: it may be the input.
        if first is not None or target is None:
            found = objects if first is None else chain([first], objects)
            if form == "dmesg":
                dmesg.write(found, out, kernel, reader)
            elif form == "cper-json":
                _cper_json(_documents(found, reader), out)
            else:
                _WRITERS[form](found, out, is_coloured(target))
    if not reader.count:
        there = "nothing in the files that are there" if reader.files else "there is no file"
        talk("this machine shows none" if system else f"{there} to decode")
    reader.talk_of_failures()
    if reader.failures:
        context.exit(1)


def _of_this_machine(context: click.Context) -> tuple[str, ...]:
    """What this machine has; its DIMMs get their names, unless the caller has named them."""
    from apeitool.capture import system
    from apeitool.capture.container import load
    from apeitool.capture.smbios import dimms
    from apeitool.cper.dimm import is_known, knowing

    table = system.smbios()
    if table is not None and not is_known():
        try:
            context.with_resource(knowing(dimms(load(table), str(table))))
        except CaptureError as wrong:
            talk(str(wrong))
    return tuple(map(str, system.paths()))


def _with_problems(
    objects: Iterator[tuple[str, Structure]], wanted: selection.Selection
) -> Iterator[tuple[str, Structure]]:
    """Those that are wanted, each after its problems are said."""
    for origin, found in objects:
        if not wanted.keeps(found):
            continue
        for problem in found.problems:
            talk(f"{origin}: {problem}")
        yield origin, found


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


def _documents(objects: Iterator[tuple[str, Structure]], reader: Reader) -> Iterator[str]:
    """Each object as CPER-JSON, after what is lost of it is said."""
    from apeitool.errors import EncodeError
    from apeitool.render import cper_json

    for origin, found in objects:
        try:
            text = cper_json.dumps(found)
        except EncodeError as wrong:
            reader.fail(origin, wrong)
            continue
        for loss in cper_json.losses(found):
            talk(f"{origin}: not in CPER-JSON: {loss}")
        yield text


def _cper_json(documents: Iterator[str], out: Output) -> None:
    """One document as it is, several as a list."""
    first, second = next(documents, None), next(documents, None)
    if first is None:
        return
    if second is None:
        out.write(f"{first}\n".encode())
        return
    out.write(f"[\n{first}".encode())
    for text in chain([second], documents):
        out.write(f",\n{text}".encode())
    out.write(b"\n]\n")


def _summary(objects: Iterator[tuple[str, Structure]], out: Output, coloured: bool) -> None:
    from apeitool.render.harmless import printable
    from apeitool.render.summary import Summary

    summary = Summary()
    for _, found in objects:
        summary.add(found)
    for row in summary.lines():
        out.write(printable(row).encode() + b"\n")


def _toml(objects: Iterator[tuple[str, Structure]], out: Output, coloured: bool) -> None:
    from apeitool.render.toml import templates

    for piece in templates(found for _, found in objects):
        out.write(piece.encode())


_WRITERS = {"text": _text, "summary": _summary, "json": _json, "jsonl": _jsonl, "toml": _toml}
