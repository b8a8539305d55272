"""The fast path: functions generated from a declaration.

For each structure one function unpacks all fixed fields by a single `struct` call and fills an
instance, and one packs them.  They decide nothing: on any doubt (bytes too few, a value that does
not fit) they hand over to the Construct codec, which does the same slowly and says what is wrong
and where.

How instances are filled: assigning an attribute of an immutable class costs a call each.  So the
generated code fills an instance of a hidden subclass which is the same but not guarded, and then
turns it into the real class.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import cache
from operator import attrgetter
from typing import Any
from uuid import UUID, SafeUUID

from apeitool.errors import EncodeError
from apeitool.wire.record import Field, Structure
from apeitool.wire.types import (
    AUTO,
    Absent,
    Array,
    Aside,
    Bytes,
    Decoder,
    Guid,
    Many,
    Nested,
    One,
    Part,
    Raw,
    Scalar,
    Strided,
    Text,
)

_KEPT = 4096


class _Guids(dict[bytes, UUID]):
    """UUIDs by their 16 bytes on the wire; few different ones appear in one file.

    Filling the two slots of a UUID by hand is three times as fast as its constructor.
    """

    def __missing__(self, raw: bytes) -> UUID:
        a, b, c, rest = _unpack_guid(raw)
        guid: UUID = _new(UUID)
        _set_int(guid, a << 96 | b << 80 | c << 64 | _from_bytes(rest, "big"))
        _set_safe(guid, _UNKNOWN)
        if len(self) >= _KEPT:
            self.clear()
        self[raw] = guid
        return guid


_new = object.__new__
_from_bytes = int.from_bytes
_unpack_guid = struct.Struct("<IHH8s").unpack
_set_int = vars(UUID)["int"].__set__
_set_safe = vars(UUID)["is_safe"].__set__
_UNKNOWN = SafeUUID.unknown
guids = _Guids()


def guid_bytes(guid: UUID) -> bytes:
    """The 16 bytes of a GUID on the wire."""
    raw = guid.int.to_bytes(16, "big")
    return raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]


class _Texts(dict[bytes, str]):
    """Texts by their bytes on the wire: signatures and names, of which a file has few."""

    def __missing__(self, raw: bytes) -> str:
        if len(self) >= _KEPT:
            self.clear()
        text = self[raw] = raw.rstrip(b"\0").decode("latin-1")
        return text


texts = _Texts()


class _Members(dict[int, Any]):
    """Enumeration members by value, those of values without a name too."""

    def __init__(self, kind: Any) -> None:
        super().__init__({int(m): m for m in kind})
        self.kind = kind

    def __missing__(self, value: int) -> Any:
        if len(self) >= _KEPT:
            self.clear()
        member = self[value] = self.kind(value)
        return member


@cache
def _members(kind: Any) -> _Members:
    return _Members(kind)


@cache
def filler(cls: type[Structure]) -> type[Structure]:
    """The unguarded twin of a class."""
    body = {
        "__slots__": (),
        "__setattr__": object.__setattr__,
        "__delattr__": object.__delattr__,
    }
    return type.__new__(type(cls), cls.__name__, (cls,), body)


fast: Callable[[type[Structure]], Decoder] = attrgetter("decode_at")
"""The engine of the fast path."""


class _Code:
    """A function under construction: its lines, and the objects that its names mean."""

    def __init__(self) -> None:
        self.space: dict[str, Any] = {
            "new": object.__new__, "fast": fast, "guids": guids, "texts": texts,
            "guid_bytes": guid_bytes,
        }  # fmt: skip
        self.lines: list[str] = []
        self.formats: list[str] = []
        self.count = 0

    def name(self, thing: Any, stem: str) -> str:
        self.count += 1
        key = f"{stem}{self.count}"
        self.space[key] = thing
        return key

    def variable(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def function(self, head: str) -> Callable[..., Any]:
        # Globals as defaults: the body then looks them up as locals.
        known = ", ".join(f"{n}={n}" for n in self.space)
        source = f"def f({head}, *, {known}):\n" + "\n".join("    " + x for x in self.lines)
        exec(compile(source, "<generated>", "exec"), self.space)  # noqa: S102 - our own text
        function: Callable[..., Any] = self.space["f"]
        return function


def decoder(cls: type[Structure], *, whole: bool = True) -> Any:
    """A function ``(buffer, start, end) -> (instance, offset behind it)``.

    If not of the ``whole``, then of the fixed fields alone: its parts have no values.
    """
    code = _Code()
    names: list[str] = []
    body: list[str] = []
    made = _fill(code, cls, names, body)
    layout = struct.Struct("<" + "".join(code.formats))
    if layout.size != cls.fixed_size:
        raise TypeError(f"{cls.__name__}: {layout.size} bytes unpacked of {cls.fixed_size}")
    code.space |= {"unpack": layout.unpack_from, "doubt": _slow_decode(cls)}
    code.lines = [f"if end - start < {cls.fixed_size}:", "    return doubt(buffer, start, end)"]
    if names:
        code.lines.append(f"{', '.join(names)}, = unpack(buffer, start)")
    code.lines += body
    code.lines.append(f"p = start + {cls.fixed_size}")
    for field in cls.parts if whole else ():
        code.lines += _take(code, field, made)
    code.lines += [f"{made}.__class__ = {code.name(cls, 'cls')}", f"return {made}, p"]
    return code.function("buffer, start, end")


def _take(code: _Code, field: Field, made: str) -> list[str]:
    """Lines that decode a part.  The commonest are written out, the others call their part."""
    kind: Any = field.kind
    where = f"{made}.{field.name}"
    match kind:
        case Raw() if not kind.is_bounded:
            return [f"{where} = buffer[p:end]", "p = end"]
        case Many() if kind.only and kind.count_field and not kind.is_bounded:
            item = code.name(kind.only, "item")
            return [
                f"n, several = {made}.{kind.count_field}, []",
                f"while n and end - p >= {kind.only.shortest}:",
                f"    one, p = {item}.decode_at(buffer, p, end)",
                "    several.append(one)",
                "    n -= 1",
                f"{where} = tuple(several)",
            ]
        case Strided() if kind.only:
            item, windows = code.name(kind.only, "item"), code.name(kind.windows, "windows")
            return [
                "several = []",
                f"for q in {windows}({made}, buffer, start, p, end):",
                f"    several.append({item}.decode_at(buffer, p, q)[0])",
                "    p = q",
                f"{where} = tuple(several)",
            ]
        case One() if kind.length_field:
            choose = code.name(kind.choose, "choose")
            return [
                f"q = p + {made}.{kind.length_field}",
                "q = q if q < end else end",
                f"{where}, p = {choose}({made}, q - p).decode_at(buffer, p, q)",
            ]
    take = code.name(kind.take, "take")
    return [f"{where}, p = {take}(fast, {made}, buffer, start, p, end)"]


def _fill(code: _Code, cls: type[Structure], names: list[str], body: list[str]) -> str:
    """Lines that make a filled instance of ``cls``, fixed fields only; the variable it is in."""
    made = code.variable()
    body.append(f"{made} = new({code.name(filler(cls), 'twin')})")
    for field in cls.fields:
        if not isinstance(field.kind, Part):
            body.append(f"{made}.{field.name} = {_value(code, field, names, body)}")
    return made


def _value(code: _Code, field: Field, names: list[str], body: list[str]) -> str:
    """The expression of a fixed field's value; its variables are added to ``names``."""
    kind = field.kind
    if isinstance(kind, Aside):
        return code.name(field.default, "default")
    if isinstance(kind, Nested):
        inner = _fill(code, kind.type, names, body)
        body.append(f"{inner}.__class__ = {code.name(kind.type, 'cls')}")
        return inner
    if isinstance(kind, Array):
        several = [_number(code, kind.item, names) for _ in range(kind.count)]
        return f"({', '.join(several)},)"
    if isinstance(kind, Scalar):
        number = _number(code, kind, names)
        if field.is_enum:
            return f"{code.name(_members(field.type), 'members')}[{number}]"
        return number
    variable = code.variable()
    names.append(variable)
    match kind:
        case Guid():
            code.formats.append("16s")
            return f"guids[{variable}]"
        case Text():
            code.formats.append(f"{kind.size}s")
            return f"texts[{variable}]"
        case Bytes():
            code.formats.append(f"{kind.size}s")
            return variable
    raise TypeError(f"{field.name}: no fast path for {kind!r}")


