"""``apeitool lint`` as a person calls it."""

import json
import subprocess
import sys

import pytest
from captured import FIXTURES
from click.testing import CliRunner
from rule_examples import EXAMPLES

from apeitool.cli import main
from apeitool.cli.lint import command

TABLE = FIXTURES / "qemu-7.2-virt-ras" / "HEST.bin"


def call(*arguments, stdin=b""):
    return CliRunner().invoke(command, [str(a) for a in arguments], input=stdin)


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.bin"
    path.write_bytes(EXAMPLES["linux-gar-access-size"].bad.to_bytes())
    return path


def test_warnings_leave_the_status_alone() -> None:
    done = call(TABLE)
    assert done.exit_code == 0
    assert f"{TABLE}:0x0064 warning block-length-content: " in done.stdout
    assert "[ACPI 6.5 18.3.2.8]" in done.stdout
    assert {row.partition(":0x")[2].split()[1] for row in done.stdout.splitlines()} == {
        "warning", "note",
    }  # fmt: skip


def test_an_error_is_the_status(bad) -> None:
    done = call(bad)
    assert done.exit_code == 1
    (line,) = [row for row in done.stdout.splitlines() if "linux-gar-access-size" in row]
    assert line.startswith(f"{bad}:0x006b error linux-gar-access-size: ")
    assert "(Hest.sources[0].read_ack_register.access_size) -> write 1 to 4" in line
    assert line.endswith("[Linux apei_check_gar(), drivers/acpi/apei/apei-base.c]")


def test_the_consumer_can_be_named() -> None:
    assert call(TABLE, "--arch", "arm64").exit_code == 0
    done = call(TABLE, "--arch", "x86")
    assert done.exit_code == 1
    assert "linux-notification-refused" in done.stdout
    assert "linux-address-kept" in call(TABLE, "--kernel", "7.2").stdout
    assert "linux-address-kept" not in call(TABLE, "--kernel", "6.1").stdout


def test_json_has_the_same_findings(bad) -> None:
    done = call(bad, TABLE, "--json")
    assert done.exit_code == 1
    findings = json.loads(done.stdout)["findings"]
    assert len(findings) == len(call(bad, TABLE).stdout.splitlines())
    (found,) = [f for f in findings if f["id"] == "linux-gar-access-size"]
    assert found["file"] == str(bad)
    assert (found["level"], found["offset"], found["value"]) == ("error", 0x6B, 0)
    assert found.keys() == {
        "file", "id", "level", "offset", "path", "value", "rule", "source", "advice",
    }  # fmt: skip


def test_large_values_are_hex_text() -> None:
    thing = EXAMPLES["read-ack-write-lost"].bad
    source = thing.sources[0].replace(read_ack_write=1 << 63)
    done = call("-", "--json", stdin=thing.replace(sources=(source,)).sealed().to_bytes())
    values = {f["id"]: f["value"] for f in json.loads(done.stdout)["findings"]}
    assert values["read-ack-write-lost"] == hex(1 << 63)


def test_the_kind_can_be_said() -> None:
    zeros = bytes(20)
    assert call("-", "--as", "block", stdin=zeros).exit_code == 0
    assert call("-", "--as", "teapot", stdin=zeros).exit_code == 2
    assert call(TABLE, "--kernel", "2.6").exit_code == 2
    assert call().exit_code == 2


def test_what_cannot_be_decoded_is_told_and_the_rest_looked_at(tmp_path) -> None:
    noise = tmp_path / "noise"
    noise.write_bytes(b"\xde\xad" * 40)
    done = call(noise, tmp_path / "nowhere", TABLE)
    assert done.exit_code == 1
    assert str(noise) in done.stderr
    assert "nowhere" in done.stderr
    assert "block-length-content" in done.stdout


def test_it_is_a_verb() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "apeitool", "lint", str(TABLE)],
        capture_output=True, text=True, check=False, cwd=FIXTURES.parent, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "block-length-content" in done.stdout


def test_a_folder_is_read_as_decode_reads_it(tmp_path, capsys) -> None:
    """The region is told by its place, and tables of other kinds are passed over."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/BERT").write_bytes(b"\xff" * 100)
    (tmp_path / "DSDT").write_bytes(b"DSDT" + (36).to_bytes(4, "little") + bytes(28))
    with pytest.raises(SystemExit):
        main(["lint", str(tmp_path)])
    out, err = capsys.readouterr()
    assert "BootErrorRegion" in out
    assert err == f"{tmp_path}: passed over tables of other kinds: DSDT\n"
