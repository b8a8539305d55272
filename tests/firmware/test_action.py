"""Each instruction by its effect; programs that jump, wait and never end; any bytes at all."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_bytes import gas

from apeitool.acpi.action import Instruction, InstructionEntry
from apeitool.acpi.erst import ErstInstructionEntry
from apeitool.errors import AccessError, ApeiError, FirmwareFault
from apeitool.firmware.action import ALL, Executor, Registers, execute
from apeitool.memory import Regions

A, B, C, D = range(0x1000, 0x1020, 8)
FULL = 0xFFFFFFFFFFFFFFFF
Op = Instruction


def entry(
    instruction: int, address: int = A, value: int = 0, mask: int = FULL, *, flags: int = 0,
    action: int = 1, region: bytes = b"",
) -> InstructionEntry:  # fmt: skip
    head = struct.pack("<BBBB", action, instruction, flags, 0)
    packed = head + (region or gas(address)) + struct.pack("<QQ", value, mask)
    return InstructionEntry.from_bytes(packed)


def memory(**held: int) -> Regions:
    made = Regions(range(0x1000, 0x1040))
    for name, value in held.items():
        made.write(globals()[name], value.to_bytes(8, "little"))
    return made


def held(place: Regions, address: int) -> int:
    return int.from_bytes(place.read(address, 8), "little")


FIELD = gas(A, width=8, offset=4, access=3)
"""Eight bits from bit 4 of a doubleword."""

VAR1, VAR2 = entry(Op.LOAD_VAR1, B), entry(Op.LOAD_VAR2, C)
STORE = entry(Op.STORE_VAR1, D)

EFFECTS = [
    ("read", [entry(Op.READ_REGISTER, A, mask=0xFF0)], {"A": 0x1234}, 0, 0x230, {}),
    ("read field", [entry(Op.READ_REGISTER, mask=0xFF, region=FIELD)], {"A": 0x1234}, 0, 0x23, {}),
    ("equal", [entry(Op.READ_REGISTER_VALUE, A, 4, 0xF)], {"A": 0x1234}, 0, 1, {}),
    ("unequal", [entry(Op.READ_REGISTER_VALUE, A, 5, 0xF)], {"A": 0x1234}, 0, 0, {}),
    # An unmasked value is compared as it is: nothing equals it.
    ("beyond", [entry(Op.READ_REGISTER_VALUE, A, 0x34, 0xF)], {"A": 0x1234}, 0, 0, {}),
    ("write", [entry(Op.WRITE_REGISTER, A, 9, 0xFF)], {"A": FULL}, 0x1234, 0x1234, {"A": 0x34}),
    (
        "write, preserve", [entry(Op.WRITE_REGISTER, A, 9, 0xFF, flags=1)],
        {"A": 0xABCD}, 0x1234, 0x1234, {"A": 0xAB34},
    ),
    # What is not preserved is lost: the whole access, not the field alone.
    (
        "write field", [entry(Op.WRITE_REGISTER, mask=0xFF, region=FIELD)],
        {"A": FULL}, 0x1234, 0x1234, {"A": 0xFFFFFFFF00000340},
    ),
    (
        "write field, preserve", [entry(Op.WRITE_REGISTER, mask=0x0F, region=FIELD, flags=1)],
        {"A": FULL}, 0x1234, 0x1234, {"A": 0xFFFFFFFFFFFFFF4F},
    ),
    ("write value", [entry(Op.WRITE_REGISTER_VALUE, A, 7)], {"A": 1}, 3, 7, {"A": 7}),
    ("no-op", [entry(Op.NOOP, A, 7)], {"A": 1}, 3, 3, {"A": 1}),
    ("load and store", [VAR1, STORE], {"B": 5}, 3, 3, {"D": 5}),
    ("variables are 0", [STORE], {"D": 5}, 0, 0, {"D": 0}),
    ("store, mask", [VAR1, entry(Op.STORE_VAR1, D, mask=1)], {"B": 7}, 0, 0, {"D": 1}),
    ("add", [VAR1, VAR2, entry(Op.ADD), STORE], {"B": FULL, "C": 3}, 0, 0, {"D": 2}),
    ("subtract", [VAR1, VAR2, entry(Op.SUBTRACT), STORE], {"B": 1, "C": 3}, 0, 0, {"D": FULL - 1}),
    ("add value", [entry(Op.ADD_VALUE, A, 2)], {"A": FULL}, 9, 9, {"A": 1}),
    (
        "subtract value", [entry(Op.SUBTRACT_VALUE, A, 2, 0xF, flags=1)],
        {"A": 0x51}, 9, 9, {"A": 0x5F},
    ),
    (
        "skip", [entry(Op.SKIP_NEXT_INSTRUCTION_IF_TRUE, A, 1), entry(Op.WRITE_REGISTER_VALUE, B, 2)],
        {"A": 1}, 9, 9, {"B": 0},
    ),
    (
        "no skip",
        [entry(Op.SKIP_NEXT_INSTRUCTION_IF_TRUE, A, 2), entry(Op.WRITE_REGISTER_VALUE, B, 2)],
        {"A": 1}, 9, 2, {"B": 2},
    ),
    (
        "go to", [entry(Op.GOTO, value=2), entry(Op.WRITE_REGISTER_VALUE, B, 2), entry(Op.NOOP)],
        {}, 9, 9, {"B": 0},
    ),
    ("go to the end", [entry(Op.GOTO, value=FULL), entry(Op.ADD_VALUE, A, 1)], {}, 9, 9, {"A": 0}),
    (
        "move data",
        [
            entry(Op.SET_SRC_ADDRESS_BASE, A), entry(Op.SET_DST_ADDRESS_BASE, B),
            VAR2, entry(Op.MOVE_DATA, D),
        ],
        {"A": 0x1020, "B": 0x1030, "C": 4, "D": 2}, 0, 0, {},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("program", "before", "operand", "value", "after"),
    [row[1:] for row in EFFECTS],
    ids=[row[0] for row in EFFECTS],
)
def test_an_instruction_has_its_effect(program, before, operand, value, after) -> None:
    place = memory(**before)
    result = execute(program, 1, place, operand=operand)
    assert result.value == value
    expected = {name: held(place, globals()[name]) for name in after}
    assert expected == after


def test_every_instruction_has_a_row_or_a_test_of_its_own() -> None:
    shown = {int(step.instruction) for row in EFFECTS for step in row[1]}
    assert set(ALL) - shown == {Op.STALL, Op.STALL_WHILE_TRUE}


def test_data_moves_at_the_offset_in_both_ranges() -> None:
    place = memory(A=0x1020, B=0x1030, C=4, D=2)
    place.write(0x1020, b"abcdefgh")
    execute(EFFECTS[-1][1], 1, place)
    assert place.read(0x1030, 8) == b"\0\0cdef\0\0"


def test_stalls_are_added_up() -> None:
    program = [entry(Op.STALL, value=30), entry(Op.NOOP), entry(Op.STALL, value=12)]
    result = execute(program, 1, memory())
    assert (result.waited_us, result.steps) == (42, 3)


class Falling(Regions):
    """A register that counts down whenever it is read."""

    def read(self, address: int, length: int) -> bytes:
        data = super().read(address, length)
        if address == A and data[0]:
            self.write(A, bytes([data[0] - 1]) + data[1:])
        return data


def test_a_stall_lasts_while_the_register_has_the_value() -> None:
    place = Falling(range(0x1000, 0x1040))
    place.write(A, b"\x13")
    place.write(B, b"\x07")
    loop = entry(Op.STALL_WHILE_TRUE, A, 0x10, 0xF0)
    assert execute([VAR1, loop], 1, place).waited_us == 4 * 7


@pytest.mark.parametrize(
    ("program", "named"),
    [
        ([entry(Op.NOOP), entry(Op.GOTO, value=0)], "instruction"),
        ([entry(Op.NOOP), entry(Op.STALL_WHILE_TRUE, A)], "instruction 1"),
        ([entry(Op.SKIP_NEXT_INSTRUCTION_IF_TRUE, A), entry(Op.NOOP), entry(Op.GOTO)], "no end"),
    ],
)
def test_what_has_no_end_is_ended(program, named) -> None:
    with pytest.raises(FirmwareFault, match=named):
        execute(program, 1, memory(), limit=50)


def test_a_program_may_take_all_its_steps() -> None:
    program = [entry(Op.NOOP)] * 5
    assert execute(program, 1, memory(), limit=5).steps == 5
    with pytest.raises(FirmwareFault, match="instruction 4"):
        execute(program, 1, memory(), limit=4)


def test_jumps_count_the_instructions_of_their_own_action() -> None:
    program = [
        entry(Op.GOTO, value=2), entry(Op.WRITE_REGISTER_VALUE, A, 1, action=2),
        entry(Op.WRITE_REGISTER_VALUE, B, 1), entry(Op.WRITE_REGISTER_VALUE, C, 1, action=2),
        entry(Op.WRITE_REGISTER_VALUE, D, 1),
    ]  # fmt: skip
    place = memory()
    execute(program, 1, place)
    assert [held(place, at) for at in (A, B, C, D)] == [0, 0, 0, 1]


@pytest.mark.parametrize("number", [5, 19, 255])
def test_an_unknown_instruction_is_firmware_s_fault(number) -> None:
    with pytest.raises(FirmwareFault, match=f"unknown instruction type {number}"):
        execute([entry(number)], 1, memory(), instructions=range(5) if number == 5 else ALL)


def test_an_instruction_that_is_jumped_over_may_be_unknown() -> None:
    assert execute([entry(Op.GOTO, value=2), entry(77)], 1, memory(), operand=4).value == 4


def test_an_action_without_entries_cannot_be_executed() -> None:
    with pytest.raises(FirmwareFault, match="action 0x9"):
        execute([entry(Op.NOOP)], 9, memory())


@pytest.mark.parametrize(
    "region",
    [gas(0), gas(A, access=0), gas(A, width=8, offset=1, access=1), gas(A, space=1), gas(0x9000)],
    ids=["nowhere", "no access size", "too wide", "a port", "no memory"],
)
def test_a_register_that_linux_cannot_access_is_not_accessed(region) -> None:
    with pytest.raises(AccessError):
        execute([entry(Op.READ_REGISTER, region=region)], 1, memory())


@given(st.data())
def test_any_entries_end_or_raise_our_errors(data) -> None:
    register = st.sampled_from([gas(A), gas(B), gas(0x1010, width=8, access=1), FIELD])
    number = st.integers(0, 5) | st.integers(0, FULL) | st.sampled_from([A, B, 0x1030])
    sane = st.builds(
        entry, st.integers(0, 20), value=number, mask=number | st.just(FULL),
        flags=st.integers(0, 1), region=register, action=st.integers(1, 2),
    )  # fmt: skip
    wild = st.binary(min_size=32, max_size=32).map(ErstInstructionEntry.from_bytes)
    program = data.draw(st.lists(sane | sane | wild, max_size=12))
    place = memory(A=data.draw(number), B=0x1020)
    try:
        result = execute(program, 1, place, operand=data.draw(number), limit=100)
    except ApeiError:
        return
    assert 0 <= result.value <= FULL
    assert result.steps <= 100


def test_orders_of_one_register_are_told_apart() -> None:
    program = [
        entry(Op.WRITE_REGISTER_VALUE, A, value, 0xF, action=value) for value in range(3)
    ]  # fmt: skip
    place = memory()
    front = Registers(program, place, range(3))
    front.take(0, 1, 2)
    assert front.given() == set()
    for order in range(3):
        execute(program, order, place)
        assert front.given() == {order}
    front.take(2)
    assert front.given() == set()


def test_the_idle_value_fits_the_mask() -> None:
    program = [entry(Op.WRITE_REGISTER_VALUE, A, 0, 0xF0), entry(Op.NOOP, action=2)]
    place = memory()
    Registers(program, place, [1]).take(1)
    assert held(place, A) == 0x10


def test_a_register_that_always_holds_an_order_is_refused() -> None:
    program = [entry(Op.WRITE_REGISTER_VALUE, A, value, 1, action=value) for value in (0, 1)]
    with pytest.raises(FirmwareFault, match="always holds"):
        Registers(program, memory(), [0, 1])


@pytest.mark.parametrize("value", [0, 1])
def test_an_answer_is_read_as_it_was_given(value) -> None:
    compared = entry(Op.READ_REGISTER_VALUE, A, 0x30, 0xF0)
    place = memory(A=0xF)
    Registers([compared], place, []).answer(1, value)
    assert execute([compared], 1, place).value == value
    assert held(place, A) & 0xF == 0xF


def test_firmware_that_stays_busy_is_at_fault() -> None:
    program = [entry(Op.NOOP), entry(Op.READ_REGISTER, A, action=2), entry(Op.NOOP, action=3)]
    turns: list[int] = []
    system = Executor(program, memory(A=1), lambda: turns.append(1), patience=7)
    with pytest.raises(FirmwareFault, match="busy still"):
        system.operate(1, 2, 3)
    assert len(turns) == 7
