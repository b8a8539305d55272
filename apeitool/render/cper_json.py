"""CPER-JSON: records and sections in the form of libcper, which OpenBMC and Redfish tools read.

A record is an object of ``header``, ``sectionDescriptors`` and ``sections``; a section behind its
descriptor, one of ``sectionDescriptor`` and ``section``.  What else reports errors, a status block,
is a list of the latter.  It is not lossless: `losses` says what does not come back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from apeitool.acpi.conversion import to_described
from apeitool.cper.described import DescribedSection
from apeitool.cper.dialect import dialect_of, using
from apeitool.cper.record import Record, SectionDescriptor
from apeitool.cper.section import Gap, OpaqueSection, Section, section_type
from apeitool.errors import EncodeError
from apeitool.render.diff import differences
from apeitool.render.json import parse
from apeitool.render.members import members
from apeitool.render.plain import listed, what
from apeitool.render.read_members import Reading
from apeitool.wire.record import Structure
from apeitool.wire.shapes import BASE64
from apeitool.wire.types import Absent

UNKNOWN = "Unknown"
"""The key of a section whose members have no place in CPER-JSON: it is shown as bytes."""


def dumps(thing: Structure, *, indent: int | None = 2) -> str:
    """An object that reports errors as CPER-JSON.

    Raises:  EncodeError for an object that reports none.
    """
    return json.dumps(document(thing), indent=indent)


def document(thing: Structure) -> Any:
    """What `dumps` writes, as plain objects and lists.

    Raises:  EncodeError as `dumps`.
    """
    with using(dialect_of(thing)):
        if isinstance(thing, Record):
            return _log(thing)
        sections = [_described(described) for described in to_described(thing).things]
    return sections[0] if isinstance(thing, Section | DescribedSection) else sections


def _log(record: Record) -> dict[str, Any]:
    return {
        "header": members(record),
        "sectionDescriptors": [members(d) for d in record.section_descriptors],
        "sections": [_section(section) for section in record.sections],
    }


def _described(thing: Any) -> dict[str, Any]:
    return {
        "sectionDescriptor": members(thing.descriptor),
        "section": _section(thing.section),
    }


def _section(section: Section) -> dict[str, Any]:
    """A section under its key, with a sentence for people."""
    body = members(section) if section.json_key else {"data": BASE64.show(section.to_bytes())}
    return {"message": section.sentence(), section.json_key or UNKNOWN: body}


def is_cper_json(plain: Any) -> bool:
    """Whether a JSON value is a document of CPER-JSON."""
    return isinstance(plain, dict) and (
        {"header", "sectionDescriptors"} <= plain.keys() or "sectionDescriptor" in plain
    )


def loads(text: str | bytes) -> Structure:
    """The record, or the section behind its descriptor, that CPER-JSON describes.

    Raises:  EncodeError when it describes none, with the path of what is wrong.
    """
    return read(parse(text))[0]


def read(plain: Any, path: str = "") -> tuple[Structure, list[str]]:
    """As `loads`, of a JSON value; and the paths of members that it could not use.

    Raises:  EncodeError as `loads`.
    """
    if not is_cper_json(plain):
        message = f"{what(plain)} given, an object with header or sectionDescriptor needed"
        raise EncodeError(message, path=path)
    reading = Reading()
    prefix = f"{path}." if path else ""
    if "header" in plain and "sectionDescriptors" in plain:
        found = _read_record(reading, plain, prefix)
    else:
        path = f"{prefix}sectionDescriptor"
        descriptor = _descriptor(reading, plain.get("sectionDescriptor"), path)
        section = _read_section(reading, plain.get("section"), descriptor, f"{prefix}section")
        found = DescribedSection(descriptor=descriptor, section=section)
    known = {"header", "sectionDescriptors", "sections", "sectionDescriptor", "section"}
    return found, [f"{prefix}{name}" for name in plain if name not in known] + reading.unread


def _read_record(reading: Reading, plain: dict[str, Any], prefix: str) -> Structure:
    place = f"{prefix}sectionDescriptors"
    items = listed(plain["sectionDescriptors"], place)
    descriptors = [_descriptor(reading, item, f"{place}[{i}]") for i, item in enumerate(items)]
    place = f"{prefix}sections"
    items = listed(plain.get("sections"), place)
    if len(items) != len(descriptors):
        message = f"{len(items)} sections given, {len(descriptors)} are described"
        raise EncodeError(message, path=place)
    sections = [
        _read_section(reading, item, descriptor, f"{place}[{i}]")
        for i, (item, descriptor) in enumerate(zip(items, descriptors, strict=True))
    ]
    order = sorted(range(len(descriptors)), key=lambda i: descriptors[i].section_offset)
    return reading.structure(
        Record,
        plain["header"],
        f"{prefix}header",
        given={
            "section_descriptors": descriptors,
            "body": [sections[i] for i in order],
        },
    )


def _descriptor(reading: Reading, plain: Any, path: str) -> SectionDescriptor:
    found = reading.structure(SectionDescriptor, plain, path)
    assert isinstance(found, SectionDescriptor)
    return found


def _read_section(
    reading: Reading, plain: Any, descriptor: SectionDescriptor, path: str
) -> Section:
    if not isinstance(plain, dict):
        raise EncodeError(f"{what(plain)} given, an object needed", path=path)
    guid = descriptor.section_type
    kind = section_type(guid)
    key = kind.json_key if kind is not None and kind.json_key in plain else UNKNOWN
    if key not in plain:
        wanted = f"{kind.json_key} or {UNKNOWN}" if kind and kind.json_key else UNKNOWN
        raise EncodeError(f"a section of type {guid} needs {wanted}", path=path)
    reading.unread += [f"{path}.{name}" for name in plain if name not in {key, "message"}]
    if key == UNKNOWN or kind is None:
        opaque = reading.structure(OpaqueSection, plain[key], f"{path}.{key}", given={"guid": guid})
        return _known(kind, opaque)
    found = reading.structure(kind, plain[key], f"{path}.{key}", given=_absent(kind, descriptor))
    assert isinstance(found, Section)
    return found


def _absent(kind: type[Section], descriptor: SectionDescriptor) -> dict[str, Any]:
    """What is known of the fields that a section is too short for."""
    length = descriptor.section_length
    if not kind.shortest <= length < kind.fixed_size:
        return {}
    zeros = kind.from_bytes(bytes(length))
    return {
        field.name: getattr(zeros, field.name)
        for field in kind.fields
        if isinstance(field.kind, Absent) or zeros.is_absent(field)
    }


def _known(kind: type[Section] | None, opaque: Structure) -> Section:
    """What bytes of a type that is known here are, unless they are too few for it."""
    assert isinstance(opaque, OpaqueSection)
    if kind is None or len(opaque.data) < kind.shortest:
        return opaque
    return kind.from_bytes(opaque.data)


def losses(thing: Structure) -> Iterator[str]:
    """What CPER-JSON does not carry of an object, and what comes back instead.

    Raises:  EncodeError as `dumps`.
    """
    if not isinstance(thing, Record):
        converted = to_described(thing)
        yield from converted.lost
        for index, described in enumerate(converted.things):
            path = f"[{index}]" if len(converted.things) > 1 else ""
            yield from _not_back(described, path)
        return
    for index, node in enumerate(thing.body):
        if isinstance(node, Gap):
            yield f"body[{index}]: a gap of {node.size} bytes"
    yield from _not_back(thing.replace(body=[n for n in thing.body if not isinstance(n, Gap)]))


def _not_back(thing: Structure, path: str = "") -> Iterator[str]:
    """The fields in which an object comes back otherwise."""
    for found in differences(thing, read(document(thing))[0], path):
        instead = f"; {found.right} comes back" if found.right is not None else ""
        yield f"{found.path}: {found.left}{instead}"
