"""The same tables from two workers as from none, though one of them dies."""

import os
import signal
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pytest

from apeitool.columns import fleet, inputs
from apeitool.cper.generate import records
from apeitool.cper.sections.memory import MemoryErrorSection
from apeitool.cper.sections.pcie import PcieErrorSection


@pytest.fixture(scope="module")
def dumps(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("fleet")
    paths = []
    for number in range(3):
        made = islice(records([MemoryErrorSection, PcieErrorSection], number), 300)
        path = folder / f"{number}.bin"
        path.write_bytes(b"".join(record.to_bytes() for record in made))
        paths.append(str(path))
    return paths


def alone(paths: list[str]) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for path in paths:
        for batches in inputs.batches(path):
            for name, batch in batches.items():
                found.setdefault(name, []).extend(batch.to_pylist())
    return found


def plain(tables: dict[str, pa.Table]) -> dict[str, list[dict]]:
    return {name: table.to_pylist() for name, table in tables.items()}


@pytest.fixture(scope="module")
def cluster():
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1",
            dashboard_address=None,
        ) as local,
        Client(local) as client,
    ):  # fmt: skip
        yield client


def test_pieces_cover_a_dump_and_cut_no_record(dumps) -> None:
    work = fleet.pieces(dumps, size=10_000)
    assert len(work) > 3
    assert plain(fleet.gathered(map(fleet.tables, work))) == alone(dumps)


def test_what_is_told_to_be_no_dump_is_not_cut(dumps) -> None:
    assert fleet.pieces(dumps, kind="memory", size=10_000) == [
        fleet.Piece(path, kind="memory") for path in dumps
    ]


def test_two_workers(dumps, cluster) -> None:
    work = fleet.pieces(dumps, size=20_000)
    results = fleet.bag(work).compute(scheduler=cluster)
    assert plain(fleet.gathered(results)) == alone(dumps)


def test_object_store_addresses(dumps, cluster) -> None:
    work = fleet.pieces([f"file://{path}" for path in dumps])
    found = plain(fleet.gathered(fleet.bag(work).compute(scheduler=cluster)))
    expected = alone(dumps)
    assert found.keys() == expected.keys()
    for name, rows in found.items():
        assert [r | {"source": ""} for r in rows] == [r | {"source": ""} for r in expected[name]]


def slowly(piece: fleet.Piece) -> dict[str, pa.Table]:
    """Give time to be killed in."""
    import time

    time.sleep(0.05)
    return fleet.tables(piece)


def test_a_killed_worker_changes_nothing(dumps, cluster) -> None:
    work = fleet.pieces(dumps, size=5_000)
    futures = cluster.map(slowly, work, pure=False)
    (victim, *_) = cluster.run(os.getpid).values()
    os.kill(victim, signal.SIGKILL)
    assert plain(fleet.gathered(cluster.gather(futures))) == alone(dumps)


def test_engines_that_map_over_arrow_batches(dumps) -> None:
    blobs = [Path(path).read_bytes() for path in dumps]
    batch = pa.RecordBatch.from_pydict({"data": blobs, "source": dumps})
    found = [*fleet.mapped([batch], MemoryErrorSection)]
    rows = [row for one in found for row in one.to_pylist()]
    assert rows == alone(dumps)["MemoryErrorSection"]
