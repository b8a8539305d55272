"""A page for every section type, written from the declarations.

``python -m apeitool.cli.section_page`` rewrites ``docs/sections``; a test holds the pages equal to
what the declarations say, and runs their examples.  They show what the command line prints, so they are
written from here.
"""

from __future__ import annotations

import enum
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from apeitool.capture.kind import section_kinds
from apeitool.cli.example import example
from apeitool.cper.sample import sample
from apeitool.cper.section import Section, section_named
from apeitool.render.plain import to_plain
from apeitool.render.text import headline
from apeitool.render.toml import LARGEST, literal
from apeitool.wire.labels import Label, Word
from apeitool.wire.record import Field, Structure, finished
from apeitool.wire.types import Aside, Bytes, Many, Nested, One, Part, Strided, Text

FOLDER = Path(__file__).parents[2] / "docs/sections"
INDEX = "index.md"
_MARK = "<!-- written by python -m apeitool.cli.section_page -->"
_WIDTH = 110
_DRAWN = 60
"""So many samples show what names the bits of a field whose names depend on others."""

Names = type[enum.IntEnum | enum.IntFlag | Word]


def pages() -> dict[str, str]:
    """Text of each page by the name of its file."""
    kinds = {name: _class(name) for name in sorted(section_kinds())}
    found = {f"{name}.md": page(name) for name in kinds}
    return {INDEX: _index(kinds), **found}


def _class(name: str) -> type[Section]:
    kind = section_named(section_kinds()[name])
    if kind is None:
        raise LookupError(name)
    return kind


