"""CPER-JSON on the command line: out of decode, into encode."""

import json

import captured
import pytest

import apeitool as apei
from apeitool.cper.described import DescribedSection
from apeitool.render import cper_json
from apeitool.render.json import line

SECTION = apei.MemoryErrorSection(validation_bits=8, node=3)
RECORD = apei.Record(body=[SECTION])
BLOCK = apei.StatusBlock(
    entries=[apei.GenericErrorDataEntryV3(section=SECTION, fru_text="DIMM_A1", validation_bits=2)]
    * 2
)
HEST = captured.hests()["qemu-11-virt-ras"]


@pytest.fixture
def file(tmp_path):
    """Writes bytes into a file."""

    def write(data: bytes, name: str = "x.bin"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def test_a_record_there_and_back(apeitool, file) -> None:
    done = apeitool("decode", "--to", "cper-json", file(RECORD.to_bytes()))
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.text)["sections"][0]["Memory"] == {"node": 3}
    assert apeitool("encode", "-", stdin=done.out).out == RECORD.to_bytes()


def test_a_block_is_its_sections(apeitool, file) -> None:
    done = apeitool("decode", "--to", "cper-json", file(BLOCK.to_bytes()))
    assert (done.status, done.err) == (0, "")
    first, second = json.loads(done.text)
    assert first == second
    assert first["sectionDescriptor"]["fruText"] == "DIMM_A1"
    done = apeitool("encode", "-", "--to", "section", stdin=done.out)
    assert done.out == SECTION.to_bytes() * 2


def test_several_objects_are_a_list(apeitool, file) -> None:
    done = apeitool("decode", "--to", "cper-json", file(RECORD.to_bytes() * 3))
    assert done.status == 0
    assert len(json.loads(done.text)) == 3
    assert apeitool("encode", "-", stdin=done.out).out == RECORD.to_bytes() * 3


def test_a_section_behind_its_descriptor(apeitool, file) -> None:
    described = DescribedSection(section=SECTION)
    path = file(described.to_bytes())
    done = apeitool("decode", "--to", "cper-json", path)
    assert done.status == 0
    assert apeitool("encode", "-", stdin=done.out).out == described.to_bytes()
    assert "memory error" in apeitool("decode", path).text


def test_what_is_lost_is_said(apeitool, file) -> None:
    path = file(RECORD.replace(reserved=b"\x01" * 12, trailing=b"tail").to_bytes())
    done = apeitool("decode", "--to", "cper-json", path)
    assert done.status == 0
    assert f"{path}: not in CPER-JSON: reserved" in done.err
    assert "trailing" in done.err


def test_what_has_no_place_in_the_bytes_is_said(apeitool) -> None:
    document = cper_json.document(RECORD)
    document["sections"][0]["Memory"]["mood"] = "low"
    done = apeitool("encode", "-", stdin=json.dumps(document).encode())
    assert (done.status, done.out) == (0, RECORD.to_bytes())
    assert done.err == "sections[0].Memory.mood: no place for it in the bytes\n"


def test_a_table_holds_no_error(apeitool, file) -> None:
    """Nothing of it is written; what comes after it is."""
    path = file(HEST)
    done = apeitool("decode", "--to", "cper-json", path)
    assert (done.status, done.out) == (1, b"")
    assert "Hest holds no error" in done.err
    done = apeitool("decode", "--to", "cper-json", path, file(RECORD.to_bytes(), "y.bin"))
    assert done.status == 1
    assert cper_json.is_cper_json(json.loads(done.text))


def test_both_kinds_of_json_in_one_document(apeitool) -> None:
    text = f"[{line(RECORD)}, {cper_json.dumps(RECORD)}]"
    assert apeitool("encode", "-", stdin=text.encode()).out == RECORD.to_bytes() * 2


def test_what_is_wrong_is_named(apeitool) -> None:
    document = cper_json.document(RECORD)
    document["header"]["recordID"] = "many"
    done = apeitool("encode", "-", stdin=json.dumps([document]).encode())
    assert (done.status, done.out) == (1, b"")
    assert "items[0].header.recordID" in done.err


def test_a_dialect_chooses_words(apeitool, file) -> None:
    section = apei.ArmProcessorErrorSection(error_information=[apei.ErrorInformation(type=2)])
    path = file(apei.Record(body=[section]).to_bytes())
    for dialect, name in (("uefi", "Cache Error"), ("libcper", "TLB Error")):
        done = apeitool("decode", "--to", "cper-json", "--dialect", dialect, path)
        assert f'"name": "{name}"' in done.text
