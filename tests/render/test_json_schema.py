"""The published schema of the lossless JSON: what is declared, and what all output is valid by."""

import json
from pathlib import Path
from typing import Any

import pytest
from discovery import structures
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from strategies import encodings

import apeitool as apei
from apeitool.render import json_schema
from apeitool.render.json import envelope

GOLDEN = Path(__file__).parents[1] / "golden"
SCHEMA = json.loads(json_schema.PATH.read_text())
VALIDATOR = Draft202012Validator(SCHEMA)

every_structure = pytest.mark.parametrize("cls", structures(), ids=lambda cls: cls.__name__)


def test_it_is_what_is_declared() -> None:
    """If this fails: ``python -m apeitool.render.json_schema`` writes it anew."""
    assert json_schema.PATH.read_text() == json_schema.text()
    assert json_schema.schema() == SCHEMA


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_no_structure_is_missing() -> None:
    assert {cls.__name__ for cls in structures() if cls.fields} <= SCHEMA["$defs"].keys()


def complaints(document: Any) -> list[str]:
    return [f"{e.json_path}: {e.message}" for e in VALIDATOR.iter_errors(document)]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_golden_files_are_valid(path) -> None:
    assert complaints(json.loads(path.read_text())) == []


@every_structure
@given(data=st.data())
@settings(max_examples=15)
def test_output_is_valid(cls, data) -> None:
    """Whatever the bytes are: damaged ones too."""
    if not cls.fields:
        return
    raw = data.draw(encodings(cls))
    thing = cls.decode_at(raw, 0, len(raw))[0]
    assert complaints(json.loads(apei.dumps(thing))) == []
    assert complaints(json.loads("".join(envelope([thing, thing])))) == []


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "kind"),
        ({"kind": "NoSuch"}, "NoSuch"),
        ({"kind": "Record", "nosuch": 1}, "nosuch"),
        ({"kind": "Record", "revision": 0x10000}, "revision"),
        ({"kind": "Record", "revision": -1}, "revision"),
        ({"kind": "Record", "revision": "many"}, "revision"),
        ({"kind": "Record", "creator_id": "none"}, "creator_id"),
        ({"kind": "Record", "reserved": "00"}, "reserved"),
        ({"kind": "Record", "error_severity": "AWFUL"}, "error_severity"),
        ({"kind": "Record", "body": [{"kind": "Hest"}]}, "body"),
        ({"kind": "Hest", "sources": [{"kind": "Ghes", "notification": 3}]}, "notification"),
        ({"schema": "apeitool/2", "items": []}, "schema"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_not_valid(document, reason) -> None:
    assert complaints(document), reason
    if "schema" not in document:
        with pytest.raises(apei.EncodeError):
            apei.loads(json.dumps(document)).to_bytes()


def test_what_a_person_writes_is_valid() -> None:
    """Members that are derived or have their default, and numbers as text."""
    document = {
        "kind": "Hest",
        "sources": [
            {
                "kind": "GhesV2",
                "source_id": "0x1",
                "notification": {"type": "SEA"},
                "error_status_address": {"address": "0x4000000000000000"},
            }
        ],
    }
    assert complaints(document) == []
    assert apei.loads(json.dumps(document)).to_bytes()
