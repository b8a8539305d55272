"""Columns of records that libcper makes up say what the objects say."""

import object_rows
import pytest
from test_cper_schema import GENERATED

from apeitool.cper.record import Record


@pytest.mark.parametrize("kind", GENERATED)
def test_columns_of_what_libcper_generates(libcper_build, kind) -> None:
    made = libcper_build.generate(kind, range(1, 61))
    ours = object_rows.of_columns(Record, made)
    assert len(ours["Record"]) == len(made)
    assert ours == object_rows.of_objects(Record, made)
