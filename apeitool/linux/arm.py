"""What the kernel prints of an ARM processor error, and the tables by which that is read.

Source:  Linux drivers/firmware/efi/cper-arm.c
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apeitool.cper.arm_context import ContextType
from apeitool.cper.arm_error import (
    ArmErrorType,
    BusErrorInformation,
    CacheErrorInformation,
    ErrorWord,
    TlbErrorInformation,
)
from apeitool.cper.sections.arm_processor import (
    ArmProcessorErrorSection,
    ContextInformation,
    ErrorInformation,
    ErrorInformationValid,
)
from apeitool.linux import words
from apeitool.linux.hexdump import dump
from apeitool.linux.row import FlagLines, Row, Rows, signed
from apeitool.linux.window import Window

MIDR = Rows(ArmProcessorErrorSection, Row("MIDR: 0x{midr_el1:016x}"))
ARM = Rows(
    ArmProcessorErrorSection,
    Row("Multiprocessor Affinity Register (MPIDR): 0x{mpidr_el1:016x}"),
    Row("error affinity level: {error_affinity_level:d}"),
    Row("running state: 0x{running_state:x}"),
    Row("Power State Coordination Interface state: {psci_state:i}"),
)
LENGTHS = "section length: {}, CPER size: {}"
WRONG = Rows(ArmProcessorErrorSection, Row("ERR_INFO_NUM is {error_information_count:d}"))
INFORMATION = "Error info structure {}:"
ERROR = Rows(
    ErrorInformation,
    Row("num errors: {multiple_error+1:d}", always=True),
    FlagLines("flags", words.ARM_FLAGS),
    Row(" error_type: 0x{type:02x}: {type:words}", words.ARM_ERROR_TYPES),
    Row(" error_type: {type:d}, {type:words}", words.PROCESSOR_ERROR_TYPES, older=True),
    Row(" error_info: 0x{error_information:016x}"),
)
ADDRESSES = Rows(
    ErrorInformation,
    Row(" virtual fault address: 0x{virtual_fault_address:016x}"),
    Row(" physical fault address: 0x{physical_fault_address:016x}"),
)
CONTEXT = "Context info structure {}:"
CONTEXT_TYPE = Rows(
    ContextInformation,
    Row(" register context type: {register_context_type:words}", words.ARM_CONTEXTS),
)
INVALID_CONTEXT = " Invalid context type: {} (max: {})"
VENDOR = "Vendor specific error info has {} bytes:"

_TRANSACTION = Rows(
    ErrorWord, Row("  transaction type: {transaction_type:words}", words.ARM_TRANSACTIONS)
)
_OPERATIONS = {
    ArmErrorType.CACHE: Rows(
        CacheErrorInformation,
        Row("  cache error, operation type: {operation:words}", words.ARM_CACHE_OPERATIONS),
    ),
    ArmErrorType.TLB: Rows(
        TlbErrorInformation,
        Row("  TLB error, operation type: {operation:words}", words.ARM_TLB_OPERATIONS),
    ),
    ArmErrorType.BUS: Rows(
        BusErrorInformation,
        Row("  bus error, operation type: {operation:words}", words.ARM_BUS_OPERATIONS),
    ),
}
_LEVELS = {
    ArmErrorType.CACHE: Rows(CacheErrorInformation, Row("  cache level: {level:d}")),
    ArmErrorType.TLB: Rows(TlbErrorInformation, Row("  TLB level: {level:d}")),
    ArmErrorType.BUS: Rows(
        BusErrorInformation,
        Row("  affinity level at which the bus error occurred: {affinity_level:d}"),
    ),
}
_OUTCOME = Rows(
    ErrorWord,
    Row("  processor context {processor_context_corrupt:words}", words.ARM_CORRUPT),
    Row("  the error has {corrected:words}", words.ARM_CORRECTED),
    Row("  PC is {precise_pc:words}", words.PRECISION),
    Row("  {restartable_pc:words}", words.ARM_RESTARTABLE),
)
_BUS = Rows(
    BusErrorInformation,
    Row("  participation type: {participation_type:words}", words.ARM_PARTICIPATIONS),
    Row("  {time_out:words}", words.ARM_TIME_OUT),
    Row("  address space: {address_space:words}", words.ARM_ADDRESS_SPACES),
    Row("  memory access attributes:0x{memory_attributes:x}"),
    Row("  access mode: {access_mode:words}", words.ARM_ACCESS_MODES),
)

_INCORRECT = "firmware-generated error record is incorrect"
_TOO_SMALL = "section length is too small"
_LAST_CONTEXT = max(ContextType)


def arm_processor(window: Window) -> Iterator[str]:
    """An ARM processor error; one whose lengths contradict each other is given up."""
    section = window.take(ArmProcessorErrorSection)
    yield from MIDR.lines(section)
    count = section.error_information_count
    start = section.fixed_size + count * ErrorInformation.fixed_size
    left = signed(section.section_length - start)
    if not 0 <= left <= window.length:
        yield LENGTHS.format(signed(section.section_length), signed(window.length))
        yield f"section length is too {'big' if left > 0 else 'small'}"
        yield _INCORRECT
        yield from WRONG.lines(section)
        return
    yield from ARM.lines(section)
    for index in range(count):
        yield INFORMATION.format(index)
        offset = section.fixed_size + index * ErrorInformation.fixed_size
        yield from _information(window.take(ErrorInformation, offset))
    yield from _contexts(window, section, start, left)


def _information(information: ErrorInformation) -> Iterator[str]:
    yield from ERROR.lines(information)
    if information.has_valid(ErrorInformationValid.ERROR_INFORMATION):
        yield from _error_word(information.type, information.error_information)
    yield from ADDRESSES.lines(information)


def _error_word(type: int, value: int) -> Iterator[str]:
    """What the error information says, of each type that the error is of."""
    if type & ArmErrorType.MICRO_ARCHITECTURAL:
        return
    yield from _TRANSACTION.lines(ErrorWord(value))
    for table in (_OPERATIONS, _LEVELS):
        for bit, rows in table.items():
            owner: Any = rows.owner
            yield from rows.lines(owner(value)) if type & bit else ()
    yield from _OUTCOME.lines(ErrorWord(value))
    if type == ArmErrorType.BUS:
        yield from _BUS.lines(BusErrorInformation(value))


def _contexts(
    window: Window, section: ArmProcessorErrorSection, offset: int, left: int
) -> Iterator[str]:
    """The register contexts, each padded as the release has it, and what the vendor has behind them."""
    align = window.features.arm_context_alignment
    for index in range(section.context_information_count):
        context = window.take(ContextInformation, offset)
        size = signed(-(-(context.fixed_size + context.register_array_size) // align) * align)
        yield CONTEXT.format(index)
        if left < size:
            yield f" {_TOO_SMALL}"
            yield _INCORRECT
            return
        number = context.register_context_type
        if number > _LAST_CONTEXT:
            yield INVALID_CONTEXT.format(int(number), int(_LAST_CONTEXT))
            return
        yield from CONTEXT_TYPE.lines(context)
        registers = window.data(offset + context.fixed_size, context.register_array_size)
        yield from (f" {row}" for row in dump(registers))
        left -= size
        offset += size
    if left > 0:
        yield VENDOR.format(left)
        yield from (f" {row}" for row in dump(window.data(offset, left), has_text=True))