def _number(code: _Code, kind: Scalar, names: list[str]) -> str:
    """The expression of an integer, of the one or two pieces that are unpacked."""
    code.formats.append(kind.format)
    pieces = [code.variable() for _ in kind.format]
    names += pieces
    return " | ".join(pieces) + (" << 16" if len(pieces) > 1 else "")


def _pieces(kind: Scalar, number: str) -> list[str]:
    """The expressions of what is packed; a number too large or negative is so in its last."""
    return [number] if len(kind.format) == 1 else [f"{number} & 0xFFFF", f"{number} >> 16"]


def _slow_decode(cls: type[Structure]) -> Callable[[bytes, int, int], Any]:
    def doubt(buffer: bytes, start: int, end: int) -> Any:
        from apeitool.wire import codec

        return codec.decode(cls, buffer, start, end)

    return doubt


def encoder(cls: type[Structure]) -> Callable[[Structure], bytes]:
    """A function ``(instance) -> bytes``."""
    code = _Code()
    values: list[str] = []
    checks: list[str] = []
    _flatten(code, cls, "o", values, checks)
    layout = struct.Struct("<" + "".join(code.formats))
    code.space["pack"] = layout.pack
    code.space["doubt"] = _slow_encode
    code.space["error"] = struct.error
    code.space["refusal"] = EncodeError
    fixed = f"pack({', '.join(values)})" if values else "b''"
    pieces = [fixed, *(_piece(field) for field in cls.parts)]
    whole = pieces[0] if len(pieces) == 1 else f"b''.join(({', '.join(pieces)}))"
    # A short structure is written the slow way, which checks that nothing is cut off.
    checks += [f"o.{f.name}" for f in cls.fields if isinstance(f.kind, Absent)]
    code.lines = ["try:"]
    if checks:
        code.lines += [f"    if {' or '.join(checks)}:", "        return doubt(o)"]
    code.lines += [
        f"    return {whole}",
        "except (error, AttributeError, TypeError, ValueError, OverflowError, refusal):",
        "    return doubt(o)",
    ]
    return code.function("o")


