"""Sane objects, with what they are asked to have: a rule is broken by one change."""

from apeitool.acpi.action import Instruction
from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.acpi.einj import (
    Einj,
    EinjAction,
    EinjInstructionEntry,
    Einjv2Extension,
    InjectionFlags,
    SetErrorTypeWithAddress,
    TriggerActionTable,
)
from apeitool.acpi.erst import Erst, ErstAction, ErstInstructionEntry
from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.machine_check import (
    MachineCheckException,
)
from apeitool.acpi.hest.notification import Notification, NotificationType
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntryV3, StatusBlock
from apeitool.cper.record import Record
from apeitool.cper.section import OpaqueSection
from apeitool.registers.address import AddressSpace, GenericAddress


def register(address=0x1000, **changes) -> GenericAddress:
    return GenericAddress.memory(address).replace(**changes)


def port(bits) -> GenericAddress:
    return GenericAddress.memory(0x1000, bits=bits).replace(address_space_id=AddressSpace.SYSTEM_IO)


def ghes(number=1, **changes) -> Ghes:
    given = {
        "source_id": number,
        "error_status_address": register(0x1000 + 8 * number),
        "notification": Notification(type=NotificationType.SCI),
        "error_status_block_length": 0x1000,
    }
    return Ghes(**given | changes)


def ghes2(number=1, **changes) -> GhesV2:
    plain = {f.name: getattr(ghes(number), f.name) for f in Ghes.fields if f.name != "type"}
    return GhesV2(**plain | {"read_ack_register": register(0x2000 + 8 * number)} | changes)


def told(kind, **changes) -> Hest:
    return Hest(sources=[ghes(notification=Notification(type=kind, **changes))])


def hest(**changes) -> Hest:
    return Hest(sources=[ghes(**changes)])


def machine_checks(*kinds, **changes) -> Hest:
    """A source of each of these types, each with an id of its own."""
    return Hest(sources=[kind(source_id=i, **changes) for i, kind in enumerate(kinds)])


def hest2(**changes) -> Hest:
    return Hest(sources=[ghes2(**changes)])


def machine_check(**changes) -> MachineCheckException:
    return MachineCheckException(**{"source_id": 7} | changes)


def do(action, kind=EinjInstructionEntry, **changes):
    given = {
        "action": action,
        "instruction": Instruction.WRITE_REGISTER_VALUE,
        "register_region": register(),
        "mask": 0xFF,
    }
    return kind(**given | changes)


EINJ_ACTIONS = tuple(a for a in EinjAction if a < EinjAction.EINJV2_SET_ERROR_TYPE)
ERST_ACTIONS = tuple(ErstAction)
RETURN = ("GET", "CHECK", "EINJV2_GET")
TAKE = ("SET", "EINJV2_SET")


def plain(action, kind=EinjInstructionEntry, **changes):
    """What an action has to do: read its value, write what it is given, or give an order."""
    name = action.name
    instruction = Instruction.WRITE_REGISTER_VALUE
    if name.startswith(RETURN):
        instruction = Instruction.READ_REGISTER
    if name.startswith(TAKE):
        instruction = Instruction.WRITE_REGISTER
    return do(action, kind, **{"instruction": instruction} | changes)


def einj(*entries, **changes) -> Einj:
    return Einj(entries=entries or einj_at().entries, **changes)


def einj_with(**changes) -> Einj:
    first, *rest = EINJ_ACTIONS
    return einj(plain(first, **changes), *map(plain, rest))


def einj_at(**registers) -> Einj:
    """Injection with a register of its own for some actions; the structure lies apart."""
    at = {"set_error_type_with_address": 0x4000} | registers
    registers = [register(at.get(a.name.lower(), 0x1000)) for a in EINJ_ACTIONS]
    programs = zip(EINJ_ACTIONS, registers, strict=True)
    return Einj(entries=[plain(a, register_region=r) for a, r in programs])


def erst(actions=ERST_ACTIONS, **changes) -> Erst:
    return Erst(entries=[plain(ErstAction(a), ErstInstructionEntry) for a in actions], **changes)


def erst_with(*entries) -> Erst:
    return Erst(entries=[*erst().entries, *entries])


def serialize(**changes) -> ErstInstructionEntry:
    return do(ErstAction.GET_EXECUTE_OPERATION_TIMINGS, ErstInstructionEntry, **changes)


def entry(kind=GenericErrorDataEntryV3, length=16, **changes):
    return kind(section=OpaqueSection(data=bytes(length)), **changes)


def block(*entries, **changes) -> StatusBlock:
    return StatusBlock(**{"entries": entries or (entry(),)} | changes)


def record(severity, *sections) -> Record:
    """A record, and the severities of its sections."""
    made = Record(error_severity=severity, body=[OpaqueSection(data=bytes(8)) for _ in sections])
    said = zip(made.section_descriptors, sections, strict=True)
    return made.replace(section_descriptors=[d.replace(section_severity=s) for d, s in said])


def region(*blocks) -> BootErrorRegion:
    return BootErrorRegion(blocks=blocks)


def extended(revision) -> SetErrorTypeWithAddress:
    extension = Einjv2Extension(revision=revision)
    return SetErrorTypeWithAddress(flags=InjectionFlags.EINJV2_EXTENSION, einjv2=(extension,))


def trigger(*entries, **changes) -> TriggerActionTable:
    return TriggerActionTable(entries=entries or (do(0xFF),), **changes)


def bert(address=0x8000, length=0x100) -> Bert:
    return Bert(boot_error_region=address, boot_error_region_length=length)


def serialized(address) -> Erst:
    entries = [e.replace(register_region=register(address)) for e in erst().entries]
    return Erst(entries=entries)
