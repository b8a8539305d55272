"""Register words of Intel's DMA remapping hardware, and of the tables that it walks.

Source:  Intel Virtualization Technology for Directed I/O (D51397) 9 and 11
"""

import enum

from apeitool.registers.pcie import RequesterId
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.shapes import HIDDEN, NUMBER, Json, Pair


class Version(Word):
    """Version register."""

    minor = Bits(0, 4)
    major = Bits(4, 4)

    @property
    def text(self) -> str:
        """The two as people write them."""
        return f"{self.major}.{self.minor}"


class Capability(Word):
    """Capability register."""

    number_of_domains = Bits(0, 3, doc="2 ** (4 + 2 * value)")
    advanced_fault_logging = Bits(3)
    required_write_buffer_flushing = Bits(4)
    protected_low_memory_region = Bits(5)
    protected_high_memory_region = Bits(6)
    caching_mode = Bits(7)
    supported_adjusted_guest_address_widths = Bits(8, 5)
    maximum_guest_address_width = Bits(16, 6, doc="less one")
    zero_length_read = Bits(22)
    isochrony = Bits(23)
    fault_recording_register_offset = Bits(24, 10, doc="in 16 bytes")
    second_level_large_page_support = Bits(34, 4)
    page_selective_invalidation = Bits(39)
    number_of_fault_recording_registers = Bits(40, 8, doc="less one")
    maximum_address_mask_value = Bits(48, 6)
    write_draining = Bits(54)
    read_draining = Bits(55)
    first_level_1_gbyte_page_support = Bits(56)
    posted_interrupts_support = Bits(59)
    first_level_5_level_paging_support = Bits(60)
    enhanced_command_support = Bits(61)
    enhanced_set_interrupt_remap_table_pointer_support = Bits(62)
    enhanced_set_root_table_pointer_support = Bits(63)


class ExtendedCapability(Word):
    """Extended capability register."""

    page_walk_coherency = Bits(0)
    queued_invalidation_support = Bits(1)
    device_tlb_support = Bits(2)
    interrupt_remapping_support = Bits(3)
    extended_interrupt_mode = Bits(4)
    pass_through = Bits(6)
    snoop_control = Bits(7)
    iotlb_register_offset = Bits(8, 10, doc="in 16 bytes")
    maximum_handle_mask_value = Bits(20, 4)
    extended_context_support = Bits(24)
    memory_type_support = Bits(25)
    nested_translation_support = Bits(26)
    deferred_invalidate_support = Bits(27)
    page_request_support = Bits(29)
    execute_request_support = Bits(30)
    supervisor_request_support = Bits(31)
    no_write_flag_support = Bits(33)
    extended_accessed_flag_support = Bits(34)
    pasid_size_supported = Bits(35, 5, doc="less one")
    process_address_space_id_support = Bits(40)
    device_tlb_invalidation_throttle = Bits(41)
    page_request_drain_support = Bits(42)
    scalable_mode_translation_support = Bits(43)
    virtual_command_support = Bits(44)
    second_level_accessed_dirty_support = Bits(45)
    second_level_translation_support = Bits(46)
    first_level_translation_support = Bits(47)
    scalable_mode_page_walk_coherency = Bits(48)
    rid_pasid_support = Bits(49)
    performance_monitoring_support = Bits(51)


class GlobalCommand(enum.IntFlag):
    """Global command register."""

    COMPATIBILITY_FORMAT_INTERRUPT = 1 << 23
    SET_INTERRUPT_REMAP_TABLE_POINTER = 1 << 24
    INTERRUPT_REMAPPING_ENABLE = 1 << 25
    QUEUED_INVALIDATION_ENABLE = 1 << 26
    WRITE_BUFFER_FLUSH = 1 << 27
    ENABLE_ADVANCED_FAULT_LOGGING = 1 << 28
    SET_FAULT_LOG = 1 << 29
    SET_ROOT_TABLE_POINTER = 1 << 30
    TRANSLATION_ENABLE = 1 << 31


class GlobalStatus(enum.IntFlag):
    """Global status register."""

    COMPATIBILITY_FORMAT_INTERRUPT_STATUS = 1 << 23
    INTERRUPT_REMAPPING_TABLE_POINTER_STATUS = 1 << 24
    INTERRUPT_REMAPPING_ENABLE_STATUS = 1 << 25
    QUEUED_INVALIDATION_ENABLE_STATUS = 1 << 26
    WRITE_BUFFER_FLUSH_STATUS = 1 << 27
    ADVANCED_FAULT_LOGGING_STATUS = 1 << 28
    FAULT_LOG_STATUS = 1 << 29
    ROOT_TABLE_POINTER_STATUS = 1 << 30
    TRANSLATION_ENABLE_STATUS = 1 << 31


