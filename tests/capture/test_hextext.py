"""Hex text: written by the tools that people use, wrapped and quoted as they paste it."""

import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile

import captured
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apeitool.capture import hextext
from apeitool.errors import CaptureError

RECORD = next(iter(captured.records().values()))
NOISE = random.Random(1).randbytes(700)

PAYLOADS = {
    "record": RECORD,
    "one byte": b"\xa5",
    "a row": RECORD[:16],
    "a row and one": RECORD[:17],
    "half a row": RECORD[:8],
    "noise": NOISE,
    "zeros": bytes(4000),
    "zeros, not in rows": bytes(4001),
    "zeros, then one": bytes(5001) + b"\x01" + bytes(999),
    "all ones": b"\xff" * 10_000,
    "rows that repeat": NOISE[:16] * 40 + NOISE[:5],
    "pairs": b"\x01\x02" * 1000,
    "spaces": b" " * 100,
    "bars": b"|" * 100,
    "stars and colons": b"*\n:  " * 30,
    "text": b"00000010: 4350 4552  CPER" * 10,
    "above the sample": NOISE * 12,
}

TOOLS = [
    "xxd",
    "xxd -u",
    "xxd -g1",
    "xxd -g4",
    "xxd -g8",
    "xxd -g0",
    "xxd -c7",
    "xxd -c32",
    "xxd -a",
    "xxd -o 0x1000",
    "xxd -p",
    "xxd -p -u",
    "xxd -p -c5",
    "hexdump -C",
    "hexdump -C -v",
    "od -A x -t x1",
    "od -A x -t x1 -v",
    "od -A x -t x1z",
    "od -t x1",
    "od -t x1 -v",
    "od -A d -t x1 -v",
    "od -A n -t x1 -v",
]
WORDS = ["hexdump", "hexdump -v", "od -x", "od", "od -t x4"]
"""Numbers of two or four bytes in the machine's order, which no byte is to be read from."""


def run(command: str, data: bytes) -> bytes:
    """What the tool of this machine makes of the bytes."""
    program, *arguments = command.split()
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not here: it comes with xxd, bsdextrautils or coreutils")
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        done = subprocess.run([program, *arguments], stdin=file, capture_output=True, check=True)
    return done.stdout


def reads(text: bytes | str) -> bytes:
    """What the text spells; it must be told as hex text too."""
    data = text.encode() if isinstance(text, str) else text
    assert hextext.sniff(data)
    return hextext.read(data)


# ---- dumps


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("command", TOOLS)
def test_what_the_tools_write(command, payload) -> None:
    assert reads(run(command, payload)) == payload


@pytest.mark.parametrize("command", ["xxd", "hexdump -C", "od -A x -t x1", "od -t x1"])
@given(payload=st.binary(min_size=1, max_size=200) | st.binary(min_size=1, max_size=3).map(
    lambda unit: unit * 48))  # fmt: skip
@settings(max_examples=25)
def test_what_they_write_of_any_bytes(command, payload) -> None:
    assert reads(run(command, payload)) == payload


@pytest.mark.parametrize(
    "command", ["xxd -s 0x420", "hexdump -C -s 0x420", "od -A x -t x1 -j 0x420"]
)
def test_a_dump_that_begins_later(command) -> None:
    assert reads(run(command, RECORD)) == RECORD[0x420:]


@pytest.mark.parametrize("command", ["xxd", "hexdump -C", "od -t x1", "xxd -p"])
@pytest.mark.parametrize("payload", ["record", "zeros", "rows that repeat"])
@pytest.mark.parametrize("mark", ["> ", ">> ", "> > ", "    ", "\t"])
def test_quoted_by_a_mailer(command, payload, mark) -> None:
    lines = run(command, PAYLOADS[payload]).decode().splitlines()
    for end in ("\n", "\r\n", "\n\n"):
        assert reads(end.join(mark + line for line in lines)) == PAYLOADS[payload]


@pytest.mark.parametrize("payload", ["record", "one byte", "a row", "noise", "pairs", "zeros"])
@pytest.mark.parametrize("command", WORDS)
def test_dumps_of_words_are_read_right_or_not_at_all(command, payload) -> None:
    """Plain ``hexdump`` writes them: their bytes are swapped, and offsets are no data."""
    text = run(command, PAYLOADS[payload])
    try:
        found = hextext.read(text)
    except CaptureError:
        return
    assert found == PAYLOADS[payload]


