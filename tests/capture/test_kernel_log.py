"""The kernel's log: what is written is read, whoever kept it, mixed with others, and with holes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from report_blocks import blocks_of, damaged_entries, entries, sound_sections

import apeitool as apei
from apeitool.acpi.status import StatusBlock
from apeitool.capture import kernel_log
from apeitool.cper.dimm import Dimm, knowing
from apeitool.cper.sections.memory import MemoryValid
from apeitool.errors import CaptureError
from apeitool.linux.accept import LARGEST_BLOCK
from apeitool.linux.features import KERNELS, Architecture, Features
from apeitool.linux.report import boot_report, report
from apeitool.linux.reported import NOT_TOLD

KEEPERS: dict[str, Callable[[int], str]] = {
    "nobody": lambda _: "",
    "dmesg": lambda n: f"[{n:5}.{n:06}] ",
    "dmesg -T": lambda n: f"[Wed Nov 25 21:19:{n % 60:02} 2026] ",
    "dmesg -x": lambda n: f"kern  :err   : [{n:5}.584041] ",
    "dmesg --time-format iso": lambda n: f"2026-11-25T21:19:{n % 60:02},584041+00:00 ",
    "dmesg -H": lambda n: f"[  +0.{n % 10**6:06}] ",
    "dmesg -r": lambda n: f"<2>[{n:5}.584041] ",
    "who printed it": lambda n: f"[{n:5}.584041][{'T' if n % 2 else 'C'}{n:5}] ",
    "journalctl": lambda n: f"Nov 25 21:19:{n % 60:02} node-1 kernel: ",
    "journalctl -o short-monotonic": lambda n: f"[{n:5}.584041] node-1 kernel: ",
    "syslog": lambda n: f"Nov 25 21:19:{n % 60:02} node-1 kernel: [{n:5}.584041] ",
    "syslog, RFC 5424": lambda n: f"<2>1 2026-11-25T21:19:{n % 60:02}Z node-1 kernel - - - ",
    "a terminal": lambda n: f"\x1b[32m[{n:5}.584041] \x1b[0m",
    "a mail": lambda n: f"> > [{n:5}.584041] ",
}
"""What stands before the n-th line, by who kept it."""

NOISE = (
    "EXT4-fs (sda1): mounted filesystem with ordered data mode",
    "mce: [Hardware Error]: CPU 0: Machine Check: 0 Bank 255: 9c0000000000009f",
    "mce: [Hardware Error]: Machine check events logged",
    "GHES: APEI firmware first mode is enabled by APEI bit and WHEA _OSC.",
    "AER: 0002:7e:1d.3: no pci_dev found",
    "Memory failure: 0x8765432: recovery action for non struct page pfn: Ignored",
    "",
)

LINUX = st.sampled_from(list(KERNELS.values()))
ARCHITECTURES = st.sampled_from(list(Architecture))
SEEDS = st.integers(0, (1 << 32) - 1)


def lines_of(block: bytes, linux: Features, architecture: Architecture, n: int = 1) -> list[str]:
    return [*report(block, linux, architecture, source_id=7, number=n).lines]


def read(lines: Sequence[str], keeper: Callable[[int], str] = KEEPERS["nobody"]) -> list[bytes]:
    text = "".join(f"{keeper(n)}{line}\n" for n, line in enumerate(lines))
    return [capture.data for capture in kernel_log.read(text.encode("latin-1"))]


@st.composite
def blocks(draw: st.DrawFn, count: int = 6) -> bytes:
    """Sound sections of every kind, under any severity."""
    seed, severity = draw(SEEDS), draw(st.sampled_from([0, 1, 2, 3, 7]))
    drawn = entries(sound_sections(seed), Random(seed))
    return blocks_of(drawn, apei.Severity(severity), draw(st.integers(1, count)), margin=b"")


def told(block: bytes, linux: Features, architecture: Architecture) -> bytes:
    """The block as far as the log tells of it."""
    (found,) = read(lines_of(block, linux, architecture))
    return found


@given(blocks(), LINUX, ARCHITECTURES)
def test_what_is_written_of_what_was_read_is_read_as_the_same(
    block: bytes, linux: Features, architecture: Architecture
) -> None:
    found = told(block, linux, architecture)
    given, again = StatusBlock.from_bytes(block), StatusBlock.from_bytes(found)
    assert [e.section.guid for e in again.entries] == [e.section.guid for e in given.entries]
    for one, other in zip(again.entries, given.entries, strict=True):
        assert one.error_severity in (other.error_severity & 0xFFFF, NOT_TOLD)
        assert (one.fru_id, one.fru_text) == (other.fru_id, other.fru_text)
    # Contexts are put close together; where a kernel expects room between them it sees others.
    close = replace(linux, context_alignment=1)
    assume(lines_of(found, linux, architecture) == lines_of(found, close, architecture))
    assert told(found, linux, architecture) == found


@given(blocks(), st.sampled_from([KERNELS["6.1"], KERNELS["6.12"]]), ARCHITECTURES)
def test_no_line_is_lost_on_the_way(
    block: bytes, linux: Features, architecture: Architecture
) -> None:
    lines = lines_of(block, linux, architecture)
    (found,) = read(lines)
    assert lines_of(found, linux, architecture) == lines


@pytest.mark.parametrize("keeper", KEEPERS.values(), ids=list(KEEPERS))
@given(blocks(), LINUX, ARCHITECTURES)
@settings(max_examples=8)
def test_whoever_kept_it(
    keeper: Callable[[int], str], block: bytes, linux: Features, architecture: Architecture
) -> None:
    lines = lines_of(block, linux, architecture)
    assert read(lines, keeper) == read(lines)


@given(st.lists(blocks(3), min_size=2, max_size=4), LINUX, ARCHITECTURES, st.data())
def test_processors_talk_at_the_same_time(
    given: list[bytes], linux: Features, architecture: Architecture, data: st.DataObject
) -> None:
    apart = [lines_of(block, linux, architecture, n) for n, block in enumerate(given, 1)]
    assume(all(line.startswith("{") for lines in apart for line in lines))
    keeper = KEEPERS[data.draw(st.sampled_from(list(KEEPERS)))]
    dice = data.draw(st.randoms(use_true_random=False))
    left = [[*lines] for lines in apart]
    mixed, order = [], []
    while any(left):
        lines = dice.choice([lines for lines in left if lines])
        order.append(next(n for n, each in enumerate(left) if each is lines))
        mixed.append(lines.pop(0))
        if dice.random() < 0.2:
            mixed.append(dice.choice(NOISE))
    first = sorted(range(len(apart)), key=order.index)
    assert read(mixed, keeper) == [read(apart[n])[0] for n in first]


HEADING = re.compile(
    r"Hardware error from|event severity|Error \d+, type|section.type|structure \d|Structure \d|"
    r"CPUID Info|CXL DVSEC|CXL Error Log|Header Log|Vendor specific|section length"
)
"""Lines that others belong to."""


BEGINNING = re.compile(r"\]: +(?:event severity|Error \d+, type|section.type)")
"""Lines of which one is enough to tell of an error."""


def holes(data: st.DataObject, lines: Sequence[str]) -> list[str]:
    kept = data.draw(st.lists(st.booleans(), min_size=len(lines), max_size=len(lines)))
    return [line for line, is_kept in zip(lines, kept, strict=True) if is_kept]


@given(blocks(), LINUX, ARCHITECTURES, st.data())
def test_what_is_lost_is_not_marked_valid(
    block: bytes, linux: Features, architecture: Architecture, data: st.DataObject
) -> None:
    lines = lines_of(block, linux, architecture)
    left = holes(data, [line for line in lines if not HEADING.search(line)])
    some = [line for line in lines if HEADING.search(line) or line in left]
    whole, part = (StatusBlock.from_bytes(read(text)[0]) for text in (lines, some))
    assert (part.error_severity, len(part.entries)) == (whole.error_severity, len(whole.entries))
    for one, other in zip(part.entries, whole.entries, strict=True):
        assert (one.section.guid, one.error_severity) == (other.section.guid, other.error_severity)
        assert one.validation_bits & ~other.validation_bits == 0
        told, known = (getattr(e.section, "validation_bits", 0) for e in (one, other))
        assert told & ~known == 0


@given(blocks(), LINUX, ARCHITECTURES, st.data())
def test_headings_are_lost(
    block: bytes, linux: Features, architecture: Architecture, data: st.DataObject
) -> None:
    """What is left says no severity and no type that the whole does not, and is no more than that."""
    lines = lines_of(block, linux, architecture)
    (whole,) = map(StatusBlock.from_bytes, read(lines))
    left = holes(data, lines)
    try:
        found = [StatusBlock.from_bytes(part) for part in read(left)]
    except CaptureError:
        assert not any(BEGINNING.search(line) for line in left)
        return
    types = {e.section.guid for e in whole.entries} | {UUID(int=0)}
    assert len(found) == 1
    assert found[0].error_severity in (whole.error_severity, NOT_TOLD)
    assert len(found[0].entries) <= len(whole.entries)
    assert {e.section.guid for e in found[0].entries} <= types


@given(SEEDS, LINUX, ARCHITECTURES, st.data())
def test_any_log_has_an_answer(
    seed: int, linux: Features, architecture: Architecture, data: st.DataObject
) -> None:
    """Of damaged sections, with lines that are no kernel's: blocks that decode, or an error."""
    dice = Random(seed)
    drawn = damaged_entries(seed, dice)
    lines = lines_of(blocks_of(drawn, apei.Severity.CORRECTED, 3, margin=b""), linux, architecture)
    for _ in range(data.draw(st.integers(0, 20))):
        place, other = dice.randrange(len(lines)), dice.choice(lines)
        number = str(dice.choice([0, 1, 0xFF, 0xFFFF, 1 << 31, (1 << 64) - 1, 10**20]))
        cut = dice.randrange(len(lines[place]) + 1)
        lines[place] = dice.choice(
            [
                lines[place][:cut],
                lines[place][:cut] + other[cut:],
                re.sub(r"\b\d+\b", number, lines[place]),
                re.sub(r"[0-9a-f]", lambda _: dice.choice("0123456789abcdef"), lines[place]),
                f"{other}\n{lines[place]}",
            ]
        )
    try:
        found = read(lines)
    except CaptureError:
        return
    length = sum(map(len, lines))
    assert sum(map(len, found)) <= 100 * length
    for data_of in found:
        apei.text(StatusBlock.from_bytes(data_of))


