"""Every rule is broken by its bad example at the right place, and not by its good one."""

import re
from pathlib import Path

import pytest
from captured import blocks, hests, records
from rule_examples import CONSISTENCY, EVERYONE, EXAMPLES, LINUX, SANE, SPECIFICATION, TOGETHER

import apeitool
from apeitool.acpi.bert import BootErrorRegion
from apeitool.acpi.hest.generic import Ghes
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import StatusBlock
from apeitool.cli.example import example
from apeitool.cli.new import KINDS
from apeitool.cper.record import Record
from apeitool.lint import specification
from apeitool.lint.check import GROUPS, lint
from apeitool.lint.finding import Level
from apeitool.lint.rule import RULES, Consumers, rule, rules_of
from apeitool.linux.accept import check_gar, check_header, probe
from apeitool.linux.features import KERNELS, Architecture
from apeitool.registers.address import GenericAddress

every = pytest.mark.parametrize("id", EXAMPLES)


def found(thing, consumers=EVERYONE):
    """What is said of the bytes of a structure."""
    return list(lint(type(thing).from_bytes(thing.to_bytes()), consumers))


def errors(thing, consumers=EVERYONE):
    return [str(f) for f in found(thing, consumers) if f.level is Level.ERROR]


def test_every_rule_has_its_examples() -> None:
    assert set(RULES) == set(EXAMPLES) | set(TOGETHER)
    groups = (SPECIFICATION, CONSISTENCY, LINUX, TOGETHER)
    assert sum(map(len, groups)) == len(RULES)


@pytest.mark.parametrize(
    ("examples", "group"),
    [
        (SPECIFICATION, "The specification"),
        (CONSISTENCY | TOGETHER, "Consistency"),
        (LINUX, "Linux"),
    ],
)
def test_rules_are_in_their_group(examples, group) -> None:
    homes = {RULES[id].check.__module__ for id in examples}
    assert homes == {module.__name__ for module in GROUPS[group]}


@every
def test_a_bad_example_is_found_at_its_field(id) -> None:
    case = EXAMPLES[id]
    hits = [f for f in found(case.bad, case.consumers) if f.id == id]
    assert [hit.path for hit in hits] == [case.path]
    (hit,) = hits
    assert hit.level is RULES[id].level
    assert hit.rule
    assert hit.advice == RULES[id].advice
    assert hit.source
    assert id in str(hit)
    assert case.path in str(hit)


@every
def test_the_offset_is_that_of_the_field(id) -> None:
    case = EXAMPLES[id]
    structure, offset = type(case.bad).from_bytes(case.bad.to_bytes()), 0
    *steps, last = case.path.split(".")[1:]
    for step in steps:
        at, structure = {name: (o, s) for name, o, s in structure.children()}[step]
        offset += at
    field = next(f for f in structure.fields if f.name == last)
    (hit,) = [f for f in found(case.bad, case.consumers) if f.id == id]
    assert hit.offset == offset + (structure.fixed_size if field.offset is None else field.offset)
    value = getattr(structure, last)
    assert hit.value == (None if isinstance(value, tuple) else value)


@every
def test_a_good_example_is_not_found(id) -> None:
    case = EXAMPLES[id]
    consumers = case.good_consumers or case.consumers
    assert id not in [f.id for f in found(case.good, consumers)]


@pytest.mark.parametrize("id", RULES)
def test_a_rule_says_what_it_is(id) -> None:
    statement = RULES[id].statement
    assert statement.endswith(".")
    assert len(statement) < 120
    assert id == id.lower()
    assert id.startswith("linux-") == (id in LINUX)


def test_an_id_is_taken_once() -> None:
    with pytest.raises(ValueError, match="undefined-bits"):
        rule("undefined-bits", Ghes, Level.NOTE, "")(lambda thing, place: iter(()))
    assert len([r for r in rules_of(Ghes) if r.id == "undefined-bits"]) == 1


@pytest.mark.parametrize("thing", SANE, ids=lambda thing: type(thing).__name__)
def test_nothing_is_said_against_what_is_sane(thing) -> None:
    assert [f for f in found(thing) if f.level is not Level.NOTE] == []


@pytest.mark.parametrize("name", hests())
def test_tables_of_qemu_have_no_error(name) -> None:
    table = Hest.from_bytes(hests()[name])
    arm = list(lint(table, EXAMPLES["linux-notification-refused"].good_consumers))
    assert [f for f in arm if f.level is Level.ERROR] == []
    assert errors(table) == []
    assert {f.id for f in lint(table)} >= {
        "block-length-content",
        "linux-notification-architecture",
    }


@pytest.mark.parametrize("name", blocks())
def test_blocks_of_qemu_have_no_error(name) -> None:
    assert errors(StatusBlock.from_bytes(blocks()[name])) == []


