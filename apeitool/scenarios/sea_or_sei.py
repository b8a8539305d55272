"""One error, told in two ways: as an SEA, or as an SEI.

Firmware has found an error that the hardware reported to it, and has a record of it.  It can pass
the hardware's exception on to the operating system in two ways, and put the record into the block
of the source whose notification has the same name:

- SEA: a synchronous external abort.  Linux asks the SEA sources, and the record adds to what the
  abort means: which page has failed, and how badly.
- SEI: an SError interrupt.  Linux has no driver for the SEI notification.  It refuses the source,
  judges the SError by its syndrome alone, and the record stays unread.
"""

from __future__ import annotations

from dataclasses import dataclass

from apeitool.acpi.hest.generic import GhesV2
from apeitool.acpi.hest.notification import Notification, NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntryV3, StatusBlock
from apeitool.cper.memory_error import MemoryErrorType
from apeitool.cper.sections.memory import MemoryErrorSection, MemoryValid
from apeitool.cper.severity import Severity
from apeitool.linux.features import DEFAULT, Features
from apeitool.machine import Actor, Machine, Step
from apeitool.ospm.outcome import Outcome
from apeitool.ospm.pages import Task
from apeitool.ospm.serror import syndrome
from apeitool.registers.address import GenericAddress
from apeitool.registers.arm_syndrome import AsynchronousErrorType

RAM = range(0x4000_0000, 0x6000_0000)
FIRMWARE_MEMORY = range(0x8000_0000, 0x8001_0000)
BLOCK_LENGTH = 0x1000
ADDRESS = 0x5BF6_1000
"""Where the error is, unless the caller says otherwise."""

_VIRTUAL_ADDRESS = 0xFFFF_B4EF_6000

SEA_SOURCE, SEI_SOURCE = 1, 2


@dataclass(frozen=True, slots=True)
class Telling:
    """A way to tell it: through which source, and what the processor then takes."""

    name: str
    source_id: int
    notification: NotificationType
    hands_on: str


TELLINGS = {
    telling.name: telling
    for telling in (
        Telling(
            "sea", SEA_SOURCE, NotificationType.SEA,
            "passes the abort on to Linux (SEA), as if the processor had taken it there at once",
        ),
        Telling(
            "sei", SEI_SOURCE, NotificationType.SEI,
            "makes an SError interrupt pending for Linux (SEI), with AET {aet}",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """What the story is told on, and to whom.

    ``in_kernel``: the kernel touches the page in the name of the task.
    """

    features: Features = DEFAULT
    has_ras: bool = True
    aet: AsynchronousErrorType = AsynchronousErrorType.UER
    is_real_time: bool = False
    in_kernel: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """What happened, in the order of time, and how it ended."""

    telling: Telling
    address: int
    steps: tuple[Step, ...]
    outcome: Outcome
    is_read: bool
    """Linux cleared the block; otherwise the record is still there."""
    is_acknowledged: bool


def record(severity: Severity, address: int) -> StatusBlock:
    """A status block about one page of memory, block and section equally bad."""
    corrected = severity in (Severity.CORRECTED, Severity.INFORMATIONAL)
    kind = MemoryErrorType.SINGLE_BIT_ECC if corrected else MemoryErrorType.MULTI_BIT_ECC
    section = MemoryErrorSection(
        validation_bits=MemoryValid.PHYSICAL_ADDRESS | MemoryValid.MEMORY_ERROR_TYPE,
        physical_address=address,
        memory_error_type=kind,
    )
    entry = GenericErrorDataEntryV3(section=section, error_severity=severity)
    return StatusBlock(entries=(entry,), error_severity=severity)


def hest() -> Hest:
    """A HEST with an SEA source and an SEI source, otherwise alike."""
    return Hest(
        sources=tuple(
            GhesV2(
                source_id=telling.source_id,
                error_status_address=GenericAddress.memory(_register(telling, 0)),
                notification=Notification(type=telling.notification),
                error_status_block_length=BLOCK_LENGTH,
                read_ack_register=GenericAddress.memory(_register(telling, 8)),
            )
            for telling in TELLINGS.values()
        )
    )


def _register(telling: Telling, offset: int) -> int:
    return FIRMWARE_MEMORY.start + 16 * telling.source_id + offset


def _block(telling: Telling) -> int:
    return FIRMWARE_MEMORY.start + BLOCK_LENGTH * telling.source_id


def run(
    name: str,
    block: StatusBlock | bytes,
    *,
    address: int = ADDRESS,
    setting: Setting = Setting(),
) -> Story:
    """Tell the error that ``block`` records in the way of that name; a task touched ``address``.

    Raises:  FirmwareFault when no firmware could publish the block.
    """
    telling = TELLINGS[name]
    machine = Machine(
        hest(),
        firmware_memory=FIRMWARE_MEMORY,
        ram=(RAM,),
        features=setting.features,
        has_ras=setting.has_ras,
    )
    machine.power_on({each.source_id: _block(each) for each in TELLINGS.values()})
    who = "the kernel, for a task," if setting.in_kernel else "a task"
    machine.say(Actor.HARDWARE, f"reports an error to firmware: {who} loaded from {address:#x}")
    notify = machine.publish(telling.source_id, block)
    machine.say(Actor.FIRMWARE, telling.hands_on.format(aet=setting.aet.name))
    if notify.type == NotificationType.SEA:
        task = Task(address, _VIRTUAL_ADDRESS, is_real_time=setting.is_real_time)
        outcome = machine.abort(task, in_kernel=setting.in_kernel)
    else:
        outcome = machine.serror(syndrome(setting.aet))
    is_acknowledged = machine.wait_for_ack(telling.source_id)
    is_read = not any(machine.memory.read(_block(telling), 4))
    return Story(telling, address, tuple(machine.steps), outcome, is_read, is_acknowledged)
