"""For each rule an object that breaks it, and one as like it as can be that does not."""

from typing import NamedTuple

from rule_objects import (
    EINJ_ACTIONS,
    ERST_ACTIONS,
    bert,
    block,
    do,
    einj,
    einj_at,
    einj_with,
    entry,
    erst,
    erst_with,
    extended,
    ghes,
    hest,
    hest2,
    machine_check,
    machine_checks,
    plain,
    port,
    record,
    region,
    register,
    serialize,
    serialized,
    told,
    trigger,
)

from apeitool.acpi.action import Instruction
from apeitool.acpi.bert import Bert
from apeitool.acpi.einj import (
    EinjAction,
)
from apeitool.acpi.erst import Erst, ErstAction, ErstInstructionEntry
from apeitool.acpi.hest.machine_check import (
    CorrectedMachineCheck,
    DeferredMachineCheck,
    ErrorBank,
    MachineCheckException,
)
from apeitool.acpi.hest.nmi import NonMaskableInterrupt
from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.pcie_aer import DeviceAer
from apeitool.acpi.hest.source import SourceFlags
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntryV2, StatusBlock
from apeitool.cper.severity import Severity
from apeitool.lint.rule import Consumers
from apeitool.linux.features import KERNELS, Architecture
from apeitool.registers.address import AccessSize, AddressSpace, GenericAddress
from apeitool.wire.record import Structure

EVERYONE = Consumers()
X86 = Consumers(architectures=(Architecture.X86,))
ARM64 = Consumers(architectures=(Architecture.ARM64,))
OLD = Consumers(kernels=(KERNELS["6.1"],))


class Example(NamedTuple):
    """``bad`` is found at ``path``; ``good`` is not found by the same rule."""

    bad: Structure
    good: Structure
    path: str
    consumers: Consumers = EVERYONE
    good_consumers: Consumers | None = None


ASSIST, FIRST, GLOBAL = SourceFlags.GHES_ASSIST, SourceFlags.FIRMWARE_FIRST, SourceFlags.GLOBAL
GHES = "Hest.sources[0]"
ENTRY = "Einj.entries[0]"
BOTH = Hest(sources=[machine_check(flags=ASSIST), ghes(related_source_id=7)])
OVERLAP = Hest(sources=[ghes(1), ghes(2, error_status_address=register(0x100C))])
SHARED = Hest(sources=[ghes(1), ghes(2, error_status_address=register(0x1008))])
APART = Hest(sources=[ghes(1), ghes(2)])
WRAPPED = entry(GenericErrorDataEntryV2, 0).replace(error_data_length=0xFFFF_FFC0)
CUT = block().replace(data_length=89)
FINE = NotificationType.SCI
SEA, SEI, NMI, POLLED = (NotificationType[n] for n in ("SEA", "SEI", "NMI", "POLLED"))

