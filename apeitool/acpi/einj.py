"""The Error Injection Table, and the structures in memory that it leads to."""

import enum
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Self

from apeitool.acpi.action import (
    HEADER_SIZE,
    Entries,
    Instruction,
    InstructionEntry,
    check_entries,
    entries_start,
)
from apeitool.acpi.header import Table
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    U8,
    U16,
    U32,
    Address,
    Bytes,
    Derived,
    Hex,
    Many,
    Named,
    Raw,
    Rest,
    Unit,
    When,
    u8,
)


class EinjAction(Label):
    """Error injection actions."""

    BEGIN_INJECTION_OPERATION = 0x00
    GET_TRIGGER_ERROR_ACTION_TABLE = 0x01
    SET_ERROR_TYPE = 0x02
    GET_ERROR_TYPE = 0x03
    END_OPERATION = 0x04
    EXECUTE_OPERATION = 0x05
    CHECK_BUSY_STATUS = 0x06
    GET_COMMAND_STATUS = 0x07
    SET_ERROR_TYPE_WITH_ADDRESS = 0x08
    GET_EXECUTE_OPERATION_TIMINGS = 0x09
    EINJV2_SET_ERROR_TYPE = 0x10
    EINJV2_GET_ERROR_TYPE = 0x11
    TRIGGER_ERROR = 0xFF


class ErrorTypes(enum.IntFlag):
    """Error types of GET_ERROR_TYPE and SET_ERROR_TYPE."""

    PROCESSOR_CORRECTABLE = 1 << 0
    PROCESSOR_UNCORRECTABLE_NON_FATAL = 1 << 1
    PROCESSOR_UNCORRECTABLE_FATAL = 1 << 2
    MEMORY_CORRECTABLE = 1 << 3
    MEMORY_UNCORRECTABLE_NON_FATAL = 1 << 4
    MEMORY_UNCORRECTABLE_FATAL = 1 << 5
    PCIE_CORRECTABLE = 1 << 6
    PCIE_UNCORRECTABLE_NON_FATAL = 1 << 7
    PCIE_UNCORRECTABLE_FATAL = 1 << 8
    PLATFORM_CORRECTABLE = 1 << 9
    PLATFORM_UNCORRECTABLE_NON_FATAL = 1 << 10
    PLATFORM_UNCORRECTABLE_FATAL = 1 << 11
    CXL_CACHE_CORRECTABLE = 1 << 12
    CXL_CACHE_UNCORRECTABLE_NON_FATAL = 1 << 13
    CXL_CACHE_UNCORRECTABLE_FATAL = 1 << 14
    CXL_MEMORY_CORRECTABLE = 1 << 15
    CXL_MEMORY_UNCORRECTABLE_NON_FATAL = 1 << 16
    CXL_MEMORY_UNCORRECTABLE_FATAL = 1 << 17
    EINJV2_SUPPORTED = 1 << 30
    VENDOR_DEFINED = 1 << 31


class Einjv2ErrorTypes(enum.IntFlag):
    """Error types of EINJv2."""

    PROCESSOR = 1 << 0
    MEMORY = 1 << 1
    PCIE = 1 << 2
    VENDOR_DEFINED = 1 << 31


Types = ErrorTypes | Einjv2ErrorTypes
"""Error types of either kind."""


class CommandStatus(Label):
    """What GET_COMMAND_STATUS gives."""

    SUCCESS = 0
    UNKNOWN_FAILURE = 1
    INVALID_ACCESS = 2


class EinjInstructionEntry(InstructionEntry):
    """Injection instruction entry.

    Shape:   32 bytes, little-endian.
    Source:  ACPI 6.5 18.6.2
    """

    action: Annotated[EinjAction, u8] = EinjAction.BEGIN_INJECTION_OPERATION


INSTRUCTIONS = range(Instruction.NOOP + 1)
"""The instructions that EINJ has."""


