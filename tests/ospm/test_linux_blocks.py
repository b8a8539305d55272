"""What the modelled Linux does with blocks: which it reads, clears, acknowledges, and dies of.

The tables transcribe what Debian's Linux 6.1.176 did under QEMU, on x86 and arm64.
"""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelled_guest import (
    EXTERNAL,
    GPIO,
    GSIV,
    NMI,
    NO_RAM,
    PAGE,
    POLLED,
    SCI,
    SDEI,
    SEA,
    SEI,
    Guest,
    ack_at,
    block_at,
    described,
    lines,
    pointer_at,
    whats,
)
from modelled_guest import MEMORY as GUEST_MEMORY
from plain_bytes import (
    ARM,
    CORRECTED,
    FATAL,
    INFORMATIONAL,
    MEMORY,
    RECOVERABLE,
    UNKNOWN,
    about,
    arm,
    arm_information,
    block,
    entry,
    gas,
    memory,
    source,
)
from strategies import instances

from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.errors import ApeiError
from apeitool.linux.features import KERNELS, Architecture
from apeitool.memory import Regions
from apeitool.ospm.linux import Linux
from apeitool.ospm.outcome import Fate
from apeitool.ospm.source import TRANSITIONS, Event, State

X86, ARM64 = Architecture.X86, Architecture.ARM64
CORRECTED_RECORD = about(None, CORRECTED)
PANIC = "Kernel panic - not syncing: GHES: Fatal hardware error"
MALFORMED = struct.pack("<IIIII", 0x11, 0, 0, 8192, 0)
WARNING = "[Firmware Warn]: GHES: Invalid error status block length!"
ENDLESS = block(CORRECTED, entry(MEMORY, memory(), CORRECTED, length=0x100000000 - 72))


def test_every_state_and_every_event_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)
    reached = {State.IDLE}
    for _ in State:
        reached |= {after for state in reached for after in TRANSITIONS[state].values()}
    assert reached == set(State)


def vector_of(notification: int) -> int:
    """An interrupt that Linux for x86 can have, or an event of SDEI."""
    return 7 if notification == EXTERNAL else 804


def told(guest: Guest, notification: int, vector: int = 0) -> list[str]:
    return lines(guest.linux.notified(NotificationType(notification), vector=vector))


@pytest.mark.parametrize(
    ("notification", "architecture"),
    [(POLLED, ARM64), (POLLED, X86), (SCI, ARM64), (GPIO, X86), (GSIV, ARM64), (NMI, X86),
     (EXTERNAL, X86), (SDEI, ARM64)],
)  # fmt: skip
@pytest.mark.parametrize(
    ("data", "printed"), [(CORRECTED_RECORD, []), (MALFORMED, [WARNING]), (block(CORRECTED), [])]
)
@pytest.mark.parametrize("v2", [True, False])
def test_what_is_read_is_cleared_and_acknowledged(
    notification: int, architecture: Architecture, data: bytes, printed: list[str], v2: bool
) -> None:
    vector = vector_of(notification)
    events = frozenset({vector})
    bound = described(1, notification, v2=v2, vector=vector)
    guest = Guest(bound, architecture=architecture, sdei_events=events)
    guest.put(1, data)
    assert told(guest, notification, vector) == printed
    assert (guest.status(1), guest.ack(1)) == (0, int(v2))
    assert guest.linux.end is None


@pytest.mark.parametrize("status", [0x80000000, 0x100, 0x52, 0x11])
def test_any_block_status_but_0_says_that_something_is_recorded(status: int) -> None:
    guest = Guest(described(1, POLLED))
    guest.put(1, block(CORRECTED, entry(MEMORY, memory(), CORRECTED), status=status))
    told(guest, POLLED)
    assert (guest.status(1), guest.ack(1)) == (0, 1)


@pytest.mark.parametrize("notification", [POLLED, GSIV, SEA])
def test_nothing_recorded_is_neither_cleared_nor_acknowledged(notification: int) -> None:
    guest = Guest(described(1, notification))
    guest.put(1, bytes(4) + CORRECTED_RECORD[4:])
    assert told(guest, notification) == []
    assert guest.ack(1) == 0
    guest.put(1, CORRECTED_RECORD)
    guest.memory.write(pointer_at(1), bytes(8))
    assert told(guest, notification) == []
    assert (guest.status(1), guest.ack(1)) == (0x12, 0)


