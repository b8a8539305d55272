"""The benchmark of scale runs, small; what it finds is its own to say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import scale

from apeitool.columns import inputs

PROGRAM = Path(scale.__file__)


def test_the_mixed_dump_has_seven_types_and_every_column_is_summed() -> None:
    data = scale.mixed(70, 1)
    assert len(set(data)) == 70
    batches = [*inputs.of_bytes(b"".join(data), "x")]
    assert sum(name.endswith(("Section", "2")) for name in batches[0]) == 7
    assert "OpaqueSection" not in batches[0]
    count, whole = scale.summed(batches)
    assert count == 70
    assert whole > 0


@pytest.mark.oracle
@pytest.mark.usefixtures("libcper")
def test_it_runs(tmp_path) -> None:
    arguments = ["--count", "70", "--rounds", "2", "--sparse", "16", "--fleet", "20000",
                 "--growth", "4", "--json", str(tmp_path / "j"), "--plot", str(tmp_path / "p.png")]  # fmt: skip
    done = subprocess.run(
        [sys.executable, PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"PYTHONPATH": str(PROGRAM.parents[2])},
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "j").read_text())
    assert figures["rows"].keys() == scale.table().keys()
    assert all(row["ratios"] for row in figures["rows"].values())
    assert [count for count, _ in figures["growth"]] == [1000, 10000]
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    for work in figures["rows"]:
        assert work in done.stdout
