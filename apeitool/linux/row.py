"""Lines of the kernel as templates: written from the fields of a structure, and read back into them.

    Row("error_type: {memory_error_type:d}, {memory_error_type:words}", MEMORY_ERROR_TYPES)

A template is what the format is in the kernel, spaces at its beginning included; for each number it
has the path of a field, or of a range of bits in one, and how it is written: as Python formats
integers, or

    i        decimal, 32 bits with a sign
    words    the word for it
    guid     a GUID
    text     characters up to the first NUL
    swapped  bytes in hex, the last one first

Whether a line is written at all, the validation bit of its first field says; a line that is read
sets that bit.  So what the text does not tell is not marked valid.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from string import Formatter
from typing import Any
from uuid import UUID

from apeitool.linux.draft import Draft, Place
from apeitool.wire.labels import Word, validity
from apeitool.wire.record import Structure

Thing = Structure | Word
Owner = type[Structure | Word]


class Words:
    """The kernel's words for numbers; those without one have the word ``other``.

    Where that is None nothing is written.
    """

    def __init__(
        self, words: Sequence[str] | Mapping[Any, str], other: str | None = "unknown"
    ) -> None:
        self.table: dict[Any, str] = dict(
            words.items() if isinstance(words, Mapping) else enumerate(words)
        )
        self.other = other

    def word(self, number: Any) -> str | None:
        """The word for a number."""
        return self.table.get(number, self.other)

    def number(self, word: str) -> Any:
        """The number that alone has this word; None if there is none."""
        found = [number for number, known in self.table.items() if known == word]
        return found[0] if len(found) == 1 and word != self.other else None


class Flags:
    """The words for the bits that are set, as many on a line as there is room for.

    Source:  Linux cper_print_bits(), drivers/firmware/efi/cper.c
    """

    def __init__(self, path: str, words: Words) -> None:
        self.path = path
        self.words = words

    def lines(self, thing: Thing, owner: Owner, before: int) -> Iterator[str]:
        place = Place(owner, self.path)
        if not is_told(thing, place.when):
            return
        value = place.get(thing)
        line = ""
        for word in (word for bit, word in self.words.table.items() if value >> bit & 1):
            if line and before + len(line) + len(word) + len(", ") > _WIDTH:
                yield line
                line = ""
            line = f"{line}, {word}" if line else word
        if line:
            yield line

    def read(self, draft: Draft, text: str) -> bool:
        """Whether it is such a line; the number is in one before it."""
        return {*text.split(", ")} <= {*self.words.table.values()}


class FlagLines:
    """A line for each bit that is set; nothing shows the others, or that none is."""

    def __init__(self, path: str, words: Mapping[int, str]) -> None:
        self.path = path
        self.words = words

    def lines(self, thing: Thing, owner: Owner, before: int = 0) -> Iterator[str]:
        place = Place(owner, self.path)
        if is_told(thing, place.when):
            value = place.get(thing)
            yield from (word for bit, word in self.words.items() if value & bit)

    def read(self, draft: Draft, text: str) -> bool:
        place = Place(draft.kind, self.path)
        for bit, word in self.words.items():
            if text == word.lstrip():
                draft.put(place, draft.values.get(self.path, 0) | bit)
                if place.when is not None:
                    draft.mark(place.when)
                return True
        return False


_WIDTH = 80
LEVEL = 2
"""So many characters has the level of a line, which are not seen but counted."""


class Row:
    """A line, or a piece of one.

    ``when`` is the validation bit, where it is not that of the first field.  ``view`` reads the bits
    of a field whose declaration leaves that open.  ``puts`` takes the number of a line that is no
    field as it is, and marks what that makes valid.  A line that is ``always`` there tells nothing of validity.  An ``older`` line is read, but no kernel that is known here writes it.
    """

    def __init__(
        self,
        template: str,
        words: Words | None = None,
        *,
        when: enum.IntFlag | None = None,
        view: type[Word] | None = None,
        puts: Any = None,
        always: bool = False,
        older: bool = False,
    ) -> None:
        self.template = template
        self.words = words
        self.when = when
        self.view = view
        self.puts = puts
        self.always = always
        self.older = older
        self._places: dict[Owner, list[Place]] = {}

    @cached_property
    def pieces(self) -> list[tuple[str, str, str]]:
        """(text before it, path, how it is written) of each number; the last may have no path."""
        parsed = Formatter().parse(self.template)
        return [(text, path or "", spec or "") for text, path, spec, _ in parsed]

    def places(self, owner: Owner) -> list[Place]:
        """The fields that a line shows, in order."""
        if owner not in self._places:
            paths = [path for _, path, _ in self.pieces if path]
            self._places[owner] = [Place(owner, path, self.view) for path in paths]
        return self._places[owner]

    def _bit(self, owner: Owner) -> enum.IntFlag | None:
        if self.when is not None or self.always:
            return self.when
        return next((place.when for place in self.places(owner) if place.when is not None), None)

    def lines(self, thing: Thing, owner: Owner, before: int = 0) -> Iterator[str]:
        """The line, if the structure has it to tell."""
        if self.older or not is_told(thing, self._bit(owner)):
            return
        places = iter(self.places(owner))
        shown = []
        for text, path, spec in self.pieces:
            shown.append(text)
            if path:
                number = next(places).get(thing)
                word = _written(number, spec, self.words)
                if word is None:
                    return
                shown.append(word)
        yield "".join(shown)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What such a line looks like, without the spaces before it."""
        found = ""
        for index, (text, path, spec) in enumerate(self.pieces):
            literal = (text if index else text.lstrip()).rstrip()
            found += re.escape(literal)
            # Releases differ in whether a space follows a colon; who keeps logs may drop the last.
            is_loose = text.endswith(" ")
            found += r"\s?" if is_loose or (path and literal.endswith(":")) else ""
            found += f"({_PATTERNS.get(spec, _HEX)})" if path else ""
        return re.compile(found)

    def read(self, draft: Draft, text: str) -> bool:
        """Take the numbers of a line; whether it is such a line."""
        match = self.pattern.fullmatch(text)
        return match is not None and self.take(draft, match)

    def take(self, draft: Draft, match: re.Match[str]) -> bool:
        """Put the numbers of a line where they belong; False, and nothing put, if one does not fit."""
        specs = [spec for _, path, spec in self.pieces if path]
        places = self.places(draft.kind)
        counted = {p.path[0] for p, spec in zip(places, specs, strict=True) if spec != "words"}
        found = []
        for place, spec, said in zip(places, specs, match.groups(), strict=True):
            if spec == "words" and place.path[0] in counted:
                continue
            number = _read(said, spec, self.words, place)
            if not place.fits(number):
                return False
            found.append((place, number))
        for place, number in found:
            if self.puts is not None:
                self.puts(draft, number)
            else:
                draft.put(place, number)
        bit = self._bit(draft.kind)
        if bit is not None and self.puts is None:
            draft.mark(bit)
        return True


