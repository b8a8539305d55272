"""How hypothesis runs here: a fresh seed each time, printed with a blob that repeats a failure."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest

from apeitool.errors import MissingError
from apeitool.lab import images, programs
from apeitool.lab.machines import ARM64

hypothesis.settings.register_profile(
    "apeitool",
    # In CI hypothesis starts from a profile of its own, whose settings nest at every test.
    parent=hypothesis.settings.get_profile("default"),
    deadline=None,  # no test fails on a clock
    derandomize=False,
    print_blob=True,
    max_examples=60,
    phases=set(hypothesis.Phase) - {hypothesis.Phase.explain},  # it runs a failure a thousand times
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("apeitool")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of this test suite."""
    parser.addoption(
        "--update-golden", action="store_true", help="write the expected files of tests/golden anew"
    )
    parser.addoption(
        "--libcper",
        metavar="DIR",
        default=os.environ.get("APEITOOL_LIBCPER"),
        help="a folder where libcper was built from its source",
    )
    parser.addoption(
        "--real-bytes", metavar="DIR", help="decode each file of a folder of bytes that others made"
    )


JUDGES = ("oracle", "guest")
"""Markers of tests whose judge must be there in CI: a skip among them is a failure."""
DRIFTING = pytest.mark.drifting
"""Marks a judge of Debian unstable: it moves on, so it may be absent, but not disagree."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """In CI a judge that is missing fails the test that needs it; elsewhere it is a skip."""
    outcome = yield
    report = outcome.get_result()
    needed = any(item.get_closest_marker(name) for name in JUDGES)
    needed = needed and not item.get_closest_marker(DRIFTING.name)
    if report.skipped and needed and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in CI: {report.longrepr}"


@pytest.fixture(scope="session")
def lab_images() -> images.Images:
    """What a real guest is made of; skips with how to get it."""
    try:
        return images.find()
    except MissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def arm64_images() -> images.Images:
    """The same for arm64."""
    try:
        return images.find(machine=ARM64)
    except MissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session", params=["", pytest.param("unstable", marks=DRIFTING)])
def iasl(request: pytest.FixtureRequest) -> str:
    """The program iasl: this machine's, and that of Debian unstable."""
    if request.param:
        return of_unstable("iasl")
    program = shutil.which("iasl")
    if program is None:
        pytest.skip("iasl is not here: apt-get install acpica-tools")
    return str(program)


@pytest.fixture(scope="session")
def fwts() -> str:
    """The program fwts, of Debian unstable; skips with how to get it."""
    return of_unstable("fwts")


def of_unstable(name: str) -> str:
    try:
        program = programs.find(name)
    except MissingError as missing:
        pytest.skip(str(missing))
    return str(program.path)


@pytest.fixture(scope="session")
def libcper() -> ModuleType:
    """libcper's Python binding."""
    # A folder of tests has its name too, and would be taken for a package without a file.
    found = importlib.util.find_spec("cper")
    if found is None or found.origin is None:
        remedy = "pip install 'apeitool[oracle]' (a C compiler and json-c's headers)"
        pytest.skip(f"cper is not here: {remedy}")
    return importlib.import_module("cper")


@pytest.fixture(scope="session")
def libcper_build(request: pytest.FixtureRequest) -> Any:
    """libcper as it was built from its source, newer than its binding; skips with how to get it."""
    from libcper_build import HOW, Build

    folder = request.config.getoption("--libcper")
    if folder is None or not (Path(folder) / "libcper-parse.so").exists():
        pytest.skip(HOW if folder is None else f"{folder}: {HOW}")
    return Build(Path(folder))
