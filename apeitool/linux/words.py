"""The kernel's words for what sections say.  They are Linux's, not the specification's.

Source:  Linux drivers/firmware/efi/cper.c, cper-arm.c, cper-x86.c and cper_cxl.c
"""

from __future__ import annotations

from uuid import UUID

from apeitool.cper.arm_error import ArmErrorType
from apeitool.cper.x86_error import CHECKS
from apeitool.linux.row import Words

SEVERITIES = Words(("recoverable", "fatal", "corrected", "info"))
PRECISION = Words(("imprecise", "precise"))
TRUTH = Words(("false", "true"))

# ---- processors

PROCESSOR_TYPES = Words(("IA32/X64", "IA64", "ARM"))
PROCESSOR_ISAS = Words(("IA32", "IA64", "X64", "ARM A32/T32", "ARM A64"))
_ERROR_TYPES = ("cache error", "TLB error", "bus error", "micro-architectural error")
PROCESSOR_ERROR_TYPES = Words(_ERROR_TYPES)
PROCESSOR_OPERATIONS = Words(
    ("unknown or generic", "data read", "data write", "instruction execution")
)
PROCESSOR_FLAGS = Words(("restartable", "precise IP", "overflow", "corrected"))

# ---- x86

X86_ERROR_TYPES = Words(dict(zip(CHECKS, _ERROR_TYPES, strict=True)))
"""By the GUID of the error structure."""
X86_TRANSACTIONS = Words(("Instruction", "Data Access", "Generic"))
X86_CACHE_OPERATIONS = Words(
    ("generic error", "generic read", "generic write", "data read", "data write",
     "instruction fetch", "prefetch", "eviction", "snoop")
)  # fmt: skip
X86_OPERATIONS = Words([*X86_CACHE_OPERATIONS.table.values()][:7])
X86_PARTICIPATIONS = Words(
    ("Local Processor originated request", "Local Processor responded to request",
     "Local Processor observed", "Generic")
)  # fmt: skip
X86_ADDRESS_SPACES = Words(("Memory Access", "Reserved", "I/O", "Other Transaction"))
X86_MS_ERROR_TYPES = Words(
    ("No Error", "Unclassified", "Microcode ROM Parity Error", "External Error", "FRC Error",
     "Internal Unclassified")
)  # fmt: skip
X86_CONTEXTS = Words(
    ("Unclassified Data", "MSR Registers (Machine Check and other MSRs)",
     "32-bit Mode Execution Context", "64-bit Mode Execution Context", "FXSAVE Context",
     "32-bit Mode Debug Registers (DR0-DR7)", "64-bit Mode Debug Registers (DR0-DR7)",
     "Memory Mapped Registers")
)  # fmt: skip

# ---- ARM: what has no word is not printed


class _ArmErrorTypes(Words):
    """All that an error is of, since it can be of several types."""

    def word(self, number: int) -> str:
        names = "|".join(name for bit, name in self.table.items() if number & bit)
        return names + (" with reserved bit(s)" if number & ~sum(self.table) else "")


