"""Microsoft's hardware error packets, from bytes laid by hand."""

from struct import pack

import pytest
from laid_sections import lies, read, says

from apeitool.cper.sections.vendor.microsoft_error_packet import MicrosoftErrorPacketSection

PACKET = "e71254e9-c1b9-4940-ab76-909703a4320f"
PROCESSOR, MEMORY, PCIE = range(3)
READ_ERROR = 0x8C000040_0001009F


def packet_2(what: int, form: int, data: bytes, plugin: bytes = b"", **wrong) -> bytes:
    """signature, version, length, flags, what, severity, source id and type; notification type,
    context, format, reserved; places and lengths."""
    length = 80 + len(data) + len(plugin)
    head = pack("<4s7I16sQII", b"WHEA", 3, length, 0, what, 0, 1, 0, b"", 0, form, 0)
    at = wrong.get("data_offset", 80)
    size = wrong.get("data_length", len(data))
    return head + pack("<IIII", at, size, 80 + len(data), len(plugin)) + data + plugin


def packet_1(what: int, error: bytes, form: int, raw: bytes, plugin: bytes = b"") -> bytes:
    """signature, flags, size, raw data's size; reserved, context; what, severity, source id and
    type, reserved, version; CPU; the error in 208 bytes; format, place of the plug-in's data."""
    length = 280 + len(raw) + len(plugin)
    return (
        pack("<4s3IQQ6IQ", b"ErPt", 1, length, len(raw + plugin), 0, 0, what, 1, 5, 0, 0, 2, 3)
        + error.ljust(208, b"\0")
        + pack("<II", form, len(raw))
        + raw
        + plugin
    )


def exception(length: int = 256) -> bytes:
    """version, type, time, processor, reserved, bank; its registers; count, reserved; 24 more."""
    whole = pack("<IIQIIB7xQQQII24Q", 2, 1, 0, 6, 0, 4, READ_ERROR, 0x1000, 0, 0, 0, *[0] * 24)
    return whole[:length]


AER = pack("<11I", 0x14820001, 1 << 14, 0, 0, 1, 0, 0, 1, 2, 3, 4)
READ = (
    "machine check on processor 6, bank 4: corrected memory read error on an unspecified channel; "
    "address 0x1000"
)
CASES = [
    ("machine check", packet_2(PROCESSOR, 1, exception()), f"processor error: {READ}",
     {"packet.version": 3, "packet.length": 336, "packet.data.address": 0x1000}),
    ("short machine check", packet_2(PROCESSOR, 1, exception(56)), f"processor error: {READ}",
     {"packet.data.absent": 200, "packet.data.status": READ_ERROR}),
    ("PCIe", packet_2(PCIE, 3, AER + b"root"),
     "PCIe error: completion timeout, receiver error",
     {"packet.data.header_log": (1, 2, 3, 4), "packet.data.rest": b"root"}),
    ("memory and a plug-in", packet_2(MEMORY, 2, b"data", b"plug-in"), "memory error",
     {"packet.data.rest": b"data", "packet.pshed_data": b"plug-in",
      "packet.pshed_data_offset": 84}),
    ("version 1", packet_1(MEMORY, pack("<QQQ", 2, 0, 0x12340), 1, exception(), b"plug"),
     "memory error at physical address 0x12340",
     {"packet.version": 2, "packet.cpu": 3, "packet.error.physical_address": 0x12340,
      "packet.raw_data.raw_data.bank_number": 4, "packet.raw_data.pshed_data": b"plug"}),
    ("version 1, other", packet_1(6, b"", 9, b"raw"), "generic error",
     {"packet.raw_data.raw_data.rest": b"raw"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "sentence", "values"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_it_says(data, sentence, values) -> None:
    says(PACKET, data, f"hardware error packet: {sentence}", values)


LIES = [
    (packet_2(PROCESSOR, 1, exception(), data_length=0xFFFFFFFF), ["packet-data-length"]),
    (packet_2(MEMORY, 2, b"data", data_offset=0xFFFFFFFF),
     ["packet-data-length", "packet-data-place"]),
    (packet_2(MEMORY, 2, b"data", data_offset=1), ["packet-data-place"]),
    (packet_2(MEMORY, 2, b"data")[:-1], ["packet-length", "packet-data-length"]),
    (packet_1(MEMORY, b"", 4, b"raw")[:-1],
     ["packet-length", "raw-data-length", "raw-data-truncated"]),
]  # fmt: skip


@pytest.mark.parametrize(("data", "problems"), LIES)
def test_places_and_lengths_that_lie(data, problems) -> None:
    lies(PACKET, data, problems)


@pytest.mark.parametrize("signature", [b"WHEA", b"ErPt", b"\x1b[2J"])
def test_a_packet_cut_short_or_of_unknown_form_is_kept(signature) -> None:
    data = signature + bytes(range(59))
    section = read(PACKET, data)
    assert section.to_bytes() == data
    assert section.sentence() == "hardware error packet of unknown form, 59 bytes"
    short = [] if signature.startswith(b"\x1b") else ["section-too-short"]
    assert [problem.id for problem in section.problems] == short


def test_what_is_built_is_of_the_later_version() -> None:
    section = MicrosoftErrorPacketSection()
    assert section.to_bytes()[:8] == b"WHEA\3\0\0\0"
    assert section.packet.length == section.size == 80
