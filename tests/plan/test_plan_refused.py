"""Plans that are none: each is refused with the path of what is wrong, and any other has an answer."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apeitool.errors import ApeiError, EncodeError
from apeitool.plan.build import PLANS, build
from apeitool.plan.preset import PRESETS

SEA = {"notification": "SEA"}

WRONG = [
    ({}, "plan", "hest, bert, einj, erst"),
    ({"plan": 5}, "plan", "'5' is none of"),
    ({"plan": "Hest"}, "plan", "none of"),
    ({"plan": "x" * 100_000}, "plan", "none of"),
    ({"plan": "hest", "preset": "qemu"}, "hest.preset", "bare, qemu-virt, qemu-q35"),
    ({"plan": "hest", "memory": 0}, "hest.sources", "1 to"),
    ({"plan": "hest", "memory": 0, "sorces": []}, "hest.sorces", "did you mean sources?"),
    ({"plan": "hest", "memory": 0, "OEM_ID": ""}, "hest.OEM_ID", "did you mean oem_id?"),
    ({"plan": "hest", "memory": 0, "kind": "Hest"}, "hest.kind", "neither"),
    ({"plan": "hest", "memory": 0, "sources": {}}, "hest.sources", "list"),
    ({"plan": "hest", "memory": 0, "sources": [5]}, "hest.sources[0]", "table"),
    ({"plan": "hest", "memory": 0, "sources": [{}]}, "hest.sources[0].notification", "SEA"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "notifications": 1}]},
     "hest.sources[0].notifications", "did you mean notification?"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "kind": "GhesV3"}]},
     "hest.sources[0].kind", "did you mean GhesV2?"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "kind": "StatusBlock"}]},
     "hest.sources[0].kind", "no error source"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "kind": None}]},
     "hest.sources[0].kind", "no error source"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "type": "NOSUCH"}]},
     "hest.sources[0].type", "none of"),
    ({"plan": "hest", "memory": 0, "sources": [SEA, {"notification": "SAE"}]},
     "hest.sources[1].notification.type", "none of POLLED"),
    ({"plan": "hest", "memory": 0, "sources": [{"notification": {"tpye": "SEA"}}]},
     "hest.sources[0].notification.tpye", "did you mean type?"),
    ({"plan": "hest", "memory": 0, "sources": [{"notification": {"kind": "Hest"}}]},
     "hest.sources[0].notification", "Notification needed"),
    ({"plan": "hest", "memory": 0, "sources": [{"notification": {"type": 300}}]},
     "hest.sources[0].notification.type", "8 bits"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "source_id": 0x10000}]},
     "hest.sources[0].source_id", "16 bits"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "source_id": "x"}]},
     "hest.sources[0].source_id", "integer"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "enabled": -1}]},
     "hest.sources[0].enabled", "negative"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "error_status_block_length": 1 << 32}]},
     "hest.sources[0].error_status_block_length", "32 bits"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "read_ack_write": 1 << 64}]},
     "hest.sources[0].read_ack_write", "64 bits"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "error_status_address": []}]},
     "hest.sources[0].error_status_address.address", "integer"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "error_status_address": {"adress": 1}}]},
     "hest.sources[0].error_status_address.adress", "did you mean address?"),
    ({"plan": "hest", "memory": 0, "sources": [{**SEA, "error_status_address": {"kind": "Hest"}}]},
     "hest.sources[0].error_status_address", "GenericAddress needed"),
    ({"plan": "hest", "memory": 0, "sources": [{"kind": "Ghes", **SEA, "read_ack_register": 1}]},
     "hest.sources[0].read_ack_register", "field of Ghes"),
    ({"plan": "hest", "memory": 0, "sources": [{"kind": "RootPortAer", "bus": "x"}]},
     "hest.sources[0].bus", "integer"),
    ({"plan": "hest", "memory": 0, "sources": [
        {"kind": "MachineCheckException", "banks": [{"bank_number": 256}]}]},
     "hest.sources[0].banks[0].bank_number", "8 bits"),
    ({"plan": "hest", "memory": 0, "sources": [{"kind": "CorrectedMachineCheck"}]},
     "hest.sources[0].notification", "missing"),
    ({"plan": "hest", "memory": -1, "sources": [SEA]}, "hest.memory", "64 bits"),
    ({"plan": "hest", "memory": 1 << 64, "sources": [SEA]}, "hest.memory", "64 bits"),
    ({"plan": "hest", "memory": {}, "sources": [SEA]}, "hest.memory", "integer"),
    ({"plan": "hest", "memory": 0, "sources": [SEA], "oem_id": "much too long"},
     "hest.oem_id", ""),
    ({"plan": "hest", "memory": 0, "sources": [SEA], "oem_id": 5}, "hest.oem_id", "text"),
    ({"plan": "hest", "memory": 0, "sources": [SEA], "revision": 256}, "hest.revision", "8 bits"),
    ({"plan": "bert", "memory": 0, "region": 0}, "bert.region", "neither"),
    ({"plan": "bert", "memory": 0, "boot_error_region_length": 1 << 32},
     "bert.boot_error_region_length", "32 bits"),
    ({"plan": "einj", "memory": 0, "actions": []}, "einj.actions", "table"),
    ({"plan": "einj", "memory": 0, "actions": {"EXECUTE": 1}}, "einj.actions.EXECUTE",
     "did you mean EXECUTE_OPERATION?"),
    ({"plan": "einj", "memory": 0, "actions": {"TRIGGER_ERROR": 1}}, "einj.actions.TRIGGER_ERROR",
     "no such action"),
    ({"plan": "einj", "memory": 0, "actions": {"END_OPERATION": "x"}},
     "einj.actions.END_OPERATION.register_region.address", "integer"),
    ({"plan": "einj", "memory": 0, "actions": {"END_OPERATION": {"valeu": 1}}},
     "einj.actions.END_OPERATION.valeu", "did you mean value?"),
    ({"plan": "einj", "memory": 0, "actions": {"END_OPERATION": {"instruction": "JUMP"}}},
     "einj.actions.END_OPERATION.instruction", "none of"),
    ({"plan": "erst", "memory": 0, "record_lenght": 5}, "erst.record_lenght",
     "did you mean record_length?"),
    ({"plan": "erst", "memory": 0, "record_length": "long"}, "erst.record_length", "integer"),
    ({"plan": "erst", "memory": 0, "entries": [{"action": 256}]}, "erst.entries[0].action", "8 bits"),
]  # fmt: skip


@pytest.mark.parametrize(("plan", "path", "said"), WRONG, ids=lambda x: str(x)[-60:])
def test_a_wrong_plan(plan, path, said) -> None:
    with pytest.raises(EncodeError) as caught:
        build(plan)
    assert caught.value.path == path
    assert said in caught.value.message
    assert len(str(caught.value)) < 700


def answer(plan):
    """What a plan comes to, or why it does not."""
    try:
        return build(plan)
    except EncodeError as wrong:
        return wrong


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 1 << 65) | st.floats() | st.text(max_size=6)
    | st.sampled_from(["SEA", "GhesV2", "SYSTEM_IO", "0x1000", "READ_REGISTER"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["kind", "type", "address", "count", "blocks", "notification", "entries",
                         "sources", "value", "mask", "register_region", "address_space_id",
                         "END_OPERATION", "EXECUTE_OPERATION", "CHECK_BUSY_STATUS"]),
        inner, max_size=4,
    ),
    max_leaves=10,
)  # fmt: skip

KEYS = sorted({key for b in PLANS.values() for keys in b.keys.values() for key in keys}
              | {field.name for b in PLANS.values() for field in b.table.fields})  # fmt: skip


@given(
    name=st.sampled_from(sorted(PLANS)),
    preset=st.sampled_from(sorted(PRESETS)),
    said=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4),
)
@example(name="hest", preset="bare", said={"sources": [{"notification": "SEA", "count": 1 << 20}]})
@settings(max_examples=400)
def test_any_plan_has_an_answer(name, preset, said) -> None:
    built = answer({"plan": name, "preset": preset, **said})
    if isinstance(built, EncodeError):
        assert built.path.startswith(name)
        return
    assert isinstance(built.table, PLANS[name].table)
    assert type(built.table).from_bytes(built.table.to_bytes()).to_bytes() == built.table.to_bytes()
    try:
        memory = built.memory()
    except ApeiError:
        return
    assert [len(data) for _, data in memory] == [len(extent) for extent in built.extents]


@given(source=st.dictionaries(
    st.sampled_from(["kind", "notification", "count", "blocks", "source_id", "type", "enabled",
                     "error_status_address", "read_ack_register", "error_status_block_length",
                     "read_ack_write", "read_ack_preserve", "banks", "flags"]),
    VALUES | st.integers(0, 300), max_size=6))  # fmt: skip
@settings(max_examples=300)
def test_any_source_has_an_answer(source) -> None:
    plan = {"plan": "hest", "memory": 0x1000, "sources": [{"notification": "SEA", **source}]}
    built = answer(plan)
    if isinstance(built, EncodeError):
        assert built.path.startswith("hest")
    else:
        assert built.table.error_source_count == len(built.table.sources)