class Einj(Table):
    """Error Injection Table.

    Shape:   48 bytes, little-endian, then 32 for each instruction entry.
    Raises:  Truncated when fewer than 48 bytes are given.
    Source:  ACPI 6.5 18.6.1
    """

    spells: ClassVar[str] = "EINJ"

    injection_header_size: Annotated[U32, Unit("bytes")] = HEADER_SIZE
    injection_flags: Annotated[U8, Hex, "reserved"] = 0
    reserved: Annotated[bytes, Bytes(3)] = bytes(3)
    injection_entry_count: Annotated[U32, Derived(lambda t: len(t.entries))] = AUTO
    header_rest: Annotated[
        bytes,
        Raw(until=entries_start("injection_entry_count", "injection_header_size")),
        "of a header that is longer",
    ] = b""
    entries: Annotated[
        Sequence[EinjInstructionEntry],
        Entries(EinjInstructionEntry, count="injection_entry_count", until="length"),
    ] = ()
    unparsed: Annotated[bytes, Raw(until="length"), "no entry, but in the table"] = b""
    trailing: Annotated[Rest, "behind the table"] = b""

    def check(self) -> Iterator[Problem]:
        yield from super().check()
        yield from check_entries(self, "injection_entry_count", "injection_header_size")


class InjectionFlags(enum.IntFlag):
    """Which parts of a SET_ERROR_TYPE_WITH_ADDRESS structure are facts."""

    PROCESSOR_ID = 1
    MEMORY_ADDRESS = 2
    PCIE_SBDF = 4
    EINJV2_EXTENSION = 8


class Sbdf(Word):
    """Segment, bus, device and function of a PCIe device."""

    function = Bits(8, 3)
    device = Bits(11, 5)
    bus = Bits(16, 8)
    segment = Bits(24, 8)


class Einjv2Component(Structure):
    """A component to inject into, and its syndrome.

    Shape:   32 bytes.
    Source:  ACPI 6.6 18.6.4
    """

    component_id: Annotated[bytes, Bytes(16)] = bytes(16)
    component_syndrome: Annotated[bytes, Bytes(16)] = bytes(16)


class Einjv2Extension(Structure):
    """EINJv2 extension of a SET_ERROR_TYPE_WITH_ADDRESS structure.

    Shape:   8 bytes, little-endian, then 32 for each component.
    Units:   length in bytes, its own eight included.
    Source:  ACPI 6.6 18.6.4
    """

    length: Annotated[U32, Unit("bytes"), Derived(lambda e: e.size)] = AUTO
    revision: U16 = 1
    component_array_count: Annotated[U16, Derived(lambda e: len(e.components))] = AUTO
    components: Annotated[
        Sequence[Einjv2Component],
        Many(Einjv2Component, count="component_array_count", until="length"),
    ] = ()
    rest: Annotated[bytes, Raw(until="length")] = b""

    def check(self) -> Iterator[Problem]:
        if self.component_array_count != len(self.components):
            rule = f"{self.component_array_count} said, {len(self.components)} found"
            yield self.trouble("component-count", "component_array_count", rule)
        yield from _check_length(self)


class VendorErrorTypeExtension(Structure):
    """Vendor error type extension.

    Shape:   16 bytes, little-endian, then the OEM's data.
    Units:   length in bytes, its own sixteen included.
    Source:  ACPI 6.5 18.6.4
    """

    length: Annotated[U32, Unit("bytes"), Derived(lambda e: e.size)] = AUTO
    sbdf: Annotated[U32, Hex, Sbdf] = 0
    vendor_id: Annotated[U16, Hex] = 0
    device_id: Annotated[U16, Hex] = 0
    revision_id: Annotated[U8, Hex] = 0
    reserved: Annotated[bytes, Bytes(3)] = bytes(3)
    oem_data: Annotated[bytes, Raw(until="length")] = b""

    def check(self) -> Iterator[Problem]:
        yield from _check_length(self)


def _check_length(extension: Einjv2Extension | VendorErrorTypeExtension) -> Iterator[Problem]:
    said, size = extension.length, extension.size
    if said != size:
        id = "extension-truncated" if said > size else "extension-length"
        yield extension.trouble(id, "length", f"{said}, but it is {size}")


def _einjv2_at(values: Any, buffer: bytes, position: int, end: int) -> type[Structure] | None:
    return Einjv2Extension if values.flags & InjectionFlags.EINJV2_EXTENSION else None


def _vendor_at(values: Any, buffer: bytes, position: int, end: int) -> type[Structure] | None:
    is_here = values.vendor_extension_offset == _vendor_start(values)
    return VendorErrorTypeExtension if is_here else None


def _vendor_start(values: Any) -> int:
    size = SetErrorTypeWithAddress.fixed_size + sum(e.size for e in values.einjv2)
    return int(size + len(values.gap))


