"""What the sections of a block lead to.

The tables transcribe what Debian's Linux 6.1.176, 6.12.95 and 7.2.13 printed on arm64 under QEMU.
"""

import struct
from uuid import UUID

import pytest
from modelled_guest import NO_RAM, PAGE, RAM
from plain_bytes import (
    ARM,
    CORRECTED,
    FATAL,
    INFORMATIONAL,
    MEMORY,
    PCIE,
    RECOVERABLE,
    UNKNOWN,
    arm,
    arm_information,
    block,
    entry,
    memory,
    pcie,
)

from apeitool.linux.features import KERNELS, kernel
from apeitool.ospm.dispatch import Handling, handle, is_fatal
from apeitool.ospm.pages import Flag, Pages, PageWork
from apeitool.ospm.throttle import WARNINGS

RELEASES = sorted(KERNELS)
UNHANDLED = "[Firmware Warn]: GHES: Unhandled processor error type"
INVALID = "[Firmware Warn]: GHES: Invalid address in generic error data: 0x12345000"
OTHER = PAGE + 0x7000


def handled(data: bytes, release: str = "6.1", *, is_synchronous: bool = False) -> Handling:
    return handle(
        data, is_synchronous=is_synchronous, features=kernel(release), pages=Pages((RAM,))
    )


def lines(handling: Handling) -> list[str]:
    return [line for did in handling.did for line in did.lines]


def about_memory(of_block: int, of_section: int, address: int | None = PAGE, **extra: int) -> bytes:
    return block(of_block, entry(MEMORY, memory(address), of_section, **extra))


def about_arm(*information: bytes, of_block: int = RECOVERABLE, **extra: int) -> bytes:
    return block(of_block, entry(ARM, arm(*information, **extra), RECOVERABLE))


def test_which_severities_are_fatal() -> None:
    assert [n for n in range(10) if is_fatal(n)] == [1, 4, 5, 6, 7, 8, 9]
    assert is_fatal(0xFFFFFFFF)


@pytest.mark.parametrize(
    ("data", "flag"),
    [
        (about_memory(RECOVERABLE, RECOVERABLE), Flag.ACTION_OPTIONAL),
        (about_memory(RECOVERABLE, RECOVERABLE, None), None),
        (about_memory(INFORMATIONAL, INFORMATIONAL, 0x1000), None),
        (about_memory(CORRECTED, CORRECTED), None),
        (about_memory(CORRECTED, CORRECTED, flags=8), Flag.SOFT_OFFLINE),
        (about_memory(RECOVERABLE, CORRECTED, flags=8), Flag.SOFT_OFFLINE),
        (about_memory(CORRECTED, RECOVERABLE), None),
        (about_memory(RECOVERABLE, FATAL), None),
        (about_memory(RECOVERABLE, CORRECTED, flags=0xF7), None),
        (about_memory(RECOVERABLE, RECOVERABLE, revision=0x201), Flag.ACTION_OPTIONAL),
    ],
)
@pytest.mark.parametrize("release", RELEASES)
def test_a_memory_section(data: bytes, flag: Flag | None, release: str) -> None:
    handling = handled(data, release)
    assert handling.work == ([PageWork(PAGE, flag)] if flag else [])
    assert handling.is_queued == bool(flag)
    synchronous = handled(data, release, is_synchronous=True)
    required = Flag.ACTION_REQUIRED if flag is Flag.ACTION_OPTIONAL else flag
    assert [work.flag for work in synchronous.work] == ([required] if flag else [])


def test_a_memory_section_that_is_cut_short_is_read_all_the_same() -> None:
    """What lies behind it counts: the entry that follows, or zero."""
    bare = entry(MEMORY, memory(PAGE)[:20], RECOVERABLE)
    assert handled(block(RECOVERABLE, bare)).work == [PageWork(PAGE, Flag.ACTION_OPTIONAL)]
    followed = block(RECOVERABLE, bare, entry(UNKNOWN, b"", RECOVERABLE))
    address = int.from_bytes(memory(PAGE)[16:20] + UNKNOWN.bytes_le[:4], "little")
    (did, _) = handled(followed).did
    assert did.lines == (
        f"[Firmware Warn]: GHES: Invalid address in generic error data: {address:#x}",
    )
    assert handled(block(RECOVERABLE, entry(MEMORY, bytes(40), RECOVERABLE))).work == []


