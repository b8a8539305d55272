"""encode: JSON and TOML to bytes, hex and C; its exit statuses."""

import base64
import json
import re
import shutil
import subprocess

import captured
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import apeitool as apei
from apeitool.capture import acpidump
from apeitool.cli.encode import is_toml
from apeitool.cli.example import example
from apeitool.cli.new import KINDS
from apeitool.render.json import envelope, line
from apeitool.render.toml import template

HEST = captured.hests()["qemu-11-virt-ras"]
RECORDS = list(captured.records().values())
SECTION = apei.MemoryErrorSection(validation_bits=8, node=3)
SMALL = SECTION.to_bytes()


# ---- what goes in


@pytest.mark.parametrize("kind", KINDS)
def test_json_and_toml_of_the_same_thing(apeitool, kind) -> None:
    thing = example(kind)
    document = "".join(envelope([thing]))
    for text in (document, apei.dumps(thing), line(thing), template(thing), f"[{line(thing)}]"):
        for way in (text, f"\n\n  {text}", text.replace("\n", "\r\n")):
            done = apeitool("encode", "-", stdin=way.encode())
            assert (done.status, done.out, done.err) == (0, thing.to_bytes(), "")


@pytest.mark.parametrize("text", [apei.dumps(SECTION), template(SECTION)], ids=["JSON", "TOML"])
def test_a_byte_order_mark_is_no_matter(apeitool, text) -> None:
    """Editors of Windows write one."""
    done = apeitool("encode", "-", stdin=b"\xef\xbb\xbf" + text.encode())
    assert (done.status, done.out) == (0, SMALL)


def test_several_objects_follow_one_another(apeitool) -> None:
    things = [apei.decode(HEST), SECTION, apei.decode(RECORDS[0])]
    whole = HEST + SMALL + RECORDS[0]
    rows = "\n".join(map(line, things))
    for text in ("".join(envelope(things)), rows, f"[{','.join(map(line, things))}]"):
        assert apeitool("encode", "-", stdin=text.encode()).out == whole


def test_from_a_file_into_a_file(apeitool, tmp_path) -> None:
    path, target = tmp_path / "x.json", tmp_path / "x.bin"
    path.write_text(apei.dumps(SECTION))
    done = apeitool("encode", path, "-o", target)
    assert (done.status, done.out, done.err) == (0, b"", "")
    assert target.read_bytes() == SMALL
    assert apeitool("encode", path, "-o", path).status == 0
    assert path.read_bytes() == SMALL


@pytest.mark.parametrize("text", ["{}", " {", "[{", "[ {", "\n[\n{", "[]", "[ ]"])
def test_what_is_json(text) -> None:
    assert not is_toml(text)


@pytest.mark.parametrize(
    "text", ["", "kind = 1", "# {", "[table]", "[[list]]", "\n[table]", '"a" = 1']
)
def test_what_is_toml(text) -> None:
    assert is_toml(text)


# ---- what comes out


def test_hex_is_what_decode_reads(apeitool) -> None:
    for data in (HEST, SMALL, *RECORDS):
        document = apeitool("decode", "--as", named(data), "--to", "json", stdin=data).out
        text = apeitool("encode", "-", "--to", "hex", stdin=document).out
        assert bytes.fromhex(text.decode()) == data
        assert max(map(len, text.splitlines())) <= 80
        again = apeitool("decode", "--as", named(data), "--to", "json", stdin=text)
        assert again.out == document


def named(data: bytes) -> str:
    return {b"HEST": "hest", b"CPER": "record"}.get(data[:4], "memory")


