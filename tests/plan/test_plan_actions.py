"""EINJ and ERST from plans: both sides of the protocol work over the memory that a plan leaves."""

import struct

import pytest

from apeitool.acpi.action import Instruction, InstructionFlags, actions
from apeitool.acpi.einj import (
    CommandStatus,
    EinjAction,
    ErrorTypes,
    InjectionFlags,
    SetErrorTypeWithAddress,
)
from apeitool.acpi.erst import NO_RECORD, ErstAction
from apeitool.errors import AccessError, EncodeError
from apeitool.firmware import einj, erst
from apeitool.firmware.action import execute
from apeitool.memory import Regions
from apeitool.plan import einj as einj_plan
from apeitool.plan import erst as erst_plan
from apeitool.plan.build import build
from apeitool.plan.preset import PRESETS
from apeitool.registers.address import AccessSize, AddressSpace, GenericAddress

BASE = 0x7000_0000
CORRECTABLE = ErrorTypes.MEMORY_CORRECTABLE
BOTH = [("einj", einj_plan.STEPS), ("erst", erst_plan.STEPS)]


def planned(name, **said):
    return build({"plan": name, "memory": BASE, **said})


def entry(built, action):
    (found,) = actions(built.table.entries)[int(action)]
    return found


def booted(built) -> Regions:
    """Memory that holds what the plan leaves, and nothing else."""
    memory = Regions(*built.extents)
    for address, content in built.memory():
        memory.write(address, content)
    return memory


# ---- injection


class Injection:
    """Firmware of a plan over its memory, and what it saw."""

    def __init__(self, built) -> None:
        self.memory = booted(built)
        self.table = built.table
        self.firmware = built.prepare(self.memory)
        assert {e.start: self.memory.read(e.start, len(e)) for e in built.extents} == dict(
            built.memory()
        )
        self.seen: list = []

    def get(self, action) -> int:
        return execute(self.table.entries, action, self.memory).value

    def inject(self, error):
        def turn():
            self.seen += self.firmware.poll()

        outcome = einj.inject(self.table, self.memory, error, turn=turn)
        turn()
        return outcome


PLACED = SetErrorTypeWithAddress(
    error_type=CORRECTABLE, flags=InjectionFlags.MEMORY_ADDRESS, memory_address=0x1234_5000,
    memory_address_range=0xFFFF_FFFF_FFFF_F000,
)  # fmt: skip

ONE_COMMAND_REGISTER = {
    "BEGIN_INJECTION_OPERATION": 0x9000, "END_OPERATION": "0x9000",
}  # fmt: skip

EINJ_PLANS = [
    *({"preset": preset} for preset in PRESETS),
    {"memory": BASE},
    {"memory": BASE, "trigger_error_action_table": BASE + 0x20},
    {"memory": BASE, "actions": ONE_COMMAND_REGISTER},
    {"memory": BASE, "actions": {"EXECUTE_OPERATION": 0x9000}},
    {"memory": BASE, "actions": {"CHECK_BUSY_STATUS": 0x9000}},
    {"memory": BASE, "actions": {"CHECK_BUSY_STATUS": {"instruction": "READ_REGISTER_VALUE", "value": 1}}},
    {"memory": BASE, "actions": {"BEGIN_INJECTION_OPERATION": False, "END_OPERATION": False}},
    {"memory": BASE, "actions": {"SET_ERROR_TYPE_WITH_ADDRESS": {"register_region": 0x9000}}},
    {"memory": BASE, "actions": {"SET_ERROR_TYPE": {"register_region": {"register_bit_width": 32}}}},
    {"memory": BASE, "actions": {"SET_ERROR_TYPE": {"mask": 0xFFFF}}},
]  # fmt: skip


@pytest.mark.parametrize("said", EINJ_PLANS, ids=str)
def test_errors_are_injected(said) -> None:
    built = build({"plan": "einj", **said})
    ends = Injection(built)
    assert ends.get(EinjAction.GET_ERROR_TYPE) == 0b111000
    at = ends.get(EinjAction.GET_TRIGGER_ERROR_ACTION_TABLE)
    assert at == said.get("trigger_error_action_table", at)
    for error in (CORRECTABLE, PLACED, CORRECTABLE):
        outcome = ends.inject(error)
        assert outcome.status == CommandStatus.SUCCESS
        assert outcome.trigger is not None
    requests = [event for event in ends.seen if isinstance(event, einj.Request)]
    assert [r.error_types for r in requests] == [CORRECTABLE] * 3
    assert [r.placed for r in requests] == [None, PLACED, None]
    triggered = [event.request for event in ends.seen if isinstance(event, einj.Triggered)]
    assert triggered == requests


