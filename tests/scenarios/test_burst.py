"""Many errors: each comes to one end, and the ends are those that the parts of the story demand."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apeitool.cper.severity import Severity
from apeitool.errors import ApeiError
from apeitool.linux.features import KERNELS, kernel
from apeitool.ospm.outcome import Fate
from apeitool.scenarios.burst import End, Setting, Story, Way, run, runs

TOLD = [Way.INTERRUPT, Way.NMI, Way.SDEI]
STEADY = Setting(errors=120, every=0.1, is_random=False)


def counts(**choices: object) -> dict[str, int]:
    """Every end that was come to."""
    found = run(replace(STEADY, **choices)).counts  # type: ignore[arg-type]
    return {end.name: count for end, count in found.items() if count}


@pytest.mark.parametrize("way", TOLD)
@pytest.mark.parametrize("release", sorted(KERNELS))
def test_different_errors_are_all_acted_on_and_two_in_five_seconds_printed(
    way: Way, release: str
) -> None:
    """Windows open at 0, 5.1 and 10.2 s, so that 11.9 s have three."""
    found = counts(way=way, features=kernel(release))
    assert found == {"PRINTED": 6, "LIMITED": 114}


def test_one_error_again_and_again_is_printed_every_ten_seconds() -> None:
    """From an NMI the others are dropped, from an interrupt they are acted on."""
    assert counts(way=Way.INTERRUPT, distinct=1) == {"PRINTED": 2, "REPEATED": 118}
    assert counts(way=Way.NMI, distinct=1) == {"PRINTED": 2, "DROPPED": 118}


def test_what_comes_faster_than_it_is_polled_finds_no_block_free() -> None:
    one = run(replace(STEADY, way=Way.POLLED))
    four = run(replace(STEADY, way=Way.POLLED, sources=4))
    read = len(one.errors) - one.counts[End.REFUSED]
    assert one.polls - 2 <= read <= one.polls
    assert read < len(four.errors) - four.counts[End.REFUSED] <= 4 * read + 8
    assert one.delays is not None
    assert 0.5 < one.delays[1] < 2.1


def test_a_short_poll_interval_is_no_better_than_a_second_is() -> None:
    """Timers are rounded: now and then a poll comes at once, and then none for most of a second."""
    story = run(replace(STEADY, poll_interval=10))
    assert story.delays is not None
    assert 0.5 < story.delays[1] < 0.9
    assert story.counts[End.REFUSED] > 60


@pytest.mark.parametrize("way", list(Way))
def test_a_dead_guest_leaves_one_error_unread_and_the_rest_find_no_block(way: Way) -> None:
    found = counts(way=way, dead_at=3.05, sources=2)
    assert found["LEFT"] == 2
    assert found["REFUSED"] >= 120 - 31 - 2
    assert "LOST" not in found
    assert counts(way=way, dead_at=0) == {"LEFT": 1, "REFUSED": 119}


def test_a_late_guest_takes_nmis_and_interrupts_wait() -> None:
    late = ((2.05, 8.05),)
    nmi = counts(way=Way.NMI, masked=late)
    assert nmi["LIMITED"] + nmi["PRINTED"] == 120
    interrupt = counts(way=Way.INTERRUPT, masked=late)
    assert interrupt["REFUSED"] == 59
    assert run(replace(STEADY, way=Way.INTERRUPT, masked=late)).delays[1] == pytest.approx(5.95)  # type: ignore[index]


def test_without_memory_the_block_is_stuck_until_firmware_notifies_again() -> None:
    """34 copies of 2000 bytes fit one source's 64 KiB and the cache's 4 KiB."""
    late = Setting(
        errors=200, every=0.05, is_random=False, way=Way.NMI, length=2000, masked=((0, 8),)
    )
    stuck = run(late)
    assert (stuck.exhausted, stuck.counts[End.LEFT]) == (1, 1)
    assert stuck.counts[End.REFUSED] == 200 - 34 - 1
    again = run(replace(late, again=0.5))
    assert again.exhausted > 1
    assert again.counts[End.LEFT] == 0
    assert again.counts[End.REFUSED] < stuck.counts[End.REFUSED]


def test_copies_of_a_guest_that_dies_while_it_is_late_are_never_acted_on() -> None:
    found = counts(way=Way.NMI, masked=((0, 9),), dead_at=5.05)
    assert found == {"LOST": 51, "LEFT": 1, "REFUSED": 68}


@pytest.mark.parametrize("way", list(Way))
def test_a_fatal_error_ends_it(way: Way) -> None:
    story = run(replace(STEADY, way=way, severity=Severity.FATAL))
    assert story.outcome is not None
    assert story.outcome.fate is Fate.PANIC
    assert story.counts[End.PRINTED] == 1
    assert story.counts[End.LEFT] == 1


def test_recoverable_errors_have_a_limit_of_their_own() -> None:
    found = counts(way=Way.NMI, severity=Severity.RECOVERABLE)
    assert found == {"PRINTED": 6, "LIMITED": 114}


def test_the_log_tells_of_those_that_it_kept_back_when_it_next_prints() -> None:
    story = run(replace(STEADY, way=Way.INTERRUPT))
    assert 0 < story.suppressed < story.counts[End.LIMITED]


def told(story: Story) -> list[tuple[float, int, End, float | None]]:
    return [(e.time, e.kind, e.end, e.read_at) for e in story.errors]


def test_a_seed_is_a_story() -> None:
    first, second, third = runs(Setting(seed=4), 3)
    assert told(first) != told(second) != told(third)
    assert told(run(Setting(seed=5))) == told(second)


@given(st.builds(
    Setting, errors=st.integers(1, 60), every=st.floats(0.0001, 3), is_random=st.booleans(),
    distinct=st.integers(0, 6), severity=st.sampled_from(list(Severity)),
    way=st.sampled_from(list(Way)), poll_interval=st.integers(1, 5000),
    latency=st.floats(0, 0.5), sources=st.integers(1, 3), length=st.sampled_from([0, 500, 65536]),
    masked=st.sampled_from([(), ((0, 1),), ((0.5, 2), (3, 30))]),
    dead_at=st.none() | st.floats(0, 5), again=st.none() | st.floats(0.01, 1),
    features=st.sampled_from([*KERNELS.values()]), seed=st.integers(0, 99),
))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_every_error_comes_to_one_end_and_what_is_read_was_published(setting: Setting) -> None:
    story = run(setting)
    assert len(story.errors) == setting.errors == sum(story.counts.values())
    for error in story.errors:
        is_read = error.end not in (End.LEFT, End.REFUSED)
        assert (error.read_at is not None) == is_read
        assert error.read_at is None or error.read_at >= error.time
    times = [error.time for error in story.errors]
    assert times == sorted(times)
    moments = [*(e.read_at or 0 for e in story.errors), *(stop for _, stop in setting.masked)]
    windows = 1 + max(moments) // 5
    assert story.counts[End.PRINTED] <= 2 * windows + (setting.severity is Severity.FATAL)


@pytest.mark.parametrize(
    "choices", [{"sources": 0}, {"sources": 65}, {"length": 100}, {"length": 70000}]
)
def test_what_cannot_be_is_refused(choices: dict[str, int]) -> None:
    with pytest.raises(ApeiError):
        run(Setting(**choices))  # type: ignore[arg-type]
