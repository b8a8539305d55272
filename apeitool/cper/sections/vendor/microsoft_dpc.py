"""Microsoft PCIe DPC capability section."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.registers import pcie_dpc as dpc
from apeitool.registers.pcie import ExtendedCapabilityHeader
from apeitool.registers.tlp import RequesterId, tlp_sentence
from apeitool.wire.labels import flag_names
from apeitool.wire.types import U16, U32, Array, Hex, Rest, u32

if TYPE_CHECKING:
    from apeitool.cper.place import Place

_OF_MESSAGES = (
    dpc.DpcTriggerReason.NON_FATAL_ERROR_MESSAGE,
    dpc.DpcTriggerReason.FATAL_ERROR_MESSAGE,
)
"""Reasons that have a source."""


class MicrosoftDpcSection(Section):
    """Microsoft PCIe DPC capability section: Downstream Port Containment as a port has it.

    Shape:   68 bytes, little-endian; those from the thirteenth on are of root ports.
    Raises:  Truncated when fewer than 68 bytes are given.
    Source:  Windows WDK 10.0.28000 ntddk.h PCI_EXPRESS_DPC_CAPABILITY
    """

    part: ClassVar[str] = "device"
    guid: ClassVar[UUID] = UUID("ec49534b-30e7-4358-972f-eca6958fae3b")
    title: ClassVar[str] = "PCIe DPC capability"

    capability_header: Annotated[U32, Hex, ExtendedCapabilityHeader] = 0
    dpc_capability: Annotated[U16, Hex, dpc.DpcCapability] = 0
    dpc_control: Annotated[U16, Hex, dpc.DpcControl] = 0
    dpc_status: Annotated[U16, Hex, dpc.DpcStatus] = 0
    error_source_id: Annotated[U16, Hex, RequesterId] = 0
    rp_pio_status: Annotated[U32, Hex, dpc.RpPioError] = 0
    rp_pio_mask: Annotated[U32, Hex, dpc.RpPioError] = 0
    rp_pio_severity: Annotated[U32, Hex, dpc.RpPioError] = 0
    rp_pio_system_error: Annotated[U32, Hex, dpc.RpPioError] = 0
    rp_pio_exception: Annotated[U32, Hex, dpc.RpPioError] = 0
    rp_pio_header_log: Annotated[Sequence[int], Array(u32, 4), Hex] = (0, 0, 0, 0)
    rp_pio_implementation_specific_log: Annotated[U32, Hex] = 0
    rp_pio_tlp_prefix_log: Annotated[Sequence[int], Array(u32, 4), Hex] = (0, 0, 0, 0)
    trailing: Rest = b""

    @property
    def has_root_port_extensions(self) -> bool:
        """Whether the port is one that has the RP PIO registers."""
        return bool(dpc.DpcCapability(self.dpc_capability).root_port_extensions)

    def is_valid(self, name: str) -> bool:
        of_root_ports = name.startswith("rp_pio") and not self.has_root_port_extensions
        return super().is_valid(name) and not of_root_ports

    @property
    def what(self) -> str:
        status = dpc.DpcStatus(self.dpc_status)
        return f"PCIe port contained: {status.reason}" if status.triggered else self.title

    @property
    def component(self) -> str:
        source = RequesterId(self.error_source_id).sentence()
        return f"PCIe {source}" if self._has_source else ""

    @property
    def severities(self) -> tuple[Severity, ...]:
        if dpc.DpcStatus(self.dpc_status).triggered:
            return (Severity.RECOVERABLE, Severity.FATAL)
        return (Severity.INFORMATIONAL, Severity.CORRECTED)

    def at(self, place: "Place") -> Self:
        there = place.device.requester_id if self._has_source else self.error_source_id
        return self.replace(error_source_id=there)

    @property
    def _has_source(self) -> bool:
        status = dpc.DpcStatus(self.dpc_status)
        return bool(status.triggered) and status.trigger_reason in _OF_MESSAGES

    def sentence(self) -> str:
        status = dpc.DpcStatus(self.dpc_status)
        if not status.triggered:
            return "PCIe downstream port containment, not triggered"
        what = f"PCIe port contained: {status.reason}"
        errors = flag_names(dpc.RpPioError, self.rp_pio_status & ~self.rp_pio_mask)
        if self.has_root_port_extensions and errors:
            request = tlp_sentence(self.rp_pio_header_log)
            what += f" ({', '.join(errors)}{f'; {request}' if request else ''})"
        if self._has_source:
            what += f" from {RequesterId(self.error_source_id).sentence()}"
        return what
