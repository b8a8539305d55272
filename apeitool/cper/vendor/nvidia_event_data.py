"""What an NVIDIA event says of its source, and the formats of the data in its contexts."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from apeitool.cper.vendor.nvidia_xid import XIDS
from apeitool.cper.vendor.register_dump import Register32, Register64
from apeitool.registers.pci import vendor_text
from apeitool.wire.labels import Bits, Label, Word
from apeitool.wire.record import Structure
from apeitool.wire.shapes import (
    BOOLEAN,
    HEX8,
    HEX16,
    HEX32,
    HEX64,
    Characters,
    Choice,
    Dotted,
    Json,
    Octets,
    Pair,
    Slice,
    Slices,
    Words,
)
from apeitool.wire.types import (
    U8,
    U16,
    U32,
    U64,
    Address,
    Bytes,
    Hex,
    Many,
    Raw,
    Rest,
    Text,
    Usual,
    u8,
)


class SourceDevice(Label):
    """What kind of device an event comes from."""

    CPU = 0
    GPU = 1
    DPU = 2
    NIC = 3
    SWX = 4
    BMC = 5

    @property
    def text(self) -> str:
        return self.name if self.is_known else super().text


class Architecture(Word):
    """Which chip a CPU event comes from."""

    hid_family = Bits(0, 4)
    major_revision = Bits(4, 4)
    chip_id = Bits(8, 8)
    minor_revision = Bits(16, 4)
    pre_silicon_platform = Bits(20, 5)
    error_injection = Bits(31)


_CHIP = Slices(
    None,
    {
        None: {
            "hidFam": Slice(0, 4, HEX8),
            "revision": Slice(4, 16, Dotted(major=0, minor=12, width=4)),
            "chipId": Slice(8, 8),
            "preSiPlatform": Slice(20, 5, Choice("Silicon", "PreSilicon")),
            "errorInjection": Slice(31, 1, BOOLEAN),
        }
    },
)


class EventInfo(Structure):
    """What an event says of its source.

    Source:  libcper cper-section-nvidia-events.h
    """


class CpuEventInfo(EventInfo):
    """CPU event info, major version 0.

    Shape:   29 bytes, little-endian.
    Source:  libcper EFI_NVIDIA_CPU_EVENT_INFO; Linux drivers/acpi/apei/ghes-nvidia.c
    """

    socket_number: Annotated[U8, Json("SocketNum")] = 0
    architecture: Annotated[U32, Hex, Architecture, Json("Architecture", _CHIP)] = 0
    ecid_1: Annotated[U32, Hex, "chip's serial number", Json("Ecid1", HEX32)] = 0
    ecid_2: Annotated[U32, Hex, Json("Ecid2", HEX32)] = 0
    ecid_3: Annotated[U32, Hex, Json("Ecid3", HEX32)] = 0
    ecid_4: Annotated[U32, Hex, Json("Ecid4", HEX32)] = 0
    instance_base: Annotated[U64, Hex, Json("InstanceBase", HEX64)] = 0
    rest: Rest = b""


class EventOriginator(Label):
    """Which part of a GPU made the event."""

    INVALID = 0
    RESERVED_1 = 1
    PF_GSP_FIRMWARE = 2
    VF_GSP_FIRMWARE = 3
    PF_DRIVER = 4
    VF_DRIVER = 5

    @property
    def text(self) -> str:
        return self.name.replace("_", " ") if self.is_known else super().text


_ORIGINATORS = {
    EventOriginator.INVALID: "Invalid",
    EventOriginator.RESERVED_1: "Reserved1",
    EventOriginator.PF_GSP_FIRMWARE: "PF_GSP_FW",
    EventOriginator.VF_GSP_FIRMWARE: "VF_GSP_FW",
    EventOriginator.PF_DRIVER: "PF_DRIVER",
    EventOriginator.VF_DRIVER: "VF_DRIVER",
}


class GpuEventInfo(EventInfo):
    """GPU event info, major version 1.

    Shape:   13 bytes, little-endian.
    Source:  libcper EFI_NVIDIA_GPU_EVENT_INFO
    """

    event_originator: Annotated[
        EventOriginator, u8, Json("EventOriginator", Words(_ORIGINATORS))
    ] = EventOriginator.INVALID
    source_partition: Annotated[U16, Json("SourcePartition")] = 0
    source_sub_partition: Annotated[U16, Json("SourceSubPartition")] = 0
    pdi: Annotated[U64, Hex, "per-device identifier", Json("Pdi", Octets(8, ":"))] = 0
    rest: Rest = b""


class UnknownEventInfo(EventInfo):
    """Info of another device or version, or shorter than its kind needs.

    Shape:   any length.
    Source:  libcper cper-section-nvidia-events.h
    """

    rest: Rest = b""


def info_type(device: int, version: int, length: int) -> type[EventInfo]:
    """The class of the info of such a device, of that version and length in bytes."""
    for kind, source in INFO_SOURCES.items():
        if (device, version >> 8) == (source[0], source[1] >> 8) and length >= kind.fixed_size:
            return kind
    return UnknownEventInfo


INFO_SOURCES: dict[type[EventInfo], tuple[SourceDevice, int]] = {
    CpuEventInfo: (SourceDevice.CPU, 0x0000),
    GpuEventInfo: (SourceDevice.GPU, 0x0100),
}
"""The device and the version that each kind of info belongs to."""


class DataFormat(Label):
    """Formats of context data; those from 0x8000 on are of GPUs, the only device that has any."""

    OPAQUE = 0
    KEY_VALUE_64 = 1
    KEY_VALUE_32 = 2
    VALUE_64 = 3
    VALUE_32 = 4
    GPU_INIT_METADATA = 0x8000
    GPU_LEGACY_XID = 0x8001
    GPU_RECOMMENDED_ACTIONS = 0x8002


class ContextData(Structure):
    """Data of a context.

    Source:  libcper cper-section-nvidia-events.h
    """


class KeyValue64(Structure):
    """Value of 64 bits with its key or address.

    Shape:   16 bytes, little-endian.
    Source:  libcper EFI_NVIDIA_EVENT_CTX_DATA_TYPE_1
    """

    key: Annotated[U64, Hex, Json("key64", HEX64)] = 0
    value: Annotated[U64, Hex, Json("val64", HEX64)] = 0


class KeyValue32(Structure):
    """Value of 32 bits with its key or address.

    Shape:   8 bytes, little-endian.
    Source:  libcper EFI_NVIDIA_EVENT_CTX_DATA_TYPE_2
    """

    key: Annotated[U32, Hex, Json("key32", HEX32)] = 0
    value: Annotated[U32, Hex, Json("val32", HEX32)] = 0


class KeyValues64(ContextData):
    """Format 1: values of 64 bits with their keys.

    Shape:   16 bytes each.
    Source:  libcper EFI_NVIDIA_EVENT_CTX_DATA_TYPE_1
    """

    entries: Annotated[Sequence[KeyValue64], Many(KeyValue64), Json("keyValArray64")] = ()
    rest: Rest = b""


class KeyValues32(ContextData):
    """Format 2: values of 32 bits with their keys.

    Shape:   8 bytes each.
    Source:  libcper EFI_NVIDIA_EVENT_CTX_DATA_TYPE_2
    """

    entries: Annotated[Sequence[KeyValue32], Many(KeyValue32), Json("keyValArray32")] = ()
    rest: Rest = b""


class Values64(ContextData):
    """Format 3: values of 64 bits.

    Shape:   8 bytes each.
    Source:  libcper EFI_NVIDIA_EVENT_CTX_DATA_TYPE_3
    """

    entries: Annotated[Sequence[Register64], Many(Register64), Json("valArray64")] = ()
    rest: Rest = b""


class Values32(ContextData):
    """Format 4: values of 32 bits.

    Shape:   4 bytes each.
    Source:  libcper EFI_NVIDIA_EVENT_CTX_DATA_TYPE_4
    """

    entries: Annotated[Sequence[Register32], Many(Register32), Json("valArray32")] = ()
    rest: Rest = b""


class GpuArchitecture(Label):
    """GPU architectures."""

    TURING = 0x16
    AMPERE = 0x17
    HOPPER = 0x18
    ADA = 0x19
    BLACKWELL = 0x1A
    BLACKWELL_2 = 0x1B
    RUBIN = 0x1C


class GpuArchitectureId(Word):
    """Which GPU it is."""

    architecture = Bits(24, 6, GpuArchitecture)


_IN_HEX = Json(shape=HEX64)


class GpuPciInfo(Structure):
    """A GPU as a PCI device; the information is of another kind if its type is not 0.

    Shape:   59 bytes, little-endian.
    Source:  libcper EFI_NVIDIA_GPU_CTX_INIT_METADATA_PCI_INFO
    """

    class_code: Annotated[U8, Hex, Json("class", HEX8)] = 0
    sub_class: Annotated[U8, Hex, Json("subclass", HEX8)] = 0
    revision: Annotated[U8, Hex, Json("rev", HEX8)] = 0
    vendor_id: Annotated[U16, Hex, Json("vendorId", HEX16)] = 0
    device_id: Annotated[U16, Hex, Json("deviceId", HEX16)] = 0
    subsystem_vendor_id: Annotated[U16, Hex, Json("subsystemVendorId", HEX16)] = 0
    subsystem_id: Annotated[U16, Hex, Json("subsystemId", HEX16)] = 0
    bar0_start: Annotated[Address, _IN_HEX] = 0
    bar0_size: Annotated[U64, Hex, _IN_HEX] = 0
    bar1_start: Annotated[Address, _IN_HEX] = 0
    bar1_size: Annotated[U64, Hex, _IN_HEX] = 0
    bar2_start: Annotated[Address, _IN_HEX] = 0
    bar2_size: Annotated[U64, Hex, _IN_HEX] = 0

    def shown(self, name: str) -> str | None:
        is_vendor = name in ("vendor_id", "subsystem_vendor_id")
        return vendor_text(getattr(self, name)) if is_vendor else None


def _architecture(word: int) -> str | None:
    return _ARCHITECTURES.get(GpuArchitecture(GpuArchitectureId(word).architecture))


_ARCHITECTURES = {
    GpuArchitecture.TURING: "Turing",
    GpuArchitecture.AMPERE: "Ampere",
    GpuArchitecture.HOPPER: "Hopper",
    GpuArchitecture.ADA: "Ada",
    GpuArchitecture.BLACKWELL: "Blackwell",
    GpuArchitecture.BLACKWELL_2: "Blackwell2",
    GpuArchitecture.RUBIN: "Rubin",
}
_ARCHITECTURE = Pair("raw", "architecture", _architecture, unknown="Unknown", of=HEX32)
_TEXT = Json(shape=Characters(""))


class GpuInitMetadata(ContextData):
    """Format 0x8000: which GPU it is.

    Shape:   192 bytes, little-endian.
    Source:  libcper EFI_NVIDIA_GPU_CTX_INIT_METADATA
    """

    device_name: Annotated[str, Text(48), _TEXT] = ""
    firmware_version: Annotated[str, Text(16), _TEXT] = ""
    pf_driver_microcode_version: Annotated[str, Text(16), _TEXT] = ""
    pf_driver_version: Annotated[str, Text(16), _TEXT] = ""
    vf_driver_version: Annotated[str, Text(16), _TEXT] = ""
    configuration: Annotated[U64, Hex, _IN_HEX] = 0
    pdi: Annotated[U64, Hex, "per-device identifier", Json(shape=Octets(8, ":"))] = 0
    architecture_id: Annotated[
        U32, Hex, GpuArchitectureId, Json("architectureId", _ARCHITECTURE)
    ] = 0
    hardware_info_type: Annotated[U8, "0: the PCI info that follows"] = 0
    pci_info: GpuPciInfo = GpuPciInfo()
    rest: Rest = b""

    def is_valid(self, name: str) -> bool:
        return super().is_valid(name) and not (name == "pci_info" and self.hardware_info_type)


class GpuLegacyXid(ContextData):
    """Format 0x8001: what NVIDIA's driver calls an XID.

    Shape:   4 bytes, little-endian, and the message.
    Source:  libcper EFI_NVIDIA_GPU_CTX_LEGACY_XID
    """

    largest: ClassVar[int] = 240
    """Bytes of the longest that libcper has room for."""

    xid_code: Annotated[U32, Usual(*XIDS)] = 0
    message: Annotated[bytes, Raw(), "characters up to the first NUL", _TEXT] = b""

    def shown(self, name: str) -> str | None:
        if name == "message":
            return f'"{self.words}"'
        known = XIDS.get(self.xid_code) if name == "xid_code" else None
        return f"{self.xid_code} ({known})" if known else None

    @property
    def code(self) -> str:
        """The code, and what it means."""
        return f"XID {self.shown('xid_code') or self.xid_code}"

    @property
    def words(self) -> str:
        """The driver's own words."""
        return self.message.partition(b"\0")[0].decode("latin-1").strip()

    def sentence(self) -> str:
        """The code, and the driver's own words."""
        return f"{self.code}: {self.words}" if self.words else self.code


