"""Register contexts of the IA32/X64 processor section.

Source:  UEFI 2.10 N.2.4.2.2
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from apeitool.registers.machine_check import MachineCheck, machine_checks
from apeitool.registers.msr import msr
from apeitool.wire.labels import Label, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.shapes import Extent, Json
from apeitool.wire.types import (
    AUTO,
    U16,
    U32,
    U64,
    Address,
    Aside,
    Derived,
    Engine,
    Hex,
    Many,
    Named,
    Raw,
    Rest,
    Unit,
    u16,
)

HEADER = 16

Register64 = Annotated[U64, Hex]


_TYPES = (
    "Unclassified Data",
    "MSR Registers",
    "32-bit Mode Execution Context",
    "64-bit Mode Execution Context",
    "FXSave Context",
    "32-bit Mode Debug Registers",
    "64-bit Mode Debug Registers",
    "Memory Mapper Registers",
)


class X86ContextType(Label, json=dict(enumerate(_TYPES))):
    """Register context types."""

    UNCLASSIFIED_DATA = 0
    MSR_REGISTERS = 1
    IA32_MODE_EXECUTION_CONTEXT = 2
    X64_MODE_EXECUTION_CONTEXT = 3
    FXSAVE_CONTEXT = 4
    IA32_MODE_DEBUG_REGISTERS = 5
    X64_MODE_DEBUG_REGISTERS = 6
    MEMORY_MAPPED_REGISTERS = 7

    @property
    def text(self) -> str:
        """The type as Linux calls it."""
        said = super().text.replace("ia32 mode", "32-bit mode").replace("x64 mode", "64-bit mode")
        return said.replace("fxsave", "FXSAVE")


class X86Context(Structure):
    """IA32/X64 processor context information structure.

    Shape:   16 bytes, little-endian, the registers, and padding where the producer aligns to 16.
    Units:   register array size in bytes.
    Source:  UEFI 2.10 N.2.4.2.2
    """

    register_context_type: Annotated[X86ContextType, u16] = X86ContextType.UNCLASSIFIED_DATA
    register_array_size: Annotated[
        U16, Unit("bytes"), Derived(lambda c: c.size - HEADER - len(c.padding))
    ] = AUTO
    msr_address: Annotated[U32, Hex] = 0
    mm_register_address: Address = 0

    def check(self) -> Iterator[Problem]:
        size = self.size - HEADER - len(getattr(self, "padding", b""))
        if self.register_array_size != size:
            rule = f"{self.register_array_size} bytes said, {size} are there"
            yield self.trouble("context-truncated", "register_array_size", rule)


def _array_end(context: Any) -> int:
    return HEADER + int(context.register_array_size)


AS_BYTES = Json("registerArray.data", Extent("padding"))
"""The register array that begins here, in CPER-JSON."""

ArrayRest = Annotated[bytes, Raw(until=_array_end), "of the array, beyond what the type has"]
Padding = Annotated[Rest, "behind the array"]


class UnclassifiedContext(X86Context):
    """Unclassified data, a context of unknown type, or one shorter than its type needs.

    Shape:   16 bytes, little-endian, the data, and padding.
    """

    data: Annotated[bytes, Raw(until=_array_end), Json(within="registerArray")] = b""
    padding: Padding = b""


class _Addressed(Many):
    """Registers that follow one another from the address that a field of the context names."""

    __slots__ = ("first", "step")

    def __init__(self, kind: type[Structure], first: str, step: int) -> None:
        super().__init__(kind, until=_array_end)
        self.first = first
        self.step = step

    def take(
        self, engine: Engine, values: Any, buffer: bytes, start: int, position: int, end: int
    ) -> tuple[tuple[Structure, ...], int]:
        items, position = super().take(engine, values, buffer, start, position, end)
        first = getattr(values, self.first)
        for index, item in enumerate(items):
            # Nobody else has seen it yet, and a copy of each would take ten times as long.
            object.__setattr__(item, "address", first + self.step * index)
        return items, position


def _first(context: Any) -> int | None:
    """The address of the first register; None where there is none to tell it."""
    return context.registers[0].address if context.registers else None


def _misplaced(context: Any, field: str, step: int) -> Iterator[Problem]:
    """Whether all registers lie where their address says."""
    first = getattr(context, field)
    for index, register in enumerate(context.registers):
        if register.address != first + step * index:
            rule = (
                f"register {index} is that at {first + step * index:#x}, not {register.address:#x}"
            )
            yield context.trouble("register-address", field, rule)
            return


def _msr_word(register: Any) -> type[Word] | None:
    known = msr(register.address)
    return known.word if known else None


class ModelSpecificRegister(Structure):
    """A model-specific register.

    Shape:   8 bytes, little-endian.
    Source:  UEFI 2.10 N.2.4.2.2
    """

    address: Annotated[int, Aside(), Hex, "it follows from its place"] = 0
    value: Annotated[Register64, Named(_msr_word)] = 0

    def shown(self, name: str) -> str | None:
        known = msr(self.address)
        return f"{self.address:#x} ({known.text})" if name == "address" and known else None


class MsrContext(X86Context):
    """MSR registers: machine check and other model-specific registers.

    Shape:   16 bytes, little-endian, 8 for each register, and padding.
    """

    register_context_type: Annotated[X86ContextType, u16] = X86ContextType.MSR_REGISTERS
    msr_address: Annotated[U32, Hex, "of the first", Derived(_first)] = AUTO
    registers: Annotated[
        Sequence[ModelSpecificRegister],
        _Addressed(ModelSpecificRegister, "msr_address", 1),
        AS_BYTES,
    ] = ()
    rest: ArrayRest = b""
    padding: Padding = b""

    def shown(self, name: str) -> str | None:
        known = msr(self.msr_address)
        return f"{self.msr_address:#x} ({known.text})" if name == "msr_address" and known else None

    @property
    def machine_checks(self) -> tuple[MachineCheck, ...]:
        """What the machine check banks report that have their status among the registers."""
        return tuple(machine_checks((r.address, r.value) for r in self.registers))

    def check(self) -> Iterator[Problem]:
        yield from super().check()
        yield from _misplaced(self, "msr_address", 1)


class MemoryMappedRegister(Structure):
    """A memory mapped register.

    Shape:   8 bytes, little-endian.
    Source:  UEFI 2.10 N.2.4.2.2
    """

    address: Annotated[int, Aside(), Hex, "it follows from its place"] = 0
    value: Register64 = 0


class MemoryMappedContext(X86Context):
    """Memory mapped registers.

    Shape:   16 bytes, little-endian, 8 for each register, and padding.
    """

    register_context_type: Annotated[X86ContextType, u16] = X86ContextType.MEMORY_MAPPED_REGISTERS
    mm_register_address: Annotated[Address, "of the first", Derived(_first)] = AUTO
    registers: Annotated[
        Sequence[MemoryMappedRegister],
        _Addressed(MemoryMappedRegister, "mm_register_address", 8),
        AS_BYTES,
    ] = ()
    rest: ArrayRest = b""
    padding: Padding = b""

    def check(self) -> Iterator[Problem]:
        yield from super().check()
        yield from _misplaced(self, "mm_register_address", 8)