SPECIFICATION = {
    "reserved-not-zero": Example(hest(flags=3), hest(), f"{GHES}.flags"),
    "undefined-bits": Example(
        told(FINE, configuration_write_enable=64), told(FINE, configuration_write_enable=63),
        f"{GHES}.notification.configuration_write_enable",
    ),
    "unknown-value": Example(told(200), told(12), f"{GHES}.notification.type"),
    "severity-unknown": Example(
        block(error_severity=4), block(error_severity=3), "StatusBlock.error_severity"
    ),
    "table-revision": Example(Bert(revision=2), Bert(revision=1), "Bert.revision"),
    "einjv2-revision": Example(
        einj(plain(EinjAction.EINJV2_SET_ERROR_TYPE)),
        einj(plain(EinjAction.EINJV2_SET_ERROR_TYPE), revision=2), f"{ENTRY}.action",
    ),
    "entry-revision": Example(
        block(entry(GenericErrorDataEntryV2, revision=0x0203)),
        block(entry(GenericErrorDataEntryV2, revision=0x0201)),
        "StatusBlock.entries[0].revision",
    ),
    "extension-revision": Example(
        extended(2), extended(1), "SetErrorTypeWithAddress.einjv2[0].revision"
    ),
    "source-single": Example(
        machine_checks(CorrectedMachineCheck, CorrectedMachineCheck),
        machine_checks(CorrectedMachineCheck, DeferredMachineCheck, MachineCheckException),
        "Hest.sources[1].type",
    ),
    "ghes-assist-firmware-first": Example(
        Hest(sources=[machine_check(flags=ASSIST | FIRST)]),
        Hest(sources=[machine_check(flags=FIRST)]),
        f"{GHES}.flags",
    ),
    "source-flag-misplaced": Example(
        Hest(sources=[DeviceAer(flags=ASSIST)]), Hest(sources=[DeviceAer(flags=GLOBAL)]),
        f"{GHES}.flags",
    ),
    "records-to-preallocate": Example(
        hest(number_of_records_to_preallocate=0), hest(),
        f"{GHES}.number_of_records_to_preallocate",
    ),
    "sections-per-record": Example(
        Hest(sources=[NonMaskableInterrupt(max_sections_per_record=0)]),
        Hest(sources=[NonMaskableInterrupt()]),
        f"{GHES}.max_sections_per_record",
    ),
    "enabled-value": Example(hest(enabled=2), hest(enabled=1), f"{GHES}.enabled"),
    "clear-status-value": Example(
        Hest(sources=[machine_check(banks=[ErrorBank(clear_status_on_initialization=2)])]),
        Hest(sources=[machine_check(banks=[ErrorBank(clear_status_on_initialization=1)])]),
        f"{GHES}.banks[0].clear_status_on_initialization",
    ),
    "block-length-header": Example(
        hest(error_status_block_length=19), hest(error_status_block_length=20),
        f"{GHES}.error_status_block_length",
    ),
    "status-address-register": Example(
        hest(error_status_address=GenericAddress.memory(0x1000, bits=32)), hest(),
        f"{GHES}.error_status_address.register_bit_width",
    ),
    "region-address": Example(
        Bert(boot_error_region_length=20), Bert(boot_error_region_length=20, boot_error_region=8),
        "Bert.boot_error_region",
    ),
}  # fmt: skip

