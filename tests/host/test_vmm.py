"""A VMM: what it makes of signals, beside its guest's memory."""

import pytest

from apeitool.acpi.status import StatusBlock
from apeitool.firmware.firmware import Firmware
from apeitool.host.kvm import SeaExit, Signalled, Slot, Thread
from apeitool.host.vmm import NOTIFICATIONS, POLICIES, Policy, Telling, Vmm, record
from apeitool.memory import Regions
from apeitool.ospm.outcome import Signal, SignalCode
from apeitool.scenarios.touched_poison import table

GUEST, PROCESS, HOST = 0x4000_0000, 0x7F00_0000_0000, 0x5000_0000
MEMORY = range(0x8000_0000, 0x8010_0000)
AR, AO = SignalCode.BUS_MCEERR_AR, SignalCode.BUS_MCEERR_AO


class Side:
    """A VMM of a policy, and what rang for its guest."""

    def __init__(self, policy: Policy, shift: int = 12, length: int = 1024) -> None:
        hest = table(NOTIFICATIONS.values())
        self.memory = Regions(MEMORY)
        self.rung: list[int] = []
        bells = dict.fromkeys(NOTIFICATIONS.values(), lambda n: self.rung.append(n.source_id))
        firmware = Firmware(self.memory, hest, reserved=[MEMORY], clock=lambda: 0.0, bells=bells)
        self.blocks = {n: MEMORY.start + 0x1000 * n for n in range(1, len(NOTIFICATIONS) + 1)}
        firmware.power_on(self.blocks)
        self.sources = {telling: n for n, telling in enumerate(NOTIFICATIONS, 1)}
        slot = Slot(GUEST, PROCESS, HOST, 0x0400_0000, shift)
        self.vmm = Vmm(policy, slot, firmware, self.sources, length)

    def signal(self, code, address=PROCESS + 0x5000, lsb=12, name="SIGBUS") -> list[str]:
        event = Signalled(Signal(name, code, address, lsb), Thread.VCPU, "here")
        return [did.what for did in self.vmm.signalled(event)]

    def pages(self, telling) -> list[int]:
        data = self.memory.read(self.blocks[self.sources[telling]], 1024)
        return [section.physical_address for section in StatusBlock.from_bytes(data).sections]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda p: p.name)
@pytest.mark.parametrize("code", [AR, AO])
def test_a_policy_is_what_is_done(policy, code) -> None:
    side = Side(policy)
    telling = policy.required if code is AR else policy.optional
    side.signal(code)
    assert side.vmm.has_ended == (telling is Telling.ENDS)
    if telling in NOTIFICATIONS:
        assert side.pages(telling) == [GUEST + 0x5000]
        assert side.rung == [side.sources[telling]]
        assert side.vmm.told == [(code, telling)]
    else:
        assert side.rung == side.vmm.told == []


def test_a_block_that_is_the_guest_s_is_not_written_over() -> None:
    for name, ends in (("discussion", False), ("qemu", True)):
        side = Side(POLICIES[name])
        side.signal(AR)
        (said,) = side.signal(AR, PROCESS + 0x9000)
        assert "not acknowledged" in said
        assert (side.vmm.has_ended, side.vmm.refused) == (ends, 1)
        assert side.pages(Telling.SEA) == [GUEST + 0x5000]


def test_what_it_does_not_understand_ends_it() -> None:
    for code, address in (
        (SignalCode.SI_KERNEL, 0),
        (AR, PROCESS - 1),
        (AR, PROCESS + 0x0400_0000),
    ):
        side = Side(POLICIES["discussion"])
        (said,) = side.signal(code, address)
        assert said.startswith("ends: ")
        assert side.vmm.has_ended


def test_every_page_is_named_as_far_as_there_is_room() -> None:
    side = Side(POLICIES["discussion"], shift=16)
    side.signal(AR, PROCESS + 0x3_5000, lsb=16)
    pages = side.pages(Telling.SEA)
    assert pages[0] == GUEST + 0x3_5000
    assert len(pages) == len(set(pages)) == 6
    assert all(GUEST + 0x3_0000 <= page < GUEST + 0x4_0000 for page in pages)
    one = Side(POLICIES["qemu"], shift=16)
    one.signal(AR, PROCESS + 0x3_5000, lsb=16)
    assert one.pages(Telling.SEA) == [GUEST + 0x3_5000]


def test_an_abort_that_kvm_hands_on_is_action_required() -> None:
    side = Side(POLICIES["discussion"])
    list(side.vmm.sea(SeaExit(GUEST + 0x7010)))
    assert side.vmm.told == [(AR, Telling.SEA)]
    assert side.pages(Telling.SEA) == [GUEST + 0x7000]


def test_a_record_is_recoverable_and_whole() -> None:
    block = record([0x1000, 0x2000])
    assert not block.problems
    assert [section.physical_address for section in block.sections] == [0x1000, 0x2000]
    assert StatusBlock.from_bytes(block.to_bytes()) == block
