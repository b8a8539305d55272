"""The command line as a whole: statuses, streams, what it imports; and the public names of the package."""

import ast
import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import captured
import pytest

import apeitool as apei
from apeitool import cli
from apeitool.cli import VERBS
from apeitool.errors import ApeiError, MissingError

HEST = captured.hests()["qemu-11-virt-ras"]
HEST_FILE = captured.FIXTURES / "qemu-11-virt-ras/HEST.bin"


# ---- the group


def test_help(apeitool) -> None:
    for arguments in (("--help",), ("-h",)):
        done = apeitool(*arguments)
        assert (done.status, done.err) == (0, "")
        for verb in VERBS:
            assert f"\n  {verb} " in done.text
        assert "Exit status" in done.text


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(apeitool, verb) -> None:
    done = apeitool(verb, "--help")
    assert (done.status, done.err) == (0, "")
    assert f"Usage: apeitool {verb}" in done.text
    assert max(map(len, done.text.splitlines())) <= 80


def test_every_verb_has_a_file_and_every_file_is_a_verb() -> None:
    files = {module.name for module in pkgutil.iter_modules(cli.__path__)}
    others = {
        "options",
        "selection",
        "example",
        "dmesg",
        "simulations",
        "laboratory",
        "section_page",
        "story_page",
    }
    assert files == {*VERBS, *others}


def test_version(apeitool) -> None:
    assert apeitool("--version").text.split()[-1] == apei.__version__


@pytest.mark.parametrize("arguments", [("nosuch",), ("--nosuch",), ("Decode",)])
def test_wrong_usage(apeitool, arguments) -> None:
    done = apeitool(*arguments)
    assert (done.status, done.out) == (2, b"")
    assert "Usage: apeitool" in done.err


def test_what_is_missing_is_status_3_with_the_remedy(apeitool, monkeypatch) -> None:
    def fail(*arguments: object, **how: object) -> None:
        raise MissingError("no QEMU is here", remedy="apt-get install qemu-system-x86")

    monkeypatch.setattr("apeitool.capture.container.load", fail)
    done = apeitool("encode", "x")
    assert (done.status, done.out) == (3, b"")
    assert "no QEMU is here" in done.err
    assert "apt-get install qemu-system-x86" in done.err


def test_what_is_ours_is_status_1_with_one_line(apeitool, monkeypatch) -> None:
    for kind in (apei.LabError, apei.QemuError, apei.GuestFault, apei.DecodeError, ApeiError):

        def fail(*arguments: object, kind: type = kind) -> None:
            raise kind("this went wrong")

        monkeypatch.setattr("apeitool.capture.container.load", fail)
        done = apeitool("encode", "x")
        assert (done.status, done.out) == (1, b"")
        assert done.err.startswith("apeitool: this went wrong")
        assert done.err.count("\n") == 1


# ---- processes and their streams


def finished(started, data: bytes | None = None) -> tuple[int, bytes, bytes]:
    out, err = started.communicate(data)
    return started.returncode, out or b"", err or b""


PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def test_as_a_module(process) -> None:
    status, out, err = finished(process("decode", "--to", "jsonl", **PIPES), HEST)
    assert (status, err) == (0, b"")
    assert apei.loads(out).to_bytes() == HEST
    assert finished(process("decode", **PIPES), b"nonsense")[0] == 1
    assert finished(process("nosuch", **PIPES))[0] == 2


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_a_reader_that_leaves_early(process, tmp_path, form) -> None:
    """``| head -1``: no traceback, whether the pipe breaks in the middle or at the end."""
    many = tmp_path / "many"
    many.write_bytes(b"".join(captured.records().values()) * 100)
    for path in (HEST_FILE, many):
        started = process(
            "decode", "--to", form, path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert started.stdout.readline()
        started.stdout.close()
        err = started.stderr.read()
        started.stderr.close()
        assert started.wait() in (0, 1)
        assert err == b""
        assert path == HEST_FILE or started.returncode == 1, "it did not see the pipe break"


@pytest.mark.parametrize("verb", [("decode",), ("new", "hest"), ("--help",)])
def test_output_that_cannot_be_written(process, verb) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full is not here: it is Linux's")
    with Path("/dev/full").open("wb") as full, HEST_FILE.open("rb") as data:
        started = process(*verb, stdin=data, stdout=full, stderr=subprocess.PIPE)
        status, _, err = finished(started)
    assert status == 1
    assert b"Traceback" not in err
    assert b"No space left" in err


@pytest.mark.parametrize(
    "redirection", ["<&-", ">&-", "<&- >&- 2>&-", "2>&-", "</nosuch", ">/nosuch/x"]
)
def test_streams_that_are_closed(redirection) -> None:
    """As a service manager or a cron job may leave them."""
    command = f'"$0" -m apeitool decode {redirection}'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable],
        input=HEST,
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(captured.FIXTURES.parent)},
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode in ((0, 1, 2))
    assert (done.returncode == 0) == (redirection == "2>&-")


# ---- what it imports


def modules_after(*arguments: str, data: bytes = b"") -> set[str]:
    """What a process has imported when the command line has run."""
    source = (
        "import json, sys\n"
        "from apeitool.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as ended: status = ended.code\n"
        "sys.stdout.flush()\n"
        "print('\\n' + json.dumps([status, sorted(sys.modules)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source, *arguments], input=data, capture_output=True, check=True
    )
    status, names = json.loads(done.stdout.splitlines()[-1])
    assert status == 0
    return {name.partition(".")[0] for name in names}


HEAVY = {"numpy", "pyarrow", "duckdb", "pdb", "pytest", "asyncio"}


def test_help_imports_neither_construct_nor_numpy() -> None:
    assert not modules_after("--help") & ({"construct"} | HEAVY)


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_decode_imports_no_numpy(form) -> None:
    for data in (HEST, *captured.records().values(), b"\0" * 100):
        loaded = modules_after("decode", "--to", form, "-", data=data)
        assert not loaded & HEAVY
        assert "construct" not in loaded, "the fast path was in doubt"


def test_the_package_alone_imports_next_to_nothing() -> None:
    source = (
        "import sys; before = set(sys.modules); import apeitool; print(set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, check=True, text=True
    )
    loaded = ast.literal_eval(done.stdout)
    assert {name for name in loaded if name.startswith("apeitool")} == {"apeitool"}


# ---- public names


def declared() -> dict[str, str]:
    """Name -> module, of what the type checker sees in ``apeitool/__init__.py``."""
    tree = ast.parse(Path(apei.__file__).read_text())
    (block,) = [
        node for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]  # fmt: skip
    found = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            assert alias.asname == alias.name, "only so is it exported"
            assert found.setdefault(alias.name, node.module) == node.module
    return found


def test_the_type_checker_and_the_interpreter_see_the_same_names() -> None:
    runtime = {name: f"apeitool.{home}" for name, home in apei._PLACES.items()}
    assert runtime == declared()
    assert sum(map(len, apei._HOMES.values())) == len(runtime), "a name has two homes"


@pytest.mark.parametrize("name", declared())
def test_a_public_name_resolves(name) -> None:
    thing = getattr(apei, name)
    assert thing is getattr(importlib.import_module(declared()[name]), name)
    assert getattr(apei, name) is thing
    assert name in dir(apei)
    assert inspect.getdoc(thing)


def test_other_names_do_not() -> None:
    with pytest.raises(AttributeError, match="nosuch"):
        getattr(apei, "nosuch")  # noqa: B009 - a type checker would object
    assert not hasattr(apei, "__path__x")


def test_every_error_is_public() -> None:
    from apeitool import errors

    kinds = {name for name, thing in vars(errors).items() if inspect.isclass(thing)}
    assert kinds <= set(declared())
    assert all(issubclass(getattr(errors, name), ApeiError) for name in kinds)
