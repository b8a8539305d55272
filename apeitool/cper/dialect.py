"""How bytes are to be read where producers differ, and why.

The specification was not always read alike: a timestamp is BCD, plain binary or seconds; the type of
an ARM error has three encodings.  Each such `Topic` has readings; the first is the specification's
own.  Which one is taken follows, in this order, from the caller, from who made the record, from what
the bytes themselves allow.  A reading changes what bytes are shown to say, never the bytes.

A structure that leaves such a choice is a `Witness`.  What is in force is looked up with `reading`,
as `decimal` does it with its context.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, Protocol, runtime_checkable
from uuid import UUID

from apeitool.cper.guids import AMDGPU, CREATORS, LINUX_PSTORE, WINDOWS, WINDOWS_DRIVER
from apeitool.errors import DialectError
from apeitool.wire.record import Structure
from apeitool.wire.types import NIL


class Topic(enum.StrEnum):
    """What producers do not agree about."""

    TIMESTAMP = "timestamp"
    SECTION_FLAGS = "section-flags"
    PROCESSOR_ISA = "processor-isa"
    ARM_ERROR_TYPE = "arm-error-type"
    CONTEXT_PADDING = "context-padding"

    @property
    def readings(self) -> Mapping[str, str]:
        """Each reading with what it means."""
        return READINGS[self]


READINGS: dict[Topic, dict[str, str]] = {
    Topic.TIMESTAMP: {
        "bcd": "two decimal digits a byte",
        "binary": "a number a byte",
        "amdgpu": "a number a byte, the century counted from 1",
        "unix-seconds": "seconds since 1970 (UTC)",
    },
    Topic.SECTION_FLAGS: {
        "uefi": "bit 5 latent error, bit 7 overflow",
        "windows": "bit 7 FRU text by plugin; flags of a record go on from bit 3",
        "amdgpu": "bit 4 latent error",
    },
    Topic.PROCESSOR_ISA: {
        "uefi": "3 is ARM A32/T32, 4 ARM A64",
        "windows": "4 is ARM A32/T32, 8 ARM A64",
    },
    Topic.ARM_ERROR_TYPE: {
        "uefi-2.9a": "bits 1 to 4: cache, TLB, bus, micro-architectural",
        "uefi-2.9": "0 cache, 1 TLB, 2 bus, 3 micro-architectural",
        "libcper": "bits 0 to 3: cache, TLB, bus, micro-architectural",
    },
    Topic.CONTEXT_PADDING: {
        "none": "contexts follow one another",
        "16": "each context is padded to 16 bytes",
    },
}
"""The readings of each topic, the specification's own first."""

PRODUCERS: dict[str, dict[Topic, str]] = {
    "uefi": {topic: next(iter(readings)) for topic, readings in READINGS.items()},
    "uefi-2.9": {Topic.ARM_ERROR_TYPE: "uefi-2.9"},
    "linux-pstore": {Topic.TIMESTAMP: "unix-seconds"},
    "windows": {
        Topic.TIMESTAMP: "binary",
        Topic.SECTION_FLAGS: "windows",
        Topic.PROCESSOR_ISA: "windows",
    },
    "amdgpu": {Topic.TIMESTAMP: "amdgpu", Topic.SECTION_FLAGS: "amdgpu"},
    "libcper": {Topic.TIMESTAMP: "bcd", Topic.ARM_ERROR_TYPE: "libcper"},
}
"""How a producer reads the topics that it is known for."""

_CREATED: dict[str, str] = {
    WINDOWS: "windows",
    WINDOWS_DRIVER: "windows",
    LINUX_PSTORE: "linux-pstore",
    AMDGPU: "amdgpu",
}
"""Producers by the creator id of their records."""


class Weight(enum.IntEnum):
    """What a choice rests on."""

    DEFAULT = 0
    """Nothing tells: the specification's own reading."""
    EVIDENCE = 1
    """The bytes allow no other."""
    PRODUCER = 2
    """Who made the record is known to write it so."""
    FORCED = 3
    """The caller says so."""


