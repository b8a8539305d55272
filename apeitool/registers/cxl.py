"""CXL register words: of the RAS capability, and of the DVSECs in configuration space.

Source:  CXL 3.1 8.1 and 8.2.4.17; names of errors as Linux' drivers/cxl/core/trace.h has them
"""

import enum

from apeitool.wire.labels import Bits, Label, Word


class UncorrectableError(enum.IntFlag):
    """Bits of the uncorrectable error status, mask and severity registers."""

    CACHE_DATA_PARITY = 1 << 0
    CACHE_ADDRESS_PARITY = 1 << 1
    CACHE_BYTE_ENABLE_PARITY = 1 << 2
    CACHE_DATA_ECC = 1 << 3
    MEMORY_DATA_PARITY = 1 << 4
    MEMORY_ADDRESS_PARITY = 1 << 5
    MEMORY_BYTE_ENABLE_PARITY = 1 << 6
    MEMORY_DATA_ECC = 1 << 7
    REINIT_THRESHOLD_HIT = 1 << 8
    RECEIVED_UNRECOGNIZED_ENCODING = 1 << 9
    RECEIVED_POISON_FROM_PEER = 1 << 10
    RECEIVER_OVERFLOW = 1 << 11
    COMPONENT_SPECIFIC = 1 << 14
    IDE_TX = 1 << 15
    IDE_RX = 1 << 16
    EXTENDED_METADATA = 1 << 17


class CorrectableError(enum.IntFlag):
    """Bits of the correctable error status and mask registers."""

    CACHE_DATA_ECC = 1 << 0
    MEMORY_DATA_ECC = 1 << 1
    CRC_THRESHOLD_HIT = 1 << 2
    RETRY_THRESHOLD_HIT = 1 << 3
    RECEIVED_CACHE_POISON_FROM_PEER = 1 << 4
    RECEIVED_MEMORY_POISON_FROM_PEER = 1 << 5
    RECEIVED_ERROR_FROM_PHYSICAL_LAYER = 1 << 6


class ErrorCapabilitiesAndControl(Word):
    """Error capabilities and control register."""

    first_error_pointer = Bits(0, 6)
    multiple_header_recording_capability = Bits(9)
    poison_enabled = Bits(13)


# ---- DVSEC for CXL devices


class DeviceCapability(Word):
    """DVSEC CXL capability."""

    cache_capable = Bits(0)
    io_capable = Bits(1)
    mem_capable = Bits(2)
    mem_hardware_init_mode = Bits(3)
    hdm_count = Bits(4, 2)
    cache_writeback_and_invalidate_capable = Bits(6)
    reset_capable = Bits(7)
    reset_timeout = Bits(8, 3, doc="10 ms * 10 ** value")
    reset_mem_clear_capable = Bits(11)
    tsp_capable = Bits(12)
    multiple_logical_device = Bits(13)
    viral_capable = Bits(14)
    pm_init_completion_reporting_capable = Bits(15)


class DeviceControl(Word):
    """DVSEC CXL control."""

    cache_enable = Bits(0)
    io_enable = Bits(1)
    mem_enable = Bits(2)
    cache_snoop_filter_coverage = Bits(3, 5)
    cache_snoop_filter_granularity = Bits(8, 3)
    cache_clean_eviction = Bits(11)
    viral_enable = Bits(14)


class DeviceStatus(enum.IntFlag):
    """DVSEC CXL status."""

    VIRAL = 1 << 14


class DeviceControl2(enum.IntFlag):
    """DVSEC CXL control 2."""

    DISABLE_CACHING = 1 << 0
    INITIATE_CACHE_WRITEBACK_AND_INVALIDATION = 1 << 1
    INITIATE_CXL_RESET = 1 << 2
    RESET_MEM_CLEAR_ENABLE = 1 << 3
    DESIRED_VOLATILE_HDM_STATE_AFTER_HOT_RESET = 1 << 4
    MODIFIED_COMPLETION_ENABLE = 1 << 5


