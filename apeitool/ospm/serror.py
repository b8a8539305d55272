"""An SError interrupt, as Linux on arm64 judges it: by its syndrome alone.

No GHES source is asked.  A record that firmware filled for a source with an SEI notification adds
nothing to what the exception means, because Linux has no driver for that notification.

Beside it stands what was proposed in 2017 and is in no release: the SEI sources are asked first, and
an SError whose record left work on a page is survived; all others are judged by their syndrome.
"""

from __future__ import annotations

from apeitool.linux import dmesg
from apeitool.ospm.outcome import Did, Fate, Outcome, Reply
from apeitool.registers.arm_syndrome import (
    DFSC_ASYNCHRONOUS_SERROR,
    AsynchronousErrorType,
    ExceptionClass,
    SErrorSyndrome,
)

SOURCE = "Linux do_serror(), arch/arm64/kernel/traps.c, seen on 6.1.176"

PROPOSED = "kvmarm list, 2017-04 (msg24780), and ACPI / APEI: add SEI notification, v6"

SURVIVABLE = {
    AsynchronousErrorType.CE: "the error was corrected",
    AsynchronousErrorType.UEO: "what was running can be restarted",
}
"""The states that Linux lets pass, and why it may."""


def syndrome(aet: AsynchronousErrorType) -> int:
    """ESR_EL1 of an SError with an architected syndrome."""
    dfsc, ec = DFSC_ASYNCHRONOUS_SERROR, int(ExceptionClass.SERROR)
    return SErrorSyndrome.compose(ec=ec, il=1, dfsc=dfsc, aet=int(aet))


def judge(esr: int, *, has_ras: bool) -> Reply:
    """What an SError with this syndrome does to Linux; ``has_ras``: the processor can contain it."""
    survivable, why = _weigh(SErrorSyndrome(esr), has_ras=has_ras)
    reason = f"an SError is judged by its syndrome alone: {why}"
    if survivable:
        did = Did("asks no source; the syndrome lets it go on, and it prints nothing", (), SOURCE)
        return Reply((did,), Outcome(Fate.GOES_ON, reason, SOURCE))
    lines = (dmesg.serror(esr), dmesg.SERROR)
    did = Did("asks no source; the syndrome makes it panic", lines, SOURCE)
    return Reply((did,), Outcome(Fate.PANIC, reason, SOURCE))


def claimed() -> Reply:
    """What a Linux with the proposal makes of an SError whose record it could act on."""
    did = Did("an SEI source claims the SError: its syndrome is not asked", source=PROPOSED)
    reason = "a record of an SEI source said which page had failed, and that was dealt with"
    return Reply((did,), Outcome(Fate.RETRIES, reason, PROPOSED))


def _weigh(syndrome: SErrorSyndrome, *, has_ras: bool) -> tuple[bool, str]:
    if not has_ras:
        return False, "without the RAS extension no SError tells whether it was contained"
    if syndrome.ids:
        return (
            False,
            "IDS is set, so the syndrome is the implementation's own and Linux cannot read it",
        )
    if syndrome.dfsc != DFSC_ASYNCHRONOUS_SERROR:
        return (
            False,
            f"DFSC is {syndrome.dfsc:#x}, so AET tells nothing, and the error counts as UC",
        )
    aet = AsynchronousErrorType(syndrome.aet)
    name = aet.name if aet.is_known else "a reserved value"
    if aet in SURVIVABLE:
        return True, f"AET is {name}, {SURVIVABLE[aet]}"
    return False, f"AET is {name} ({aet.text}), and Linux goes on only after CE and UEO"
