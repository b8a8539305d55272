"""``apeitool encode``: bytes from JSON or TOML."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from apeitool.cli.options import output, standard_input, writer

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
    from apeitool.capture.unicode import plain
    from apeitool.errors import CaptureError
    from apeitool.render.json import load_items

    data = standard_input() if path == "-" else load(Path(path))
    try:
        text = plain(data).decode()
    except UnicodeDecodeError as wrong:
        raise CaptureError(f"this is no text: {wrong}", origin=path) from wrong
    if is_toml(text):
        from apeitool.render import toml

        items = iter([toml.load(text)])
    else:
        items = load_items(text)
    pieces = [(item.sealed() if sealed else item).to_bytes() for item in items]
    with writer(target) as out:
        for piece in _FORMS[form](pieces):
            out.write(piece)


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