class DeviceStatus2(enum.IntFlag):
    """DVSEC CXL status 2."""

    CACHE_INVALID = 1 << 0
    RESET_COMPLETE = 1 << 1
    RESET_ERROR = 1 << 2
    VOLATILE_HDM_PRESERVATION_ERROR = 1 << 3
    POWER_MANAGEMENT_INITIALIZATION_COMPLETE = 1 << 15


class DeviceLock(enum.IntFlag):
    """DVSEC CXL lock."""

    CONFIG_LOCK = 1 << 0


class CacheSizeUnit(Label):
    """In what the size of the cache is counted."""

    NOT_REPORTED = 0
    KIB_64 = 1
    MIB_1 = 2

    @property
    def text(self) -> str:
        """The unit."""
        return {1: "64 KiB", 2: "1 MiB"}.get(int(self)) or super().text


class DeviceCapability2(Word):
    """DVSEC CXL capability 2."""

    cache_size_unit = Bits(0, 4, CacheSizeUnit)
    cache_size = Bits(8, 8)


class DeviceCapability3(enum.IntFlag):
    """DVSEC CXL capability 3."""

    DEFAULT_VOLATILE_HDM_STATE_AFTER_COLD_RESET = 1 << 0
    DEFAULT_VOLATILE_HDM_STATE_AFTER_WARM_RESET = 1 << 1
    DEFAULT_VOLATILE_HDM_STATE_AFTER_HOT_RESET = 1 << 2
    VOLATILE_HDM_STATE_AFTER_HOT_RESET_CONFIGURABILITY = 1 << 3
    DIRECT_P2P_MEM_CAPABLE = 1 << 4


class MediaType(Label):
    """What a range of a device's memory is made of."""

    VOLATILE = 0
    NON_VOLATILE = 1
    SEE_CDAT = 2


class MemoryClass(Label):
    """What a range of a device's memory is used as."""

    MEMORY = 0
    STORAGE = 1
    SEE_CDAT = 2


class DesiredInterleave(Label):
    """How fine a range should be interleaved."""

    NONE = 0
    BYTES_256 = 1
    KIB_4 = 2
    BYTES_512 = 3
    KIB_1 = 4
    KIB_2 = 5
    KIB_8 = 6
    KIB_16 = 7

    @property
    def text(self) -> str:
        """The granularity in its unit."""
        unit, _, number = self.name.partition("_")
        units = {"BYTES": "bytes", "KIB": "KiB"}
        return f"{number} {units[unit]}" if unit in units else super().text


class RangeSizeLow(Word):
    """DVSEC CXL range size low."""

    memory_info_valid = Bits(0)
    memory_active = Bits(1)
    media_type = Bits(2, 3, MediaType)
    memory_class = Bits(5, 3, MemoryClass)
    desired_interleave = Bits(8, 5, DesiredInterleave)
    memory_active_timeout = Bits(13, 3, doc="4 ** value seconds")
    memory_active_degraded = Bits(16)
    memory_size_low = Bits(28, 4, address=True)


class RangeBaseLow(Word):
    """DVSEC CXL range base low."""

    memory_base_low = Bits(28, 4, address=True)


# ---- the other DVSECs


class PortExtensionStatus(enum.IntFlag):
    """CXL port extension status."""

    POWER_MANAGEMENT_INITIALIZATION_COMPLETE = 1 << 0
    VIRAL = 1 << 14


class PortControlExtensions(enum.IntFlag):
    """Port control extensions."""

    UNMASK_SBR = 1 << 0
    UNMASK_LINK_DISABLE = 1 << 1
    ALT_MEMORY_AND_ID_SPACE_ENABLE = 1 << 2
    ALT_BME = 1 << 3
    VIRAL_ENABLE = 1 << 14


