"""CPER-JSON by itself: what comes back, what is said to be lost, and what hostile JSON leads to.

That its words are libcper's is held by ``tests/oracle/test_cper.py``.
"""

import copy
import json
from contextlib import suppress
from datetime import datetime
from typing import Any

import captured
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import encodings, instances

import apeitool as apei
from apeitool.cper.described import DescribedSection
from apeitool.cper.dialect import forced, using
from apeitool.cper.guids import LINUX_PSTORE, WINDOWS
from apeitool.cper.record import Gap, Record, SectionDescriptor
from apeitool.cper.section import OpaqueSection
from apeitool.cper.timestamp import Timestamp
from apeitool.errors import EncodeError
from apeitool.render import cper_json
from apeitool.render.members import as_written, camel

PLACE = 0x1234_5000


def memory(**fields: Any) -> apei.MemoryErrorSection:
    return apei.MemoryErrorSection(validation_bits=2, physical_address=PLACE, **fields)


def record(*body: Any, **fields: Any) -> Record:
    return Record(body=body or [memory()], **fields)


def back(thing: Any) -> Any:
    """What comes back of an object."""
    return cper_json.loads(cper_json.dumps(thing))


def lost(thing: Any) -> list[str]:
    return [*cper_json.losses(thing)]


# ---- there and back


def test_facts_come_back() -> None:
    whole = record(
        memory(),
        error_severity=apei.Severity.FATAL,
        record_id=1 << 63,
        validation_bits=2,
        timestamp=int(Timestamp.of(datetime(2026, 11, 22, 1, 18, 5), precise=True)),  # noqa: DTZ001
    )
    assert back(whole) == whole
    assert lost(whole) == []


@pytest.mark.parametrize("cls", [Record, DescribedSection], ids=lambda cls: cls.__name__)
@given(data=st.data())
@settings(max_examples=100)
def test_what_does_not_come_back_is_said(cls, data) -> None:
    thing = data.draw(instances(cls)) if data.draw(st.booleans()) else None
    if thing is None:
        thing = cls.from_bytes(data.draw(encodings(cls)))
    there = cper_json.document(thing)
    found, unread = cper_json.read(there)
    assert unread == []
    assert (found.to_bytes() == thing.to_bytes()) == (lost(thing) == [])


@given(data=st.data())
@settings(max_examples=60)
def test_blocks_are_their_sections(data) -> None:
    block = data.draw(instances(apei.StatusBlock))
    documents = cper_json.document(block)
    assert len(documents) == len(block.entries)
    for entry, document in zip(block.entries, documents, strict=True):
        found, unread = cper_json.read(document)
        assert unread == []
        assert isinstance(found, DescribedSection)
        assert found.descriptor.section_type == entry.section.guid
        assert found.descriptor.section_severity == entry.error_severity
    assert isinstance(lost(block), list)


@pytest.mark.parametrize(
    ("thing", "what"),
    [
        (record(trailing=b"tail"), "trailing"),
        (record(Gap(data=b"gap"), memory()), "body[0]: a gap of 3 bytes"),
        (record(memory(node=5)), "node: 5; 0 comes back"),
        (record(memory(trailing=b"\x01")), "trailing"),
        (record(reserved=b"\x01" * 12), "reserved"),
        (record(platform_id=apei.MemoryErrorSection.guid), "platform_id"),
        (record(validation_bits=8), "validation_bits"),
        (record(signature_start="REPC"), "signature_start"),
        (apei.StatusBlock(raw_data=b"1234"), "4 bytes of raw data"),
        (memory(node=5), "node"),
    ],
)  # fmt: skip
def test_a_loss_is_named(thing, what) -> None:
    assert any(what in loss for loss in lost(thing)), lost(thing)


def test_a_table_holds_no_error() -> None:
    with pytest.raises(EncodeError, match="Hest"):
        cper_json.dumps(apei.Hest())


def test_captured_bytes() -> None:
    for data in captured.records().values():
        found = apei.decode(data)
        assert isinstance(back(found), Record)


