"""Build, decode and try out ACPI platform error tables and UEFI CPER records.

Names are imported when they are first used, so that a command pays only for what it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from apeitool.acpi.bert import Bert as Bert
    from apeitool.acpi.bert import BootErrorRegion as BootErrorRegion
    from apeitool.acpi.einj import Einj as Einj
    from apeitool.acpi.erst import Erst as Erst
    from apeitool.acpi.header import Table as Table
    from apeitool.acpi.hest.generic import Ghes as Ghes
    from apeitool.acpi.hest.generic import GhesV2 as GhesV2
    from apeitool.acpi.hest.machine_check import CorrectedMachineCheck as CorrectedMachineCheck
    from apeitool.acpi.hest.machine_check import DeferredMachineCheck as DeferredMachineCheck
    from apeitool.acpi.hest.machine_check import ErrorBank as ErrorBank
    from apeitool.acpi.hest.machine_check import MachineCheckException as MachineCheckException
    from apeitool.acpi.hest.nmi import NonMaskableInterrupt as NonMaskableInterrupt
    from apeitool.acpi.hest.notification import Notification as Notification
    from apeitool.acpi.hest.notification import NotificationType as NotificationType
    from apeitool.acpi.hest.pcie_aer import BridgeAer as BridgeAer
    from apeitool.acpi.hest.pcie_aer import DeviceAer as DeviceAer
    from apeitool.acpi.hest.pcie_aer import RootPortAer as RootPortAer
    from apeitool.acpi.hest.source import SourceFlags as SourceFlags
    from apeitool.acpi.hest.source import SourceType as SourceType
    from apeitool.acpi.hest.table import Hest as Hest
    from apeitool.acpi.status import GenericErrorDataEntryV2 as GenericErrorDataEntryV2
    from apeitool.acpi.status import GenericErrorDataEntryV3 as GenericErrorDataEntryV3
    from apeitool.acpi.status import StatusBlock as StatusBlock
    from apeitool.capture.capture import Capture as Capture
    from apeitool.capture.container import decode as decode
    from apeitool.capture.container import open as open  # noqa: A004 - the contract's name
    from apeitool.cper.dialect import Choice as Choice
    from apeitool.cper.dialect import Topic as Topic
    from apeitool.cper.dialect import dialect_of as dialect_of
    from apeitool.cper.dialect import forced as forced
    from apeitool.cper.dialect import using as using
    from apeitool.cper.record import Record as Record
    from apeitool.cper.record import SectionDescriptor as SectionDescriptor
    from apeitool.cper.section import OpaqueSection as OpaqueSection
    from apeitool.cper.section import Section as Section
    from apeitool.cper.sections.arm_processor import (
        ArmProcessorErrorSection as ArmProcessorErrorSection,
    )
    from apeitool.cper.sections.arm_processor import ContextInformation as ContextInformation
    from apeitool.cper.sections.arm_processor import ErrorInformation as ErrorInformation
    from apeitool.cper.sections.memory import MemoryErrorSection as MemoryErrorSection
    from apeitool.cper.sections.pcie import PcieErrorSection as PcieErrorSection
    from apeitool.cper.severity import Severity as Severity
    from apeitool.cper.timestamp import Timestamp as Timestamp
    from apeitool.errors import AccessError as AccessError
    from apeitool.errors import Ambiguous as Ambiguous
    from apeitool.errors import ApeiError as ApeiError
    from apeitool.errors import BadChecksum as BadChecksum
    from apeitool.errors import BadLength as BadLength
    from apeitool.errors import BadSignature as BadSignature
    from apeitool.errors import BadValue as BadValue
    from apeitool.errors import CaptureError as CaptureError
    from apeitool.errors import DecodeError as DecodeError
    from apeitool.errors import DialectError as DialectError
    from apeitool.errors import EncodeError as EncodeError
    from apeitool.errors import FirmwareFault as FirmwareFault
    from apeitool.errors import GuestFault as GuestFault
    from apeitool.errors import LabError as LabError
    from apeitool.errors import MissingError as MissingError
    from apeitool.errors import ProtocolError as ProtocolError
    from apeitool.errors import QemuBusy as QemuBusy
    from apeitool.errors import QemuError as QemuError
    from apeitool.errors import QueryError as QueryError
    from apeitool.errors import StoreError as StoreError
    from apeitool.errors import StoreFull as StoreFull
    from apeitool.errors import Truncated as Truncated
    from apeitool.plan.build import build as build
    from apeitool.plan.built import Built as Built
    from apeitool.registers.address import AccessSize as AccessSize
    from apeitool.registers.address import AddressSpace as AddressSpace
    from apeitool.registers.address import GenericAddress as GenericAddress
    from apeitool.render.json import dumps as dumps
    from apeitool.render.json import loads as loads
    from apeitool.render.text import text as text
    from apeitool.wire.problem import Problem as Problem
    from apeitool.wire.record import Structure as Structure

_HOMES = {
    "acpi.bert": ("Bert", "BootErrorRegion"),
    "acpi.einj": ("Einj",),
    "acpi.erst": ("Erst",),
    "acpi.header": ("Table",),
    "acpi.hest.generic": ("Ghes", "GhesV2"),
    "acpi.hest.machine_check": (
        "CorrectedMachineCheck",
        "DeferredMachineCheck",
        "ErrorBank",
        "MachineCheckException",
    ),
    "acpi.hest.nmi": ("NonMaskableInterrupt",),
    "acpi.hest.notification": ("Notification", "NotificationType"),
    "acpi.hest.pcie_aer": ("BridgeAer", "DeviceAer", "RootPortAer"),
    "acpi.hest.source": ("SourceFlags", "SourceType"),
    "acpi.hest.table": ("Hest",),
    "acpi.status": ("GenericErrorDataEntryV2", "GenericErrorDataEntryV3", "StatusBlock"),
    "capture.capture": ("Capture",),
    "capture.container": ("decode", "open"),
    "cper.dialect": ("Choice", "Topic", "dialect_of", "forced", "using"),
    "cper.record": ("Record", "SectionDescriptor"),
    "cper.section": ("OpaqueSection", "Section"),
    "cper.sections.arm_processor": (
        "ArmProcessorErrorSection",
        "ContextInformation",
        "ErrorInformation",
    ),
    "cper.sections.memory": ("MemoryErrorSection",),
    "cper.sections.pcie": ("PcieErrorSection",),
    "cper.severity": ("Severity",),
    "cper.timestamp": ("Timestamp",),
    "errors": (
        "AccessError",
        "Ambiguous",
        "ApeiError",
        "BadChecksum",
        "BadLength",
        "BadSignature",
        "BadValue",
        "CaptureError",
        "DecodeError",
        "DialectError",
        "EncodeError",
        "FirmwareFault",
        "GuestFault",
        "LabError",
        "MissingError",
        "ProtocolError",
        "QemuBusy",
        "QemuError",
        "QueryError",
        "StoreError",
        "StoreFull",
        "Truncated",
    ),
    "plan.build": ("build",),
    "plan.built": ("Built",),
    "registers.address": ("AccessSize", "AddressSpace", "GenericAddress"),
    "render.json": ("dumps", "loads"),
    "render.text": ("text",),
    "wire.problem": ("Problem",),
    "wire.record": ("Structure",),
}
_PLACES = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name) or _sections().get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{place}"), name)
    return value


def _sections() -> dict[str, str]:
    """The class of every section type, and where it is declared."""
    from apeitool.cper.index import SECTIONS

    pairs = (place.split(":") for place in SECTIONS.values())
    return {name: f"cper.{module}" for module, name in pairs}


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES, *_sections()})