def test_offsets_of_seven_digits() -> None:
    """xxd wrote so before Vim 8, and still does on the servers that have that one: in hex."""
    rows = run("xxd", RECORD).decode().splitlines()
    assert reads("\n".join(row[1:] for row in rows)) == RECORD


@pytest.mark.parametrize("command", ["xxd", "hexdump -C", "od -A x -t x1", "od -t x1"])
def test_one_row_of_a_dump(command) -> None:
    """Copied alone, without the offset that ends the dump."""
    row = run(command, RECORD[:16]).splitlines()[0]
    assert reads(row) == RECORD[:16]


def test_a_dump_with_a_row_missing_is_no_dump() -> None:
    """Bytes that were not pasted are not made up, and offsets are not taken for bytes."""
    rows = run("xxd", RECORD[:160]).splitlines()
    for missing in (0, 1, 4, 8):
        text = b"\n".join(rows[:missing] + rows[missing + 1 :])
        if missing == 0:
            assert reads(text) == RECORD[16:160]  # as a dump that begins later
        else:
            with pytest.raises(CaptureError):
                hextext.read(text)
    rows = run("od -A x -t x1", RECORD[:160]).splitlines()
    with pytest.raises(CaptureError):
        hextext.read(b"\n".join(rows[:3] + rows[4:]))


def test_a_star_cannot_ask_for_more_than_the_rows_say() -> None:
    for text in ("*\n00000000  00\n", "00000000  00\n*\n", "00000000  00\n*\n00000001\n"):
        with pytest.raises(CaptureError):
            hextext.read(text.encode())


# ---- bare digits


@given(
    data=st.binary(min_size=1, max_size=300),
    widths=st.lists(st.integers(1, 100), min_size=1, max_size=5),
    upper=st.booleans(),
    mark=st.sampled_from(["", "> ", ">", "  ", "\t"]),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
)
@settings(max_examples=150)
def test_wrapped_anywhere(data, widths, upper, mark, end) -> None:
    """Also inside a byte, and at another column each time."""
    digits = data.hex().upper() if upper else data.hex()
    lines, at = [], 0
    while at < len(digits):
        width = widths[len(lines) % len(widths)]
        lines.append(mark + digits[at : at + width])
        at += width
    for tail in ("", end):
        assert reads(end.join(lines) + tail) == data


@pytest.mark.parametrize("digits", [2, 4, 8, 16, 32])
@pytest.mark.parametrize("columns", [1, 2, 4, 1000])
@pytest.mark.parametrize("payload", ["record", "zeros", "a row", "noise"])
def test_in_groups(payload, digits, columns) -> None:
    """As dumps show them, without offsets: the first group of a line is data like the others."""
    data = PAYLOADS[payload][: 16 * 50]
    written = data.hex()
    groups = [written[i : i + digits] for i in range(0, len(written), digits)]
    lines = [" ".join(groups[i : i + columns]) for i in range(0, len(groups), columns)]
    assert reads("\n".join(lines)) == data


@pytest.mark.parametrize(
    ("before", "between", "behind"),
    [
        ("0x", " 0x", ""),
        ("0x", ", 0x", ""),
        ("0X", ",0X", ""),
        ("{ 0x", ", 0x", " };"),
        ("[0x", ",0x", "]"),
        ("\\x", "\\x", ""),
        ('"\\x', "\\x", '"'),
        ('"\\x', '"\n"\\x', '";'),
        ("", ":", ""),
        ("", ", ", ""),
        ("", "  ", "\n"),
        ("{ 0x", ",\n  0x", ",\n};\n"),
    ],
)
@pytest.mark.parametrize("payload", ["record", "above the sample", "a row"])
def test_as_programs_write_them(before, between, behind, payload) -> None:
    data = PAYLOADS[payload]
    for case in (str, str.upper):
        text = before + between.join(case(f"{byte:02x}") for byte in data) + behind
        assert reads(text) == data