CONSISTENCY = {
    "related-source-missing": Example(
        Hest(sources=[machine_check(flags=ASSIST), ghes(related_source_id=8)]), BOTH,
        "Hest.sources[1].related_source_id",
    ),
    "related-source-no-assist": Example(
        Hest(sources=[machine_check(), ghes(related_source_id=7)]), BOTH,
        "Hest.sources[1].related_source_id",
    ),
    "ghes-assist-alone": Example(
        Hest(sources=[machine_check(flags=ASSIST), ghes()]), BOTH, f"{GHES}.flags"
    ),
    "register-overlap": Example(OVERLAP, APART, "Hest.sources[1].error_status_address.address"),
    "register-shared": Example(SHARED, APART, "Hest.sources[1].error_status_address.address"),
    "register-unaligned": Example(
        hest(error_status_address=register(0x1004)),
        hest(error_status_address=register(0x1004, access_size=AccessSize.DWORD)),
        f"{GHES}.error_status_address.address",
    ),
    "block-length-content": Example(
        hest(error_status_block_length=0x4A3, max_sections_per_record=2, max_raw_data_length=0x400),
        hest(error_status_block_length=0x4A4, max_sections_per_record=2, max_raw_data_length=0x400),
        f"{GHES}.error_status_block_length",
    ),
    "read-ack-no-change": Example(
        hest2(read_ack_preserve=2**64 - 1, read_ack_write=0),
        hest2(read_ack_preserve=2**64 - 1, read_ack_write=1),
        f"{GHES}.read_ack_write",
    ),
    "read-ack-write-lost": Example(
        hest2(read_ack_register=GenericAddress.memory(0x2000, bits=32), read_ack_write=1 << 32),
        hest2(read_ack_register=GenericAddress.memory(0x2000, bits=32), read_ack_write=1 << 31),
        f"{GHES}.read_ack_write",
    ),
    "einj-action-missing": Example(
        einj(*(plain(a) for a in EINJ_ACTIONS[1:])),
        einj(*(plain(a) for a in EINJ_ACTIONS if a != EinjAction.SET_ERROR_TYPE)),
        "Einj.entries",
    ),
    "erst-action-missing": Example(
        erst(ERST_ACTIONS[1:]), erst(a for a in ERST_ACTIONS if a not in (11, 16)), "Erst.entries"
    ),
    "action-apart": Example(
        einj(do(0), do(1), do(0, value=1)), einj(do(0), do(0, value=1), do(1)),
        "Einj.entries[2].action",
    ),
    "entry-repeated": Example(
        erst([0, 1, 1]), Erst(entries=[do(1, ErstInstructionEntry, value=v) for v in (0, 1)]),
        "Erst.entries[2].action",
    ),
    "trigger-action": Example(
        trigger(do(0xFF), do(4)), trigger(do(0xFF)), "TriggerActionTable.entries[1].action"
    ),
    "instruction-not-einj": Example(
        einj_with(instruction=5), einj_with(instruction=4), f"{ENTRY}.instruction"
    ),
    "mask-outside-register": Example(
        einj_with(mask=0x1FF, register_region=GenericAddress.memory(0x1000, bits=8)),
        einj_with(mask=0x1FF), f"{ENTRY}.mask",
    ),
    "value-outside-mask": Example(einj_with(value=0x100), einj_with(value=0xFF), f"{ENTRY}.value"),
    "block-severity": Example(
        block(entry(error_severity=Severity.FATAL), error_severity=Severity.RECOVERABLE),
        block(entry(error_severity=Severity.CORRECTED), error_severity=Severity.RECOVERABLE),
        "StatusBlock.error_severity",
    ),
    "record-severity": Example(
        record(Severity.CORRECTED, Severity.INFORMATIONAL, Severity.RECOVERABLE),
        record(Severity.RECOVERABLE, Severity.INFORMATIONAL, Severity.RECOVERABLE),
        "Record.error_severity",
    ),
    "block-status-kind": Example(
        block(entry(error_severity=Severity.CORRECTED), block_status=0x11),
        block(entry(error_severity=Severity.CORRECTED), entry(), block_status=0x23),
        "StatusBlock.block_status",
    ),
    "action-register-overlap": Example(
        einj_at(get_error_type=0x1004), einj_at(get_error_type=0x1008),
        "Einj.entries[3].register_region.address",
    ),
    "einj-parameter-overlap": Example(
        einj_at(set_error_type_with_address=0x2000, end_operation=0x2020),
        einj_at(set_error_type_with_address=0x2000, end_operation=0x2024, set_error_type=0x2000),
        "Einj.entries[4].register_region.address",
    ),
    "action-reads-nothing": Example(
        Erst(entries=[*erst(ERST_ACTIONS[:-1]).entries, serialize(instruction=Instruction.NOOP)]),
        erst(), "Erst.entries[15].instruction",
    ),
    "action-writes-nothing": Example(
        einj(*(plain(a, instruction=3 if a == 2 else plain(a).instruction) for a in EINJ_ACTIONS)),
        einj(), "Einj.entries[2].instruction",
    ),
    "jump-outside-action": Example(
        erst_with(serialize(instruction=Instruction.GOTO, value=2)),
        erst_with(serialize(instruction=Instruction.GOTO, value=1)), "Erst.entries[16].value",
    ),
}  # fmt: skip

