"""Which bytes an answer depends on.

Where the parts of a structure lie, and which of its fields are facts, is decided by Python functions
that stand in declarations.  A million structures cannot each be asked.  So one is asked while it is
watched: the bytes that the functions looked at are noted.  Every other one that has the same values
in these bytes gets the same answer, for the functions depend on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from apeitool.wire import compiled
from apeitool.wire.record import Structure
from apeitool.wire.types import Decoder, Part, Raw

Span = tuple[int, int]
"""A range of bytes: start, and the offset behind the last."""


class Watch:
    """Decodes a structure and notes what is looked at: in the structure, and in the bytes."""

    def __init__(self, data: bytes) -> None:
        self.bare = data
        self.data = _Watched(data)
        self.looked: list[Span] = []
        self._spans: dict[int, dict[str, Span]] = {}
        self._kept: list[Structure] = []

    def decode(self, kind: type[Structure], buffer: bytes, start: int, end: int) -> tuple[Any, int]:
        """As the decoder of the kind; the engine of this watch."""
        made, position = self.fixed(kind, start, end)
        spans = self._spans[id(made)]
        for field in kind.parts:
            # Bytes that are only taken decide nothing.
            raw = self.bare if type(field.kind) is Raw else self.data
            value, behind = field.kind.take(self.engine, made, raw, start, position, end)  # type: ignore[attr-defined]
            object.__setattr__(made, field.name, value)
            if isinstance(value, bytes):
                spans[field.name] = position, behind
            position = behind
        return made, position

    def engine(self, kind: type[Structure]) -> Decoder:
        """Gives the decoder of a kind."""
        return lambda buffer, start, end: self.decode(kind, buffer, start, end)

    def fixed(self, kind: type[Structure], start: int, end: int) -> tuple[Any, int]:
        """A watched instance without values of its parts, and the offset behind it."""
        if end - start < kind.fixed_size:
            # The bytes end in it: its parts, decoded again by who asked, get none of them.
            made, position = kind.decode_at(self.bare, start, end)
        else:
            made, position = fixed_decoder(kind)(self.bare, start, end)
        object.__setattr__(made, "__class__", _watched(kind))
        self._kept.append(made)
        self._spans[id(made)] = {
            f.name: (start + f.offset, min(start + f.offset + f.kind.size, end))  # type: ignore[attr-defined]
            for f in kind.fields
            if f.offset is not None and not isinstance(f.kind, Part) and f.kind.size  # type: ignore[attr-defined]
        }
        return made, position

    def note(self, thing: Structure, name: str) -> None:
        """A field is looked at."""
        span = self._spans.get(id(thing), {}).get(name)
        if span is not None:
            self.looked.append(span)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Inside it, what is looked at is noted."""
        token = _watching.set(self)
        try:
            yield
        finally:
            _watching.reset(token)


_watching: ContextVar[Watch | None] = ContextVar("watching", default=None)


class _Watched(bytes):
    """Bytes that tell their watch which of them are looked at."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        watch = _watching.get()
        if watch is not None:
            if isinstance(key, slice):
                start, stop, _ = key.indices(len(self))
            else:
                start, stop = key, key + 1
            watch.looked.append((start, max(start, stop)))
        return bytes.__getitem__(self, key)


@cache
def fixed_decoder(kind: type[Structure]) -> Callable[[bytes, int, int], tuple[Any, int]]:
    """The decoder of the fixed fields."""
    decoder: Any = compiled.decoder(kind, whole=False)
    return decoder  # type: ignore[no-any-return]


@cache
def _watched(kind: type[Structure]) -> type[Structure]:
    """The twin of a class whose instances tell their watch which fields are looked at."""
    names = frozenset(f.name for f in kind.fields)

    def look(self: Structure, name: str) -> Any:
        if name in names:
            watch = _watching.get()
            if watch is not None:
                watch.note(self, name)
        return object.__getattribute__(self, name)

    body = {"__slots__": (), "__getattribute__": look}
    return type.__new__(type(kind), kind.__name__, (kind,), body)


def merged(spans: list[Span], taken: list[Span]) -> list[Span]:
    """The spans without one of each that was only taken; sorted, none touching another."""
    left = sorted(spans)
    for span in taken:
        if span in left:
            left.remove(span)
    found: list[Span] = []
    for start, stop in left:
        if stop <= start:
            continue
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(stop, found[-1][1])
        else:
            found.append((start, stop))
    return found