def test_a_c_array_compiles(apeitool, tmp_path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    text = apeitool(
        "encode", "-", "--to", "c", stdin="".join(envelope([SECTION] * 2)).encode()
    ).text
    assert re.findall(r"(\w+)\[(\d+)\]", text) == [("apei_0", "80"), ("apei_1", "80")]
    one = apeitool("encode", "-", "--to", "c", stdin=apei.dumps(SECTION).encode()).text
    numbers = re.findall(r"0x([0-9a-f]{2}),", one)
    assert bytes.fromhex("".join(numbers)) == SMALL
    if compiler is None:
        pytest.skip("no C compiler is here: apt-get install gcc")
    source, program = tmp_path / "x.c", tmp_path / "x"
    main = "int main(void) { return fwrite(apei, 1, sizeof apei, stdout) != sizeof apei; }\n"
    source.write_text(f"#include <stdio.h>\n{one}{main}")
    subprocess.run([compiler, "-Wall", "-Werror", "-o", program, source], check=True)
    assert subprocess.run([program], capture_output=True, check=True).stdout == SMALL


def test_given_numbers_are_kept_and_sealed_ones_are_new(apeitool) -> None:
    wrong = apei.decode(HEST).replace(checksum=1, length=7, error_source_count=9)
    document = apei.dumps(wrong).encode()
    assert apeitool("encode", "-", stdin=document).out == wrong.to_bytes()
    assert apeitool("encode", "-", "--sealed", stdin=document).out == HEST
    bare = {"kind": "Hest", "sources": [{"kind": "GhesV2"}]}
    made = apeitool("encode", "-", stdin=json.dumps(bare).encode()).out
    assert apei.decode(made).problems == ()


# ---- what is no document


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "kind"),
        ("# nothing", "kind"),
        ("nonsense", "TOML"),
        ("{", "JSON"),
        ("[[1]]", ""),
        ('"text"', ""),
        ("null", ""),
        ('{"kind": "Hest"', "JSON"),
        ('{"kind": "Nosuch"}', "'Nosuch'"),
        ('{"kind": "Hest", "nosuch": 1}', "Hest.nosuch"),
        ('{"kind": "Hest", "revision": 256}', "Hest.revision"),
        ('{"kind": "Hest", "revision": "x"}', "Hest.revision"),
        ('{"schema": "apeitool/2", "items": []}', "schema"),
        ('{"kind": "StatusBlock", "entries": [{"kind": "MemoryErrorSection"}]}', "entries"),
        ('{"kind": "GenericErrorDataEntry"}', "GenericErrorDataEntry"),
        ('{"kind": "Record", "error_severity": "0x' + "f" * 5000 + '"}', "Record.error_severity"),
        ('kind = "Hest"\nrevision = ' + "9" * 5000, "TOML"),
        ('{"a": ' * 100_000, "JSON"),
    ],
    ids=lambda text: text[:40],
)
def test_no_document(apeitool, tmp_path, text, said) -> None:
    target = tmp_path / "out"
    done = apeitool("encode", "-", "-o", target, stdin=text.encode())
    assert (done.status, done.out) == (1, b"")
    assert done.err.startswith("apeitool: ")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert len(done.err) < 500
    assert not target.exists(), "nothing is written of what is not whole"


def test_the_second_object_is_wrong(apeitool) -> None:
    text = f'[{line(SECTION)}, {{"kind": "Hest", "revision": 256}}]'
    done = apeitool("encode", "-", stdin=text.encode())
    assert (done.status, done.out) == (1, b"")
    assert "items[1]" in done.err


@pytest.mark.parametrize("data", [HEST, b"\xff\xfe{\0}", b"\x80"], ids=ascii)
def test_bytes_are_no_text(apeitool, data) -> None:
    done = apeitool("encode", "-", stdin=data)
    assert (done.status, done.out) == (1, b"")
    assert "text" in done.err


@pytest.mark.parametrize(
    "data",
    [
        HEST,
        acpidump.dump(HEST),
        HEST.hex(" ").encode(),
        acpidump.dump(HEST).decode().encode("utf-16"),
    ],
)
def test_bytes_are_described_by_decode(apeitool, data) -> None:
    done = apeitool("encode", "--sealed", "-", stdin=data)
    assert (done.status, done.out) == (1, b"")
    assert "decode --to json" in done.err


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_text_that_powershell_wrote(apeitool, encoding) -> None:
    for form in (apei.dumps, template):
        text = form(apei.decode(HEST)).encode(encoding)
        assert apeitool("encode", "-", stdin=text).out == HEST


