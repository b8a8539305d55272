"""Plain dictionaries: names and numbers, and what is wrong with them (there and back: test_json)."""

import json
import subprocess
import sys

import pytest
from discovery import structures
from strategies import is_finished

import apeitool as apei
from apeitool.cper.memory_error import MemoryErrorType
from apeitool.cper.section import Section
from apeitool.cper.sections.memory import MemoryErrorSection
from apeitool.errors import EncodeError
from apeitool.render.plain import from_plain, to_plain
from apeitool.wire.types import Array, Part, Scalar

every_structure = pytest.mark.parametrize("cls", structures(), ids=lambda cls: cls.__name__)


def refused(work):
    """The error that ends some work; None where there is none.  No other one may come out."""
    try:
        work()
    except EncodeError as wrong:
        return wrong
    return None


def test_every_kind_is_known_to_one_who_has_seen_nothing_else() -> None:
    """What one process writes another reads, whatever either imported before.

    Sections come last: to load one makes what it is made of known.
    """
    names = [cls.__name__ for cls in sorted(structures(), key=lambda cls: issubclass(cls, Section))]
    source = (
        "import json, sys\n"
        "from apeitool.errors import EncodeError\n"
        "from apeitool.render.plain import kind_named\n"
        "unknown = []\n"
        "for name in json.load(sys.stdin):\n"
        "    try: kind_named(name, '')\n"
        "    except EncodeError: unknown.append(name)\n"
        "print(json.dumps(unknown))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        input=json.dumps(names),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == []


# ---- numbers and names


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, 0),
        ((1 << 53) - 1, (1 << 53) - 1),
        (1 << 53, 1 << 53),
        ((1 << 53) + 1, "0x20000000000001"),
        ((1 << 64) - 1, "0xffffffffffffffff"),
    ],
)
def test_integers_that_floating_point_would_round_are_text(value, shown) -> None:
    thing = MemoryErrorSection(physical_address=value)
    assert to_plain(thing)["physical_address"] == shown
    assert from_plain(to_plain(thing)) == thing


@pytest.mark.parametrize("written", [16, "16", "0x10", "0X10", "0b10000", "0o20", " 0x10 "])
def test_a_number_may_be_written_as_c_does(written) -> None:
    assert from_plain({"kind": "MemoryErrorSection", "node": written}).node == 16


def enumerations():
    """(structure, field) of every field that holds an enumeration."""
    return [
        pytest.param(cls, field, id=f"{cls.__name__}.{field.name}")
        for cls in structures()
        if is_finished(cls)
        for field in cls.fields
        if field.is_enum
    ]


@pytest.mark.parametrize(("cls", "field"), enumerations())
def test_unknown_values_survive_and_known_ones_have_names(cls, field) -> None:
    for value in range(min(256, 1 << 8 * field.kind.size)):
        thing = cls().replace(**{field.name: field.type(value)})
        written = to_plain(thing)[field.name]
        known = [name for name, member in field.type.__members__.items() if member == value]
        assert written == (known[0] if known else value)
        again = from_plain(to_plain(thing))
        assert getattr(again, field.name) == value
        assert again.to_bytes() == thing.to_bytes()


@pytest.mark.parametrize("written", ["SINGLE_BIT_ECC", "single bit ecc", "single-bit-ecc", 2, "2"])
def test_a_name_may_be_written_as_people_do(written) -> None:
    plain = {"kind": "MemoryErrorSection", "memory_error_type": written}
    assert from_plain(plain).memory_error_type is MemoryErrorType.SINGLE_BIT_ECC


def test_what_is_left_out_is_derived_or_has_its_default() -> None:
    plain = {"kind": "Hest", "sources": [{"kind": "GhesV2", "source_id": 3}]}
    hest = from_plain(plain)
    assert hest == apei.Hest(sources=[apei.GhesV2(source_id=3)])
    assert hest.problems == ()


def test_what_is_given_is_kept_however_wrong() -> None:
    hest = from_plain({"kind": "Hest", "length": 7, "checksum": 1, "error_source_count": 9})
    assert (hest.length, hest.checksum, hest.error_source_count) == (7, 1, 9)


# ---- errors, each with the path of what is wrong

