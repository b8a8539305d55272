"""What Linux remembers between records: what it printed, how much, and how much memory is left.

The tables transcribe what Debian's Linux 6.1.176 did under QEMU, record by record, on x86 and arm64.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelled_guest import NMI, PAGE, POLLED, SEA, Guest, described, effects, lines, reports
from plain_bytes import (
    CORRECTED,
    FATAL,
    INFORMATIONAL,
    MEMORY,
    RECOVERABLE,
    UNKNOWN,
    about,
    block,
    entry,
    memory,
)

from apeitool.acpi.hest.notification import NotificationType
from apeitool.linux.features import KERNELS, Architecture
from apeitool.ospm.cache import LIFETIME, Cache
from apeitool.ospm.outcome import Effect, Fate, Reply
from apeitool.ospm.pool import GRAIN, Pool
from apeitool.ospm.pool import PAGE as POOL_PAGE
from apeitool.ospm.throttle import HZ, Throttle

X86 = Architecture.X86
SUPPRESSED = "ghes_print_estatus: {} callbacks suppressed"


def x86(*sources: bytes, **extra: object) -> Guest:
    return Guest(*sources, architecture=X86, **extra)  # type: ignore[arg-type]


def told(guest: Guest, number: int, data: bytes, kind: int = NMI, *, after: float = 0.25) -> Reply:
    """A record some time after the one before."""
    guest.now += after
    guest.put(number, data)
    reply = guest.linux.notified(NotificationType(kind))
    assert guest.status(number) == 0
    return reply


def corrected(address: int) -> bytes:
    return about(address, CORRECTED)


THROTTLED = [
    (corrected(0x100000), 4, 0.25, 1, None),
    (corrected(0x101000), 4, 0.25, 2, None),
    (corrected(0x102000), 4, 0.25, None, None),
    (about(0x777000, INFORMATIONAL), 4, 0.25, None, None),
    (about(0x200000), 4, 0.25, 3, None),
    (about(0x201000), 4, 0.25, 4, None),
    (about(0x202000), 4, 0.25, None, None),
    (corrected(0x300000), 4, 5.45, 5, 2),
    (corrected(0x300000), 4, 0.25, None, None),
    (corrected(0x300000), 3, 0.25, None, None),
    (corrected(0x300000), 4, 5.45, None, None),
    (corrected(0x300000), 4, 5.45, 6, None),
    (b"\x22" + corrected(0x300000)[1:], 4, 0.25, 7, None),
    (corrected(0x102000), 4, 5.75, 8, None),
    (corrected(0x400000), 2, 0.3, 9, None),
]
"""Record, source, seconds since the one before, its number in the log, how many the log says it left out."""


def test_two_of_a_kind_in_five_seconds_and_what_was_printed_not_again_in_ten() -> None:
    guest = x86(described(2, POLLED), described(3, NMI, v2=False), described(4, NMI))
    for data, source, after, number, missed in THROTTLED:
        reply = told(guest, source, data, POLLED if source == 2 else NMI, after=after)
        head = f"{{{number}}}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: {source}"
        assert reports(reply) == ([] if number is None else [head])
        said = [line for line in lines(reply) if "suppressed" in line]
        assert said == ([SUPPRESSED.format(missed)] if missed else [])


def test_four_slots_and_the_one_with_most_age_to_its_hits_makes_room() -> None:
    """The print limit was off; the fifth kind takes a slot, and each that follows that of the next."""
    cache, now = Cache(Pool(1)), 100.0
    printed = []
    for kind in "ABCDABCDEABCDE":
        data, now = corrected(ord(kind)), now + 0.15
        if not cache.knows(data, now):
            printed.append(kind)
            assert cache.add(data, now)
    assert "".join(printed) == "ABCDEABCDE"


def test_a_hit_makes_a_record_stay() -> None:
    cache = Cache(Pool(1))
    for kind in range(4):
        assert cache.add(corrected(kind), kind / 100)
    for _ in range(9):
        assert cache.knows(corrected(0), 1.0)
    assert cache.add(corrected(9), 1.0)
    assert cache.knows(corrected(0), 1.0)
    assert not cache.knows(corrected(1), 1.0)


def test_a_record_is_known_for_less_than_its_lifetime() -> None:
    cache, data = Cache(Pool(1)), corrected(0)
    cache.add(data, 3.0)
    end = 3.0 + LIFETIME / 1e9
    assert cache.knows(data, end - 1e-6)
    assert not cache.knows(data, end)
    assert not cache.knows(data + b"\0", end - 1e-6)


def test_what_made_room_counts_until_all_processors_have_passed_on() -> None:
    cache = Cache(Pool(1), grace=0.5)
    now = 0.0
    taken = []
    for kind in range(8):
        now += 0.01
        taken.append(cache.add(corrected(kind), now))
    assert taken == [True] * 6 + [False] * 2
    assert cache.add(corrected(9), now + 0.5)


def test_nothing_that_came_at_the_same_moment_makes_room() -> None:
    cache = Cache(Pool(1))
    assert [cache.add(corrected(kind), 1.0) for kind in range(5)] == [True] * 4 + [False]


def test_a_window_begins_with_the_first_line_and_says_what_the_last_one_kept_back() -> None:
    throttle = Throttle("place", 2)
    assert [throttle.ask(7.0 + n).given for n in range(5)] == [True, True, False, False, False]
    assert throttle.ask(12.0) == (False, ())
    assert throttle.ask(12.0 + 1 / HZ) == (True, ("place: 4 callbacks suppressed",))
    assert throttle.ask(12.1) == (True, ())
    assert throttle.ask(30.0) == (True, ())


def test_each_warning_has_a_limit_of_its_own() -> None:
    guest = x86(described(1, NMI))
    one, other = block(CORRECTED, data_length=0x2000), block(CORRECTED, data_length=63)
    said = [lines(told(guest, 1, one, after=0.01)) for _ in range(12)]
    assert [len(each) for each in said] == [1] * 10 + [0] * 2
    assert len(lines(told(guest, 1, other))) == 1
    again = lines(told(guest, 1, one, after=5.0))
    assert again[0] == "__ghes_check_estatus: 2 callbacks suppressed"
    assert len(again) == 2


# ---- the same bytes again


def test_in_process_context_a_repetition_is_acted_on_and_from_an_nmi_it_is_not() -> None:
    acted = [Effect.ACTED_ON, Effect.CLEARED, Effect.ACKNOWLEDGED]
    guest = x86(described(1, POLLED), described(2, NMI))
    assert effects(told(guest, 1, about(PAGE), POLLED)) == [Effect.PRINTED, *acted]
    assert effects(told(guest, 1, about(PAGE), POLLED)) == [Effect.REPEATED, *acted]
    assert effects(told(guest, 2, about(PAGE))) == [*acted[1:], Effect.DROPPED]


def test_an_identical_record_claims_an_abort_and_is_not_handled() -> None:
    """As it happened: signalled for the page, and then, with the record emptied, for the abort itself."""
    guest = Guest(described(0, SEA))
    guest.put(0, about(0x12345000))
    assert guest.abort().outcome.fate is Fate.SIGNAL  # type: ignore[union-attr]
    guest.now += 1
    guest.put(0, about(0x12345000))
    reply = guest.abort()
    assert effects(reply) == [Effect.CLEARED, Effect.ACKNOWLEDGED, Effect.DROPPED]
    assert reply.outcome.fate is Fate.RETRIES  # type: ignore[union-attr]
    last = guest.abort().outcome
    assert last is not None
    assert last.signal is not None
    assert int(last.signal.code) == 3


# ---- memory


def large(length: int, severity: int, address: int = PAGE) -> bytes:
    """A block of so many bytes, its memory section followed by what the kernel does not look at."""
    section = memory(address).ljust(length - 20 - 72, b"\0")
    return block(severity, entry(MEMORY, section, severity))


def test_a_record_that_finds_no_memory_stays_and_is_not_claimed() -> None:
    """One SEA source on arm64: the copy of 30 KiB in the cache leaves no room for one of 60 KiB."""
    guest = Guest(described(0, SEA, room=65536))
    found = []
    for data in (large(30720, CORRECTED), large(61440, RECOVERABLE), about(PAGE)):
        guest.put(0, data)
        code = guest.abort()
        assert code.outcome is not None
        found.append(
            (guest.status(0), guest.ack(0), code.outcome.signal and int(code.outcome.signal.code))
        )
        guest.now += 13
    assert found == [(0, 1, 128), (0x11, 0, 3), (0, 1, None)]


def test_while_interrupts_are_off_copies_pile_up_until_there_is_no_memory() -> None:
    guest = x86(described(1, NMI, room=65536), described(2, POLLED))
    guest.linux.mask_interrupts()
    taken = 0
    while True:
        guest.put(1, large(8192, CORRECTED, taken << 12))
        seen = effects(guest.linux.notified(NotificationType.NMI))
        if seen == [Effect.NO_MEMORY]:
            break
        assert seen == [Effect.CLEARED, Effect.ACKNOWLEDGED]
        taken += 1
    room = guest.linux.pool.size
    assert taken == room // (8192 + 48)
    assert (guest.status(1), guest.ack(1)) != (0, 1)
    guest.put(2, about(None))
    assert guest.linux.notified(NotificationType.POLLED).did == ()
    done = effects(guest.linux.unmask_interrupts())
    assert done.count(Effect.ACTED_ON) == taken + 1
    assert done.count(Effect.PRINTED) == 3
    assert (guest.status(2), guest.ack(2)) == (0, 1)
    assert Effect.ACTED_ON in effects(guest.linux.notified(NotificationType.NMI))


def test_a_panic_prints_what_waits_as_far_as_the_limit_lets_it_and_the_last_in_any_case() -> None:
    guest = x86(described(1, NMI))
    guest.linux.mask_interrupts()
    for number in range(4):
        told(guest, 1, about(number << 12))
    reply = told(guest, 1, about(None, FATAL))
    assert [line[1] for line in reports(reply)] == ["1", "2", "3"]
    assert lines(reply)[-2:] == [
        "GHES: Fatal hardware error but panic disabled",
        "Kernel panic - not syncing: GHES: Fatal hardware error",
    ]
    assert guest.linux.unmask_interrupts().did == ()


def test_a_listener_hears_of_nothing_that_there_is_no_memory_to_copy() -> None:
    guest = x86(described(1, POLLED, room=65536))
    data = block(CORRECTED, *(entry(UNKNOWN, bytes(15000), CORRECTED) for _ in range(4)))
    whats = [did.what for did in told(guest, 1, data, POLLED).did if did.what.startswith("section")]
    heard = [what for what in whats if "only passes it on" in what]
    assert (len(whats), len(heard)) == (4, 0)  # the copy in the cache has taken all
    assert guest.linux.pool.free == guest.linux.pool.size - len(data) - 44


@pytest.mark.parametrize("release", sorted(KERNELS))
def test_nothing_is_left_in_the_pool_but_what_the_cache_keeps(release: str) -> None:
    guest = x86(described(1, NMI), release=release)
    for number in range(40):
        sections = (
            entry(UNKNOWN, bytes(100), RECOVERABLE),
            entry(MEMORY, memory(PAGE), RECOVERABLE),
        )
        told(guest, 1, block(RECOVERABLE, *sections, status=0x11 + number * 16), after=12.0)
    kept = guest.linux.pool.size - guest.linux.pool.free
    assert 0 < kept <= 6 * (40 + 20 + 172 + 152 + GRAIN)


def test_the_pool_of_a_table() -> None:
    """As many as there are generic sources, enabled or not; a table without one has none."""
    off = described(3, POLLED, enabled=0)
    assert x86(described(1, POLLED), off).linux.pool.size == 2 * 65536 + POOL_PAGE
    assert x86().linux.pool.size == 0


@given(st.lists(st.integers(1, 30000) | st.none(), max_size=60))
def test_pieces_of_a_pool_never_overlap(wanted: list[int | None]) -> None:
    """None gives the oldest piece back."""
    pool, held = Pool(1), []
    for length in wanted:
        if length is None:
            if held:
                pool.give(held.pop(0)[0])
            continue
        place = pool.take(length)
        if place is not None:
            assert place % GRAIN == 0
            assert place + length <= pool.size
            assert all(place >= at + size or place + length <= at for at, size in held)
            held.append((place, length))
        else:
            assert pool.size - sum(-(-size // GRAIN) * GRAIN for _, size in held) == pool.free
