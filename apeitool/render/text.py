"""Text for a person: the sentence first, then the fields with meaning and unit.

What a record marks invalid is named, not shown as a fact.  Counts, lengths and checksums that agree
with the bytes are left out.  Characters that came from a record are made harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatch
from typing import Any

from apeitool.acpi.action import actions
from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.acpi.einj import Einj
from apeitool.acpi.erst import Erst
from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.notification import Notification, NotificationType
from apeitool.acpi.hest.source import ErrorSource, SourceGap
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntry, StatusBlock
from apeitool.cper.described import DescribedSection
from apeitool.cper.dialect import dialect_of, using
from apeitool.cper.record import DescriptorValid, Record, SectionDescriptor
from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.render.harmless import harmless
from apeitool.render.value import characters, told, view_of
from apeitool.wire.labels import Label, Word, word_lines, words
from apeitool.wire.record import Field, Structure
from apeitool.wire.types import Aside, Part

_WIDTH = 44
_SHOWN = 512
_ROW = 16

Paint = Callable[[str, str], str]
"""Colours a text: (text, what it is) -> text."""


def plain(text: str, role: str) -> str:
    """No colour."""
    return text


def text(thing: Structure, *, paint: Paint = plain) -> str:
    """The whole object as lines of text, read in its producer's dialect."""
    dialect = dialect_of(thing)
    with using(dialect):
        lines = [paint(sentence, "sentence") for sentence in headline(thing)]
        lines += [paint(f"Read as {choice}", "note") for choice in dialect.values()]
        lines.append("")
        lines += _structure(thing, paint, 0)
    return "\n".join(line.rstrip() for line in lines) + "\n"


@singledispatch
def headline(thing: Structure) -> list[str]:
    """What the object says, in a sentence or a few."""
    return [type(thing).__name__]


@headline.register
def _section(thing: Section) -> list[str]:
    return [_capital(harmless(thing.sentence()))]


@headline.register
def _described(thing: DescribedSection) -> list[str]:
    severity = thing.descriptor.section_severity
    return [f"{_capital(severity.text)}: {harmless(thing.section.sentence())}"]


@headline.register
def _block(block: StatusBlock) -> list[str]:
    if block.is_empty and not block.entries:
        behind = len(block.trailing) - block.trailing.count(0)
        rest = f"; {len(block.trailing)} bytes follow that are not all zero" if behind else ""
        return [f"No error is recorded{rest}."]
    lines = [_event(e.error_severity, e.section, _fru(e)) for e in block.entries if _has_section(e)]  # type: ignore[attr-defined]
    if block.is_empty:
        lines.insert(0, "The status word is clear: the operating system has taken what is below.")
    whole = block.error_severity.text
    lines.insert(0, f"{_capital(whole)} event, {_count(len(block.entries), 'error')}.")
    return [*lines, *_outlook(block.error_severity)]


@headline.register
def _record(record: Record) -> list[str]:
    severity = _capital(record.error_severity.text)
    lines = [f"{severity} event, {_count(len(record.sections), 'section')}{_when(record)}."]
    for descriptor, section in zip(record.section_descriptors, record.sections, strict=True):
        fru = _descriptor_fru(descriptor)
        lines.append(_event(descriptor.section_severity, section, fru))
    return [*lines, *_outlook(record.error_severity)]


def _outlook(severity: Severity) -> list[str]:
    return [severity.outlook] if severity.outlook else []


@headline.register
def _hest(hest: Hest) -> list[str]:
    found = sum(not isinstance(node, SourceGap) for node in hest.sources)
    lines = [f"Hardware error source table, {_count(found, 'source')}."]
    return lines + [f"  {_source(node)}" for node in hest.sources]


@headline.register
def _gap(gap: SourceGap) -> list[str]:
    return [f"gap of {_count(gap.size, 'byte')}: no source"]


@headline.register
def _bert(bert: Bert) -> list[str]:
    where = f"{bert.boot_error_region_length} bytes at {bert.boot_error_region:#x}"
    return [f"Boot error record table: errors of the last boot are in {where}."]


@headline.register
def _region(region: BootErrorRegion) -> list[str]:
    lines = [f"Boot error region, {_count(len(region.blocks), 'status block')}."]
    return lines + [line for block in region.blocks for line in headline(block)]


@headline.register(Einj)
@headline.register(Erst)
def _program(table: Einj | Erst) -> list[str]:
    """Each action with the steps that carry it out."""
    what = "Error injection" if isinstance(table, Einj) else "Error record serialization"
    programs = actions(table.entries)
    lines = [f"{what} table, {_count(len(programs), 'action')}."]
    for steps in programs.values():
        lines.append(f"  {_capital(words(_label(steps[0].action)))}:")
        lines += [f"    {step.sentence()}" for step in steps]
    return lines


def _label(action: int) -> str:
    return action.name if isinstance(action, Label) else str(action)