@pytest.mark.parametrize("name", records())
def test_nothing_is_said_against_what_linux_wrote(name) -> None:
    """Its timestamp is no BCD, as its creator id tells."""
    assert list(lint(Record.from_bytes(records()[name]))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_new_makes_has_no_error(kind) -> None:
    assert errors(example(kind)) == []


def test_an_x86_kernel_refuses_what_qemu_virt_has() -> None:
    table = Hest.from_bytes(hests()["qemu-7.2-virt-ras"])
    x86 = EXAMPLES["linux-notification-refused"].consumers
    assert [f.id for f in lint(table, x86) if f.level is Level.ERROR] == [
        "linux-notification-refused"
    ]


def test_kernels_are_named_where_they_differ() -> None:
    case = EXAMPLES["linux-source-passed-over"]
    (hit,) = [f for f in found(case.bad) if f.id == "linux-source-passed-over"]
    assert "since 6.12" in hit.rule
    newest = Consumers(kernels=(KERNELS["7.2"],))
    assert hit in found(case.bad, newest)


BOUND = ("linux-never-polled", "linux-port-width")
"""Errors of sources that Linux binds to all the same."""


def _ghes_of(structure):
    return [s for s in getattr(structure, "sources", ()) if isinstance(s, Ghes) and s.enabled]


@pytest.mark.parametrize("id", LINUX)
@pytest.mark.parametrize("side", ["bad", "good"])
def test_linux_rules_agree_with_the_verdicts(id, side) -> None:
    """A refusal of the functions that the model of Linux uses is an error of some rule."""
    thing = getattr(EXAMPLES[id], side)
    for source in _ghes_of(thing):
        refused = all(not probe(source, a, sdei_events=frozenset()).accepted for a in Architecture)
        said = [f for f in found(Hest(sources=[source])) if f.id.startswith("linux-")]
        said = [f for f in said if f.level is Level.ERROR and f.id not in BOUND]
        assert bool(said) == refused, (source, said)
    if isinstance(thing, StatusBlock) and thing.block_status:
        refused = not check_header(thing.to_bytes(), 65536).accepted
        assert refused == ("linux-block-refused" in [f.id for f in found(thing)])


@pytest.mark.parametrize(
    "changes",
    [
        {"address": 0}, {"access_size": 0}, {"access_size": 5}, {"register_bit_width": 65},
        {"address_space_id": 2}, {"address_space_id": 0x7F}, {},
    ],
)  # fmt: skip
def test_every_complaint_about_a_register_has_its_rule(changes) -> None:
    register = GenericAddress.memory(0x1000).replace(**changes)
    source = _ghes_of(EXAMPLES["enabled-value"].good)[0].replace(error_status_address=register)
    gar = [f for f in found(Hest(sources=[source])) if f.id.startswith("linux-gar")]
    assert [f.rule for f in gar] == list(check_gar(register).messages)


def test_problems_are_findings_with_the_same_id_and_place() -> None:
    damaged = bytearray(Hest(sources=[_ghes_of(EXAMPLES["enabled-value"].good)[0]]).to_bytes())
    damaged[9] ^= 0xFF
    damaged[36] = 2
    damaged[40 + 33] = 92
    table = Hest.from_bytes(bytes(damaged))
    said = {(f.id, f.offset, f.path, f.rule): f for f in lint(table)}
    assert {"table-checksum", "source-count", "notification-length"} == {
        p.id for p in table.problems
    }
    for problem in table.problems:
        finding = said[problem.id, problem.offset, problem.path, problem.rule]
        mild = problem.id == "notification-length"
        assert finding.level is (Level.WARNING if mild else Level.ERROR)
    assert said["source-count", 36, "Hest.error_source_count", "2 said, 1 found"].value == 2


PROBLEM = re.compile(r"""(?:trouble|Problem)\(\s*(?:id=)?"([a-z]+(?:-[a-z]+)+|truncated)\"""")


def test_sealing_is_advised_where_it_helps() -> None:
    advice = {f.id: f.advice for f in found(EXAMPLES["linux-bert-refused"].bad)}
    assert "--sealed" not in advice["region-length"]
    advice = {f.id: f.advice for f in found(EXAMPLES["linux-trigger-refused"].bad)}
    assert "--sealed" in advice["entry-count"]


def test_rules_and_problems_share_no_id() -> None:
    """One id says one thing, whichever command prints it; those judged mildly are problems."""
    package = Path(apeitool.__file__).parent
    files = [p for p in package.rglob("*.py") if p.parent.name != "lint"]
    problems = {id for path in files for id in PROBLEM.findall(path.read_text("utf-8"))}
    assert {"table-checksum", "truncated", "section-too-short", "entry-count"} <= problems
    assert not problems & set(RULES)
    assert {id for _, id in specification._MILD} <= problems


def test_a_region_longer_than_a_source_may_give_is_walked() -> None:
    """Counts that claim gigabytes take no longer than the bytes that are there."""
    header = StatusBlock(block_status=1, raw_data_offset=20, raw_data_length=70000).to_bytes()
    data = header[:12] + b"\xec\xff\xff\x7f" + header[16:] + bytes(70000)
    said = [f.id for f in lint(BootErrorRegion.from_bytes(data))]
    assert "linux-bert-invalid" in said


def test_two_lines_of_the_kernel_are_told_apart() -> None:
    thing = EXAMPLES["linux-never-polled"].bad.sources[0].replace(error_status_block_length=65537)
    (hit,) = [f for f in found(Hest(sources=[thing])) if f.id == "linux-never-polled"]
    assert hit.rule.startswith("[Firmware Warn]: GHES: Poll interval is 0")
    assert "\n" not in hit.rule
