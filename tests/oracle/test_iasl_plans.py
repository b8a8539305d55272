"""Every table that a plan comes to: iasl takes it without a word, and compiles the same bytes again."""

import pytest
from iasl_listing import judge, version

from apeitool.acpi.hest.generic import Ghes
from apeitool.acpi.hest.layout import SOURCE_TYPES
from apeitool.acpi.hest.notification import NotificationType
from apeitool.plan.build import PLANS, build
from apeitool.plan.preset import PRESETS

pytestmark = pytest.mark.oracle


def accepted(iasl, plan) -> None:
    """Signed as iasl signs what it compiles, so that nothing may differ."""
    plan = {**plan, "creator_id": "INTL", "creator_revision": version(iasl)}
    data = build(plan).table.to_bytes()
    verdict = judge(iasl, data)
    assert verdict.complaints == ()
    assert verdict.compiled == data


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", PLANS)
def test_every_plan_with_every_preset(iasl, name, preset) -> None:
    accepted(iasl, {"plan": name, "preset": preset})


def test_every_source_type_and_every_notification(iasl) -> None:
    sources = []
    for kind in SOURCE_TYPES.values():
        has = {field.name for field in kind.fields}
        if not issubclass(kind, Ghes):
            needed = {"notification": "CMCI", "banks": [{"bank_number": 1}]}
            said = {name: value for name, value in needed.items() if name in has}
            sources.append({"kind": kind.__name__, "count": 2, **said})
    for kind in NotificationType:
        # iasl 20200925 has no name for the later ones.
        if kind <= NotificationType.SDEI:
            notification = {"type": kind.name, "vector": 5}
            sources += [{"kind": v, "notification": notification} for v in ("Ghes", "GhesV2")]
    accepted(iasl, {"plan": "hest", "memory": 0x1000, "sources": sources})


@pytest.mark.parametrize("name", ["einj", "erst"])
def test_registers_of_many_shapes(iasl, name) -> None:
    actions = {
        "END_OPERATION": {"register_region": {"register_bit_width": 8, "register_bit_offset": 3}},
        "EXECUTE_OPERATION": {
            "register_region": {"address_space_id": "SYSTEM_IO", "address": 0xB2}, "value": 0x9A,
        },
        "CHECK_BUSY_STATUS": {"instruction": "READ_REGISTER_VALUE", "value": 1},
        "GET_COMMAND_STATUS": {"mask": 0xFF, "flags": 1},
    }  # fmt: skip
    accepted(iasl, {"plan": name, "memory": 0x1000, "actions": actions})