@pytest.mark.parametrize(
    ("type", "address", "line"),
    [
        (4, None, "0x04: TLB error"),
        (8, None, "0x08: bus error"),
        (0x10, None, "0x10: micro-architectural error"),
        (2, None, "0x02: cache error"),
        (0, PAGE, "0x00: "),
        (1, PAGE, "0x01:  with reserved bit(s)"),
        (0x20, PAGE, "0x20:  with reserved bit(s)"),
        (0x0C, PAGE, "0x0c: TLB error|bus error"),
        (2, PAGE, ""),
        (3, PAGE, ""),
        (6, PAGE, ""),
        (0xFF, PAGE, ""),
    ],
)
@pytest.mark.parametrize("release", RELEASES)
def test_arm_error_information(type: int, address: int | None, line: str, release: str) -> None:
    handling = handled(about_arm(arm_information(type, address)), release)
    assert lines(handling) == ([f"{UNHANDLED} {line}"] if line else [])
    assert handling.work == ([] if line else [PageWork(PAGE, Flag.ACTION_OPTIONAL)])


@pytest.mark.parametrize("release", RELEASES)
def test_an_arm_section_is_looked_into_only_if_all_is_recoverable(release: str) -> None:
    for of_block in (CORRECTED, INFORMATIONAL):
        handling = handled(about_arm(arm_information(2, PAGE), of_block=of_block), release)
        assert (handling.work, lines(handling)) == ([], [])


def test_the_last_page_of_an_arm_section_decides_whether_work_is_queued() -> None:
    good, nowhere, other = (arm_information(2, PAGE), arm_information(2, NO_RAM),
                            arm_information(4))  # fmt: skip
    for information, queued in (
        ((good, nowhere), False), ((nowhere, good), True), ((good, other), True),
    ):  # fmt: skip
        assert handled(about_arm(*information)).is_queued == queued


def test_how_far_an_arm_section_is_looked_into() -> None:
    """Five said, one there; what follows the section is a second one, and then zeros."""
    data = block(
        RECOVERABLE,
        entry(ARM, arm(arm_information(2, PAGE), count=5), RECOVERABLE, length=72),
    ) + arm_information(2, OTHER)
    # The entry must end the error data, or the bytes behind would not be seen at all.
    data = data[:12] + (72 + 72).to_bytes(4, "little") + data[16:]
    pages = {
        release: [work.address for work in handled(data, release).work] for release in RELEASES
    }
    assert pages == {"6.1": [PAGE, OTHER], "6.12": [PAGE, OTHER], "7.2": [PAGE]}
    counted = {release: len(lines(handled(data, release))) for release in RELEASES}
    assert counted == {"6.1": 3, "6.12": 0, "7.2": 0}


def test_an_arm_section_shorter_than_its_header() -> None:
    data = block(RECOVERABLE, entry(ARM, arm()[:39], RECOVERABLE))
    short = ["[Firmware Bug]: arm error length: 39", "[Firmware Bug]: length is too small",
             "[Firmware Bug]: firmware-generated error record is incorrect"]  # fmt: skip
    assert {r: lines(handled(data, r)) for r in RELEASES} == {
        "6.1": [],
        "6.12": short,
        "7.2": short,
    }


def test_error_information_that_takes_no_bytes_ends_by_its_count() -> None:
    for release in RELEASES:
        again = about_arm(arm_information(4, length=0), count=0xFFFF)
        assert lines(handled(again, release)) == [f"{UNHANDLED} 0x04: TLB error"] * WARNINGS
        nowhere = about_arm(arm_information(2, NO_RAM, length=0), count=0xFFFF)
        expected = [] if release == "7.2" else [INVALID] * WARNINGS
        assert lines(handled(nowhere, release)) == expected


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (pcie(), "hands 0000:05:03.1 to the AER driver as {}"),
        (pcie(aer=False), "does nothing, it lacks the device or its AER registers"),
    ],
)
@pytest.mark.parametrize(
    ("severity", "flags", "kind"),
    [(RECOVERABLE, 0, "non-fatal"), (CORRECTED, 0, "correctable"), (FATAL, 0, "fatal"),
     (RECOVERABLE, 4, "fatal"), (INFORMATIONAL, 0, "correctable")],
)  # fmt: skip
def test_a_pcie_section(data: bytes, what: str, severity: int, flags: int, kind: str) -> None:
    (did,) = handled(block(CORRECTED, entry(PCIE, data, severity, flags=flags))).did
    assert did.what == f"section 0, PCIe error: {what.format(kind)}"