ARM_ERROR_TYPES = _ArmErrorTypes(dict(zip(ArmErrorType, _ERROR_TYPES, strict=True)))
ARM_FLAGS = {
    1: " first error captured",
    2: " last error captured",
    4: " propagated error captured",
    8: " overflow occurred, error info is incomplete",
}
ARM_TRANSACTIONS = Words(X86_TRANSACTIONS.table, None)
_ARM_OPERATIONS = (
    "Generic error (type cannot be determined)",
    "Generic read (type of instruction or data request cannot be determined)",
    "Generic write (type of instruction of data request cannot be determined)",
    "Data read",
    "Data write",
    "Instruction fetch",
    "Prefetch",
)
ARM_BUS_OPERATIONS = Words(_ARM_OPERATIONS, None)
ARM_CACHE_OPERATIONS = Words(
    (
        *_ARM_OPERATIONS,
        "Eviction",
        "Snooping (processor initiated a cache snoop that resulted in an error)",
        "Snooped (processor raised a cache error caused by another processor or device snooping its cache)",
        "Management",
    ),
    None,
)
ARM_TLB_OPERATIONS = Words(
    (
        *_ARM_OPERATIONS,
        "Local management operation (processor initiated a TLB management operation that resulted in an error)",
        "External management operation (processor raised a TLB error caused by another processor or device broadcasting TLB operations)",
    ),
    None,
)
ARM_CORRUPT = Words(("not corrupted", "corrupted"))
ARM_CORRECTED = Words(("not been corrected", "been corrected"))
ARM_RESTARTABLE = Words(
    {1: "Program execution can be restarted reliably at the PC associated with the error."}, None
)
ARM_PARTICIPATIONS = Words(
    ("Local processor originated request", "Local processor responded to request",
     "Local processor observed", "Generic"),
    None,
)  # fmt: skip
ARM_TIME_OUT = Words({1: "request timed out"}, None)
ARM_ADDRESS_SPACES = Words(
    ("External Memory Access", "Internal Memory Access", "Unknown", "Device Memory Access"), None
)
ARM_ACCESS_MODES = Words(("secure", "normal"))
ARM_CONTEXTS = Words(
    ("AArch32 general purpose registers", "AArch32 EL1 context registers",
     "AArch32 EL2 context registers", "AArch32 secure context registers",
     "AArch64 general purpose registers", "AArch64 EL1 context registers",
     "AArch64 EL2 context registers", "AArch64 EL3 context registers",
     "Misc. system register structure"),
    None,
)  # fmt: skip

# ---- memory, PCIe, firmware, CXL

MEMORY_ERROR_STATUS = Words(
    {
        1: "Error detected internal to the component",
        4: "Storage error in DRAM memory",
        5: "Storage error in TLB",
        6: "Storage error in cache",
        7: "Error in one or more functional units",
        8: "Component failed self test",
        9: "Overflow or undervalue of internal queue",
        16: "Error detected in the bus",
        17: "Virtual address not found on IO-TLB or IO-PDIR",
        18: "Improper access error",
        19: "Access to a memory address which is not mapped to any component",
        20: "Loss of Lockstep",
        21: "Response not associated with a request",
        22: "Bus parity error - must also set the A, C, or D Bits",
        23: "Detection of a protocol error",
        24: "Detection of a PATH_ERROR",
        25: "Bus operation timeout",
        26: "A read was issued to data that has been poisoned",
    },
    "Reserved",
)
MEMORY_ERROR_TYPES = Words(
    ("unknown", "no error", "single-bit ECC", "multi-bit ECC", "single-symbol chipkill ECC",
     "multi-symbol chipkill ECC", "master abort", "target abort", "parity error",
     "watchdog timeout", "invalid address", "mirror Broken", "memory sparing",
     "scrub corrected error", "scrub uncorrected error", "physical memory map-out event")
)  # fmt: skip
PCIE_PORTS = Words(
    ("PCIe end point", "legacy PCI end point", "unknown", "unknown", "root port",
     "upstream switch port", "downstream switch port", "PCIe to PCI/PCI-X bridge",
     "PCI/PCI-X to PCIe bridge", "root complex integrated endpoint device",
     "root complex event collector")
)  # fmt: skip
FIRMWARE_RECORDS = Words(
    ("IPF SAL Error Record", "SOC Firmware Error Record Type1 (Legacy CrashLog Support)",
     "SOC Firmware Error Record Type2")
)  # fmt: skip
CXL_AGENTS = Words(
    ("Restricted CXL Device", "Restricted CXL Host Downstream Port", "CXL Device",
     "CXL Logical Device", "CXL Fabric Manager managed Logical Device", "CXL Root Port",
     "CXL Downstream Switch Port", "CXL Upstream Switch Port")
)  # fmt: skip
CXL_EVENTS = {
    UUID("fbcd0a77-c260-417f-85a9-088b1621eba6"): "CXL General Media Event",
    UUID("601dcbb3-9c06-4eab-b8af-4e9bfb5c9624"): "CXL DRAM Event",
    UUID("fe927475-dd59-4339-a586-79bab113b774"): "CXL Memory Module Event",
}
"""Sections of which newer kernels print no more than the name."""
