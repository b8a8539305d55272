"""What others wrap records in: each as its own maker writes it, laid out by hand or by its library."""

import base64
import json
import sqlite3
import struct
from pathlib import Path
from uuid import UUID

import captured
import pytest

import apeitool as apei
from apeitool.capture.capture import Capture
from apeitool.capture.container import read
from apeitool.render import cper_json
from apeitool.render import json as lossless

RECORD = captured.records()["record-1"]
BLOCK = captured.blocks()["qemu-11-virt-ras-hardware_errors-pending-1"][:172]
MEMORY = BLOCK[-80:]
"""The memory section that QEMU 11 carried."""


def found(data: bytes, origin: str = "f") -> list[apei.Capture]:
    return list(read(data, origin))


# ---- Redfish, QMP


def entry(data: bytes, kind: str, **more) -> dict:
    return {"Id": "1", "DiagnosticDataType": kind, "DiagnosticData": base64.b64encode(data).decode(), **more}  # fmt: skip


def test_a_redfish_log() -> None:
    section = {"SectionType": "A5BC1114-6F64-4EDE-B863-3E83ED7C83B1"}
    log = {
        "Members": [
            {"Id": "0", "Message": "no data"},
            entry(RECORD, "CPER"),
            entry(MEMORY, "CPERSection", CPER=section),
            entry(RECORD, "CPERSection"),  # the label is wrong
            entry(RECORD, "CPERSection", CPER=section),  # as NVIDIA's HGX has it
        ]
    }
    for text in (json.dumps(log), json.dumps(log, indent=4), "\ufeff" + json.dumps(log)):
        captures = found(text.encode())
        assert [c.data for c in captures] == [RECORD, MEMORY, RECORD, RECORD]
        assert [c.origin for c in captures] == [f"f:$.Members[{i}]" for i in (1, 2, 3, 4)]
        kinds = [type(apei.decode(c)).__name__ for c in captures]
        assert kinds == ["Record", "MemoryErrorSection", "Record", "Record"]


def test_base64_that_is_wrapped() -> None:
    text = "\n".join(
        base64.b64encode(RECORD).decode()[i : i + 76] for i in range(0, 2 * len(RECORD), 76)
    )
    assert found(json.dumps({"DiagnosticData": text}).encode())[0].data == RECORD


def test_a_log_of_a_monitor() -> None:
    command = {"execute": "inject-ghes-v2-error", "arguments": {"cper": base64.b64encode(BLOCK).decode()}}  # fmt: skip
    lines = ['{"execute": "qmp_capabilities"}', json.dumps(command), "", json.dumps(command)]
    captures = found("\n".join(lines).encode())
    assert [(c.data, c.kind, c.origin) for c in captures] == [
        (BLOCK, "block", "f:2:$"),
        (BLOCK, "block", "f:4:$"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"DiagnosticData": "QQ=', "no JSON"),
        ('{"DiagnosticData": "!!!"}', "no base64"),
        ('{"DiagnosticData":"AAAA"}\n{"DiagnosticData"', "f:2"),
        ("[" * 100_000 + '"DiagnosticData":', "no JSON"),
    ],
)
def test_json_that_is_none(text, said) -> None:
    with pytest.raises(apei.CaptureError, match=said):
        found(text.encode())


def test_a_bad_entry_does_not_hide_the_others() -> None:
    log = {"Members": [{"DiagnosticData": "!"}, entry(RECORD, "CPER")]}
    taken = []
    with pytest.raises(apei.CaptureError, match="base64"):
        taken.extend(c.data for c in read(json.dumps(log).encode(), "f"))
    assert [c.data for c in _until_error(json.dumps(log).encode())] == [RECORD]


def _until_error(data: bytes):
    try:
        yield from read(data, "f")
    except apei.CaptureError:
        return


# ---- Windows

EVENT = """<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>
<Provider Name='Microsoft-Windows-WHEA-Logger'/><EventID>18</EventID><EventRecordID>{id}</EventRecordID>
</System><EventData><Data Name={quote}ErrorSource{quote}>3</Data><Data Name={quote}Length{quote}>9</Data>
<Data Name={quote}RawData{quote}>{raw}</Data></EventData></Event>"""


def event(raw: str, id: int = 7, quote: str = "'") -> str:
    return EVENT.format(raw=raw, id=id, quote=quote)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_events_of_the_viewer(encoding, quote) -> None:
    raw = RECORD.hex().upper()
    head = '<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n<Events>'
    other = "<Event><System><EventRecordID>6</EventRecordID></System></Event>"
    text = f"{head}{other}{event(raw, 7, quote)}\n{event(raw, 8, quote)}</Events>"
    captures = found(text.encode(encoding))
    assert [(c.data, c.origin) for c in captures] == [(RECORD, "f:event 7"), (RECORD, "f:event 8")]