def _piece(field: Field) -> str:
    """The expression of a part's bytes: raw ones, a structure's, or those of several."""
    where = f"o.{field.name}"
    if field.type is bytes:
        return where
    if field.type is tuple:
        return f"*[i.to_bytes() for i in {where}]"
    return f"{where}.to_bytes()"


def _flatten(
    code: _Code, cls: type[Structure], where: str, values: list[str], checks: list[str]
) -> None:
    """The expressions of all leaves of the fixed part, and of what makes the slow path needed."""
    for field in cls.fields:
        kind, place = field.kind, f"{where}.{field.name}"
        match kind:
            case Nested():
                _flatten(code, kind.type, place, values, checks)
            case Scalar():
                code.formats.append(kind.format)
                values += _pieces(kind, place)
            case Guid():
                code.formats.append("16s")
                values.append(f"guid_bytes({place})")
            case Array():
                code.formats.append(kind.item.format * kind.count)
                each = _pieces(kind.item, "n")
                several = f"[x for n in {place} for x in ({', '.join(each)})]"
                values.append(f"*{place if len(each) == 1 else several}")
                checks.append(f"len({place}) != {kind.count}")
            case Text():
                code.formats.append(f"{kind.size}s")
                values.append(f"{place}.encode('latin-1')")
                checks.append(f"len({place}) > {kind.size}")
            case Bytes():
                code.formats.append(f"{kind.size}s")
                values.append(place)
                checks.append(f"len({place}) != {kind.size}")


