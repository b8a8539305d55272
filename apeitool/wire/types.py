"""What a field can be on the wire, and the facts that stand beside it.

A structure is declared as a class whose annotations are its fields, in the order of the wire::

    class Bank(Structure):
        number: U8 = 0
        status_register: Annotated[U32, "MSR", Hex] = 0

``Annotated`` holds first the Python type, then one *wire kind* (below), then facts in any order:
a string says what the field means, `Unit` in what it is counted, `When` which validation bit
governs it, `Derived` how a constructor computes it when it is not given, a class of
`apeitool.wire.labels` (or an ``IntFlag``) which names its bits have.

Fixed kinds come first in a structure, at offsets known from the declaration; then come *parts*,
whose extent the fixed fields tell.  One law covers all of them: **a structure's bytes are the bytes
of its fields, one after the other.**  So every byte has one owner, nothing is written twice, and
what was read is what is written.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

if TYPE_CHECKING:
    from apeitool.wire.record import Structure

Decoder = Callable[[bytes, int, int], "tuple[Any, int]"]
"""Decodes one structure from ``buffer[start:end]``; gives it and the offset behind it."""

Number = str | Callable[[Any], int]
"""Where a count or a length comes from: the name of the field that has it, or a function of all."""


def _reader(number: Number) -> Callable[[Any], int]:
    return attrgetter(number) if isinstance(number, str) else number


Engine = Callable[["type[Structure]"], Decoder]
"""Gives the decoder of a type: the fast one, or Construct's."""


class Kind:
    """How a field meets bytes."""

    __slots__ = ()


class Scalar(Kind):
    """An unsigned little-endian integer; ``format`` is how `struct` says it: one letter or two.

    `struct` has none for 24 bits: it takes them as the low 16 and the high 8.
    """

    __slots__ = ("format", "size")

    def __init__(self, format: str, size: int) -> None:
        self.format = format
        self.size = size


class Guid(Kind):
    """An EFI GUID: 16 bytes, the first three groups little-endian."""

    __slots__ = ()
    size = 16


class Text(Kind):
    """Characters padded with NUL.  One byte is one character, so bytes behind a NUL survive."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size


class Bytes(Kind):
    """So many bytes with no inner structure (reserved ones too: they are kept as read)."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size


class Array(Kind):
    """So many integers of one width, held as a tuple."""

    __slots__ = ("count", "item", "size")

    def __init__(self, item: Scalar, count: int) -> None:
        self.item = item
        self.count = count
        self.size = item.size * count


class Nested(Kind):
    """A structure inside a structure, of fixed size.  Inferred from the Python type."""

    __slots__ = ("size", "type")

    def __init__(self, type: type[Structure]) -> None:
        if type.parts or type.shortest != type.fixed_size:
            raise TypeError(f"{type.__name__} has no fixed size: make it a part")
        self.type = type
        self.size = type.fixed_size


class Aside(Kind):
    """A fact about the structure that takes no bytes in it (the GUID of an opaque section)."""

    __slots__ = ()
    size = 0


class Absent(Aside):
    """How many bytes of the fixed part were not there.

    Producers of an older revision leave the last fields out; they read as zero, and the structure
    is written as short as it was.  ``shortest`` is the least legal length in bytes.
    """

    __slots__ = ("shortest",)

    def __init__(self, shortest: int) -> None:
        self.shortest = shortest


class Part(Kind):
    """A field whose extent other fields tell.

    ``length`` (bytes from here) or ``until`` (offset in the structure) bound it; both may ask for
    anything, only bytes that are there are taken.
    """

    __slots__ = ("length", "length_field", "until")

    def __init__(
        self,
        length: Number | None = None,
        until: Number | None = None,
    ) -> None:
        self.length_field = length if isinstance(length, str) and until is None else None
        self.length = None if length is None else _reader(length)
        self.until = None if until is None else _reader(until)

    @property
    def is_bounded(self) -> bool:
        """Whether another field says how far it may go."""
        return self.length is not None or self.until is not None

    def bound(self, values: Any, start: int, position: int, end: int) -> int:
        """The offset behind the last byte that this part may take."""
        if self.length is not None:
            end = min(end, position + self.length(values))
        if self.until is not None:
            end = min(end, start + self.until(values))
        return max(position, end)

    def take(
        self, engine: Engine, values: Any, buffer: bytes, start: int, position: int, end: int
    ) -> tuple[Any, int]:
        """Decode from ``buffer[position:end]``: the value, and the offset behind it.

        ``values`` has the fields before this one as attributes; ``start`` is where the structure
        began.  Never raises for what the bytes hold: what does not fit is left for the next part.
        """
        raise NotImplementedError


class Raw(Part):
    """Bytes as they are.  Without a bound: all that is left."""

    __slots__ = ()

    def take(
        self, engine: Engine, values: Any, buffer: bytes, start: int, position: int, end: int
    ) -> tuple[bytes, int]:
        end = self.bound(values, start, position, end)
        return buffer[position:end], end


