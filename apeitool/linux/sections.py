"""What the kernel prints of the sections that are not nested, and the tables by which that is read.

Each writer yields the lines behind ``section_type``, without what stands before all of them.  An
`Aside` is a line that the kernel prints without that.

Source:  Linux drivers/firmware/efi/cper.c, and cper_cxl.c
"""

from __future__ import annotations

from collections.abc import Iterator

from apeitool.cper.sections.cxl_protocol import (
    AgentAddress,
    AgentType,
    CxlProtocolErrorSection,
    CxlRasCapability,
)
from apeitool.cper.sections.firmware_record import (
    FirmwareErrorRecordReferenceSection,
    GuidIdentifier,
    NumberIdentifier,
)
from apeitool.cper.sections.generic_processor import GenericProcessorErrorSection
from apeitool.cper.sections.memory import ExtendedWord, MemoryErrorSection, MemoryValid
from apeitool.cper.sections.pcie import PcieErrorSection
from apeitool.cper.severity import Severity
from apeitool.linux import words
from apeitool.linux.accept import FW_WARN
from apeitool.linux.draft import Draft
from apeitool.linux.hexdump import dump
from apeitool.linux.row import Flags, Pieces, Row, Rows
from apeitool.linux.window import Window
from apeitool.wire.labels import Bits, Word


class Aside(str):
    """A line that the kernel prints without the prefix of a report."""

    __slots__ = ()


TOO_SHORT = Aside(f"{FW_WARN}error section length is too small")
BEYOND = Aside(f"{FW_WARN}valid bits set for fields beyond structure")

# ---- generic processor

GENERIC_PROCESSOR = Rows(
    GenericProcessorErrorSection,
    Row("processor_type: {processor_type:d}, {processor_type:words}", words.PROCESSOR_TYPES),
    Row("processor_isa: {processor_isa:d}, {processor_isa:words}", words.PROCESSOR_ISAS),
    Row("error_type: 0x{processor_error_type:02x}"),
    Flags("processor_error_type", words.PROCESSOR_ERROR_TYPES),
    Row("operation: {operation:d}, {operation:words}", words.PROCESSOR_OPERATIONS),
    Row("flags: 0x{flags:02x}"),
    Flags("flags", words.PROCESSOR_FLAGS),
    Row("level: {level:d}"),
    Row("version_info: 0x{cpu_version_info:016x}"),
    Row("processor_id: 0x{processor_id:016x}"),
    Row("target_address: 0x{target_address:016x}"),
    Row("requestor_id: 0x{requestor_id:016x}"),
    Row("responder_id: 0x{responder_id:016x}"),
    Row("IP: 0x{instruction_ip:016x}"),
)


def generic_processor(window: Window) -> Iterator[str]:
    """A generic processor error."""
    section = window.take(GenericProcessorErrorSection)
    yield from GENERIC_PROCESSOR.lines(section, window.before)


# ---- memory


class Bank(Word):
    """The bank where it is two numbers."""

    group = Bits(8, 8)
    address = Bits(0, 8)


_LOCATION = 255
"""So many characters is the place of a memory error at most."""


def _put_row(draft: Draft, row: int) -> None:
    """A row of more than 16 bits has its upper ones elsewhere."""
    draft.values["row"] = row & 0xFFFF
    draft.mark(MemoryValid.ROW)
    if row >> 16:
        upper = ExtendedWord.compose(row_bit_16=row >> 16 & 1, row_bit_17=row >> 17 & 1)
        draft.values["extended"] = draft.values.get("extended", 0) | upper
        draft.mark(MemoryValid.EXTENDED_ROW)


MEMORY = Rows(
    MemoryErrorSection,
    Row(" error_status: {error_status.error_type:words} (0x{error_status:016x})",
        words.MEMORY_ERROR_STATUS),
    Row("error_status: 0x{error_status:016x}", older=True),
    Row("physical_address: 0x{physical_address:016x}"),
    Row("physical_address_mask: 0x{physical_address_mask:016x}"),
    Pieces(
        Row("node:{node:d} "),
        Row("card:{card:d} "),
        Row("module:{module:d} "),
        Row("rank:{rank_number:d} "),
        Row("bank:{bank:d} ", when=MemoryValid.BANK),
        Row("bank_group:{bank.group:d} ", view=Bank, when=MemoryValid.BANK_GROUP),
        Row("bank_address:{bank.address:d} ", view=Bank, when=MemoryValid.BANK_ADDRESS),
        Row("device:{device:d} "),
        Row("row:{full_row:d} ", when=MemoryValid.ROW | MemoryValid.EXTENDED_ROW, puts=_put_row),
        Row("column:{column:d} "),
        Row("bit_position:{bit_position:d} "),
        Row("requestor_id:0x{requestor_id:016x} "),
        Row("responder_id:0x{responder_id:016x} "),
        Row("target_id:0x{target_id:016x} "),
        Row("chip_id:{extended.chip_identification:d} "),
        room=_LOCATION,
    ),
    Row("error_type: {memory_error_type:d}, {memory_error_type:words}", words.MEMORY_ERROR_TYPES),
)  # fmt: skip
DIMM_LOCATION = "DIMM location: "
MEMORY_MODULE = Rows(
    MemoryErrorSection, Row(DIMM_LOCATION + "not present. DMI handle: 0x{module_handle:04x} ")
)


