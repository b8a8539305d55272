"""CCIX PER log error section."""

import enum
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Self
from uuid import UUID

from apeitool.cper.ccix_log import CcixPerLog, PerKind
from apeitool.cper.section import Section
from apeitool.cper.severity import Severity
from apeitool.wire.problem import Problem
from apeitool.wire.shapes import BASE64, Json
from apeitool.wire.types import AUTO, U8, U16, U32, U64, Derived, Hex, One, Rest, Unit, When

if TYPE_CHECKING:
    from apeitool.cper.place import Place


class CcixPerValid(enum.IntFlag):
    """Which fields of the section are facts."""

    SOURCE_ID = 1 << 0
    PORT_ID = 1 << 1
    PER_LOG = 1 << 2


HEADER_LENGTH = 16


class CcixPerErrorSection(Section):
    """CCIX PER log error section.

    Shape:   16 bytes, little-endian, and the log.
    Units:   length in bytes.
    Raises:  Truncated when fewer than 16 bytes are given.
    Source:  UEFI 2.10 N.2.12
    """

    part: ClassVar[str] = "device"
    located: ClassVar[Mapping[str, str]] = {"source_id": "device.bus_number"}
    guid: ClassVar[UUID] = UUID("91335ef6-ebfb-4478-a6a6-88b728cf75d7")
    title: ClassVar[str] = "CCIX PER log"
    json_key: ClassVar[str] = "CcixPer"
    json_type: ClassVar[str] = "CCIX PER Log Error"
    since: ClassVar[str] = "UEFI 2.8"

    length: Annotated[U32, Unit("bytes"), Derived(lambda s: s.size - len(s.trailing))] = AUTO
    validation_bits: Annotated[U64, CcixPerValid] = 0
    source_id: Annotated[
        U8,
        "of an agent if one reports, else of a device",
        When(CcixPerValid.SOURCE_ID),
        Json("ccixSourceID"),
    ] = 0
    port_id: Annotated[U8, When(CcixPerValid.PORT_ID), Json("ccixPortID")] = 0
    reserved: Annotated[U16, Hex] = 0
    per_log: Annotated[
        CcixPerLog,
        One(lambda s, n: CcixPerLog, length=lambda s: s.length - HEADER_LENGTH),
        When(CcixPerValid.PER_LOG),
        Json("ccixPERLog", BASE64),
    ] = CcixPerLog()
    trailing: Rest = b""

    @property
    def physical_addresses(self) -> tuple[int, ...]:
        address = self.per_log.physical_address if self.is_valid("per_log") else None
        return () if address is None else (address,)

    @property
    def what(self) -> str:
        return f"CCIX {self.per_log.what}" if self.is_valid("per_log") else "CCIX error"

    @property
    def component(self) -> str:
        where = self.where(("source", "source_id"), ("port", "port_id"))
        return f"CCIX {where}" if where else ""

    @property
    def severities(self) -> tuple[Severity, ...]:
        kind = PerKind(self.per_log.classification)
        if not self.is_valid("per_log"):
            return super().severities
        if not kind.uncorrected:
            return (Severity.CORRECTED,)
        return (
            (Severity.RECOVERABLE,) if kind.deferrable else (Severity.FATAL, Severity.RECOVERABLE)
        )

    def at(self, place: "Place") -> Self:
        there, log = super().at(place), self.per_log
        if not self.physical_addresses:
            return there
        high, low = divmod(place.address, 1 << 32)
        return there.replace(per_log=log.replace(address_high=high, address_low=low))

    def sentence(self) -> str:
        places = (("source", "source_id"), ("port", "port_id"))
        where = [f"{n} {getattr(self, name)}" for n, name in places if self.is_valid(name)]
        by = f" from {', '.join(where)}" if where else ""
        what = self.per_log.sentence() if self.is_valid("per_log") else "no PER log"
        return f"CCIX error{by}: {what}"

    def check(self) -> Iterator[Problem]:
        there = self.size - len(self.trailing)
        if self.length != there:
            rule = f"{self.length} bytes said, {there} are there"
            yield self.trouble("section-length", "length", rule)
