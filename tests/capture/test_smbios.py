"""Memory modules by their handles: a table laid out by hand, and what dmidecode makes of it."""

import shutil
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

import apeitool as apei
from apeitool.capture.smbios import dimms
from apeitool.cper.dimm import Dimm, knowing, named


def device(handle: int, *strings: str, numbers=(1, 2, 3, 4, 5)) -> bytes:
    """A memory device of SMBIOS 2.6 (DSP0134 7.18): 28 bytes, and its strings."""
    body = struct.pack("<BBHHHHHHBB", 17, 28, handle, 0x1000, 0xFFFE, 72, 64, 16384, 9, 0)
    body += bytes([numbers[0], numbers[1]])  # locator, bank locator
    body += struct.pack("<BHHBBBBB", 26, 0x80, 3200, *(numbers[2], numbers[3], 0, numbers[4]), 0)
    assert len(body) == 28
    return body + b"".join(s.encode() + b"\0" for s in strings or ("",)) + b"\0"


OTHER = struct.pack("<BBH", 16, 4, 0x1000) + b"\0\0"
END = struct.pack("<BBH", 127, 4, 0xFEFF) + b"\0\0"
FIRST = device(0x1100, "DIMM_A1", "P0 CHANNEL A", "Samsung", "12345678", "M393A4K40DB3")
EMPTY = device(0x1101, "DIMM_A2", "P0 CHANNEL A", "Not Specified", "NO DIMM", "Unknown")
TABLE = OTHER + FIRST + EMPTY + END
KNOWN = {
    0x1100: Dimm("DIMM_A1", "P0 CHANNEL A", "Samsung", "M393A4K40DB3", "12345678"),
    0x1101: Dimm("DIMM_A2", "P0 CHANNEL A"),
}


def entry_point(length: int) -> bytes:
    """The 64-bit entry point (DSP0134 5.2.2), with the table at 32 as dmidecode dumps it."""
    point = bytearray(struct.pack("<5sBBBBBBBIQ", b"_SM3_", 0, 24, 3, 2, 0, 1, 0, length, 0x20))
    point[5] = -sum(point) & 0xFF
    return bytes(point).ljust(32, b"\0")


def test_a_table_and_a_file_of_dmidecode() -> None:
    assert dimms(TABLE) == KNOWN
    assert dimms(entry_point(len(TABLE)) + TABLE) == KNOWN


@pytest.mark.oracle
def test_dmidecode_says_the_same(tmp_path) -> None:
    program = shutil.which("dmidecode") or shutil.which("dmidecode", path="/usr/sbin")
    if program is None:
        pytest.skip("dmidecode is not here: apt-get install dmidecode")
    path = tmp_path / "dmi.bin"
    path.write_bytes(entry_point(len(TABLE)) + TABLE)
    said = subprocess.run(
        [program, "--from-dump", path], capture_output=True, check=True, timeout=30
    )
    assert b"DIMM_A1" in said.stdout
    assert dimms(said.stdout) == KNOWN


@pytest.mark.parametrize("data", [b"", b"hello", OTHER + END, TABLE[:20], b"\x11" * 40])
def test_what_has_no_memory_device(data) -> None:
    with pytest.raises(apei.CaptureError, match="no memory device"):
        dimms(data)


@given(data=st.binary(max_size=200))
def test_any_bytes(data) -> None:
    try:
        found = dimms(FIRST + data)
    except apei.CaptureError:
        return
    assert found[0x1100].locator == "DIMM_A1"


SECTION = apei.MemoryErrorSection(validation_bits=0x20028, node=1, module=3, module_handle=0x1100)


def test_the_name_stands_in_the_sentence() -> None:
    with knowing(KNOWN):
        assert SECTION.component == "DIMM_A1"
        assert "in DIMM_A1 (P0 CHANNEL A, Samsung M393A4K40DB3, serial 12345678)" in (
            apei.text(SECTION)
        )
    assert named(0x1100) is None
    assert SECTION.component == "node 1 module 3"


def test_a_handle_that_the_machine_has_not_has_no_name() -> None:
    with knowing(KNOWN):
        assert "DIMM" not in apei.text(SECTION.replace(module_handle=0x1102))
        assert "DIMM" not in apei.text(SECTION.replace(validation_bits=8))