@pytest.mark.parametrize(
    ("of_block", "of_section", "panics"),
    [(FATAL, FATAL, True), (7, 7, True), (4, RECOVERABLE, True), (FATAL, CORRECTED, True),
     (CORRECTED, FATAL, False), (CORRECTED, RECOVERABLE, False), (RECOVERABLE, FATAL, False),
     (INFORMATIONAL, FATAL, False)],
)  # fmt: skip
@pytest.mark.parametrize(("notification", "architecture"), [(POLLED, ARM64), (NMI, X86)])
@pytest.mark.parametrize("v2", [True, False])
def test_the_severity_of_the_block_alone_decides_a_panic(
    notification: int, architecture: Architecture, of_block: int, of_section: int,
    panics: bool, v2: bool,
) -> None:  # fmt: skip
    guest = Guest(described(1, notification, v2=v2), architecture=architecture)
    guest.put(1, block(of_block, entry(MEMORY, memory(), of_section)))
    reply = guest.linux.notified(NotificationType(notification))
    assert (PANIC in lines(reply)) == panics
    assert (reply.outcome is not None and reply.outcome.fate is Fate.PANIC) == panics
    assert (guest.status(1), guest.ack(1)) == (0, int(v2))


def test_a_panic_keeps_what_an_nmi_had_read_before_from_being_acted_on() -> None:
    guest = Guest(described(1, NMI), described(2, NMI), architecture=X86)
    guest.put(2, about(PAGE))
    guest.put(1, about(None, FATAL))
    assert told(guest, NMI)[-1] == PANIC
    assert not guest.linux.pages.is_poisoned(PAGE)
    assert [guest.ack(n) for n in (1, 2)] == [1, 1]


def test_after_a_panic_nothing_happens() -> None:
    guest = Guest(described(1, POLLED), described(2, POLLED))
    guest.put(1, about(None, FATAL))
    guest.linux.notified(NotificationType.POLLED)
    guest.put(1, CORRECTED_RECORD)
    reply = guest.linux.notified(NotificationType.POLLED)
    assert reply.did == ()
    assert reply.outcome == guest.linux.end
    assert guest.status(1)
    assert guest.linux.serror(0xBE000000).outcome == guest.linux.end


@pytest.mark.parametrize(
    ("preserve", "write", "old", "new"),
    [(0xFFFFFFFFFFFFFFFE, 1, 0x0, 0x1), (0xFFFFFFFFFFFFFFFE, 1, 0xABCD0000, 0xABCD0001),
     (0xFF00, 0x42, 0x123456789ABCDEF1, 0xDE42), (0, 0, 0xFFFF, 0x0),
     (0xFFFFFFFFFFFFFFFF, 0, 0x5, 0x5)],
)  # fmt: skip
def test_the_acknowledgement_keeps_and_sets_bits(
    preserve: int, write: int, old: int, new: int
) -> None:
    guest = Guest(described(1, POLLED, preserve=preserve, write=write))
    guest.put(1, CORRECTED_RECORD)
    guest.memory.write(ack_at(1), old.to_bytes(8, "little"))
    told(guest, POLLED)
    assert guest.ack(1) == new


def test_the_acknowledgement_is_shifted_by_the_bit_offset_and_accessed_whole() -> None:
    register = gas(ack_at(1), width=4, offset=8, access=2)
    narrow = source(1, pointer_at(1), POLLED, ack=register, preserve=0xE, write=1)
    guest = Guest(described(2, POLLED), narrow)
    guest.put(1, CORRECTED_RECORD)
    guest.memory.write(ack_at(1), b"\xff" * 4)
    told(guest, POLLED)
    assert guest.memory.read(ack_at(1), 4) == bytes.fromhex("000fffff")


@pytest.mark.parametrize("moved", [3, 0xF80])
def test_a_block_may_lie_anywhere(moved: int) -> None:
    """Unaligned, and across a page."""
    guest = Guest(described(1, POLLED))
    place = block_at(9) + moved
    guest.memory.write(pointer_at(1), place.to_bytes(8, "little"))
    guest.memory.write(place, CORRECTED_RECORD)
    told(guest, POLLED)
    assert (guest.memory.read(place, 4), guest.ack(1)) == (bytes(4), 1)


ABORTED = "Kernel panic - not syncing: synchronous external abort: Fatal exception in interrupt"


@pytest.mark.parametrize(("architecture", "printed"), [(X86, []), (ARM64, [ABORTED])])
def test_a_pointer_to_nowhere(architecture: Architecture, printed: list[str]) -> None:
    guest = Guest(described(1, POLLED), architecture=architecture)
    guest.memory.write(pointer_at(1), (0x0B00_0000).to_bytes(8, "little"))
    assert told(guest, POLLED) == printed
    assert guest.ack(1) == 0


