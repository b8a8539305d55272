"""Lossless JSON: of every structure, of damaged containers, of many objects; and what is no JSON."""

import json
import resource
import subprocess
import sys

import captured
import pytest
from discovery import structures
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import damaged, encodings, instances

import apeitool as apei
from apeitool import __version__
from apeitool.errors import EncodeError
from apeitool.render.json import SCHEMA, dumps, envelope, line, load_items, loads

every_structure = pytest.mark.parametrize("cls", structures(), ids=lambda cls: cls.__name__)
CAPTURED = captured.everything()
every_captured = pytest.mark.parametrize(
    ("cls", "name", "data"), CAPTURED, ids=[name for _, name, _ in CAPTURED]
)
SECTIONS = [apei.MemoryErrorSection(node=3), apei.PcieErrorSection(command=7)]


def one_object(text: str) -> list[bytes]:
    return [item.to_bytes() for item in load_items(text)]


def numbers(plain):
    """Every number of a plain thing."""
    if isinstance(plain, dict | list):
        for value in plain.values() if isinstance(plain, dict) else plain:
            yield from numbers(value)
    elif isinstance(plain, int | float):
        yield plain


@every_structure
@given(data=st.data())
@settings(max_examples=20)
def test_every_structure(cls, data) -> None:
    """Every field is there, under its name; no number that a floating point reader would round."""
    raw = data.draw(encodings(cls))
    thing = cls.decode_at(raw, 0, len(raw))[0]
    plain = json.loads(dumps(thing))
    assert list(plain) == ["kind", *(f.name for f in type(thing).fields)]
    assert all(isinstance(n, int) and abs(n) <= 1 << 53 for n in numbers(plain))
    for text in (dumps(thing), line(thing), line(thing).encode()):
        again = loads(text)
        assert type(again) is type(thing)
        assert again == thing
        assert again.to_bytes() == thing.to_bytes()
    assert dumps(thing).isascii()
    assert "\n" not in line(thing)


@every_captured
def test_captured(cls, name, data) -> None:
    assert loads(dumps(cls.from_bytes(data))).to_bytes() == data


@every_captured
@given(choice=st.data())
@settings(max_examples=40)
def test_damaged(cls, name, data, choice) -> None:
    changed = choice.draw(damaged(st.just(data), edits=6))
    if len(changed) >= cls.shortest:
        assert loads(dumps(cls.from_bytes(changed))).to_bytes() == changed


@given(st.lists(instances(apei.MemoryErrorSection) | instances(apei.StatusBlock), max_size=4))
@settings(max_examples=30)
def test_many_objects(things) -> None:
    document = "".join(envelope(things))
    parsed = json.loads(document)
    assert list(parsed) == ["schema", "tool", "items"]
    assert parsed["schema"] == SCHEMA
    assert parsed["tool"] == f"apeitool {__version__}"
    assert list(load_items(document)) == things
    assert list(load_items(document.encode())) == things
    assert list(load_items(json.dumps(parsed["items"]))) == things
    if things:
        assert list(load_items("".join(line(t) + "\n" for t in things))) == things
        assert list(load_items("\n\n".join(line(t) for t in things))) == things


def test_an_envelope_comes_in_pieces() -> None:
    """The first piece is out before the second object is asked for."""

    def things():
        yield SECTIONS[0]
        raise LookupError("asked for too early")

    pieces = envelope(things())
    assert [next(pieces) for _ in range(3)][2].strip().startswith("{")
    with pytest.raises(LookupError):
        next(pieces)


@pytest.mark.parametrize("text", ["a\x85b", "a\xa0b", "a\x1cb", "a\x0cb"])
def test_lines_end_at_line_feeds_only(text) -> None:
    """Other writers of JSON leave U+0085 as it is; it ends no line of jsonl."""
    things = [apei.GenericErrorDataEntryV2(fru_text=text)] * 2
    rows = [json.dumps(json.loads(line(thing)), ensure_ascii=False) for thing in things]
    assert list(load_items("\n".join(rows))) == things


