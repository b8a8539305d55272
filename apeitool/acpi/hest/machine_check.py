"""IA-32 machine check sources and their banks."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from apeitool.acpi.hest.notification import Notification
from apeitool.acpi.hest.source import ErrorSource, SourceFlags, SourceType
from apeitool.wire.labels import Label
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, U8, U16, U32, U64, Bytes, Derived, Hex, Many, u8


class StatusDataFormat(Label):
    """Which processor's format a bank's status register has."""

    IA32 = 0
    INTEL_64 = 1
    AMD64 = 2


class ErrorBank(Structure):
    """IA-32 machine check error bank.

    Shape:   28 bytes, little-endian.
    Units:   registers are MSR numbers; 0 means that there is none.
    Source:  ACPI 6.5 18.3.2.1.1
    """

    bank_number: U8 = 0
    clear_status_on_initialization: Annotated[U8, "0: clear it; 1: do not"] = 0
    status_data_format: Annotated[StatusDataFormat, u8] = StatusDataFormat.IA32
    reserved: Annotated[U8, Hex] = 0
    control_register_msr: Annotated[U32, Hex] = 0
    control_init_data: Annotated[U64, Hex] = 0
    status_register_msr: Annotated[U32, Hex] = 0
    address_register_msr: Annotated[U32, Hex] = 0
    misc_register_msr: Annotated[U32, Hex] = 0


def _banks() -> Many:
    return Many(ErrorBank, count="number_of_hardware_banks")


class MachineCheckSource(ErrorSource):
    """What sources with banks have in common.

    Shape:   4 bytes, little-endian; then what the type says.
    Source:  ACPI 6.5 18.3.2
    """

    def check(self) -> Iterator[Problem]:
        count, found = getattr(self, "number_of_hardware_banks", 0), getattr(self, "banks", ())
        if count != len(found):
            rule = f"{count} said, {len(found)} found"
            yield self.trouble("bank-count", "number_of_hardware_banks", rule)


class MachineCheckException(MachineCheckSource):
    """IA-32 Architecture Machine Check Exception.

    Shape:   40 bytes, 28 for each bank.
    Source:  ACPI 6.5 18.3.2.1
    """

    writes: ClassVar[SourceType | None] = SourceType.IA32_MACHINE_CHECK

    reserved: Annotated[U16, Hex] = 0
    flags: Annotated[U8, SourceFlags] = 0
    enabled: U8 = 1
    number_of_records_to_preallocate: U32 = 1
    max_sections_per_record: U32 = 1
    global_capability_init_data: Annotated[U64, Hex, "IA32_MCG_CAP"] = 0
    global_control_init_data: Annotated[U64, Hex, "IA32_MCG_CTL"] = 0
    number_of_hardware_banks: Annotated[U8, Derived(lambda s: len(s.banks))] = AUTO
    reserved_2: Annotated[bytes, Bytes(7)] = bytes(7)
    banks: Annotated[Sequence[ErrorBank], _banks()] = ()


class CorrectedMachineCheck(MachineCheckSource):
    """IA-32 Architecture Corrected Machine Check.

    Shape:   48 bytes, 28 for each bank.
    Source:  ACPI 6.5 18.3.2.2
    """

    writes: ClassVar[SourceType | None] = SourceType.IA32_CORRECTED_MACHINE_CHECK

    reserved: Annotated[U16, Hex] = 0
    flags: Annotated[U8, SourceFlags] = 0
    enabled: U8 = 1
    number_of_records_to_preallocate: U32 = 1
    max_sections_per_record: U32 = 1
    notification: Notification = Notification()
    number_of_hardware_banks: Annotated[U8, Derived(lambda s: len(s.banks))] = AUTO
    reserved_2: Annotated[bytes, Bytes(3)] = bytes(3)
    banks: Annotated[Sequence[ErrorBank], _banks()] = ()


class DeferredMachineCheck(CorrectedMachineCheck):
    """IA-32 Architecture Deferred Machine Check; laid out as the corrected one.

    Shape:   48 bytes, 28 for each bank.
    Source:  ACPI 6.5 18.3.2.10
    """

    writes: ClassVar[SourceType | None] = SourceType.IA32_DEFERRED_MACHINE_CHECK
