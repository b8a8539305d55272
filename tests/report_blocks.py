"""Status blocks with many entries, for the kernel's report of them: sound ones, and damaged ones."""

from collections.abc import Iterator
from itertools import islice
from random import Random

from discovery import kinds_of

import apeitool as apei
from apeitool.acpi.conversion import to_blocks
from apeitool.acpi.status import GenericErrorDataEntryV2
from apeitool.cper.generate import records
from apeitool.cper.index import SECTIONS
from apeitool.cper.section import Section, section_type
from apeitool.linux.reading import KINDS

EVERY = [kind for kind in kinds_of(Section) if str(kind.guid) in SECTIONS]
IN_WORDS = [kind for kind in map(section_type, KINDS) if kind is not None]
"""Section types that the kernel shows in words; half of what is drawn is of these."""

MARGIN = 0x1000
"""So many bytes of an unknown section end a block: who reads behind another reads these."""

_FREE_BUS = 0x7E
"""Where no machine here has a device: a kernel that finds one acts on its errors."""


def sound_sections(seed: int) -> Iterator[apei.GenericErrorDataEntryV3]:
    """Entries of sound sections without end."""
    for whole in records([*EVERY, *IN_WORDS * (len(EVERY) // len(IN_WORDS))], seed):
        for entry in to_blocks(whole).things[0].entries:
            section = entry.section
            if isinstance(section, apei.PcieErrorSection):
                place = section.device_id.replace(bus_number=_FREE_BUS)
                section = section.replace(device_id=place)
            yield entry.replace(section=section)


def entries(drawn: Iterator[apei.GenericErrorDataEntryV3], dice: Random) -> Iterator[bytes]:
    """The bytes of entries, of both revisions and of any severity."""
    for entry in drawn:
        severity = apei.Severity(dice.choice([0, 1, 2, 3, 7, 0x10002]))
        if dice.random() < 0.3:
            names = ("validation_bits", "fru_id", "fru_text", "section")
            same = {name: getattr(entry, name) for name in names}
            same["validation_bits"] &= 3
            yield GenericErrorDataEntryV2(**same, error_severity=severity).to_bytes()
        else:
            yield entry.replace(error_severity=severity).to_bytes()


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
