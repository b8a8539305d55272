"""ARM processor error section."""

import enum
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar
from uuid import UUID

from apeitool.cper.arm_context import (
    CONTEXT_TYPES,
    ContextType,
    Registers,
    UnknownRegisters,
    registers_type,
)
from apeitool.cper.section import Section
from apeitool.registers.arm import Midr, Mpidr
from apeitool.wire.labels import Bits, Label, Word, flag_names
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    U8,
    U16,
    U32,
    U64,
    Address,
    Bytes,
    Derived,
    Hex,
    Named,
    One,
    Raw,
    Rest,
    Strided,
    Unit,
    When,
    u16,
)


class ArmValid(enum.IntFlag):
    """Which fields of the section are facts."""

    MPIDR = 1
    ERROR_AFFINITY_LEVEL = 2
    RUNNING_STATE = 4
    VENDOR_SPECIFIC_INFORMATION = 8


class ErrorInformationValid(enum.IntFlag):
    """Which fields of an error information structure are facts."""

    MULTIPLE_ERROR = 1
    FLAGS = 2
    ERROR_INFORMATION = 4
    VIRTUAL_FAULT_ADDRESS = 8
    PHYSICAL_FAULT_ADDRESS = 16


class ArmErrorType(enum.IntFlag):
    """What failed, in the encoding of UEFI 2.9A, Linux and QEMU (bits 1 to 4).

    Earlier text and firmware count 0 cache, 1 TLB, 2 bus, 3 micro-architectural.
    """

    CACHE = 2
    TLB = 4
    BUS = 8
    MICRO_ARCHITECTURAL = 16


class ErrorFlags(enum.IntFlag):
    """Flags of an error information structure."""

    FIRST_ERROR_CAPTURED = 1
    LAST_ERROR_CAPTURED = 2
    PROPAGATED = 4
    OVERFLOW = 8


class TransactionType(Label):
    """Whose access it was."""

    INSTRUCTION = 0
    DATA_ACCESS = 1
    GENERIC = 2


class CacheOperation(Label):
    """What the cache was doing."""

    GENERIC_ERROR = 0
    GENERIC_READ = 1
    GENERIC_WRITE = 2
    DATA_READ = 3
    DATA_WRITE = 4
    INSTRUCTION_FETCH = 5
    PREFETCH = 6
    EVICTION = 7
    SNOOPING = 8
    SNOOPED = 9
    MANAGEMENT = 10


class TlbOperation(Label):
    """What the TLB was doing."""

    GENERIC_ERROR = 0
    GENERIC_READ = 1
    GENERIC_WRITE = 2
    DATA_READ = 3
    DATA_WRITE = 4
    INSTRUCTION_FETCH = 5
    PREFETCH = 6
    LOCAL_MANAGEMENT = 7
    EXTERNAL_MANAGEMENT = 8


class BusOperation(Label):
    """What the bus was doing."""

    GENERIC_ERROR = 0
    GENERIC_READ = 1
    GENERIC_WRITE = 2
    DATA_READ = 3
    DATA_WRITE = 4
    INSTRUCTION_FETCH = 5
    PREFETCH = 6


class Participation(Label):
    """The processor's part in a bus error."""

    LOCAL_PROCESSOR_ORIGINATED = 0
    LOCAL_PROCESSOR_RESPONDED = 1
    LOCAL_PROCESSOR_OBSERVED = 2
    GENERIC = 3


class AddressSpace(Label):
    """Which memory a bus error was about."""

    EXTERNAL_MEMORY_ACCESS = 0
    INTERNAL_MEMORY_ACCESS = 1
    UNKNOWN = 2
    DEVICE_MEMORY_ACCESS = 3


class CacheValid(enum.IntFlag):
    """Validation bits of cache and TLB error information; a bus adds more."""

    TRANSACTION_TYPE = 1
    OPERATION = 2
    LEVEL = 4
    PROCESSOR_CONTEXT_CORRUPT = 8
    CORRECTED = 16
    PRECISE_PC = 32
    RESTARTABLE_PC = 64


class BusValid(enum.IntFlag):
    """Validation bits of bus error information."""

    TRANSACTION_TYPE = 1
    OPERATION = 2
    AFFINITY_LEVEL = 4
    PROCESSOR_CONTEXT_CORRUPT = 8
    CORRECTED = 16
    PRECISE_PC = 32
    RESTARTABLE_PC = 64
    PARTICIPATION_TYPE = 128
    TIME_OUT = 256
    ADDRESS_SPACE = 512
    MEMORY_ATTRIBUTES = 1024
    ACCESS_MODE = 2048


class CacheErrorInformation(Word):
    """Error information of a cache error.

    Source:  UEFI 2.10 N.2.4.4.1.1
    """

    validation_bits = Bits(0, 16, CacheValid)
    transaction_type = Bits(16, 2, TransactionType)
    operation = Bits(18, 4, CacheOperation)
    level = Bits(22, 3)
    processor_context_corrupt = Bits(25)
    corrected = Bits(26)
    precise_pc = Bits(27)
    restartable_pc = Bits(28)


