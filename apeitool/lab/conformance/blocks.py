"""The blocks that both are given: a rule, which a seed turns into bytes.

In each round, in an order that is drawn:

1. one sound block with a section of each type that is known, its values drawn;
2. one block with each defect of DEFECTS, made of sound ones;
3. DAMAGED blocks of up to three sections, with up to four bytes changed anywhere.

Blocks whose severity ends a guest are a rule of their own (`fatal`).

No two have the same bytes, nor differ in an identity alone: all values are drawn anew.  A block is left out,
and drawn anew, if what comes of it depends on more than its bytes (`Foretold`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from apeitool.acpi.conversion import to_blocks
from apeitool.acpi.status import (
    HEADER_LENGTH,
    GenericErrorDataEntry,
    GenericErrorDataEntryV2,
    GenericErrorDataEntryV3,
    StatusBlock,
)
from apeitool.cper.generate import records
from apeitool.cper.index import SECTIONS
from apeitool.cper.section import OpaqueSection, Section, section_type
from apeitool.cper.sections.pcie import PcieErrorSection
from apeitool.cper.severity import Severity
from apeitool.linux.reading import KINDS

ROOM = 0x10000
"""How many bytes a block may have: the room of the source that it is given to."""
DAMAGED = 40
TRIES = 30
"""So often a block is drawn anew, before its class is left out of a round."""

SECTION_TYPES = tuple(
    kind for kind in map(section_type, map(UUID, SECTIONS)) if kind is not None
)  # fmt: skip
IN_WORDS = tuple(kind for kind in map(section_type, KINDS) if kind is not None)
"""Section types that the kernel shows in words; half of what is damaged is of these."""

FREE_BUS = 0x7E
"""Where no machine here has a device: a kernel that finds one acts on its errors."""
_NO_EFFECT = (Severity.RECOVERABLE, Severity.CORRECTED, Severity.CORRECTED, Severity.INFORMATIONAL)
"""Severities of a block: a fatal one ends the guest."""


class Given(NamedTuple):
    """A block, and what class it is of."""

    kind: str
    block: bytes


def blocks(seed: int, is_foretold: Callable[[bytes], bool]) -> Iterator[Given]:
    """Blocks without end, round by round."""
    dice = Random(seed)  # noqa: S311 - nothing is secret
    sections = {kind: _entries_of([kind], dice) for kind in SECTION_TYPES}
    mixed = _entries_of([*SECTION_TYPES, *IN_WORDS * (len(SECTION_TYPES) // len(IN_WORDS))], dice)
    made: dict[str, Callable[[], bytes]] = {
        f"section: {kind.title}": lambda kind=kind: _block([next(sections[kind])], dice)  # type: ignore[misc]
        for kind in SECTION_TYPES
    }
    for name, spoil in DEFECTS.items():
        made[name] = lambda spoil=spoil: spoil(  # type: ignore[misc]
            StatusBlock.from_bytes(_block([next(mixed), next(mixed)], dice)), dice
        )
    damaged = {f"damaged {n}": lambda: _damaged(mixed, dice) for n in range(DAMAGED)}
    known: set[bytes] = set()
    while True:
        # In any order: a warning that comes too often is one that the kernel does not print.
        of_round = [*made.items(), *damaged.items()]
        dice.shuffle(of_round)
        for name, make in of_round:
            drawn = (make() for _ in range(TRIES))
            block = next((each for each in drawn if each not in known and is_foretold(each)), None)
            if block is not None:
                known.add(block)
                yield Given("damaged" if name in damaged else name, block)


FATAL = (1, 4, 7, 0x8000_0000)
"""Severities of a block that end a guest."""


def fatal(seed: int, is_foretold: Callable[[bytes], bool]) -> Iterator[Given]:
    """Blocks without end whose severity ends a guest: sound ones, and as many with a byte changed."""
    dice = Random(seed)  # noqa: S311 - nothing is secret
    mixed = _entries_of(list(SECTION_TYPES), dice)
    while True:
        for severity in FATAL:
            for name, make in (("sound", _whole), ("damaged", _damaged)):
                drawn = (_with_severity(make(mixed, dice), severity) for _ in range(TRIES))
                block = next((each for each in drawn if is_foretold(each)), None)
                if block is not None:
                    yield Given(f"severity {severity}, {name}", block)


def _whole(drawn: Iterator[bytes], dice: Random) -> bytes:
    return _block([next(drawn) for _ in range(dice.randint(1, 3))], dice)


def _with_severity(block: bytes, severity: int) -> bytes:
    return block[: HEADER_LENGTH - 4] + _u32(severity) + block[HEADER_LENGTH:]


def sound_entries(kinds: list[type[Section]], seed: int) -> Iterator[GenericErrorDataEntryV3]:
    """Entries of sound sections of these types without end; of PCIe, of functions that nobody has."""
    for whole in records(kinds, seed):
        (block,) = to_blocks(whole).things
        assert isinstance(block, StatusBlock)
        for entry in block.entries:
            assert isinstance(entry, GenericErrorDataEntryV3)
            section = entry.section
            if isinstance(section, PcieErrorSection):
                place = section.device_id.replace(bus_number=FREE_BUS)
                section = section.replace(device_id=place)
            yield entry.replace(section=section)


def entries(drawn: Iterator[GenericErrorDataEntryV3], dice: Random) -> Iterator[bytes]:
    """The bytes of entries, of both revisions and of any severity."""
    for entry in drawn:
        severity = Severity(dice.choice([0, 1, 2, 3, 7, 0x10002]))
        if dice.random() < 0.3:
            names = ("validation_bits", "fru_id", "fru_text", "section")
            same: dict[str, Any] = {name: getattr(entry, name) for name in names}
            same["validation_bits"] &= 3
            yield GenericErrorDataEntryV2(**same, error_severity=severity).to_bytes()
        else:
            yield entry.replace(error_severity=severity).to_bytes()


def _entries_of(kinds: list[type[Section]], dice: Random) -> Iterator[bytes]:
    return entries(sound_entries(kinds, dice.randrange(1 << 32)), dice)


def _block(of: list[bytes], dice: Random) -> bytes:
    """A sound block of entries, of a severity that no guest ends of."""
    body = b"".join(of)
    head = StatusBlock(
        error_severity=dice.choice(_NO_EFFECT), block_status=0x11, data_length=len(body)
    )
    return head.to_bytes() + body


def _damaged(drawn: Iterator[bytes], dice: Random) -> bytes:
    """A block with a few bytes changed, in headers as often as not, its severity aside."""
    made = bytearray(_block([next(drawn) for _ in range(dice.randint(1, 3))], dice))
    for _ in range(dice.choice([1, 1, 2, 4])):
        place = dice.choice(
            [dice.randrange(4, 20), dice.randrange(20, 92), dice.randrange(len(made))]
        )
        if not 16 <= place < HEADER_LENGTH and place < len(made):
            made[place] = dice.choice([0, 1, 2, 3, 20, 63, 64, 72, 80, 0xFF, dice.randrange(256)])
    made[0] |= 0x10  # a status of 0 is no error
    return bytes(made)


# ---- defects

_Defect = Callable[[StatusBlock, Random], bytes]


def _in_header(**values: Callable[[StatusBlock, Random], int]) -> _Defect:
    """Fields of the header are other than they should be."""

    def spoil(block: StatusBlock, dice: Random) -> bytes:
        data = block.to_bytes()
        said = {name: value(block, dice) for name, value in values.items()}
        head = StatusBlock.from_bytes(data[:HEADER_LENGTH]).replace(**said)
        return head.to_bytes()[:HEADER_LENGTH] + data[HEADER_LENGTH:]

    return spoil


def _in_entry(change: Callable[[GenericErrorDataEntry, Random], dict[str, Any]]) -> _Defect:
    """Fields of the first entry are other than they should be; the block's length is its own."""

    def spoil(block: StatusBlock, dice: Random) -> bytes:
        first, *rest = block.entries
        data = first.replace(**change(first, dice)).to_bytes()
        body = data + b"".join(entry.to_bytes() for entry in rest)
        return block.to_bytes()[: HEADER_LENGTH - 8] + _u32(len(body)) + block.to_bytes()[
            HEADER_LENGTH - 4 : HEADER_LENGTH
        ] + body  # fmt: skip

    return spoil


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def _cut(block: StatusBlock, dice: Random) -> bytes:
    """The section of the only entry ends early, and its length says so."""
    first = block.entries[0].to_bytes()
    header = len(first) - len(block.sections[0].to_bytes())
    kept = dice.randrange(header, len(first))
    entry = first[: 24] + _u32(kept - header) + first[28:kept]  # fmt: skip
    return block.to_bytes()[:12] + _u32(len(entry)) + block.to_bytes()[16:HEADER_LENGTH] + entry


