"""What bytes are, told by the bytes: every kind apart from the others, doubt told with its candidates."""

import struct
from contextlib import suppress

import captured
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import damaged, encodings, instances

import apeitool as apei
from apeitool.acpi.bert import Bert, BootErrorRegion
from apeitool.acpi.einj import (
    Einj,
    EinjInstructionEntry,
    SetErrorTypeWithAddress,
    TriggerActionTable,
)
from apeitool.acpi.erst import Erst
from apeitool.capture import container
from apeitool.capture.container import decode, read
from apeitool.capture.kind import (
    TABLES,
    as_error,
    candidates,
    decode_as,
    extents,
    kind_names,
    kind_type,
    section_kinds,
    sniff,
)
from apeitool.cli import main
from apeitool.cli.example import example
from apeitool.cper import index
from apeitool.cper.described import DescribedSection
from apeitool.errors import (
    Ambiguous,
    BadChecksum,
    BadLength,
    BadSignature,
    BadValue,
    DecodeError,
    Truncated,
)
from apeitool.wire.problem import Problem

SECTIONS = ("memory", "pcie", "arm_processor")
"""Those that an example is made of."""
CONTAINERS = (apei.Hest, apei.StatusBlock, apei.Record)

MADE = {
    "table": example("hest"),
    "block": example("block"),
    "record": example("record"),
    "described_section": DescribedSection(section=example("memory")),
    **{name: example(name) for name in SECTIONS},
}


# ---- told apart


@pytest.mark.parametrize("name", MADE)
def test_each_kind_is_told(name) -> None:
    data = MADE[name].to_bytes()
    assert candidates(data) == [name]
    assert sniff(data) == name
    assert apei.decode(data) == MADE[name]


@pytest.mark.parametrize(
    ("cls", "data"), [(c, d) for c, _, d in captured.everything()],
    ids=[name for _, name, _ in captured.everything()],
)  # fmt: skip
def test_what_was_captured_is_told(cls, data) -> None:
    assert type(apei.decode(data)) is cls


@pytest.mark.parametrize("length", [73, 74, 77, 80])
def test_memory_sections_of_older_revisions(length) -> None:
    whole = apei.MemoryErrorSection(validation_bits=0x4002, physical_address=0x1000).to_bytes()
    found = apei.decode(whole[:length])
    assert isinstance(found, apei.MemoryErrorSection)
    assert found.absent == 80 - length


@given(data=st.data())
@settings(max_examples=60)
def test_records_and_tables_are_told_by_their_signature(data) -> None:
    thing = data.draw(instances(apei.Record) | instances(apei.Hest))
    raw = thing.to_bytes()
    if raw[:4] in (b"CPER", b"HEST"):
        assert type(apei.decode(raw)) is type(thing)


@given(data=st.data())
@settings(max_examples=60)
def test_a_block_that_holds_together_is_one(data) -> None:
    block = data.draw(instances(apei.StatusBlock)).replace(error_severity=apei.Severity.FATAL)
    raw = block.replace(trailing=b"").sealed().to_bytes()
    assert "block" in candidates(raw)
    assert "block" in candidates(raw + b"more"), "a dump of the whole page"


@pytest.mark.parametrize("length", [20, 21, 64, 80, 208, 4096])
def test_zeros_say_that_no_error_is_recorded(length) -> None:
    assert candidates(bytes(length)) == ["block"]
    block = apei.decode(bytes(length))
    assert block.is_empty
    assert block.problems == ()
    assert block.to_bytes() == bytes(length)


@pytest.mark.parametrize("length", [1, 19])
def test_too_few_zeros_say_nothing(length) -> None:
    with pytest.raises(DecodeError):
        apei.decode(bytes(length))


def test_a_block_that_was_taken_is_still_a_block() -> None:
    """Linux clears the first word alone."""
    taken = MADE["block"].replace(block_status=0).to_bytes()
    assert candidates(taken) == ["block"]
    assert len(apei.decode(taken).entries) == 1


