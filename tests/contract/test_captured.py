"""Bytes that QEMU and Linux wrote: they decode without a problem, and damaged they lose nothing."""

import captured
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules import READING, nodes
from strategies import damaged

from apeitool.acpi.einj import Einjv2ErrorTypes, ErrorTypes, SetErrorTypeWithAddress
from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import StatusBlock
from apeitool.cper.record import Record
from apeitool.cper.severity import Severity
from apeitool.errors import ApeiError, Truncated

EVERYTHING = [
    *captured.everything(),
    *((SetErrorTypeWithAddress, name, data) for name, data in captured.injections().items()),
]
every_one = pytest.mark.parametrize(
    ("cls", "name", "data"), EVERYTHING, ids=[name for _, name, _ in EVERYTHING]
)


def test_there_are_some() -> None:
    found = {cls for cls, _, _ in EVERYTHING}
    assert found == {Hest, StatusBlock, Record, SetErrorTypeWithAddress}


@every_one
def test_as_captured(cls, name, data) -> None:
    item = cls.from_bytes(data)
    assert item.problems == ()
    for rule in READING:
        rule(cls, data)


@every_one
def test_sealed_it_is_the_same(cls, name, data) -> None:
    """Who wrote them counted as we do; only QEMU's block status says nothing of its entries."""
    item = cls.from_bytes(data)
    if cls is not StatusBlock:
        assert item.sealed().to_bytes() == data
    assert item.sealed().problems == ()


@every_one
def test_cut_anywhere(cls, name, data) -> None:
    for length in range(len(data)):
        cut = data[:length]
        if length < cls.shortest:
            with pytest.raises(Truncated):
                cls.from_bytes(cut)
            continue
        item = cls.from_bytes(cut)
        assert item.to_bytes() == cut
        needed = len(data.rstrip(b"\0")) if cls is StatusBlock else len(data)
        if length < needed:
            assert any("truncated" in p.id or "count" in p.id for p in item.problems), length


@every_one
@given(choice=st.data())
@settings(max_examples=60)
def test_damaged(cls, name, data, choice) -> None:
    changed = choice.draw(damaged(st.just(data), edits=6))
    try:
        item = cls.from_bytes(changed)
    except ApeiError:
        assert len(changed) < cls.shortest
        return
    assert item.to_bytes() == changed
    assert all(0 <= p.offset <= len(changed) for p in item.problems)
    assert sum(1 for _ in nodes(item)) <= len(changed) / 4


def test_what_qemu_injected() -> None:
    """The one block with an error: a corrected memory error, its address as it was asked for."""
    found = [StatusBlock.from_bytes(data) for data in captured.blocks().values()]
    (block,) = [b for b in found if not b.is_empty]
    assert block.error_severity == Severity.CORRECTED
    (section,) = block.sections
    assert section.title == "memory error"
    assert section.physical_addresses


def test_what_linux_wrote() -> None:
    for data in captured.records().values():
        record = Record.from_bytes(data)
        assert record.error_severity == Severity.FATAL
        assert record.notification == "MCE"
        (section,) = record.sections
        assert section.to_bytes() == data[200:]


def test_how_linux_asked_for_errors() -> None:
    """The values that it was given; of a component, it writes the least significant byte first."""
    asked = {n: SetErrorTypeWithAddress.from_bytes(d) for n, d in captured.injections().items()}
    einjv2, vendor = asked["set-error-type-einjv2"], asked["set-error-type-vendor"]
    assert einjv2.error_types is Einjv2ErrorTypes.MEMORY
    assert einjv2.memory_address == 0x4000000
    assert einjv2.memory_address_range == 0xFFFFFFFFFFFFF000
    (extension,) = einjv2.einjv2
    assert [
        (component.component_id[::-1].hex(), component.component_syndrome[::-1].hex())
        for component in extension.components
    ] == [("0102030405060708090a0b0c0d0e0f10", f"{0xFF:032x}"), (f"{0x42:032x}", f"{0:032x}")]
    assert extension.rest == bytes(32)
    assert vendor.error_types is ErrorTypes.VENDOR_DEFINED
    assert vendor.einjv2 == ()
    assert vendor.processor_identification == 0x77
    assert [v.oem_data for v in (*einjv2.vendor, *vendor.vendor)] == [b"at first", b"OEMfirst"]


def test_sources_of_qemu() -> None:
    for data in captured.hests().values():
        hest = Hest.from_bytes(data)
        assert [source.source_id for source in hest.sources] == list(range(len(hest.sources)))
        for source in hest.sources:
            assert source.error_status_block_length == captured.BLOCK
            assert source.read_ack_preserve == 0xFFFFFFFFFFFFFFFE
            assert source.read_ack_write == 1
            assert source.error_status_address.address == source.read_ack_register.address - 8 * (
                len(hest.sources)
            )
