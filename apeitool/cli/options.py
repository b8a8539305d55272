"""What several verbs share: numbers in any base, where output goes, how it is coloured."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

import click

from apeitool.errors import ApeiError, CaptureError
from apeitool.render.harmless import printable

if TYPE_CHECKING:
    from apeitool.capture.capture import Capture
    from apeitool.wire.record import Structure


def integer(text: str) -> int:
    """An integer as C writes it: 4096, 0x1000."""
    number = int(str(text), 0)
    if number < 0:
        raise ValueError("negative")
    return number


output = click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path),
    help="Write here instead of stdout.",
)


def _speak(context: click.Context, option: click.Parameter, words: tuple[str, ...]) -> None:
    """Put the dialect in force for as long as the command runs.

    Raises:  BadParameter when there is no such dialect.
    """
    if words:
        from apeitool.cper.dialect import forced, using
        from apeitool.errors import DialectError

        try:
            context.with_resource(using(forced(*words)))
        except DialectError as wrong:
            raise click.BadParameter(str(wrong)) from wrong


dialect = click.option(
    "--dialect", multiple=True, metavar="NAME|TOPIC=READING", callback=_speak, expose_value=False,
    help="Read what producers write differently in this one's way (windows, amdgpu, uefi-2.9, "
    "libcper, timestamp=binary, ...); by default the record tells.",
)  # fmt: skip


def _know(context: click.Context, option: click.Parameter, path: Path | None) -> None:
    """Give the memory modules their names for as long as the command runs."""
    if path is not None:
        from apeitool.capture.container import load
        from apeitool.capture.smbios import dimms
        from apeitool.cper.dimm import knowing

        context.with_resource(knowing(dimms(load(path), str(path))))


smbios = click.option(
    "--smbios", type=click.Path(path_type=Path), metavar="FILE", callback=_know, expose_value=False,
    help="Name the DIMMs by this SMBIOS table, or output of dmidecode, of the machine in question.",
)  # fmt: skip


class Output:
    """Where data goes.  A file is written at the end: it may be among what is read.

    Raises:  CaptureError when it cannot be written.
    """

    def __init__(self, target: Path | None) -> None:
        self._target = target
        self._draft = None
        if target is not None:
            self._draft = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - open until `close`

    def write(self, data: bytes) -> None:
        """Write some of the data."""
        if self._draft is not None:
            self._draft.write(data)
        elif sys.stdout is None:
            raise CaptureError("standard output is closed")
        else:
            sys.stdout.buffer.write(data)

    def close(self) -> None:
        """All is written.  A file stays as it is if that was nothing."""
        if self._target is None or self._draft is None:
            if sys.stdout is not None:
                sys.stdout.buffer.flush()
            return
        if not self._draft.tell():
            return
        self._draft.seek(0)
        try:
            with self._target.open("wb") as file:
                copyfileobj(self._draft, file)
        except (OSError, ValueError) as wrong:
            reason = getattr(wrong, "strerror", None) or str(wrong)
            raise CaptureError(reason, origin=str(self._target)) from wrong


@contextmanager
def writer(target: Path | None) -> Iterator[Output]:
    """An `Output` that is closed at the end."""
    out = Output(target)
    yield out
    out.close()


def standard_input() -> bytes:
    """Everything on standard input.

    Raises:  CaptureError when it is closed.
    """
    if sys.stdin is None:
        raise CaptureError("standard input is closed")
    from apeitool.capture.container import whole

    return whole(sys.stdin.buffer, "-")


_IN_MEMORY = 64 << 20
"""So many bytes of output wait in memory; more wait on disk."""

_STYLES: dict[str, dict[str, Any]] = {
    "sentence": {"bold": True},
    "title": {"fg": "cyan"},
    "source": {"dim": True},
    "note": {"dim": True},
    "invalid": {"dim": True},
    "name": {"fg": "green"},
}


def colour(text: str, role: str) -> str:
    """Text for a terminal."""
    return click.style(text, **_STYLES[role]) if text else ""


def talk(message: str) -> None:
    """Say something about the work, not part of the answer."""
    click.echo(printable(message), err=True)


def known_kind(context: click.Context, option: click.Parameter, kind: str | None) -> str | None:
    """The name of a kind, as the caller gave it.

    Raises:  BadParameter when there is no such kind.
    """
    if kind is not None:
        from apeitool.capture.kind import kind_names, section_guid

        if kind not in kind_names() and section_guid(kind) is None:
            names = ", ".join(kind_names())
            raise click.BadParameter(f"{kind!r} is none of {names}, and no GUID of a section type")
    return kind


def is_coloured(target: Path | None) -> bool:
    """Whether the data goes to a terminal."""
    return target is None and sys.stdout is not None and sys.stdout.isatty()


def with_word(captures: Iterator[Capture]) -> Iterator[Capture]:
    """The captures of one file; how many of them were reconstructed, and from what, is said."""
    sources: Counter[str] = Counter()
    for capture in captures:
        if capture.reconstructed:
            sources[capture.reconstructed] += 1
        yield capture
    for source, count in sources.items():
        what = "1 object is" if count == 1 else f"{count} objects are"
        talk(
            f"{what} reconstructed from {source}: what it does not tell is zero, and not marked valid"
        )


class Reader:
    """Decodes the objects of files one after the other; one bad one does not stop the rest."""

    def __init__(
        self,
        kind: str | None,
        offset: int = 0,
        length: int | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self.kind = kind
        self.offset = offset
        self.length = length
        self.strict = strict
        self.files = 0
        self.count = 0
        self.failures = 0
        self.reasons: Counter[str] = Counter()

    def objects(self, paths: tuple[str, ...]) -> Iterator[tuple[str, Structure]]:
        """(origin, object) of everything that can be decoded; the rest is talked about."""
        from apeitool.capture.container import files, load, read, told_by_path
        from apeitool.capture.kind import unknown_table

        for path in paths:
            passed: dict[str, None] = {}
            for name in [None] if path == "-" else _watched(files(Path(path)), path):
                self.files += 1
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
                    self.fail("", wrong)
            if passed:
                talk(f"{path}: passed over tables of other kinds: {', '.join(passed)}")

    def _decoded(self, captures: Iterator[Capture]) -> Iterator[tuple[str, Structure]]:
        """(origin, object) of the captures of one file."""
        from apeitool.capture.container import decode

        for capture in with_word(captures):
            self.count += 1
            try:
                found = decode(capture, strict=self.strict)
            except ApeiError as wrong:
                self.fail(capture.place, wrong)
                continue
            yield capture.place, found

    def fail(self, origin: str, wrong: ApeiError) -> None:
        """Count an object that nothing can be made of, and say why."""
        self.failures += 1
        self.reasons[_VARYING.sub("#", getattr(wrong, "message", str(wrong)))] += 1
        talk(f"{origin}: {wrong}" if origin else str(wrong))

    def talk_of_failures(self) -> None:
        """Say how many objects could not be decoded, and why, where there were several."""
        if not self.failures or self.count < 2:
            return
        talk(f"{self.failures} of {self.count} objects could not be decoded")
        if self.failures == 1:
            return
        for reason, count in self.reasons.most_common(_REASONS):
            talk(f"{count:>8}  {reason}")
        if len(self.reasons) > _REASONS:
            talk(f"          and {len(self.reasons) - _REASONS} other reasons")


_REASONS = 10
"""So many reasons are named."""
_VARYING = re.compile(r"(?:[0-9a-f]{2} ){2,}[0-9a-f]{2}|0x[0-9a-f]+|[0-9]+|'[^']*'")
"""What differs between failures of one kind."""


def _watched(paths: Iterator[Path], label: str) -> Iterator[Path]:
    """The same; on a terminal whose output goes elsewhere with a progress bar."""
    is_seen = sys.stderr is not None and sys.stderr.isatty() and not is_coloured(None)
    if not is_seen:
        yield from paths
        return
    with click.progressbar(list(paths), label=printable(label), file=sys.stderr) as known:
        yield from known