class Choice(NamedTuple):
    """A reading that was taken, and why.

    Where the bytes alone decide (how long a section's layout is) the topic is a name of its own, and
    nobody can force it.
    """

    topic: Topic | str
    reading: str
    reason: str
    weight: Weight = Weight.DEFAULT

    def __str__(self) -> str:
        return f"{self.topic}: {self.reading} ({self.reason})"


Dialect = Mapping[Topic | str, Choice]
"""The choice that is in force for each topic that was met."""

NEUTRAL: Dialect = {}


@runtime_checkable
class Witness(Protocol):
    """A structure that can be read in more than one way."""

    def testimony(self) -> Iterator[Choice]:
        """What its own bytes say for one reading or another, a choice a topic."""


_in_force: ContextVar[Dialect] = ContextVar("dialect", default=NEUTRAL)


def reading(topic: Topic) -> str | None:
    """The reading that is in force; None where a structure's own bytes are to tell."""
    choice = _in_force.get().get(topic)
    return None if choice is None else choice.reading


@contextmanager
def using(dialect: Dialect) -> Iterator[None]:
    """Inside it, this dialect is in force."""
    token = _in_force.set(dialect)
    try:
        yield
    finally:
        _in_force.reset(token)


def forced(*words: str) -> Dialect:
    """The dialect that a caller names: ``windows``, ``arm-error-type=libcper``; later ones win.

    Raises:  DialectError when there is no such dialect, topic or reading.
    """
    found: dict[Topic | str, Choice] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals and name in PRODUCERS:
            pairs = PRODUCERS[name].items()
        elif name in {str(t) for t in Topic} and value in Topic(name).readings:
            pairs = {Topic(name): value}.items()
        else:
            raise DialectError(f"{word!r} is no dialect; there are {', '.join(dialect_names())}")
        for topic, value in pairs:
            found[topic] = Choice(topic, value, "as the caller says", Weight.FORCED)
    return found


def dialect_names() -> tuple[str, ...]:
    """Everything that `forced` knows."""
    single = (f"{topic}={name}" for topic in Topic for name in topic.readings)
    return (*PRODUCERS, *single)


def by_creator(creator_id: UUID) -> Dialect:
    """What is known of who made a record."""
    producer = _CREATED.get(str(creator_id), "")
    reason = f"the creator is {CREATORS.get(str(creator_id), '')}"
    return {
        topic: Choice(topic, value, reason, Weight.PRODUCER)
        for topic, value in PRODUCERS.get(producer, {}).items()
    }


def creators() -> tuple[UUID, ...]:
    """The creator ids of all producers that are known by one."""
    return tuple(map(UUID, _CREATED))


def creator(producer: str) -> UUID:
    """The creator id that a producer writes; none for one that has no id of its own."""
    return UUID(next((guid for guid, name in _CREATED.items() if name == producer), str(NIL)))


def dialect_of(thing: Structure) -> Dialect:
    """How an object is to be read: a choice for each topic that occurs in it, with its reason.

    What the caller forced (see `using`) wins over who made it, and that over the bytes.
    """
    made_by = by_creator(thing.creator_id) if hasattr(thing, "creator_id") else NEUTRAL
    said = _in_force.get()
    found: dict[Topic | str, Choice] = {}
    for witness in _witnesses(thing):
        for choice in witness.testimony():
            topic = choice.topic
            heard = [made_by[topic]] if topic in made_by else []
            heard += [said[topic]] if topic in said else []
            heard += [choice, found.get(topic, choice)]
            found[topic] = max(heard, key=lambda c: c.weight)
    return found


def _witnesses(thing: Structure) -> Iterator[Witness]:
    if isinstance(thing, Witness):
        yield thing
    for _, _, child in thing.children():
        yield from _witnesses(child)
