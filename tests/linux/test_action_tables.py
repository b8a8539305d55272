"""What Linux accepts of EINJ, ERST and a trigger table: transcribed from einj-core.c, erst.c and
apei-base.c; ERST was seen in `test_real_tables`.
"""

import struct

import pytest
from plain_bytes import gas, table

from apeitool.acpi.action import Instruction
from apeitool.acpi.einj import Einj, TriggerActionTable
from apeitool.acpi.erst import Erst
from apeitool.linux.action import (
    ActionVerdict,
    accesses_register,
    check_table,
    check_trigger,
    ignores_value,
    parameter_address,
)
from apeitool.linux.features import KERNELS, kernel

READ, COMPARE, WRITE, WRITE_VALUE, NOOP = range(5)
INVALID_EINJ = "EINJ: [Firmware Bug]: Invalid EINJ table."
INVALID_ERST = "ERST: [Firmware Bug]: ERST table is invalid."
UNKNOWN = "[Firmware Warn]: APEI: Invalid action table, unknown instruction type: {}"
COLLECTING = "EINJ: Error collecting EINJ resources."
NO_RANGE = "ERST: Failed to get Error Log Address Range."
BAD_GAR = "[Firmware Bug]: APEI: Invalid physical address in GAR [0x0/64/0/4/0]"
READY = {
    Einj: "EINJ: Error INJection is initialized.",
    Erst: "ERST: Error Record Serialization Table (ERST) support is initialized.",
}


def step(action: int, instruction: int = READ, register: bytes = gas(0x1000)) -> bytes:
    head = struct.pack("<BBBB", action, instruction, 0, 0)
    return head + register + struct.pack("<QQ", 1, 0xFF)


def einj(*steps: bytes, size: int = 48, count: int | None = None, tail: bytes = b"") -> Einj:
    number = len(steps) if count is None else count
    body = struct.pack("<IB3xI", size, 0, number) + b"".join(steps) + tail
    return Einj.from_bytes(table(b"EINJ", body))


def erst(*steps: bytes, size: int = 48, count: int | None = None, tail: bytes = b"") -> Erst:
    number = len(steps) if count is None else count
    body = struct.pack("<III", size, 0, number) + b"".join(steps) + tail
    return Erst.from_bytes(table(b"ERST", body))


TYPES = step(3)
RANGE = [step(13), step(14), step(15)]


def on(found: Einj | Erst, release: str = "6.1") -> ActionVerdict:
    return check_table(found, kernel(release))


@pytest.mark.parametrize("release", KERNELS)
@pytest.mark.parametrize(
    "found",
    [
        einj(TYPES), einj(TYPES, size=12), einj(TYPES, tail=bytes(31)),
        erst(*RANGE), erst(*RANGE, size=12), erst(*RANGE, step(0, 18)),
        einj(TYPES, step(0, NOOP, gas(0))), erst(*RANGE, step(0, 12, gas(0))),
    ],
)  # fmt: skip
def test_tables_that_are_taken(found, release) -> None:
    verdict = on(found, release)
    assert (verdict.accepted, verdict.errno, verdict.path) == (True, 0, "")
    assert verdict.messages == (READY[type(found)],)


@pytest.mark.parametrize(
    ("found", "path", "messages"),
    [
        (einj(TYPES, size=36), "injection_header_size", [INVALID_EINJ]),
        (einj(TYPES, count=2), "injection_entry_count", [INVALID_EINJ]),
        (einj(TYPES, count=0), "injection_entry_count", [INVALID_EINJ]),
        (einj(TYPES, tail=bytes(32)), "injection_entry_count", [INVALID_EINJ]),
        (einj(TYPES, step(0, 5)), "entries[1]", [UNKNOWN.format(5), COLLECTING]),
        (einj(TYPES, step(0, READ, gas(0))), "entries[1]", [BAD_GAR, COLLECTING]),
        (erst(*RANGE, size=47), "serialization_header_size", [INVALID_ERST]),
        (erst(*RANGE, count=4), "instruction_entry_count", [INVALID_ERST]),
        (erst(step(0, 19), *RANGE), "entries[0]", [UNKNOWN.format(19)]),
        (erst(*RANGE, step(0, 18, gas(0))), "entries[3]", [BAD_GAR]),
        (erst(*RANGE[:2]), "entries", [NO_RANGE]),
        (erst(), "entries", [NO_RANGE]),
    ],
)
def test_tables_that_are_refused(found, path, messages) -> None:
    verdict = on(found)
    assert not verdict.accepted
    assert verdict.errno < 0
    assert verdict.path == path
    assert list(verdict.messages) == messages
    assert verdict.source