NUMBER = "MemoryErrorSection.node"
WRONG = [
    ([], "", "a list given"),
    (5, "", "5 given"),
    (None, "", "None given"),
    ("x", "", "'x' given"),
    ({}, "", "kind"),
    ({"kind": "Nosuch"}, "", "'Nosuch'"),
    ({"kind": "hest"}, "", "'hest'"),
    ({"kind": 5}, "", "5"),
    ({"kind": ["Hest"]}, "", "Hest"),
    ({"kind": {"a": 1}}, "", "'a'"),
    ({"kind": "Hest", "nosuch": 1}, "Hest.nosuch", "no field"),
    ({"kind": "MemoryErrorSection", "node": "x"}, NUMBER, "an integer needed"),
    ({"kind": "MemoryErrorSection", "node": "0x"}, NUMBER, "an integer needed"),
    ({"kind": "MemoryErrorSection", "node": 1.0}, NUMBER, "an integer needed"),
    ({"kind": "MemoryErrorSection", "node": float("nan")}, NUMBER, "an integer needed"),
    ({"kind": "MemoryErrorSection", "node": None}, NUMBER, "an integer needed"),
    ({"kind": "MemoryErrorSection", "node": True}, NUMBER, "an integer needed"),
    ({"kind": "MemoryErrorSection", "node": [1]}, NUMBER, "a list given"),
    ({"kind": "MemoryErrorSection", "node": {}}, NUMBER, "a table given"),
    ({"kind": "MemoryErrorSection", "trailing": 5}, "MemoryErrorSection.trailing", "hex"),
    ({"kind": "MemoryErrorSection", "trailing": "0"}, "MemoryErrorSection.trailing", "hex"),
    ({"kind": "MemoryErrorSection", "trailing": "zz"}, "MemoryErrorSection.trailing", "hex"),
    ({"kind": "Hest", "oem_id": 5}, "Hest.oem_id", "text needed"),
    ({"kind": "Hest", "sources": {}}, "Hest.sources", "a list needed"),
    ({"kind": "Hest", "sources": [{"kind": "Ghes"}, 7]}, "Hest.sources[1]", "7 given"),
    ({"kind": "Hest", "sources": [{"source_id": 1}]}, "Hest.sources[0]", "kind"),
    (
        {"kind": "Hest", "sources": [{"kind": "Ghes", "notification": {"type": "SEE"}}]},
        "Hest.sources[0].notification.type",
        "SEA",
    ),
    (
        {"kind": "Hest", "sources": [{"kind": "Ghes", "notification": 8}]},
        "Hest.sources[0].notification",
        "8 given",
    ),
    ({"kind": "Record", "platform_id": "zz"}, "Record.platform_id", "GUID"),
    ({"kind": "Record", "platform_id": 5}, "Record.platform_id", "GUID"),
    ({"kind": "Record", "error_severity": "BAD"}, "Record.error_severity", "RECOVERABLE"),
    ({"kind": "Record", "error_severity": 1.5}, "Record.error_severity", "1.5"),
    (
        {"kind": "PcieErrorSection", "aer_information": {"header_log": [1, "x", 3, 4]}},
        "PcieErrorSection.aer_information.header_log",
        "'x'",
    ),
]


@pytest.mark.parametrize(("plain", "path", "said"), WRONG, ids=lambda x: str(x)[:48])
def test_what_is_wrong_is_named(plain, path, said) -> None:
    with pytest.raises(EncodeError) as caught:
        from_plain(plain)
    assert caught.value.path == path
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "value", [-1, 1 << 64, 1 << 70_000, -(1 << 70_000)], ids=["-1", "2^64", "2^70000", "-2^70000"]
)
@pytest.mark.parametrize(
    "place", ["node", "memory_error_type", "absent", "physical_address"], ids=str
)
def test_numbers_beyond_their_field(place, value) -> None:
    """Refused at the latest when bytes are made, with the field named; however many digits."""
    with pytest.raises(EncodeError) as caught:
        from_plain({"kind": "MemoryErrorSection", place: hex(value)}).to_bytes()
    assert "MemoryErrorSection" in caught.value.path
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("value", ["", "x" * 7, "\u20ac", "\ud800", "ab\0cd\0e"])
def test_texts_beyond_their_field(value) -> None:
    """A text that does not fit is an error, one that does is kept."""
    fits = len(value) <= 6 and all(ord(c) < 256 for c in value)
    wrong = refused(lambda: from_plain({"kind": "Hest", "oem_id": value}).to_bytes())
    assert fits == (wrong is None)
    if wrong is None:
        data = from_plain({"kind": "Hest", "oem_id": value}).to_bytes()
        assert data[10:16] == value.encode("latin-1").ljust(6, b"\0")
    else:
        assert "Hest" in wrong.path
        assert str(wrong).encode()


def wrong_places():
    """Every place that holds structures, with each kind of structure that does not belong there."""
    strangers = ("Hest", "MemoryErrorSection", "Gap", "Notification", "GenericErrorDataEntry")
    for cls in structures():
        if not is_finished(cls):
            continue
        for field in cls.fields:
            holds_one = isinstance(field.kind, Part) and field.type not in (bytes, tuple)
            if holds_one or (isinstance(field.kind, Part) and field.type is tuple):
                for stranger in strangers:
                    yield pytest.param(
                        cls, field, stranger, id=f"{cls.__name__}.{field.name}-{stranger}"
                    )


@pytest.mark.parametrize(("cls", "field", "stranger"), list(wrong_places()))
def test_a_structure_in_the_wrong_place(cls, field, stranger) -> None:
    """Refused with its path, or encoded; nothing else comes out, from any verb."""
    inner = {"kind": stranger}
    plain = {"kind": cls.__name__, field.name: [inner] if field.type is tuple else inner}

    def every_verb():
        thing = from_plain(plain)
        thing.to_bytes()
        thing.sealed().to_bytes()
        assert apei.text(thing)
        assert isinstance(thing.problems, tuple)

    wrong = refused(every_verb)
    assert wrong is None or wrong.path.startswith((cls.__name__, stranger))


@every_structure
def test_a_kind_alone(cls) -> None:
    """Whatever structure a document names, bare of fields: bytes, or an error of ours."""
    wrong = refused(lambda: from_plain({"kind": cls.__name__}).to_bytes())
    assert wrong is None or wrong.path.startswith(cls.__name__)


def test_an_array_of_another_length() -> None:
    with pytest.raises(EncodeError, match="header_log") as caught:
        from_plain(
            {"kind": "PcieErrorSection", "aer_information": {"header_log": [1, 2, 3]}}
        ).to_bytes()
    assert "aer_information" in caught.value.path


def test_the_tables_of_this_file_are_about_what_there_is() -> None:
    kinds = {type(field.kind) for cls in structures() for field in cls.fields}
    assert {Array, Scalar} <= kinds
    assert len(list(wrong_places())) >= 20
    assert len(enumerations()) >= 10
