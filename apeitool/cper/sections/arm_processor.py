"""ARM processor error section."""

import enum
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.arm_context import (
    CONTEXT_TYPES,
    ContextType,
    Registers,
    UnknownRegisters,
    registers_type,
)
from apeitool.cper.arm_error import (
    ERROR_WORDS,
    ArmErrorType,
    BusErrorInformation,
    CacheErrorInformation,
    ErrorFlags,
    ErrorWordValid,
    TlbErrorInformation,
    failed,
    spelled,
    type_name,
    type_testimony,
)
from apeitool.cper.contexts import ContextLayout, context_ends, padding_testimony
from apeitool.cper.dialect import Choice, Topic, reading
from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.registers.arm import Midr, Mpidr
from apeitool.wire.labels import Bits, Word, flag_names
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.shapes import BASE64, NUMBER, Json, Keyed, Members, Pair
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

if TYPE_CHECKING:
    from apeitool.cper.place import Place


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


def _how_many(errors: int) -> str:
    return "Multiple Errors" if errors else "Single Error"


def _affinity(level: int) -> str | None:
    return "Vendor Defined" if level < 4 else None


class RunningState(Word):
    """Whether the processor was running."""

    running = Bits(0)


class ErrorInformation(Structure):
    """ARM processor error information structure.

    Shape:   32 bytes, little-endian; ``length`` may say more.
    Units:   length in bytes; ``multiple_error`` is 0 for one, 1 for an unknown number, else a count.
    Source:  UEFI 2.10 N.2.4.4.1
    """

    version: U8 = 0
    length: Annotated[U8, Unit("bytes"), Derived(lambda i: i.fixed_size + len(i.rest))] = AUTO
    validation_bits: Annotated[U16, ErrorInformationValid] = 0
    type: Annotated[U8, ArmErrorType, Json("errorType", Pair(names=type_name))] = 0
    multiple_error: Annotated[
        U16,
        When(ErrorInformationValid.MULTIPLE_ERROR),
        Json(shape=Pair(name="type", names=_how_many)),
    ] = 0
    flags: Annotated[U8, ErrorFlags, When(ErrorInformationValid.FLAGS)] = 0
    error_information: Annotated[
        U64,
        Hex,
        Named(lambda i: ERROR_WORDS.get(i.failed)),
        When(ErrorInformationValid.ERROR_INFORMATION),
        Json(
            shape=Keyed(
                cacheError=CacheErrorInformation,
                tlbError=TlbErrorInformation,
                busError=BusErrorInformation,
            )
        ),
    ] = 0
    virtual_fault_address: Annotated[Address, When(ErrorInformationValid.VIRTUAL_FAULT_ADDRESS)] = 0
    physical_fault_address: Annotated[
        Address, When(ErrorInformationValid.PHYSICAL_FAULT_ADDRESS)
    ] = 0
    rest: Annotated[Rest, "beyond the 32 bytes that the specification knows"] = b""

    @property
    def failed(self) -> ArmErrorType:
        """What failed, in the dialect that is in force."""
        how = reading(Topic.ARM_ERROR_TYPE) or type_testimony([self.evidence]).reading
        return failed(self.type, how)

    @property
    def evidence(self) -> tuple[int, int | None]:
        """What tells how the type is to be read: itself, and the error information if it is a fact."""
        return self.type, self.error_information if self.is_valid("error_information") else None

    def shown(self, name: str) -> str | None:
        if name == "type":
            what = " and ".join(flag_names(ArmErrorType, self.failed))
            return f"{self.type:#x}: {what or 'none that is known'}"
        return None

    def sentence(self) -> str:
        """What failed, and how, as far as it is said."""
        what = " and ".join(flag_names(ArmErrorType, self.failed)) or "unknown"
        text = f"{what} error"
        word = ERROR_WORDS.get(self.failed)
        if word is not None and self.is_valid("error_information"):
            value: Any = word(self.error_information)
            valid = value.validation_bits
            if valid & ErrorWordValid.OPERATION:
                text += f" ({value.operation.text})"
            if valid & ErrorWordValid.LEVEL and not isinstance(value, BusErrorInformation):
                text += f" at level {value.level}"
            if valid & ErrorWordValid.CORRECTED and value.corrected:
                text += ", corrected"
            if valid & ErrorWordValid.PROCESSOR_CONTEXT_CORRUPT and value.processor_context_corrupt:
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


_TOLD = 4
"""So many errors does a sentence tell of."""


def _registers(context: Any, length: int) -> type[Registers]:
    return registers_type(context.register_context_type, length)