def test_a_table_that_ends_in_its_header_is_refused() -> None:
    whole = table(b"EINJ", struct.pack("<IB3xI", 48, 0, 0))
    short = Einj.from_bytes(whole[:4] + b"\x2f" + whole[5:])
    assert on(short).path == "length"


def test_newer_kernels_ask_for_the_error_types_first() -> None:
    without = einj(step(0))
    assert [on(without, release).accepted for release in KERNELS] == [True, True, False]
    newest = on(without, "7.2")
    assert (newest.errno, newest.messages, newest.path) == (-2, (), "entries")


def trigger(*steps: bytes, **changes: int) -> TriggerActionTable:
    size = 16 + 32 * len(steps)
    said = {"header": 16, "revision": 0, "size": size, "count": len(steps)} | changes
    return TriggerActionTable.from_bytes(struct.pack("<IIII", *said.values()) + b"".join(steps))


FIRE = step(0xFF, WRITE_VALUE)
REFUSED = "EINJ: [Firmware Bug]: Invalid trigger error action table."


@pytest.mark.parametrize(
    ("found", "path", "messages"),
    [
        (trigger(), "", []),
        (trigger(FIRE), "", []),
        (trigger(FIRE, size=16 + 32 + 31), "", []),
        (trigger(FIRE, header=12), "header_size", [REFUSED]),
        (trigger(FIRE, size=15), "table_size", [REFUSED]),
        (trigger(*[FIRE] * 128), "table_size", [REFUSED]),
        (trigger(*[FIRE] * 127), "", []),
        (trigger(FIRE, count=2), "entry_count", [REFUSED]),
        (trigger(step(0xFF, 7)), "entries[0]", [UNKNOWN.format(7)]),
        (trigger(step(0xFF, WRITE, gas(0))), "entries[0]", [BAD_GAR]),
    ],
)
def test_trigger_tables(found, path, messages) -> None:
    verdict = check_trigger(found)
    assert (verdict.accepted, verdict.path) == (not path, path)
    assert list(verdict.messages) == messages


def test_which_instructions_access_a_register() -> None:
    without = {
        entry for entry in range(19) if not accesses_register(erst(step(0, entry)).entries[0])
    }
    assert {Instruction(number).name for number in without} == {
        "NOOP", "ADD", "SUBTRACT", "STALL", "GOTO",
    }  # fmt: skip


def test_an_unknown_instruction_accesses_nothing() -> None:
    assert not accesses_register(erst(step(0, 19)).entries[0])
    assert not accesses_register(einj(step(0, 5)).entries[0])
    assert accesses_register(erst(step(0, 5)).entries[0])


def test_which_instructions_do_not_use_their_value() -> None:
    for number in range(19):
        (entry,) = erst(step(0, number)).entries
        assert ignores_value(entry) == (number in (10, 11, 12, 13, 14, 15))
    assert not any(ignores_value(einj(step(0, number)).entries[0]) for number in range(16))


@pytest.mark.parametrize(
    ("steps", "address"),
    [
        ([step(8, WRITE, gas(0x2000))], 0x2000),
        ([step(8, WRITE, gas(0x2000)), step(8, WRITE, gas(0x3000))], 0x3000),
        ([step(8, WRITE_VALUE, gas(0x2000))], None),
        ([step(8, WRITE, gas(0x2000, space=1))], None),
        ([step(2, WRITE, gas(0x2000))], None),
        ([], None),
    ],
)
def test_where_the_parameter_structure_is(steps, address) -> None:
    assert parameter_address(einj(*steps).entries) == address
