"""Files of one machine are judged together: what one says of another, naming both."""

import json

import pytest
from click.testing import CliRunner
from rule_examples import TOGETHER
from rule_objects import bert, block, einj, einj_at, hest, region, serialized, trigger

from apeitool.acpi.bert import BootErrorRegion
from apeitool.cli.example import example
from apeitool.cli.lint import command
from apeitool.lint.check import lint_together
from apeitool.lint.finding import Level
from apeitool.lint.rule import RULES
from apeitool.lint.spans import doubles, overlaps, spans
from apeitool.lint.together import Member
from apeitool.registers.address import AddressSpace, GenericAddress

every = pytest.mark.parametrize("id", TOGETHER)


def members(*things):
    """Objects as they are read from files of these bytes."""
    return [Member(f"file {i}", type(t).from_bytes(t.to_bytes())) for i, t in enumerate(things)]


def found(*things):
    return [(m.origin, f) for m, f in lint_together(members(*things))]


@every
def test_a_bad_set_is_found_at_its_field(id) -> None:
    case = TOGETHER[id]
    origins = {thing: f"file {i}" for i, thing in enumerate(case.bad)}
    ((origin, hit),) = [(o, f) for o, f in found(*case.bad) if f.id == id]
    assert hit.path == case.path
    assert hit.level is RULES[id].level
    assert hit.source == RULES[id].source
    assert hit.advice == RULES[id].advice
    own = next(t for t in case.bad if type(t).__name__ == case.path.partition(".")[0])
    other = next(t for t in reversed(case.bad) if t is not own)
    if id != "table-duplicate":
        assert origin == origins[own]
        assert origins[other] in hit.rule


@every
def test_a_good_set_is_not_found(id) -> None:
    assert id not in [f.id for _, f in found(*TOGETHER[id].good)]


@every
def test_alone_nothing_is_said(id) -> None:
    for thing in TOGETHER[id].bad:
        assert found(thing) == []


def test_of_two_tables_the_first_counts() -> None:
    ((origin, hit),) = found(hest(), hest())
    assert (origin, hit.id, hit.level) == ("file 1", "table-duplicate", Level.WARNING)
    assert "file 0" in hit.rule
    # The second is not judged further: it would lie in the region.
    elsewhere = hest(error_status_address=GenericAddress.memory(0x9000))
    assert [f.id for _, f in found(elsewhere, hest(), bert(0x1000))] == ["table-duplicate"]


def test_a_port_may_take_the_orders_of_two_tables() -> None:
    port = GenericAddress.memory(0xB2, bits=8).replace(address_space_id=AddressSpace.SYSTEM_IO)
    tables = [
        t.replace(entries=[e.replace(register_region=port) for e in t.entries])
        for t in (einj(), serialized(0x3000))
    ]
    assert found(*tables) == []


def test_a_trigger_table_may_use_einj_s_registers() -> None:
    assert found(einj(), trigger()) == []


def test_the_parameter_structure_is_taken_whole() -> None:
    table = einj_at(set_error_type_with_address=0x8000)
    ids = [(f.id, f.path) for _, f in found(table, bert(0x8020, 0x100))]
    assert ids == [("tables-overlap", "Einj.entries[8].register_region.address")]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"error_status_block_length": 50}, "data_length"),
        ({"error_status_block_length": 500}, "block_status"),
        ({"error_status_block_length": 500, "max_sections_per_record": 3}, None),
    ],
)
def test_a_block_is_measured_by_the_largest_source(changes, path) -> None:
    three = block(*block().entries * 3)
    paths = [f.path for _, f in found(three, hest(**changes))]
    assert paths == ([f"StatusBlock.{path}"] if path else [])


def test_raw_data_has_its_limit() -> None:
    raw = block(raw_data=bytes(9))
    assert [f.path for _, f in found(raw, hest(max_raw_data_length=8))] == [
        "StatusBlock.raw_data_length"
    ]
    assert found(raw, hest(max_raw_data_length=9)) == []


def test_a_cleared_block_is_not_measured() -> None:
    cleared = block().replace(block_status=0)
    assert found(cleared, hest(error_status_block_length=20)) == []


def test_the_examples_of_new_go_together() -> None:
    things = [example(kind) for kind in ("hest", "bert", "einj", "erst", "block")]
    room = things[1].boot_error_region_length
    made = example("region")
    filled = BootErrorRegion.from_bytes(made.to_bytes().ljust(room, b"\0"))
    assert found(*things, filled) == []


def test_spans_are_swept_by_the_one_that_reaches_furthest() -> None:
    table = hest()
    (only,) = spans(table)
    inner = [only._replace(start=only.start + at, end=only.start + at + 1) for at in (2, 4)]
    assert list(overlaps([*inner, only])) == [(only, inner[0]), (only, inner[1])]
    assert list(doubles([only, *inner, only._replace(path="x")])) == [
        (only, only._replace(path="x"))
    ]


def write(folder, **things):
    for name, thing in things.items():
        (folder / name).write_bytes(thing.to_bytes())
    return [str(folder / name) for name in things]


def test_the_command_judges_files_and_folders_together(tmp_path) -> None:
    paths = write(tmp_path, BERT=bert(0x1000), HEST=hest())
    (line,) = [
        row for row in CliRunner().invoke(command, paths).stdout.splitlines()
        if "tables-overlap" in row
    ]  # fmt: skip
    # Tables are compared in one order, however they were given.
    assert line.startswith(f"{paths[0]}:0x0028 error tables-overlap: {paths[1]}: sources[0]")
    whole = CliRunner().invoke(command, [str(tmp_path), "--json"])
    assert whole.exit_code == 1
    (hit,) = [f for f in json.loads(whole.stdout)["findings"] if f["id"] == "tables-overlap"]
    assert hit["file"] == paths[0]
    assert paths[1] in hit["rule"]


def test_a_folder_as_linux_has_it(tmp_path) -> None:
    blocks = region(block())
    (tmp_path / "data").mkdir()
    (tmp_path / "data/BERT").write_bytes(blocks.to_bytes())
    write(tmp_path, BERT=bert(length=blocks.size - 1))
    done = CliRunner().invoke(command, [str(tmp_path)])
    assert done.exit_code == 1
    assert f"{tmp_path}/data/BERT:0x000c error region-too-short" in done.stdout
    assert f"{tmp_path}/BERT:0x0024 warning region-length-differs" in done.stdout
