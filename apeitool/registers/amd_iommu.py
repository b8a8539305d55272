"""Register words of AMD's IOMMU, its event log, and the tables that it walks.

Source:  AMD I/O Virtualization Technology (IOMMU) Specification (48882) 2.2, 2.5 and 3.4
"""

import enum

from apeitool.registers.pcie import RequesterId
from apeitool.wire.labels import Bits, Label, Word


class InvalidationTimeout(Label):
    """How long the IOMMU waits for a device to answer an invalidation."""

    NONE = 0
    MS_1 = 1
    MS_10 = 2
    MS_100 = 3
    S_1 = 4
    S_10 = 5
    S_100 = 6

    @property
    def text(self) -> str:
        """The time in its unit."""
        if not self.is_known or not self:
            return super().text
        unit, _, number = self.name.partition("_")
        return f"{number} {unit.lower()}"


class Control(Word):
    """IOMMU control register."""

    iommu_enable = Bits(0)
    hypertransport_tunnel_enable = Bits(1)
    event_log_enable = Bits(2)
    event_log_interrupt_enable = Bits(3)
    completion_wait_interrupt_enable = Bits(4)
    invalidation_timeout = Bits(5, 3, InvalidationTimeout)
    pass_posted_write = Bits(8)
    response_pass_posted_write = Bits(9)
    coherent = Bits(10)
    isochronous = Bits(11)
    command_buffer_enable = Bits(12)
    ppr_log_enable = Bits(13)
    ppr_interrupt_enable = Bits(14)
    ppr_enable = Bits(15)
    guest_translation_enable = Bits(16)
    guest_virtual_apic_enable = Bits(17)
    crw = Bits(18, 4)
    smi_filter_enable = Bits(22)
    self_write_back_disable = Bits(23)
    smi_filter_log_enable = Bits(24)
    guest_virtual_apic_mode = Bits(25, 3)
    guest_virtual_apic_log_enable = Bits(28)
    guest_virtual_apic_interrupt_enable = Bits(29)
    dual_ppr_log_enable = Bits(30, 2)
    dual_event_log_enable = Bits(32, 2)
    device_table_segmentation = Bits(34, 3)
    privilege_abort_enable = Bits(37, 2)
    ppr_auto_response_enable = Bits(39)
    memory_access_routing_enable = Bits(40)
    block_stop_mark_enable = Bits(41)
    ppr_auto_response_always_on = Bits(42)
    interrupt_remapping_mode = Bits(43, 2)
    enhanced_ppr_handling_enable = Bits(45)
    host_accessed_dirty_update = Bits(46, 2)
    guest_dirty_update_disable = Bits(48)
    x2apic_enable = Bits(50)
    x2apic_interrupt_enable = Bits(51)
    virtual_command_buffer_enable = Bits(52)
    virtual_iommu_enable = Bits(53)
    guest_accessed_update_disable = Bits(54)
    guest_virtual_apic_physical_interrupt_enable = Bits(55)
    tiered_memory_page_migration_enable = Bits(56)
    cxl_memory_attribute_enable = Bits(57)
    guest_cr3_table_pointer_mode = Bits(58)
    interrupt_table_cache_disable = Bits(59)
    guest_buffer_table_pointer_mode = Bits(60)
    snp_avic_enable = Bits(61, 3)


class Status(enum.IntFlag):
    """IOMMU status register."""

    EVENT_LOG_OVERFLOW = 1 << 0
    EVENT_LOG_INTERRUPT = 1 << 1
    COMPLETION_WAIT_INTERRUPT = 1 << 2
    EVENT_LOG_RUNNING = 1 << 3
    COMMAND_BUFFER_RUNNING = 1 << 4
    PPR_LOG_OVERFLOW = 1 << 5
    PPR_LOG_INTERRUPT = 1 << 6
    PPR_LOG_RUNNING = 1 << 7
    GUEST_VIRTUAL_APIC_LOG_RUNNING = 1 << 8
    GUEST_VIRTUAL_APIC_LOG_OVERFLOW = 1 << 9
    GUEST_VIRTUAL_APIC_INTERRUPT = 1 << 10
    PPR_LOG_B_OVERFLOW = 1 << 11
    PPR_LOG_ACTIVE = 1 << 12
    EVENT_LOG_B_OVERFLOW = 1 << 15
    EVENT_LOG_ACTIVE = 1 << 16
    PPR_LOG_B_OVERFLOW_EARLY_WARNING = 1 << 17
    PPR_LOG_OVERFLOW_EARLY_WARNING = 1 << 18


