"""explain and diff: from where, as what; exit statuses; data and talk apart."""

import re

import captured
import pytest

import apeitool as apei
from apeitool.capture import acpidump
from apeitool.cli.example import example
from apeitool.render import diff, explain

HEST = captured.hests()["qemu-11-virt-ras"]
FIRST, SECOND = captured.records().values()
BARE = captured.FIXTURES / "qemu-11-virt-ras/HEST.bin"


@pytest.fixture
def two(tmp_path):
    """A table, and the same with one field changed; its checksum is wrong then."""
    left, right = tmp_path / "a.bin", tmp_path / "b.bin"
    left.write_bytes(HEST)
    right.write_bytes(apei.Hest.from_bytes(HEST).replace(oem_revision=7).to_bytes())
    return left, right


def bytes_of(shown: str) -> bytes:
    """The bytes beside fields and in rows of data; these tests have no long zeros."""
    found = re.findall(r"^[0-9a-f]{4}  ((?:[0-9a-f]{2} )+)", shown, re.MULTILINE)
    return bytes.fromhex("".join(found))


# ---- explain


def test_a_file(apeitool) -> None:
    done = apeitool("explain", BARE)
    assert (done.status, done.err) == (0, "")
    head, _, body = done.text.partition("\n")
    assert head == str(BARE)
    assert body == explain.text(apei.Hest.from_bytes(HEST))
    assert bytes_of(body) == HEST


def test_standard_input_has_no_head(apeitool) -> None:
    done = apeitool("explain", "-", stdin=HEST)
    assert done.text == explain.text(apei.Hest.from_bytes(HEST))


def test_to_a_file(apeitool, tmp_path) -> None:
    done = apeitool("explain", BARE, "-o", tmp_path / "out", terminal=True)
    assert (done.status, done.out) == (0, b"")
    assert (tmp_path / "out").read_bytes() == apeitool("explain", BARE).out


def test_part_of_a_file_as_a_kind(apeitool, tmp_path) -> None:
    section = example("memory").to_bytes()
    (tmp_path / "x").write_bytes(b"junk" + section + b"junk")
    size = len(section)
    done = apeitool("explain", tmp_path / "x", "--offset", 4, "--length", size, "--as", "memory")
    assert done.status == 0
    assert done.text.partition("\n")[2] == explain.text(apei.MemoryErrorSection.from_bytes(section))


def test_several_objects(apeitool, tmp_path) -> None:
    (tmp_path / "x").write_bytes(FIRST + SECOND)
    done = apeitool("explain", tmp_path / "x")
    first, second = done.text.split("\n\n")
    assert first.startswith(f"{tmp_path / 'x'}@0x0\n")
    assert second.startswith(f"{tmp_path / 'x'}@{len(FIRST):#x}\n")


def test_problems_are_talk(apeitool, two) -> None:
    done = apeitool("explain", two[1])
    assert done.status == 0
    assert "checksum" in done.err
    assert done.text.partition("\n")[2] == explain.text(apei.decode(two[1].read_bytes()))


def test_what_cannot_be_decoded(apeitool, tmp_path) -> None:
    (tmp_path / "x").write_bytes(b"\xff" * 40)
    done = apeitool("explain", tmp_path / "x")
    assert (done.status, done.out) == (1, b"")
    assert "no kind fits" in done.err
    assert apeitool("explain", tmp_path / "nosuch").status == 1


def test_colour_on_a_terminal_only(apeitool) -> None:
    assert "\x1b" not in apeitool("explain", BARE).text
    coloured = apeitool("explain", BARE, terminal=True).text
    assert "\x1b" in coloured
    plain = re.sub("\x1b\\[[0-9]+m", "", coloured)
    rows = [line.rstrip() for line in plain.splitlines()]
    assert rows == apeitool("explain", BARE).text.splitlines()


# ---- diff


def test_equal(apeitool, two) -> None:
    for pair in ((two[0], two[0]), (two[0], BARE)):
        done = apeitool("diff", *pair)
        assert (done.status, done.out, done.err) == (0, b"", "")


def test_different(apeitool, two) -> None:
    done = apeitool("diff", *two)
    left, right = (apei.decode(path.read_bytes()) for path in two)
    assert (done.status, done.err) == (1, "")
    assert done.text == diff.text(left, right)
    assert done.text == "oem_revision\n  - 0x00000001\n  + 0x00000007\n"