def test_a_fragment_that_was_pasted() -> None:
    assert found(event(RECORD.hex()).encode())[0].data == RECORD


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (event("57684C67" + "00" * 40), "WhLg"),
        (event("xyz"), "no hex"),
        (event("00").replace("</System>", ""), "no XML"),
    ],
)
def test_events_without_a_record(text, said) -> None:
    with pytest.raises(apei.CaptureError, match=said):
        found(text.encode())


def test_packets_beside_a_record_are_skipped() -> None:
    text = event("57684C67" + "00" * 40, 1) + event(RECORD.hex(), 2)
    assert [(c.data, c.origin) for c in found(text.encode())] == [(RECORD, "f:event 2")]


def test_events_that_carry_nothing_need_not_be_xml() -> None:
    text = "<Event><a></Event>" + event(RECORD.hex(), 2)
    assert [c.data for c in found(text.encode())] == [RECORD]


def numbered(data: bytes, id: int, number: int) -> str:
    text = event(data.hex(), id)
    return text.replace("<EventData>", f"<EventData><Data Name='SeqNum'>{number}</Data>")


def test_a_record_that_is_spread_over_events() -> None:
    cut = [RECORD[:150], RECORD[150:250], RECORD[250:]]
    pieces = [numbered(piece, 10 + i, i) for i, piece in enumerate(cut)]
    (capture,) = found("".join(pieces).encode())
    assert (capture.data, capture.origin) == (RECORD, "f:event 10 to 12")
    captures = found((pieces[0] + pieces[2] + event(RECORD.hex(), 20)).encode())
    assert [c.data for c in captures] == [cut[0], cut[2], RECORD], "one is missing: none is made up"
    captures = found((pieces[0] + event(RECORD.hex(), 20)).encode())
    assert [c.data for c in captures] == [cut[0], RECORD]


def test_a_damaged_event_log() -> None:
    pytest.importorskip("evtx")
    with pytest.raises(apei.CaptureError, match="event log"):
        found(b"ElfFile\0" + bytes(5000))


# ---- envelopes


def test_a_variable_of_efivarfs() -> None:
    (capture,) = found(struct.pack("<I", 0x0F) + RECORD)
    assert (capture.data, capture.kind) == (RECORD, "record")


def test_events_of_pldm() -> None:
    (capture,) = found(struct.pack("<BBH", 1, 0, len(RECORD)) + RECORD)
    assert (capture.data, capture.kind) == (RECORD, "record")
    (capture,) = found(struct.pack("<BBH", 1, 1, len(MEMORY)) + MEMORY)
    assert (capture.data, capture.kind) == (MEMORY, None)


def test_qemus_blob_in_guest_memory() -> None:
    path = Path(captured.FIXTURES) / "qemu-11-virt-ras/hardware_errors-pending.bin"
    captures = found(path.read_bytes())
    assert [c.origin for c in captures] == [
        "f:block 0, acknowledged",
        "f:block 1, not acknowledged",
    ]
    assert [len(apei.decode(c).entries) for c in captures] == [0, 1]


# ---- rasdaemon

TABLES = """
create table mc_event (id integer primary key);
create table non_standard_event (id integer primary key, timestamp text, sec_type blob, fru_id blob,
  fru_text text, severity text, error blob);
create table arm_event (id integer primary key, timestamp text, error_count integer, affinity integer,
  mpidr integer, running_state integer, psci_state integer, err_info blob, context_info blob,
  vendor_info blob);
create table extlog_event (id integer primary key, timestamp text, etype integer, error_count integer,
  severity integer, address integer, fru_id blob, fru_text text, cper_data blob);
"""
"""As rasdaemon makes them."""

GUID = UUID("a5bc1114-6f64-4ede-b863-3e83ed7c83b1").bytes_le


def database(*statements: tuple[str, tuple]) -> bytes:
    made = sqlite3.connect(":memory:")
    made.executescript(TABLES)
    for statement, values in statements:
        made.execute(statement, values)
    made.commit()
    return made.serialize()


def test_sections_of_unknown_types() -> None:
    insert = "insert into non_standard_event (sec_type, error) values (?, ?)"
    captures = found(database((insert, (GUID, MEMORY)), (insert, (GUID + b"more", MEMORY))))
    assert [(c.data, c.origin) for c in captures] == [
        (MEMORY, "f:non_standard_event 1"),
        (MEMORY, "f:non_standard_event 2"),
    ]
    assert all(isinstance(apei.decode(c), apei.MemoryErrorSection) for c in captures)