class Many(Part):
    """Structures back to back, until the count is reached, the bound is met or one does not fit.

    ``choose(values, buffer, position, end)`` names the type of the next one, or None to stop.
    """

    __slots__ = ("choose", "count", "count_field", "only")

    def __init__(
        self,
        choose: type[Structure] | Callable[[Any, bytes, int, int], type[Structure] | None],
        *,
        count: Number | None = None,
        length: Number | None = None,
        until: Number | None = None,
    ) -> None:
        super().__init__(length, until)
        self.only: type[Structure] | None = None
        self.choose: Callable[[Any, bytes, int, int], type[Structure] | None] | None = None
        if isinstance(choose, type):
            if not choose.shortest:  # type: ignore[attr-defined]
                raise TypeError(f"{choose.__name__} may take no bytes: there could be any number")
            self.only = choose
        else:
            self.choose = choose
        self.count = None if count is None else _reader(count)
        self.count_field = count if isinstance(count, str) else None

    def take(
        self, engine: Engine, values: Any, buffer: bytes, start: int, position: int, end: int
    ) -> tuple[tuple[Structure, ...], int]:
        if self.is_bounded:
            end = self.bound(values, start, position, end)
        left = -1 if self.count is None else self.count(values)
        items = []
        if self.only is not None:
            shortest = self.only.shortest
            while left and end - position >= shortest:
                # Asked each time: a decoder is replaced by a faster one when it is first called.
                item, position = engine(self.only)(buffer, position, end)
                items.append(item)
                left -= 1
            return tuple(items), position
        while left and position < end and self.choose is not None:
            kind = self.choose(values, buffer, position, end)
            if kind is None or end - position < kind.shortest:
                break
            item, behind = engine(kind)(buffer, position, end)
            items.append(item)
            left -= 1
            if behind == position:
                break
            position = behind
        return tuple(items), position


class Strided(Part):
    """Structures, each in a window of its own, as their producer padded them.

    ``windows(values, buffer, start, position, end)`` gives the offset behind each, in order;
    ``choose(buffer, position, stop)`` names the type of the one in a window, where they are not all
    of one.  Each must end in a `Raw` that takes what is left of its window.
    """

    __slots__ = ("choose", "only", "windows")

    def __init__(
        self,
        choose: type[Structure] | Callable[[bytes, int, int], type[Structure]],
        windows: Callable[[Any, bytes, int, int, int], list[int]],
    ) -> None:
        super().__init__()
        self.only: type[Structure] | None = choose if isinstance(choose, type) else None
        self.choose: Any = choose
        self.windows = windows

    def take(
        self, engine: Engine, values: Any, buffer: bytes, start: int, position: int, end: int
    ) -> tuple[tuple[Structure, ...], int]:
        items = []
        for stop in self.windows(values, buffer, start, position, end):
            kind = self.only or self.choose(buffer, position, stop)
            items.append(engine(kind)(buffer, position, stop)[0])
            position = stop
        return tuple(items), position


class One(Part):
    """One structure whose type ``choose(values)`` tells.

    The part takes its bounds whole: the structure must end in a `Raw` that takes what it leaves.
    """

    __slots__ = ("choose",)

    def __init__(
        self,
        choose: Callable[[Any, int], type[Structure]],
        *,
        length: Number | None = None,
        until: Number | None = None,
    ) -> None:
        super().__init__(length, until)
        self.choose = choose

    def take(
        self, engine: Engine, values: Any, buffer: bytes, start: int, position: int, end: int
    ) -> tuple[Structure, int]:
        end = self.bound(values, start, position, end)
        return engine(self.choose(values, end - position))(buffer, position, end)


class Fact:
    """Something said about a field that does not change its bytes."""

    __slots__ = ()


class Unit(Fact):
    """What the number counts: ``bytes``, ``ms``."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Usual(Fact):
    """What producers write in most cases: what samples are made of."""

    __slots__ = ("values",)

    def __init__(self, *values: Any) -> None:
        self.values = values


class When(Fact):
    """The field is a fact only if one of these bits of the validation field is set.

    The validation field is the one whose bits, or those of a range in it, the class of ``bit`` names.
    """

    __slots__ = ("bit",)

    def __init__(self, bit: enum.IntFlag) -> None:
        self.bit = bit


class Derived(Fact):
    """How the value follows from the other fields.

    Used when a constructor is not given it and by ``sealed()``.  ``last`` ones are computed after
    all others of the structure (a checksum).  The bits of ``keep`` do not follow: they stay.
    """

    __slots__ = ("compute", "keep", "last")

    def __init__(self, compute: Callable[[Any], Any], *, last: bool = False, keep: int = 0) -> None:
        self.compute = compute
        self.keep = keep
        self.last = last


class Named(Fact):
    """The bits of the field have names that depend on another field."""

    __slots__ = ("choose",)

    def __init__(self, choose: Callable[[Any], Any]) -> None:
        self.choose = choose


class Style(Fact):
    """How a person expects to see the number."""

    __slots__ = ("hexadecimal",)

    def __init__(self, *, hexadecimal: bool) -> None:
        self.hexadecimal = hexadecimal


Hex = Style(hexadecimal=True)
ADDRESS = Unit("address")

u8 = Scalar("B", 1)
u16 = Scalar("H", 2)
u24 = Scalar("HB", 3)
u32 = Scalar("I", 4)
u64 = Scalar("Q", 8)

U8 = Annotated[int, u8]
U16 = Annotated[int, u16]
U24 = Annotated[int, u24]
U32 = Annotated[int, u32]
U64 = Annotated[int, u64]
Address = Annotated[int, u64, Hex, ADDRESS]
GUID = Annotated[UUID, Guid()]
Rest = Annotated[bytes, Raw()]

AUTO: Any = type("AUTO", (), {"__repr__": lambda self: "AUTO"})()
"""Default of a field that is computed when it is not given."""

NIL = UUID(int=0)