def test_either_can_be_standard_input(apeitool, two) -> None:
    said = apeitool("diff", *two).out
    assert apeitool("diff", "-", two[1], stdin=two[0].read_bytes()).out == said
    assert apeitool("diff", two[0], "-", stdin=two[1].read_bytes()).out == said
    assert apeitool("diff", "-", "-").status == 2


def test_different_kinds(apeitool, two, tmp_path) -> None:
    (tmp_path / "c").write_bytes(FIRST)
    done = apeitool("diff", two[0], tmp_path / "c")
    assert done.status == 1
    assert done.text.startswith("kind\n  - Hest\n  + Record\n")


def test_as_a_kind(apeitool, tmp_path) -> None:
    section = apei.MemoryErrorSection(validation_bits=1 << 63, bank=1)
    for name, bank in (("a", 1), ("b", 2)):
        (tmp_path / name).write_bytes(section.replace(bank=bank).to_bytes())
    done = apeitool("diff", tmp_path / "a", tmp_path / "b", "--as", "memory")
    assert (done.status, done.text.splitlines()[0].split(",")[0]) == (1, "bank")


def test_files_of_several_objects(apeitool, tmp_path) -> None:
    (tmp_path / "a").write_bytes(FIRST + SECOND)
    (tmp_path / "b").write_bytes(FIRST)
    (tmp_path / "c").write_bytes(FIRST + FIRST)
    a, b, c = (str(tmp_path / name) for name in "abc")
    assert apeitool("diff", a, a).status == 0
    shorter = apeitool("diff", a, b)
    assert (shorter.status, shorter.text) == (1, f"{a}@{len(FIRST):#x}\n  only there\n")
    changed = apeitool("diff", a, c).text
    where = f"{len(FIRST):#x}"
    assert changed.startswith(f"{a}@{where} | {c}@{where}\n")
    assert f"@{0:#x}\n" not in changed, "the first ones are equal"


def test_tables_of_two_dumps_are_compared_by_their_kind(apeitool, tmp_path) -> None:
    """One firmware has a table more than the other, or lists them in another order."""
    hest, bert, einj = (example(kind) for kind in ("hest", "bert", "einj"))
    newer = hest.replace(oem_revision=7)
    for name, things in (("a", [einj, hest, bert]), ("b", [bert, newer])):
        dump = b"".join(acpidump.dump(thing.to_bytes()) for thing in things)
        (tmp_path / name).write_bytes(dump)
    done = apeitool("diff", tmp_path / "a", tmp_path / "b")
    heads = [line for line in done.text.splitlines() if str(tmp_path) in line]
    assert done.status == 1
    assert [re.findall("(EINJ|HEST|BERT)@", head) for head in heads] == [["EINJ"], ["HEST", "HEST"]]
    assert "oem_revision\n" in done.text
    back = apeitool("diff", tmp_path / "b", tmp_path / "a").text.splitlines()
    assert [line for line in back if "EINJ@" in line] == back[-2:-1]
    one = apeitool("diff", "--as", "hest", tmp_path / "a", tmp_path / "b").text
    assert one == diff.text(hest, newer)


@pytest.mark.parametrize("bad", [0, 1])
def test_one_that_cannot_be_decoded(apeitool, two, tmp_path, bad) -> None:
    (tmp_path / "x").write_bytes(b"\xff" * 40)
    files = list(two)
    files[bad] = tmp_path / "x"
    done = apeitool("diff", *files)
    assert (done.status, done.out) == (1, b"")
    assert "no kind fits" in done.err


def test_diff_is_coloured_on_a_terminal(apeitool, two) -> None:
    coloured = apeitool("diff", *two, terminal=True).text
    assert coloured != apeitool("diff", *two).text
    assert re.sub("\x1b\\[[0-9]+m", "", coloured) == apeitool("diff", *two).text


@pytest.mark.parametrize("arguments", [
    ("explain",), ("explain", "a", "b"), ("diff", "a"), ("diff", "a", "b", "c"),
    ("explain", BARE, "--as", "nosuch"), ("diff", BARE, BARE, "--as", "nosuch"),
    ("explain", BARE, "--offset", "-1"),
])  # fmt: skip
def test_wrong_usage(apeitool, arguments) -> None:
    done = apeitool(*arguments)
    assert (done.status, done.out) == (2, b"")
    assert "Usage: apeitool" in done.err