class EventCode(Label):
    """What an entry of the event log tells."""

    ILLEGAL_DEVICE_TABLE_ENTRY = 1
    IO_PAGE_FAULT = 2
    DEVICE_TABLE_HARDWARE_ERROR = 3
    PAGE_TABLE_HARDWARE_ERROR = 4
    ILLEGAL_COMMAND = 5
    COMMAND_HARDWARE_ERROR = 6
    IOTLB_INVALIDATION_TIMEOUT = 7
    INVALID_DEVICE_REQUEST = 8
    INVALID_PPR_REQUEST = 9
    EVENT_COUNTER_ZERO = 10
    GUEST_EVENT_FAULT = 11
    VIRTUAL_IOMMU_HARDWARE_ERROR = 12
    RMP_PAGE_FAULT = 13
    RMP_HARDWARE_ERROR = 14


class HardwareErrorType(Label):
    """How a memory access of the IOMMU itself failed."""

    MASTER_ABORT = 1
    TARGET_ABORT = 2
    DATA_ERROR = 3


class EventLow(Word):
    """Bits 63:0 of an event log entry; what lies below the code depends on it."""

    event_code = Bits(60, 4, EventCode)


class DeviceEventLow(EventLow):
    """An event that a device caused."""

    device_id = Bits(0, 16, RequesterId)


class AccessEventLow(DeviceEventLow):
    """An event of a device's access, in a domain or an address space."""

    pasid_19_16 = Bits(16, 4)
    domain_id_or_pasid_15_0 = Bits(32, 16)
    guest = Bits(48, doc="bits 47:32 are of a PASID, and the address is a guest's")
    interrupt = Bits(51, doc="it was an interrupt")
    write = Bits(53)
    translation = Bits(56, doc="it was a translation request")


class IllegalDeviceTableEntryLow(AccessEventLow):
    """ILLEGAL_DEV_TABLE_ENTRY: reserved bits, or a level that cannot be."""

    reserved_bits = Bits(55, doc="set: a reserved bit was not zero; clear: an invalid level")


class IoPageFaultLow(AccessEventLow):
    """IO_PAGE_FAULT: no page, or no permission."""

    no_execute = Bits(49)
    user = Bits(50)
    present = Bits(52)
    permission = Bits(54, doc="the device had not enough privilege")
    reserved_bits = Bits(55, doc="a reserved bit of the page table was not zero")


class DeviceTableHardwareErrorLow(DeviceEventLow):
    """DEV_TAB_HARDWARE_ERROR: the device table could not be read."""

    interrupt = Bits(51)
    write = Bits(53)
    translation = Bits(56)
    type = Bits(57, 2, HardwareErrorType)


class PageTableHardwareErrorLow(AccessEventLow):
    """PAGE_TAB_HARDWARE_ERROR: a page table could not be read."""

    type = Bits(57, 2, HardwareErrorType)


class CommandHardwareErrorLow(EventLow):
    """COMMAND_HARDWARE_ERROR: the command buffer could not be read."""

    type = Bits(57, 2, HardwareErrorType)


class InvalidDeviceRequestLow(DeviceEventLow):
    """INVALID_DEVICE_REQUEST: a request that no device may make."""

    pasid_19_16 = Bits(16, 4)
    pasid_15_0 = Bits(32, 16)
    guest = Bits(48)
    user = Bits(49)
    translation = Bits(56)
    type = Bits(57, 3)


class InvalidPprRequestLow(DeviceEventLow):
    """INVALID_PPR_REQUEST: a page request that cannot be."""

    pasid_15_0 = Bits(16, 16)
    tag = Bits(32, 10)
    pasid_19_16 = Bits(42, 4)


class RmpEventLow(DeviceEventLow):
    """RMP_PAGE_FAULT and RMP_HARDWARE_ERROR: an access that the reverse map forbids."""

    rmp_flags = Bits(16, 8)
    vmg_tag = Bits(32, 16)
    flags = Bits(48, 12)


class EventAddress(Word):
    """Bits 127:64 of most event log entries."""

    address = Bits(0, 64, address=True)


