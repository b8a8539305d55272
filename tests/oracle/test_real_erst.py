"""ERST and BERT beside QEMU and a real Linux 6.1: a table and a store that QEMU made, a table and a
region that the kernel reads.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

import apeitool as apei
from apeitool.acpi.bert import BootErrorRegion
from apeitool.acpi.erst import Erst
from apeitool.cper.guids import LINUX_PSTORE
from apeitool.cper.record import Record
from apeitool.lab.boot import Boot
from apeitool.lab.console import without_timestamp
from apeitool.lab.guest import Guest
from apeitool.lab.images import Images
from apeitool.plan.build import build
from apeitool.qemu.erst_file import ErstStorage
from apeitool.render.plain import to_plain

pytestmark = pytest.mark.guest

STORE_LENGTH = 0x10000


def with_store(images: Images, store: Path) -> Boot:
    """A guest with QEMU's record serialization device on a file."""
    backend = f"memory-backend-file,id=store,size={STORE_LENGTH:#x},share=on,mem-path={store}"
    devices = ("-object", backend, "-device", "acpi-erst,memdev=store")
    return Boot(images, devices=devices)


def test_the_table_and_the_store_that_qemu_made(lab_images: Images, tmp_path: Path) -> None:
    store = tmp_path / "store"
    with Guest(with_store(lab_images, store)) as guest:
        guest.wait_ready()
        table = base64.b64decode(guest.shell("base64 /sys/firmware/acpi/tables/ERST").output)
        assert not list(apei.open(store))
        # The answer must come before the panic does.
        guest.shell("(sleep 1; echo c > /proc/sysrq-trigger) >/dev/null 2>&1 &")
        assert guest.wait_exit(60) == 0
        lines = guest.console.lines
    assert any("pstore: Registered erst as persistent store backend" in line for line in lines)
    assert any("Kernel panic - not syncing" in line for line in lines)
    the_table_is_understood(table)
    the_store_is_understood(store)
    what_linux_deletes_is_not_shown(lab_images, store)


def the_table_is_understood(table: bytes) -> None:
    erst = apei.decode(table)
    assert isinstance(erst, Erst)
    assert erst.to_bytes() == table
    assert not erst.problems
    assert len(erst.entries) > 20
    assert all(entry.action.is_known and entry.instruction.is_known for entry in erst.entries)


def the_store_is_understood(path: Path) -> None:
    data = path.read_bytes()
    store = ErstStorage.from_bytes(data)
    assert store.to_bytes() == data
    assert not store.problems
    # QEMU's own numbers, read without our declaration of them.
    count = int.from_bytes(data[20:24], "little")
    slots = [data[at : at + 0x2000] for at in range(0, STORE_LENGTH, 0x2000)]
    ids = [int.from_bytes(data[24 + 8 * i : 32 + 8 * i], "little") for i in range(len(slots))]
    used = {number: slot for number, slot in zip(ids, slots, strict=True) if number}
    assert len(used) == count > 0
    captures = list(apei.open(path))
    assert [c.origin for c in captures] == [f"{path}:record {number:#x}" for number in used]
    for capture, (number, slot) in zip(captures, used.items(), strict=True):
        record = apei.decode(capture, strict=True)
        assert isinstance(record, Record)
        assert record.record_id == number
        assert str(record.creator_id) == LINUX_PSTORE
        assert slot.startswith(record.to_bytes())
        assert store.records[number] == capture.data


def what_linux_deletes_is_not_shown(images: Images, path: Path) -> None:
    """The next boot finds the records as files, whose names are their ids."""
    before = ErstStorage.from_bytes(path.read_bytes())
    with Guest(with_store(images, path)) as guest:
        guest.wait_ready()
        guest.shell("mkdir -p /tmp/pstore; mount -t pstore pstore /tmp/pstore")
        files = guest.shell("ls /tmp/pstore").output.split()
        found = {int(match[1]): name for name in files if (match := re.search(r"-(\d+)", name))}
        assert found.keys() == before.records.keys()
        gone = min(found)
        assert guest.shell(f"rm /tmp/pstore/{found[gone]}; ls /tmp/pstore").output.split() == [
            name for name in files if name != found[gone]
        ]
    after = ErstStorage.from_bytes(path.read_bytes())
    kept = {number: data for number, data in before.records.items() if number != gone}
    assert after.records == kept
    assert [bytes(capture) for capture in apei.open(path)] == list(kept.values())
    assert not after.problems
    assert before.records[gone] in path.read_bytes()


ADDRESSES = {apei.Severity.CORRECTED: 0x1234_5000, apei.Severity.FATAL: 0x6789_A000}


def test_a_boot_error_region(lab_images: Images) -> None:
    """Table and region of a plan.

    The kernel reports each block and clears it; a fatal one is of the boot before: no panic.
    """
    region = BootErrorRegion(blocks=[block(s, address) for s, address in ADDRESSES.items()])
    blocks = [to_plain(block) for block in region.blocks]
    built = build({"plan": "bert", "preset": "qemu-q35", "blocks": blocks})
    table, ((base, room),) = built.table.to_bytes(), built.memory()
    boot = Boot(lab_images, tables=[table], prefill={base: room})
    with Guest(boot) as guest:
        guest.wait_ready()
        lines = [without_timestamp(line) for line in guest.console.lines]
        seen = base64.b64decode(guest.shell("base64 /sys/firmware/acpi/tables/BERT").output)
        left = guest.memory.read(base, len(room))
        assert not guest.exited
    assert "BERT: Error records from previous boot:" in lines
    assert f"BERT: Total records found: {len(region.blocks)}" in lines
    said = values(lines, "physical_address")
    assert [int(value, 16) for value in said] == list(ADDRESSES.values())
    assert values(lines, "event severity") == ["corrected", "fatal"]
    # QEMU sets length and checksum itself.
    assert seen == table
    for _, at, cleared in region.children():
        assert left[at : at + 4] == bytes(4)
        assert left[at + 4 : at + cleared.size] == cleared.to_bytes()[4:]


def block(severity: apei.Severity, address: int) -> apei.StatusBlock:
    section = apei.MemoryErrorSection(validation_bits=2, physical_address=address)
    entry = apei.GenericErrorDataEntryV3(error_severity=severity, section=section)
    return apei.StatusBlock(error_severity=severity, entries=[entry])


def values(lines: list[str], name: str) -> list[str]:
    """What the kernel printed behind ``name:``."""
    pattern = re.compile(rf"^\[Hardware Error\]:\s*{re.escape(name)}:\s*(.*?)\s*$")
    return [match[1] for line in lines if (match := pattern.match(line))]
