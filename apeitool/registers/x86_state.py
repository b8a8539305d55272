"""State registers of x86 processors: flags, control and debug registers, CPUID's answer.

Source:  Intel SDM volume 1 3.4.3, volume 3A 2.5, volume 3B 19.2
"""

import enum

from apeitool.wire.labels import Bits, Word


class Rflags(Word):
    """EFLAGS or RFLAGS."""

    carry = Bits(0)
    always_1 = Bits(1)
    parity = Bits(2)
    auxiliary_carry = Bits(4)
    zero = Bits(6)
    sign = Bits(7)
    trap = Bits(8)
    interrupt_enable = Bits(9)
    direction = Bits(10)
    overflow = Bits(11)
    io_privilege_level = Bits(12, 2)
    nested_task = Bits(14)
    resume = Bits(16)
    virtual_8086_mode = Bits(17)
    alignment_check = Bits(18)
    virtual_interrupt = Bits(19)
    virtual_interrupt_pending = Bits(20)
    id = Bits(21)


class Cr0(enum.IntFlag):
    """Control register 0."""

    PROTECTION_ENABLE = 1 << 0
    MONITOR_COPROCESSOR = 1 << 1
    EMULATION = 1 << 2
    TASK_SWITCHED = 1 << 3
    EXTENSION_TYPE = 1 << 4
    NUMERIC_ERROR = 1 << 5
    WRITE_PROTECT = 1 << 16
    ALIGNMENT_MASK = 1 << 18
    NOT_WRITE_THROUGH = 1 << 29
    CACHE_DISABLE = 1 << 30
    PAGING = 1 << 31


class Cr4(enum.IntFlag):
    """Control register 4."""

    VME = 1 << 0
    PVI = 1 << 1
    TSD = 1 << 2
    DE = 1 << 3
    PSE = 1 << 4
    PAE = 1 << 5
    MCE = 1 << 6
    PGE = 1 << 7
    PCE = 1 << 8
    OSFXSR = 1 << 9
    OSXMMEXCPT = 1 << 10
    UMIP = 1 << 11
    LA57 = 1 << 12
    VMXE = 1 << 13
    SMXE = 1 << 14
    FSGSBASE = 1 << 16
    PCIDE = 1 << 17
    OSXSAVE = 1 << 18
    KL = 1 << 19
    SMEP = 1 << 20
    SMAP = 1 << 21
    PKE = 1 << 22
    CET = 1 << 23
    PKS = 1 << 24
    UINTR = 1 << 25


class Dr6(Word):
    """Debug status register."""

    breakpoint_0 = Bits(0)
    breakpoint_1 = Bits(1)
    breakpoint_2 = Bits(2)
    breakpoint_3 = Bits(3)
    always_1 = Bits(4, 7, hexadecimal=True)
    bus_lock = Bits(11)
    debug_register_access = Bits(13)
    single_step = Bits(14)
    task_switch = Bits(15)
    restricted_transactional_memory = Bits(16)


class Mxcsr(Word):
    """MXCSR: what SSE does on exceptions, and which it met."""

    exceptions = Bits(0, 6, hexadecimal=True)
    denormals_are_zeros = Bits(6)
    exception_masks = Bits(7, 6, hexadecimal=True)
    rounding_control = Bits(13, 2)
    flush_to_zero = Bits(15)
