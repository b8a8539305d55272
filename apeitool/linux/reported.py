"""A status block, put together from the lines of the kernel's report of it.

Lines may be missing, at the beginning too.  What they do not tell is zero and not marked valid; a
severity has no validation bit, and is `NOT_TOLD` instead.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from apeitool.acpi.status import (
    BlockStatus,
    EntryValid,
    GenericErrorDataEntryV3,
    StatusBlock,
)
from apeitool.cper.section import Section, read_section
from apeitool.cper.severity import Severity
from apeitool.cper.timestamp import Timestamp
from apeitool.linux import words
from apeitool.linux.draft import Draft
from apeitool.linux.part import Part, numbers
from apeitool.linux.reading import DUMPED, KINDS, SHORTENED, Kind
from apeitool.linux.report import (
    BLOCK,
    CORRECTED,
    ENTRY,
    ENTRY_SEVERITY,
    EVENT_SEVERITY,
    SECTION_TYPE,
    SOURCE,
    TITLES,
    UNKNOWN_TYPE,
)
from apeitool.linux.sections import BEYOND, DIMM_LOCATION, TOO_SHORT
from apeitool.wire import compiled

NOT_TOLD = Severity(0xFFFF)
"""The severity of an error of which the log does not show it, or has no word for it."""

BEGINNINGS = (SOURCE.format(""), CORRECTED, EVENT_SEVERITY)
"""How the first lines of a report begin, whichever of them are there."""

_ASIDES: dict[str, Kind] = {TOO_SHORT: DUMPED, BEYOND: SHORTENED}
"""What the kernel prints of a section instead of its fields, and how such a section is read."""

_TIMESTAMP = re.compile(
    r"(imprecise|precise) tstamp: (\d\d)(\d{2,3})-(\d{2,3})-(\d{2,3}) (\d{2,3}):(\d{2,3}):(\d{2,3})\s*"
)
_ERROR = re.compile(r"Error (\d+), type: (.*)")


class _Entry:
    """A data entry, as far as it has been told of."""

    def __init__(self) -> None:
        self.draft = Draft(GenericErrorDataEntryV3)
        self.kind: Kind = DUMPED
        self.guid: UUID | None = None
        self.part = Part(DUMPED.shape)

    def begin(self, guid: UUID, kind: Kind) -> None:
        """The section is of this type."""
        self.guid, self.kind, self.part = guid, kind, Part(kind.shape)

    def made(self) -> GenericErrorDataEntryV3:
        """The entry."""
        guid = self.guid or UUID(int=0)
        data = self.kind.build(self.part)
        section: Section = read_section(compiled.fast, guid, data, 0, len(data))
        severity = self.draft.values.get("error_severity", NOT_TOLD)
        entry: GenericErrorDataEntryV3 = self.draft.made(section=section, error_severity=severity)
        return entry


class Reported:
    """A report, read line by line."""

    def __init__(self) -> None:
        self.source_id: int | None = None
        self.dimms: dict[str, None] = {}
        """The names of memory modules, for which a section has only handles."""
        self._block = Draft(StatusBlock)
        self._has_severity = False
        self._entries: list[_Entry] = []
        self._timestamp: int | None = None

    @property
    def is_begun(self) -> bool:
        """Whether more is told than where it came from."""
        return self._has_severity or bool(self._entries)

    @property
    def lost(self) -> int:
        """How many bytes of dumps are missing."""
        return sum(entry.part.all_lost() for entry in self._entries)

    def read(self, line: str) -> bool:
        """Take a line, without what the kernel puts before each; whether it tells anything."""
        text = line.lstrip(" ")
        return self._head(text) or self._entry(text) or self._section(text) or self._dimm(text)

    def read_aside(self, line: str) -> bool:
        """Take a line that the kernel printed without what it puts before each."""
        kind = _ASIDES.get(line)
        if kind is None or not self._entries:
            return False
        entry = self._entries[-1]
        entry.kind, entry.part = kind, Part(kind.shape)
        return True

    def _head(self, text: str) -> bool:
        source = numbers(SOURCE, text)
        if source is not None:
            (self.source_id,) = source
            return True
        if BLOCK.read(self._block, text):
            self._has_severity = True
            return True
        if text.rstrip() == CORRECTED:
            self._block.values["error_severity"] = Severity.CORRECTED
            return True
        return False

    def _entry(self, text: str) -> bool:
        stamp = _timestamp(text)
        if stamp is not None:
            self._timestamp = stamp
            return True
        error = _ERROR.fullmatch(text.rstrip())
        if error is not None:
            ENTRY_SEVERITY.read(self._next().draft, error[2])
            return True
        if self._entries and self._entries[-1].guid is not None:
            return False
        if any(text.startswith(name) for name in ("fru_id:", "fru_text:")):
            return ENTRY.read(self._latest().draft, text)
        return False

    def _next(self) -> _Entry:
        entry = _Entry()
        if self._timestamp is not None:
            entry.draft.values["timestamp"] = self._timestamp
            entry.draft.mark(EntryValid.TIMESTAMP)
            self._timestamp = None
        self._entries.append(entry)
        return entry

    def _latest(self) -> _Entry:
        return self._entries[-1] if self._entries else self._next()

    def _section(self, text: str) -> bool:
        known = _typed(text)
        if known is not None:
            entry = self._latest()
            if entry.guid is not None:
                # The line that begins an entry is missing.
                entry = self._next()
            entry.begin(*known)
            return True
        return bool(self._entries) and self._entries[-1].part.read(text)

    def _dimm(self, text: str) -> bool:
        name = text.removeprefix(DIMM_LOCATION).strip()
        is_named = bool(self._entries and name) and text.startswith(DIMM_LOCATION)
        if is_named:
            self.dimms[name] = None
        return is_named

    def block(self) -> StatusBlock:
        """The status block."""
        entries = [entry.made() for entry in self._entries]
        severity = self._block.values.get("error_severity", NOT_TOLD)
        more: dict[str, Any] = {"error_severity": severity}
        if not entries:
            is_bad = severity in (Severity.RECOVERABLE, Severity.FATAL)
            more["block_status"] = BlockStatus.compose(
                uncorrectable_error_valid=is_bad, correctable_error_valid=not is_bad
            )
        block: StatusBlock = self._block.made(entries=entries, **more)
        return block


def _typed(text: str) -> tuple[UUID, Kind] | None:
    """The type of section that a line names, and how such a section is read."""
    match = UNKNOWN_TYPE.pattern.fullmatch(text.rstrip())
    if match is not None:
        return UUID(match[1]), DUMPED
    if not text.startswith(SECTION_TYPE):
        return None
    guid = TITLES.get(text.removeprefix(SECTION_TYPE).rstrip())
    return None if guid is None else (guid, KINDS.get(guid, DUMPED))


def _timestamp(text: str) -> int | None:
    """The timestamp that a line shows; two digits that are none are as the kernel adds them up."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    digits = [_bcd(int(number)) for number in match.groups()[1:]]
    if any(byte > 0xFF for byte in digits):
        return None
    century, year, month, day, hour, minute, second = digits
    return Timestamp.compose(
        century=century, year=year, month=month, day=day, hour=hour, minute=minute,
        second=second, precise=words.PRECISION.number(match[1]),
    )  # fmt: skip


def _bcd(number: int) -> int:
    """The byte that the kernel shows as this number; more than a byte for what it cannot show."""
    tens = min(number // 10, 15)
    ones = number - 10 * tens
    return tens << 4 | ones if ones <= 15 else 0x100
