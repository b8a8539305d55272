"""Microsoft hardware error packet section."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.cper.vendor.microsoft_packet_data import (
    ErrorPacket,
    UnknownPacket,
)
from apeitool.cper.vendor.microsoft_packet_v1 import ErrorPacketV1
from apeitool.cper.vendor.microsoft_packet_v2 import ErrorPacketV2
from apeitool.wire.problem import Problem
from apeitool.wire.types import One, Rest, Text, Usual

if TYPE_CHECKING:
    from apeitool.cper.place import Place

_PACKETS: dict[str, type[ErrorPacket]] = {"ErPt": ErrorPacketV1, "WHEA": ErrorPacketV2}


def _packet(section: Any, length: int) -> type[ErrorPacket]:
    kind = _PACKETS.get(section.signature, UnknownPacket)
    return kind if length >= kind.fixed_size else UnknownPacket


class MicrosoftErrorPacketSection(Section):
    """Microsoft hardware error packet section: what the kernel's handler was given.

    Shape:   4 bytes of signature, and the packet.
    Raises:  Truncated when fewer than 4 bytes are given.
    Source:  Windows WDK 10.0.28000 ntddk.h WHEA_ERROR_PACKET_V2
    """

    part: ClassVar[str] = "processor"
    guid: ClassVar[UUID] = UUID("e71254e9-c1b9-4940-ab76-909703a4320f")
    title: ClassVar[str] = "hardware error packet"

    signature: Annotated[str, Text(4), Usual(*_PACKETS)] = "WHEA"
    packet: Annotated[ErrorPacket, One(_packet)] = ErrorPacketV2()
    trailing: Rest = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        kind = _PACKETS.get(data[:4].decode("latin-1"))
        return kind is not None and len(data) >= cls.fixed_size + kind.fixed_size

    @property
    def what(self) -> str:
        return f"{self.title}: {self.packet.what}" if self.packet.what else self.title

    @property
    def component(self) -> str:
        return self.packet.component

    @property
    def severities(self) -> tuple[Severity, ...]:
        return self.packet.severities or super().severities

    def at(self, place: "Place") -> Self:
        return self.replace(packet=self.packet.at(place))

    def sentence(self) -> str:
        if isinstance(self.packet, ErrorPacketV1 | ErrorPacketV2):
            return f"hardware error packet: {self.packet.sentence()}"
        return f"hardware error packet of unknown form, {self.packet.size} bytes"

    def check(self) -> Iterator[Problem]:
        kind = _PACKETS.get(self.signature)
        if kind is not None and not isinstance(self.packet, kind):
            rule = f"{self.packet.size} bytes where {kind.__name__} has {kind.fixed_size}"
            yield self.trouble("section-too-short", "packet", rule)
