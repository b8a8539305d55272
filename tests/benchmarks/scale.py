"""From one record to a fleet: how fast, beside whom, in one interleaved run.

    python tests/benchmarks/scale.py [--count 20000] [--rounds 5] [--json FILE] [--plot FILE]

Every row is a ratio taken within a round: the other's time for a record by ours.  Records are
distinct; the peer is ``cper.parse`` of the PyPI package cper, which gets a slice of each round's
records.  Columns are summed inside the clock, every one.  Medians are printed, with the least and
the greatest, beside what is asked of each; a row that is below it says so.
"""

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import records as single

import apeitool as apei
from apeitool.columns import fleet, inputs
from apeitool.columns.write import write
from apeitool.cper.sample import sample
from apeitool.cper.sections.generic_processor import GenericProcessorErrorSection
from apeitool.cper.sections.memory_2 import MemoryErrorSection2
from apeitool.cper.sections.pci_bus import PciBusErrorSection
from apeitool.cper.sections.pci_component import PciComponentErrorSection
from apeitool.render.json import line
from apeitool.wire import codec
from apeitool.wire.types import Scalar

OTHERS = (
    MemoryErrorSection2,
    GenericProcessorErrorSection,
    PciBusErrorSection,
    PciComponentErrorSection,
)
MEGABYTE = 1 << 20
_TIMES = 10
"""A dump has so many times the records that are made one by one."""


class Row:
    """One line of the table: what was done, what is asked, and the ratios of the rounds."""

    def __init__(self, work: str, least: float, unit: str = "x") -> None:
        self.work = work
        self.least = least
        self.unit = unit
        self.values: list[float] = []

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def holds(self) -> bool:
        return self.median <= self.least if self.is_limit else self.median >= self.least

    @property
    def is_limit(self) -> bool:
        """Whether less is better."""
        return self.unit not in ("x", "%")

    def __str__(self) -> str:
        spread = f"({min(self.values):.1f} to {max(self.values):.1f})"
        bound = "at most" if self.is_limit else "at least"
        verdict = "" if self.holds else "  NOT YET"
        return f"{self.work:44} {self.median:8.1f} {self.unit:8} {spread:20} {bound} {self.least:g}{verdict}"


def varied(kind: type[apei.Section]) -> Callable[[random.Random], apei.Section]:
    """A maker of sections of one layout whose numbers all differ."""
    base = sample(kind, random.Random(1))
    free = [
        f for f in kind.fields
        if f.type is int and isinstance(f.kind, Scalar) and f.when and not (f.view or f.derived)
    ]  # fmt: skip
    return lambda rng: base.replace(**{f.name: rng.getrandbits(8 * f.kind.size) for f in free})  # type: ignore[attr-defined]


