"""``apeitool encode``: bytes from JSON, CPER-JSON or TOML."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from apeitool.cli.options import output, standard_input, talk, writer
from apeitool.cli.selection import SEVERITIES

if TYPE_CHECKING:
    from apeitool.acpi.conversion import Converted
    from apeitool.cper.severity import Severity
    from apeitool.plan.built import Built
    from apeitool.wire.record import Structure

_ROW = 12


@click.command("encode")
@click.argument("path", metavar="FILE|-")
@click.option("--sealed", is_flag=True, help="Compute counts, lengths and checksums anew.")
@click.option("--to", "form",
              type=click.Choice(["binary", "record", "block", "section", "qmp", "acpidump", "hex", "c"]),
              default="binary",
              help="binary; as a record, a status block or bare sections; as a command for QEMU's "
              "monitor; the text of acpidump; hex text; a C array.")  # fmt: skip
@click.option("--severity", type=click.Choice(SEVERITIES),
              help="How bad it was, where a bare section becomes a block or a record.")  # fmt: skip
@click.option("--memory", "folder", type=click.Path(path_type=Path, file_okay=False),
              help="Write the memory that a plan's table leads to here, a file for each range.")  # fmt: skip
@output
def command(
    path: str,
    sealed: bool,
    form: str,
    severity: str | None,
    folder: Path | None,
    target: Path | None,
) -> None:
    """Turn JSON, CPER-JSON or TOML (of decode --to, of new, of libcper) into bytes.

    Counts, lengths and checksums that the input leaves out are computed; those that it gives are
    kept as they are, unless --sealed asks for them anew.  Several objects follow one another.  What
    CPER-JSON says that has no place in the bytes is named on stderr.

    --to record, block, section and qmp turn what reports errors into another carrier.  What that
    has no place for is said on stderr.

    A plan (of new --preset) becomes a whole table.  What memory the table leads to goes to stderr,
    and its content with --memory into a folder: a file for each range, named by its address.
    """
    is_binary = form in ("binary", *_CARRIERS)
    if is_binary and target is None and sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError("binary output to a terminal; use -o FILE or --to hex")
    items, built = _read(path)
    if folder is not None and built is None:
        raise click.UsageError("--memory is for a plan, and this is none")
    whole = [item.sealed() if sealed else item for item in items]
    if built is not None:
        _tell(built, folder)
    with writer(target) as out:
        for piece in _written(whole, form, severity):
            out.write(piece)


def _from_json(text: str) -> Iterator[Structure]:
    """The objects of JSON; each tells by its members whether it is CPER-JSON."""
    from apeitool.render import cper_json
    from apeitool.render.json import items
    from apeitool.render.plain import from_plain

    for path, plain in items(text):
        if cper_json.is_cper_json(plain):
            found, unread = cper_json.read(plain, path)
            for member in unread:
                talk(f"{member}: no place for it in the bytes")
            yield found
        else:
            yield from_plain(plain, path=path)


def _read(path: str) -> tuple[Iterator[Structure], Built | None]:
    """The objects that a file describes; where it is a plan, what that comes to.

    Raises:  CaptureError for what is no such text, EncodeError for what is wrong in it.
    """
    from apeitool.capture.container import holds_bytes, load
    from apeitool.capture.unicode import plain
    from apeitool.errors import CaptureError, EncodeError

    data = standard_input() if path == "-" else load(Path(path))
    try:
        return _described(plain(data).decode())
    except (UnicodeDecodeError, EncodeError) as wrong:
        if holds_bytes(data):
            reason = (
                "these are bytes, not text that describes them: decode --to json makes such text"
            )
            raise CaptureError(reason, origin=path) from wrong
        if isinstance(wrong, EncodeError):
            raise
        raise CaptureError(f"this is no text: {wrong}", origin=path) from wrong


def _described(text: str) -> tuple[Iterator[Structure], Built | None]:
    if not is_toml(text):
        return _from_json(text), None
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
            save(place, contents[extent.start])
            said += f" in {place}"
        talk(said)


def save(place: Path, data: bytes) -> None:
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


def _written(items: list[Structure], form: str, severity: str | None) -> Iterator[bytes]:
    """The items in a form, piece by piece."""
    if form in _FORMS:
        yield from _FORMS[form]([item.to_bytes() for item in items])
        return
    for item in items:
        converted = _CARRIERS["block" if form == "qmp" else form](item, severity)
        for lost in converted.lost:
            talk(f"lost: {lost}")
        for thing in converted.things:
            yield _command(thing) if form == "qmp" else thing.to_bytes()


def _command(block: Structure) -> bytes:
    from apeitool.acpi.status import StatusBlock
    from apeitool.qemu.command import inject

    assert isinstance(block, StatusBlock)
    return inject(block).encode() + b"\n"


def _to_record(item: Structure, severity: str | None) -> Converted:
    from apeitool.acpi.conversion import to_records

    return to_records(item, severity_of(severity))


def _to_block(item: Structure, severity: str | None) -> Converted:
    from apeitool.acpi.conversion import to_blocks

    return to_blocks(item, severity_of(severity))


def _to_section(item: Structure, severity: str | None) -> Converted:
    from apeitool.acpi.conversion import to_sections

    return to_sections(item)


_CARRIERS = {"record": _to_record, "block": _to_block, "section": _to_section}


def severity_of(name: str | None) -> Severity | None:
    """The severity of that name."""
    from apeitool.cper.severity import Severity

    return None if name is None else Severity[name.upper()]


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