def _longer(block: StatusBlock, dice: Random) -> bytes:
    """The section goes on behind its end."""
    more = bytes(dice.randrange(256) for _ in range(dice.randint(1, 64)))
    first = block.entries[0].to_bytes()
    length = int.from_bytes(first[24:28], "little") + len(more)
    entry = first[:24] + _u32(length) + first[28:] + more
    return block.to_bytes()[:12] + _u32(len(entry)) + block.to_bytes()[16:HEADER_LENGTH] + entry


def _with_raw_data(block: StatusBlock, dice: Random) -> bytes:
    raw = bytes(dice.randrange(256) for _ in range(dice.randint(1, 40)))
    return block.replace(raw_data=raw).sealed().to_bytes()


def _unknown(block: StatusBlock, dice: Random) -> bytes:
    """A section of a type that nobody knows."""
    data = dice.randbytes(dice.randint(1, 99))
    section = OpaqueSection(guid=UUID(bytes=dice.randbytes(16)), data=data)
    entry = GenericErrorDataEntryV3(error_severity=Severity(2), section=section)
    return block.replace(entries=[entry]).sealed().to_bytes()


def _empty_entry(block: StatusBlock, _: Random) -> bytes:
    """An entry of 64 zero bytes behind the others."""
    length = _u32(block.data_length + 64)
    return block.to_bytes()[:12] + length + block.to_bytes()[16:] + bytes(64)