@pytest.mark.parametrize(
    ("said", "bits"),
    [
        (["MEMORY_CORRECTABLE", "VENDOR_DEFINED"], 0x8000_0008),
        ("MEMORY_CORRECTABLE, PCIE_CORRECTABLE", 0x48),
        ("PROCESSOR_CORRECTABLE", 1),
        (0x38, 0x38),
        ("0x38", 0x38),
        ([], 0),
        (0xFFFF_FFFF, 0xBFFF_FFFF),  # bit 30 says that there is EINJv2
    ],
)
def test_what_firmware_offers(said, bits) -> None:
    ends = Injection(planned("einj", error_types=said))
    assert ends.get(EinjAction.GET_ERROR_TYPE) == bits


@pytest.mark.parametrize("said", ["NOSUCH", ["MEMORY_CORRECTABLE", 5], 1 << 32, -1, 1.5, True, {}])
def test_error_types_that_are_none(said) -> None:
    with pytest.raises(EncodeError) as caught:
        planned("einj", error_types=said)
    assert caught.value.path == "einj.error_types"


def test_actions_of_einjv2_are_there_if_asked_for() -> None:
    assert not set(actions(planned("einj").table.entries)) & {0x10, 0x11}
    said = {"EINJV2_GET_ERROR_TYPE": True, "EINJV2_SET_ERROR_TYPE": BASE + 0x800}
    built = planned("einj", actions=said)
    assert entry(built, 0x11).instruction == Instruction.READ_REGISTER
    assert entry(built, 0x10).register_region.address == BASE + 0x800
    assert entry(built, 0x10).instruction == Instruction.WRITE_REGISTER


# ---- serialization


def record(identifier: int, payload: bytes) -> bytes:
    data = bytearray(128) + payload
    struct.pack_into("<4sHIHIII", data, 0, b"CPER", 0x101, 0xFFFFFFFF, 0, 2, 0, len(data))
    struct.pack_into("<Q", data, 96, identifier)
    return bytes(data)


BEGINS = ("WRITE", "READ", "CLEAR", "DUMMY_WRITE")
ERST_PLANS = [
    *({"preset": preset} for preset in PRESETS),
    {"memory": BASE, "record_length": 200},
    {"memory": BASE, "error_log_address_range": 0x9000},
    {"memory": BASE, "error_log_address_range": BASE + 0x10, "record_length": 0x100},
    {"memory": BASE, "actions": {f"BEGIN_{name}_OPERATION": 0x9000 for name in BEGINS}},
    {"memory": BASE, "actions": {"EXECUTE_OPERATION": 0x9000}},
    {"memory": BASE, "actions": {"END_OPERATION": False, "BEGIN_DUMMY_WRITE_OPERATION": False,
                                 "GET_EXECUTE_OPERATION_TIMINGS": False}},
]  # fmt: skip


@pytest.mark.parametrize("said", ERST_PLANS, ids=str)
def test_records_are_kept(said) -> None:
    built = build({"plan": "erst", **said})
    memory = booted(built)
    base, length = (
        execute(built.table.entries, action, memory).value
        for action in (
            ErstAction.GET_ERROR_LOG_ADDRESS_RANGE,
            ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_LENGTH,
        )
    )
    assert length == said.get("record_length", 0x2000)
    assert base == said.get("error_log_address_range", base)
    firmware = built.prepare(memory)
    system = erst.Serialization(built.table, memory, firmware.poll)
    assert system.identifier() == NO_RECORD
    for number in (5, 9):
        data = record(number, bytes([number]) * 60)
        assert system.write(data) == CommandStatus.SUCCESS
        firmware.poll()
        assert system.read(number) == (CommandStatus.SUCCESS, data)
        firmware.poll()
    assert system.count() == 2
    assert system.clear(5) == CommandStatus.SUCCESS
    assert set(firmware.store) == {9}


def test_the_range_is_in_pages_of_its_own() -> None:
    built = planned("erst", record_length=100)
    assert [e.start for e in built.extents] == [BASE, BASE + 0x1000]


# ---- entries


@pytest.mark.parametrize(("name", "steps"), BOTH)
def test_an_entry_for_each_action(name, steps) -> None:
    built = planned(name)
    found = actions(built.table.entries)
    assert list(found) == [int(action) for action in steps if "EINJV2" not in action.name]
    assert all(len(entries) == 1 for entries in found.values())
    shared = entry(built, EinjAction.EXECUTE_OPERATION).register_region
    assert shared == entry(built, EinjAction.CHECK_BUSY_STATUS).register_region
    addresses = [e.register_region.address for e in built.table.entries]
    assert len(set(addresses)) == len(addresses) - 1
    assert not any(e.flags for e in built.table.entries)