def test_an_arm_event() -> None:
    info = struct.pack("<BBHBHBQQQ", 0, 32, 0x10, 2, 0, 0, 0, 0, 0x1000)
    context = struct.pack("<HHI", 0, 4, 256) + bytes(256)
    insert = (
        "insert into arm_event (affinity, mpidr, running_state, psci_state, err_info, context_info,"
        " vendor_info) values (?, ?, ?, ?, ?, ?, ?)"
    )
    row = (1, -0x7FFFFFFF_00000000, 1, 0, info, context, b"vendor")
    (capture,) = found(database((insert, row)))
    section = apei.decode(capture)
    assert isinstance(section, apei.ArmProcessorErrorSection)
    assert section.problems == ()
    assert section.mpidr_el1 == 0x80000001_00000000
    assert section.physical_addresses == (0x1000,)
    assert len(section.context_information) == 1
    assert section.vendor_specific_information == b"vendor"


@pytest.mark.parametrize("last", [b"\x81", b""], ids=["with extended", "older"])
def test_an_extlog_event(last) -> None:
    valid = 0xFF & ~1 | 1 << 15
    data = struct.pack("<Q8H3Q3H", valid, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 9, 0, 0) + last
    insert = "insert into extlog_event (etype, address, cper_data) values (?, ?, ?)"
    (capture,) = found(database((insert, (2, 0x1234000, data))))
    section = apei.decode(capture)
    assert isinstance(section, apei.MemoryErrorSection)
    assert (section.node, section.card, section.module, section.rank_number) == (1, 2, 3, 9)
    assert section.physical_addresses == (0x1234000,)
    assert not section.is_valid("physical_address_mask")


def test_databases_that_are_none_of_rasdaemon() -> None:
    other = sqlite3.connect(":memory:")
    other.execute("create table t (a)")
    other.commit()
    for data, said in ((other.serialize(), "none of rasdaemon"), (database()[:900], "damaged")):
        with pytest.raises(apei.CaptureError, match=said):
            found(data)


@pytest.mark.parametrize(
    "statement",
    [
        (
            "create view non_standard_event as with recursive n(id) as "
            "(select 1 union all select id + 1 from n) select id, 1 as sec_type, 1 as error from n where 0"
        ),
        "create virtual table non_standard_event using fts4(error)",
    ],
)
def test_what_computes_its_rows_is_not_asked_for_any(statement) -> None:
    hostile = sqlite3.connect(":memory:")
    hostile.execute("create table mc_event (id)")
    hostile.execute(statement)
    assert found(hostile.serialize()) == []


def test_a_column_of_any_length_is_not_computed() -> None:
    hostile = sqlite3.connect(":memory:")
    hostile.execute(
        "create table non_standard_event (id, sec_type, error as (zeroblob(900000000)))"
    )
    hostile.execute("insert into non_standard_event values (1, zeroblob(16))")
    with pytest.raises(apei.CaptureError, match="too big"):
        found(hostile.serialize())


# ---- JSON that describes objects


def test_lossless_json_is_the_bytes_that_it_tells_of() -> None:
    things = [apei.decode(data) for data in (RECORD, BLOCK)] + [apei.decode(MEMORY, as_="memory")]
    for text in ("".join(lossless.envelope(things)), "\n".join(map(lossless.line, things))):
        captures = found(text.encode())
        assert [c.data for c in captures] == [RECORD, BLOCK, MEMORY]
        assert not any(c.reconstructed for c in captures)
        assert [apei.decode(c) for c in captures] == things
    (capture,) = found(lossless.dumps(things[0]).encode())
    assert capture == Capture(RECORD, "record", "f")


def test_cper_json_is_put_together() -> None:
    record = apei.decode(RECORD)
    (capture,) = found(cper_json.dumps(record).encode())
    assert (capture.kind, capture.reconstructed) == ("record", "CPER-JSON")
    assert apei.decode(capture).sections == record.sections
    block = apei.decode(BLOCK)
    (capture,) = found(cper_json.dumps(block).encode())
    assert (capture.kind, capture.origin) == ("described_section", "f:items[0]")
    assert apei.decode(capture).section == block.sections[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"sectionDescriptor": ', "no JSON"),
        ('{"sectionDescriptor": 1, "section": 2}', "sectionDescriptor"),
        ('{"schema": "apeitool/9", "items": []}', "is not 'apeitool/1'"),
        ('{"kind": "Nonsense"}', "Nonsense"),
        ('{"kind": "CxlDevice"}', "CxlDevice"),
    ],
)
def test_descriptions_of_nothing(text, said) -> None:
    with pytest.raises(apei.CaptureError, match=said):
        found(text.encode())
