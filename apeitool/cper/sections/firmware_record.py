"""Firmware error record reference."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar
from uuid import UUID

from apeitool.cper.section import Section
from apeitool.wire.labels import Label
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.shapes import Inline, Json
from apeitool.wire.types import GUID, NIL, U8, U64, Bytes, Hex, One, Rest, Unit, u8

RECORDS = {"8f87f311-c998-4d9e-a0c4-6065518c4f6d": "Intel CrashLog"}
"""What records of a known GUID are."""


_JSON = {
    0: "IPF SAL Error Record",
    1: "SOC Firmware Error Record (Type1 Legacy)",
    2: "SOC Firmware Error Record (Type2)",
}


class FirmwareRecordType(Label, json=_JSON):
    """Whose record it is."""

    IPF_SAL = 0
    SOC_TYPE_1 = 1
    SOC_TYPE_2 = 2

    @property
    def text(self) -> str:
        """The record as the specification calls it."""
        return _TYPES.get(int(self)) or super().text


_TYPES = {
    0: "IPF SAL error record",
    1: "SOC firmware error record type 1 (legacy CrashLog)",
    2: "SOC firmware error record type 2",
}


class RecordIdentifier(Structure):
    """By what the record is found; which of these it is, the revision tells.

    Source:  UEFI 2.10 N.2.10; Linux cper_print_fw_err() for revision 1
    """


class NumberIdentifier(RecordIdentifier):
    """Identifier of revision 0.

    Shape:   8 bytes, little-endian.
    Source:  UEFI 2.10 N.2.10; Linux cper_print_fw_err() for revision 1
    """

    record_identifier: Annotated[U64, Hex, Json("recordID")] = 0


class GuidIdentifier(RecordIdentifier):
    """Identifier of revision 2: the number is zero, the GUID counts.

    Shape:   24 bytes, little-endian.
    Source:  UEFI 2.10 N.2.10; Linux cper_print_fw_err() for revision 1
    """

    record_identifier: Annotated[U64, Hex, Json("recordID")] = 0
    record_identifier_guid: Annotated[GUID, Json("recordIDGUID")] = NIL


class NoIdentifier(RecordIdentifier):
    """Revision 1, which has none, or fewer bytes than the revision needs.

    Shape:   any length.
    Source:  UEFI 2.10 N.2.10; Linux cper_print_fw_err() for revision 1
    """

    rest: Rest = b""


_BY_REVISION: dict[int, type[RecordIdentifier]] = {0: NumberIdentifier, 1: NoIdentifier}


def _kind(section: Any) -> type[RecordIdentifier]:
    return _BY_REVISION.get(section.revision, GuidIdentifier)


def _identifier(section: Any, length: int) -> type[RecordIdentifier]:
    kind = _kind(section)
    return kind if length == kind.fixed_size else NoIdentifier


class FirmwareErrorRecordReferenceSection(Section):
    """Firmware error record reference.

    Shape:   8 bytes, little-endian; an identifier of 8, 0 or 24 bytes for revisions 0, 1 and 2;
             bytes of the firmware's own.
    Raises:  Truncated when fewer than 8 bytes are given.
    Source:  UEFI 2.10 N.2.10; Linux cper_print_fw_err() for revision 1
    """

    guid: ClassVar[UUID] = UUID("81212a96-09ed-4996-9471-8d729c8e69ed")
    title: ClassVar[str] = "firmware error record reference"
    json_key: ClassVar[str] = "Firmware"
    json_type: ClassVar[str] = "Firmware Error Record Reference"
    since: ClassVar[str] = "UEFI 2.1"

    record_type: Annotated[FirmwareRecordType, u8, Json("errorRecordType")] = (
        FirmwareRecordType.SOC_TYPE_2
    )
    revision: U8 = 2
    reserved: Annotated[bytes, Bytes(6)] = bytes(6)
    identifier: Annotated[
        RecordIdentifier,
        One(_identifier, length=lambda s: _kind(s).fixed_size),
        Json(shape=Inline(NumberIdentifier, GuidIdentifier)),
    ] = GuidIdentifier()
    record: Annotated[Rest, Unit("bytes"), "the firmware's own"] = b""

    @property
    def record_guid(self) -> UUID | None:
        """The GUID of the record; None where it has none."""
        found = self.identifier
        return found.record_identifier_guid if isinstance(found, GuidIdentifier) else None

    @property
    def what(self) -> str:
        return self.record_type.text

    def sentence(self) -> str:
        said = self.record_type.text
        if isinstance(self.identifier, NumberIdentifier):
            said += f" {self.identifier.record_identifier:#x}"
        elif self.record_guid:
            said += f", {RECORDS.get(str(self.record_guid), self.record_guid)}"
        return f"{said}, {len(self.record)} bytes of the firmware's own" if self.record else said

    def check(self) -> Iterator[Problem]:
        kind = _kind(self)
        if not isinstance(self.identifier, kind):
            rule = (
                f"{self.identifier.size} bytes where the identifier of revision {self.revision} "
                f"has {kind.fixed_size}"
            )
            yield self.trouble("section-too-short", "identifier", rule)