@pytest.mark.parametrize("width", [8, 16, 32, 64])
def test_executing_makes_busy_where_busy_is_read(width) -> None:
    said = {"register_bit_width": width}
    for name in ("EXECUTE_OPERATION", "CHECK_BUSY_STATUS"):
        built = planned("einj", actions={name: {"register_region": said}})
        execution = entry(built, EinjAction.EXECUTE_OPERATION).register_region
        busy = entry(built, EinjAction.CHECK_BUSY_STATUS).register_region
        assert execution.address == busy.address
        assert execution.register_bit_width == width
        assert Injection(built).inject(CORRECTABLE).status == CommandStatus.SUCCESS


def test_orders_that_share_a_register_have_their_numbers() -> None:
    said = {f"BEGIN_{name}_OPERATION": 0x9000 for name in ("WRITE", "READ", "CLEAR")}
    built = planned("erst", actions=said)
    orders = [entry(built, action) for action in (0, 1, 2, 3, 11)]
    assert [order.value for order in orders] == [0, 1, 2, 1, 1]
    assert (
        len({order.register_region for order in orders if order.register_region.address == 0x9000})
        == 1
    )


@pytest.mark.parametrize(
    ("said", "mask", "flags"),
    [
        ({}, (1 << 64) - 1, 0),
        ({"register_region": {"register_bit_width": 32}}, 0xFFFFFFFF, 0),
        ({"register_region": {"register_bit_width": 12}}, 0xFFF, 1),
        ({"register_region": {"register_bit_offset": 8, "register_bit_width": 8}}, 0xFF, 1),
        ({"mask": 0xFF}, 0xFF, 1),
        ({"mask": 0xFF, "flags": 0}, 0xFF, 0),
        ({"flags": 1}, (1 << 64) - 1, 1),
        ({"mask": 0xFF, "instruction": "READ_REGISTER"}, 0xFF, 0),
    ],
)
def test_bits_around_what_is_written_are_kept(said, mask, flags) -> None:
    """Where an entry writes a part of its register, it preserves the rest."""
    assert InstructionFlags.PRESERVE_REGISTER == 1
    found = entry(planned("einj", actions={"SET_ERROR_TYPE": said}), EinjAction.SET_ERROR_TYPE)
    assert (found.mask, found.flags) == (mask, flags)


def test_a_register_of_another_space() -> None:
    """The table can be had; the memory behind it is hardware's."""
    port = {"address_space_id": "SYSTEM_IO", "address": 0xB2, "register_bit_width": 8}
    built = planned("einj", actions={"EXECUTE_OPERATION": {"register_region": port, "value": 0x9A}})
    found = entry(built, EinjAction.EXECUTE_OPERATION)
    assert found.register_region == GenericAddress(
        address_space_id=AddressSpace.SYSTEM_IO, register_bit_width=8,
        access_size=AccessSize.BYTE, address=0xB2,
    )  # fmt: skip
    assert (found.value, found.mask) == (0x9A, 0xFF)
    with pytest.raises(AccessError):
        built.memory()


@pytest.mark.parametrize(
    ("name", "said", "path"),
    [
        ("einj", {"actions": {"GET_ERROR_TYPE": 0x9000, "SET_ERROR_TYPE": 0x9004}},
         "einj.actions.SET_ERROR_TYPE"),
        ("einj", {"actions": {"SET_ERROR_TYPE_WITH_ADDRESS": 0x9000, "SET_ERROR_TYPE": 0x9020}},
         "einj.actions.SET_ERROR_TYPE"),
        ("einj", {"trigger_error_action_table": 0x9000, "actions": {"SET_ERROR_TYPE": 0x9030}},
         "einj.actions.SET_ERROR_TYPE"),
        ("erst", {"error_log_address_range": 0x8FFF, "record_length": 2,
                  "actions": {"END_OPERATION": 0x9000}}, "erst.actions.END_OPERATION"),
        ("erst", {"error_log_address_range": (1 << 64) - 1}, "erst.error_log_address_range"),
        ("erst", {"record_length": (1 << 64) - 1}, "erst.memory"),
    ],
)  # fmt: skip
def test_places_that_cannot_be_are_refused(name, said, path) -> None:
    with pytest.raises(EncodeError) as caught:
        planned(name, **said)
    assert caught.value.path == path


@pytest.mark.parametrize(("name", "steps"), BOTH)
def test_entries_of_a_plan_are_kept(name, steps) -> None:
    """Who writes them all gets them, and the memory of a page that needs nothing of them."""
    entries = [{"action": 3, "mask": 5}, {"action": 200, "instruction": "NOOP"}]
    built = planned(name, entries=entries)
    assert [(e.action, e.instruction, e.mask) for e in built.table.entries] == [
        (3, 0, 5),
        (200, 4, 0),
    ]
