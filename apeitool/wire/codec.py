"""The same declarations as Construct codecs: the judge of what bytes mean, and of what is wrong.

This is the only module that imports construct; it is imported when the fast path is in doubt.
"""

from __future__ import annotations

import io
from functools import cache, partial
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

import construct as c

from apeitool.errors import EncodeError, Truncated
from apeitool.wire.compiled import filler
from apeitool.wire.record import Field, Structure
from apeitool.wire.types import (
    Absent,
    Array,
    Aside,
    Bytes,
    Decoder,
    Guid,
    Nested,
    Part,
    Scalar,
    Text,
)

# The stubs make these generic; construct itself does not.
if TYPE_CHECKING:
    _Adapter = c.Adapter[Any, Any, Any, Any]
    _Construct = c.Construct[Any, Any]
else:
    _Adapter = c.Adapter
    _Construct = c.Construct

_INTEGERS: dict[int, Any] = {
    1: c.Int8ul, 2: c.Int16ul, 3: c.Int24ul, 4: c.Int32ul, 8: c.Int64ul,
}  # fmt: skip


class _Enum(_Adapter):
    def __init__(self, inner: Any, kind: Any) -> None:
        super().__init__(inner)
        self.kind = kind

    def _decode(self, obj: int, context: Any, path: str) -> Any:
        return self.kind(obj)

    def _encode(self, obj: Any, context: Any, path: str) -> int:
        return int(obj)


class _Guid(_Adapter):
    def _decode(self, obj: bytes, context: Any, path: str) -> UUID:
        return UUID(bytes_le=bytes(obj))

    def _encode(self, obj: UUID, context: Any, path: str) -> bytes:
        return obj.bytes_le


class _Text(_Adapter):
    def __init__(self, size: int) -> None:
        super().__init__(c.Bytes(size))
        self.room = size

    def _decode(self, obj: bytes, context: Any, path: str) -> str:
        return bytes(obj).rstrip(b"\0").decode("latin-1")

    def _encode(self, obj: str, context: Any, path: str) -> bytes:
        try:
            raw = obj.encode("latin-1")
        except UnicodeEncodeError as wrong:
            raise c.StringError(f"{obj!r} has a character that is no byte", path=path) from wrong
        if len(raw) > self.room:
            raise c.StringError(f"{len(raw)} characters, room for {self.room}", path=path)
        return raw.ljust(self.room, b"\0")


class _Tuple(_Adapter):
    def _decode(self, obj: Any, context: Any, path: str) -> tuple[Any, ...]:
        return tuple(obj)

    def _encode(self, obj: Any, context: Any, path: str) -> list[Any]:
        return list(obj)


class _Part(_Construct):
    """A part, under the rules that the part itself has."""

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.part = part

    def _parse(self, stream: IO[bytes], context: Any, path: str) -> Any:
        bounds = context._params  # noqa: SLF001 - the only way to reach them
        value, position = self.part.take(
            engine, context, bounds.buffer, bounds.start, stream.tell(), bounds.end
        )
        stream.seek(position)
        return value

    def _build(self, obj: Any, stream: IO[bytes], context: Any, path: str) -> Any:
        name = path.rpartition(" -> ")[2]
        if isinstance(obj, tuple):
            for index, item in enumerate(obj):
                stream.write(_inside(item, f"{name}[{index}]"))
        else:
            stream.write(obj if isinstance(obj, bytes) else _inside(obj, name))
        return obj

    def _sizeof(self, context: Any, path: str) -> int:
        raise c.SizeofError("known from the bytes alone", path=path)


def _inside(item: Structure, name: str) -> bytes:
    """The bytes of a structure in a part; the path of an error leads through ``name``."""
    try:
        return encode(item)
    except EncodeError as wrong:
        inner = wrong.path.partition(".")[2]
        raise EncodeError(wrong.message, path=f"{name}.{inner}" if inner else name) from wrong


