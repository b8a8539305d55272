"""When a real Linux polled: rhythms that Debian's 6.1.176 kept under QEMU, and the model's.

Each is a piece of a rhythm, in milliseconds: from when firmware had its block back, filled it again,
and until it had it back once more.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apeitool.ospm.polling import interval_ticks, next_poll
from apeitool.ospm.throttle import HZ

TICK = 1000 // HZ
TOLERANCE = 30
"""What the guest and the test took; arm64's were noted to 10 ms."""

MEASURED = [
    (4, [780, 200, 3, 5, 5, 6, 775]),
    (100, [83, 4, 4, 4, 3, 4, 4, 869, 116]),
    (250, [996, 992, 1023, 959, 39, 988, 991, 1027, 960, 38, 987, 989]),
    (500, [285, 706, 287, 705]),
    (1000, [1280, 1727, 1280, 1739]),
    (1000, [1340, 1660, 1340, 1660, 1340, 1640]),  # arm64
    (3000, [1130, 3070, 3070, 3840, 3330, 3580]),  # arm64
]


def rhythm(start: int, milliseconds: int, count: int) -> list[int]:
    found = []
    for _ in range(count):
        after = next_poll(start, interval_ticks(milliseconds))
        found.append((after - start) * TICK)
        start = after
    return found


@pytest.mark.parametrize(("interval", "measured"), MEASURED)
def test_there_is_a_phase_in_which_the_model_keeps_the_measured_rhythm(
    interval: int, measured: list[int]
) -> None:
    def differs(start: int) -> int:
        # How long the first one took also depends on when the block was filled.
        pairs = zip(measured[1:], rhythm(start, interval, len(measured))[1:], strict=True)
        return max(abs(one - other) for one, other in pairs)

    assert min(differs(start) for start in range(4000, 4000 + 64 * HZ)) <= TOLERANCE


@given(st.integers(0, 10**9), st.integers(1, 0xFFFFFFFF))
def test_a_poll_comes_after_the_one_before_and_within_its_interval_and_a_second(
    tick: int, milliseconds: int
) -> None:
    interval = interval_ticks(milliseconds)
    after = next_poll(tick, interval) - tick
    assert after >= 1
    slack = HZ + max(8, interval // 7 + HZ // 7)
    assert after <= interval + slack
    if interval < 63 << 21:
        assert after >= interval - HZ // 4
