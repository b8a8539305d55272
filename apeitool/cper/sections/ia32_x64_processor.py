"""IA32/X64 processor error section."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.contexts import ContextLayout, context_ends
from apeitool.cper.dialect import Choice, Weight
from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.cper.x86_context import (
    HEADER,
    MemoryMappedContext,
    MsrContext,
    UnclassifiedContext,
    X86Context,
)
from apeitool.cper.x86_error import CHECKS, Check
from apeitool.cper.x86_state_context import (
    FxsaveContext,
    Ia32DebugContext,
    Ia32StateContext,
    X64DebugContext,
    X64StateContext,
    X64StateContextWithoutCr8,
)
from apeitool.registers.cpuid import CpuidFeatures, CpuidVersion
from apeitool.registers.machine_check import MachineCheck
from apeitool.wire.labels import Bits, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.shapes import (
    HIDDEN,
    IDENTIFIER,
    NUMBER,
    Item,
    Json,
    Members,
    Pair,
    Slice,
    Slices,
)
from apeitool.wire.types import (
    AUTO,
    GUID,
    NIL,
    U64,
    Address,
    Array,
    Derived,
    Engine,
    Hex,
    Many,
    Named,
    Part,
    Rest,
    Strided,
    Usual,
    When,
    u32,
)

if TYPE_CHECKING:
    from apeitool.cper.place import Place


class X86Valid(enum.IntFlag):
    """Which fields of the section are facts."""

    LOCAL_APIC_ID = 1
    CPUID_INFO = 2


class X86ValidationBits(Word):
    """Validation bits, and how many structures follow.

    Source:  UEFI 2.10 N.2.4.2
    """

    valid = Bits(0, 2, X86Valid, json=HIDDEN)
    error_information_count = Bits(2, 6, json=Json("processorErrorInfoNum"))
    context_information_count = Bits(8, 6, json=Json("processorContextInfoNum"))


class X86InformationValid(enum.IntFlag):
    """Which fields of an error information structure are facts."""

    CHECK_INFORMATION = 1 << 0
    TARGET_ID = 1 << 1
    REQUESTOR_ID = 1 << 2
    RESPONDER_ID = 1 << 3
    INSTRUCTION_POINTER = 1 << 4


class CpuidInformation(Structure):
    """EAX, EBX, ECX and EDX of CPUID leaf 1.

    The specification extends each to 64 bits; Windows packs them into four times 32.

    Shape:   48 bytes, little-endian.
    Source:  UEFI 2.10 N.2.4.2; records of Windows 10 and 11
    """

    registers: Annotated[Sequence[int], Array(u32, 12), Hex] = (0,) * 12

    @classmethod
    def of(cls, eax: int, ebx: int = 0, ecx: int = 0, edx: int = 0) -> Self:
        """The four registers, as the specification has them."""
        return cls(registers=(eax, 0, ebx, 0, ecx, 0, edx, 0, 0, 0, 0, 0))

    @property
    def is_packed(self) -> bool:
        """Whether the registers are four times 32 bits: EBX and EDX of a processor are not zero."""
        return any(self.registers[1:8:2])

    @property
    def leaf_1(self) -> tuple[int, ...]:
        """EAX, EBX, ECX and EDX."""
        return tuple(self.registers[:4] if self.is_packed else self.registers[:8:2])

    @property
    def version(self) -> CpuidVersion:
        """EAX: family, model and stepping."""
        return CpuidVersion(self.registers[0])

    @property
    def brief(self) -> str:
        """The registers, and what they say."""
        eax, ebx, ecx, edx = self.leaf_1
        said = f"EAX {eax:#010x}, EBX {ebx:#010x}, ECX {ecx:#010x}, EDX {edx:#010x}"
        apic = CpuidFeatures(ebx).initial_apic_id
        return f"{said} ({self.version.sentence()}; initial APIC id {apic})"


def _check_word(information: Any) -> type[Check] | None:
    return CHECKS.get(information.error_structure_type, ("", None))[1]


_TYPE_NAMES = {
    kind: f"{name} Check Error"
    for kind, name in zip(CHECKS, ("Cache", "TLB", "Bus", "MS"), strict=True)
}


class X86ErrorInformation(Structure):
    """IA32/X64 processor error information structure.

    Shape:   64 bytes, little-endian.
    Source:  UEFI 2.10 N.2.4.2.1
    """

    error_structure_type: Annotated[
        GUID,
        Usual(*CHECKS),
        Json("type", Pair("guid", names=_TYPE_NAMES, of=IDENTIFIER, unknown="Unknown")),
    ] = NIL
    validation_bits: Annotated[U64, X86InformationValid] = 0
    check_information: Annotated[
        U64,
        Hex,
        Named(_check_word),
        When(X86InformationValid.CHECK_INFORMATION),
        Json("checkInfo", Members()),
    ] = 0
    target_id: Annotated[U64, Hex, When(X86InformationValid.TARGET_ID), Json("targetAddressID")] = 0
    requestor_id: Annotated[
        U64, Hex, When(X86InformationValid.REQUESTOR_ID), Json("requestorID")
    ] = 0
    responder_id: Annotated[
        U64, Hex, When(X86InformationValid.RESPONDER_ID), Json("responderID")
    ] = 0
    instruction_pointer: Annotated[Address, When(X86InformationValid.INSTRUCTION_POINTER)] = 0

    @property
    def kind(self) -> str:
        """What failed, as the structure type says."""
        return CHECKS.get(self.error_structure_type, ("error of unknown type", None))[0]

    def facts(self) -> dict[str, Any]:
        """The ranges of the check that are facts, by name; none where nobody can read it."""
        word = _check_word(self)
        has = word is not None and self.is_valid("check_information")
        return word(self.check_information).facts() if word is not None and has else {}

    def shown(self, name: str) -> str | None:
        return (
            f"{self.error_structure_type} ({self.kind})" if name == "error_structure_type" else None
        )

    def sentence(self) -> str:
        """What failed, and how, as far as it is said."""
        said = self.kind
        word = _check_word(self)
        if word is not None and self.is_valid("check_information"):
            check = word(self.check_information).sentence()
            said += f" ({check})" if check else ""
        for name, what in (("target_id", "target"), ("instruction_pointer", "instruction at")):
            if self.is_valid(name):
                said += f", {what} {getattr(self, name):#x}"
        return said


_BY_TYPE: dict[int, tuple[type[X86Context], ...]] = {
    1: (MsrContext,),
    2: (Ia32StateContext,),
    3: (X64StateContext, X64StateContextWithoutCr8),
    4: (FxsaveContext,),
    5: (Ia32DebugContext,),
    6: (X64DebugContext,),
    7: (MemoryMappedContext,),
}


def context_type(number: int, length: int) -> type[X86Context]:
    """The class of a context of that type whose registers have this length in bytes."""
    for kind in _BY_TYPE.get(number, ()):
        if HEADER + length >= kind.fixed_size:
            return kind
    return UnclassifiedContext


def _is_known(number: int, length: int) -> bool:
    kind = context_type(number, length)
    if kind in (MsrContext, MemoryMappedContext):
        return length % 8 == 0
    if kind is UnclassifiedContext:
        return number == 0 and length > 0
    return kind.fixed_size == HEADER + length


_LAYOUT = ContextLayout(header=HEADER, type_at=0, length_at=2, length_size=2, is_known=_is_known)


def _windows(section: Any, buffer: bytes, start: int, position: int, end: int) -> list[int]:
    """Ends of the contexts; nothing should follow them."""
    count = X86ValidationBits(section.validation_bits).context_information_count
    ends = context_ends(_LAYOUT, buffer, position, end, count, last=end, has_more=False)
    if ends and ends[-1] != end and ends[-1] >= position:
        # Bytes follow all the same: types and lengths tell whether the contexts are padded.
        ends = context_ends(_LAYOUT, buffer, position, end, count, last=end, has_more=True)
    return ends


class _EmptyInformation(Part):
    """The room that Windows leaves for one more error information structure before its contexts.

    It is taken only if it is all zero, and the contexts behind it end where the section does, as
    they do not without it.
    """

    __slots__ = ()

    def take(
        self, engine: Engine, values: Any, buffer: bytes, start: int, position: int, end: int
    ) -> tuple[bytes, int]:
        count = X86ValidationBits(values.validation_bits).context_information_count
        behind = position + X86ErrorInformation.fixed_size
        if not count or behind >= end or any(buffer[position:behind]):
            return b"", position
        here, there = (_windows(values, buffer, start, at, end) for at in (position, behind))
        if len(there) != count or not there[-1] == end != here[-1]:
            return b"", position
        last = there[-2] if count > 1 else behind
        is_whole = last + HEADER + _LAYOUT.length(buffer, last) <= end
        fits = is_whole and _LAYOUT.are_known(buffer, behind, there)
        return (buffer[position:behind], behind) if fits else (b"", position)


def _context(buffer: bytes, position: int, stop: int) -> type[X86Context]:
    number, length = buffer[position : position + 2], buffer[position + 2 : position + 4]
    there = min(int.from_bytes(length, "little"), stop - position - HEADER)
    return context_type(int.from_bytes(number, "little"), there)


_MOST = 63
"""More structures of one kind than this cannot be counted."""


def _counts(section: Any) -> int:
    """The counts in the validation bits that follow from what is there."""
    return X86ValidationBits.compose(
        error_information_count=min(len(section.error_information), _MOST),
        context_information_count=min(len(section.context_information), _MOST),
    )


def _validation(section: Any) -> int:
    """Validation bits by content: what is not zero is valid."""
    valid = X86Valid.LOCAL_APIC_ID if section.local_apic_id else 0
    if any(section.cpuid_info.registers):
        valid |= X86Valid.CPUID_INFO
    return valid | _counts(section)


_TOLD = 4
"""So many errors does a sentence tell of."""


_LEAF_1 = {
    name: Slice(64 * place, 64, NUMBER) for place, name in enumerate(("eax", "ebx", "ecx", "edx"))
}


class Ia32X64ProcessorErrorSection(Section):
    """IA32/X64 processor error section.

    Shape:   64 bytes, little-endian; 64 for each error information structure, and for an empty one
             in records of Windows that have contexts; the contexts.
    Raises:  Truncated when fewer than 64 bytes are given.
    Source:  UEFI 2.10 N.2.4.2; a record of Windows of 2025 (Zen 4)
    """

    part: ClassVar[str] = "processor"
    located: ClassVar[Mapping[str, str]] = {"local_apic_id": "processor.apic_id"}
    guid: ClassVar[UUID] = UUID("dc3ea0b0-a144-4797-b95b-53fa242b6e1d")
    title: ClassVar[str] = "IA32/X64 processor error"
    json_key: ClassVar[str] = "Ia32x64Processor"
    json_type: ClassVar[str] = "IA32/X64"
    since: ClassVar[str] = "UEFI 2.1"

    validation_bits: Annotated[
        U64, Hex, X86ValidationBits, Derived(_validation), Json(shape=Members(inline=True))
    ] = AUTO
    local_apic_id: Annotated[U64, Hex, When(X86Valid.LOCAL_APIC_ID), Json("localAPICID")] = 0
    cpuid_info: Annotated[
        CpuidInformation, When(X86Valid.CPUID_INFO), Json(shape=Slices(None, {None: _LEAF_1}))
    ] = CpuidInformation()
    error_information: Annotated[
        Sequence[X86ErrorInformation],
        Many(
            X86ErrorInformation,
            count=lambda s: X86ValidationBits(s.validation_bits).error_information_count,
        ),
        Json("processorErrorInfo"),
    ] = ()
    gap: Annotated[bytes, _EmptyInformation(), "left empty by Windows", HIDDEN] = b""
    context_information: Annotated[
        Sequence[X86Context],
        Strided(_context, _windows),
        Json("processorContextInfo", Item(X86Context)),
    ] = ()
    trailing: Rest = b""

    def sealed(self) -> Self:
        made = super().sealed()
        flags = self.validation_bits & ~X86ValidationBits.compose(
            error_information_count=_MOST, context_information_count=_MOST
        )
        counted = made.replace(validation_bits=flags | _counts(made))
        # Other counts can make other structures of the bytes behind.
        return type(self).from_bytes(counted.to_bytes())

    @property
    def machine_checks(self) -> tuple[MachineCheck, ...]:
        """What the machine check banks report that have their status among the contexts."""
        contexts = (c for c in self.context_information if isinstance(c, MsrContext))
        return tuple(check for context in contexts for check in context.machine_checks)

    @property
    def physical_addresses(self) -> tuple[int, ...]:
        found = (check.physical_address for check in self.machine_checks)
        return tuple(address for address in found if address is not None)

    @property
    def what(self) -> str:
        kinds = {information.kind: None for information in self.error_information}
        kinds |= {check.status.error: None for check in self.machine_checks if check.status.valid}
        return f"IA32/X64 processor {' and '.join(kinds) or 'error'}"

    @property
    def component(self) -> str:
        return f"CPU {self.local_apic_id:#x}" if self.is_valid("local_apic_id") else ""

    @property
    def severities(self) -> tuple[Severity, ...]:
        facts = [information.facts() for information in self.error_information]
        worst = {fact["uncorrected"] for fact in facts if "uncorrected" in fact}
        worst |= {check.status.uncorrected for check in self.machine_checks if check.status.valid}
        corrupt = any(fact.get("processor_context_corrupt") for fact in facts)
        if not worst:
            return super().severities
        if not any(worst):
            return (Severity.CORRECTED,)
        return (Severity.FATAL,) if corrupt else (Severity.RECOVERABLE, Severity.FATAL)

    def at(self, place: "Place") -> Self:
        there = super().at(place)
        if not self.is_valid("cpuid_info"):
            return there
        return there.replace(cpuid_info=CpuidInformation.of(place.processor.signature))

    def sentence(self) -> str:
        who = f" on APIC id {self.local_apic_id:#x}" if self.is_valid("local_apic_id") else ""
        processor = self.cpuid_info.version if self.is_valid("cpuid_info") else None
        said = [information.sentence() for information in self.error_information]
        said += [c.sentence(processor) for c in self.machine_checks if c.status.valid]
        if len(said) > _TOLD:
            said[_TOLD:] = [f"and {len(said) - _TOLD} more"]
        what = "; ".join(said) or "no error information"
        kind = f"; on {processor.sentence()}" if processor else ""
        return f"IA32/X64 processor error{who}: {what}{kind}"

    def testimony(self) -> Iterator[Choice]:
        if self.gap:
            reason = "so they end where the section does"
            how = "behind an empty error information structure"
            yield Choice("context-place", how, reason, Weight.EVIDENCE)

    def check(self) -> Iterator[Problem]:
        counts = X86ValidationBits(self.validation_bits)
        for name in ("error_information", "context_information"):
            said, there = getattr(counts, f"{name}_count"), len(getattr(self, name))
            if said != there:
                rule = f"{said} said, {there} found"
                yield self.trouble(f"{name.replace('_', '-')}-count", "validation_bits", rule)
