"""Tables whose counts, lengths and offsets lie: what can be reached is decoded, no byte is lost.

Where two readings are possible, the one is taken that makes the rest of the table valid, and a
problem says so.  The tables are packed by hand, apart from the package.
"""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_bytes import gas, hest, machine_check, source

import apeitool as apei
from apeitool.acpi.bert import Bert
from apeitool.acpi.einj import Einj, EinjAction, SetErrorTypeWithAddress, TriggerActionTable
from apeitool.acpi.erst import Erst
from apeitool.acpi.hest.source import SourceGap
from apeitool.acpi.hest.table import Hest
from apeitool.errors import Truncated
from apeitool.linux.accept import walk_hest
from apeitool.linux.features import KERNELS
from apeitool.render import diff, explain, text

ONE, TWO, THREE = source(1, 0x1000), source(2, 0x2000, 8, ack=0x3000), source(3, 0x4000)
SOURCES = {1: ONE, 2: TWO, 3: THREE}
BANKS = machine_check(7, banks=3)
DEVICE = struct.pack("<HHHBBIIIHHHHIIII", 7, 4, 0, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
NMI = struct.pack("<HHIIII", 2, 5, 0, 1, 1, 0)


def put(data: bytes, offset: int, number: int, size: int = 4) -> bytes:
    """The bytes with another number in them."""
    return data[:offset] + number.to_bytes(size, "little") + data[offset + size :]


def read(data: bytes, cls=Hest):
    """The table; its bytes are all there, and `explain` shows each of them."""
    table = cls.from_bytes(data)
    assert table.to_bytes() == data
    assert b"".join(row.data for row in explain.rows(table)) == data
    assert apei.loads(apei.dumps(table)) == table
    assert text.text(table)
    return table


def ids(table: Hest) -> list[int | str]:
    """What is in a HEST: the ids of its sources, ``gap`` for what is none."""
    return ["gap" if isinstance(s, SourceGap) else s.source_id for s in table.sources]


def problems(table) -> set[str]:
    return {problem.id for problem in table.problems} - {"table-checksum"}


# ---- HEST: padding


PADDING = {
    "zeros": bytes(8),
    "room for more banks": bytes(28 * 12),
    "a zero": bytes(1),
    "ones": b"\xff" * 12,
    "text": b"padding",
    "half a source": ONE[:40],
}


@pytest.mark.parametrize("padding", PADDING.values(), ids=PADDING)
@pytest.mark.parametrize("first", [ONE, TWO, BANKS, DEVICE, NMI])
def test_padding_between_sources(first, padding) -> None:
    data = hest(first + padding, source(8, 0x5000), THREE)
    table = read(data)
    (gap,) = (s for s in table.sources if isinstance(s, SourceGap))
    assert ids(table)[1:] == ["gap", 8, 3]
    assert gap.data == padding
    assert problems(table) == {"source-gap"}
    (problem,) = table.problems
    assert (problem.offset, problem.path) == (40 + len(first), "Hest.sources[1]")


def test_every_source_padded() -> None:
    table = read(hest(*(s + bytes(128 - len(s)) for s in (ONE, TWO, THREE))))
    assert ids(table) == [1, "gap", 2, "gap", 3]
    assert len(table.unparsed) == 64
    assert problems(table) == {"source-gap", "table-rest"}


def test_what_linux_makes_of_padding() -> None:
    """Firmware of a server pads so: Linux takes zeros for machine check sources, and stops counting."""
    data = hest(machine_check(7, banks=3) + bytes(28 * 12), ONE, TWO)
    table = read(data)
    for features in KERNELS.values():
        assert walk_hest(data, features).accepted
        assert walk_hest(data, features).sources == ()
        repaired = walk_hest(table.sealed().to_bytes(), features)
        assert [s.source_id for s in repaired.sources] == [1, 2]


def test_sealing_takes_gaps_out() -> None:
    table = read(hest(ONE + bytes(8), TWO, b"\xff" * 4 + THREE, count=9)).sealed()
    assert table.to_bytes() == hest(ONE, TWO, THREE)
    assert table.problems == ()


def test_text_and_diff_name_a_gap() -> None:
    table = read(hest(ONE + bytes(8), TWO))
    assert "2 sources." in text.text(table)
    assert "gap of 8 bytes" in text.text(table)
    paths = [d.path for d in diff.differences(table, table.sealed())]
    assert paths == ["length", "checksum", "sources[1]"]


@pytest.mark.parametrize("padding", [bytes(4), bytes(64), bytes(1000), b"\xff" * 20, b"x"])
def test_padding_behind_the_last_source(padding) -> None:
    table = read(hest(ONE, TWO + padding))
    assert ids(table) == [1, 2]
    assert table.unparsed == padding
    assert problems(table) == {"table-rest"}


# ---- HEST: counts


@pytest.mark.parametrize("count", [0, 1, 2, 4, 0xFFFF, 0xFFFFFFFF])
def test_a_count_that_lies(count) -> None:
    table = read(hest(ONE, TWO, THREE, count=count))
    assert ids(table) == [1, 2, 3]
    assert problems(table) == {"source-count"}


@pytest.mark.parametrize("said", [0, 1, 2, 4, 5, 255])
def test_a_bank_count_that_lies(said) -> None:
    data = hest(put(BANKS, 32, said, 1), ONE, TWO)
    table = read(data)
    assert [i for i in ids(table) if i != "gap"] == [7, 1, 2]
    assert len(table.sources[0].banks) == min(said, 3)
    assert problems(table) == ({"bank-count"} if said > 3 else {"source-gap"})


def test_what_is_counted_right_is_read_as_counted() -> None:
    """Sources that hold nothing are sources where count and length agree."""
    empty = bytes(40)
    table = read(hest(empty, ONE, empty))
    assert ids(table) == [0, 1, 0]
    assert problems(table) == {"source-id"}


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(4, 43), st.integers(0, 255)), max_size=8))
def test_strange_values_displace_nothing(changes) -> None:
    """What looks like a source inside another is none where count and length agree."""
    sources = [bytearray(s) for s in (ONE, TWO, DEVICE, BANKS)]
    for number, at, value in changes:
        if not (sources[number] is sources[3] and at == 32):
            sources[number][at] = value
    table = read(hest(*map(bytes, sources)))
    assert [s.to_bytes() for s in table.sources] == [bytes(s) for s in sources]


