"""KVM on arm64: what becomes of an error that a guest runs into.

1. A page of the guest is a page of its VMM's process.  KVM maps it in stage 2 when the guest first
   touches it; when the host takes the page out of use, that mapping goes with all the others.
2. A page goes as a whole, as large as the host has it: with huge pages, and with pages of 64 KiB under
   a guest that has pages of 4 KiB, many pages of the guest go at once.
3. A process that wants to know early is signalled when the page goes: SIGBUS, BUS_MCEERR_AO.  So it
   is where a vCPU stands on the page, if a worker of the host takes it out of use, and not the
   thread itself, which would have BUS_MCEERR_AR at once.
4. A vCPU that touches such a page takes a stage-2 fault, and its thread SIGBUS, BUS_MCEERR_AR, with
   the address in the process, and the size of the page.
5. An SEA that the guest took is first put to the SEA sources of the host.  If none claims it, the VMM
   gets it where it asked for that (KVM_CAP_ARM_SEA_TO_USER); or else the guest gets an SError.
6. An SError that the guest took is judged by its syndrome alone: CE and UEO are passed over, UER and
   UEU become an SError of the guest, anything else makes the host panic.  Without an architected
   syndrome it is the guest's.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from apeitool.linux import dmesg
from apeitool.ospm.outcome import Did, Fate, Outcome, Reply, Signal, SignalCode
from apeitool.ospm.pages import Flag, Task
from apeitool.ospm.system import OperatingSystem
from apeitool.registers.arm_syndrome import (
    DFSC_ASYNCHRONOUS_SERROR,
    AsynchronousErrorType,
    ExceptionClass,
    SErrorSyndrome,
)

SEA = "Linux kvm_handle_guest_sea(), arch/arm64/kvm/mmu.c"
SERROR = "Linux kvm_handle_guest_serror(), arch/arm64/kvm/handle_exit.c"
FAULT = "Linux kvm_send_hwpoison_signal(), arch/arm64/kvm/mmu.c"
KILL = "Linux kill_procs(), mm/memory-failure.c"
SEA_TO_USER = "Linux Documentation/virt/kvm/api.rst, KVM_EXIT_ARM_SEA"


@dataclass(frozen=True, slots=True)
class Slot:
    """Memory of a guest: the same bytes under three addresses.

    ``page_shift`` is log2 of the size in which the host has its pages there.

    Units:   addresses and ``length`` in bytes; ``host_virtual`` is an address of the VMM's process.
    """

    guest_physical: int
    host_virtual: int
    host_physical: int
    length: int
    page_shift: int = 12

    def to_host(self, guest_physical: int) -> int:
        """The host-physical address."""
        return guest_physical - self.guest_physical + self.host_physical

    def to_virtual(self, guest_physical: int) -> int:
        """The address in the VMM's process."""
        return guest_physical - self.guest_physical + self.host_virtual

    def from_virtual(self, host_virtual: int) -> int | None:
        """The guest-physical address; None for what is no memory of the guest."""
        offset = host_virtual - self.host_virtual
        return self.guest_physical + offset if 0 <= offset < self.length else None

    def same_page(self, guest_physical: int) -> range:
        """The guest-physical addresses that share a page of the host with this one."""
        size = 1 << self.page_shift
        first = self.to_host(guest_physical) & -size
        start = max(first, self.host_physical) - self.host_physical
        stop = min(first + size, self.host_physical + self.length) - self.host_physical
        return range(self.guest_physical + start, self.guest_physical + stop)


class Thread(enum.Enum):
    """Which thread of the VMM a signal reaches."""

    MAIN = "main thread"
    VCPU = "vCPU thread"


@dataclass(frozen=True, slots=True)
class Signalled:
    """A signal to the VMM; ``lines`` is what the host printed sending it."""

    signal: Signal
    thread: Thread
    source: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeaExit:
    """KVM_EXIT_ARM_SEA: the guest took an SEA that the host did not claim.

    Units:   ``guest_physical`` is an address of the guest, in bytes.
    """

    guest_physical: int


@dataclass(frozen=True, slots=True)
class VirtualSError:
    """An SError becomes pending for the guest, with this syndrome."""

    esr: int


@dataclass(frozen=True, slots=True)
class Handled:
    """What host and KVM made of an exception of the guest.

    ``event`` is what comes of it for the VMM or the guest; None when the guest simply goes on, or
    nobody does any more.
    """

    did: tuple[Did, ...]
    event: Signalled | SeaExit | VirtualSError | None = None


_MAIN_THREAD = "vmm:1000"


