"""What the kernel prints of an IA32/X64 processor error, and the tables by which that is read.

Source:  Linux drivers/firmware/efi/cper-x86.c
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apeitool.cper.sections.ia32_x64_processor import (
    Ia32X64ProcessorErrorSection,
    X86ErrorInformation,
    X86InformationValid,
    X86Valid,
    X86ValidationBits,
)
from apeitool.cper.x86_context import X86Context, X86ContextType
from apeitool.cper.x86_error import (
    CHECKS,
    BusCheck,
    CacheCheck,
    Check,
    CommonCheck,
    MsCheck,
    TlbCheck,
)
from apeitool.linux import words
from apeitool.linux.hexdump import dump
from apeitool.linux.row import Row, Rows, Words
from apeitool.linux.window import Window

X86 = Rows(Ia32X64ProcessorErrorSection, Row("Local APIC_ID: 0x{local_apic_id:x}"))
CPUID = "CPUID Info:"
INFORMATION = "Error Information Structure {}:"
ERROR_TYPE = Rows(
    X86ErrorInformation,
    Row(" Error Structure Type: {error_structure_type:words}", words.X86_ERROR_TYPES),
)
ERROR_TYPE_GUID = Rows(
    X86ErrorInformation, Row(" Error Structure Type: {error_structure_type:guid}")
)
CHECK_INFORMATION = Rows(X86ErrorInformation, Row(" Check Information: 0x{check_information:016x}"))
IDENTIFIERS = Rows(
    X86ErrorInformation,
    Row(" Target Identifier: 0x{target_id:016x}"),
    Row(" Requestor Identifier: 0x{requestor_id:016x}"),
    Row(" Responder Identifier: 0x{responder_id:016x}"),
    Row(" Instruction Pointer: 0x{instruction_pointer:016x}"),
)
CONTEXT = "Context Information Structure {}:"
CONTEXT_TYPE = Rows(
    X86Context,
    Row(" Register Context Type: {register_context_type:words}", words.X86_CONTEXTS),
    Row(" Register Array Size: 0x{register_array_size:04x}"),
)
MSR_ADDRESS = Rows(X86Context, Row(" MSR Address: 0x{msr_address:08x}"))
MM_ADDRESS = Rows(X86Context, Row(" MM Register Address: 0x{mm_register_address:016x}"))

_OUTCOME = (
    Row("  Processor Context Corrupt: {processor_context_corrupt:words}", words.TRUTH),
    Row("  Uncorrected: {uncorrected:words}", words.TRUTH),
    Row("  Precise IP: {precise_ip:words}", words.TRUTH),
    Row("  Restartable IP: {restartable_ip:words}", words.TRUTH),
    Row("  Overflow: {overflow:words}", words.TRUTH),
)
_TRANSACTION = Row(
    "  Transaction Type: {transaction_type:d}, {transaction_type:words}", words.X86_TRANSACTIONS
)
_OPERATION = "  Operation: {operation:d}, {operation:words}"
_LEVEL = Row("  Level: {level:d}")


def _common(owner: type[CommonCheck], operations: Words, *more: Row) -> Rows:
    return Rows(owner, _TRANSACTION, Row(_OPERATION, operations), _LEVEL, *_OUTCOME, *more)


_CHECKS: dict[type[Check], Rows] = {
    CacheCheck: _common(CacheCheck, words.X86_CACHE_OPERATIONS),
    TlbCheck: _common(TlbCheck, words.X86_OPERATIONS),
    BusCheck: _common(
        BusCheck,
        words.X86_OPERATIONS,
        Row("  Participation Type: {participation_type:d}, {participation_type:words}",
            words.X86_PARTICIPATIONS),
        Row("  Time Out: {time_out:words}", words.TRUTH),
        Row("  Address Space: {address_space:d}, {address_space:words}", words.X86_ADDRESS_SPACES),
    ),
    MsCheck: Rows(
        MsCheck,
        Row("  Error Type: {error_type:d}, {error_type:words}", words.X86_MS_ERROR_TYPES),
        *_OUTCOME,
    ),
}  # fmt: skip


def x86_processor(window: Window) -> Iterator[str]:
    """An IA32/X64 processor error."""
    section = window.take(Ia32X64ProcessorErrorSection)
    counts = X86ValidationBits(section.validation_bits)
    yield from X86.lines(section)
    if section.has_valid(X86Valid.CPUID_INFO):
        yield CPUID
        yield from dump(section.cpuid_info.to_bytes())
    offset = section.fixed_size
    for index in range(counts.error_information_count):
        yield INFORMATION.format(index)
        yield from _information(window.take(X86ErrorInformation, offset))
        offset += X86ErrorInformation.fixed_size
    for index in range(counts.context_information_count):
        yield CONTEXT.format(index)
        context = window.take(X86Context, offset)
        offset += context.fixed_size
        yield from _context(context, window.data(offset, context.register_array_size))
        offset += context.register_array_size


def _information(information: X86ErrorInformation) -> Iterator[str]:
    yield from ERROR_TYPE.lines(information)
    known = CHECKS.get(information.error_structure_type)
    if known is None:
        yield from ERROR_TYPE_GUID.lines(information)
    yield from CHECK_INFORMATION.lines(information)
    if known and information.has_valid(X86InformationValid.CHECK_INFORMATION):
        kind: Any = known[1]
        yield from _CHECKS[kind].lines(kind(information.check_information))
    yield from IDENTIFIERS.lines(information)


def _context(context: X86Context, registers: bytes) -> Iterator[str]:
    """One register context; on processors with SMCA the registers of machine checks go elsewhere."""
    is_msr = context.register_context_type == X86ContextType.MSR_REGISTERS
    yield from CONTEXT_TYPE.lines(context)
    yield from MSR_ADDRESS.lines(context) if is_msr else ()
    if context.register_context_type == X86ContextType.MEMORY_MAPPED_REGISTERS:
        yield from MM_ADDRESS.lines(context)
    yield " Register Array:"
    yield from (f" {row}" for row in dump(registers, group=8 if is_msr else 4))
