"""What the oracles need: where one is missing the tests are skipped (in CI that is a failure)."""

import importlib
import shutil
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def iasl() -> str:
    """The program iasl."""
    program = shutil.which("iasl")
    if program is None:
        pytest.skip("iasl is not here: apt-get install acpica-tools")
    return str(program)


@pytest.fixture(scope="session")
def libcper() -> ModuleType:
    """libcper's Python binding."""
    try:
        return importlib.import_module("cper")
    except ImportError:
        remedy = "pip install 'apeitool[oracle]' (a C compiler and json-c's headers)"
        pytest.skip(f"cper is not here: {remedy}")