def test_a_read_ack_register_that_is_nowhere_is_fatal_on_arm64_after_the_clear() -> None:
    for architecture, fate in ((X86, None), (ARM64, Fate.PANIC)):
        nowhere = source(1, pointer_at(1), POLLED, ack=0x0B00_0000)
        guest = Guest(nowhere, architecture=architecture)
        guest.put(1, CORRECTED_RECORD)
        guest.linux.notified(NotificationType.POLLED)
        assert guest.status(1) == 0
        assert (guest.linux.end and guest.linux.end.fate) is fate


def test_an_endless_entry_hangs_the_kernel_with_the_block_uncleared() -> None:
    """As Debian's Linux 6.1.192 did on x86: no line, no acknowledgement, no answer from its shell."""
    guest = Guest(described(1, POLLED))
    guest.put(1, ENDLESS)
    reply = guest.linux.notified(NotificationType.POLLED)
    assert reply.outcome is not None
    assert reply.outcome.fate is Fate.HANGS
    assert (guest.status(1), guest.ack(1)) == (0x12, 0)


def order_of(done: list[str]) -> list[int]:
    """Which sources were read, in order."""
    return [int(what.split("source ")[1][0]) for what in done if what.startswith("reads")]


def test_one_event_drains_all_sources_of_its_kind_the_last_bound_first() -> None:
    guest = Guest(described(2, SCI), described(3, GSIV), described(4, GPIO), described(5, POLLED))
    for number in (2, 3, 4, 5):
        guest.put(number, about(number << 12, CORRECTED))
    reply = guest.linux.notified(NotificationType.GPIO_SIGNAL)
    assert order_of(whats(reply)) == [4, 3, 2]
    assert [bool(guest.status(n)) for n in (2, 3, 4, 5)] == [False, False, False, True]
    nmi = Guest(described(3, NMI, v2=False), described(4, NMI), architecture=X86)
    for number in (3, 4):
        nmi.put(number, about(number << 12, CORRECTED))
    assert order_of(whats(nmi.linux.notified(NotificationType.NMI))) == [4, 3]


def test_a_vector_tells_interrupts_apart() -> None:
    guest = Guest(
        described(1, EXTERNAL, vector=7), described(2, EXTERNAL, vector=8), architecture=X86
    )
    for number in (1, 2):
        guest.put(number, CORRECTED_RECORD)
    told(guest, EXTERNAL, 8)
    assert [bool(guest.status(n)) for n in (1, 2)] == [True, False]


def test_a_source_without_poll_interval_is_bound_but_never_polled_again() -> None:
    guest = Guest(described(1, POLLED, poll=0), pending={1: CORRECTED_RECORD})
    assert guest.ack(1) == 1
    guest.put(1, CORRECTED_RECORD)
    told(guest, POLLED)
    assert guest.ack(1) == 0


@pytest.mark.parametrize("refused", [SEI, EXTERNAL, NMI])
def test_a_refused_source_is_never_read(refused: int) -> None:
    guest = Guest(described(1, refused), pending={1: CORRECTED_RECORD})
    told(guest, refused)
    guest.linux.serror(0xBE001811)
    assert (guest.status(1), guest.ack(1)) == (0x12, 0)


def test_a_refused_table_has_no_sources() -> None:
    guest = Guest(described(3, POLLED), described(3, POLLED), pending={3: CORRECTED_RECORD})
    assert lines(guest.booted) == [
        "[Firmware Warn]: HEST: Duplicated hardware error source ID: 3.",
        "GHES: HEST is not enabled!",
    ]
    told(guest, POLLED)
    assert guest.status(3)


READY = "GHES: Failed to enable APEI firmware first mode."
INIT = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000007"


@pytest.mark.parametrize(
    ("notification", "data", "printed"),
    [
        (SEA, CORRECTED_RECORD,
         ["GHES: swapper/0:1: synchronous unrecoverable error (SIGBUS)", READY, INIT]),
        (SEA, about(0x5000_1000), [READY]),
        (GSIV, CORRECTED_RECORD, [READY]),
    ],
)  # fmt: skip
def test_a_record_that_is_pending_at_boot_is_handled_at_boot(
    notification: int, data: bytes, printed: list[str]
) -> None:
    guest = Guest(described(1, notification), pending={1: data})
    assert lines(guest.booted)[1:] == printed
    assert (guest.status(1), guest.ack(1)) == (0, 1)
    assert (guest.linux.end is not None) == (INIT in printed)
    assert guest.linux.pages.is_poisoned(0x5000_1000) == (data == about(0x5000_1000))


AT_ONCE = ["reads", "prints", "acts", "section", "clears", "acknowledges", "takes page"]
LATER = ["reads", "clears", "acknowledges", "acts", "section", "prints", "takes page"]
"""Work on a page is left to a worker, which has to wait for the handler of an interrupt."""