class EventCounter(Word):
    """Bits 127:64 of EVENT_COUNTER_ZERO."""

    counter_note_51_32 = Bits(0, 20)
    counter_note_31_0 = Bits(32, 32)


EVENT_WORDS: dict[int, type[Word]] = {
    1: IllegalDeviceTableEntryLow,
    2: IoPageFaultLow,
    3: DeviceTableHardwareErrorLow,
    4: PageTableHardwareErrorLow,
    6: CommandHardwareErrorLow,
    7: DeviceEventLow,
    8: InvalidDeviceRequestLow,
    9: InvalidPprRequestLow,
    13: RmpEventLow,
    14: RmpEventLow,
}
"""How bits 63:0 of an event log entry are read, by its code."""


class GuestLevels(Label):
    """Levels of the guest's CR3 table."""

    ONE_LEVEL = 0
    TWO_LEVELS = 1
    THREE_LEVELS = 2


class DeviceTableEntry0(Word):
    """Device table entry, bits 63:0."""

    valid = Bits(0)
    translation_valid = Bits(1)
    cxl_memory_attribute = Bits(4, 3)
    host_accessed_dirty = Bits(7, 2)
    paging_mode = Bits(9, 3, doc="levels of the page table")
    page_table_root = Bits(12, 40, address=True)
    ppr_enable = Bits(52)
    guest_ppr_response_with_pasid = Bits(53)
    guest_io_protection_valid = Bits(54)
    guest_translation_valid = Bits(55)
    guest_levels_translated = Bits(56, 2, GuestLevels)
    guest_cr3_table_root_14_12 = Bits(58, 3)
    io_read_permission = Bits(61)
    io_write_permission = Bits(62)


class PortIoControl(Label):
    """What becomes of a device's port I/O."""

    ABORTED = 0
    FORWARDED = 1
    TRANSLATED = 2


class SystemManagement(Label):
    """What becomes of a device's requests in the system management range."""

    BLOCKED = 0
    FORWARDED_POSTED_ONLY = 1
    FORWARDED_WITH_INTX = 2
    TRANSLATED = 3


class DeviceTableEntry1(Word):
    """Device table entry, bits 127:64."""

    domain_id = Bits(0, 16)
    guest_cr3_table_root_30_15 = Bits(16, 16)
    iotlb_enable = Bits(32)
    suppress_page_fault_events = Bits(33)
    suppress_all_page_fault_events = Bits(34)
    port_io_control = Bits(35, 2, PortIoControl)
    iotlb_cache_hint = Bits(37)
    snoop_disable = Bits(38)
    allow_exclusion = Bits(39)
    system_management_message = Bits(40, 2, SystemManagement)
    secure_ats = Bits(42)
    guest_cr3_table_root_51_31 = Bits(43, 21)


class InterruptControl(Label):
    """What becomes of a device's fixed and arbitrated interrupts."""

    ABORTED = 0
    FORWARDED = 1
    REMAPPED = 2


class DeviceTableEntry2(Word):
    """Device table entry, bits 191:128."""

    interrupt_map_valid = Bits(0)
    interrupt_table_length = Bits(1, 4, doc="2 ** value entries")
    ignore_unmapped_interrupts = Bits(5)
    interrupt_table_root = Bits(6, 46, address=True)
    guest_paging_mode = Bits(54, 2)
    init_pass_through = Bits(56)
    external_interrupt_pass_through = Bits(57)
    nmi_pass_through = Bits(58)
    host_page_table_mode = Bits(59)
    interrupt_control = Bits(60, 2, InterruptControl)
    lint0_pass_through = Bits(62)
    lint1_pass_through = Bits(63)


class DeviceTableEntry3(Word):
    """Device table entry, bits 255:192."""

    virtual_iommu_enable = Bits(15)
    guest_device_id = Bits(16, 16, RequesterId)
    guest_id = Bits(32, 16)
    attribute_valid = Bits(54)
    mode_0_force_coherent = Bits(55)
    snoop_attribute = Bits(56, 8)


class PageTableEntry(Word):
    """Entry of a host page table."""

    present = Bits(0)
    accessed = Bits(5)
    dirty = Bits(6)
    next_level = Bits(9, 3)
    address = Bits(12, 40, address=True)
    untranslated_attribute = Bits(59)
    force_coherent = Bits(60)
    read_permission = Bits(61)
    write_permission = Bits(62)