class TlbErrorInformation(CacheErrorInformation):
    """Error information of a TLB error; laid out as that of a cache.

    Source:  UEFI 2.10 N.2.4.4.1.2
    """

    operation = Bits(18, 4, TlbOperation)


class BusErrorInformation(Word):
    """Error information of a bus error.

    Source:  UEFI 2.10 N.2.4.4.1.3
    """

    validation_bits = Bits(0, 16, BusValid)
    transaction_type = Bits(16, 2, TransactionType)
    operation = Bits(18, 4, BusOperation)
    affinity_level = Bits(22, 3)
    processor_context_corrupt = Bits(25)
    corrected = Bits(26)
    precise_pc = Bits(27)
    restartable_pc = Bits(28)
    participation_type = Bits(29, 2, Participation)
    time_out = Bits(31)
    address_space = Bits(32, 2, AddressSpace)
    memory_attributes = Bits(34, 9)
    access_mode = Bits(43, doc="0 secure, 1 normal")


_WORDS: dict[int, type[Word]] = {
    ArmErrorType.CACHE: CacheErrorInformation,
    ArmErrorType.TLB: TlbErrorInformation,
    ArmErrorType.BUS: BusErrorInformation,
}


class ErrorInformation(Structure):
    """ARM processor error information structure.

    Shape:   32 bytes, little-endian; ``length`` may say more.
    Units:   length in bytes; ``multiple_error`` is 0 for one, 1 for an unknown number, else a count.
    Source:  UEFI 2.10 N.2.4.4.1
    """

    source: ClassVar[str] = "UEFI 2.10 N.2.4.4.1"

    version: U8 = 0
    length: Annotated[U8, Unit("bytes"), Derived(lambda i: i.fixed_size + len(i.rest))] = AUTO
    validation_bits: Annotated[U16, ErrorInformationValid] = 0
    type: Annotated[U8, ArmErrorType] = 0
    multiple_error: Annotated[U16, When(ErrorInformationValid.MULTIPLE_ERROR)] = 0
    flags: Annotated[U8, ErrorFlags, When(ErrorInformationValid.FLAGS)] = 0
    error_information: Annotated[
        U64,
        Hex,
        Named(lambda i: _WORDS.get(i.type)),
        When(ErrorInformationValid.ERROR_INFORMATION),
    ] = 0
    virtual_fault_address: Annotated[Address, When(ErrorInformationValid.VIRTUAL_FAULT_ADDRESS)] = 0
    physical_fault_address: Annotated[
        Address, When(ErrorInformationValid.PHYSICAL_FAULT_ADDRESS)
    ] = 0
    rest: Annotated[Rest, "beyond the 32 bytes that the specification knows"] = b""

    def sentence(self) -> str:
        """What failed, and how, as far as it is said."""
        what = " and ".join(flag_names(ArmErrorType, self.type)) or "unknown"
        text = f"{what} error"
        word = _WORDS.get(self.type)
        if word is not None and self.is_valid("error_information"):
            value: Any = word(self.error_information)
            valid = value.validation_bits
            if valid & CacheValid.OPERATION:
                text += f" ({value.operation.text})"
            if valid & CacheValid.LEVEL and not isinstance(value, BusErrorInformation):
                text += f" at level {value.level}"
            if valid & CacheValid.CORRECTED and value.corrected:
                text += ", corrected"
            if valid & CacheValid.PROCESSOR_CONTEXT_CORRUPT and value.processor_context_corrupt:
                text += ", processor context corrupt"
        if self.is_valid("physical_fault_address"):
            text += f", physical address {self.physical_fault_address:#x}"
        if self.is_valid("virtual_fault_address"):
            text += f", virtual address {self.virtual_fault_address:#x}"
        return text

    def check(self) -> Iterator[Problem]:
        if self.length != self.size:
            yield self.trouble(
                "information-length", "length", f"{self.length}, but it is {self.size}"
            )


def _registers(context: Any, length: int) -> type[Registers]:
    return registers_type(context.register_context_type, length)


