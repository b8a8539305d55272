"""The machine check that Linux makes of a memory error on x86, for those who know no other kind.

Its bank, 255, is none that a processor has.  Who listens to machine checks prints and counts it; what
they print depends on the processor, and is not foretold.
"""

from __future__ import annotations

from apeitool.cper.sections.memory import MemoryErrorSection, MemoryValid
from apeitool.cper.severity import Severity
from apeitool.registers.machine_check import MachineCheck
from apeitool.registers.x86 import AddressMode, MciMisc, MciStatus

SOURCE = (
    "Linux apei_mce_report_mem_error(), arch/x86/kernel/cpu/mce/apei.c, seen on 6.12.95 and 7.2.13"
)

BANK = 255
_PAGE_SHIFT = 12
_MEMORY_READ = 0x9F
"""The error code of a read, on a channel that is not known."""


def of_memory_error(section: MemoryErrorSection, severity: int) -> MachineCheck | None:
    """The machine check of a section in a block of that severity; None without an address."""
    valid = section.validation_bits
    if not valid & MemoryValid.PHYSICAL_ADDRESS:
        return None
    is_worse = severity not in (Severity.CORRECTED, Severity.INFORMATIONAL)
    status = MciStatus.compose(
        valid=1, error_enabled=1, address_valid=1, misc_valid=1, mca_error_code=_MEMORY_READ,
        uncorrected=int(is_worse),
    )  # fmt: skip
    lsb = _PAGE_SHIFT
    mask = section.physical_address_mask & (1 << _PAGE_SHIFT) - 1
    if valid & MemoryValid.PHYSICAL_ADDRESS_MASK and mask:
        lsb = (mask & -mask).bit_length() - 1
    misc = MciMisc.compose(
        address_mode=int(AddressMode.PHYSICAL_ADDRESS), recoverable_address_lsb=lsb
    )
    return MachineCheck(BANK, MciStatus(status), section.physical_address, misc)