@pytest.mark.parametrize("indent", range(9))
def test_told_by_its_beginning_wherever_that_is_cut(indent) -> None:
    """The sample may end inside ``\\x`` or ``0x``, inside a byte, inside a row."""
    for before in ("\\x", "0x", ", 0x"):
        text = " " * indent + "".join(before + f"{byte:02x}" for byte in RECORD)
        assert reads(text) == RECORD
    assert reads(" " * indent + RECORD.hex()) == RECORD
    assert reads(b"\n" * indent + run("xxd", RECORD)) == RECORD


def test_comments_are_no_data() -> None:
    assert reads(f"# from the BMC\n{RECORD.hex()}\n") == RECORD


# ---- what is no hex


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n\t\r\n",
        b"#\n# only comments\n",
        b"hello world\n",
        b'{\n  "schema": "apeitool/1"\n}',
        b'kind = "Hest"\n',
        b"[  123.456] {1}[Hardware Error]: Hardware error from APEI\n",
        b"abc",
        b"0x",
        b"12 34 5",
        b"00 11 22 GG",
        b"CPER",
        b"\x00\x01\x02",
        b"43504552\x00",
        b"\xef\xbb\xbf4350455g",
        b"{}\n",
        b"[];,\n",
        RECORD,
        captured.hests()["qemu-7.2-virt-ras"],
        NOISE,
    ],
    ids=lambda data: ascii(data[:20]),
)
def test_what_is_no_hex(data) -> None:
    assert not hextext.sniff(data)


def test_where_it_stops_being_hex() -> None:
    text = "> 00 11\n\n> 22 33\n> 44 not\n"
    with pytest.raises(CaptureError, match="not") as caught:
        hextext.read(text.encode(), "mail.txt")
    assert caught.value.line == 4
    assert str(caught.value).startswith("mail.txt:4: ")
    with pytest.raises(CaptureError) as caught:
        hextext.read(b"00 11\n2\n")
    assert caught.value.line == 2
    late = (RECORD.hex() + "\n") * 4 + "oops\n"
    assert hextext.sniff(late.encode()), "as far as the beginning tells"
    with pytest.raises(CaptureError) as caught:
        hextext.read(late.encode())
    assert caught.value.line == 5


HOSTILE_LINES = [
    "0000 " + "a" * 60 + "z",
    "0000 " + "a " * 2000 + "z",
    "00000000: " + "ab" * 2000 + "!",
    "0" * 4000 + "z",
    "> " * 2000 + "z",
    "0x" * 2000 + "z",
    "0000  00 |" + "|" * 4000,
    "0000  00 " + " >" * 2000,
    "\\x" * 1300 + "\\",
]


def test_no_line_takes_for_ever() -> None:
    """Half a minute of the processor's time for what needs a thousandth of a second."""
    source = (
        "import json, sys; from apeitool.capture import hextext\n"
        "from apeitool.errors import CaptureError\n"
        "for line in json.load(sys.stdin):\n"
        "    for text in (line, line + '\\n' + line):\n"
        "        hextext.sniff(text.encode())\n"
        "        try: hextext.read(text.encode())\n"
        "        except CaptureError: pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        input=json.dumps(HOSTILE_LINES).encode(),
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (30, 31)),
    )
    assert (done.returncode, done.stderr) == (0, b"")


@given(st.binary(max_size=400))
@settings(max_examples=200)
def test_any_bytes_have_an_answer(data) -> None:
    if hextext.sniff(data):
        assert isinstance(hextext.read(data), bytes)
    else:
        try:
            hextext.read(data)
        except CaptureError as wrong:
            said = str(wrong)
        else:
            said = ""
        assert said.isprintable()


HEXLIKE = st.text("0123456789abcdefABCDEF xX:*|>\n\\,", max_size=300)


@given(HEXLIKE)
@settings(max_examples=300)
def test_nearly_hex_has_an_answer_no_longer_than_itself(text) -> None:
    """Rows that repeat are the one exception: ``*`` is short for as many as the offsets say."""
    data = text.encode()
    try:
        found = hextext.read(data)
    except CaptureError:
        assert not hextext.sniff(data)
        return
    assert "*" in text or len(found) <= len(data) / 2
