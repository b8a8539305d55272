"""FRU memory poison, laid by hand as Linux keeps it (drivers/ras/amd/fmpm.c)."""

import struct
from datetime import UTC, datetime
from uuid import UUID

from laid_sections import lies, says

import apeitool as apei

GUID = "5e4706c1-5356-48c6-930b-52f2120a4458"
CREATOR = UUID("cd5c2993-f4b2-41b2-b5d4-f9c3a0330875")
SENTENCE = (
    "bad memory of the processor with PPIN 0x2b01a2b3c4d5e6f: unified memory controller, "
    "instance 0x350f00, address 0x12340 on 2026-01-02 00:00:00 UTC"
)
ROOM = 8


def section(*, count: int = 1, wrong: int = 0) -> bytes:
    """As the driver writes it: one entry, and room for seven more."""
    head = struct.pack("<QIQIQI", 0x3F, 0, 0xA10F11, 0, 0x02B01A2B3C4D5E6F, count)
    entry = struct.pack("<QIQIQ", 1_767_312_000, 0, 0x9600350F00, 0, 0x12340)
    body = head + entry + bytes(len(entry) * (ROOM - 1))
    return struct.pack("<I", (wrong - sum(body)) & 0xFFFF_FFFF) + body


def record() -> bytes:
    """The whole record, whose section begins with its descriptor, as the driver has it."""
    body = section()
    length = 72 + len(body)
    header = struct.pack(
        "<4sHIHIIIQ16s16s16s16sQIQ12s",
        b"CPER", 0x100, 0xFFFFFFFF, 1, 0, 0, 128 + length, 0, bytes(16), bytes(16),
        CREATOR.bytes_le, UUID("e8f56ffe-919c-4cc5-ba88-65abe14913bb").bytes_le, 7, 2, 0, bytes(12),
    )  # fmt: skip
    descriptor = struct.pack(
        "<IIHBBI16s16sI20s",
        128, length, 0x100, 0, 0, 1, UUID(GUID).bytes_le, bytes(16), 0, bytes(20),
    )  # fmt: skip
    return header + descriptor + body


def test_what_it_says() -> None:
    data = section()[: 40 + 32]
    says(GUID, data, SENTENCE, {"fru_architecture": 0xA10F11, "entries[0].address": 0x12340})


def test_room_for_more_entries_is_kept() -> None:
    found = apei.FruMemoryPoisonSection.from_bytes(section())
    assert found.trailing == bytes(32 * (ROOM - 1))
    assert found.to_bytes() == section()
    assert not found.problems
    assert found.moment == datetime(2026, 1, 2, tzinfo=UTC)


def test_a_wrong_sum_and_a_wrong_count_are_seen() -> None:
    lies(GUID, section(wrong=1), ["section-checksum"])
    found = apei.FruMemoryPoisonSection.from_bytes(section(count=9))
    assert [problem.id for problem in found.problems] == ["entry-count"]
    assert found.to_bytes() == section(count=9)


def test_a_record_of_linux_has_its_section_behind_the_descriptor() -> None:
    data = record()
    found = apei.Record.from_bytes(data)
    (inside,) = found.sections
    assert inside.sentence() == SENTENCE
    assert found.to_bytes() == data
    assert not found.problems
    assert "Linux FRU memory poison manager" in apei.text(found)
    assert "behind its own descriptor" in apei.text(found)
    sealed = found.sealed()
    assert sealed.section_descriptors[0].section_offset == 200
    assert sealed.sections == (inside,)
    assert apei.loads(apei.dumps(found)) == found
