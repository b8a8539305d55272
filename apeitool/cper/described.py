"""One section behind its descriptor, without a record around: what Redfish calls a CPER section."""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from apeitool.cper.record import SectionDescriptor
from apeitool.cper.section import OpaqueSection, Section, SectionPart, is_named
from apeitool.wire.problem import Problem
from apeitool.wire.record import Structure
from apeitool.wire.types import AUTO, Derived, Raw, Rest


def _descriptor(described: Any) -> SectionDescriptor:
    return SectionDescriptor(
        section_offset=SectionDescriptor.fixed_size + len(described.gap),
        section_length=described.section.size,
        section_type=described.section.guid,
    )


class DescribedSection(Structure):
    """Section descriptor with its section.

    Shape:   72 bytes, then the section where the descriptor says.
    Units:   the section's offset is from the start of the descriptor.
    Raises:  Truncated when fewer than 72 bytes are given.
    Source:  Redfish DSP0268 LogEntry, DiagnosticDataType CPERSection; descriptor: UEFI 2.10 N.2.2
    """

    descriptor: Annotated[SectionDescriptor, Derived(_descriptor)] = AUTO
    gap: Annotated[
        bytes, Raw(until=lambda d: d.descriptor.section_offset), "between descriptor and section"
    ] = b""
    section: Annotated[
        Section,
        SectionPart("descriptor.section_type", length=lambda d: d.descriptor.section_length),
    ] = OpaqueSection()
    trailing: Annotated[Rest, "behind the section"] = b""

    @classmethod
    def resembles(cls, data: bytes) -> bool:
        """Whether bytes that nobody named are a descriptor with a section of a known type."""
        descriptor = SectionDescriptor.from_bytes(data[: SectionDescriptor.fixed_size])
        return (
            descriptor.section_offset == SectionDescriptor.fixed_size
            and descriptor.section_offset + descriptor.section_length == len(data)
            and is_named(descriptor.section_type)
        )

    def sealed(self) -> Self:
        section = self.section.sealed()
        made = _descriptor(self.replace(section=section))
        placed = self.descriptor.replace(
            section_offset=made.section_offset,
            section_length=made.section_length,
            section_type=made.section_type,
        )
        return self.replace(descriptor=placed, section=section)

    def check(self) -> Iterator[Problem]:
        if self.descriptor.section_offset != SectionDescriptor.fixed_size + len(self.gap):
            rule = f"{self.descriptor.section_offset} is not where the section is"
            yield Problem("section-place", 0, "descriptor.section_offset", rule, self.source)
        if self.descriptor.section_length > self.section.size:
            rule = f"{self.descriptor.section_length} bytes said, {self.section.size} are there"
            yield Problem("section-truncated", 4, "descriptor.section_length", rule, self.source)
