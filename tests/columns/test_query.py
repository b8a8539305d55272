"""Questions in SQL are answered as the objects answer them."""

import csv
import io
import json
from collections import Counter
from itertools import islice
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner

from apeitool.cli import apeitool
from apeitool.columns import inputs
from apeitool.columns.query import VIEWS, ask
from apeitool.cper.generate import records
from apeitool.cper.index import SECTIONS
from apeitool.cper.section import section_type
from apeitool.errors import QueryError
from apeitool.render.summary import events

ROOT = Path(__file__).parents[2]
KINDS = [*dict.fromkeys(section_type(UUID(guid)) for guid in SECTIONS)]


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    made = [*islice(records(KINDS, 7), 300)]
    path = tmp_path_factory.mktemp("query") / "dump"
    path.write_bytes(b"".join(record.to_bytes() for record in made))
    return path, made


def answers(path, folder, sql) -> list[tuple]:
    return ask(inputs.batches(str(path)), sql, folder).fetchall()


def test_errors_are_those_that_a_summary_counts(dump, tmp_path) -> None:
    path, made = dump
    told = [event for record in made for event in events(record)]
    found = answers(path, tmp_path, "SELECT severity, moment FROM Error")
    assert Counter(s for s, _ in found) == Counter(e.severity.name for e in told)
    assert len(found) == len(told)


def test_places_are_those_of_the_summary(dump, tmp_path) -> None:
    path, made = dump
    told = Counter(e.place for record in made for e in events(record))
    found = dict(answers(path, tmp_path, "SELECT place, count(*) FROM Error GROUP BY ALL"))
    named = {place for place in told if place.startswith(("P0_", "P1_", "SLOT", "CXL"))}
    assert named
    assert {place: found[place] for place in named} == {place: told[place] for place in named}


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_rows(dump, tmp_path, view) -> None:
    assert answers(dump[0], tmp_path, f"FROM {view}")


def test_views_and_known_tables_are_there_without_an_error(tmp_path) -> None:
    path = tmp_path / "one"
    path.write_bytes((ROOT / "fixtures/qemu-11-virt-ras/HEST.bin").read_bytes())
    for name in (*VIEWS, "Record", "PcieErrorSection", "Problem"):
        assert answers(path, tmp_path / "tables", f"FROM {name}") == []


def test_a_question_that_cannot_be_answered(dump, tmp_path) -> None:
    with pytest.raises(QueryError, match="Nonesuch"):
        answers(dump[0], tmp_path, "FROM Nonesuch")


def run(*arguments: str):
    return CliRunner().invoke(apeitool, arguments)


def test_the_verb_prints_tables_csv_and_lines(dump) -> None:
    sql = "SELECT kind, count(*) AS n FROM Error GROUP BY kind ORDER BY n DESC, kind LIMIT 3"
    shown, separated, lines = (
        run("query", str(dump[0]), sql, "--to", form).stdout for form in ("table", "csv", "jsonl")
    )
    objects = [json.loads(line) for line in lines.splitlines()]
    rows = [*csv.DictReader(io.StringIO(separated))]
    assert [r["kind"] for r in rows] == [o["kind"] for o in objects]
    assert len(objects) == 3
    assert [line.split()[0] for line in shown.splitlines()] == [
        "kind",
        *(o["kind"] for o in objects),
    ]


def test_the_verb_columns_writes_a_file_a_table(dump, tmp_path) -> None:
    done = run("columns", str(dump[0]), "-o", str(tmp_path))
    assert done.exit_code == 0
    rows = {line.split()[1]: int(line.split()[0]) for line in done.stdout.splitlines()}
    assert rows["Record"] == 300
    assert {p.stem for p in tmp_path.glob("*.parquet")} == rows.keys()
