"""HEST from a plan: laid out as QEMU does, and what it says itself is kept."""

import itertools

import captured
import pytest

from apeitool.acpi.hest.generic import Ghes, GhesV2
from apeitool.acpi.hest.layout import SOURCE_TYPES
from apeitool.acpi.hest.notification import NotificationType
from apeitool.acpi.hest.source import ErrorSource
from apeitool.acpi.hest.table import Hest
from apeitool.errors import AccessError, EncodeError
from apeitool.memory import Regions, read_register, write_register
from apeitool.plan.build import build
from apeitool.plan.hest import LARGEST_COUNT
from apeitool.plan.template import starting
from apeitool.registers.address import AccessSize, AddressSpace, GenericAddress
from apeitool.render.plain import to_plain

BASE = 0x9000_0000


def planned(*sources, **said):
    return build({"plan": "hest", "memory": BASE, "sources": list(sources), **said})


def one(**said) -> GhesV2:
    (source,) = planned({"notification": "SEA", **said}).table.sources
    return source


# ---- QEMU


@pytest.mark.parametrize(("name", "sources"), [("qemu-11-virt-ras", 2), ("qemu-7.2-virt-ras", 1)])
def test_the_table_and_the_memory_that_qemu_made(name, sources) -> None:
    """Byte for byte, addresses set equal; QEMU 7.2 has the first source only."""
    theirs = captured.hests()[name]
    base = Hest.from_bytes(theirs).sources[0].error_status_address.address
    plan = {**starting("hest", "qemu-virt"), "memory": base}
    plan["sources"] = plan["sources"][:sources]
    built = build(plan)
    assert built.table.to_bytes() == theirs
    blob = (captured.FIXTURES / name / "hardware_errors.bin").read_bytes()
    assert built.memory() == ((base, blob),)


# ---- counts, numbers, places


def test_this_many_with_blocks_at_this_address() -> None:
    built = build({
        "plan": "hest",
        "sources": [{"kind": "GHESv2", "notification": "SEA", "blocks": BASE, "count": 5,
                     "error_status_block_length": 0x800}],
    })  # fmt: skip
    table = built.table
    assert table.error_source_count == 5
    assert [s.source_id for s in table.sources] == [1, 2, 3, 4, 5]
    assert {type(s) for s in table.sources} == {GhesV2}
    ((start, data),) = built.memory()
    assert start == BASE
    memory = Regions(range(start, start + len(data)))
    memory.write(start, data)
    places = [read_register(memory, s.error_status_address) for s in table.sources]
    assert places == [BASE + 0x800 * index for index in range(5)]
    assert [read_register(memory, s.read_ack_register) for s in table.sources] == [1] * 5
    registers = [s.error_status_address.address for s in table.sources]
    registers += [s.read_ack_register.address for s in table.sources]
    assert registers == [BASE + 5 * 0x800 + 8 * index for index in range(10)]


def test_numbers_go_round_those_that_are_given() -> None:
    built = planned(
        {"notification": "SEA", "count": 2},
        {"notification": "SEA", "source_id": 3, "count": 2},
        {"notification": "SEA", "count": 2},
        {"notification": "SEA", "source_id": 2},
    )
    assert [s.source_id for s in built.table.sources] == [1, 5, 3, 4, 6, 7, 2]


def test_a_number_that_is_given_twice_is_refused() -> None:
    with pytest.raises(EncodeError, match="another") as caught:
        planned({"notification": "SEA", "source_id": 4, "count": 2},
                {"notification": "SEA", "source_id": 5})  # fmt: skip
    assert caught.value.path == "hest.sources[1].source_id"


def test_what_follows_goes_round_what_is_said() -> None:
    """Registers and blocks that are placed by hand are never lain on."""
    built = planned(
        {"notification": "SEA", "error_status_address": BASE + 8},
        {"notification": "SEA", "blocks": BASE + 0x20},
        {"notification": "SEA", "read_ack_register": {"address": BASE + 0x1100}, "count": 3},
    )
    taken = []
    memory = Regions(*built.extents)
    built.prepare(memory)
    for source in built.table.sources:
        registers = (source.error_status_address, source.read_ack_register)
        taken += [range(register.address, register.address + 8) for register in registers]
        at = read_register(memory, source.error_status_address)
        taken.append(range(at, at + source.error_status_block_length))
    taken.sort(key=lambda extent: extent.start)
    assert all(a.stop <= b.start for a, b in itertools.pairwise(taken))
    first, second, *others = built.table.sources
    assert first.error_status_address.address == BASE + 8
    assert read_register(memory, second.error_status_address) == BASE + 0x20
    acks = [s.read_ack_register.address for s in others]
    assert acks == [BASE + 0x1100, BASE + 0x1108, BASE + 0x1110]


