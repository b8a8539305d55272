"""The Hardware Error Source Table."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Self

from apeitool.acpi.header import Table
from apeitool.acpi.hest.layout import Sources
from apeitool.acpi.hest.source import ErrorSource, ErrorSourceStructure, HestContent, SourceGap
from apeitool.wire.problem import Problem
from apeitool.wire.types import AUTO, U32, Derived, Raw, Rest


def _count(hest: "Hest") -> int:
    return sum(isinstance(node, ErrorSourceStructure) for node in hest.sources)


class Hest(Table):
    """Hardware Error Source Table.

    Where the sources do not lie back to back to its end, ``sources`` has gaps between them.

    Shape:   40 bytes, little-endian, then the sources back to back.
    Raises:  Truncated when fewer than 40 bytes are given.
    Source:  ACPI 6.5 18.3.2
    """

    spells: ClassVar[str] = "HEST"

    error_source_count: Annotated[U32, Derived(_count)] = AUTO
    sources: Annotated[Sequence[HestContent], Sources()] = ()
    unparsed: Annotated[bytes, Raw(until="length"), "no source, but in the table"] = b""
    trailing: Annotated[Rest, "behind the table"] = b""

    def check(self) -> Iterator[Problem]:
        yield from super().check()
        if self.error_source_count != _count(self):
            rule = f"{self.error_source_count} said, {_count(self)} found"
            yield self.trouble("source-count", "error_source_count", rule)
        if self.unparsed:
            rule = f"{len(self.unparsed)} bytes of the table are no error source"
            yield self.trouble("table-rest", "unparsed", rule)
        seen: set[int] = set()
        for path, offset, source in self.children():
            if isinstance(source, SourceGap):
                rule = f"{source.size} bytes are no source: who counts on, reads others here"
                yield Problem("source-gap", offset, path, rule, self.source)
            if isinstance(source, ErrorSource):
                if source.source_id in seen:
                    rule = f"source id {source.source_id} is used before"
                    at = source.trouble("source-id", "source_id", rule)
                    yield at.moved(offset, path)
                seen.add(source.source_id)

    def sealed(self) -> Self:
        """A copy whose counts, lengths and checksum follow from its sources, without gaps."""
        table = self
        while True:
            sources = tuple(node for node in table.sources if not isinstance(node, SourceGap))
            made = super(Hest, table.replace(sources=sources)).sealed()
            # Where bytes now hold together in another reading, more sources do each time.
            table = type(self).from_bytes(made.to_bytes())
            if table == made:
                return made
