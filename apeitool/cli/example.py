"""A plausible object of each kind that ``new`` prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apeitool.acpi.action import InstructionEntry
    from apeitool.acpi.einj import Einj
    from apeitool.acpi.erst import Erst
    from apeitool.acpi.hest.generic import Ghes
    from apeitool.acpi.hest.table import Hest
    from apeitool.acpi.status import StatusBlock
    from apeitool.cper.section import Section
    from apeitool.wire.record import Structure


def example(kind: str) -> Structure:
    """A plausible object of each kind."""
    import apeitool as apei

    if kind in _TABLES:
        return _TABLES[kind]()
    if kind == "ghes":
        return apei.Hest(sources=[_source(apei.GhesV2, 1, "SEA", 0x4_0000_0000)])
    section = _section(kind if kind not in ("block", "record") else "memory")
    if kind == "record":
        return apei.Record(error_severity=apei.Severity.CORRECTED, body=(section,))
    return _block("DIMM_A1", 0x12345000) if kind == "block" else section


def _block(part: str, address: int) -> StatusBlock:
    """A corrected memory error."""
    import apeitool as apei

    corrected = apei.Severity.CORRECTED
    entry = apei.GenericErrorDataEntryV3(
        error_severity=corrected, validation_bits=2, fru_text=part, section=_memory(address)
    )
    return apei.StatusBlock(error_severity=corrected, entries=(entry,))


def lab_hest() -> Hest:
    """A HEST for the lab's guest: source 1 is polled, source 2 told by NMI."""
    import apeitool as apei
    from apeitool.lab.window import RESERVED_BASE

    base = RESERVED_BASE + 0x4000
    polled = _source(apei.Ghes, 1, "POLLED", base, poll_interval=1000)
    return apei.Hest(sources=[polled, _source(apei.GhesV2, 2, "NMI", base)])


def _source(kind: Any, number: int, told_by: str, base: int, **told: int) -> Ghes:
    """A source whose registers lie in the page at ``base``, one word each."""
    import apeitool as apei

    acknowledge: dict[str, Any] = {}
    if kind is apei.GhesV2:
        acknowledge["read_ack_register"] = apei.GenericAddress.memory(base + 0x800 + 8 * number)
    source: Ghes = kind(
        source_id=number,
        max_sections_per_record=16,
        error_status_address=apei.GenericAddress.memory(base + 8 * number),
        notification=apei.Notification(type=apei.NotificationType[told_by], **told),
        error_status_block_length=0x1000,
        **acknowledge,
    )
    return source


def _memory(address: int) -> Section:
    import apeitool as apei
    from apeitool.cper.sections.memory import MemoryErrorType

    return apei.MemoryErrorSection(
        validation_bits=0xC7FF, error_status=0x400, physical_address=address,
        physical_address_mask=0xFFFFFFFFFFFFF000, card=1, module=2, bank=3, device=4, row=5,
        column=6, bit_position=7, memory_error_type=MemoryErrorType.SINGLE_BIT_ECC, rank_number=1,
    )  # fmt: skip


def _section(kind: str) -> Section:
    import apeitool as apei
    from apeitool.cper.sections.pcie import AerInformation, PcieDeviceId, PcieVersion
    from apeitool.registers.pcie import PortType

    if kind == "memory":
        return _memory(0x12345000)
    if kind == "arm_processor":
        cache = apei.ErrorInformation(
            validation_bits=0x14, type=2, error_information=0x0091000F,
            physical_fault_address=0x12345000,
        )  # fmt: skip
        return apei.ArmProcessorErrorSection(
            validation_bits=5, mpidr_el1=0x80000001, midr_el1=0x410FD0B1, running_state=1,
            error_information=(cache,),
        )  # fmt: skip
    return apei.PcieErrorSection(
        validation_bits=0x8B, port_type=PortType.ROOT_PORT, version=PcieVersion(major=1, minor=1),
        device_id=PcieDeviceId(
            vendor_id=0x8086, device_id=0x1234, class_code=bytes.fromhex("000406"), device_number=1,
        ),
        aer_information=AerInformation(capability_header=0x00010001, correctable_error_status=1),
    )  # fmt: skip


