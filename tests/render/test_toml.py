"""Commented TOML: it makes the same bytes again, says what each field means, and can be edited."""

import re
import tomllib

import captured
import pytest
from discovery import structures
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import damaged, encodings, is_finished

import apeitool as apei
from apeitool.cli.example import example
from apeitool.cli.new import KINDS
from apeitool.errors import EncodeError
from apeitool.render.toml import LARGEST, load, template
from apeitool.wire.types import Absent, Part

FINISHED = [cls for cls in structures() if is_finished(cls)]
every_finished = pytest.mark.parametrize("cls", FINISHED, ids=lambda cls: cls.__name__)
every_kind = pytest.mark.parametrize("kind", KINDS)
CAPTURED = captured.everything()
every_captured = pytest.mark.parametrize(
    ("cls", "name", "data"), CAPTURED, ids=[name for _, name, _ in CAPTURED]
)


def comes_back(thing) -> str:
    """Its TOML, which makes it again."""
    text = template(thing)
    again = load(text)
    assert again == thing, text
    assert again.to_bytes() == thing.to_bytes()
    return text


# ---- there and back


@every_finished
@given(data=st.data())
@settings(max_examples=20)
def test_every_structure(cls, data) -> None:
    raw = data.draw(encodings(cls))
    comes_back(cls.decode_at(raw, 0, len(raw))[0])


@every_captured
def test_captured(cls, name, data) -> None:
    assert load(comes_back(cls.from_bytes(data))).to_bytes() == data


@every_captured
@given(choice=st.data())
@settings(max_examples=30)
def test_damaged(cls, name, data, choice) -> None:
    changed = choice.draw(damaged(st.just(data), edits=6))
    if len(changed) >= cls.shortest:
        comes_back(cls.from_bytes(changed))


@every_kind
def test_what_new_prints(kind) -> None:
    thing = example(kind)
    comes_back(thing)
    assert thing.problems == ()
    assert thing.sealed() == thing


def test_a_list_that_was_emptied_stays_empty() -> None:
    """Left out it would be derived from the body, and say something else."""
    body = (apei.MemoryErrorSection(node=1),)
    comes_back(apei.Record(section_descriptors=(), section_count=0, body=body))


@pytest.mark.parametrize("value", [0, 1, (1 << 53) + 1, LARGEST, LARGEST + 1, (1 << 64) - 1])
def test_integers_that_toml_has_no_room_for(value) -> None:
    text = comes_back(apei.MemoryErrorSection(physical_address=value))
    written = tomllib.loads(text)["physical_address"]
    assert written == (value if value <= LARGEST else hex(value))


@pytest.mark.parametrize(
    "text",
    ['a"b', "a\\b", "\x01\x1b", "\x7f", "\r\n", "\t", "\x80\x9f", "\xe9", "#", "a\0b", "'''"],
)
def test_texts_of_any_characters(text) -> None:
    comes_back(apei.GenericErrorDataEntryV3(fru_text=text))


# ---- meaning


def nodes(thing):
    yield thing
    for _, _, child in thing.children():
        yield from nodes(child)


@every_kind
def test_each_value_says_what_it_means(kind) -> None:
    text = template(example(kind))
    in_one_line = re.sub(r"\n#\s+", " ", text)
    for thing in nodes(example(kind)):
        for field in thing.fields:
            if re.search(rf"^{field.name} = ", text, re.MULTILINE):
                assert field.doc in in_one_line


def test_names_units_and_bits_stand_beside_their_fields() -> None:
    text = template(example("hest"))
    (row,) = set(re.findall(r"^poll_interval = 1000 .*$", text, re.MULTILINE))
    assert "ms" in row
    assert re.search(r"one of POLLED, .*RISCV_HARDWARE_ERROR_EXCEPTION.*?^type = ", text,
                     re.MULTILINE | re.DOTALL)  # fmt: skip
    text = template(example("memory"))
    assert "0x4000 MEMORY_ERROR_TYPE" in re.sub(r"\n#\s+", " ", text)
    assert re.search(r"^physical_address = 0x12345000 .*valid with 0x2", text, re.MULTILINE)


@every_kind
def test_lines_fit_a_screen(kind) -> None:
    assert max(map(len, template(example(kind)).splitlines())) <= 120


@every_finished
def test_nothing_is_left_out_but_what_comes_back_by_itself(cls) -> None:
    thing = cls()
    text = template(thing)
    given = tomllib.loads(text)
    computed = re.findall(r"^# computed when left out: (.*)$", text, re.MULTILINE)
    for field in cls.fields:
        silent = isinstance(field.kind, Part | Absent) and not getattr(thing, field.name)
        silent = silent or field.name.startswith(("reserved", "rest", "trailing"))
        if field.name not in given and not silent:
            assert any(field.name in row.split(", ") for row in computed), field.name


# ---- editing


def test_an_edit_carries_through() -> None:
    """Counts, lengths and the checksum follow from what was changed."""
    text = template(example("hest"))
    fewer = text[: text.rindex("[[sources]]")]
    assert load(fewer).error_source_count == 1
    for edited in (fewer, text.replace("poll_interval = 1000", "poll_interval = 5")):
        assert load(edited) != load(text)
        assert load(edited).problems == ()
    block = template(example("block"))
    assert 'fru_text = "DIMM_A1"' in block
    fatal = load(block.replace('"CORRECTED"', '"FATAL"'))
    assert fatal.problems == ()
    assert fatal.block_status & 1


def test_what_is_left_out_has_its_default() -> None:
    assert load('kind = "Hest"') == apei.Hest()
    source = load('kind = "GhesV2"\n[notification]\ntype = "SEA"')
    assert source == apei.GhesV2(notification=apei.Notification(type=apei.NotificationType.SEA))


def test_windows_line_ends_and_a_byte_order_mark_are_no_matter() -> None:
    thing = example("memory")
    text = template(thing)
    assert load(text.replace("\n", "\r\n")) == thing
    assert load("\ufeff" + text) == thing


# ---- what is no document of ours


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "kind"),
        ("# nothing\n", "kind"),
        ("kind", "line 1|end of document"),
        ('kind = "Hest"\nrevision = \n', "line 2"),
        ('kind = "Hest"\nrevision = 1\nrevision = 2', "line|document"),
        ('kind = "Hest"\nrevision = ' + "9" * 5000, "digits|TOML"),
        ('kind = "Hest"\nrevision = 2024-01-01', "Hest.revision"),
        ('kind = "Hest"\nrevision = 12:34:56', "Hest.revision"),
        ('kind = "Hest"\nrevision = 1.0', "Hest.revision"),
        ('kind = "Hest"\nrevision = inf', "Hest.revision"),
        ('kind = "Hest"\nrevision = true', "Hest.revision"),
        ('kind = "Hest"\nrevision = -1', "Hest.revision"),
        ('kind = "Hest"\nnosuch = 1', "Hest.nosuch"),
        ('kind = "Nosuch"', "Nosuch"),
        ("kind = 5", "5"),
        ('kind = "Hest"\n[sources]\nkind = "Ghes"', "Hest.sources"),
        ('kind = "Hest"\n[[sources]]\nsource_id = 1', r"sources\[0\]"),
        ("a = " + "[" * 100_000, "TOML"),
        ("a = " + "{b = " * 100_000, "TOML"),
    ],
    ids=lambda x: x[:40],
)
def test_no_toml(text, said) -> None:
    with pytest.raises(EncodeError, match=said) as caught:
        load(text).to_bytes()
    assert len(str(caught.value)) < 300