def test_files_that_cannot_be_read(apeitool, tmp_path) -> None:
    for name in (tmp_path / "nosuch", tmp_path):
        done = apeitool("encode", name)
        assert (done.status, done.out) == (1, b"")
        assert str(name) in done.err


@given(
    st.text(max_size=200)
    | st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
        | st.sampled_from(["Hest", "Record", "StatusBlock", "GhesV2"]),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "items", "schema", "sources", "entries", "body", "length",
                             "section_descriptors", "error_severity", "checksum", "trailing"]),
            inner, max_size=4,
        ),
        max_leaves=12,
    ).map(json.dumps)
)  # fmt: skip
@settings(max_examples=300)
def test_any_input_has_an_answer(apeitool, text) -> None:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    done = apeitool("encode", "-", stdin=data)
    assert done.status in (0, 1)
    assert done.status == 0 or (done.err.startswith("apeitool: ") and done.out == b"")


def test_names_in_a_document_are_harmless_on_a_terminal(apeitool) -> None:
    """Documents are sent around like records."""
    for document in ({"kind": "Hest", "\x1b[2J\x07": 1}, {"kind": "\x1b[2J\x07"}):
        done = apeitool("encode", "-", "--to", "hex", stdin=json.dumps(document).encode(),
                        terminal=True)  # fmt: skip
        assert done.status == 1
        assert "\x1b" not in done.err
        assert "\x07" not in done.err


# ---- wrong usage


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("-", "--to", "nosuch"), ("--nosuch", "-")])
def test_wrong_usage(apeitool, arguments) -> None:
    done = apeitool("encode", *arguments)
    assert (done.status, done.out) == (2, b"")
    assert "Usage: apeitool encode" in done.err


def test_binary_is_not_for_a_terminal(apeitool, tmp_path) -> None:
    text = apei.dumps(SECTION).encode()
    done = apeitool("encode", "-", stdin=text, terminal=True)
    assert (done.status, done.out) == (2, b"")
    assert "--to hex" in done.err
    assert apeitool("encode", "-", "--to", "hex", stdin=text, terminal=True).status == 0
    assert apeitool("encode", "-", "-o", tmp_path / "x", stdin=text, terminal=True).status == 0


# ---- into another carrier

ENTRY = apei.GenericErrorDataEntryV3(
    section=SECTION, error_severity=apei.Severity.CORRECTED, validation_bits=2, fru_text="DIMM_A1"
)
BLOCK = apei.StatusBlock(entries=[ENTRY], error_severity=apei.Severity.CORRECTED)


@pytest.mark.parametrize("form", ["record", "block", "section", "qmp"])
def test_a_block_in_another_carrier(apeitool, form) -> None:
    done = apeitool("encode", "--to", form, "-", stdin=apei.dumps(BLOCK).encode())
    assert done.status == 0
    assert ("lost: severities" in done.err) == (form == "section")
    if form == "qmp":
        payload = json.loads(done.text)["arguments"]["cper"]
        assert base64.b64decode(payload) == BLOCK.to_bytes()
        return
    as_ = "memory" if form == "section" else form
    assert apei.decode(done.out, as_=as_).problems == ()
    assert SMALL in done.out
    assert (b"DIMM_A1" in done.out) == (form != "section")


def test_the_severity_of_a_bare_section_is_what_the_caller_says(apeitool) -> None:
    text = apei.dumps(SECTION).encode()
    done = apeitool("encode", "--to", "block", "--severity", "fatal", "-", stdin=text)
    block = apei.decode(done.out)
    assert isinstance(block, apei.StatusBlock)
    assert block.error_severity == apei.Severity.FATAL


def test_what_reports_no_error_goes_nowhere(apeitool) -> None:
    done = apeitool("encode", "--to", "record", "-", stdin=apei.dumps(apei.Hest()).encode())
    assert (done.status, done.out) == (1, b"")
    assert "Hest" in done.err
