"""KVM: what becomes of exceptions of a guest, beside a modelled host."""

import pytest
from modelled_guest import BASE, MEMORY, SEA, Guest, ack_at, block_at, described
from plain_bytes import about

from apeitool.host.kvm import JUDGEMENT, Judgement, Kvm, SeaExit, Slot, Thread, VirtualSError
from apeitool.ospm.outcome import Fate, SignalCode
from apeitool.ospm.serror import syndrome
from apeitool.registers.arm_syndrome import AsynchronousErrorType, SErrorSyndrome

GUEST, PROCESS, HOST = 0x4000_0000, 0x7F00_0000_0000, 0x5000_0000
BAD = 0x12_3000
"""How far into the guest's memory the bad page is."""


def slot(shift: int = 12, length: int = 0x0400_0000) -> Slot:
    return Slot(GUEST, PROCESS, HOST, length, shift)


class Host:
    """A modelled host with an SEA source and a polled one, and KVM."""

    def __init__(self, shift: int = 12, release: str = "7.2", **how: bool) -> None:
        pending = {1: about(HOST + 0x1000)} if release == "none" else {}
        self.guest = Guest(described(1, SEA), described(2, 0, poll=1000), release=release, pending=pending)  # fmt: skip
        self.kvm = Kvm(self.guest.linux, slot(shift), **how)

    def poll(self, offset: int = BAD):
        self.guest.put(2, about(HOST + offset))
        self.guest.linux.notified(0)
        return self.kvm.failures()


def test_the_layout_is_that_of_the_tests() -> None:
    assert BASE in MEMORY
    assert block_at(1) in MEMORY
    assert ack_at(1) in MEMORY


def test_a_page_is_mapped_until_the_host_takes_it_out_of_use() -> None:
    host = Host(early_kill=True)
    (mapped,) = host.kvm.touch(GUEST + BAD).did
    assert "maps" in mapped.what
    assert host.kvm.touch(GUEST + BAD).did == ()
    handled = host.poll()
    assert "unmaps" in handled.did[0].what
    assert handled.event is not None
    signal = handled.event.signal
    assert (signal.code, signal.address, signal.lsb) == (SignalCode.BUS_MCEERR_AO, PROCESS + BAD, 12)  # fmt: skip
    assert handled.event.thread is Thread.MAIN
    assert host.kvm.failures().event is None
    fault = host.kvm.touch(GUEST + BAD + 8).event
    assert (fault.signal.code, fault.signal.address) == (SignalCode.BUS_MCEERR_AR, PROCESS + BAD)
    assert fault.thread is Thread.VCPU
    assert host.kvm.touch(GUEST + BAD + 0x1000).event is None


def test_who_does_not_ask_is_not_told_early() -> None:
    host = Host()
    host.kvm.touch(GUEST + BAD)
    assert host.poll().event is None
    assert host.kvm.touch(GUEST + BAD).event.signal.code is SignalCode.BUS_MCEERR_AR


def test_memory_of_others_is_nothing_to_the_guest() -> None:
    host = Host(early_kill=True)
    host.guest.put(2, about(HOST - 0x1000))
    host.guest.linux.notified(0)
    handled = host.kvm.failures()
    assert (handled.did, handled.event) == ((), None)


@pytest.mark.parametrize("shift", [12, 16, 21])
def test_a_page_goes_as_a_whole(shift) -> None:
    host = Host(shift, early_kill=True)
    size = 1 << shift
    inside, outside = BAD & -size, (BAD & -size) + size
    host.kvm.touch(GUEST + inside)
    assert host.poll().event.signal.lsb == shift
    assert host.kvm.touch(GUEST + inside).event.signal.lsb == shift
    assert host.kvm.touch(GUEST + outside).event is None
    assert slot(shift).same_page(GUEST + BAD) == range(GUEST + inside, GUEST + outside)


def test_a_page_at_the_rim_of_the_memory_goes_as_far_as_it_is_the_guest_s() -> None:
    rim = Slot(GUEST, PROCESS, HOST + 0x3000, 0x4000, 16)
    assert rim.same_page(GUEST) == range(GUEST, GUEST + 0x4000)


@pytest.mark.parametrize("release", ["6.1", "7.2"])
def test_the_host_has_the_first_claim_to_an_abort(release) -> None:
    host = Host(release=release, early_kill=True, sea_to_user=True)
    host.kvm.touch(GUEST + BAD)
    host.guest.put(1, about(HOST + BAD))
    handled = host.kvm.synchronous_external_abort(GUEST + BAD)
    at_once = release == "7.2"
    assert (handled.event is not None) == at_once
    if at_once:
        assert handled.event.signal.code is SignalCode.BUS_MCEERR_AR
        assert handled.event.signal.address == PROCESS + BAD
    # Early too, if a worker took the page out of use: so a real 6.1 did, to a process that had asked.
    early = host.kvm.failures().event
    assert (early is None) == at_once
    assert at_once or early.signal.code is SignalCode.BUS_MCEERR_AO
    assert host.kvm.touch(GUEST + BAD).event.signal.code is SignalCode.BUS_MCEERR_AR


def test_an_abort_that_nobody_claims() -> None:
    event = Host().kvm.synchronous_external_abort(GUEST + BAD).event
    assert isinstance(event, VirtualSError)
    assert SErrorSyndrome(event.esr).ids
    event = Host(sea_to_user=True).kvm.synchronous_external_abort(GUEST + BAD).event
    assert event == SeaExit(GUEST + BAD)


@pytest.mark.parametrize("aet", AsynchronousErrorType)
def test_an_serror_is_judged_by_its_syndrome(aet) -> None:
    host = Host()
    host.guest.put(1, about(HOST + BAD))
    handled = host.kvm.serror(syndrome(aet))
    judgement = JUDGEMENT.get(aet, Judgement.PANIC)
    assert isinstance(handled.event, VirtualSError) == (judgement is Judgement.TO_GUEST)
    assert (host.guest.linux.end is not None) == (judgement is Judgement.PANIC)
    assert host.guest.status(1), "no source is asked"
    if judgement is Judgement.PANIC:
        assert host.guest.linux.end.fate is Fate.PANIC


def test_an_serror_without_an_architected_syndrome_is_the_guest_s() -> None:
    event = Host().kvm.serror(SErrorSyndrome.compose(ec=0x2F, il=1, ids=1)).event
    assert isinstance(event, VirtualSError)
