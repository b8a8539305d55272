"""SPSR, ISR and PAR: values of real machines, and what they say."""

import pytest

from apeitool.cper.arm_context import AArch64El1Registers
from apeitool.registers.arm_state import (
    Isr,
    ParOfFault,
    ParOfSuccess,
    SpsrOfAArch32,
    SpsrOfAArch64,
    par_word,
    spsr_word,
)
from apeitool.render.text import text
from apeitool.wire.labels import word_lines


def told(word, value: int) -> dict[str, str]:
    return {name: shown for name, shown in word_lines(word, value, None) if shown != "0"}


@pytest.mark.parametrize(
    ("value", "word", "mode"),
    [
        (0x600003C5, SpsrOfAArch64, "EL1h"),  # a kernel with everything masked, as oopses print it
        (0x60400009, SpsrOfAArch64, "EL2h"),
        (0x80000000, SpsrOfAArch64, "EL0t"),
        (0x200D0010, SpsrOfAArch32, "user"),
        (0x600F0193, SpsrOfAArch32, "supervisor"),
    ],
)
def test_who_was_interrupted(value, word, mode) -> None:
    assert spsr_word(value) is word
    assert word(value).mode.text == mode


def test_masks_and_conditions() -> None:
    word = SpsrOfAArch64(0x600003C5)
    assert (word.debug_masked, word.serror_masked, word.irq_masked, word.fiq_masked) == (1, 1, 1, 1)
    assert (word.negative, word.zero, word.carry, word.overflow) == (0, 1, 1, 0)
    assert SpsrOfAArch64(0x60400009).privileged_access_never
    assert SpsrOfAArch32(0x20).thumb


def test_what_is_pending() -> None:
    assert Isr(0x100).serror_pending
    assert not Isr(0x100).irq_pending


def test_a_translation() -> None:
    good = ParOfSuccess(0xFF00_0000_1234_5B80)
    assert par_word(int(good)) is ParOfSuccess
    assert good.physical_address << 12 == 0x12345000
    bad = ParOfFault(0x80F)
    assert par_word(int(bad)) is ParOfFault
    assert bad.fault_status.text == "translation fault level 3"


def test_a_context_shows_them() -> None:
    shown = text(AArch64El1Registers(spsr_el1=0x600003C5, isr_el1=0x100))
    assert "EL1h" in shown
    assert "serror_pending" in shown
