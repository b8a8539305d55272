"""What CCIX PER logs have behind their header, for each type of error.

The base specification is not public; Linux' patches for it (Cameron, "ACPI: APEI / CPER: CCIX",
November 2019) have these fields, and rasdaemon's print them.
"""

import enum
from collections.abc import Iterator, Sequence
from typing import Annotated

from apeitool.wire.labels import Label
from apeitool.wire.record import Structure
from apeitool.wire.types import U8, U16, U32, Array, Hex, Rest, When, u8, u32


class PerDetail(Structure):
    """What follows the header of a PER log.

    Source:  CCIX Base 1.0 7.3.2, as Linux' patches for it have it
    """

    def location(self) -> Iterator[tuple[str, str]]:
        """What and where it was, as far as the log says: (name, value)."""
        for field in self.fields:
            value = getattr(self, field.name)
            if field.when and self.is_valid(field.name) and isinstance(value, int):
                shown = value.text if isinstance(value, Label) else str(value)
                yield field.name.replace("_", " "), shown


class UnknownPerDetail(PerDetail):
    """A vendor's own log, one of unknown type, or shorter than its type needs.

    Shape:   any length.
    """

    rest: Rest = b""


class CcixMemoryValid(enum.IntFlag):
    """Which fields of a memory error are facts."""

    POOL_GENERIC_TYPE = 1 << 0
    OPERATION = 1 << 1
    MEMORY_ERROR_TYPE = 1 << 2
    CARD = 1 << 3
    BANK = 1 << 4
    DEVICE = 1 << 5
    ROW = 1 << 6
    COLUMN = 1 << 7
    RANK = 1 << 8
    BIT_POSITION = 1 << 9
    CHIP_ID = 1 << 10
    VENDOR_DATA = 1 << 11
    MODULE = 1 << 12
    POOL_SPECIFIC_TYPE = 1 << 13


class PoolGenericType(Label):
    """Kind of a memory pool; 0x80 and above are the vendor's."""

    OTHER = 0
    ROM = 1
    VOLATILE = 2
    NON_VOLATILE = 3
    DEVICE = 4


class PoolSpecificType(Label):
    """Technology of a memory pool; 0x80 and above are the vendor's."""

    OTHER = 0
    SRAM = 1
    DDR = 2
    NVDIMM_F = 3
    NVDIMM_N = 4
    HBM = 5
    FLASH = 6


class MemoryOperation(Label):
    """What was done to the memory."""

    GENERIC = 0
    READ = 1
    WRITE = 2
    SCRUB = 4


class CcixMemoryErrorType(Label):
    """What kind of memory error it was."""

    UNKNOWN = 0
    NO_ERROR = 1
    SINGLE_BIT_ECC = 2
    MULTI_BIT_ECC = 3
    SINGLE_SYMBOL_CHIPKILL_ECC = 4
    MULTI_SYMBOL_CHIPKILL_ECC = 5
    MASTER_ABORT = 6
    TARGET_ABORT = 7
    PARITY_ERROR = 8
    WATCHDOG_TIMEOUT = 9
    INVALID_ADDRESS = 10
    MIRROR_BROKEN = 11
    MEMORY_SPARING = 12
    SCRUB = 13
    PHYSICAL_MEMORY_MAP_OUT_EVENT = 14


class MemoryPerDetail(PerDetail):
    """Memory error structure.

    Shape:   35 bytes, little-endian, and the vendor's.
    Source:  CCIX Base 1.0 7.3.2, as Linux' patches for it have it
    """

    validation_bits: Annotated[U32, CcixMemoryValid] = 0
    fru: U8 = 0
    reserved: Annotated[U8, Hex] = 0
    length: Annotated[U16, "with the vendor's"] = 0
    pool_generic_type: Annotated[PoolGenericType, u8, When(CcixMemoryValid.POOL_GENERIC_TYPE)] = (
        PoolGenericType.OTHER
    )
    operation: Annotated[MemoryOperation, u8, When(CcixMemoryValid.OPERATION)] = (
        MemoryOperation.GENERIC
    )
    memory_error_type: Annotated[
        CcixMemoryErrorType, u8, When(CcixMemoryValid.MEMORY_ERROR_TYPE)
    ] = CcixMemoryErrorType.UNKNOWN
    card: Annotated[U8, When(CcixMemoryValid.CARD)] = 0
    module: Annotated[U16, When(CcixMemoryValid.MODULE)] = 0
    bank: Annotated[U16, When(CcixMemoryValid.BANK)] = 0
    device: Annotated[U32, When(CcixMemoryValid.DEVICE)] = 0
    row: Annotated[U32, When(CcixMemoryValid.ROW)] = 0
    column: Annotated[U32, When(CcixMemoryValid.COLUMN)] = 0
    rank: Annotated[U32, When(CcixMemoryValid.RANK)] = 0
    bit_position: Annotated[U8, When(CcixMemoryValid.BIT_POSITION)] = 0
    chip_id: Annotated[U8, When(CcixMemoryValid.CHIP_ID)] = 0
    pool_specific_type: Annotated[
        PoolSpecificType, u8, When(CcixMemoryValid.POOL_SPECIFIC_TYPE)
    ] = PoolSpecificType.OTHER
    vendor_data: Annotated[Rest, When(CcixMemoryValid.VENDOR_DATA)] = b""


