"""Itanium register words, as PAL and SAL hand them over in an error record.

Source:  Intel Itanium Architecture Software Developer's Manual volume 2 11.3; Linux asm/pal.h, asm/sal.h
"""

from collections.abc import Iterator
from typing import Any

from apeitool.wire.labels import Bits, Label, Word


class ProcessorErrorMap(Word):
    """Processor error map: which structures reported errors, a bit for each level.

    Source:  Intel Itanium Architecture Software Developer's Manual volume 2, PAL_MC_ERROR_INFO
    """

    core_id = Bits(0, 4)
    thread_id = Bits(4, 4)
    instruction_cache_levels = Bits(8, 4, hexadecimal=True)
    data_cache_levels = Bits(12, 4, hexadecimal=True)
    instruction_tlb_levels = Bits(16, 4, hexadecimal=True)
    data_tlb_levels = Bits(20, 4, hexadecimal=True)
    bus_levels = Bits(24, 4, hexadecimal=True)
    register_files = Bits(28, 4, hexadecimal=True)
    micro_architecture = Bits(32, 16, hexadecimal=True)


class ProcessorState(Word):
    """Processor state parameter.

    Source:  Intel Itanium Architecture Software Developer's Manual volume 2 11.3.2.1; Linux asm/pal.h
    """

    rendezvous_successful = Bits(2)
    rendezvous_attempted = Bits(3)
    multiple_errors = Bits(4)
    min_state_registered = Bits(5)
    storage_synchronized = Bits(6)
    continuable = Bits(7)
    machine_check_isolated = Bits(8)
    uncontained_storage_damage = Bits(9)
    hardware_damage = Bits(10)
    trap_lost = Bits(11)
    more_information = Bits(12)
    precise_instruction_pointer = Bits(13)
    precise_min_state = Bits(14)
    dynamic_state_valid = Bits(15)
    init = Bits(16)
    rse_valid = Bits(17)
    machine_check_corrected = Bits(18)
    machine_check_expected = Bits(19)
    control_registers_valid = Bits(20)
    performance_counters_valid = Bits(21)
    debug_registers_valid = Bits(22)
    translation_registers_valid = Bits(23)
    region_registers_valid = Bits(24)
    application_registers_valid = Bits(25)
    branch_registers_valid = Bits(26)
    predicate_registers_valid = Bits(27)
    floating_point_registers_valid = Bits(28)
    bank_1_general_registers_valid = Bits(29)
    bank_0_general_registers_valid = Bits(30)
    general_registers_valid = Bits(31)
    dynamic_state_size = Bits(32, 16)
    shared_error = Bits(48)
    cache_check = Bits(59)
    tlb_check = Bits(60)
    bus_check = Bits(61)
    register_file_check = Bits(62)
    uarch_check = Bits(63)

    def sentence(self) -> str:
        """What came of the machine check."""
        return ", ".join(said for bit, said in _STATES if self >> bit & 1)


_STATES = (
    (16, "INIT"),
    (18, "corrected"),
    (7, "continuable"),
    (8, "isolated"),
    (9, "uncontained storage damage"),
    (10, "hardware degraded"),
    (4, "multiple errors"),
)


class LocalId(Word):
    """CR.LID: which processor it is."""

    extended_id = Bits(16, 8, hexadecimal=True)
    id = Bits(24, 8, hexadecimal=True)


class Ia64CacheOperation(Label):
    """What the cache was doing."""

    UNKNOWN = 0
    LOAD = 1
    STORE = 2
    INSTRUCTION_FETCH = 3
    DATA_PREFETCH = 4
    SNOOP = 5
    CAST_OUT = 6
    MOVE_IN = 7


class Mesi(Label):
    """State of a cache line."""

    INVALID = 0
    SHARED = 1
    EXCLUSIVE = 2
    MODIFIED = 3


class PalCheck(Word):
    """What all checks have in common.

    Source:  Linux asm/pal.h
    """

    ia32_instruction_set = Bits(54)
    instruction_set_valid = Bits(55)
    privilege_level = Bits(56, 2)
    privilege_level_valid = Bits(58)
    corrected = Bits(59)
    target_id_valid = Bits(60)
    requestor_id_valid = Bits(61)
    responder_id_valid = Bits(62)
    precise_ip_valid = Bits(63)

    def sentence(self) -> str:
        """What failed, and whether it was corrected."""
        return ", ".join([*self.details(), "corrected" if self.corrected else "not corrected"])

    def details(self) -> Iterator[str]:
        """What failed, in the structure that this check is about."""
        return iter(())

    def where(self, *names: str) -> str:
        """Those of the ranges that are set."""
        return " and ".join(name.replace("_", " ") for name in names if getattr(self, name))