@given(blocks(), LINUX, ARCHITECTURES)
def test_boot_errors_have_no_number(
    block: bytes, linux: Features, architecture: Architecture
) -> None:
    """The records of a region follow one another; of two that are printed there are two."""
    alone = boot_report(block, linux, architecture).lines
    both = boot_report(block * 2, linux, architecture).lines
    if not any("event severity" in line for line in alone):
        return
    (found,) = read(alone)
    assert read(both) == [found, found]
    for keeper in KEEPERS.values():
        assert read(both, keeper) == [found, found]


def test_it_says_where_and_that_it_was_put_together() -> None:
    block = apei.StatusBlock(
        error_severity=apei.Severity.CORRECTED,
        entries=[apei.GenericErrorDataEntryV3(section=apei.OpaqueSection(data=bytes(range(64))))],
    ).to_bytes()
    lines = lines_of(block, KERNELS["6.1"], Architecture.X86)
    del lines[-2]
    text = "\n".join(["some line", *lines, "another"])
    (capture,) = kernel_log.read(text.encode(), "syslog.1")
    assert capture.origin == (
        f"syslog.1:2-{len(lines) + 1}, source 7, 16 bytes of it are missing in the log"
    )
    assert (capture.kind, capture.reconstructed) == ("block", "a kernel log")