class FaultStatus(Word):
    """Fault status register."""

    primary_fault_overflow = Bits(0)
    primary_pending_fault = Bits(1)
    advanced_fault_overflow = Bits(2)
    advanced_pending_fault = Bits(3)
    invalidation_queue_error = Bits(4)
    invalidation_completion_error = Bits(5)
    invalidation_timeout_error = Bits(6)
    page_request_overflow = Bits(7)
    fault_record_index = Bits(8, 8)


class FaultReason(Label):
    """Why a request was not remapped."""

    SOFTWARE = 0x00
    ROOT_ENTRY_NOT_PRESENT = 0x01
    CONTEXT_ENTRY_NOT_PRESENT = 0x02
    CONTEXT_ENTRY_INVALID = 0x03
    ACCESS_BEYOND_MAXIMUM_GUEST_ADDRESS_WIDTH = 0x04
    WRITE_PERMISSION_NOT_SET = 0x05
    READ_PERMISSION_NOT_SET = 0x06
    ERROR_ACCESSING_NEXT_PAGE_TABLE = 0x07
    ERROR_ACCESSING_ROOT_TABLE = 0x08
    ERROR_ACCESSING_CONTEXT_TABLE = 0x09
    RESERVED_BITS_SET_IN_ROOT_ENTRY = 0x0A
    RESERVED_BITS_SET_IN_CONTEXT_ENTRY = 0x0B
    RESERVED_BITS_SET_IN_PAGE_TABLE_ENTRY = 0x0C
    TRANSLATION_REQUEST_BLOCKED_BY_CONTEXT_ENTRY = 0x0D
    RESERVED_FIELDS_SET_IN_INTERRUPT_REQUEST = 0x20
    INTERRUPT_INDEX_BEYOND_TABLE = 0x21
    INTERRUPT_ENTRY_NOT_PRESENT = 0x22
    ERROR_ACCESSING_INTERRUPT_TABLE = 0x23
    RESERVED_FIELDS_SET_IN_INTERRUPT_ENTRY = 0x24
    COMPATIBILITY_FORMAT_INTERRUPT_BLOCKED = 0x25
    INTERRUPT_SOURCE_ID_VERIFICATION_FAILED = 0x26
    ROOT_TABLE_ADDRESS_INVALID = 0x30
    TRANSLATION_TABLE_MODE_WITHOUT_PASID_FOR_REQUEST_WITH_PASID = 0x31
    TRANSLATION_TABLE_MODE_WITHOUT_PASID_FOR_PAGE_GROUP_REQUEST = 0x32
    ERROR_ACCESSING_ROOT_ENTRY = 0x38
    SCALABLE_MODE_ROOT_ENTRY_NOT_PRESENT = 0x39
    RESERVED_BITS_SET_IN_SCALABLE_MODE_ROOT_ENTRY = 0x3A
    ERROR_ACCESSING_CONTEXT_ENTRY = 0x40
    SCALABLE_MODE_CONTEXT_ENTRY_NOT_PRESENT = 0x41
    RESERVED_BITS_SET_IN_SCALABLE_MODE_CONTEXT_ENTRY = 0x42
    SCALABLE_MODE_CONTEXT_ENTRY_INVALID = 0x43
    DEVICE_TLB_NOT_ENABLED_IN_CONTEXT_ENTRY = 0x44
    PASID_NOT_ENABLED_IN_CONTEXT_ENTRY = 0x45
    PASID_BEYOND_DIRECTORY_OF_CONTEXT_ENTRY = 0x46
    PAGE_REQUEST_NOT_ENABLED_IN_CONTEXT_ENTRY = 0x47
    RID_PASID_INVALID_IN_CONTEXT_ENTRY = 0x48
    ERROR_ACCESSING_PASID_DIRECTORY_ENTRY = 0x50
    PASID_DIRECTORY_ENTRY_NOT_PRESENT = 0x51
    RESERVED_BITS_SET_IN_PASID_DIRECTORY_ENTRY = 0x52
    ERROR_ACCESSING_PASID_TABLE_ENTRY = 0x58
    PASID_TABLE_ENTRY_NOT_PRESENT = 0x59
    RESERVED_BITS_SET_IN_PASID_TABLE_ENTRY = 0x5A
    PASID_TABLE_ENTRY_INVALID = 0x5B
    EXECUTE_REQUESTS_NOT_ENABLED_IN_PASID_TABLE_ENTRY = 0x5C
    SUPERVISOR_REQUESTS_NOT_ENABLED_IN_PASID_TABLE_ENTRY = 0x5D
    ERROR_ACCESSING_FIRST_LEVEL_ENTRY = 0x70
    FIRST_LEVEL_ENTRY_NOT_PRESENT = 0x71
    RESERVED_BITS_SET_IN_FIRST_LEVEL_ENTRY = 0x72
    ERROR_ACCESSING_TOP_FIRST_LEVEL_TABLE = 0x73
    FIRST_LEVEL_ADDRESS_BEYOND_GUEST_WIDTH_IN_NESTED_MODE = 0x74
    NO_READ_PERMISSION_FOR_TOP_FIRST_LEVEL_TABLE_IN_NESTED_MODE = 0x75
    NO_READ_PERMISSION_FOR_FIRST_LEVEL_ENTRY_IN_NESTED_MODE = 0x76
    NO_WRITE_PERMISSION_FOR_FIRST_LEVEL_ENTRY_IN_NESTED_MODE = 0x77
    ERROR_ACCESSING_SECOND_LEVEL_ENTRY = 0x78
    NO_READ_OR_WRITE_PERMISSION_IN_SECOND_LEVEL_ENTRY = 0x79
    RESERVED_BITS_SET_IN_SECOND_LEVEL_ENTRY = 0x7A
    SECOND_LEVEL_TABLE_POINTER_INVALID = 0x7B
    ACCESSED_OR_DIRTY_UPDATE_NEEDED_IN_SECOND_LEVEL_ENTRY_WITHOUT_SNOOP = 0x7C
    ADDRESS_NOT_CANONICAL = 0x80
    NO_USER_PERMISSION = 0x81
    NO_EXECUTE_PERMISSION = 0x82
    ADDRESS_BEYOND_HARDWARE_WIDTH = 0x83
    SECOND_LEVEL_ADDRESS_BEYOND_HARDWARE_WIDTH = 0x84
    NO_WRITE_PERMISSION = 0x85
    NO_READ_PERMISSION = 0x86
    ADDRESS_IN_INTERRUPT_RANGE = 0x87
    ACCESSED_OR_DIRTY_UPDATE_NEEDED_IN_FIRST_LEVEL_ENTRY_WITHOUT_SNOOP = 0x90

    @property
    def is_of_interrupt(self) -> bool:
        """Whether an interrupt was not remapped, instead of an access to memory."""
        return 0x20 <= self < 0x30


