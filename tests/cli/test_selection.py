"""decode: filters by what objects report, and the summary of many."""

from datetime import datetime

import pytest

import apeitool as apei

MOMENT = datetime(2026, 11, 22, 20, 18)  # noqa: DTZ001 - records have no zone


def record(severity: str, fru: str, moment: datetime) -> bytes:
    section = apei.MemoryErrorSection(validation_bits=2, physical_address=0x1000)
    made = apei.Record(
        body=[section],
        error_severity=apei.Severity[severity],
        validation_bits=2,
        timestamp=apei.Timestamp.of(moment),
    )
    named = made.section_descriptors[0].replace(
        validation_bits=2, fru_text=fru, section_severity=apei.Severity[severity]
    )
    return made.replace(section_descriptors=[named]).to_bytes()


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    path = tmp_path_factory.mktemp("many") / "many.cper"
    path.write_bytes(
        record("CORRECTED", "DIMM_A1", MOMENT)
        + record("CORRECTED", "DIMM_B1", MOMENT.replace(hour=21))
        + record("FATAL", "DIMM_B1", MOMENT.replace(hour=22))
    )
    return path


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ((), 3),
        (("--severity", "fatal"), 1),
        (("--severity", "fatal", "--severity", "corrected"), 3),
        (("--severity", "recoverable"), 0),
        (("--where", "dimm_b"), 2),
        (("--where", "memory error"), 3),
        (("--since", "2026-11-22T21:00"), 2),
        (("--until", "2026-11-22T21:00"), 1),
        (("--since", "2026-11-22T21:00", "--until", "2026-11-22T21:30+00:00"), 1),
        (("--since", "2026-11-22T21:00", "--severity", "corrected"), 1),
    ],
)
def test_what_is_kept(apeitool, many, arguments, kept) -> None:
    done = apeitool("decode", "--to", "jsonl", *arguments, many)
    assert (done.status, done.err) == (0, "")
    assert len(done.out.splitlines()) == kept


def test_no_table_passes_a_filter(apeitool) -> None:
    data = apei.Hest().to_bytes()
    assert apeitool("decode", "--severity", "fatal", "-", stdin=data).out == b""


def test_the_summary_of_a_file(apeitool, many) -> None:
    done = apeitool("decode", "--to", "summary", many)
    assert done.text.splitlines()[:3] == [
        "3 errors in 3 objects",
        "  1 fatal, 2 corrected",
        "  from 2026-11-22 20:18:00 to 2026-11-22 22:18:00",
    ]


def test_what_failed_is_counted_by_reason(apeitool, tmp_path, many) -> None:
    (tmp_path / "good.cper").write_bytes(many.read_bytes())
    for number in range(7):
        (tmp_path / f"bad{number}").write_text(f"line {number} is no hex")
    (tmp_path / "odd").write_bytes(bytes([0xA5]) * 99)
    done = apeitool("decode", "--to", "summary", tmp_path)
    assert done.status == 1
    assert done.text.startswith("3 errors in 3 objects")
    said = done.err.splitlines()
    assert "8 of 11 objects could not be decoded" in said
    assert [row.split()[0] for row in said[-2:]] == ["7", "1"]


def test_a_time_that_is_none(apeitool, many) -> None:
    done = apeitool("decode", "--since", "yesterday", many)
    assert done.status == 2
    assert "yesterday" in done.err
