"""What both memory error sections have in common: the kinds of error, and where it was.

Source:  UEFI 2.10 N.2.5, N.2.6
"""

from collections.abc import Iterable, Iterator
from typing import Any

from apeitool.wire.labels import Label


class MemoryErrorType(Label):
    """What kind of memory error it was."""

    UNKNOWN = 0
    NO_ERROR = 1
    SINGLE_BIT_ECC = 2
    MULTI_BIT_ECC = 3
    SINGLE_SYMBOL_CHIPKILL_ECC = 4
    MULTI_SYMBOL_CHIPKILL_ECC = 5
    MASTER_ABORT = 6
    TARGET_ABORT = 7
    PARITY_ERROR = 8
    WATCHDOG_TIMEOUT = 9
    INVALID_ADDRESS = 10
    MIRROR_BROKEN = 11
    MEMORY_SPARING = 12
    SCRUB_CORRECTED_ERROR = 13
    SCRUB_UNCORRECTED_ERROR = 14
    PHYSICAL_MEMORY_MAP_OUT_EVENT = 15


def memory_sentence(section: Any) -> str:
    """What a memory error section says, in words: the kind, the address, the place."""
    kind = section.memory_error_type.text if section.is_valid("memory_error_type") else ""
    what = f"{kind} memory error" if kind and "error" not in kind else kind or "memory error"
    for address in section.physical_addresses:
        what += f" at physical address {address:#x}"
    where = ", ".join(f"{name} {value}" for name, value in section.location())
    return f"{what} ({where})" if where else what


def valid_places(section: Any, names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Those of the fields that are facts, as parts of a place: (name, number)."""
    for name in names:
        if section.is_valid(name):
            short = name.removesuffix("_number").removesuffix("_position").removesuffix("_id")
            yield short, getattr(section, name)


def bank_places(section: Any, valid: Any) -> Iterator[tuple[str, int]]:
    """The bank, or group and address where the section says that it is these: (name, number)."""
    bits, bank = section.validation_bits, section.bank
    if bits & valid.BANK:
        yield "bank", bank
    if bits & valid.BANK_GROUP:
        yield "bank group", bank >> 8
    if bits & valid.BANK_ADDRESS:
        yield "bank address", bank & 0xFF


def bank_shown(section: Any, valid: Any) -> str | None:
    """How a person reads the bank where it is a group and an address; else None."""
    if section.validation_bits & valid.BANK:
        return None
    places = (f"{what.removeprefix('bank ')} {n}" for what, n in bank_places(section, valid))
    return ", ".join(places) or None
