"""fwts and our lint look at the same tables: they agree, or the difference has a row with its reason.

What fwts says is predicted from what we found, label by label (`fwts_verdict.SAME`).  A row of
`OURS` is a rule of ours that fwts lacks; a row of `THEIRS` is where it says what we do not.  Each
fails on the day it is no longer true.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import NamedTuple

import pytest
from captured import hests
from fwts_tables import DEFECTS, PLAIN, aer, check, einj, erst, nmi, patched, step
from fwts_verdict import (
    FLAG,
    NEWER,
    SAME,
    DiedError,
    expected,
    judge,
    matches,
    newer_notifications,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_bytes import hest, machine_check, source
from rule_examples import CONSISTENCY, LINUX, SPECIFICATION

from apeitool.acpi.bert import Bert
from apeitool.acpi.einj import Einj
from apeitool.acpi.erst import Erst, ErstAction, ErstInstructionEntry
from apeitool.acpi.header import Table
from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.layout import SOURCE_TYPES
from apeitool.acpi.hest.machine_check import ErrorBank, MachineCheckSource
from apeitool.acpi.hest.nmi import NonMaskableInterrupt
from apeitool.acpi.hest.notification import Notification
from apeitool.acpi.hest.table import Hest
from apeitool.cli.example import example
from apeitool.lint.check import lint
from apeitool.lint.finding import Finding, Level
from apeitool.lint.rule import RULES
from apeitool.registers.address import GenericAddress

pytestmark = pytest.mark.drifting

KINDS: dict[str, type[Table]] = {kind.spells: kind for kind in (Hest, Bert, Einj, Erst)}


def read(data: bytes) -> Table:
    return KINDS[data[:4].decode()].from_bytes(data)


def findings(thing: Table) -> list[Finding]:
    """What we say against a table; notes are not against it."""
    return [f for f in lint(thing) if f.level is not Level.NOTE]


def predicted(thing: Table):
    return expected(thing, findings(thing)) + newer_notifications(thing)


def agree(fwts: str, data: bytes) -> None:
    thing = read(data)
    verdict = judge(fwts, data)
    assert verdict.labels == predicted(thing), (verdict.words, findings(thing))


# What is sane.

REGISTER = GenericAddress.memory(0x1000)


def sane(kind, number=1, notification=3):
    """A source of a type, with what it has to have."""
    given = {"source_id": number}
    if issubclass(kind, Ghes):
        given |= {
            "error_status_address": GenericAddress.memory(0x1000 + 8 * number),
            "error_status_block_length": 0x1000,
            "notification": Notification(type=notification, poll_interval=1000),
        }
    if issubclass(kind, GhesV2):
        given["read_ack_register"] = GenericAddress.memory(0x2000 + 8 * number)
    if issubclass(kind, MachineCheckSource):
        given["banks"] = [ErrorBank(bank_number=n) for n in range(2)]
    return kind(**given)


KNOWN = [kind for kind in SOURCE_TYPES.values() if kind is not NonMaskableInterrupt]
"""fwts reads sources of type 2 wrongly: `THEIRS` has them."""
EVERY = Hest(sources=[sane(kind, number) for number, kind in enumerate(KNOWN)])
SANE = {
    **{f"source {kind.__name__}": Hest(sources=[sane(kind)]) for kind in KNOWN},
    **{f"notification {n}": Hest(sources=[sane(GhesV2, 1, n), sane(Ghes, 2, n)]) for n in range(12)},
    **{name: read(data) for name, data in hests().items()},
    "every source": EVERY,
    "bert": example("bert"),
    "einj": example("einj"),
    "erst": example("erst"),
}  # fmt: skip


@pytest.mark.parametrize("name", SANE)
def test_both_pass_what_is_sane(fwts, name) -> None:
    data = SANE[name].to_bytes()
    verdict = judge(fwts, data)
    assert verdict.passed, verdict.words
    assert not verdict.labels
    against = [f for f in findings(read(data)) if not f.id.startswith("linux-")]
    assert {f.id for f in against} <= {"block-length-content"}


@pytest.mark.parametrize("name", DEFECTS)
def test_both_find_a_defect(fwts, name) -> None:
    data, labels = DEFECTS[name]
    agree(fwts, data)
    assert set(judge(fwts, data).labels) == labels


def test_every_label_has_its_defect() -> None:
    rows = {row for data, _ in DEFECTS.values() for f in findings(read(data))
            for _, _, row in matches(read(data), f)}  # fmt: skip
    assert rows == {*SAME, FLAG}


class Broken(NamedTuple):
    """A table that cannot be walked to its end: both stop there, each in its words."""

    data: bytes
    ours: str
    theirs: str


BROKEN = {
    "reserved type": Broken(
        hest(PLAIN, patched(source(2, 16), 0, b"\3\0")), "source-type", "HESTInvalidType"
    ),
    "newer type": Broken(
        hest(PLAIN, struct.pack("<HH", 12, 8) + bytes(4)), "source-type", "HESTInvalidType"
    ),
    "half a source": Broken(
        hest(PLAIN[:60]), "source-count", "HESTGenericHardwareErrorSourceTooShort"
    ),
    "half an AER source": Broken(
        hest(aer(6)[:47]), "source-count", "HESTPciExpressRootPortAerTooShort"
    ),
    "half a machine check": Broken(
        hest(check(1)[:47]), "source-count", "HESTIA32CorrectedMachineCheckTooShort"
    ),
    "header size": Broken(erst(step(), size=81), "header-size", "ERSTHeaderSizeTooLong"),
    "too many entries": Broken(erst(step(), count=2), "entry-count", "ERSTTooManyEntries"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_both_stop_where_a_table_breaks(fwts, name) -> None:
    case = BROKEN[name]
    assert set(judge(fwts, case.data).labels) == {case.theirs}
    hits = [f for f in findings(read(case.data)) if f.id == case.ours]
    assert [f.level for f in hits] == [Level.ERROR]


# What we find and fwts does not, with who says so.

OURS = {
    "action-apart": "ACPI 6.5 18.5.1: an action is its entries in order; fwts looks at each alone",
    "action-reads-nothing": "ACPI 6.5 18.5.1.1: the action returns a value",
    "action-register-overlap": "fwts compares no registers",
    "action-writes-nothing": "ACPI 6.5 18.5.1.1: the action is given a value",
    "block-length-content": "ACPI 6.5 18.3.2.7: the block holds what the source reports",
    "block-length-header": "ACPI 6.5 18.3.2.7.1: a block has a header of 20 bytes",
    "einj-action-missing": "ACPI 6.5 18.6.1: the sequence of 18.6.6 needs them",
    "einj-parameter-overlap": "ACPI 6.5 18.6.4: the structure takes 36 bytes",
    "einjv2-revision": "ACPI 6.6 18.6.1; fwts means to look, and reads entries where there are none",
    "enabled-value": "ACPI 6.5 18.3.2.1: 1 enables, 0 does not",
    "entry-repeated": "fwts looks at each entry alone",
    "erst-action-missing": "ACPI 6.5 18.5.2: the sequences need them",
    "ghes-assist-alone": "ACPI 6.5 18.7: a GHES relates to the source",
    "instruction-not-einj": "ACPI 6.5 18.6.2; fwts means to look, and reads entries elsewhere",
    "jump-outside-action": "ACPI 6.5 18.5.1.2: the index is one of the action's",
    "mask-outside-register": "ACPI 6.5 18.5.1.2: the mask is of the register's bits",
    "read-ack-no-change": "ACPI 6.5 18.3.2.8: writing acknowledges",
    "read-ack-write-lost": "ACPI 6.5 18.3.2.8: bits of the register",
    "region-address": "ACPI 6.5 18.3.1: the region lies somewhere",
    "register-overlap": "fwts compares no registers",
    "register-shared": "fwts compares no registers",
    "register-unaligned": "ACPI 6.5 5.2.3.2: an access has a size",
    "related-source-missing": "ACPI 6.5 18.3.2.7: the related source is one of the table",
    "related-source-no-assist": "ACPI 6.5 18.7: the related source has GHES_ASSIST",
    "status-address-register": "ACPI 6.5 18.3.2.7: an 8-byte register in memory",
    "table-revision": "ACPI 6.5 18.3.1: revision 1",
    "value-outside-mask": "ACPI 6.5 18.5.1.2: value and mask are of the same bits",
}
"""Rules that fwts lacks altogether."""

PARTLY = {
    "unknown-value": (erst(step(12)), "action 12 is reserved; fwts takes 0 to 16 for known"),
    "undefined-bits": (erst(step(0, 0, flags=2)), "fwts looks at the flags of writes only"),
    "reserved-not-zero": (erst(step(0, reserved=1)), "ACPI 6.5 18.5.1.2: must be zero"),
    "records-to-preallocate": (
        hest(patched(machine_check(1), 8, bytes(4))), "ACPI 6.5 18.3.2.1: must be 1 or more"
    ),
    "sections-per-record": (
        hest(patched(machine_check(1), 12, bytes(4))), "ACPI 6.5 18.3.2.1: must be 1 or more"
    ),
    "ghes-assist-firmware-first": (
        hest(machine_check(1, flags=7)), "fwts tells the reserved bit and leaves it at that"
    ),
    "source-count": (hest(PLAIN, count=2), "fwts walks by length; Linux by the count"),
    "source-id": (hest(PLAIN, PLAIN), "ACPI 6.5 18.3.2.1: unique; Linux drops all of HEST"),
    "header-size": (erst(step(), size=36), "fwts compares it with the length; Linux wants 48 or 12"),
    "notification-length": (hest(patched(PLAIN, 33, b"\x5c")), "ACPI 6.5 18.3.2.9: 28 bytes"),
    "entry-count": (erst(step(), step(), count=1), "fwts takes fewer entries; Linux refuses them"),
    "table-rest": (erst(step(), b"\xff" * 32, count=1), "fwts does not look behind the entries"),
}  # fmt: skip
"""Findings that fwts shares elsewhere, or that a declaration makes, in a place where it is silent."""


TABLES = {
    id: case
    for id, case in (SPECIFICATION | CONSISTENCY | LINUX).items()
    if isinstance(case.bad, Table)
}
"""Rules about tables, each with a table that breaks it and one that does not."""


@pytest.mark.parametrize("id", OURS)
def test_a_rule_that_fwts_lacks(fwts, id) -> None:
    data = TABLES[id].bad.to_bytes()
    assert id in [f.id for f in findings(read(data))]
    agree(fwts, data)


@pytest.mark.parametrize("id", [id for id in TABLES if id in LINUX])
def test_fwts_says_nothing_of_what_linux_makes_of_it(fwts, id) -> None:
    for thing in (TABLES[id].bad, TABLES[id].good):
        agree(fwts, thing.to_bytes())


@pytest.mark.parametrize("id", PARTLY)
def test_a_finding_that_fwts_lacks_here(fwts, id) -> None:
    data, reason = PARTLY[id]
    thing = read(data)
    hits = [f for f in findings(thing) if f.id == id]
    assert hits, reason
    assert not any(list(matches(thing, f)) for f in hits)
    agree(fwts, data)


def test_every_rule_of_tables_is_compared() -> None:
    shared = {row.id for row in (*SAME, FLAG)}
    ours = {id for id in TABLES if id not in LINUX}
    assert ours <= shared | set(OURS)
    assert not shared & set(OURS)
    assert set(OURS) <= set(RULES)
    assert shared & set(RULES) <= set(TABLES)


# What fwts says and we do not.


class Theirs(NamedTuple):
    """A table of which fwts says more than, or other than, is predicted from what we find."""

    data: bytes
    labels: Counter[str]
    reason: str


TOO_SHORT = "HESTIA32MachineCheckTooShort"
THEIRS = {
    "NMI": Theirs(
        hest(nmi()), Counter([TOO_SHORT]),
        "fwts reads the source as 18 bytes, and the last two as the type of another; the reserved "
        "field has four bytes, so it takes 20: ACPI 6.5 18.3.2.3, Linux, ACPICA",
    ),
    "NMI with raw data": Theirs(
        hest(nmi(0x90000)), Counter(["HESTGenericHardwareErrorSourceTooShort"]),
        "the same: the upper half of the raw data's length is taken for a type",
    ),
    "NMI before another": Theirs(
        hest(nmi(), PLAIN),
        Counter({"HESTReservedNonZero": 2, "HESTIA32FlagsReserved": 1, TOO_SHORT: 1,
                 "HESTTooManyIA32ArchMachineCheckExceptions": 1}),
        "the same: everything behind is read two bytes early",
    ),
    **{
        f"notification {number}": Theirs(
            hest(source(1, 0x1000, number)), Counter(["HESTInvalidHardwareErrorNotificationType"]),
            "fwts knows the types of ACPI 6.5; 12 is ACPI 6.6's, 13 to 15 are rust-vmm's",
        )
        for number in NEWER
    },
    "EINJ of 128 entries": Theirs(
        einj(*[step(value=0x500, mask=0xFFFF)] * 128), Counter({"EINJBadInstruction": 58}),
        "fwts takes entries from 48 headers behind the table's start (2304), where 48 bytes are "
        "meant (ACPI 6.5 18.6.1), and finds a value's second byte for an instruction",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", THEIRS)
def test_what_fwts_alone_says(fwts, name) -> None:
    data, labels, reason = THEIRS[name]
    thing = read(data)
    said = judge(fwts, data)
    assert said.labels == labels, reason
    assert expected(thing, findings(thing)) != labels


def test_fwts_dies_of_an_einj_that_ends_before_its_page(fwts) -> None:
    """The same mistake: entries 48 headers behind the start lie behind the page, and it crashes."""
    data = einj(*[step()] * 100)
    assert not [f for f in findings(read(data)) if f.id in ("entry-count", "truncated")]
    with pytest.raises(DiedError, match="fwts"):
        judge(fwts, data)


def test_fwts_is_silent_of_banks_behind_the_table(fwts) -> None:
    """It stops at the source without a failure, and without passing the table."""
    data = hest(patched(check(0), 32, b"\7"))
    verdict = judge(fwts, data)
    assert (verdict.passed, verdict.labels) == (False, Counter())
    assert {"bank-count", "linux-hest-refused"} <= {f.id for f in findings(read(data))}


# Whatever bytes there are in the fields.


def changeable(thing: Table) -> list[int]:
    """Offsets of bytes that no walk depends on: all but headers, types and counts."""
    found = []
    for _, start, child in thing.children():
        fixed = {"type", "number_of_hardware_banks"}
        kept = {
            start + f.offset + i
            for f in child.fields if f.name in fixed and isinstance(thing, Hest)
            for i in range(f.kind.size)
        }  # fmt: skip
        found += [at for at in range(start, start + child.size) if at not in kept]
    return found


MUTATED = {
    "HEST": EVERY,
    "ERST": Erst(entries=[
        ErstInstructionEntry(action=action, instruction=number, register_region=REGISTER, mask=255)
        for number, action in enumerate(ErstAction)
    ]),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATED)
@given(data=st.data())
@settings(max_examples=60)
def test_any_values_of_the_fields(fwts, name, data) -> None:
    thing = MUTATED[name]
    changes = st.tuples(st.sampled_from(changeable(thing)), st.integers(0, 255))
    mutated = bytearray(thing.to_bytes())
    for at, value in data.draw(st.lists(changes, min_size=1, max_size=8)):
        mutated[at] = value
    if data.draw(st.booleans()):
        mutated[9] = (mutated[9] - sum(mutated)) & 0xFF
    agree(fwts, bytes(mutated))