@pytest.mark.parametrize(
    ("sources", "path"),
    [
        ([{"error_status_address": BASE}, {"error_status_address": BASE + 4}],
         "hest.sources[1].error_status_address"),
        ([{"blocks": BASE, "read_ack_register": BASE + 0x10}], "hest.sources[0].read_ack_register"),
        ([{"blocks": BASE}, {"blocks": BASE + 0xFFF}], "hest.sources[1].blocks"),
        ([{"blocks": (1 << 64) - 8}], "hest.sources[0].blocks"),
        ([{"error_status_address": (1 << 64) - 8, "count": 2}],
         "hest.sources[0].error_status_address"),
    ],
)  # fmt: skip
def test_places_that_cannot_be_are_refused(sources, path) -> None:
    with pytest.raises(EncodeError) as caught:
        planned(*({"notification": "SEA", **source} for source in sources))
    assert caught.value.path == path


def test_there_is_no_place_behind_the_last_address() -> None:
    with pytest.raises(EncodeError, match="last address") as caught:
        planned({"notification": "SEA"}, memory=(1 << 64) - 0x100)
    assert caught.value.path == "hest.memory"


@pytest.mark.parametrize("count", [0, LARGEST_COUNT + 1, -1, 1 << 70, "x", 1.5, True, []])
def test_counts_that_cannot_be(count) -> None:
    with pytest.raises(EncodeError) as caught:
        planned({"notification": "SEA", "count": count})
    assert caught.value.path == "hest.sources[0].count"


def test_sources_are_no_more_than_ids() -> None:
    many = {"notification": "POLLED", "count": LARGEST_COUNT}
    for sources in ([], [many, many]):
        with pytest.raises(EncodeError) as caught:
            planned(*sources)
        assert caught.value.path == "hest.sources"
    with pytest.raises(EncodeError) as caught:
        planned({"notification": "SEA", "source_id": 0xFFFE, "count": 3})
    assert caught.value.path == "hest.sources[0].source_id"


# ---- every type


@pytest.mark.parametrize("kind", NotificationType, ids=lambda kind: kind.name)
def test_every_notification(kind) -> None:
    needs = {"EXTERNAL_INTERRUPT", "LOCAL_INTERRUPT", "GSIV", "SDEI"}
    notification = {"type": kind.name} | ({"vector": 17} if kind.name in needs else {})
    made = one(notification=notification).notification
    assert made.type is kind
    assert made.vector == notification.get("vector", 0)
    assert made.poll_interval == (1000 if kind.name == "POLLED" else 0)
    if kind.name in needs:
        with pytest.raises(EncodeError, match="number of its") as caught:
            one(notification=kind.name)
        assert caught.value.path == "hest.sources[0].notification.vector"
    else:
        assert one(notification=kind.name).notification == made
        assert one(notification=int(kind)).notification == made
        assert one(notification=kind.name.lower()).notification == made


def test_a_polled_source_keeps_its_interval() -> None:
    for interval in (0, 5):
        said = {"type": "POLLED", "poll_interval": interval}
        assert one(notification=said).notification.poll_interval == interval


@pytest.mark.parametrize("kind", SOURCE_TYPES.values(), ids=lambda kind: kind.__name__)
def test_every_source_type(kind) -> None:
    """Each can be had by its name, however it is written, and by its type."""
    has = {field.name for field in kind.fields}
    said = {"notification": "SCI"} if "notification" in has else {}
    if "banks" in has:
        said["banks"] = [{"bank_number": 3, "status_register_msr": 0x40D}]
    made = [
        planned({"kind": kind.__name__, **said}),
        planned({"kind": kind.__name__.upper(), **said}),
        planned({"type": int(kind.writes), **said}),
        planned({"type": kind.writes.name, **said}),
    ]
    assert len({built.table.to_bytes() for built in made}) == 1
    (source,) = made[0].table.sources
    assert type(source) is kind
    assert source.type == kind.writes
    assert source.source_id == 1
    assert made[0].table.problems == ()
    assert bool(made[0].extents) == issubclass(kind, Ghes)
    if "banks" in has:
        assert source.number_of_hardware_banks == 1
        assert source.banks[0].status_register_msr == 0x40D


def test_all_types_in_one_table() -> None:
    sources = []
    for kind in SOURCE_TYPES.values():
        has = {field.name for field in kind.fields}
        sources.append({"kind": kind.__name__, "count": 2}
                       | ({"notification": "SCI"} if "notification" in has else {}))  # fmt: skip
    table = planned(*sources).table
    assert Hest.from_bytes(table.to_bytes()) == table
    assert table.problems == ()
    assert [s.source_id for s in table.sources] == list(range(1, 2 * len(SOURCE_TYPES) + 1))


def test_what_only_generic_sources_have() -> None:
    with pytest.raises(EncodeError) as caught:
        planned({"kind": "NonMaskableInterrupt", "blocks": BASE})
    assert caught.value.path == "hest.sources[0].blocks"


# ---- what follows from what