def _source(source: Structure) -> str:
    if isinstance(source, SourceGap):
        return headline(source)[0]
    kind = getattr(source, "type", None)
    name = kind.text if isinstance(kind, Label) else "source"
    said = f"source {source.source_id}: {name}" if isinstance(source, ErrorSource) else name
    if not getattr(source, "enabled", 1):
        said += ", disabled"
    if isinstance(source, Ghes):
        said += f", {_told(source.notification)}"
        said += f", block of {source.error_status_block_length} bytes"
        said += f" through {source.error_status_address.address:#x}"
        said += ", with read acknowledge" if isinstance(source, GhesV2) else ""
    return said


def _told(notification: Notification) -> str:
    """How the operating system learns that a block is filled."""
    kind = notification.type
    if kind is NotificationType.POLLED:
        return f"polled every {notification.poll_interval} ms"
    by = f"notified by {kind.text}"
    if kind in (NotificationType.EXTERNAL_INTERRUPT, NotificationType.SDEI):
        by += f" {notification.vector}"
    return by


def _event(severity: Any, section: Section, fru: str) -> str:
    where = f", in {fru}" if fru else ""
    return f"{severity.text.upper()}: {harmless(section.sentence())}{where}"


def _has_section(entry: Structure) -> bool:
    return hasattr(entry, "section")


def _fru(entry: GenericErrorDataEntry) -> str:
    return _name_fru(entry, entry.is_valid("fru_text"), entry.is_valid("fru_id"))


def _descriptor_fru(descriptor: SectionDescriptor) -> str:
    valid = descriptor.validation_bits
    return _name_fru(
        descriptor, bool(valid & DescriptorValid.FRU_TEXT), bool(valid & DescriptorValid.FRU_ID)
    )


def _name_fru(thing: Any, has_text: bool, has_id: bool) -> str:
    if has_text and harmless(thing.fru_text).strip():
        return harmless(thing.fru_text).strip()
    return f"FRU {thing.fru_id}" if has_id else ""


def _when(record: Record) -> str:
    moment = record.moment
    return (
        "" if moment is None else f", {moment:%Y-%m-%d %H:%M:%S}{' UTC' if moment.tzinfo else ''}"
    )


def _structure(thing: Structure, paint: Paint, depth: int) -> Iterator[str]:
    """The lines of a structure's fields, then of the structures in it."""
    pad = "  " * depth
    title = type(thing).__name__
    source = f"  [{thing.source}]" if thing.source else ""
    yield pad + paint(title, "title") + paint(source, "source")
    invalid: list[str] = []
    later: list[tuple[Field, str, Any]] = []
    for field in thing.fields:
        value = getattr(thing, field.name)
        if not thing.is_valid(field.name):
            invalid.append(field.name)
        elif isinstance(value, Structure) and value.brief is None:
            later.append((field, field.name, value))
        elif isinstance(field.kind, Part) and isinstance(value, tuple):
            later += [(field, f"{field.name}[{i}]", item) for i, item in enumerate(value)]
        elif isinstance(field.kind, Part) and value:
            later.append((field, field.name, value))
        elif not _is_noise(thing, field, value):
            yield from _field(thing, field, value, paint, pad + "  ")
    if invalid:
        yield f"{pad}  " + paint(f"not marked valid: {', '.join(invalid)}", "invalid")
    for field, name, item in later:
        if isinstance(item, bytes):
            yield from _field(thing, field, item, paint, pad + "  ")
            continue
        yield f"{pad}  " + paint(name, "name")
        yield from _structure(item, paint, depth + 2)


def _is_noise(thing: Structure, field: Field, value: Any) -> bool:
    """Whether a field tells a person nothing: reserved and zero, empty, or as it must be."""
    if isinstance(field.kind, Part | Aside) and not value:
        return True
    if field.name.startswith("reserved") and not any(_bytes(value)):
        return True
    if field.derived is None or field.view is not None:
        return False
    if field.derived.last:
        return not any(p.path == field.name for p in thing.check())
    return bool(field.derived.compute(thing) == value)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else int(value).to_bytes(8, "little")


def _field(thing: Structure, field: Field, value: Any, paint: Paint, pad: str) -> Iterator[str]:
    note = f"  ({field.doc})" if field.doc else ""
    label = f"{pad}{field.name}".ljust(_WIDTH)
    if isinstance(field.kind, Part) and isinstance(value, bytes):
        said = thing.shown(field.name)
        shown = f"{len(value)} bytes" if said is None else harmless(said)
        yield f"{label} {shown}{paint(note, 'note')}"
        yield from dump(value, pad + "  ") if said is None else ()
        return
    yield f"{label} {told(thing, field, value)}{paint(note, 'note')}"
    view = view_of(thing, field)
    if view is not None and issubclass(view, Word) and view(value).text is None:
        for name, meaning in word_lines(view, value, thing.has_valid):
            yield f"{pad}  {name}".ljust(_WIDTH) + f" {meaning}"


def dump(data: bytes, pad: str) -> Iterator[str]:
    """Rows of hex with their characters; long data is cut, zeros are counted."""
    if data.count(0) == len(data):
        yield f"{pad}all zero"
        return
    for start in range(0, min(len(data), _SHOWN), _ROW):
        row = data[start : start + _ROW]
        yield f"{pad}{start:04x}  {row.hex(' '):<{3 * _ROW - 1}}  {characters(row)}"
    if len(data) > _SHOWN:
        yield f"{pad}... {len(data) - _SHOWN} more bytes"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
