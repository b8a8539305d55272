"""What the error information of the IA32/X64 processor section is made of: check words by GUID.

Source:  UEFI 2.10 N.2.4.2.1
"""

import enum
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from apeitool.cper.processor_error import BusOperation, Participation, TransactionType
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.shapes import Json, Pair


class CheckValid(enum.IntFlag):
    """Validation bits of a check; those from the ninth on are of buses alone."""

    TRANSACTION_TYPE = 1 << 0
    OPERATION = 1 << 1
    LEVEL = 1 << 2
    PROCESSOR_CONTEXT_CORRUPT = 1 << 3
    UNCORRECTED = 1 << 4
    PRECISE_IP = 1 << 5
    RESTARTABLE_IP = 1 << 6
    OVERFLOW = 1 << 7
    PARTICIPATION_TYPE = 1 << 8
    TIME_OUT = 1 << 9
    ADDRESS_SPACE = 1 << 10


class MsCheckValid(enum.IntFlag):
    """Validation bits of a micro-architecture specific check."""

    ERROR_TYPE = 1 << 0
    PROCESSOR_CONTEXT_CORRUPT = 1 << 1
    UNCORRECTED = 1 << 2
    PRECISE_IP = 1 << 3
    RESTARTABLE_IP = 1 << 4
    OVERFLOW = 1 << 5


class X86CacheOperation(Label):
    """What the cache was doing."""

    GENERIC_ERROR = 0
    GENERIC_READ = 1
    GENERIC_WRITE = 2
    DATA_READ = 3
    DATA_WRITE = 4
    INSTRUCTION_FETCH = 5
    PREFETCH = 6
    EVICTION = 7
    SNOOP = 8


class X86AddressSpace(Label, json={2: "I/O"}):
    """Which memory a bus error was about."""

    MEMORY_ACCESS = 0
    RESERVED = 1
    IO = 2
    OTHER_TRANSACTION = 3


class MsErrorType(Label, json={2: "Microcode ROM Parity Error", 4: "FRC Error"}):
    """Which operation failed."""

    NO_ERROR = 0
    UNCLASSIFIED = 1
    MICROCODE_ROM_PARITY_ERROR = 2
    EXTERNAL_ERROR = 3
    FRC_ERROR = 4
    INTERNAL_UNCLASSIFIED = 5

    @property
    def text(self) -> str:
        """The type in words."""
        return super().text.replace("rom", "ROM").replace("frc", "FRC")


class Check(Word):
    """A check, of whatever kind.

    Source:  UEFI 2.10 N.2.4.2.1
    """

    validation_bits = Bits(0, 16, hexadecimal=True)

    def facts(self) -> dict[str, Any]:
        """The ranges that are facts, by name."""
        valid = int(self) & 0xFFFF
        return {
            name: getattr(self, name)
            for name, bits in self.ranges.items()
            if bits.when is not None and valid & bits.when
        }

    def remarks(self) -> Iterator[str]:
        """What the check says, each in a few words."""
        facts = self.facts()
        for name in ("error_type", "transaction_type", "operation"):
            if name in facts:
                yield facts[name].text
        if "level" in facts:
            yield f"level {facts['level']}"
        for name in ("participation_type", "address_space"):
            if name in facts:
                yield facts[name].text
        if "uncorrected" in facts:
            yield "uncorrected" if facts["uncorrected"] else "corrected"
        for name in ("processor_context_corrupt", "overflow", "time_out"):
            if facts.get(name):
                yield name.replace("_", " ")

    def sentence(self) -> str:
        """What the check says, in words."""
        return ", ".join(self.remarks())


class CommonCheck(Check):
    """What checks of caches, TLBs and buses have in common.

    Source:  UEFI 2.10 N.2.4.2.1
    """

    validation_bits = Bits(0, 16, CheckValid)
    transaction_type = Bits(16, 2, TransactionType, when=CheckValid.TRANSACTION_TYPE)
    level = Bits(22, 3, when=CheckValid.LEVEL)
    processor_context_corrupt = Bits(25, when=CheckValid.PROCESSOR_CONTEXT_CORRUPT)
    uncorrected = Bits(26, when=CheckValid.UNCORRECTED)
    precise_ip = Bits(27, when=CheckValid.PRECISE_IP, json=Json("preciseIP"))
    restartable_ip = Bits(28, when=CheckValid.RESTARTABLE_IP, json=Json("restartableIP"))
    overflow = Bits(29, when=CheckValid.OVERFLOW)


class CacheCheck(CommonCheck):
    """Cache check.

    Source:  UEFI 2.10 N.2.4.2.1
    """

    operation = Bits(18, 4, X86CacheOperation, when=CheckValid.OPERATION)


class TlbCheck(CommonCheck):
    """TLB check; its operations are those of a bus.

    Source:  UEFI 2.10 N.2.4.2.1
    """

    operation = Bits(18, 4, BusOperation, when=CheckValid.OPERATION)


class BusCheck(CommonCheck):
    """Bus check.

    Source:  UEFI 2.10 N.2.4.2.1
    """

    operation = Bits(18, 4, BusOperation, when=CheckValid.OPERATION)
    participation_type = Bits(30, 2, Participation, when=CheckValid.PARTICIPATION_TYPE)
    time_out = Bits(32, when=CheckValid.TIME_OUT, json=Json("timedOut"))
    address_space = Bits(33, 2, X86AddressSpace, when=CheckValid.ADDRESS_SPACE)


class MsCheck(Check):
    """Micro-architecture specific check.

    Source:  UEFI 2.10 N.2.4.2.1
    """

    validation_bits = Bits(0, 16, MsCheckValid)
    error_type = Bits(
        16,
        3,
        MsErrorType,
        when=MsCheckValid.ERROR_TYPE,
        json=Json(shape=Pair(unknown="Unknown (Processor Specific)")),
    )
    processor_context_corrupt = Bits(19, when=MsCheckValid.PROCESSOR_CONTEXT_CORRUPT)
    uncorrected = Bits(20, when=MsCheckValid.UNCORRECTED)
    precise_ip = Bits(21, when=MsCheckValid.PRECISE_IP, json=Json("preciseIP"))
    restartable_ip = Bits(22, when=MsCheckValid.RESTARTABLE_IP, json=Json("restartableIP"))
    overflow = Bits(23, when=MsCheckValid.OVERFLOW)


CHECKS: dict[UUID, tuple[str, type[Check]]] = {
    UUID("a55701f5-e3ef-43de-ac72-249b573fad2c"): ("cache error", CacheCheck),
    UUID("fc06b535-5e1f-4562-9f25-0a3b9adb63c3"): ("TLB error", TlbCheck),
    UUID("1cf3f8b3-c5b1-49a2-aa59-5eef92ffa63c"): ("bus error", BusCheck),
    UUID("48ab7f57-dc34-4f6c-a7d3-b0b5b0a74314"): ("micro-architectural error", MsCheck),
}
"""Error structure types: the kind of error, and what reads its check."""
