"""What a plan says wins over what would follow: tried on every field that a table can have."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import values

from apeitool.acpi.einj import EinjInstructionEntry
from apeitool.acpi.erst import ErstInstructionEntry
from apeitool.acpi.hest.layout import SOURCE_TYPES
from apeitool.acpi.hest.machine_check import ErrorBank
from apeitool.acpi.hest.notification import Notification
from apeitool.plan.build import PLANS, build
from apeitool.plan.preset import PRESETS
from apeitool.registers.address import GenericAddress
from apeitool.render.plain import to_plain
from apeitool.wire.record import Structure
from apeitool.wire.types import Part

FAR = 1 << 60
"""Addresses far from what a preset places, or above nothing at all."""


def plain_fields(kind: type[Structure]) -> list[Any]:
    """Fields with one value: not parts, not structures."""
    return [
        f for f in kind.fields
        if not isinstance(f.kind, Part) and not isinstance(f.type, type(Structure))
    ]  # fmt: skip


def drawn(data, kind: type[Structure], field) -> tuple[Any, Any]:
    """A value of a field, and as a plan spells it."""
    found = data.draw(values(kind, field))
    if field.unit == "address":
        found = data.draw(st.integers(FAR, FAR + 0x10000))
    thing = kind(**{field.name: found})
    return getattr(thing, field.name), to_plain(thing)[field.name]


TABLE_FIELDS = [(name, f) for name, builder in PLANS.items() for f in plain_fields(builder.table)]


@pytest.mark.parametrize(
    ("name", "field"), TABLE_FIELDS, ids=[f"{name}-{f.name}" for name, f in TABLE_FIELDS]
)
@given(data=st.data(), preset=st.sampled_from(sorted(PRESETS)))
@settings(max_examples=10)
def test_fields_of_a_table(name, field, data, preset) -> None:
    value, plain = drawn(data, PLANS[name].table, field)
    table = build({"plan": name, "preset": preset, field.name: plain}).table
    assert getattr(table, field.name) == value
    offset = field.offset
    there = table.to_bytes()[offset : offset + field.kind.size]
    assert (
        there
        == PLANS[name].table(**{field.name: value}).to_bytes()[offset : offset + field.kind.size]
    )


SOURCE_FIELDS = [(kind, f) for kind in SOURCE_TYPES.values() for f in plain_fields(kind)]


@pytest.mark.parametrize(
    ("kind", "field"), SOURCE_FIELDS, ids=[f"{k.__name__}-{f.name}" for k, f in SOURCE_FIELDS]
)
@given(data=st.data())
@settings(max_examples=5)
def test_fields_of_a_source(kind, field, data) -> None:
    value, plain = drawn(data, kind, field)
    has = {f.name for f in kind.fields}
    said = {"notification": "SCI"} if "notification" in has else {}
    source = {"kind": kind.__name__, **said, field.name: plain}
    (made,) = build({"plan": "hest", "memory": 0, "sources": [source]}).table.sources
    assert type(made) is kind
    assert getattr(made, field.name) == value


@pytest.mark.parametrize("field", plain_fields(Notification), ids=lambda f: f.name)
@given(data=st.data())
@settings(max_examples=10)
def test_fields_of_a_notification(field, data) -> None:
    value, plain = drawn(data, Notification, field)
    source = {"notification": {"type": "SDEI", "vector": 1, field.name: plain}}
    (made,) = build({"plan": "hest", "memory": 0, "sources": [source]}).table.sources
    assert getattr(made.notification, field.name) == value


@pytest.mark.parametrize("register", ["error_status_address", "read_ack_register"])
@pytest.mark.parametrize("field", plain_fields(GenericAddress), ids=lambda f: f.name)
@given(data=st.data())
@settings(max_examples=10)
def test_fields_of_a_register(register, field, data) -> None:
    value, plain = drawn(data, GenericAddress, field)
    said = {"address": FAR, field.name: plain}
    source = {"notification": "SEA", register: said}
    (made,) = build({"plan": "hest", "memory": 0, "sources": [source]}).table.sources
    assert getattr(getattr(made, register), field.name) == value
    if field.name != "address":
        assert getattr(made, register).address == FAR


@given(data=st.data())
def test_fields_of_a_bank(data) -> None:
    bank = {f.name: drawn(data, ErrorBank, f) for f in plain_fields(ErrorBank)}
    source = {"kind": "MachineCheckException", "banks": [{n: p for n, (_, p) in bank.items()}]}
    (made,) = build({"plan": "hest", "sources": [source]}).table.sources
    assert made.banks == (ErrorBank(**{n: v for n, (v, _) in bank.items()}),)


ENTRY_FIELDS = [
    (name, kind, f)
    for name, kind in (("einj", EinjInstructionEntry), ("erst", ErstInstructionEntry))
    for f in plain_fields(kind)
]


@pytest.mark.parametrize(
    ("name", "kind", "field"), ENTRY_FIELDS, ids=[f"{n}-{f.name}" for n, _, f in ENTRY_FIELDS]
)
@given(data=st.data())
@settings(max_examples=10)
def test_fields_of_an_instruction_entry(name, kind, field, data) -> None:
    action = data.draw(st.sampled_from(["EXECUTE_OPERATION", "CHECK_BUSY_STATUS", "END_OPERATION",
                                        "GET_COMMAND_STATUS"]))  # fmt: skip
    value, plain = drawn(data, kind, field)
    plan = {"plan": name, "memory": 0, "actions": {action: {field.name: plain}}}
    table = build(plan).table
    usual = build({"plan": name, "memory": 0}).table
    (index,) = [i for i, e in enumerate(usual.entries) if e.action.name == action]
    assert getattr(table.entries[index], field.name) == value
    others = [e for i, e in enumerate(table.entries) if i != index]
    assert others == [e for i, e in enumerate(usual.entries) if i != index]


@pytest.mark.parametrize("name", ["einj", "erst"])
@pytest.mark.parametrize("field", plain_fields(GenericAddress), ids=lambda f: f.name)
@given(data=st.data(), placed=st.booleans())
@settings(max_examples=20)
def test_fields_of_the_register_of_an_action(name, field, data, placed) -> None:
    usual = build({"plan": name, "memory": 0}).table.entries
    entry = data.draw(st.sampled_from(usual))
    value, plain = drawn(data, GenericAddress, field)
    placed |= field.name == "address_space_id"
    said = {**({"address": FAR} if placed else {}), field.name: plain}
    actions = {entry.action.name: {"register_region": said}}
    table = build({"plan": name, "memory": 0, "actions": actions}).table
    (found,) = [e for e in table.entries if e.action == entry.action]
    assert getattr(found.register_region, field.name) == value


@given(
    preset=st.sampled_from(sorted(PRESETS)), address=st.integers(0, 1 << 48).map(lambda n: 8 * n)
)
def test_a_plan_wins_over_its_preset(preset, address) -> None:
    assert (
        build({"plan": "bert", "preset": preset, "memory": address}).table.boot_error_region
        == address
    )
    source = {"notification": "SCI", "source_id": 77}
    table = build({"plan": "hest", "preset": preset, "memory": address, "sources": [source]}).table
    assert [s.source_id for s in table.sources] == [77]
    assert table.sources[0].error_status_address.address == address
    for name in ("einj", "erst"):
        entries = build({"plan": name, "preset": preset, "memory": address}).table.entries
        assert entries[0].register_region.address == address
