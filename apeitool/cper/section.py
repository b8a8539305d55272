"""What a section is, and how its GUID finds it."""

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self, TypeVar
from uuid import UUID

from apeitool.cper.guids import SECTION_NAMES
from apeitool.cper.index import SECTIONS
from apeitool.cper.severity import Severity
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.shapes import BASE64, Json
from apeitool.wire.types import NIL, Aside, Engine, Number, Part, Rest

if TYPE_CHECKING:
    from apeitool.cper.place import Place

_S = TypeVar("_S", bound=Structure)


class Content(Structure):
    """What the body of a record is made of: sections, and gaps between them.

    Source:  UEFI 2.10 N.2
    """


class Gap(Content):
    """Bytes of a record's body that no section descriptor points at.

    Shape:   any length.
    Source:  UEFI 2.10 N.2
    """

    data: Rest = b""


class Section(Content):
    """Body of one section: of a record, or of an error data entry.

    Each subclass lives in a file of its own below ``cper/sections``; its last field takes whatever
    the bytes have more than it knows.  In CPER-JSON its members are under ``json_key`` and its type
    is called ``json_type``; a type that has no key there is shown as bytes.
    """

    guid: ClassVar[UUID] = NIL
    title: ClassVar[str] = "section"
    json_key: ClassVar[str] = ""
    json_type: ClassVar[str] = "Unknown"
    since: ClassVar[str] = ""
    """The release of the specification that has it first; "" where none is published."""
    part: ClassVar[str] = ""
    """What of a machine it is about: ``dimm``, ``device``, ``expander`` (a device that has memory),
    ``processor``, or nothing in particular."""
    located: ClassVar[Mapping[str, str]] = {}
    """Fields that say where it was, and by its path the number of a `Place` that each holds; a field
    that is a structure has several numbers of that part, by their names."""
    aliases: ClassVar[tuple[UUID, ...]] = ()
    """Other GUIDs under which producers write it."""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        """Whether bytes that nobody named look like this section: false unless a type can tell."""
        return False

    def sentence(self) -> str:
        """What happened, in words for a person on call; what the section marks invalid is left out."""
        return self.title

    @property
    def what(self) -> str:
        """What kind of error it was, in a few words, without where."""
        return self.title

    @property
    def component(self) -> str:
        """The part of the machine that failed, in a few words; "" where the section does not say."""
        return ""

    def fact(self, name: str) -> Any:
        """The value of a field, if the section has it and it is a fact; else None."""
        has = any(field.name == name for field in self.fields)
        return getattr(self, name) if has and self.is_valid(name) else None

    def where(self, *names: tuple[str, str]) -> str:
        """Those of these fields that are facts, each behind a word for it: (word, field)."""
        facts = ((word, self.fact(name)) for word, name in names)
        return " ".join(f"{word} {value}" for word, value in facts if value is not None)

    @property
    def severities(self) -> tuple[Severity, ...]:
        """How bad an error such as this can be, the likeliest first; one where the section says it."""
        said = self.fact("error_severity")
        if said is not None and Severity(int(said)).is_known:
            return (Severity(int(said)),)
        return (Severity.CORRECTED, Severity.RECOVERABLE, Severity.FATAL, Severity.INFORMATIONAL)

    def at(self, place: "Place") -> Self:
        """The same error in that place: whatever says where it was, says there."""
        said: dict[str, Any] = {}
        for name, path in self.located.items():
            value, there = self.fact(name), attrgetter(path)(place)
            if value is not None:
                said[name] = placed(value, there) if isinstance(value, Structure) else there
        return self.replace(**said)

    @property
    def moment(self) -> datetime | None:
        """When it happened, where the section itself says so."""
        return None

    @property
    def physical_addresses(self) -> tuple[int, ...]:
        """The physical addresses that the section states as facts."""
        return ()


def placed(thing: _S, part: NamedTuple) -> _S:
    """The structure with those numbers of a part of a machine that it has fields for."""
    names = {field.name for field in thing.fields}
    return thing.replace(**{n: v for n, v in part._asdict().items() if n in names})


def first(places: Iterable[str]) -> str:
    """The first of several places, and how many more there are; "" if none is named."""
    found = [place for place in places if place]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{found[0]}{more}" if found else ""


class OpaqueSection(Section):
    """A section whose type is unknown here, or whose bytes are fewer than its type needs.

    Shape:   any length.
    Source:  UEFI 2.10 N.2.3
    """

    title: ClassVar[str] = "section of unknown type"

    guid: Annotated[UUID, Aside(), "section type"] = NIL  # type: ignore[misc]
    data: Annotated[Rest, Json("data", BASE64)] = b""

    @property
    def what(self) -> str:
        known = section_type(self.guid)
        if known is not None:
            return known.title
        return SECTION_NAMES.get(str(self.guid), f"section of unknown type {self.guid}")

    def sentence(self) -> str:
        known = section_type(self.guid)
        if known is not None:
            return f"{self.what}, cut short: {len(self.data)} of {known.shortest} bytes"
        return f"{self.what}, {len(self.data)} bytes, not decoded"

    def check(self) -> Iterator[Problem]:
        known = section_type(self.guid)
        if known is not None and len(self.data) < known.shortest:
            rule = f"{len(self.data)} bytes where a {known.title} has at least {known.shortest}"
            yield Problem("section-too-short", 0, "", rule, known.source)


_FOUND: dict[int, type[Section] | None] = {}


def section_type(guid: UUID) -> type[Section] | None:
    """The class of a section type, imported when its GUID is first met; None if it has none."""
    key = guid.int
    if key not in _FOUND:
        place = SECTIONS.get(str(guid))
        _FOUND[key] = None if place is None else _load(place)
    return _FOUND[key]


def is_named(guid: UUID) -> bool:
    """Whether a section type has a name here, decoded or not."""
    return section_type(guid) is not None or str(guid) in SECTION_NAMES


def section_named(name: str) -> type[Section] | None:
    """The class of that name, or None."""
    for place in SECTIONS.values():
        if place.endswith(f":{name}"):
            return _load(place)
    return OpaqueSection if name == OpaqueSection.__name__ else None


def _load(place: str) -> type[Section]:
    module, _, name = place.partition(":")
    found: type[Section] = getattr(importlib.import_module(f"apeitool.cper.{module}"), name)
    return found


def read_section(engine: Engine, guid: UUID, buffer: bytes, start: int, end: int) -> Section:
    """The section that ``buffer[start:end]`` holds, whole; opaque if nothing else will do."""
    kind = _FOUND.get(guid.int) or section_type(guid)
    if kind is None or end - start < kind.shortest:
        return OpaqueSection(guid=guid, data=buffer[start:end])
    section: Section = engine(kind)(buffer, start, end)[0]
    return section


class SectionPart(Part):
    """The body of one section; ``guid`` and ``length`` are what tells them."""

    __slots__ = ("guid",)

    def __init__(self, guid: str, *, length: Number) -> None:
        super().__init__(length)
        self.guid: Callable[[Any], UUID] = attrgetter(guid)

    def take(
        self, engine: Engine, values: Any, buffer: bytes, start: int, position: int, end: int
    ) -> tuple[Section, int]:
        end = self.bound(values, start, position, end)
        return read_section(engine, self.guid(values), buffer, position, end), end