class GpuRecommendedActions(ContextData):
    """Format 0x8002: what to do about it.

    Shape:   16 bytes, little-endian.
    Source:  libcper EFI_NVIDIA_GPU_CTX_RECOMMENDED_ACTIONS
    """

    flags: Annotated[U8, Hex, Json(shape=HEX8)] = 0
    reserved: Annotated[bytes, Bytes(3)] = bytes(3)
    recovery_action: U16 = 0
    diagnostic_flow: Annotated[U16, "0: unspecified"] = 0
    reserved_2: Annotated[U64, Hex] = 0
    rest: Rest = b""


class OpaqueData(ContextData):
    """Data of format 0 or an unknown one, or shorter than its format needs.

    Shape:   any length.
    Source:  libcper cper-section-nvidia-events.h
    """

    rest: Rest = b""


_BY_FORMAT: dict[int, type[ContextData]] = {
    DataFormat.OPAQUE: OpaqueData,
    DataFormat.KEY_VALUE_64: KeyValues64,
    DataFormat.KEY_VALUE_32: KeyValues32,
    DataFormat.VALUE_64: Values64,
    DataFormat.VALUE_32: Values32,
    DataFormat.GPU_INIT_METADATA: GpuInitMetadata,
    DataFormat.GPU_LEGACY_XID: GpuLegacyXid,
    DataFormat.GPU_RECOMMENDED_ACTIONS: GpuRecommendedActions,
}


def data_type(number: int, length: int) -> type[ContextData]:
    """The class of data of that format and length in bytes."""
    kind = _BY_FORMAT.get(number, OpaqueData)
    return kind if length >= kind.fixed_size else OpaqueData


DATA_FORMATS: dict[type[ContextData], int] = {
    kind: number for number, kind in _BY_FORMAT.items() if number
}
"""The format of each kind of data; opaque data may be of any."""