class _Whole(_Adapter):
    """Between a Construct container and an instance."""

    def __init__(self, cls: type[Structure]) -> None:
        super().__init__(c.Struct(*(f.name / _subcon(f) for f in cls.fields)))
        self.cls = cls

    def _decode(self, obj: Any, context: Any, path: str) -> Structure:
        made = object.__new__(filler(self.cls))
        for field in self.cls.fields:
            setattr(made, field.name, obj[field.name])
        made.__class__ = self.cls
        return made

    def _encode(self, obj: Structure, context: Any, path: str) -> dict[str, Any]:
        return {f.name: getattr(obj, f.name) for f in self.cls.fields}


def _subcon(field: Field) -> Any:
    kind = field.kind
    match kind:
        case Part():
            return _Part(kind)
        case Aside():
            return c.Computed(field.default)
        case Nested():
            return construct(kind.type)
        case Scalar():
            number = _INTEGERS[kind.size]
            return _Enum(number, field.type) if field.is_enum else number
        case Array():
            return _Tuple(c.Array(kind.count, _INTEGERS[kind.item.size]))
        case Guid():
            return _Guid(c.Bytes(16))
        case Text():
            return _Text(kind.size)
        case Bytes():
            return c.Bytes(kind.size)
    raise TypeError(f"{field.name}: no codec for {kind!r}")


@cache
def construct(cls: type[Structure]) -> Any:
    """The Construct codec of a structure."""
    return _Whole(cls)


def engine(kind: type[Structure]) -> Decoder:
    """The engine of the slow path."""
    return partial(decode, kind)


def decode(cls: type[Structure], buffer: bytes, start: int, end: int) -> tuple[Any, int]:
    """Decode from ``buffer[start:end]`` by Construct: the instance, and the offset behind it."""
    here = end - start
    missing = max(0, cls.fixed_size - here) if here >= cls.shortest else 0
    if missing:
        buffer, end = buffer[start:end] + bytes(missing), here + missing
        whole, _ = decode(cls, buffer, 0, end)
        return _with_absent(whole, missing), start + here
    # Up to its end and no further, so that construct itself meets the end of a short structure.
    stream = io.BytesIO(buffer if end == len(buffer) or here >= cls.fixed_size else buffer[:end])
    stream.seek(start)
    try:
        item = construct(cls).parse_stream(stream, buffer=buffer, start=start, end=end)
    except c.StreamError as wrong:
        path = _path(cls, wrong)
        raise Truncated(
            f"{here} bytes where {cls.__name__} has at least {cls.shortest}",
            offset=end, path=path, spec=cls.source,
        ) from wrong  # fmt: skip
    return item, stream.tell()


def _with_absent(whole: Structure, missing: int) -> Structure:
    name = next(f.name for f in whole.fields if isinstance(f.kind, Absent))
    return whole.replace(**{name: missing})


def encode(instance: Structure) -> bytes:
    """Encode by Construct.

    Raises:  EncodeError with the path of the value that does not fit.
    """
    cls = type(instance)
    try:
        data: bytes = construct(cls).build(instance)
    except EncodeError as wrong:
        raise EncodeError(wrong.message, path=f"{cls.__name__}.{wrong.path}") from wrong
    except c.ConstructError as wrong:
        reason = str(wrong).partition("\n")[2].strip() or str(wrong).strip()
        raise EncodeError(reason, path=_path(cls, wrong)) from wrong
    except (TypeError, AttributeError, ValueError) as wrong:
        raise EncodeError(str(wrong), path=cls.__name__) from wrong
    for field in cls.fields:
        if isinstance(field.kind, Absent) and (missing := getattr(instance, field.name)):
            return _cut(instance, data, missing, field.kind.shortest)
    return data


def _cut(instance: Structure, data: bytes, missing: int, shortest: int) -> bytes:
    cls = type(instance)
    kept = cls.fixed_size - missing
    if not shortest <= kept <= cls.fixed_size:
        raise EncodeError(f"{kept} bytes is no length of {cls.__name__}", path=cls.__name__)
    if len(data) > cls.fixed_size or any(data[kept:]):
        raise EncodeError(
            f"a value lies behind the {kept} bytes it is written in", path=cls.__name__
        )
    return data[:kept]


def _path(cls: type[Structure], wrong: c.ConstructError) -> str:
    steps = (wrong.path or "").split(" -> ")[1:]
    return ".".join([cls.__name__, *steps])
