"""Every plan with every preset: it builds, nothing is wrong with it, and its TOML says the same."""

import itertools
import tomllib
from copy import deepcopy

import captured
import pytest

import apeitool as apei
from apeitool.acpi.hest.table import Hest
from apeitool.errors import EncodeError
from apeitool.lint.check import lint
from apeitool.lint.finding import Level
from apeitool.plan.build import PLANS, build
from apeitool.plan.preset import ABOUT, PRESETS
from apeitool.plan.template import starting, template

MATRIX = [(name, preset) for name in PLANS for preset in PRESETS]
every = pytest.mark.parametrize(("name", "preset"), MATRIX)


def findings(table) -> set[tuple[str, str]]:
    found = lint(type(table).from_bytes(table.to_bytes()))
    return {(f.id, f.path) for f in found if f.level is not Level.NOTE}


def test_they_are_all_there() -> None:
    assert set(PLANS) == {"hest", "bert", "einj", "erst"}
    assert set(PRESETS) == set(ABOUT) == {"bare", "qemu-virt", "qemu-q35"}
    assert all(set(plans) == set(PLANS) for plans in PRESETS.values())


@every
def test_it_builds_and_is_sound(name, preset) -> None:
    built = build({"plan": name, "preset": preset})
    data = built.table.to_bytes()
    found = apei.decode(data, strict=True)
    assert found == built.table
    assert found.sealed() == found
    assert sum(data) % 256 == 0
    # QEMU's own table is described as QEMU describes it, and lint says of both the same.
    warned = set()
    if (name, preset) == ("hest", "qemu-virt"):
        warned = findings(Hest.from_bytes(captured.hests()["qemu-11-virt-ras"]))
        assert {id for id, _ in warned} == {"block-length-content"}
    assert findings(built.table) == warned


@every
def test_its_memory_is_in_its_extents(name, preset) -> None:
    built = build({"plan": name, "preset": preset})
    memory = built.memory()
    assert [range(at, at + len(data)) for at, data in memory] == list(built.extents)
    assert len(built.extents) >= 1
    assert all(a.stop < b.start for a, b in zip(built.extents, built.extents[1:], strict=False))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_tables_of_a_preset_lie_apart(preset) -> None:
    extents = [e for name in PLANS for e in build({"plan": name, "preset": preset}).extents]
    ordered = sorted(extents, key=lambda e: e.start)
    assert all(a.stop <= b.start for a, b in itertools.pairwise(ordered))


@every
def test_its_toml_says_the_same(name, preset) -> None:
    text = template(starting(name, preset))
    given = tomllib.loads(text)
    assert given == starting(name, preset)
    assert list(given)[:2] == ["plan", "preset"]
    built = build({"plan": name, "preset": preset})
    assert build(given).table == built.table
    assert build(given).extents == built.extents
    # The preset's values stand there in full: without its name it is the same table.
    del given["preset"]
    assert build(given).table == built.table


@every
def test_its_toml_is_short_and_says_what_keys_mean(name, preset) -> None:
    text = template(starting(name, preset))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(1 for line in lines if line and not line.startswith("#")) <= 20
    for keys in PLANS[name].keys.values():
        for key in keys:
            assert (
                f"{key} = " in text
                or f"{key}: " in text
                or f"[[{key}]]" in text
                or f"{key}." in text
            )
    in_one_line = " ".join(line.lstrip("# ") for line in lines)
    assert ABOUT[preset][:40] in in_one_line


@every
def test_a_preset_is_not_changed(name, preset) -> None:
    before = deepcopy(PRESETS)
    plan = starting(name, preset)
    for value in plan.values():
        if isinstance(value, list):
            value.clear()
    build({"plan": name, "preset": preset})
    assert before == PRESETS


def test_without_a_preset_nothing_is_guessed() -> None:
    for name in ("bert", "einj", "erst"):
        with pytest.raises(EncodeError, match="missing") as caught:
            build({"plan": name})
        assert caught.value.path == f"{name}.memory"
    with pytest.raises(EncodeError) as caught:
        build({"plan": "hest", "sources": [{"notification": "SEA"}]})
    assert caught.value.path == "hest.memory"


def test_it_is_public() -> None:
    built = apei.build({"plan": "bert", "memory": 0x1000})
    assert isinstance(built, apei.Built)
    assert built.table == apei.Bert(boot_error_region=0x1000, boot_error_region_length=0x1000)


def test_memory_that_is_too_large_is_said() -> None:
    built = build({"plan": "erst", "memory": 0, "record_length": 1 << 40})
    assert built.table.problems == ()
    with pytest.raises(EncodeError, match="more than"):
        built.memory()