@pytest.mark.parametrize(
    ("offset", "value", "why"),
    [
        (0, 1 << 14, "a reserved bit of the status"),
        (16, 4, "no severity"),
        (12, 0xFFFF, "more data than there is"),
        (12, 71, "half an entry"),
        (8, 1, "raw data inside the header"),
        (20 + 24, 0xFFFF, "a section longer than the data"),
        (20 + 24, 7, "data behind the last entry that is none"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_block_that_does_not_hold_together_is_not_guessed(offset, value, why) -> None:
    data = bytearray(MADE["block"].to_bytes())
    struct.pack_into("<I", data, offset, value)
    assert "block" not in candidates(bytes(data))
    found = apei.decode(bytes(data), as_="block")
    assert found.to_bytes() == data


# ---- doubt


DOUBTFUL = [
    (apei.MemoryErrorSection(validation_bits=8, node=1), ("block", "memory")),
    (apei.PcieErrorSection(validation_bits=0x80), ("block", "pcie")),
]


@pytest.mark.parametrize(("section", "names"), DOUBTFUL, ids=["memory", "pcie"])
def test_bytes_that_fit_two_kinds_are_refused_with_both(section, names) -> None:
    data = section.to_bytes()
    with pytest.raises(Ambiguous) as caught:
        apei.decode(data)
    assert caught.value.candidates == names
    assert all(name in str(caught.value) for name in names)
    for name in names:
        assert apei.decode(data, as_=name).to_bytes() == data
    assert apei.decode(data, as_=names[1]) == section


@pytest.mark.parametrize("data", [b"\xff" * 300, b"hello world", b"\x7fELF" + bytes(60), b"\x01"])
def test_what_fits_nothing_is_refused_with_what_there_is(data) -> None:
    with pytest.raises(DecodeError) as caught:
        sniff(data)
    assert data[:4].hex(" ") in str(caught.value)
    assert all(name in str(caught.value) for name in kind_names())


def test_no_bytes() -> None:
    with pytest.raises(Truncated):
        sniff(b"")
    assert candidates(b"") == []


@given(st.binary(max_size=300) | damaged(st.sampled_from([m.to_bytes() for m in MADE.values()])))
@settings(max_examples=300)
def test_any_bytes_have_an_answer(data) -> None:
    names = candidates(data)
    assert set(names) <= set(kind_names())
    try:
        found = apei.decode(data)
    except DecodeError as wrong:
        said = str(wrong)
    else:
        assert found.to_bytes() == data
        assert len(names) == 1
        said = ""
    assert said.isprintable() or not said


# ---- named


@pytest.mark.parametrize("name", kind_names())
@given(data=st.data())
@settings(max_examples=40)
def test_naming_the_kind_decides(name, data) -> None:
    """Whatever the bytes: the object, or an error of ours that says what is missing."""
    raw = data.draw(st.one_of(*(encodings(cls) for cls in CONTAINERS)) | st.binary(max_size=300))
    try:
        found = decode_as(name, raw)
    except DecodeError:
        assert name == "table" or len(raw) < kind_type(name).shortest
        return
    assert type(found) is kind_type(name, raw)
    assert found.to_bytes() == raw


@pytest.mark.parametrize("cls", CONTAINERS, ids=lambda cls: cls.__name__)
def test_damaged_bytes_of_a_named_kind(cls) -> None:
    name = {apei.Hest: "hest", apei.StatusBlock: "block", apei.Record: "record"}[cls]
    whole = next(d for c, _, d in captured.everything() if c is cls)
    for data in (whole[: len(whole) // 2], b"\xff" * 4 + whole[4:], whole + b"behind"):
        found = apei.decode(data, as_=name)
        assert type(found) is cls
        assert found.to_bytes() == data


def test_names() -> None:
    assert set(section_kinds()) > set(SECTIONS)
    # A section that is written under other GUIDs too has one name.
    assert len(section_kinds()) == len(set(index.SECTIONS.values())), "a name each"
    tables = {"table", "hest", "bert", "einj", "erst"}
    parts = {"block", "region", "trigger", "set_error_type_with_address", "record"}
    assert set(kind_names()) == tables | parts | {"described_section"} | set(section_kinds())
    assert len(kind_names()) == len(set(kind_names()))
    for wrong in ("nosuch", "", "Record", "memory ", "sections.memory"):
        with pytest.raises(DecodeError, match="block"):
            kind_type(wrong)
    with pytest.raises(BadSignature, match="HEST"):
        kind_type("table", b"DSDT" + bytes(100))
    assert set(TABLES) == {"HEST", "BERT", "EINJ", "ERST"}


# ---- strict


def test_strict_raises_the_first_problem() -> None:
    hest = MADE["table"]
    for wrong, kind in (
        (hest.replace(checksum=hest.checksum ^ 1), BadChecksum),
        (hest.replace(error_source_count=9).replace(checksum=0), BadChecksum),
        (hest.replace(length=hest.length + 1), Truncated),
        (hest.replace(sources=hest.sources * 2, error_source_count=4).sealed(), BadValue),
    ):
        data = wrong.to_bytes()
        assert apei.decode(data).problems
        with pytest.raises(kind) as caught:
            apei.decode(data, strict=True)
        first = apei.decode(data).problems[0]
        assert (caught.value.offset, caught.value.path) == (first.offset, first.path)
        assert caught.value.spec == first.source
        assert first.id in str(caught.value)
    assert apei.decode(hest.to_bytes(), strict=True) == hest


@pytest.mark.parametrize(
    ("id", "kind"),
    [
        ("truncated", Truncated),
        ("section-truncated", Truncated),
        ("section-too-short", Truncated),
        ("table-checksum", BadChecksum),
        ("record-signature", BadSignature),
        ("record-length", BadLength),
        ("entry-count", BadLength),
        ("entry-rest", BadLength),
        ("section-place", BadLength),
        ("source-id", BadValue),
        ("a-rule-of-tomorrow", BadValue),
    ],
)
def test_a_problem_as_an_exception(id, kind) -> None:
    wrong = as_error(Problem(id, 7, "Hest.length", "said", "ACPI 6.5"))
    assert type(wrong) is kind
    assert all(word in str(wrong) for word in (id, "said", "0x7", "Hest.length", "ACPI 6.5"))


# ---- several objects in one file


RECORDS = list(captured.records().values())


def cut(data: bytes) -> list[bytes]:
    pieces = [data[start:end] for start, end in extents(data)]
    assert b"".join(pieces) == data
    return pieces


def test_back_to_back() -> None:
    hest = MADE["table"].to_bytes()
    for pieces in (RECORDS, [RECORDS[0], hest, RECORDS[1]], [hest, hest], RECORDS * 50):
        assert cut(b"".join(pieces)) == pieces
    assert cut(b"") == []


@given(st.lists(instances(apei.Record), min_size=1, max_size=4))
@settings(max_examples=60)
def test_records_of_any_shape(records) -> None:
    """Boundaries come from lengths."""
    pieces = [r.replace(trailing=b"", signature_start="CPER").sealed().to_bytes() for r in records]
    assert cut(b"".join(pieces)) == pieces


def test_payloads_that_hold_signatures() -> None:
    inner = MADE["record"].to_bytes() + MADE["table"].to_bytes() + b"CPERHEST"
    section = apei.OpaqueSection(data=inner)
    outer = apei.Record(body=(section,), section_descriptors=()).replace()
    outer = apei.Record(body=(section,)).to_bytes()
    assert cut(outer * 3) == [outer] * 3


def test_what_follows_but_is_nothing_stays_with_the_last() -> None:
    first, second = RECORDS
    assert cut(first + b"\0" * 50) == [first + b"\0" * 50]
    assert cut(first + second[:-9]) == [first, second[:-9]]
    assert cut(first + second + b"junk") == [first, second + b"junk"]
    assert cut(b"junk" + first) == [b"junk" + first]


@pytest.mark.parametrize("length", [0, 1, 127, 128, 0x7FFFFFFF, 0xFFFFFFFF])
def test_hostile_lengths_end(length) -> None:
    data = bytearray(MADE["record"].to_bytes())
    struct.pack_into("<I", data, 20, length)
    pieces = cut(bytes(data) * 40)
    assert len(pieces) <= 40
    for piece in pieces:
        assert apei.decode(piece).to_bytes() == piece


def test_a_length_that_is_less_than_a_header_is_no_boundary() -> None:
    """Inside a header a signature may stand too, as its timestamp for one."""
    data = bytearray(MADE["record"].to_bytes())
    for length in (24, 100, 127):
        struct.pack_into("<I", data, 20, length)
        data[length : length + 4] = b"CPER"
        struct.pack_into("<I", data, length + 20, 1 << 20)
        assert cut(bytes(data)) == [data]


@given(st.lists(st.sampled_from([b"CPER", b"HEST", b"\0\0\0\0", b"\x80\0\0\0", b"\xff" * 4]),
                max_size=80).map(b"".join))  # fmt: skip
@settings(max_examples=200)
def test_extents_lie_side_by_side(data) -> None:
    spans = list(extents(data))
    assert [start for start, _ in spans] == [0, *(end for _, end in spans[:-1])][: len(spans)]
    assert all(start < end for start, end in spans)
    assert not spans or spans[-1][1] == len(data)


# ---- boot error regions


BLOCK = MADE["block"].to_bytes()
CLEARED = MADE["block"].replace(block_status=0).to_bytes()
RAW = MADE["block"].replace(raw_data=b"of the OEM").sealed().to_bytes()


def bert(length: int) -> bytes:
    return Bert(boot_error_region_length=length, boot_error_region=0x1000).to_bytes()


@pytest.mark.parametrize("first", [BLOCK, CLEARED, RAW], ids=["block", "cleared", "raw"])
@pytest.mark.parametrize("second", [BLOCK, CLEARED, RAW], ids=["block", "cleared", "raw"])
@pytest.mark.parametrize("behind", [b"", bytes(700), b"\xff" * 30, BLOCK * 3])
def test_two_blocks_back_to_back_are_a_region(first, second, behind) -> None:
    data = first + second + behind
    assert candidates(data) == ["region"]
    region = apei.decode(data)
    assert isinstance(region, BootErrorRegion)
    assert [b.to_bytes() for b in region.blocks[:2]] == [first, second]
    assert region.to_bytes() == data


@pytest.mark.parametrize("block", [BLOCK, CLEARED, RAW], ids=["block", "cleared", "raw"])
@pytest.mark.parametrize(
    "behind",
    [b"", bytes(20), bytes(700), b"more", b"\xff" * 200, BLOCK[:-1], b"\1" + bytes(40), RECORDS[0]],
)
def test_one_block_is_a_block_whatever_follows(block, behind) -> None:
    assert candidates(block + behind) == ["block"]
    region = apei.decode(block + behind, as_="region")
    assert region.to_bytes() == block + behind


@given(data=st.data())
@settings(max_examples=60)
def test_a_second_block_makes_a_region_of_whatever_was_a_block(data) -> None:
    block = data.draw(instances(apei.StatusBlock).filter(lambda b: b.entries))
    raw = block.replace(error_severity=apei.Severity.FATAL, trailing=b"").sealed().to_bytes()
    assert "region" not in candidates(raw + bytes(100))
    assert "region" in candidates(raw + raw)
    assert "block" not in candidates(raw + raw), "one reading, not two"


@pytest.mark.parametrize("region", [BLOCK, BLOCK + RAW, CLEARED, bytes(4096), BLOCK + bytes(900)])
def test_a_table_and_its_region_in_one_file(region) -> None:
    table = bert(len(region))
    for around in (b"", RECORDS[0], table):
        captures = list(read(table + region + around, "x"))
        assert [c.data for c in captures] == [table, region, *[around] * bool(around)]
        assert [c.kind for c in captures] == [None, "region", *[None] * bool(around)]
        assert captures[1].origin == "x@0x30"
        found = decode(captures[1])
        assert isinstance(found, BootErrorRegion)
        assert not found.problems
    both = (table + region) * 3
    assert cut(both) == [table, region] * 3


@pytest.mark.parametrize("kind", ["table", "bert", "block"])
def test_naming_the_table_leaves_the_region_one(kind) -> None:
    first, second = read(bert(len(BLOCK)) + BLOCK, kind=kind)
    assert (first.kind, second.kind) == (kind, "region")


@pytest.mark.parametrize(
    ("length", "behind", "why"),
    [
        (0, BLOCK, "no room for a region"),
        (19, BLOCK, "none for a block"),
        (len(BLOCK) - 1, BLOCK, "the block is longer than its region"),
        (4096, bytes(4095), "zeros that pad the table"),
        (4096, b"\xff" * 4096, "no block"),
        (4096, BLOCK[:-1], "half a block"),
        (4096, BLOCK[:19], "half a header"),
    ],
)
def test_other_bytes_behind_the_table_stay_with_it(length, behind, why) -> None:
    data = bert(length) + behind
    assert cut(data) == [data]
    assert apei.decode(data).trailing == behind


def test_a_region_that_was_cut_short_behind_whole_blocks() -> None:
    assert cut(bert(4096) + BLOCK + RAW[:50]) == [bert(4096), BLOCK + RAW[:50]]


def test_bytes_behind_the_region_stay_with_it() -> None:
    assert cut(bert(len(BLOCK)) + BLOCK + b"junk") == [bert(len(BLOCK)), BLOCK + b"junk"]


@given(st.lists(st.sampled_from([bert(200), bert(0xFFFFFFFF), bert(20), BLOCK, RAW, bytes(20),
                                 RECORDS[0][:40], b"\xff"]), max_size=30).map(b"".join))  # fmt: skip
@settings(max_examples=200)
def test_whatever_stands_behind_a_table(data) -> None:
    cut(data)
    for capture in read(data, "x"):
        with suppress(DecodeError):
            assert decode(capture).to_bytes() == capture.data


# ---- more tables, and structures that only their name tells


@pytest.mark.parametrize("cls", [Bert, Einj, Erst])
def test_each_table_is_told_by_its_signature(cls) -> None:
    data = cls().to_bytes()
    assert TABLES[cls.spells] is cls
    assert candidates(data) == ["table"]
    for name in (None, "table", cls.spells.lower()):
        assert type(apei.decode(data, as_=name)) is cls
    assert cut(data + MADE["table"].to_bytes() + data) == [data, MADE["table"].to_bytes(), data]


@pytest.mark.parametrize(
    ("name", "thing"),
    [
        ("trigger", TriggerActionTable(entries=[EinjInstructionEntry()])),
        ("set_error_type_with_address", SetErrorTypeWithAddress(error_type=8, flags=2)),
    ],
)
def test_structures_that_only_their_name_tells(name, thing) -> None:
    data = thing.to_bytes()
    assert name not in candidates(data)
    assert apei.decode(data, as_=name) == thing
    assert apei.loads(apei.dumps(apei.decode(data, as_=name))) == thing


def test_every_kind_has_a_name() -> None:
    assert set(kind_names()) - set(section_kinds()) == {
        "table", "hest", "bert", "einj", "erst", "block", "region", "trigger",
        "set_error_type_with_address", "record", "described_section",
    }  # fmt: skip


# ---- what a folder tells


def acpi(signature: bytes, size: int = 60) -> bytes:
    return signature + struct.pack("<I", size) + bytes(size - 8)


@pytest.fixture
def sysfs(tmp_path):
    """A folder as Linux makes it."""
    content = {
        "tables/APIC": acpi(b"APIC"), "tables/BERT": bert(4096), "tables/DSDT": acpi(b"DSDT", 9000),
        "tables/HEST": MADE["table"].to_bytes(), "tables/SSDT1": acpi(b"SSDT"),
        "tables/SSDT2": acpi(b"SSDT"), "tables/data/BERT": BLOCK + bytes(4096 - len(BLOCK)),
    }  # fmt: skip
    for name, data in content.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path / "tables"


def test_tables_that_we_do_not_know_are_passed_over_in_a_folder(sysfs) -> None:
    assert [type(decode(c)) for c in container.open(sysfs)] == [Bert, apei.Hest, BootErrorRegion]
    assert len(list(container.open(sysfs, kind="table"))) == 7, "as the caller says"


def test_one_line_says_what_was_passed_over(sysfs, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["decode", str(sysfs), "--to", "jsonl"])
    out, err = capsys.readouterr()
    assert not ended.value.code
    assert [row.split('"')[3] for row in out.splitlines()] == ["Bert", "Hest", "BootErrorRegion"]
    assert err == f"{sysfs}: passed over tables of other kinds: APIC, DSDT, SSDT\n"
    with pytest.raises(SystemExit) as ended:
        main(["decode", str(sysfs / "DSDT")])
    assert ended.value.code == 1


@pytest.mark.parametrize(
    "data",
    [acpi(b"DSDT") + b"\0", acpi(b"DSDT")[:-1], b"DSDT", acpi(b"dsdt"), bytes(range(99, 199))],
)
def test_what_is_no_whole_table_is_not_passed_over(tmp_path, data) -> None:
    (tmp_path / "x").write_bytes(data)
    (capture,) = container.open(tmp_path)
    assert capture.data == data


def test_the_region_is_told_by_its_place(sysfs, monkeypatch) -> None:
    region = sysfs / "data/BERT"
    for data in (bytes(4096), b"\xff" * 100, BLOCK):
        region.write_bytes(data)
        (capture,) = container.open(region)
        assert (capture.kind, capture.data) == ("region", data)
    monkeypatch.chdir(sysfs / "data")
    assert next(container.open("BERT")).kind == "region"
    assert next(container.open("BERT", kind="block")).kind == "block"
    region.write_bytes(bert(0))
    assert next(container.open("BERT")).kind is None, "a table, in a folder of the user's"
