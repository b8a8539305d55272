"""The Linux of the proposal of 2017 beside mainline: an SError has the SEI sources asked first.

No release is it, so no guest can be asked; what must hold is what the proposal says.
"""

import pytest
from modelled_guest import BASE, MEMORY, PAGE, RAM, SEI, ack_at, block_at, described, whats
from plain_bytes import CORRECTED, FATAL, about, hest

from apeitool.linux.features import KERNELS, kernel, with_sei
from apeitool.memory import Regions
from apeitool.ospm.linux import Linux
from apeitool.ospm.outcome import Fate
from apeitool.ospm.serror import syndrome
from apeitool.registers.arm_syndrome import AsynchronousErrorType

AETS = tuple(AsynchronousErrorType)


class Proposed:
    """Such a guest with one SEI source."""

    def __init__(
        self, release: str = "6.1", *, block: bytes | None = None, has_sei: bool = True
    ) -> None:
        self.memory = Regions(MEMORY)
        self.memory.write(BASE + 16, block_at(1).to_bytes(8, "little"))
        features = kernel(release)
        self.now = 0.0
        self.linux = Linux(
            self.memory, hest(described(1, SEI)), ram=(RAM,), clock=lambda: self.now,
            features=with_sei(features) if has_sei else features,
        )  # fmt: skip
        self.linux.boot()
        if block is not None:
            self.memory.write(block_at(1), block)

    def serror(self, aet=AsynchronousErrorType.UER):
        return self.linux.serror(syndrome(aet))


@pytest.mark.parametrize("release", sorted(KERNELS))
def test_only_the_proposal_binds_to_an_sei_source(release) -> None:
    assert [bound.number for bound in Proposed(release).linux.sources] == [1]
    assert Proposed(release, has_sei=False).linux.sources == []


@pytest.mark.parametrize("release", sorted(KERNELS))
@pytest.mark.parametrize("aet", AETS)
def test_a_recoverable_record_is_handled_and_survived_whatever_the_syndrome_says(
    release, aet
) -> None:
    guest = Proposed(release, block=about(PAGE))
    reply = guest.serror(aet)
    assert reply.outcome.fate is Fate.RETRIES
    assert guest.linux.pages.is_poisoned(PAGE)
    assert not any(guest.memory.read(block_at(1), 4))
    assert guest.memory.read(ack_at(1), 1) == b"\1"


@pytest.mark.parametrize("aet", AETS)
@pytest.mark.parametrize("block", [None, about(PAGE, CORRECTED)], ids=["none", "corrected"])
def test_the_rest_falls_to_the_syndrome(aet, block) -> None:
    proposed = Proposed(block=block).serror(aet).outcome
    mainline = Proposed(block=block, has_sei=False).serror(aet).outcome
    assert (proposed.fate, proposed.reason) == (mainline.fate, mainline.reason)


def test_a_fatal_record_is_a_panic_of_ghes() -> None:
    guest = Proposed(block=about(PAGE, FATAL))
    outcome = guest.serror(AsynchronousErrorType.CE).outcome
    assert outcome.fate is Fate.PANIC
    assert "severity" in outcome.reason
    assert guest.linux.end is outcome


def test_the_same_record_again_is_dropped_and_survived() -> None:
    guest = Proposed(block=about(PAGE))
    guest.serror()
    guest.memory.write(block_at(1), about(PAGE))
    reply = guest.serror()
    assert any("drops the record" in what for what in whats(reply))
    assert reply.outcome.fate is Fate.RETRIES
