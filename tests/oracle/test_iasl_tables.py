"""Every BERT, EINJ and ERST that we emit: iasl reads each field as we do, and compiles it again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iasl_listing import Verdict, judge, leaves, recompiles, version

from apeitool.acpi.action import Instruction
from apeitool.acpi.bert import Bert
from apeitool.acpi.einj import INSTRUCTIONS, Einj, EinjAction, EinjInstructionEntry
from apeitool.acpi.erst import Erst, ErstAction, ErstInstructionEntry
from apeitool.acpi.header import Table
from apeitool.registers.address import GenericAddress
from apeitool.wire.record import Structure

pytestmark = pytest.mark.oracle

LABELS = {
    "signature": "Signature",
    "length": "Table Length",
    "revision": "Revision",
    "checksum": "Checksum",
    "oem_id": "Oem ID",
    "oem_table_id": "Oem Table ID",
    "oem_revision": "Oem Revision",
    "creator_id": "Asl Compiler ID",
    "creator_revision": "Asl Compiler Revision",
    "boot_error_region_length": "Boot Error Region Length",
    "boot_error_region": "Boot Error Region Address",
    "injection_header_size": "Injection Header Length",
    "injection_flags": "Flags",
    "injection_entry_count": "Injection Entry Count",
    "serialization_header_size": "Serialization Header Length",
    "instruction_entry_count": "Instruction Entry Count",
    "reserved": "Reserved",
    "action": "Action",
    "instruction": "Instruction",
    "flags": "Flags (decoded below)",
    "register_region": "Register Region",
    "address_space_id": "Space ID",
    "register_bit_width": "Bit Width",
    "register_bit_offset": "Bit Offset",
    "access_size": "Encoded Access Width",
    "address": "Address",
    "value": "Value",
    "mask": "Mask",
}
EINJ_ACTIONS = {
    0: "Begin Operation", 1: "Get Trigger Table", 2: "Set Error Type", 3: "Get Error Type",
    4: "End Operation", 5: "Execute Operation", 6: "Check Busy Status", 7: "Get Command Status",
    8: "Set Error Type With Address", 9: "Get Execute Timings", 0xFF: "Trigger Error",
}  # fmt: skip
EINJV2_ACTIONS = {0x10: "EinjV2 Set Error Type(deprecated)", 0x11: "EinjV2 Get Error Type"}
"""Newer versions have names for these."""
ERST_ACTIONS = {
    0: "Begin Write Operation", 1: "Begin Read Operation", 2: "Begin Clear Operation",
    3: "End Operation", 4: "Set Record Offset", 5: "Execute Operation", 6: "Check Busy Status",
    7: "Get Command Status", 8: "Get Record Identifier", 9: "Set Record Identifier",
    10: "Get Record Count", 11: "Begin Dummy Write", 13: "Get Error Address Range",
    14: "Get Error Address Length", 15: "Get Error Attributes", 16: "Execute Timings",
}  # fmt: skip
INSTRUCTION_WORDS = {
    0: "Read Register", 1: "Read Register Value", 2: "Write Register", 3: "Write Register Value",
    4: "Noop", 5: "Load Var1", 6: "Load Var2", 7: "Store Var1", 8: "Add", 9: "Subtract",
    10: "Add Value", 11: "Subtract Value", 12: "Stall", 13: "Stall While True",
    14: "Skip Next If True", 15: "GoTo", 16: "Set Source Address",
    17: "Set Destination Address", 18: "Move Data",
}  # fmt: skip
"""What iasl calls the numbers that it knows."""


def agree(table: Table, verdict: Verdict) -> None:
    """Every field is listed once, at our offset, in our width, by our name, with our value."""
    ours = list(leaves(table))
    assert [(i.offset, i.length) for i in verdict.lines] == [leaf[:2] for leaf in ours]
    for line, (_, _, name, value) in zip(verdict.lines, ours, strict=True):
        assert line.label == LABELS[name]
        if isinstance(value, Structure):
            assert not line.value
        elif isinstance(value, str):
            assert line.value == value
        elif isinstance(value, bytes):
            assert not any(value)
        else:
            assert int(line.value, 16) == value
        if name in ("action", "instruction") and line.text != "Unknown Action":
            known = EINJ_ACTIONS | EINJV2_ACTIONS if isinstance(table, Einj) else ERST_ACTIONS
            assert line.text == (known if name == "action" else INSTRUCTION_WORDS).get(int(value))
    recompiles(table.to_bytes(), verdict)


REGISTER = GenericAddress.memory(0x1234_5678_9AB0)


@pytest.mark.parametrize("action", [a for a in EinjAction if int(a) in EINJ_ACTIONS])
def test_every_einj_action_with_every_instruction(iasl, action) -> None:
    entries = [
        EinjInstructionEntry(
            action=action, instruction=Instruction(number), flags=number & 1,
            register_region=REGISTER, value=0x1122334455667788, mask=0xFFFF << number,
        )
        for number in INSTRUCTIONS
    ]  # fmt: skip
    table = Einj(entries=entries)
    agree(table, judge(iasl, table.to_bytes()))


@pytest.mark.parametrize("action", ErstAction)
def test_every_erst_action_with_every_instruction(iasl, action) -> None:
    entries = [
        ErstInstructionEntry(
            action=action, instruction=instruction, flags=int(instruction) & 1,
            register_region=REGISTER, value=0x8877665544332211, mask=0xFF,
        )
        for instruction in Instruction
    ]  # fmt: skip
    table = Erst(entries=entries)
    agree(table, judge(iasl, table.to_bytes()))


@pytest.mark.parametrize("action", [a for a in EinjAction if int(a) not in EINJ_ACTIONS])
def test_einjv2_actions_have_names_in_newer_versions_only(iasl, action) -> None:
    """Version 20200925 lists their bytes right, has no name for them, and compiles them again."""
    table = Einj(entries=[EinjInstructionEntry(action=action, register_region=REGISTER)])
    verdict = judge(iasl, table.to_bytes())
    agree(table, verdict)
    (line,) = (line for line in verdict.lines if line.label == "Action")
    is_old = version(iasl) <= 0x20200925
    assert line.text == ("Unknown Action" if is_old else EINJV2_ACTIONS[int(action)])


@given(length=st.integers(0, (1 << 32) - 1), address=st.integers(0, (1 << 64) - 1))
@settings(max_examples=15)
def test_bert(iasl, length, address) -> None:
    table = Bert(boot_error_region_length=length, boot_error_region=address)
    agree(table, judge(iasl, table.to_bytes()))


def test_with_its_own_creator_the_bytes_are_identical(iasl) -> None:
    own = {"creator_id": "INTL", "creator_revision": version(iasl)}
    entry = ErstInstructionEntry(register_region=REGISTER)
    for table in (
        Bert(**own),
        Einj(**own, entries=[EinjInstructionEntry()]),
        Erst(**own, entries=[entry]),
    ):
        assert judge(iasl, table.to_bytes()).compiled == table.to_bytes()
