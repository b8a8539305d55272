"""CXL DVSECs: designated vendor-specific extended capabilities of configuration space."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from apeitool.registers import cxl
from apeitool.registers.pcie import ExtendedCapabilityHeader
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import (
    AUTO,
    U8,
    U16,
    U32,
    Absent,
    Array,
    Derived,
    Hex,
    Many,
    One,
    Rest,
    Unit,
    u16,
    u32,
)

VENDOR = 0x1E98
"""The vendor id of the CXL Consortium."""


class DvsecId(Label):
    """Which DVSEC of CXL it is."""

    CXL_DEVICE = 0
    NON_CXL_FUNCTION_MAP = 2
    CXL_EXTENSIONS_FOR_PORTS = 3
    GPF_FOR_PORTS = 4
    GPF_FOR_DEVICES = 5
    FLEX_BUS_PORT = 7
    REGISTER_LOCATOR = 8
    MULTIPLE_LOGICAL_DEVICE = 9
    TEST_CAPABILITY = 10


class DvsecBody(Structure):
    """Registers of a DVSEC behind its headers.

    Source:  CXL 3.1 8.1
    """


class UnknownDvsecBody(DvsecBody):
    """Registers of a DVSEC that is not known, or shorter than it must be.

    Shape:   any length.
    """

    rest: Rest = b""


class DeviceDvsec(DvsecBody):
    """PCIe DVSEC for CXL devices.

    Shape:   50 bytes, little-endian; 46 before revision 2.
    Source:  CXL 3.1 8.1.3
    """

    capability: Annotated[U16, Hex, cxl.DeviceCapability] = 0
    control: Annotated[U16, Hex, cxl.DeviceControl] = 0
    status: Annotated[U16, Hex, cxl.DeviceStatus] = 0
    control_2: Annotated[U16, Hex, cxl.DeviceControl2] = 0
    status_2: Annotated[U16, Hex, cxl.DeviceStatus2] = 0
    lock: Annotated[U16, Hex, cxl.DeviceLock] = 0
    capability_2: Annotated[U16, Hex, cxl.DeviceCapability2] = 0
    range_1_size_high: Annotated[U32, Hex] = 0
    range_1_size_low: Annotated[U32, Hex, cxl.RangeSizeLow] = 0
    range_1_base_high: Annotated[U32, Hex] = 0
    range_1_base_low: Annotated[U32, Hex, cxl.RangeBaseLow] = 0
    range_2_size_high: Annotated[U32, Hex] = 0
    range_2_size_low: Annotated[U32, Hex, cxl.RangeSizeLow] = 0
    range_2_base_high: Annotated[U32, Hex] = 0
    range_2_base_low: Annotated[U32, Hex, cxl.RangeBaseLow] = 0
    capability_3: Annotated[U16, Hex, cxl.DeviceCapability3] = 0
    reserved: Annotated[U16, Hex] = 0
    absent: Annotated[int, Absent(46), Unit("bytes")] = 0
    rest: Rest = b""


class FunctionMapDvsec(DvsecBody):
    """Non-CXL function map DVSEC.

    Shape:   34 bytes, little-endian.
    Source:  CXL 3.1 8.1.4
    """

    reserved: Annotated[U16, Hex] = 0
    function_map: Annotated[Sequence[int], Array(u32, 8), Hex, "a bit a function"] = (0,) * 8
    rest: Rest = b""


class PortExtensionsDvsec(DvsecBody):
    """CXL extensions DVSEC for ports.

    Shape:   30 bytes, little-endian.
    Source:  CXL 3.1 8.1.5
    """

    status: Annotated[U16, Hex, cxl.PortExtensionStatus] = 0
    control: Annotated[U16, Hex, cxl.PortControlExtensions] = 0
    alternate_bus_base: Annotated[U8, Hex] = 0
    alternate_bus_limit: Annotated[U8, Hex] = 0
    alternate_memory_base: Annotated[U16, Hex] = 0
    alternate_memory_limit: Annotated[U16, Hex] = 0
    alternate_prefetchable_memory_base: Annotated[U16, Hex] = 0
    alternate_prefetchable_memory_limit: Annotated[U16, Hex] = 0
    alternate_prefetchable_memory_base_high: Annotated[U32, Hex] = 0
    alternate_prefetchable_memory_limit_high: Annotated[U32, Hex] = 0
    rcrb_base: Annotated[U32, Hex] = 0
    rcrb_base_high: Annotated[U32, Hex] = 0
    rest: Rest = b""


class PortFlushDvsec(DvsecBody):
    """GPF DVSEC for CXL ports.

    Shape:   6 bytes, little-endian.
    Source:  CXL 3.1 8.1.6
    """

    reserved: Annotated[U16, Hex] = 0
    phase_1_control: Annotated[U16, Hex, cxl.FlushTime] = 0
    phase_2_control: Annotated[U16, Hex, cxl.FlushTime] = 0
    rest: Rest = b""


class DeviceFlushDvsec(DvsecBody):
    """GPF DVSEC for CXL devices.

    Shape:   6 bytes, little-endian.
    Units:   power in mW.
    Source:  CXL 3.1 8.1.7
    """

    phase_2_duration: Annotated[U16, Hex, cxl.FlushTime] = 0
    phase_2_power: Annotated[U32, Unit("mW")] = 0
    rest: Rest = b""


class FlexBusDvsec(DvsecBody):
    """PCIe DVSEC for Flex Bus ports.

    Shape:   22 bytes, little-endian; revisions 0 and 1 have 6 and 10.
    Source:  CXL 3.1 8.2.1.3
    """

    capability: Annotated[U16, Hex, cxl.FlexBusCapability] = 0
    control: Annotated[U16, Hex, cxl.FlexBusControl] = 0
    status: Annotated[U16, Hex, cxl.FlexBusStatus] = 0
    received_modified_ts_data_phase_1: Annotated[U32, Hex, cxl.ReceivedModifiedTsData] = 0
    capability_2: Annotated[U32, Hex, cxl.NopHint] = 0
    control_2: Annotated[U32, Hex, cxl.NopHint] = 0
    status_2: Annotated[U32, Hex, cxl.FlexBusStatus2] = 0
    absent: Annotated[int, Absent(6), Unit("bytes")] = 0
    rest: Rest = b""


class RegisterOffset(Structure):
    """Where a block of registers is.

    Shape:   8 bytes, little-endian.
    Source:  CXL 3.1 8.1.9
    """

    low: Annotated[U32, Hex, cxl.RegisterOffsetLow] = 0
    high: Annotated[U32, Hex] = 0


class RegisterLocatorDvsec(DvsecBody):
    """Register locator DVSEC.

    Shape:   2 bytes, little-endian, and 8 for each block.
    Source:  CXL 3.1 8.1.9
    """

    reserved: Annotated[U16, Hex] = 0
    blocks: Annotated[Sequence[RegisterOffset], Many(RegisterOffset)] = ()
    rest: Rest = b""


class LogicalDeviceDvsec(DvsecBody):
    """MLD DVSEC.

    Shape:   6 bytes, little-endian.
    Source:  CXL 3.1 8.1.10
    """

    number_of_logical_devices: U16 = 0
    hot_reset_vector: Annotated[U16, Hex, "a bit a logical device"] = 0
    reserved: Annotated[U16, Hex] = 0
    rest: Rest = b""


class RevisionAndLength(Word):
    """Upper half of the first header."""

    revision = Bits(0, 4)
    length = Bits(4, 12, doc="in bytes, headers included")


_BODIES: dict[int, type[DvsecBody]] = {
    0: DeviceDvsec,
    2: FunctionMapDvsec,
    3: PortExtensionsDvsec,
    4: PortFlushDvsec,
    5: DeviceFlushDvsec,
    7: FlexBusDvsec,
    8: RegisterLocatorDvsec,
    9: LogicalDeviceDvsec,
}
_IDS = {kind: number for number, kind in _BODIES.items()}


def _body(dvsec: Any, length: int) -> type[DvsecBody]:
    kind = _BODIES.get(dvsec.dvsec_id) if dvsec.vendor_id == VENDOR else None
    return kind if kind is not None and length >= kind.shortest else UnknownDvsecBody


def _length(dvsec: Any) -> int:
    return RevisionAndLength(dvsec.revision_and_length).length


class CxlDvsec(Structure):
    """A designated vendor-specific extended capability.

    Shape:   10 bytes, little-endian, and its registers.
    Source:  PCI Express 6.0 7.9.6; CXL 3.1 8.1.1
    """

    capability_header: Annotated[U32, Hex, ExtendedCapabilityHeader] = 0x10023
    vendor_id: Annotated[U16, Hex, Derived(lambda d: VENDOR if type(d.body) in _IDS else None)] = (
        AUTO
    )
    revision_and_length: Annotated[
        U16, Hex, RevisionAndLength, Derived(lambda d: d.size << 4, keep=0xF)
    ] = AUTO
    dvsec_id: Annotated[DvsecId, u16, Derived(lambda d: _IDS.get(type(d.body)))] = AUTO
    body: Annotated[DvsecBody, One(_body, until=_length)] = UnknownDvsecBody()

    def shown(self, name: str) -> str | None:
        # Another vendor counts its own.
        return str(int(self.dvsec_id)) if name == "dvsec_id" and self.vendor_id != VENDOR else None

    def check(self) -> Iterator[Problem]:
        if _length(self) != self.size:
            rule = f"{_length(self)} bytes said, {self.size} are there"
            yield self.trouble("dvsec-length", "revision_and_length", rule)