@pytest.mark.parametrize(
    ("said", "preserve", "write"),
    [
        ({}, 0xFFFFFFFFFFFFFFFE, 1),
        ({"read_ack_write": 0x10}, 0xFFFFFFFFFFFFFFEF, 0x10),
        ({"read_ack_preserve": 0xF}, 0xF, 0x10),
        ({"read_ack_preserve": 0}, 0, 1),
        ({"read_ack_preserve": (1 << 64) - 1}, (1 << 64) - 1, 1),
        ({"read_ack_preserve": 0, "read_ack_write": 0xFF}, 0, 0xFF),
        ({"read_ack_register": {"register_bit_width": 32}}, 0xFFFFFFFE, 1),
        ({"read_ack_register": {"register_bit_width": 8, "register_bit_offset": 4}}, 0xFE, 1),
        ({"read_ack_write": "0x80", "read_ack_register": {"access_size": "BYTE"}}, 0x7F, 0x80),
    ],
)
def test_the_acknowledgement(said, preserve, write) -> None:
    """One of preserve and write follows from the other; and firmware sees the guest acknowledge."""
    built = planned({"notification": "NMI", **said})
    (source,) = built.table.sources
    assert (source.read_ack_preserve, source.read_ack_write) == (preserve, write)
    memory = Regions(*built.extents)
    platform = built.prepare(memory)
    platform.publish(1, b"\x02" + bytes(19))
    assert not platform.poll_ack(1)
    held = read_register(memory, source.read_ack_register)
    whole = (1 << source.read_ack_register.register_bit_width) - 1
    write_register(memory, source.read_ack_register, (held & preserve | write) & whole)
    assert platform.poll_ack(1)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (0x1000, GenericAddress.memory(0x1000)),
        ("0x1000", GenericAddress.memory(0x1000)),
        ({}, GenericAddress.memory(BASE)),
        ({"register_bit_width": 32}, GenericAddress.memory(BASE, bits=32)),
        ({"register_bit_width": 20}, GenericAddress(register_bit_width=20, access_size=AccessSize.DWORD, address=BASE)),
        ({"access_size": "WORD"}, GenericAddress.memory(BASE, bits=16)),
        ({"register_bit_offset": 8}, GenericAddress(register_bit_width=56, register_bit_offset=8, access_size=AccessSize.QWORD, address=BASE)),
        ({"register_bit_width": 8, "register_bit_offset": 4}, GenericAddress(register_bit_width=8, register_bit_offset=4, access_size=AccessSize.WORD, address=BASE)),
        ({"register_bit_width": 64, "access_size": "BYTE"}, GenericAddress(register_bit_width=64, access_size=AccessSize.BYTE, address=BASE)),
        ({"register_bit_width": 0, "access_size": 0}, GenericAddress(address=BASE)),
        ({"address_space_id": "SYSTEM_IO", "address": 0xB2, "register_bit_width": 8},
         GenericAddress(address_space_id=AddressSpace.SYSTEM_IO, register_bit_width=8, access_size=AccessSize.BYTE, address=0xB2)),
        (0, GenericAddress.memory(0)),
    ],
)  # fmt: skip
def test_a_register_follows_from_what_is_said_of_it(said, expected) -> None:
    assert one(error_status_address=said).error_status_address == expected


def test_nothing_is_placed_outside_of_memory() -> None:
    with pytest.raises(EncodeError) as caught:
        one(read_ack_register={"address_space_id": "SYSTEM_IO"})
    assert caught.value.path == "hest.sources[0].read_ack_register.address"


def test_sources_of_hardware_are_left_to_it() -> None:
    """A register in I/O space is not of memory that firmware fills; a block is in memory still."""
    port = {"address_space_id": "SYSTEM_IO", "address": 0xB2}
    built = planned({"notification": "SEA", "error_status_address": port})
    assert built.table.problems == ()
    assert sum(map(len, built.extents)) == 8 + 0x1000
    assert all(not any(data) for _, data in built.memory())


@pytest.mark.parametrize(
    ("length", "sections"), [(0x1000, 26), (0x400, 6), (172, 1), (171, 1), (324, 2), (0, 1)]
)
def test_a_record_has_as_many_sections_as_fit_a_block(length, sections) -> None:
    made = one(error_status_block_length=length)
    assert (made.error_status_block_length, made.max_sections_per_record) == (length, sections)
    assert (
        one(error_status_block_length=length, max_sections_per_record=9).max_sections_per_record
        == 9
    )


def test_a_whole_table_may_stand_in_a_plan() -> None:
    """What decode gives of a source is a source of a plan: nothing of it is derived anew."""
    for theirs in captured.hests().values():
        table = Hest.from_bytes(theirs)
        plain = to_plain(table, kind=False)
        sources = plain.pop("sources")
        made = build({"plan": "hest", **plain, "sources": [
            {**source, "blocks": BASE + 0x1000 * i} for i, source in enumerate(sources)
        ]})  # fmt: skip
        assert made.table.to_bytes() == theirs


def test_a_register_that_cannot_hold_the_address_of_its_block() -> None:
    built = planned({"notification": "SEA", "blocks": 1 << 40,
                     "error_status_address": {"register_bit_width": 32}})  # fmt: skip
    assert isinstance(built.table.sources[0], ErrorSource)
    with pytest.raises(AccessError, match="fit"):
        built.memory()
