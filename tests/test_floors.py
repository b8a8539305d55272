"""Rooms import rooms of lower floors only; only ``wire`` knows construct."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "apeitool"

FLOORS = (
    ("errors",),
    ("wire",),
    ("registers",),
    ("cper",),
    ("acpi",),
    ("memory", "qemu", "store_file", "linux"),
    ("render", "lint", "firmware", "ospm"),
    ("capture", "host"),
    ("columns", "machine"),
    ("scenarios", "lab"),
    ("plan",),
    ("__init__",),
    ("cli",),
    ("__main__",),
)
"""The house, lowest first: rooms on one floor don't know each other.  The package's own module is
its door, for those outside; of the rooms only the command line goes through it."""

EVERYWHERE = (f"{PACKAGE}.__version__",)

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def room(module: str) -> str:
    """``apeitool.acpi.hest.table`` -> ``acpi``; the package itself is its door."""
    return [*module.split("."), "__init__"][1]


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    """Every module of the package at ``root``: (dotted name, file)."""
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        yield ".".join(parts), path


def imports(name: str, path: Path) -> Iterator[str]:
    """What a module imports, wherever in it: statements, and names given to ``import_module``."""
    package = name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                above = package[: len(package) - node.level + 1] if node.level else []
                base = ".".join([*above, *filter(None, [node.module])])
                # ``from apeitool import acpi`` names the room behind the import.
                yield from (f"{base}.{alias.name}" for alias in node.names)
            case ast.Constant(value=str() as text) if text.startswith(f"{PACKAGE}."):
                yield text


def offences(root: Path) -> list[str]:
    """Every import that the house does not allow."""
    found = []
    for name, path in modules(root):
        here = room(name)
        for wanted in imports(name, path):
            top = wanted.partition(".")[0]
            if top == "construct" and here != "wire":
                found.append(f"{name} imports {wanted}: only wire knows construct")
            if top == PACKAGE and wanted not in EVERYWHERE and not allowed(here, room(wanted)):
                found.append(f"{name} ({here}) imports {wanted}")
    return found


def allowed(here: str, there: str) -> bool:
    """Whether one room may import another."""
    return here == there or FLOOR.get(there, FLOOR["__init__"]) < FLOOR[here]


def test_every_room_has_its_floor() -> None:
    rooms = {room(name) for name, _ in modules(ROOT)}
    assert rooms <= set(FLOOR)
    assert {"errors", "wire", "cper", "acpi"} <= rooms


def test_rooms_know_lower_floors_only() -> None:
    assert offences(ROOT) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("wire/record.py", "from apeitool.cper import record"),
        ("wire/record.py", "import apeitool.acpi.header"),
        ("wire/record.py", "from apeitool import acpi"),
        ("wire/record.py", "from ..acpi import header"),
        ("cper/record.py", "def f():\n    from apeitool.acpi.status import StatusBlock"),
        ("cper/record.py", "import importlib\nimportlib.import_module('apeitool.acpi.status')"),
        ("cper/record.py", "import construct"),
        ("cper/record.py", "from construct import Struct"),
        ("cper/record.py", "from apeitool import decode"),
        ("linux/accept.py", "from apeitool.qemu import loader"),
        ("memory.py", "from apeitool.ospm.cache import Cache"),
        ("errors.py", "from apeitool.wire.problem import Problem"),
        ("scenarios/matrix.py", "import apeitool.lab.guest"),
    ],
)
def test_an_offence_is_seen(tmp_path, module, line) -> None:
    path = tmp_path / PACKAGE / module
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    assert len(offences(tmp_path)) == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("cper/record.py", "from apeitool.wire.record import Structure"),
        ("cper/record.py", "from apeitool.cper.section import Section\nfrom . import section"),
        ("wire/codec.py", "import construct as c"),
        ("cli/decode.py", "from apeitool import render\nfrom apeitool.lab.guest import Guest"),
        ("cli/demo.py", "import apeitool as apei\nfrom apeitool import decode"),
        ("render/json.py", "from apeitool import __version__"),
        ("__main__.py", "from apeitool.cli import main"),
        ("__init__.py", "from apeitool.acpi.status import StatusBlock"),
    ],
)
def test_what_is_allowed_is_no_offence(tmp_path, module, line) -> None:
    path = tmp_path / PACKAGE / module
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    assert offences(tmp_path) == []
