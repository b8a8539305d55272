"""Containers with hostile numbers: a clear answer, no byte lost, output linear in the input."""

import tracemalloc
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules import ON_DAMAGE, answers, nodes
from strategies import damaged, instances

from apeitool.acpi.hest.table import Hest
from apeitool.acpi.status import GenericErrorDataEntryV2, StatusBlock
from apeitool.cper.record import HEADER_LENGTH, Record, SectionDescriptor
from apeitool.cper.sections.arm_processor import ArmProcessorErrorSection
from apeitool.cper.sections.ia32_x64_processor import Ia32X64ProcessorErrorSection
from apeitool.cper.sections.ipf_processor import IpfProcessorErrorSection
from apeitool.cper.sections.pci_component import PciComponentErrorSection
from apeitool.wire.types import Scalar

CONTAINERS = (
    Hest,
    StatusBlock,
    Record,
    ArmProcessorErrorSection,
    Ia32X64ProcessorErrorSection,
    IpfProcessorErrorSection,
    PciComponentErrorSection,
)
HOSTILE = (0, 1, 2, 19, 20, 21, 36, 40, 127, 128, 200, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)

every_container = pytest.mark.parametrize("cls", CONTAINERS, ids=lambda cls: cls.__name__)


def numbers(cls):
    """Counts, lengths and offsets of a container: the numbers that its constructor derives."""
    return [f for f in cls.fields if f.derived is not None and isinstance(f.kind, Scalar)]


@every_container
@given(data=st.data())
@settings(max_examples=80)
def test_damaged(cls, data) -> None:
    changed = data.draw(damaged(instances(cls).map(lambda i: i.to_bytes()), edits=8))
    if len(changed) >= cls.shortest:
        for rule in ON_DAMAGE:
            rule(cls, changed)
    else:
        assert answers(lambda: cls.from_bytes(changed)) is None


@every_container
@given(data=st.data())
@settings(max_examples=40)
def test_hostile_numbers(cls, data) -> None:
    """Each derived number takes each hostile value, alone and with one other."""
    whole = data.draw(instances(cls)).to_bytes()
    rows = [(f.offset, f.kind.size, value) for f, value in product(numbers(cls), HOSTILE)]
    other = data.draw(st.sampled_from(rows))
    for row in rows:
        for changes in ([row], [row, other]):
            changed = bytearray(whole)
            for offset, size, value in changes:
                changed[offset : offset + size] = (value & (1 << 8 * size) - 1).to_bytes(
                    size, "little"
                )
            item = cls.from_bytes(bytes(changed))
            assert item.to_bytes() == changed
            assert all(0 <= p.offset <= len(changed) for p in item.problems)


@given(
    spans=st.lists(
        st.tuples(
            st.sampled_from([0, 127, 128, 272, 300, 400, 0xFFFFFFFF]) | st.integers(0, 500),
            st.sampled_from([0, 1, 80, 0xFFFFFFFF]) | st.integers(0, 200),
        ),
        max_size=4,
    ),
    rest=st.binary(min_size=0, max_size=300),
    said=st.integers(0, 700),
)
@settings(max_examples=150)
def test_sections_that_point_everywhere(spans, rest, said) -> None:
    descriptors = tuple(
        SectionDescriptor(section_offset=offset, section_length=length) for offset, length in spans
    )
    head = Record(
        section_descriptors=descriptors, section_count=len(descriptors), record_length=said
    )
    data = head.to_bytes() + rest
    for rule in ON_DAMAGE:
        rule(Record, data)
    record = Record.from_bytes(data)
    assert len(record.sections) == len(descriptors)
    assert sum(s.size for s in record.sections) <= len(rest)


# ---- linear in the input


def hest_of(size: int) -> bytes:
    """As many sources as fit, all of them zeros, and more promised."""
    count = (0xFFFFFFFF).to_bytes(4, "little")
    return b"HEST" + size.to_bytes(4, "little") + bytes(28) + count + bytes(size - 40)


def block_of(size: int) -> bytes:
    """Error data without end: entries of zeros."""
    return b"\x01" + bytes(11) + (0xFFFFFFFF).to_bytes(4, "little") + bytes(size - 16)


