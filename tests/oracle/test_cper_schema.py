"""What we write is valid by libcper's published schema, wherever what libcper writes is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import referencing
from jsonschema import Draft202012Validator
from referencing.jsonschema import DRAFT202012
from test_cper import KINDS

from apeitool.cper.record import Record
from apeitool.render import cper_json

FAULTS = {
    r"sections\[\d+\] is too long|.* has too many properties":
        "one member is allowed in a section, though message is declared beside it",
    r"sections\[\d+\]\.ArmProcessor\.errorInfo\[\d+\]\.errorType .*":
        "its schema wants the names of all types as members",
    r"sections\[\d+\]\.Nvidia .*'CMETInfo' was unexpected":
        "its schema knows the section with registers alone",
    r"sections\[\d+\]\.ArmRas.*":
        "its schema is of another form of the section: other names, numbers instead of hex",
}  # fmt: skip
"""What libcper's schema forbids though libcper writes it too: how the complaint begins, and why."""

GENERATED = (*(kind.generated for kind in KINDS.values()), "unknown")


@pytest.fixture(scope="module")
def schema(libcper_build) -> Draft202012Validator:
    """Its schema of records, from the source that the build was made of."""
    made = json.loads((libcper_build.folder / "meson-info/meson-info.json").read_text())
    folder = Path(made["directories"]["source"]) / "specification/json"
    files = {path.name: path for path in folder.rglob("*.json")}

    def retrieve(uri: str) -> referencing.Resource[Any]:
        # References are from the top folder, wherever the file that makes them is.
        contents = json.loads(files[uri.rpartition("/")[2]].read_text())
        return referencing.Resource.from_contents(contents, default_specification=DRAFT202012)

    registry: Any = referencing.Registry(retrieve=retrieve)  # type: ignore[call-arg]
    return Draft202012Validator({"$ref": "spec:/cper-json-full-log.json"}, registry=registry)


def complaints(schema: Draft202012Validator, documents: list[Any]) -> Iterator[str]:
    for document in documents:
        for wrong in schema.iter_errors(document):
            yield f"{wrong.json_path.removeprefix('$.')} {wrong.message.rpartition('}')[2]}"


def is_known(complaint: str) -> bool:
    return any(re.match(fault, complaint) for fault in FAULTS)


@pytest.mark.parametrize("kind", GENERATED)
def test_ours_is_valid(libcper_build, schema, kind) -> None:
    made = libcper_build.generate(kind, range(1, 301))
    documents = [cper_json.document(Record.from_bytes(data)) for data in made]
    assert [c for c in complaints(schema, documents) if not is_known(c)] == []


@pytest.fixture(scope="module")
def its_faults(libcper_build, schema) -> list[str]:
    made = [data for kind in GENERATED for data in libcper_build.generate(kind, range(1, 60))]
    return [*complaints(schema, libcper_build.to_json(made))]


@pytest.mark.parametrize("fault", FAULTS)
def test_its_own_has_the_same_faults(its_faults, fault) -> None:
    """A fault that libcper no longer has is no longer allowed to us."""
    assert any(re.match(fault, complaint) for complaint in its_faults)
