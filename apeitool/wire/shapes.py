"""How CPER-JSON shows a value, where its rules do not tell.

CPER-JSON is the form that libcper gives records and sections.  The rules are those of
`apeitool.render.cper_json`: a field is a member of its name in camel case, shown as what it is.  A
declaration says beside a field or a range, with `Json`, what departs from them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from apeitool.wire.types import Fact


class Shape:
    """How a value is shown."""

    __slots__ = ()


class Plain(Shape):
    """A value without inner structure; both ways."""

    __slots__ = ()

    def show(self, value: Any) -> Any:
        """The value in JSON; None if it has no place there."""
        raise NotImplementedError

    def read(self, plain: Any) -> Any:
        """The value of what JSON has.

        Raises:  ValueError that says what is needed.
        """
        raise NotImplementedError


class Number(Plain):
    """A number; of bytes, or of a structure, the little-endian one that they make."""

    __slots__ = ()

    def show(self, value: Any) -> int:
        return int(value)

    def read(self, plain: Any) -> int:
        if isinstance(plain, int) and not isinstance(plain, bool) and plain >= 0:
            return plain
        raise ValueError("a number that is not negative")


class Boolean(Plain):
    """A bit: true or false."""

    __slots__ = ()

    def show(self, value: Any) -> bool:
        return bool(value)

    def read(self, plain: Any) -> int:
        if isinstance(plain, int) and plain in (0, 1):
            return int(plain)
        raise ValueError("true or false")


class Characters(Plain):
    """ASCII text up to a NUL; ``other`` stands where other characters are, or nothing."""

    __slots__ = ("other",)

    def __init__(self, other: str | None = None) -> None:
        self.other = other

    def show(self, value: str | bytes) -> str | None:
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        text = text.partition("\0")[0]
        return text if text.isascii() and text.isprintable() else self.other

    def read(self, plain: Any) -> str:
        if isinstance(plain, str) and plain.isascii():
            return plain
        raise ValueError("ASCII text")


class Identifier(Plain):
    """A GUID."""

    __slots__ = ()

    def show(self, value: UUID) -> str:
        return str(value)

    def read(self, plain: Any) -> UUID:
        try:
            return UUID(plain)
        except (ValueError, TypeError, AttributeError):
            raise ValueError("a GUID") from None


class Base64(Plain):
    """Bytes in base64."""

    __slots__ = ()

    def show(self, value: bytes) -> str:
        return base64.b64encode(value).decode()

    def read(self, plain: Any) -> bytes:
        try:
            return base64.b64decode(plain, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise ValueError("bytes in base64") from None


class Octets(Plain):
    """Bytes as two digits each: of a number the highest first."""

    __slots__ = ("separator", "size")

    def __init__(self, size: int | None = None, separator: str = "") -> None:
        self.size = size
        self.separator = separator

    def show(self, value: Any) -> str:
        if self.size is None:
            return bytes(value).hex()
        return int(value).to_bytes(self.size, "big").hex(self.separator).upper()

    def read(self, plain: Any) -> Any:
        try:
            data = bytes.fromhex(plain.replace(self.separator or " ", ""))
        except (ValueError, AttributeError):
            raise ValueError("bytes in hex, as text") from None
        if self.size is None:
            return data
        if len(data) == self.size:
            return int.from_bytes(data, "big")
        raise ValueError(f"{self.size} bytes in hex, as text")


class Dotted(Plain):
    """Two ranges of a number, of one width in bits, with a dot between them."""

    __slots__ = ("major", "minor", "width")

    def __init__(self, *, major: int, minor: int, width: int) -> None:
        self.major = major
        self.minor = minor
        self.width = width

    def show(self, value: Any) -> str:
        mask = (1 << self.width) - 1
        return f"{int(value) >> self.major & mask}.{int(value) >> self.minor & mask}"

    def read(self, plain: Any) -> int:
        found = re.fullmatch(r"(\d{1,3})\.(\d{1,3})", plain) if isinstance(plain, str) else None
        parts = [int(part) for part in found.groups()] if found else [1 << self.width]
        if max(parts) >> self.width:
            raise ValueError(f"two numbers of {self.width} bits with a dot between them")
        return parts[0] << self.major | parts[1] << self.minor


class Hexadecimal(Plain):
    """A number as ``0x`` and so many digits; if not ``of_zero``, zero has no place."""

    __slots__ = ("digits", "of_zero")

    def __init__(self, digits: int, *, of_zero: bool = True) -> None:
        self.digits = digits
        self.of_zero = of_zero

    def show(self, value: Any) -> str | None:
        if not self.of_zero and not int(value):
            return None
        return f"0x{int(value):0{self.digits}X}"

    def read(self, plain: Any) -> int:
        try:
            return int(plain, 16)
        except (ValueError, TypeError):
            raise ValueError("a number in hex, as text") from None


class Packed(Plain):
    """Text as the little-endian number that its bytes make."""

    __slots__ = ()

    def show(self, value: str) -> int:
        return int.from_bytes(value.encode("latin-1"), "little")

    def read(self, plain: Any) -> str:
        number = NUMBER.read(plain)
        return number.to_bytes((number.bit_length() + 7) // 8, "little").decode("latin-1")


class Decimal(Plain):
    """Two digits in BCD, shown as the number that they write; what is not BCD has no place."""

    __slots__ = ()

    def show(self, value: Any) -> int | None:
        digits = f"{int(value):x}"
        return int(digits) if digits.isdecimal() else None

    def read(self, plain: Any) -> int:
        if NUMBER.read(plain) > 99:
            raise ValueError("a number of two digits")
        return int(str(plain), 16)


class Choice(Plain):
    """One of two words: for zero, and for anything else."""

    __slots__ = ("words",)

    def __init__(self, zero: str, other: str) -> None:
        self.words = (zero, other)

    def show(self, value: Any) -> str:
        return self.words[bool(value)]

    def read(self, plain: Any) -> int:
        if plain in self.words:
            return self.words.index(plain)
        raise ValueError(" or ".join(self.words))


class Words(Plain):
    """A number as its name alone; one without a name is ``unknown``, which is read as zero."""

    __slots__ = ("names", "unknown")

    def __init__(self, names: Mapping[Any, str], unknown: str = "Unknown") -> None:
        self.names = names
        self.unknown = unknown

    def show(self, value: Any) -> str:
        return self.names.get(value, self.unknown)

    def read(self, plain: Any) -> int:
        if plain == self.unknown:
            return 0
        for value, name in self.names.items():
            if plain == name:
                return int(value)
        raise ValueError(f"one of {', '.join([*self.names.values(), self.unknown])}")


class Pair(Plain):
    """An object that has the value under ``key``, and its name, for people, under ``name``.

    ``names`` gives the name, by table or by function; without it a label names itself.  A value
    without a name is called ``unknown``; with None there, no name is shown.  ``text`` is where a
    label says what it means.
    """

    __slots__ = ("key", "name", "names", "of", "text", "unknown")

    def __init__(
        self,
        key: str = "value",
        name: str | None = "name",
        names: Mapping[Any, str] | Callable[[Any], str | None] | None = None,
        *,
        unknown: str | None = "Unknown (Reserved)",
        text: str | None = None,
        of: Plain | None = None,
    ) -> None:
        self.key = key
        self.name = name
        self.names = names
        self.unknown = unknown
        self.text = text
        self.of = of or NUMBER

    def show(self, value: Any) -> dict[str, Any]:
        plain = {self.key: self.of.show(value)}
        if self.name and (name := self._named(value) or self.unknown):
            plain[self.name] = name
        if self.text and value.is_known:
            plain[self.text] = value.text
        return plain

    def _named(self, value: Any) -> str | None:
        if self.names is None:
            return getattr(value, "json_name", None)
        return self.names.get(value) if isinstance(self.names, Mapping) else self.names(value)

    def read(self, plain: Any) -> Any:
        if not isinstance(plain, dict) or self.key not in plain:
            raise ValueError(f"an object that has {self.key}")
        return self.of.read(plain[self.key])


class Members(Shape):
    """The bits of a number as an object: each named range, or flag, a member.

    They are those of ``words``, or of what ``by`` says of the structure, or else of the field's own
    view.  All have the shape ``of`` if it is
    given, and ``suffix`` behind their names, but for those that ``names`` calls otherwise.  With
    ``inline`` they are members of the object around.  Bits are shown once: where words are about
    the same bits, by the first that is a fact.
    """

    __slots__ = ("by", "inline", "names", "of", "suffix", "words")

    def __init__(
        self,
        *words: Any,
        by: Callable[[Any], Any] | None = None,
        of: Plain | None = None,
        suffix: str = "",
        names: Mapping[str, str] | None = None,
        inline: bool = False,
    ) -> None:
        self.words = words
        self.by = by
        self.of = of
        self.suffix = suffix
        self.names = names or {}
        self.inline = inline


class Item(Shape):
    """A structure as an object, a list of them as a list.

    Lists of one name are one list; where one ends, the count of its field tells.  Where a list has
    several types, ``head`` is what all begin with; its bytes tell which it is.
    """

    __slots__ = ("head",)

    def __init__(self, head: Any = None) -> None:
        self.head = head


class First(Shape):
    """Of a list its first structure, whose members are those of the object around."""

    __slots__ = ()


class Inline(Shape):
    """A structure, of one of these types, whose members are those of the object around."""

    __slots__ = ("types",)

    def __init__(self, *types: Any) -> None:
        self.types = types


class Several(Shape):
    """Structures under a name that tells their type: all in a list, or one that is alone.

    ``registers=[Register]`` is the former, ``error=Error`` the latter.
    """

    __slots__ = ("types",)

    def __init__(self, **types: Any) -> None:
        self.types = types

    def place(self, kind: Any) -> tuple[str, bool]:
        """The name for structures of a type, and whether they are in a list."""
        name = next(name for name, known in self.types.items() if kind in (known, *_listed(known)))
        return name, isinstance(self.types[name], list)


def _listed(known: Any) -> list[Any]:
    return known if isinstance(known, list) else []


class Slice(NamedTuple):
    """A range of a number under a name of its own; in hex of its width unless it has a shape."""

    low: int
    width: int
    shape: Plain | None = None

    @property
    def form(self) -> Plain:
        """How it is shown."""
        return self.shape or Hexadecimal(self.width // 4)

    def of(self, value: int) -> Any:
        """The range of a number, as it is shown."""
        return self.form.show(value >> self.low & (1 << self.width) - 1)


class Slices(Shape):
    """Ranges of a number, which the field ``by`` tells, or all that are under None.

    The number may be that of bytes, or of a structure.  The object may be shared with others; with
    ``inline`` it is the object around.
    """

    __slots__ = ("by", "inline", "table")

    def __init__(
        self,
        by: str | None,
        table: Mapping[Any, Mapping[str, Slice]],
        *,
        inline: bool = False,
    ) -> None:
        self.by = by
        self.table = table
        self.inline = inline

    def of(self, by: Any) -> Mapping[str, Slice]:
        """The ranges that there are for a value of the field that tells."""
        return self.table.get(by) or self.table.get(None) or {}

    @property
    def every(self) -> dict[str, Slice]:
        """All ranges that there are; one name is one place."""
        return {name: part for ranges in self.table.values() for name, part in ranges.items()}


class Extent(Shape):
    """All bytes from this field on, up to the field ``until``, in base64.

    Of no bytes nothing is shown, nor are the fields that lie there.
    """

    __slots__ = ("until",)

    def __init__(self, until: str | None = None) -> None:
        self.until = until


class Dump(Shape):
    """A structure as an object whose ``data`` is its bytes; its members are there to be looked at."""

    __slots__ = ()


class Moment(Shape):
    """A timestamp: the moment as text, and whether it is precise.

    The structure's ``moment`` tells it where the bytes are not in BCD.
    """

    __slots__ = ()


class Keyed(Shape):
    """An object with a member whose name tells the type: of a structure, or of a register word.

    The object may be shared with others.  ``name=(Structure, shape)`` is one whose bytes are shown;
    of none there is no member.  A structure that is shorter than its length says has zeros behind
    it, up to ``room`` bytes.
    """

    __slots__ = ("forms", "room", "types")

    def __init__(self, *, room: int = 0, **types: Any) -> None:
        self.room = room
        pairs = {
            n: known if isinstance(known, tuple) else (known, None) for n, known in types.items()
        }
        self.types = {name: kind for name, (kind, _) in pairs.items()}
        self.forms: dict[str, Plain] = {name: form for name, (_, form) in pairs.items() if form}

    def name(self, kind: Any) -> str | None:
        """The name for a type."""
        return next((name for name, known in self.types.items() if known is kind), None)


class Hidden(Shape):
    """Not shown."""

    __slots__ = ()


NUMBER = Number()
BOOLEAN = Boolean()
TEXT = Characters()
IDENTIFIER = Identifier()
BASE64 = Base64()
DECIMAL = Decimal()
PACKED = Packed()
HEX8, HEX16, HEX32, HEX64 = (Hexadecimal(digits) for digits in (2, 4, 8, 16))
ITEM = Item()


class Json(Fact):
    """How CPER-JSON shows a field or a range, where that does not follow from the declaration.

    ``name`` may be a path: objects around it are shared with others.  ``within`` is the path before
    a name that the rules give.  ``also`` are members that say the same again for people; they are
    not read.  ``as_written`` says that the members inside keep their names as they are declared.
    ``marks`` is whether its presence says that it is valid.  A ``required`` range is shown as zero
    where it is no fact but another of its word is, a ``required`` field as it is: libcper's schema
    asks for it.
    """

    __slots__ = ("also", "as_written", "marks", "name", "required", "shape", "within")

    def __init__(
        self,
        name: str | None = None,
        shape: Shape | None = None,
        *,
        within: str | None = None,
        also: Mapping[str, Callable[[Any], Any]] | None = None,
        as_written: bool = False,
        marks: bool = True,
        required: bool = False,
    ) -> None:
        self.name = name
        self.shape = shape
        self.within = within
        self.also = also or {}
        self.as_written = as_written
        self.marks = marks
        self.required = required


HIDDEN = Json(shape=Hidden())
