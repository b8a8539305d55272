"""``apeitool encode``: bytes from JSON or TOML."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apeitool.cli.options import output, standard_input, writer

if TYPE_CHECKING:
    from apeitool.wire.record import Structure

_ROW = 12


@click.command("encode")
@click.argument("path", metavar="FILE|-")
@click.option("--sealed", is_flag=True, help="Compute counts, lengths and checksums anew.")
@click.option("--to", "form", type=click.Choice(["binary", "hex", "c", "acpidump"]),
              default="binary", help="binary; hex text; a C array; the text of acpidump.")  # fmt: skip
@output
def command(path: str, sealed: bool, form: str, target: Path | None) -> None:
    """Turn JSON (of decode --to json) or TOML (of new) into bytes.

    Counts, lengths and checksums that the input leaves out are computed; those that it gives are
    kept as they are, unless --sealed asks for them anew.  Several objects follow one another.
    """
    if form == "binary" and target is None and sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError("binary output to a terminal; use -o FILE or --to hex")
    from apeitool.capture.container import load

    items = _items(standard_input() if path == "-" else load(Path(path)), path)
    pieces = [(item.sealed() if sealed else item).to_bytes() for item in items]
    with writer(target) as out:
        for piece in _FORMS[form](pieces):
            out.write(piece)


def _items(data: bytes, path: str) -> Iterator[Structure]:
    """The objects that text describes.

    Raises:  CaptureError for what is no such text, EncodeError for what is wrong in it.
    """
    from apeitool.capture.container import holds_bytes
    from apeitool.capture.unicode import plain
    from apeitool.errors import CaptureError, EncodeError
    from apeitool.render import json, toml

    try:
        text = plain(data).decode()
        return iter([toml.load(text)]) if is_toml(text) else json.load_items(text)
    except (UnicodeDecodeError, EncodeError) as wrong:
        if holds_bytes(data):
            reason = (
                "these are bytes, not text that describes them: decode --to json makes such text"
            )
            raise CaptureError(reason, origin=path) from wrong
        if isinstance(wrong, EncodeError):
            raise
        raise CaptureError(f"this is no text: {wrong}", origin=path) from wrong


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
