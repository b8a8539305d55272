"""CXL physical switch event section."""

import enum
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.cxl_event import CxlEventSection
from apeitool.registers.pcie_capability import LinkSpeed, SlotStatus
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.types import U8, U16, Absent, Bytes, Hex, Rest, Unit, u8


class PhysicalSwitchEventType(Label):
    """What happened to a port."""

    LINK_STATE_CHANGE = 0
    SLOT_STATUS_REGISTER_UPDATED = 1


class PortConfiguration(Label):
    """What a port is configured as."""

    DISABLED = 0
    BIND_IN_PROGRESS = 1
    UNBIND_IN_PROGRESS = 2
    DOWNSTREAM_SWITCH_PORT = 3
    UPSTREAM_SWITCH_PORT = 4
    FABRIC_PORT = 5
    INVALID_PORT_ID = 15


class PortState(Word):
    """Current port configuration state."""

    configuration = Bits(0, 4, PortConfiguration)


class DeviceMode(Label):
    """In which mode the device at a port runs."""

    NOT_CXL_OR_DISCONNECTED = 0
    RCD_MODE = 1
    CXL_68B_FLIT_AND_VH_MODE = 2
    STANDARD_256B_FLIT_MODE = 3
    LATENCY_OPTIMIZED_256B_FLIT_MODE = 4
    PBR_MODE = 5


class ConnectedMode(Word):
    """Connected device mode."""

    mode = Bits(0, 4, DeviceMode)


class ConnectedDeviceType(Label):
    """What is at a port."""

    NONE = 0
    PCIE_DEVICE = 1
    CXL_TYPE_1_DEVICE = 2
    CXL_TYPE_2_DEVICE_OR_HBR_SWITCH = 3
    CXL_TYPE_3_SLD = 4
    CXL_TYPE_3_MLD = 5
    PBR_COMPONENT = 6


class SupportedModes(enum.IntFlag):
    """In which modes a port can run."""

    RCD_MODE = 1 << 0
    CXL_68B_FLIT_AND_VH = 1 << 1
    CXL_256B_FLIT = 1 << 2
    CXL_LATENCY_OPTIMIZED_256B_FLIT = 1 << 3
    PBR = 1 << 4


class LinkWidth(Word):
    """Width of a link."""

    lanes = Bits(0, 6)


class SpeedsVector(enum.IntFlag):
    """Speeds that a link can run at."""

    GT_2_5 = 1 << 0
    GT_5 = 1 << 1
    GT_8 = 1 << 2
    GT_16 = 1 << 3
    GT_32 = 1 << 4
    GT_64 = 1 << 5


class LtssmState(Label):
    """State of a link's training."""

    DETECT = 0
    POLLING = 1
    CONFIGURATION = 2
    RECOVERY = 3
    L0 = 4
    L0S = 5
    L1 = 6
    L2 = 7
    DISABLED = 8
    LOOPBACK = 9
    HOT_RESET = 10


class LinkStateFlags(enum.IntFlag):
    """State of a link beside its training."""

    LANE_REVERSAL = 1 << 0
    PERST_ASSERTED = 1 << 1
    PRSNT_PRESENT = 1 << 2
    POWER_OFF = 1 << 3


class CxlPhysicalSwitchEventSection(CxlEventSection):
    """CXL physical switch event section.

    Shape:   144 bytes, little-endian; at least the header, 32.
    Raises:  Truncated when fewer than 32 bytes are given.
    Source:  UEFI 2.10 N.2.14; CXL 3.1 7.6.7.1.4 and 7.6.8.1
    """

    guid: ClassVar[UUID] = UUID("77cf9271-9c02-470b-9fe4-bc7b75f2da97")
    title: ClassVar[str] = "CXL physical switch event"
    json_key: ClassVar[str] = "CxlComponent"
    json_type: ClassVar[str] = "CXL Physical Switch Component Error"

    port_id: U8 = 0
    type: Annotated[PhysicalSwitchEventType, u8] = PhysicalSwitchEventType.LINK_STATE_CHANGE
    slot_status: Annotated[U16, Hex, SlotStatus] = 0
    reserved: Annotated[U8, Hex] = 0
    port_state: Annotated[U8, Hex, PortState] = 0
    connected_mode: Annotated[U8, Hex, ConnectedMode] = 0
    reserved_2: Annotated[U8, Hex] = 0
    connected_device_type: Annotated[ConnectedDeviceType, u8] = ConnectedDeviceType.NONE
    supported_modes: Annotated[U8, Hex, SupportedModes] = 0
    maximum_link_width: Annotated[U8, LinkWidth] = 0
    negotiated_link_width: Annotated[U8, LinkWidth] = 0
    supported_speeds: Annotated[U8, Hex, SpeedsVector] = 0
    maximum_link_speed: Annotated[LinkSpeed, u8] = LinkSpeed(0)
    current_link_speed: Annotated[LinkSpeed, u8] = LinkSpeed(0)
    ltssm_state: Annotated[LtssmState, u8] = LtssmState.DETECT
    first_negotiated_lane: U8 = 0
    link_state_flags: Annotated[U16, Hex, LinkStateFlags] = 0
    reserved_3: Annotated[bytes, Bytes(61)] = bytes(61)
    absent: Annotated[int, Absent(32), Unit("bytes")] = 0
    trailing: Rest = b""

    def told(self) -> str:
        if not self.is_valid("ltssm_state"):
            return ""
        parts = [f"{self.type.text} of port {self.port_id}"]
        if self.type == PhysicalSwitchEventType.LINK_STATE_CHANGE:
            parts.append(f"link in {self.ltssm_state.text}")
            width = LinkWidth(self.negotiated_link_width).lanes
            if width:
                parts.append(f"x{width} at {self.current_link_speed.text}")
        return ", ".join([*parts, f"connected: {self.connected_device_type.text}"])
