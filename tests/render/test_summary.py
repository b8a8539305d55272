"""Many errors at a glance."""

from datetime import UTC, datetime
from itertools import islice

from discovery import kinds_of

import apeitool as apei
from apeitool.cper.cxl_event import CxlEventHeader
from apeitool.cper.generate import records
from apeitool.cper.index import SECTIONS
from apeitool.render.summary import Summary, events

STAMP = apei.Timestamp.of(datetime(2026, 11, 22, 20, 18))  # noqa: DTZ001 - records have no zone


def block(*entries: apei.GenericErrorDataEntryV3) -> apei.StatusBlock:
    return apei.StatusBlock(entries=entries)


def entry(severity: str, section: apei.Section, **more) -> apei.GenericErrorDataEntryV3:
    return apei.GenericErrorDataEntryV3(
        section=section, error_severity=apei.Severity[severity], **more
    )


MEMORY = apei.MemoryErrorSection(validation_bits=0x4038, node=1, card=2, module=3)
OPAQUE = apei.OpaqueSection(guid=MEMORY.guid, data=b"short")


def test_events_say_where_and_what() -> None:
    found = [
        *events(
            block(
                entry("CORRECTED", MEMORY, validation_bits=2, fru_text="DIMM\x1b[31m"),
                entry("FATAL", MEMORY, validation_bits=4, timestamp=int(STAMP)),
                entry("RECOVERABLE", OPAQUE),
            )
        )
    ]
    assert [(e.severity.name, e.place, e.what) for e in found] == [
        ("CORRECTED", "DIMM\\x1b[31m", "unknown memory error"),
        ("FATAL", "node 1 card 2 module 3", "unknown memory error"),
        ("RECOVERABLE", "not said", "memory error"),
    ]
    assert [e.moment for e in found] == [None, STAMP.moment, None]


def test_the_worst_stands_first_then_the_commonest() -> None:
    summary = Summary()
    often = entry("CORRECTED", MEMORY, validation_bits=2, fru_text="A1")
    once = entry("CORRECTED", MEMORY, validation_bits=2, fru_text="B1")
    for _ in range(5):
        summary.add(block(often))
    summary.add(block(once, entry("FATAL", OPAQUE, validation_bits=4, timestamp=int(STAMP))))
    text = list(summary.lines())
    assert text[0] == "7 errors in 6 objects"
    assert text[1].strip() == "1 fatal, 6 corrected"
    assert text[2].strip() == "from 2026-11-22 20:18:00 to 2026-11-22 20:18:00"
    assert [row.split()[:2] for row in text[5:]] == [
        ["1", "fatal"],
        ["5", "corrected"],
        ["1", "corrected"],
    ]


def test_a_table_reports_nothing() -> None:
    summary = Summary()
    summary.add(apei.Hest())
    assert list(summary.lines()) == ["0 errors in 1 object"]


def test_an_unknown_severity_is_counted() -> None:
    summary = Summary()
    odd = entry("FATAL", MEMORY).replace(error_severity=apei.Severity(77))
    summary.add(block(odd))
    assert any("unknown (77)" in row for row in summary.lines())


def test_a_section_of_any_type_is_counted_where_it_says_that_it_was() -> None:
    """Records of every type have a row by FRU; without it one by the part that the section names."""
    kinds = [kind for kind in kinds_of(apei.Section) if str(kind.guid) in SECTIONS]
    for kind in kinds:
        for record in islice(records([kind], 2), 5):
            for descriptor, event in zip(record.section_descriptors, events(record), strict=True):
                if descriptor.fru_text:
                    assert event.place == descriptor.fru_text.rstrip("\0")
                assert event.moment == record.moment
                assert event.what
            bare = record.replace(
                section_descriptors=tuple(
                    d.replace(validation_bits=0) for d in record.section_descriptors
                )
            )
            for section, event in zip(record.sections, events(bare), strict=True):
                assert event.place == (section.component or "not said")


def test_without_a_time_of_the_record_that_of_the_section_counts() -> None:
    stamp = datetime(2026, 11, 22, 20, 18, tzinfo=UTC)
    header = CxlEventHeader(timestamp=int(stamp.timestamp()) * 1_000_000_000)
    section = apei.CxlDramEventSection(validation_bits=4, event_header=header)
    (event,) = events(block(entry("CORRECTED", section)))
    assert event.moment == stamp
    (event,) = events(block(entry("CORRECTED", section, validation_bits=4, timestamp=int(STAMP))))
    assert event.moment == STAMP.moment


def test_what_is_told_has_the_fru_and_the_component() -> None:
    (event,) = events(block(entry("FATAL", MEMORY, validation_bits=2, fru_text="DIMM A1")))
    assert event.told == "DIMM A1 node 1 card 2 module 3 unknown memory error"
    (event,) = events(block(entry("FATAL", MEMORY)))
    assert event.told == "node 1 card 2 module 3 unknown memory error"
