"""A guest touches bad memory: who is told, how, by whom, and what becomes of the guest.

1. A task of the guest loads from a page, and the processor takes an exception to firmware: an SEA, or
   an SError.
2. Firmware records the error for the host, and notifies it in one of five ways.  The exceptions that
   go by the name of a notification (SEA, SEI) reach the host where the guest was; the others
   interrupt it.
3. What the host takes out of use goes from the guest's stage 2, and the VMM is signalled.
4. The vCPU runs again: first it takes what is pending for it (SEA, SError, interrupts, its timer for
   polled sources), then the task executes the load again.
5. That goes on until the task is past the load, or is signalled; until guest, VMM or host has come to
   its end; or until nothing changes any more.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from apeitool.acpi.hest.generic import GhesV2
from apeitool.acpi.hest.notification import Notification, NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.cper.severity import Severity
from apeitool.firmware.firmware import Answer, Firmware
from apeitool.firmware.platform import Notify
from apeitool.host.kvm import Handled, Kvm, SeaExit, Signalled, Slot, VirtualSError
from apeitool.host.vmm import NOTIFICATIONS, POLICIES, Policy, Vmm, may_tell, record
from apeitool.linux.features import DEFAULT, Features, with_sei
from apeitool.memory import Memory, Regions
from apeitool.ospm.linux import Linux
from apeitool.ospm.outcome import Did, Effect, Fate, Outcome, Reply, SignalCode
from apeitool.ospm.pages import Task
from apeitool.ospm.sea import Abort
from apeitool.ospm.serror import syndrome
from apeitool.ospm.system import OperatingSystem
from apeitool.registers.address import GenericAddress
from apeitool.registers.arm_syndrome import AsynchronousErrorType

HOST_RAM = range(0x20_0000_0000, 0x24_0000_0000)
SLOT = (0x4000_0000, 0xFFFF_4000_0000, 0x20_4000_0000, 0x4000_0000)
"""The guest's memory: guest-physical, in the VMM's process, host-physical, and how much."""
ADDRESS = 0x5BF6_1000
"""The guest-physical address of the bad page, unless the caller says otherwise."""

PAGE_SIZES = {"4K": 12, "64K": 16, "2M": 21, "1G": 30}
"""In which the host has the guest's memory; as log2."""

_FIRMWARE = range(0x8000_0000, 0x8010_0000)
_BLOCK = 0x1000
_VIRTUAL_ADDRESS = 0xFFFF_B4EF_6000
_EVENT = 804
_POLL = 1.0
_STEP = 1e-3
_ROUNDS = 8
"""So often the task executes its load in vain before nothing is expected to change."""
_ARM = "Arm Architecture Reference Manual (DDI 0487)"
_FIRMWARE_FIRST = "ACPI 6.5 18.3.2.7, 18.3.2.8"


class HardwareException(enum.Enum):
    """What the processor takes to firmware."""

    SEA = "sea"
    SERROR = "serror"


class HostTelling(enum.Enum):
    """How firmware tells the host: by a notification, or not at all, because the exception is not its."""

    SEA = "sea"
    SEI = "sei"
    INTERRUPT = "interrupt"
    POLLED = "polled"
    SDEI = "sdei"
    NOTHING = "none"


_HOST_NOTIFICATIONS = {
    HostTelling.SEA: NotificationType.SEA,
    HostTelling.SEI: NotificationType.SEI,
    HostTelling.INTERRUPT: NotificationType.GSIV,
    HostTelling.POLLED: NotificationType.POLLED,
    HostTelling.SDEI: NotificationType.SDEI,
}

_WITH_EXCEPTION = (HostTelling.SEA, HostTelling.SEI)

SEVERITIES = (Severity.CORRECTED, Severity.RECOVERABLE, Severity.FATAL)

AETS = {
    Severity.CORRECTED: AsynchronousErrorType.CE,
    Severity.INFORMATIONAL: AsynchronousErrorType.CE,
    Severity.RECOVERABLE: AsynchronousErrorType.UER,
    Severity.FATAL: AsynchronousErrorType.UC,
}
"""The state that an SError's syndrome tells of, by how bad the error is."""


class End(enum.Enum):
    """What became of the guest, best first."""

    RECOVERED = "recovered"
    SIGBUS = "SIGBUS"
    TASK_KILLED = "task killed"
    GUEST_PANICS = "guest panics"
    VMM_ENDS = "VMM ends"
    HOST_PANICS = "host panics"
    LOST = "lost"