class ContextInformation(Structure):
    """ARM processor context information structure.

    Shape:   8 bytes, little-endian, the registers, and padding where the producer aligns to 16.
    Units:   register array size in bytes.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    source: ClassVar[str] = "UEFI 2.10 N.2.4.4.2"

    version: U16 = 0
    register_context_type: Annotated[
        ContextType, u16, Derived(lambda c: CONTEXT_TYPES.get(type(c.registers), 0))
    ] = AUTO
    register_array_size: Annotated[U32, Unit("bytes"), Derived(lambda c: c.registers.size)] = AUTO
    registers: Annotated[
        Registers,
        One(_registers, length="register_array_size"),
    ] = UnknownRegisters()
    padding: Annotated[bytes, Raw()] = b""

    def check(self) -> Iterator[Problem]:
        if self.registers.size < self.register_array_size:
            rule = f"{self.register_array_size} bytes said, {self.registers.size} are there"
            yield self.trouble("context-truncated", "register_array_size", rule)


def _information_windows(
    section: Any, buffer: bytes, start: int, position: int, end: int
) -> list[int]:
    """Ends of the error information structures: by their lengths if all fit so, else 32 each."""
    count, size = section.error_information_count, ErrorInformation.fixed_size
    stop = position
    stops: list[int] = []
    while len(stops) < count and end - stop >= size:
        length = buffer[stop + 1]
        stop += max(size, length)
        stops.append(stop)
    if len(stops) == count and stop <= end:
        return stops
    return [position + size * (i + 1) for i in range(min(count, (end - position) // size))]


def _context_windows(section: Any, buffer: bytes, start: int, position: int, end: int) -> list[int]:
    """Ends of the contexts.  Some producers pad them to 16 bytes: what fits the section decides."""
    if not section.context_information_count:
        return []
    last = min(end, start + section.section_length)
    count = section.context_information_count
    tight = _context_ends(section, buffer, position, end, 1)
    if len(tight) == count and tight[-1] == last:
        return tight
    padded = _context_ends(section, buffer, position, end, 16)
    if len(padded) == count and padded[-1] == last:
        return padded
    for reading in (tight, padded):
        if len(reading) == count and reading[-1] <= end:
            return reading
    # Neither fits: the contexts that do, and the next one as far as its bytes go.
    return [min(stop, end) for stop in tight]


def _context_ends(section: Any, buffer: bytes, position: int, end: int, align: int) -> list[int]:
    """Ends of the contexts if each is padded to ``align``, up to one that the bytes do not hold."""
    ends: list[int] = []
    header = ContextInformation.fixed_size
    while len(ends) < section.context_information_count and end - position >= header:
        size = header + int.from_bytes(buffer[position + 4 : position + 8], "little")
        position += (size + align - 1) // align * align
        ends.append(position)
    return ends


class ArmProcessorErrorSection(Section):
    """ARM processor error section.

    Shape:   40 bytes, little-endian; 32 for each error information structure; the contexts; the
             vendor's own bytes.
    Units:   section length in bytes.
    Raises:  Truncated when fewer than 40 bytes are given.
    Source:  UEFI 2.10 N.2.4.4
    """

    source: ClassVar[str] = "UEFI 2.10 N.2.4.4"
    guid: ClassVar[UUID] = UUID("e19e3d16-bc11-11e4-9caa-c2051d5d46b0")
    title: ClassVar[str] = "ARM processor error"

    validation_bits: Annotated[U32, ArmValid] = 0
    error_information_count: Annotated[U16, Derived(lambda s: len(s.error_information))] = AUTO
    context_information_count: Annotated[U16, Derived(lambda s: len(s.context_information))] = AUTO
    section_length: Annotated[U32, Unit("bytes"), Derived(lambda s: s.size)] = AUTO
    error_affinity_level: Annotated[U8, When(ArmValid.ERROR_AFFINITY_LEVEL)] = 0
    reserved: Annotated[bytes, Bytes(3)] = bytes(3)
    mpidr_el1: Annotated[U64, Hex, Mpidr, When(ArmValid.MPIDR)] = 0
    midr_el1: Annotated[U64, Hex, Midr] = 0
    running_state: Annotated[U32, "bit 0: it was running", When(ArmValid.RUNNING_STATE)] = 0
    psci_state: Annotated[U32, Hex, "if it was not", When(ArmValid.RUNNING_STATE)] = 0
    error_information: Annotated[
        Sequence[ErrorInformation], Strided(ErrorInformation, _information_windows)
    ] = ()
    context_information: Annotated[
        Sequence[ContextInformation], Strided(ContextInformation, _context_windows)
    ] = ()
    vendor_specific_information: Annotated[Rest, When(ArmValid.VENDOR_SPECIFIC_INFORMATION)] = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        valid = int.from_bytes(data[:4], "little")
        count = int.from_bytes(data[4:6], "little")
        length = int.from_bytes(data[8:12], "little")
        room = (length - cls.fixed_size) // ErrorInformation.fixed_size
        return valid < 16 and length == len(data) and 0 < count <= room

    @property
    def physical_addresses(self) -> tuple[int, ...]:
        return tuple(
            info.physical_fault_address
            for info in self.error_information
            if info.is_valid("physical_fault_address")
        )

    def sentence(self) -> str:
        who = f" on CPU {Mpidr(self.mpidr_el1).affinity}" if self.is_valid("mpidr_el1") else ""
        what = "; ".join(info.sentence() for info in self.error_information)
        return f"ARM processor{who}: {what or 'no error information'}"

    def check(self) -> Iterator[Problem]:
        yield from self._check_count("error_information")
        yield from self._check_count("context_information")
        if self.section_length != self.size:
            rule = f"{self.section_length} bytes said, {self.size} are there"
            yield self.trouble("section-length", "section_length", rule)

    def _check_count(self, name: str) -> Iterator[Problem]:
        said, there = getattr(self, f"{name}_count"), len(getattr(self, name))
        if said != there:
            yield self.trouble(
                f"{name.replace('_', '-')}-count", f"{name}_count", f"{said} said, {there} found"
            )
