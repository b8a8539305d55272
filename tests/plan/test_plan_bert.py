"""BERT from a plan: the table, and the region with its blocks."""

import pytest

import apeitool as apei
from apeitool.acpi.bert import BootErrorRegion
from apeitool.cli.example import example
from apeitool.errors import EncodeError
from apeitool.memory import Regions
from apeitool.plan.build import build
from apeitool.render.plain import to_plain

BASE = 0x7F00_0000
BLOCK = to_plain(example("block"))
SIZE = example("block").size


def planned(**said):
    return build({"plan": "bert", "memory": BASE, **said})


@pytest.mark.parametrize("count", [0, 1, 5, 18, 40])
def test_the_region_holds_its_blocks(count) -> None:
    built = planned(blocks=[BLOCK] * count)
    ((start, data),) = built.memory()
    length = max(1, -(-SIZE * count // 0x1000)) * 0x1000
    assert (start, len(data)) == (BASE, length)
    expected = apei.Bert(boot_error_region=BASE, boot_error_region_length=length)
    assert built.table == expected
    assert data == example("block").to_bytes() * count + bytes(length - SIZE * count)
    if count:
        assert len(BootErrorRegion.from_bytes(data).blocks) == count


def test_what_is_said_is_kept() -> None:
    built = planned(boot_error_region=0x1004, boot_error_region_length=SIZE + 3, blocks=[BLOCK])
    ((start, data),) = built.memory()
    assert (start, len(data)) == (0x1004, SIZE + 3)
    assert (built.table.boot_error_region, built.table.boot_error_region_length) == (
        0x1004,
        SIZE + 3,
    )


def test_a_block_follows_from_its_entries() -> None:
    section = {"kind": "MemoryErrorSection", "physical_address": 0x1000, "validation_bits": 2}
    entry = {"kind": "GenericErrorDataEntryV3", "error_severity": "FATAL", "section": section}
    built = planned(blocks=[{"error_severity": "FATAL", "entries": [entry]}])
    (block,) = BootErrorRegion.from_bytes(built.memory()[0][1]).blocks
    assert block.problems == ()
    assert block.sections[0].physical_address == 0x1000


def test_blocks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(EncodeError, match=f"{SIZE} bytes") as caught:
        planned(boot_error_region_length=SIZE - 1, blocks=[BLOCK])
    assert caught.value.path == "bert.boot_error_region_length"


@pytest.mark.parametrize(
    ("blocks", "path"),
    [
        (5, "bert.blocks"),
        ([5], "bert.blocks[0]"),
        ([BLOCK, {"error_severity": "NOSUCH"}], "bert.blocks[1].error_severity"),
        ([{"kind": "Hest"}], "bert.blocks[0]"),
        ([{"entries": [{"kind": "Hest"}]}], "bert.blocks[0].entries[0]"),
    ],
)
def test_blocks_that_are_none(blocks, path) -> None:
    with pytest.raises(EncodeError) as caught:
        planned(blocks=blocks)
    assert caught.value.path == path


def test_a_region_of_a_running_guest_is_cleared_too() -> None:
    built = planned(blocks=[BLOCK])
    memory = Regions(*built.extents)
    memory.write(BASE, b"\xff" * 0x1000)
    built.prepare(memory)
    assert memory.read(BASE, 0x1000) == built.memory()[0][1]
