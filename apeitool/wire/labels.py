"""Names for numbers: enumerations that lose nothing, and words whose bit ranges have names.

A field keeps the integer that was on the wire; names are a view of it, so undefined bits and
unknown values survive by themselves.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Self, overload

from apeitool.wire.shapes import Json


class Label(enum.IntEnum):
    """An enumeration of the specification.  A value that it does not name becomes a member too.

    Such a member is called ``UNKNOWN_<value>`` and is not kept: two of them are equal, not the same.
    ``json`` has the names in CPER-JSON, where they are not these in title case.
    """

    def __init_subclass__(cls, *, json: Mapping[int, str] | None = None) -> None:
        super().__init_subclass__()
        _JSON_NAMES[cls] = json or {}

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """Whether the specification names this value."""
        return self._value_ in type(self)._value2member_map_

    @property
    def text(self) -> str:
        """The name as words."""
        return words(self._name_) if self.is_known else f"unknown ({self._value_})"

    @property
    def json_name(self) -> str | None:
        """The name in CPER-JSON; None for a value that has none."""
        if not self.is_known:
            return None
        return _JSON_NAMES[type(self)].get(self._value_) or title(self._name_)


_JSON_NAMES: dict[type[Label], Mapping[int, str]] = {}


def numbered(text: str | None, number: int) -> str:
    """A text with its number, which that of a value without a name has already."""
    if text is None:
        return str(number)
    return text if text.endswith(f"({number})") else f"{text} ({number})"


def words(name: str) -> str:
    """``SINGLE_BIT_ECC`` -> ``single bit ECC``: lower case, but what is written so elsewhere."""
    return " ".join(w if w in _UPPER else w.lower() for w in name.split("_"))


def title(name: str) -> str:
    """``PARITY_ERROR`` -> ``Parity Error``: as `words`, each with a capital letter."""
    return " ".join(w if w in _UPPER else w.capitalize() for w in name.split("_"))


_UPPER = frozenset(
    [
        "ECC",
        "SEA",
        "SEI",
        "SCI",
        "NMI",
        "MCE",
        "CMC",
        "CMCI",
        "GPIO",
        "GSIV",
        "SDEI",
        "SSE",
        "PCI",
        "PCIE",
        "PCIX",
        "RAS",
        "TLB",
        "AER",
        "MSR",
        "DMAR",
        "CPE",
        "INIT",
        "PEI",
        "CXL",
        "EL1",
        "EL2",
        "EL3",
        "GPR",
        "AARCH32",
        "AARCH64",
        "FRU",
        "MPIDR",
        "PSCI",
        "OEM",
        "CPU",
        "IRQ",
        "TLP",
        "ECRC",
        "ID",
        "CRS",
        "ACS",
        "MC",
        "DLLP",
        "CMOS",
        "IPMI",
        "PCC",
        "PRM",
        "BAR",
        "EC",
        "PCI",
        "SMBUS",
        "DIMM",
        "IO",
        "PC",
        "DMA",
        "PASID",
        "RID",
        "IOTLB",
        "PPR",
        "RMP",
        "IOMMU",
        "APIC",
        "ATC",
        "BDF",
        "ROM",
        "SRAM",
        "DDR",
        "NVDIMM",
        "HBM",
        "F",
        "N",
        "CRC",
        "IDE",
        "GPF",
        "HDM",
        "CDAT",
        "VH",
        "PBR",
        "SBR",
        "BME",
        "ACL",
        "CPMU",
        "CHMU",
        "RCD",
        "P2P",
        "NOP",
        "IP",
        "TE",
        "CKID",
        "DRAM",
        "LSA",
        "SLD",
        "MLD",
        "HBR",
        "PERST",
        "PRSNT",
        "L0",
        "L1",
        "L2",
        "68B",
        "256B",
        "SMMU",
        "GIC",
        "PE",
        "IIDR",
        "PIDR",
    ]
)


class Bits:
    """A range of bits in a `Word`: ``low`` is its first bit, ``width`` how many it has.

    With ``when`` it is a fact only if one of these bits is set: in the range of the word that is of
    their type, or else in the validation field of the structure that holds the word.  An ``address``
    without its low bits is shown where it stands, in hex.
    """

    __slots__ = ("address", "doc", "hexadecimal", "json", "low", "name", "type", "when", "width")

    def __init__(
        self,
        low: int,
        width: int = 1,
        type: Any = None,
        doc: str = "",
        when: enum.IntFlag | None = None,
        *,
        address: bool = False,
        hexadecimal: bool = False,
        json: Json | None = None,
    ) -> None:
        self.address = address
        self.hexadecimal = hexadecimal
        self.low = low
        self.width = width
        self.type = type
        self.doc = doc
        self.when = when
        self.json = json
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @property
    def mask(self) -> int:
        """The bits of the range, in place."""
        return ((1 << self.width) - 1) << self.low

    @property
    def span(self) -> str:
        """Its bits as people write them: ``3``, ``9:4``."""
        last = self.low + self.width - 1
        return str(self.low) if self.width == 1 else f"{last}:{self.low}"

    @overload
    def __get__(self, word: None, owner: type) -> Self: ...
    @overload
    def __get__(self, word: int, owner: type) -> int: ...
    def __get__(self, word: int | None, owner: type) -> int | Self:
        if word is None:
            return self
        value = (int(word) & self.mask) >> self.low
        return (
            value if self.type is None or issubclass(self.type, enum.IntFlag) else self.type(value)
        )


class Word(int):
    """An integer read as a register: ``CacheError(value).level``.  Made by looking, never stored."""

    ranges: ClassVar[dict[str, Bits]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {n: b for n, b in vars(cls).items() if isinstance(b, Bits)}
        cls.ranges = {**cls.ranges, **own}

    @property
    def text(self) -> str | None:
        """The whole word on one line, where that says more than its ranges; else None."""
        return None

    def sentence(self) -> str:
        """What the whole word says, beside its number and its ranges; empty if they say it all."""
        return ""

    @classmethod
    def compose(cls, **values: int) -> int:
        """The integer in which the named ranges hold these values, all other bits clear.

        Raises:  ValueError when a value does not fit its range, KeyError when there is no such one.
        """
        word = 0
        for name, value in values.items():
            bits = cls.ranges[name]
            if value < 0 or value >> bits.width:
                raise ValueError(
                    f"{cls.__name__}.{name} has {bits.width} bits, not room for {value}"
                )
            word |= int(value) << bits.low
        return word


def flag_names(kind: type[enum.IntFlag], value: int) -> list[str]:
    """The names of the bits that are set, lowest first; what has no name comes last, as hex."""
    names = [words(member.name or "") for member in kind if value & member]
    rest = value
    for member in kind:
        rest &= ~int(member)
    return [*names, f"reserved {rest:#x}"] if rest else names


def validity(kind: type[Word], value: int, bit: enum.IntFlag) -> bool | None:
    """What the word itself says of a validation bit; None if it has no range of such bits."""
    for bits in kind.ranges.values():
        if bits.type is type(bit):
            return bool((value & bits.mask) >> bits.low & bit)
    return None


def word_lines(
    kind: type[Word], value: int, is_valid: Callable[[enum.IntFlag], bool] = lambda _: True
) -> Iterator[tuple[str, str]]:
    """Each range that is a fact with its meaning: (name, text).

    Bits that no range has come last, if any is set.  ``is_valid`` tells of validation bits that
    are not in the word.
    """
    rest = value
    for name, bits in kind.ranges.items():
        got = (value & bits.mask) >> bits.low
        rest &= ~bits.mask
        if bits.when is not None:
            own = validity(kind, value, bits.when)
            if not (is_valid(bits.when) if own is None else own):
                continue
        if bits.width == 1 and bits.type is None:
            if got:
                yield name, "yes"
        elif bits.type is not None and issubclass(bits.type, enum.IntFlag):
            yield name, ", ".join(flag_names(bits.type, got)) or "none"
        elif bits.type is not None:
            yield name, numbered(bits.type(got).text, got)
        elif bits.address:
            yield name, f"{got << bits.low:#x}"
        else:
            yield name, f"{got:#x}" if bits.hexadecimal else str(got)
    if rest:
        yield "reserved", f"{rest:#x}"
