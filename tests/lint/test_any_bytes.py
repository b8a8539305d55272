"""Whatever decodes can be looked at, and everything that is wrong with it is told."""

import json

import pytest
from discovery import structures
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import encodings

from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.acpi.einj import Einj, SetErrorTypeWithAddress, TriggerActionTable
from apeitool.acpi.erst import Erst
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import StatusBlock
from apeitool.cper.record import Record
from apeitool.errors import DecodeError
from apeitool.lint.check import lint, lint_together
from apeitool.lint.together import Member

WHOLE = (
    Hest, Bert, BootErrorRegion, Einj, SetErrorTypeWithAddress, TriggerActionTable, Erst,
    StatusBlock, Record,
)  # fmt: skip


def check(thing) -> None:
    findings = list(lint(thing))
    for finding in findings:
        assert 0 <= finding.offset <= max(thing.size, type(thing).fixed_size)
        assert finding.path.startswith(type(thing).__name__)
        assert json.dumps(finding)
    problems = {(p.id, p.offset, p.path) for p in thing.problems}
    assert problems <= {(f.id, f.offset, f.path) for f in findings}


@pytest.mark.parametrize("cls", WHOLE, ids=lambda cls: cls.__name__)
@given(data=st.data())
def test_bytes_that_decode(cls, data) -> None:
    check(cls.from_bytes(data.draw(encodings(cls))))


@given(data=st.data())
def test_bytes_together(data) -> None:
    """Several objects, tables of one signature among them."""
    kinds = data.draw(st.lists(st.sampled_from(WHOLE), min_size=2, max_size=6))
    things = [Member(str(i), c.from_bytes(data.draw(encodings(c)))) for i, c in enumerate(kinds)]
    for member, finding in lint_together(things):
        thing = member.structure
        assert 0 <= finding.offset <= max(thing.size, type(thing).fixed_size)
        assert finding.path.startswith(type(thing).__name__)
        assert json.dumps(finding)


@settings(max_examples=15)
@given(data=st.data())
@pytest.mark.parametrize("cls", structures(), ids=lambda cls: cls.__name__)
def test_parts_by_themselves(cls, data) -> None:
    try:
        thing = cls.from_bytes(data.draw(encodings(cls)))
    except DecodeError:
        return
    check(thing)
