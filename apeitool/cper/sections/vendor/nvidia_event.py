"""NVIDIA event section: what processors of the Vera family, GPUs and others report."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.vendor.nvidia_event_data import (
    DATA_FORMATS,
    INFO_SOURCES,
    ContextData,
    CpuEventInfo,
    DataFormat,
    EventInfo,
    GpuEventInfo,
    GpuInitMetadata,
    GpuLegacyXid,
    GpuRecommendedActions,
    KeyValues32,
    KeyValues64,
    OpaqueData,
    SourceDevice,
    UnknownEventInfo,
    Values32,
    Values64,
    data_type,
    info_type,
)
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.shapes import (
    HEX16,
    HIDDEN,
    Dotted,
    Hexadecimal,
    Json,
    Keyed,
    Octets,
    Shape,
    Words,
)
from apeitool.wire.types import (
    AUTO,
    U8,
    U16,
    U32,
    U64,
    Derived,
    Hex,
    Many,
    One,
    Raw,
    Rest,
    Text,
    Unit,
    Usual,
    u8,
    u16,
)

HEADER = 16
"""Bytes of a context's header, and what the next context is aligned to."""
INFO_HEADER = 3
_FIRST_PDI = 0x1A2B_3C4D_5E6F_0000
"""The identifiers of made up GPUs begin there."""


if TYPE_CHECKING:
    from apeitool.cper.place import Place


def _data(context: Any, length: int) -> type[ContextData]:
    return data_type(context.data_format_type, length)


_JSON = Keyed(
    type1=KeyValues64,
    type2=KeyValues32,
    type3=Values64,
    type4=Values32,
    gpuInitMetadata=GpuInitMetadata,
    gpuLegacyXid=GpuLegacyXid,
    gpuRecommendedActions=GpuRecommendedActions,
    opaque=(OpaqueData, Octets()),
    room=GpuLegacyXid.largest,
)


class EventContext(Structure):
    """Context of an event: data of one format.

    Shape:   16 bytes, little-endian; the data; padding to 16 bytes.
    Units:   context size with header and padding, data size without, in bytes.
    Source:  Linux drivers/acpi/apei/ghes-nvidia.c; libcper EFI_NVIDIA_EVENT_CTX_HEADER
    """

    context_size: Annotated[U32, Unit("bytes"), Derived(lambda c: c.size, last=True), HIDDEN] = AUTO
    context_version: Annotated[U16, Json("version")] = 0
    reserved: Annotated[U16, Hex] = 0
    data_format_type: Annotated[
        DataFormat, u16, Derived(lambda c: DATA_FORMATS.get(type(c.data))), Json(shape=HEX16)
    ] = AUTO
    data_format_version: Annotated[U16, Hex] = 0
    data_size: Annotated[U32, Unit("bytes"), Derived(lambda c: c.data.size)] = AUTO
    data: Annotated[ContextData, One(_data, length="data_size"), Json(shape=_JSON)] = OpaqueData()
    padding: Annotated[
        bytes, Raw(until="context_size"), Derived(lambda c: bytes(-(HEADER + c.data.size) % HEADER))
    ] = AUTO

    def check(self) -> Iterator[Problem]:
        if self.data.size < self.data_size:
            rule = f"{self.data_size} bytes said, {self.data.size} are there"
            yield self.trouble("context-truncated", "data_size", rule)
        # Older producers count the header alone.
        if self.context_size not in (self.size, HEADER):
            rule = f"{self.context_size} bytes said, it takes {self.size}"
            yield self.trouble("context-size", "context_size", rule)


def _info(section: Any, length: int) -> type[EventInfo]:
    return info_type(section.source_device_type, section.info_version, length)


def _source(section: Any) -> tuple[SourceDevice | None, int | None]:
    return INFO_SOURCES.get(type(section.info), (None, None))


def _header(name: str, shape: Shape | None = None) -> Json:
    return Json(f"eventHeader.{name}", shape)


