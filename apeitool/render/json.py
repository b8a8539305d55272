"""Lossless JSON: every field of every structure, so that the bytes come back as they were."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from apeitool import __version__
from apeitool.errors import EncodeError
from apeitool.render.plain import from_plain, to_plain
from apeitool.wire.record import Structure

SCHEMA = "apeitool/1"


def envelope(items: Iterable[Structure]) -> Iterator[str]:
    """A JSON document of several objects, in pieces, one object at a time."""
    yield f'{{\n  "schema": {json.dumps(SCHEMA)},\n  "tool": "apeitool {__version__}",\n  "items": ['
    for index, item in enumerate(items):
        yield ",\n" if index else "\n"
        yield textwrap.indent(dumps(item), "    ")
    yield "\n  ]\n}\n"


def line(item: Structure) -> str:
    """One object as one line of JSON."""
    return json.dumps(to_plain(item), separators=(",", ":"))


def dumps(thing: Structure, *, indent: int | None = 2) -> str:
    """One object as JSON, without an envelope."""
    return json.dumps(to_plain(thing), indent=indent)


def loads(text: str | bytes) -> Structure:
    """The object that JSON text of `dumps` holds.

    Raises:  EncodeError when it holds no object of ours, with the path of what is wrong.
    """
    return from_plain(parse(text))


def load_items(text: str | bytes) -> Iterator[Structure]:
    """The objects of an envelope, of one object, or of one a line, in order.

    Raises:  EncodeError as `loads`.
    """
    yield from (from_plain(plain, path=path) for path, plain in items(text))


def items(text: str | bytes) -> Iterator[tuple[str, Any]]:
    """(path, value) of each item of a document: of its list, of an envelope's, or one a line.

    Raises:  EncodeError when it is no JSON, or an envelope of another schema.
    """
    try:
        document = parse(text)
    except EncodeError:
        # One object a line, or no JSON at all.
        rows = (text.decode("utf-8", "replace") if isinstance(text, bytes) else text).split("\n")
        lines = [(f"line {number}", row) for number, row in enumerate(rows, 1) if row.strip()]
        if len(lines) < 2:
            raise
        yield from [(path, parse(row, path)) for path, row in lines]
        return
    if isinstance(document, dict) and "items" in document and "schema" in document:
        if document["schema"] != SCHEMA:
            raise EncodeError(f"schema {document['schema']!r} is not {SCHEMA!r}", path="schema")
        document = document["items"]
    if isinstance(document, list):
        yield from ((f"items[{i}]", one) for i, one in enumerate(document))
    else:
        yield "", document


def parse(text: str | bytes, where: str = "") -> Any:
    """The value that JSON text holds, none of whose names comes twice in an object.

    Raises:  EncodeError when it is no JSON.
    """
    if isinstance(text, str):
        text = text.removeprefix("\ufeff")
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as wrong:
        raise EncodeError(f"this is no JSON: {wrong}", path=where) from wrong


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object none of whose names comes twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise EncodeError(f"{twice!r} is given twice")
    return found
