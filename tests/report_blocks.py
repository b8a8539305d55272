"""Status blocks with many entries, for the kernel's report of them: sound ones, and damaged ones."""

from collections.abc import Iterator
from itertools import islice
from random import Random

import apeitool as apei
from apeitool.lab.conformance.blocks import IN_WORDS, SECTION_TYPES, entries, sound_entries

MARGIN = 0x1000
"""So many bytes of an unknown section end a block: who reads behind another reads these."""


def sound_sections(seed: int) -> Iterator[apei.GenericErrorDataEntryV3]:
    """Entries of sound sections without end; half of them the kernel shows in words."""
    kinds = [*SECTION_TYPES, *IN_WORDS * (len(SECTION_TYPES) // len(IN_WORDS))]
    return sound_entries(kinds, seed)


_HEADER = 72
_LENGTHS = range(20, 28)
"""Of an entry: its revision, and the length of its section, and what is between."""


def damaged_entries(seed: int, dice: Random) -> Iterator[bytes]:
    """The same with bytes changed, or sections cut short; lengths and revisions stay true."""
    for data in entries(sound_sections(seed), dice):
        made = bytearray(data)
        for _ in range(dice.choice([1, 1, 2, 8])):
            place = dice.randrange(len(made))
            if dice.random() < 0.5:
                place = min(_HEADER + dice.randrange(24), len(made) - 1)
            if place not in _LENGTHS and not _leads_to_a_device(made, place):
                made[place] = dice.choice([0, 1, 2, 3, 0x40, 0x7F, 0xFF, dice.randrange(256)])
        header = 64 if made[21] < 3 else _HEADER
        if dice.random() < 0.2 and len(made) > header:
            del made[dice.randrange(header, len(made)) :]
            made[24:28] = (len(made) - header).to_bytes(4, "little")
        yield bytes(made)


def _leads_to_a_device(entry: bytearray, place: int) -> bool:
    """Whether the byte is the address of a PCIe device."""
    is_pcie = entry[:16] == apei.PcieErrorSection.guid.bytes_le
    return is_pcie and _HEADER - 8 + 40 <= place < _HEADER + 56


def blocks_of(
    drawn: Iterator[bytes],
    severity: apei.Severity,
    count: int,
    *,
    margin: bytes = bytes(range(256)) * (MARGIN // 256),
) -> bytes:
    """A block of so many entries, as far as 60,000 bytes hold them."""
    body = b""
    for data in islice(drawn, count):
        if len(body) + len(data) > 60_000 - len(margin):
            break
        body += data
    if margin:
        body += apei.GenericErrorDataEntryV3(section=apei.OpaqueSection(data=margin)).to_bytes()
    head = apei.StatusBlock(error_severity=severity, block_status=0x11, data_length=len(body))
    return head.to_bytes() + body
