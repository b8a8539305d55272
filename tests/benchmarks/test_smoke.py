"""The benchmark of records runs; how fast is its own to say, no test's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import records
from records import SECTIONS, every_value

import apeitool as apei

PROGRAM = Path(records.__file__)


def test_all_records_are_distinct_and_sound() -> None:
    for kind in SECTIONS:
        made = records.records(kind, 50, seed=1)
        assert len(set(made)) == 50
        assert made == records.records(kind, 50, seed=1)
        assert made != records.records(kind, 50, seed=2)
        for data in made:
            record = apei.Record.from_bytes(data)
            assert record.problems == ()
            assert record.to_bytes() == data
            assert type(record.sections[0]) is not apei.OpaqueSection
            assert None not in every_value(record)


@pytest.mark.oracle
@pytest.mark.usefixtures("libcper")
def test_it_runs() -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, "--count", "40", "--rounds", "2", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(PROGRAM.parents[2])},
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, heads, *rows = done.stdout.splitlines()
    assert "seed 7" in first
    assert "cper" in heads
    assert [row.split()[0] for row in rows] == list(SECTIONS)
    for row in rows:
        rate, *ratios = re.findall(r"\d[\d,]*(?:\.\d+)?", row)
        assert int(rate.replace(",", "")) > 0
        assert len(ratios) == 6, "median, least and greatest of two ratios"