# ---- what libcper has no word for


def test_a_type_without_a_key_is_bytes() -> None:
    guid = SectionDescriptor().section_type
    whole = record(OpaqueSection(guid=guid, data=b"\x01\x02"))
    document = cper_json.document(whole)
    assert document["sections"][0]["Unknown"] == {"data": "AQI="}
    assert back(whole) == whole


def test_bytes_of_a_known_type_are_decoded() -> None:
    document = cper_json.document(record())
    inner = memory().to_bytes()
    data = cper_json.document(record(OpaqueSection(data=inner)))["sections"][0]["Unknown"]
    document["sections"][0] = {"Unknown": data}
    assert cper_json.read(document)[0] == record()


def test_a_short_section_comes_back_as_short() -> None:
    whole = record(memory(absent=7))
    assert back(whole) == whole


def test_sections_come_back_in_the_order_of_the_wire() -> None:
    whole = record(memory(), apei.PcieErrorSection())
    turned = whole.replace(section_descriptors=whole.section_descriptors[::-1])
    assert [s.title for s in turned.sections] == ["PCIe error", "memory error"]
    assert back(turned) == turned


# ---- moments


@pytest.mark.parametrize(
    ("creator", "timestamp", "text"),
    [
        (None, 0x2026_1122_0101_1805, "2026-11-22T01:18:05+00:00"),
        (None, 0x2026_0231_0024_1805, "2026-02-31T24:18:05+00:00"),
        (WINDOWS, 0x1418_0B09_0009_3721, "2024-11-09T09:55:33+00:00"),
        (LINUX_PSTORE, 1_700_000_000, "2023-11-14T22:13:20+00:00"),
        (None, 0xFFFF_FFFF_FFFF_FFFF, None),
    ],
)
def test_moments(creator, timestamp, text) -> None:
    fields = (
        {} if creator is None else {"creator_id": apei.MemoryErrorSection.guid.__class__(creator)}
    )
    whole = record(timestamp=timestamp, validation_bits=2, **fields)
    assert cper_json.document(whole)["header"].get("timestamp") == text
    came = back(whole)
    assert came.is_valid("timestamp") == (text is not None)
    is_bcd = text is not None and Timestamp(timestamp).is_bcd and creator != LINUX_PSTORE
    assert (came.timestamp == timestamp) == is_bcd


@pytest.mark.parametrize(
    "text", ["2026-11-22", "22.11.2026 01:18:05", "2026-11-22T01:18:05+02:00", 5, None, ""]
)
def test_a_moment_of_another_form_is_wrong(text) -> None:
    document = cper_json.document(record())
    document["header"]["timestamp"] = text
    with pytest.raises(EncodeError, match=r"header\.timestamp"):
        cper_json.read(document)


# ---- names


def test_names() -> None:
    assert camel("record_id") == "recordID"
    assert camel("CONTAINMENT_WARNING") == "containmentWarning"
    assert camel("precise_pc") == "precisePC"
    assert as_written("link_status_2") == "link_status2"
    assert as_written("ttbr0_el1") == "ttbr0_el1"
    assert as_written("BAD_TLP") == "bad_tlp"


def test_a_dialect_chooses_names() -> None:
    section = apei.ArmProcessorErrorSection(
        error_information=[
            apei.ErrorInformation(validation_bits=4, type=2, error_information=4 | 3 << 22)
        ]
    )
    for dialect, key, name in (
        ("uefi", "cacheError", "Cache Error"),
        ("libcper", "tlbError", "TLB Error"),
        ("uefi-2.9", "busError", "Bus Error"),
    ):
        with using(forced(dialect)):
            document = cper_json.document(section)
        (information,) = document["section"]["ArmProcessor"]["errorInfo"]
        assert information["errorType"] == {"value": 2, "name": name}
        assert information["errorInformation"] == {key: {"level": 3}}
        assert cper_json.read(document)[0].section == section


# ---- JSON of others