def _slow_encode(instance: Structure) -> bytes:
    from apeitool.wire import codec

    return codec.encode(instance)


def initialise(
    instance: Structure, values: dict[str, Any], *, known: Structure | None = None
) -> None:
    """Fill a new instance from a constructor's keywords; derive what was not given.

    ``known`` has the values of what nothing else tells.

    Raises:  EncodeError for a value of the wrong type, TypeError for a field that does not exist.
    """
    cls = type(instance)
    put = object.__setattr__
    waiting: list[Field] = []
    for field in cls.fields:
        value = values.pop(field.name, field.default)
        if value is AUTO:
            waiting.append(field)
        else:
            put(instance, field.name, _accept(cls, field, value))
    if values:
        raise TypeError(f"{cls.__name__} has no field {', '.join(sorted(values))}")
    for field in waiting:
        if field.derived is None or field.derived.last:
            put(instance, field.name, 0)
    for field in sorted(waiting, key=lambda f: f.derived.last if f.derived else False):
        put(instance, field.name, _accept(cls, field, _derive(instance, field, known)))


def _derive(instance: Structure, field: Field, known: Structure | None) -> Any:
    """What a field must hold; as it was known, or zero, where the other fields do not tell."""
    path = f"{type(instance).__name__}.{field.name}"
    if field.derived is None:
        raise EncodeError("nothing says how to derive it", path=path)
    try:
        value = field.derived.compute(instance)
    except AttributeError as wrong:
        raise EncodeError(f"it cannot be derived: {wrong}", path=path) from wrong
    was = getattr(known, field.name) if known is not None else 0
    if value is None:
        return was
    return value | was & field.derived.keep if field.derived.keep else value


def _accept(cls: type[Structure], field: Field, value: Any) -> Any:
    """The value in the type that decoding gives.

    Raises:  EncodeError when it is of another.
    """
    if isinstance(value, bytearray | memoryview):
        value = bytes(value)
    if field.type is tuple:
        return _accept_items(cls, field, value)
    path = f"{cls.__name__}.{field.name}"
    if not isinstance(value, int if field.is_enum else field.type):
        raise _wrong(value, field.type, path)
    if isinstance(kind := field.kind, Scalar):
        _fit(value, kind, path)
        if field.is_enum and not isinstance(value, field.type):
            return field.type(value)
    if isinstance(kind, Absent) and not 0 <= value <= cls.fixed_size - kind.shortest:
        raise EncodeError(f"0 to {cls.fixed_size - kind.shortest} bytes can be absent", path=path)
    return value


def _fit(value: int, kind: Scalar, path: str) -> None:
    """Refuse an integer that its field has no room for."""
    bits = 8 * kind.size
    if value < 0:
        raise EncodeError("a negative number has no place here", path=path)
    if value >> bits:
        shown = f"a number of {value.bit_length()} bits"
        if value.bit_length() <= 128:
            shown = f"{value} ({value:#x})"
        raise EncodeError(f"{shown} does not fit {bits} bits", path=path)


def _accept_items(cls: type[Structure], field: Field, value: Any) -> tuple[Any, ...]:
    path = f"{cls.__name__}.{field.name}"
    if not isinstance(value, tuple):
        if isinstance(value, bytes | str) or not isinstance(value, Iterable):
            raise _wrong(value, tuple, path)
        value = tuple(value)
    items: tuple[Any, ...] = value
    for index, item in enumerate(items):
        if not isinstance(item, field.item):
            raise _wrong(item, field.item, f"{path}[{index}]")
        if isinstance(field.kind, Array):
            _fit(item, field.kind.item, f"{path}[{index}]")
    return items


def _wrong(value: Any, needed: Any, path: str) -> EncodeError:
    return EncodeError(f"{type(value).__name__} given, {needed.__name__} needed", path=path)
