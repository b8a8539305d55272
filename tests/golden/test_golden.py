"""What is shown of captured bytes, word for word.

``pytest tests/golden --update-golden`` (or APEITOOL_UPDATE_GOLDEN=1) writes the expected files anew; read the
difference before it is kept.  ``README.md`` says which oracle confirmed each.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import captured
import pytest

import apeitool as apei
from apeitool.render import cper_json, toml
from apeitool.wire.record import Structure

HERE = Path(__file__).parent
PENDING = "qemu-11-virt-ras/hardware_errors-pending.bin"
PENDING_OFFSET = 0x420


class Case(NamedTuple):
    """Bytes of a fixture, and the stem of its expected files."""

    stem: str
    data: bytes


def cases() -> list[Case]:
    hests = [Case(f"{name}-HEST", data) for name, data in captured.hests().items()]
    blob = (captured.FIXTURES / PENDING).read_bytes()
    block = Case("qemu-11-virt-ras-pending-block", blob[PENDING_OFFSET:])
    records = [Case(f"linux-6.1-erst-{name}", data) for name, data in captured.records().items()]
    return [*hests, block, *records]


CASES = cases()
FORMS: dict[str, Callable[[Structure], str]] = {
    ".txt": apei.text,
    ".json": lambda thing: apei.dumps(thing) + "\n",
    ".toml": toml.template,
    ".cper-json": lambda thing: cper_json.dumps(thing) + "\n",
}
ONLY_TABLES, ONLY_ERRORS = ".toml", ".cper-json"

EXPECTED = [
    pytest.param(case, form, id=f"{case.stem}{form}")
    for case in CASES
    for form in FORMS
    if form != (ONLY_ERRORS if case.stem.endswith("HEST") else ONLY_TABLES)
]
every_case = pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])


@pytest.fixture
def updating(request: pytest.FixtureRequest) -> bool:
    """Whether expected files are written instead of compared."""
    asked = request.config.getoption("--update-golden", default=False)
    return bool(asked or os.environ.get("APEITOOL_UPDATE_GOLDEN"))


@pytest.mark.parametrize(("case", "form"), EXPECTED)
def test_it_is_as_expected(case: Case, form: str, *, updating: bool) -> None:
    path = HERE / f"{case.stem}{form}"
    shown = FORMS[form](apei.decode(case.data))
    if updating:
        path.write_text(shown)
    assert shown == path.read_text()


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.stem.endswith("HEST")], ids=lambda c: c.stem
)
def test_the_toml_of_qemus_hest_encodes_to_the_identical_bytes(case: Case) -> None:
    """From the file as it stands there, which no code of today wrote."""
    assert toml.load((HERE / f"{case.stem}.toml").read_text()).to_bytes() == case.data


@every_case
def test_the_json_encodes_to_the_identical_bytes(case: Case) -> None:
    assert apei.loads((HERE / f"{case.stem}.json").read_text()).to_bytes() == case.data


@every_case
def test_nothing_is_wrong_with_what_others_wrote(case: Case) -> None:
    assert apei.decode(case.data).problems == ()


def test_each_file_is_expected_and_names_its_oracle() -> None:
    """A row of the table for each, and no file that nothing is compared with."""
    wanted = {f"{param.values[0].stem}{param.values[1]}" for param in EXPECTED}
    found = {path.name for path in HERE.iterdir() if path.suffix in FORMS}
    assert found == wanted
    rows = re.findall(
        r"^\| `([^`]+)` \|(.+)\|(.+)\|$", (HERE / "README.md").read_text(), re.MULTILINE
    )
    assert {name for name, _, _ in rows} == {case.stem for case in CASES}
    assert all(confirmed.strip() for _, _, confirmed in rows)