def overlapping(size: int) -> bytes:
    """65535 descriptors that all point at the same bytes, as far as there is room for them."""
    header = Record(section_count=0xFFFF, record_length=size).to_bytes()
    there = min(0xFFFF, (size - HEADER_LENGTH) // SectionDescriptor.fixed_size - 1)
    start = HEADER_LENGTH + there * SectionDescriptor.fixed_size
    one = SectionDescriptor(section_offset=start, section_length=0xFFFFFFFF).to_bytes()
    return (header + one * there).ljust(size, b"\xff")


def everywhere(size: int) -> bytes:
    """Descriptors that each point at one byte more than the one before: all overlap all."""
    header = Record(section_count=0xFFFF, record_length=size).to_bytes()
    there = min(0xFFFF, (size - HEADER_LENGTH) // SectionDescriptor.fixed_size // 2)
    start = HEADER_LENGTH + there * SectionDescriptor.fixed_size
    rows = (
        SectionDescriptor(section_offset=start + i, section_length=size - start - i).to_bytes()
        for i in range(there)
    )
    return (header + b"".join(rows)).ljust(size, b"\0")


def contexts(size: int) -> bytes:
    """An ARM section with as many contexts as it can count, none of which has a register."""
    return bytes(6) + b"\xff\xff" + size.to_bytes(4, "little") + bytes(size - 12)


def informations(size: int) -> bytes:
    """An ARM section with as many error information structures as it can count."""
    return bytes(4) + b"\xff\xff\0\0" + size.to_bytes(4, "little") + bytes(size - 12)


def msr_contexts(size: int) -> bytes:
    """An IA32/X64 section with as many registers as its contexts can hold."""
    context = b"\x01\0\xf0\xff" + bytes(12) + b"\xff" * 0xFFF0
    header = (63 << 8).to_bytes(8, "little") + bytes(56)
    return (header + context * (size // len(context) + 1))[:size]


def register_pairs(size: int) -> bytes:
    """A PCI component with four thousand million registers in memory, and as many in IO space."""
    return bytes(32) + b"\xff" * 8 + bytes(size - 40)


def entries_of(size: int) -> bytes:
    """Entries that each say that they take all that follows."""
    entry = bytearray(GenericErrorDataEntryV2(error_data_length=0).to_bytes())
    entry[24:28] = b"\xff" * 4
    header = StatusBlock(data_length=0xFFFFFFFF).to_bytes()
    return (header + bytes(entry) * (size // len(entry) + 1))[:size]


SHAPES = [
    (Hest, hest_of),
    (StatusBlock, block_of),
    (StatusBlock, entries_of),
    (Record, overlapping),
    (Record, everywhere),
    (ArmProcessorErrorSection, contexts),
    (ArmProcessorErrorSection, informations),
    (Ia32X64ProcessorErrorSection, msr_contexts),
    (PciComponentErrorSection, register_pairs),
]
every_shape = pytest.mark.parametrize(("cls", "shape"), SHAPES, ids=lambda x: x.__name__)
SIZE = 1 << 18


@every_shape
def test_output_is_linear(cls, shape) -> None:
    counts = []
    for size in (SIZE, 2 * SIZE):
        data = shape(size)
        assert len(data) == size
        item = cls.from_bytes(data)
        assert item.to_bytes() == data
        told = sum(len(str(problem)) for problem in item.problems)
        counts.append((sum(1 for _ in nodes(item)), told + len(repr(item))))
    (few, little), (many, much) = counts
    assert many <= 2.1 * few + 10
    assert much <= 2.2 * little + 1000
    assert few <= SIZE / 4 + 10


@every_shape
def test_memory_is_linear(cls, shape) -> None:
    """Decoding, judging and encoding take no more than so many times the bytes given."""
    data = shape(SIZE)
    cls.from_bytes(data[:4096])  # what is made once is not counted
    tracemalloc.start()
    try:
        item = cls.from_bytes(data)
        item.to_bytes()
        assert sum(len(p.rule) for p in item.problems) >= 0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * SIZE, f"{peak / SIZE:.0f} bytes for each byte given"


@pytest.mark.parametrize("cls", [StatusBlock, Hest, Record], ids=lambda cls: cls.__name__)
def test_a_great_many_zeros(cls) -> None:
    zeros = bytes(64 << 20)
    cls.from_bytes(zeros[:4096])
    tracemalloc.start()
    try:
        item = cls.from_bytes(zeros)
        problems = item.problems
        assert item.to_bytes() == zeros
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(zeros)
    assert len(problems) < 10
    if cls is StatusBlock:
        assert item.is_empty
        assert not problems
