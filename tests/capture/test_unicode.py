"""Text with a byte order mark is read as the text that it is; bytes that only look so stay bytes."""

import captured
import pytest
from hypothesis import given
from hypothesis import strategies as st

import apeitool as apei
from apeitool.capture import acpidump
from apeitool.capture.container import read
from apeitool.capture.unicode import plain

HEST = captured.hests()["qemu-11-virt-ras"]
DUMP = acpidump.dump(HEST).decode()
TEXTS = {
    "acpidump": DUMP,
    "remark": DUMP.replace("\n", " \u2190 here\n", 1),
    "hex": HEST.hex(" "),
    "lines": DUMP.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_text_that_powershell_wrote(text, encoding) -> None:
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    assert [c.data for c in read(mark + text.encode(encoding))] == [HEST]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encode_reads_what_decode_wrote(tmp_path, encoding) -> None:
    text = apei.dumps(apei.decode(HEST))
    assert apei.loads(plain(text.encode(encoding)).decode()) == apei.decode(HEST)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"\xff\xfe", b"\xff\xfe\0", b"\xff\xfe\0\0", b"\xff\xfe\x00\xd8", b"\xef\xbb\xbf\xff",
     b"\xff\xfe" + bytes(38), b"\xfe\xff" + HEST, b"\xef\xbb\xbf\x1b[2J", HEST],
)  # fmt: skip
def test_bytes_stay_bytes(data) -> None:
    assert plain(data) == (b"" if data == b"\xff\xfe" else data)


@given(st.binary(max_size=60), st.sampled_from([b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"]))
def test_any_bytes_have_an_answer(data, mark) -> None:
    assert isinstance(plain(mark + data), bytes)
