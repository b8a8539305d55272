"""Microsoft ARM RAS node section."""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar
from uuid import UUID

from apeitool.cper.arm_ras import fitting
from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.registers import arm_ras
from apeitool.registers.arm_ras import ErrStatus, status_sentence
from apeitool.wire.labels import Label
from apeitool.wire.problem import Problem
from apeitool.wire.types import AUTO, U32, U64, Bytes, Derived, Hex, Named, Rest, u8

FIELD_COUNT = 8
"""Registers of a node in the only form that is known; a later one may have more."""


class RasNodeInterface(Label):
    """How the registers of the node are read."""

    SYSTEM_REGISTER = 0
    MEMORY_MAPPED = 1
    SINGLE_RECORD_MEMORY_MAPPED = 2


class AestNodeType(Label):
    """Node types of ACPI's AEST table."""

    PROCESSOR = 0
    MEMORY = 1
    SMMU = 2
    VENDOR_DEFINED = 3
    GIC = 4
    PCIE = 5

    @property
    def text(self) -> str:
        """The type in words."""
        return _AS_WRITTEN.get(self.name) or super().text


_AS_WRITTEN = {"SMMU": "SMMU", "GIC": "GIC", "PCIE": "PCIe"}


class MicrosoftRasNodeSection(Section):
    """Microsoft ARM RAS node section: an error record of a RAS node.

    Shape:   80 bytes, little-endian.
    Raises:  Truncated when fewer than 80 bytes are given.
    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_ARM_RAS_NODE_SECTION; Arm DEN0085 for the types
    """

    part: ClassVar[str] = "processor"
    located: ClassVar[Mapping[str, str]] = {"node_index": "processor.number"}
    guid: ClassVar[UUID] = UUID("e3ebf4a2-df50-4708-b2d7-0b29ec2f7aa9")
    title: ClassVar[str] = "ARM RAS node (Microsoft)"

    node_field_count: Annotated[U32, Derived(lambda s: FIELD_COUNT)] = AUTO
    node_index: U32 = 0
    interface_type: Annotated[RasNodeInterface, u8] = RasNodeInterface.SYSTEM_REGISTER
    aest_node_type: Annotated[AestNodeType, u8] = AestNodeType.PROCESSOR
    reserved: Annotated[bytes, Bytes(6)] = bytes(6)
    err_fr: Annotated[U64, Hex, arm_ras.ErrFr] = 0
    err_ctlr: Annotated[U64, Hex, arm_ras.ErrCtlr] = 0
    err_status: Annotated[U64, Hex, ErrStatus] = 0
    err_addr: Annotated[U64, Hex, arm_ras.ErrAddr] = 0
    err_misc_0: Annotated[U64, Hex, Named(arm_ras.misc0_word)] = 0
    err_misc_1: Annotated[U64, Hex] = 0
    err_misc_2: Annotated[U64, Hex] = 0
    err_misc_3: Annotated[U64, Hex] = 0
    trailing: Rest = b""

    @property
    def what(self) -> str:
        return f"ARM RAS {self.aest_node_type.text} error: {self._status()}"

    @property
    def component(self) -> str:
        return f"{self.aest_node_type.text} node {self.node_index}"

    @property
    def severities(self) -> tuple[Severity, ...]:
        return fitting(ErrStatus(self.err_status)) or super().severities

    def sentence(self) -> str:
        what = f"ARM RAS node {self.node_index} ({self.aest_node_type.text})"
        return f"{what}: {self._status()}"

    def _status(self) -> str:
        return status_sentence(ErrStatus(self.err_status)) or f"status {self.err_status:#x}"

    def check(self) -> Iterator[Problem]:
        if self.node_field_count < FIELD_COUNT:
            rule = f"{self.node_field_count} registers said, {FIELD_COUNT} are there"
            yield self.trouble("register-count", "node_field_count", rule)