class NvidiaEventSection(Section):
    """NVIDIA event section.

    Shape:   35 bytes, little-endian; info of the source; contexts.
    Units:   info size with its 3 bytes of version and size.
    Raises:  Truncated when fewer than 35 bytes are given.
    Source:  Linux drivers/acpi/apei/ghes-nvidia.c; libcper cper-section-nvidia-events.c
    """

    part: ClassVar[str] = "device"
    guid: ClassVar[UUID] = UUID("9068e568-6ca0-11f0-aeaf-159343591eac")
    title: ClassVar[str] = "NVIDIA event"
    json_key: ClassVar[str] = "NvidiaEvent"
    json_type: ClassVar[str] = "NvidiaEvent"

    version: Annotated[U8, _header("version")] = 1
    event_context_count: Annotated[U8, Derived(lambda s: len(s.event_contexts)), HIDDEN] = AUTO
    source_device_type: Annotated[
        SourceDevice,
        u8,
        Derived(lambda s: _source(s)[0]),
        _header("sourceDeviceType", Words({device: device.name for device in SourceDevice})),
    ] = AUTO
    reserved: Annotated[U8, Hex] = 0
    event_type: Annotated[U16, Hex, _header("type", HEX16)] = 0
    event_sub_type: Annotated[U16, Hex, _header("subtype", HEX16)] = 0
    event_link_id: Annotated[
        U64,
        Hex,
        "events of one cause have the same; 0 if none",
        _header("linkId", Hexadecimal(16, of_zero=False)),
    ] = 0
    signature: Annotated[
        str,
        Text(16),
        "the block that reports",
        Usual("SOCHUB", "PCIe", "GPU-MemSys", "CLink"),
        _header("signature"),
    ] = ""
    info_version: Annotated[
        U16,
        Hex,
        Derived(lambda s: _source(s)[1]),
        Json("eventInfo.version", Dotted(major=8, minor=0, width=8)),
    ] = AUTO
    info_size: Annotated[
        U8, Unit("bytes"), Derived(lambda s: INFO_HEADER + s.info.size), HIDDEN
    ] = AUTO
    info: Annotated[
        EventInfo,
        One(_info, length=lambda s: s.info_size - INFO_HEADER),
        Json("eventInfo", Keyed(cpu=CpuEventInfo, gpu=GpuEventInfo)),
    ] = UnknownEventInfo()
    event_contexts: Annotated[
        Sequence[EventContext], Many(EventContext, count="event_context_count")
    ] = ()
    trailing: Rest = b""

    @property
    def what(self) -> str:
        xids = dict.fromkeys(self._xids())
        what = f"NVIDIA {self.source_device_type.text} event {self._block}".rstrip()
        return f"{what}: {'; '.join(xids)}" if xids else what

    @property
    def component(self) -> str:
        if isinstance(self.info, CpuEventInfo):
            return f"socket {self.info.socket_number}"
        if isinstance(self.info, GpuEventInfo):
            return f"GPU {self.info.pdi:#x}"
        return ""

    def at(self, place: "Place") -> Self:
        info = self.info
        if isinstance(info, CpuEventInfo):
            return self.replace(info=info.replace(socket_number=place.processor.socket))
        if isinstance(info, GpuEventInfo):
            return self.replace(info=info.replace(pdi=_FIRST_PDI + place.device.slot))
        return self

    @property
    def _block(self) -> str:
        """Which block reports."""
        return self.signature.partition("\0")[0].strip()

    def _xids(self) -> Iterator[str]:
        for context in self.event_contexts:
            if isinstance(context.data, GpuLegacyXid):
                yield context.data.code

    def sentence(self) -> str:
        what = f"NVIDIA {self.source_device_type.text} event {self._block}".rstrip()
        what += f" (type {self.event_type:#x}, sub-type {self.event_sub_type:#x})"
        if isinstance(self.info, CpuEventInfo):
            what += f" on socket {self.info.socket_number}"
        xids = [c.data.sentence() for c in self.event_contexts if isinstance(c.data, GpuLegacyXid)]
        return f"{what}: {'; '.join(xids)}" if xids else what

    def check(self) -> Iterator[Problem]:
        if self.info_size != INFO_HEADER + self.info.size:
            rule = f"{self.info_size} bytes said, it takes {INFO_HEADER + self.info.size}"
            yield self.trouble("info-size", "info_size", rule)
        if self.event_context_count != len(self.event_contexts):
            rule = f"{self.event_context_count} said, {len(self.event_contexts)} found"
            yield self.trouble("context-count", "event_context_count", rule)