class TimeScale(Label):
    """In what a time of the global persistent flush is counted."""

    US_1 = 0
    US_10 = 1
    US_100 = 2
    MS_1 = 3
    MS_10 = 4
    MS_100 = 5
    S_1 = 6
    S_10 = 7

    @property
    def text(self) -> str:
        """The unit."""
        unit, _, number = self.name.partition("_")
        return f"{number} {unit.lower()}" if self.is_known else super().text


class FlushTime(Word):
    """GPF phase 1 and 2 control of a port, phase 2 duration of a device."""

    base = Bits(0, 4)
    scale = Bits(8, 4, TimeScale)


class FlexBusCapability(enum.IntFlag):
    """DVSEC Flex Bus port capability."""

    CACHE_CAPABLE = 1 << 0
    IO_CAPABLE = 1 << 1
    MEM_CAPABLE = 1 << 2
    FLIT_68B_AND_VH_CAPABLE = 1 << 5
    MULTIPLE_LOGICAL_DEVICE_CAPABLE = 1 << 6
    LATENCY_OPTIMIZED_256B_FLIT_CAPABLE = 1 << 13
    PBR_FLIT_CAPABLE = 1 << 14


class FlexBusControl(enum.IntFlag):
    """DVSEC Flex Bus port control."""

    CACHE_ENABLE = 1 << 0
    IO_ENABLE = 1 << 1
    MEM_ENABLE = 1 << 2
    SYNC_HEADER_BYPASS_ENABLE = 1 << 3
    DRIFT_BUFFER_ENABLE = 1 << 4
    FLIT_68B_AND_VH_ENABLE = 1 << 5
    MULTIPLE_LOGICAL_DEVICE_ENABLE = 1 << 6
    DISABLE_RCD_TRAINING = 1 << 7
    RETIMER_1_PRESENT = 1 << 8
    RETIMER_2_PRESENT = 1 << 9
    LATENCY_OPTIMIZED_256B_FLIT_ENABLE = 1 << 13
    PBR_FLIT_ENABLE = 1 << 14


class FlexBusStatus(enum.IntFlag):
    """DVSEC Flex Bus port status."""

    CACHE_ENABLED = 1 << 0
    IO_ENABLED = 1 << 1
    MEM_ENABLED = 1 << 2
    SYNC_HEADER_BYPASS_ENABLED = 1 << 3
    DRIFT_BUFFER_ENABLED = 1 << 4
    FLIT_68B_AND_VH_ENABLED = 1 << 5
    MULTIPLE_LOGICAL_DEVICE_ENABLED = 1 << 6
    CORRECTABLE_PROTOCOL_ID_FRAMING_ERROR = 1 << 8
    UNCORRECTABLE_PROTOCOL_ID_FRAMING_ERROR = 1 << 9
    UNEXPECTED_PROTOCOL_ID_DROPPED = 1 << 10
    LATENCY_OPTIMIZED_256B_FLIT_ENABLED = 1 << 13
    PBR_FLIT_ENABLED = 1 << 14


class ReceivedModifiedTsData(Word):
    """DVSEC Flex Bus port received modified TS data, phase 1."""

    received_flex_bus_data = Bits(0, 24)


class NopHint(enum.IntFlag):
    """DVSEC Flex Bus port capability 2 and control 2."""

    NOP_HINT = 1 << 0


class FlexBusStatus2(Word):
    """DVSEC Flex Bus port status 2."""

    nop_hint_info = Bits(0, 2)


class RegisterBlock(Label):
    """What a block of registers holds."""

    EMPTY = 0
    COMPONENT_REGISTERS = 1
    BAR_VIRTUALIZATION_ACL_REGISTERS = 2
    CXL_DEVICE_REGISTERS = 3
    CPMU_REGISTERS = 4
    CHMU_REGISTERS = 5
    DESIGNATED_VENDOR_SPECIFIC = 0xFF


class RegisterOffsetLow(Word):
    """Register offset low of the register locator."""

    bar = Bits(0, 3)
    block = Bits(8, 8, RegisterBlock)
    offset_low = Bits(16, 16, address=True)
