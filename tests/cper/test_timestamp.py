"""The eight bytes of a timestamp: BCD, or what Windows writes."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apeitool.cper.timestamp import Timestamp

MOMENTS = st.datetimes(min_value=datetime(1000, 1, 1)).map(lambda m: m.replace(microsecond=0))  # noqa: DTZ001


@given(moment=MOMENTS, precise=st.booleans())
def test_a_moment_reads_back(moment, precise) -> None:
    stamp = Timestamp.of(moment, precise=precise)
    assert stamp.is_bcd
    assert stamp.moment == moment
    assert stamp.precise == precise
    assert str(moment) in stamp.text


@given(number=st.integers(0, (1 << 64) - 1))
def test_any_bytes_have_a_text(number) -> None:
    stamp = Timestamp(number)
    assert stamp.text
    assert stamp.moment is None or str(stamp.moment) in stamp.text


@pytest.mark.parametrize(
    ("data", "moment"),
    [
        ("5934120128022420", datetime(2024, 2, 28, 12, 34, 59)),  # noqa: DTZ001
        ("21370900090b1814", datetime(2024, 11, 9, 9, 55, 33)),  # noqa: DTZ001 - as Windows has it
        ("0000000000000000", None),
        ("151e100019072520", None),  # of an Arm controller: BCD but for one byte, not the year 3237
        ("ffffffffffffffff", None),
    ],
)
def test_known_bytes(data, moment) -> None:
    assert Timestamp(int.from_bytes(bytes.fromhex(data), "little")).moment == moment
