"""Whether Linux can map the registers of a HEST: each source's when it is probed, until it is refused.

1. A register is mapped for as many whole bytes as its bit width has; a mapping is of whole pages.
2. Less than one byte, or an address that the processor has not, cannot be mapped.
3. But what lies in a mapping that is there already needs no other.  So a register of a few bits is taken
   if a wider one of the same page came before it.
4. A port needs no mapping.

Source:  Linux acpi_os_map_generic_address(), drivers/acpi/osl.c, seen on 6.1.192
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from apeitool.registers.address import AddressSpace, GenericAddress

BYTE = 8
PAGE = 4096
ADDRESS_BITS = 52
"""How wide physical addresses are at most."""


@dataclass(slots=True)
class _Mapping:
    """Pages that are mapped, and for how many registers.

    Units:   ``start`` and ``stop`` in bytes.
    """

    start: int
    stop: int
    count: int = 1


@dataclass(slots=True)
class Mappings:
    """What a kernel has mapped, on a processor with physical addresses of so many bits."""

    address_bits: int = ADDRESS_BITS
    _held: dict[int, list[_Mapping]] = field(default_factory=dict)
    """Those that begin at a page, by its number."""

    def take(self, register: GenericAddress) -> bool:
        """Map a register that is valid otherwise; whether that was possible."""
        if register.address_space_id != AddressSpace.SYSTEM_MEMORY:
            return True
        if not register.register_bit_width:
            return False
        start, length = register.address, register.register_bit_width // BYTE
        found = self._find(start, length)
        if found is not None:
            found.count += 1
            return True
        if not length or (start + length - 1) >> self.address_bits:
            return False
        made = _Mapping(start // PAGE * PAGE, -(-(start + length) // PAGE) * PAGE)
        self._held.setdefault(start // PAGE, []).append(made)
        return True

    def give(self, registers: Sequence[GenericAddress]) -> None:
        """Let go of registers that were mapped."""
        for register in registers:
            found = self._find(register.address, register.register_bit_width // BYTE)
            if register.address_space_id == AddressSpace.SYSTEM_MEMORY and found is not None:
                found.count -= 1
                if not found.count:
                    self._held[found.start // PAGE].remove(found)

    def _find(self, start: int, length: int) -> _Mapping | None:
        # No register is so wide that its mapping has more than two pages.
        for page in (start // PAGE, start // PAGE - 1, start // PAGE - 2):
            for held in self._held.get(page, ()):
                if start + length <= held.stop:
                    return held
        return None