class CcixCacheValid(enum.IntFlag):
    """Which fields of a cache error are facts."""

    CACHE_TYPE = 1 << 0
    OPERATION = 1 << 1
    CACHE_ERROR_TYPE = 1 << 2
    LEVEL = 1 << 3
    SET = 1 << 4
    WAY = 1 << 5
    INSTANCE = 1 << 6
    VENDOR_DATA = 1 << 7


class CacheType(Label):
    """What a cache holds."""

    INSTRUCTION = 0
    DATA = 1
    UNIFIED = 2
    SNOOP_FILTER_DIRECTORY = 3


class CcixCacheOperation(Label):
    """What was done to a cache, or to an address translation cache."""

    GENERIC = 0
    GENERIC_READ = 1
    GENERIC_WRITE = 2
    DATA_READ = 3
    DATA_WRITE = 4
    INSTRUCTION_FETCH = 5
    PREFETCH = 6
    EVICTION = 7
    SNOOPING = 8
    SNOOPED = 9
    MANAGEMENT = 10


class CcixCacheErrorType(Label):
    """What kind of cache error it was."""

    DATA = 0
    TAG = 1
    TIMEOUT = 2
    HANG = 3
    DATA_LOST = 4
    INVALID_ADDRESS = 5


class CachePerDetail(PerDetail):
    """Cache error structure.

    Shape:   20 bytes, little-endian, and the vendor's.
    Source:  CCIX Base 1.0 7.3.2, as Linux' patches for it have it
    """

    validation_bits: Annotated[U32, CcixCacheValid] = 0
    length: Annotated[U16, "with the vendor's"] = 0
    cache_type: Annotated[CacheType, u8, When(CcixCacheValid.CACHE_TYPE)] = CacheType.INSTRUCTION
    operation: Annotated[CcixCacheOperation, u8, When(CcixCacheValid.OPERATION)] = (
        CcixCacheOperation.GENERIC
    )
    cache_error_type: Annotated[CcixCacheErrorType, u8, When(CcixCacheValid.CACHE_ERROR_TYPE)] = (
        CcixCacheErrorType.DATA
    )
    level: Annotated[U8, When(CcixCacheValid.LEVEL)] = 0
    set: Annotated[U32, When(CcixCacheValid.SET)] = 0
    way: Annotated[U32, When(CcixCacheValid.WAY)] = 0
    instance: Annotated[U8, When(CcixCacheValid.INSTANCE)] = 0
    reserved: Annotated[U8, Hex] = 0
    vendor_data: Annotated[Rest, When(CcixCacheValid.VENDOR_DATA)] = b""


class CcixAtcValid(enum.IntFlag):
    """Which fields of an address translation cache error are facts."""

    OPERATION = 1 << 0
    INSTANCE = 1 << 1
    VENDOR_DATA = 1 << 2


class AtcPerDetail(PerDetail):
    """Address translation cache error structure.

    Shape:   12 bytes, little-endian, and the vendor's.
    Source:  CCIX Base 1.0 7.3.2, as Linux' patches for it have it
    """

    validation_bits: Annotated[U32, CcixAtcValid] = 0
    length: Annotated[U16, "with the vendor's"] = 0
    operation: Annotated[CcixCacheOperation, u8, When(CcixAtcValid.OPERATION)] = (
        CcixCacheOperation.GENERIC
    )
    instance: Annotated[U8, When(CcixAtcValid.INSTANCE)] = 0
    reserved: Annotated[U32, Hex] = 0
    vendor_data: Annotated[Rest, When(CcixAtcValid.VENDOR_DATA)] = b""


