"""An SError is judged by its syndrome alone.

The table transcribes what Debian's Linux 6.1.176 did on a cortex-a76 (RAS) and a cortex-a57 (no RAS)
under QEMU, with an SEI source filled.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelled_guest import SEI, Guest, described, lines
from plain_bytes import CORRECTED, about

from apeitool.memory import Regions
from apeitool.ospm.linux import Linux
from apeitool.ospm.outcome import Fate
from apeitool.ospm.serror import judge, syndrome
from apeitool.registers.arm_syndrome import AsynchronousErrorType

PANIC = "Kernel panic - not syncing: Asynchronous SError Interrupt"


@pytest.mark.parametrize(
    ("esr", "has_ras", "fate"),
    [
        (0xBE001A11, True, Fate.GOES_ON),  # CE
        (0xBE000A11, True, Fate.GOES_ON),  # UEO
        (0xBE000C11, True, Fate.PANIC),  # UER
        (0xBE000411, True, Fate.PANIC),  # UEU
        (0xBE000011, True, Fate.PANIC),  # UC
        (0xBF000123, True, Fate.PANIC),  # IDS
        (0xBE000000, False, Fate.PANIC),  # uncategorized
        (0xBF001A11, True, Fate.PANIC),  # IDS, and what would else be CE; read, not seen
    ],
)
def test_what_an_serror_comes_to(esr: int, has_ras: bool, fate: Fate) -> None:
    reply = judge(esr, has_ras=has_ras)
    assert reply.outcome is not None
    assert reply.outcome.fate is fate
    assert reply.outcome.is_survived == (fate is Fate.GOES_ON)
    code = f"SError Interrupt on CPU0, code {esr:#018x} -- SError"
    assert lines(reply) == ([] if reply.outcome.is_survived else [code, PANIC])
    assert reply.outcome.reason
    assert reply.outcome.source


@given(st.integers(0, (1 << 25) - 1))
def test_without_ras_or_with_ids_every_serror_is_fatal(iss: int) -> None:
    esr = 0x2F << 26 | 1 << 25 | iss
    for wrong in (judge(esr, has_ras=False), judge(esr | 1 << 24, has_ras=True)):
        assert wrong.outcome is not None
        assert wrong.outcome.fate is Fate.PANIC


@given(st.integers(0, (1 << 24) - 1))
def test_only_two_states_of_an_architected_syndrome_are_survived(iss: int) -> None:
    reply = judge(0x2F << 26 | 1 << 25 | iss, has_ras=True)
    assert reply.outcome is not None
    architected = iss & 0x3F == 0x11
    assert reply.outcome.is_survived == (architected and (iss >> 10 & 7) in (6, 2))


@pytest.mark.parametrize(
    ("aet", "esr"), [("UER", 0xBE000C11), ("UEU", 0xBE000411), ("UC", 0xBE000011)]
)
def test_syndromes_are_those_that_processors_gave(aet: str, esr: int) -> None:
    assert syndrome(AsynchronousErrorType[aet]) == esr


@pytest.mark.parametrize("aet", AsynchronousErrorType)
def test_a_filled_sei_source_is_never_read(aet: AsynchronousErrorType) -> None:
    guest = Guest(described(0, SEI), described(1, SEI, v2=False))
    for number in (0, 1):
        guest.put(number, about(None, CORRECTED))
    reply = guest.linux.serror(syndrome(aet))
    assert [guest.status(n) for n in (0, 1)] == [0x12, 0x12]
    assert guest.ack(0) == 0
    assert reply.outcome is not None
    assert (guest.linux.end is None) == reply.outcome.is_survived


def test_a_processor_without_ras_is_the_machines_not_the_releases() -> None:
    table = b"HEST" + (40).to_bytes(4, "little") + bytes(32)
    linux = Linux(Regions(), table, ram=(), has_ras=False)
    linux.boot()
    outcome = linux.serror(syndrome(AsynchronousErrorType.CE)).outcome
    assert outcome is not None
    assert outcome.fate is Fate.PANIC