class Pieces:
    """A line of pieces, each there or not; the kernel has room for so many characters."""

    def __init__(self, *rows: Row, room: int) -> None:
        self.rows = rows
        self.room = room

    def lines(self, thing: Thing, owner: Owner, before: int = 0) -> Iterator[str]:
        line = "".join(piece for row in self.rows for piece in row.lines(thing, owner))
        if line:
            yield line[: self.room]

    def read(self, draft: Draft, text: str) -> bool:
        position = 0
        for row in self.rows:
            match = row.pattern.match(text, position)
            # What ends where the room does may have been cut.
            if match and (match[0].endswith(" ") or match.end() == len(text) < self.room):
                row.take(draft, match)
                position = match.end()
        return position > 0


class Rows:
    """The lines that show a structure, or a word of one, in the kernel's order."""

    def __init__(self, owner: Owner, *lines: Row | Flags | FlagLines | Pieces) -> None:
        self.owner = owner
        self._lines = lines

    @property
    def kind(self) -> type[Structure]:
        """The structure; lines that show a word are not read."""
        if issubclass(self.owner, Word):
            raise TypeError(f"{self.owner.__name__} is a word")
        return self.owner

    def __add__(self, other: Rows) -> Rows:
        return Rows(self.owner, *self._lines, *other._lines)

    def lines(self, thing: Thing, before: int = 0) -> Iterator[str]:
        """What the kernel prints of it; ``before`` is how many characters stand before each line."""
        for line in self._lines:
            yield from line.lines(thing, self.owner, before)

    def read(self, draft: Draft, text: str) -> bool:
        """Take what a line tells; whether it is one of these."""
        return any(line.read(draft, text) for line in self._lines)


def is_told(thing: Thing, bit: enum.IntFlag | None) -> bool:
    """Whether the validation bits say so; what none governs always is."""
    if bit is None:
        return True
    if isinstance(thing, Word):
        return bool(validity(type(thing), thing, bit))
    return thing.has_valid(bit)


_HEX = "[0-9a-fA-F]+"
_PATTERNS = {
    "d": r"\d+",
    "i": r"-?\d+",
    "words": ".*?",
    "guid": "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "text": ".*",
}


def _written(number: Any, spec: str, words: Words | None) -> str | None:
    """A number as a line has it; None where there is no word for it and so no line."""
    match spec:
        case "words" if words is not None:
            return words.word(number)
        case "i":
            return str(signed(number))
        case "guid":
            return str(number)
        case "text":
            return str(number).partition("\0")[0]
        case "swapped":
            return bytes(number)[::-1].hex()
    return format(number, spec)


def _read(said: str, spec: str, words: Words | None, place: Place) -> Any:
    """The number that is written so."""
    match spec:
        case "words" if words is not None:
            number = words.number(said)
            # No table has a word for the largest number: it stands for one that is not known.
            return place.largest if number is None and said == words.other else number
        case "d":
            return int(said)
        case "i":
            return int(said) & _WORD
        case "guid":
            return UUID(said)
        case "text":
            return said
        case "swapped":
            return bytes.fromhex(said)[::-1] if len(said) % 2 == 0 else None
    return int(said, 16)


_WORD = 0xFFFF_FFFF


def signed(number: int) -> int:
    """A number of 32 bits as the kernel prints it where it has a sign."""
    return (number & _WORD) - (((number & _WORD) >> 31) << 32)