def test_what_linux_does_not_know_is_passed_on() -> None:
    (did,) = handled(block(RECOVERABLE, entry(UNKNOWN, bytes(16), RECOVERABLE))).did
    assert did.what == f"section 0, type {UNKNOWN}: only passes it on to listeners"


def test_every_step_names_its_source() -> None:
    data = block(
        RECOVERABLE,
        entry(MEMORY, memory(PAGE), RECOVERABLE),
        entry(ARM, arm(arm_information(2, PAGE)), RECOVERABLE),
        entry(PCIE, pcie(), RECOVERABLE),
        entry(UNKNOWN, b"", RECOVERABLE),
    )
    handling = handled(data)
    assert [did.what[:9] for did in handling.did] == [f"section {n}" for n in (0, 2, 3)]
    assert all(did.source for did in handling.did)


# ---- CXL; the lines are those that 6.12.95 and 7.2.13 printed, on x86 and arm64, where one is given

GENERAL_MEDIA = UUID("fbcd0a77-c260-417f-85a9-088b1621eba6")
PROTOCOL = UUID("80b9efb4-52b5-4de3-a777-68784b771048")


def cxl_event(length: int, valid: int = 4) -> bytes:
    return struct.pack("<IQ", length, valid).ljust(144, b"\0")


def cxl_protocol(valid: int, *, agent: int = 2, log: int = 88) -> bytes:
    return struct.pack("<QB99xHH4x", valid, agent, 0, log) + bytes(log)


@pytest.mark.parametrize(
    ("guid", "payload", "since", "line"),
    [
        (GENERAL_MEDIA, cxl_event(144), "6.12", ""),
        (GENERAL_MEDIA, cxl_event(0), "6.12", "[Firmware Warn]: CXL CPER Invalid section length (0)"),
        (GENERAL_MEDIA, cxl_event(9999), "6.12",
         "[Firmware Warn]: CXL CPER Invalid section length (9999)"),
        (GENERAL_MEDIA, cxl_event(32), "6.12", "[Firmware Warn]: CXL CPER Invalid section length (32)"),
        (GENERAL_MEDIA, cxl_event(144, 3), "6.12", "[Firmware Warn]: CXL CPER invalid event"),
        (PROTOCOL, cxl_protocol(0x4A), "7.2", ""),
        (PROTOCOL, cxl_protocol(0x4A, log=0), "7.2", "CXL CPER invalid RAS Cap size (0)"),
        (PROTOCOL, cxl_protocol(0x48), "7.2", "CXL CPER invalid agent type"),
        (PROTOCOL, cxl_protocol(0x0A), "7.2", "CXL CPER invalid protocol error log"),
        (PROTOCOL, cxl_protocol(0x42), "7.2", "[Firmware Warn]: CXL CPER no device serial number"),
        (PROTOCOL, cxl_protocol(0x42, agent=5), "7.2", ""),
        (PROTOCOL, cxl_protocol(0x4A, agent=9), "7.2", "CXL CPER invalid agent type: 9"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("release", RELEASES)
def test_cxl_errors(guid: UUID, payload: bytes, since: str, line: str, release: str) -> None:
    handling = handled(block(CORRECTED, entry(guid, payload, CORRECTED)), release)
    knows = RELEASES.index(release) >= RELEASES.index(since)
    assert lines(handling) == ([line] if line and knows else [])
    handed = any("to the CXL driver" in did.what for did in handling.did)
    assert handed == (knows and (not line or "serial number" in line))
    listened = any("listeners" in did.what for did in handling.did)
    assert listened == (not knows)
