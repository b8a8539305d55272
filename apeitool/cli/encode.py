"""``apeitool encode``: bytes from JSON or TOML."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apeitool.cli.options import output, standard_input, talk, writer

if TYPE_CHECKING:
    from apeitool.plan.built import Built
    from apeitool.wire.record import Structure

_ROW = 12


@click.command("encode")
@click.argument("path", metavar="FILE|-")
@click.option("--sealed", is_flag=True, help="Compute counts, lengths and checksums anew.")
@click.option("--to", "form", type=click.Choice(["binary", "hex", "c", "acpidump"]),
              default="binary", help="binary; hex text; a C array; the text of acpidump.")  # fmt: skip
@click.option("--memory", "folder", type=click.Path(path_type=Path, file_okay=False),
              help="Write the memory that a plan's table leads to here, a file for each range.")  # fmt: skip
@output
def command(path: str, sealed: bool, form: str, folder: Path | None, target: Path | None) -> None:
    """Turn JSON or TOML (of decode --to, or of new) into bytes.

    Counts, lengths and checksums that the input leaves out are computed; those that it gives are
    kept as they are, unless --sealed asks for them anew.  Several objects follow one another.

    A plan (of new --preset) becomes a whole table.  What memory the table leads to goes to stderr,
    and its content with --memory into a folder: a file for each range, named by its address.
    """
    if form == "binary" and target is None and sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError("binary output to a terminal; use -o FILE or --to hex")
    items, built = _read(path)
    if folder is not None and built is None:
        raise click.UsageError("--memory is for a plan, and this is none")
    pieces = [(item.sealed() if sealed else item).to_bytes() for item in items]
    if built is not None:
        _tell(built, folder)
    with writer(target) as out:
        for piece in _FORMS[form](pieces):
            out.write(piece)


def _read(path: str) -> tuple[Iterator[Structure], Built | None]:
    """The objects that a file describes; where it is a plan, what that comes to."""
    from apeitool.capture.container import load
    from apeitool.errors import CaptureError

    data = standard_input() if path == "-" else load(Path(path))
    try:
        text = data.decode()
    except UnicodeDecodeError as wrong:
        raise CaptureError(f"this is no text: {wrong}", origin=path) from wrong
    if not is_toml(text):
        from apeitool.render.json import load_items

        return load_items(text), None
    from apeitool.render import toml

    document = toml.read(text)
    if "plan" not in document and "preset" not in document:
        return toml.items(document), None
    from apeitool.plan.build import build

    built = build(document)
    return iter([built.table]), built


def _tell(built: Built, folder: Path | None) -> None:
    """Say what memory a table leads to, and write what it holds into a folder."""
    contents = dict(built.memory()) if folder is not None else {}
    for extent in built.extents:
        said = f"memory: {extent.start:#x} to {extent.stop - 1:#x}"
        if folder is not None:
            place = folder / f"{extent.start:#x}.bin"
            _save(place, contents[extent.start])
            said += f" in {place}"
        talk(said)


def _save(place: Path, data: bytes) -> None:
    """Write a file, and the folders that it is in.

    Raises:  CaptureError when it cannot be written.
    """
    from apeitool.errors import CaptureError

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise CaptureError(wrong.strerror or str(wrong), origin=str(place.parent)) from wrong
    with writer(place) as out:
        out.write(data)


def is_toml(text: str) -> bool:
    """Whether the text is TOML rather than JSON: JSON begins with a brace or a list of objects."""
    start = text.removeprefix("\ufeff").lstrip()
    if start.startswith("["):
        return not start[1:].lstrip().startswith(("{", "]"))
    return not start.startswith("{")


def _binary(pieces: list[bytes]) -> Iterator[bytes]:
    yield from pieces


def _hex(pieces: list[bytes]) -> Iterator[bytes]:
    for data in pieces:
        for start in range(0, len(data), 16):
            yield data[start : start + 16].hex(" ").encode() + b"\n"


def _c(pieces: list[bytes]) -> Iterator[bytes]:
    for index, data in enumerate(pieces):
        name = "apei" if len(pieces) == 1 else f"apei_{index}"
        yield f"static const unsigned char {name}[{len(data)}] = {{\n".encode()
        for start in range(0, len(data), _ROW):
            row = ", ".join(f"0x{byte:02x}" for byte in data[start : start + _ROW])
            yield f"    {row},\n".encode()
        yield b"};\n"


def _acpidump(pieces: list[bytes]) -> Iterator[bytes]:
    from apeitool.capture.acpidump import dump

    for data in pieces:
        yield dump(data)


_FORMS: dict[str, Callable[[list[bytes]], Iterator[bytes]]] = {
    "binary": _binary,
    "hex": _hex,
    "c": _c,
    "acpidump": _acpidump,
}
