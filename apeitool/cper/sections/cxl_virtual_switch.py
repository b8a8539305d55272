"""CXL virtual switch event section."""

from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.cxl_event import CxlEventSection
from apeitool.registers.pcie_capability import LinkControl, SlotControl
from apeitool.wire.labels import Label
from apeitool.wire.types import U8, U16, Absent, Bytes, Hex, Rest, Unit, u8


class VirtualSwitchEventType(Label):
    """What happened to a virtual port."""

    BINDING_CHANGE = 0
    SECONDARY_BUS_RESET = 1
    LINK_CONTROL_REGISTER_UPDATED = 2
    SLOT_CONTROL_REGISTER_UPDATED = 3


class BindingStatus(Label):
    """What a virtual port is bound to."""

    UNBOUND = 0
    BIND_OR_UNBIND_IN_PROGRESS = 1
    BOUND_PHYSICAL_PORT = 2
    BOUND_LOGICAL_DEVICE = 3
    BOUND_PID = 4


class CxlVirtualSwitchEventSection(CxlEventSection):
    """CXL virtual switch event section.

    Shape:   144 bytes, little-endian; at least the header, 32.
    Raises:  Truncated when fewer than 32 bytes are given.
    Source:  UEFI 2.10 N.2.14; CXL 3.1 7.6.8.2
    """

    guid: ClassVar[UUID] = UUID("40d26425-3396-4c4d-a5da-3d47263af425")
    title: ClassVar[str] = "CXL virtual switch event"
    json_key: ClassVar[str] = "CxlComponent"
    json_type: ClassVar[str] = "CXL Virtual Switch Component Error"

    virtual_switch_id: U8 = 0
    virtual_port_id: U8 = 0
    type: Annotated[VirtualSwitchEventType, u8] = VirtualSwitchEventType.BINDING_CHANGE
    binding_status: Annotated[BindingStatus, u8] = BindingStatus.UNBOUND
    port_id: Annotated[U8, "of the port that it is bound to"] = 0
    logical_device_id: Annotated[U8, "of the device that it is bound to"] = 0
    link_control: Annotated[U16, Hex, LinkControl] = 0
    slot_control: Annotated[U16, Hex, SlotControl] = 0
    reserved: Annotated[bytes, Bytes(70)] = bytes(70)
    absent: Annotated[int, Absent(32), Unit("bytes")] = 0
    trailing: Rest = b""

    def told(self) -> str:
        if not self.is_valid("logical_device_id"):
            return ""
        where = f"virtual port {self.virtual_port_id} of virtual switch {self.virtual_switch_id}"
        what = f"{self.type.text} of {where}, {self.binding_status.text}"
        if self.binding_status == BindingStatus.BOUND_PHYSICAL_PORT:
            what += f" {self.port_id}"
        if self.binding_status == BindingStatus.BOUND_LOGICAL_DEVICE:
            what += f" {self.logical_device_id} at port {self.port_id}"
        return what