@pytest.mark.parametrize("type", [3, 4, 5])
def test_a_reserved_type_hides_no_source_that_holds_together(type) -> None:
    table = read(hest(ONE, struct.pack("<HH", type, 9) + b"unheard of", TWO))
    assert ids(table) == [1, 9, 2]
    assert problems(table) == {"source-type"}


@pytest.mark.parametrize("length", [0, 3, 0x1000, 0xFFFF])
def test_a_future_source_whose_length_lies(length) -> None:
    table = read(hest(ONE, struct.pack("<HH", 300, length) + b"future", TWO))
    assert ids(table) == [1, "gap", 2]
    assert problems(table) == {"source-count", "source-gap"}


# ---- HEST: lengths


WHOLE = hest(ONE, TWO, THREE)


@pytest.mark.parametrize("length", [0, 35, 36, 39, 40, 100, 104, 190, len(WHOLE) - 1])
def test_a_length_that_is_too_short(length) -> None:
    """The count says that there are more, and what follows holds together: the length lies."""
    table = read(put(WHOLE, 4, length))
    assert ids(table) == [1, 2, 3]
    assert table.trailing == b""
    assert problems(table) == {"table-length"}
    assert table.sealed().to_bytes() == WHOLE


def test_a_length_that_is_right_ends_the_table() -> None:
    table = read(hest(ONE) + TWO)
    assert ids(table) == [1]
    assert table.trailing == TWO
    assert problems(table) == set()


@pytest.mark.parametrize("length", [len(WHOLE) + 1, 0x1000, 0xFFFFFFFF])
@pytest.mark.parametrize("behind", [b"", bytes(64), b"\xff" * 64])
def test_a_length_that_is_too_long(length, behind) -> None:
    table = read(put(WHOLE, 4, length) + behind)
    assert ids(table) == [1, 2, 3]
    assert "table-length" not in problems(table)
    is_there = length <= len(WHOLE + behind)
    assert problems(table) - {"table-rest"} == (set() if is_there else {"truncated"})


def test_reserved_bytes_and_strange_ids_are_kept() -> None:
    odd = bytearray(hest(put(ONE, 6, 3, 1), put(TWO, 33, 0x5C, 1)))
    odd[10:16] = b"\xffO\x00\x1b[m"
    odd[28:32] = b"\0\0\0\1"
    table = read(bytes(odd))
    assert ids(table) == [1, 2]
    assert table.sources[0].flags == 3
    assert table.sources[1].notification.length == 0x5C
    assert problems(table) == {"notification-length"}
    assert "\x1b" not in text.text(table)
    assert (table.oem_id, table.creator_id) == ("\xffO\x00\x1b[m", "\0\0\0\1")