class ContextInformation(Structure):
    """ARM processor context information structure.

    Shape:   8 bytes, little-endian, the registers, and padding where the producer aligns to 16.
    Units:   register array size in bytes.
    Source:  UEFI 2.10 N.2.4.4.2
    """

    version: U16 = 0
    register_context_type: Annotated[
        ContextType, u16, Derived(lambda c: CONTEXT_TYPES.get(type(c.registers)))
    ] = AUTO
    register_array_size: Annotated[U32, Unit("bytes"), Derived(lambda c: c.registers.size)] = AUTO
    registers: Annotated[
        Registers,
        One(_registers, length="register_array_size"),
        Json("registerArray", as_written=True),
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


def _is_known(number: int, length: int) -> bool:
    kind = registers_type(number, length)
    return kind is not UnknownRegisters and kind.fixed_size in (0, length)


_LAYOUT = ContextLayout(
    header=ContextInformation.fixed_size, type_at=2, length_at=4, length_size=4, is_known=_is_known
)


def _context_windows(section: Any, buffer: bytes, start: int, position: int, end: int) -> list[int]:
    """Ends of the contexts; bytes of the vendor may follow them."""
    return context_ends(
        _LAYOUT,
        buffer,
        position,
        end,
        section.context_information_count,
        last=min(end, start + section.section_length),
        has_more=bool(section.validation_bits & ArmValid.VENDOR_SPECIFIC_INFORMATION),
    )


class ArmProcessorErrorSection(Section):
    """ARM processor error section.

    Shape:   40 bytes, little-endian; 32 for each error information structure; the contexts; the
             vendor's own bytes.
    Units:   section length in bytes.
    Raises:  Truncated when fewer than 40 bytes are given.
    Source:  UEFI 2.10 N.2.4.4
    """

    guid: ClassVar[UUID] = UUID("e19e3d16-bc11-11e4-9caa-c2051d5d46b0")
    title: ClassVar[str] = "ARM processor error"
    json_key: ClassVar[str] = "ArmProcessor"
    json_type: ClassVar[str] = "ARM"
    since: ClassVar[str] = "UEFI 2.6"
    part: ClassVar[str] = "processor"

    validation_bits: Annotated[U32, ArmValid] = 0
    error_information_count: Annotated[
        U16, Derived(lambda s: len(s.error_information)), Json("errorInfoNum")
    ] = AUTO
    context_information_count: Annotated[
        U16, Derived(lambda s: len(s.context_information)), Json("contextInfoNum")
    ] = AUTO
    section_length: Annotated[U32, Unit("bytes"), Derived(lambda s: s.size)] = AUTO
    error_affinity_level: Annotated[
        U8,
        When(ArmValid.ERROR_AFFINITY_LEVEL),
        Json("errorAffinity", Pair(name="type", names=_affinity, unknown="Reserved")),
    ] = 0
    reserved: Annotated[bytes, Bytes(3)] = bytes(3)
    mpidr_el1: Annotated[
        U64,
        Hex,
        Mpidr,
        When(ArmValid.MPIDR),
        Json(shape=NUMBER, also={"affinity3": lambda v: Mpidr(v).affinity_3}),
    ] = 0
    midr_el1: Annotated[U64, Hex, Midr, Json(shape=NUMBER)] = 0
    running_state: Annotated[
        U32,
        "bit 0: it was running",
        When(ArmValid.RUNNING_STATE),
        Json(shape=Members(RunningState, inline=True)),
    ] = 0
    psci_state: Annotated[
        U32, Hex, "if it was not", When(ArmValid.RUNNING_STATE), Json(marks=False)
    ] = 0
    error_information: Annotated[
        Sequence[ErrorInformation],
        Strided(ErrorInformation, _information_windows),
        Json("errorInfo"),
    ] = ()
    context_information: Annotated[
        Sequence[ContextInformation],
        Strided(ContextInformation, _context_windows),
        Json("contextInfo"),
    ] = ()
    vendor_specific_information: Annotated[
        Rest,
        When(ArmValid.VENDOR_SPECIFIC_INFORMATION),
        Json("vendorSpecificInfo", Pair("data", None, of=BASE64)),
    ] = b""

    def sealed(self) -> Self:
        # A new length can make padding of what were bytes behind the contexts.
        return type(self).from_bytes(super().sealed().to_bytes())

    def is_valid(self, name: str) -> bool:
        # A processor that runs is in no PSCI state.
        return super().is_valid(name) and not (name == "psci_state" and self.running_state & 1)

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

    @property
    def what(self) -> str:
        kinds = {
            k: None for i in self.error_information for k in flag_names(ArmErrorType, i.failed)
        }
        return f"ARM processor {' and '.join(kinds)} error" if kinds else self.title

    @property
    def severities(self) -> tuple[Severity, ...]:
        words = [
            ERROR_WORDS[i.failed](i.error_information)
            for i in self.error_information
            if i.failed in ERROR_WORDS and i.is_valid("error_information")
        ]
        valid, corrected = ErrorWordValid.CORRECTED, BusErrorInformation.corrected.mask
        if words and all(word & valid and word & corrected for word in words):
            return (Severity.CORRECTED,)
        return (Severity.RECOVERABLE, Severity.FATAL)

    def at(self, place: "Place") -> Self:
        how = reading(Topic.ARM_ERROR_TYPE)
        placed = tuple(
            info.replace(
                type=info.type if how is None else spelled(ArmErrorType(info.type), how),
                **{n: place.address for n in ("physical_fault_address",) if info.is_valid(n)},
            )
            for info in self.error_information
        )
        mpidr = place.processor.mpidr if self.is_valid("mpidr_el1") else self.mpidr_el1
        return self.replace(
            mpidr_el1=mpidr, midr_el1=place.processor.midr, error_information=placed
        )

    @property
    def component(self) -> str:
        return f"CPU {Mpidr(self.mpidr_el1).affinity}" if self.is_valid("mpidr_el1") else ""

    def sentence(self) -> str:
        who = f" on {self.component}" if self.component else ""
        what = "; ".join(info.sentence() for info in self.error_information[:_TOLD])
        if len(self.error_information) > _TOLD:
            what += f"; and {len(self.error_information) - _TOLD} more"
        return f"ARM processor{who}: {what or 'no error information'}"

    def testimony(self) -> Iterator[Choice]:
        if self.error_information:
            yield type_testimony(info.evidence for info in self.error_information)
        yield from padding_testimony(context.padding for context in self.context_information)

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
