"""What the error information of the ARM processor section is made of: types, flags and words.

Source:  UEFI 2.10 N.2.4.4.1
"""

import enum
from collections.abc import Iterable

from apeitool.cper.dialect import Choice, Topic, Weight, reading
from apeitool.cper.processor_error import BusOperation, Participation, TransactionType
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.shapes import Json, Pair


class ArmErrorType(enum.IntFlag):
    """What failed, in the encoding of UEFI 2.9A, Linux and QEMU (bits 1 to 4).

    Others are in use, see `Topic.ARM_ERROR_TYPE` and `failed`.
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


class TlbOperation(
    Label, json={7: "Local Management Operation", 8: "External Management Operation"}
):
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


class AddressSpace(Label):
    """Which memory a bus error was about."""

    EXTERNAL_MEMORY_ACCESS = 0
    INTERNAL_MEMORY_ACCESS = 1
    UNKNOWN = 2
    DEVICE_MEMORY_ACCESS = 3


class ErrorWordValid(enum.IntFlag):
    """Validation bits of error information; those from the eighth on are of bus errors alone.

    LEVEL is the affinity level where a bus failed.
    """

    TRANSACTION_TYPE = 1
    OPERATION = 2
    LEVEL = 4
    PROCESSOR_CONTEXT_CORRUPT = 8
    CORRECTED = 16
    PRECISE_PC = 32
    RESTARTABLE_PC = 64
    PARTICIPATION_TYPE = 128
    TIME_OUT = 256
    ADDRESS_SPACE = 512
    MEMORY_ATTRIBUTES = 1024
    ACCESS_MODE = 2048


class ErrorWord(Word):
    """What the error information of caches, TLBs and buses has in common.

    Source:  UEFI 2.10 N.2.4.4.1
    """

    validation_bits = Bits(0, 16, ErrorWordValid)
    transaction_type = Bits(16, 2, TransactionType, when=ErrorWordValid.TRANSACTION_TYPE)
    processor_context_corrupt = Bits(25, when=ErrorWordValid.PROCESSOR_CONTEXT_CORRUPT)
    corrected = Bits(26, when=ErrorWordValid.CORRECTED)
    precise_pc = Bits(27, when=ErrorWordValid.PRECISE_PC)
    restartable_pc = Bits(28, when=ErrorWordValid.RESTARTABLE_PC)


class CacheErrorInformation(ErrorWord):
    """Error information of a cache error.

    Source:  UEFI 2.10 N.2.4.4.1.1
    """

    operation = Bits(18, 4, CacheOperation, when=ErrorWordValid.OPERATION)
    level = Bits(22, 3, when=ErrorWordValid.LEVEL)


class TlbErrorInformation(ErrorWord):
    """Error information of a TLB error.

    Source:  UEFI 2.10 N.2.4.4.1.2
    """

    operation = Bits(18, 4, TlbOperation, when=ErrorWordValid.OPERATION)
    level = Bits(22, 3, when=ErrorWordValid.LEVEL)


class BusErrorInformation(ErrorWord):
    """Error information of a bus error.

    Source:  UEFI 2.10 N.2.4.4.1.3
    """

    operation = Bits(18, 4, BusOperation, when=ErrorWordValid.OPERATION)
    affinity_level = Bits(22, 3, when=ErrorWordValid.LEVEL, json=Json("level"))
    participation_type = Bits(
        29,
        2,
        Participation,
        when=ErrorWordValid.PARTICIPATION_TYPE,
        json=Json(shape=Pair(unknown="Unknown")),
    )
    time_out = Bits(31, when=ErrorWordValid.TIME_OUT, json=Json("timedOut"))
    address_space = Bits(
        32,
        2,
        AddressSpace,
        when=ErrorWordValid.ADDRESS_SPACE,
        json=Json(shape=Pair(unknown="Unknown")),
    )
    memory_attributes = Bits(34, 9, when=ErrorWordValid.MEMORY_ATTRIBUTES)
    access_mode = Bits(
        43,
        doc="0 secure, 1 normal",
        when=ErrorWordValid.ACCESS_MODE,
        json=Json(shape=Pair(names={0: "Secure", 1: "Normal"})),
    )


ERROR_WORDS: dict[int, type[Word]] = {
    ArmErrorType.CACHE: CacheErrorInformation,
    ArmErrorType.TLB: TlbErrorInformation,
    ArmErrorType.BUS: BusErrorInformation,
}


def failed(type: int, how: str) -> ArmErrorType:
    """What failed, of a type byte by one of the readings of `Topic.ARM_ERROR_TYPE`.

    Nothing, where that reading has no such type.
    """
    if how == "uefi-2.9":
        return ArmErrorType(ArmErrorType.CACHE << type) if type < len(ArmErrorType) else _NOTHING
    if how == "libcper":
        return ArmErrorType(type << 1) if type < 1 << len(ArmErrorType) else _NOTHING
    return _NOTHING if type & ~_ALL else ArmErrorType(type)


def spelled(what: ArmErrorType, how: str) -> int:
    """The type byte of an error in a reading, as `failed` reads it: of one kind where it has no more."""
    lowest = int(what) & -int(what)
    if how == "uefi-2.9":
        return max(lowest.bit_length() - 2, 0)
    return int(what) >> 1 if how == "libcper" else int(what)


_NOTHING = ArmErrorType(0)
_ALL = sum(ArmErrorType)
_OF_A_BUS = ErrorWordValid(0x0F80)
"""Validation bits that only the error information of a bus has."""


def type_name(type: int) -> str | None:
    """How CPER-JSON calls a type byte in the dialect that is in force; None for one that it cannot."""
    how = reading(Topic.ARM_ERROR_TYPE) or next(iter(Topic.ARM_ERROR_TYPE.readings))
    return _TYPE_NAMES.get(failed(type, how))


_TYPE_NAMES = {
    ArmErrorType.CACHE: "Cache Error",
    ArmErrorType.TLB: "TLB Error",
    ArmErrorType.BUS: "Bus Error",
    ArmErrorType.MICRO_ARCHITECTURAL: "Micro-Architectural Error",
}


def possible(type: int, word: int | None) -> list[str]:
    """The readings by which a type byte names something, and that of a bus if ``word`` is a bus's.

    ``word`` is the error information; None where it is not a fact.
    """
    is_bus = word is not None and bool(word & _OF_A_BUS)
    found = {how: failed(type, how) for how in Topic.ARM_ERROR_TYPE.readings}
    return [how for how, what in found.items() if what and (not is_bus or what & ArmErrorType.BUS)]


def type_testimony(types: Iterable[tuple[int, int | None]]) -> Choice:
    """How the type bytes of a section are to be read, each given with its error information."""
    topic = Topic.ARM_ERROR_TYPE
    fits = list(topic.readings)
    seen: dict[int, None] = {}
    for type, word in types:
        fits = [how for how in fits if how in possible(type, word)]
        seen[type] = None
    said = ", ".join(map(str, seen))
    default = next(iter(topic.readings))
    if not fits:
        return Choice(topic, default, f"no reading fits the types {said}")
    if len(fits) == 1:
        return Choice(topic, fits[0], f"no other fits the types {said}", Weight.EVIDENCE)
    reason = f"types {said} would fit {' and '.join(fits[1:])} too"
    return Choice(topic, fits[0], reason, Weight(fits[0] != default))