def memory(window: Window) -> Iterator[str]:
    """A memory error; DIMMs have the names that are known (`apeitool.cper.dimm`)."""
    is_old = window.length == MemoryErrorSection.shortest
    section = window.take(MemoryErrorSection, size=window.length if is_old else 0)
    if is_old and section.validation_bits >= MemoryValid.RANK_NUMBER:
        yield BEYOND
        return
    yield from MEMORY.lines(section)
    dimm = section.dimm
    if dimm is not None:
        yield f"{DIMM_LOCATION}{dimm.bank_locator} {dimm.locator} "[:_LOCATION]
    else:
        yield from MEMORY_MODULE.lines(section)


# ---- PCIe

PCIE = Rows(
    PcieErrorSection,
    Row("port_type: {port_type:i}, {port_type:words}", words.PCIE_PORTS),
    Row("version: {version.major:d}.{version.minor:d}"),
    Row("command: 0x{command:04x}, status: 0x{status:04x}"),
    Row("device_id: {device_id.segment_number:04x}:{device_id.bus_number:02x}:"
        "{device_id.device_number:02x}.{device_id.function_number:x}"),
    Row("slot: {device_id.slot_number.slot_number:d}"),
    Row("secondary_bus: 0x{device_id.secondary_bus_number:02x}"),
    Row("vendor_id: 0x{device_id.vendor_id:04x}, device_id: 0x{device_id.device_id:04x}"),
    Row("class_code: {device_id.class_code:swapped}"),
    Row("serial number: 0x{device_serial_number.lower:04x}, 0x{device_serial_number.upper:04x}"),
    Row("bridge: secondary_status: 0x{bridge_control_status.secondary_status:04x}, "
        "control: 0x{bridge_control_status.control:04x}"),
)  # fmt: skip
AER_CORRECTABLE = Rows(
    PcieErrorSection,
    Row("aer_cor_status: 0x{aer_information.correctable_error_status:08x}, "
        "aer_cor_mask: 0x{aer_information.correctable_error_mask:08x}"),
)  # fmt: skip
AER_UNCORRECTABLE = Rows(
    PcieErrorSection,
    Row("aer_uncor_status: 0x{aer_information.uncorrectable_error_status:08x}, "
        "aer_uncor_mask: 0x{aer_information.uncorrectable_error_mask:08x}"),
    Row("aer_uncor_severity: 0x{aer_information.uncorrectable_error_severity:08x}"),
    Row("TLP Header: {aer_information.header_log.0:08x} {aer_information.header_log.1:08x} "
        "{aer_information.header_log.2:08x} {aer_information.header_log.3:08x}"),
)  # fmt: skip


def pcie(window: Window) -> Iterator[str]:
    """A PCIe error."""
    section = window.take(PcieErrorSection)
    yield from PCIE.lines(section)
    if window.features.prints_all_aer:
        yield from AER_CORRECTABLE.lines(section)
    # Meant for fatal errors, and printed of informational ones too.
    if window.features.prints_all_aer or window.severity & Severity.FATAL:
        yield from AER_UNCORRECTABLE.lines(section)


# ---- firmware

FIRMWARE = Rows(
    FirmwareErrorRecordReferenceSection,
    Row("Firmware Error Record Type: {record_type:words}", words.FIRMWARE_RECORDS),
    Row("Revision: {revision:d}"),
)
FIRMWARE_NUMBER = Rows(NumberIdentifier, Row("Record Identifier: {record_identifier:08x}"))
FIRMWARE_GUID = Rows(GuidIdentifier, Row("Record Identifier: {record_identifier_guid:guid}"))

FIRMWARE_SHORTEST = 16


def firmware_record(window: Window) -> Iterator[str]:
    """A reference to an error record of the firmware."""
    whole = FirmwareErrorRecordReferenceSection.fixed_size + GuidIdentifier.fixed_size
    section = window.take(FirmwareErrorRecordReferenceSection, size=whole)
    yield from FIRMWARE.lines(section)
    if isinstance(section.identifier, NumberIdentifier):
        yield from FIRMWARE_NUMBER.lines(section.identifier)
    elif section.revision == _REVISION_WITH_GUID:
        yield from FIRMWARE_GUID.lines(section.identifier)
    offset = section.fixed_size + section.identifier.size
    if offset > window.length:
        yield f"error section length is too small: offset={offset}, length={window.length}"
    else:
        yield from dump(window.data(offset, window.length - offset), has_text=True)


_REVISION_WITH_GUID = 2

# ---- CXL

