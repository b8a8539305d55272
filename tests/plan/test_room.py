"""Places: none lies on another, whatever is said and asked for."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apeitool.errors import EncodeError
from apeitool.plan.room import ALIGNMENT, Room, extent, merged
from apeitool.registers.address import GenericAddress

RANGES = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 40)).map(lambda pair: range(pair[0], sum(pair))),
    max_size=12,
)


def apart(ranges: list[range]) -> list[range]:
    kept: list[range] = []
    for one in ranges:
        if not any(set(one) & set(other) for other in kept):
            kept.append(one)
    return kept


@given(
    said=RANGES.map(apart), start=st.integers(0, 300),
    wanted=st.lists(st.tuples(st.integers(0, 60), st.sampled_from([8, 16, 64])), max_size=10),
)  # fmt: skip
def test_places_lie_apart_in_order_and_aligned(said, start, wanted) -> None:
    room = Room(start, [(str(one), one) for one in said], "p")
    given_: list[range] = []
    for length, alignment in wanted:
        at = room.take(length, alignment)
        assert at >= start
        assert at % alignment == 0
        given_.append(range(at, at + length))
    assert apart([*said, *given_]) == [*said, *given_]
    assert given_ == sorted(given_, key=lambda one: one.start)
    inside = {address for one in room.extents for address in one}
    assert {address for one in [*said, *given_] for address in one} <= inside
    spare = len(inside) - sum(map(len, [*said, *given_]))
    assert spare < ALIGNMENT * max(1, len(wanted))


@given(said=RANGES)
def test_what_overlaps_is_refused(said) -> None:
    named = [(f"p.{index}", one) for index, one in enumerate(said)]
    whole = [one for one in said if one]
    if apart(whole) == whole:
        assert set(Room(0, named, "p").extents) == set(merged(said))
        return
    with pytest.raises(EncodeError, match="lies on"):
        Room(0, named, "p")


@given(RANGES)
def test_merged_ranges_are_the_same_addresses(ranges) -> None:
    found = merged(ranges)
    assert {a for one in found for a in one} == {a for one in ranges for a in one}
    assert all(x.stop < y.start for x, y in itertools.pairwise(found))


def test_a_gap_is_used_if_it_is_large_enough() -> None:
    said = [("a", range(8, 16)), ("b", range(32, 40))]
    room = Room(0, said, "p")
    assert [room.take(8), room.take(16), room.take(8), room.take(4), room.take(8)] == [
        0,
        16,
        40,
        48,
        56,
    ]
    assert Room(0, said, "p").take(64) == 40


def test_ranges_may_be_larger_than_memory() -> None:
    whole = range(1 << 64)
    assert Room(None, [("a", whole)], "p").extents == (whole,)
    with pytest.raises(EncodeError, match="last address"):
        Room(8, [("a", range((1 << 64) - 8))], "p").take(16)


@pytest.mark.parametrize(
    ("register", "expected"),
    [
        (GenericAddress.memory(8), range(8, 16)),
        (GenericAddress.memory(8, bits=8), range(8, 9)),
        (GenericAddress(register_bit_width=1, access_size=4, address=8), range(8, 16)),
        (GenericAddress(register_bit_width=9, register_bit_offset=7, access_size=1, address=8),
         range(8, 10)),
        (GenericAddress(register_bit_width=8, address=8), range(8, 9)),
        (GenericAddress(register_bit_width=8, address=8, address_space_id=1), range(0)),
        (GenericAddress(address=8), range(0)),
    ],
)  # fmt: skip
def test_where_a_register_is(register, expected) -> None:
    assert extent(register) == expected