@given(
    st.lists(
        st.sampled_from([ONE, TWO, THREE, BANKS, DEVICE, NMI, bytes(4), bytes(28), bytes(40),
                         b"\xff", b"\3\0\1\0", b"\x0c\0\x08\0abcd", ONE[:20], BANKS[:50]]),
        max_size=12,
    ),
    st.integers(0, 14),
    st.integers(-50, 50),
)  # fmt: skip
@settings(max_examples=150)
def test_pieces_in_any_order(pieces, count, more) -> None:
    """A source that holds together is found if the table is one of them and of padding."""
    data = hest(*pieces, count=count)
    table = read(put(data, 4, max(0, len(data) + more)))
    assert table.sealed().sealed() == table.sealed()
    read(table.sealed().to_bytes())


# ---- EINJ and ERST


def entry(action: int, instruction: int = 3, address: int = 0x1000) -> bytes:
    return struct.pack("<4B12sQQ", action, instruction, 0, 0, gas(address), 1, 0xFF)


PROGRAM = [entry(action) for action in range(8)]
ACTION_TABLES = {"EINJ": Einj, "ERST": Erst}
every_action_table = pytest.mark.parametrize("name", ACTION_TABLES)


def program(
    name: str, *entries: bytes, count: int | None = None, size: int = 48, rest=b""
) -> bytes:
    """An EINJ or ERST."""
    number = len(entries) if count is None else count
    body = struct.pack("<III", size, 0, number) + rest + b"".join(entries)
    head = struct.pack(
        "<4sIBB6s8sI4sI", name.encode(), 36 + len(body), 1, 0, b"T", b"T", 1, b"T", 1
    )
    table = bytearray(head + body)
    table[9] = -sum(table) & 0xFF
    return bytes(table)


@every_action_table
@pytest.mark.parametrize("size", [12, 48])
def test_both_header_sizes(name, size) -> None:
    table = read(program(name, *PROGRAM, size=size), ACTION_TABLES[name])
    assert [e.action for e in table.entries] == list(range(8))
    assert table.problems == ()


@every_action_table
@pytest.mark.parametrize("size", [0, 1, 36, 47, 49, 80, 0xFFFFFFFF])
def test_other_header_sizes_move_nothing(name, size) -> None:
    table = read(program(name, *PROGRAM, size=size), ACTION_TABLES[name])
    assert [e.action for e in table.entries] == list(range(8))
    assert problems(table) == {"header-size"}


@every_action_table
@pytest.mark.parametrize("more", [1, 16, 32, 100])
def test_a_longer_header_that_count_and_length_bear_out(name, more) -> None:
    data = program(name, *PROGRAM, size=48 + more, rest=b"\x07" * more)
    table = read(data, ACTION_TABLES[name])
    assert table.header_rest == b"\x07" * more
    assert [e.action for e in table.entries] == list(range(8))
    assert problems(table) == {"header-size"}


@every_action_table
@pytest.mark.parametrize("count", [0, 1, 7, 9, 0xFFFFFFFF])
def test_an_entry_count_that_lies(name, count) -> None:
    table = read(program(name, *PROGRAM, count=count), ACTION_TABLES[name])
    assert [e.action for e in table.entries] == list(range(8))
    assert problems(table) == {"entry-count"}
    assert table.sealed().to_bytes() == program(name, *PROGRAM)


@every_action_table
@pytest.mark.parametrize("length", [0, 36, 47, 48, 100, 48 + 7 * 32, 48 + 8 * 32 - 1])
def test_a_program_that_is_longer_than_it_says(name, length) -> None:
    whole = program(name, *PROGRAM)
    table = read(put(whole, 4, length), ACTION_TABLES[name])
    assert [e.action for e in table.entries] == list(range(8))
    assert problems(table) == {"table-length"}
    assert table.sealed().to_bytes() == whole


@every_action_table
@pytest.mark.parametrize("behind", [bytes(32), bytes(7), b"\xff" * 64, b"no entry"])
def test_what_is_no_entry_is_none(name, behind) -> None:
    table = read(program(name, *PROGRAM, behind, count=8), ACTION_TABLES[name])
    assert len(table.entries) == 8
    assert table.unparsed == behind
    longer = read(program(name, *PROGRAM, count=12) + behind, ACTION_TABLES[name])
    assert len(longer.entries) == 8
    assert longer.trailing == behind


# ---- BERT


