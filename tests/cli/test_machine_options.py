"""decode --system and --smbios: this machine, and what its DIMMs are called."""

from pathlib import Path

import captured
import pytest

import apeitool as apei
from apeitool.capture import system

RECORD = captured.records()["record-1"]
DMIDECODE = "Handle 0x1100, DMI type 17, 40 bytes\nMemory Device\n\tLocator: DIMM_A1\n"
SECTION = apei.MemoryErrorSection(validation_bits=0x20000, module_handle=0x1100)


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """A machine's root, with what Linux shows."""
    tables = tmp_path / "sys/firmware/acpi/tables"
    (tables / "data").mkdir(parents=True)
    (tables / "HEST").write_bytes(captured.hests()["qemu-11-virt-ras"])
    block = apei.StatusBlock(entries=[apei.GenericErrorDataEntryV3(section=SECTION)])
    (tables / "data/BERT").write_bytes(apei.BootErrorRegion(blocks=[block]).to_bytes())
    variables = tmp_path / "sys/firmware/efi/efivars"
    variables.mkdir(parents=True)
    (variables / "HwErrRec0001-414e6bdd-e47b-47cc-b244-bb61020cf516").write_bytes(
        b"\x0f\0\0\0" + RECORD
    )
    (tmp_path / "sys/firmware/dmi/tables").mkdir(parents=True)
    real = system.paths, system.smbios
    monkeypatch.setattr(system, "paths", lambda: real[0](tmp_path))
    monkeypatch.setattr(system, "smbios", lambda: real[1](tmp_path))
    return tmp_path


def test_everything_that_this_machine_has(apeitool, root) -> None:
    done = apeitool("decode", "--system")
    assert (done.status, done.err) == (0, "")
    heads = [row for row in done.text.splitlines() if row.startswith(str(root))]
    assert [Path(head).name[:8] for head in heads] == ["HEST", "BERT", "HwErrRec"]
    assert "Boot error region, 1 status block." in done.text
    assert "in DIMM_A1" not in done.text


def test_its_own_smbios_names_its_dimms(apeitool, root) -> None:
    (root / system.SMBIOS).write_text(DMIDECODE)
    assert "in DIMM_A1" in apeitool("decode", "--system").text
    (root / system.SMBIOS).write_text("nothing")
    done = apeitool("decode", "--system")
    assert done.status == 0
    assert "no memory device" in done.err


def test_a_machine_that_shows_nothing(apeitool, monkeypatch) -> None:
    monkeypatch.setattr(system, "paths", lambda: iter(()))
    done = apeitool("decode", "--system")
    assert (done.status, done.out) == (0, b"")
    assert "this machine shows none" in done.err


def test_the_smbios_of_another_machine(apeitool, tmp_path) -> None:
    path = tmp_path / "dmidecode.txt"
    path.write_text(DMIDECODE)
    data = SECTION.to_bytes()
    named = apeitool("decode", "--smbios", path, "--as", "memory", "-", stdin=data)
    assert "in DIMM_A1" in named.text
    path.write_text("nothing")
    assert apeitool("decode", "--smbios", path, "--as", "memory", "-", stdin=data).status == 1