def _bert() -> Structure:
    import apeitool as apei
    from apeitool.lab.window import RESERVED_BASE

    return apei.Bert(boot_error_region=RESERVED_BASE + 0x10000, boot_error_region_length=0x1000)


def _region() -> Structure:
    import apeitool as apei

    return apei.BootErrorRegion(
        blocks=[_block("DIMM_A1", 0x12345000), _block("DIMM_B1", 0x12346000)]
    )


def _einj() -> Einj:
    """Injection through a page of registers, a quadword for each action."""
    from apeitool.acpi.einj import Einj, EinjAction, EinjInstructionEntry
    from apeitool.lab.window import RESERVED_BASE

    orders = {EinjAction.BEGIN_INJECTION_OPERATION, EinjAction.END_OPERATION}
    writes = {EinjAction.SET_ERROR_TYPE}
    left_out = {
        EinjAction.TRIGGER_ERROR, EinjAction.EINJV2_SET_ERROR_TYPE,
        EinjAction.EINJV2_GET_ERROR_TYPE,
    }  # fmt: skip
    actions = [action for action in EinjAction if action not in left_out]
    entries = []
    for entry in _entries(EinjInstructionEntry, RESERVED_BASE, actions, orders, writes):
        if entry.action == EinjAction.SET_ERROR_TYPE_WITH_ADDRESS:
            entry = _leads_to_a_structure(entry)  # noqa: PLW2901 - the same entry, elsewhere
        entries.append(entry)
    return Einj(entries=entries)


def _leads_to_a_structure(entry: InstructionEntry) -> Any:
    """The entry with its register at the head of a structure, of which it writes the type alone."""
    import apeitool as apei
    from apeitool.acpi.action import Instruction, InstructionFlags
    from apeitool.lab.window import RESERVED_BASE

    return entry.replace(
        instruction=Instruction.WRITE_REGISTER,
        flags=int(InstructionFlags.PRESERVE_REGISTER),
        register_region=apei.GenericAddress.memory(RESERVED_BASE + 0x800),
        mask=0xFFFFFFFF,
    )


def _erst() -> Erst:
    """Serialization through a page of registers, a quadword for each action."""
    from apeitool.acpi.erst import Erst, ErstAction, ErstInstructionEntry
    from apeitool.lab.window import RESERVED_BASE

    orders = {
        ErstAction.BEGIN_WRITE_OPERATION, ErstAction.BEGIN_READ_OPERATION,
        ErstAction.BEGIN_CLEAR_OPERATION, ErstAction.BEGIN_DUMMY_WRITE_OPERATION,
        ErstAction.END_OPERATION,
    }  # fmt: skip
    writes = {ErstAction.SET_RECORD_OFFSET, ErstAction.SET_RECORD_IDENTIFIER}
    base = RESERVED_BASE + 0x2000
    entries = _entries(ErstInstructionEntry, base, list(ErstAction), orders, writes)
    return Erst(entries=list(entries))


def _entries(
    kind: Any, base: int, actions: list[Any], orders: set[Any], writes: set[Any]
) -> Iterator[Any]:
    """An entry for each action, its register in the page at ``base``; those that are neither order nor write read their register.

    Executing raises the very bit that the busy status reads, and firmware lowers it: so no guest
    can look before firmware has begun.
    """
    import apeitool as apei
    from apeitool.acpi.action import Instruction

    busy = next(a for a in actions if a.name == "CHECK_BUSY_STATUS")
    for action in actions:
        executes = action.name == "EXECUTE_OPERATION"
        instruction = Instruction.READ_REGISTER
        if action in writes:
            instruction = Instruction.WRITE_REGISTER
        if action in orders or executes:
            instruction = Instruction.WRITE_REGISTER_VALUE
        register = busy if executes else action
        yield kind(
            action=action,
            instruction=instruction,
            register_region=apei.GenericAddress.memory(base + 8 * register),
            value=1 if action in orders or executes else 0,
            mask=1 if register == busy else 0xFFFFFFFFFFFFFFFF,
        )


_TABLES: dict[str, Callable[[], Structure]] = {
    "hest": lab_hest,
    "bert": _bert,
    "region": _region,
    "einj": _einj,
    "erst": _erst,
}