class AddressType(Label):
    """What address a faulted request had."""

    UNTRANSLATED = 0
    TRANSLATION_REQUEST = 1
    TRANSLATED = 2


_REQUEST = Pair(names={0: "Write Request", 1: "Read/AtomicOp Request"})


class FaultRecordLow(Word):
    """Fault recording register, bits 63:0, of an access to memory."""

    fault_information = Bits(12, 52, doc="page of the request", address=True)


class InterruptFaultRecordLow(Word):
    """Fault recording register, bits 63:0, of an interrupt."""

    interrupt_index = Bits(48, 16)


class FaultRecordHigh(Word):
    """Fault recording register, bits 127:64."""

    source_id = Bits(0, 16, RequesterId, json=Json("sourceIdentifier", NUMBER))
    privileged_mode_requested = Bits(29, json=Json("privelegeModeRequested"))
    execute_permission_requested = Bits(30)
    pasid_present = Bits(31)
    fault_reason = Bits(32, 8, FaultReason, json=Json(shape=NUMBER))
    pasid_value = Bits(40, 20)
    address_type = Bits(60, 2, AddressType, json=Json(shape=NUMBER))
    read = Bits(62, doc="set for a read, clear for a write", json=Json("type", _REQUEST))
    fault = Bits(63, doc="the register holds a fault", json=HIDDEN)


class RootEntryLow(Word):
    """Root entry, bits 63:0; in the scalable mode for devices 0 to 15."""

    present = Bits(0)
    context_table_pointer = Bits(12, 52, address=True)


class RootEntryHigh(Word):
    """Root entry, bits 127:64: zero, or in the scalable mode for devices 16 to 31."""

    upper_present = Bits(0)
    upper_context_table_pointer = Bits(12, 52, address=True)


class TranslationType(Label):
    """How requests of a device are translated."""

    UNTRANSLATED_REQUESTS_ONLY = 0
    ALL_REQUESTS = 1
    PASS_THROUGH = 2


class ContextEntryLow(Word):
    """Context entry, bits 63:0."""

    present = Bits(0)
    fault_processing_disable = Bits(1)
    translation_type = Bits(2, 2, TranslationType)
    second_level_page_translation_pointer = Bits(12, 52, address=True)


class ContextEntryHigh(Word):
    """Context entry, bits 127:64."""

    address_width = Bits(0, 3, doc="30 + 9 * value bits")
    domain_id = Bits(8, 16)


class SecondLevelEntry(Word):
    """Entry of a second-level paging structure."""

    read = Bits(0)
    write = Bits(1)
    execute = Bits(2)
    extended_memory_type = Bits(3, 3)
    ignore_page_attribute_table = Bits(6)
    page_size = Bits(7)
    accessed = Bits(8)
    dirty = Bits(9)
    snoop_behavior = Bits(11)
    address = Bits(12, 40, address=True)
    transient_mapping = Bits(62)