DEFECTS: dict[str, _Defect] = {
    "no data": _in_header(data_length=lambda _, dice: 0),
    "data shorter than an entry": _in_header(data_length=lambda _, dice: dice.randrange(1, 64)),
    "data that cuts an entry": _in_header(
        data_length=lambda block, dice: block.data_length - dice.randint(1, 60)
    ),
    "data longer than its entries": _in_header(
        data_length=lambda block, dice: block.data_length + dice.randint(1, 60)
    ),
    "data beyond the source's room": _in_header(
        data_length=lambda _, dice: ROOM - HEADER_LENGTH + dice.randint(1, 1 << 20)
    ),
    "data of nearly 4 GiB": _in_header(data_length=lambda _, dice: (1 << 32) - dice.randint(1, 40)),
    "raw data": _with_raw_data,
    "raw data inside the data": _in_header(
        raw_data_offset=lambda block, dice: dice.randrange(HEADER_LENGTH, block.size),
        raw_data_length=lambda _, dice: dice.randint(1, 40),
    ),
    "raw data without a place": _in_header(
        raw_data_offset=lambda *_: 0, raw_data_length=lambda _, dice: dice.randint(1, 40)
    ),
    "raw data beyond the source's room": _in_header(
        raw_data_offset=lambda block, _: block.size,
        raw_data_length=lambda _, dice: ROOM + dice.randint(1, 1 << 20),
    ),
    "raw data that wraps 4 GiB": _in_header(
        raw_data_offset=lambda block, _: block.size,
        raw_data_length=lambda block, dice: (1 << 32) - block.size - dice.randrange(20),
    ),
    "another count of entries": _in_header(
        block_status=lambda _, dice: 0x11 | dice.randrange(2, 0x3FF) << 4
    ),
    "a status without a meaning": _in_header(
        block_status=lambda _, dice: 1 << dice.randrange(14, 32)
    ),
    "an entry longer than the data": _in_entry(
        lambda entry, dice: {"error_data_length": entry.size + dice.randint(1, 1 << 20)}
    ),
    "an entry shorter than its section": _in_entry(
        lambda entry, dice: {"error_data_length": dice.randrange(8)}
    ),
    "a section cut short": _cut,
    "a section that goes on": _longer,
    "a section of no known type": _unknown,
    "an odd revision of an entry": _in_entry(
        lambda _, dice: {"revision": dice.choice([0, 1, 0x100, 0x2FF, 0x301, 0x400, 0xFFFF])}
    ),
    "reserved bits of an entry": _in_entry(
        lambda _, dice: {"validation_bits": dice.randrange(8, 256)}
    ),
    "an empty entry": _empty_entry,
}
"""What can be wrong with a block: the name of a class -> what makes a sound block one of it."""
