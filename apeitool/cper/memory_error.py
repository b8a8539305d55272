"""What both memory error sections have in common: the kinds of error, and where it was.

Source:  UEFI 2.10 N.2.5, N.2.6
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from apeitool.cper.dimm import Dimm, named
from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.wire.labels import Bits, Label, Word

if TYPE_CHECKING:
    from apeitool.cper.place import Place


class MemoryErrorType(
    Label,
    json={
        2: "Single-bit ECC",
        3: "Multi-bit ECC",
        4: "Single-symbol ChipKill ECC",
        5: "Multi-symbol ChipKill ECC",
        15: "Physical Memory Map-out Event",
    },
):
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


_SEVERITIES = {
    MemoryErrorType.NO_ERROR: (Severity.INFORMATIONAL,),
    MemoryErrorType.SINGLE_BIT_ECC: (Severity.CORRECTED,),
    MemoryErrorType.SINGLE_SYMBOL_CHIPKILL_ECC: (Severity.CORRECTED,),
    MemoryErrorType.MEMORY_SPARING: (Severity.CORRECTED, Severity.INFORMATIONAL),
    MemoryErrorType.MIRROR_BROKEN: (Severity.CORRECTED, Severity.INFORMATIONAL),
    MemoryErrorType.SCRUB_CORRECTED_ERROR: (Severity.CORRECTED,),
    MemoryErrorType.PHYSICAL_MEMORY_MAP_OUT_EVENT: (Severity.INFORMATIONAL,),
}
"""How bad each type can be; others are not corrected."""


_LINES = 0xFFFF_FFFF_FFFF_FFC0
"""Mask of an address that is known to its cache line."""


class MemorySection(Section):
    """What both memory error sections say; their fields have the same names.

    Source:  UEFI 2.10 N.2.5, N.2.6
    """

    part: ClassVar[str] = "dimm"
    located: ClassVar[Mapping[str, str]] = {
        "physical_address": "address",
        "node": "dimm.node",
        "card": "dimm.card",
        "module": "dimm.module",
        "device": "chip",
        "row": "row",
        "column": "column",
        "bit_position": "bit",
        "rank": "rank",
        "rank_number": "rank",
        "card_handle": "dimm.card_handle",
        "module_handle": "dimm.module_handle",
    }

    @property
    def what(self) -> str:
        said = self._kind.text if self._kind is not None else ""
        return f"{said} memory error" if said and "error" not in said else said or "memory error"

    @property
    def _kind(self) -> MemoryErrorType | None:
        kind: MemoryErrorType | None = self.fact("memory_error_type")
        return kind

    def location(self) -> Iterator[tuple[str, int]]:
        """Where it was, as far as the record knows: (name, number), from node to bit."""
        return iter(())

    @property
    def dimm(self) -> Dimm | None:
        """The module that failed, where the record has its handle and its name is known."""
        handle = self.fact("module_handle")
        return None if handle is None else named(handle)

    @property
    def component(self) -> str:
        if self.dimm:
            return self.dimm.locator
        replaceable = ("node", "card", "module")
        return " ".join(f"{name} {value}" for name, value in self.location() if name in replaceable)

    def sentence(self) -> str:
        said = self.what
        for address in self.physical_addresses:
            said += f" at physical address {address:#x}"
        where = ", ".join(f"{name} {value}" for name, value in self.location())
        said = f"{said} ({where})" if where else said
        return f"{said}, in {self.dimm.text}" if self.dimm else said

    @property
    def severities(self) -> tuple[Severity, ...]:
        if self._kind is None:
            return super().severities
        return _SEVERITIES.get(self._kind, (Severity.RECOVERABLE, Severity.FATAL))

    def at(self, place: "Place") -> Self:
        mask = self.fact("physical_address_mask")
        there = super().at(place)
        return there if mask is None else there.replace(physical_address_mask=_LINES)


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


def bank_words(valid: Any) -> tuple[type[Word], type[Word]]:
    """The bank as one number, and as a group and an address, by validation bits of these names."""

    class WholeBank(Word):
        value = Bits(0, 16, when=valid.BANK)

    class BankWord(Word):
        address = Bits(0, 8, when=valid.BANK_ADDRESS)
        group = Bits(8, 8, when=valid.BANK_GROUP)

    return WholeBank, BankWord


def bank_shown(section: Any, valid: Any) -> str | None:
    """How a person reads the bank where it is a group and an address; else None."""
    if section.validation_bits & valid.BANK:
        return None
    places = (f"{what.removeprefix('bank ')} {n}" for what, n in bank_places(section, valid))
    return ", ".join(places) or None
