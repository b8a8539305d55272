"""``decode --to dmesg``, and the way back, as a person meets them."""

import pytest
from captured import FIXTURES

import apeitool as apei
from apeitool.lab.console import without_timestamp

FOLDER = FIXTURES / "linux-7.2-arm64-ghes"
KERNEL = ("--to", "dmesg", "--kernel", "7.2", "--arch", "arm64")


def console() -> list[str]:
    """The numbered lines; no block tells the number of its source, so that is 0."""
    text = (FOLDER / "console.log").read_text("latin-1")
    lines = [without_timestamp(line) for line in text.splitlines()]
    said = "Hardware error from APEI Generic Hardware Error Source: "
    return [line.replace(f"{said}1", f"{said}0") for line in lines if line.startswith("{")]


def test_it_is_what_the_kernel_printed(apeitool) -> None:
    paths = [FOLDER / f"{number}.block" for number in range(1, 5)]
    done = apeitool("decode", *paths, *KERNEL)
    assert done.status == 0
    assert [line for line in done.text.splitlines() if line.startswith("{")] == console()


def test_the_release_makes_a_difference(apeitool) -> None:
    path = FIXTURES / "linux-6.1-ghes" / "4.block"
    said = {
        release: apeitool("decode", path, "--to", "dmesg", "--kernel", release, "--arch", "x86")
        for release in ("6.1", "6.12")
    }
    assert "CXL Protocol Error" in said["6.12"].text
    assert "CXL" not in said["6.1"].text
    assert apeitool("decode", path, "--to", "dmesg", "--arch", "x86") == said["6.1"]


def test_without_an_architecture_it_is_that_of_the_errors(apeitool) -> None:
    path = FOLDER / "3.block"
    alone = apeitool("decode", path, "--to", "dmesg", "--kernel", "7.2")
    assert alone == apeitool("decode", path, *KERNEL)
    assert "section_type: ARM processor error" in alone.text


def test_reports_are_numbered_through(apeitool) -> None:
    done = apeitool("decode", FOLDER / "2.block", FOLDER / "1.block", *KERNEL)
    numbers = [line[:3] for line in done.text.splitlines() if "event severity" in line]
    assert numbers == ["{1}", "{2}"]


def test_a_record_is_shown_as_a_block_would_be(apeitool, tmp_path) -> None:
    record = apei.Record(body=[apei.MemoryErrorSection(validation_bits=2, physical_address=0x1000)])
    path = tmp_path / "record.cper"
    path.write_bytes(record.to_bytes())
    done = apeitool("decode", path, "--to", "dmesg")
    assert done.text.splitlines()[-1].endswith("  physical_address: 0x0000000000001000")
    assert "shown as Linux prints the status block that reports the same" in done.err


def test_what_holds_no_errors_is_not_shown(apeitool) -> None:
    done = apeitool("decode", FIXTURES / "linux-6.1-ghes" / "HEST.bin", "--to", "dmesg")
    assert (done.status, done.out) == (1, b"")
    assert "HEST" in done.err


@pytest.mark.parametrize("option", [("--kernel", "6.1"), ("--arch", "x86")])
def test_a_kernel_is_for_its_log(apeitool, option) -> None:
    done = apeitool("decode", FOLDER / "1.block", *option)
    assert done.status == 2
    assert "--kernel and --arch are for --to dmesg" in done.err


# ---- back


def test_a_log_is_a_file_like_any_other(apeitool) -> None:
    done = apeitool("decode", FOLDER / "console.log", "--to", "summary")
    assert done.status == 0
    assert "4 objects" in done.err
    assert "reconstructed from a kernel log" in done.err


def test_what_was_read_is_written_again(apeitool) -> None:
    done = apeitool("decode", FOLDER / "console.log", *KERNEL)
    assert done.status == 0
    assert [line for line in done.text.splitlines() if line.startswith("{")] == console()


def test_a_log_without_a_report_is_no_log(apeitool, tmp_path) -> None:
    path = tmp_path / "dmesg"
    path.write_text("[    1.479207] mce: [Hardware Error]: Machine check events logged\n")
    done = apeitool("decode", path)
    assert done.status == 1
    assert done.err
