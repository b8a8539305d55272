"""Memory, and registers of every shape in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apeitool.errors import ApeiError
from apeitool.lab.window import GuestMemory
from apeitool.memory import Memory, Regions, read_register, register_mask, write_register
from apeitool.registers.address import AccessSize, AddressSpace, GenericAddress

BASE = 0x8000_0000
LENGTH = 0x1000


def regions() -> Regions:
    return Regions(range(BASE, BASE + LENGTH), range(0x100, 0x200))


def register(address: int, width: int, *, offset: int = 0, access: int = 0) -> GenericAddress:
    return GenericAddress(
        register_bit_width=width,
        register_bit_offset=offset,
        access_size=AccessSize(access),
        address=address,
    )


def test_bytes_are_where_they_were_put_and_zero_elsewhere() -> None:
    memory = regions()
    memory.write(BASE + 3, b"abc")
    assert memory.read(BASE, 8) == b"\0\0\0abc\0\0"
    memory.write(BASE + LENGTH - 1, b"z")
    memory.write(0x1FF, b"y")
    assert (memory.read(BASE + LENGTH - 1, 1), memory.read(0x1FF, 1)) == (b"z", b"y")


@pytest.mark.parametrize(
    ("address", "length"),
    [(BASE - 1, 1), (BASE - 1, 2), (BASE + LENGTH, 1), (BASE + LENGTH - 1, 2), (0, 1), (-1, 1),
     (0x1FF, 2), (1 << 64, 4), (BASE, LENGTH + 1)],
)  # fmt: skip
def test_there_is_nothing_outside_the_regions(address: int, length: int) -> None:
    memory = regions()
    with pytest.raises(ApeiError):
        memory.read(address, length)
    with pytest.raises(ApeiError):
        memory.write(address, b"x" * length)
    assert not any(memory.read(BASE, LENGTH) + memory.read(0x100, 0x100))


def test_regions_do_not_overlap() -> None:
    Regions(range(16), range(16, 32))
    with pytest.raises(ApeiError):
        Regions(range(17), range(16, 32))


@pytest.mark.parametrize(
    ("where", "value", "around", "stored"),
    [
        # width, offset, access size; written; before; after
        ((64, 0, 4), 0x1122334455667788, bytes(9), bytes.fromhex("887766554433221100")),
        ((32, 0, 3), 0x11223344, b"\xff" * 9, bytes.fromhex("44332211ffffffffff")),
        ((16, 0, 2), 0xBEEF, bytes(9), bytes.fromhex("efbe00000000000000")),
        ((1, 0, 4), 1, b"\xfe" * 9, b"\xff" + b"\xfe" * 8),
        ((1, 7, 1), 0, b"\xff" * 9, b"\x7f" + b"\xff" * 8),
        ((8, 4, 2), 0xAB, bytes(9), bytes.fromhex("b00a00000000000000")),
        ((12, 0, 0), 0xABC, b"\xff" * 9, bytes.fromhex("bcfaffffffffffffff")),
        ((64, 0, 3), 0x0102030405060708, bytes(9), bytes.fromhex("080706050403020100")),
        ((64, 8, 4), 0x1122334455667788, b"\x99" * 9, bytes.fromhex("998877665544332211")),
    ],
)
@pytest.mark.parametrize("address", [BASE, BASE + 1, BASE + 13])
def test_a_register_is_the_bits_that_it_names(
    where: tuple[int, int, int], value: int, around: bytes, stored: bytes, address: int
) -> None:
    width, offset, access = where
    it = register(address, width, offset=offset, access=access)
    memory = regions()
    memory.write(address, around + bytes(7))
    write_register(memory, it, value)
    assert memory.read(address, 9) == stored
    assert read_register(memory, it) == value


@given(
    width=st.integers(1, 64),
    offset=st.integers(0, 64),
    access=st.integers(0, 4),
    misplaced=st.integers(0, 7),
    before=st.binary(min_size=32, max_size=32),
    data=st.data(),
)
def test_writing_a_register_changes_its_bits_alone(
    width: int, offset: int, access: int, misplaced: int, before: bytes, data: st.DataObject
) -> None:
    it = register(BASE + misplaced, width, offset=offset, access=access)
    value = data.draw(st.integers(0, register_mask(it)))
    memory = regions()
    memory.write(BASE, before)
    write_register(memory, it, value)
    assert read_register(memory, it) == value
    bits = register_mask(it) << offset + 8 * misplaced
    was, now = (int.from_bytes(b, "little") for b in (before, memory.read(BASE, 32)))
    assert (was ^ now) & ~bits == 0


@pytest.mark.parametrize("space", [s for s in AddressSpace if s != AddressSpace.SYSTEM_MEMORY])
def test_only_memory_is_memory(space: AddressSpace) -> None:
    it = register(BASE, 8).replace(address_space_id=space)
    with pytest.raises(ApeiError, match="not in memory"):
        read_register(regions(), it)
    with pytest.raises(ApeiError, match="not in memory"):
        write_register(regions(), it, 0)


def test_a_register_without_bits_and_a_value_too_wide_are_refused() -> None:
    with pytest.raises(ApeiError, match="no bits"):
        read_register(regions(), register(BASE, 0))
    with pytest.raises(ApeiError, match="does not fit"):
        write_register(regions(), register(BASE, 4), 16)


def test_the_ram_of_a_real_guest_is_such_memory() -> None:
    window = GuestMemory(range(LENGTH))
    try:
        memory: Memory = window
        it = GenericAddress.memory(0x10)
        write_register(memory, it, 0x1234)
        assert memory.read(0x10, 8) == (0x1234).to_bytes(8, "little")
        with pytest.raises(ApeiError):
            read_register(memory, GenericAddress.memory(LENGTH))
    finally:
        window.close()