class PalCacheCheck(PalCheck):
    """Cache check.

    Source:  Linux asm/pal.h
    """

    operation = Bits(0, 4, Ia64CacheOperation)
    level = Bits(4, 2)
    data = Bits(8)
    tag = Bits(9)
    data_cache = Bits(10)
    instruction_cache = Bits(11)
    mesi = Bits(12, 3, Mesi)
    mesi_valid = Bits(15)
    way = Bits(16, 5)
    way_valid = Bits(21)
    data_poisoned = Bits(23)
    health = Bits(30, 2)
    index = Bits(32, 20)

    def details(self) -> Iterator[str]:
        operation: Any = self.operation
        yield f"{self.where('data_cache', 'instruction_cache') or 'cache'} level {self.level}"
        yield str(operation.text)
        if part := self.where("data", "tag"):
            yield f"in the {part}"


class PalTlbCheck(PalCheck):
    """TLB check.

    Source:  Linux asm/pal.h
    """

    translation_register_slot = Bits(0, 8)
    translation_register_slot_valid = Bits(8)
    level = Bits(10, 2)
    data_translation_register = Bits(16)
    instruction_translation_register = Bits(17)
    data_translation_cache = Bits(18)
    instruction_translation_cache = Bits(19)
    operation = Bits(20, 4)
    health = Bits(30, 2)

    def details(self) -> Iterator[str]:
        part = self.where(
            "data_translation_register",
            "instruction_translation_register",
            "data_translation_cache",
            "instruction_translation_cache",
        )
        yield f"{part or 'TLB'} level {self.level}"


class PalBusCheck(PalCheck):
    """Bus check.

    Source:  Linux asm/pal.h
    """

    size = Bits(0, 5)
    internal_bus = Bits(5)
    external_bus = Bits(6)
    cache_to_cache_transfer = Bits(7)
    type = Bits(8, 8)
    severity = Bits(16, 5)
    hierarchy_level = Bits(21, 2)
    data_poisoned = Bits(23)
    status_information = Bits(24, 8, hexadecimal=True)

    def details(self) -> Iterator[str]:
        part = self.where("internal_bus", "external_bus", "cache_to_cache_transfer")
        yield f"{part or 'bus'}, transaction type {self.type}, severity {self.severity}"


class PalRegisterFileCheck(PalCheck):
    """Register file check.

    Source:  Linux asm/pal.h
    """

    register_file_id = Bits(0, 4)
    operation = Bits(4, 4)
    register_number = Bits(8, 7)
    register_number_valid = Bits(15)

    def details(self) -> Iterator[str]:
        register = f", register {self.register_number}" if self.register_number_valid else ""
        yield f"register file {self.register_file_id}{register}"


class PalUarchCheck(PalCheck):
    """Micro-architectural structure check.

    Source:  Linux asm/pal.h
    """

    structure_id = Bits(0, 5)
    level = Bits(5, 3)
    array_id = Bits(8, 4)
    operation = Bits(12, 4)
    way = Bits(16, 6)
    way_valid = Bits(22)
    index_valid = Bits(23)
    health = Bits(30, 2)
    index = Bits(32, 8)

    def details(self) -> Iterator[str]:
        yield f"structure {self.structure_id} level {self.level}, array {self.array_id}"


class Ia64CpuidVersion(Word):
    """CPUID register 3.

    Source:  Intel Itanium Architecture Software Developer's Manual volume 1 3.1.11
    """

    number = Bits(0, 8, doc="index of the last CPUID register")
    revision = Bits(8, 8)
    model = Bits(16, 8)
    family = Bits(24, 8, hexadecimal=True)
    archrev = Bits(32, 8)

    def sentence(self) -> str:
        """The processor, by its family and model."""
        said = f"family {self.family:#x}, model {self.model}, revision {self.revision}"
        name = _PROCESSORS.get((self.family, self.model))
        return f"{name} ({said})" if name else said


_PROCESSORS = {
    (0x07, 0): "Itanium Merced",
    (0x1F, 0): "Itanium 2 McKinley",
    (0x1F, 1): "Itanium 2 Madison",
    (0x1F, 2): "Itanium 2 Madison 9M",
    (0x20, 0): "Itanium 2 Montecito",
    (0x20, 1): "Itanium 2 Montvale",
}
