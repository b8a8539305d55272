"""PCI: bus commands and class codes.

Source:  PCI Local Bus 3.0 3.1.1; PCI-X 2.0 2.4; PCI Code and ID Assignment 1.15
"""

from apeitool.wire.labels import Label


class PciCommand(Label):
    """Bus command of a PCI transaction, as C/BE# had it."""

    INTERRUPT_ACKNOWLEDGE = 0x0
    SPECIAL_CYCLE = 0x1
    IO_READ = 0x2
    IO_WRITE = 0x3
    MEMORY_READ = 0x6
    MEMORY_WRITE = 0x7
    CONFIGURATION_READ = 0xA
    CONFIGURATION_WRITE = 0xB
    MEMORY_READ_MULTIPLE = 0xC
    DUAL_ADDRESS_CYCLE = 0xD
    MEMORY_READ_LINE = 0xE
    MEMORY_WRITE_AND_INVALIDATE = 0xF


class PcixCommand(Label):
    """Bus command of a PCI-X transaction, as C/BE# had it."""

    INTERRUPT_ACKNOWLEDGE = 0x0
    SPECIAL_CYCLE = 0x1
    IO_READ = 0x2
    IO_WRITE = 0x3
    DEVICE_ID_MESSAGE = 0x5
    MEMORY_READ_DWORD = 0x6
    MEMORY_WRITE = 0x7
    ALIAS_TO_MEMORY_READ_BLOCK = 0x8
    ALIAS_TO_MEMORY_WRITE_BLOCK = 0x9
    CONFIGURATION_READ = 0xA
    CONFIGURATION_WRITE = 0xB
    SPLIT_COMPLETION = 0xC
    DUAL_ADDRESS_CYCLE = 0xD
    MEMORY_READ_BLOCK = 0xE
    MEMORY_WRITE_BLOCK = 0xF


def bus_address(segment: int, bus: int, device: int, function: int) -> str:
    """Segment, bus, device and function as Linux and lspci write them."""
    return f"{segment:04x}:{bus:02x}:{device:02x}.{function:x}"


def vendor_text(vendor: int) -> str | None:
    """A vendor id with the vendor's name; None where nobody here knows it."""
    known = VENDORS.get(vendor)
    return f"{vendor:#06x} ({known})" if known else None


def class_name(code: bytes) -> str:
    """What a class code says that a device is; empty where it is reserved.

    The code is as in memory: programming interface, sub-class, class.
    """
    _, subclass, base = code
    return _SUBCLASSES.get((base, subclass)) or _CLASSES.get(base, "")


def class_text(code: bytes) -> str:
    """A class code as people write it, class first, and what it says."""
    name = class_name(code)
    return f"{code[::-1].hex()} ({name})" if name else code[::-1].hex()


VENDORS = {
    0x1000: "Broadcom, LSI", 0x1002: "AMD, ATI", 0x1014: "IBM",
    0x1022: "AMD", 0x1028: "Dell", 0x102B: "Matrox", 0x103C: "HP", 0x1077: "QLogic",
    0x108E: "Oracle", 0x10B5: "PLX", 0x10DE: "NVIDIA", 0x10DF: "Emulex", 0x10EC: "Realtek",
    0x10EE: "Xilinx", 0x1137: "Cisco", 0x11F8: "Microchip, PMC-Sierra", 0x1344: "Micron",
    0x1425: "Chelsio", 0x144D: "Samsung", 0x14E4: "Broadcom", 0x1590: "HPE", 0x15AD: "VMware",
    0x15B3: "NVIDIA, Mellanox", 0x15B7: "Western Digital, SanDisk", 0x15D9: "Supermicro",
    0x177D: "Cavium", 0x17CB: "Qualcomm", 0x1912: "Renesas", 0x1924: "Solarflare",
    0x1957: "NXP, Freescale", 0x197B: "JMicron", 0x19E5: "Huawei", 0x1A03: "ASPEED",
    0x1AF4: "Red Hat, virtio", 0x1B21: "ASMedia", 0x1B36: "Red Hat, QEMU", 0x1B4B: "Marvell",
    0x1C5C: "SK hynix", 0x1CC1: "ADATA", 0x1D0F: "Amazon", 0x1DD8: "AMD, Pensando",
    0x1DED: "Alibaba", 0x1DEF: "Ampere", 0x1E0F: "Kioxia", 0x1E49: "Yangtze Memory",
    0x1AE0: "Google", 0x1414: "Microsoft", 0x8086: "Intel", 0x9005: "Adaptec",
}  # fmt: skip
"""Vendors of devices that servers have.

Source:  the PCI ID repository (pci.ids)
"""

_CLASSES = {
    0x00: "unclassified device",
    0x01: "mass storage controller",
    0x02: "network controller",
    0x03: "display controller",
    0x04: "multimedia controller",
    0x05: "memory controller",
    0x06: "bridge",
    0x07: "communication controller",
    0x08: "system peripheral",
    0x09: "input device",
    0x0A: "docking station",
    0x0B: "processor",
    0x0C: "serial bus controller",
    0x0D: "wireless controller",
    0x0E: "intelligent controller",
    0x0F: "satellite communications controller",
    0x10: "encryption controller",
    0x11: "signal processing controller",
    0x12: "processing accelerator",
    0x13: "non-essential instrumentation",
    0x40: "coprocessor",
    0xFF: "unassigned class",
}

_SUBCLASSES = {
    (0x00, 0x01): "VGA compatible device",
    (0x01, 0x00): "SCSI storage controller",
    (0x01, 0x01): "IDE interface",
    (0x01, 0x04): "RAID bus controller",
    (0x01, 0x05): "ATA controller",
    (0x01, 0x06): "SATA controller",
    (0x01, 0x07): "serial attached SCSI controller",
    (0x01, 0x08): "non-volatile memory controller",
    (0x01, 0x09): "universal flash storage controller",
    (0x02, 0x00): "Ethernet controller",
    (0x02, 0x07): "InfiniBand controller",
    (0x02, 0x08): "fabric controller",
    (0x03, 0x00): "VGA compatible controller",
    (0x03, 0x02): "3D controller",
    (0x04, 0x00): "multimedia video controller",
    (0x04, 0x01): "multimedia audio controller",
    (0x04, 0x03): "audio device",
    (0x05, 0x00): "RAM memory",
    (0x05, 0x01): "flash memory",
    (0x05, 0x02): "CXL memory device",
    (0x06, 0x00): "host bridge",
    (0x06, 0x01): "ISA bridge",
    (0x06, 0x04): "PCI bridge",
    (0x06, 0x09): "semi-transparent PCI bridge",
    (0x06, 0x0A): "InfiniBand to PCI host bridge",
    (0x07, 0x00): "serial controller",
    (0x07, 0x80): "communication controller",
    (0x08, 0x00): "PIC",
    (0x08, 0x01): "DMA controller",
    (0x08, 0x02): "timer",
    (0x08, 0x03): "RTC",
    (0x08, 0x05): "SD host controller",
    (0x08, 0x06): "IOMMU",
    (0x08, 0x07): "root complex event collector",
    (0x0B, 0x40): "coprocessor",
    (0x0C, 0x03): "USB controller",
    (0x0C, 0x04): "fibre channel controller",
    (0x0C, 0x05): "SMBus controller",
    (0x0C, 0x06): "InfiniBand controller",
    (0x0C, 0x07): "IPMI interface",
    (0x10, 0x00): "network and computing encryption device",
    (0x11, 0x01): "performance counters",
}