MEANINGS = {
    End.RECOVERED: "the task goes on, with the data that it wanted",
    End.SIGBUS: "the task gets SIGBUS, BUS_MCEERR_AR, with the address: it may know what to do",
    End.TASK_KILLED: "the task gets a signal that says nothing about memory",
    End.GUEST_PANICS: "the guest's kernel panics",
    End.VMM_ENDS: "the VMM ends, and the guest with it",
    End.HOST_PANICS: "the host panics, with all its guests",
    End.LOST: "the error is told to nobody who acts on it, and the task runs into it for ever",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One way in which it can go.

    ``aet`` is what an SError's syndrome says, None for what goes with the severity; ``page`` the size of
    the host's pages, a key of `PAGE_SIZES`; ``has_sei`` whether the guest has the proposal of 2017;
    ``is_quick`` whether its task executes the load again before a worker of its kernel has come to what
    an interrupt brought.

    Units:   ``address`` is guest-physical, in bytes.
    """

    exception: HardwareException = HardwareException.SERROR
    host: HostTelling = HostTelling.INTERRUPT
    policy: Policy = POLICIES["discussion"]
    has_sei: bool = False
    severity: Severity = Severity.RECOVERABLE
    aet: AsynchronousErrorType | None = None
    page: str = "4K"
    is_quick: bool = True
    address: int = ADDRESS
    host_features: Features = DEFAULT
    guest_features: Features = DEFAULT

    @property
    def guest(self) -> Features:
        """The guest's kernel."""
        return with_sei(self.guest_features) if self.has_sei else self.guest_features


class Actor(enum.Enum):
    """Who does something."""

    HARDWARE = "hardware"
    FIRMWARE = "firmware"
    HOST = "host"
    KVM = "kvm"
    VMM = "vmm"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that somebody did, to whom if to anyone; ``lines`` is what a kernel printed.

    ``effect`` is what became by it of a record.

    Units:   ``time`` in seconds since the load.
    """

    time: float
    actor: Actor
    what: str
    lines: tuple[str, ...] = ()
    source: str = ""
    to: Actor | None = None
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """What happened, in the order of time, and how it ended.

    ``objections`` are the notifications that say what the exception does not mean; ``faults`` counts
    how often the task ran into the page, ``refused`` what the guest could not be told;
    ``untold`` how many pages of the guest were lost without any record that names them.
    """

    setting: Setting
    steps: tuple[Step, ...]
    end: End
    reason: str
    source: str
    objections: tuple[str, ...]
    faults: int
    refused: int
    untold: int


@dataclass(frozen=True, slots=True)
class Kernels:
    """The host's and the guest's, the memory that each shares with its firmware, and the guest's memory."""

    host: OperatingSystem
    host_memory: Memory
    guest: OperatingSystem
    guest_memory: Memory
    slot: Slot


def modelled(setting: Setting, clock: Callable[[], float]) -> Kernels:
    """Two modelled Linuxes, each with a gigabyte and more of memory."""
    host_memory, guest_memory = Regions(_FIRMWARE), Regions(_FIRMWARE)
    host = Linux(
        host_memory, HOST_HEST.to_bytes(), ram=(HOST_RAM,), features=setting.host_features,
        sdei_events=frozenset({_EVENT}), clock=clock,
    )  # fmt: skip
    start, _, _, length = SLOT
    guest = Linux(
        guest_memory, GUEST_HEST.to_bytes(), ram=(range(start, start + length),),
        features=setting.guest, clock=clock,
    )  # fmt: skip
    slot = Slot(*SLOT, PAGE_SIZES[setting.page])
    return Kernels(host, host_memory, guest, guest_memory, slot)


def run(
    setting: Setting = Setting(),
    kernels: Callable[[Setting, Callable[[], float]], Kernels] = modelled,
) -> Story:
    """Let it happen, with the kernels that are made for a setting and a clock."""
    return _Machine(setting, kernels).run()


def table(notifications: Iterable[NotificationType]) -> Hest:
    """A HEST with a source for each notification, numbered from 1."""
    return Hest(
        sources=tuple(
            GhesV2(
                source_id=number,
                error_status_address=GenericAddress.memory(_FIRMWARE.start + 16 * number),
                notification=Notification(
                    type=kind,
                    vector=_EVENT if kind == NotificationType.SDEI else 0,
                    poll_interval=1000 if kind == NotificationType.POLLED else 0,
                ),
                error_status_block_length=_BLOCK,
                read_ack_register=GenericAddress.memory(_FIRMWARE.start + 16 * number + 8),
            )
            for number, kind in enumerate(notifications, 1)
        )
    )


HOST_HEST = table(_HOST_NOTIFICATIONS.values())
GUEST_HEST = table(NOTIFICATIONS.values())


def _blocks(hest: Hest) -> dict[int, int]:
    return {each: _FIRMWARE.start + _BLOCK * each for each in range(1, len(hest.sources) + 1)}


@dataclass(slots=True)
class _Pending:
    """What waits for the vCPU."""

    abort: bool = False
    serror: int | None = None
    interrupts: list[Notify] = field(default_factory=list)


class _Machine:
    """Hardware, firmware, host, KVM, VMM and guest."""

    def __init__(
        self, setting: Setting, kernels: Callable[[Setting, Callable[[], float]], Kernels]
    ) -> None:
        self.setting = setting
        self.now = 0.0
        self.steps: list[Step] = []
        self.faults = 0
        self.end: tuple[End, str, str] | None = None
        self._told: set[int] = set()
        self._next_poll = _POLL
        self.aet = setting.aet if setting.aet is not None else AETS[setting.severity]
        made = kernels(setting, self._time)
        self.slot, self.host, self.guest = made.slot, made.host, made.guest
        self._build_host(made.host_memory)
        self._build_guest(made.guest_memory)

    def _build_host(self, memory: Memory) -> None:
        hest = HOST_HEST
        rung = dict.fromkeys(_HOST_NOTIFICATIONS.values(), self._host_is_notified)
        self.firmware = Firmware(memory, hest, reserved=[_FIRMWARE], clock=self._time, bells=rung)
        self.firmware.power_on(_blocks(hest))
        self.host.boot()
        policy = self.setting.policy
        self.kvm = Kvm(
            self.host, self.slot, sea_to_user=policy.takes_sea, early_kill=policy.early_kill
        )

    def _build_guest(self, memory: Memory) -> None:
        hest = GUEST_HEST
        self.pending = _Pending()
        bells = {
            NotificationType.SEA: self._inject_abort,
            NotificationType.SEI: self._inject_serror,
            NotificationType.GPIO_SIGNAL: self._interrupt,
        }
        firmware = Firmware(memory, hest, reserved=[_FIRMWARE], clock=self._time, bells=bells)
        firmware.power_on(_blocks(hest))
        sources = {telling: number for number, telling in enumerate(NOTIFICATIONS, 1)}
        self.vmm = Vmm(self.setting.policy, self.slot, firmware, sources, _BLOCK)
        self.guest.boot()
        self.task = Task(self.setting.address, _VIRTUAL_ADDRESS)

    def _time(self) -> float:
        return self.now

    # ---- the story

    def run(self) -> Story:
        setting = self.setting
        self._say(Actor.GUEST, f"a task loads from {setting.address:#x}")
        self._record(Actor.KVM, self.kvm.touch(setting.address).did)
        self._load()
        for _ in range(_ROUNDS):
            if self.end is not None:
                break
            self._run_vcpu()
        self.end = self.end or (
            End.LOST, "nobody who was told acts on it: the load fails for ever", _ARM
        )  # fmt: skip
        lost = self.slot.same_page(setting.address) if self.host.failures else range(0)
        frames = {page >> 12 for page in range(lost.start & -4096, lost.stop, 4096)}
        told = {work.address >> 12 for work in self.guest.failures}
        return Story(
            setting, tuple(self.steps), *self.end, tuple(self._objections()), self.faults,
            self.vmm.refused, len(frames - told),
        )  # fmt: skip

    def _load(self) -> None:
        """Rules 1 to 3: the load runs into the error."""
        setting = self.setting
        self.faults += 1
        corrected = setting.severity == Severity.CORRECTED
        name = "SEA" if setting.exception is HardwareException.SEA else "SError"
        if setting.host is HostTelling.NOTHING:
            self._say(Actor.HARDWARE, f"takes an exception: {name}", _ARM, to=Actor.KVM)
            self._reach_kvm(name)
        else:
            self._say(Actor.HARDWARE, f"takes an exception: {name}", _ARM, to=Actor.FIRMWARE)
            self._tell_host()
        self.firmware.poll()
        self._ends_of_host()
        self._host_settles()
        if corrected and self.end is None and not self._is_interrupted():
            reason = "the error was corrected, and the load has what it wanted"
            self.end = (End.RECOVERED, reason, _FIRMWARE_FIRST)

    def _tell_host(self) -> None:
        """Rule 2."""
        setting = self.setting
        self._publish()
        if setting.host is HostTelling.POLLED:
            if setting.exception is HardwareException.SEA:
                self.faults += 1
                self._say(Actor.HARDWARE, "takes the same exception again, until the host polls")
                self._publish()
            self.now = (self.now // _POLL + 1) * _POLL
            self._record(Actor.HOST, self.host.notified(NotificationType.POLLED).did)

    def _publish(self) -> None:
        setting = self.setting
        kind = _HOST_NOTIFICATIONS[setting.host]
        number = [*_HOST_NOTIFICATIONS].index(setting.host) + 1
        block = record([self.slot.to_host(setting.address)], setting.severity)
        if self.firmware.may_publish(number) is Answer.REFUSED:
            what = f"cannot record it: source {number} of the host is not acknowledged"
            self._say(Actor.FIRMWARE, what, _FIRMWARE_FIRST)
            if setting.host in _WITH_EXCEPTION:
                self._host_is_notified(Notify(number, kind))
            return
        what = f"records it in source {number} of the host ({setting.host.value})"
        self._say(Actor.FIRMWARE, what, _FIRMWARE_FIRST, to=Actor.HOST)
        self.firmware.publish(number, block)

    def _is_interrupted(self) -> bool:
        return self.pending.abort or self.pending.serror is not None

    def _host_is_notified(self, notify: Notify) -> None:
        """The host, or KVM where the guest was, takes what firmware passes on."""
        if notify.type in (NotificationType.SEA, NotificationType.SEI):
            self._reach_kvm("SEA" if notify.type == NotificationType.SEA else "SError")
        elif notify.type != NotificationType.POLLED:
            reply = self.host.notified(notify.type, vector=notify.vector)
            self._record(Actor.HOST, reply.did)

    def _reach_kvm(self, name: str) -> None:
        """The host takes an exception where the guest was."""
        if name == "SEA":
            self._event(Actor.HOST, self.kvm.synchronous_external_abort(self.setting.address))
        else:
            self._event(Actor.KVM, self.kvm.serror(syndrome(self.aet)))

    def _host_settles(self) -> None:
        if self.end is None:
            self._event(Actor.KVM, self.kvm.failures())

    def _run_vcpu(self) -> None:
        """Rule 4."""
        self.now += _STEP
        waiting, self.pending.interrupts = self.pending.interrupts, []
        self._take_exceptions()
        if not self.setting.is_quick:
            self._take_interrupts(waiting)
        if self.end is None:
            self._load_again()
        if self.setting.is_quick:
            self._take_interrupts(waiting)

    def _load_again(self) -> None:
        self._say(Actor.GUEST, "the task executes the load again")
        touched = self.guest.touch(self.task)
        if touched is not None:
            self._guest(touched)
            return
        handled = self.kvm.touch(self.setting.address)
        if handled.event is None:
            self._load()
        else:
            self.faults += 1
            self._event(Actor.KVM, handled)
        if not self._is_interrupted() and not self.pending.interrupts:
            # Nothing changes until the next timer.
            self.now = max(self.now, self._next_poll)

    def _take_exceptions(self) -> None:
        """What is pending for the vCPU, the most urgent first."""
        pending = self.pending
        if self.end is None and pending.abort:
            pending.abort = False
            self._say(Actor.GUEST, "takes a synchronous external abort", _ARM)
            abort = Abort.of_load(_VIRTUAL_ADDRESS)
            self._guest(self.guest.synchronous_external_abort(abort, self.task))
        if self.end is None and pending.serror is not None:
            esr, pending.serror = pending.serror, None
            self._say(Actor.GUEST, f"takes an SError interrupt: ESR {esr:#x}", _ARM)
            self._guest(self.guest.serror(esr))

    def _take_interrupts(self, waiting: list[Notify]) -> None:
        """What came before this round, and the timer."""
        for notify in waiting:
            if self.end is None:
                self._guest(self.guest.notified(notify.type, vector=notify.vector))
        if self.end is None and self.now >= self._next_poll:
            self._next_poll = (self.now // _POLL + 1) * _POLL
            self._guest(self.guest.notified(NotificationType.POLLED))

    # ---- what comes of it

    def _event(self, actor: Actor, handled: Handled) -> None:
        self._record(actor, handled.did)
        self._ends_of_host()
        if self.end is not None:
            return
        match handled.event:
            case Signalled(signal, thread, source, lines):
                what = f"signals its {thread.value}: {signal}, {1 << signal.lsb} bytes"
                what = what if signal.lsb else f"signals its {thread.value}: {signal}"
                self._say(Actor.HOST, what, source, to=Actor.VMM, lines=lines)
                self._record(Actor.VMM, self.vmm.signalled(handled.event))
            case SeaExit(address):
                self._say(Actor.KVM, f"exits: KVM_EXIT_ARM_SEA at {address:#x}", to=Actor.VMM)
                self._record(Actor.VMM, self.vmm.sea(handled.event))
            case VirtualSError(esr):
                self._say(Actor.KVM, f"makes an SError pending, ESR {esr:#x}", to=Actor.GUEST)
                self.pending.serror = esr
        if self.vmm.has_ended:
            self.end = (End.VMM_ENDS, f"the VMM {self.steps[-1].what}", self.steps[-1].source)

    def _interrupt(self, notify: Notify) -> None:
        self._say(Actor.VMM, "raises the interrupt of the error device", to=Actor.GUEST)
        self.pending.interrupts.append(notify)

    def _inject_abort(self, _notify: Notify) -> None:
        self._say(Actor.VMM, "makes the vCPU take an SEA", to=Actor.GUEST)
        self.pending.abort = True

    def _inject_serror(self, _notify: Notify) -> None:
        aet = self.setting.policy.aet.name
        self._say(Actor.VMM, f"makes an SError pending, with AET {aet}", to=Actor.GUEST)
        self.pending.serror = syndrome(self.setting.policy.aet)

    def _ends_of_host(self) -> None:
        if self.end is None and self.host.end is not None:
            self.end = (End.HOST_PANICS, self.host.end.reason, self.host.end.source)

    def _guest(self, reply: Reply) -> None:
        """What the guest did, and whether that was the end of the task or of itself."""
        self._record(Actor.GUEST, reply.did)
        outcome = reply.outcome
        if outcome is None:
            return
        end = _END_OF.get(outcome.fate) or _of_signal(outcome)
        if end is not None:
            self.end = (end, outcome.reason, outcome.source)

    def _objections(self) -> Iterable[str]:
        exception, host = self.setting.exception, self.setting.host
        if (host is HostTelling.SEA) and exception is HardwareException.SERROR:
            yield "the host is told by SEA of what was an SError: the guest does not stand on it"
        if (host is HostTelling.SEI) and exception is HardwareException.SEA:
            yield "the host is told by SEI of what was an SEA: that it is contained is not said"
        for code, telling in dict.fromkeys(self.vmm.told):
            if not may_tell(code, telling):
                yield f"the guest is told by {telling.name} of what is {_NEEDS[code]}"

    def _record(self, actor: Actor, did: Iterable[Did]) -> None:
        for each in did:
            step = Step(self.now, actor, each.what, each.lines, each.source, effect=each.effect)
            self.steps.append(step)

    def _say(
        self, actor: Actor, what: str, source: str = "", to: Actor | None = None,
        lines: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.steps.append(Step(self.now, actor, what, lines, source, to))


_NEEDS = {
    SignalCode.BUS_MCEERR_AR: "action required",
    SignalCode.BUS_MCEERR_AO: "action optional",
}

_END_OF = {Fate.PANIC: End.GUEST_PANICS, Fate.HANGS: End.LOST, Fate.OOPS: End.TASK_KILLED}


def _of_signal(outcome: Outcome) -> End | None:
    if outcome.fate is not Fate.SIGNAL or outcome.signal is None:
        return None
    is_told = outcome.signal.code is SignalCode.BUS_MCEERR_AR
    return End.SIGBUS if is_told else End.TASK_KILLED
