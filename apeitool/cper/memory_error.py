"""What both memory error sections have in common: the kinds of error, and where it was.

Source:  UEFI 2.10 N.2.5, N.2.6
"""

from collections.abc import Iterable, Iterator
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


class MemorySection(Section):
    """What both memory error sections say; their fields have the same names.

    Source:  UEFI 2.10 N.2.5, N.2.6
    """

    part: ClassVar[str] = "dimm"

    @property
    def what(self) -> str:
        said = self._kind.text if self._kind is not None else ""
        return f"{said} memory error" if said and "error" not in said else said or "memory error"

    @property
    def _kind(self) -> MemoryErrorType | None:
        kind: MemoryErrorType | None = self._fact("memory_error_type")
        return kind

    def _fact(self, name: str) -> Any:
        """The value of a field, if the section has it and it is a fact; else None."""
        has = any(field.name == name for field in self.fields)
        return getattr(self, name) if has and self.is_valid(name) else None

    def location(self) -> Iterator[tuple[str, int]]:
        """Where it was, as far as the record knows: (name, number), from node to bit."""
        return iter(())

    @property
    def dimm(self) -> Dimm | None:
        """The module that failed, where the record has its handle and its name is known."""
        handle = self._fact("module_handle")
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
        dimm, offset = place.dimm, place.address - place.dimm.start
        spot = {
            "physical_address": place.address,
            "physical_address_mask": 0xFFFF_FFFF_FFFF_FFC0,
            "node": dimm.node,
            "card": dimm.card,
            "module": dimm.module,
            "device": offset >> 6 & 15,
            "row": offset >> 17 & 0xFFFF,
            "column": offset >> 6 & 0x3FF,
            "bit_position": offset >> 6 & 63,
            "rank": offset >> 16 & 1,
            "rank_number": offset >> 16 & 1,
            "card_handle": dimm.card_handle,
            "module_handle": dimm.module_handle,
        }
        return self.replace(**{n: v for n, v in spot.items() if self._fact(n) is not None})


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