class CcixPortValid(enum.IntFlag):
    """Which fields of a port error are facts."""

    OPERATION = 1 << 0
    PORT_ERROR_TYPE = 1 << 1
    MESSAGE = 1 << 2
    VENDOR_DATA = 1 << 3


class PortOperation(Label):
    """What a port or a link did."""

    COMMAND = 0
    READ = 1
    WRITE = 2


class PortErrorType(Label):
    """What kind of port error it was."""

    GENERIC_BUS_OR_SLAVE = 0
    BUS_PARITY_OR_ECC = 1
    BDF_NOT_PRESENT = 2
    INVALID_ADDRESS = 3
    INVALID_AGENT_ID = 4
    BUS_TIMEOUT = 5
    HANG = 6
    EGRESS_BLOCKED = 7


class PortPerDetail(PerDetail):
    """Port error structure.

    Shape:   40 bytes, little-endian, and the vendor's.
    Source:  CCIX Base 1.0 7.3.2, as Linux' patches for it have it
    """

    validation_bits: Annotated[U32, CcixPortValid] = 0
    length: Annotated[U16, "with the vendor's"] = 0
    operation: Annotated[PortOperation, u8, When(CcixPortValid.OPERATION)] = PortOperation.COMMAND
    port_error_type: Annotated[PortErrorType, u8, When(CcixPortValid.PORT_ERROR_TYPE)] = (
        PortErrorType.GENERIC_BUS_OR_SLAVE
    )
    message: Annotated[Sequence[int], Array(u32, 8), Hex, When(CcixPortValid.MESSAGE)] = (0,) * 8
    vendor_data: Annotated[Rest, When(CcixPortValid.VENDOR_DATA)] = b""


class CcixLinkValid(enum.IntFlag):
    """Which fields of a link error are facts."""

    OPERATION = 1 << 0
    LINK_ERROR_TYPE = 1 << 1
    LINK_ID = 1 << 2
    CREDIT_TYPE = 1 << 3
    MESSAGE = 1 << 4
    VENDOR_DATA = 1 << 5


class LinkErrorType(Label):
    """What kind of link error it was."""

    GENERIC = 0
    CREDIT_UNDERFLOW = 1
    CREDIT_OVERFLOW = 2
    UNUSABLE_CREDIT_RECEIVED = 3
    LINK_CREDIT_TIMEOUT = 4


class CreditType(Label):
    """Which credits of a link are meant."""

    MEMORY = 0
    SNOOP = 1
    DATA = 2
    MISCELLANEOUS = 3


class LinkPerDetail(PerDetail):
    """Link error structure.

    Shape:   44 bytes, little-endian, and the vendor's.
    Source:  CCIX Base 1.0 7.3.2, as Linux' patches for it have it
    """

    validation_bits: Annotated[U32, CcixLinkValid] = 0
    length: Annotated[U16, "with the vendor's"] = 0
    operation: Annotated[PortOperation, u8, When(CcixLinkValid.OPERATION)] = PortOperation.COMMAND
    link_error_type: Annotated[LinkErrorType, u8, When(CcixLinkValid.LINK_ERROR_TYPE)] = (
        LinkErrorType.GENERIC
    )
    link_id: Annotated[U8, When(CcixLinkValid.LINK_ID)] = 0
    credit_type: Annotated[CreditType, u8, When(CcixLinkValid.CREDIT_TYPE)] = CreditType.MEMORY
    reserved: Annotated[U16, Hex] = 0
    message: Annotated[Sequence[int], Array(u32, 8), Hex, When(CcixLinkValid.MESSAGE)] = (0,) * 8
    vendor_data: Annotated[Rest, When(CcixLinkValid.VENDOR_DATA)] = b""


class CcixAgentValid(enum.IntFlag):
    """Which fields of an agent's internal error are facts."""

    VENDOR_DATA = 1 << 0


class AgentPerDetail(PerDetail):
    """Agent internal error structure.

    Shape:   4 bytes, little-endian, and the vendor's.
    Source:  CCIX Base 1.0 7.3.2, as Linux' patches for it have it
    """

    validation_bits: Annotated[U32, CcixAgentValid] = 0
    vendor_data: Annotated[Rest, When(CcixAgentValid.VENDOR_DATA)] = b""


DETAILS: tuple[type[PerDetail], ...] = (
    MemoryPerDetail, CachePerDetail, AtcPerDetail, PortPerDetail, LinkPerDetail, AgentPerDetail,
)  # fmt: skip
"""The details by the type of the error."""