@pytest.mark.parametrize(
    ("notification", "architecture", "order"),
    [
        (POLLED, ARM64, AT_ONCE),
        (GSIV, ARM64, AT_ONCE),
        (EXTERNAL, X86, AT_ONCE),
        (NMI, X86, LATER),
        (SDEI, ARM64, LATER),
    ],
)
def test_acting_comes_before_the_acknowledgement_only_in_process_context(
    notification: int, architecture: Architecture, order: list[str]
) -> None:
    vector = vector_of(notification)
    sdei = frozenset({vector})
    guest = Guest(
        described(1, notification, vector=vector), architecture=architecture, sdei_events=sdei
    )
    guest.put(1, about(PAGE))
    done = whats(guest.linux.notified(NotificationType(notification), vector=vector))
    assert [what[: len(start)] for what, start in zip(done, order, strict=True)] == order


def test_later_kernels_ask_sea_sources_only_where_the_word_mapped_at_probe_is_set() -> None:
    for release, read in (("6.1", True), ("6.12", True), ("7.2", False)):
        guest = Guest(described(1, SEA), release=release)
        elsewhere = block_at(9)
        guest.memory.write(pointer_at(1), elsewhere.to_bytes(8, "little"))
        guest.memory.write(elsewhere, about(PAGE))
        guest.abort()
        assert (guest.memory.read(elsewhere, 4) == bytes(4)) == read, release


def test_a_port_as_a_register_is_not_modelled() -> None:
    port = gas(0x80, space=1, width=32, access=3)
    with pytest.raises(ApeiError, match="port"):
        Guest(source(1, pointer_at(1), POLLED, ack=port))


PAYLOADS = st.one_of(
    st.binary(max_size=200),
    st.builds(memory, st.sampled_from([None, PAGE, NO_RAM, (1 << 64) - 1])),
    st.builds(
        lambda infos, count: arm(*infos, count=count),
        st.lists(st.builds(arm_information, st.integers(0, 255),
                           st.sampled_from([None, PAGE, NO_RAM]), length=st.integers(0, 255)),
                 max_size=4),
        st.none() | st.integers(0, 0xFFFF),
    ),
)  # fmt: skip
ENTRIES = st.builds(
    entry, st.sampled_from([MEMORY, ARM, UNKNOWN]), PAYLOADS, st.integers(0, 4),
    flags=st.integers(0, 255), revision=st.sampled_from([0x100, 0x201, 0x300, 0x400]),
    length=st.none() | st.integers(0, 300) | st.integers(0xFFFFFF00, 0xFFFFFFFF),
)  # fmt: skip
BLOCKS = st.one_of(
    st.binary(min_size=20, max_size=300),
    st.lists(ENTRIES, max_size=4).flatmap(
        lambda made: st.builds(
            lambda severity, data: block(severity, *made, data_length=data),
            st.integers(0, 4) | st.integers(0, 0xFFFFFFFF),
            st.none() | st.integers(0, 500),
        )
    ),
)


@given(data=BLOCKS, release=st.sampled_from(sorted(KERNELS)), real_time=st.booleans())
def test_any_bytes_come_to_an_end_and_are_cleared_and_acknowledged(
    data: bytes, release: str, real_time: bool
) -> None:
    ask: list[Callable[[Guest], object]] = [
        lambda guest: guest.linux.notified(NotificationType.POLLED),
        lambda guest: guest.abort(real_time=real_time),
    ]
    for number, act in enumerate(ask, 1):
        guest = Guest(described(1, POLLED), described(2, SEA), release=release)
        guest.put(number, data)
        act(guest)
        hangs = guest.linux.end is not None and guest.linux.end.fate is Fate.HANGS
        gone = not any(data[:4]) or not hangs
        assert (guest.status(number) == 0) == gone
        assert guest.ack(number) == (1 if gone and any(data[:4]) else 0)


@settings(max_examples=30)
@given(instances(Hest), st.sampled_from(list(Architecture)))
def test_any_table_boots_or_is_refused(table: Hest, architecture: Architecture) -> None:
    linux = Linux(Regions(GUEST_MEMORY), table.to_bytes(), ram=(), architecture=architecture)
    try:
        booted = linux.boot()
    except ApeiError:
        return
    assert booted.did[0].lines


def test_a_page_named_again_and_again_is_dealt_with_once() -> None:
    many = arm(*(arm_information(2, PAGE) for _ in range(9)), count=0xFFFF)
    for release in KERNELS:
        guest = Guest(described(1, SEA), release=release)
        guest.put(1, block(RECOVERABLE, entry(ARM, many, RECOVERABLE)))
        reply = guest.abort()
        assert len(reply.did) < 40