LINUX = {
    "linux-hest-refused": Example(
        Hest(sources=[ghes(1), ghes(1)]), APART, "Hest.error_source_count"
    ),
    "linux-source-passed-over": Example(
        BOTH, BOTH, "Hest.sources[1].related_source_id", EVERYONE, OLD
    ),
    "linux-source-disabled": Example(hest(enabled=0), hest(), f"{GHES}.enabled"),
    "linux-cmc-disabled": Example(
        machine_checks(CorrectedMachineCheck, enabled=0),
        machine_checks(DeferredMachineCheck, enabled=0), f"{GHES}.enabled",
    ),
    "linux-cmc-firmware-first": Example(
        machine_checks(CorrectedMachineCheck, flags=FIRST, banks=[ErrorBank(bank_number=3)]),
        machine_checks(CorrectedMachineCheck, flags=FIRST), f"{GHES}.banks",
    ),
    "linux-source-ignored": Example(
        machine_checks(MachineCheckException, flags=FIRST, banks=[ErrorBank()]),
        machine_checks(CorrectedMachineCheck, flags=FIRST, banks=[ErrorBank()]), f"{GHES}.type",
    ),
    "linux-sei-never-read": Example(told(SEI), told(SEA), f"{GHES}.notification.type"),
    "linux-notification-refused": Example(
        told(SEA), told(SEA), f"{GHES}.notification.type", X86, ARM64
    ),
    "linux-notification-architecture": Example(
        told(NMI), told(NMI), f"{GHES}.notification.type", EVERYONE, ARM64
    ),
    "linux-block-length": Example(
        hest(error_status_block_length=19), hest(error_status_block_length=20),
        f"{GHES}.error_status_block_length",
    ),
    "linux-block-clamped": Example(
        hest(error_status_block_length=65537), hest(error_status_block_length=65536),
        f"{GHES}.error_status_block_length",
    ),
    "linux-never-polled": Example(
        told(POLLED), told(POLLED, poll_interval=1), f"{GHES}.notification.poll_interval"
    ),
    "linux-poll-rounded": Example(
        told(POLLED, poll_interval=999), told(POLLED, poll_interval=1000),
        f"{GHES}.notification.poll_interval",
    ),
    "linux-needs-device": Example(
        told(NotificationType.GSIV), told(NMI), f"{GHES}.notification.type"
    ),
    "linux-port-width": Example(
        hest(error_status_address=port(64)), hest(error_status_address=port(32)),
        f"{GHES}.error_status_address.access_size",
    ),
    "linux-register-unmapped": Example(
        hest2(read_ack_register=register(register_bit_width=1)),
        hest2(read_ack_register=register(register_bit_width=8)),
        f"{GHES}.read_ack_register.register_bit_width",
    ),
    "linux-address-kept": Example(
        told(SEA), told(SEA), f"{GHES}.error_status_address.address", EVERYONE, OLD
    ),
    "linux-gar-address": Example(
        hest(error_status_address=register(0)), hest(enabled=0, error_status_address=register(0)),
        f"{GHES}.error_status_address.address",
    ),
    "linux-gar-access-size": Example(
        hest2(read_ack_register=register(access_size=0)),
        hest2(read_ack_register=register(access_size=1)),
        f"{GHES}.read_ack_register.access_size",
    ),
    "linux-gar-width": Example(
        einj_with(register_region=register(register_bit_offset=1)),
        einj_with(register_region=register(register_bit_offset=1), instruction=4),
        f"{ENTRY}.register_region.register_bit_width",
    ),
    "linux-gar-space": Example(
        hest(error_status_address=register(address_space_id=AddressSpace.PCC)),
        hest(error_status_address=port(32)), f"{GHES}.error_status_address.address_space_id",
    ),
    "linux-block-refused": Example(
        StatusBlock(block_status=1, data_length=63), block(), "StatusBlock.data_length"
    ),
    "linux-entries-refused": Example(CUT, block(), "StatusBlock.data_length"),
    "linux-endless-entry": Example(
        block(WRAPPED), block(entry(GenericErrorDataEntryV2, 0)), "StatusBlock.entries"
    ),
    "linux-block-unread": Example(block(block_status=0), block(), "StatusBlock.block_status"),
    "linux-bert-refused": Example(
        Bert(boot_error_region_length=19), Bert(boot_error_region_length=20),
        "Bert.boot_error_region_length",
    ),
    "linux-bert-truncated": Example(
        region(block(), CUT), region(block(), block()),
        "BootErrorRegion.blocks[1].data_length",
    ),
    "linux-bert-invalid": Example(
        region(CUT, block()), region(block(), block()), "BootErrorRegion.blocks[0].data_length"
    ),
    "linux-bert-unreached": Example(
        region(block(block_status=0), block()), region(block(), block(block_status=0)),
        "BootErrorRegion.blocks[1].block_status",
    ),
    "linux-bert-record-large": Example(
        region(block(entry(length=1024 - 92))), region(block(entry(length=1023 - 92))),
        "BootErrorRegion.blocks[0].data_length",
    ),
    "linux-bert-record-surplus": Example(
        region(*[block()] * 6), region(*[block()] * 5), "BootErrorRegion.blocks[5].block_status"
    ),
    "linux-header-size": Example(
        einj(injection_header_size=36), einj(injection_header_size=12),
        "Einj.injection_header_size",
    ),
    "linux-entry-count": Example(
        erst(instruction_entry_count=15), erst(), "Erst.instruction_entry_count"
    ),
    "linux-instruction-unknown": Example(
        einj_with(instruction=5), erst(), f"{ENTRY}.instruction"
    ),
    "linux-get-error-type": Example(
        einj(*(plain(a) for a in EINJ_ACTIONS if a != EinjAction.GET_ERROR_TYPE)),
        einj(*(plain(a) for a in EINJ_ACTIONS if a != EinjAction.GET_ERROR_TYPE)),
        "Einj.entries", EVERYONE, OLD,
    ),
    "linux-erst-range": Example(
        erst(a for a in ERST_ACTIONS if a != ErstAction.GET_ERROR_LOG_ADDRESS_RANGE_LENGTH),
        erst(a for a in ERST_ACTIONS if a != ErstAction.GET_EXECUTE_OPERATION_TIMINGS),
        "Erst.entries",
    ),
    "linux-erst-operand": Example(
        erst_with(serialize(instruction=Instruction.STALL, value=10)),
        erst_with(serialize(instruction=Instruction.LOAD_VAR1)), "Erst.entries[16].value",
    ),
    "linux-trigger-refused": Example(
        trigger(entry_count=2), trigger(), "TriggerActionTable.entry_count"
    ),
}  # fmt: skip

