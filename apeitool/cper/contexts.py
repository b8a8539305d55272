"""Where the register contexts of a processor section end.

Each says how long its registers are; some producers pad each to 16 bytes, or each but the last, and
no field tells.  So the evidence is weighed: where the contexts end, and whether all are as long as
their type says.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from apeitool.cper.dialect import Choice, Topic, Weight, reading

_ALIGNMENT = 16


class ContextLayout(NamedTuple):
    """How a context says what it is, and whether such a type has such a length."""

    header: int
    """Bytes before the registers."""
    type_at: int
    """Where its type is, two bytes."""
    length_at: int
    length_size: int
    """Where the length of the registers is, and how many bytes it has."""
    is_known: Callable[[int, int], bool]
    """Whether a context of this type and length (in bytes) is a known one."""

    def length(self, buffer: bytes, position: int) -> int:
        """The length in bytes of the registers of the context at a position."""
        at = position + self.length_at
        return int.from_bytes(buffer[at : at + self.length_size], "little")

    def ends(self, buffer: bytes, position: int, end: int, count: int, align: int) -> list[int]:
        """Ends of the contexts if each is padded, up to one that the bytes do not hold."""
        found: list[int] = []
        while len(found) < count and end - position >= self.header:
            size = self.header + self.length(buffer, position)
            position += (size + align - 1) // align * align
            found.append(position)
        return found

    def are_known(self, buffer: bytes, position: int, ends: list[int]) -> bool:
        """Whether all contexts are known ones."""
        for stop in ends:
            at = position + self.type_at
            kind = int.from_bytes(buffer[at : at + 2], "little")
            if not self.is_known(kind, self.length(buffer, position)):
                return False
            position = stop
        return True


def context_ends(
    layout: ContextLayout,
    buffer: bytes,
    position: int,
    end: int,
    count: int,
    *,
    last: int,
    has_more: bool,
) -> list[int]:
    """Ends of ``count`` contexts that begin at a position, the bytes ending at ``end``.

    ``last`` is where the section says that it ends.  Unless ``has_more`` follows the contexts, the
    reading that ends there is taken; else the one whose contexts are all known.
    """
    if not count:
        return []
    if how := reading(Topic.CONTEXT_PADDING):
        align = _ALIGNMENT if how == str(_ALIGNMENT) else 1
        return [min(stop, end) for stop in layout.ends(buffer, position, end, count, align)]
    tight = layout.ends(buffer, position, end, count, 1)
    if len(tight) == count and tight[-1] == last and not has_more:
        return tight
    padded = layout.ends(buffer, position, end, count, _ALIGNMENT)
    readings = [r for r in (tight, padded) if len(r) == count and r[-1] <= end]
    for ends in readings:
        if has_more and layout.are_known(buffer, position, ends):
            return ends
        if not has_more and ends[-1] == last:
            return ends
    if len(padded) == count and not has_more:
        # The padding of the last one may be left out.
        begin = padded[-2] if count > 1 else position
        stop = begin + layout.header + layout.length(buffer, begin)
        if stop == last:
            return [*padded[:-1], stop]
    # Neither: the first that fits, or the contexts that do and the next as far as its bytes go.
    return readings[0] if readings else [min(stop, end) for stop in tight]


def padding_testimony(paddings: Iterable[bytes]) -> Iterator[Choice]:
    """How the contexts of a section were read, each given with its padding."""
    found = [*paddings]
    if any(found):
        reason = "so they end where the section does"
        yield Choice(Topic.CONTEXT_PADDING, str(_ALIGNMENT), reason, Weight.EVIDENCE)
    elif found:
        yield Choice(Topic.CONTEXT_PADDING, "none", "so they fit")