def _vendor_offset(structure: Any) -> int:
    """Where the vendor's extension is; 0 where there is none."""
    return _vendor_start(structure) if structure.vendor else 0


def _types_of(structure: Any) -> type[ErrorTypes] | type[Einjv2ErrorTypes]:
    return Einjv2ErrorTypes if structure.flags & InjectionFlags.EINJV2_EXTENSION else ErrorTypes


class SetErrorTypeWithAddress(Structure):
    """Data of SET_ERROR_TYPE_WITH_ADDRESS, in memory where the action's register is.

    Shape:   36 bytes, little-endian; the EINJv2 extension where its flag is set; the vendor's
             extension at the offset that is given.
    Units:   offset in bytes from the start of this structure.
    Raises:  Truncated when fewer than 36 bytes are given.
    Source:  ACPI 6.5 18.6.4, ACPI 6.6 18.6.4
    """

    error_type: Annotated[U32, ErrorTypes, Named(_types_of)] = 0
    vendor_extension_offset: Annotated[U32, Hex, "0: there is none", Derived(_vendor_offset)] = AUTO
    flags: Annotated[U32, InjectionFlags] = 0
    processor_identification: Annotated[U32, Hex, When(InjectionFlags.PROCESSOR_ID)] = 0
    memory_address: Annotated[Address, When(InjectionFlags.MEMORY_ADDRESS)] = 0
    memory_address_range: Annotated[Address, "mask", When(InjectionFlags.MEMORY_ADDRESS)] = 0
    pcie_sbdf: Annotated[U32, Hex, Sbdf, When(InjectionFlags.PCIE_SBDF)] = 0
    einjv2: Annotated[Sequence[Einjv2Extension], Many(_einjv2_at, count=lambda s: 1)] = ()
    gap: Annotated[bytes, Raw(until="vendor_extension_offset")] = b""
    vendor: Annotated[Sequence[VendorErrorTypeExtension], Many(_vendor_at, count=lambda s: 1)] = ()
    rest: Rest = b""

    @property
    def error_types(self) -> Types:
        """What is to be injected: an error type of EINJv2 where that extension holds."""
        return _types_of(self)(self.error_type)

    def check(self) -> Iterator[Problem]:
        if self.flags & InjectionFlags.EINJV2_EXTENSION and not self.einjv2:
            rule = "the EINJv2 extension holds, but is not there"
            yield self.trouble("valid-but-absent", "flags", rule)
        said, found = self.vendor_extension_offset, _vendor_offset(self)
        if said and not found:
            rule = f"the vendor's extension at {said:#x} is not there"
            yield self.trouble("extension-truncated", "vendor_extension_offset", rule)
        elif said != found:
            rule = f"{said:#x}, but it is at {found:#x}"
            yield self.trouble("extension-place", "vendor_extension_offset", rule)

    def sealed(self) -> Self:
        # What lies before an extension that is not there is no gap, but the rest.
        return type(self).from_bytes(super().sealed().to_bytes())


class TriggerActionTable(Structure):
    """Trigger error action table: what provokes the error that was injected.

    Shape:   16 bytes, little-endian, then 32 for each instruction entry.
    Units:   sizes in bytes.
    Raises:  Truncated when fewer than 16 bytes are given.
    Source:  ACPI 6.5 18.6.5
    """

    header_size: Annotated[U32, Unit("bytes")] = 16
    revision: U32 = 0
    table_size: Annotated[U32, Unit("bytes"), Derived(lambda t: t.size - len(t.rest))] = AUTO
    entry_count: Annotated[U32, Derived(lambda t: len(t.entries))] = AUTO
    entries: Annotated[
        Sequence[EinjInstructionEntry],
        Entries(EinjInstructionEntry, count="entry_count", until="table_size"),
    ] = ()
    rest: Rest = b""

    def check(self) -> Iterator[Problem]:
        if self.entry_count != len(self.entries):
            rule = f"{self.entry_count} said, {len(self.entries)} found"
            yield self.trouble("entry-count", "entry_count", rule)
        if self.header_size != self.fixed_size:
            yield self.trouble("header-size", "header_size", f"{self.header_size}, but it is 16")
        there = self.size - len(self.rest)
        if self.table_size != there:
            rule = f"{self.table_size} bytes said, header and entries take {there}"
            yield self.trouble("table-length", "table_size", rule)