@pytest.mark.parametrize(
    ("length", "behind", "found"),
    [
        (48, b"", set()),
        (48, b"more", set()),
        (52, b"more", {"table-rest"}),
        (50, b"more", {"table-rest"}),
        (47, b"", {"table-length"}),
        (0, b"more", {"table-length"}),
        (53, b"more", {"truncated", "table-rest"}),
        (0xFFFFFFFF, b"", {"truncated"}),
    ],
)
def test_a_bert(length, behind, found) -> None:
    body = struct.pack("<IQ", 0x1000, 0x80000000)
    head = struct.pack("<4sIBB6s8sI4sI", b"BERT", length, 1, 0, b"T", b"T", 1, b"T", 1)
    table = read(head + body + behind, Bert)
    assert (table.boot_error_region_length, table.boot_error_region) == (0x1000, 0x80000000)
    assert problems(table) == found


# ---- structures in memory


def trigger(*entries: bytes, size: int | None = None, count: int | None = None) -> bytes:
    body = b"".join(entries)
    there = 16 + len(body)
    return (
        struct.pack(
            "<4I", 16, 0, there if size is None else size, len(entries) if count is None else count
        )
        + body
    )


@pytest.mark.parametrize(
    ("size", "count", "found"),
    [
        (None, None, set()),
        (None, 0, {"entry-count"}),
        (None, 9, {"entry-count"}),
        (0, None, {"table-length"}),
        (47, None, {"table-length"}),
        (0xFFFFFFFF, None, {"table-length"}),
        (0, 0xFFFFFFFF, {"table-length", "entry-count"}),
    ],
)
def test_a_trigger_table(size, count, found) -> None:
    table = read(trigger(entry(0xFF), entry(0xFF, 4), size=size, count=count), TriggerActionTable)
    assert [e.action for e in table.entries] == [EinjAction.TRIGGER_ERROR] * 2
    assert problems(table) == found
    assert table.sealed().problems == ()


def injection(flags: int, offset: int, behind: bytes = b"") -> bytes:
    return struct.pack("<IIIIQQI", 8, offset, flags, 0, 0x1000, 0xFFF, 0) + behind


V2 = struct.pack("<IHH", 40, 1, 1) + b"component id    " + b"syndrome        "
VENDOR = struct.pack("<IIHHB3s", 20, 0, 0x1234, 0x5678, 9, b"") + b"OEM!"


@pytest.mark.parametrize(
    ("flags", "offset", "behind", "v2", "vendor", "found"),
    [
        (2, 0, b"", 0, 0, set()),
        (10, 0, V2, 1, 0, set()),
        (10, 76, V2 + VENDOR, 1, 1, set()),
        (2, 36, VENDOR, 0, 1, set()),
        (2, 64, bytes(28) + VENDOR, 0, 1, set()),
        (10, 0, b"", 0, 0, {"valid-but-absent"}),
        (10, 0, V2[:7], 0, 0, {"valid-but-absent"}),
        (2, 4, VENDOR, 0, 0, {"extension-truncated"}),
        (10, 40, V2 + VENDOR, 1, 0, {"extension-truncated"}),
        (2, 0xFFFFFFFF, VENDOR, 0, 0, {"extension-truncated"}),
        (2, 36, VENDOR[:15], 0, 0, {"extension-truncated"}),
        (2, 36, VENDOR[:-1], 0, 1, {"extension-truncated"}),
        (2, 36, put(VENDOR, 0, 0), 0, 1, {"extension-length"}),
        (10, 0, put(V2, 0, 0xFFFFFFFF), 1, 0, {"extension-truncated"}),
        (10, 0, put(V2, 6, 2, 2), 1, 0, {"component-count"}),
    ],
)  # fmt: skip
def test_set_error_type_with_address(flags, offset, behind, v2, vendor, found) -> None:
    data = injection(flags, offset, behind)
    thing = read(data, SetErrorTypeWithAddress)
    assert (len(thing.einjv2), len(thing.vendor)) == (v2, vendor)
    assert problems(thing) == found
    assert problems(thing.sealed()) <= {"valid-but-absent"}


def test_an_offset_follows_from_the_extension() -> None:
    vendor = SetErrorTypeWithAddress.from_bytes(injection(2, 36, VENDOR)).vendor
    made = SetErrorTypeWithAddress(error_type=8, flags=2, gap=bytes(28), vendor=vendor)
    assert made.vendor_extension_offset == 64
    assert SetErrorTypeWithAddress.from_bytes(made.to_bytes()) == made
    with pytest.raises(Truncated):
        SetErrorTypeWithAddress.from_bytes(injection(0, 0)[:35])
