"""Bytes that others made: tables of real machines, records of bug reports and test suites, event logs.
None is in this repository.

``pytest --real-bytes DIR`` reads each file of a folder.  What `real_bytes.toml` says of a file, told by
its hash, must be so; of a file that is not in it the test prints the line to add (``-rP``).
"""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

import apeitool as apei
from apeitool.capture import container
from apeitool.errors import CaptureError, DecodeError
from apeitool.lint.check import lint
from apeitool.render import diff, explain, toml
from apeitool.render.plain import kind_named
from apeitool.wire.record import Structure

MANIFEST = Path(__file__).parent.parent / "real_bytes.toml"
KNOWN = {row["sha256"]: row for row in tomllib.loads(MANIFEST.read_text())["files"]}
HOW = "bytes of others are not in this repository: pytest --real-bytes DIR, with what tests/real_bytes.toml lists"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each file of the folder."""
    if "real" not in metafunc.fixturenames:
        return
    folder = metafunc.config.getoption("--real-bytes")
    found = sorted(p for p in Path(folder).rglob("*") if p.is_file()) if folder else []
    metafunc.parametrize("real", found or [None], ids=[p.name for p in found] or ["none"])


def objects(path: Path, kind: str | None) -> tuple[list[Structure], str]:
    """What a file holds, and why it holds nothing more; "" if its carrier is whole."""
    found: list[Structure] = []
    try:
        for capture in container.open(path, kind=kind):
            found.append(container.decode(capture))
            assert found[-1].to_bytes() == capture.data
    except (CaptureError, DecodeError) as wrong:
        return found, wrong.message
    return found, ""


def outcome(found: list[Structure], trouble: str) -> dict[str, str]:
    """What the manifest says of a file."""
    if not found:
        return {"kind": "", "outcome": f"refused: {trouble}" if trouble else "no error in it"}
    ids = sorted({problem.id for thing in found for problem in thing.problems})
    broken = ["carrier broken"] if trouble else []
    return {
        "kind": " ".join(type(thing).__name__ for thing in found),
        "outcome": ", ".join(ids + broken) or "sound",
    }


def keeps_its_bytes(thing: Structure) -> None:
    data = thing.to_bytes()
    assert apei.loads(apei.dumps(thing)) == thing
    assert toml.load(toml.template(thing)) == thing
    rows = list(explain.rows(thing))
    assert b"".join(row.data for row in rows) == data
    assert not list(diff.differences(thing, thing))
    for shown in (apei.text(thing), explain.text(thing)):
        assert all(line.isprintable() for line in shown.splitlines())


def is_judged(thing: Structure) -> None:
    size = thing.size
    for finding in lint(thing):
        assert 0 <= finding.offset <= size
        assert str(finding).isprintable()
    sealed = thing.sealed()
    assert type(sealed).from_bytes(sealed.to_bytes()) == sealed
    assert sealed.sealed() == sealed


def test_real_bytes(real) -> None:
    if real is None:
        pytest.skip(HOW)
    digest = hashlib.sha256(real.read_bytes()).hexdigest()
    row = KNOWN.get(digest)
    found, trouble = objects(real, row.get("as") if row else None)
    now = outcome(found, trouble)
    for thing in found:
        keeps_its_bytes(thing)
        is_judged(thing)
    if row is not None:
        assert now == {"kind": row["kind"], "outcome": row["outcome"]}
    elif not found:
        pytest.fail(f"it is not in the manifest and cannot be decoded: {now['outcome']}")
    else:
        print(f'    {{ sha256 = "{digest}", kind = "{now["kind"]}", outcome = "{now["outcome"]}", '
              f'origin = "{real.name}" }},')  # fmt: skip


def test_the_manifest_is_in_order() -> None:
    assert len(KNOWN) == len(tomllib.loads(MANIFEST.read_text())["files"]), "a file is there once"
    for row in KNOWN.values():
        assert set(row) - {"as"} == {"sha256", "kind", "outcome", "origin"}
        assert re.fullmatch("[0-9a-f]{64}", row["sha256"])
        assert all(kind_named(name, "") for name in row["kind"].split())
        assert row["origin"].strip()
    origins = [row["origin"] for row in KNOWN.values()]
    assert origins == sorted(origins)
