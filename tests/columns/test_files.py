"""Files as tables: any carrier, any damage, any size, in bounded memory."""

import subprocess
import sys
from itertools import islice
from pathlib import Path
from random import Random

import object_rows
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apeitool.columns import boundaries, inputs, schema
from apeitool.columns.write import write
from apeitool.cper.generate import records
from apeitool.cper.record import Record
from apeitool.cper.sections.memory import MemoryErrorSection
from apeitool.cper.sections.pcie import PcieErrorSection
from apeitool.errors import CaptureError

FIXTURES = Path(__file__).parents[2] / "fixtures"
KINDS = [MemoryErrorSection, PcieErrorSection]


def some(count: int, seed: int = 1, kinds=KINDS) -> list[bytes]:
    return [record.to_bytes() for record in islice(records(kinds, seed), count)]


def rows(batches) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for batch in batches:
        for name, one in batch.items():
            found.setdefault(name, []).extend(one.to_pylist())
    return found


def test_chunks_of_any_size_say_the_same(tmp_path, monkeypatch) -> None:
    data = some(400)
    path = tmp_path / "dump"
    path.write_bytes(b"".join(data))
    whole = rows(inputs.batches(str(path)))
    monkeypatch.setattr(inputs, "CHUNK", 1000)
    assert rows(inputs.batches(str(path))) == whole
    assert rows(inputs.batches(f"file://{path}")).keys() == whole.keys()
    remote = rows(inputs.batches(f"file://{path}"))["MemoryErrorSection"]
    assert [r | {"source": str(path)} for r in remote] == whole["MemoryErrorSection"]
    ours = [r["record_id"] for r in whole["Record"]]
    assert ours == [Record.from_bytes(one).record_id for one in data]


def test_runs_of_one_length_are_those_of_the_walk() -> None:
    data = b"".join(some(100, kinds=[MemoryErrorSection]) + some(60) + some(50, 3))
    found = boundaries.walk(memoryview(data), 0, len(data), is_end=True)
    starts, position = [], 0
    while position < len(data):
        starts.append(position)
        position += int.from_bytes(data[position + 20 : position + 24], "little")
    assert [*found.starts] == starts
    assert [*found.ends] == [*starts[1:], len(data)]
    assert found.gaps == []


def test_bytes_between_records_are_told_and_nothing_else_is_lost(tmp_path, monkeypatch) -> None:
    first, second = some(30), some(30, 9)
    junk = b"CPER" + Random(4).randbytes(5000)
    path = tmp_path / "dump"
    path.write_bytes(b"".join(first) + junk + b"".join(second) + b"CPER")
    for chunk in (1 << 20, 512):
        monkeypatch.setattr(inputs, "CHUNK", chunk)
        found = rows(inputs.batches(str(path)))
        size = len(b"".join(first))
        said = [(p["id"], p["object_offset"], p["size"]) for p in found["Problem"]]
        end = path.stat().st_size - 4
        assert said == [("no-record", size, len(junk)), ("no-record", end, 4)]
        assert len(found["Record"]) == 60


def test_a_record_that_is_cut_is_decoded_as_far_as_it_goes(tmp_path) -> None:
    data = some(3)
    cut = b"".join(data)[:-20]
    path = tmp_path / "dump"
    path.write_bytes(cut)
    found = rows(inputs.batches(str(path)))
    assert len(found["Record"]) == 3
    last = object_rows.of_objects(Record, [cut[len(data[0]) + len(data[1]) :]])
    assert {p["id"] for p in found["Problem"]} == {p["id"] for p in last["Problem"]}


def test_what_is_no_record_is_a_problem(tmp_path) -> None:
    path = tmp_path / "noise"
    path.write_bytes(b"\x01\x02 no object")
    (problem,) = rows(inputs.batches(str(path)))["Problem"]
    assert problem["data"] == b"\x01\x02 no object"
    assert problem["id"] == "undecodable"
    with pytest.raises(CaptureError):
        list(inputs.batches(str(tmp_path / "none")))


def test_every_carrier_has_its_errors() -> None:
    found = rows(inputs.batches(str(FIXTURES / "linux-6.1-ghes")))
    assert {"StatusBlock", "Hest", "MemoryErrorSection", "PcieErrorSection"} <= found.keys()
    reported = {r["source"] for r in found["StatusBlock"]}
    assert any("console.log" in source for source in reported)


@pytest.mark.parametrize("form", ["parquet", "arrows"])
def test_what_is_written_is_read_again(tmp_path, form) -> None:
    data = some(200)
    batches = [*inputs.of_bytes(b"".join(data), "one"), *inputs.of_bytes(data[0], "two")]
    written = write(batches, tmp_path, form)
    told = rows(batches)
    assert written == {name: len(several) for name, several in told.items()}
    for name in written:
        path = tmp_path / f"{name}.{form}"
        table = pq.read_table(path) if form == "parquet" else pa.ipc.open_stream(path).read_all()
        assert table.to_pylist() == told[name]


def test_schemas_are_known_beforehand() -> None:
    for batch in inputs.of_bytes(b"".join(some(20)), "x"):
        assert batch["MemoryErrorSection"].schema == schema.schema(MemoryErrorSection)


MEMORY = """
import resource, sys
from apeitool.columns import inputs
count = sum(b["Record"].num_rows for b in inputs.batches(sys.argv[1]) if "Record" in b)
peak = next(l for l in open("/proc/self/status") if l.startswith("VmHWM"))
print(count, int(peak.split()[1]) // 1024)
"""


def test_memory_does_not_grow_with_the_file(tmp_path) -> None:
    """A sparse file: records, a gigabyte of nothing, records."""
    path = tmp_path / "sparse"
    data = b"".join(some(2000))
    with path.open("wb") as file:
        file.write(data)
        file.seek(1 << 30)
        file.write(data)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True
    )
    count, megabytes = map(int, done.stdout.split())
    assert count == 4000
    assert megabytes < 500