class Kvm:
    """KVM with one guest, whose VMM has one slot of memory for it.

    ``sea_to_user``: the VMM asked for KVM_CAP_ARM_SEA_TO_USER; ``early_kill``: its process asked
    by prctl(PR_MCE_KILL) to be told of failures early.
    """

    def __init__(
        self,
        linux: OperatingSystem,
        slot: Slot,
        *,
        sea_to_user: bool = False,
        early_kill: bool = False,
    ) -> None:
        self._linux = linux
        self._slot = slot
        self._sea_to_user = sea_to_user
        self._early_kill = early_kill
        self._mapped: set[int] = set()
        self._required: set[int] = set()
        """Pages whose loss the vCPU's thread was told of at once."""
        self._seen = 0

    def touch(self, guest_physical: int) -> Handled:
        """Rules 1 and 4: a vCPU touches its memory."""
        slot = self._slot
        page = self._page(guest_physical)
        if page in self._mapped:
            return Handled(())
        if not self._is_lost(page):
            self._mapped.add(page)
            did = Did(f"maps {guest_physical:#x} of the guest in stage 2", source=FAULT)
            return Handled((did,))
        address = slot.to_virtual(guest_physical) & ~0xFFF
        signal = Signal("SIGBUS", SignalCode.BUS_MCEERR_AR, address, slot.page_shift)
        what = f"takes a stage-2 fault at {guest_physical:#x}: the page is out of use"
        return Handled((Did(what, source=FAULT),), Signalled(signal, Thread.VCPU, FAULT))

    def failures(self) -> Handled:
        """Rules 1 to 3: what the host has taken out of use since the last time."""
        did: list[Did] = []
        event: Signalled | None = None
        failures = self._linux.failures
        for work in failures[self._seen :]:
            page = work.address >> self._slot.page_shift
            if page in self._mapped:
                self._mapped.discard(page)
                did.append(Did(f"unmaps page {work.address:#x} from the guest's stage 2", (), KILL))
            offset = work.address - self._slot.host_physical
            is_guest = 0 <= offset < self._slot.length
            if is_guest and self._early_kill and page not in self._required:
                address = self._slot.host_virtual + offset & ~0xFFF
                signal = Signal("SIGBUS", SignalCode.BUS_MCEERR_AO, address, self._slot.page_shift)
                # Of the page of a thread that stands on it, the host has said so already.
                is_said = work.flag is not Flag.ACTION_OPTIONAL
                line = dmesg.sending_sigbus(work.address >> 12, _MAIN_THREAD)
                event = Signalled(signal, Thread.MAIN, KILL, () if is_said else (line,))
        self._seen = len(failures)
        return Handled(tuple(did), event)

    def synchronous_external_abort(self, guest_physical: int) -> Handled:
        """Rule 5."""
        address = self._slot.to_host(guest_physical)
        reply = self._linux.claim(self._task(address))
        if reply is not None:
            signalled = self._signal(reply)
            if signalled is not None and signalled.signal.code is SignalCode.BUS_MCEERR_AR:
                self._required.add(address >> self._slot.page_shift)
            return Handled(reply.did, signalled)
        if self._sea_to_user:
            did = Did("claims nothing: the VMM gets the abort", source=SEA_TO_USER)
            return Handled((did,), SeaExit(guest_physical))
        did = Did("claims nothing: the guest gets a virtual SError", source=SEA)
        return Handled((did,), VirtualSError(_IMPLEMENTATION_DEFINED))

    def _task(self, address: int) -> Task:
        """The thread of a vCPU that stands on a host-physical address."""
        virtual = address - self._slot.host_physical + self._slot.host_virtual
        early = _MAIN_THREAD if self._early_kill else ""
        return Task(address, virtual, comm="vcpu0", pid=1001, told_early=early)

    def _signal(self, reply: Reply) -> Signalled | None:
        outcome = reply.outcome
        if outcome is None or outcome.signal is None:
            return None
        signal = outcome.signal
        if signal.lsb:
            signal = Signal(signal.name, signal.code, signal.address, self._slot.page_shift)
        return Signalled(signal, Thread.VCPU, outcome.source)

    def serror(self, esr: int) -> Handled:
        """Rule 6."""
        syndrome = SErrorSyndrome(esr)
        if syndrome.ids or syndrome.dfsc != DFSC_ASYNCHRONOUS_SERROR:
            did = Did("gives it to the guest: the syndrome is none of RAS", source=SERROR)
            return Handled((did,), VirtualSError(_IMPLEMENTATION_DEFINED))
        aet = AsynchronousErrorType(syndrome.aet)
        name = aet.name if aet.is_known else "reserved"
        verdict = JUDGEMENT.get(aet, Judgement.PANIC)
        did = Did(f"finds AET {name}: {verdict.value}", source=SERROR)
        if verdict is Judgement.PASS:
            return Handled((did,))
        if verdict is Judgement.TO_GUEST:
            return Handled((did,), VirtualSError(_IMPLEMENTATION_DEFINED))
        lines = (dmesg.serror(esr), dmesg.SERROR)
        reason = f"an SError of the guest had AET {name}, which nobody contains"
        self._linux.end = Outcome(Fate.PANIC, reason, SERROR)
        return Handled((Did(did.what, lines, SERROR),))

    def _page(self, guest_physical: int) -> int:
        return self._slot.to_host(guest_physical) >> self._slot.page_shift

    def _is_lost(self, page: int) -> bool:
        shift = self._slot.page_shift
        return any(work.address >> shift == page for work in self._linux.failures)


class Judgement(enum.Enum):
    """What KVM does about an SError of the guest."""

    PASS = "passes over it, the guest goes on"  # noqa: S105 - no password
    TO_GUEST = "the guest gets a virtual SError"
    PANIC = "the host panics"


JUDGEMENT = {
    AsynchronousErrorType.CE: Judgement.PASS,
    AsynchronousErrorType.UEO: Judgement.PASS,
    AsynchronousErrorType.UER: Judgement.TO_GUEST,
    AsynchronousErrorType.UEU: Judgement.TO_GUEST,
    AsynchronousErrorType.UC: Judgement.PANIC,
}
"""Rule 6; what is not here is as UC."""

_IMPLEMENTATION_DEFINED = SErrorSyndrome.compose(ec=int(ExceptionClass.SERROR), il=1, ids=1)
"""The syndrome of an SError that KVM itself injects (kvm_inject_vabt(), arch/arm64/kvm/inject_fault.c)."""