def _index(kinds: dict[str, type[Section]]) -> str:
    lines = [
        "# Sections", "", _MARK, "",
        "Every section type that is read and written, by the name that `--as` and `new` take.", "",
        "| name | section | GUID | since | source |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for name, kind in kinds.items():
        title, guid = _first(kind), f"`{kind.guid}`"
        lines.append(_row(f"[`{name}`]({name}.md)", title, guid, kind.since, kind.source))
    return "\n".join(lines) + "\n"


def page(name: str) -> str:
    """The page of one section type."""
    kind = _class(name)
    tree = _inside(kind)
    names: dict[Names, None] = {}
    lines = [f"# {_first(kind)}", "", _MARK, "", *_about(name, kind), ""]
    drawn = _chosen(kind)
    for one in tree:
        if one is not kind:
            lines += [f"## `{one.__name__}`", "", *_facts(one), ""]
        lines += [*_fields(one, names, drawn), ""]
    lines += _meanings(names)
    return "\n".join([*lines, *_example(name)]) + "\n"


# ---- what the section is


def _about(name: str, kind: type[Section]) -> Iterator[str]:
    yield from _facts(kind)
    yield f"- GUID: `{kind.guid}`"
    for alias in kind.aliases:
        yield f"- read under another GUID too: `{alias}`"
    if kind.since:
        yield f"- since: {kind.since}"
    if kind.json_key:
        yield f"- CPER-JSON: under `{kind.json_key}`"
    yield f"- a bare section: `apeitool decode --as {name} FILE`, `apeitool new {name}`"


def _first(kind: type) -> str:
    """The first line of what a class says of itself."""
    return (kind.__doc__ or "").partition("\n")[0].rstrip(".")


def _facts(kind: type[Structure]) -> Iterator[str]:
    """What a docstring says, a line for each fact."""
    head, _, rest = (kind.__doc__ or "").partition("\n\n")
    found = re.split(r"^ *(Shape|Units|Raises|Source): +", rest, flags=re.MULTILINE)
    if not issubclass(kind, Section):
        yield from (textwrap.fill(" ".join(head.split()), _WIDTH), "")
    if found[0].strip():
        yield from (textwrap.fill(" ".join(found[0].split()), _WIDTH), "")
    facts = dict(zip(found[1::2], found[2::2], strict=True))
    facts.setdefault("Source", kind.source)
    for fact, said in facts.items():
        if fact != "Raises" and said:
            yield f"- {fact.lower()}: {' '.join(said.split())}"


def _inside(kind: type[Structure]) -> list[type[Structure]]:
    """The structure and those that can be in it, in the order of the wire."""
    found, left = [kind], [kind]
    while left:
        for field in left.pop(0).fields:
            for one in _held(field):
                if one not in found:
                    found.append(one)
                    left.append(one)
    return found


def _held(field: Field) -> list[type[Structure]]:
    """The structures that a field can hold; of bare sections in one none."""
    kind: Any = field.kind
    if isinstance(kind, Nested):
        return [kind.type]
    if not isinstance(kind, Many | Strided | One):
        return []
    base = getattr(kind, "only", None) or field.item or field.type
    return sorted(
        (one for one in finished(base) if not issubclass(one, Section)),
        key=lambda one: one.__name__,
    )


# ---- fields


def _fields(
    kind: type[Structure], names: dict[Names, None], drawn: dict[tuple[str, str], list[Names]]
) -> Iterator[str]:
    """The table of a structure's fields; ``names`` learns what names their values."""
    yield _row("offset", "field", "type", "a fact with", "meaning")
    yield "|--:|---|---|---|---|"
    for field in kind.fields:
        if isinstance(field.kind, Aside):
            continue
        named = _named(kind, field, drawn)
        names |= dict.fromkeys(named)
        offset = "" if field.offset is None or isinstance(field.kind, Part) else str(field.offset)
        yield _row(offset, f"`{field.name}`", _type(field, named), _when(field), _meaning(field))


def _named(
    kind: type[Structure], field: Field, drawn: dict[tuple[str, str], list[Names]]
) -> list[Names]:
    """What names the values of a field, or its bits."""
    if field.is_enum:
        return [field.type]
    found: list[Names] = [field.view] if field.view is not None else []
    more = drawn.get((kind.__name__, field.name), ())
    return [*found, *(one for one in more if one not in found)]


def _chosen(kind: type[Section]) -> dict[tuple[str, str], list[Names]]:
    """What names the bits of fields whose names depend on other fields: as samples show."""
    found: dict[tuple[str, str], set[Names]] = {}
    random = Random(kind.__name__)  # noqa: S311 - nothing is secret
    for _ in range(_DRAWN):
        for thing in _all(sample(kind, random)):
            for field in thing.fields:
                view = field.named.choose(thing) if field.named is not None else None
                if view is not None:
                    found.setdefault((type(thing).__name__, field.name), set()).add(view)
    return {key: sorted(views, key=lambda v: v.__name__) for key, views in found.items()}


def _all(thing: Structure) -> Iterator[Structure]:
    yield thing
    for _, _, child in thing.children():
        yield from _all(child)


def _type(field: Field, named: list[Names]) -> str:
    kind: Any = field.kind
    held = _held(field)
    if held:
        shown = " or ".join(f"`{one.__name__}`" for one in held)
        return f"any of {shown}" if isinstance(kind, Many | Strided) and len(held) > 1 else shown
    if isinstance(kind, Part):
        return "bytes"
    unit = {Text: "characters", Bytes: "bytes"}.get(type(kind))
    size = f"{kind.size} {unit}" if unit else _number(kind)
    return ", ".join([size, *(f"`{one.__name__}`" for one in named)])


def _number(kind: Any) -> str:
    item = getattr(kind, "item", None)
    if item is not None:
        return f"{kind.count} x u{8 * item.size}"
    return "GUID" if type(kind).__name__ == "Guid" else f"u{8 * kind.size}"


def _when(field: Field) -> str:
    """The validation bits that govern a field."""
    if field.when is None:
        return ""
    flags = [flag for flag in type(field.when) if flag & field.when]
    return ", ".join(f"bit {flag.value.bit_length() - 1}" for flag in flags)


def _meaning(field: Field) -> str:
    notes = [field.doc] if field.doc else []
    if field.unit:
        notes.append("an address" if field.unit == "address" else f"in {field.unit}")
    if field.derived is not None:
        notes.append("computed when left out")
    return "; ".join(notes)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


# ---- names of values


def _meanings(names: dict[Names, None]) -> Iterator[str]:
    left = list(names)
    done: list[Names] = []
    while left:
        one = left.pop(0)
        if one in done:
            continue
        done.append(one)
        yield from (f"## `{one.__name__}`", "")
        yield from (textwrap.fill(" ".join(_doc(one).split()), _WIDTH), "")
        if issubclass(one, Word):
            left += [b.type for b in one.ranges.values() if b.type is not None]
            yield from _ranges(one)
        else:
            yield textwrap.fill(", ".join(_values(one)), _WIDTH, break_on_hyphens=False)
        yield ""


def _doc(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n\n")[0]


def _ranges(word: type[Word]) -> Iterator[str]:
    yield "| bits | name | values |"
    yield "|--:|---|---|"
    for name, bits in word.ranges.items():
        said = f"`{bits.type.__name__}`" if bits.type is not None else ""
        yield _row(bits.span, f"`{name}`", said or bits.doc)


def _values(kind: type[enum.IntEnum | enum.IntFlag]) -> Iterator[str]:
    for member in kind:
        is_label = issubclass(kind, Label)
        yield f"{int(member)} {member.name}" if is_label else f"{int(member):#x} {member.name}"


# ---- an example


def _example(name: str) -> Iterator[str]:
    thing = example(name)
    yield from ("## Example", "")
    yield f"What `apeitool new {name}` prints, without its comments and what is as it is by default:"
    yield from ("", "```toml", f'kind = "{type(thing).__name__}"', *_short(thing, ""), "```", "")
    yield "```console"
    yield f"$ apeitool new {name} -o section.toml"
    yield "$ apeitool encode section.toml -o section.bin"
    yield f"$ apeitool decode --as {name} section.bin"
    yield from ("section.bin", *headline(thing), "...", "```")


def _short(thing: Structure, path: str) -> Iterator[str]:
    """The TOML of what is not as it is by default, nor computed."""
    plain = to_plain(thing, limit=LARGEST)
    tables: list[tuple[str, Field, Structure]] = []
    for field in thing.fields:
        value = getattr(thing, field.name)
        derived = field.derived is not None and field.derived.compute(thing) == value
        if derived or value == field.default:
            continue
        name = f"{path}.{field.name}" if path else field.name
        if isinstance(value, Structure):
            tables.append((f"[{name}]", field, value))
        elif isinstance(field.kind, Part) and isinstance(value, tuple):
            tables += [(f"[[{name}]]", field, item) for item in value]
        else:
            is_hex = field.hexadecimal or field.view is not None
            yield f"{field.name} = {literal(plain[field.name], hexadecimal=is_hex)}"
    for head, field, item in tables:
        yield from ("", head)
        if isinstance(field.kind, Part):
            yield f'kind = "{type(item).__name__}"'
        yield from _short(item, head.strip("[]"))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    written = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in written:
            old.unlink()
    for file, text in written.items():
        (FOLDER / file).write_text(text, encoding="utf-8")