EXAMPLES = SPECIFICATION | CONSISTENCY | LINUX


class Set(NamedTuple):
    """Objects that break a rule together, the one that is found first of all; and some that do not.

    ``names`` is the file of another one that the finding has to name.
    """

    bad: tuple[Structure, ...]
    good: tuple[Structure, ...]
    path: str
    names: str = "file 1"


REGION = region(block(), block())
LARGE = block(entry(length=0x1000))

TOGETHER = {
    "table-duplicate": Set((hest(), hest()), (hest(), erst()), "Hest.signature"),
    "tables-overlap": Set(
        (bert(0x1000), hest()), (bert(), hest()), "Bert.boot_error_region"
    ),
    "tables-share-register": Set(
        (serialized(0x1000), einj()), (serialized(0x3000), einj()),
        "Erst.entries[0].register_region.address",
    ),
    "region-length-differs": Set(
        (bert(length=0x100), REGION), (bert(length=REGION.size), REGION),
        "Bert.boot_error_region_length",
    ),
    "region-too-short": Set(
        (REGION, bert(length=REGION.size - 1)), (REGION, bert(length=REGION.size)),
        "BootErrorRegion.blocks[1].data_length",
    ),
    "block-fits-no-source": Set(
        (LARGE, hest()), (LARGE, Hest(sources=[ghes(1), ghes(2, error_status_block_length=8192)])),
        "StatusBlock.data_length",
    ),
    "einj-leads-nowhere": Set(
        (trigger(), einj(*(plain(a) for a in EINJ_ACTIONS if a != 1))), (trigger(), einj()),
        "TriggerActionTable.header_size",
    ),
}  # fmt: skip

SANE: tuple[Structure, ...] = (
    hest(), hest2(), BOTH, einj(), erst(), trigger(), block(), region(block(), block()),
    Bert(boot_error_region=0x1000, boot_error_region_length=0x1000),
    block(entry(error_severity=Severity.CORRECTED)),
)  # fmt: skip
"""Objects with nothing wrong."""