def mixed(count: int, seed: int) -> list[bytes]:
    """Records of seven types, in no order."""
    single.SECTIONS |= {kind.__name__: varied(kind) for kind in OTHERS}
    rng = random.Random(seed)
    each = -(-count // len(single.SECTIONS))
    made = [one for kind in single.SECTIONS for one in single.records(kind, each, rng.random())]
    for kind in OTHERS:
        del single.SECTIONS[kind.__name__]
    rng.shuffle(made)
    return made[:count]


def multiplied(data: list[bytes], times: int) -> list[bytes]:
    """So many times the records, each with a record id of its own."""
    at = next(f.offset for f in apei.Record.fields if f.name == "record_id") or 0
    several = (one for _ in range(times) for one in data)
    return [
        one[:at] + number.to_bytes(8, "little") + one[at + 8 :]
        for number, one in enumerate(several)
    ]


def total(array: Any) -> int:
    """The sum of a column, whatever it is of."""
    of = array.type
    if isinstance(array, pa.ExtensionArray):
        return total(array.storage)
    if pa.types.is_dictionary(of):
        return total(array.indices)
    if pa.types.is_struct(of):
        return sum(total(array.field(i)) for i in range(of.num_fields))
    if pa.types.is_fixed_size_list(of):
        return total(array.values)
    if pa.types.is_fixed_size_binary(of):
        raw = np.frombuffer(array.buffers()[1], np.uint8)
        return int(np.add.reduce(raw.view(np.uint64) if len(raw) % 8 == 0 else raw))
    if pa.types.is_string(of) or pa.types.is_binary(of):
        return total(pc.binary_length(array))
    if pa.types.is_timestamp(of):
        array = array.view(pa.int64())
    return pc.sum(array).as_py() or 0 if len(array) else 0


def summed(batches: Iterable[dict[str, pa.RecordBatch]]) -> tuple[int, int]:
    """How many records, and the sum of all columns of all tables."""
    count, whole = 0, 0
    for tables in batches:
        count += tables["Record"].num_rows
        whole += sum(total(c) for batch in tables.values() for c in batch.columns)
    return count, whole


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def per_record(work: Callable[[list[bytes]], Any], part: list[bytes]) -> float:
    return single.timed(lambda: work(part))[0] / len(part)


def objects_and_lines(rows: dict[str, Row], count: int, rounds: int, seed: int) -> None:
    """Single records: to objects, to JSON lines, and back to bytes."""
    import cper

    for kind in single.SECTIONS:
        data = single.records(kind, count, seed)
        line(apei.Record.from_bytes(data[0]))
        codec.encode(apei.Record.from_bytes(data[0]))
        size = count // rounds
        for number in range(rounds):
            part = data[number * size : (number + 1) * size]
            seconds_of = single.one_round(part)
            rows[f"{kind} record to objects"].values.append(seconds_of["peer"] / seconds_of["ours"])
            if kind != "memory":
                continue
            ours = per_record(lambda p: [line(apei.Record.from_bytes(d)) for d in p], part)
            peer = per_record(lambda p: [json.dumps(cper.parse(d)) for d in p], part)
            rows["memory record to JSON lines"].values.append(peer / ours)
            things = [apei.Record.from_bytes(d) for d in part[:200]]
            fast = single.timed(lambda things=things: [t.to_bytes() for t in things])[0]
            slow = single.timed(lambda things=things: [codec.encode(t) for t in things])[0]
            rows["memory record built, beside Construct"].values.append(slow / fast)


def columns(rows: dict[str, Row], count: int, rounds: int, seed: int, folder: Path) -> None:
    """Dumps: of one type and of seven, to columns and to Parquet."""
    import cper

    dumps = {"one type": single.records("memory", count, seed), "seven types": mixed(count, seed)}
    dumps = {name: multiplied(data, _TIMES) for name, data in dumps.items()}
    slices = {name: data[: max(1, count // 20)] for name, data in dumps.items()}
    for name, data in dumps.items():
        if len(set(data)) != count * _TIMES:
            raise SystemExit("the records are not distinct")
        path = folder / name
        path.write_bytes(b"".join(data))
        summed(inputs.batches(str(path)))
    for _ in range(rounds):
        for name, data in dumps.items():
            path = str(folder / name)
            peer = per_record(lambda p: [cper.parse(d) for d in p], slices[name])
            ours = seconds(lambda path=path: summed(inputs.batches(path))) / len(data)
            rows[f"dump of {name} to columns"].values.append(peer / ours)
            if name == "seven types":
                out = folder / "tables"
                took = seconds(lambda path=path, out=out: write(inputs.batches(path), out))
                rows["dump of seven types to Parquet"].values.append(peer / (took / len(data)))
        whole = np.fromfile(folder / "one type", np.uint8)
        copy = np.empty_like(whole)
        copying = min(seconds(partial(np.copyto, copy, whole)) for _ in range(3))
        ours = seconds(lambda: summed(inputs.batches(str(folder / "one type"))))
        rows["columns, as part of a copy of the bytes"].values.append(100 * copying / ours)


PEAK = """
import sys
from apeitool.columns import inputs
count = sum(b["Record"].num_rows for b in inputs.batches(sys.argv[1]) if "Record" in b)
peak = next(l for l in open("/proc/self/status") if l.startswith("VmHWM"))
print(count, int(peak.split()[1]) / 1024)
"""


def memory(rows: dict[str, Row], size: int, seed: int, folder: Path) -> None:
    """A sparse file: records, then nothing, then records."""
    data = b"".join(single.records("memory", 10_000, seed))
    path = folder / "sparse"
    with path.open("wb") as file:
        file.write(data)
        file.seek(max(size, len(data)))
        file.write(data)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True
    )
    found, megabytes = done.stdout.split()
    if found != "20000":
        raise SystemExit(f"{found} records of 20000 found")
    rows["resident memory, sparse input"].values.append(float(megabytes))
    path.unlink()


def workers(rows: dict[str, Row], count: int, rounds: int, seed: int, folder: Path) -> None:
    """The same work by one worker and by two."""
    from dask.distributed import Client, LocalCluster

    data = b"".join(single.records("memory", 10_000, seed))
    path = folder / "fleet"
    with path.open("wb") as file:
        for _ in range(max(1, count // 10_000)):
            file.write(data)
    work = fleet.pieces([str(path)], size=max(MEGABYTE, path.stat().st_size // 16))
    clusters = [
        LocalCluster(n_workers=n, threads_per_worker=1, host="127.0.0.1", dashboard_address=None)
        for n in (1, 2)
    ]
    clients = [Client(cluster) for cluster in clusters]

    def run(client: Any) -> None:
        client.gather(client.map(_counted, work, pure=False))

    for client in clients:
        client.gather(client.map(_counted, work * 2, pure=False))
    for _ in range(rounds):
        one, two = (seconds(lambda client=client: run(client)) for client in clients)
        rows["two Dask workers against one"].values.append(one / two)
    for client, cluster in zip(clients, clusters, strict=True):
        client.close()
        cluster.close()


def _counted(piece: fleet.Piece) -> int:
    """Decode a piece, and give little back: the tables stay where they are made."""
    return sum(table.num_rows for table in fleet.tables(piece).values())


def start_up(rows: dict[str, Row], rounds: int, seed: int, folder: Path) -> None:
    """The whole process, beside one that imports click."""
    path = folder / "one"
    path.write_bytes(single.records("memory", 1, seed)[0])
    for _ in range(max(rounds, 9)):
        pair = []
        for arguments in (["-m", "apeitool", "decode", str(path)], ["-c", "import click"]):
            command = [sys.executable, *arguments]
            pair.append(
                seconds(lambda c=command: subprocess.run(c, capture_output=True, check=True))
            )
        rows["decode of one record, beside import click"].values.append(pair[0] / pair[1])


def growth(powers: range, seed: int, folder: Path) -> list[tuple[int, float]]:
    """Seconds for so many distinct records to columns: by their number."""
    template = np.frombuffer(b"".join(single.records("memory", 1000, seed)), np.uint8)
    size = len(template) // 1000
    found = []
    for power in powers:
        path = folder / "growth"
        with path.open("wb") as file:
            for start in range(0, 10**power, 1000):
                part = template.copy().reshape(1000, size)
                part[:, 96:104] = np.arange(start, start + 1000).view(np.uint8).reshape(1000, 8)
                file.write(part.tobytes())
        found.append((10**power, seconds(lambda path=path: summed(inputs.batches(str(path))))))
        path.unlink()
    return found


def plot(points: list[tuple[int, float]], path: Path) -> None:
    """The growth as a picture, both axes logarithmic, beside a straight line."""
    from matplotlib.figure import Figure

    counts, times = zip(*points, strict=True)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.loglog(counts, times, "o-", label="to columns, all summed")
    last = times[-1] / counts[-1]
    axes.loglog(counts, [last * n for n in counts], "--", label=f"{last * 1e9:.0f} ns a record")
    axes.set(xlabel="records", ylabel="seconds")
    axes.legend()
    figure.savefig(path)


def table() -> dict[str, Row]:
    """The rows, in the order in which they are printed."""
    asked = [
        Row("memory record to objects", 12), Row("ARM record to objects", 10),
        Row("PCIe record to objects", 10), Row("memory record to JSON lines", 8),
        Row("memory record built, beside Construct", 25), Row("dump of one type to columns", 200),
        Row("columns, as part of a copy of the bytes", 33, "%"),
        Row("dump of seven types to columns", 60), Row("dump of seven types to Parquet", 40),
        Row("resident memory, sparse input", 500, "MB"), Row("two Dask workers against one", 1.7),
        Row("decode of one record, beside import click", 1.3, "x longer"),
    ]  # fmt: skip
    return {row.work: row for row in asked}


def machine() -> dict[str, str]:
    names = ("apeitool", "cper", "numpy", "pyarrow", "duckdb", "dask", "construct", "click")
    model = next(
        (row.partition(":")[2].strip() for row in Path("/proc/cpuinfo").read_text().splitlines()
         if row.startswith("model name")), platform.machine(),
    )  # fmt: skip
    about = {"cpu": f"{model}, {os.cpu_count()} cores", "python": platform.python_version()}
    return about | {name: version(name) for name in names}


def main() -> None:
    """Print the table; write it down too, if asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=20_000, help="records of each dump")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--sparse", type=int, default=10_240, help="megabytes of the sparse file")
    parser.add_argument("--fleet", type=int, default=1_000_000, help="records for the workers")
    parser.add_argument("--growth", type=int, default=6, help="up to so many powers of ten records")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    rows = table()
    folder = Path(tempfile.mkdtemp(prefix="apeitool-bench-"))
    try:
        objects_and_lines(rows, options.count, options.rounds, options.seed)
        columns(rows, options.count, options.rounds, options.seed, folder)
        memory(rows, options.sparse * MEGABYTE, options.seed, folder)
        workers(rows, options.fleet, options.rounds, options.seed, folder)
        start_up(rows, options.rounds, options.seed, folder)
        points = growth(range(3, options.growth + 1), options.seed, folder)
    finally:
        shutil.rmtree(folder)
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(f"seed {options.seed}, {options.count} records a dump, {options.rounds} rounds")
    for row in rows.values():
        print(row)
    for count, took in points:
        print(
            f"{count:>10,} records to columns in {took:8.3f} s, {took / count * 1e9:6.0f} ns each"
        )
    if options.json:
        figures = {row.work: {"least": row.least, "ratios": row.values} for row in rows.values()}
        options.json.write_text(
            json.dumps({"machine": about, "rows": figures, "growth": points}, indent=1)
        )
    if options.plot:
        plot(points, options.plot)


if __name__ == "__main__":
    main()
