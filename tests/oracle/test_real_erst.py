"""ERST beside QEMU and a real Linux 6.1: a table and a store that QEMU made, records of the kernel's."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

import apeitool as apei
from apeitool.acpi.erst import Erst
from apeitool.cper.guids import LINUX_PSTORE
from apeitool.cper.record import Record
from apeitool.lab.boot import Boot
from apeitool.lab.guest import Guest
from apeitool.lab.images import Images
from apeitool.qemu.erst_file import ErstStorage

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