def test_missing_members_have_defaults_or_are_derived() -> None:
    document = {
        "sectionDescriptor": {"sectionType": {"data": str(apei.MemoryErrorSection.guid)}},
        "section": {"Memory": {"physicalAddress": PLACE}},
    }
    assert cper_json.read(document)[0].section == memory()


def test_what_has_no_place_is_told() -> None:
    document = cper_json.document(record())
    document["more"] = 1
    document["header"]["colour"] = "blue"
    document["header"]["severity"]["shade"] = "light"
    document["sections"][0]["Memory"]["mood"] = "low"
    _, unread = cper_json.read(document)
    assert sorted(unread) == [
        "header.colour",
        "header.severity.shade",
        "more",
        "sections[0].Memory.mood",
    ]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("header.recordLength", -1, "not negative"),
        ("header.recordLength", "280", "not negative"),
        ("header.recordLength", 1 << 64, "record_length"),
        ("header.recordID", 1 << 3000, "a number of 3001 bits"),
        ("header.creatorID", "none", "a GUID"),
        ("header.severity", {}, "an object that has code"),
        ("header.severity", 1, "an object that has code"),
        ("header.revision.major", 256, "there are 8 bits"),
        ("header.revision", [], "an object needed"),
        ("sectionDescriptors[0].flags.primary", 2, "true or false"),
        ("sectionDescriptors[0].flags.primary", "yes", "true or false"),
        ("sectionDescriptors[0].fruText", "grün", "ASCII"),
        ("sectionDescriptors[0].fruText", "x" * 21, "fru_text"),
        ("sectionDescriptors", {}, "a list needed"),
        ("sections", [], "0 sections given, 1 are described"),
        ("sections[0]", None, "an object needed"),
        ("sections[0]", {"Pcie": {}}, "Memory or Unknown"),
        ("sections[0].Memory", 5, "an object needed"),
        ("sections[0].Memory.bank", {"address": 256}, "there are 8 bits"),
        ("sections[0]", {"Unknown": {"data": "*"}}, "base64"),
    ],
)
def test_what_is_wrong_is_named(path, value, message) -> None:
    document = cper_json.document(record())
    place: Any = document
    *steps, last = path.replace("[", ".[").split(".")
    for step in steps:
        place = place[int(step[1:-1]) if step.startswith("[") else step]
    place[int(last[1:-1]) if last.startswith("[") else last] = value
    with pytest.raises(EncodeError, match=message) as wrong:
        cper_json.read(document)[0].to_bytes()
    assert wrong.value.path


def test_pcie_needs_its_bytes() -> None:
    section = apei.PcieErrorSection(validation_bits=0xFF)
    for key, size in (("capabilityStructure", 60), ("aerInfo", 96)):
        document = cper_json.document(section)
        del document["section"]["Pcie"][key]["data"]
        with pytest.raises(EncodeError, match=rf"{key}\.data"):
            cper_json.read(document)
        document["section"]["Pcie"][key]["data"] = "A" * 4 * (size // 3 + 1)
        with pytest.raises(EncodeError, match=f"there is room for {size}"):
            cper_json.read(document)


NOISE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(data=st.data())
@settings(max_examples=300)
def test_any_json_has_an_answer(data) -> None:
    """Anything may stand anywhere: it is read, or an error names the place."""
    document = copy.deepcopy(cper_json.document(data.draw(instances(Record))))
    for _ in range(data.draw(st.integers(1, 3))):
        place, key = data.draw(st.sampled_from([*places(document)]))
        place[key] = data.draw(NOISE)
    with suppress(EncodeError):
        found, _ = cper_json.read(document)
        assert len(found.to_bytes()) <= 4 * len(json.dumps(document))


def places(plain: Any) -> Any:
    """(container, key) of every value."""
    pairs = plain.items() if isinstance(plain, dict) else enumerate(plain)
    for key, value in list(pairs):
        yield plain, key
        if isinstance(value, dict | list):
            yield from places(value)
