"""Each named difference from libcper is there, exactly; when one disappears its row fails."""

import pytest
from cper_differences import CRASHES, DIFFERENCES, MISREADINGS
from cper_json import BINDING, BUILT, Difference, leaves
from libcper_build import CRASHED

from apeitool.cper.record import Record
from apeitool.render import cper_json


def rows(version: str) -> list[str]:
    return [name for name, row in DIFFERENCES.items() if version in row.of]


def there(row: Difference, data: bytes, answer: object, version: str) -> None:
    record = Record.from_bytes(data)
    ours = dict(leaves(cper_json.document(record))).get(row.place)
    theirs = dict(leaves(answer)).get(row.place)
    assert (ours, theirs) == (row.ours, row.theirs)
    assert ours != theirs


@pytest.mark.oracle
@pytest.mark.parametrize("name", rows(BINDING))
def test_binding(libcper, name) -> None:
    row = DIFFERENCES[name]
    data = row.record().to_bytes()
    there(row, data, libcper.parse(data), BINDING)


@pytest.mark.parametrize("name", rows(BUILT))
def test_built(libcper_build, name) -> None:
    row = DIFFERENCES[name]
    data = row.record().to_bytes()
    (answer,) = libcper_build.to_json([data])
    there(row, data, answer, BUILT)


@pytest.mark.parametrize("name", MISREADINGS)
def test_misreading(libcper_build, name) -> None:
    row = MISREADINGS[name]
    document = cper_json.document(row.record())
    (answer,) = libcper_build.to_cper([document])
    assert cper_json.read(document)[0].to_bytes() != answer
    row.mend(document)
    assert row.remade(cper_json.read(document)[0]).to_bytes() == answer


@pytest.mark.parametrize("name", CRASHES)
def test_crash(libcper_build, name) -> None:
    row = CRASHES[name]
    document = cper_json.document(Record(body=[row.item]))
    assert any(row.holds(section) for section in document["sections"])
    assert libcper_build.to_cper([document]) == [CRASHED]