def test_it_says_which_module_had_a_name() -> None:
    sections = [
        apei.MemoryErrorSection(validation_bits=MemoryValid.MODULE_HANDLE, module_handle=handle)
        for handle in (0x1100, 0x1101, 0x1100, 0x1102)
    ]
    block = apei.StatusBlock(
        entries=[apei.GenericErrorDataEntryV3(section=section) for section in sections]
    ).to_bytes()
    with knowing({0x1100: Dimm("A1", "CPU 1"), 0x1101: Dimm("A2")}):
        lines = lines_of(block, KERNELS["7.2"], Architecture.ARM64)
    (capture,) = kernel_log.read("\n".join(lines).encode(), "f")
    assert capture.origin == "f:1-14, source 7, DIMM location 'CPU 1 A1', DIMM location 'A2'"
    handles = [e.section.module_handle for e in StatusBlock.from_bytes(capture.data).entries]
    assert handles == [0, 0, 0, 0x1102]


def test_what_another_part_of_the_kernel_marks_is_its_own() -> None:
    """Of a boot error, whose lines have no number either."""
    own = [
        f"[Hardware Error]: {line}" for line in ("event severity: fatal", " Error 0, type: fatal")
    ]
    others = ["EDAC MC0: [Hardware Error]:   section_type: memory error"]
    for keeper in KEEPERS.values():
        assert read(own + others, keeper) == read(own, keeper)


ROWS = [f"{16 * n:08x}: {'00000000 ' * 4}" for n in range(5000)]


@pytest.mark.parametrize(
    "lines",
    [
        ["section_type: IA32/X64 processor error", *["Error Information Structure 0:"] * 100],
        ["section_type: IA32/X64 processor error", *["Context Information Structure 0:"] * 100],
        ["section_type: IA32/X64 processor error", "Context Information Structure 0:", *ROWS],
        ["section_type: ARM processor error", *["Error info structure 0:"] * 70_000],
        ["section_type: ARM processor error", "Vendor specific error info has 9 bytes:", *ROWS],
        ["section_type: CXL Protocol Error", " CXL DVSEC:", *ROWS],
        [f"section type: unknown, {UUID(int=1)}", *ROWS],
    ],
    ids=lambda lines: f"{lines[0]}, {lines[1]}",
)
def test_no_section_is_longer_than_a_block(lines: list[str]) -> None:
    """No kernel prints so much of one."""
    (found,) = read([f"{{1}}[Hardware Error]: {line}" for line in lines])
    (entry,) = StatusBlock.from_bytes(found).entries
    assert entry.section.guid.int
    assert len(found) < 5 * LARGEST_BLOCK


def test_beginnings_alone_tell_nothing() -> None:
    line = "{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 1"
    with pytest.raises(CaptureError) as caught:
        read([line])
    assert "no report of a hardware error tells what it is about" in str(caught.value)
