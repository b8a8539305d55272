"""Where a register is: the Generic Address Structure."""

from typing import Annotated

from apeitool.wire.labels import Label
from apeitool.wire.record import Structure
from apeitool.wire.types import U8, Address, Unit, u8


class AddressSpace(Label):
    """ACPI address space ids; 0xC0 and above belong to the OEM."""

    SYSTEM_MEMORY = 0
    SYSTEM_IO = 1
    PCI_CONFIGURATION = 2
    EMBEDDED_CONTROLLER = 3
    SMBUS = 4
    SYSTEM_CMOS = 5
    PCI_BAR_TARGET = 6
    IPMI = 7
    GENERAL_PURPOSE_IO = 8
    GENERIC_SERIAL_BUS = 9
    PCC = 0x0A
    PRM = 0x0B
    FUNCTIONAL_FIXED_HARDWARE = 0x7F


class AccessSize(Label):
    """How wide one access is."""

    UNDEFINED = 0
    BYTE = 1
    WORD = 2
    DWORD = 3
    QWORD = 4

    @property
    def length(self) -> int:
        """Bytes of one access; 0 when it is not defined."""
        return 1 << (self - 1) if 1 <= self <= 4 else 0


class GenericAddress(Structure):
    """Generic Address Structure: a register in some address space.

    Shape:   12 bytes, little-endian; the address is often not aligned.
    Units:   width and offset in bits.
    Source:  ACPI 6.5 5.2.3.2
    """

    address_space_id: Annotated[AddressSpace, u8, "address space"] = AddressSpace.SYSTEM_MEMORY
    register_bit_width: Annotated[U8, Unit("bits")] = 0
    register_bit_offset: Annotated[U8, Unit("bits")] = 0
    access_size: Annotated[AccessSize, u8] = AccessSize.UNDEFINED
    address: Address = 0

    @property
    def brief(self) -> str:
        """Space, address and shape."""
        shape = f"{self.register_bit_width} bits"
        if self.register_bit_offset:
            shape += f" from bit {self.register_bit_offset}"
        return f"{self.address_space_id.text} {self.address:#x} ({shape}, {self.access_size.text} access)"

    @classmethod
    def memory(cls, address: int, *, bits: int = 64) -> "GenericAddress":
        """A whole register of 8, 16, 32 or 64 bits in system memory."""
        size = AccessSize({8: 1, 16: 2, 32: 3, 64: 4}[bits])
        return cls(register_bit_width=bits, access_size=size, address=address)