def test_carriage_returns_and_a_byte_order_mark_are_no_matter() -> None:
    document = "".join(envelope(SECTIONS))
    for text in (document.replace("\n", "\r\n"), "\ufeff" + document):
        assert list(load_items(text)) == SECTIONS
        assert list(load_items(text.encode())) == SECTIONS


# ---- what is no document of ours


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "nonsense",
        '{"kind": "Hest"',
        '{"kind": "Hest",}',
        "{'kind': 'Hest'}",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"kind": "Hest", "revision": ' + "9" * 5000 + "}",
        b"\xff\xfe\xfd",
        '{"kind": "Hest"} {"kind": "Hest"}',
    ],
    ids=lambda text: str(text[:30]),
)
def test_no_json(text) -> None:
    for read in (loads, lambda text: list(load_items(text))):
        with pytest.raises(EncodeError) as caught:
            read(text)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "document",
    [
        {"schema": "apeitool/2", "items": []},
        {"schema": "nosuch", "items": []},
        {"schema": 1, "items": []},
        {"schema": SCHEMA, "items": 5},
        {"schema": SCHEMA, "items": None},
        {"schema": SCHEMA},
        [[]],
        [{"kind": "Hest"}, 5],
        "text",
        5,
        None,
        True,
    ],
    ids=str,
)
def test_no_document(document) -> None:
    with pytest.raises(EncodeError):
        one_object(json.dumps(document))


def test_an_item_is_named_by_its_index() -> None:
    items = [{"kind": "Hest"}, {"kind": "Hest", "sources": [{"kind": "Ghes", "enabled": "x"}]}]
    for document in ({"schema": SCHEMA, "items": items}, items):
        with pytest.raises(EncodeError) as caught:
            one_object(json.dumps(document))
        assert caught.value.path == "items[1].sources[0].enabled"


@pytest.mark.parametrize("bad", ['{"kind": "Hest", "revision": "x"}', "{", "5"])
def test_a_line_is_named_too(bad) -> None:
    """Of a million lines one is bad: which?  By its index or by its line."""
    rows = [line(SECTIONS[0])] * 56 + [bad]
    with pytest.raises(EncodeError, match=r"\b(56|57)\b"):
        one_object("\n".join(rows))


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "Hest", "revision": 1, "revision": 2}',
        '{"kind": "Hest", "kind": "Record"}',
        '{"kind": "Hest", "sources": [{"kind": "Ghes", "source_id": 1, "source_id": 2}]}',
    ],
)
def test_a_name_twice_is_no_choice_of_ours(text) -> None:
    for read in (loads, one_object):
        with pytest.raises(EncodeError, match=r"revision|kind|source_id"):
            read(text)


def test_many_names_take_no_longer_each_than_few() -> None:
    """Half a minute of the processor's time for what needs a part of a second."""
    source = (
        "from apeitool.errors import EncodeError; from apeitool.render.json import loads\n"
        "names = [f'name{n}' for n in range(300_000)]\n"
        "for last in ('kind', names[-1]):\n"
        "    text = '{' + ','.join(f'\"{name}\": 1' for name in [*names, last]) + '}'\n"
        "    try: loads(text)\n"
        "    except EncodeError as wrong: print(len(str(wrong)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (30, 31)),
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(done.stdout.split()) == 2


@pytest.mark.parametrize("depth", [50, 300, 480, 500, 700, 900, 950])
def test_structures_nested_deeply(depth) -> None:
    """A context in a context in a context: bytes, or an error of ours; never the interpreter's."""
    assert apei.ContextInformation
    head, tail = '{"kind": "ContextInformation", "registers": ', '{"kind": "UnknownRegisters"}'
    text = head * depth + tail + "}" * depth
    for read in (lambda text: loads(text).to_bytes(), one_object):
        said = ""
        try:
            read(text)
        except EncodeError as wrong:
            said = str(wrong)
        except RecursionError:
            said = "the interpreter's own error"  # its thousand frames would tell nothing
        assert len(said) < 20_000
        assert said != "the interpreter's own error"
