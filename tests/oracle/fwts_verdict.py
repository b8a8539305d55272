"""fwts as a judge of tables: what it says of each, and which of our findings say the same."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from apeitool.acpi.action import Instruction
from apeitool.acpi.header import Table
from apeitool.acpi.hest.generic import Ghes
from apeitool.acpi.hest.machine_check import CorrectedMachineCheck, MachineCheckException
from apeitool.acpi.hest.pcie_aer import AerSource
from apeitool.acpi.hest.table import Hest
from apeitool.lint.finding import Finding

LIMIT = 60


class DiedError(Exception):
    """fwts ended without a verdict."""


@dataclass(frozen=True)
class Verdict:
    """The labels of what failed, each as often as it did; ``passed`` if fwts found no issue."""

    labels: Counter[str]
    passed: bool
    words: tuple[str, ...]


def judge(program: str, table: bytes) -> Verdict:
    """What fwts says of a table: by its own test, and of the checksum.

    Its exit status says nothing.

    Raises:  DiedError when it wrote nothing.
    """
    name = table[:4].decode("ascii")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "tables").mkdir()
        (place / f"tables/{name.lower()}.dat").write_bytes(table)
        command = [program, "-q", "-f", "--table-path=tables", "--log-type=json", "-r", "log"]
        done = subprocess.run(
            [*command, name.lower(), "checksum"],
            cwd=place, capture_output=True, text=True, timeout=LIMIT, check=False,
        )  # fmt: skip
        log = place / "log.json"
        text = log.read_text("latin-1") if log.exists() else ""
    if not text.strip():
        raise DiedError(done.stdout + done.stderr)
    rows = [r for r in _rows(json.loads(text)) if r["status"] != "None" and _is_of(name, r)]
    words = tuple(f"{row['status']} {row['level']} {row['log_text']}" for row in rows)
    stopped = {row["status"] for row in rows} & {"SKIPPED", "ABORTED"}
    assert rows, text
    assert not stopped, words
    failed = Counter(row["failure_label"] for row in rows if row["status"] == "FAILED")
    passed = any(f"No issues found in {name} table." in word for word in words)
    return Verdict(failed, passed, words)


def _rows(said: Any) -> Iterator[dict[str, Any]]:
    if isinstance(said, dict):
        if "log_text" in said:
            yield said
        for inner in said.values():
            yield from _rows(inner)
    elif isinstance(said, list):
        for inner in said:
            yield from _rows(inner)


def _is_of(name: str, row: dict[str, Any]) -> bool:
    """Whether it is about our table: the checksum test looks at those that fwts makes, too."""
    return not row["log_text"].startswith("Table ") or f"Table {name} " in row["log_text"]


def always(_: Any, __: Any) -> bool:
    return True


class Same(NamedTuple):
    """A finding of ours that is a failure of fwts.

    ``kind`` is the type of the source (or of the table), ``field`` a pattern for the path from
    there; ``when`` is given source or table, and the finding's value.
    """

    id: str
    kind: type | tuple[type, ...]
    field: str
    label: str
    when: Callable[[Any, Any], bool] = always


MCE, CMC, AER, GHES = MachineCheckException, CorrectedMachineCheck, AerSource, Ghes
BANK = r"banks\[\d+\]\."
ENTRY = r"entries\[\d+\]\."
SAME = (
    Same("table-checksum", Table, "checksum", "ACPITableChecksum"),
    Same("reserved-not-zero", (MCE, CMC, AER), "reserved(_2)?", "HESTReservedNonZero"),
    *(
        Same(id, kind, "flags", label)
        for id in ("undefined-bits", "source-flag-misplaced")
        for kind, label in (
            (MCE, "HESTIA32FlagsReserved"),
            (CMC, "HESTIA32CorrectedMachineCheckFlagsReserved"),
            (AER, "HESTReservedBitsNonZero"),
        )
    ),
    # Of flags with a reserved bit set besides, fwts says that alone.
    Same("ghes-assist-firmware-first", MCE, "flags", "HESTIA32BadFlags", lambda _, v: v == 5),
    Same(
        "ghes-assist-firmware-first", CMC, "flags", "HESTIA32CorrectedMachineCheckBadFlags",
        lambda _, v: v == 5,
    ),
    Same("clear-status-value", (MCE, CMC), f"{BANK}.*", "HESTIA32InvalidClearStatusOnInit"),
    Same(
        "unknown-value", (MCE, CMC), f"{BANK}status_data_format",
        "HESTIA32InvalidBankStatusDataFormat",
    ),
    Same(
        "unknown-value", (CMC, GHES), r"notification\.type",
        "HESTInvalidHardwareErrorNotificationType",
    ),
    Same(
        "undefined-bits", GHES, r"notification\.configuration_write_enable",
        "HESTReservedBitsNonZero",
    ),
    Same("records-to-preallocate", (AER, GHES), ".*", "HESTInvalidRecordsToPreallocate"),
    Same("sections-per-record", (AER, GHES), ".*", "HESTInvalidMaxSectionsPerRecord"),
    Same("source-single", MCE, "type", "HESTTooManyIA32ArchMachineCheckExceptions"),
    Same("source-single", CMC, "type", "HESTTooManyIA32CorrectedMachineChecks"),
    Same("reserved-not-zero", Table, "injection_flags", "EINJReservedBitsNonZero"),
    Same("reserved-not-zero", Table, "reserved", "", lambda t, _: t.signature in ("EINJ", "ERST")),
    Same("unknown-value", Table, f"{ENTRY}action", "ERSTIInvalidAction",
         lambda t, v: t.signature == "ERST" and v != 12),
    Same("unknown-value", Table, f"{ENTRY}instruction", "ERSTIInvalidInstruction",
         lambda t, _: t.signature == "ERST"),
    Same("unknown-value", Table, f"{ENTRY}register_region.access_size",
         "ERSTIInvalidGasAccessSize", lambda t, _: t.signature == "ERST"),
    Same("region-length", Table, "boot_error_region_length", "BERTBootErrorRegionDataLength"),
)  # fmt: skip
WRITES = (Instruction.WRITE_REGISTER, Instruction.WRITE_REGISTER_VALUE)


def expected(table: Table, findings: Iterable[Finding]) -> Counter[str]:
    """The labels that fwts gives, by what we found: one for each field."""
    said = {(place, label) for f in findings for place, label, _ in matches(table, f)}
    return Counter(label for _, label in said)


def matches(table: Table, finding: Finding) -> Iterator[tuple[str, str, Same]]:
    """Where a finding is, how fwts labels it, and by which row."""
    place, subject = finding.path.partition(".")[2], table
    if found := re.fullmatch(r"(sources\[(\d+)\])\.(.*)", place):
        subject, path = table.sources[int(found[2])], found[3]
    else:
        path = place
    if finding.id == "undefined-bits" and (entry := re.fullmatch(r"entries\[(\d+)\]\.flags", path)):
        if table.signature == "ERST" and table.entries[int(entry[1])].instruction in WRITES:
            yield place, "ERSTIInvalidFlag", FLAG
        return
    for row in SAME:
        is_about = row.id == finding.id and isinstance(subject, row.kind)
        if is_about and re.fullmatch(row.field, path) and row.when(subject, finding.value):
            yield place, row.label or f"{table.signature}ReservedNonZero", row


FLAG = Same("undefined-bits", Table, f"{ENTRY}flags", "ERSTIInvalidFlag")
"""Of the instructions that write: elsewhere fwts does not look at flags."""

NEWER = range(12, 16)
"""Notification types that fwts does not know and we do."""


def newer_notifications(table: Table) -> Counter[str]:
    """What fwts says of notifications that are newer than it knows."""
    count = 0
    for source in table.sources if isinstance(table, Hest) else ():
        notification = getattr(source, "notification", None)
        count += notification is not None and notification.type in NEWER
    return Counter({"HESTInvalidHardwareErrorNotificationType": count} if count else {})
