"""iasl reads the table with the event device as the source that it is, and compiles that to the same."""

import re
import subprocess
from pathlib import Path

import pytest

from apeitool.acpi.header import HEADER_LENGTH, checksum_of
from apeitool.lab.event_device import event_device

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("interrupt", [20, 132, 0xFFFF_FFFF])
def test_it_is_what_was_meant(tmp_path: Path, iasl: str, interrupt: int) -> None:
    table = event_device(interrupt, has_event=True)
    assert table[9] == checksum_of(table)
    (tmp_path / "t.aml").write_bytes(table)
    for arguments in (["-d", "t.aml"], ["-p", "again", "t.dsl"]):
        subprocess.run([iasl, *arguments], cwd=tmp_path, check=True, timeout=30)
    source = re.sub(r"//.*|/\*.*?\*/", "", (tmp_path / "t.dsl").read_text())
    words = " ".join(source.split())
    assert 'Name (_HID, EisaId ("PNP0C33") )' in words
    if "ResourceTemplate" in words:  # 20260408 shows bytes, those of its own compiler too
        sort = "ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, "
        assert f"Interrupt ({sort}) {{ 0x{interrupt:08X}" in words
    assert "Method (_EVT, 1, Serialized) { Notify (\\_SB.HED0, 0x80) }" in words
    assert "Scope (\\_GPE) { Method (_L40, 0, Serialized) { Notify (\\_SB.HED0, 0x80) } }" in words
    assert (tmp_path / "again.aml").read_bytes()[HEADER_LENGTH:] == table[HEADER_LENGTH:]
