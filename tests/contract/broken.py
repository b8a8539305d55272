"""Declarations that break a rule, each its own; and good ones."""

import enum
from typing import Annotated, Any, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.wire import compiled
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    U8,
    U16,
    U24,
    U32,
    U64,
    Array,
    Part,
    Raw,
    Rest,
    u8,
    u16,
    u24,
    u32,
    u64,
)


def declare(**annotations: Any) -> type[Structure]:
    """A structure with these fields: annotation, or (annotation, default)."""
    rows = {n: a if isinstance(a, tuple) else (a, 0) for n, a in annotations.items()}
    space = {"__annotations__": {n: a for n, (a, _) in rows.items()}}
    space |= {n: default for n, (_, default) in rows.items() if default is not ...}
    return type(Structure)("Broken", (Structure,), {**space, "__module__": __name__})


class Flags(enum.IntFlag):
    """Flags that no field has."""

    FIRST = 1


class Pieces(Word):
    """Bits of a 24-bit number, on both sides of its sixteenth."""

    low = Bits(0, 15)
    middle = Bits(15, 2)
    top = Bits(23)


class Good(Structure):
    """A structure that keeps all rules.

    Shape:   4 bytes.
    Source:  nobody
    """

    number: U32 = 0


class Answer(Label):
    """Values of which the largest has no name."""

    NO = 0
    YES = 1


class Pair(Structure):
    """A structure that lies inside another, at no even place.

    Shape:   4 bytes.
    Source:  nobody
    """

    low: U24 = 0
    high: U8 = 0


class Integers(Structure):
    """A structure with integers of every width: alone, as an enumeration, side by side, inside.

    Shape:   86 bytes.
    Raises:  Truncated if fewer than 86 bytes are there.
    Source:  nobody
    """

    one: U8 = 0
    two: U16 = 0
    three: Annotated[U24, Pieces] = 0
    four: U32 = 0
    eight: U64 = 0
    answer_one: Annotated[Answer, u8] = Answer.NO
    answer_two: Annotated[Answer, u16] = Answer.NO
    answer_three: Annotated[Answer, u24] = Answer.NO
    answer_four: Annotated[Answer, u32] = Answer.NO
    answer_eight: Annotated[Answer, u64] = Answer.NO
    ones: Annotated[tuple[int, ...], Array(u8, 3)] = (0, 0, 0)
    twos: Annotated[tuple[int, ...], Array(u16, 3)] = (0, 0, 0)
    threes: Annotated[tuple[int, ...], Array(u24, 3)] = (0, 0, 0)
    fours: Annotated[tuple[int, ...], Array(u32, 3)] = (0, 0, 0)
    eights: Annotated[tuple[int, ...], Array(u64, 2)] = (0, 0)
    pair: Pair = Pair()


class Open(Structure):
    """A structure that may take no bytes.

    Source:  nobody
    """

    rest: Rest = b""


class Loses(Part):
    """A part that drops a byte."""

    def take(self, engine, values, buffer, start, position, end):
        return buffer[position + 1 : end], end


class Twofold(Part):
    """A part that Construct reads otherwise than the fast path does."""

    def take(self, engine, values, buffer, start, position, end):
        return (buffer[position:end], end) if engine is compiled.fast else (b"", position)


class Peeks(Part):
    """A part that looks beyond its end."""

    def take(self, engine, values, buffer, start, position, end):
        return buffer[position : end - (buffer[end:] != b"")], end - (buffer[end:] != b"")


class Trips(Part):
    """A part that needs more bytes than it asked for."""

    def take(self, engine, values, buffer, start, position, end):
        return bytes([buffer[position]]), position + 1


def with_part(part: Part) -> type[Structure]:
    return declare(number=U8, rest=(Annotated[bytes, part], b""))


class WrongSize(Good):
    """Says that it is larger than it is."""

    size = 5


class Overlaps(Good):
    """Gives a child that is not among its bytes."""

    def children(self):
        yield "number", 2, Good(number=7)


class Raises(Good):
    """Cannot judge zero."""

    def check(self):
        yield self.trouble("zero", "number", str(1 // self.number))


class Elsewhere(Good):
    """Points at the wrong byte."""

    def check(self):
        yield Problem("wrong", 3, "number", "it is", "nobody")


class Nowhere(Good):
    """Points at a field that is not there."""

    def check(self):
        yield Problem("wrong", 0, "numbers", "it is", "nobody")


class Groundless(Good):
    """Finds fault, and nobody says so."""

    def check(self):
        yield Problem("wrong", 0, "number", "it is", "")


class Open2(Good):
    """Lets itself be changed."""

    __setattr__ = object.__setattr__


class Unequal(Good):
    """Is not what it is."""

    __hash__ = None

    def __eq__(self, other):
        return self is other


class Mute(Good):
    """Has a property that raises."""

    @property
    def text(self):
        return {0: "zero"}[self.number]


class Drifts(Good):
    """Seals to something else each time."""

    def sealed(self):
        return self.replace(number=(self.number + 1) % 256)


class Unsettled(Good):
    """Has the same problem after sealing."""

    def check(self):
        yield self.trouble("wrong-count", "number", "it is")


class Unread(Structure):
    """Seals to what it does not read.

    Source:  nobody
    """

    number: U8 = 0
    data: Annotated[bytes, Raw(length=lambda s: s.number)] = b""
    rest: Rest = b""

    def sealed(self):
        return self.replace(number=0)


class Silent(Structure):
    number: U8 = 0


class Sourceless(Structure):
    """A structure of which nobody knows who says so."""

    number: U8 = 0


class Misshapen(Structure):
    """A structure that grew.

    Shape:   4 bytes.
    Source:  nobody
    """

    number: U8 = 0


class Misraised(Structure):
    """A structure whose shortest length is told wrong.

    Raises:  Truncated when fewer than 2 bytes are given.
    Source:  nobody
    """

    number: U8 = 0


class Values(Label):
    """An enumeration with a value above a byte's."""

    LARGE = 256


class Overlapping(Word):
    """A word whose ranges overlap."""

    low = Bits(0, 4)
    high = Bits(3, 2)


class Wide(Word):
    """A word wider than a byte."""

    high = Bits(8)


class Headless(Section):
    """A section that loses what it does not know.

    Source:  nobody
    """

    guid: ClassVar[UUID] = UUID(int=1)
    number: U8 = 0


class Bounded(Section):
    """A section whose last field does not take all.

    Source:  nobody
    """

    guid: ClassVar[UUID] = UUID(int=2)
    number: U8 = 0
    rest: Annotated[bytes, Raw(length=lambda s: s.number)] = b""


class Truncates(Structure):
    """A structure that writes what has no room.

    Source:  nobody
    """

    number: U8 = 0

    def replace(self, **changes):
        return super().replace(**{n: v & 0xFF if n == "number" and isinstance(v, int) else v
                                  for n, v in changes.items()})  # fmt: skip


class Shared(Structure):
    """A structure of which a field reads its neighbour's bytes.

    Source:  nobody
    """

    number: U16 = 0
    other: U16 = 0

    @classmethod
    def shifted(cls, buffer, start, end):
        item, behind = compiled.decoder(cls)(buffer, start, end)
        return item.replace(other=item.number), behind


Shared.decode_at = Shared.shifted
