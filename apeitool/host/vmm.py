"""A VMM: the firmware of its guest, which learns of errors by signals.

1. Told of memory of its guest that is lost, it writes a record for the guest and notifies it, in the
   way that its policy has for a signal that requires action (BUS_MCEERR_AR) and for one that does not
   (BUS_MCEERR_AO).
2. A record names the page that the signal names, or, if the policy says so, every page of the guest
   that was lost with it, as far as the block has room.
3. While the guest has not acknowledged a record, the block is the guest's: the next error cannot be
   told, and the policy says what then.
4. Memory that is not the guest's is its own, and it cannot go on without it.  Nor with a SIGBUS that it
   does not understand.

The notification may only add to what the exception means: what requires action is synchronous, and
only an SEA says that too.  What does not has interrupted nobody.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.status import GenericErrorDataEntryV3, StatusBlock
from apeitool.cper.memory_error import MemoryErrorType
from apeitool.cper.sections.memory import MemoryErrorSection, MemoryValid
from apeitool.cper.severity import Severity
from apeitool.firmware.firmware import Answer, Firmware
from apeitool.host.kvm import SeaExit, Signalled, Slot
from apeitool.ospm.outcome import Did, SignalCode
from apeitool.registers.arm_syndrome import AsynchronousErrorType

QEMU = "QEMU kvm_arch_on_sigbus_vcpu(), target/arm/kvm.c"
SIGBUS_HANDLER = "QEMU sigbus_handler(), system/cpus.c"
KVMTOOL = "kvmtool of 2024-08: it has no handler for SIGBUS, and no ACPI"
DISCUSSION = (
    "kvmarm list, 2017; Linux commit 196f878a7ac2; QEMU series of 2017, changes of v12 and v13"
)
RULE = "ACPI 6.5 18.3.2.7, table 18.14, and the discussion of 2017"

GUEST_PAGE = 0x1000


class Telling(enum.Enum):
    """How a VMM tells its guest."""

    SEA = "sea"
    SEI = "sei"
    INTERRUPT = "interrupt"
    POLLED = "polled"
    NOTHING = "nothing"
    ENDS = "ends"
    """It has no handler, and the signal ends it."""


NOTIFICATIONS = {
    Telling.SEA: NotificationType.SEA,
    Telling.SEI: NotificationType.SEI,
    Telling.INTERRUPT: NotificationType.GPIO_SIGNAL,
    Telling.POLLED: NotificationType.POLLED,
}

SYNCHRONOUS = frozenset({Telling.SEA})
ASYNCHRONOUS = frozenset({Telling.INTERRUPT, Telling.POLLED, Telling.NOTHING})


def may_tell(code: SignalCode, telling: Telling) -> bool:
    """Whether a notification says no more than the signal does: see the module."""
    if code is SignalCode.BUS_MCEERR_AR:
        return telling in SYNCHRONOUS
    return telling in ASYNCHRONOUS


@dataclass(frozen=True, slots=True)
class Policy:
    """What a VMM does.

    ``required`` is how it tells its guest of BUS_MCEERR_AR, ``optional`` of BUS_MCEERR_AO;
    ``early_kill`` whether it asks for the latter; ``takes_sea`` whether it enables
    KVM_CAP_ARM_SEA_TO_USER; ``whole_page`` whether it names every page that was lost; ``aborts``
    whether it ends when the guest has not acknowledged the record before.
    """

    name: str
    title: str
    required: Telling
    optional: Telling
    source: str
    early_kill: bool = True
    takes_sea: bool = False
    whole_page: bool = False
    aborts: bool = False
    aet: AsynchronousErrorType = AsynchronousErrorType.UER

    @property
    def is_sound(self) -> bool:
        """Whether it tells no guest more than the signal says."""
        return may_tell(SignalCode.BUS_MCEERR_AR, self.required) and may_tell(
            SignalCode.BUS_MCEERR_AO, self.optional
        )


POLICIES = {
    policy.name: policy
    for policy in (
        Policy("qemu", "QEMU: AR by SEA, AO ignored", Telling.SEA, Telling.NOTHING, QEMU,
               aborts=True),
        Policy("kvmtool", "kvmtool: no handler", Telling.ENDS, Telling.ENDS, KVMTOOL,
               early_kill=False),
        Policy("discussion", "AR by SEA, AO by interrupt", Telling.SEA, Telling.INTERRUPT,
               DISCUSSION, takes_sea=True, whole_page=True),
        Policy("discussion-polled", "AR by SEA, AO in a polled source", Telling.SEA, Telling.POLLED,
               DISCUSSION, takes_sea=True, whole_page=True),
        Policy("required-by-sei", "wrong: AR by SEI", Telling.SEI, Telling.INTERRUPT, RULE),
        Policy("required-by-interrupt", "wrong: AR by interrupt", Telling.INTERRUPT,
               Telling.INTERRUPT, RULE),
        Policy("required-by-polling", "wrong: AR in a polled source", Telling.POLLED, Telling.POLLED,
               RULE),
        Policy("optional-by-sea", "wrong: AO by SEA", Telling.SEA, Telling.SEA, RULE),
        Policy("optional-by-sei", "wrong: AO by SEI", Telling.SEA, Telling.SEI, RULE),
        Policy("silent", "wrong: tells nothing", Telling.NOTHING, Telling.NOTHING, RULE),
    )
}  # fmt: skip
"""What VMMs do and did, what was agreed on, and what would be wrong."""


class Vmm:
    """A VMM with one guest.

    ``sources`` are the ids of the guest's sources, ``blocks`` how long their blocks may be.
    """

    def __init__(
        self, policy: Policy, slot: Slot, firmware: Firmware, sources: dict[Telling, int],
        block_length: int,
    ) -> None:  # fmt: skip
        self.policy = policy
        self.has_ended = False
        self.refused = 0
        self.told: list[tuple[SignalCode, Telling]] = []
        self._slot = slot
        self._firmware = firmware
        self._sources = sources
        self._block_length = block_length

    def signalled(self, event: Signalled) -> Iterator[Did]:
        """Rules 1 to 4."""
        signal = event.signal
        code, address = signal.code, self._slot.from_virtual(signal.address)
        telling = {
            SignalCode.BUS_MCEERR_AR: self.policy.required,
            SignalCode.BUS_MCEERR_AO: self.policy.optional,
        }.get(code)
        if telling is None:
            what = f"ends: it does not understand {signal.name} with code {int(code)}"
            yield self._ends(what, SIGBUS_HANDLER)
        elif address is None:
            yield self._ends("ends: the memory is its own, not its guest's", QEMU)
        else:
            yield from self._tell(code, telling, address, 1 << signal.lsb)

    def sea(self, event: SeaExit) -> Iterator[Did]:
        """KVM hands it an SEA: the guest stands on the error."""
        code, address = SignalCode.BUS_MCEERR_AR, event.guest_physical
        yield from self._tell(code, self.policy.required, address, GUEST_PAGE)

    def _ends(self, what: str, source: str = "") -> Did:
        self.has_ended = True
        return Did(what, source=source or self.policy.source)

    def _tell(self, code: SignalCode, telling: Telling, address: int, size: int) -> Iterator[Did]:
        if telling is Telling.NOTHING:
            yield Did("tells its guest nothing", source=self.policy.source)
            return
        if telling is Telling.ENDS:
            yield self._ends("ends: it has no handler for the signal")
            return
        pages = self.pages(address, size) if self.policy.whole_page else [address & -GUEST_PAGE]
        block = record(pages)
        source_id = self._sources[telling]
        named = f"{len(pages)} pages from {pages[0]:#x}" if len(pages) > 1 else f"{pages[0]:#x}"
        source = self.policy.source
        if self._firmware.may_publish(source_id) is Answer.REFUSED:
            self.refused += 1
            what = f"cannot record {named}: the guest has not acknowledged the record before"
            yield self._ends(f"ends: it {what}") if self.policy.aborts else Did(what, source=source)
            return
        yield Did(f"records {named} in source {source_id} ({telling.value})", source=source)
        self.told.append((code, telling))
        self._firmware.publish(source_id, block)

    def pages(self, address: int, size: int) -> list[int]:
        """The pages that a record names, if it names all."""
        if size <= GUEST_PAGE:
            return [address & -GUEST_PAGE]
        return self.room_for(self._slot, address, self._block_length)

    @staticmethod
    def room_for(slot: Slot, address: int, block_length: int) -> list[int]:
        """The pages that were lost with one: it first, and as many as a block has room for."""
        lost, first = slot.same_page(address), address & -GUEST_PAGE
        others = (page for page in range(lost.start & -GUEST_PAGE, lost.stop, GUEST_PAGE))
        room = (block_length - _EMPTY) // _ENTRY
        return [first, *islice((page for page in others if page != first), max(room - 1, 0))]


def record(pages: list[int], severity: Severity = Severity.RECOVERABLE) -> StatusBlock:
    """A block about errors of memory, a data entry for each page."""
    corrected = severity in (Severity.CORRECTED, Severity.INFORMATIONAL)
    kind = MemoryErrorType.SINGLE_BIT_ECC if corrected else MemoryErrorType.MULTI_BIT_ECC
    sections = (
        MemoryErrorSection(
            validation_bits=MemoryValid.PHYSICAL_ADDRESS | MemoryValid.MEMORY_ERROR_TYPE,
            physical_address=page,
            memory_error_type=kind,
        )
        for page in pages
    )
    entries = [GenericErrorDataEntryV3(section=each, error_severity=severity) for each in sections]
    return StatusBlock(entries=entries, error_severity=severity)


_EMPTY = len(StatusBlock().to_bytes())
_ENTRY = len(record([0]).to_bytes()) - _EMPTY