CXL_AGENT = Rows(
    CxlProtocolErrorSection,
    Row(" agent_type: {agent_type:d}, {agent_type:words}", words.CXL_AGENTS),
)
CXL_ADDRESS = Rows(
    CxlProtocolErrorSection,
    Row(" agent_address: {agent_address.segment:04x}:{agent_address.bus:02x}:"
        "{agent_address.device:02x}.{agent_address.function:x}", view=AgentAddress),
)  # fmt: skip
CXL_BASE = Rows(CxlProtocolErrorSection, Row(" rcrb_base_address: 0x{agent_address:016x}"))
CXL_DEVICE = Rows(
    CxlProtocolErrorSection,
    Row(" slot: {device_id.slot_number.slot_number:d}"),
    Row(" vendor_id: 0x{device_id.vendor_id:04x}, device_id: 0x{device_id.device_id:04x}"),
    Row(" sub_vendor_id: 0x{device_id.subsystem_vendor_id:04x}, "
        "sub_device_id: 0x{device_id.subsystem_id:04x}"),
    Row(" class_code: {device_id.class_code:04x}"),
)  # fmt: skip
CXL_SERIAL = Rows(
    CxlProtocolErrorSection,
    Row(" lower_dw: 0x{serial_number.lower:08x}, upper_dw: 0x{serial_number.upper:08x}"),
)
CXL_DVSEC_LENGTH = Rows(CxlProtocolErrorSection, Row(" DVSEC length: 0x{dvsec_length:04x}"))
CXL_DVSEC = " CXL DVSEC:"
CXL_LOG_LENGTH = Rows(CxlProtocolErrorSection, Row(" Error log length: 0x{error_log_length:04x}"))
CXL_LOG = " CXL Error Log:"
CXL_RAS = Rows(
    CxlRasCapability,
    Row(" cxl_ras_uncor_status: 0x{uncorrectable_error_status:08x}"),
    Row(" cxl_ras_uncor_mask: 0x{uncorrectable_error_mask:08x}"),
    Row(" cxl_ras_uncor_severity: 0x{uncorrectable_error_severity:08x}"),
    Row(" cxl_ras_cor_status: 0x{correctable_error_status:08x}"),
    Row(" cxl_ras_cor_mask: 0x{correctable_error_mask:08x}"),
    Row(" cap_control: 0x{error_capabilities_and_control:08x}"),
)
CXL_HEADER_LOG = " Header Log Registers:"

_HAS_BASE = AgentType.RESTRICTED_CXL_HOST_DOWNSTREAM_PORT
_DEVICES = frozenset(
    {AgentType.RESTRICTED_CXL_DEVICE, AgentType.CXL_DEVICE, AgentType.CXL_LOGICAL_DEVICE,
     AgentType.CXL_FABRIC_MANAGER_MANAGED_LOGICAL_DEVICE}
)  # fmt: skip
_PORTS = frozenset(
    {
        AgentType.CXL_ROOT_PORT,
        AgentType.CXL_DOWNSTREAM_SWITCH_PORT,
        AgentType.CXL_UPSTREAM_SWITCH_PORT,
    }
)


def cxl_protocol(window: Window) -> Iterator[str]:
    """A CXL protocol error: what a kind of agent does not have is not printed."""
    section = window.take(CxlProtocolErrorSection)
    agent = section.agent_type
    is_addressed = agent in _DEVICES | _PORTS
    yield from CXL_AGENT.lines(section)
    yield from (CXL_ADDRESS.lines(section) if is_addressed else ())
    yield from (CXL_BASE.lines(section) if agent == _HAS_BASE else ())
    yield from (CXL_DEVICE.lines(section) if is_addressed else ())
    yield from (CXL_SERIAL.lines(section) if agent in _DEVICES else ())
    if is_addressed and section.is_valid("capability_structure"):
        yield from dump(section.capability_structure.to_bytes())
    yield from _dvsec(window, section)
    yield from _cxl_log(window, section)


def _dvsec(window: Window, section: CxlProtocolErrorSection) -> Iterator[str]:
    if section.is_valid("dvsecs"):
        yield from CXL_DVSEC_LENGTH.lines(section)
        yield CXL_DVSEC
        yield from dump(window.data(section.fixed_size, section.dvsec_length))


def _cxl_log(window: Window, section: CxlProtocolErrorSection) -> Iterator[str]:
    if section.is_valid("error_log"):
        yield from CXL_LOG_LENGTH.lines(section)
        yield CXL_LOG
        log = window.take(CxlRasCapability, section.fixed_size + section.dvsec_length)
        yield from CXL_RAS.lines(log)
        yield CXL_HEADER_LOG
        yield from dump(b"".join(word.to_bytes(4, "little") for word in log.header_log))


LENGTH = "section length: {}"


def unknown(window: Window) -> Iterator[str]:
    """A section of a type that the kernel does not know."""
    yield LENGTH.format(f"{window.length:#x}")
    yield from dump(window.data(0, window.length), has_text=True)
